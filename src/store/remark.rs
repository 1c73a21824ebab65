//! What people say of a call and do with its recording, as the call record shows it. Pure data.

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody.
    #[default]
    Person,
    /// A program that listens or reads. What a person says of a field stands against it, whenever it was said.
    Machine,
}

/// What of a record people change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `tags`
    Tags,
    /// `target`
    Target,
    /// `goal`
    Goal,
    /// `stage`
    Stage,
    /// `outcome`
    Outcome,
    /// `value`
    Value,
    /// `note`
    Note,
    /// `callback`
    CalledBack,
    /// `notes`: one was pinned to a moment of the recording, or taken off.
    Pinned,
}

impl Field {
    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Target => "target",
            Self::Goal => "goal",
            Self::Stage => "stage",
            Self::Outcome => "outcome",
            Self::Value => "value",
            Self::Note => "note",
            Self::CalledBack => "called_back",
            Self::Pinned => "pinned",
        }
    }
}

/// What a field held or holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// `target`, `called_back`
    Flag(bool),
    /// `value`
    Amount(f64),
    /// `goal`, `stage`, `outcome`, `note`, a pinned note
    Text(String),
    /// `tags`
    List(Vec<String>),
}

/// One change that somebody made to a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The number of its line in the log; the record's version was that right after it.
    pub n: u64,
    /// When.
    pub at: WallTime,
    /// Who.
    pub by: String,
    /// Whether that is a person.
    pub kind: Kind,
    /// What was changed.
    pub what: Field,
    /// What it was before; `None`: nothing, or its words were erased with the person who called.
    pub from: Option<Words>,
    /// What it is now; `None` likewise.
    pub to: Option<Words>,
}

/// A note at a moment of the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Names it within its call.
    pub id: u64,
    /// Where in the recording.
    pub at_ms: u64,
    /// What it says.
    pub text: String,
    /// Who pinned it.
    pub by: String,
    /// When.
    pub at: WallTime,
}

/// Somebody used a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When.
    pub at: WallTime,
    /// Who.
    pub by: String,
    /// How.
    pub what: UseKind,
}

/// How a recording was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UseKind {
    /// Listened to.
    Played,
    /// Taken as a file.
    Downloaded,
}

/// What became of a missed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Since when somebody is to call back: the call's end.
    pub since: WallTime,
    /// `None`: nobody has yet.
    pub done: Option<CalledBack>,
}

/// How a missed caller was spoken to after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledBack {
    /// When.
    pub at: WallTime,
    /// Who says so; [`Self::CALLER`]: a later call of the same caller in the project was answered.
    pub by: String,
}

impl CalledBack {
    /// Stands in `by` where the caller reached somebody.
    pub const CALLER: &str = "caller";
}
