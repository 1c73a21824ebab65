//! The loop: one thread that feeds the switchboard what happened and performs what it wishes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::base::map::Map;
use crate::base::time::Moment;
use crate::call::desk::{
    CallKey, Note, Question, RETRY_AFTER_S, TRANSFERS_MAX, Told, Verdict, Wish,
};
use crate::call::switchboard::Switchboard;
use crate::call::trunks::Trunks;
use crate::engine::admit::{Door, Room};
use crate::engine::datagrams::Datagrams;
use crate::engine::gauges::{Gauges, add, set};
use crate::engine::ladders::Ladders;
use crate::engine::limits::{Limits, PAIRS_PER_CALL};
use crate::engine::names::{self, Names, Resolved};
use crate::engine::pace::Pace;
use crate::engine::setup::Rules;
use crate::engine::sound::Sound;
use crate::engine::streams::{Arrival, Streams};
use crate::engine::tell::{Teller, tell_recording};
use crate::engine::ways::Ways;
use crate::recording::settings::When;
use crate::sip::endpoint::Transmit;
use crate::sip::transport::{FlowId, Path, Transport};
use crate::store::Store;
use crate::store::credit::Credit;
use crate::store::ladder::Draft;

/// What a call may write: began, ringing, answered, ended, recorded, hashed, and each time that it is sent on.
const EVENTS_PER_CALL: u32 = 6 + TRANSFERS_MAX;

/// How long a stop waits for the last legs to report past the end of the drain, and for the last peers to answer a BYE or a
/// CANCEL once no call is left: four repetitions.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How soon orders are sent again for which a worker or the recorder had no room.
const SEND_AGAIN: Duration = Duration::from_millis(10);

/// The wake-up of a loop that waits for nothing; early is harmless.
const NEVER: Duration = Duration::from_secs(3_600);

/// What other threads ask of the engine.
#[derive(Debug)]
pub(in crate::engine) enum Order {
    /// New rules; the old ones go on for calls under way.
    Reload(Box<Rules>),
    /// No new calls; those under way may go on for this long.
    Drain(Duration),
    /// End every call now and stop.
    EndNow,
    /// An operator ends one call, and is told whether there was one.
    HangUp {
        /// Which.
        call: CallId,
        /// Who asks.
        by: Arc<str>,
        /// Told whether it is under way.
        answer: oneshot::Sender<bool>,
    },
    /// A user has a recording pause, or go on, and is told whether there is one.
    Pause {
        /// Whose.
        call: CallId,
        /// Who asks.
        by: Arc<str>,
        /// To pause.
        paused: bool,
        /// Told whether there is one.
        answer: oneshot::Sender<bool>,
    },
    /// An operator wants the messages of a call in progress; `None`: it is not, or none are kept of it.
    Ladder(CallId, oneshot::Sender<Option<Draft>>),
}

/// The engine's thread: everything it owns.
pub(in crate::engine) struct Engine {
    pub(in crate::engine) clock: Clock,
    pub(in crate::engine) switchboard: Switchboard,
    pub(in crate::engine) datagrams: Datagrams,
    pub(in crate::engine) pace: Pace,
    pub(in crate::engine) streams: Streams,
    pub(in crate::engine) ways: Ways,
    pub(in crate::engine) sound: Sound,
    pub(in crate::engine) sound_wakes: Arc<Notify>,
    pub(in crate::engine) store: Store,
    pub(in crate::engine) door: Door,
    pub(in crate::engine) rules: Rules,
    /// There is a recorder.
    pub(in crate::engine) records: bool,
    pub(in crate::engine) trunks: Arc<Trunks>,
    pub(in crate::engine) limits: Limits,
    pub(in crate::engine) gauges: Arc<Gauges>,
    pub(in crate::engine) credits: Map<CallKey, Credit>,
    pub(in crate::engine) teller: Teller,
    pub(in crate::engine) ladders: Ladders,
    /// Nobody is left who could give orders.
    pub(in crate::engine) abandoned: bool,
    pub(in crate::engine) orders: mpsc::Receiver<Order>,
    pub(in crate::engine) lookup: Names,
    pub(in crate::engine) names: mpsc::Receiver<Vec<Resolved>>,
    pub(in crate::engine) name_reports: mpsc::Sender<Vec<Resolved>>,
    pub(in crate::engine) resolver: Option<tokio::task::AbortHandle>,
}

/// What woke the loop.
enum Woken {
    Datagrams,
    Stream(Arrival),
    Sound,
    Order(Option<Order>),
    Names(Vec<Resolved>),
    Timer,
}

