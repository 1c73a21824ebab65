//! `[[rule]]`: conditions and what is done when they hold.

use std::sync::Arc;

use crate::base::country::Country;
use crate::base::number::Number;
use crate::call::trunk::Trunk;
use crate::config::book::{Book, Word, suggestion};
use crate::config::known::{self, Known};
use crate::config::people::{extension, ring_s};
use crate::config::tracking::{Sources, number};
use crate::config::walk::Section;
use crate::recording::settings::When;
use crate::route::caller::CallerPattern;
use crate::route::decision::{Dial, Target};
use crate::route::group::{Group, Manager};
use crate::route::hours::{Hours, Span};
use crate::route::rule::{Action, Aim, Conditions, Rule};
use crate::track::Project;

/// A final answer that refuses (RFC 3261 21.4 to 21.6).
const REJECT_MIN: u32 = 400;
const REJECT_MAX: u32 = 699;

const SAMPLE_TO: &str = "[\"group:mowers\", \"manager:mobile\"]";

/// What rules may name.
pub(in crate::config) struct Names<'a> {
    pub(in crate::config) trunks: &'a Known<Trunk>,
    pub(in crate::config) projects: &'a Known<Project>,
    pub(in crate::config) sources: &'a Sources,
    pub(in crate::config) managers: &'a Known<Manager>,
    pub(in crate::config) groups: &'a Known<Group>,
    pub(in crate::config) country: Option<Country>,
    pub(in crate::config) recordings: When,
}

/// Reads every `[[rule]]`.
pub(in crate::config) fn rules(sections: Vec<Section<'_, '_>>, names: &Names<'_>) -> Known<Rule> {
    let mut rules = Known::new("[[rule]]");
    for mut section in sections {
        let id = known::id(&mut section, "id", "\"mowers in working hours\"");
        let when = conditions(&mut section, names);
        let action = action(&mut section, names);
        let ring_s = ring_s(&mut section);
        let record = section.flag("record");
        check_extras(&section, action.as_ref(), record, names);
        if let Some(id) = id {
            let rule = when.zip(action).map(|(when, action)| Rule {
                id: id.text.into(),
                when,
                action,
                ring_s,
                record,
            });
            rules.add(section.book, id, rule);
        }
        section.finish();
    }
    rules
}

/// Notes what a rule says in vain.
fn check_extras(
    section: &Section<'_, '_>,
    action: Option<&Action>,
    record: Option<bool>,
    names: &Names<'_>,
) {
    let book = section.book;
    if let Some(Action::Reject(_)) = action {
        for key in ["ring_s", "record"] {
            if section.has(key) {
                book.warn(
                    section.place(key),
                    format!("`{key}` means nothing in a rule that rejects"),
                    "leave it out",
                );
            }
        }
        return;
    }
    if record == Some(true) && names.recordings == When::None {
        book.warn(
            section.place("record"),
            "nothing is recorded, because [recordings] says when = \"none\"",
            "write when = \"by-rule\" there, or leave `record` out",
        );
    }
}

/// `None` when any condition has a mistake: a rule that lost a condition would win calls it is not meant for.
fn conditions(section: &mut Section<'_, '_>, names: &Names<'_>) -> Option<Conditions> {
    let book = section.book;
    let project = all(section.some_words("project", "\"shop\""), |word| {
        names.projects.find_id(book, word)
    });
    let source = all(section.some_words("source", "\"billboard\""), |word| {
        names.sources.known.find_id(book, word)
    });
    let category = all(section.some_words("category", "\"general\""), |word| {
        category(book, word, names.sources)
    });
    let virtual_numbers = all(section.some_words("number", "\"+74950000001\""), |word| {
        virtual_number(book, word, names)
    });
    let caller = all(section.some_words("caller", "\"+7800*\""), |word| {
        caller(book, word, names.country)
    });
    let hours = all(
        section.some_words("hours", "\"Mon-Fri 09:00-18:00\""),
        |word| span(book, word),
    );
    let repeat = section.flags("repeat");
    let trunk = all(section.some_words("trunk", "\"carrier\""), |word| {
        names.trunks.find_id(book, word)
    });
    let hours = hours?;
    Some(Conditions {
        project: project?,
        source: source?,
        category: category?,
        number: virtual_numbers?,
        caller: caller?,
        hours: (!hours.is_empty()).then(|| Hours::new(hours)),
        repeat: match repeat.as_slice() {
            [first, rest @ ..] if rest.iter().all(|flag| flag == first) => Some(*first),
            _ => None,
        },
        trunk: trunk?,
    })
}

