//! What one peer may send at most: against floods and storms of sources from an address that may send.
//!
//! Whoever forges the peer's address, or the peer itself, can still speak into the one call; SRTP alone
//! prevents that. What cannot happen is that the other side, the recording or other calls get more
//! than a telephone sends.

use std::time::Duration;

use crate::base::time::Moment;

/// Packets of sound a second: a quarter more than those of the shortest packets there are (Opus of 2.5 ms, RFC 6716 2.1.4), which
/// leaves room for digits beside them; two and a half times those of the shortest that telephones send by themselves (5 ms).
pub const SOUND: Limit = Limit {
    apart: Duration::from_millis(2),
    at_once: 1_000,
};

/// Reports a second, which come every five seconds (RFC 3550 6.2), and with feedback (RFC 4585) a little
/// more often.
pub const REPORTS: Limit = Limit {
    apart: Duration::from_millis(10),
    at_once: 200,
};

/// New sources: a call that is forked, transferred and put on hold has a few in its first seconds.
const SOURCES: Limit = Limit {
    apart: Duration::from_secs(1),
    at_once: 8,
};

/// Sources that are remembered: more than can be new between two packets of one that goes on speaking,
/// so that no storm pushes it out.
const KNOWN: usize = 10;

/// How often something may happen.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    apart: Duration,
    /// How many may come at once after a silence: what a network held back.
    at_once: u32,
}

/// Counts against a limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// When all that came would have come at the limit's pace.
    until: Moment,
}

/// The sources that one peer's sound came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources {
    /// The last one heard first.
    known: [u32; KNOWN],
    /// How many of them there are.
    count: u8,
    new: Meter,
}

impl Meter {
    /// Says whether one more may come now, and counts it if so.
    pub fn admits(&mut self, limit: Limit, now: Moment) -> bool {
        if self.until - now >= limit.apart * limit.at_once {
            return false;
        }
        self.until = self.until.max(now) + limit.apart;
        true
    }
}

impl Sources {
    /// Says whether sound of this source is heard: one that is known always, a new one while there are few.
    pub fn admits(&mut self, source: u32, now: Moment) -> bool {
        let count = usize::from(self.count);
        let place = self
            .known
            .iter()
            .take(count)
            .position(|known| *known == source);
        let moved = match place {
            Some(0) => return true,
            Some(place) => place + 1,
            None if !self.new.admits(SOURCES, now) => return false,
            None => {
                self.count += u8::from(count < KNOWN);
                KNOWN
            }
        };
        if let Some(until) = self.known.get_mut(..moved) {
            until.rotate_right(1);
        }
        let [last, ..] = &mut self.known;
        *last = source;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Moment {
        Moment::from_millis(10_000 + ms)
    }

    #[test]
    fn a_telephones_sound_passes_for_hours_and_a_stalled_networks_too() {
        let mut meter = Meter::default();
        for packet in 0..1_000_000 {
            assert!(meter.admits(SOUND, ms(5 * packet)));
        }
        // Ten seconds of 20 ms packets at once.
        for _ in 0..500 {
            assert!(meter.admits(SOUND, ms(5_020_000)));
        }
    }

    #[test]
    fn the_shortest_packets_of_opus_pass_for_hours_with_keys_beside_them() {
        let mut meter = Meter::default();
        for packet in 0..3_000_000u64 {
            let now = Moment::from_micros(10_000_000 + packet * 2_500);
            assert!(meter.admits(SOUND, now));
            // A key is held down all the time: an event every 20 ms (RFC 4733 2.5.1.2).
            if packet % 8 == 0 {
                assert!(meter.admits(SOUND, now));
            }
        }
    }

    #[test]
    fn a_flood_passes_at_the_limits_pace_and_no_faster() {
        let mut meter = Meter::default();
        let passed = (0..200_000u64)
            .filter(|packet| meter.admits(SOUND, Moment::from_micros(10_000_000 + packet * 20)))
            .count();
        // Four seconds: two thousand, and what may come at once.
        assert!((2_990..=3_010).contains(&passed), "{passed}");
        assert!(meter.admits(SOUND, ms(6_000)));
    }

    #[test]
    fn a_storm_of_sources_does_not_shut_out_who_was_there_before() {
        let mut sources = Sources::default();
        assert!(sources.admits(7, ms(0)));
        let mut strangers = 0;
        for step in 0..10_000u32 {
            let now = ms(u64::from(step) * 2);
            if sources.admits(1_000 + step, now) {
                strangers += 1;
            }
            if step % 10 == 0 {
                assert!(sources.admits(7, now), "step {step}");
            }
        }
        // Twenty seconds: one a second, and those that may come at once.
        assert!((20..=28).contains(&strangers), "{strangers}");
    }

    #[test]
    fn sources_that_take_turns_are_all_heard() {
        let mut sources = Sources::default();
        for turn in 0..1_000u32 {
            assert!(sources.admits(turn % 4, ms(turn.into())), "turn {turn}");
        }
    }

    proptest! {
        #[test]
        fn whoever_is_heard_ten_times_a_second_is_heard_always(
            storm in proptest::collection::vec((0u32..1_000, 0u64..40), 1..2_000),
        ) {
            let mut sources = Sources::default();
            let mut now = 0;
            prop_assert!(sources.admits(u32::MAX, ms(0)));
            let mut last = 0;
            for (source, later) in storm {
                now += later;
                let _storm = sources.admits(source, ms(now));
                if now - last >= 100 {
                    last = now;
                    prop_assert!(sources.admits(u32::MAX, ms(now)));
                }
            }
        }
    }
}
