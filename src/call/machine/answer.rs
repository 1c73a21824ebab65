//! A target answers: ACK to it, 200 to the caller, the bridge, the recording.

use std::sync::Arc;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::{Why, supported};
use crate::call::identity::destination;
use crate::call::leg::Leg;
use crate::call::machine::attempt::Stage;
use crate::call::machine::early::{Agreed, Fork, Said, Shown};
use crate::call::machine::end::End;
use crate::call::machine::modify::Modify;
use crate::call::machine::{Call, LateOffer, State, Up};
use crate::call::offer_answer::{heard, meets, misfit, reaches, session};
use crate::call::story::{Answered, FinishReason, HungUpBy, TriedResult, What};
use crate::call::timers::{HELD, MODIFY, Timer};
use crate::sdp::Session;
use crate::sip::dialog::{Dialog, NoDialog};
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::Response;
use crate::sip::reliable::server::ReliableServer;
use crate::sip::transport::Path;

/// What an answered call takes over from its early dialog.
#[derive(Default)]
pub(super) struct Early {
    agreed: Option<Box<Agreed>>,
    modify: Option<Box<Modify>>,
    unpracked: Option<Box<ReliableServer<Said>>>,
}

impl Call {
    /// The first 2xx to a target's INVITE. Those of other forks that follow are ended by the switchboard.
    pub(super) fn answered(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        client: ClientKey,
        response: &Response,
    ) {
        if self.is_transfers(index) {
            return self.transfer_answered(now, hands, index, client, response);
        }
        let Some(leg) = self.attempts.get(index).map(|one| &one.leg) else {
            return;
        };
        let (path, credentials) = (leg.path, leg.credentials.clone());
        let Some(said) = self.what_it_said(index, response) else {
            hands.decline(now, client, &path, response, &credentials);
            let srtp = self.srtp_on(index, Side::Callee);
            let result = misfit(srtp, response.headers(), response.body());
            return self.target_failed(now, hands, index, result, Some(response.status()));
        };
        let Ok(dialog) = self.confirmed(index, response, &path) else {
            // A 2xx without a Contact makes no dialog that could ever be ended (12.1.2).
            hands.decline(now, client, &path, response, &credentials);
            let result = TriedResult::Rejected;
            return self.target_failed(now, hands, index, result, Some(response.status()));
        };
        self.take_the_winner(now, hands, index, (dialog, response));
        let late = self.caller.offer.is_none() && self.agreed_before(index, response).is_none();
        // A late offer is answered by the caller's ACK, and acknowledged then.
        if !late && let Some(callee) = self.attempts.get_mut(index) {
            hands.ack(now, client, &mut callee.leg, None);
        }
        let early = self.answer_the_caller(now, hands, index, Some(response), &said);
        let late = late.then(|| LateOffer {
            client,
            offer: said.clone(),
        });
        self.bring_up(now, hands, index, (late, early), &said);
    }

    /// Our half of the dialog that a 2xx makes, or confirms.
    fn confirmed(
        &mut self,
        index: usize,
        response: &Response,
        path: &Path,
    ) -> Result<Dialog, NoDialog> {
        let remote = response.headers().to().tag().unwrap_or_default();
        let attempt = self.attempts.get_mut(index);
        let toward = attempt.and_then(|attempt| {
            let at = attempt.fork_of(remote)?;
            attempt.forks.get(at)?.toward.as_ref()
        });
        match toward {
            Some(toward) => toward.dialog.clone().confirmed(response, path),
            None => Dialog::uac(response, path),
        }
    }

    /// What both sides agreed on reliably in the early dialog that a 2xx confirms.
    fn agreed_before(&self, index: usize, response: &Response) -> Option<&Agreed> {
        let remote = response.headers().to().tag()?;
        let attempt = self.attempts.get(index)?;
        let fork = attempt.forks.get(attempt.fork_of(remote)?)?;
        fork.agreed.as_deref()
    }

