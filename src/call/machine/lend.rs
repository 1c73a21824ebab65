//! Another call asks for a party of this one, whose other party sends it there (RFC 5589 7): what the giver does.
//!
//! The party is offered what the other caller can talk with, by re-INVITE, and this call goes on all the while. Once the other
//! one takes it, this call is over; where it is kept, it hears again what was in force before.

use std::net::SocketAddr;

use crate::base::id::{CallId, LegId, Side};
use crate::base::time::Moment;
use crate::call::between::{Asked, Given, Granted, Word};
use crate::call::desk::{CallKey, MediaWish, TRANSFERS_MAX};
use crate::call::digest::Answered;
use crate::call::goal;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::leg::Leg;
use crate::call::machine::end::End;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::faces;
use crate::call::story::{FinishReason, HungUpBy, Transfer as Told, TriedResult};
use crate::call::timers::Timer;
use crate::call::upkeep::Upkeep;
use crate::route::decision::Target;
use crate::sdp::Session;
use crate::sip::endpoint::ClientKey;

mod ask;

/// A party of this call that another one asks for.
#[derive(Debug)]
pub(super) struct Lending {
    taker: CallKey,
    taker_id: Option<CallId>,
    /// Whose place the other caller takes; who is lent is across.
    replaced: Side,
    /// It has hung up already, as some do that have sent a REFER.
    left: bool,
    at: Moment,
    stage: Stage,
}

/// How far that got.
#[derive(Debug)]
enum Stage {
    /// The other call makes ready.
    Granted,
    /// The offer waits until nothing else is being agreed on, or until it crosses no other.
    Waiting(Offer),
    /// The party has it.
    Asked { client: ClientKey, offer: Offer },
    /// The party has agreed.
    Agreed,
    /// It is kept; what comes of this re-INVITE is awaited.
    Kept(ClientKey),
}

/// What the party is offered.
#[derive(Debug)]
struct Offer {
    session: Session,
    /// The taker's, for its sound.
    address: SocketAddr,
    tries: u8,
    proven: Answered,
}

impl Call {
    /// Another call asks for who talks to one of our legs.
    pub(super) fn asked_for_party(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        taker: CallKey,
        asked: Asked,
    ) {
        let replaced = match self.may_lend(&asked) {
            Ok(side) => side,
            Err(answer) => {
                let word = Word::Denied(asked.errand, answer);
                return hands.say_to(now, self.key, taker, word);
            }
        };
        let target = self.name_of(replaced.other());
        let Some((leg, target)) = self.leg_on(replaced.other()).zip(target) else {
            return;
        };
        let heard = leg.heard.as_ref().map(|heard| &heard.session);
        let granted = Granted {
            errand: asked.errand,
            target,
            trunk: leg.trunk.clone(),
            path: leg.path,
            sips: leg.sips,
            call_id: leg.call_id.clone(),
            remote_uri: leg.remote_uri.clone(),
            toward: faces(leg.path.peer.ip(), heard),
            call: self.id(),
        };
        if let State::Up(up) = &mut self.state {
            up.transfers += 1;
            up.lending = Some(Box::new(Lending {
                taker,
                taker_id: asked.call,
                replaced,
                left: false,
                at: now,
                stage: Stage::Granted,
            }));
        }
        hands.say_to(now, self.key, taker, Word::Granted(Box::new(granted)));
    }

