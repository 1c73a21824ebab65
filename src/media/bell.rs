//! A bell ● that wakes a worker from other threads: eventfd(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Wakes one worker from other threads: however often it is rung before the worker looks, it costs
/// one system call.
#[derive(Debug)]
pub struct Bell {
    fd: OwnedFd,
    rung: AtomicBool,
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

/// To wait on: it has something to read while it is rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_rung(bell: &Bell) -> bool {
        let mut fds = [PollFd::new(bell, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() > 0
    }

    #[test]
    fn a_bell_rung_twice_is_heard_once_and_can_be_rung_again() {
        let bell = Bell::new().unwrap();
        for _ in 0..2 {
            assert!(!is_rung(&bell));
            bell.ring();
            bell.ring();
            assert!(is_rung(&bell));
            bell.quiet();
        }
        assert!(!is_rung(&bell));
    }
}