    /// The SDP of a 2xx: the answer to the caller's offer, shown before or now, or the offer where the caller made none.
    fn what_it_said(&self, index: usize, response: &Response) -> Option<Session> {
        // Agreed before, it stands, whatever the 2xx repeats (RFC 6337 2.1).
        if let Some(agreed) = self.agreed_before(index, response) {
            return Some(agreed.right.clone());
        }
        let attempt = self.attempts.get(index)?;
        let srtp = attempt.leg.trunk.srtp;
        let said = session(srtp, response.headers(), response.body()).or_else(|| {
            // Some say the answer only in their 183.
            let remote = response.headers().to().tag();
            let mut forks = attempt.forks.iter().rev();
            let said = |fork: &&Fork| Some(&*fork.remote) == remote && !fork.body.is_empty();
            let fork = forks.find(said)?;
            attempt.leg.told(&fork.body)
        })?;
        let fits = match &self.caller.offer {
            Some(offer) => meets(offer, &said),
            None => said.audio().is_some(),
        };
        let reached = reaches(attempt.leg.address(), &said);
        (fits && reached).then_some(said)
    }

    /// The others are cancelled at once; the winner's result is written down.
    fn take_the_winner(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        (dialog, response): (Dialog, &Response),
    ) {
        self.give_up_the_others(now, hands, index);
        self.timers.clear();
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        attempt.stage = Stage::Up;
        attempt.leg.dialog = Some(dialog);
        attempt.leg.upkeep.agreed(now, response.headers());
        let (tried, ring_ms) = (attempt.tried, attempt.ring_ms(now));
        if let Some(story) = &mut self.story {
            story.answered_at = Some(now);
            story.taken_by = Some(index);
            if let Some(tried) = tried.and_then(|tried| story.tried.get_mut(tried)) {
                tried.result = TriedResult::Answered;
                tried.sip_status = Some(200);
                tried.ring_ms = ring_ms;
            }
        }
    }

    /// 200 to the caller, in the dialog where it heard this answer before, or in a new one.
    pub(super) fn answer_the_caller(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: Option<&Response>,
        said: &Session,
    ) -> Early {
        let own = self.caller.early.take();
        let Some((server, request)) = self.caller.invite.take() else {
            return Early::default();
        };
        let chosen = self.choose_fork(now, hands, index, response);
        let leg = &mut self.caller.leg;
        let mut early = Early::default();
        let mut dialog = own;
        if let Some(fork) = chosen {
            if let Some(tag) = fork.tag {
                hands.forget_tag(leg.tag);
                leg.tag = tag;
                leg.voice = fork.voice;
                dialog = fork.shown;
            }
            let callee = self.attempts.get_mut(index);
            if let (Some(toward), Some(callee)) = (fork.toward, callee) {
                callee.leg.voice = toward.voice;
            }
            early.agreed = fork.agreed;
            early.modify = fork.modify;
        }
        let mut answer = Answer::status(200)
            .contact(hands.contact_of(leg))
            .allow()
            .header(Name::Supported, supported())
            .session(leg.upkeep.accept(now, request.headers()));
        // RFC 6337 2.1: once answered reliably, the 2xx has no SDP.
        if let Some(address) = leg.address().filter(|_| early.agreed.is_none()) {
            let sdp = match &self.caller.offer {
                Some(offer) => leg.voice.answer(said, offer, address),
                None => leg.voice.say(said, address),
            };
            answer = answer.sdp(sdp);
        }
        leg.dialog = match dialog {
            Some(shown) => {
                let Shown { dialog, mut sender } = *shown;
                sender.finish();
                early.unpracked = sender.is_waiting().then(|| Box::new(sender));
                Some(dialog)
            }
            None => Dialog::uas(&request, leg.tag, &leg.path).ok(),
        };
        hands.answer(now, server, &request, leg.tag, answer);
        self.caller.unacked = Some(server);
        early
    }

