//! A transfer under way (RFC 5589): the new party is called with what the caller and the old one agreed on, and the call moves to
//! it once it has answered. Until then nothing changes, and where it does not answer nothing has changed.
//!
//! Who asked may hang up at once; the caller then waits, and the call ends when nobody is found.

use crate::base::id::{CallId, LegId};
use crate::base::time::{Moment, WallTime};
use crate::call::desk::{CallKey, MediaWish};
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::call::machine::attempt::Stage as Trying;
use crate::call::machine::end::End;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{meets, misfit, reaches, session};
use crate::call::story::{
    FinishReason, HungUpBy, KeptDialog, Transfer as Told, Transferred, TriedResult, What,
};
use crate::call::timers::Timer;
use crate::sdp::Session;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Request, Response};
use crate::sip::refer::Event;
use crate::sip::replaces::Replaces;
use crate::sip::write::RequestWriter;

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Who asked for it: an index into the attempts.
    pub(super) by: usize,
    /// Who is called: an index into the attempts.
    pub(super) target: usize,
    /// When it was asked for.
    pub(super) at: Moment,
    /// Under which name it is told how it goes; `None`: the new party came by itself, and nobody is told.
    pub(super) event: Option<Event>,
    pub(super) referrer: Referrer,
    pub(super) stage: Stage,
}

/// Whether who asked is still there.
#[derive(Debug)]
pub(super) enum Referrer {
    /// The caller hears it until the new party is there.
    There,
    /// It hung up. Its subscription outlives the call in its dialog (RFC 5057 4.1).
    Gone(Option<Box<Dialog>>),
}

/// How far a transfer got.
#[derive(Debug)]
pub(super) enum Stage {
    /// The new party is called.
    Calling,
    /// It answered so.
    Ready(Session),
    /// The caller was asked to take its answer as an offer.
    Asking {
        client: ClientKey,
        said: Session,
        tries: u8,
    },
    /// The caller had an offer of its own under way and is asked again.
    Crossed { said: Session, tries: u8 },
    /// The party comes out of another call of ours: it is being taken.
    Taking {
        said: Session,
        answer: Option<Session>,
    },
}

/// What a leg that comes by a transfer brings along.
#[derive(Debug)]
pub(in crate::call) struct Brought {
    /// The offer that it is called with.
    pub(in crate::call) offer: Session,
    /// The dialog whose place it takes, where that is another's.
    pub(in crate::call) replaces: Option<Replaces>,
    /// Who sent the caller there, in the URI that it is known by on the same trunk (RFC 3892).
    pub(in crate::call) referred_by: Option<String>,
    /// The description in its last provisional response, for a 2xx that has none.
    pub(in crate::call) early: Option<Session>,
    /// What came of it.
    pub(in crate::call) outcome: Option<(TriedResult, Option<u16>)>,
    /// Its own INVITE that takes another's place (RFC 3891), until it has a final answer.
    pub(in crate::call) arrived: Option<(ServerKey, Request)>,
    /// The call of ours that has it, until it comes here.
    pub(in crate::call) giver: Option<CallKey>,
    /// That call, for the record.
    pub(in crate::call) joined: Option<CallId>,
    /// Whose ringing it picked up: an index into the attempts.
    pub(in crate::call) in_place_of: Option<usize>,
}

impl Brought {
    /// One that is called with this offer.
    pub(super) const fn with(offer: Session) -> Self {
        Self {
            offer,
            replaces: None,
            referred_by: None,
            early: None,
            outcome: None,
            arrived: None,
            giver: None,
            joined: None,
            in_place_of: None,
        }
    }

    /// Adds what the new party must know of how it is called.
    pub(super) fn introduce(&self, mut invite: RequestWriter) -> RequestWriter {
        if let Some(replaces) = &self.replaces {
            invite = invite
                .header(Name::Require, "replaces")
                .header(Name::Replaces, replaces);
        }
        match &self.referred_by {
            Some(who) => invite.header(Name::ReferredBy, who),
            None => invite,
        }
    }
}

