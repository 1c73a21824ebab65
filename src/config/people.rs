//! `[[manager]]` and `[[group]]`: who answers.

use std::sync::Arc;

use crate::base::country::Country;
use crate::call::trunk::Trunk;
use crate::config::book::{Book, Word};
use crate::config::known::{self, Known};
use crate::config::tracking::number;
use crate::config::walk::Section;
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
        let trunks = own_trunks(&mut section, trunks);
        let weight = section.number("weight", 1..=WEIGHT_MAX, "2").unwrap_or(1);
        if let Some(id) = id {
            let manager = dial.zip(trunks).map(|(dial, (trunk, spare))| Manager {
                id: id.text.into(),
                label: label.map_or(id.text, |label| label.text).into(),
                target: Target {
                    name: format!("manager:{}", id.text).into(),
                    manager: Some(id.text.into()),
                    dial,
                    trunk,
                    spare,
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

/// The first trunk to try, and the others.
type InOrder = (Arc<str>, Arc<[Arc<str>]>);

/// A manager who names no trunk is reached on the only one.
fn own_trunks(section: &mut Section<'_, '_>, trunks: &Known<Trunk>) -> Option<InOrder> {
    let book = section.book;
    let words = section.some_words("trunk", "\"pbx\"");
    if !section.has("trunk") {
        if trunks.len() != 1 {
            section.missing("trunk", "\"pbx\"");
        }
        let only = trunks.only()?;
        return Some((Arc::clone(&only.id), Arc::default()));
    }
    let count = words.len();
    let mut found: Vec<Arc<str>> = Vec::with_capacity(count);
    for word in words {
        match trunks.find_id(book, word) {
            Some(id) if found.contains(&id) => {
                let message = format!("trunk \"{id}\" is there twice");
                book.error(word.at, message, "leave one of them out");
            }
            Some(id) => found.push(id),
            None => {}
        }
    }
    let (first, others) = found.split_first()?;
    (found.len() == count).then(|| (Arc::clone(first), others.into()))
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
    let words = section.some_words("members", sample);
    if !section.has("members") {
        section.missing("members", sample);
    }
    if words.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{good, mistakes};

    const TRUNK: &str = "[[trunk]]\nid = \"pbx\"\nhost = \"192.0.2.1\"\n";

    fn found(text: &str) -> Vec<String> {
        mistakes(&format!("{TRUNK}{text}"))
    }

    #[test]
    fn a_manager_without_a_trunk_is_reached_on_the_only_one() {
        let config = good(&format!(
            "{TRUNK}[[manager]]\nid = \"desk\"\nextension = \"101\"\n"
        ));
        let desk = config.routing.manager("desk").unwrap();
        assert_eq!(&*desk.target.trunk, "pbx");
        assert_eq!(&*desk.target.name, "manager:desk");
        assert_eq!(desk.target.dial, Dial::Extension("101".into()));
        assert_eq!((&*desk.label, desk.weight), ("desk", 1));
    }

    #[test]
    fn a_manager_may_be_reached_on_several_trunks_in_their_order() {
        let two = format!("{TRUNK}[[trunk]]\nid = \"gsm\"\nhost = \"192.0.2.2\"\n");
        let with = |trunk: &str| {
            format!("{two}[[manager]]\nid = \"desk\"\nextension = \"1\"\ntrunk = {trunk}\n")
        };
        let config = good(&with("[\"gsm\", \"pbx\"]"));
        let target = &config.routing.manager("desk").unwrap().target;
        assert_eq!(
            (&*target.trunk, &*target.spare),
            ("gsm", &["pbx".into()][..])
        );
        assert_eq!(
            mistakes(&with("[\"gsm\", \"gsm\", \"isdn\"]")),
            [
                "10:17: trunk \"gsm\" is there twice; leave one of them out",
                "10:24: there is no [[trunk]] \"isdn\"; there are: pbx, gsm",
            ]
        );
        assert_eq!(
            mistakes(&with("[]")),
            ["10:9: `trunk` is an empty list; write trunk = \"pbx\", or leave the key out"]
        );
    }

    #[test]
    fn a_manager_has_one_thing_to_dial() {
        assert_eq!(
            found(
                "[[manager]]\nid = \"a\"\nextension = \"1\"\nnumber = \"+79160000000\"\n[[manager]]\nid = \"b\"\n[[manager]]\nid = \"c\"\nextension = \"1 2\"\n[[manager]]\nid = \"d\"\nnumber = \"12\"\n"
            ),
            [
                "7:10: a manager has an `extension` or a `number`, not both; leave one of them out",
                "8:1: [[manager]] has no `extension`; add extension = \"101\"",
                "12:13: \"1 2\" cannot be dialled; write digits and letters, *, #, +, -, . and _, such as \"101\"",
                "15:10: `number` has \"12\", which is no telephone number; write it with plus and country code, such as \"+74950000001\"",
            ]
        );
    }

    #[test]
    fn a_trunk_or_a_member_that_is_not_there_is_named_once() {
        assert_eq!(
            found(
                "[[manager]]\nid = \"desk\"\nextension = \"1\"\ntrunk = \"pbxx\"\n[[group]]\nid = \"g\"\nmembers = [\"desk\", \"dask\"]\n[[group]]\nid = \"h\"\nmembers = []\n[[group]]\nid = \"i\"\n"
            ),
            [
                "7:9: there is no [[trunk]] \"pbxx\"; did you mean `pbx`?",
                "10:20: there is no [[manager]] \"dask\"; did you mean `desk`?",
                "13:11: `members` is an empty list; write members = [\"desk\", \"senior\"], or leave the key out",
                "14:1: [[group]] has no `members`; add members = [\"desk\", \"senior\"]",
            ]
        );
    }

    #[test]
    fn a_group_rings_in_order_unless_it_says() {
        let text = format!(
            "{TRUNK}[[manager]]\nid = \"desk\"\nextension = \"1\"\n[[group]]\nid = \"g\"\nmembers = \"desk\"\n"
        );
        assert_eq!(good(&text).routing.groups()[0].strategy, Strategy::InOrder);
        assert_eq!(
            mistakes(&format!("{text}strategy = \"roundrobin\"\nring_s = 600\n")),
            [
                "10:12: `strategy` cannot be \"roundrobin\"; did you mean `round-robin`?",
                "11:10: `ring_s` is 600, outside 1 to 180; write a number from 1 to 180, such as 20",
            ]
        );
    }

    #[test]
    fn a_member_is_named_once_and_a_manager_is_not_called_last() {
        assert_eq!(
            found(
                "[[manager]]\nid = \"last\"\nextension = \"1\"\n[[manager]]\nid = \"a\"\nextension = \"2\"\nweight = 0\n[[group]]\nid = \"g\"\nmembers = [\"a\", \"a\"]\n"
            ),
            [
                "5:6: a manager cannot be called \"last\": manager:last is who answered the caller last; choose another name",
                "10:10: `weight` is 0, outside 1 to 1000; write a number from 1 to 1000, such as 2",
                "13:17: \"a\" is a member twice; leave one of them out; `weight` gives a larger share",
            ]
        );
    }
}
