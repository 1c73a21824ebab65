//! Office hours as a rule writes them: `Mon-Fri 09:00-18:00`, `Sat,Sun 10:00-15:00`, `22:00-06:00`.
//!
//! Hours are read on the wall clock of the project's time zone: an hour that a change to winter time repeats counts
//! twice, one that summer time leaves out never comes. A span over midnight belongs to the day on which it begins,
//! and so does the question whether that day is a holiday.

use std::fmt;

use jiff::civil::DateTime;

use crate::track::Project;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The spans of one rule; they hold when any of them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(Vec<Span>);

/// Some days of the week, and from when to when on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Bit 0 is Monday.
    days: u8,
    /// Minute of the day at which it begins.
    from: u16,
    /// Minute at which it is over, counted from the same midnight: above [`DAY`] when it runs into the next day.
    to: u16,
}

/// What is wrong with a span as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    /// Not a day of the week.
    #[error("`{0}` is no day of the week")]
    Day(String),
    /// Not a time of day.
    #[error("`{0}` is no time of day")]
    Time(String),
    /// Begins and ends at the same minute.
    #[error("it begins and ends at {0}")]
    Empty(String),
    /// Neither days nor times, or too much of them.
    #[error("`{0}` is no days with a span of time")]
    Shape(String),
}

impl Hours {
    /// Joins spans.
    pub fn new(spans: Vec<Span>) -> Self {
        Self(spans)
    }

    /// Whether they hold at `local`, a time on the wall clock of `project`.
    pub fn hold(&self, project: &Project, local: DateTime) -> bool {
        self.0.iter().any(|span| span.holds(project, local))
    }

    /// Whether they say the hours of the clock that `local` reads, were the day no holiday.
    pub fn hold_on_a_working_day(&self, local: DateTime) -> bool {
        let (today, minute) = (weekday(local), minute(local));
        self.0.iter().any(|span| {
            span.holds_today(today, minute) || span.holds_since_yesterday(today, minute)
        })
    }

    /// Whether these hold whenever `other` do.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| {
            (0..7).filter(|day| theirs.is_on(*day)).all(|day| {
                self.0
                    .iter()
                    .any(|mine| mine.is_on(day) && mine.from <= theirs.from && theirs.to <= mine.to)
            })
        })
    }
}

impl Span {
    /// Reads `Mon-Fri 09:00-18:00`; without days it is every day, without times the whole day.
    ///
    /// # Errors
    /// Says which part of the text is no day or no time.
    pub fn read(text: &str) -> Result<Self, BadSpan> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let has_time = |word: &str| word.contains(':');
        match words.as_slice() {
            [times] if has_time(times) => Self::with(ALL_DAYS, times),
            [days] => Ok(Self {
                days: read_days(days)?,
                from: 0,
                to: DAY,
            }),
            [days, times] if has_time(times) => Self::with(read_days(days)?, times),
            _ => Err(BadSpan::Shape(text.to_owned())),
        }
    }

    fn with(days: u8, times: &str) -> Result<Self, BadSpan> {
        let Some((from, to)) = times.split_once('-') else {
            return Err(BadSpan::Shape(times.to_owned()));
        };
        let (from, end) = (read_time(from)?, read_time(to)?);
        if from == end || from == DAY {
            return Err(BadSpan::Empty(to.to_owned()));
        }
        let to = if end > from { end } else { end + DAY };
        Ok(Self { days, from, to })
    }

    fn holds(self, project: &Project, local: DateTime) -> bool {
        let (today, minute) = (weekday(local), minute(local));
        if self.holds_today(today, minute) {
            return !project.is_holiday(local.date());
        }
        self.holds_since_yesterday(today, minute)
            && local
                .date()
                .yesterday()
                .is_ok_and(|date| !project.is_holiday(date))
    }

    fn holds_today(self, today: u8, minute: u16) -> bool {
        self.is_on(today) && self.from <= minute && minute < self.to
    }

    fn holds_since_yesterday(self, today: u8, minute: u16) -> bool {
        self.is_on((today + 6) % 7) && minute + DAY < self.to
    }

    const fn is_on(self, day: u8) -> bool {
        self.days & (1 << day) != 0
    }
}

const ALL_DAYS: u8 = 0b111_1111;

/// 0 is Monday.
fn weekday(local: DateTime) -> u8 {
    u8::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0)
}

fn minute(local: DateTime) -> u16 {
    let part = |value: i8| u16::try_from(value).unwrap_or(0);
    part(local.hour()) * 60 + part(local.minute())
}

/// Reads `Mon-Fri`, `Sat,Sun`, `Fri-Mon`.
fn read_days(text: &str) -> Result<u8, BadSpan> {
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (read_day(first)?, read_day(last)?);
        days |= 1 << day;
        while day != last {
            day = (day + 1) % 7;
            days |= 1 << day;
        }
    }
    Ok(days)
}

