//! The conditions of a list, as the address bar has them: read into a query, and shown with ways to change them.
//!
//! The names are those of the API. Days are days of the project, both ends included; what is not understood is left out and
//! named, because an old bookmark should show calls and not an error.

use std::sync::Arc;

use axum::extract::Query as Pairs;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::api::narrow;
use crate::api::pages::show::{Shower, dialled};
use crate::api::query::{CALLS, Given, REPEATED, plus};
use crate::base::time::WallTime;
use crate::people::{Projects, Right, Who};
use crate::store::query::{Query, Status};
use crate::track::{Labels, Project, Source};
use crate::web::dates::Dates;
use crate::web::figures;
use crate::web::frame::form_urlencoded;
use crate::web::list::{Chip, Choice, Choices, Filter, Period};

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
    let narrow = CALLS.iter().copied().filter(|name| is_narrow(name));
    NAMES.into_iter().chain(narrow).find(|known| *known == name)
}

/// Whether a condition is one of those that figures of reports open their calls with: nobody chooses it, and it is carried
/// along.
fn is_narrow(name: &str) -> bool {
    CALLS.contains(&name) && !NAMES.contains(&name) && !["limit", "cursor"].contains(&name)
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

/// Values that may be chosen for one condition.
type Values = Vec<(String, String)>;

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

/// Shows the conditions and the ways to change them.
pub(super) fn shown(asked: &Asked, shower: &Shower, who: &Who, in_use: &[Arc<str>]) -> Filter {
    let words = shower.words;
    let any = words.say("filter-any");
    let choices = |name: &'static str, values: Values| {
        let mut values: Vec<Choice> = values
            .into_iter()
            .map(|(value, text)| Choice {
                chosen: asked.get(name) == Some(&value),
                value,
                text,
            })
            .collect();
        // What the configuration no longer has is still in the log.
        if let Some(value) = asked.get(name)
            && !values.iter().any(|choice| choice.chosen)
        {
            let (value, text) = (value.to_owned(), value.to_owned());
            values.push(Choice {
                value,
                text,
                chosen: true,
            });
        }
        Choices {
            id: format!("filter-{name}"),
            name,
            label: words.say(&format!("filter-{name}")),
            any: any.clone(),
            values,
        }
    };
    let values = values(shower, who, in_use);
    let status = choices("status", statuses(shower));
    let more: Vec<Choices> = values
        .into_iter()
        .map(|(name, values)| choices(name, values))
        .filter(|choices| !choices.values.is_empty())
        .collect();
    let all = || std::iter::once(&status).chain(&more);
    let chips = chips(asked, shower, all());
    let unfolds = ["status", "period", "q", "by", "figure"];
    Filter {
        periods: periods(asked, shower),
        period: asked.own("period").unwrap_or_default(),
        since: asked.day("since"),
        until: asked.day("until"),
        carried: asked.carried(),
        q: asked.own("q").unwrap_or_default(),
        caller: asked.own("caller").unwrap_or_default(),
        callback_open: asked.get("callback") == Some("open"),
        more_open: !asked.is_only(&unfolds) && !asked.is_only(&["status", "callback"]),
        searches: who.may(Right::Numbers),
        mistake: (!asked.mistakes.is_empty())
            .then(|| words.with("filter-mistake", &asked.mistakes.join(", "))),
        status,
        more,
        chips,
    }
}