impl Call {
    /// Whether this target is one that a transfer calls.
    pub(super) fn is_transfers(&self, index: usize) -> bool {
        self.transfers_to() == Some(index)
    }

    /// Who is called by the transfer under way: an index into the attempts.
    pub(super) fn transfers_to(&self) -> Option<usize> {
        let State::Up(up) = &self.state else {
            return None;
        };
        up.transfer.as_ref().map(|transfer| transfer.target)
    }

    /// The new party rings: who asked is told.
    pub(super) fn transfer_rings(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let srtp = attempt.leg.trunk.srtp;
        let early = session(srtp, response.headers(), response.body());
        if let Some(brought) = attempt.brought.as_mut()
            && early.is_some()
        {
            brought.early = early;
        }
        let first = attempt.rang.is_none();
        attempt.rang.get_or_insert(now);
        if first && (180..=183).contains(&response.status()) {
            self.notify(now, hands, response.status());
        }
    }

    /// The new party answers.
    pub(super) fn transfer_answered(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        client: ClientKey,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let (path, credentials) = (attempt.leg.path, attempt.leg.credentials.clone());
        let srtp = attempt.leg.trunk.srtp;
        let said = session(srtp, response.headers(), response.body());
        let said = attempt.brought.as_ref().and_then(|brought| {
            let said = said.or_else(|| brought.early.clone())?;
            let reached = reaches(attempt.leg.address(), &said);
            (meets(&brought.offer, &said) && reached).then_some(said)
        });
        let (Some(said), Ok(dialog)) = (said, Dialog::uac(response, &path)) else {
            hands.decline(now, client, &path, response, &credentials);
            let result = misfit(srtp, response.headers(), response.body());
            return self.target_failed(now, hands, index, result, Some(response.status()));
        };
        attempt.leg.dialog = Some(dialog);
        attempt.leg.upkeep.agreed(now, response.headers());
        attempt.stage = Trying::Up;
        let leg = attempt.leg.id;
        hands.ack(now, client, &mut attempt.leg, None);
        self.timers.stop(Timer::Unheard(leg));
        self.timers.stop(Timer::Ring(leg));
        if let State::Up(up) = &mut self.state
            && let Some(transfer) = &mut up.transfer
        {
            transfer.stage = Stage::Ready(said);
        }
        self.join_if_ready(now, hands);
    }

    /// What came of the party that was called, once it is out of the game.
    pub(super) fn transfer_over(&mut self, now: Moment, hands: &mut Hands) {
        let Some(target) = self.transfers_to() else {
            return;
        };
        let outcome = self
            .attempts
            .get(target)
            .filter(|one| one.stage == Trying::Over)
            .and_then(|one| one.brought.as_ref()?.outcome);
        if let Some((result, status)) = outcome {
            self.transfer_failed(now, hands, result, status);
        }
    }

