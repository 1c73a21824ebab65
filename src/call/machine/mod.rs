//! One call: fed with what happens to its legs, it acts through [`Hands`]. A file for each thing that can happen.
//!
//! A call asks who shall take it, hunts through targets, is up with two dialogs and a bridge, and ends: the peers are told,
//! the ports given back, and once their counters are in, the record. Whatever a peer still sends after that belongs to
//! [`Farewells`](crate::call::farewell::Farewells), so that a call never lingers for a peer that is gone.

mod acked;
mod answer;
pub(in crate::call) mod begin;
mod cancel;
mod challenge;
pub(in crate::call) mod early;
mod early_offer;
mod elsewhere;
pub(in crate::call) mod end;
mod fail;
mod hang_up;
mod held;
mod inform;
mod invite;
mod join;
mod leaver;
mod lend;
mod modified;
mod modify;
mod notify;
mod other_trunk;
mod pickup;
mod place;
mod prack;
mod redirect;
mod refer;
mod refresh;
mod rejoin;
mod reliable;
pub(in crate::call) mod replaced;
mod ring;
mod transfer;
mod update;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::chance::Token;
use crate::base::id::{CallId, LegId};
use crate::base::number::Number;
use crate::base::time::{Moment, WallTime};
use crate::call::desk::{CallKey, LegSound, MediaWish, Wish};
use crate::call::guard::half_open::HalfOpen;
use crate::call::hands::Hands;
use crate::call::identity::Identity;
use crate::call::leg::{Leg, Ports};
use crate::call::machine::attempt::Attempt;
use crate::call::machine::early::{Said, Shown};
use crate::call::machine::end::{End, Ending};
use crate::call::machine::inform::Relayed;
use crate::call::machine::lend::Lending;
use crate::call::machine::modify::Modify;
use crate::call::machine::transfer::Transfer;
use crate::call::screen::Refusal;
use crate::call::story::{Fact, Transfer as Told, Tried, What};
use crate::call::timers::{Timer, Timers};
use crate::route::Decision;
use crate::route::decision::{Step, Target};
use crate::sdp::Session;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::message::{Request, Response};
use crate::sip::reliable::server::ReliableServer;
use crate::sip::transport::Path;

pub(in crate::call) mod attempt;

/// One call.
#[derive(Debug)]
pub(in crate::call) struct Call {
    key: CallKey,
    started: Moment,
    caller: Calling,
    /// Every target that was tried, in order.
    attempts: Vec<Attempt>,
    state: State,
    timers: Timers,
    /// What the record will say; `None` until the engine has admitted the call.
    story: Option<Story>,
    /// What the screen says against its INVITE: the answer waits for the engine, which knows whether it leaves a record.
    refusal: Option<Box<Refusal>>,
    /// The Q.850 cause that a target gave last.
    last_cause: Option<u8>,
    /// The one that the last status of a target stands for.
    implied_cause: Option<u8>,
    legs_made: u64,
    /// The call that this one came out of, by way of a trunk.
    parent: Option<CallKey>,
    /// The source that this call is counted for as half open.
    half_open: Option<IpAddr>,
    /// When the switchboard's alarm for this call rings.
    pub(in crate::call) alarm: Option<Moment>,
}

/// The caller's side.
#[derive(Debug)]
struct Calling {
    leg: Leg,
    /// Its INVITE, until the final response is out.
    invite: Option<(ServerKey, Request)>,
    /// A 2xx is out and its ACK is not in.
    unacked: Option<ServerKey>,
    /// `None`: a late offer, the target makes it.
    offer: Option<Box<Session>>,
    identity: Identity,
    /// What the caller heard last, said again each minute.
    heard: Option<(u16, Token)>,
    /// The early dialog under the leg's own tag, once a reliable provisional response was given in it.
    early: Option<Box<Shown>>,
}

#[derive(Debug)]
enum State {
    /// The engine was asked who shall take it. What ended it meanwhile waits for the answer, since a call to one of our
    /// numbers gets its record however short it was.
    Asking { given_up: Option<End> },
    /// Targets are tried.
    Hunting(Box<Hunt>),
    /// A target answered.
    Up(Box<Up>),
    /// The peers were told; the sound's last counters are awaited.
    Ending(Ending),
    /// Nothing is left to do: the switchboard forgets the call.
    Over,
}

/// The way through the targets.
#[derive(Debug)]
struct Hunt {
    decision: Decision,
    /// The next step of the plan.
    next: usize,
    /// Steps that come before that: whom redirections named, and whom a step was too broad for.
    before: VecDeque<Step>,
    /// Whom redirections named.
    followed: Vec<Target>,
    /// Whether the step under way rings several targets.
    together: bool,
    /// How many each of them may ring in its turn.
    share: usize,
    record: bool,
}

