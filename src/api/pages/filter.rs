//! The conditions of a list, as the address bar has them: read into a query, and shown with ways to change them.
//!
//! The names are those of the API. Days are days of the project, both ends included; what is not understood is left out and
//! named, because an old bookmark should show calls and not an error.

pub(super) mod shown;

use axum::extract::Query as Pairs;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::api::narrow;
use crate::api::pages::show::Shower;
use crate::api::query::{CONDITIONS, Given, REPEATED, plus};
use crate::base::time::WallTime;
use crate::people::{Right, Who};
use crate::store::query::Query;
use crate::web::dates::Dates;
use crate::web::frame::form_urlencoded;

/// The longest value taken, as in the API.
const VALUE_MAX: usize = 256;

/// Every condition that the address may have and that people choose.
const NAMES: [&str; 21] = [
    "period", "since", "until", "status", "q", "project", "source", "channel", "campaign",
    "category", "manager", "tag", "goal", "stage", "outcome", "target", "repeat", "caller",
    "callback", "by", "figure",
];

/// The condition of this name.
fn known(name: &str) -> Option<&'static str> {
    let narrow = CONDITIONS.iter().copied().filter(|name| is_narrow(name));
    NAMES.into_iter().chain(narrow).find(|known| *known == name)
}

/// Whether a condition is one of those that figures of reports open their calls with: nobody chooses it, and it is carried
/// along.
fn is_narrow(name: &str) -> bool {
    CONDITIONS.contains(&name) && !NAMES.contains(&name)
}

/// The periods that have a name: of a list, and of reports, whose first is never meant by nothing.
const PERIODS: [&str; 4] = ["today", "yesterday", "week", "month"];
const REPORT_PERIODS: [&str; 6] = [
    "today",
    "week",
    "month",
    "quarter",
    "this-month",
    "last-month",
];

/// The period of a report for which none was asked.
const REPORT_PERIOD: &str = "month";

/// The conditions as they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The path of a report; `None`: the list of calls.
    report: Option<String>,
    pairs: Vec<(&'static str, String)>,
    mistakes: Vec<String>,
    /// The page that is asked for.
    pub(super) cursor: Option<String>,
}

impl Asked {
    /// Reads the conditions of a list. Other parameters are none of its business.
    pub(super) fn read(given: Given) -> Self {
        Self::default().with(given)
    }

    /// Reads those of the report at `path`.
    pub(super) fn read_report(path: String, given: Given) -> Self {
        let asked = Self {
            report: Some(path),
            ..Self::default()
        };
        asked.with(given)
    }

    fn with(self, given: Given) -> Self {
        let mut asked = self;
        let Ok(Pairs(given)) = given else {
            return asked;
        };
        for (name, value) in given {
            let value = value.trim_end().to_owned();
            if value.is_empty() || value.len() > VALUE_MAX {
                continue;
            }
            if name == "cursor" {
                asked.cursor = Some(value);
            } else if let Some(name) = known(&name)
                && (asked.get(name).is_none() || is_narrow(name) && REPEATED.contains(&name))
            {
                asked.pairs.push((name, value));
            }
        }
        asked
    }