impl Engine {
    /// Runs until the process shall stop and the last call has told its end.
    pub(in crate::engine) async fn run(mut self) {
        let mut stop_at: Option<Moment> = None;
        let mut quiet_until: Option<Moment> = None;
        self.watch_names();
        self.show_trunks();
        self.gauges.set_ready();
        let mut rest = None;
        loop {
            self.perform();
            if let Some(rest) = rest.take() {
                // Nothing unparks this thread, and a rest that ends early is harmless.
                std::thread::park_timeout(rest);
            }
            if let Some(at) = stop_at {
                let now = self.clock.now();
                if self.credits.is_empty() {
                    if self.switchboard.is_idle() {
                        break;
                    }
                    stop_at = Some(at.min(*quiet_until.get_or_insert(now + LAST_WORDS)));
                }
                if now >= at {
                    break;
                }
            }
            let wake = self.wake_at(stop_at);
            let woken = tokio::select! {
                () = self.datagrams.readable() => Woken::Datagrams,
                arrival = self.streams.next() => Woken::Stream(arrival),
                () = self.sound_wakes.notified() => Woken::Sound,
                order = self.orders.recv(), if !self.abandoned => Woken::Order(order),
                Some(found) = self.names.recv() => Woken::Names(found),
                () = tokio::time::sleep_until(self.clock.instant(wake).into()) => Woken::Timer,
            };
            let now = self.clock.now();
            match woken {
                Woken::Datagrams => rest = self.receive(now),
                Woken::Stream(arrival) => self.stream(now, arrival),
                Woken::Sound => self.hear(now),
                Woken::Order(order) => self.obey(now, order, &mut stop_at),
                Woken::Names(found) => self.renamed(now, found),
                Woken::Timer => {}
            }
            self.switchboard.handle_timeout(now);
            self.teller.handle_timeout(now);
            self.ladders.handle_timeout(now, &self.store);
            self.show_guard();
        }
        tracing::info!("the engine stops");
        self.ladders.finish(&self.store);
        self.sound.shut_down(self.clock.now());
        self.tell_unrecorded();
    }

    /// Tells the call log of recordings that the recorder never began.
    fn tell_unrecorded(&mut self) {
        while let Some(outcome) = self.sound.next_unrecorded() {
            tell_recording(&self.store, &self.gauges, outcome);
        }
    }

    /// Does everything the switchboard wishes, in its order.
    fn perform(&mut self) {
        let now = self.clock.now();
        self.look();
        while let Some(wish) = self.switchboard.poll() {
            match wish {
                Wish::Transmit(transmit) => self.transmit(now, transmit),
                Wish::Decide(call, question) => {
                    let verdict = self.decide(now, call, &question);
                    self.switchboard.handle(now, Told::Decided(call, verdict));
                }
                Wish::Media(wish) => {
                    let told = self.sound.perform(now, &mut self.ways, wish);
                    if let Some(told) = told {
                        self.switchboard.handle(now, told);
                    }
                }
                Wish::Tell(fact) => {
                    Teller::tell(&self.gauges, &fact);
                    self.store.tell(*fact);
                }
                Wish::Gone(call) => {
                    self.credits.remove(&call);
                    self.ladders.gone(now, call);
                }
                Wish::Note(what) => {
                    if let Note::Guard(news) = &what {
                        self.streams.heed(news);
                    }
                    self.teller.note(now, &self.gauges, &what);
                }
            }
        }
        self.look();
        self.sound.flush(now);
        self.datagrams.flush();
        set(&self.gauges.sip_unsent, self.datagrams.unsent);
        set(&self.gauges.ladders_missed, self.ladders.missed());
        self.tell_unrecorded();
    }

    /// Takes what was said and heard for the ladders of the calls.
    fn look(&mut self) {
        while let Some(seen) = self.switchboard.next_seen() {
            self.ladders.see(seen, || self.clock.wall());
        }
    }

    fn transmit(&mut self, now: Moment, transmit: Transmit) {
        match transmit {
            Transmit::Datagram { path, bytes } => {
                add(&self.gauges.sip_sent, 1);
                self.datagrams.send(&path, bytes);
            }
            Transmit::Open {
                flow,
                transport,
                peer,
            } => self.streams.open(flow, transport, peer),
            Transmit::Stream { flow, bytes } => {
                add(&self.gauges.sip_sent, 1);
                if !self.streams.send(flow, bytes) {
                    self.switchboard.handle_closed(now, flow);
                }
            }
            Transmit::Close { flow } => self.streams.close(flow),
        }
    }