    /// The early dialog that the caller was shown of this answer; the others come to nothing.
    fn choose_fork(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: Option<&Response>,
    ) -> Option<Fork> {
        let forks = self
            .attempts
            .get_mut(index)
            .map(|one| std::mem::take(&mut one.forks))
            .unwrap_or_default();
        // Who came by an INVITE of its own was never shown.
        let remote = response.and_then(|response| response.headers().to().tag());
        let said_now = response.map(Response::body);
        let mut chosen: Option<Fork> = None;
        let mut shown = false;
        // From the last: a 2xx without SDP means what the target said last, as in `what_it_said`.
        for fork in forks.into_iter().rev() {
            let same = Some(&*fork.remote) == remote;
            shown |= same && fork.tag.is_some();
            let unchanged = fork.agreed.is_some()
                || fork.body.is_empty()
                || said_now.is_none_or(|body| body.is_empty() || fork.body == *body);
            if same && unchanged && chosen.is_none() {
                chosen = Some(fork);
            } else {
                fork.forget(now, hands);
            }
        }
        // The target changed its answer after it was shown: that takes another dialog (RFC 6337 3.1.1).
        if chosen.is_none() && shown {
            let mut fork = Fork::new(hands, "", self.caller.leg.trunk.srtp);
            fork.tag = Some(hands.new_tag(self.key, self.caller.leg.id));
            chosen = Some(fork);
        }
        chosen
    }

    /// The bridge opens, the recording starts, and the log is told.
    pub(super) fn bring_up(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        (late, early): (Option<LateOffer>, Early),
        said: &Session,
    ) {
        let State::Hunting(hunt) = &self.state else {
            return;
        };
        let recording = hunt.record;
        let (of_caller, of_callee) = match &early.agreed {
            Some(agreed) => {
                self.open_agreed(hands, (index, None), agreed);
                let [of_caller, of_callee] = agreed.heard();
                (Some(of_caller), of_callee)
            }
            None => {
                self.open_sound(hands, (index, None), said);
                let offer = self.caller.offer.as_deref();
                (offer.map(|offer| heard(offer, said)), heard(said, said))
            }
        };
        let caller = &mut self.caller;
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if of_caller.is_some() {
            caller.leg.heard = of_caller;
        }
        if caller.offer.is_some() && early.agreed.is_none() {
            caller.leg.voice.settle();
            attempt.leg.voice.settle();
        }
        attempt.leg.heard = Some(of_callee);
        attempt.leg.part.joined = Some(now);
        caller.leg.part.joined = Some(now);
        let held = caller.leg.holds() || attempt.leg.holds();
        let (left, right) = (caller.leg.id, attempt.leg.id);
        Self::media(
            hands,
            MediaWish::Watch {
                caller: left,
                on: !held,
            },
        );
        if let Some(story) = self.story.as_ref().filter(|_| recording) {
            let record = MediaWish::Record {
                call: story.id,
                wall: story.wall + (now - self.started),
                at: now,
                caller: left,
                callee: right,
            };
            Self::media(hands, record);
        }
        self.state = State::Up(Box::new(Up {
            answered: index,
            late,
            modify: early.modify.map(|modify| *modify),
            relayed: Vec::new(),
            recording,
            unpracked: early.unpracked,
            held,
            transfer: None,
            lending: None,
            transfers: 0,
        }));
        self.timers.set(Timer::Held, now + HELD);
        self.watch_sessions();
        if matches!(&self.state, State::Up(up) if up.modify.is_some()) {
            self.timers.set(Timer::Modify, now + MODIFY);
        }
        // What was kept for further targets.
        self.caller.offer = None;
        self.tell_answered(now, hands, index, recording);
    }

    fn tell_answered(&self, now: Moment, hands: &mut Hands, index: usize, recorded: bool) {
        let (Some(story), Some(attempt)) = (&self.story, self.attempts.get(index)) else {
            return;
        };
        let kept = |leg: &Leg| {
            let dialog = leg.dialog.as_ref()?;
            Some(hands.keep(leg, dialog))
        };
        let (Some(caller), Some(callee)) = (kept(&self.caller.leg), kept(&attempt.leg)) else {
            return;
        };
        let answered = Answered {
            rule: story.rule.clone().unwrap_or_else(|| Arc::from("")),
            manager: attempt.target.manager.clone(),
            destination: destination(&attempt.target.dial),
            recorded,
            dialogs: [caller, callee],
        };
        self.tell(now, hands, What::Answered(Box::new(answered)));
    }
}

impl End {
    /// ringtag ends an answered call.
    pub(in crate::call) const fn cut(reason: FinishReason) -> Self {
        Self {
            reason,
            by: HungUpBy::System,
            status: 503,
            retry_after_s: None,
            why: Why::NONE,
            gone: None,
        }
    }
}

#[cfg(test)]
mod tests;
