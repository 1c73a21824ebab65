//! Percentiles by the nearest rank: always a value that was measured. Pure.

use crate::report::table::Figure;

/// The value at which `share` hundredths of all are reached: of n values in order the one at place ⌈share · n / 100⌉, counted
/// from 1. `None` of nothing. Leaves the values in another order.
pub(crate) fn percentile(values: &mut [u32], share: u32) -> Option<u32> {
    let count = values.len();
    let rank = usize::try_from(share)
        .ok()?
        .saturating_mul(count)
        .div_ceil(100);
    let place = rank.clamp(1, count.max(1)) - 1;
    if place >= count {
        return None;
    }
    let (_, value, _) = values.select_nth_unstable(place);
    Some(*value)
}

/// The same as a figure, of durations of so many milliseconds each.
pub(crate) fn millis(values: &mut [u32], share: u32, each_ms: u64) -> Figure {
    let of = u64::try_from(values.len()).unwrap_or(u64::MAX);
    match percentile(values, share) {
        Some(value) => Figure::Millis {
            millis: u64::from(value).saturating_mul(each_ms),
            of,
        },
        None => Figure::Nothing,
    }
}

/// Values below this are counted one by one: 131 seconds as milliseconds, 512 KB that a processor keeps close.
const COUNTED: usize = 1 << 17;

/// Many values, of which several percentiles are wanted: each has its count, so that none is moved.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    counts: Vec<u32>,
    large: Vec<u32>,
    of: usize,
}

impl Spread {
    /// Takes in a value.
    #[inline]
    pub(crate) fn add(&mut self, value: u32) {
        self.of += 1;
        if self.counts.is_empty() {
            self.counts.resize(COUNTED, 0);
        }
        let place = usize::try_from(value).unwrap_or(usize::MAX);
        match self.counts.get_mut(place) {
            Some(count) => *count += 1,
            None => self.large.push(value),
        }
    }

    /// As [`percentile`].
    pub(crate) fn percentile(&mut self, share: u32) -> Option<u32> {
        let share = usize::try_from(share).ok()?;
        let rank = share.saturating_mul(self.of).div_ceil(100).max(1);
        let mut before = 0;
        for (value, count) in (0u32..).zip(&self.counts) {
            before += usize::try_from(*count).unwrap_or_default();
            if before >= rank {
                return Some(value);
            }
        }
        let place = rank.checked_sub(before + 1)?;
        if place >= self.large.len() {
            return None;
        }
        let (_, value, _) = self.large.select_nth_unstable(place);
        Some(*value)
    }

    /// The same as a figure, of milliseconds.
    pub(crate) fn millis(&mut self, share: u32) -> Figure {
        let of = u64::try_from(self.of).unwrap_or(u64::MAX);
        let value = self.percentile(share);
        value.map_or(Figure::Nothing, |value| Figure::Millis {
            millis: u64::from(value),
            of,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_the_one_of_the_textbook() {
        // The worked examples of the nearest-rank method: 15, 20, 35, 40, 50.
        let of = |share| percentile(&mut [35, 20, 15, 50, 40], share);
        assert_eq!(
            [of(5), of(30), of(40), of(50), of(100)],
            [15, 20, 20, 35, 50].map(Some)
        );
        assert_eq!(of(0), Some(15));
        assert_eq!(percentile(&mut [], 50), None);
        assert_eq!(percentile(&mut [7], 1), Some(7));
    }

    proptest::proptest! {
        #[test]
        fn counted_values_have_the_same_percentiles(
            mut values in proptest::collection::vec(
                proptest::prop_oneof![0u32..200, 131_000u32..131_200, 0u32..1_000_000], 0..200),
            share in 0u32..=100,
        ) {
            let mut spread = Spread::default();
            values.iter().for_each(|value| spread.add(*value));
            proptest::prop_assert_eq!(spread.percentile(share), percentile(&mut values, share));
        }

        #[test]
        fn at_least_so_many_hundredths_are_no_larger_and_it_is_the_least_such_value(
            mut values in proptest::collection::vec(0u32..1_000, 1..300),
            share in 1u32..=100,
        ) {
            let value = percentile(&mut values, share).unwrap();
            let enough = |limit: u32| {
                let within = values.iter().filter(|one| **one <= limit).count();
                within * 100 >= usize::try_from(share).unwrap() * values.len()
            };
            proptest::prop_assert!(values.contains(&value) && enough(value));
            for smaller in values.iter().filter(|one| **one < value) {
                proptest::prop_assert!(!enough(*smaller));
            }
        }
    }
}