    /// Whose place may be taken, by RFC 3891 3. Only its own trunk may have it replaced, and only who knows both tags.
    fn may_lend(&mut self, asked: &Asked) -> Result<Side, Answer> {
        let declined = || Answer::status(603);
        let (named, replaces) = (asked.named.0, &asked.named.1);
        if !self.is_up() || !self.talks(named) {
            return Err(declined());
        }
        let side = self.side(named);
        let leg = self.leg_on(side).ok_or_else(declined)?;
        let is_it = leg.dialog.as_ref().is_some_and(|it| it.is_named(replaces));
        if !is_it || leg.trunk.id != asked.trunk {
            return Err(declined());
        }
        if replaces.early_only {
            return Err(Answer::status(486));
        }
        let other = self.leg_on(side.other()).ok_or_else(declined)?;
        // A call that was dialled securely goes on securely or not at all (RFC 5630 4.1).
        let is_secure = other.path.transport.is_secure();
        if asked.sips && !is_secure || other.sips && !asked.is_secure {
            return Err(Answer::status(403));
        }
        let State::Up(up) = &self.state else {
            return Err(declined());
        };
        if up.transfers >= TRANSFERS_MAX {
            return Err(declined());
        }
        if up.is_moving() {
            return Err(Answer::status(500).retry_after(RETRY_S));
        }
        Ok(side)
    }

    /// The taker is ready.
    pub(super) fn offer_to_lent(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        taker: CallKey,
        session: Session,
        address: SocketAddr,
    ) {
        let Some(lending) = self.lending_to(taker) else {
            return;
        };
        lending.stage = Stage::Waiting(Offer {
            session,
            address,
            tries: 0,
            proven: Answered::default(),
        });
        self.lend_if_ready(now, hands);
    }

