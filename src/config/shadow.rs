//! What the rules leave undone together: rules that can never win, sources that no rule is for, hours without a zone.
//!
//! A rule is told by the virtual numbers that its project, source, category and number conditions leave to it, and by
//! its other conditions. It can never win when each of its numbers is taken by an earlier rule that asks no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::number::Number;
use crate::config::known::Known;
use crate::config::walk::Book;
use crate::recording::settings::When;
use crate::route::rule::{Conditions, Rule};
use crate::track::Source;

/// So many earlier rules are named in a warning.
const NAMED_MAX: usize = 3;

/// Notes rules that can never win, and sources whose calls no rule takes.
pub(in crate::config) fn check(
    book: &Book<'_>,
    rules: &Known<Rule>,
    sources: &Known<Source>,
    recordings: When,
) {
    let sources: Vec<_> = sources.meanings().collect();
    let numbers = sources.iter().any(|(source, _)| !source.numbers.is_empty());
    if !numbers {
        let at = sources.first().map_or(0, |(_, at)| *at);
        let remedy = "add a [[source]] with numbers = [\"+7…\"]";
        book.warn(
            at,
            "there is no virtual number, so every call is refused",
            remedy,
        );
        return;
    }
    let rules: Vec<_> = rules
        .meanings()
        .map(|(rule, at)| Line {
            numbers: numbers_of(&rule.when, &sources),
            rule,
            at,
        })
        .collect();
    never_win(book, &rules);
    for (source, at) in &sources {
        let taken = |number: &Number| rules.iter().any(|line| line.numbers.contains(number));
        if let Some(number) = source.numbers.iter().find(|number| !taken(number)) {
            book.warn(
                *at,
                format!("no rule is for calls to {number}, so all of them are missed"),
                "add a [[rule]], at best a last one without conditions",
            );
        }
    }
    let records = rules.iter().any(|line| line.rule.record == Some(true));
    if recordings == When::ByRule && !records {
        let at = rules.first().map_or(0, |line| line.at);
        book.warn(
            at,
            "no rule says record = true, and [recordings] says when = \"by-rule\": nothing is recorded",
            "add record = true to a rule",
        );
    }
}

/// A rule with the virtual numbers that are left to it.
struct Line<'a> {
    rule: &'a Arc<Rule>,
    at: usize,
    numbers: BTreeSet<Number>,
}

fn never_win(book: &Book<'_>, rules: &[Line<'_>]) {
    for (place, line) in rules.iter().enumerate() {
        if line.numbers.is_empty() {
            book.warn(
                line.at,
                format!(
                    "rule \"{}\" can never win: no virtual number meets its conditions",
                    line.rule.id
                ),
                "change its project, source, category or number",
            );
            continue;
        }
        let mut left = line.numbers.clone();
        let mut takers = Vec::new();
        for earlier in rules.iter().take(place) {
            if asks_no_more(&earlier.rule.when, &line.rule.when)
                && !left.is_disjoint(&earlier.numbers)
            {
                left.retain(|number| !earlier.numbers.contains(number));
                takers.push(format!(
                    "\"{}\" in line {}",
                    earlier.rule.id,
                    book.line(earlier.at)
                ));
            }
        }
        if left.is_empty() {
            takers.truncate(NAMED_MAX);
            book.warn(
                line.at,
                format!(
                    "rule \"{}\" can never win: {} takes its calls",
                    line.rule.id,
                    takers.join(" and ")
                ),
                "put it before that rule, or leave it out",
            );
        }
    }
}

/// The virtual numbers whose calls may meet the conditions on project, source, category and number.
fn numbers_of(when: &Conditions, sources: &[(&Arc<Source>, usize)]) -> BTreeSet<Number> {
    let meets = |source: &Source| {
        let category = source.category.as_ref();
        (when.project.is_empty() || when.project.contains(&source.project.id))
            && (when.source.is_empty() || when.source.contains(&source.tag))
            && (when.category.is_empty()
                || category.is_some_and(|category| when.category.contains(category)))
    };
    sources
        .iter()
        .filter(|(source, _)| meets(source))
        .flat_map(|(source, _)| source.numbers.iter().copied())
        .filter(|number| when.number.is_empty() || when.number.contains(number))
        .collect()
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
