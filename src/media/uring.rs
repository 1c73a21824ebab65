//! A driver on completions ●: io_uring(7) receives into buffers and sends from them.
//!
//! Each socket has one receive that stays (multishot) and takes its buffers from a group that all
//! share. A packet is judged, changed and sent where it lies, and its buffer goes back once it has
//! left. What is to be sent is handed over together with the next wait, one system call a turn:
//! while there is time a turn is one packet, under load it is many.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::bridge::Slot;
use crate::media::driver::{Books, Driver, Make};
use crate::media::leg::{Received, Sent};
use crate::media::relay::{Place, Relay, Way};
use crate::media::uring::lines::{Line, Lines, both};
use crate::media::uring::ring::{Event, Held, Ring};

mod address;
mod lines;
mod ring;
#[cfg(test)]
mod tests;

/// Events taken a turn: few enough that the clock read before them is true for the last (about 0.6 ms
/// of work), enough that a turn's own cost vanishes under load.
const TURN_MAX: usize = 256;

/// Packets a second from which on they are gathered: half of what a core relays one by one. Below that
/// each goes on at once.
const GATHER_FROM: u64 = 25_000;

/// How long packets are gathered under load, and how many make a turn in any case.
const GATHER: Duration = Duration::from_micros(500);
const GATHER_MAX: usize = 64;

/// Over how long the load is measured.
const PACE: Duration = Duration::from_millis(10);

/// How soon an order is offered again for which the kernel had no room.
const AGAIN: Duration = Duration::from_millis(1);

/// How long the kernel may take for a packet to itself.
const TRIAL_MAX: Duration = Duration::from_secs(1);

/// The ring, and what is known of each socket in it.
pub struct Uring {
    ring: Ring,
    bell: Arc<Bell>,
    lines: Lines,
    /// Sockets that must be ordered to be read again.
    idle: Vec<Place>,
    /// Sockets that are being closed, and whose reading could not be cancelled for want of room.
    uncancelled: Vec<Place>,
    /// The same with the watching of the bell.
    unwatched: bool,
    /// What is being sent, by its buffer.
    ways: Vec<Option<Flight>>,
    /// Sends whose outcome is not known yet.
    sending: usize,
    pace: Pace,
    books: Books,
}

/// A packet that is being sent.
#[derive(Clone, Copy, Debug)]
struct Flight {
    way: Way,
    attempt: Try,
    /// The name of the socket that it leaves by.
    by: u64,
}

/// How many packets come.
#[derive(Debug, Default)]
struct Pace {
    since: Moment,
    packets: u64,
    fast: bool,
}

/// Whether a packet is sent for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    First,
    Second,
}