    fn lending_to(&mut self, taker: CallKey) -> Option<&mut Lending> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let lending = up.lending.as_deref_mut()?;
        (lending.taker == taker).then_some(lending)
    }

    /// Asks the party once nothing else is being agreed on.
    pub(super) fn lend_if_ready(&mut self, now: Moment, hands: &mut Hands) {
        let refreshes = self.refreshes_by_invite();
        let unacked = self.talking().and_then(|callee| callee.unacked);
        let unacked = unacked.or(self.caller.unacked);
        let State::Up(up) = &mut self.state else {
            return;
        };
        if refreshes || unacked.is_some() || up.late.is_some() || up.modify.is_some() {
            return;
        }
        // Until then it crosses another offer.
        if self.timers.is_set(Timer::Lend) {
            return;
        }
        let Some(lending) = &mut up.lending else {
            return;
        };
        match std::mem::replace(&mut lending.stage, Stage::Granted) {
            Stage::Waiting(offer) => self.ask_lent(now, hands, offer, &[]),
            other @ (Stage::Granted | Stage::Asked { .. } | Stage::Agreed | Stage::Kept(_)) => {
                lending.stage = other;
            }
        }
    }

    fn lending(&mut self) -> Option<&mut Lending> {
        match &mut self.state {
            State::Up(up) => up.lending.as_deref_mut(),
            State::Asking { .. } | State::Hunting(_) | State::Ending(_) | State::Over => None,
        }
    }

    /// The leg of the party that is lent.
    fn lent_leg(&mut self) -> Option<&mut Leg> {
        let side = self.lending()?.replaced.other();
        self.leg_on(side)
    }

    /// The party stays: this call goes on, or ends where the other side has hung up.
    fn lending_over(&mut self, now: Moment, hands: &mut Hands, result: TriedResult) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(lending) = up.lending.take() else {
            return;
        };
        self.timers.stop(Timer::Lend);
        match lending.left {
            true => self.end(now, hands, End::nobody(result)),
            false => self.watch_again(hands),
        }
    }

    /// The taker does not take it.
    pub(super) fn keep_lent(&mut self, now: Moment, hands: &mut Hands, taker: CallKey) {
        let Some(lending) = self.lending_to(taker) else {
            return;
        };
        match &lending.stage {
            Stage::Granted | Stage::Waiting(_) => {}
            Stage::Asked { client, .. } => {
                let client = *client;
                lending.stage = Stage::Kept(client);
                return hands.cancel(now, client);
            }
            Stage::Kept(_) => return,
            Stage::Agreed => {
                if let Some(leg) = self.lent_leg().map(|leg| leg.id) {
                    self.put_back(now, hands, leg);
                }
            }
        }
        self.lending_over(now, hands, TriedResult::Cancelled);
    }

    /// The taker takes it: here it goes, and this call is over.
    pub(super) fn give(&mut self, now: Moment, hands: &mut Hands, taker: CallKey) {
        let Some(lending) = self.lending_to(taker) else {
            return;
        };
        let (replaced, at, taker_id) = (lending.replaced, lending.at, lending.taker_id);
        let session = hands.session;
        let Some(leg) = self.lent_leg() else { return };
        let Some(dialog) = leg.dialog.take() else {
            return;
        };
        leg.upkeep.abandon(now, hands);
        let given = Given {
            dialog,
            tag: leg.tag,
            path: leg.path,
            voice: leg.voice.clone(),
            upkeep: std::mem::replace(&mut leg.upkeep, Upkeep::new(session)),
            credentials: leg.credentials.clone(),
        };
        if let State::Up(up) = &mut self.state {
            up.lending = None;
        }
        self.note_given(now, hands, (replaced, at, taker_id));
        // Before the taker has it, so that it is the taker's when this call forgets its legs.
        self.end(now, hands, End::transferred(replaced));
        hands.say_to(now, self.key, taker, Word::Given(Box::new(given)));
    }

    fn note_given(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (replaced, at, taker): (Side, Moment, Option<CallId>),
    ) {
        let by = self.name_of(replaced);
        let Some(at) = self.wall_at(at) else { return };
        let told = Told {
            at,
            by: by.map_or_else(String::new, |target| target.name.to_string()),
            to: taker.map_or_else(String::new, goal::name_of_call),
            result: TriedResult::Answered,
            sip_status: Some(200),
            joined: taker,
        };
        self.tell_transfer(now, hands, told, None);
    }

    /// Who is on a side, for records: a caller by its call, so that no number of it stands where none can be removed.
    fn name_of(&self, side: Side) -> Option<Target> {
        match side {
            Side::Caller => Some(goal::caller_of(self.id()?, &self.caller.leg.trunk.id)),
            Side::Callee => self.talking().map(|callee| callee.target.clone()),
        }
    }

    /// Whose place is to be taken hangs up before it is told: the party waits. `false`: it is somebody else.
    pub(super) fn replaced_hung_up(&mut self, now: Moment, hands: &mut Hands, leg: LegId) -> bool {
        let side = self.side(leg);
        if !self.talks(leg) {
            return false;
        }
        let Some(lending) = self.lending().filter(|lending| lending.replaced == side) else {
            return false;
        };
        lending.left = true;
        if let Some(of) = self.leg_mut(leg) {
            of.dialog = None;
            of.part.left = Some(now);
            of.upkeep.abandon(now, hands);
        }
        self.timers.stop(Timer::Session(leg));
        // Who waits hears nobody, and may be told not to send.
        let watch = MediaWish::Watch {
            caller: self.caller.leg.id,
            on: false,
        };
        Self::media(hands, watch);
        true
    }

    /// The call ends under it.
    pub(super) fn abandon_lending(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(lending) = up.lending.take() else {
            return;
        };
        match lending.stage {
            // A peer that said 100 and vanished would leave the INVITE waiting for ever.
            Stage::Asked { client, .. } => hands.give_up(now, client, Why::NONE),
            Stage::Kept(client) => return hands.give_up(now, client, Why::NONE),
            Stage::Granted | Stage::Waiting(_) | Stage::Agreed => {}
        }
        let word = Word::Failed(TriedResult::Rejected, Some(480));
        hands.say_to(now, self.key, lending.taker, word);
    }
}

impl End {
    /// A party of the call goes on in another one; who is on the other side had asked for it.
    const fn transferred(by: Side) -> Self {
        let by = match by {
            Side::Caller => HungUpBy::Caller,
            Side::Callee => HungUpBy::Callee,
        };
        Self {
            by,
            ..Self::cut(FinishReason::Transferred)
        }
    }
}