    /// The new party could not be had: who asked keeps the call, or it ends where that is gone.
    pub(super) fn transfer_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) {
        // A 200 that is of no use is no success to who asked, which would hang up on it.
        let refused = status.filter(|status| *status >= 300);
        let said = refused.unwrap_or_else(|| status_of(result));
        self.notify(now, hands, said);
        let Some(transfer) = self.note_transfer(now, hands, result, status) else {
            return;
        };
        self.refuse_arrived(now, hands, transfer.target, said);
        self.leave_party(now, hands, transfer.target);
        self.drop_party(now, hands, transfer.target);
        match transfer.referrer {
            Referrer::There => self.watch_again(hands),
            Referrer::Gone(_) => self.end(now, hands, End::nobody(result)),
        }
    }

    /// The call ends under a transfer.
    pub(super) fn abandon_transfer(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &self.state else { return };
        let Some(transfer) = &up.transfer else { return };
        if let Stage::Asking { client, .. } = &transfer.stage {
            // A caller that said 100 and vanished would leave the INVITE waiting for ever.
            hands.give_up(now, *client, Why::NONE);
        }
        let target = transfer.target;
        self.notify(now, hands, status_of(TriedResult::Cancelled));
        self.note_transfer(now, hands, TriedResult::Cancelled, None);
        self.refuse_arrived(now, hands, target, status_of(TriedResult::Cancelled));
        self.leave_party(now, hands, target);
    }

    /// Takes the transfer and writes down what came of it.
    pub(super) fn note_transfer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) -> Option<Transfer> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let transfer = up.transfer.take()?;
        self.timers.stop(Timer::Rejoin);
        let target = self.attempts.get(transfer.target);
        let dialog = target
            .filter(|_| result == TriedResult::Answered)
            .and_then(|one| Some(hands.keep(&one.leg, one.leg.dialog.as_ref()?)));
        let told = Told {
            at: self.wall_at(transfer.at)?,
            by: self.name_of_target(transfer.by),
            to: self.name_of_target(transfer.target),
            result,
            sip_status: status,
            joined: target.and_then(|one| one.brought.as_ref()?.joined),
        };
        self.tell_transfer(now, hands, told, dialog);
        Some(*transfer)
    }

    /// Writes into the record who was put in whose place, and tells of it; `dialog` is the new one.
    pub(super) fn tell_transfer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        transfer: Told,
        dialog: Option<KeptDialog>,
    ) {
        let Some(story) = &mut self.story else { return };
        story.transfers.push(transfer.clone());
        let transferred = Transferred { transfer, dialog };
        self.tell(now, hands, What::Transferred(Box::new(transferred)));
    }

    /// A moment on the wall clock that the call began by; `None`: it has no record.
    pub(super) fn wall_at(&self, at: Moment) -> Option<WallTime> {
        let story = self.story.as_ref()?;
        Some(story.wall + (at - self.started))
    }

    /// The name of a target in records; empty where there is none.
    pub(super) fn name_of_target(&self, index: usize) -> String {
        let attempt = self.attempts.get(index);
        attempt.map_or_else(String::new, |one| one.target.name.to_string())
    }

    /// Leaves a party that answered and never joined.
    fn drop_party(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        match (attempt.stage, attempt.leg.dialog.take()) {
            (Trying::Over, _) => return,
            (
                Trying::Reserving | Trying::Calling(_) | Trying::Up | Trying::Leaving,
                Some(dialog),
            ) => {
                hands.part(now, &attempt.leg, dialog, Why::NONE, None);
            }
            (Trying::Reserving | Trying::Calling(_) | Trying::Up | Trying::Leaving, None) => {
                hands.forget_leg(&attempt.leg);
            }
        }
        attempt.stage = Trying::Over;
        hands.close_ports(&mut attempt.leg);
    }

    pub(super) fn watch_again(&self, hands: &mut Hands) {
        if let State::Up(up) = &self.state {
            let watch = MediaWish::Watch {
                caller: self.caller.leg.id,
                on: !up.held,
            };
            Self::media(hands, watch);
        }
    }

    fn is_referrer(&self, leg: LegId) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let transfer = up.transfer.as_ref();
        transfer
            .and_then(|transfer| self.attempts.get(transfer.by))
            .is_some_and(|by| by.leg.id == leg)
    }

    /// Who asked for the transfer hangs up before it is done: the caller waits. `false`: it is somebody else.
    pub(super) fn referrer_hung_up(&mut self, now: Moment, hands: &mut Hands, leg: LegId) -> bool {
        if !self.is_referrer(leg) {
            return false;
        }
        self.settle_leaver(now, hands);
        let State::Up(up) = &mut self.state else {
            return false;
        };
        let Some(transfer) = &mut up.transfer else {
            return false;
        };
        let Some(attempt) = self.attempts.get_mut(transfer.by) else {
            return false;
        };
        attempt.leg.part.left = Some(now);
        if let Some(server) = attempt.unacked.take() {
            hands.invite_is_answered(server);
        }
        transfer.referrer = Referrer::Gone(attempt.hung_up(now, hands).map(Box::new));
        self.timers.stop(Timer::Session(leg));
        // A caller who waits hears nobody, and may be told not to send.
        let watch = MediaWish::Watch {
            caller: self.caller.leg.id,
            on: false,
        };
        Self::media(hands, watch);
        // The new party may have answered while something was open.
        self.join_if_ready(now, hands);
        true
    }

    /// The new party has answered and hangs up before the caller talks to it. `false`: it is somebody else.
    pub(super) fn new_party_hung_up(&mut self, now: Moment, hands: &mut Hands, leg: LegId) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let Some(transfer) = &up.transfer else {
            return false;
        };
        let Some(attempt) = self.attempts.get_mut(transfer.target) else {
            return false;
        };
        if attempt.leg.id != leg || attempt.stage != Trying::Up {
            return false;
        }
        attempt.hung_up(now, hands);
        self.timers.stop(Timer::Session(leg));
        match &transfer.stage {
            // Its final response is awaited: the caller may have agreed already, and that wants an ACK.
            Stage::Asking { client, .. } => hands.cancel(now, *client),
            Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. } => {
                self.new_party_left(now, hands);
            }
        }
        true
    }

    /// Whether the new party has hung up while the caller was asked to take it.
    pub(super) fn is_new_party_gone(&self) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let transfer = up.transfer.as_ref();
        transfer
            .and_then(|transfer| self.attempts.get(transfer.target))
            .is_some_and(|target| target.stage == Trying::Over)
    }

    /// The caller stays where it is, since the new party has left.
    pub(super) fn new_party_left(&mut self, now: Moment, hands: &mut Hands) {
        self.transfer_failed(now, hands, TriedResult::Rejected, Some(480));
    }

    /// What the caller was told by whom it talks to, as it is in force.
    pub(super) fn told_to_caller(&self) -> Option<Session> {
        self.caller.leg.told(self.caller.leg.voice.agreed()?)
    }
}

