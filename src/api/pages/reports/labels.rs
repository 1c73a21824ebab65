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
            let is_rule = self.by == Some(By::Rule);
            return words.say(if is_rule { "rules-none" } else { "line-none" });
        }
        match (self.kind, self.by) {
            (_, Some(By::Number)) => dialled(key),
            (_, Some(By::Week)) => self.week(key),
            (_, Some(By::Month)) => self.month(key),
            (_, Some(By::Day)) | (Kind::Lines, _) => self.day(key, Dates::day_and_weekday),
            (Kind::Hours, _) => self.hour(key),
            (Kind::Repeat, _) => words.say_or(&format!("line-{key}"), key),
            (Kind::Reasons, _) if key == "in-progress" => words.say("status-in-progress"),
            (Kind::Reasons, _) => words.say_or(&format!("why-{key}"), key),
            (Kind::Goals, _) => key.split_once(' ').map_or_else(
                || key.to_owned(),
                |(week, goal)| {
                    let goal = self.shower.label("goal", goal);
                    format!("{goal} · {}", self.week(week))
                },
            ),
            (Kind::Funnel, _) if key == "calls" => words.say("figure-calls"),
            (Kind::Funnel, _) => self.shower.label("stage", key),
            (Kind::AnswerTime, _) => match key.split_once('-') {
                Some((from, "")) => words.with("line-waited-more", from),
                Some((from, to)) => words.with_both("line-waited", from, to),
                None => key.to_owned(),
            },
            (
                Kind::Sources
                | Kind::Managers
                | Kind::Days
                | Kind::Missed
                | Kind::Money
                | Kind::Rules,
                _,
            ) => key.to_owned(),
        }
    }

    /// The name of a line where there is little room: a day as its number and month.
    pub(super) fn brief(&self, line: &Line) -> String {
        let is_month = self.by == Some(By::Month);
        match line.key.parse::<Date>() {
            Ok(day) if !is_month => short(day),
            Ok(_) | Err(_) => self.name(line),
        }
    }

    /// A week by its Monday.
    fn week(&self, key: &str) -> String {
        let day = |day| {
            self.shower
                .words
                .with("line-week", &self.dates.day_and_month(day))
        };
        key.parse().map_or_else(|_| key.to_owned(), day)
    }

    /// Names of a week and of a goal, where a line is of both.
    pub(super) fn week_and_goal(&self, line: &Line) -> Option<(String, String)> {
        let (week, goal) = line.key.split_once(' ')?;
        let week = week.parse().map_or_else(|_| week.to_owned(), short);
        Some((week, self.shower.label("goal", goal)))
    }

    /// `1-09`: `Monday, 09:00`.
    fn hour(&self, key: &str) -> String {
        let Some((weekday, hour)) = key.split_once('-') else {
            return key.to_owned();
        };
        let weekday = self
            .shower
            .words
            .say_or(&format!("weekday-{weekday}"), weekday);
        format!("{weekday}, {hour}:00")
    }

    fn day(&self, key: &str, written: impl Fn(&Dates, Date) -> String) -> String {
        let day = key.parse::<Date>();
        day.map_or_else(|_| key.to_owned(), |day| written(self.dates, day))
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

/// `22.11`
fn short(day: Date) -> String {
    format!("{}.{:02}", day.day(), day.month())
}
