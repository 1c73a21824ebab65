//! What came of a replay: which calls other rules would treat otherwise, and how. Pure.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;

/// The answer to "what if".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Calls that began then or later.
    pub since: WallTime,
    /// And before this.
    pub until: WallTime,
    /// How many there were.
    pub calls: u64,
    /// How many of them would be treated otherwise.
    pub differ: u64,
    /// How many nobody can tell of: their number was not kept, or is of no source under either rules.
    pub unknown: u64,
    /// Calls of people who were erased, taken for calls of somebody who hides.
    pub erased: u64,
    /// Trunks that rules ask for. Rows do not keep a call's trunk, so each of these was tried that fits the rule that decided.
    pub trunks: Vec<Arc<str>>,
    /// How many calls each kind of change meets, the gravest first.
    pub changes: Vec<Changed>,
    /// From which rule to which, what most calls do first.
    pub rules: Vec<Moved>,
    /// The calls that differ: the gravest change first, then in the order of time.
    pub differences: Vec<Difference>,
    /// How many more differ than are listed.
    pub more: u64,
}

/// What would be otherwise. In the order of gravity: a caller who reaches nobody, one who reaches others, what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The number would be nobody's: refused without a record.
    NoSource,
    /// No rule would hold.
    NoRule,
    /// It would be rejected, or no longer, or with another status.
    Reject,
    /// Others would ring, or otherwise.
    Targets,
    /// It would be tracked, or no longer.
    Tracking,
    /// It would be recorded, or no longer.
    Recording,
    /// It would count for another source.
    Source,
    /// A number that is nobody's now would have a source.
    Found,
    /// Another rule would do the same.
    Rule,
}

impl Change {
    /// Each of them, the gravest first.
    pub const ALL: [Self; 9] = [
        Self::NoSource,
        Self::NoRule,
        Self::Reject,
        Self::Targets,
        Self::Tracking,
        Self::Recording,
        Self::Source,
        Self::Found,
        Self::Rule,
    ];

    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoSource => "no-source",
            Self::NoRule => "no-rule",
            Self::Reject => "reject",
            Self::Targets => "targets",
            Self::Tracking => "tracking",
            Self::Recording => "recording",
            Self::Source => "source",
            Self::Found => "found",
            Self::Rule => "rule",
        }
    }

    /// What a person at a terminal reads.
    const fn sentence(self) -> &'static str {
        match self {
            Self::NoSource => "lead to a number that no source has: refused without a record",
            Self::NoRule => "find no rule: missed",
            Self::Reject => "are rejected otherwise",
            Self::Targets => "ring others, or otherwise",
            Self::Tracking => "change whether they are tracked",
            Self::Recording => "change whether they are recorded",
            Self::Source => "count for another source",
            Self::Found => "reach a number that no source has now",
            Self::Rule => "are decided by another rule with the same targets",
        }
    }
}

/// How many calls a kind of change meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What changes.
    pub change: Change,
    /// So many calls; one that changes in two ways is counted in both.
    pub calls: u64,
}

/// Calls that one rule decides now and another would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// `[[rule]] id` in force; null: none.
    pub from: Option<Arc<str>>,
    /// `[[rule]] id` of the edited file; null: none.
    pub to: Option<Arc<str>>,
    /// So many calls.
    pub calls: u64,
    /// So many of them differ.
    pub differ: u64,
}

/// A call that would be treated otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The call.
    pub id: CallId,
    /// When it began.
    pub at: WallTime,
    /// Who called; null: somebody who was erased.
    pub caller: Option<Caller>,
    /// The virtual number.
    pub number: Number,
    /// The trunk that it may have come from, where that decides.
    pub trunk: Option<Arc<str>>,
    /// What would be otherwise, the gravest first.
    pub changes: Vec<Change>,
    /// Under the rules in force.
    pub old: Fate,
    /// Under the edited ones.
    pub new: Fate,
}

/// What becomes of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// `[[source]] tag`; null: the number is nobody's.
    pub source: Option<Arc<str>>,
    /// The rule that decides.
    pub rule: Option<Arc<str>>,
    /// The status that the caller is given, where the rule rejects.
    pub reject: Option<u16>,
    /// Who rings, in order.
    pub steps: Vec<FateStep>,
    /// Whether it counts.
    pub tracked: bool,
    /// Whether it is recorded once it is answered.
    pub recorded: bool,
}

/// Who rings together, or in the order of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FateStep {
    /// The group, where it is one.
    pub group: Option<Arc<str>>,
    /// The group's strategy.
    pub strategy: Option<Arc<str>>,
    /// As records name them.
    pub targets: Vec<Arc<str>>,
    /// What is dialled for each: `101@pbx`.
    pub dials: Vec<String>,
    /// For so long each.
    pub ring_s: u32,
}

impl Replayed {
    /// Whether nothing would be otherwise.
    pub const fn is_same(&self) -> bool {
        self.differ == 0
    }
}

/// `sales: a, b (round-robin), 15 s; c, 20 s`
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_none() {
            return f.write_str("no source");
        }
        match &self.rule {
            Some(rule) => write!(f, "\"{rule}\"")?,
            None => return f.write_str("no rule"),
        }
        if let Some(status) = self.reject {
            write!(f, ": rejected with {status}")?;
        } else if self.steps.is_empty() {
            f.write_str(": nobody rings")?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            let before = if place == 0 { ": " } else { "; " };
            let targets = step.targets.join(", ");
            write!(f, "{before}{targets}")?;
            if let Some(strategy) = &step.strategy {
                write!(f, " ({strategy})")?;
            }
            write!(f, ", {} s", step.ring_s)?;
        }
        Ok(())
    }
}

/// What `ringtag route --replay` prints.
impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} calls from {} to {}: {} would be treated otherwise",
            self.calls, self.since, self.until, self.differ
        )?;
        for changed in &self.changes {
            writeln!(f, "  {} {}", changed.calls, changed.change.sentence())?;
        }
        if self.unknown > 0 {
            writeln!(
                f,
                "  {} cannot be told of: nobody knows their number, or it is of no source in either",
                self.unknown
            )?;
        }
        if self.erased > 0 {
            writeln!(
                f,
                "  {} of people who were erased are taken for anonymous ones",
                self.erased
            )?;
        }
        if !self.trunks.is_empty() {
            writeln!(
                f,
                "  rules ask for trunks ({}), which are not kept of past calls: each that fits was tried",
                self.trunks.join(", ")
            )?;
        }
        let name = |rule: &Option<Arc<str>>| {
            rule.as_ref()
                .map_or_else(|| "no rule".to_owned(), |rule| format!("\"{rule}\""))
        };
        for moved in self.rules.iter().filter(|moved| moved.differ > 0) {
            let (from, to) = (name(&moved.from), name(&moved.to));
            writeln!(
                f,
                "  {from} -> {to}: {} of {} differ",
                moved.differ, moved.calls
            )?;
        }
        for difference in &self.differences {
            let caller = difference
                .caller
                .as_ref()
                .map_or_else(|| "erased".to_owned(), ToString::to_string);
            let words: Vec<_> = difference.changes.iter().map(|it| it.word()).collect();
            write!(
                f,
                "{} {} {caller} -> {} [{}]",
                difference.at,
                difference.id,
                difference.number,
                words.join(", ")
            )?;
            if let Some(trunk) = &difference.trunk {
                write!(f, " if it came from {trunk}")?;
            }
            writeln!(f, "\n  - {}\n  + {}", difference.old, difference.new)?;
        }
        if self.more > 0 {
            writeln!(f, "and {} more", self.more)?;
        }
        Ok(())
    }
}
