//! One rule: conditions that must all hold, and what is done when they do.

use std::sync::Arc;

use crate::base::number::Number;
use crate::route::caller::CallerPattern;
use crate::route::decision::Target;
use crate::route::group::{Group, Manager};
use crate::route::hours::Hours;
use crate::track::Source;

/// How long a target rings when neither the rule nor the group says.
pub const RING_S: u32 = 20;

/// One `[[rule]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the configuration and in records.
    pub id: Arc<str>,
    /// What must hold.
    pub when: Conditions,
    /// What is done then.
    pub action: Action,
    /// For how long each target rings.
    pub ring_s: Option<u32>,
    /// Whether the call is recorded, where the rule says.
    pub record: Option<bool>,
}

/// What must hold, all of it. An empty list says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `[[project]] id`.
    pub project: Vec<Arc<str>>,
    /// `[[source]] tag`.
    pub source: Vec<Arc<str>>,
    /// `[[source]] category`.
    pub category: Vec<Arc<str>>,
    /// The virtual number.
    pub number: Vec<Number>,
    /// Who calls.
    pub caller: Vec<CallerPattern>,
    /// When, in the project's time zone and not on its holidays.
    pub hours: Option<Hours>,
    /// `true`: the caller called before; `false`: the first call.
    pub repeat: Option<bool>,
    /// `[[trunk]] id` that the call came from.
    pub trunk: Vec<Arc<str>>,
}

impl Conditions {
    /// Whether a call to one of the source's numbers may meet them, whoever calls and whenever.
    pub fn may_be_for(&self, source: &Source) -> bool {
        let has = |list: &[Arc<str>], one: Option<&Arc<str>>| {
            list.is_empty() || one.is_some_and(|one| list.contains(one))
        };
        has(&self.project, Some(&source.project.id))
            && has(&self.source, Some(&source.tag))
            && has(&self.category, source.category.as_ref())
            && (self.number.is_empty()
                || self
                    .number
                    .iter()
                    .any(|number| source.numbers.contains(number)))
    }
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tries these from left to right.
    To(Vec<Aim>),
    /// Answers with this status.
    Reject(u16),
}

/// One entry of `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// `group:ID`
    Group(Arc<Group>),
    /// `manager:ID`
    Manager(Arc<Manager>),
    /// `manager:last`: who answered this caller last, if still there.
    LastManager,
    /// `ext:101@pbx` or `number:+79160000000@carrier`
    Target(Target),
}
