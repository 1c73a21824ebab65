//! Time as a value: [`Moment`] orders what happens, [`WallTime`] is what people read.
//!
//! Both are passed in, never read; `clock.rs` is the one place that asks the machine.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::text;

/// A point on the engine's monotonic clock, in microseconds since it started.
///
/// Unlike [`std::time::Instant`] it can be written down: tests say
/// `Moment::from_millis(500)` and a replayed log means the same thing twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment the engine started.
    pub const START: Self = Self(0);

    /// Returns the moment `millis` after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Returns the moment `micros` after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the moment `elapsed` after the start.
    pub fn from_elapsed(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Returns whole milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Returns microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the next whole multiple of `grain` since the start, or this moment if it is one.
    pub fn rounded_up(self, grain: Duration) -> Self {
        let grain = Self::from_elapsed(grain).0.max(1);
        Self(self.0.checked_next_multiple_of(grain).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_elapsed(after).0))
    }
}

/// The time between two moments; zero when the right one is later.
impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Wall time in milliseconds since 1970-01-01T00:00:00Z. For people only: no timer and no order depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// Returns the wall time `millis` after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the same point as jiff's type, clamped to the years jiff knows.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.125Z`.
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match own_text(self.0) {
            Some(text) => f.write_str(str::from_utf8(&text).unwrap_or_default()),
            None => write!(f, "{:.3}", self.timestamp()),
        }
    }
}

/// Writes it for the years of four digits after 1970, without the general form's detours: a call's lines have a dozen.
fn own_text(millis: i64) -> Option<[u8; 24]> {
    let millis = u64::try_from(millis).ok()?;
    let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
    // Days since 0000-03-01, in eras of 400 years; years begin in March, so that a leap day is a year's last.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let (month, later) = match march_month {
        0..=9 => (march_month + 3, 0),
        _ => (march_month - 9, 1),
    };
    let year = era * 400 + year_of_era + later;
    if year > 9_999 {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, of_day / 3_600_000),
        (14..16, of_day / 60_000 % 60),
        (17..19, of_day / 1_000 % 60),
        (20..23, of_day % 1_000),
    ];
    for (place, mut number) in parts {
        for digit in text.get_mut(place)?.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).ok()?;
            number /= 10;
        }
    }
    Some(text)
}

/// Reads any RFC 3339 time.
impl FromStr for WallTime {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match own_form(text) {
            Some(millis) => Ok(Self(millis)),
            None => text
                .parse::<Timestamp>()
                .map(|at| Self(at.as_millisecond())),
        }
    }
}

/// Reads what [`fmt::Display`] writes, without the calendars and zones of the general form: a log has millions of these.
fn own_form(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', rest @ ..] = bytes else {
        return None;
    };
    let [h0, h1, b':', n0, n1, b':', s0, s1, b'.', f0, f1, f2, b'Z'] = rest else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i64, |value, digit| {
            let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
            Some(value * 10 + digit)
        })
    };
    let (year, month, day) = (
        number(&[*y0, *y1, *y2, *y3])?,
        number(&[*m0, *m1])?,
        number(&[*d0, *d1])?,
    );
    let (hour, minute, second) = (
        number(&[*h0, *h1])?,
        number(&[*n0, *n1])?,
        number(&[*s0, *s1])?,
    );
    let millis = number(&[*f0, *f1, *f2])?;
    // The last days of months and leap seconds are the general form's.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years begin in March, so that a leap day is a year's last.
    let (year, month) = match month {
        1..=2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + millis)
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_short_way_reads_and_writes_what_the_general_one_does(millis in -62_100_000_000_000i64..253_000_000_000_000) {
            let text = WallTime(millis).to_string();
            proptest::prop_assert_eq!(&text, &format!("{:.3}", WallTime(millis).timestamp()));
            let general = text.parse::<Timestamp>().unwrap().as_millisecond();
            proptest::prop_assert_eq!(text.parse::<WallTime>().unwrap().as_millis(), general);
            if let Some(short) = own_form(&text) {
                proptest::prop_assert_eq!(short, millis);
            }
        }
    }

    #[test]
    fn the_short_way_reads_most_days_and_leaves_the_rest() {
        assert_eq!(own_form("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(
            own_form("2026-11-21T09:30:00.125Z"),
            Some(1_795_253_400_125)
        );
        for other in [
            "2026-11-30T09:30:00.125Z",
            "2026-11-21T24:00:00.000Z",
            "2026-11-21 09:30:00.125Z",
        ] {
            assert_eq!(own_form(other), None, "{other}");
        }
    }

    #[test]
    fn wall_time_is_written_in_utc_with_milliseconds_and_read_back() {
        let at = WallTime::from_millis(1_795_253_400_125);
        assert_eq!(at.to_string(), "2026-11-21T09:30:00.125Z");
        assert_eq!(
            "2026-11-21T12:30:00.125+03:00".parse::<WallTime>().unwrap(),
            at
        );
    }

    #[test]
    fn a_later_moment_subtracts_to_zero() {
        assert_eq!(
            Moment::from_millis(1) - Moment::from_millis(2),
            Duration::ZERO
        );
    }
}
