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
use crate::store::export::Export;
use crate::store::ledger::SpentLine;
use crate::store::place::Place;
use crate::store::saved::{MailedLine, MailedPersonal, SavedLine, SavedPersonal};
use crate::store::spoken::{
    Exported, PinnedLine, PinnedPersonal, SaidLine, SaidPersonal, Unpinned, Used,
};
use crate::store::token::{Token, TokenRevoked};

mod told;

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
    /// Somebody took a table of calls.
    Exported(Box<Exported>),
    /// A token of the HTTP interface is good from now on.
    TokenMade(Box<Token>),
    /// A token is no longer good.
    TokenRevoked(TokenRevoked),
    /// Somebody entered what something cost, corrected it or took it out.
    Spent(Box<SpentLine>),
    /// Somebody saved a report, removed one, or asked for a letter of it.
    SavedReport(Box<Parts<SavedLine, SavedPersonal>>),
    /// A letter was delivered, or given up.
    Mailed(Box<Parts<MailedLine, MailedPersonal>>),
    /// Its recording was deleted because its time was over.
    Pruned(Pruned),
    /// A process opened the log.
    Started(Started),
    /// A month begins.
    Opened(Opened),
    /// A start may replay from here.
    Checkpoint(Checkpoint),
    /// A person was removed.
    Erased(Erased),
    /// Events found no room while the disk refused.
    Lost(Lost),
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

/// `erased`. It names calls, never the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erased {
    /// Whose lines lost their personal part.
    pub(crate) calls: Vec<CallId>,
    /// Files deleted, relative to the recordings' folder.
    pub(crate) recordings: Vec<String>,
}

/// `lost`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// How many events.
    pub(crate) events: u64,
    /// When the first of them was told.
    pub(crate) since: WallTime,
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
            Self::Exported(_) => "exported",
            Self::TokenMade(_) => "token_made",
            Self::TokenRevoked(_) => "token_revoked",
            Self::Spent(_) => "spent",
            Self::SavedReport(_) => "saved_report",
            Self::Mailed(_) => "mailed",
            Self::Pruned(_) => "pruned",
            Self::Started(_) => "started",
            Self::Opened(_) => "opened",
            Self::Checkpoint(_) => "checkpoint",
            Self::Erased(_) => "erased",
            Self::Lost(_) => "lost",
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
            Self::Exported(exported) => serde_json::to_writer(out, exported),
            Self::TokenMade(token) => serde_json::to_writer(out, token),
            Self::TokenRevoked(revoked) => serde_json::to_writer(out, revoked),
            Self::Spent(spent) => serde_json::to_writer(out, spent),
            Self::SavedReport(parts) => serde_json::to_writer(out, &parts.public),
            Self::Mailed(parts) => serde_json::to_writer(out, &parts.public),
            Self::Pruned(pruned) => serde_json::to_writer(out, pruned),
            Self::Started(started) => serde_json::to_writer(out, started),
            Self::Opened(opened) => serde_json::to_writer(out, opened),
            Self::Checkpoint(checkpoint) => serde_json::to_writer(out, checkpoint),
            Self::Erased(erased) => serde_json::to_writer(out, erased),
            Self::Lost(lost) => serde_json::to_writer(out, lost),
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
            Self::SavedReport(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Mailed(parts) => write_some(out, parts.pii.as_ref())?,
            Self::Ringing
            | Self::Recorded(_)
            | Self::Hashed(_)
            | Self::Played(_)
            | Self::Downloaded(_)
            | Self::Unpinned(_)
            | Self::Exported(_)
            | Self::TokenMade(_)
            | Self::TokenRevoked(_)
            | Self::Spent(_)
            | Self::Pruned(_)
            | Self::Started(_)
            | Self::Opened(_)
            | Self::Checkpoint(_)
            | Self::Erased(_)
            | Self::Lost(_)
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
            "exported" => Self::Exported(serde_json::from_str(public)?),
            "token_made" => Self::TokenMade(serde_json::from_str(public)?),
            "token_revoked" => Self::TokenRevoked(serde_json::from_str(public)?),
            "spent" => Self::Spent(serde_json::from_str(public)?),
            "saved_report" => Self::SavedReport(read_parts(public, pii)?),
            "mailed" => Self::Mailed(read_parts(public, pii)?),
            "pruned" => Self::Pruned(serde_json::from_str(public)?),
            "started" => Self::Started(serde_json::from_str(public)?),
            "opened" => Self::Opened(serde_json::from_str(public)?),
            "checkpoint" => Self::Checkpoint(serde_json::from_str(public)?),
            "erased" => Self::Erased(serde_json::from_str(public)?),
            "lost" => Self::Lost(serde_json::from_str(public)?),
            _ => Self::Unknown,
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