    /// A condition as it was given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(known, _)| *known == name);
        pair.map(|(_, value)| value.as_str())
    }

    fn own(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Whether nothing is asked for but `names`.
    pub(super) fn is_only(&self, names: &[&str]) -> bool {
        self.pairs.iter().all(|(name, _)| names.contains(name))
    }

    /// The conditions as a query, without those of `left_out` and with `more`.
    fn link(&self, left_out: &[&str], more: &[(&str, &str)]) -> String {
        let kept = self
            .pairs
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let pairs = kept
            .filter(|(name, _)| !left_out.contains(name))
            .chain(more.iter().copied());
        pairs
            .map(|(name, value)| format!("{name}={}", form_urlencoded(value)))
            .collect::<Vec<_>>()
            .join("&")
    }

    /// The conditions as a query, for what a page asks later.
    pub(super) fn query_text(&self) -> String {
        self.link(&[], &[])
    }

    /// The same page with other conditions.
    pub(super) fn page(&self, left_out: &[&str], more: &[(&str, &str)]) -> String {
        let query = self.link(left_out, more);
        let path = self.report.as_deref().unwrap_or("/");
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }

    /// The conditions as the API has them, its times as moments.
    pub(super) fn for_programs(&self, path: &str, query: &Query) -> String {
        let since = query.since.map(|at| at.to_string());
        let until = query.until.map(|at| at.to_string());
        let times = [("since", since), ("until", until)];
        let times: Vec<(&str, &str)> = times
            .iter()
            .filter_map(|(name, at)| Some((*name, at.as_deref()?)))
            .collect();
        let query = self.link(&["period", "since", "until", "figure"], &times);
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }

    /// The same calls as a table.
    pub(super) fn table(&self, query: &Query) -> String {
        self.for_programs("/api/v1/calls.csv", query)
    }

    /// The days and times of the list: those of the project that is asked for, else of the first that is theirs.
    pub(super) fn dates<'s>(&self, shower: &'s Shower, who: &Who) -> &'s Dates {
        let own = || {
            let projects = shower.rules.tracking.projects();
            let first = projects.iter().find(|project| who.sees(&project.id));
            first.map(|project| &*project.id)
        };
        let project = self.get("project").or_else(own);
        project.map_or(&shower.dates, |project| shower.dates(project))
    }

    /// What the store is asked. What is not understood is noted.
    pub(super) fn query(&mut self, shower: &Shower, who: &Who) -> Query {
        let dates = self.dates(shower, who);
        let (since, until) = self.times(dates);
        let searches = who.may(Right::Numbers);
        let mut query = Query {
            since,
            until,
            project: self.own("project"),
            source: self.own("source"),
            channel: self.own("channel"),
            campaign: self.own("campaign"),
            category: self.own("category"),
            manager: self.own("manager"),
            tag: self.own("tag"),
            q: self.own("q").filter(|_| searches),
            caller: self.get("caller").map(plus).filter(|_| searches),
            goal: self.own("goal"),
            stage: self.own("stage"),
            outcome: self.own("outcome"),
            ..Query::default()
        };
        let narrow = self
            .pairs
            .iter()
            .filter(|(name, _)| is_narrow(name) || ["callback", "repeat"].contains(name));
        for (name, value) in narrow.cloned().collect::<Vec<_>>() {
            if narrow::read(name, &value, &mut query, &shower.rules.tracking).is_err() {
                self.forget(name, &value);
            }
        }
        let target = self.own("target");
        query.target = target.and_then(|word| self.understood("target", &word));
        let status = self.own("status");
        query.status = status.and_then(|word| self.understood("status", &word));
        let cursor = self.cursor.take();
        query.cursor = cursor.and_then(|text| self.understood("cursor", &text));
        query
    }

    fn understood<T: std::str::FromStr>(&mut self, name: &'static str, text: &str) -> Option<T> {
        let read = text.parse().ok();
        if read.is_none() {
            self.forget(name, text);
        }
        read
    }

    fn forget(&mut self, name: &'static str, text: &str) {
        let text: String = text.chars().take(40).collect();
        self.mistakes.push(format!("{name}={text}"));
        self.pairs.retain(|(known, _)| *known != name);
    }

    /// The name of the period in force, where it has one.
    fn period(&self) -> Option<&str> {
        let by_hand = || {
            ["since", "until"]
                .iter()
                .any(|name| self.get(name).is_some())
        };
        let usual = || (self.report.is_some() && !by_hand()).then_some(REPORT_PERIOD);
        self.get("period").or_else(usual)
    }

    /// From when until when: chosen by hand, or those of the period.
    fn times(&mut self, dates: &Dates) -> (Option<WallTime>, Option<WallTime>) {
        let today = dates.today();
        let back = |days: i64| today.checked_sub(days.days()).ok();
        let first = today.first_of_month();
        let period = self.period().map(str::to_owned);
        let days = match period.as_deref() {
            None => None,
            Some("today") => Some((Some(today), Some(today))),
            Some("yesterday") => Some((back(1), back(1))),
            // Today is one of them.
            Some("week") => Some((back(6), None)),
            Some("month") => Some((back(29), None)),
            Some("quarter") => Some((back(89), None)),
            Some("this-month") => Some((Some(first), None)),
            Some("last-month") => {
                let last = first.yesterday().ok();
                Some((last.map(Date::first_of_month), last))
            }
            Some(other) => {
                self.forget("period", other);
                None
            }
        };
        let after = |day: Date| day.tomorrow().ok().map(|day| dates.midnight(day));
        if let Some((since, until)) = days {
            return (since.map(|day| dates.midnight(day)), until.and_then(after));
        }
        let (since, until) = (self.own("since"), self.own("until"));
        let since = since.and_then(|text| match text.parse() {
            Ok(day) => Some(dates.midnight(day)),
            Err(_) => self.understood("since", &text),
        });
        let until = until.and_then(|text| match text.parse() {
            Ok(day) => after(day),
            Err(_) => self.understood("until", &text),
        });
        (since, until)
    }

    /// A day that was chosen by hand; a moment has no field.
    fn day(&self, name: &str) -> String {
        let day = self.get(name).filter(|text| text.parse::<Date>().is_ok());
        day.unwrap_or_default().to_owned()
    }

    /// What the form carries along without a field.
    fn carried(&self) -> Vec<(&'static str, String)> {
        let is_carried = |(name, value): &&(&'static str, String)| match *name {
            "since" | "until" => value.parse::<Date>().is_err(),
            "callback" => value != "open",
            name => is_narrow(name),
        };
        self.pairs.iter().filter(is_carried).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Asked::read(Ok(Pairs(pairs.iter().map(own).collect())))
    }

    #[test]
    fn conditions_live_in_the_address() {
        let asked = asked(&[
            ("source", "a&b"),
            ("q", ""),
            ("colour", "red"),
            ("source", "twice"),
            ("period", "week"),
        ]);
        assert_eq!(asked.query_text(), "source=a%26b&period=week");
        assert_eq!(asked.page(&["source", "period"], &[]), "/");
        assert_eq!(
            asked.page(&["period"], &[("period", "today")]),
            "/?source=a%26b&period=today"
        );
    }

    #[test]
    fn what_a_figure_brought_is_carried_along_and_has_no_field() {
        let asked = asked(&[
            ("since", "2026-11-22T09:00:00Z"),
            ("until", "2026-11-23"),
            ("without", "goal"),
            ("without", "stage"),
            ("hour", "9"),
            ("callback", "done"),
        ]);
        assert_eq!(
            (asked.day("since"), asked.day("until")),
            (String::new(), "2026-11-23".to_owned())
        );
        let carried: Vec<&str> = asked.carried().iter().map(|(name, _)| *name).collect();
        assert_eq!(carried, ["since", "without", "without", "hour", "callback"]);
        assert_eq!(
            asked.page(&["since", "until", "hour", "callback"], &[]),
            "/?without=goal&without=stage"
        );
    }

    #[test]
    fn a_report_is_of_thirty_days_where_nothing_is_said() {
        let given = |pairs: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Ok(Pairs(pairs.iter().map(own).collect()))
        };
        let path = || "/reports/sources".to_owned();
        let report = Asked::read_report(path(), given(&[("by", "channel")]));
        assert_eq!(report.period(), Some("month"));
        assert_eq!(report.page(&[], &[]), "/reports/sources?by=channel");
        assert_eq!(
            Asked::read_report(path(), given(&[("since", "2026-11-01")])).period(),
            None
        );
        assert_eq!(Asked::read(given(&[])).period(), None);
    }

    #[test]
    fn what_is_longer_than_a_person_writes_is_left_out() {
        let long = "x".repeat(VALUE_MAX + 1);
        assert!(asked(&[("q", &long)]).query_text().is_empty());
    }
}
