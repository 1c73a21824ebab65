//! What comes of a re-INVITE: both sides agree and the sound follows, or everything stays as it was.

use crate::base::id::Side;
use crate::base::sound::Srtp;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::end::End;
use crate::call::machine::modify::{Modify, Stage, Way, passed_back};
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{aim, fits, heard, session};
use crate::call::story::FinishReason;
use crate::call::timers::{MODIFY, Timer};
use crate::call::unfit::Unfit;
use crate::sdp::Session;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::Path;

impl Call {
    /// The other side's response.
    pub(super) fn modify_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        path: &Path,
        response: &Response,
    ) {
        let status = response.status();
        if status < 200 {
            return;
        }
        let Some((modify, request, offer)) = self.take_passed(client) else {
            return self.early_modified(now, hands, client, response);
        };
        self.timers.stop(Timer::Modify);
        if let Some(other) = self.leg_on(modify.from.other()) {
            other.path = *path;
        }
        match status {
            200..=299 => self.modified(now, hands, modify, (client, request, offer), response),
            422 => self.modify_too_short(now, hands, modify, (request, offer), response),
            401 | 407 => self.modify_challenged(now, hands, modify, (request, offer), response),
            // The other side has no such call (12.2.1.2).
            408 | 481 => {
                hands.reply(now, modify.server, &request, Answer::status(status));
                hands.invite_is_answered(modify.server);
                self.end(now, hands, End::cut(FinishReason::SignallingLost));
            }
            _refused => {
                hands.reply(now, modify.server, &request, passed_back(response));
                hands.invite_is_answered(modify.server);
            }
        }
    }

    /// The other side agreed, or made its offer.
    fn modified(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        mut modify: Modify,
        passed: (ClientKey, Request, Option<Session>),
        response: &Response,
    ) {
        let (client, request, offer) = passed;
        let from = modify.from;
        let Some(other) = self.leg_on(from.other()) else {
            return;
        };
        let said = session(other.trunk.srtp, response.headers(), response.body());
        if let Some(dialog) = &mut other.dialog {
            dialog.refresh(response.headers());
        }
        if modify.way.refreshes() {
            other.upkeep.agreed(now, response.headers());
        }
        let fits = match &offer {
            Some(offer) => fits(offer, said.as_ref()),
            None if said.is_some() => Ok(()),
            None => Err(Unfit::Format),
        };
        let late = offer.is_none();
        if modify.way == Way::Reinvite && !(late && fits.is_ok()) {
            hands.ack(now, client, other, None);
        }
        let said = match (fits, said) {
            (Ok(()), Some(said)) => said,
            (unfit, _) => {
                let why = unfit.err().unwrap_or(Unfit::Format);
                hands.reply(now, modify.server, &request, Answer::unfit(why));
                return hands.invite_is_answered(modify.server);
            }
        };
        let Some(sender) = self.leg_on(from) else {
            return;
        };
        if let Some(dialog) = &mut sender.dialog {
            dialog.refresh(request.headers());
        }
        let mut answer = Answer::status(200);
        // A PRACK moves no target and keeps no session.
        if *request.method() != Method::Prack {
            answer = answer
                .contact(hands.contact_of(sender))
                .allow()
                .session(sender.upkeep.accept(now, request.headers()));
        }
        let body = match &offer {
            Some(offer) => sender.answer(&said, offer),
            None => sender.say(&said),
        };
        if let Some(body) = body {
            answer = answer.sdp(body);
        }
        hands.reply(now, modify.server, &request, answer);
        modify.stage = match offer {
            Some(offer) => {
                self.apply(hands, from, &offer, &said);
                Stage::Agreed
            }
            None => Stage::Offered {
                client,
                offer: said,
            },
        };
        // UPDATE and PRACK have no ACK.
        if *request.method() == Method::Invite
            && let State::Up(up) = &mut self.state
        {
            up.modify = Some(modify);
        }
        self.watch_sessions();
    }

    /// The other side wants a longer session: once more with its Min-SE (RFC 4028 7.3).
    fn modify_too_short(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        modify: Modify,
        passed: (Request, Option<Session>),
        response: &Response,
    ) {
        let (request, offer) = passed;
        let (from, way) = (modify.from, modify.way);
        let other = self.leg_on(from.other());
        let raised = other.and_then(|leg| {
            let raised = leg.upkeep.timer.raise(response.headers());
            raised.then(|| leg.credentials.clone())
        });
        let sent = raised.and_then(|credentials| {
            self.pass_on(now, hands, (from, way), offer.as_ref(), &credentials)
        });
        // Its Min-SE is none of the sender's business.
        self.passed_again(now, hands, modify, (request, offer), sent.ok_or(500));
    }

    /// The trunk asks who we are: once more with the answer.
    fn modify_challenged(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        mut modify: Modify,
        passed: (Request, Option<Session>),
        response: &Response,
    ) {
        let (request, offer) = passed;
        let (from, way) = (modify.from, modify.way);
        let credentials = self
            .leg_on(from.other())
            .and_then(|leg| hands.prove(leg, &mut modify.proven, &way.method(), response));
        let sent = credentials.and_then(|credentials| {
            self.pass_on(now, hands, (from, way), offer.as_ref(), &credentials)
        });
        self.passed_again(now, hands, modify, (request, offer), sent.ok_or(403));
    }

    /// The re-INVITE is on its way again, or its sender is refused.
    fn passed_again(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        mut modify: Modify,
        (request, offer): (Request, Option<Session>),
        sent: Result<ClientKey, u16>,
    ) {
        let client = match sent {
            Ok(client) => client,
            Err(status) => {
                hands.reply(now, modify.server, &request, Answer::status(status));
                return hands.invite_is_answered(modify.server);
            }
        };
        modify.stage = Stage::Passed {
            client,
            request,
            offer,
        };
        if let State::Up(up) = &mut self.state {
            up.modify = Some(modify);
        }
        self.timers.set(Timer::Modify, now + MODIFY);
    }

    /// The other side said nothing for 32 s: it is gone (12.2.1.2).
    pub(super) fn modify_failed(&mut self, now: Moment, hands: &mut Hands, client: ClientKey) {
        if let Some((modify, request, _)) = self.take_passed(client) {
            hands.reply(now, modify.server, &request, Answer::status(408));
            hands.invite_is_answered(modify.server);
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        } else {
            self.early_modify_failed(now, hands, client);
        }
    }

    /// The ACK of our 2xx to a re-INVITE.
    pub(super) fn modify_acked(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
        ack: &Request,
    ) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(modify) = up.modify.take_if(|modify| modify.server == server) else {
            return;
        };
        match modify.stage {
            Stage::Passed { .. } => up.modify = Some(modify),
            Stage::Agreed => {}
            Stage::Offered { client, offer } => {
                let asker = self.leg_on(modify.from);
                let srtp = asker.map_or(Srtp::Off, |leg| leg.trunk.srtp);
                let answer = session(srtp, ack.headers(), ack.body())
                    .filter(|answer| fits(&offer, Some(answer)).is_ok());
                let Some(other) = self.leg_on(modify.from.other()) else {
                    return;
                };
                let body = answer
                    .as_ref()
                    .and_then(|answer| other.answer(answer, &offer));
                hands.ack(now, client, other, body);
                // An ACK without an answer is the sender's mistake; the old session goes on.
                if let Some(answer) = answer {
                    self.apply(hands, modify.from.other(), &offer, &answer);
                }
            }
        }
    }

    /// Whether it was a re-INVITE's 2xx that was never acknowledged. Nothing waits for that ACK any more.
    pub(super) fn modify_unacked(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
    ) -> bool {
        let State::Up(up) = &mut self.state else {
            return false;
        };
        let Some(modify) = up.modify.take_if(|modify| modify.server == server) else {
            return false;
        };
        if let Some(other) = self.leg_on(modify.from.other()) {
            modify.abandon(now, hands, other);
        }
        true
    }

    /// The new session is in force: `offerer` offered, the other answered.
    fn apply(&mut self, hands: &mut Hands, offerer: Side, offer: &Session, answer: &Session) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let was_held = up.held;
        let Some(callee) = self.attempts.get_mut(up.answered) else {
            return;
        };
        let caller = &mut self.caller.leg;
        let mut held = false;
        let (of_caller, of_callee) = match offerer {
            Side::Caller => (offer, answer),
            Side::Callee => (answer, offer),
        };
        let both = [
            (&mut *caller, of_caller, of_callee),
            (&mut callee.leg, of_callee, of_caller),
        ];
        let mut anew = [None, None];
        for ((leg, own, theirs), anew) in both.into_iter().zip(&mut anew) {
            let now_heard = heard(own, answer);
            let moved = leg
                .heard
                .as_ref()
                .is_some_and(|before| before.rtp != now_heard.rtp && now_heard.rtp.is_some());
            held |= !now_heard.listens;
            leg.heard = Some(now_heard);
            leg.voice.settle();
            let aim = Box::new(aim(own, Some(theirs), &leg.voice));
            Self::media(hands, MediaWish::Aim { leg: leg.id, aim });
            *anew = Some((leg.id, moved));
        }
        up.held = held;
        let watched = self.caller.leg.id;
        if was_held != held {
            let watch = MediaWish::Watch {
                caller: watched,
                on: !held,
            };
            Self::media(hands, watch);
        }
        // The pause on a side that was on hold is no drift of its clock.
        let resumed = was_held && !held;
        for (leg, moved) in anew.into_iter().flatten() {
            if moved || resumed {
                Self::media(hands, MediaWish::Anew { leg });
            }
        }
    }
}
