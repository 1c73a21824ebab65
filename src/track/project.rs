//! A project: one business with its reports, its time zone and its holidays.

use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::base::time::WallTime;
use crate::track::labels::Labels;

/// What a project counts its money in where it does not say (ISO 4217).
pub const CURRENCY: &str = "RUB";

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
    /// What a deal leaves on average, in hundredths of the currency: what the cost of a customer is held against.
    pub deal_profit: Option<i64>,
    /// Days on which no `hours` hold.
    pub holidays: Vec<DateRange>,
    /// `false`: calls go through, nothing is tagged, recorded or reported.
    pub tracking: bool,
    /// Days on which the same holds, though `tracking` is true.
    pub off_season: Vec<DateRange>,
    /// What people can say of a call.
    pub labels: Labels,
}

impl Project {
    /// A project of which nothing is said but its id.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            label: id.into(),
            time_zone: TimeZone::UTC,
            currency: CURRENCY.into(),
            deal_profit: None,
            holidays: Vec::new(),
            tracking: true,
            off_season: Vec::new(),
            labels: Labels::default(),
        }
    }

    /// Returns date and time of day where the project is.
    pub fn local(&self, at: WallTime) -> DateTime {
        self.time_zone.to_datetime(at.timestamp())
    }

    /// Whether `date` is one of its holidays.
    pub fn is_holiday(&self, date: Date) -> bool {
        self.holidays.iter().any(|range| range.contains(date))
    }

    /// Whether a call that begins at `at` is tagged, recorded and reported. It keeps what it began with.
    pub fn tracks(&self, at: WallTime) -> bool {
        self.rest(at).is_none()
    }

    /// Why calls that begin at `at` leave no trace in the reports; `None`: they are tracked.
    pub fn rest(&self, at: WallTime) -> Option<Rest> {
        if !self.tracking {
            return Some(Rest::Always);
        }
        if self.off_season.is_empty() {
            return None;
        }
        let date = self.local(at).date();
        let mut ranges = self.off_season.iter();
        ranges
            .find(|range| range.contains(date))
            .map(|range| Rest::Season(*range))
    }
}

/// Why a project is not tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// `tracking = false`.
    Always,
    /// It is off-season, on these days.
    Season(DateRange),
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

    /// The first of its days.
    pub const fn first(&self) -> Date {
        self.first
    }

    /// The last of its days.
    pub const fn last(&self) -> Date {
        self.last
    }

    /// Whether the two have a day in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
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

    fn project(zone: &str, off_season: DateRange) -> Project {
        Project {
            time_zone: TimeZone::get(zone).unwrap(),
            off_season: vec![off_season],
            ..Project::new("shop")
        }
    }

    /// The first and the last millisecond at which a season rests, each with the one beside it that is tracked.
    fn rests_from_to(project: &Project, first: &str, last: &str) {
        let tracks = |text: &str, ms: i64| {
            let at: WallTime = text.parse().unwrap();
            project.tracks(WallTime::from_millis(at.as_millis() + ms))
        };
        assert!(tracks(first, -1) && !tracks(first, 0), "begins {first}");
        assert!(!tracks(last, -1) && tracks(last, 0), "is over {last}");
    }

    #[test]
    fn an_off_season_lasts_from_the_first_days_midnight_to_the_last_days_end() {
        let winter = DateRange::new(date(2026, 12, 1), date(2027, 2, 28)).unwrap();
        let moscow = project("Europe/Moscow", winter);
        rests_from_to(&moscow, "2026-11-30T21:00:00Z", "2027-02-28T21:00:00Z");
        let at = "2027-01-15T12:00:00Z".parse().unwrap();
        assert_eq!(moscow.rest(at), Some(Rest::Season(winter)));
        let off = Project {
            tracking: false,
            ..moscow
        };
        assert_eq!(
            off.rest("2026-01-01T00:00:00Z".parse().unwrap()),
            Some(Rest::Always)
        );
    }

    #[test]
    fn days_of_an_off_season_are_as_long_as_the_clocks_make_them() {
        // Berlin: 25 October 2026 has 25 hours, 28 March 2027 has 23.
        let winter = DateRange::new(date(2026, 10, 25), date(2027, 3, 28)).unwrap();
        let berlin = project("Europe/Berlin", winter);
        rests_from_to(&berlin, "2026-10-24T22:00:00Z", "2027-03-28T22:00:00Z");
        // One of the days alone: the hour that comes twice is off-season both times.
        let day = |day| DateRange::new(day, day).unwrap();
        let long = project("Europe/Berlin", day(date(2026, 10, 25)));
        rests_from_to(&long, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        let short = project("Europe/Berlin", day(date(2027, 3, 28)));
        rests_from_to(&short, "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z");
        // Beirut leaves the midnight of 29 March 2026 out: the day begins at one o'clock.
        let beirut = project("Asia/Beirut", day(date(2026, 3, 29)));
        rests_from_to(&beirut, "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z");
        // Havana goes back at one o'clock: the hour after midnight comes twice, and both are the day's.
        let havana = project("America/Havana", day(date(2026, 11, 1)));
        rests_from_to(&havana, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    }

    #[test]
    fn ranges_meet_where_they_share_a_day() {
        let range = |a, b| DateRange::new(date(2027, 1, a), date(2027, 1, b)).unwrap();
        assert!(range(1, 5).meets(&range(5, 9)) && range(2, 3).meets(&range(1, 9)));
        assert!(!range(1, 4).meets(&range(5, 9)));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_none() {
        assert_eq!(DateRange::new(date(2027, 1, 2), date(2027, 1, 1)), None);
    }
}
