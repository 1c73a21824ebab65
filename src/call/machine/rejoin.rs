//! The caller and the new party of a transfer come together: at once where the caller can go on as it is, else after a re-INVITE
//! with what the new party said (RFC 5589 6.1, RFC 3264 8). The old session stands until then.

use std::time::Duration;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Hands, Owner};
use crate::call::headers::{ALLOW, SDP, supported_within};
use crate::call::machine::attempt::Stage as Trying;
use crate::call::machine::end::End;
use crate::call::machine::modify::Stage as Modifying;
use crate::call::machine::transfer::Stage;
use crate::call::machine::{Call, Errand, State};
use crate::call::offer_answer::{aim, heard, meets, reaches, session};
use crate::call::story::{FinishReason, TriedResult};
use crate::call::timers::{MODIFY, Timer};
use crate::sdp::Session;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};
use crate::sip::transport::Path;

/// How often the caller is asked again after its offer crossed ours.
const TRIES_MAX: u8 = 4;
/// RFC 3261 14.1: who did not make the Call-ID waits up to two seconds.
const CROSSED: Duration = Duration::from_millis(1_500);

impl Call {
    /// Brings both together once the new party has answered and nothing else is being agreed on.
    pub(super) fn join_if_ready(&mut self, now: Moment, hands: &mut Hands) {
        let refreshes = self.refreshes_by_invite();
        let State::Up(up) = &self.state else { return };
        let Some(transfer) = &up.transfer else { return };
        let Stage::Ready(said) = &transfer.stage else {
            return;
        };
        let modifying = up
            .modify
            .as_ref()
            .is_some_and(|modify| !matches!(modify.stage, Modifying::Agreed));
        // Who came by itself waits for its ports.
        let target = self.attempts.get(transfer.target);
        if target.is_none_or(|one| one.leg.address().is_none()) {
            return;
        }
        if modifying || refreshes || up.late.is_some() || self.caller.unacked.is_some() {
            return;
        }
        let said = said.clone();
        let own = self.caller.leg.heard.as_ref().map(|heard| &heard.session);
        let told = self.told_to_caller();
        // Who came with an offer of its own gets the caller's own answer.
        let goes_on = !self.is_arrived(transfer.target)
            && own
                .zip(told.as_ref())
                .is_some_and(|(own, told)| own.goes_on_with(told, &said));
        if goes_on {
            self.hand_over(now, hands, &said, None);
        } else {
            self.ask_caller(now, hands, said, 0);
        }
    }

    /// Offers the caller what the new party said.
    fn ask_caller(&mut self, now: Moment, hands: &mut Hands, said: Session, tries: u8) {
        let key = self.key;
        let leg = &mut self.caller.leg;
        let owner = Owner::Call(key, leg.id, Errand::Rejoin);
        let contact = hands.contact_of(leg);
        let body = leg.say(&said);
        let timer = leg.upkeep.timer.clone();
        let sent = body.and_then(|body| {
            hands.within(now, leg, &Method::Invite, owner, |invite| {
                let invite = invite
                    .header(Name::Contact, contact)
                    .header(Name::Allow, ALLOW)
                    .header(Name::Supported, supported_within());
                timer.ask(invite).body(SDP, &body)
            })
        });
        let Some(client) = sent else {
            return self.transfer_failed(now, hands, TriedResult::CodecMismatch, None);
        };
        if let State::Up(up) = &mut self.state
            && let Some(transfer) = &mut up.transfer
        {
            transfer.stage = Stage::Asking {
                client,
                said,
                tries,
            };
        }
        self.timers.set(Timer::Rejoin, now + MODIFY);
    }

