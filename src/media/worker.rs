//! A media worker ●: a plain thread that owns its legs' sockets and runs each packet to completion.
//!
//! What happens to a packet is `relay.rs`'s, how it is read and sent its driver's: no lock, no
//! allocation and no logging on that way. Orders and reports are `command.rs`'s; the engine speaks to
//! workers through `pool.rs`.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use tracing::{debug, error};

use crate::base::clock::Clock;
use crate::base::id::LegId;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::command::{Command, Pair, Report, Sound};
use crate::media::driver::{Driver, Make};
use crate::media::late::{Lateness, Stopwatch};
use crate::media::leg::{Kind, Leg};
use crate::media::relay::{Place, Relay};
use crate::media::tap::TapWriter;

/// Orders carried out between two looks at the sockets: about 0.5 ms of opening or closing.
const ORDERS_MAX: usize = 32;

/// How often silence is looked for. It is told at most so much late.
const LOOK: Duration = Duration::from_secs(1);

/// How soon reports are tried again that the engine had no room for.
const RETRY: Duration = Duration::from_millis(10);

/// How long the end of a worker waits for the kernel to let go of its sockets: many times what it takes.
const LET_GO_MAX: Duration = Duration::from_secs(1);

/// What a worker is made of.
pub struct Parts {
    /// The clock of arrivals.
    pub clock: Clock,
    /// Orders from the pool.
    pub commands: Receiver<Command>,
    /// Reports to the engine.
    pub reports: Sender<Report>,
    /// Called after reports were queued.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Rung after orders were sent.
    pub bell: Arc<Bell>,
    /// The way to the recorder.
    pub tap: TapWriter,
    /// How it waits, reads and sends.
    pub driver: Make,
    /// Where it shows how late it is.
    pub lateness: Arc<Lateness>,
}

/// A worker before its thread.
pub struct Worker {
    clock: Clock,
    commands: Receiver<Command>,
    bell: Arc<Bell>,
    driver: Box<dyn Driver>,
    relay: Relay,
    reports: Reports,
    /// Legs that were asked once more to close, and whose sockets the kernel still holds.
    twice: Vec<LegId>,
    look_at: Moment,
    lateness: Arc<Lateness>,
    stopwatch: Stopwatch,
}

/// The reports' way out, which never blocks: packets come before reports.
struct Reports {
    sender: Sender<Report>,
    /// What the channel had no room for. At most one for each leg and its watch.
    waiting: VecDeque<Report>,
    wake: Arc<dyn Fn() + Send + Sync>,
    news: bool,
}

