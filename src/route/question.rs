//! What people ask of the rules: a call to imagine, read from texts and explained. The command line, the API and the pages
//! ask here.

use jiff::civil::DateTime;

use crate::base::country::Country;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::route::decide::{Facts, Routing};
use crate::route::explain::Explanation;
use crate::track::{Project, Tracking};

/// A call to imagine, as somebody wrote it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// The virtual number that is dialled.
    pub to: &'a str,
    /// Who calls; empty: somebody who hides.
    pub from: &'a str,
    /// When: a time with an offset, or one on the project's wall clock; `None`: now.
    pub at: Option<&'a str>,
    /// The trunk that it comes from; empty: not known.
    pub trunk: &'a str,
    /// How often the caller called before; `None`: as is known.
    pub prior_calls: Option<u32>,
    /// Who answered the caller last; `None`: as is known.
    pub last_manager: Option<&'a str>,
}

/// What is known of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// How often they called the project.
    pub prior_calls: u32,
    /// Who answered them last.
    pub last_manager: Option<String>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// What is dialled is no telephone number.
    NoNumber,
    /// It is none of the virtual numbers.
    NotOurs(Number),
    /// The time is none.
    NoTime,
    /// There is no such trunk.
    NoTrunk,
    /// There is no such manager.
    NoManager,
}

/// What answers.
pub struct House<'a> {
    /// How national numbers are read.
    pub country: &'a Country,
    /// Numbers and sources.
    pub tracking: &'a Tracking,
    /// Rules.
    pub routing: &'a Routing,
    /// Whether there is a trunk of this name.
    pub has_trunk: &'a dyn Fn(&str) -> bool,
    /// What is known of a caller of a project.
    pub earlier: &'a dyn Fn(&Project, &Caller) -> Earlier,
    /// When a manager last took a call.
    pub last_taken: &'a dyn Fn(&str) -> Option<WallTime>,
    /// Whether a call is recorded, by whether it is tracked and what its rule says.
    pub records: &'a dyn Fn(bool, Option<bool>) -> bool,
}

impl House<'_> {
    /// Explains where the call would go.
    ///
    /// # Errors
    /// Something of the question names nothing.
    pub fn explain(&self, asked: &Question<'_>, now: WallTime) -> Result<Explanation, Wrong> {
        let number = Number::read(asked.to, self.country).ok_or(Wrong::NoNumber)?;
        let source = self.tracking.source(number).ok_or(Wrong::NotOurs(number))?;
        let at = asked
            .at
            .map_or(Some(now), |text| read_time(text, &source.project));
        let at = at.ok_or(Wrong::NoTime)?;
        if !asked.trunk.is_empty() && !(self.has_trunk)(asked.trunk) {
            return Err(Wrong::NoTrunk);
        }
        if asked
            .last_manager
            .is_some_and(|id| self.routing.manager(id).is_none())
        {
            return Err(Wrong::NoManager);
        }
        let caller = match Number::read(asked.from, self.country) {
            Some(number) => Caller::Number(number),
            None if asked.from.is_empty() => Caller::Anonymous,
            None => Caller::from_record(asked.from),
        };
        let earlier = (self.earlier)(&source.project, &caller);
        let mut explanation = self.routing.explain(&Facts {
            at,
            source,
            number,
            caller: &caller,
            trunk: asked.trunk,
            prior_calls: asked.prior_calls.unwrap_or(earlier.prior_calls),
            last_manager: asked.last_manager.or(earlier.last_manager.as_deref()),
            rotation: &|_| 0,
            last_taken: self.last_taken,
            chance: 0,
        });
        let rings = !explanation.steps.is_empty();
        let records = (self.records)(explanation.tracked, explanation.record);
        explanation.recorded = Some(rings && records);
        Ok(explanation)
    }
}

/// Reads a time with an offset, or one on the wall clock of the project.
fn read_time(text: &str, project: &Project) -> Option<WallTime> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let local: DateTime = text.parse().ok()?;
    let at = project.time_zone.to_timestamp(local).ok()?;
    Some(WallTime::from_millis(at.as_millisecond()))
}