    /// The caller's response.
    pub(super) fn rejoin_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        (path, response): (&Path, &Response),
    ) {
        let status = response.status();
        if status < 200 {
            return;
        }
        let Some((said, tries)) = self.take_asked(client) else {
            return;
        };
        self.timers.stop(Timer::Rejoin);
        let gone = self.is_new_party_gone();
        let leg = &mut self.caller.leg;
        leg.path = *path;
        match status {
            200..=299 => {
                if let Some(dialog) = &mut leg.dialog {
                    dialog.refresh(response.headers());
                }
                leg.upkeep.agreed(now, response.headers());
                hands.ack(now, client, leg, None);
                if gone {
                    return self.new_party_left(now, hands);
                }
                let answer = session(leg.trunk.srtp, response.headers(), response.body());
                match answer.filter(|answer| meets(&said, answer) && reaches(leg.address(), answer))
                {
                    Some(answer) => {
                        if let Some(target) = self.transfers_to() {
                            self.answer_arrived(now, hands, target, (&said, &answer));
                        }
                        self.hand_over(now, hands, &said, Some(&answer));
                    }
                    None => {
                        self.transfer_failed(now, hands, TriedResult::CodecMismatch, None);
                        let caller = self.caller.leg.id;
                        self.put_back(now, hands, caller);
                    }
                }
            }
            408 | 481 => self.end(now, hands, End::cut(FinishReason::SignallingLost)),
            _refused if gone => self.new_party_left(now, hands),
            491 if tries < TRIES_MAX => {
                if let State::Up(up) = &mut self.state
                    && let Some(transfer) = &mut up.transfer
                {
                    transfer.stage = Stage::Crossed { said, tries };
                }
                self.timers.set(Timer::Rejoin, now + CROSSED);
            }
            _refused => self.transfer_failed(now, hands, TriedResult::CodecMismatch, None),
        }
    }

    /// The caller said nothing to it for 64 * T1: it is gone (12.2.1.2).
    pub(super) fn rejoin_failed(&mut self, now: Moment, hands: &mut Hands, client: ClientKey) {
        if self.take_asked(client).is_some() {
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        }
    }

    /// Time to ask again, or to wait no longer.
    pub(super) fn rejoin_expired(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(transfer) = &mut up.transfer else {
            return;
        };
        match &transfer.stage {
            Stage::Asking { client, .. } => hands.cancel(now, *client),
            Stage::Crossed { said, tries } => {
                let (said, tries) = (said.clone(), tries.saturating_add(1));
                self.ask_caller(now, hands, said, tries);
            }
            Stage::Calling | Stage::Ready(_) | Stage::Taking { .. } => {}
        }
    }

    /// Takes what the caller was asked, if this is the answer to it.
    fn take_asked(&mut self, client: ClientKey) -> Option<(Session, u8)> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let stage = &mut up.transfer.as_mut()?.stage;
        if !matches!(stage, Stage::Asking { client: asked, .. } if *asked == client) {
            return None;
        }
        match std::mem::replace(stage, Stage::Calling) {
            Stage::Asking { said, tries, .. } => Some((said, tries)),
            Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. } => None,
        }
    }

    /// The call moves to the new party: `said` is its description, `answer` the caller's to it, where the caller was asked.
    pub(super) fn hand_over(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        said: &Session,
        answer: Option<&Session>,
    ) {
        // Whom another call of ours has is taken first.
        if self.take_party(now, hands, said, answer) {
            return;
        }
        self.notify(now, hands, 200);
        let Some(transfer) = self.note_transfer(now, hands, TriedResult::Answered, Some(200))
        else {
            return;
        };
        self.settle_leaver(now, hands);
        let State::Up(up) = &mut self.state else {
            return;
        };
        let caller = &mut self.caller.leg;
        let was = caller.heard.take();
        // The codec in use is named by the answer.
        let own = answer
            .or_else(|| was.as_ref().map(|heard| &heard.session))
            .cloned();
        let (Some(own), Some(callee)) = (own, self.attempts.get_mut(transfer.target)) else {
            return;
        };
        let now_heard = heard(&own, said);
        let moved = was.is_some_and(|was| was.rtp != now_heard.rtp);
        caller.heard = Some(now_heard);
        callee.leg.heard = Some(heard(said, said));
        callee.stage = Trying::Up;
        let came_by_itself = transfer.event.is_none();
        caller.voice.settle();
        callee.leg.voice.settle();
        callee.leg.part.joined = Some(now);
        let right = callee.leg.id;
        let was_held = std::mem::replace(&mut up.held, caller.holds() || callee.leg.holds());
        up.answered = transfer.target;
        // The pause of a caller that was held is no drift of its clock.
        let anew = moved || was_held;
        self.turn_sound(now, hands, right, (&own, said), anew);
        self.watch_sessions();
        self.let_depart(now, hands, transfer.by);
        // RFC 3891 3: who is replaced did not ask for it and is told at once.
        if came_by_itself && let Some(leg) = self.attempts.get(transfer.by).map(|one| one.leg.id) {
            self.timers.stop(Timer::Depart(leg));
            self.depart(now, hands, leg);
        }
    }

    /// The sound, the recording and the watch over both turn to the party on the right; `own` and `said` are what the two said.
    fn turn_sound(
        &self,
        now: Moment,
        hands: &mut Hands,
        right: LegId,
        (own, said): (&Session, &Session),
        anew: bool,
    ) {
        let State::Up(up) = &self.state else { return };
        let left = self.caller.leg.id;
        let callee = self.attempts.iter().find(|one| one.leg.id == right);
        let Some(callee) = callee.map(|one| &one.leg) else {
            return;
        };
        let sides = [(&self.caller.leg, own, said), (callee, said, own)];
        for (leg, own, other) in sides {
            let aim = Box::new(aim(own, Some(other), &leg.voice));
            let leg = leg.id;
            Self::media(hands, MediaWish::Aim { leg, aim });
        }
        if let Some(call) = self.id().filter(|_| up.recording) {
            let turn = MediaWish::Turn {
                call,
                at: now,
                callee: right,
                // Telephones that may transfer are the house's own.
                ours: callee.trunk.transfers,
            };
            Self::media(hands, turn);
        }
        let bridge = MediaWish::Bridge {
            caller: left,
            callee: right,
        };
        Self::media(hands, bridge);
        let watch = MediaWish::Watch {
            caller: left,
            on: !up.held,
        };
        Self::media(hands, watch);
        if anew {
            Self::media(hands, MediaWish::Anew { leg: left });
        }
    }
}
