//! A driver on completions ●: io_uring(7) receives into buffers and sends from them.
//!
//! Each socket has one receive that stays (multishot) and takes its buffers from a group that all
//! share. A packet is judged, changed and sent where it lies, and its buffer goes back once it has
//! left. What is to be sent is handed over together with the next wait, one system call a turn:
//! while there is time a turn is one packet, under load it is many.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::base::clock::Clock;
use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::bridge::Slot;
use crate::media::driver::{Driver, Make, Turn};
use crate::media::leg::{Kind, Received, Sent};
use crate::media::relay::{Place, Relay, Way};
use crate::media::throttle::Throttle;
use crate::media::uring::ring::{Event, Held, Ring};

mod address;
mod ring;

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

/// How long the kernel may take for a packet to itself.
const TRIAL_MAX: Duration = Duration::from_secs(1);

/// The ring, and what is known of each socket in it.
pub struct Uring {
    ring: Ring,
    bell: Arc<Bell>,
    lines: Vec<[Line; 2]>,
    /// Sockets that must be ordered to be read again.
    idle: Vec<Place>,
    /// What is being sent, by its buffer.
    ways: Vec<Option<(Way, Try)>>,
    /// Sends whose outcome is not known yet.
    sending: usize,
    gone: VecDeque<Slot>,
    pace: Pace,
    throttle: Throttle,
}

/// How many packets come.
#[derive(Debug, Default)]
struct Pace {
    since: Moment,
    packets: u64,
    fast: bool,
}

