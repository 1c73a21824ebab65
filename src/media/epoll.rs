//! A driver on the kernel's readiness ●: epoll(7) says which sockets have something to read.
//!
//! Level-triggered: each socket that has packets is named once a turn and read once, so a flooded
//! one starves nobody, and no second read is needed to learn that it is empty. What is read is sent
//! on at once. Every kernel and container allows it.

use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use tracing::warn;

use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::bridge::Slot;
use crate::media::driver::{Books, Driver, Make};
use crate::media::leg::Received;
use crate::media::relay::{Place, Relay};

/// Sockets named a turn: few enough that the clock read before them is true for the last (about
/// 0.6 ms of work), enough that a turn's own cost vanishes under load.
const TURN_MAX: usize = 128;

/// What a bell is registered as. Sockets' tokens are small numbers.
const BELL: u64 = u64::MAX;

/// The largest UDP packet, so that nothing is ever cut, and room for what protecting it may add.
const ROOM: usize = 65_536 + 64;

/// The sockets that are waited on, and one buffer for all of them.
pub struct Epoll {
    fd: OwnedFd,
    /// Held as long as it is waited on.
    _bell: Arc<Bell>,
    events: Vec<Event>,
    room: Box<[u8]>,
    books: Books,
}

impl Epoll {
    /// Makes ready a driver that hears `bell`.
    ///
    /// # Errors
    ///
    /// The kernel has no descriptor or memory left.
    pub fn prepare(bell: Arc<Bell>) -> io::Result<Make> {
        let fd = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&fd, &*bell, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Box::new(move || {
            Ok(Box::new(Self {
                fd,
                _bell: bell,
                events: Vec::with_capacity(TURN_MAX),
                room: vec![0; ROOM].into(),
                books: Books::default(),
            }))
        }))
    }
}

impl Driver for Epoll {
    fn open(&mut self, place: Place, socket: &UdpSocket) -> io::Result<()> {
        let token = EventData::new_u64(place.token());
        Ok(epoll::add(&self.fd, socket, token, EventFlags::IN)?)
    }

    /// Closing a socket takes it out of the set.
    fn close(&mut self, slot: Slot) {
        self.books.gone.push_back(slot);
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        let timeout = at_most.map(|at_most| Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        });
        match epoll::wait(&self.fd, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn serve(&mut self, relay: &mut Relay, now: Moment) -> io::Result<bool> {
        while let Some(place) = self.books.throttle.due(now) {
            if let Some(leg) = relay.leg(place.slot) {
                // It may be another leg's by now, and read already.
                let _read_already = self.open(place, leg.line(place.kind).socket());
            }
        }
        let mut bell = false;
        for event in &self.events {
            let token = event.data.u64();
            if token == BELL {
                bell = true;
                continue;
            }
            let place = Place::of(token);
            let Some(leg) = relay.leg(place.slot) else {
                continue;
            };
            match leg.line(place.kind).receive(&mut self.room) {
                Received::Packet(length, source) => {
                    if self.books.throttle.packet(place, now) {
                        let _removed = epoll::delete(&self.fd, leg.line(place.kind).socket());
                    }
                    let Some(way) = relay.packet(place, source, &mut self.room, length, now) else {
                        continue;
                    };
                    let out = relay.leg(way.by.slot).map(|leg| leg.line(way.by.kind));
                    if let (Some(line), Some(packet)) = (out, self.room.get(..way.length)) {
                        let sent = line.send(packet, &way);
                        relay.sent(way.by, way.sound, sent);
                    }
                }
                Received::Nothing => {}
                Received::Fault => relay.failed(place),
                Received::Broken(error) => {
                    // A socket that only fails would keep the worker busy with nothing.
                    let _removed = epoll::delete(&self.fd, leg.line(place.kind).socket());
                    warn!(leg = %leg.id, kind = ?place.kind, %error, "a sound socket only fails; it is no longer read");
                }
            }
        }
        Ok(bell)
    }
}