/// Sends one packet over loopback as a worker does, on the calling thread: what the kernel's version or
/// a sandbox (Docker's seccomp refuses io_uring) does not let us do shows here.
///
/// # Errors
///
/// What the kernel refused.
pub fn trial() -> io::Result<()> {
    let mut ring = Ring::new()?;
    ring.begin()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let to = socket.local_addr()?;
    ring.receive(socket.as_fd(), 0)?;
    socket.send_to(b"ringtag", to)?;
    let mut sent = false;
    loop {
        ring.enter(1, Some(TRIAL_MAX), Duration::ZERO)?;
        match ring.next() {
            Some(Event::Received { held, .. }) if !sent => {
                ring.send(socket.as_fd(), held, b"ringtag".len(), Some(to))?;
                sent = true;
            }
            // Its own packet came back.
            Some(Event::Received { held, .. }) => {
                ring.give_back(held);
                ring.cancel(0)?;
            }
            Some(Event::Sent { held, result }) => {
                ring.give_back(held);
                result?;
            }
            Some(Event::Ended { error, .. }) if error.raw_os_error() == Some(libc::ECANCELED) => {
                return Ok(());
            }
            Some(Event::Ended { error, .. }) => return Err(error),
            Some(Event::Ready { .. }) => {}
            None => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Uring {
    /// Makes ready a driver that hears `bell`.
    ///
    /// # Errors
    ///
    /// The kernel has no io_uring for us, or one that is too old.
    pub fn prepare(bell: Arc<Bell>) -> io::Result<Make> {
        let ring = Ring::new()?;
        Ok(Box::new(move || Ok(Box::new(Self::begin(ring, bell)?))))
    }

    /// Begins on the calling thread.
    fn begin(ring: Ring, bell: Arc<Bell>) -> io::Result<Self> {
        let mut driver = Self {
            ring,
            bell,
            lines: Lines::default(),
            idle: Vec::new(),
            uncancelled: Vec::new(),
            unwatched: false,
            ways: Vec::new(),
            sending: 0,
            pace: Pace::default(),
            books: Books::default(),
        };
        driver.ring.begin()?;
        driver.ring.watch(driver.bell.as_fd())?;
        Ok(driver)
    }

    fn received(&mut self, relay: &mut Relay, place: Place, mut held: Held, now: Moment) {
        // What still comes of a socket that is being closed is nobody's.
        let way = match self.lines.get(place) {
            Line::Read | Line::Pausing | Line::Idle => self
                .ring
                .packet(&mut held)
                .and_then(|(source, room, length)| relay.packet(place, source, room, length, now)),
            Line::Free | Line::Closing => None,
        };
        match way {
            Some(way) => self.send(relay, held, way, Try::First),
            None => self.ring.give_back(held),
        }
    }

    fn send(&mut self, relay: &mut Relay, held: Held, way: Way, attempt: Try) {
        let number = held.number();
        let Some(leg) = relay.leg(way.by.slot) else {
            self.ring.give_back(held);
            return;
        };
        let to: Option<SocketAddr> = (!way.connected).then_some(way.to);
        let socket = leg.line(way.by.kind).socket().as_fd();
        if self.ring.send(socket, held, way.length, to).is_err() {
            relay.sent(way.by, way.sound, Sent::Refused);
            return;
        }
        if self.ways.len() <= number {
            self.ways.resize(number + 1, None);
        }
        let by = self.lines.name(way.by);
        if let Some(place) = self.ways.get_mut(number) {
            *place = Some(Flight { way, attempt, by });
        }
        self.sending += 1;
    }

    fn sent(&mut self, relay: &mut Relay, held: Held, result: io::Result<()>) {
        self.sending = self.sending.saturating_sub(1);
        let flight = self.ways.get_mut(held.number()).and_then(Option::take);
        // Who sent it may be gone, and another in its place.
        let flight = flight.filter(|flight| self.lines.named(flight.by).is_some());
        let Some(Flight { way, attempt, .. }) = flight else {
            self.ring.give_back(held);
            return;
        };
        let sent = match (result, attempt) {
            (Ok(()), Try::First) => Sent::Yes,
            (Ok(()), Try::Second) => Sent::Again,
            // The news is of an earlier packet; this one was not tried (udp(7)).
            (Err(error), Try::First) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.send(relay, held, way, Try::Second);
                return;
            }
            (Err(_), Try::First | Try::Second) => Sent::Refused,
        };
        self.ring.give_back(held);
        relay.sent(way.by, way.sound, sent);
    }

    /// A socket is no longer read: it was closed, the buffers were used up, or it had an error to tell.
    fn ended(&mut self, relay: &mut Relay, place: Place, error: io::Error) {
        match self.lines.get(place) {
            Line::Closing => {
                self.lines.set(place, Line::Free);
                return self.leave(place.slot);
            }
            // The throttle says when it is read again.
            Line::Pausing => return self.lines.set(place, Line::Idle),
            Line::Read | Line::Idle => self.lines.set(place, Line::Idle),
            Line::Free => return,
        }
        if error.raw_os_error() == Some(libc::ENOBUFS) {
            self.ring.supply();
        } else {
            let Some(leg) = relay.leg(place.slot) else {
                return;
            };
            match leg.line(place.kind).failed(error) {
                Received::Packet(..) | Received::Nothing => {}
                Received::Fault => relay.failed(place),
                Received::Broken(error) => {
                    warn!(leg = %leg.id, kind = ?place.kind, %error, "a sound socket only fails; it is no longer read");
                    return;
                }
            }
        }
        self.idle.push(place);
    }

    /// The kernel has let go of one of a leg's sockets, or of both.
    fn leave(&mut self, slot: Slot) {
        if self.lines.leaves(slot) {
            self.books.gone.push_back(slot);
        }
    }

    /// Leaves a flooded socket alone for a moment. Where the kernel has no room for that order it is read on.
    fn pause(&mut self, place: Place) {
        if self.lines.get(place) == Line::Read && self.ring.cancel(self.lines.name(place)).is_ok() {
            self.lines.set(place, Line::Pausing);
        }
    }

    /// Cancels the reading of a socket that is being closed. It is closed once the kernel says so, and not because we asked.
    fn cancel(&mut self, place: Place) {
        if self.ring.cancel(self.lines.name(place)).is_err() {
            self.uncancelled.push(place);
        }
    }

    /// Offers what the kernel had no room for.
    fn offer_again(&mut self) {
        for place in std::mem::take(&mut self.uncancelled) {
            if self.lines.get(place) == Line::Closing {
                self.cancel(place);
            }
        }
        if self.unwatched {
            self.unwatched = self.ring.watch(self.bell.as_fd()).is_err();
        }
    }

    /// Orders sockets to be read again whose reading ended, or that were left alone long enough.
    fn resume(&mut self, relay: &mut Relay, now: Moment) {
        while let Some(place) = self.books.throttle.due(now) {
            match self.lines.get(place) {
                Line::Idle => self.idle.push(place),
                Line::Pausing => self.books.throttle.longer(place, now),
                Line::Free | Line::Read | Line::Closing => {}
            }
        }
        if self.idle.is_empty() {
            return;
        }
        for place in std::mem::take(&mut self.idle) {
            let leg = relay.leg(place.slot);
            if let (Some(leg), Line::Idle) = (leg, self.lines.get(place))
                && let Err(error) = self.open(place, leg.line(place.kind).socket())
            {
                warn!(leg = %leg.id, kind = ?place.kind, %error, "a sound socket is no longer read");
            }
        }
    }
}

impl Driver for Uring {
    fn open(&mut self, place: Place, socket: &UdpSocket) -> io::Result<()> {
        match self.ring.receive(socket.as_fd(), self.lines.name(place)) {
            Ok(()) => self.lines.set(place, Line::Read),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                self.lines.set(place, Line::Idle);
                self.idle.push(place);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn close(&mut self, slot: Slot) {
        for place in both(slot) {
            match self.lines.get(place) {
                Line::Read => {
                    self.lines.set(place, Line::Closing);
                    self.cancel(place);
                }
                // Its cancellation is under way.
                Line::Pausing => self.lines.set(place, Line::Closing),
                Line::Idle => self.lines.set(place, Line::Free),
                Line::Free | Line::Closing => {}
            }
        }
        self.leave(slot);
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    /// Waits for one event or, under load, for several; not at all while some are left from before.
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        if self.ring.waiting() > self.sending {
            return self.ring.enter(0, None, Duration::ZERO);
        }
        let is_owed = self.unwatched || !self.uncancelled.is_empty() || !self.idle.is_empty();
        let at_most = if is_owed {
            Some(at_most.map_or(AGAIN, |at_most| at_most.min(AGAIN)))
        } else {
            at_most
        };
        let (want, gather) = if self.pace.fast {
            (GATHER_MAX, GATHER)
        } else {
            (1, Duration::ZERO)
        };
        self.ring.enter(self.sending + want, at_most, gather)
    }

    fn serve(&mut self, relay: &mut Relay, now: Moment) -> io::Result<bool> {
        let mut bell = false;
        for _ in 0..TURN_MAX {
            let Some(event) = self.ring.next() else {
                break;
            };
            bell |= self.take(relay, event, now);
        }
        self.pace.turn(now);
        self.offer_again();
        self.resume(relay, now);
        if bell && self.ring.has_orders() {
            // Orders are about what was sent before them.
            self.ring.enter(0, None, Duration::ZERO)?;
        }
        Ok(bell)
    }
}

impl Uring {
    /// Takes what the kernel tells, and says whether that was the bell. What it tells of a leg that is gone is nobody's.
    fn take(&mut self, relay: &mut Relay, event: Event, now: Moment) -> bool {
        match event {
            Event::Received { token, held, more } => {
                let Some(place) = self.lines.named(token) else {
                    self.ring.give_back(held);
                    return false;
                };
                self.pace.packets += 1;
                self.received(relay, place, held, now);
                if self.books.throttle.packet(place, now) {
                    self.pause(place);
                }
                if !more {
                    self.ended(relay, place, io::ErrorKind::Interrupted.into());
                }
            }
            Event::Sent { held, result } => self.sent(relay, held, result),
            Event::Ended { token, error } => {
                if let Some(place) = self.lines.named(token) {
                    self.ended(relay, place, error);
                }
            }
            Event::Ready { more } => {
                self.unwatched |= !more;
                return true;
            }
        }
        false
    }
}

impl Pace {
    fn turn(&mut self, now: Moment) {
        let passed = now - self.since;
        if passed >= PACE {
            let rate = u128::from(self.packets) * 1_000_000 / passed.as_micros().max(1);
            self.fast = rate >= u128::from(GATHER_FROM);
            self.since = now;
            self.packets = 0;
        }
    }
}
