//! A media worker ●: a plain thread that owns its legs' sockets and runs each packet to completion.
//!
//! Receive, check the source, count, send, tap; no lock, no allocation and no logging on that way.
//! Orders and reports are `command.rs`'s; the engine speaks to workers through `pool.rs`.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use tracing::{debug, error, warn};

use crate::base::clock::Clock;
use crate::base::id::LegId;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::bridge::{Bridges, Slot};
use crate::media::command::{Command, Pair, Report, Sound};
use crate::media::epoll::{Bell, Epoll, Turn};
use crate::media::leg::{Leg, Line, Received, Sent};
use crate::media::legs::Legs;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::tap::{TapWriter, Tapped};

/// The largest UDP packet: nothing is ever cut.
const PACKET_MAX: usize = 65_535;

/// Orders carried out between two looks at the sockets: about 0.5 ms of opening or closing.
const ORDERS_MAX: usize = 32;

/// How often silence is looked for. It is told at most so much late.
const LOOK: Duration = Duration::from_secs(1);

/// How soon reports are tried again that the engine had no room for.
const RETRY: Duration = Duration::from_millis(10);

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
}

/// A worker before its thread.
pub struct Worker {
    clock: Clock,
    commands: Receiver<Command>,
    bell: Arc<Bell>,
    epoll: Epoll,
    relay: Relay,
    reports: Reports,
    look_at: Moment,
}

/// What a packet passes through.
struct Relay {
    legs: Legs,
    bridges: Bridges,
    tap: TapWriter,
    buffer: Box<[u8]>,
}

/// The reports' way out, which never blocks: packets come before reports.
struct Reports {
    sender: Sender<Report>,
    /// What the channel had no room for. At most one for each leg and its watch.
    waiting: VecDeque<Report>,
    wake: Arc<dyn Fn() + Send + Sync>,
    news: bool,
}

/// Which of a leg's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rtp,
    Rtcp,
}

/// Whether the worker goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Worker {
    /// Makes a worker without legs.
    ///
    /// # Errors
    ///
    /// The kernel has no descriptor left.
    pub fn new(parts: Parts) -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(&parts.bell)?,
            clock: parts.clock,
            commands: parts.commands,
            bell: parts.bell,
            relay: Relay {
                legs: Legs::default(),
                bridges: Bridges::default(),
                tap: parts.tap,
                buffer: vec![0; PACKET_MAX].into(),
            },
            reports: Reports {
                sender: parts.reports,
                waiting: VecDeque::new(),
                wake: parts.wake,
                news: false,
            },
            look_at: Moment::START,
        })
    }

    /// Relays until it is stopped or the pool is gone; then every leg is closed and reported.
    pub fn run(mut self) {
        let mut turn = Turn::new();
        loop {
            if let Err(error) = self.epoll.wait(&mut turn, self.at_most()) {
                error!(%error, "a media worker cannot wait for packets; its calls end");
                break;
            }
            // One reading serves the turn: it is over within a millisecond.
            let now = self.clock.now();
            for token in turn.sockets() {
                let (slot, kind) = socket_of(token);
                if let Some(error) = self.relay.packet(slot, kind, now) {
                    self.broken(slot, kind, &error);
                }
            }
            if turn.bell() && self.obey(now) == Then::End {
                break;
            }
            if now >= self.look_at {
                self.look_at = now + LOOK;
                for leg in self.relay.bridges.silent(now) {
                    self.reports.tell(Report::Silent { leg });
                }
            }
            self.reports.flush();
        }
        for leg in self.relay.legs.drain() {
            self.reports.tell(closed(leg));
        }
        self.reports.flush();
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
            if let Err(error) = self.epoll.add(line.socket(), token_of(slot, kind)) {
                error!(leg = %id, ?kind, %error, "the kernel watches no more sockets; the leg hears nothing");
            }
        }
        debug!(leg = %id, port = leg.port, ?from, "leg opened");
    }

    fn close(&mut self, id: LegId) {
        let report = match self.relay.legs.remove(id) {
            Some((slot, leg)) => {
                self.relay.bridges.forget(slot);
                closed(leg)
            }
            // Closed before: whoever asks is answered all the same.
            None => Report::Closed {
                leg: id,
                port: 0,
                sound: Sound::default(),
            },
        };
        debug!(leg = %id, "leg closed");
        self.reports.tell(report);
    }

    /// A socket that only fails would keep the worker busy with nothing.
    fn broken(&mut self, slot: Slot, kind: Kind, error: &io::Error) {
        if let Some(leg) = self.relay.legs.get_mut(slot) {
            let _removed = self.epoll.remove(leg.line(kind).socket());
            warn!(leg = %leg.id, ?kind, %error, "a sound socket only fails; it is no longer read");
        }
    }
}

