//! Periods as people say them, which move on with the calendar: a report that is saved with "last week" is next Monday of the
//! week that has just ended. Pure.

use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;

/// A period that moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relative {
    /// Today.
    Today,
    /// The day before today.
    Yesterday,
    /// Monday of this week until now.
    ThisWeek,
    /// The week that ended last, Monday to Sunday.
    LastWeek,
    /// Seven days, yesterday the last.
    Last7Days,
    /// Thirty days, yesterday the last.
    Last30Days,
    /// Ninety days, yesterday the last.
    Last90Days,
    /// From the first of this month until now.
    ThisMonth,
    /// The month that ended last.
    LastMonth,
    /// The three months of a quarter that ended last.
    LastQuarter,
}

/// It is no such period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPeriod;

impl Relative {
    /// All of them, as a page lists them.
    pub const ALL: [Self; 10] = [
        Self::LastWeek,
        Self::ThisWeek,
        Self::Today,
        Self::Yesterday,
        Self::Last7Days,
        Self::Last30Days,
        Self::Last90Days,
        Self::LastMonth,
        Self::ThisMonth,
        Self::LastQuarter,
    ];

    /// Its word in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::ThisWeek => "this-week",
            Self::LastWeek => "last-week",
            Self::Last7Days => "last-7-days",
            Self::Last30Days => "last-30-days",
            Self::Last90Days => "last-90-days",
            Self::ThisMonth => "this-month",
            Self::LastMonth => "last-month",
            Self::LastQuarter => "last-quarter",
        }
    }

    /// Its first day, and the first day after it, seen from `today`. Without dates beyond the calendar: those are today.
    pub fn days(self, today: Date) -> (Date, Date) {
        let shifted = |day: Date, days: i64| day.checked_add(days.days()).unwrap_or(today);
        let monday = shifted(today, -i64::from(today.weekday().to_monday_zero_offset()));
        let first = today.first_of_month();
        let months_before =
            |day: Date, months: i64| day.checked_sub(months.months()).unwrap_or(day);
        match self {
            Self::Today => (today, shifted(today, 1)),
            Self::Yesterday => (shifted(today, -1), today),
            Self::ThisWeek => (monday, shifted(today, 1)),
            Self::LastWeek => (shifted(monday, -7), monday),
            Self::Last7Days => (shifted(today, -7), today),
            Self::Last30Days => (shifted(today, -30), today),
            Self::Last90Days => (shifted(today, -90), today),
            Self::ThisMonth => (first, shifted(today, 1)),
            Self::LastMonth => (months_before(first, 1), first),
            Self::LastQuarter => {
                let into = i64::from((today.month() - 1).rem_euclid(3));
                let quarter = months_before(first, into);
                (months_before(quarter, 3), quarter)
            }
        }
    }
}

impl FromStr for Relative {
    type Err = NoPeriod;

    fn from_str(word: &str) -> Result<Self, NoPeriod> {
        let mut all = Self::ALL.into_iter();
        all.find(|period| period.word() == word).ok_or(NoPeriod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(word: &str, today: &str) -> String {
        let period: Relative = word.parse().unwrap();
        let (since, until) = period.days(today.parse().unwrap());
        format!("{since}..{until}")
    }

    #[test]
    fn each_period_moves_on_with_the_calendar() {
        for (word, sunday, monday) in [
            ("today", "2026-11-22..2026-11-23", "2026-11-23..2026-11-24"),
            (
                "yesterday",
                "2026-11-21..2026-11-22",
                "2026-11-22..2026-11-23",
            ),
            (
                "this-week",
                "2026-11-16..2026-11-23",
                "2026-11-23..2026-11-24",
            ),
            (
                "last-week",
                "2026-11-09..2026-11-16",
                "2026-11-16..2026-11-23",
            ),
            (
                "last-7-days",
                "2026-11-15..2026-11-22",
                "2026-11-16..2026-11-23",
            ),
            (
                "last-30-days",
                "2026-10-23..2026-11-22",
                "2026-10-24..2026-11-23",
            ),
            (
                "this-month",
                "2026-11-01..2026-11-23",
                "2026-11-01..2026-11-24",
            ),
            (
                "last-month",
                "2026-10-01..2026-11-01",
                "2026-10-01..2026-11-01",
            ),
            (
                "last-quarter",
                "2026-07-01..2026-10-01",
                "2026-07-01..2026-10-01",
            ),
        ] {
            assert_eq!(days(word, "2026-11-22"), sunday, "{word}");
            assert_eq!(days(word, "2026-11-23"), monday, "{word}");
        }
    }

    #[test]
    fn a_year_is_crossed_and_a_leap_day_is_a_day() {
        assert_eq!(days("last-week", "2027-01-01"), "2026-12-21..2026-12-28");
        assert_eq!(days("last-month", "2027-01-31"), "2026-12-01..2027-01-01");
        assert_eq!(days("last-quarter", "2027-02-28"), "2026-10-01..2027-01-01");
        assert_eq!(days("last-month", "2028-03-31"), "2028-02-01..2028-03-01");
        assert_eq!(days("yesterday", "2028-03-01"), "2028-02-29..2028-03-01");
    }

    #[test]
    fn every_word_reads_back_and_others_are_none() {
        for period in Relative::ALL {
            assert_eq!(period.word().parse(), Ok(period));
        }
        assert_eq!("last-year".parse::<Relative>(), Err(NoPeriod));
    }
}
