//! A project: one business with its reports, its time zone and its holidays.

use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::base::time::WallTime;
use crate::track::labels::Labels;

/// One `[[project]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name in the configuration and in records.
    pub id: Arc<str>,
    /// What people read.
    pub label: Arc<str>,
    /// Where its hours, holidays and report days are counted; an IANA zone.
    pub time_zone: TimeZone,
    /// ISO 4217.
    pub currency: Arc<str>,
    /// Days on which no `hours` hold.
    pub holidays: Vec<DateRange>,
    /// `false`: off-season. Calls go through, nothing is tagged, recorded or reported.
    pub tracking: bool,
    /// What people can say of a call.
    pub labels: Labels,
}

impl Project {
    /// Returns date and time of day where the project is.
    pub fn local(&self, at: WallTime) -> DateTime {
        self.time_zone.to_datetime(at.timestamp())
    }

    /// Whether `date` is one of its holidays.
    pub fn is_holiday(&self, date: Date) -> bool {
        self.holidays.iter().any(|range| range.contains(date))
    }
}

/// Whole days from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    first: Date,
    last: Date,
}

impl DateRange {
    /// Makes the range; `None` when it ends before it begins.
    pub fn new(first: Date, last: Date) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// Whether `date` lies in it.
    pub fn contains(&self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

/// As it is configured: `2027-01-01..2027-01-08`, or one day.
impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}..{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_holiday_includes_its_first_and_last_day() {
        let range = DateRange::new(date(2027, 1, 1), date(2027, 1, 8)).unwrap();
        assert!(range.contains(date(2027, 1, 1)));
        assert!(range.contains(date(2027, 1, 8)));
        assert!(!range.contains(date(2026, 12, 31)));
        assert!(!range.contains(date(2027, 1, 9)));
        assert_eq!(range.to_string(), "2027-01-01..2027-01-08");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_none() {
        assert_eq!(DateRange::new(date(2027, 1, 2), date(2027, 1, 1)), None);
    }
}
