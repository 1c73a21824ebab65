//! The words of a `[[project]]` for what people say of a call: `goals`, `stages`, `outcomes`, `sales`, `tags`.

use std::sync::Arc;

use crate::config::walk::Section;
use crate::track::Labels;
use crate::track::first;

/// Words of one kind: more than a page offers in one list, or a filter can be chosen from.
const WORDS_MAX: usize = 100;

/// Characters of a word: it stands in a cell of a table.
const WORD_MAX: usize = 40;

/// Reads the words; those of a kind that is left out are the defaults.
pub(in crate::config) fn labels(section: &mut Section<'_, '_>) -> Labels {
    let usual = Labels::default();
    let goals = words(section, "goals", "[\"price\", \"order\"]");
    let stages = words(section, "stages", "[\"new\", \"closed\"]");
    let outcomes = words(section, "outcomes", "[\"sold\", \"refused\"]");
    let tags = words(section, "tags", "[\"urgent\", \"wholesale\"]");
    let outcomes = outcomes.unwrap_or(usual.outcomes);
    let sales = sales(section, &outcomes);
    Labels {
        goals: goals.unwrap_or(usual.goals),
        stages: stages.unwrap_or(usual.stages),
        outcomes,
        sales,
        tags: tags.unwrap_or(usual.tags),
    }
}

/// The outcomes that are sales: the first of them, or those that are named.
fn sales(section: &mut Section<'_, '_>, outcomes: &[Arc<str>]) -> Arc<[Arc<str>]> {
    let (book, at) = (section.book, section.place("sales"));
    let Some(sales) = words(section, "sales", "[\"sold\"]") else {
        return first(outcomes);
    };
    for sale in sales.iter().filter(|sale| !outcomes.contains(sale)) {
        book.error(
            at,
            format!("`sales` has \"{sale}\", which is none of the `outcomes`"),
            "add it to `outcomes`, or leave it out here",
        );
    }
    sales
}

/// `None`: left out. An empty list is meant: nothing of this kind is said of a call.
fn words(
    section: &mut Section<'_, '_>,
    key: &'static str,
    sample: &str,
) -> Option<Arc<[Arc<str>]>> {
    let is_written = section.has(key);
    let book = section.book;
    let at = section.place(key);
    let written = section.words(key, sample);
    if written.len() > WORDS_MAX {
        let message = format!("`{key}` has {} words", written.len());
        book.error(
            at,
            message,
            format!("keep to {WORDS_MAX}: people choose from them"),
        );
    }
    let mut words: Vec<Arc<str>> = Vec::with_capacity(written.len().min(WORDS_MAX));
    for word in written.into_iter().take(WORDS_MAX) {
        let text = word.text;
        let ill = text.chars().any(char::is_control) || text.trim() != text || text.contains(',');
        if ill || text.chars().count() > WORD_MAX {
            book.error(
                word.at,
                format!("`{key}` has \"{}\", which is no word for a table", text.escape_default()),
                format!("write at most {WORD_MAX} characters on one line, without commas and spaces around it"),
            );
        } else if words.iter().any(|earlier| **earlier == *text) {
            book.error(
                word.at,
                format!("`{key}` has \"{text}\" twice"),
                "leave one of them out",
            );
        } else {
            words.push(text.into());
        }
    }
    is_written.then(|| words.into())
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes};

    const SHOP: &str = "[[project]]\nid = \"shop\"\n";

    #[test]
    fn a_project_has_words_for_a_call_and_may_have_its_own() {
        let usual = good(SHOP).tracking.project("shop").unwrap().labels.clone();
        let goals: Vec<_> = usual.goals.iter().map(|goal| &**goal).collect();
        assert_eq!(goals, ["price", "problem", "order", "delivery", "advice"]);
        assert!(usual.tags.is_empty() && usual.stages.len() == 4 && usual.outcomes.len() == 5);
        let own = good(&format!(
            "{SHOP}goals = [\"цена\", \"доставка\"]\nstages = []\ntags = \"urgent\"\n"
        ));
        let own = &own.tracking.project("shop").unwrap().labels;
        assert_eq!(
            (&*own.goals[1], own.stages.len(), &*own.tags[0]),
            ("доставка", 0, "urgent")
        );
        assert_eq!(own.outcomes, usual.outcomes);
    }

    #[test]
    fn a_sale_is_the_first_outcome_or_what_the_project_names() {
        let sales = |more: &str| {
            let house = good(&format!("{SHOP}{more}"));
            let labels = &house.tracking.project("shop").unwrap().labels;
            labels
                .sales
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(sales(""), ["sold"]);
        assert_eq!(sales("outcomes = [\"paid\", \"no\"]\n"), ["paid"]);
        assert_eq!(sales("outcomes = []\n"), [""; 0]);
        assert_eq!(
            sales("sales = [\"sold\", \"appointment\"]\n"),
            ["sold", "appointment"]
        );
        assert_eq!(sales("sales = []\n"), [""; 0]);
        assert_eq!(
            mistakes(&format!("{SHOP}sales = [\"paid\"]\n")),
            [
                "3:9: `sales` has \"paid\", which is none of the `outcomes`; add it to `outcomes`, or leave it out here"
            ]
        );
    }

    #[test]
    fn words_that_no_table_can_show_are_told() {
        let long = "x".repeat(41);
        assert_eq!(
            mistakes(&format!("{SHOP}goals = [\"a\", \"a\", \"b,c\", \"d\\ne\"]\noutcomes = \"{long}\"\ntags = 5\n")),
            [
                "3:15: `goals` has \"a\" twice; leave one of them out".to_owned(),
                "3:20: `goals` has \"b,c\", which is no word for a table; write at most 40 characters on one line, without commas and spaces around it".to_owned(),
                "3:27: `goals` has \"d\\ne\", which is no word for a table; write at most 40 characters on one line, without commas and spaces around it".to_owned(),
                format!("4:12: `outcomes` has \"{long}\", which is no word for a table; write at most 40 characters on one line, without commas and spaces around it"),
                "5:8: `tags` is a whole number, not a string or a list of strings; write tags = [\"urgent\", \"wholesale\"]".to_owned(),
            ]
        );
    }
}