/// How a socket is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// Not at all, and the kernel has nothing of it.
    #[default]
    Free,
    /// As it should be.
    Read,
    /// It is about to be left alone for a moment.
    Pausing,
    /// Not at the moment.
    Idle,
    /// It is being closed.
    Closing,
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
        Ok(Box::new(move || {
            let mut driver = Self {
                ring,
                bell,
                lines: Vec::new(),
                idle: Vec::new(),
                ways: Vec::new(),
                sending: 0,
                gone: VecDeque::new(),
                pace: Pace::default(),
                throttle: Throttle::default(),
            };
            driver.ring.begin()?;
            driver.ring.watch(driver.bell.as_fd())?;
            Ok(Box::new(driver))
        }))
    }

    fn line(&mut self, place: Place) -> Option<&mut Line> {
        let [rtp, rtcp] = self.lines.get_mut(place.slot)?;
        Some(match place.kind {
            Kind::Rtp => rtp,
            Kind::Rtcp => rtcp,
        })
    }

    fn set(&mut self, place: Place, state: Line) {
        if let Some(line) = self.line(place) {
            *line = state;
        }
    }

    /// Waits for one event or, under load, for several; not at all while some are left from before.
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        if self.ring.waiting() > self.sending {
            return self.ring.enter(0, None, Duration::ZERO);
        }
        let (want, gather) = if self.pace.fast {
            (GATHER_MAX, GATHER)
        } else {
            (1, Duration::ZERO)
        };
        self.ring.enter(self.sending + want, at_most, gather)
    }

    fn received(&mut self, relay: &mut Relay, place: Place, mut held: Held, now: Moment) {
        // What still comes of a socket that is being closed is nobody's.
        let way = match self.line(place) {
            Some(Line::Read | Line::Pausing | Line::Idle) => self
                .ring
                .packet(&mut held)
                .and_then(|(source, room, length)| relay.packet(place, source, room, length, now)),
            Some(Line::Free | Line::Closing) | None => None,
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
        if let Some(place) = self.ways.get_mut(number) {
            *place = Some((way, attempt));
        }
        self.sending += 1;
    }

    fn sent(&mut self, relay: &mut Relay, held: Held, result: io::Result<()>) {
        self.sending = self.sending.saturating_sub(1);
        let way = self.ways.get_mut(held.number()).and_then(Option::take);
        let Some((way, attempt)) = way else {
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
        match self.line(place) {
            Some(Line::Closing) => {
                self.freed(place);
                return;
            }
            // The throttle says when it is read again.
            Some(line @ Line::Pausing) => {
                *line = Line::Idle;
                return;
            }
            Some(line @ (Line::Free | Line::Read | Line::Idle)) => *line = Line::Idle,
            None => return,
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

    fn freed(&mut self, place: Place) {
        self.set(place, Line::Free);
        if self.lines.get(place.slot) == Some(&[Line::Free; 2]) {
            self.gone.push_back(place.slot);
        }
    }

    /// Leaves a flooded socket alone for a moment.
    fn pause(&mut self, place: Place) {
        if self.line(place) == Some(&mut Line::Read) && self.ring.cancel(place.token()).is_ok() {
            self.set(place, Line::Pausing);
        }
    }

    /// Orders sockets to be read again whose reading ended, or that were left alone long enough.
    fn resume(&mut self, relay: &mut Relay, now: Moment) {
        while let Some(place) = self.throttle.due(now) {
            match self.line(place) {
                Some(Line::Idle) => self.idle.push(place),
                Some(Line::Pausing) => self.throttle.longer(place, now),
                Some(Line::Free | Line::Read | Line::Closing) | None => {}
            }
        }
        if self.idle.is_empty() {
            return;
        }
        for place in std::mem::take(&mut self.idle) {
            let leg = relay.leg(place.slot);
            if let (Some(leg), Some(Line::Idle)) = (leg, self.line(place))
                && let Err(error) = self.open(place, leg.line(place.kind).socket())
            {
                warn!(leg = %leg.id, kind = ?place.kind, %error, "a sound socket is no longer read");
            }
        }
    }
}

impl Driver for Uring {
    fn open(&mut self, place: Place, socket: &UdpSocket) -> io::Result<()> {
        if self.lines.len() <= place.slot {
            self.lines.resize(place.slot + 1, Default::default());
        }
        self.ring.receive(socket.as_fd(), place.token())?;
        self.set(place, Line::Read);
        Ok(())
    }

    fn close(&mut self, slot: Slot) {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let place = Place { slot, kind };
            let state = match self.line(place).copied() {
                Some(Line::Read) if self.ring.cancel(place.token()).is_ok() => Line::Closing,
                // Its cancellation is under way.
                Some(Line::Pausing) => Line::Closing,
                Some(Line::Free | Line::Read | Line::Idle | Line::Closing) | None => Line::Free,
            };
            self.set(place, state);
        }
        if self
            .lines
            .get(slot)
            .is_none_or(|lines| *lines == [Line::Free; 2])
        {
            self.gone.push_back(slot);
        }
    }

    fn gone(&mut self) -> Option<Slot> {
        self.gone.pop_front()
    }

    fn turn(
        &mut self,
        relay: &mut Relay,
        clock: Clock,
        at_most: Option<Duration>,
    ) -> io::Result<Turn> {
        self.wait(self.throttle.at_most(at_most))?;
        let now = clock.now();
        let mut bell = false;
        for _ in 0..TURN_MAX {
            let Some(event) = self.ring.next() else {
                break;
            };
            match event {
                Event::Received { token, held, more } => {
                    let place = Place::of(token);
                    self.pace.packets += 1;
                    self.received(relay, place, held, now);
                    if self.throttle.packet(place, now) {
                        self.pause(place);
                    }
                    if !more {
                        self.ended(relay, place, io::ErrorKind::Interrupted.into());
                    }
                }
                Event::Sent { held, result } => self.sent(relay, held, result),
                Event::Ended { token, error } => self.ended(relay, Place::of(token), error),
                Event::Ready { more } => {
                    bell = true;
                    if !more {
                        self.ring.watch(self.bell.as_fd())?;
                    }
                }
            }
        }
        self.pace.turn(now);
        self.resume(relay, now);
        if bell {
            // Orders are about what was sent before them.
            self.ring.enter(0, None, Duration::ZERO)?;
        }
        Ok(Turn { now, bell })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_lets_us_use_io_uring() {
        trial().expect("io_uring; where a sandbox refuses it its tests cannot run");
    }

    #[test]
    fn packets_are_gathered_only_while_there_are_many() {
        let mut pace = Pace::default();
        let mut now = Moment::START;
        let mut fast = |packets| {
            pace.packets += packets;
            now = now + PACE;
            pace.turn(now);
            pace.fast
        };
        assert!(!fast(100));
        assert!(!fast(249));
        assert!(fast(250));
        assert!(fast(800));
        assert!(!fast(3));
    }
}
