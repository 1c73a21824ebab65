//! `/rules/replay`: an edited configuration against past calls, before it is loaded. It is read, tried and forgotten.

use axum::extract::{Query as Pairs, Request, State as Shared};
use axum::response::Response;
use jiff::civil::Date;

use crate::api::error::ApiError;
use crate::api::form::{arrive, field};
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::rules::explained::target;
use crate::api::pages::show::Shower;
use crate::api::query::Given;
use crate::api::replay::{Toml, tried, usual};
use crate::api::state::{Fault, State};
use crate::base::country;
use crate::base::time::WallTime;
use crate::report::replayed::{Difference, Fate, FateStep, Replayed};
use crate::web::frame::Here;
use crate::web::rules::{Mistake, ReplayPage, Treated, Tried, TriedPart, TriedRow};

/// The largest form, as for every page; scripts send the text as it is.
const FORM_BYTES_MAX: usize = 64 * 1_024;

/// Differences on the page: who wants more asks the API or the command.
const ROWS_MAX: usize = 200;

/// The first and the last day.
struct Days {
    since: Option<Date>,
    until: Option<Date>,
}

impl Days {
    fn times(&self, shower: &Shower) -> (Option<WallTime>, Option<WallTime>) {
        let dates = &shower.dates;
        let since = self.since.map(|day| dates.midnight(day));
        let after = self.until.and_then(|day| day.tomorrow().ok());
        (since, after.map(|day| dates.midnight(day)))
    }

    /// As the form shows them: a week, where nothing is said.
    fn shown(&self, shower: &Shower) -> (String, String) {
        let dates = &shower.dates;
        let (since, _) = usual(dates.now());
        let since = self.since.unwrap_or_else(|| dates.date(since));
        let until = self.until.unwrap_or_else(|| dates.today());
        (since.to_string(), until.to_string())
    }
}

/// The page, before anything is tried.
pub(in crate::api) async fn page(
    Shared(state): Shared<State>,
    look: Look,
) -> Result<Response, ApiError> {
    let shower = Shower::new(&state, look.words(), look.now());
    let days = Days {
        since: None,
        until: None,
    };
    let (since, until) = days.shown(&shower);
    html(&ReplayPage {
        frame: look.frame(Here::Rules),
        since,
        until,
        toml: String::new(),
        tried: None,
    })
}

/// The page with what came of it, for browsers without scripts.
pub(in crate::api) async fn post(
    Shared(state): Shared<State>,
    look: Look,
    request: Request,
) -> Result<Response, ApiError> {
    let form = arrive(request.into_body(), FORM_BYTES_MAX).await?;
    let day = |name: &str| field(&form, name).and_then(|day| day.parse().ok());
    let days = Days {
        since: day("since"),
        until: day("until"),
    };
    let toml = field(&form, "toml")
        .ok_or_else(|| ApiError::bad("bad-form", "give the configuration as `toml`"))?;
    let shower = Shower::new(&state, look.words(), look.now());
    let told = come_of(&state, &shower, toml.clone(), &days).await;
    let (since, until) = days.shown(&shower);
    html(&ReplayPage {
        frame: look.frame(Here::Rules),
        since,
        until,
        toml,
        tried: Some(told),
    })
}

/// What came of it alone, for a page that is there already.
pub(in crate::api) async fn part(
    Shared(state): Shared<State>,
    look: Look,
    given: Given,
    toml: Toml,
) -> Result<Response, ApiError> {
    let mut days = Days {
        since: None,
        until: None,
    };
    if let Ok(Pairs(pairs)) = given {
        for (name, value) in pairs {
            match name.as_str() {
                "since" => days.since = value.parse().ok(),
                "until" => days.until = value.parse().ok(),
                _ => {}
            }
        }
    }
    let shower = Shower::new(&state, look.words(), look.now());
    let told = come_of(&state, &shower, toml.0, &days).await;
    html(&TriedPart {
        frame: look.frame(Here::Rules),
        tried: Some(told),
    })
}

async fn come_of(state: &State, shower: &Shower, toml: String, days: &Days) -> Tried {
    let (since, until) = days.times(shower);
    let (edited, replayed) = match tried(state, toml, since, until).await {
        Ok(answer) => answer,
        Err(why) => {
            let name = match why.code() {
                "busy" => "replay-busy-now",
                "bad-parameter" => "replay-no-days",
                _ => "replay-failed",
            };
            return Tried {
                trouble: Some(shower.words.say(name)),
                ..Tried::default()
            };
        }
    };
    let (mistakes, warnings) = match edited {
        Ok(edited) => (Vec::new(), edited.warnings),
        Err(faults) => faults.into_iter().partition(|fault| !fault.warning),
    };
    let mistake = |fault: Fault| Mistake {
        place: shower.words.with_both(
            "replay-place",
            &fault.line.to_string(),
            &fault.column.to_string(),
        ),
        text: format!("{}; {}", fault.message, fault.remedy),
    };
    let mut told = replayed.map_or_else(Tried::default, |replayed| shower.tried(&replayed));
    told.mistakes = mistakes.into_iter().map(mistake).collect();
    told.warnings = warnings.into_iter().map(mistake).collect();
    told
}

