//! Moments and samples: what lies where on a timeline of one rate.

use crate::base::time::Moment;

/// Turns moments into samples since zero.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    zero: Moment,
    rate_hz: u32,
}

impl Scale {
    /// Makes the scale whose sample 0 is at `zero`.
    pub const fn new(zero: Moment, rate_hz: u32) -> Self {
        Self { zero, rate_hz }
    }

    /// Samples a second.
    pub const fn rate_hz(self) -> u32 {
        self.rate_hz
    }

    /// Returns the sample at `at`; negative before zero.
    pub fn position(self, at: Moment) -> i64 {
        let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        let zero = i64::try_from(self.zero.as_micros()).unwrap_or(i64::MAX);
        // A day at 48 kHz is 4e15 here: far from overflow, and saturating for hand-made moments.
        (micros - zero)
            .saturating_mul(i64::from(self.rate_hz))
            .div_euclid(1_000_000)
    }

    /// Returns how many samples `millis` are.
    pub fn samples(self, millis: i64) -> i64 {
        millis.saturating_mul(i64::from(self.rate_hz)) / 1_000
    }

    /// Returns the whole milliseconds of `samples`, 0 for what lies before zero.
    pub fn millis(self, samples: i64) -> u64 {
        let samples = u64::try_from(samples).unwrap_or_default();
        samples.saturating_mul(1_000) / u64::from(self.rate_hz.max(1))
    }
}
