//! An explanation in the words of a page: what each rule says of a call, and what becomes of it.

use crate::api::pages::show::Shower;
use crate::base::country;
use crate::base::number::Number;
use crate::route::explain::{Explanation, Passed};
use crate::route::group::Strategy;
use crate::route::rule::{Action, Aim};
use crate::web::rules::{Explained, Verdict};

/// Says an explanation.
pub(super) fn explained(shower: &Shower, told: &Explanation) -> Explained {
    let words = shower.words;
    let dates = shower.dates(&told.project);
    let caller = shower.caller(Some(&told.caller));
    let project = shower.rules.tracking.project(&told.project);
    let project = project.map_or(&*told.project, |project| &*project.label);
    let mut of = vec![told.source.to_string()];
    of.extend(told.category.as_deref().map(str::to_owned));
    of.push(project.to_owned());
    let day = dates.day_and_weekday(dates.date(told.at));
    Explained {
        call: words.with_both("explain-call", &caller, &country::written(told.number)),
        of: of.join(" · "),
        at: format!("{day}, {} ({})", dates.time(told.at), told.time_zone),
        verdicts: verdicts(shower, told),
        outcome: outcome(shower, told),
        steps: told
            .steps
            .iter()
            .map(|step| {
                let targets: Vec<_> = step
                    .targets
                    .iter()
                    .map(|name| target(shower, name))
                    .collect();
                words.with_both(
                    "explain-step",
                    &targets.join(" + "),
                    &step.ring_s.to_string(),
                )
            })
            .collect(),
        notes: notes(shower, told),
    }
}

fn verdicts(shower: &Shower, told: &Explanation) -> Vec<Verdict> {
    let words = shower.words;
    let passed = told.passed.iter().map(|passed| Verdict {
        rule: passed.rule.to_string(),
        kind: "passed",
        text: why_not(shower, told, passed),
    });
    let rest = shower.rules.routing.rules().iter().skip(told.passed.len());
    let rest = rest.enumerate().map(|(place, rule)| {
        let kind = if place == 0 { "decides" } else { "unasked" };
        Verdict {
            rule: rule.id.to_string(),
            kind,
            text: words.say(&format!("verdict-{kind}")),
        }
    });
    passed.chain(rest).collect()
}

/// The condition that does not hold.
fn why_not(shower: &Shower, told: &Explanation, passed: &Passed) -> String {
    let words = shower.words;
    let (condition, wanted) = (passed.condition, passed.wanted.as_str());
    match condition {
        "repeat" if wanted == "true" => words.say("not-again"),
        "repeat" => words.with("not-first", &passed.found),
        "hours" | "holiday" => {
            let dates = shower.dates(&told.project);
            let day = dates.day_and_weekday(dates.date(told.at));
            let now = format!("{day}, {}", dates.time(told.at));
            words.with_both(&format!("not-{condition}"), wanted, &now)
        }
        _ if passed.found.is_empty() => words.with(&format!("not-unknown-{condition}"), wanted),
        _ => words.with_both(&format!("not-{condition}"), wanted, &passed.found),
    }
}

fn outcome(shower: &Shower, told: &Explanation) -> String {
    let words = shower.words;
    match (&told.rule, told.reject) {
        (None, _) => words.say("explain-none"),
        (Some(rule), Some(status)) => words.with_both("explain-rejects", rule, &status.to_string()),
        (Some(rule), None) if told.steps.is_empty() => words.with("explain-nobody", rule),
        (Some(rule), None) => words.with("explain-rings", rule),
    }
}

fn notes(shower: &Shower, told: &Explanation) -> Vec<String> {
    let words = shower.words;
    let mut notes = Vec::new();
    let rules = shower.rules.routing.rules();
    let winner = rules
        .iter()
        .find(|rule| Some(&rule.id) == told.rule.as_ref());
    if let Some(Action::To(aims)) = winner.map(|rule| &rule.action) {
        for aim in aims {
            match aim {
                Aim::Group(group) => match group.strategy {
                    Strategy::All | Strategy::InOrder => {}
                    Strategy::RoundRobin
                    | Strategy::Random
                    | Strategy::LeastRecent
                    | Strategy::Weighted => {
                        let strategy = words.say(&format!("strategy-{}", group.strategy.word()));
                        notes.push(words.with_both("explain-shuffles", &group.id, &strategy));
                    }
                },
                Aim::LastManager => notes.push(words.say("explain-last")),
                Aim::Manager(_) | Aim::Target(_) => {}
            }
        }
    }
    if !told.steps.is_empty() {
        notes.push(words.say(match (told.tracked, told.recorded) {
            (false, _) => "explain-untracked",
            (true, Some(true)) => "explain-recorded",
            (true, Some(false) | None) => "explain-unrecorded",
        }));
    }
    notes
}

/// A target as people read it: a manager by name, a number as it is written.
pub(super) fn target(shower: &Shower, name: &str) -> String {
    if let Some(id) = name.strip_prefix("manager:") {
        return shower.manager(id);
    }
    let (kind, rest) = name.split_once(':').unwrap_or(("", name));
    let (dialled, trunk) = rest.rsplit_once('@').unwrap_or((rest, ""));
    let dialled = match kind {
        "number" => Number::e164(dialled).map_or_else(|| dialled.to_owned(), country::written),
        _ => dialled.to_owned(),
    };
    format!("{dialled} @ {trunk}")
}
