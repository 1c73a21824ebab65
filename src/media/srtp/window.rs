//! Where one stream stands: its highest index and which of those before it came (RFC 3711 3.3.1 and 3.3.2).

/// Indices that are remembered: twice what the RFC asks for, 2.5 s of sound.
const WIDTH: u64 = 128;

/// The highest index of RTP: 32 bits of rollovers above 16 of sequence number (RFC 3711 3.3.1).
pub(in crate::media::srtp) const INDEX_MAX: u64 = (1 << 48) - 1;

/// Half of all sequence numbers: what is further ahead than that lies behind.
pub(in crate::media::srtp) const HALF: u16 = 1 << 15;

/// A stream's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::srtp) struct Window {
    highest: u64,
    /// The lowest bit is the highest index.
    came: u128,
}

/// How an index lies to those that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::srtp) enum Lies {
    /// It may come.
    New,
    /// It came before.
    Seen,
    /// Nobody remembers.
    Behind,
}

impl Window {
    /// Begins with a first index.
    pub(in crate::media::srtp) const fn new(index: u64) -> Self {
        Self {
            highest: index,
            came: 1,
        }
    }

    /// The highest index.
    pub(in crate::media::srtp) const fn highest(&self) -> u64 {
        self.highest
    }

    /// The index that a sequence number most likely stands for (RFC 3711 3.3.1 and appendix A). `None`: one from before the
    /// stream's first.
    pub(in crate::media::srtp) fn guess(&self, sequence: u16) -> Option<u64> {
        let [.., high, low] = self.highest.to_be_bytes();
        let last = u16::from_be_bytes([high, low]);
        let rollover = self.highest >> 16;
        let rollover = if last < HALF && sequence > last && sequence - last > HALF {
            rollover.checked_sub(1)?
        } else if last >= HALF && last - HALF > sequence {
            rollover + 1
        } else {
            rollover
        };
        Some(rollover << 16 | u64::from(sequence))
    }

    /// Says whether an index may come.
    pub(in crate::media::srtp) const fn lies(&self, index: u64) -> Lies {
        if index > self.highest {
            return Lies::New;
        }
        let behind = self.highest - index;
        if behind >= WIDTH {
            Lies::Behind
        } else if self.came >> behind & 1 == 1 {
            Lies::Seen
        } else {
            Lies::New
        }
    }

    /// Notes that it came.
    pub(in crate::media::srtp) const fn note(&mut self, index: u64) {
        if index > self.highest {
            let ahead = index - self.highest;
            self.came = if ahead >= WIDTH {
                0
            } else {
                self.came << ahead
            } | 1;
            self.highest = index;
        } else if self.highest - index < WIDTH {
            self.came |= 1 << (self.highest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_index_is_meant() {
        for (highest, sequence, index) in [
            (0, 1, Some(1)),
            (0, 0x8000, Some(0x8000)),
            (0, 0x8001, None),
            (0x7fff, 0xffff, Some(0xffff)),
            (0xffff, 0, Some(0x1_0000)),
            (0xffff, 0x7ffe, Some(0x1_7ffe)),
            (0xffff, 0x7fff, Some(0x7fff)),
            (0x1_0000, 0xffff, Some(0xffff)),
            (0x1_8000, 0, Some(0x1_0000)),
            (0x2_fff0, 3, Some(0x3_0003)),
        ] {
            assert_eq!(
                Window::new(highest).guess(sequence),
                index,
                "{highest:x} {sequence:x}"
            );
        }
    }

    #[test]
    fn what_came_is_seen_and_what_is_long_gone_is_behind() {
        let mut window = Window::new(1_000);
        assert_eq!(window.lies(1_000), Lies::Seen);
        assert_eq!(window.lies(999), Lies::New);
        window.note(999);
        assert_eq!(window.lies(999), Lies::Seen);
        window.note(1_126);
        assert_eq!(window.lies(999), Lies::Seen);
        assert_eq!(window.lies(998), Lies::Behind);
        assert_eq!(window.lies(1_100), Lies::New);
        window.note(9_000);
        assert_eq!(window.lies(8_999), Lies::New);
        assert_eq!(window.highest(), 9_000);
    }

    proptest! {
        #[test]
        fn no_index_is_new_twice(first in 0u64..300, steps in proptest::collection::vec(0u64..400, 0..300)) {
            let mut window = Window::new(first);
            let mut came = BTreeSet::from([first]);
            for index in steps {
                match window.lies(index) {
                    Lies::New => {
                        window.note(index);
                        prop_assert!(came.insert(index));
                    }
                    Lies::Seen => prop_assert!(came.contains(&index)),
                    Lies::Behind => prop_assert!(index + WIDTH <= *came.last().unwrap()),
                }
                prop_assert_eq!(Some(&window.highest()), came.last());
            }
        }

        #[test]
        fn an_index_within_half_a_turn_is_found_by_its_number(highest in 0u64..1 << 40, off in -32_767i64..=32_767) {
            if let Some(index) = highest.checked_add_signed(off) {
                let sequence = u16::try_from(index & 0xffff).unwrap();
                prop_assert_eq!(Window::new(highest).guess(sequence), Some(index));
            }
        }
    }
}
