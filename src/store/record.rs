//! The call record: what people, pages and programs read of a call. Pure data; `fold` makes it from the log's lines.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{CallId, Side};
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::call::story::{FinishReason, HungUpBy, Leg, Transfer, Tried};
use crate::recording::command::{Gap, Pause, State};
use crate::store::remark::{Callback, Pinned, Said, Use};

/// One call. Its JSON is the call record that users script against; every member is always written, with `null` where
/// a thing did not happen, is not known yet, or was erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Time-ordered (UUIDv7).
    pub id: CallId,
    /// `[[project]] id`.
    pub project: Arc<str>,
    /// `[[source]] tag`.
    pub source: Arc<str>,
    /// `[[source]] channel`.
    pub channel: Option<Arc<str>>,
    /// `[[source]] campaign`.
    pub campaign: Option<Arc<str>>,
    /// `[[source]] category`.
    pub category: Option<Arc<str>>,
    /// `false`: the project was off-season; the log keeps only how the call began.
    pub tracked: bool,
    /// Who called; `None` once the person was erased.
    pub caller: Option<Caller>,
    /// The header that named the caller.
    pub caller_from: String,
    /// The number that was dialled.
    pub virtual_number: Number,
    /// Which way the call went.
    pub direction: Direction,
    /// The rule that decided.
    pub rule: Option<Arc<str>>,
    /// Each target with its result.
    pub targets_tried: Vec<Tried>,
    /// Who answered: `[[manager]] id`.
    pub manager: Option<Arc<str>>,
    /// What was dialled where somebody answered.
    pub destination: Option<String>,
    /// The INVITE.
    pub started_at: WallTime,
    /// The first target rang.
    pub ringing_at: Option<WallTime>,
    /// A target's 200.
    pub answered_at: Option<WallTime>,
    /// The end; `None` while the call runs.
    pub ended_at: Option<WallTime>,
    /// From `started_at` to `answered_at`, or to the end.
    pub wait_ms: Option<u64>,
    /// From `answered_at` to the end, hold included; 0 without an answer.
    pub talk_ms: Option<u64>,
    /// From `started_at` to the end.
    pub total_ms: Option<u64>,
    /// A target answered.
    pub answered: bool,
    /// A tracked call that no target answered and no rule rejected; `false` while the call runs.
    pub missed: bool,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// Who ended it.
    pub hung_up_by: Option<HungUpBy>,
    /// The final status the caller was given.
    pub sip_status: Option<u16>,
    /// The Q.850 cause that a Reason header named.
    pub q850_cause: Option<u8>,
    /// The caller had not called this project before; `false` for an anonymous caller, of whom nobody knows.
    pub first_call: bool,
    /// How often the caller had called this project before.
    pub prior_calls: u32,
    /// What people say of it: tags.
    pub tags: Vec<String>,
    /// What people say of it: whether it was one of those that the advertising is for.
    #[serde(default)]
    pub target: Option<bool>,
    /// What people say of it: what the caller wanted.
    pub goal: Option<String>,
    /// What people say of it: the funnel's stage.
    pub stage: Option<String>,
    /// What people say of it: how it came out.
    pub outcome: Option<String>,
    /// What people say of it: what it was worth, in the project's currency.
    pub value: Option<f64>,
    /// What people say of it, in their words.
    pub note: Option<String>,
    /// What people say of moments of its recording.
    #[serde(default)]
    pub notes: Vec<Pinned>,
    /// Of a missed call: since when somebody is to call back, and who did.
    #[serde(default)]
    pub callback: Option<Callback>,
    /// Each change that people made, in order; the last 200.
    #[serde(default)]
    pub said: Vec<Said>,
    /// Who played or downloaded its recording, in order; the last 200.
    #[serde(default)]
    pub uses: Vec<Use>,
    /// The number of the last line of the log that changed the record; it rises.
    #[serde(default)]
    pub version: u64,
    /// Each leg, the caller's first.
    pub legs: Vec<Leg>,
    /// Each transfer that came to an end, in order.
    #[serde(default)]
    pub transfers: Vec<Transfer>,
    /// The recording, where there is one.
    pub recording: Option<Recording>,
}

impl CallRecord {
    /// Whether it was missed and nobody has spoken to the caller since. Who was erased cannot be called back.
    pub fn awaits_callback(&self) -> bool {
        let is_open = |callback: &Callback| callback.done.is_none();
        self.caller.is_some() && self.callback.as_ref().is_some_and(is_open)
    }
}

/// Which way a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From a trunk to one of our virtual numbers.
    #[default]
    Inbound,
}

/// The recording of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Relative to the recordings folder, with `/` between its parts.
    pub file: String,
    /// Length of the sound.
    pub duration_ms: u64,
    /// Samples a second on each channel.
    pub sample_rate_hz: u32,
    /// 2: left the caller, right the callee.
    pub channels: u16,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal, once it has been computed.
    pub sha256: Option<String>,
    /// Whether it is whole.
    pub state: State,
    /// What is missing in it and why.
    pub gaps: Vec<Gap>,
    /// How long all of these are together.
    #[serde(default)]
    pub gaps_ms: u64,
    /// The side from which nothing came, where something came from the other.
    #[serde(default)]
    pub one_way: Option<Side>,
    /// By how much the sound is longer than the talk was, or shorter where it is negative; `None`: they match, or the call
    /// runs.
    #[serde(default)]
    pub off_by_ms: Option<i64>,
    /// What was left out because somebody asked for it.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// The files that follow the first, where one was not enough.
    #[serde(default)]
    pub parts: Vec<RecordedPart>,
}

/// One of the further files of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPart {
    /// Relative to the recordings folder, with `/` between its parts.
    pub file: String,
    /// Length of its sound.
    pub duration_ms: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal, once it has been computed.
    pub sha256: Option<String>,
}
