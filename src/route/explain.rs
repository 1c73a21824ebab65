//! Why a call goes where it goes, in words: for `ringtag route` and the HTTP API.

use std::fmt;
use std::sync::Arc;

use jiff::civil::DateTime;
use serde::Serialize;

use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::route::caller::CallerPattern;
use crate::route::decide::Facts;
use crate::route::decision::{Decision, Plan, Step};
use crate::route::group::Strategy;
use crate::route::hours::Hours;
use crate::route::rule::{Action, Aim};
use crate::track::Rest;

/// The first condition of a rule that did not hold, with what the rule wants.
#[derive(Debug)]
pub(in crate::route) enum Refusal<'r> {
    /// Another project.
    Project(&'r [Arc<str>]),
    /// Another source.
    Source(&'r [Arc<str>]),
    /// Another category, or none.
    Category(&'r [Arc<str>]),
    /// Another virtual number.
    Number(&'r [Number]),
    /// Another caller.
    Caller(&'r [CallerPattern]),
    /// A first call where a repeated one is wanted, or the other way round.
    Repeat {
        /// What the rule says.
        wanted: bool,
    },
    /// Another trunk.
    Trunk(&'r [Arc<str>]),
    /// Another time, or a holiday.
    Hours {
        /// What the rule says.
        hours: &'r Hours,
        /// The clock of the project.
        local: DateTime,
    },
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The virtual number.
    pub number: Number,
    /// Who calls.
    pub caller: Caller,
    /// `[[project]] id`.
    pub project: Arc<str>,
    /// `[[source]] tag`.
    pub source: Arc<str>,
    /// `[[source]] category`.
    pub category: Option<Arc<str>>,
    /// When.
    pub at: WallTime,
    /// The same on the project's wall clock: `Sat 2026-11-21 12:30`.
    pub local_time: String,
    /// The project's zone.
    pub time_zone: String,
    /// `false`: the call passes without a trace in the reports.
    pub tracked: bool,
    /// The days of the project's off-season on which the call falls: `2026-12-01..2027-02-28`.
    pub off_season: Option<String>,
    /// The rules before the one that decides, in order.
    pub passed: Vec<Passed>,
    /// The rule that decides.
    pub rule: Option<Arc<str>>,
    /// The status that the caller is given, where the rule rejects or there is none.
    pub reject: Option<u16>,
    /// Who rings, in order; those of one step ring together.
    pub steps: Vec<ExplainedStep>,
    /// Whether the rule says to record.
    pub record: Option<bool>,
    /// Whether the call would be recorded once somebody answers, by everything that is configured; null: that was not asked.
    pub recorded: Option<bool>,
    /// What of this changes from call to call.
    pub notes: Vec<String>,
}

/// A rule that did not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// `[[rule]] id`.
    pub rule: Arc<str>,
    /// Why not.
    pub why: String,
    /// The first of its conditions that does not hold: `hours`, `caller`, …; `holiday`: the hours would, on another day.
    pub condition: &'static str,
    /// What it wants, as configured.
    pub wanted: String,
    /// What the call has; empty where that is not known.
    pub found: String,
}

/// Targets that ring together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// As the record names them.
    pub targets: Vec<Arc<str>>,
    /// For how long.
    pub ring_s: u32,
}

/// What a caller hears when no rule is for the call: a number that leads nowhere (RFC 3261 21.4.5).
const NO_RULE_STATUS: u16 = 404;

impl Explanation {
    pub(in crate::route) fn new(
        facts: &Facts<'_>,
        passed: Vec<(Arc<str>, Refusal<'_>)>,
        decision: &Decision,
        action: Option<&Action>,
    ) -> Self {
        let project = &facts.source.project;
        let in_words = |(rule, why): (Arc<str>, Refusal<'_>)| {
            let (condition, wanted, found) = why.in_parts(facts);
            Passed {
                rule,
                why: why.in_words(facts),
                condition,
                wanted,
                found,
            }
        };
        let (reject, steps) = match decision.plan() {
            Plan::Hunt(steps) => (None, steps.iter().map(ExplainedStep::new).collect()),
            Plan::Reject(status) => (Some(*status), Vec::new()),
            Plan::NoRule => (Some(NO_RULE_STATUS), Vec::new()),
        };
        Self {
            number: facts.number,
            caller: facts.caller.clone(),
            project: Arc::clone(&project.id),
            source: Arc::clone(&facts.source.tag),
            category: facts.source.category.clone(),
            at: facts.at,
            local_time: clock(project.local(facts.at)),
            time_zone: project.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            tracked: project.tracks(facts.at),
            off_season: match project.rest(facts.at) {
                Some(Rest::Season(days)) => Some(days.to_string()),
                Some(Rest::Always) | None => None,
            },
            passed: passed.into_iter().map(in_words).collect(),
            rule: decision.rule().cloned(),
            reject,
            steps,
            record: decision.record(),
            recorded: None,
            notes: notes(action, facts),
        }
    }
}

/// What is true of this call and not of the next.
fn notes(action: Option<&Action>, facts: &Facts<'_>) -> Vec<String> {
    let Some(Action::To(aims)) = action else {
        return Vec::new();
    };
    let note = |aim: &Aim| match aim {
        Aim::Group(group) => match group.strategy {
            Strategy::All | Strategy::InOrder => None,
            Strategy::RoundRobin
            | Strategy::Random
            | Strategy::LeastRecent
            | Strategy::Weighted => Some(format!(
                "group {} is {}: its order changes from call to call",
                group.id,
                group.strategy.word()
            )),
        },
        Aim::LastManager if facts.last_manager.is_none() => {
            Some("manager:last: nobody answered this caller before, as far as was asked".to_owned())
        }
        Aim::LastManager | Aim::Manager(_) | Aim::Target(_) => None,
    };
    aims.iter().filter_map(note).collect()
}

impl ExplainedStep {
    fn new(step: &Step) -> Self {
        Self {
            targets: step
                .targets
                .iter()
                .map(|target| Arc::clone(&target.name))
                .collect(),
            ring_s: step.ring_s,
        }
    }
}

impl Refusal<'_> {
    /// The condition's word, what the rule wants and what the call has.
    fn in_parts(&self, facts: &Facts<'_>) -> (&'static str, String, String) {
        let source = facts.source;
        match self {
            Self::Project(wanted) => ("project", either(wanted), source.project.id.to_string()),
            Self::Source(wanted) => ("source", either(wanted), source.tag.to_string()),
            Self::Category(wanted) => {
                let category = source.category.as_deref().unwrap_or_default();
                ("category", either(wanted), category.to_owned())
            }
            Self::Number(wanted) => ("number", either(wanted), facts.number.to_string()),
            Self::Caller(wanted) => ("caller", either(wanted), facts.caller.to_string()),
            Self::Repeat { wanted } => {
                ("repeat", wanted.to_string(), facts.prior_calls.to_string())
            }
            Self::Trunk(wanted) => ("trunk", either(wanted), facts.trunk.to_owned()),
            Self::Hours { hours, local } => {
                let condition = match hours.hold_on_a_working_day(*local) {
                    true => "holiday",
                    false => "hours",
                };
                (condition, hours.to_string(), clock(*local))
            }
        }
    }

    fn in_words(&self, facts: &Facts<'_>) -> String {
        let source = facts.source;
        match self {
            Self::Project(wanted) => {
                format!(
                    "its project is {}, the call's is {}",
                    either(wanted),
                    source.project.id
                )
            }
            Self::Source(wanted) => {
                format!(
                    "its source is {}, the call's is {}",
                    either(wanted),
                    source.tag
                )
            }
            Self::Category(wanted) => {
                let category = source.category.as_deref().unwrap_or("none");
                format!(
                    "its category is {}, the call's is {category}",
                    either(wanted)
                )
            }
            Self::Number(wanted) => {
                format!(
                    "its number is {}, dialled was {}",
                    either(wanted),
                    facts.number
                )
            }
            Self::Caller(wanted) => {
                format!(
                    "its caller is {}, the call's is {}",
                    either(wanted),
                    facts.caller
                )
            }
            Self::Repeat { wanted: true } => {
                "it is for repeated calls, this is the caller's first".to_owned()
            }
            Self::Repeat { wanted: false } => {
                let before = facts.prior_calls;
                format!("it is for first calls, the caller called {before} times before")
            }
            Self::Trunk(wanted) if facts.trunk.is_empty() => {
                format!("its trunk is {}, the call's is not known", either(wanted))
            }
            Self::Trunk(wanted) => {
                format!(
                    "its trunk is {}, the call's is {}",
                    either(wanted),
                    facts.trunk
                )
            }
            Self::Hours { hours, local } if hours.hold_on_a_working_day(*local) => {
                format!("its hours are {hours}, but {} is a holiday", clock(*local))
            }
            Self::Hours { hours, local } => {
                format!("its hours are {hours}, it is {}", clock(*local))
            }
        }
    }
}

/// `Sat 2026-11-21 12:30`
fn clock(local: DateTime) -> String {
    local.strftime("%a %Y-%m-%d %H:%M").to_string()
}

/// `a`, `a or b`, `a, b or c`.
fn either(list: &[impl fmt::Display]) -> String {
    let mut words: Vec<String> = list.iter().map(ToString::to_string).collect();
    let Some(last) = words.pop() else {
        return "none".to_owned();
    };
    if words.is_empty() {
        last
    } else {
        format!("{} or {last}", words.join(", "))
    }
}

/// What `ringtag route` prints.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let category = self.category.as_deref().unwrap_or("none");
        writeln!(
            f,
            "{} calls {}: source {}, category {category}, project {}",
            self.caller, self.number, self.source, self.project
        )?;
        writeln!(f, "at {} in {}", self.local_time, self.time_zone)?;
        for passed in &self.passed {
            writeln!(f, "  not \"{}\": {}", passed.rule, passed.why)?;
        }
        let Some(rule) = &self.rule else {
            return writeln!(
                f,
                "no rule decides: the caller gets {NO_RULE_STATUS} and the call counts as missed"
            );
        };
        writeln!(f, "\"{rule}\" decides")?;
        if let Some(status) = self.reject {
            writeln!(f, "  the caller gets {status}")?;
        } else if self.steps.is_empty() {
            writeln!(f, "  nobody rings")?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            let targets = step.targets.join(" and ");
            writeln!(f, "  {}. {targets}, {} s", place + 1, step.ring_s)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        if let Some(days) = &self.off_season {
            return writeln!(f, "  off season {days}: neither recorded nor reported");
        }
        match (
            self.tracked,
            self.recorded.filter(|_| !self.steps.is_empty()),
        ) {
            (true, Some(true)) => return writeln!(f, "  recorded"),
            (true, Some(false)) => return writeln!(f, "  not recorded"),
            (_, Some(_) | None) => {}
        }
        match (self.tracked, self.record) {
            (false, _) => writeln!(f, "  tracking is off: neither recorded nor reported"),
            (true, Some(true)) => writeln!(f, "  recorded, unless recordings.when is \"none\""),
            (true, Some(false)) => writeln!(f, "  not recorded"),
            (true, None) => Ok(()),
        }
    }
}
