//! The kernel's readiness ●: which sockets have something to read, and a bell that wakes a worker.
//!
//! Level-triggered: each socket that has packets is named once a turn and read once, so a flooded
//! one starves nobody, and no second read is needed to learn that it is empty. This is the whole
//! of epoll(7) and eventfd(2) here; another way to wait stands beside it, not in it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

/// Sockets named a turn: few enough that the clock read before them is true for the last (about
/// 0.6 ms of work), enough that a turn's own cost vanishes under load.
const TURN_MAX: usize = 128;

/// What a bell is registered as. Sockets' tokens are small numbers.
const BELL: u64 = u64::MAX;

/// A set of sockets to wait on.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
}

/// What one wait found.
pub struct Turn {
    events: Vec<Event>,
}

/// Wakes one worker from other threads: however often it is rung before the worker looks, it costs
/// one system call.
#[derive(Debug)]
pub struct Bell {
    fd: OwnedFd,
    rung: AtomicBool,
}

impl Epoll {
    /// Makes a set in which `bell` is heard.
    ///
    /// # Errors
    ///
    /// The kernel has no descriptor or memory left.
    pub fn new(bell: &Bell) -> io::Result<Self> {
        let fd = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&fd, &bell.fd, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Self { fd })
    }

    /// Adds a socket under a token. Closing the socket takes it out again.
    ///
    /// # Errors
    ///
    /// The kernel has no memory or no watches left (`fs.epoll.max_user_watches`).
    pub fn add(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        epoll::add(&self.fd, socket, EventData::new_u64(token), EventFlags::IN)?;
        Ok(())
    }

    /// Takes a socket out whose reading fails again and again.
    ///
    /// # Errors
    ///
    /// The socket is not in the set.
    pub fn remove(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.fd, socket)?)
    }

    /// Waits until something is ready, or for `at_most`.
    ///
    /// # Errors
    ///
    /// Only a mistake in the program: a signal just ends the wait.
    pub fn wait(&self, turn: &mut Turn, at_most: Option<Duration>) -> io::Result<()> {
        turn.events.clear();
        let timeout = at_most.map(|at_most| Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        });
        match epoll::wait(&self.fd, spare_capacity(&mut turn.events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Turn {
    /// Makes room for a turn.
    pub fn new() -> Self {
        Self {
            events: Vec::with_capacity(TURN_MAX),
        }
    }

    /// Names the sockets that have something to read.
    pub fn sockets(&self) -> impl Iterator<Item = u64> {
        self.events
            .iter()
            .map(|event| event.data.u64())
            .filter(|token| *token != BELL)
    }

    /// Says whether the bell was rung.
    pub fn bell(&self) -> bool {
        self.events.iter().any(|event| event.data.u64() == BELL)
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

impl Bell {
    /// Makes a bell.
    ///
    /// # Errors
    ///
    /// The kernel has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            rung: AtomicBool::new(false),
        })
    }

    /// Wakes the worker. What was sent to it before is seen when it wakes.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // The counter cannot be full: it is read back before the flag is cleared.
            let _written = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }

    /// Makes the bell ready to be rung again. The worker looks for orders only after this, so that
    /// none sent in between is left lying.
    pub fn quiet(&self) {
        let _count = rustix::io::read(&self.fd, &mut [0; 8]);
        self.rung.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn wait(epoll: &Epoll, turn: &mut Turn, millis: u64) {
        epoll
            .wait(turn, Some(Duration::from_millis(millis)))
            .unwrap();
    }

    #[test]
    fn a_bell_rung_twice_is_heard_once_and_can_be_rung_again() {
        let bell = Bell::new().unwrap();
        let epoll = Epoll::new(&bell).unwrap();
        let mut turn = Turn::new();
        for _ in 0..2 {
            bell.ring();
            bell.ring();
            wait(&epoll, &mut turn, 1000);
            assert!(turn.bell());
            bell.quiet();
            wait(&epoll, &mut turn, 0);
            assert!(!turn.bell());
        }
    }

    #[test]
    fn a_socket_is_named_until_it_is_empty_or_removed_or_closed() {
        let bell = Bell::new().unwrap();
        let epoll = Epoll::new(&bell).unwrap();
        let mut turn = Turn::new();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        epoll.add(&socket, 9).unwrap();
        let named = |turn: &Turn| turn.sockets().collect::<Vec<_>>();
        wait(&epoll, &mut turn, 0);
        assert!(named(&turn).is_empty());
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        for _ in 0..2 {
            wait(&epoll, &mut turn, 1000);
            assert_eq!(named(&turn), [9]);
        }
        epoll.remove(&socket).unwrap();
        wait(&epoll, &mut turn, 0);
        assert!(named(&turn).is_empty());
        epoll.add(&socket, 10).unwrap();
        drop(socket);
        wait(&epoll, &mut turn, 0);
        assert!(named(&turn).is_empty());
    }
}
