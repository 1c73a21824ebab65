//! Conditions that open the calls behind a figure of a report, beside those that people choose in a list. Pure.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::call::story::FinishReason;
use crate::store::record::CallRecord;
use crate::store::remark::CalledBack;
use crate::track::Sales;

/// Conditions that must all hold; what is left out holds for every call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Narrow {
    /// The virtual number that was dialled, E.164.
    pub number: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// `[[manager]] id` of somebody it was offered to, known once it is over, or who answered.
    pub offered: Option<String>,
    /// Who answered, seen from [`Self::offered`].
    pub taken: Option<Taken>,
    /// People say what it was worth: something, also nothing.
    pub valued: Option<bool>,
    /// Why it ended.
    pub reason: Option<FinishReason>,
    /// `true`: it is over; `false`: in progress.
    pub ended: Option<bool>,
    /// Nobody knows whether the caller had called before: it hides.
    pub hidden: bool,
    /// None of these things is known or said of it.
    pub without: Vec<Part>,
    /// Its stage is one of these.
    pub stages: Vec<String>,
    /// Of those only the first will do; where there is none, it has no stage.
    pub first_stage: bool,
    /// It began in this hour of a day of [`Self::zone`], 0 to 23.
    pub hour: Option<u8>,
    /// It began on this day of the week there; 1 is Monday.
    pub weekday: Option<u8>,
    /// IANA name of the zone; left out: UTC.
    pub zone: Option<String>,
    /// The caller waited so long or longer; known once somebody answered or the call is over.
    pub min_wait_ms: Option<u64>,
    /// And no longer than that.
    pub max_wait_ms: Option<u64>,
    /// A missed call that was answered for after all.
    pub called_back: Option<Back>,
    /// Its outcome is one of its project's sales.
    pub customers: Option<Sales>,
    /// Somebody marked it as one of those that the advertising is for, or its outcome is one of its project's sales.
    pub leads: Option<Sales>,
}

/// How a missed call was answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Back {
    /// A later call of the caller was answered, or somebody says they called back.
    Done,
    /// A later call of the caller was answered, and nobody said they had called back before: when is known.
    Spoken,
}

/// Who answered a call that was offered to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// That very manager.
    Own,
    /// Somebody else.
    Other,
}

impl Taken {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Own, Self::Other];

    /// Its word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
        }
    }
}

/// A thing that a call may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `channel`
    Channel,
    /// `campaign`
    Campaign,
    /// `category`
    Category,
    /// `rule`
    Rule,
    /// `manager`
    Manager,
    /// `goal`
    Goal,
    /// `stage`
    Stage,
    /// `outcome`
    Outcome,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 8] = [
        Self::Channel,
        Self::Campaign,
        Self::Category,
        Self::Rule,
        Self::Manager,
        Self::Goal,
        Self::Stage,
        Self::Outcome,
    ];

    /// Its word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Campaign => "campaign",
            Self::Category => "category",
            Self::Rule => "rule",
            Self::Manager => "manager",
            Self::Goal => "goal",
            Self::Stage => "stage",
            Self::Outcome => "outcome",
        }
    }

    /// Whether `record` lacks it.
    fn is_missing(self, record: &CallRecord) -> bool {
        match self {
            Self::Channel => record.channel.is_none(),
            Self::Campaign => record.campaign.is_none(),
            Self::Category => record.category.is_none(),
            Self::Rule => record.rule.is_none(),
            Self::Manager => record.manager.is_none(),
            Self::Goal => record.goal.is_none(),
            Self::Stage => record.stage.is_none(),
            Self::Outcome => record.outcome.is_none(),
        }
    }
}

impl Narrow {
    /// Whether there is no condition.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// The zone whose clocks are meant. Whoever takes the name from outside has looked whether there is such a zone.
    pub(crate) fn time_zone(&self) -> TimeZone {
        let zone = self.zone.as_deref().map(TimeZone::get);
        zone.and_then(Result::ok).unwrap_or(TimeZone::UTC)
    }

    /// Whether `record` is one of those asked for.
    pub(crate) fn matches(&self, record: &CallRecord) -> bool {
        let number = record.virtual_number;
        let waited = |least: u64, most: u64| {
            let wait = record.wait_ms;
            wait.is_some_and(|wait| least <= wait && wait <= most)
        };
        self.number
            .as_ref()
            .is_none_or(|wanted| number.to_string() == *wanted)
            && (self.rule.is_none() || self.rule.as_deref() == record.rule.as_deref())
            && self.offered_matches(record)
            && self.stage_matches(record)
            && self
                .valued
                .is_none_or(|valued| record.value.is_some() == valued)
            && self
                .reason
                .is_none_or(|reason| record.finish_reason == Some(reason))
            && self
                .ended
                .is_none_or(|ended| record.finish_reason.is_some() == ended)
            && (!self.hidden || record.prior_calls == 0 && !record.first_call)
            && self.without.iter().all(|part| part.is_missing(record))
            && self.hour_matches(record)
            && (self.min_wait_ms.is_none() && self.max_wait_ms.is_none()
                || waited(
                    self.min_wait_ms.unwrap_or(0),
                    self.max_wait_ms.unwrap_or(u64::MAX),
                ))
            && self.called_back.is_none_or(|back| back.holds(record))
            && self
                .customers
                .as_ref()
                .is_none_or(|sales| is_sold(record, sales))
            && self
                .leads
                .as_ref()
                .is_none_or(|sales| record.target == Some(true) || is_sold(record, sales))
    }

    fn offered_matches(&self, record: &CallRecord) -> bool {
        let answered = record.manager.as_deref();
        let manager = self.offered.as_deref();
        let is_offered = manager.is_none_or(|manager| {
            let mut tried = record.targets_tried.iter();
            answered == Some(manager) || tried.any(|tried| tried.manager() == Some(manager))
        });
        is_offered
            && self.taken.is_none_or(|taken| match taken {
                Taken::Own => answered.is_some() && answered == manager,
                Taken::Other => record.answered && answered != manager,
            })
    }

    fn stage_matches(&self, record: &CallRecord) -> bool {
        let stage = record.stage.as_ref();
        if self.first_stage {
            return stage == self.stages.first();
        }
        self.stages.is_empty() || stage.is_some_and(|stage| self.stages.contains(stage))
    }

    fn hour_matches(&self, record: &CallRecord) -> bool {
        if self.hour.is_none() && self.weekday.is_none() {
            return true;
        }
        let local = self.time_zone().to_datetime(record.started_at.timestamp());
        let is = |wanted: Option<u8>, has: i8| {
            wanted.is_none_or(|wanted| i16::from(wanted) == i16::from(has))
        };
        is(self.hour, local.hour()) && is(self.weekday, local.weekday().to_monday_one_offset())
    }
}

impl Back {
    /// Its word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Spoken => "spoken",
        }
    }

    fn holds(self, record: &CallRecord) -> bool {
        let done = record
            .callback
            .as_ref()
            .and_then(|callback| callback.done.as_ref());
        let is_erased = record.caller.is_none();
        let is_spoken = |done: &CalledBack| done.by == CalledBack::CALLER && !is_erased;
        match self {
            Self::Done => done.is_some_and(|done| is_spoken(done) || done.by != CalledBack::CALLER),
            Self::Spoken => done.is_some_and(is_spoken),
        }
    }
}

/// Whether people say that a call was sold.
fn is_sold(record: &CallRecord, sales: &Sales) -> bool {
    let outcome = record.outcome.as_deref();
    outcome.is_some_and(|outcome| sales.are(&record.project, outcome))
}
