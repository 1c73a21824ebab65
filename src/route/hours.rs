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
