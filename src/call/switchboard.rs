//! All calls, and the endpoint they speak through: fed by the engine, drained by it.
//!
//! It has no socket, no clock and no lock: `handle_*` feeds one thing that happened, [`Switchboard::poll`] drains what is
//! wanted, [`Switchboard::poll_timeout`] says when to come back.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::country::Country;
use crate::base::id::{CallId, LegId};
use crate::base::number::Number;
use crate::base::time::Moment;
use crate::call::alarms::Alarms;
use crate::call::desk::{CallKey, Note, Told, Wish};
use crate::call::guard::{self, Guard};
use crate::call::hands::Hands;
use crate::call::health::Health;
use crate::call::ladder::Seen;
use crate::call::machine::Call;
use crate::call::machine::end::End;
use crate::call::registrar::Registrar;
use crate::call::story::{FinishReason, KeptDialog};
use crate::call::trunks::Trunks;
use crate::sip::endpoint;
use crate::sip::endpoint::{Endpoint, Output, Transmit};
use crate::sip::session_timer::Policy;
use crate::sip::transport::{FlowId, Path};

/// What a switchboard starts with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `[sip]`, as the endpoint means it.
    pub sip: endpoint::Settings,
    /// `[[trunk]]`, with the addresses known now.
    pub trunks: Arc<Trunks>,
    /// `[numbers] country`.
    pub country: Country,
    /// `[guard]`.
    pub guard: guard::Settings,
    /// How long sessions last that nobody refreshes.
    pub session: Policy,
}

/// All calls.
pub struct Switchboard {
    // Ordered, so that ending all of them is the same in every run of one seed.
    pub(in crate::call) calls: BTreeMap<CallKey, Box<Call>>,
    pub(in crate::call) hands: Hands,
    pub(in crate::call) registrar: Registrar,
    pub(in crate::call) health: Health,
    pub(in crate::call) guard: Guard,
    alarms: Alarms,
    calls_made: u64,
    pub(in crate::call) draining: bool,
    end_all_at: Option<Moment>,
}

/// Why the switchboard wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A transaction.
    Sip(endpoint::Timer),
    /// A call; which of its timers, it knows itself.
    Call,
    /// A registration is to be refreshed or tried again.
    Registration,
    /// A trunk is to be asked whether it is there, or has not said so in time.
    Health,
    /// The time of the drain is over: the calls that are left are ended.
    Drained,
    /// A ban ends.
    Ban,
}

/// What is under way, for metrics and readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Calls.
    pub calls: usize,
    /// Those of them that were answered.
    pub answered: usize,
    /// Dialogs of ended calls whose peers have not confirmed the end yet.
    pub leaving: usize,
}

impl Switchboard {
    /// Starts without a call. Registrations begin at the first [`Self::handle_timeout`].
    pub fn new(setup: Setup, mut chance: Chance) -> Self {
        let user_agent: Arc<str> = setup.sip.user_agent.as_str().into();
        let sip = Endpoint::new(setup.sip, chance.fork());
        let registrar = Registrar::new(&setup.trunks);
        let guard = Guard::new(setup.guard, &mut chance);
        let mut hands = Hands::new(sip, setup.trunks, setup.country, user_agent, chance);
        hands.session = setup.session;
        let mut health = Health::default();
        let trunks = Arc::clone(&hands.trunks);
        health.set_trunks(Moment::START, &trunks, &mut hands);
        hands.half_open.set(setup.guard);
        hands.fan_out.set(setup.guard);
        Self {
            calls: BTreeMap::new(),
            hands,
            registrar,
            health,
            guard,
            alarms: Alarms::default(),
            calls_made: 0,
            draining: false,
            end_all_at: None,
        }
    }

    /// Takes a datagram.
    pub fn handle_datagram(&mut self, now: Moment, path: Path, bytes: Bytes) {
        self.hands.sip.handle_datagram(now, path, bytes);
        self.settle(now);
    }

    /// Takes the word that a connection stands.
    pub fn handle_opened(&mut self, now: Moment, flow: FlowId, path: Path) {
        self.hands.sip.handle_opened(now, flow, path);
        self.settle(now);
    }

    /// Takes the word that a connection's peer is who is reached at `places`.
    pub fn vouch(&mut self, flow: FlowId, places: Vec<SocketAddr>) {
        self.hands.sip.vouch(flow, places);
    }

    /// Takes bytes from a connection.
    pub fn handle_bytes(&mut self, now: Moment, flow: FlowId, bytes: &[u8]) {
        self.hands.sip.handle_bytes(now, flow, bytes);
        self.settle(now);
    }

