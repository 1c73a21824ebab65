//! The player of a call's page: `player.html`, which the page includes with `frame` and `player` at hand, and
//! `assets/player.js`, which takes what it needs from the attributes there.

use crate::web::figures::clock;
use crate::web::words::{Language, Words};

/// A recording as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Where its sound is.
    pub sound: String,
    /// Where its peaks are.
    pub peaks: String,
    /// Where notes are pinned and taken off.
    pub notes_path: String,
    /// How long it is; of one that grows, so far.
    pub length_ms: u64,
    /// The same as clocks write it.
    pub length: String,
    /// The call goes on.
    pub grows: bool,
    /// Who called, beside the upper half.
    pub caller: String,
    /// Who answered, beside the lower half.
    pub callee: String,
    /// Notes, by their moments.
    pub pins: Vec<Pin>,
    /// What is missing, in order.
    pub gaps: Vec<Gap>,
    /// What else is to be known of it, a line each: pauses, a side that stayed silent.
    pub remarks: Vec<String>,
    /// How long each of its files is, in milliseconds with commas between; empty where there is one.
    pub lengths: String,
    /// The files that follow the first, for browsers without scripts.
    pub parts: Vec<More>,
    /// How fast it can be played.
    pub speeds: Vec<Speed>,
}

/// A further file of a long recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    /// Where it is.
    pub sound: String,
    /// Its number and length.
    pub name: String,
}

/// A note at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Names it within its call.
    pub id: u64,
    /// The moment.
    pub at_ms: u64,
    /// The same as clocks write it.
    pub at: String,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub when: String,
}

/// A stretch in which a side is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// `caller` or `callee`.
    pub side: &'static str,
    /// Where it begins.
    pub from_ms: u64,
    /// How long it is.
    pub length_ms: u64,
    /// Where it begins, as clocks write it.
    pub from: String,
    /// Where it ends.
    pub until: String,
    /// Whose sound is missing.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Gap {
    /// A gap in words. `why` is the recorder's.
    pub fn new(is_caller: bool, from_ms: u64, length_ms: u64, why: &str, words: &Words) -> Self {
        let side = if is_caller { "caller" } else { "callee" };
        Self {
            side,
            from_ms,
            length_ms,
            from: clock(from_ms),
            until: clock(from_ms.saturating_add(length_ms)),
            who: words.say(&format!("player-{side}")),
            why: reason(why, words),
        }
    }
}

/// How fast to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speed {
    /// For the audio element.
    pub value: &'static str,
    /// As it is written.
    pub shown: String,
}

/// Slower than one speaks down to where words still hold together, faster up to where they can be understood.
const SPEEDS: [&str; 6] = ["0.75", "1", "1.25", "1.5", "1.75", "2"];

/// How fast a recording can be played.
pub fn speeds(language: Language) -> Vec<Speed> {
    let comma = match language {
        Language::English => ".",
        Language::Russian => ",",
    };
    let speed = |value: &'static str| Speed {
        value,
        shown: format!("{}×", value.replace('.', comma)),
    };
    SPEEDS.map(speed).into()
}

/// The recorder's reason for a gap, in words. What it may say is in `recording::gaps` and `recording::take`.
fn reason(why: &str, words: &Words) -> String {
    let codec = why.strip_prefix("codec ");
    if let Some(codec) = codec.and_then(|rest| rest.strip_suffix(" is not decoded")) {
        return words.with("gap-codec", codec);
    }
    let message = match why {
        "encrypted sound is not decoded" => "gap-encrypted",
        "recorder behind" => "gap-behind",
        "no packet came from this side" => "gap-nothing",
        "disk full" | "disk quota used up" => "gap-full",
        _ if why.starts_with("payload type ") => "gap-unexplained",
        _ => return words.with("gap-other", why),
    };
    words.say(message)
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;
    use crate::web::Frame;
    use crate::web::frame::{Here, Person, Theme};

    #[derive(Template)]
    #[template(path = "player.html")]
    struct Part {
        frame: Frame,
        player: Player,
    }

    fn part(language: Language, tags: bool) -> String {
        let words = Words::of(language);
        let frame = Frame {
            language,
            theme: Theme::Auto,
            words,
            here: Here::Calls,
            path: "/".into(),
            person: Some(Person {
                name: "anna".into(),
                role: "manager",
                tags,
                exports: true,
                counts: true,
                money: false,
                administers: false,
                signed_in: true,
            }),
            csrf: "proof".into(),
            now_ms: 0,
            told: 0,
        };
        let player = Player {
            sound: "/api/v1/calls/1/recording.wav".into(),
            peaks: "/api/v1/calls/1/peaks".into(),
            notes_path: "/api/v1/calls/1/notes".into(),
            length_ms: 65_500,
            length: clock(65_500),
            grows: false,
            caller: "<b>\"=1+1\"</b>".into(),
            callee: "Анна".into(),
            pins: vec![Pin {
                id: 3,
                at_ms: 61_000,
                at: clock(61_000),
                text: "<script>alert(1)</script>".into(),
                by: "olga".into(),
                when: "12:30".into(),
            }],
            remarks: Vec::new(),
            lengths: String::new(),
            parts: Vec::new(),
            gaps: vec![Gap::new(false, 1_000, 9_000, "recorder behind", words)],
            speeds: speeds(language),
        };
        Part { frame, player }.render().unwrap()
    }

    #[test]
    fn every_message_of_the_player_is_there_and_markup_is_text() {
        let asked = regex::Regex::new(r#"(?:say|with|with_both)\("([a-z-]+)""#).unwrap();
        let inline = regex::Regex::new(r" (style|on[a-z]+)=").unwrap();
        for language in Language::ALL {
            let html = part(language, true);
            let words = Words::of(language);
            for name in ["player-play", "pin-refused", "gap-behind", "gaps"] {
                assert!(words.has(name) && html.contains(&words.say(name)), "{name}");
            }
            for name in asked.captures_iter(include_str!("templates/player.html")) {
                assert!(words.has(&name[1]), "{}", &name[1]);
            }
            assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
            assert!(!inline.is_match(&html), "{html}");
            assert!(html.contains(r#"data-position="%1 "#), "{html}");
        }
    }

    #[test]
    fn who_may_only_listen_pins_nothing() {
        let html = part(Language::English, false);
        assert!(!html.contains("pin-form") && !html.contains("pin-remove"));
        assert!(html.contains("pin-text"));
    }

    #[test]
    fn every_reason_of_the_recorder_has_words() {
        let words = Words::of(Language::English);
        for (why, said) in [
            ("codec G729 is not decoded", "codec G729 cannot be recorded"),
            (
                "payload type 97 is not in the SDP",
                "sound of an unknown kind",
            ),
            ("encrypted sound is not decoded", "the sound was encrypted"),
            ("recorder behind", "the disk was too slow"),
            ("no packet came from this side", "nothing was sent"),
            ("disk full", "the disk was full"),
            ("disk error: x", "the disk failed (disk error: x)"),
        ] {
            assert_eq!(reason(why, words), said);
        }
    }

    #[test]
    fn speeds_are_written_as_the_language_writes_numbers() {
        let shown = |language| speeds(language).swap_remove(2).shown;
        assert_eq!(shown(Language::English), "1.25×");
        assert_eq!(shown(Language::Russian), "1,25×");
    }
}
