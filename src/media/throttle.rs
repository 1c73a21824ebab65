//! Which sockets are left alone for a moment, because more comes to them than any call sends.
//!
//! What comes meanwhile fills the socket's own buffer and is dropped by the kernel, at a tenth of what
//! reading and refusing it would cost. So a flood takes no time from other calls; the one that it is
//! aimed at hears what is left in its buffer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::time::Moment;
use crate::media::relay::Place;

/// Packets of one socket in one [`WINDOW`]: what a network held back for more than a second is let
/// through, and a flood costs less than one core's hundredth. The shortest packets there are (Opus of 2.5 ms) are four in that
/// time; what a network held back of them for 150 ms still is.
const PACKETS_MAX: u16 = 64;

/// How long a socket is counted, and left alone. Its buffer holds what a call sends in that time a
/// hundred times over.
const WINDOW: Duration = Duration::from_millis(10);

/// What was counted of the sockets, and which are left alone.
#[derive(Debug, Default)]
pub struct Throttle {
    counts: Vec<[Count; 2]>,
    resting: VecDeque<(Place, Moment)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    since: Moment,
    packets: u16,
}

impl Throttle {
    /// Counts a packet. `true`: the socket is to be left alone until [`Self::due`] names it.
    pub fn packet(&mut self, place: Place, now: Moment) -> bool {
        if self.counts.len() <= place.slot {
            self.counts.resize(place.slot + 1, Default::default());
        }
        let counts = self.counts.get_mut(place.slot);
        let Some(count) = counts.and_then(|counts| counts.get_mut(place.kind as usize)) else {
            return false;
        };
        if now - count.since >= WINDOW {
            *count = Count {
                since: now,
                packets: 0,
            };
        }
        count.packets = count.packets.saturating_add(1);
        if count.packets != PACKETS_MAX {
            return false;
        }
        self.resting.push_back((place, now + WINDOW));
        true
    }

    /// Leaves a socket alone for another while.
    pub fn longer(&mut self, place: Place, now: Moment) {
        self.resting.push_back((place, now + WINDOW));
    }

    /// Names the next socket that is to be read again. It may be another leg's by now.
    pub fn due(&mut self, now: Moment) -> Option<Place> {
        self.resting
            .pop_front_if(|(_, until)| *until <= now)
            .map(|(place, _)| place)
    }

    /// Bounds how long may be waited: while sockets are left alone they must be looked at again.
    pub fn at_most(&self, at_most: Option<Duration>) -> Option<Duration> {
        if self.resting.is_empty() {
            return at_most;
        }
        Some(at_most.map_or(WINDOW, |at_most| at_most.min(WINDOW)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::leg::Kind;

    fn place(slot: usize, kind: Kind) -> Place {
        Place { slot, kind }
    }

    #[test]
    fn a_flooded_socket_rests_for_a_moment_and_others_do_not() {
        let mut throttle = Throttle::default();
        let at = |ms: u64| Moment::from_millis(1_000 + ms);
        let (flooded, calm) = (place(3, Kind::Rtp), place(3, Kind::Rtcp));
        assert_eq!(throttle.at_most(None), None);
        let rests = (0..500).filter(|_| throttle.packet(flooded, at(1))).count();
        assert_eq!(rests, 1);
        assert!(!throttle.packet(calm, at(1)));
        assert_eq!(throttle.at_most(None), Some(WINDOW));
        assert_eq!(throttle.due(at(10)), None);
        assert_eq!(throttle.due(at(11)), Some(flooded));
        assert_eq!(throttle.due(at(11)), None);
        assert_eq!(throttle.at_most(None), None);
        let rests = (0..64).filter(|_| throttle.packet(flooded, at(11))).count();
        assert_eq!(rests, 1);
    }

    #[test]
    fn the_shortest_packets_never_rest_nor_do_they_after_a_networks_pause() {
        let mut throttle = Throttle::default();
        let mut now = Moment::from_millis(1_000);
        for packet in 0..200_000u64 {
            now = now + Duration::from_micros(2_500);
            assert!(!throttle.packet(place(0, Kind::Rtp), now));
            if packet % 1_000 == 0 {
                now = now + Duration::from_millis(150);
                let held = (0..60).any(|_| throttle.packet(place(0, Kind::Rtp), now));
                assert!(!held);
                now = now + WINDOW;
            }
        }
    }

    #[test]
    fn a_call_never_rests_however_long_it_lasts() {
        let mut throttle = Throttle::default();
        for packet in 0..100_000 {
            let now = Moment::from_millis(packet * 2);
            assert!(!throttle.packet(place(0, Kind::Rtp), now));
        }
    }
}