    /// Takes one whole message from a connection whose transport frames them.
    pub fn handle_frame(&mut self, now: Moment, flow: FlowId, message: Bytes) {
        self.hands.sip.handle_frame(now, flow, message);
        self.settle(now);
    }

    /// Takes the word that a connection is gone, or could not be opened.
    pub fn handle_closed(&mut self, now: Moment, flow: FlowId) {
        self.hands.sip.handle_closed(now, flow);
        self.settle(now);
    }

    /// Takes what the engine tells beside SIP.
    pub fn handle(&mut self, now: Moment, told: Told) {
        match told {
            Told::Decided(key, verdict) => {
                self.with(key, |call, hands| call.decided(now, hands, verdict));
            }
            Told::Ports(key, leg, address) => {
                self.with(key, |call, hands| call.ports(now, hands, leg, address));
            }
            Told::Closed(leg, sound) => {
                let key = Call::of_leg(leg);
                self.with(key, |call, hands| call.closed(now, hands, leg, sound));
            }
            Told::Silent(leg) => {
                self.with(Call::of_leg(leg), |call, hands| call.silent(now, hands));
            }
            Told::HangUp(id) => {
                if let Some(key) = self.hands.by_id(id) {
                    self.end(now, key, FinishReason::HungUpByOperator);
                }
            }
            Told::Drain { until } => {
                self.draining = true;
                self.end_all_at = Some(until);
                self.registrar.stop(now, &mut self.hands);
                self.health.stop(&mut self.hands);
            }
            Told::EndAll => {
                self.draining = true;
                self.registrar.stop(now, &mut self.hands);
                self.health.stop(&mut self.hands);
                self.end_all(now);
            }
            Told::Ghost(dialogs) => self.end_ghost(now, &dialogs),
        }
        self.settle(now);
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.hands.sip.handle_timeout(now);
        self.hands.ladder.forget(now);
        self.settle(now);
        while let Some(key) = self.alarms.due(now) {
            if let Some(call) = self.calls.get_mut(&key) {
                call.alarm = None;
                call.timed_out(now, &mut self.hands);
                self.after(key);
            }
        }
        if self.end_all_at.is_some_and(|at| at <= now) {
            self.end_all_at = None;
            self.end_all(now);
        }
        self.registrar.handle_timeout(now, &mut self.hands);
        self.health.handle_timeout(now, &mut self.hands);
        self.settle(now);
        self.guard.handle_timeout(now);
        self.spread_news();
    }

    /// Returns the next thing that is wanted, or `None` when drained.
    pub fn poll(&mut self) -> Option<Wish> {
        self.hands.wishes.pop_front()
    }

    /// From now on the messages of calls are told by [`Self::next_seen`], which must then be drained.
    pub fn show_messages(&mut self) {
        self.hands.sip.overhear(true);
        self.hands.ladder.look();
    }

    /// Returns the next message of a call, one that came or one that goes out.
    pub fn next_seen(&mut self) -> Option<Seen> {
        self.hands.ladder.next()
    }

    /// Which call a leg belongs to.
    pub const fn call_of(leg: LegId) -> CallKey {
        Call::of_leg(leg)
    }

