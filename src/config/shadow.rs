//! What the rules leave undone together: rules that can never win, sources that no rule is for, hours without a zone.
//!
//! A rule is told by the virtual numbers that its project, source, category and number conditions leave to it, and by
//! its other conditions. It can never win when each of its numbers is taken by an earlier rule that asks no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::number::Number;
use crate::config::book::Book;
use crate::config::known::Known;
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
            let take = if takers.len() == 1 { "takes" } else { "take" };
            book.warn(
                line.at,
                format!(
                    "rule \"{}\" can never win: {} {take} its calls",
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

#[cfg(test)]
mod tests {
    use crate::config::trial::{OFFICE, office_notes};

    /// Notes on rules, each with its conditions, in a file where the first rule stands in line 1.
    fn notes(rules: &[&str]) -> Vec<String> {
        let names = ["one", "two", "three"];
        let text: String = names
            .iter()
            .zip(rules)
            .map(|(name, rule)| {
                format!("[[rule]]\nid = \"{name}\"\n{rule}\nto = \"manager:desk\"\n")
            })
            .collect();
        let offset = OFFICE.lines().count();
        let relative = |note: String| {
            let mut parts = note.split("in line ");
            let first = parts.next().unwrap().to_owned();
            parts.fold(first, |shown, part| {
                let digits = part.find(' ').unwrap();
                let line: usize = part[..digits].parse().unwrap();
                format!("{shown}in line {}{}", line - offset, &part[digits..])
            })
        };
        office_notes(&text).into_iter().map(relative).collect()
    }

    const REMEDY: &str = "put it before that rule, or leave it out";

    #[test]
    fn a_rule_behind_one_without_conditions_can_never_win() {
        assert_eq!(
            notes(&["", "category = \"mowers\""]),
            [format!(
                "6:6: warning: rule \"two\" can never win: \"one\" in line 2 takes its calls; {REMEDY}"
            )]
        );
    }

    #[test]
    fn a_source_lies_within_its_category_and_its_project() {
        assert_eq!(
            notes(&["category = \"mowers\"", "source = \"direct\"", ""]),
            [format!(
                "6:6: warning: rule \"two\" can never win: \"one\" in line 2 takes its calls; {REMEDY}"
            )]
        );
        assert_eq!(
            notes(&[
                "source = \"direct\"\nrepeat = true",
                "category = \"mowers\"",
                ""
            ]),
            [""; 0]
        );
    }

    #[test]
    fn two_rules_can_take_the_calls_of_a_third() {
        let found = notes(&["source = \"direct\"", "source = \"billboard\"", ""]);
        let takers = "\"one\" in line 2 and \"two\" in line 6 take its calls";
        assert_eq!(
            found,
            [format!(
                "10:6: warning: rule \"three\" can never win: {takers}; {REMEDY}"
            )]
        );
    }

    #[test]
    fn wider_hours_callers_and_trunks_take_narrower_ones() {
        for (wide, narrow) in [
            (
                "hours = \"Mon-Fri 09:00-18:00\"",
                "hours = [\"Tue 10:00-12:00\", \"Fri 17:00-18:00\"]",
            ),
            (
                "caller = \"+7*\"",
                "caller = [\"+7800*\", \"+74951234567\"]",
            ),
            ("trunk = [\"carrier\", \"pbx\"]", "trunk = \"pbx\""),
            (
                "repeat = false",
                "repeat = false\nhours = \"Mon 10:00-11:00\"",
            ),
            (
                "number = [\"+74950000001\", \"+74950000002\"]",
                "number = \"+74950000002\"",
            ),
        ] {
            let found = notes(&[wide, narrow, ""]);
            assert_eq!(found.len(), 1, "{wide} / {narrow}: {found:?}");
            assert_eq!(notes(&[narrow, wide, ""]), [""; 0], "{narrow} / {wide}");
        }
    }

    #[test]
    fn a_rule_whose_conditions_exclude_each_other_can_never_win() {
        assert_eq!(
            notes(&["source = \"direct\"\ncategory = \"general\"", ""]),
            [
                "2:6: warning: rule \"one\" can never win: no virtual number meets its conditions; change its project, source, category or number"
            ]
        );
    }

    #[test]
    fn a_number_that_no_rule_is_for_is_told_at_its_source() {
        let found = notes(&["source = \"billboard\""]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("office ")
                && found[0].contains(
                    "warning: no rule is for calls to +74950000001, so all of them are missed"
                ),
            "{found:?}"
        );
    }

    #[test]
    fn by_rule_without_such_a_rule_records_nothing() {
        let found = office_notes(
            "[recordings]\nwhen = \"by-rule\"\n[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n",
        );
        assert_eq!(
            found,
            [
                "4:6: warning: no rule says record = true, and [recordings] says when = \"by-rule\": nothing is recorded; add record = true to a rule"
            ]
        );
    }
}
