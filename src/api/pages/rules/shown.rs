//! What is in force, as the page shows it, with what each part of it decided in the last thirty days.

use std::collections::BTreeMap;

use jiff::ToSpan;

use crate::api::pages::rules::explained::target;
use crate::api::pages::show::Shower;
use crate::api::state::Rules;
use crate::base::country;
use crate::base::time::WallTime;
use crate::route::caller::CallerPattern;
use crate::route::decision::Dial;
use crate::route::group::{Manager, Strategy};
use crate::route::rule::{Action, Aim, Conditions, RING_S, Rule};
use crate::route::shadow::{Never, Reach, never};
use crate::store::Store;
use crate::store::past::Decided;
use crate::track::Project;
use crate::web::dates::Dates;
use crate::web::frame::form_urlencoded;
use crate::web::row::Link;
use crate::web::rules::{Counted, GroupRow, ManagerRow, ProjectPart, RuleRow, SourceRow};

/// Days that are counted, as the list's period of a month has them: today is one of them.
const DAYS: i32 = 30;

/// How many calls each rule decided, and each number had.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_rule: BTreeMap<String, u64>,
    by_number: BTreeMap<String, u64>,
    undecided: u64,
    /// Why each rule can never win, by its place.
    never: BTreeMap<usize, Never>,
}

impl Counts {
    /// Counts the last thirty days, and looks which rules can never win.
    pub(super) fn of(store: &Store, rules: &Rules, dates: &Dates, now: WallTime) -> Self {
        let mut counts = Self::default();
        let first = dates.today().checked_sub((DAYS - 1).days());
        let since = first.map_or(now, |first| dates.midnight(first));
        for Decided {
            number,
            rule,
            calls,
        } in store.decided(since, now)
        {
            *counts.by_number.entry(number.to_string()).or_default() += calls;
            match rule {
                Some(rule) => *counts.by_rule.entry(rule.to_string()).or_default() += calls,
                None => counts.undecided += calls,
            }
        }
        let sources = || rules.tracking.sources().iter().map(|source| &**source);
        let reaches: Vec<_> = rules
            .routing
            .rules()
            .iter()
            .map(|rule| Reach::new(rule, sources()))
            .collect();
        let all = 0..reaches.len();
        let found = all.filter_map(|place| Some((place, never(&reaches, place)?)));
        counts.never = found.collect();
        counts
    }
}

/// What shows it.
pub(super) struct Shown<'a> {
    pub(super) shower: &'a Shower,
    pub(super) counts: &'a Counts,
}

