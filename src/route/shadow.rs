//! Rules that can never win. A rule is told by the virtual numbers that its project, source, category and number conditions
//! leave to it, and by its other conditions: it can never win when each of its numbers is taken by an earlier rule that asks
//! no more.

use std::collections::BTreeSet;

use crate::base::number::Number;
use crate::route::rule::{Conditions, Rule};
use crate::track::Source;

/// A rule with the virtual numbers that are left to it.
#[derive(Clone, Debug)]
pub struct Reach<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Numbers whose calls may meet its conditions on project, source, category and number.
    pub numbers: BTreeSet<Number>,
}

/// Why a rule can never win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// No virtual number meets its conditions.
    NoNumber,
    /// These earlier rules, by their places, take its calls.
    Taken(Vec<usize>),
}

impl<'a> Reach<'a> {
    /// Finds the numbers that `sources` leave to `rule`.
    pub fn new(rule: &'a Rule, sources: impl Iterator<Item = &'a Source>) -> Self {
        let when = &rule.when;
        let numbers = sources
            .filter(|source| meets(when, source))
            .flat_map(|source| source.numbers.iter().copied())
            .filter(|number| when.number.is_empty() || when.number.contains(number))
            .collect();
        Self { rule, numbers }
    }
}

/// Why the rule at `place` can never win; `None`: it may, as far as can be told without trying.
pub fn never(rules: &[Reach<'_>], place: usize) -> Option<Never> {
    let own = rules.get(place)?;
    if own.numbers.is_empty() {
        return Some(Never::NoNumber);
    }
    let mut left = own.numbers.clone();
    let mut takers = Vec::new();
    for (at, earlier) in rules.iter().enumerate().take(place) {
        if asks_no_more(&earlier.rule.when, &own.rule.when) && !left.is_disjoint(&earlier.numbers) {
            left.retain(|number| !earlier.numbers.contains(number));
            takers.push(at);
        }
    }
    left.is_empty().then_some(Never::Taken(takers))
}

fn meets(when: &Conditions, source: &Source) -> bool {
    let category = source.category.as_ref();
    (when.project.is_empty() || when.project.contains(&source.project.id))
        && (when.source.is_empty() || when.source.contains(&source.tag))
        && (when.category.is_empty()
            || category.is_some_and(|category| when.category.contains(category)))
}

/// Whether every call that meets `theirs` meets `mine`, the virtual number left aside.
fn asks_no_more(mine: &Conditions, theirs: &Conditions) -> bool {
    let caller = mine.caller.is_empty()
        || !theirs.caller.is_empty()
            && theirs
                .caller
                .iter()
                .all(|wanted| mine.caller.iter().any(|own| own.covers(wanted)));
    let hours = match (&mine.hours, &theirs.hours) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(mine), Some(theirs)) => mine.cover(theirs),
    };
    let repeat = mine.repeat.is_none() || mine.repeat == theirs.repeat;
    let trunk = mine.trunk.is_empty()
        || !theirs.trunk.is_empty() && theirs.trunk.iter().all(|id| mine.trunk.contains(id));
    caller && hours && repeat && trunk
}