/// What may be chosen for each condition.
fn values(shower: &Shower, who: &Who, in_use: &[Arc<str>]) -> Vec<(&'static str, Values)> {
    let words = shower.words;
    let tracking = &shower.rules.tracking;
    let own = |project: &Project| who.sees(&project.id);
    let sources = || {
        tracking
            .sources()
            .iter()
            .filter(|source| own(&source.project))
    };
    let same = |text: &str| (text.to_owned(), text.to_owned());
    let projects: Values = tracking
        .projects()
        .iter()
        .filter(|project| own(project))
        .map(|project| (project.id.to_string(), project.label.to_string()))
        .collect();
    let distinct = |of: fn(&Source) -> Option<&str>| -> Values {
        let mut all: Values = sources()
            .filter_map(|source| of(source).map(same))
            .collect();
        all.sort();
        all.dedup();
        all
    };
    let routing = &shower.rules.routing;
    let own_sources = || sources().map(|source| &**source);
    // Who sees all projects may look for managers that no rule names any more.
    let managers: Vec<_> = match who.projects {
        Projects::All => routing.managers().iter().collect(),
        Projects::These(_) => routing.managers_for(own_sources()).collect(),
    };
    let either = |kind: &str| -> Values {
        let text = |word| words.say(&format!("{kind}-{word}"));
        ["true", "false"]
            .map(|word| (word.to_owned(), text(word)))
            .into()
    };
    let labels = |kind: &'static str, of: fn(&Labels) -> &[Arc<str>]| -> Values {
        let all = offered(shower, who, of);
        all.into_iter()
            .map(|word| (word.to_string(), shower.label(kind, &word)))
            .collect()
    };
    vec![
        (
            "project",
            if projects.len() > 1 {
                projects
            } else {
                Vec::new()
            },
        ),
        (
            "source",
            sources().map(|source| same(&source.tag)).collect(),
        ),
        ("channel", distinct(|source| source.channel.as_deref())),
        ("campaign", distinct(|source| source.campaign.as_deref())),
        ("category", distinct(|source| source.category.as_deref())),
        (
            "manager",
            managers
                .into_iter()
                .map(|manager| (manager.id.to_string(), manager.label.to_string()))
                .collect(),
        ),
        ("repeat", either("repeat")),
        ("target", either("target")),
        ("goal", labels("goal", |labels| &labels.goals)),
        ("stage", labels("stage", |labels| &labels.stages)),
        ("outcome", labels("outcome", |labels| &labels.outcomes)),
        (
            "tag",
            tags(shower, who, in_use)
                .iter()
                .map(|tag| same(tag))
                .collect(),
        ),
    ]
}

/// The words that the projects of `who` have, each once.
fn offered(shower: &Shower, who: &Who, of: fn(&Labels) -> &[Arc<str>]) -> Vec<Arc<str>> {
    let projects = shower.rules.tracking.projects().iter();
    let words = projects
        .filter(|project| who.sees(&project.id))
        .flat_map(|project| of(&project.labels));
    let mut all: Vec<Arc<str>> = Vec::new();
    for word in words {
        if !all.contains(word) {
            all.push(Arc::clone(word));
        }
    }
    all
}

/// The tags of the lists, then those that people use beside them.
fn tags(shower: &Shower, who: &Who, in_use: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut all = offered(shower, who, |labels| &labels.tags);
    let more = in_use.iter().filter(|tag| !all.contains(tag));
    let more: Vec<_> = more.cloned().collect();
    all.extend(more);
    all
}

/// What several calls can be told at once, and the tags that are offered.
pub(super) fn sayable(
    shower: &Shower,
    who: &Who,
    in_use: &[Arc<str>],
) -> (Vec<Choices>, Vec<String>) {
    let keep = shower.words.say("say-keep");
    let choices = |name: &'static str, values: Vec<(String, String)>| Choices {
        id: format!("say-{name}"),
        name,
        label: shower.words.say(&format!("filter-{name}")),
        any: keep.clone(),
        values: values
            .into_iter()
            .map(|(value, text)| Choice {
                value,
                text,
                chosen: false,
            })
            .collect(),
    };
    let all = values(shower, who, in_use).into_iter();
    let said = all
        .filter(|(name, values)| {
            ["target", "goal", "stage", "outcome"].contains(name) && !values.is_empty()
        })
        .map(|(name, values)| choices(name, values))
        .collect();
    let tags = tags(shower, who, in_use);
    (said, tags.iter().map(ToString::to_string).collect())
}

/// How calls stand, then why they ended.
fn statuses(shower: &Shower) -> Values {
    let words = shower.words;
    let stand = ["answered", "missed", "in-progress"]
        .map(|word| (word.to_owned(), words.say(&format!("status-{word}"))));
    let is_of_itself =
        |word: &&str| ["answered", "missed", "in-progress", "completed"].contains(word);
    let ended = Status::words()
        .filter(|word| !is_of_itself(word))
        .map(|word| (word.to_owned(), words.say(&format!("why-{word}"))));
    stand.into_iter().chain(ended).collect()
}

