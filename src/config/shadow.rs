//! What the rules leave undone together: rules that can never win, sources that no rule is for, hours without a zone.

use crate::base::number::Number;
use crate::config::book::Book;
use crate::config::known::Known;
use crate::recording::settings::When;
use crate::route::rule::Rule;
use crate::route::shadow::{Never, Reach, never};
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
    let places: Vec<usize> = rules.meanings().map(|(_, at)| at).collect();
    let reaches: Vec<_> = rules
        .meanings()
        .map(|(rule, _)| Reach::new(rule, sources.iter().map(|(source, _)| &***source)))
        .collect();
    for (place, at) in places.iter().enumerate() {
        if let Some(why) = never(&reaches, place) {
            never_wins(book, &reaches, &places, (place, *at), &why);
        }
    }
    for (source, at) in &sources {
        let taken = |number: &Number| reaches.iter().any(|reach| reach.numbers.contains(number));
        if let Some(number) = source.numbers.iter().find(|number| !taken(number)) {
            book.warn(
                *at,
                format!("no rule is for calls to {number}, so all of them are missed"),
                "add a [[rule]], at best a last one without conditions",
            );
        }
    }
    let records = reaches.iter().any(|reach| reach.rule.record == Some(true));
    if recordings == When::ByRule && !records {
        let at = places.first().copied().unwrap_or(0);
        book.warn(
            at,
            "no rule says record = true, and [recordings] says when = \"by-rule\": nothing is recorded",
            "add record = true to a rule",
        );
    }
}

fn never_wins(
    book: &Book<'_>,
    rules: &[Reach<'_>],
    places: &[usize],
    (place, at): (usize, usize),
    why: &Never,
) {
    let id = rules.get(place).map_or("", |reach| &*reach.rule.id);
    let (why, remedy) = match why {
        Never::NoNumber => (
            "no virtual number meets its conditions".to_owned(),
            "change its project, source, category or number",
        ),
        Never::Taken(takers) => {
            let named = takers.iter().take(NAMED_MAX).filter_map(|taker| {
                let rule = &rules.get(*taker)?.rule.id;
                let line = book.line(*places.get(*taker)?);
                Some(format!("\"{rule}\" in line {line}"))
            });
            let named: Vec<_> = named.collect();
            let take = if named.len() == 1 { "takes" } else { "take" };
            (
                format!("{} {take} its calls", named.join(" and ")),
                "put it before that rule, or leave it out",
            )
        }
    };
    book.warn(at, format!("rule \"{id}\" can never win: {why}"), remedy);
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
