//! What the engine tells the recorder and what the recorder reports.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{CallId, Side};
use crate::base::time::{Moment, WallTime};
use crate::media::tap::TapId;
use crate::recording::pause::Pauser;
use crate::sdp::Codec;

/// An order to the recorder.
#[derive(Debug)]
pub enum Command {
    /// Begin a file. Packets of `tap` that are already in the ring belong to it, so this is sent
    /// before the media worker is told to tap.
    Start {
        /// Whose.
        call: CallId,
        /// Its name in the ring.
        tap: TapId,
        /// Wall time of the answer: the folder's date (UTC).
        wall: WallTime,
        /// Zero on both sides.
        at: Moment,
        /// What the payload types of each side mean, caller first.
        codecs: [Arc<[Codec]>; 2],
        /// Whether each side's SDP lets it send, caller first.
        sends: [bool; 2],
    },
    /// New SDP: what one side's payload types mean from now on.
    Codecs {
        /// The recording, by the name under which the side is tapped.
        tap: TapId,
        /// The side.
        side: Side,
        /// The table.
        codecs: Arc<[Codec]>,
    },
    /// New SDP: whether one side may send from now on; `false` is hold.
    Sends {
        /// The recording, by the name under which the side is tapped.
        tap: TapId,
        /// The side.
        side: Side,
        /// Whether it may.
        sends: bool,
        /// Now.
        at: Moment,
    },
    /// One side's sound begins anew (end of hold, another target): the next packet sets a new anchor.
    Anew {
        /// The recording, by the name under which the side is tapped.
        tap: TapId,
        /// The side.
        side: Side,
    },
    /// Another party takes the callee's place: packets under `next` are of the new one and of the same caller, those under
    /// the names before still of the old one. Sent before the media worker is told to tap under `next`.
    Turn {
        /// The recording, by its first name.
        tap: TapId,
        /// Its name in the ring from now on.
        next: TapId,
        /// It is a telephone of the house: its keys pause as those of the one before did.
        ours: bool,
        /// What the new party's payload types mean.
        codecs: Arc<[Codec]>,
        /// Whether its SDP lets it send.
        sends: bool,
        /// Now.
        at: Moment,
    },
    /// Record silence from now on.
    Pause {
        /// The recording.
        tap: TapId,
        /// Who wants it.
        by: Pauser,
        /// Now.
        at: Moment,
    },
    /// Record again, where nothing else has it pause.
    Resume {
        /// The recording.
        tap: TapId,
        /// Who, or what, no longer pauses it.
        by: Pauser,
        /// Now.
        at: Moment,
    },
    /// End the file: both sides are padded to `at`.
    Stop {
        /// The recording.
        tap: TapId,
        /// The end.
        at: Moment,
    },
    /// Hash a file that was made whole after a crash ([`crate::recording::recover`]).
    Hash {
        /// Whose.
        call: CallId,
        /// Relative to the recordings folder.
        file: PathBuf,
    },
    /// Finish every file and end the thread.
    Shutdown,
}

/// The recorder's report.
#[derive(Clone, Debug)]
pub enum Report {
    /// The file is complete, synced and renamed; or it could not be made, and the outcome says why.
    Finished(Box<Outcome>),
    /// The disk refused a recording, or takes one again.
    Disk {
        /// It refuses.
        refuses: bool,
    },
    /// A finished file as it is kept, from a thread of its own.
    Hashed {
        /// Whose.
        call: CallId,
        /// What is kept.
        kept: Kept,
    },
}

/// A file as it is kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Relative to the recordings folder. Another ending than it was finished with: it was packed.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// What became of a recording: the `recording` of the call record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whose.
    pub call: CallId,
    /// Relative to the recordings folder: `2026/11/21/<id>.wav`.
    pub file: PathBuf,
    /// Length of the sound.
    pub duration_ms: u64,
    /// Samples a second on each channel.
    pub sample_rate_hz: u32,
    /// 2.
    pub channels: u16,
    /// Length of the file.
    pub bytes: u64,
    /// Whether it is whole.
    pub state: State,
    /// What is missing and why.
    pub gaps: Vec<Gap>,
    /// What was left out because somebody asked for it.
    pub pauses: Vec<Pause>,
    /// The files that follow the first, where one was not enough.
    pub parts: Vec<Part>,
}

/// One of the further files of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Relative to the recordings folder: `2026/11/21/<id>.2.wav`.
    pub file: PathBuf,
    /// Length of its sound.
    pub duration_ms: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// A stretch in which nothing was recorded: it is silence of its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// From the start of the recording.
    pub from_ms: u64,
    /// How long.
    pub length_ms: u64,
    /// Who asked for it: a user's name, `keys` or `hold`.
    pub by: String,
}

/// Whether a recording is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Both sides were heard, and everything that came is in it.
    Complete,
    /// Something that came could not be written, or a side was not heard; `gaps` names it.
    Partial,
    /// It ends before the call did: the disk refused.
    Truncated,
    /// A crash cut it; what was on the disk was made whole.
    Repaired,
}

/// Sound that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Whose.
    pub side: Side,
    /// From the start of the recording.
    pub from_ms: u64,
    /// How long.
    pub length_ms: u64,
    /// `codec G729 is not decoded`, `disk full`, `recorder behind`, …
    pub why: String,
}