/// Reads every word, so that every mistake is noted; `None` when there was one.
fn all<T>(words: Vec<Word<'_>>, read: impl FnMut(Word<'_>) -> Option<T>) -> Option<Vec<T>> {
    let count = words.len();
    let read: Vec<T> = words.into_iter().filter_map(read).collect();
    (read.len() == count).then_some(read)
}

fn category(book: &Book<'_>, word: Word<'_>, sources: &Sources) -> Option<Arc<str>> {
    let found = sources
        .categories
        .iter()
        .find(|known| ***known == *word.text);
    if found.is_none() {
        let known: Vec<_> = sources.categories.iter().map(|known| &**known).collect();
        book.absent(
            word.at,
            format!("no [[source]] has the category \"{}\"", word.text),
            suggestion(word.text, &known),
        );
    }
    found.cloned()
}

fn virtual_number(book: &Book<'_>, word: Word<'_>, names: &Names<'_>) -> Option<Number> {
    let number = number(book, "number", word, names.country)?;
    let known = names.sources.numbers.contains(&number);
    if !known {
        book.absent(
            word.at,
            format!("no [[source]] has the number {number}"),
            "add it to the numbers of a source; `number` is the virtual number, `caller` who calls",
        );
    }
    known.then_some(number)
}

fn caller(book: &Book<'_>, word: Word<'_>, country: Option<Country>) -> Option<CallerPattern> {
    let pattern = CallerPattern::read(word.text, &country?);
    match &pattern {
        None => book.error(
            word.at,
            format!(
                "`caller` has \"{}\", where a * stands before the end",
                word.text
            ),
            "write a whole number, a beginning with one * at its end, or \"anonymous\"",
        ),
        // Longer than extensions are: somebody left the country code out.
        Some(CallerPattern::Prefix(prefix))
            if prefix.len() > 4 && prefix.chars().all(|c| c.is_ascii_digit()) =>
        {
            book.warn(
                word.at,
                format!(
                    "\"{}\" meets no telephone number, because they begin with a plus",
                    word.text
                ),
                "write the beginning with plus and country code, such as \"+7800*\"",
            );
        }
        Some(
            CallerPattern::Prefix(_)
            | CallerPattern::Number(_)
            | CallerPattern::Other(_)
            | CallerPattern::Anonymous,
        ) => {}
    }
    pattern
}

fn span(book: &Book<'_>, word: Word<'_>) -> Option<Span> {
    Span::read(word.text)
        .inspect_err(|why| {
            book.error(
                word.at,
                format!("`hours` has \"{}\": {why}", word.text),
                "write days and times, such as \"Mon-Fri 09:00-18:00\" or \"22:00-06:00\"",
            );
        })
        .ok()
}

fn action(section: &mut Section<'_, '_>, names: &Names<'_>) -> Option<Action> {
    let words = section.some_words("to", SAMPLE_TO);
    let reject = section.number("reject", REJECT_MIN..=REJECT_MAX, "603");
    let book = section.book;
    match (section.has("to"), section.has("reject")) {
        (true, true) => {
            book.error(
                section.place("reject"),
                "a rule has `to` or `reject`, not both",
                "leave one of them out",
            );
            // Whichever is left out: the mistakes in the other are told now.
            to(section, words, names)?;
            None
        }
        (false, true) => {
            let status = reject.and_then(|status| u16::try_from(status).ok());
            status.map(Action::Reject)
        }
        (false, false) => {
            book.absent(
                section.at,
                "[[rule]] has neither `to` nor `reject`",
                format!("add to = {SAMPLE_TO} or reject = 603"),
            );
            None
        }
        (true, false) => to(section, words, names).map(Action::To),
    }
}

