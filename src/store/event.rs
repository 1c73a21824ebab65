//! What the log's lines say, each split into its public and its personal part. Pure.
//!
//! The personal part is what `erase` removes: who called, where the caller's signalling came from, what was dialled on
//! the keypad. SIP's Call-IDs are personal too, because phones build them from their own number or address.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::call::story::{FinishReason, HungUpBy, KeptDialog, Role, SourceTag, Transfer, Tried};
use crate::recording::command::{Gap, Part, Pause, State};
use crate::recording::plan;
use crate::store::event::house::House;
use crate::store::event::upkeep::Upkeep;
use crate::store::spoken::{PinnedLine, PinnedPersonal, SaidLine, SaidPersonal, Unpinned, Used};

pub(crate) mod house;
mod told;
pub(crate) mod upkeep;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A call came from a trunk to one of our numbers.
    Began(Box<Parts<Began, BeganPersonal>>),
    /// Its first target rings.
    Ringing,
    /// A target answered.
    Answered(Box<Parts<Answered, AnsweredPersonal>>),
    /// A transfer came to an end.
    Transferred(Box<Parts<Transfer, TransferredPersonal>>),
    /// It is over.
    Ended(Box<Parts<Ended, EndedPersonal>>),
    /// Its recording is finished.
    Recorded(Box<Recorded>),
    /// Its recording's hash is known.
    Hashed(Hashed),
    /// Somebody listened to its recording.
    Played(Used),
    /// Somebody took its recording as a file.
    Downloaded(Used),
    /// Somebody, or a machine, said what it was.
    Said(Box<Parts<SaidLine, SaidPersonal>>),
    /// Somebody pinned a note to a moment of its recording.
    Pinned(Box<Parts<PinnedLine, PinnedPersonal>>),
    /// Somebody took such a note off.
    Unpinned(Unpinned),
    /// Its recording was deleted because its time was over.
    Pruned(Pruned),
    /// A person was removed.
    Erased(Erased),
    /// Somebody did something that is no call's.
    House(House),
    /// The log says something of itself.
    Upkeep(Upkeep),
    /// A later ringtag's event; its line is kept and its hash counts.
    Unknown,
}

/// A public and a personal part. The personal part is `None` once it was erased.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts<P, S> {
    pub(crate) public: P,
    pub(crate) pii: Option<S>,
}

/// `began`, public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) source: SourceTag,
    pub(crate) tracked: bool,
    pub(crate) caller_from: String,
    pub(crate) virtual_number: Number,
    pub(crate) trunk: Arc<str>,
    pub(crate) prior_calls: u32,
    /// Lines of earlier versions have none.
    #[serde(default)]
    pub(crate) rule: Option<Arc<str>>,
}

/// `began`, personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BeganPersonal {
    pub(crate) caller: Caller,
    pub(crate) sip_call_id: String,
}

/// `answered`, public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) rule: Arc<str>,
    pub(crate) manager: Option<Arc<str>>,
    pub(crate) destination: String,
    pub(crate) recorded: bool,
}

/// `answered`, personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnsweredPersonal {
    pub(crate) dialogs: [KeptDialog; 2],
}

/// `transferred`, personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransferredPersonal {
    /// Of the party that the caller talks to now.
    pub(crate) dialog: Option<KeptDialog>,
}

/// `ended`, public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) rule: Option<Arc<str>>,
    pub(crate) targets_tried: Vec<Tried>,
    pub(crate) manager: Option<Arc<str>>,
    pub(crate) destination: Option<String>,
    pub(crate) ringing_at: Option<WallTime>,
    pub(crate) answered_at: Option<WallTime>,
    pub(crate) wait_ms: u64,
    pub(crate) talk_ms: u64,
    pub(crate) total_ms: u64,
    pub(crate) answered: bool,
    pub(crate) missed: bool,
    pub(crate) finish_reason: FinishReason,
    pub(crate) hung_up_by: HungUpBy,
    pub(crate) sip_status: Option<u16>,
    pub(crate) q850_cause: Option<u8>,
    pub(crate) legs: Vec<LegSaid>,
    /// Lines of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transfers: Vec<Transfer>,
}

/// A leg's public half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LegSaid {
    pub(crate) trunk: Arc<str>,
    pub(crate) codec: Option<String>,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) lost: u64,
    pub(crate) jitter_ms: f32,
    /// Lines of earlier versions have none of these.
    #[serde(default)]
    pub(crate) role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) joined_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) srtp: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) srtp_failed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rtt_ms: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost_there: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jitter_there_ms: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mos_estimate: Option<f32>,
}

/// `ended`, personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndedPersonal {
    pub(crate) legs: Vec<LegPersonal>,
}

/// A leg's personal half.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LegPersonal {
    pub(crate) remote_uri: String,
    pub(crate) sip_call_id: String,
    pub(crate) digits: String,
    /// Lines of earlier versions have none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digit_times: Vec<u64>,
}

/// `recorded`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) file: String,
    pub(crate) duration_ms: u64,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
    pub(crate) bytes: u64,
    pub(crate) state: State,
    pub(crate) gaps: Vec<Gap>,
    /// Lines of earlier versions have none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pauses: Vec<Pause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part>,
}

/// `hashed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hashed {
    pub(crate) sha256: String,
    /// What the file is called now, where that is not `<call id>.wav`: it was packed, or is one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Its length then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
}

impl Hashed {
    /// Which of a recording's files it is of.
    pub(crate) fn number(&self) -> u32 {
        let file = self.file.as_ref();
        file.map_or(1, |file| plan::number_of(file.as_ref()))
    }
}