/// Whether the worker goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Worker {
    /// Makes a worker without legs, on its own thread.
    ///
    /// # Errors
    ///
    /// The driver cannot be made.
    pub fn new(parts: Parts) -> io::Result<Self> {
        Ok(Self {
            clock: parts.clock,
            commands: parts.commands,
            bell: parts.bell,
            driver: (parts.driver)()?,
            relay: Relay::new(parts.tap),
            reports: Reports {
                sender: parts.reports,
                waiting: VecDeque::new(),
                wake: parts.wake,
                news: false,
            },
            twice: Vec::new(),
            look_at: Moment::START,
            lateness: parts.lateness,
            stopwatch: Stopwatch::default(),
        })
    }

    /// Relays until it is stopped or the pool is gone; then every leg is closed and reported.
    pub fn run(mut self) {
        loop {
            let at_most = self.at_most();
            let turn = match self.driver.turn(&mut self.relay, self.clock, at_most) {
                Ok(turn) => turn,
                Err(error) => {
                    error!(%error, "a media worker cannot wait for packets; its calls end");
                    break;
                }
            };
            if turn.bell && self.obey(turn.now) == Then::End {
                break;
            }
            if turn.now >= self.look_at {
                self.look_at = turn.now + LOOK;
                self.lateness.ask_the_kernel();
                for leg in self.relay.bridges.silent(turn.now) {
                    self.reports.tell(Report::Silent { leg });
                }
            }
            self.let_go();
            self.reports.flush();
            let now = self.clock.now();
            self.stopwatch.turn(now - turn.now, now, &self.lateness);
        }
        self.end();
    }

    /// Closes every leg. A driver that does not come to an end with them leaves them to the process.
    fn end(&mut self) {
        while let Some(id) = self.relay.legs.any() {
            self.close(id);
        }
        self.let_go();
        let until = self.clock.now() + LET_GO_MAX;
        while !self.relay.legs.is_empty() && self.clock.now() < until {
            let turn = self.driver.turn(&mut self.relay, self.clock, Some(RETRY));
            self.let_go();
            if turn.is_err() {
                break;
            }
        }
        for leg in self.relay.legs.drain() {
            self.reports.tell(closed(leg));
        }
        self.reports.flush();
    }

    /// Tells of the legs whose sockets the kernel has let go of.
    fn let_go(&mut self) {
        while let Some(slot) = self.driver.gone() {
            if let Some(leg) = self.relay.legs.remove(slot) {
                let id = leg.id;
                debug!(leg = %id, "leg closed");
                self.reports.tell(closed(leg));
                for _ in self.twice.extract_if(.., |twice| *twice == id) {
                    self.reports.tell(never_open(id));
                }
            }
        }
    }

    fn at_most(&self) -> Option<Duration> {
        if !self.reports.waiting.is_empty() {
            Some(RETRY)
        } else if self.relay.legs.is_empty() {
            None
        } else {
            Some(LOOK)
        }
    }

    fn obey(&mut self, now: Moment) -> Then {
        self.bell.quiet();
        for _ in 0..ORDERS_MAX {
            match self.commands.try_recv() {
                Ok(command) => {
                    if self.order(command, now) == Then::End {
                        return Then::End;
                    }
                }
                Err(TryRecvError::Empty) => return Then::GoOn,
                Err(TryRecvError::Disconnected) => return Then::End,
            }
        }
        // There may be more: look at the sockets first.
        self.bell.ring();
        Then::GoOn
    }

    fn order(&mut self, command: Command, now: Moment) -> Then {
        let Relay { legs, bridges, .. } = &mut self.relay;
        match command {
            Command::Open {
                leg,
                pair,
                from,
                signalling,
            } => self.open(leg, pair, from, signalling),
            Command::Aim { leg, aim } => {
                if let Some(leg) = legs.named_mut(leg) {
                    leg.aim(*aim);
                }
            }
            Command::Bridge { caller, callee } => {
                if let (Some(caller), Some(callee)) = (legs.slot(caller), legs.slot(callee)) {
                    bridges.join(caller, callee);
                }
            }
            Command::Watch { leg, silence } => {
                if let Some(slot) = legs.slot(leg) {
                    bridges.watch(slot, leg, silence, now);
                }
            }
            Command::Tap {
                caller,
                callee,
                tap,
            } => {
                if let (Some(caller), Some(callee)) = (legs.slot(caller), legs.slot(callee)) {
                    bridges.tap(caller, callee, tap);
                }
            }
            Command::Close { leg } => self.close(leg),
            Command::Stop => return Then::End,
        }
        Then::GoOn
    }

    fn open(&mut self, id: LegId, pair: Pair, from: SoundFrom, signalling: IpAddr) {
        let leg = Leg::new(id, pair, from, signalling);
        let slot = match self.relay.legs.insert(leg) {
            Ok(slot) => slot,
            Err(twice) => {
                error!(leg = %id, "a leg was opened twice; its second ports are given back");
                self.reports.tell(closed(twice));
                return;
            }
        };
        let Some(leg) = self.relay.legs.get_mut(slot) else {
            return;
        };
        for (line, kind) in [(&leg.rtp, Kind::Rtp), (&leg.rtcp, Kind::Rtcp)] {
            if let Err(error) = self.driver.open(Place { slot, kind }, line.socket()) {
                error!(leg = %id, ?kind, %error, "the kernel watches no more sockets; the leg hears nothing");
            }
        }
        debug!(leg = %id, port = leg.port, ?from, "leg opened");
    }

    fn close(&mut self, id: LegId) {
        match self.relay.legs.retire(id) {
            Some(slot) => {
                self.relay.bridges.forget(slot);
                self.driver.close(slot);
                self.let_go();
            }
            // Closed before: whoever asks is answered all the same, after the first answer.
            None if self.relay.legs.is_closing(id) => self.twice.push(id),
            None => self.reports.tell(never_open(id)),
        }
    }
}

impl Reports {
    fn tell(&mut self, report: Report) {
        self.news = true;
        self.waiting.push_back(report);
    }

    fn flush(&mut self) {
        while let Some(report) = self.waiting.pop_front() {
            match self.sender.try_send(report) {
                Ok(()) => {}
                Err(TrySendError::Full(report)) => {
                    self.waiting.push_front(report);
                    break;
                }
                // The engine is gone: nobody is left to be told.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        if std::mem::take(&mut self.news) {
            (self.wake)();
        }
    }
}

/// What is said of a leg that is not here.
fn never_open(leg: LegId) -> Report {
    Report::Closed {
        leg,
        port: 0,
        sound: Sound::default(),
    }
}

/// The sockets are closed before this is told: whoever reads it may bind the port again.
fn closed(leg: Leg) -> Report {
    Report::Closed {
        leg: leg.id,
        port: leg.port,
        sound: leg.close(),
    }
}
