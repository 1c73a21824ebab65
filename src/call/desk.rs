//! What the switchboard is asked and told, and what it asks for: plain data between the pure core and the engine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::id::{CallId, LegId};
use crate::base::number::{Caller, Number};
use crate::base::sound::SoundFrom;
use crate::base::time::{Moment, WallTime};
use crate::call::guard::News;
use crate::call::story::{Fact, KeptDialog, SourceTag};
use crate::route::Decision;
use crate::sdp::{Codec, Numbers, Protection};
use crate::sip::endpoint::Transmit;

/// Seconds a caller's carrier waits before it tries again when we are full: about the length of a short call.
pub const RETRY_AFTER_S: u32 = 10;

/// How often one call is sent on, taken or refused. People do it once or twice; beyond this two telephones send a caller to and
/// fro. Each is an event of its own, for which a call has room reserved from its start.
pub const TRANSFERS_MAX: u32 = 8;

/// A call before it has an id, and the handle under which the engine and the switchboard speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// What the switchboard wants done, in this order. Drained with `Switchboard::poll`.
#[derive(Debug)]
pub enum Wish {
    /// Put bytes on the wire, open or close a connection.
    Transmit(Transmit),
    /// An INVITE came from a trunk: who shall take it? Answered with [`Told::Decided`].
    Decide(CallKey, Box<Question>),
    /// About sound.
    Media(MediaWish),
    /// A fact for the call log.
    Tell(Box<Fact>),
    /// The call is over and forgotten here: its credit and its place in the limits are free.
    Gone(CallKey),
    /// Something an operator reads in the log and counts: a refusal, a failed registration, a ghost ended.
    Note(Note),
}

/// What an INVITE from a trunk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// `[[trunk]] id`.
    pub trunk: Arc<str>,
    /// The dialled number where it is one.
    pub dialled: Option<Number>,
    /// Who calls.
    pub caller: Caller,
    /// Where the INVITE came from.
    pub peer: SocketAddr,
}

/// The engine's answer to a [`Question`].
#[derive(Debug)]
pub enum Verdict {
    /// Not one of our numbers: refused alike for every number, no record.
    NotOurs,
    /// No room, and not even for a record: 503 with Retry-After.
    NoRoom {
        /// Seconds for Retry-After.
        retry_after_s: u32,
    },
    /// The call gets a record.
    Ours(Box<Admission>),
}

/// What the call needs to know to go on.
#[derive(Debug)]
pub struct Admission {
    /// Its id.
    pub id: CallId,
    /// Wall time now; later facts add the monotonic time since.
    pub wall: WallTime,
    /// The number that was dialled.
    pub virtual_number: Number,
    /// Whose campaign.
    pub source: SourceTag,
    /// `false`: off-season.
    pub tracked: bool,
    /// Calls of this caller within the project before.
    pub prior_calls: u32,
    /// Whether the sound is recorded once answered.
    pub record: bool,
    /// What to do.
    pub course: Course,
}

/// What happens to an admitted call.
#[derive(Debug)]
pub enum Course {
    /// As the rules say: targets, a rejection, or no rule at all (404).
    Follow(Decision),
    /// Over a limit: 503 with Retry-After, recorded as `overload`.
    Overload {
        /// Seconds for Retry-After.
        retry_after_s: u32,
    },
}

/// About sound. The engine has the sockets; the call names legs.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaWish {
    /// Reserve a port pair for a leg. Answered with [`Told::Ports`].
    Open {
        /// The call.
        call: CallKey,
        /// The leg.
        leg: LegId,
        /// The host its signalling goes to: chooses the local address, and who may be learned under `Nat`.
        toward: IpAddr,
        /// Where its sound may come from.
        from: SoundFrom,
    },
    /// The leg's peer said in SDP where it wants sound and what it will send.
    Aim {
        /// The leg.
        leg: LegId,
        /// What its SDP says.
        aim: Box<Aim>,
    },
    /// Relay between these two, each of which leaves any former bridge.
    Bridge {
        /// The caller's leg.
        caller: LegId,
        /// The target's leg.
        callee: LegId,
    },
    /// From now on the bridge's sound is watched: silence on both sides for `silence_s` is reported.
    Watch {
        /// The caller's leg.
        caller: LegId,
        /// `false` while on hold.
        on: bool,
    },
    /// Begin the recording: zero is `at` on both sides.
    Record {
        /// Whose.
        call: CallId,
        /// Wall time of the start, for the folder's date.
        wall: WallTime,
        /// The answer.
        at: Moment,
        /// Left.
        caller: LegId,
        /// Right.
        callee: LegId,
    },
    /// The recording goes on with another party on its right side, from `at` on. Told before the bridge to it is asked for.
    Turn {
        /// Whose.
        call: CallId,
        /// Now.
        at: Moment,
        /// The new party's leg.
        callee: LegId,
        /// It is a telephone of the house, whose keys may pause the recording, and not whoever was transferred to.
        ours: bool,
    },
    /// The leg's sound begins anew (end of hold, new address): its next packet sets a new anchor.
    Anew {
        /// The leg.
        leg: LegId,
    },
    /// End the recording: both sides are padded to `at`.
    StopRecord {
        /// Whose.
        call: CallId,
        /// The end.
        at: Moment,
    },
    /// Give the ports back. Answered with [`Told::Closed`], always.
    Close {
        /// The leg.
        leg: LegId,
    },
}