/// An answered call.
#[derive(Debug)]
struct Up {
    /// Who answered: an index into the attempts.
    answered: usize,
    /// The target's offer, where the caller's ACK has to answer it (RFC 3264 with RFC 3261 13.2.1).
    late: Option<LateOffer>,
    modify: Option<Modify>,
    relayed: Vec<Relayed>,
    recording: bool,
    /// A reliable provisional response to the caller that our 2xx overtook: its PRACK may come yet.
    unpracked: Option<Box<ReliableServer<Said>>>,
    /// A side holds the call: silence is not watched.
    held: bool,
    /// Somebody is called who shall take the callee's place.
    transfer: Option<Box<Transfer>>,
    /// Another call asks for one of its parties.
    lending: Option<Box<Lending>>,
    /// How often either was asked for.
    transfers: u32,
}

impl Up {
    /// Who talks to whom is about to change.
    const fn is_moving(&self) -> bool {
        self.transfer.is_some() || self.lending.is_some()
    }
}

/// A 2xx with an offer whose ACK waits for the other side's.
#[derive(Debug)]
struct LateOffer {
    /// Our INVITE that it answered.
    client: ClientKey,
    offer: Session,
}

/// What the record is made of.
#[derive(Debug)]
struct Story {
    id: CallId,
    wall: WallTime,
    virtual_number: Number,
    tracked: bool,
    rule: Option<Arc<str>>,
    tried: Vec<Tried>,
    ringing_at: Option<Moment>,
    answered_at: Option<Moment>,
    /// Who answered first: an index into the attempts.
    taken_by: Option<usize>,
    transfers: Vec<Told>,
}

/// Legs a call may make: a [`LegId`] holds its call's key and 8 bits. More targets than that ring for an hour.
const LEGS_MAX: u64 = 255;

impl Call {
    /// The call that a leg belongs to.
    pub(in crate::call) const fn of_leg(leg: LegId) -> CallKey {
        CallKey(leg.0 >> 8)
    }

    /// Whether nothing is left to do.
    pub(in crate::call) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Its id, once it is admitted.
    pub(in crate::call) fn id(&self) -> Option<CallId> {
        self.story.as_ref().map(|story| story.id)
    }

    /// Whether it was answered and goes on.
    pub(in crate::call) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// The number that was dialled, where it is one.
    pub(in crate::call) const fn dialled(&self) -> Option<Number> {
        self.caller.identity.dialled
    }

    /// The call that this one came out of.
    pub(in crate::call) const fn parent(&self) -> Option<CallKey> {
        self.parent
    }

    /// When to call [`Self::timed_out`], and for which of its timers.
    pub(in crate::call) fn next_timeout(&self) -> Option<(Moment, Timer)> {
        self.timers.next()
    }

