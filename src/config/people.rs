//! `[[manager]]` and `[[group]]`: who answers.

use std::sync::Arc;

use crate::base::country::Country;
use crate::call::trunk::Trunk;
use crate::config::known::{self, Known};
use crate::config::tracking::number;
use crate::config::walk::{Book, Section, Word};
use crate::route::decision::{Dial, Target};
use crate::route::group::{Group, Manager, Strategy};

/// The trunk on the way gives an unanswered INVITE up after three minutes (timer C, RFC 3261 16.6).
const RING_S_MAX: u32 = 180;

/// Shares are small numbers; a thousand to one is a way to say never.
const WEIGHT_MAX: u32 = 1_000;

/// The longest extension: longer than any number, shorter than a mistake.
const EXTENSION_MAX: usize = 32;

/// Reads every `[[manager]]`.
pub(in crate::config) fn managers(
    sections: Vec<Section<'_, '_>>,
    trunks: &Known<Trunk>,
    country: Option<Country>,
) -> Known<Manager> {
    let mut managers = Known::new("[[manager]]");
    for mut section in sections {
        let book = section.book;
        let id = known::id(&mut section, "id", "\"desk\"").filter(|id| {
            let good = id.text != "last";
            if !good {
                book.error(
                    id.at,
                    "a manager cannot be called \"last\": manager:last is who answered the caller last",
                    "choose another name",
                );
            }
            good
        });
        let label = section.word("label", "\"Mowers desk\"");
        let dial = dial(&mut section, country);
        let trunk = trunk(&mut section, trunks);
        let weight = section.number("weight", 1..=WEIGHT_MAX, "2").unwrap_or(1);
        if let Some(id) = id {
            let manager = dial.zip(trunk).map(|(dial, trunk)| Manager {
                id: id.text.into(),
                label: label.map_or(id.text, |label| label.text).into(),
                target: Target {
                    name: format!("manager:{}", id.text).into(),
                    manager: Some(id.text.into()),
                    dial,
                    trunk,
                },
                weight,
            });
            managers.add(book, id, manager);
        }
        section.finish();
    }
    managers
}

fn dial(section: &mut Section<'_, '_>, country: Option<Country>) -> Option<Dial> {
    let book = section.book;
    let extension_word = section.word("extension", "\"101\"");
    let number_word = section.word("number", "\"+79160000000\"");
    match (section.has("extension"), section.has("number")) {
        (true, true) => {
            book.error(
                section.place("number"),
                "a manager has an `extension` or a `number`, not both",
                "leave one of them out",
            );
            None
        }
        (false, false) => {
            section.missing("extension", "\"101\"");
            None
        }
        (true, false) => extension(book, extension_word?),
        (false, true) => number(book, "number", number_word?, country).map(Dial::Number),
    }
}

/// Reads what is dialled as it stands: it becomes the user of a SIP URI.
pub(in crate::config) fn extension(book: &Book<'_>, word: Word<'_>) -> Option<Dial> {
    let known = |c: char| c.is_ascii_alphanumeric() || "*#+-._".contains(c);
    if word.text.is_empty() || word.text.len() > EXTENSION_MAX || !word.text.chars().all(known) {
        book.error(
            word.at,
            format!("\"{}\" cannot be dialled", word.text),
            "write digits and letters, *, #, +, -, . and _, such as \"101\"",
        );
        return None;
    }
    Some(Dial::Extension(word.text.into()))
}

/// A manager who names no trunk is reached on the only one.
fn trunk(section: &mut Section<'_, '_>, trunks: &Known<Trunk>) -> Option<Arc<str>> {
    match section.word("trunk", "\"pbx\"") {
        Some(id) => trunks.find_id(section.book, id),
        None if section.has("trunk") => None,
        None => {
            if trunks.len() != 1 {
                section.missing("trunk", "\"pbx\"");
            }
            trunks.only().map(|trunk| Arc::clone(&trunk.id))
        }
    }
}

/// Reads every `[[group]]`.
pub(in crate::config) fn groups(
    sections: Vec<Section<'_, '_>>,
    managers: &Known<Manager>,
) -> Known<Group> {
    let mut groups = Known::new("[[group]]");
    for mut section in sections {
        let id = known::id(&mut section, "id", "\"mowers\"");
        let members = members(&mut section, managers);
        let strategy = section.choice("strategy", &strategies());
        let ring_s = ring_s(&mut section);
        if let Some(id) = id {
            let group = members.map(|members| Group {
                id: id.text.into(),
                members,
                strategy: strategy.unwrap_or_default(),
                ring_s,
            });
            groups.add(section.book, id, group);
        }
        section.finish();
    }
    groups
}

fn strategies() -> [(&'static str, Strategy); 6] {
    Strategy::ALL.map(|strategy| (strategy.word(), strategy))
}

fn members(section: &mut Section<'_, '_>, managers: &Known<Manager>) -> Option<Vec<Arc<Manager>>> {
    let sample = "[\"desk\", \"senior\"]";
    let book = section.book;
    let words = section.words("members", sample);
    if words.is_empty() {
        if section.has("members") {
            let at = section.place("members");
            book.absent(
                at,
                "`members` names nobody",
                format!("write members = {sample}"),
            );
        } else {
            section.missing("members", sample);
        }
        return None;
    }
    let mut members: Vec<Arc<Manager>> = Vec::with_capacity(words.len());
    let mut seen: Vec<&str> = Vec::with_capacity(words.len());
    for word in words {
        if seen.contains(&word.text) {
            let message = format!("\"{}\" is a member twice", word.text);
            book.error(
                word.at,
                message,
                "leave one of them out; `weight` gives a larger share",
            );
            continue;
        }
        seen.push(word.text);
        members.extend(managers.find(book, word).cloned());
    }
    (members.len() == seen.len()).then_some(members)
}

/// Reads `ring_s` of a group or a rule.
pub(in crate::config) fn ring_s(section: &mut Section<'_, '_>) -> Option<u32> {
    section.number("ring_s", 1..=RING_S_MAX, "20")
}
