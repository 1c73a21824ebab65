//! Another call asks for a party of this one, whose other party sends it there (RFC 5589 7): what the giver does.
//!
//! The party is offered what the other caller can talk with, by re-INVITE, and this call goes on all the while. Once the other
//! one takes it, this call is over; where it is kept, it hears again what was in force before.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::id::{CallId, LegId, Side};
use crate::base::time::Moment;
use crate::call::between::{Asked, Given, Granted, Word};
use crate::call::desk::{CallKey, MediaWish, TRANSFERS_MAX};
use crate::call::digest::Answered;
use crate::call::goal;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::{ALLOW, SDP, Why, supported_within};
use crate::call::leg::Leg;
use crate::call::machine::end::End;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::{Call, Errand, State};
use crate::call::offer_answer::{faces, meets, reaches, session};
use crate::call::outcome;
use crate::call::speak::repeat;
use crate::call::story::{
    FinishReason, HungUpBy, Transfer as Told, Transferred, TriedResult, What,
};
use crate::call::timers::{MODIFY, Timer};
use crate::call::upkeep::Upkeep;
use crate::route::decision::Target;
use crate::sdp::Session;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};
use crate::sip::transport::Path;

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

/// How often the party is asked again after its offer crossed ours.
const TRIES_MAX: u8 = 4;
/// RFC 3261 14.1: who did not make the Call-ID waits up to two seconds.
const CROSSED: Duration = Duration::from_millis(1_500);

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

    /// The re-INVITE to the party.
    fn ask_lent(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        offer: Offer,
        credentials: &[(Name, String)],
    ) {
        let key = self.key;
        let sent = self.lent_leg().and_then(|leg| {
            let owner = Owner::Call(key, leg.id, Errand::Lend);
            let contact = hands.contact_of(leg);
            let timer = leg.upkeep.timer.clone();
            // Its sound will go on in the taker's place.
            leg.voice.renew();
            let body = leg.voice.say(&offer.session, offer.address);
            leg.credentials = credentials.to_vec();
            hands.within(now, leg, &Method::Invite, owner, |invite| {
                let invite = invite
                    .header(Name::Contact, contact)
                    .header(Name::Allow, ALLOW)
                    .header(Name::Supported, supported_within());
                repeat(timer.ask(invite), credentials).body(SDP, &body)
            })
        });
        let Some(client) = sent else {
            return self.cannot_lend(now, hands, TriedResult::Unreachable, None);
        };
        if let Some(lending) = self.lending() {
            lending.stage = Stage::Asked { client, offer };
        }
        self.timers.set(Timer::Lend, now + MODIFY);
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

    /// It has pondered for too long, or may be asked again.
    pub(super) fn lend_expired(&mut self, now: Moment, hands: &mut Hands) {
        match self.lending().map(|lending| &lending.stage) {
            Some(Stage::Asked { client, .. }) => hands.cancel(now, *client),
            Some(Stage::Waiting(_)) => self.lend_if_ready(now, hands),
            Some(Stage::Granted | Stage::Agreed | Stage::Kept(_)) | None => {}
        }
    }

    /// What the party says.
    pub(super) fn lend_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        (path, response): (&Path, &Response),
    ) {
        if response.status() < 200 {
            return;
        }
        let Some(offer) = self.take_offered(client) else {
            return;
        };
        self.timers.stop(Timer::Lend);
        if let Some(leg) = self.lent_leg() {
            leg.path = *path;
        }
        match response.status() {
            200..=299 => self.lent_agreed(now, hands, client, offer, response),
            // It has no such call (12.2.1.2).
            408 | 481 => self.end(now, hands, End::cut(FinishReason::SignallingLost)),
            status => match offer {
                Some(offer) => self.lent_refused(now, hands, offer, response),
                None => self.lending_over(now, hands, outcome::of_status(status)),
            },
        }
    }

    /// The party said nothing for 64 * T1: it is gone (12.2.1.2).
    pub(super) fn lend_failed(&mut self, now: Moment, hands: &mut Hands, client: ClientKey) {
        if self.take_offered(client).is_some() {
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        }
    }

    /// Takes what this re-INVITE offered; within, `None`: nobody wants it any more.
    fn take_offered(&mut self, client: ClientKey) -> Option<Option<Offer>> {
        let lending = self.lending()?;
        match std::mem::replace(&mut lending.stage, Stage::Granted) {
            Stage::Asked {
                client: asked,
                offer,
            } if asked == client => Some(Some(offer)),
            Stage::Kept(kept) if kept == client => Some(None),
            other @ (Stage::Granted
            | Stage::Waiting(_)
            | Stage::Asked { .. }
            | Stage::Agreed
            | Stage::Kept(_)) => {
                lending.stage = other;
                None
            }
        }
    }

    fn lent_agreed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        offer: Option<Offer>,
        response: &Response,
    ) {
        let Some(leg) = self.lent_leg() else { return };
        if let Some(dialog) = &mut leg.dialog {
            dialog.refresh(response.headers());
        }
        leg.upkeep.agreed(now, response.headers());
        hands.ack(now, client, leg, None);
        let side = leg.id;
        let Some(offer) = offer else {
            self.put_back(now, hands, side);
            return self.lending_over(now, hands, TriedResult::Cancelled);
        };
        let said = session(leg.trunk.srtp, response.headers(), response.body())
            .filter(|said| meets(&offer.session, said) && reaches(Some(offer.address), said));
        match said {
            Some(said) => {
                let key = self.key;
                let Some(lending) = self.lending() else {
                    return;
                };
                lending.stage = Stage::Agreed;
                hands.say_to(now, key, lending.taker, Word::Answered(Box::new(said)));
            }
            None => {
                self.put_back(now, hands, side);
                self.cannot_lend(now, hands, TriedResult::CodecMismatch, None);
            }
        }
    }

    fn lent_refused(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        mut offer: Offer,
        response: &Response,
    ) {
        let status = response.status();
        let Some(leg) = self.lent_leg() else { return };
        let credentials = match status {
            401 | 407 => hands.prove(leg, &mut offer.proven, &Method::Invite, response),
            422 if leg.upkeep.timer.raise(response.headers()) => Some(leg.credentials.clone()),
            _other => None,
        };
        if let Some(credentials) = credentials {
            return self.ask_lent(now, hands, offer, &credentials);
        }
        if status == 491 && offer.tries < TRIES_MAX {
            offer.tries += 1;
            if let Some(lending) = self.lending() {
                lending.stage = Stage::Waiting(offer);
            }
            return self.timers.set(Timer::Lend, now + CROSSED);
        }
        self.cannot_lend(now, hands, outcome::of_status(status), Some(status));
    }

    /// The taker hears that the party cannot come.
    fn cannot_lend(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) {
        let key = self.key;
        let Some(taker) = self.lending().map(|lending| lending.taker) else {
            return;
        };
        hands.say_to(now, key, taker, Word::Failed(result, status));
        self.lending_over(now, hands, result);
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
        let Some(story) = &mut self.story else { return };
        let told = Told {
            at: story.wall + (at - self.started),
            by: by.map_or_else(String::new, |target| target.name.to_string()),
            to: taker.map_or_else(String::new, goal::name_of_call),
            result: TriedResult::Answered,
            sip_status: Some(200),
            joined: taker,
        };
        story.transfers.push(told.clone());
        let transferred = Transferred {
            transfer: told,
            dialog: None,
        };
        self.tell(now, hands, What::Transferred(Box::new(transferred)));
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
