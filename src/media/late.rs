//! How late a worker is ●: measured by itself, shown in /metrics, never hidden.
//!
//! Two figures, because two things make it late: its own work, as the longest turn, and the machine,
//! as the time that it was ready to run and was not let.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::time::Moment;

/// Over how long the longest turn is shown: at least so long, at most twice. Longer than what scrapes
/// metrics usually waits.
const SHOWN: Duration = Duration::from_secs(30);

/// One worker's figures, as others read them.
#[derive(Debug, Default)]
pub struct Lateness {
    longest_us: AtomicU64,
    starved_us: AtomicU64,
}

/// The worker's end.
#[derive(Debug, Default)]
pub struct Stopwatch {
    now: Duration,
    before: Duration,
    since: Moment,
}

impl Lateness {
    /// Returns the longest turn of late: so long a packet may have waited for the worker to look at it.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us.load(Ordering::Relaxed))
    }

    /// Returns for how long the worker was ready to run and another had the processor, since the start.
    pub fn starved(&self) -> Duration {
        Duration::from_micros(self.starved_us.load(Ordering::Relaxed))
    }

    /// Asks the kernel's account of the calling thread (`/proc/thread-self/schedstat`: nanoseconds run,
    /// nanoseconds waited). A kernel that keeps none leaves the figure as it is.
    pub fn ask_the_kernel(&self) {
        let account = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let waited = account.split(' ').nth(1);
        if let Some(nanoseconds) = waited.and_then(|waited| waited.trim().parse::<u64>().ok()) {
            self.starved_us
                .store(nanoseconds / 1_000, Ordering::Relaxed);
        }
    }
}

impl Stopwatch {
    /// Takes the length of a turn that ended at `now`.
    pub fn turn(&mut self, length: Duration, now: Moment, shown: &Lateness) {
        let over = now - self.since >= SHOWN;
        if over {
            self.before = std::mem::take(&mut self.now);
            self.since = now;
        }
        let longer = length > self.now;
        if longer {
            self.now = length;
        }
        if over || longer {
            let longest = self.now.max(self.before).as_micros();
            let longest = u64::try_from(longest).unwrap_or(u64::MAX);
            shown.longest_us.store(longest, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_turn_is_shown_for_a_while_and_then_forgotten() {
        let (mut watch, shown) = (Stopwatch::default(), Lateness::default());
        let ms = Duration::from_millis;
        let mut at = |second: u64, length| {
            watch.turn(ms(length), Moment::from_millis(second * 1_000), &shown);
            shown.longest()
        };
        assert_eq!(at(1, 3), ms(3));
        assert_eq!(at(2, 40), ms(40));
        assert_eq!(at(3, 1), ms(40));
        assert_eq!(at(31, 1), ms(40));
        assert_eq!(at(59, 2), ms(40));
        assert_eq!(at(62, 1), ms(2));
    }

    #[test]
    fn the_kernel_keeps_an_account_of_who_waits() {
        let shown = Lateness::default();
        shown.ask_the_kernel();
        let first = shown.starved();
        shown.ask_the_kernel();
        assert!(shown.starved() >= first);
    }
}