fn to(section: &Section<'_, '_>, words: Vec<Word<'_>>, names: &Names<'_>) -> Option<Vec<Aim>> {
    let book = section.book;
    let at = section.place("to");
    if words.is_empty() {
        return None;
    }
    let mut seen: Vec<&str> = Vec::with_capacity(words.len());
    for word in &words {
        if seen.contains(&word.text) {
            book.warn(
                word.at,
                format!(
                    "\"{}\" is there twice, and a target is tried once a call",
                    word.text
                ),
                "leave one of them out",
            );
        }
        seen.push(word.text);
    }
    let aims = all(words, |word| aim(book, word, names))?;
    if aims.iter().all(|aim| *aim == Aim::LastManager) {
        book.warn(
            at,
            "nobody rings for a caller whom nobody answered before",
            "name somebody after \"manager:last\"",
        );
    }
    Some(aims)
}

fn aim(book: &Book<'_>, word: Word<'_>, names: &Names<'_>) -> Option<Aim> {
    let (kind, rest) = word.text.split_once(':').unwrap_or((word.text, ""));
    let rest = Word {
        text: rest,
        at: word.at,
    };
    match kind {
        "group" => names.groups.find(book, rest).cloned().map(Aim::Group),
        "manager" if rest.text == "last" => Some(Aim::LastManager),
        "manager" => names.managers.find(book, rest).cloned().map(Aim::Manager),
        "ext" | "number" => {
            let Some((dialled, trunk)) = rest.text.rsplit_once('@') else {
                book.error(
                    word.at,
                    format!("\"{}\" names no trunk", word.text),
                    format!("write \"{}@\" and the id of a trunk", word.text),
                );
                return None;
            };
            let part = |text| Word { text, at: word.at };
            let dial = if kind == "ext" {
                extension(book, part(dialled))
            } else {
                number(book, "to", part(dialled), names.country).map(Dial::Number)
            };
            let trunk = names.trunks.find_id(book, part(trunk));
            Some(Aim::Target(target(dial?, trunk?)))
        }
        _ => {
            book.error(
                word.at,
                format!("\"{}\" is no target", word.text),
                "write group:ID, manager:ID, manager:last, ext:101@TRUNK or number:+7…@TRUNK",
            );
            None
        }
    }
}

