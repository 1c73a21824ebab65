//! Sorting the milliseconds of a day by their digits: three passes, however they lie. Pure.

/// Bits of a digit.
const BITS: usize = 9;

/// Values of a digit.
const VALUES: usize = 1 << BITS;

/// Digits: 27 bits hold the milliseconds of 37 hours, and no day has more than 25 or 26.
const DIGITS: usize = 3;

/// So few are sorted by comparing before the counters of all digits are even looked through.
const FEW: usize = 192;

/// Sorts `times`; `room` is memory that is kept from one day to the next.
pub(super) fn sort(times: &mut Vec<u32>, room: &mut Vec<u32>) {
    let is_long = |time: &u32| *time >> (BITS * DIGITS) != 0;
    if times.len() < FEW || times.iter().any(is_long) {
        times.sort_unstable();
        return;
    }
    let mut counts = [[0u32; VALUES]; DIGITS];
    for time in times.iter() {
        for (place, counts) in counts.iter_mut().enumerate() {
            if let Some(count) = counts.get_mut(digit(*time, place)) {
                *count += 1;
            }
        }
    }
    room.clear();
    room.resize(times.len(), 0);
    for (place, counts) in counts.iter_mut().enumerate() {
        // From how many have a digit to where the first of them goes.
        let mut before = 0;
        for count in counts.iter_mut() {
            before += std::mem::replace(count, before);
        }
        for time in times.iter() {
            let Some(next) = counts.get_mut(digit(*time, place)) else {
                continue;
            };
            let to = usize::try_from(*next).ok().and_then(|to| room.get_mut(to));
            *next += 1;
            if let Some(to) = to {
                *to = *time;
            }
        }
        std::mem::swap(times, room);
    }
}

#[inline]
fn digit(time: u32, place: usize) -> usize {
    usize::try_from(time >> (BITS * place)).unwrap_or_default() % VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn times_are_in_order_however_many_there_are_and_however_long_the_day_is(
            times in proptest::collection::vec(
                proptest::prop_oneof![0u32..90_000_000, 0u32..1_000, proptest::prelude::any::<u32>()],
                0..600,
            ),
            most in proptest::sample::select(vec![1_000, 90_000_000, u32::MAX]),
        ) {
            let mut times: Vec<u32> = times.into_iter().filter(|time| *time <= most).collect();
            let mut wanted = times.clone();
            wanted.sort_unstable();
            sort(&mut times, &mut vec![7; 9]);
            proptest::prop_assert_eq!(times, wanted);
        }
    }
}
