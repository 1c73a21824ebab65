//! What is known of each socket in the ring: how it is read, and by which name the kernel knows it.
//!
//! A place is another leg's next. The name has a number besides that grows with each leg, so that what the kernel still tells of
//! one that is gone is nobody's.

use crate::media::bridge::Slot;
use crate::media::leg::Kind;
use crate::media::relay::Place;

/// Where the leg's number stands in a name, above the place: a ring's names have 56 bits.
const NUMBER_SHIFT: u32 = 32;

/// Names that one place can have: after so many legs they come again, days later.
const NUMBERS: u32 = 1 << 24;

/// How a socket is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::media::uring) enum Line {
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

/// The sockets of all legs.
#[derive(Debug, Default)]
pub(in crate::media::uring) struct Lines(Vec<Pair>);

/// One leg's two.
#[derive(Debug, Default)]
struct Pair {
    lines: [Line; 2],
    /// How many legs were here before.
    number: u32,
}

impl Lines {
    /// Returns how a socket is being read.
    pub(in crate::media::uring) fn get(&self, place: Place) -> Line {
        let pair = self.0.get(place.slot);
        let line = pair.and_then(|pair| pair.lines.get(place.kind as usize));
        line.copied().unwrap_or_default()
    }

    /// Notes how it is read now. A place that has no socket yet has one then.
    pub(in crate::media::uring) fn set(&mut self, place: Place, state: Line) {
        if self.0.len() <= place.slot {
            self.0.resize_with(place.slot + 1, Default::default);
        }
        let pair = self.0.get_mut(place.slot);
        if let Some(line) = pair.and_then(|pair| pair.lines.get_mut(place.kind as usize)) {
            *line = state;
        }
    }

    /// Notes that the kernel has let go of whatever of a leg's sockets is not open any more. `true`: of both, and what it tells of
    /// the leg from now on is nobody's.
    pub(in crate::media::uring) fn leaves(&mut self, slot: Slot) -> bool {
        let Some(pair) = self.0.get_mut(slot) else {
            return true;
        };
        let gone = pair.lines == [Line::Free; 2];
        if gone {
            pair.number = (pair.number + 1) % NUMBERS;
        }
        gone
    }

    /// The name of a socket with the kernel.
    pub(in crate::media::uring) fn name(&self, place: Place) -> u64 {
        let number = self.0.get(place.slot).map_or(0, |pair| pair.number);
        u64::from(number) << NUMBER_SHIFT | place.token()
    }

    /// The socket of a name; `None`: its leg is gone.
    pub(in crate::media::uring) fn named(&self, name: u64) -> Option<Place> {
        let place = Place::of(name & ((1 << NUMBER_SHIFT) - 1));
        (self.name(place) == name).then_some(place)
    }
}

/// Both of a leg's sockets.
pub(in crate::media::uring) fn both(slot: Slot) -> [Place; 2] {
    [Kind::Rtp, Kind::Rtcp].map(|kind| Place { slot, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_left_when_both_sockets_are_and_its_names_are_nobodys_then() {
        let mut lines = Lines::default();
        let [rtp, rtcp] = both(3);
        let other = both(2)[0];
        for place in [rtp, rtcp, other] {
            lines.set(place, Line::Read);
        }
        let names = [rtp, rtcp, other].map(|place| lines.name(place));
        assert_eq!(
            names.map(|name| lines.named(name)),
            [Some(rtp), Some(rtcp), Some(other)]
        );
        lines.set(rtp, Line::Free);
        assert!(!lines.leaves(3));
        assert_eq!(lines.named(names[1]), Some(rtcp));
        lines.set(rtcp, Line::Free);
        assert!(lines.leaves(3));
        assert_eq!(
            names.map(|name| lines.named(name)),
            [None, None, Some(other)]
        );
        // The next leg of the place has other names, and whoever never had a socket none to lose.
        lines.set(rtp, Line::Read);
        assert_ne!(lines.name(rtp), names[0]);
        assert_eq!(lines.named(lines.name(rtp)), Some(rtp));
        assert!(lines.leaves(9));
        assert_eq!(lines.get(both(9)[0]), Line::Free);
    }

    #[test]
    fn names_fit_beside_what_the_ring_keeps_of_them() {
        let mut lines = Lines::default();
        let [rtp, _] = both(70_000);
        lines.set(rtp, Line::Free);
        if let Some(pair) = lines.0.get_mut(70_000) {
            pair.number = NUMBERS - 1;
        }
        let name = lines.name(rtp);
        assert!(name < 1 << 56);
        assert_eq!(lines.named(name), Some(rtp));
        assert!(lines.leaves(70_000));
        assert_eq!(lines.named(name), None);
        assert_eq!(lines.name(rtp), rtp.token());
    }
}
