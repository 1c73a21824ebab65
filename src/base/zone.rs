//! A time zone over a span of time as a few numbers, so that a million calls know their hour in milliseconds. Pure.

use jiff::tz::TimeZone;

use crate::base::time::WallTime;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Hours of a week.
pub const WEEK_HOURS: usize = 168;

/// The hour of the week, from Monday's first, in which the Unix epoch begins: a Thursday.
const EPOCH_HOUR: i64 = 3 * 24;

/// Most changes of clocks that are kept. No zone has had as many between 1970 and 2100.
const CHANGES_MAX: usize = 1_024;

/// What clocks in a zone show, between two moments.
#[derive(Clone, Debug)]
pub struct Offsets {
    /// From when on clocks are ahead of UTC by how many milliseconds, in order; the first holds before it too.
    changes: Vec<(i64, i64)>,
}

impl Offsets {
    /// Clocks of `zone` from `since` until `until`.
    pub fn new(zone: &TimeZone, since: WallTime, until: WallTime) -> Self {
        let offset = |at: WallTime| i64::from(zone.to_offset(at.timestamp()).seconds()) * 1_000;
        let mut changes = vec![(since.as_millis(), offset(since))];
        let following = zone.following(since.timestamp()).take(CHANGES_MAX);
        for change in following {
            let from = change.timestamp().as_millisecond();
            if from >= until.as_millis() {
                break;
            }
            changes.push((from, i64::from(change.offset().seconds()) * 1_000));
        }
        Self { changes }
    }

    /// The hour of the week in which `at` lies: 0 is Monday's first.
    #[inline]
    pub fn hour_of_week(&self, at: WallTime) -> usize {
        let millis = at.as_millis();
        // Most spans have one change or none.
        let after = self.changes.iter().rev().find(|(from, _)| *from <= millis);
        let ahead = after
            .or_else(|| self.changes.first())
            .map_or(0, |change| change.1);
        hour_of_week(millis.saturating_add(ahead))
    }
}

#[inline]
fn hour_of_week(local_ms: i64) -> usize {
    let hour = (local_ms.div_euclid(HOUR_MS) + EPOCH_HOUR).rem_euclid(168);
    usize::try_from(hour).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    #[test]
    fn clocks_that_change_are_followed_both_ways() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let year = Offsets::new(
            &berlin,
            at("2026-01-01T00:00:00Z"),
            at("2027-01-01T00:00:00Z"),
        );
        for (time, day, hour) in [
            // A Sunday: two o'clock is three.
            ("2026-03-29T00:59:59Z", 6, 1),
            ("2026-03-29T01:00:00Z", 6, 3),
            // A Sunday: there are two hours that begin at two.
            ("2026-10-25T00:30:00Z", 6, 2),
            ("2026-10-25T01:30:00Z", 6, 2),
            ("2026-10-25T02:30:00Z", 6, 3),
            ("2026-11-22T23:30:00Z", 0, 0),
        ] {
            assert_eq!(year.hour_of_week(at(time)), day * 24 + hour, "{time}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_hour_is_the_one_that_the_calendar_has(
            seconds in 0i64..4_000_000_000,
            zone in proptest::sample::select(vec![
                "Europe/Berlin", "Europe/Moscow", "America/New_York", "Asia/Kolkata",
                "Australia/Lord_Howe", "Africa/Casablanca", "UTC",
            ]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let at = WallTime::from_millis(seconds * 1_000);
            let local = zone.to_datetime(at.timestamp());
            let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap();
            let hour = usize::try_from(local.hour()).unwrap();
            let ends = (WallTime::from_millis(0), WallTime::from_millis(4_000_000_000_000));
            let all = Offsets::new(&zone, ends.0, ends.1);
            proptest::prop_assert_eq!(all.hour_of_week(at), day * 24 + hour);
        }
    }
}
