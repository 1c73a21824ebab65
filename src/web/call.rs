//! A call by itself: its path, what it was, what became of it since.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::list::Choice;
use crate::web::player::Player;
use crate::web::row::{Row, Standing};

/// A thing that is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// `Source`.
    pub label: String,
    /// `billboard`.
    pub text: String,
    /// More calls of its kind.
    pub href: Option<String>,
}

/// Something that happened on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, `14:32:05`; empty where nobody noted it.
    pub at: String,
    /// What.
    pub text: String,
    /// More of it.
    pub more: String,
    /// Its colour.
    pub standing: Option<Standing>,
}

/// A change or a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its line in the log; 0 for a use.
    pub n: u64,
    /// When.
    pub when: String,
    /// The whole date, RFC 3339.
    pub machine: String,
    /// Who.
    pub who: String,
    /// What: `Goal: Price → Order`.
    pub text: String,
}

/// One leg, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegView {
    /// Caller, callee, transfer.
    pub role: String,
    /// `[[trunk]] id`.
    pub trunk: String,
    /// The peer's URI.
    pub uri: String,
    /// SIP's Call-ID.
    pub call_id: String,
    /// The codec.
    pub codec: String,
    /// Packets in and out.
    pub packets: String,
    /// Lost packets and jitter of what came from it.
    pub lost: String,
    /// The same of what it was sent, as it reported.
    pub lost_there: String,
    /// How long a packet took to it and back.
    pub way: String,
    /// How it sounded: an estimate.
    pub mos: String,
    /// Digits that were dialled.
    pub digits: String,
}

/// What the call was, to be said or read.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The version that is shown.
    pub version: u64,
    /// Tags that are offered, and those that it has.
    pub tags: Vec<Choice>,
    /// Target, not a target, not said.
    pub target: Vec<Choice>,
    /// Goals.
    pub goals: Vec<Choice>,
    /// Stages.
    pub stages: Vec<Choice>,
    /// Outcomes.
    pub outcomes: Vec<Choice>,
    /// The worth, as a number.
    pub value: String,
    /// The currency.
    pub currency: String,
    /// The note.
    pub note: String,
    /// Of a missed call: whether it was called back.
    pub called_back: Option<bool>,
}

impl Said {
    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        let none = |choices: &[Choice]| !choices.iter().any(|choice| choice.chosen);
        none(&self.tags)
            && none(&self.target)
            && none(&self.goals)
            && none(&self.stages)
            && none(&self.outcomes)
            && self.value.is_empty()
            && self.note.is_empty()
    }
}

/// A call.
#[derive(Template)]
#[template(path = "call.html")]
pub struct CallPage {
    /// What stands around it.
    pub frame: Frame,
    /// The call, as a list shows it.
    pub row: Row,
    /// `22 November 2026, 14:32:05`.
    pub began: String,
    /// The zone of its times.
    pub zone: String,
    /// What is known of it.
    pub facts: Vec<Fact>,
    /// Its path.
    pub path: Vec<Step>,
    /// Its recording.
    pub player: Option<Player>,
    /// What it was.
    pub said: Said,
    /// Earlier calls of the caller, the newest first.
    pub earlier: Vec<Row>,
    /// All calls of the caller.
    pub all: Option<String>,
    /// Changes and uses, the newest first.
    pub history: Vec<Entry>,
    /// Its legs; none for who does not administer.
    pub legs: Vec<LegView>,
    /// Where its messages are.
    pub ladder: Option<String>,
    /// What somebody else said meanwhile, so that nothing was saved.
    pub conflict: bool,
}