    /// Returns when to call [`Self::handle_timeout`] next, and why.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        let sip = self.hands.sip.poll_timeout();
        [
            sip.map(|(at, timer)| (at, Timer::Sip(timer))),
            self.alarms.next().map(|at| (at, Timer::Call)),
            self.registrar.next().map(|at| (at, Timer::Registration)),
            self.health.next().map(|at| (at, Timer::Health)),
            self.end_all_at.map(|at| (at, Timer::Drained)),
            self.guard.poll_timeout().map(|at| (at, Timer::Ban)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    /// Takes other trunks: those of a reload, or the same at other addresses. Legs keep the trunk that they began with.
    pub fn set_trunks(&mut self, now: Moment, trunks: Arc<Trunks>) {
        self.registrar.set_trunks(now, &trunks, &mut self.hands);
        self.health.set_trunks(now, &trunks, &mut self.hands);
        self.hands.trunks = trunks;
        self.settle(now);
    }

    /// Takes the virtual numbers, in the place of those told before: what is never dialled.
    pub fn set_own_numbers(&mut self, numbers: impl IntoIterator<Item = Number>) {
        let mut numbers: Vec<Number> = numbers.into_iter().collect();
        numbers.sort_unstable();
        self.hands.own_numbers = numbers;
    }

    /// Takes other lengths of sessions. Legs keep those that they began with.
    pub fn set_session(&mut self, session: Policy) {
        self.hands.session = session;
    }

    /// Takes the local addresses toward peers, in the place of those told before: what we are called there where a wildcard
    /// is listened on.
    pub fn face(&mut self, facing: impl IntoIterator<Item = (IpAddr, IpAddr)>) {
        self.hands.sip.face(facing);
    }

    /// The trunks as they are now.
    pub const fn trunks(&self) -> &Arc<Trunks> {
        &self.hands.trunks
    }

    /// Whether a call of this id is under way.
    pub fn has(&self, call: CallId) -> bool {
        self.hands.by_id(call).is_some()
    }

    /// What is under way.
    pub fn live(&self) -> Live {
        Live {
            calls: self.calls.len(),
            answered: self.calls.values().filter(|call| call.is_up()).count(),
            leaving: self.hands.farewells.len(),
        }
    }

    /// Whether no call is under way and every peer has heard: the process may stop.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.hands.is_idle() && self.registrar.is_idle()
    }

    /// What is kept of finished things, for the law that nothing stays: our tags, requests, INVITEs, ids, and lines in use.
    pub fn kept(&self) -> [usize; 5] {
        self.hands.kept()
    }

    /// How many transactions the endpoint keeps: ours, and those of peers.
    pub fn transactions(&self) -> (usize, usize) {
        self.hands.sip.transactions()
    }

    /// Makes the key of a new call.
    pub(in crate::call) const fn new_key(&mut self) -> CallKey {
        self.calls_made += 1;
        CallKey(self.calls_made)
    }

    /// Lets a call act; afterwards its alarm is set, or it is forgotten.
    pub(in crate::call) fn with(&mut self, key: CallKey, act: impl FnOnce(&mut Call, &mut Hands)) {
        if let Some(call) = self.calls.get_mut(&key) {
            act(call, &mut self.hands);
            self.after(key);
        }
    }

    /// Sets a call's alarm, or forgets the call, and carries what it says to others.
    pub(in crate::call) fn after(&mut self, key: CallKey) {
        self.settle_call(key);
        self.carry_words();
    }

    /// Sets a call's alarm, or forgets the call.
    pub(in crate::call) fn settle_call(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        call.count_half_open(&mut self.hands.half_open);
        if call.is_over() {
            self.calls.remove(&key);
            self.hands.wish(Wish::Gone(key));
            let calls = &self.calls;
            self.alarms
                .tidy(calls.len(), |alarm| calls.contains_key(&alarm));
            return;
        }
        if let Some((at, _)) = call.next_timeout()
            && call.alarm.is_none_or(|set| at < set)
        {
            call.alarm = Some(at);
            self.alarms.set(at, key);
        }
    }

    /// Does what the endpoint tells, until it has nothing more to tell.
    fn settle(&mut self, now: Moment) {
        while let Some(output) = self.hands.sip.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.show(now, &transmit);
                    self.hands.wish(Wish::Transmit(transmit));
                }
                Output::Event(event) => self.event(now, event),
                Output::Heard(path, message) => self.hands.ladder.heard(now, path, message),
            }
        }
    }

    /// Notes for the ladder what goes out.
    fn show(&mut self, now: Moment, transmit: &Transmit) {
        match transmit {
            Transmit::Datagram { path, bytes } => self.hands.ladder.said(now, Some(*path), bytes),
            Transmit::Stream { flow, bytes } => {
                let path = self.hands.sip.path_of(*flow);
                self.hands.ladder.said(now, path, bytes);
            }
            Transmit::Open { .. } | Transmit::Close { .. } => {}
        }
    }

    fn end(&mut self, now: Moment, key: CallKey, reason: FinishReason) {
        self.with(key, |call, hands| call.end(now, hands, End::cut(reason)));
    }

    fn end_all(&mut self, now: Moment) {
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in keys {
            self.end(now, key, FinishReason::Shutdown);
        }
    }

    /// Ends what a crash left behind: a BYE in each of the two dialogs.
    fn end_ghost(&mut self, now: Moment, dialogs: &[KeptDialog; 2]) {
        // The caller began its own; we began the other one, unless its party came by itself (RFC 3891).
        for (kept, callee) in dialogs.iter().zip([false, true]) {
            let ours = callee && kept.ours;
            if !self.hands.say_ghost_bye(now, kept, ours) {
                let trunk = Arc::clone(&kept.trunk);
                self.hands
                    .wish(Wish::Note(Note::Ghost { trunk, status: 0 }));
            }
        }
    }
}

impl std::fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switchboard")
            .field("live", &self.live())
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}