fn target(dial: Dial, trunk: Arc<str>) -> Target {
    let name = match &dial {
        Dial::Extension(extension) => format!("ext:{extension}@{trunk}"),
        Dial::Number(number) => format!("number:{number}@{trunk}"),
    };
    Target {
        name: name.into(),
        manager: None,
        dial,
        trunk,
        spare: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{OFFICE, good, office_notes};

    fn rule(text: &str) -> Rule {
        let config = good(&format!("{OFFICE}[[rule]]\nid = \"r\"\n{text}"));
        config.routing.rules()[0].clone()
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mut notes = office_notes(&format!("[[rule]]\nid = \"r\"\n{text}"));
        notes.retain(|note| !note.contains(" warning: "));
        notes
    }

    #[test]
    fn every_condition_is_a_value_or_a_list() {
        let one = rule(
            "project = \"shop\"\nsource = \"direct\"\ncategory = \"mowers\"\nnumber = \"+74950000001\"\ncaller = \"+7800*\"\nhours = \"Mon-Fri 09:00-18:00\"\nrepeat = true\ntrunk = \"carrier\"\nto = \"manager:desk\"\n",
        );
        let list = rule(
            "project = [\"shop\"]\nsource = [\"direct\"]\ncategory = [\"mowers\"]\nnumber = [\"+74950000001\"]\ncaller = [\"+7800*\"]\nhours = [\"Mon-Fri 09:00-18:00\"]\nrepeat = [true]\ntrunk = [\"carrier\"]\nto = [\"manager:desk\"]\n",
        );
        assert_eq!(one, list);
        assert_eq!(one.when.repeat, Some(true));
        assert_eq!(
            rule("repeat = [true, false]\nto = \"manager:desk\"\n")
                .when
                .repeat,
            None
        );
    }

    #[test]
    fn every_kind_of_target_is_read() {
        let read = rule(
            "to = [\"group:sales\", \"manager:desk\", \"manager:last\", \"ext:205@pbx\", \"number:8 916 000-00-01@carrier\"]\nring_s = 12\nrecord = false\n",
        );
        let Action::To(aims) = &read.action else {
            panic!("{:?}", read.action);
        };
        let names: Vec<_> = aims
            .iter()
            .map(|aim| match aim {
                Aim::Group(group) => format!("group:{}", group.id),
                Aim::Manager(manager) => manager.target.name.to_string(),
                Aim::LastManager => "last".to_owned(),
                Aim::Target(target) => target.name.to_string(),
            })
            .collect();
        assert_eq!(
            names,
            [
                "group:sales",
                "manager:desk",
                "last",
                "ext:205@pbx",
                "number:+79160000001@carrier"
            ]
        );
        assert_eq!((read.ring_s, read.record), (Some(12), Some(false)));
    }

    #[test]
    fn references_that_lead_nowhere_are_all_told_with_what_was_meant() {
        assert_eq!(
            mistakes(
                "project = \"shpo\"\nsource = \"billbord\"\ncategory = [\"mowers\", \"mover\"]\nnumber = \"+74950000009\"\ntrunk = \"carier\"\nto = [\"group:sale\", \"manager:desc\", \"ext:1@pxb\", \"number:+79160000001@carier\"]\n"
            ),
            [
                "3:11: there is no [[project]] \"shpo\"; did you mean `shop`?",
                "4:10: there is no [[source]] \"billbord\"; did you mean `billboard`?",
                "5:23: no [[source]] has the category \"mover\"; did you mean `mowers`?",
                "6:10: no [[source]] has the number +74950000009; add it to the numbers of a source; `number` is the virtual number, `caller` who calls",
                "7:9: there is no [[trunk]] \"carier\"; did you mean `carrier`?",
                "8:7: there is no [[group]] \"sale\"; did you mean `sales`?",
                "8:21: there is no [[manager]] \"desc\"; did you mean `desk`?",
                "8:37: there is no [[trunk]] \"pxb\"; did you mean `pbx`?",
                "8:50: there is no [[trunk]] \"carier\"; did you mean `carrier`?",
            ]
        );
    }

    #[test]
    fn impossible_hours_say_which_part_is_wrong() {
        let remedy = "write days and times, such as \"Mon-Fri 09:00-18:00\" or \"22:00-06:00\"";
        assert_eq!(
            mistakes(
                "hours = [\"Mo-Fr 09:00-18:00\", \"Mon 25:00-26:00\", \"Mon 09:00-09:00\",\n  \"Mon 9-18\", \"Mon 09:00-18:00 UTC\", \"09:60-10:00\"]\nto = \"manager:desk\"\n"
            ),
            [
                format!(
                    "3:10: `hours` has \"Mo-Fr 09:00-18:00\": `Mo` is no day of the week; {remedy}"
                ),
                format!(
                    "3:31: `hours` has \"Mon 25:00-26:00\": `25:00` is no time of day; {remedy}"
                ),
                format!(
                    "3:50: `hours` has \"Mon 09:00-09:00\": it begins and ends at 09:00; {remedy}"
                ),
                format!(
                    "4:3: `hours` has \"Mon 9-18\": `Mon 9-18` is no days with a span of time; {remedy}"
                ),
                format!(
                    "4:15: `hours` has \"Mon 09:00-18:00 UTC\": `Mon 09:00-18:00 UTC` is no days with a span of time; {remedy}"
                ),
                format!("4:38: `hours` has \"09:60-10:00\": `09:60` is no time of day; {remedy}"),
            ]
        );
    }

    #[test]
    fn a_rule_does_one_thing() {
        assert_eq!(
            mistakes(""),
            [
                "1:1: [[rule]] has neither `to` nor `reject`; add to = [\"group:mowers\", \"manager:mobile\"] or reject = 603"
            ]
        );
        assert_eq!(
            mistakes("to = \"manager:desk\"\nreject = 603\n"),
            ["4:10: a rule has `to` or `reject`, not both; leave one of them out"]
        );
        assert_eq!(
            mistakes("to = \"desk\"\nreject = 603\n").len(),
            2,
            "what is wrong with the targets is told at once"
        );
        assert_eq!(
            mistakes("reject = 200\n"),
            [
                "3:10: `reject` is 200, outside 400 to 699; write a number from 400 to 699, such as 603"
            ]
        );
        assert_eq!(
            mistakes("to = []\n"),
            [
                "3:6: `to` is an empty list; write to = [\"group:mowers\", \"manager:mobile\"], or leave the key out"
            ]
        );
    }

    #[test]
    fn what_is_no_target_and_no_caller_is_told() {
        assert_eq!(
            mistakes(
                "caller = [\"+7*9\", \"anonymous\"]\nto = [\"desk\", \"ext:101\", \"number:abc@pbx\"]\n"
            ),
            [
                "3:11: `caller` has \"+7*9\", where a * stands before the end; write a whole number, a beginning with one * at its end, or \"anonymous\"",
                "4:7: \"desk\" is no target; write group:ID, manager:ID, manager:last, ext:101@TRUNK or number:+7…@TRUNK",
                "4:15: \"ext:101\" names no trunk; write \"ext:101@\" and the id of a trunk",
                "4:26: `to` has \"abc\", which is no telephone number; write it with plus and country code, such as \"+74950000001\"",
            ]
        );
    }

    #[test]
    fn an_empty_condition_is_a_mistake_and_no_rule_for_everybody() {
        assert_eq!(
            mistakes("category = []\nto = \"manager:desk\"\n"),
            [
                "3:12: `category` is an empty list; write category = \"general\", or leave the key out"
            ]
        );
    }

    #[test]
    fn what_is_said_in_vain_is_a_warning() {
        let found = office_notes("[[rule]]\nid = \"r\"\nreject = 603\nring_s = 5\n");
        assert_eq!(
            found,
            ["4:10: warning: `ring_s` means nothing in a rule that rejects; leave it out"]
        );
        let found = office_notes(
            "[recordings]\nwhen = \"none\"\n[[rule]]\nid = \"r\"\nto = \"manager:last\"\nrecord = true\n[[rule]]\nid = \"s\"\nto = [\"manager:desk\", \"manager:desk\"]\ncaller = \"8800555*\"\n",
        );
        assert_eq!(
            found[..5],
            [
                "5:6: warning: nobody rings for a caller whom nobody answered before; name somebody after \"manager:last\"",
                "6:10: warning: nothing is recorded, because [recordings] says when = \"none\"; write when = \"by-rule\" there, or leave `record` out",
                "8:6: warning: rule \"s\" can never win: \"r\" in line 33 takes its calls; put it before that rule, or leave it out",
                "9:23: warning: \"manager:desk\" is there twice, and a target is tried once a call; leave one of them out",
                "10:10: warning: \"8800555*\" meets no telephone number, because they begin with a plus; write the beginning with plus and country code, such as \"+7800*\"",
            ]
        );
    }
}