/// `pruned`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    /// Relative to the recordings' folder.
    pub(crate) file: String,
}

/// `erased`. It names calls, never the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erased {
    /// Whose lines lost their personal part.
    pub(crate) calls: Vec<CallId>,
    /// Files deleted, relative to the recordings' folder.
    pub(crate) recordings: Vec<String>,
}

impl Event {
    /// The word in the line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Began(_) => "began",
            Self::Ringing => "ringing",
            Self::Answered(_) => "answered",
            Self::Transferred(_) => "transferred",
            Self::Ended(_) => "ended",
            Self::Recorded(_) => "recorded",
            Self::Hashed(_) => "hashed",
            Self::Played(_) => "played",
            Self::Downloaded(_) => "downloaded",
            Self::Said(_) => "said",
            Self::Pinned(_) => "pinned",
            Self::Unpinned(_) => "unpinned",
            Self::Pruned(_) => "pruned",
            Self::Erased(_) => "erased",
            Self::House(house) => house.name(),
            Self::Upkeep(upkeep) => upkeep.name(),
            Self::Unknown => "unknown",
        }
    }

    /// Appends the public part as JSON.
    pub(crate) fn write_public(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Began(parts) => serde_json::to_writer(out, &parts.public),
            Self::Answered(parts) => serde_json::to_writer(out, &parts.public),
            Self::Transferred(parts) => serde_json::to_writer(out, &parts.public),
            Self::Ended(parts) => serde_json::to_writer(out, &parts.public),
            Self::Recorded(recorded) => serde_json::to_writer(out, recorded),
            Self::Hashed(hashed) => serde_json::to_writer(out, hashed),
            Self::Played(used) | Self::Downloaded(used) => serde_json::to_writer(out, used),
            Self::Said(parts) => serde_json::to_writer(out, &parts.public),
            Self::Pinned(parts) => serde_json::to_writer(out, &parts.public),
            Self::Unpinned(unpinned) => serde_json::to_writer(out, unpinned),
            Self::Pruned(pruned) => serde_json::to_writer(out, pruned),
            Self::Erased(erased) => serde_json::to_writer(out, erased),
            Self::House(house) => house.write_public(out),
            Self::Upkeep(upkeep) => upkeep.write(out),
            Self::Ringing | Self::Unknown => {
                out.extend_from_slice(b"{}");
                Ok(())
            }
        }
    }

    /// Appends the personal part as JSON; `false`: there is none.
    pub(crate) fn write_pii(&self, out: &mut Vec<u8>) -> serde_json::Result<bool> {
        let before = out.len();
        match self {
            Self::Began(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Answered(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Transferred(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Ended(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Said(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Pinned(parts) => write_some(out, parts.pii.as_ref())?,
            Self::House(house) => house.write_pii(out)?,
            Self::Ringing
            | Self::Recorded(_)
            | Self::Hashed(_)
            | Self::Played(_)
            | Self::Downloaded(_)
            | Self::Unpinned(_)
            | Self::Pruned(_)
            | Self::Upkeep(_)
            | Self::Erased(_)
            | Self::Unknown => {}
        }
        Ok(out.len() > before)
    }

    /// Reads an event from its word and its parts.
    pub(crate) fn read(name: &str, public: &str, pii: Option<&str>) -> serde_json::Result<Self> {
        Ok(match name {
            "began" => Self::Began(read_parts(public, pii)?),
            "ringing" => Self::Ringing,
            "answered" => Self::Answered(read_parts(public, pii)?),
            "transferred" => Self::Transferred(read_parts(public, pii)?),
            "ended" => Self::Ended(read_parts(public, pii)?),
            "recorded" => Self::Recorded(serde_json::from_str(public)?),
            "hashed" => Self::Hashed(serde_json::from_str(public)?),
            "played" => Self::Played(serde_json::from_str(public)?),
            "downloaded" => Self::Downloaded(serde_json::from_str(public)?),
            "said" => Self::Said(read_parts(public, pii)?),
            "pinned" => Self::Pinned(read_parts(public, pii)?),
            "unpinned" => Self::Unpinned(serde_json::from_str(public)?),
            "pruned" => Self::Pruned(serde_json::from_str(public)?),
            "erased" => Self::Erased(serde_json::from_str(public)?),
            _ => match House::read(name, public, pii)? {
                Some(house) => Self::House(house),
                None => Upkeep::read(name, public)?.map_or(Self::Unknown, Self::Upkeep),
            },
        })
    }
}

fn write_some<T: Serialize>(out: &mut Vec<u8>, part: Option<&T>) -> serde_json::Result<()> {
    part.map_or(Ok(()), |part| serde_json::to_writer(out, part))
}

fn read_parts<P, S>(public: &str, pii: Option<&str>) -> serde_json::Result<Box<Parts<P, S>>>
where
    P: for<'de> Deserialize<'de>,
    S: for<'de> Deserialize<'de>,
{
    Ok(Box::new(Parts {
        public: serde_json::from_str(public)?,
        pii: pii.map(serde_json::from_str).transpose()?,
    }))
}

impl Parts<Ended, EndedPersonal> {
    /// Takes out what an untracked call's line does not say: whom its legs reached, and how.
    pub(crate) fn spare(&mut self) {
        self.public.legs.clear();
        self.public.transfers.clear();
        if let Some(pii) = &mut self.pii {
            pii.legs.clear();
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A path below the recordings folder, with `/` between its parts.
pub(crate) fn as_text(path: &Path) -> String {
    let parts = path.components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}
