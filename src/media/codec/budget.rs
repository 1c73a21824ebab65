//! How much of what one party sends is decoded: as much as it can have said in the time that has passed.
//!
//! A packet of Opus may stand for 120 ms, and as many may come a second as the relay lets through: a peer could have a minute
//! of sound decoded every second. What is beyond the budget is a gap that says so.

use std::time::Duration;

use crate::base::time::Moment;

/// What may come at once: what a network held back, and the sound of two sources where one takes the other's place.
const SLACK: Duration = Duration::from_secs(2);

/// A second of sound uses up four fifths of one: a sender whose clock is fast, by whatever crystals and busy computers are off,
/// never gets into debt.
const PACE: (u32, u32) = (4, 5);

/// What making a decoder and its resampler costs, in sound that could be decoded instead: about as much time.
const ANEW: Duration = Duration::from_millis(100);

/// What one party has used of it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When all that was decoded would have been said.
    until: Moment,
}

impl Budget {
    /// Nothing was used.
    pub const NEW: Self = Self {
        until: Moment::START,
    };

    /// Says whether a packet of so much sound that came `now` is decoded, and counts it if so.
    pub fn admits(&mut self, sound: Duration, now: Moment) -> bool {
        if self.until - now >= SLACK {
            return false;
        }
        let (used, of) = PACE;
        self.until = self.until.max(now) + sound * used / of;
        true
    }

    /// Counts a decoder that is made.
    pub fn anew(&mut self) {
        self.until = self.until + ANEW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[test]
    fn who_speaks_as_fast_as_time_passes_is_heard_for_days_though_its_clock_is_fast() {
        let mut budget = Budget::NEW;
        // 1,000 ppm: ten times what a crystal is off.
        for packet in 0..10_000_000u64 {
            assert!(budget.admits(FRAME, Moment::from_micros(packet * 19_980)));
        }
    }

    #[test]
    fn what_a_network_held_back_is_heard_and_a_flood_is_not() {
        let mut budget = Budget::NEW;
        let at = Moment::from_millis(60_000);
        let heard = (0..10_000).filter(|_| budget.admits(FRAME, at)).count();
        assert_eq!(heard, 125);
        // A minute of sound a second, for a minute: no more than an hour's quarter in a quarter of an hour.
        let long = Duration::from_millis(120);
        let heard = (0..30_000u64)
            .filter(|packet| budget.admits(long, at + Duration::from_millis(packet * 2)))
            .count();
        let seconds = heard * 120 / 1_000;
        assert!((74..=76).contains(&seconds), "{seconds}");
    }

    #[test]
    fn whoever_has_decoders_made_all_the_time_is_heard_less() {
        let mut budget = Budget::NEW;
        let mut made = 0;
        for packet in 0..3_000u64 {
            if budget.admits(FRAME, Moment::from_millis(packet * 20)) {
                budget.anew();
                made += 1;
            }
        }
        // A minute: nine a second instead of fifty.
        assert!((500..=560).contains(&made), "{made}");
    }
}
