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
mod tests;
