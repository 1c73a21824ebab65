//! What the log says of itself: who opened it, where a month begins, from where a start may replay, what found no room. Pure.

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::export::Export;
use crate::store::place::Place;
use crate::store::token::Token;

/// A line about the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Upkeep {
    /// A process opened the log.
    Started(Started),
    /// A month begins.
    Opened(Opened),
    /// A start may replay from here.
    Checkpoint(Checkpoint),
    /// Events found no room while the disk refused.
    Lost(Lost),
}

/// `started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    /// Of the program.
    pub(crate) version: String,
    /// Bytes of a torn last line that were cut off; they had never been synced, so nobody had seen them.
    pub(crate) torn_bytes: u64,
    /// Calls that the process before left behind.
    pub(crate) crashed: u64,
}

/// `opened`: the first line of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// The month before, as its file is named; `None` in the first month of all.
    pub(crate) before: Option<String>,
    /// The hash of that month's last line.
    pub(crate) head: String,
}

/// `checkpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Calls in progress, and calls whose recording is not finished.
    pub(crate) open: Vec<OpenCall>,
    /// The tokens that are good. Lines of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<Token>,
    /// The tables of calls that were taken lately. Lines of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exports: Vec<Export>,
}

/// A call in progress, by its lines so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenCall {
    pub(crate) call: CallId,
    pub(crate) lines: Vec<Place>,
}

/// `lost`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// How many events.
    pub(crate) events: u64,
    /// When the first of them was told.
    pub(crate) since: WallTime,
}

impl Upkeep {
    /// The word in the line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Opened(_) => "opened",
            Self::Checkpoint(_) => "checkpoint",
            Self::Lost(_) => "lost",
        }
    }

    /// Appends it as JSON; nothing of it is personal.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Started(started) => serde_json::to_writer(out, started),
            Self::Opened(opened) => serde_json::to_writer(out, opened),
            Self::Checkpoint(checkpoint) => serde_json::to_writer(out, checkpoint),
            Self::Lost(lost) => serde_json::to_writer(out, lost),
        }
    }

    /// Reads one from its word and its part; `None`: the word is none of these.
    pub(crate) fn read(name: &str, public: &str) -> serde_json::Result<Option<Self>> {
        Ok(Some(match name {
            "started" => Self::Started(serde_json::from_str(public)?),
            "opened" => Self::Opened(serde_json::from_str(public)?),
            "checkpoint" => Self::Checkpoint(serde_json::from_str(public)?),
            "lost" => Self::Lost(serde_json::from_str(public)?),
            _ => return Ok(None),
        }))
    }
}