    /// Does what is due.
    pub(in crate::call) fn timed_out(&mut self, now: Moment, hands: &mut Hands) {
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Unheard(leg) => self.unheard(now, hands, leg),
                Timer::Ring(leg) => self.rang_out(now, hands, leg),
                Timer::Remind => self.remind(now, hands),
                Timer::Reliable => self.reliable_due(now, hands),
                Timer::Modify => self.modify_expired(now, hands),
                Timer::Held => self.ask_the_held(now, hands),
                Timer::Session(leg) => self.session_due(now, hands, leg),
                Timer::Refresh(leg) => self.refresh_expired(now, hands, leg),
                Timer::Depart(leg) => self.depart(now, hands, leg),
                Timer::Rejoin => self.rejoin_expired(now, hands),
                Timer::Lend => self.lend_expired(now, hands),
                Timer::Closing => self.conclude(now, hands),
            }
        }
    }

    /// Takes the engine's answer about a leg's ports.
    pub(in crate::call) fn ports(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        address: Option<SocketAddr>,
    ) {
        let Some(of) = self.leg_mut(leg) else { return };
        match (of.ports, address) {
            (Ports::Asked, Some(address)) => of.ports = Ports::Open(address),
            (Ports::Asked, None) => of.ports = Ports::None,
            // Given back before they came: none came, so no report will.
            (Ports::Closing, None) => {
                of.ports = Ports::Closed;
                return self.conclude_if_closed(now, hands);
            }
            (Ports::Closing, Some(_)) => return,
            (Ports::None | Ports::Open(_) | Ports::Closed, _) => return,
        }
        if leg == self.caller.leg.id {
            self.caller_ports(now, hands, address.is_some());
        } else {
            self.target_ports(now, hands, leg, address.is_some());
        }
    }

    /// Takes the counters of a leg whose ports are closed.
    pub(in crate::call) fn closed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        sound: LegSound,
    ) {
        let Some(of) = self.leg_mut(leg) else { return };
        of.ports = Ports::Closed;
        of.sound = Some(Box::new(sound));
        self.conclude_if_closed(now, hands);
    }

    /// Takes the final response, or a provisional one, to a request that this call sent on one of its legs.
    pub(in crate::call) fn response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        errand: (LegId, Errand),
        client: ClientKey,
        came: (&Path, &Response),
    ) {
        let (leg, errand) = errand;
        let (path, response) = came;
        match errand {
            Errand::Invite => self.invite_response(now, hands, leg, client, came),
            Errand::Prack => self.prack_response(now, hands, client, response),
            Errand::Modify => {
                self.modify_response(now, hands, client, path, response);
                self.exchange_over(now, hands);
            }
            Errand::Rejoin => self.rejoin_response(now, hands, client, came),
            Errand::Lend => self.lend_response(now, hands, client, came),
            Errand::TakenBack => self.taken_back_response(now, hands, client, response),
            Errand::Notify => {}
            Errand::Inform => self.inform_response(now, hands, client, response),
            Errand::Ask => self.ask_response(now, hands, leg, response),
            Errand::Refresh => {
                self.refresh_response(now, hands, leg, client, came);
                self.exchange_over(now, hands);
            }
        }
    }

    /// A request of this call got no final response.
    pub(in crate::call) fn request_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        errand: (LegId, Errand),
        client: ClientKey,
    ) {
        let (leg, errand) = errand;
        match errand {
            Errand::Invite => self.invite_failed(now, hands, leg, client),
            Errand::Modify => self.modify_failed(now, hands, client),
            Errand::Prack => {
                self.take_prack(client);
            }
            Errand::Rejoin => self.rejoin_failed(now, hands, client),
            Errand::Lend => self.lend_failed(now, hands, client),
            Errand::Notify | Errand::TakenBack => {}
            Errand::Inform => self.inform_failed(now, hands, client),
            Errand::Ask => self.ask_failed(now, hands, leg),
            Errand::Refresh => self.refresh_failed(now, hands, leg, client),
        }
    }

    /// Counts the call as half open while its INVITE waits for the final answer.
    pub(in crate::call) fn count_half_open(&mut self, open: &mut HalfOpen) {
        match (self.half_open, self.caller.invite.is_some()) {
            (None, true) => {
                let peer = self.caller.leg.path.peer.ip();
                open.take(peer);
                self.half_open = Some(peer);
            }
            (Some(peer), false) => {
                open.give_back(peer);
                self.half_open = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    fn new_leg_id(&mut self) -> Option<LegId> {
        let number = self.legs_made;
        if number >= LEGS_MAX {
            return None;
        }
        self.legs_made += 1;
        Some(LegId(self.key.0 << 8 | number))
    }

    fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        if self.caller.leg.id == id {
            return Some(&mut self.caller.leg);
        }
        self.attempts
            .iter_mut()
            .map(|attempt| &mut attempt.leg)
            .find(|leg| leg.id == id)
    }

    /// Something was agreed on, or not: what waited for that goes on.
    fn exchange_over(&mut self, now: Moment, hands: &mut Hands) {
        self.join_if_ready(now, hands);
        self.lend_if_ready(now, hands);
    }

    /// Who talks to the caller.
    fn talking(&self) -> Option<&Attempt> {
        match &self.state {
            State::Up(up) => self.attempts.get(up.answered),
            State::Asking { .. } | State::Hunting(_) | State::Ending(_) | State::Over => None,
        }
    }

    fn attempt(&self, leg: LegId) -> Option<usize> {
        self.attempts.iter().position(|one| one.leg.id == leg)
    }

    /// Tells the call log; what is not admitted has no record.
    fn tell(&self, now: Moment, hands: &mut Hands, what: What) {
        if let Some(story) = &self.story {
            hands.wish(Wish::Tell(Box::new(Fact {
                call: story.id,
                at: story.wall + (now - self.started),
                mono: now,
                what,
            })));
        }
    }

    fn media(hands: &mut Hands, wish: MediaWish) {
        hands.wish(Wish::Media(wish));
    }
}

/// What a request of ours on a leg is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Errand {
    /// Reaches a target.
    Invite,
    /// Passes on an offer: a re-INVITE, an UPDATE, or a PRACK that has one.
    Modify,
    /// Acknowledges a target's reliable provisional response.
    Prack,
    /// Passes on an INFO.
    Inform,
    /// Asks a held side whether it is there.
    Ask,
    /// Refreshes a session.
    Refresh,
    /// Offers the caller what the new party of a transfer said.
    Rejoin,
    /// Offers a party what another call of ours needs of it.
    Lend,
    /// Passed on an offer whose sender has left since.
    TakenBack,
    /// Tells who asked for a transfer how it goes.
    Notify,
}
