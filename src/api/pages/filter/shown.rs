//! The conditions of a list as its page shows them: fields with what may be chosen, periods, and chips that take one away.

use std::sync::Arc;

use crate::api::pages::filter::{Asked, PERIODS, REPORT_PERIODS, is_narrow};
use crate::api::pages::show::{Shower, dialled};
use crate::base::time::WallTime;
use crate::people::{Projects, Right, Who};
use crate::store::query::Status;
use crate::track::{Labels, Project, Source};
use crate::web::figures;
use crate::web::list::{Chip, Choice, Choices, Filter, Period};

/// Values that may be chosen for one condition.
type Values = Vec<(String, String)>;

/// Shows the conditions and the ways to change them.
pub(in crate::api::pages) fn shown(
    asked: &Asked,
    shower: &Shower,
    who: &Who,
    in_use: &[Arc<str>],
) -> Filter {
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
pub(in crate::api::pages) fn sayable(
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
        "customer" | "lead" | "first_stage" => String::new(),
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