impl Shown<'_> {
    /// The rules in order.
    pub(super) fn rules(&self) -> Vec<RuleRow> {
        let rules = self.shower.rules.routing.rules().iter().enumerate();
        rules.map(|(place, rule)| self.rule(place, rule)).collect()
    }

    fn rule(&self, place: usize, rule: &Rule) -> RuleRow {
        let words = self.shower.words;
        let calls = self.counts.by_rule.get(&*rule.id).copied().unwrap_or(0);
        let note = match self.counts.never.get(&place) {
            Some(Never::NoNumber) => Some(words.say("rules-never-number")),
            Some(Never::Taken(takers)) => {
                let rules = self.shower.rules.routing.rules();
                let takers = takers.iter().filter_map(|taker| rules.get(*taker));
                let takers: Vec<_> = takers.map(|rule| rule.id.to_string()).collect();
                Some(words.with("rules-never-taken", &takers.join(", ")))
            }
            None if calls == 0 => Some(words.say("rules-idle")),
            None => None,
        };
        RuleRow {
            id: rule.id.to_string(),
            conditions: self.conditions(&rule.when),
            acts: self.acts(rule),
            manner: self.manner(rule),
            calls: self.counted(calls, "rule", &rule.id),
            note,
        }
    }

    fn conditions(&self, when: &Conditions) -> Vec<(String, String)> {
        let words = self.shower.words;
        let mut shown = Vec::new();
        let mut add = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                shown.push((words.say(&format!("when-{name}")), values.join(", ")));
            }
        };
        let texts = |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect();
        add("project", texts(&when.project));
        add("source", texts(&when.source));
        add("category", texts(&when.category));
        add(
            "number",
            when.number.iter().map(|it| country::written(*it)).collect(),
        );
        add(
            "caller",
            when.caller.iter().map(|it| self.caller(it)).collect(),
        );
        add(
            "hours",
            when.hours.iter().map(ToString::to_string).collect(),
        );
        add(
            "repeat",
            when.repeat
                .iter()
                .map(|it| words.say(&format!("repeat-{it}")))
                .collect(),
        );
        add("trunk", texts(&when.trunk));
        shown
    }

    fn caller(&self, pattern: &CallerPattern) -> String {
        match pattern {
            CallerPattern::Number(number) => country::written(*number),
            CallerPattern::Anonymous => self.shower.words.say("caller-anonymous"),
            CallerPattern::Other(_) | CallerPattern::Prefix(_) => pattern.to_string(),
        }
    }

    fn acts(&self, rule: &Rule) -> Vec<String> {
        match &rule.action {
            Action::Reject(status) => {
                vec![self.shower.words.with("act-reject", &status.to_string())]
            }
            Action::To(aims) => aims.iter().map(|aim| self.aim(aim)).collect(),
        }
    }

    /// For how long it rings and whether it is recorded, where the rule says.
    fn manner(&self, rule: &Rule) -> String {
        let words = self.shower.words;
        let ring = rule
            .ring_s
            .map(|ring_s| words.with("act-ring", &ring_s.to_string()));
        let record = rule
            .record
            .map(|record| words.say(&format!("act-record-{record}")));
        let all: Vec<_> = ring.into_iter().chain(record).collect();
        all.join(" · ")
    }

    fn aim(&self, aim: &Aim) -> String {
        let words = self.shower.words;
        match aim {
            Aim::Group(group) => {
                let strategy = self.strategy(group.strategy);
                words.with_both("act-group", &group.id, &strategy)
            }
            Aim::Manager(manager) => manager.label.to_string(),
            Aim::LastManager => words.say("act-last"),
            Aim::Target(one) => target(self.shower, &one.name),
        }
    }

    fn strategy(&self, strategy: Strategy) -> String {
        self.shower
            .words
            .say(&format!("strategy-{}", strategy.word()))
    }

    /// Calls that no rule was for.
    pub(super) fn undecided(&self) -> Option<Counted> {
        let calls = self.counts.undecided;
        (calls > 0).then(|| self.counted(calls, "without", "rule"))
    }

    /// What the business advertises.
    pub(super) fn projects(&self) -> Vec<ProjectPart> {
        let tracking = &self.shower.rules.tracking;
        let part = |project: &Project| ProjectPart {
            label: project.label.to_string(),
            facts: self.facts(project),
            sources: tracking
                .sources()
                .iter()
                .filter(|source| source.project.id == project.id)
                .map(|source| SourceRow {
                    tag: Link {
                        text: source.tag.to_string(),
                        href: format!("/?source={}", form_urlencoded(&source.tag)),
                    },
                    more: [&source.channel, &source.campaign, &source.category]
                        .into_iter()
                        .flatten()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(" · "),
                    numbers: source
                        .numbers
                        .iter()
                        .map(|number| {
                            let text = number.to_string();
                            let calls = self.counts.by_number.get(&text).copied().unwrap_or(0);
                            let calls = self.counted(calls, "number", &text);
                            (country::written(*number), calls)
                        })
                        .collect(),
                })
                .collect(),
        };
        tracking
            .projects()
            .iter()
            .map(|project| part(project))
            .collect()
    }

    fn facts(&self, project: &Project) -> Vec<String> {
        let words = self.shower.words;
        let zone = project.time_zone.iana_name().unwrap_or("UTC");
        let mut facts = vec![words.with("rules-zone", zone)];
        let days = |ranges: &[crate::track::DateRange]| {
            let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
            ranges.join(", ")
        };
        if !project.holidays.is_empty() {
            facts.push(words.with("rules-holidays", &days(&project.holidays)));
        }
        if !project.tracking {
            facts.push(words.say("rules-untracked"));
        } else if !project.off_season.is_empty() {
            facts.push(words.with("rules-off-season", &days(&project.off_season)));
        }
        facts
    }

    /// Who shares calls.
    pub(super) fn groups(&self) -> Vec<GroupRow> {
        let groups = self.shower.rules.routing.groups().iter();
        let row = groups.map(|group| GroupRow {
            id: group.id.to_string(),
            strategy: self.strategy(group.strategy),
            members: labels(&group.members),
            ring: self
                .shower
                .words
                .with("rules-seconds", &group.ring_s.unwrap_or(RING_S).to_string()),
        });
        row.collect()
    }

    /// Who answers.
    pub(super) fn managers(&self) -> Vec<ManagerRow> {
        let routing = &self.shower.rules.routing;
        let row = |manager: &Manager| {
            let target = &manager.target;
            let in_it = routing.groups().iter();
            let in_it = in_it.filter(|group| group.members.iter().any(|it| it.id == manager.id));
            let groups: Vec<_> = in_it.map(|group| group.id.to_string()).collect();
            let trunks = std::iter::once(&target.trunk).chain(target.spare.iter());
            let trunks: Vec<_> = trunks.map(ToString::to_string).collect();
            ManagerRow {
                label: manager.label.to_string(),
                id: manager.id.to_string(),
                dials: match &target.dial {
                    Dial::Extension(extension) => extension.to_string(),
                    Dial::Number(number) => country::written(*number),
                },
                trunk: trunks.join(", "),
                groups: groups.join(", "),
            }
        };
        routing
            .managers()
            .iter()
            .map(|manager| row(manager))
            .collect()
    }

    /// So many calls, and the list of them: those of a month that meet a condition.
    fn counted(&self, calls: u64, name: &str, value: &str) -> Counted {
        let words = self.shower.words;
        if calls == 0 {
            return Counted {
                text: words.say("rules-no-calls"),
                href: None,
            };
        }
        let value = form_urlencoded(value);
        Counted {
            text: words.count("calls-total", calls),
            href: Some(format!("/?period=month&{name}={value}")),
        }
    }
}

/// People by their names.
fn labels(members: &[std::sync::Arc<Manager>]) -> String {
    let labels: Vec<_> = members
        .iter()
        .map(|manager| manager.label.to_string())
        .collect();
    labels.join(", ")
}
