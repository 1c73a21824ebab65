//! The conditions of a list, as the address bar has them: read into a query, and shown with ways to change them.
//!
//! The names are those of the API. Days are days of the project, both ends included; what is not understood is left out and
//! named, because an old bookmark should show calls and not an error.

use std::sync::Arc;

use axum::extract::Query as Pairs;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::api::pages::show::Shower;
use crate::api::query::{Given, plus};
use crate::people::{Projects, Right, Who};
use crate::store::query::{Query, Status};
use crate::track::{Labels, Project};
use crate::web::dates::Dates;
use crate::web::frame::form_urlencoded;
use crate::web::list::{Chip, Choice, Choices, Filter, Period};

/// The longest value taken, as in the API.
const VALUE_MAX: usize = 256;

/// Every condition that the address may have.
const NAMES: [&str; 17] = [
    "period", "since", "until", "status", "q", "project", "source", "category", "manager", "tag",
    "goal", "stage", "outcome", "target", "repeat", "caller", "callback",
];

/// The periods that have a name.
const PERIODS: [&str; 4] = ["today", "yesterday", "week", "month"];

/// Values that may be chosen for one condition.
type Values = Vec<(String, String)>;

/// The conditions as they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pairs: Vec<(&'static str, String)>,
    mistakes: Vec<String>,
    /// The page that is asked for.
    pub(super) cursor: Option<String>,
}

impl Asked {
    /// Reads the conditions. Other parameters are none of its business.
    pub(super) fn read(given: Given) -> Self {
        let mut asked = Self::default();
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
            } else if let Some(name) = NAMES.iter().copied().find(|known| *known == name)
                && asked.get(name).is_none()
            {
                asked.pairs.push((name, value));
            }
        }
        asked
    }

    fn get(&self, name: &str) -> Option<&str> {
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

    /// A list with other conditions.
    pub(super) fn page(&self, left_out: &[&str], more: &[(&str, &str)]) -> String {
        let query = self.link(left_out, more);
        if query.is_empty() {
            "/".to_owned()
        } else {
            format!("/?{query}")
        }
    }

    /// The same calls as a table.
    pub(super) fn table(&self, query: &Query) -> String {
        let left_out = ["period", "since", "until"];
        let since = query.since.map(|at| at.to_string());
        let until = query.until.map(|at| at.to_string());
        let mut more = Vec::new();
        if let Some(since) = &since {
            more.push(("since", since.as_str()));
        }
        if let Some(until) = &until {
            more.push(("until", until.as_str()));
        }
        let query = self.link(&left_out, &more);
        if query.is_empty() {
            "/api/v1/calls.csv".to_owned()
        } else {
            format!("/api/v1/calls.csv?{query}")
        }
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
        let (since, until) = self.days(dates);
        let searches = who.may(Right::Numbers);
        let mut query = Query {
            since: since.map(|day| dates.midnight(day)),
            until: until
                .and_then(|day| day.tomorrow().ok())
                .map(|day| dates.midnight(day)),
            project: self.own("project"),
            source: self.own("source"),
            category: self.own("category"),
            manager: self.own("manager"),
            tag: self.own("tag"),
            q: self.own("q").filter(|_| searches),
            caller: self.get("caller").map(plus).filter(|_| searches),
            goal: self.own("goal"),
            stage: self.own("stage"),
            outcome: self.own("outcome"),
            callback_open: self.get("callback") == Some("open"),
            ..Query::default()
        };
        let repeat = self.own("repeat");
        query.repeat = repeat.and_then(|word| self.understood("repeat", &word));
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

    /// The first and the last day: chosen by hand, or those of the period.
    fn days(&mut self, dates: &Dates) -> (Option<Date>, Option<Date>) {
        let today = dates.today();
        let back = |days: i64| today.checked_sub(days.days()).ok();
        if let Some(period) = self.own("period") {
            match period.as_str() {
                "today" => return (Some(today), Some(today)),
                "yesterday" => return (back(1), back(1)),
                // Today is one of them.
                "week" => return (back(6), None),
                "month" => return (back(29), None),
                _ => self.forget("period", &period),
            }
        }
        let (since, until) = (self.own("since"), self.own("until"));
        let since = since.and_then(|day| self.understood("since", &day));
        let until = until.and_then(|day| self.understood("until", &day));
        (since, until)
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
    let unfolds = ["status", "period", "q"];
    Filter {
        periods: periods(asked, shower),
        period: asked.own("period").unwrap_or_default(),
        since: asked.own("since").unwrap_or_default(),
        until: asked.own("until").unwrap_or_default(),
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
    let mut categories: Values = sources()
        .filter_map(|source| source.category.as_deref().map(same))
        .collect();
    categories.sort();
    categories.dedup();
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
        ("category", categories),
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
    let all = Period {
        text: words.say("period-all"),
        href: asked.page(&without, &[]),
        chosen: !without.iter().any(|name| asked.get(name).is_some()),
    };
    let named = PERIODS.map(|word| Period {
        text: words.say(&format!("period-{word}")),
        href: asked.page(&without, &[("period", word)]),
        chosen: asked.get("period") == Some(word),
    });
    std::iter::once(all).chain(named).collect()
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
    for name in ["q", "caller", "since", "until"] {
        if let Some(value) = asked.get(name) {
            chips.push(chip(name, &words.say(&format!("filter-{name}")), value));
        }
    }
    if asked.get("callback").is_some() {
        chips.push(Chip {
            text: words.say("filter-callback-open"),
            without: asked.page(&["callback"], &[]),
        });
    }
    chips
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
    fn what_is_longer_than_a_person_writes_is_left_out() {
        let long = "x".repeat(VALUE_MAX + 1);
        assert!(asked(&[("q", &long)]).query_text().is_empty());
    }
}