impl Shower {
    fn tried(&self, replayed: &Replayed) -> Tried {
        let words = self.words;
        let calls = words.count("calls-total", replayed.calls);
        let sum = match replayed.differ {
            0 => words.with("replay-same", &calls),
            differ => words.with_both("replay-sum", &calls, &self.number(differ)),
        };
        let rule = |id: &Option<std::sync::Arc<str>>| {
            id.as_ref()
                .map_or_else(|| words.say("replay-no-rule"), ToString::to_string)
        };
        let moved = replayed.rules.iter().filter(|moved| moved.differ > 0);
        let mut notes = Vec::new();
        if replayed.unknown > 0 {
            notes.push(words.count("replay-unknown", replayed.unknown));
        }
        if replayed.erased > 0 {
            notes.push(words.count("replay-erased", replayed.erased));
        }
        if !replayed.trunks.is_empty() {
            notes.push(words.with("replay-trunks", &replayed.trunks.join(", ")));
        }
        let shown = replayed.differences.iter().take(ROWS_MAX);
        let rows: Vec<_> = shown.map(|one| self.difference(one)).collect();
        let more = replayed
            .differ
            .saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        Tried {
            trouble: None,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            sum: Some(sum),
            same: replayed.is_same(),
            changes: replayed
                .changes
                .iter()
                .map(|changed| {
                    let text = words.say(&format!("change-{}", changed.change.word()));
                    (self.number(changed.calls), text)
                })
                .collect(),
            moved: moved
                .map(|moved| {
                    let [calls, differ] = [moved.calls, moved.differ].map(|n| self.number(n));
                    [rule(&moved.from), rule(&moved.to), calls, differ]
                })
                .collect(),
            notes,
            rows,
            more: (more > 0).then(|| words.with("replay-more", &self.number(more))),
        }
    }

    fn difference(&self, one: &Difference) -> TriedRow {
        let changes = one.changes.iter();
        TriedRow {
            id: one.id.to_string(),
            when: self.dates.short(one.at),
            machine: one.at.to_string(),
            caller: self.caller(one.caller.as_ref()),
            number: country::written(one.number),
            changes: changes
                .map(|change| self.words.say(&format!("change-{}", change.word())))
                .collect(),
            old: self.fate(&one.old),
            new: self.fate(&one.new),
        }
    }

    fn fate(&self, fate: &Fate) -> Treated {
        let words = self.words;
        let nobody = |name| Treated {
            rule: words.say(name),
            ..Treated::default()
        };
        let Some(source) = &fate.source else {
            return nobody("replay-no-source");
        };
        let Some(rule) = &fate.rule else {
            return nobody("replay-no-rule");
        };
        let counts = words.with("replay-source", source);
        let (acts, more) = match fate.reject {
            Some(status) => (vec![words.with("act-reject", &status.to_string())], counts),
            None => {
                let kept = words.say(match (fate.tracked, fate.recorded) {
                    (false, _) => "explain-untracked",
                    (true, true) => "explain-recorded",
                    (true, false) => "explain-unrecorded",
                });
                let acts = fate.steps.iter().map(|step| self.step(step)).collect();
                (acts, format!("{kept} · {counts}"))
            }
        };
        Treated {
            rule: rule.to_string(),
            acts,
            more,
        }
    }

    fn step(&self, step: &FateStep) -> String {
        let targets = step.targets.iter().zip(&step.dials);
        let named = targets.map(|(name, dials)| match name.starts_with("manager:") {
            true => format!("{} ({dials})", target(self, name)),
            false => target(self, name),
        });
        let mut named = named.collect::<Vec<_>>().join(", ");
        if let (Some(group), Some(strategy)) = (&step.group, &step.strategy) {
            let strategy = self.words.say(&format!("strategy-{strategy}"));
            named = format!(
                "{}: {named}",
                self.words.with_both("act-group", group, &strategy)
            );
        }
        self.words
            .with_both("explain-step", &named, &step.ring_s.to_string())
    }

    fn number(&self, n: u64) -> String {
        crate::web::figures::grouped(n, self.words.language())
    }
}