/// What who asked is told where the new party gave no status of its own.
pub(super) const fn status_of(result: TriedResult) -> u16 {
    match result {
        TriedResult::Answered => 200,
        TriedResult::Busy => 486,
        TriedResult::NoAnswer | TriedResult::Redirected => 480,
        TriedResult::Rejected => 603,
        TriedResult::NotAllowed => 403,
        TriedResult::Loop => 482,
        TriedResult::Unreachable | TriedResult::NoCapacity => 503,
        TriedResult::CodecMismatch | TriedResult::SrtpMismatch => 488,
        TriedResult::AnsweredElsewhere | TriedResult::Cancelled => 487,
    }
}

impl End {
    /// Who sent the caller on is gone, and whom it was sent to cannot be had.
    pub(super) const fn nobody(result: TriedResult) -> Self {
        let reason = match result {
            TriedResult::Busy => FinishReason::Busy,
            TriedResult::Rejected | TriedResult::NotAllowed | TriedResult::Loop => {
                FinishReason::Rejected
            }
            TriedResult::CodecMismatch => FinishReason::CodecMismatch,
            TriedResult::SrtpMismatch => FinishReason::SrtpMismatch,
            TriedResult::NoCapacity => FinishReason::Overload,
            TriedResult::Unreachable => FinishReason::Unreachable,
            TriedResult::NoAnswer
            | TriedResult::Redirected
            | TriedResult::Answered
            | TriedResult::AnsweredElsewhere
            | TriedResult::Cancelled => FinishReason::NoAnswer,
        };
        Self {
            by: HungUpBy::System,
            ..Self::cut(reason)
        }
    }
}

#[cfg(test)]
mod tests;