impl Relay {
    /// Reads one packet and runs it to completion. Gives back the error of a socket that must not be read again.
    fn packet(&mut self, slot: Slot, kind: Kind, now: Moment) -> Option<io::Error> {
        let Self { legs, buffer, .. } = self;
        let leg = legs.get_mut(slot)?;
        match leg.line(kind).receive(buffer) {
            Received::Packet(length) => self.relay(slot, kind, length, now),
            Received::Stranger => leg.sound.refused += 1,
            Received::Nothing => {}
            Received::Unreachable | Received::Fault => {
                if kind == Kind::Rtp {
                    leg.sound.send_errors += 1;
                }
            }
            Received::Broken(error) => return Some(error),
        }
        None
    }

    fn relay(&mut self, slot: Slot, kind: Kind, length: usize, now: Moment) {
        let Self {
            legs,
            bridges,
            tap,
            buffer,
        } = self;
        let (Some(packet), Some(leg)) = (buffer.get_mut(..length), legs.get_mut(slot)) else {
            return;
        };
        if rtcp::is_rtcp(packet) {
            // Each leg has its own way: it may have come to the RTP port and leave by the port of its
            // own, or the other way (RFC 5761 5.1.1). It does not count as heard: a peer that lost
            // its sound, or whose BYE was lost, may send reports for hours, and operators know media
            // timeouts that go by RTP alone (rtpengine's, and Cisco's by default).
            let route = bridges.route(slot);
            if let Some(other) = route.to.and_then(|to| legs.get_mut(to)) {
                // Many peers have no RTCP port; only sound that is refused counts.
                let _sent: Sent = other.report(packet);
            }
            return;
        }
        let (Kind::Rtp, Some(head)) = (kind, rtp::peek(packet)) else {
            leg.sound.malformed += 1;
            return;
        };
        leg.heard(&head, packet, now);
        let route = bridges.pass(slot, now);
        if let Some(other) = route.to.and_then(|to| legs.get_mut(to)) {
            other.send(packet);
        }
        if let Some((id, side)) = route.tap {
            let tapped = Tapped {
                tap: id,
                side,
                payload_type: head.payload_type,
                marker: head.marker,
                sequence: head.sequence,
                timestamp: head.timestamp,
                ssrc: head.ssrc,
                arrival: now,
                length: 0,
            };
            let whole = rtp::payload(packet).is_some_and(|payload| tap.push(&tapped, payload));
            if !whole && let Some(leg) = legs.get_mut(slot) {
                leg.sound.untapped += 1;
            }
        }
    }
}

impl Leg {
    const fn line(&mut self, kind: Kind) -> &mut Line {
        match kind {
            Kind::Rtp => &mut self.rtp,
            Kind::Rtcp => &mut self.rtcp,
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

/// The sockets are closed before this is told: whoever reads it may bind the port again.
fn closed(leg: Leg) -> Report {
    Report::Closed {
        leg: leg.id,
        port: leg.port,
        sound: leg.close(),
    }
}

fn token_of(slot: Slot, kind: Kind) -> u64 {
    let bit = match kind {
        Kind::Rtp => 0,
        Kind::Rtcp => 1,
    };
    (slot as u64) << 1 | bit
}

fn socket_of(token: u64) -> (Slot, Kind) {
    let kind = if token & 1 == 0 {
        Kind::Rtp
    } else {
        Kind::Rtcp
    };
    (Slot::try_from(token >> 1).unwrap_or(Slot::MAX), kind)
}