fn read_day(text: &str) -> Result<u8, BadSpan> {
    NAMES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .and_then(|day| u8::try_from(day).ok())
        .ok_or_else(|| BadSpan::Day(text.to_owned()))
}

/// Reads `09:00`; `24:00` is the end of the day.
fn read_time(text: &str) -> Result<u16, BadSpan> {
    let bad = || BadSpan::Time(text.to_owned());
    let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
    let two_digits = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hours) || minutes.len() != 2 || !two_digits(minutes) {
        return Err(bad());
    }
    let hours: u16 = hours.parse().map_err(|_| bad())?;
    let minutes: u16 = minutes.parse().map_err(|_| bad())?;
    let minute = hours * 60 + minutes;
    if minutes > 59 || minute > DAY {
        return Err(bad());
    }
    Ok(minute)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, span) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            span.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != ALL_DAYS {
            write_days(self.days, f)?;
            f.write_str(" ")?;
        }
        let end = if self.to > DAY {
            self.to - DAY
        } else {
            self.to
        };
        let [from, end] = [self.from, end].map(|at| (at / 60, at % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, end.0, end.1)
    }
}

/// Writes runs of days as `Mon-Fri`.
fn write_days(days: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_on = |day: usize| days & (1 << day) != 0;
    let mut written = false;
    let mut day = 0;
    while let Some(first) = (day..NAMES.len()).find(|day| is_on(*day)) {
        let last = (first..NAMES.len())
            .take_while(|day| is_on(*day))
            .last()
            .unwrap_or(first);
        let name = |day: usize| NAMES.get(day).copied().unwrap_or_default();
        if written {
            f.write_str(",")?;
        }
        f.write_str(name(first))?;
        if last > first {
            write!(f, "-{}", name(last))?;
        }
        written = true;
        day = last + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::WallTime;
    use crate::track::DateRange;

    fn project(zone: &str, holidays: &[(jiff::civil::Date, jiff::civil::Date)]) -> Project {
        let ranges = holidays
            .iter()
            .filter_map(|(first, last)| DateRange::new(*first, *last));
        Project {
            time_zone: TimeZone::get(zone).unwrap(),
            holidays: ranges.collect(),
            ..Project::new("shop")
        }
    }

    fn hours(text: &str) -> Hours {
        Hours::new(
            text.split("; ")
                .map(|span| Span::read(span).unwrap())
                .collect(),
        )
    }

    /// Whether the hours hold at a time that is written in UTC.
    fn hold(text: &str, project: &Project, at: &str) -> bool {
        let at: WallTime = at.parse().unwrap();
        hours(text).hold(project, project.local(at))
    }

    #[test]
    fn hours_are_those_of_the_projects_zone() {
        let moscow = project("Europe/Moscow", &[]);
        let office = "Mon-Fri 09:00-18:00; Sat 10:00-15:00";
        // A Friday; Moscow is three hours ahead of UTC.
        assert!(!hold(office, &moscow, "2026-11-20T05:59:59Z"));
        assert!(hold(office, &moscow, "2026-11-20T06:00:00Z"));
        assert!(hold(office, &moscow, "2026-11-20T14:59:59Z"));
        assert!(!hold(office, &moscow, "2026-11-20T15:00:00Z"));
        assert!(hold(office, &moscow, "2026-11-21T11:59:00Z"));
        assert!(!hold(office, &moscow, "2026-11-22T09:00:00Z"));
    }

    #[test]
    fn a_span_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let utc = project("UTC", &[]);
        let night = "Fri 22:00-06:00";
        assert!(!hold(night, &utc, "2026-11-20T05:00:00Z"));
        assert!(hold(night, &utc, "2026-11-20T22:00:00Z"));
        assert!(hold(night, &utc, "2026-11-21T05:59:00Z"));
        assert!(!hold(night, &utc, "2026-11-21T06:00:00Z"));
        assert!(!hold(night, &utc, "2026-11-21T22:30:00Z"));
        // From Sunday into Monday, over the end of the week.
        assert!(hold("Sun 22:00-06:00", &utc, "2026-11-23T01:00:00Z"));
    }

    #[test]
    fn a_night_that_begins_on_a_holiday_is_no_night_at_all() {
        let new_year = [(date(2027, 1, 1), date(2027, 1, 1))];
        let utc = project("UTC", &new_year);
        assert!(!hold("22:00-06:00", &utc, "2027-01-01T23:00:00Z"));
        assert!(!hold("22:00-06:00", &utc, "2027-01-02T05:00:00Z"));
        // The one before began on a working day and goes on into the holiday.
        assert!(hold("22:00-06:00", &utc, "2027-01-01T05:00:00Z"));
    }

    #[test]
    fn an_hour_that_winter_time_repeats_counts_twice() {
        let berlin = project("Europe/Berlin", &[]);
        // 2026-10-25: 03:00 summer time becomes 02:00 winter time.
        let early = "Sun 02:00-03:00";
        assert!(hold(early, &berlin, "2026-10-25T00:30:00Z"));
        assert!(hold(early, &berlin, "2026-10-25T01:30:00Z"));
        assert!(!hold(early, &berlin, "2026-10-25T02:00:00Z"));
    }

    #[test]
    fn an_hour_that_summer_time_leaves_out_never_comes() {
        let berlin = project("Europe/Berlin", &[]);
        // 2027-03-28: 02:00 becomes 03:00.
        let early = "Sun 02:00-03:00";
        assert!(!hold(early, &berlin, "2027-03-28T00:59:59Z"));
        assert!(!hold(early, &berlin, "2027-03-28T01:00:00Z"));
        assert!(hold("Sun 03:00-04:00", &berlin, "2027-03-28T01:00:00Z"));
    }

    #[test]
    fn every_way_of_writing_days_and_times_is_read() {
        for (written, shown) in [
            ("Mon-Fri 09:00-18:00", "Mon-Fri 09:00-18:00"),
            ("mon,WED 9:00-18:00", "Mon,Wed 09:00-18:00"),
            ("Fri-Mon 10:00-12:00", "Mon,Fri-Sun 10:00-12:00"),
            ("22:00-06:00", "22:00-06:00"),
            ("Sat,Sun", "Sat-Sun 00:00-24:00"),
            ("Mon-Sun 08:00-20:00", "08:00-20:00"),
            ("Mon 00:00-24:00", "Mon 00:00-24:00"),
            ("Mon 18:00-00:00", "Mon 18:00-24:00"),
        ] {
            let span = Span::read(written).unwrap();
            assert_eq!(hours(written).to_string(), shown);
            assert_eq!(Span::read(shown).unwrap(), span, "{written}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "Mo",
            "Mon-",
            "Mon 9",
            "Mon 09:00",
            "24:00-25:00",
            "24:00-02:00",
            "9:0-10:00",
            "09:00-09:00",
            "Mon 09:00-10:00-11:00",
            "Mon Tue 09:00-10:00",
            "+9:00-10:00",
        ] {
            assert!(Span::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_day_that_ends_at_midnight_has_no_minute_of_the_next() {
        let utc = project("UTC", &[]);
        for text in ["Mon 18:00-24:00", "Mon 18:00-00:00"] {
            assert!(hold(text, &utc, "2026-11-23T23:59:00Z"), "{text}");
            assert!(!hold(text, &utc, "2026-11-24T00:00:00Z"), "{text}");
        }
    }

    proptest! {
        /// Checked against the plainest meaning: walk the span's minutes on the wall clock of the days before.
        #[test]
        fn hours_hold_exactly_in_the_minutes_that_they_name(
            day in 0usize..7,
            from in 0u16..1440,
            length in 1u16..1440,
            zone in prop::sample::select(vec!["Europe/Berlin", "Europe/Moscow", "America/New_York", "Asia/Kolkata", "UTC"]),
            // Half a year from before one change of Berlin's clocks to after the next.
            minute in 0i64..(200 * 24 * 60),
        ) {
            let end = (from + length) % 1440;
            let text = format!(
                "{} {:02}:{:02}-{:02}:{:02}",
                NAMES[day], from / 60, from % 60, end / 60, end % 60
            );
            let project = project(zone, &[]);
            let start: WallTime = "2026-10-01T00:00:00Z".parse().unwrap();
            let local = project.local(WallTime::from_millis(start.as_millis() + minute * 60_000));
            let since_monday = i64::from(weekday(local)) * 1440 + i64::from(super::minute(local));
            let begins = i64::try_from(day).unwrap() * 1440 + i64::from(from);
            let into = (since_monday - begins).rem_euclid(7 * 1440);
            prop_assert_eq!(hours(&text).hold(&project, local), into < i64::from(length), "{} at {}", text, local);
        }

        #[test]
        fn hours_that_cover_others_hold_whenever_those_do(
            spans in prop::collection::vec((1u8..128, 0u16..1440, 1u16..1440), 1..4),
            other in (1u8..128, 0u16..1440, 1u16..1440),
            minute in 0i64..(7 * 24 * 60),
        ) {
            let span = |(days, from, length): (u8, u16, u16)| Span { days, from, to: from + length };
            let mine = Hours::new(spans.into_iter().map(span).collect());
            let theirs = Hours::new(vec![span(other)]);
            let utc = project("UTC", &[]);
            let local = utc.local(WallTime::from_millis(minute * 60_000));
            if mine.cover(&theirs) && theirs.hold(&utc, local) {
                prop_assert!(mine.hold(&utc, local));
            }
        }

        #[test]
        fn reading_a_span_never_panics(text in "\\PC{0,30}") {
            let _read = Span::read(&text).is_ok();
        }
    }
}
