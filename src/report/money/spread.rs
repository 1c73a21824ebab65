//! An amount over its days: each has the same, and the hundredths that do not divide go to the first days. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::base::time::WallTime;
use crate::report::period::{date, midnight};
use crate::store::ledger::{Entry, days};

/// The days that begin within a period, so that periods that follow each other have each day once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    first: Date,
    last: Date,
}

impl Days {
    /// Those that begin between the two; `None`: none does.
    pub(super) fn new(zone: &TimeZone, since: WallTime, until: WallTime) -> Option<Self> {
        let day = date(zone, since);
        // A day that a zone leaves out whole, to be on the other side of the date line, begins with the next.
        let begins = |day: &Date| midnight(zone, *day) >= since;
        let near = [day.yesterday(), Ok(day), day.tomorrow()];
        let first = near.into_iter().flatten().find(begins)?;
        let end = WallTime::from_millis(until.as_millis().saturating_sub(1));
        let last = date(zone, end);
        (since < until && first <= last).then_some(Self { first, last })
    }

    /// What of an amount is of these days.
    pub(super) fn part_of(self, entry: &Entry) -> i64 {
        let (from, until) = (entry.from.max(self.first), entry.until.min(self.last));
        if until < from {
            return 0;
        }
        let before = i64::from(days(entry.from, from)) - 1;
        let end = before + i64::from(days(from, until));
        up_to(entry, end) - up_to(entry, before)
    }
}

/// What of an amount is of its first `count` days.
fn up_to(entry: &Entry, count: i64) -> i64 {
    let days = i64::from(entry.days()).max(1);
    let (each, more) = (entry.hundredths / days, entry.hundredths % days);
    each * count + more.min(count)
}

/// Cuts `amount` into parts in proportion to `weights`, whose sum is it to the hundredth; all are 0 where there is no weight.
/// A weight is a number of calls, so that even the largest amount times all of them is no overflow.
pub(super) fn shares(amount: i64, weights: &[u64]) -> Vec<i64> {
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let amount = u128::try_from(amount).unwrap_or(0);
    let mut sum = 0u128;
    let mut given = 0u128;
    let part = |weight: &u64| {
        sum += u128::from(*weight);
        let due = (amount * sum).checked_div(whole).unwrap_or(0);
        let part = due - given;
        given = due;
        i64::try_from(part).unwrap_or(i64::MAX)
    };
    weights.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::store::ledger::{Cost, Purpose};

    fn entry(from: Date, count: i64, hundredths: i64) -> Entry {
        Entry {
            project: "shop".into(),
            purpose: Purpose::Project,
            cost: Cost::Advertising,
            from,
            until: from.checked_add((count - 1).days()).unwrap(),
            hundredths,
            currency: "RUB".into(),
            note: String::new(),
        }
    }

    fn day(entry: &Entry, place: i64) -> i64 {
        let day = entry.from.checked_add(place.days()).unwrap();
        let days = Days {
            first: day,
            last: day,
        };
        days.part_of(entry)
    }

    #[test]
    fn hundredths_that_do_not_divide_go_to_the_first_days() {
        let week = entry(date(2026, 11, 23), 7, 1_003);
        let parts: Vec<i64> = (-1..8).map(|place| day(&week, place)).collect();
        assert_eq!(parts, [0, 144, 144, 143, 143, 143, 143, 143, 0]);
    }

    #[test]
    fn a_period_has_the_days_that_begin_in_it() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let days = |since: &str, until: &str| {
            let days = Days::new(&berlin, since.parse().unwrap(), until.parse().unwrap())?;
            Some((days.first.to_string(), days.last.to_string()))
        };
        let of = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        // Clocks change on the 29th.
        assert_eq!(
            days("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z"),
            of("2026-03-28", "2026-03-30")
        );
        assert_eq!(
            days("2026-03-24T11:00:00Z", "2026-03-31T10:00:00Z"),
            of("2026-03-25", "2026-03-31")
        );
        assert_eq!(days("2026-03-27T23:00:01Z", "2026-03-28T22:00:00Z"), None);
        assert_eq!(days("2026-03-27T23:00:00Z", "2026-03-27T23:00:00Z"), None);
    }

    #[test]
    fn a_share_without_any_weight_is_nothing() {
        assert_eq!(shares(100, &[0, 0]), [0, 0]);
        assert_eq!(shares(100, &[]), [0i64; 0]);
        assert_eq!(shares(100, &[1, 1, 1]), [33, 33, 34]);
    }

    proptest! {
        #[test]
        fn the_days_of_an_amount_sum_to_it_and_differ_by_a_hundredth_at_most(
            start in 0i64..20_000,
            count in 1i64..1_100,
            hundredths in 1i64..10_000_000_000_000,
        ) {
            let from = date(1990, 1, 1).checked_add(start.days()).unwrap();
            let entry = entry(from, count, hundredths);
            let parts: Vec<i64> = (0..count).map(|place| day(&entry, place)).collect();
            prop_assert_eq!(parts.iter().sum::<i64>(), hundredths);
            prop_assert!(parts.is_sorted_by(|a, b| a >= b));
            prop_assert!(parts.first().unwrap() - parts.last().unwrap() <= 1);
        }

        #[test]
        fn periods_that_follow_each_other_have_each_hundredth_once(
            count in 1i64..200,
            hundredths in 1i64..10_000_000_000,
            cuts in prop::collection::vec(-300i64..600, 0..6),
            zone in prop::sample::select(vec!["Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo", "UTC"]),
        ) {
            let from = date(2011, 10, 1);
            let entry = entry(from, count, hundredths);
            let zone = TimeZone::get(zone).unwrap();
            // Some hours before and after midnights.
            let start = midnight(&zone, from).as_millis();
            let mut edges: Vec<i64> = cuts.iter().map(|cut| start + cut * 5 * 3_600_000).collect();
            edges.extend([start - 86_400_000 * 2, start + 86_400_000 * (count + 2)]);
            edges.sort_unstable();
            let within = edges.windows(2).map(|two| {
                let wall = |at: i64| WallTime::from_millis(at);
                let days = Days::new(&zone, wall(two[0]), wall(two[1]));
                days.map_or(0, |days| days.part_of(&entry))
            });
            prop_assert_eq!(within.sum::<i64>(), hundredths);
        }

        #[test]
        fn shares_sum_to_the_amount(
            amount in 0i64..1_000_000_000_000_000_000,
            weights in prop::collection::vec(0u64..10_000_000, 1..50),
        ) {
            let parts = shares(amount, &weights);
            let whole: u64 = weights.iter().sum();
            prop_assert_eq!(parts.iter().sum::<i64>(), if whole == 0 { 0 } else { amount });
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = i128::from(amount) * i128::from(*weight);
                let off = i128::from(*part) * i128::from(whole.max(1)) - exact;
                prop_assert!(off.abs() <= i128::from(whole), "{} of {:?}", part, weights);
            }
        }
    }
}