fn periods(asked: &Asked, shower: &Shower) -> Vec<Period> {
    let words = shower.words;
    let without = ["period", "since", "until"];
    // A report of all calls ever stands beside nothing: it has no such period.
    let all = asked.report.is_none().then(|| Period {
        text: words.say("period-all"),
        href: asked.page(&without, &[]),
        chosen: !without.iter().any(|name| asked.get(name).is_some()),
    });
    let named = if asked.report.is_some() {
        &REPORT_PERIODS[..]
    } else {
        &PERIODS[..]
    };
    let named = named.iter().map(|word| Period {
        text: words.say(&format!("period-{word}")),
        href: asked.page(&without, &[("period", word)]),
        chosen: asked.period() == Some(word),
    });
    all.into_iter().chain(named).collect()
}

/// The conditions in force. The period is chosen beside them and needs no mention.
fn chips<'a>(
    asked: &Asked,
    shower: &Shower,
    fields: impl Iterator<Item = &'a Choices>,
) -> Vec<Chip> {
    let words = shower.words;
    let chip = |name: &str, label: &str, text: &str| Chip {
        text: words.with_both("filter-chip", label, text),
        without: asked.page(&[name], &[]),
    };
    let mut chips: Vec<Chip> = fields
        .filter_map(|field| {
            let chosen = field.values.iter().find(|choice| choice.chosen)?;
            Some(chip(field.name, &field.label, &chosen.text))
        })
        .collect();
    for name in ["q", "caller"] {
        if let Some(value) = asked.get(name) {
            chips.push(chip(name, &words.say(&format!("filter-{name}")), value));
        }
    }
    for name in ["since", "until"] {
        if let Some(value) = asked.get(name) {
            let at = value.parse::<WallTime>();
            let value = at.map_or_else(|_| value.to_owned(), |at| shower.dates.short(at));
            chips.push(chip(name, &words.say(&format!("filter-{name}")), &value));
        }
    }
    if let Some(callback) = asked.get("callback") {
        let word = format!("filter-callback-{callback}");
        chips.push(Chip {
            text: words.say_or(&word, callback),
            without: asked.page(&["callback"], &[]),
        });
    }
    // The zone says whose hours those are, and is none of its own.
    let narrow = asked
        .pairs
        .iter()
        .filter(|(name, _)| is_narrow(name) && *name != "zone");
    chips.extend(narrow.map(|(name, value)| {
        let label = match *name {
            "without" => words.say("filter-lacks"),
            name => words.say_or(&format!("filter-{name}"), name),
        };
        let value = narrowed(shower, name, value);
        Chip {
            text: if value.is_empty() {
                label
            } else {
                words.with_both("filter-chip", &label, &value)
            },
            without: match *name {
                "hour" | "weekday" => asked.page(&["hour", "weekday", "zone"], &[]),
                name => asked.page(&[name], &[]),
            },
        }
    }));
    chips
}

/// The value of a condition that a figure brought, in words; empty: its name says it.
fn narrowed(shower: &Shower, name: &str, value: &str) -> String {
    let words = shower.words;
    let either = |yes: &str, no: &str| words.say(if value == "true" { yes } else { no });
    match name {
        "number" => dialled(value),
        "offered" | "not_manager" => shower.manager(value),
        "reason" => words.say_or(&format!("why-{value}"), value),
        "ended" => either("ended-true", "ended-false"),
        "valued" => either("valued-true", "valued-false"),
        "stages" => shower.label("stage", value),
        "taken" => words.say_or(&format!("taken-{value}"), value),
        "customer" | "first_stage" => String::new(),
        "without" => words.say_or(&format!("filter-{value}"), value),
        "weekday" => words.say_or(&format!("weekday-{value}"), value),
        "hour" => format!("{value}:00–{value}:59"),
        "min_wait_ms" | "max_wait_ms" => value.parse().map_or_else(
            |_| value.to_owned(),
            |millis| figures::spoken(millis, words),
        ),
        _ => value.to_owned(),
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
