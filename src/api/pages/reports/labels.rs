//! What the lines of each report are called.

use jiff::civil::Date;

use crate::api::pages::show::{Shower, dialled};
use crate::report::ask::{By, Kind};
use crate::report::table::Line;
use crate::web::dates::Dates;

/// Names lines.
pub(super) struct Labels<'s> {
    shower: &'s Shower,
    dates: &'s Dates,
    kind: Kind,
    by: Option<By>,
}

impl<'s> Labels<'s> {
    /// For a report.
    pub(super) const fn new(
        shower: &'s Shower,
        dates: &'s Dates,
        kind: Kind,
        by: Option<By>,
    ) -> Self {
        Self {
            shower,
            dates,
            kind,
            by,
        }
    }

    /// What the lines are of.
    pub(super) fn of(&self) -> String {
        let word = self.by.map_or_else(|| self.kind.word(), By::word);
        self.shower.words.say(&format!("cut-{word}"))
    }

    /// The name of a line.
    pub(super) fn name(&self, line: &Line) -> String {
        if let Some(label) = &line.label {
            return label.clone();
        }
        let words = self.shower.words;
        let key = line.key.as_str();
        if key.is_empty() {
            return words.say("line-none");
        }
        match (self.kind, self.by) {
            (_, Some(By::Number)) => dialled(key),
            (_, Some(By::Day)) => self.day(key, Dates::day_and_weekday),
            (_, Some(By::Week)) => self
                .with_day(key)
                .map_or_else(|| key.to_owned(), |day| words.with("line-week", &day)),
            (_, Some(By::Month)) => self.month(key),
            (Kind::Sources | Kind::Days | Kind::Money, _) => key.to_owned(),
        }
    }

    /// The name of a line where there is little room.
    pub(super) fn brief(&self, line: &Line) -> String {
        match self.by {
            Some(By::Day | By::Week) => self.day(&line.key, |_, day| {
                format!("{}.{:02}", day.day(), day.month())
            }),
            Some(
                By::Source | By::Campaign | By::Channel | By::Category | By::Number | By::Month,
            )
            | None => self.name(line),
        }
    }

    fn day(&self, key: &str, written: impl Fn(&Dates, Date) -> String) -> String {
        let day = key.parse::<Date>();
        day.map_or_else(|_| key.to_owned(), |day| written(self.dates, day))
    }

    fn with_day(&self, key: &str) -> Option<String> {
        let day = key.parse::<Date>().ok()?;
        Some(self.dates.day_and_month(day))
    }

    /// `2026-11`: `November 2026`.
    fn month(&self, key: &str) -> String {
        let Some((year, month)) = key.split_once('-') else {
            return key.to_owned();
        };
        let month = month.trim_start_matches('0');
        let name = self
            .shower
            .words
            .say_or(&format!("whole-month-{month}"), month);
        format!("{name} {year}")
    }
}
