//! The one place that reads the clocks. Shells only; pure code is handed the values.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the clock"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::time::{Moment, WallTime};

/// The clocks of the shells. Copies share one start, so their moments compare across threads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    /// Milliseconds that its wall clock is ahead of the system's: trials have a day of their own.
    ahead_ms: i64,
}

impl Clock {
    /// Starts the clock at [`Moment::START`].
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            ahead_ms: 0,
        }
    }

    /// The same, with a wall clock that shows `wall` now: what a trial finds is not to depend on the day on which it runs.
    #[cfg(test)]
    pub(crate) fn start_at(wall: WallTime) -> Self {
        let clock = Self::start();
        Self {
            ahead_ms: wall.as_millis() - clock.wall().as_millis(),
            ..clock
        }
    }

    /// Reads the monotonic clock. A loop calls this once per wake-up.
    pub fn now(&self) -> Moment {
        Moment::from_elapsed(self.started.elapsed())
    }

    /// Reads the wall clock; a time before 1970 reads as 1970.
    pub fn wall(&self) -> WallTime {
        let millis = i64::try_from(wall_micros() / 1_000).unwrap_or(i64::MAX);
        WallTime::from_millis(millis.saturating_add(self.ahead_ms))
    }

    /// Turns a moment into the `Instant` that the runtime's timers want.
    pub fn instant(&self, at: Moment) -> Instant {
        self.started + std::time::Duration::from_micros(at.as_micros())
    }
}

/// Reads the wall clock, in microseconds since 1970, for those who have no [`Clock`]; a time before 1970 reads as 1970.
pub fn wall_micros() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