    fn decide(&mut self, now: Moment, call: CallKey, question: &Question) -> Verdict {
        let Some(credit) = self.store.credit(EVENTS_PER_CALL) else {
            add(&self.gauges.overloaded, 1);
            return Verdict::NoRoom {
                retry_after_s: RETRY_AFTER_S,
            };
        };
        let full = self.credits.len() as u64 >= self.limits.calls
            || self.sound.pairs_free(now) < PAIRS_PER_CALL;
        let room = if full {
            add(&self.gauges.overloaded, 1);
            Room::RecordOnly
        } else {
            Room::Free
        };
        let wall = self.clock.wall();
        let verdict = self
            .door
            .decide(&self.rules, &self.store, wall, question, room);
        let shown = match &verdict {
            Verdict::Ours(admission) => {
                self.credits.insert(call, credit);
                admission.tracked.then_some(admission.id)
            }
            Verdict::NotOurs | Verdict::NoRoom { .. } => None,
        };
        self.ladders.admitted(call, shown);
        verdict
    }

    /// Takes what arrived, and returns how long the loop shall rest once it is dealt with.
    fn receive(&mut self, now: Moment) -> Option<Duration> {
        let (switchboard, ways) = (&mut self.switchboard, &mut self.ways);
        let mut count = 0;
        self.datagrams.receive(|bound, peer, bytes| {
            count += 1;
            // First of all: what is not heard costs neither a copy nor a question to the kernel.
            if !switchboard.hears(now, peer, bytes.len()) {
                return;
            }
            let path = Path {
                transport: Transport::Udp,
                local: ways.local_for(bound, peer.ip()),
                peer,
                flow: None,
            };
            // An exact copy: a slice of the receive buffer would pin 64 KB for as long as a call lasts.
            switchboard.handle_datagram(now, path, Bytes::copy_from_slice(bytes));
        });
        add(&self.gauges.sip_received, count);
        self.pace.rest_after(now, count)
    }

    fn show_guard(&self) {
        let (banned, dropped) = self.switchboard.guarded();
        let half_open = self.switchboard.half_open();
        set(&self.gauges.banned, banned as u64);
        set(&self.gauges.half_open, half_open as u64);
        let (ours, theirs) = self.switchboard.transactions();
        set(&self.gauges.transactions, (ours + theirs) as u64);
        set(&self.gauges.dropped_banned, dropped.banned);
        set(&self.gauges.dropped_too_fast, dropped.too_fast);
    }

    fn stream(&mut self, now: Moment, arrival: Arrival) {
        self.pace.hurry(now);
        match arrival {
            Arrival::Opened(flow, path) => self.switchboard.handle_opened(now, flow, path),
            Arrival::Bytes(flow, bytes) => {
                add(&self.gauges.sip_received, 1);
                if self.switchboard.hears_on(now, flow, bytes.len()) {
                    self.switchboard.handle_bytes(now, flow, &bytes);
                } else {
                    self.shut(now, flow);
                }
            }
            Arrival::Vouched(flow, places) => self.switchboard.vouch(flow, places),
            Arrival::Frame(flow, bytes) => {
                add(&self.gauges.sip_received, 1);
                if self.switchboard.hears_on(now, flow, bytes.len()) {
                    self.switchboard.handle_frame(now, flow, bytes);
                } else {
                    self.shut(now, flow);
                }
            }
            Arrival::Closed(flow) => self.switchboard.handle_closed(now, flow),
            Arrival::Unshaken(flow) => {
                add(&self.gauges.connections_unshaken, 1);
                self.switchboard.handle_closed(now, flow);
            }
            Arrival::TurnedAway => add(&self.gauges.connections_turned_away, 1),
        }
        set(&self.gauges.connections, self.streams.count() as u64);
    }

    /// Closes the connection of somebody who is not heard: a stream with a hole in it makes no sense.
    fn shut(&mut self, now: Moment, flow: FlowId) {
        self.streams.close(flow);
        self.switchboard.handle_closed(now, flow);
    }

    fn hear(&mut self, now: Moment) {
        while let Some(told) = self.sound.next_report(now) {
            self.switchboard.handle(now, told);
        }
    }

    fn obey(&mut self, now: Moment, order: Option<Order>, stop_at: &mut Option<Moment>) {
        match order {
            Some(Order::Reload(rules)) => {
                self.rules = *rules;
                if !self.records {
                    // Who started without a recorder has one after a restart.
                    self.rules.record = When::None;
                }
                self.switchboard.set_guard(self.rules.guard);
                self.reload(now);
            }
            Some(Order::Drain(patience)) => {
                tracing::info!(
                    calls = self.credits.len(),
                    patience_s = patience.as_secs(),
                    "draining: no new calls, those under way may go on"
                );
                self.gauges.set_draining();
                let until = now + patience;
                self.switchboard.handle(now, Told::Drain { until });
                *stop_at = Some(until + LAST_WORDS);
            }
            Some(Order::EndNow) | None => {
                // Without a handle nobody could ever stop us; a channel that is closed is not waited on again.
                self.abandoned = order.is_none();
                self.gauges.set_draining();
                self.switchboard.handle(now, Told::EndAll);
                *stop_at = Some(now + LAST_WORDS);
            }
            Some(Order::HangUp { call, by, answer }) => {
                let is_up = self.switchboard.has(call);
                if is_up {
                    tracing::info!(%call, %by, "a call is hung up by hand");
                }
                // Who asked may have gone.
                let _told = answer.send(is_up);
                self.switchboard.handle(now, Told::HangUp(call));
            }
            Some(Order::Pause {
                call,
                by,
                paused,
                answer,
            }) => {
                let _told = answer.send(self.sound.pause(call, by, paused, now));
            }
            Some(Order::Ladder(call, answer)) => drop(answer.send(self.ladders.of(call))),
        }
    }