/// What a peer's SDP says about its sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Where it wants RTP; `None`: it wants none (hold, `0.0.0.0`, port 0).
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP.
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the port of RTP on its leg (RFC 5761).
    pub mux: bool,
    /// Whether its SDP lets it send (`sendrecv`, `sendonly`).
    pub sends: bool,
    /// What the payload types that it sends mean.
    pub codecs: Arc<[Codec]>,
    /// What the payload types that are sent to it become; `None`: they stay as they are.
    pub numbers: Option<Numbers>,
    /// How its packets are protected.
    pub srtp: Protection,
}

/// What the engine tells the switchboard beside datagrams and streams.
#[derive(Debug)]
pub enum Told {
    /// The answer to [`Wish::Decide`].
    Decided(CallKey, Verdict),
    /// The answer to [`MediaWish::Open`]: the address for our SDP (RTP; RTCP is the next port), or none free.
    Ports(CallKey, LegId, Option<SocketAddr>),
    /// The answer to [`MediaWish::Close`].
    Closed(LegId, LegSound),
    /// No packet from either side for `silence_s`.
    Silent(LegId),
    /// An operator ends the call.
    HangUp(CallId),
    /// No new calls; those under way may go on until `until`.
    Drain {
        /// When they are ended.
        until: Moment,
    },
    /// End every call now.
    EndAll,
    /// A call that a crash left behind: send its peers a BYE each.
    Ghost(Box<[KeptDialog; 2]>),
}

/// What the media workers counted for a leg.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegSound {
    /// RTP packets received.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Lost on the way to us.
    pub lost: u64,
    /// Interarrival jitter.
    pub jitter_ms: f32,
    /// RFC 4733 digits.
    pub digits: String,
    /// When each of them was pressed.
    pub digit_times: Vec<Moment>,
    /// Packets that came under another key than was agreed on, or were changed on their way.
    pub forged: u64,
    /// Packets that never reached the peer, as it says (RFC 3550 6.4).
    pub lost_there: Option<u64>,
    /// The jitter that the peer sees.
    pub jitter_there_ms: Option<f32>,
    /// How long a packet takes to the peer and back.
    pub rtt_ms: Option<f32>,
}

/// For the operator's log and the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A request from nobody we know, or to none of our numbers.
    Refused {
        /// Its source.
        peer: SocketAddr,
        /// The answer.
        status: u16,
        /// In an operator's words.
        why: &'static str,
    },
    /// A registration changed: its trunk, and whether it stands.
    Registration {
        /// `[[trunk]] id`.
        trunk: Arc<str>,
        /// It stands.
        up: bool,
        /// The carrier's status, or 0 when it said nothing.
        status: u16,
    },
    /// A trunk that is asked by OPTIONS went out as a whole, or came back.
    Trunk {
        /// `[[trunk]] id`.
        trunk: Arc<str>,
        /// One of its addresses answers.
        up: bool,
    },
    /// One address of a trunk stopped answering, or answers again, while the trunk as a whole is there.
    Place {
        /// `[[trunk]] id`.
        trunk: Arc<str>,
        /// Which.
        address: SocketAddr,
        /// It answers.
        up: bool,
    },
    /// A ban began or ended.
    Guard(News),
    /// A dialog that a crash left behind was told BYE.
    Ghost {
        /// `[[trunk]] id`.
        trunk: Arc<str>,
        /// What the peer said to it, or 0 when it said nothing.
        status: u16,
    },
}