    /// Gives the switchboard the trunks of the new rules. A trunk keeps its addresses until its name is asked again.
    fn reload(&mut self, now: Moment) {
        let known = Arc::clone(&self.trunks);
        let trunks = self.rules.trunks.iter().map(|trunk| {
            let addresses = names::literal(trunk)
                .or_else(|| {
                    known
                        .by_id(&trunk.id)
                        .filter(|line| names::goal(&line.trunk) == names::goal(trunk))
                        .map(|line| line.addresses.clone())
                })
                .unwrap_or_default();
            (trunk.clone(), addresses)
        });
        self.streams.set_tls(&self.rules.tls);
        self.set_trunks(now, Trunks::new(trunks));
        self.switchboard.set_session(self.rules.session);
        let own = self.rules.tracking.virtual_numbers();
        self.switchboard.set_own_numbers(own);
        self.watch_names();
        add(&self.gauges.reloads, 1);
        tracing::info!("new rules are in force; calls under way keep theirs");
    }

    fn renamed(&mut self, now: Moment, found: Vec<Resolved>) {
        let trunks = found
            .into_iter()
            .fold((*self.trunks).clone(), |trunks, (id, addresses)| {
                trunks.with_addresses(&id, addresses)
            });
        self.set_trunks(now, trunks);
    }

    fn set_trunks(&mut self, now: Moment, trunks: Trunks) {
        warn_of_shared(&trunks, &self.trunks.shared());
        self.trunks = Arc::new(trunks);
        self.streams.set_trunks(Arc::clone(&self.trunks));
        self.show_trunks();
        self.face(&[]);
        self.switchboard.set_trunks(now, Arc::clone(&self.trunks));
    }

    /// Shows in the metrics which trunks are asked whether they are there.
    fn show_trunks(&self) {
        let asked = self
            .trunks
            .iter()
            .filter(|line| line.trunk.health_s.is_some());
        self.gauges
            .watch_trunks(asked.map(|line| Arc::clone(&line.trunk.id)));
    }

    /// Tells the switchboard which of our addresses faces each trunk, and each of `others`.
    pub(in crate::engine) fn face(&mut self, others: &[IpAddr]) {
        let places = self.trunks.iter().flat_map(|line| &line.addresses.0);
        let peers = places.map(|place| place.address.ip());
        let ways = &mut self.ways;
        self.switchboard.face(
            peers
                .chain(others.iter().copied())
                .map(|peer| (peer, ways.toward(peer))),
        );
    }

    /// Resolves the trunks' names in the background, at once and again.
    fn watch_names(&mut self) {
        if let Some(old) = self.resolver.take() {
            old.abort();
            // What it found is of trunks that may be elsewhere now.
            while self.names.try_recv().is_ok() {}
        }
        let task = tokio::spawn(names::keep_resolving(
            self.clock,
            self.lookup.clone(),
            self.rules.trunks.clone(),
            Arc::clone(&self.trunks),
            self.name_reports.clone(),
        ));
        self.resolver = Some(task.abort_handle());
    }

    fn wake_at(&self, stop_at: Option<Moment>) -> Moment {
        let timer = self
            .switchboard
            .poll_timeout()
            .map_or_else(|| self.clock.now() + NEVER, |(at, _)| at);
        let others = [
            self.teller.poll_timeout(),
            self.ladders.poll_timeout(),
            self.sound.poll_timeout(),
        ];
        let timer = others.into_iter().flatten().fold(timer, Moment::min);
        let timer = if self.sound.is_behind() {
            timer.min(self.clock.now() + SEND_AGAIN)
        } else {
            timer
        };
        stop_at.map_or(timer, |stop| stop.min(timer))
    }
}

/// Says which addresses several trunks have come to share; `before` was said already.
pub(in crate::engine) fn warn_of_shared(trunks: &Trunks, before: &[(SocketAddr, Vec<Arc<str>>)]) {
    for (address, sharing) in trunks.shared() {
        if !before.iter().any(|(known, _)| *known == address) {
            tracing::warn!(%address, trunks = ?sharing, "calls from this address are refused: several trunks lead there; give each an address or a port of its own");
        }
    }
}
