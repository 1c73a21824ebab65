//! What happened to a call, as facts for the call log. `call` tells, `store` keeps.
//!
//! Fields marked *personal* go into the removable part of a log line.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::{Moment, WallTime};

/// One fact about one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Whose.
    pub call: CallId,
    /// For people.
    pub at: WallTime,
    /// For order and durations.
    pub mono: Moment,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An INVITE from a trunk to one of our numbers.
    Began(Box<Began>),
    /// The first target rings.
    Ringing,
    /// A target answered with 200.
    Answered(Box<Answered>),
    /// A transfer that the callee asked for came to an end, good or bad.
    Transferred(Box<Transferred>),
    /// It is over: the last fact that `call` tells.
    Ended(Box<Ended>),
}

/// How a call began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// Whose campaign; copied so that the record outlives the configuration.
    pub source: SourceTag,
    /// `false`: the project is off-season. The log keeps this line, and where somebody answers two more, so that a start
    /// after a crash can end the call at its peers; lists and reports show none of it.
    pub tracked: bool,
    /// Who called. *Personal.*
    pub caller: Caller,
    /// The header that named the caller: `From`, `P-Asserted-Identity`, …
    pub caller_from: String,
    /// The number that was dialled.
    pub virtual_number: Number,
    /// The trunk that it came from.
    pub trunk: Arc<str>,
    /// SIP's Call-ID of the caller's leg.
    pub sip_call_id: String,
    /// Calls of this caller within the project before this one.
    pub prior_calls: u32,
    /// The rule that decided; `None`: none did, or the call was refused before any could.
    #[serde(default)]
    pub rule: Option<Arc<str>>,
}

/// The source's words at the time of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTag {
    /// `[[project]] id`.
    pub project: Arc<str>,
    /// `[[source]] tag`.
    pub tag: Arc<str>,
    /// `[[source]] channel`.
    pub channel: Option<Arc<str>>,
    /// `[[source]] campaign`.
    pub campaign: Option<Arc<str>>,
    /// `[[source]] category`.
    pub category: Option<Arc<str>>,
}

/// Who answered, and what a restart needs to end both dialogs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The rule that decided.
    pub rule: Arc<str>,
    /// `[[manager]] id`, where the target was one.
    pub manager: Option<Arc<str>>,
    /// What was dialled: `101`, `+79160000000`.
    pub destination: String,
    /// Whether a recording begins now.
    pub recorded: bool,
    /// Caller's and callee's dialog. *Personal*: their URIs hold numbers.
    pub dialogs: [KeptDialog; 2],
}

/// A transfer that came to an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Transferred {
    /// What the record says of it.
    pub transfer: Transfer,
    /// The new party's dialog, where the caller talks to it now. *Personal.*
    pub dialog: Option<KeptDialog>,
}

/// A transfer: somebody who talked to the caller sent it on to another party (RFC 3515, RFC 3891).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// When it was asked for.
    pub at: WallTime,
    /// Who sent the caller on: `manager:desk`, `ext:101@pbx`.
    pub by: String,
    /// To whom: `ext:102@pbx`, `number:+7…@carrier`.
    pub to: String,
    /// What came of it; `answered`: the caller talked to the new party.
    pub result: TriedResult,
    /// The new party's final SIP status, where it gave one.
    pub sip_status: Option<u16>,
    /// The other call through ringtag that this one was joined with, where it was: on one record the call that the new party
    /// came out of, on the other the call that its party went on in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<CallId>,
}

/// What a BYE needs when this process is gone (RFC 3261 12.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDialog {
    /// SIP's Call-ID.
    pub call_id: String,
    /// From of the BYE, with our tag.
    pub local: String,
    /// To of the BYE, with the peer's tag.
    pub remote: String,
    /// Request-URI of the BYE.
    pub target: String,
    /// Route header values in order.
    pub routes: Vec<String>,
    /// The last CSeq number that we used.
    pub cseq: u32,
    /// The trunk, for transport and credentials.
    pub trunk: Arc<str>,
    /// Where its signalling went.
    pub peer: SocketAddr,
    /// Whether our INVITE began it. Lines from before it was kept are of dialogs that began so, but for the caller's.
    #[serde(default = "began_by_us", skip_serializing_if = "is_ours")]
    pub ours: bool,
}

const fn began_by_us() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it by reference"
)]
const fn is_ours(ours: &bool) -> bool {
    *ours
}

/// How a call ended, with everything that is known only then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The rule that decided; `None`: no rule did.
    pub rule: Option<Arc<str>>,
    /// Each target tried, in order.
    pub targets_tried: Vec<Tried>,
    /// Who answered.
    pub manager: Option<Arc<str>>,
    /// What was dialled where somebody answered.
    pub destination: Option<String>,
    /// When the first target rang.
    pub ringing_at: Option<WallTime>,
    /// When a target answered.
    pub answered_at: Option<WallTime>,
    /// From the INVITE to the answer, or to the end.
    pub wait_ms: u64,
    /// From the answer to the end, hold included; 0 without an answer.
    pub talk_ms: u64,
    /// From the INVITE to the end.
    pub total_ms: u64,
    /// A target answered.
    pub answered: bool,
    /// Tracked, not answered, and no rule rejected it.
    pub missed: bool,
    /// Why.
    pub finish_reason: FinishReason,
    /// Who hung up.
    pub hung_up_by: HungUpBy,
    /// The final status the caller was given; 200 where it was answered.
    pub sip_status: Option<u16>,
    /// The Q.850 cause that a Reason header named (RFC 3326), else the one that a SIP status stands for (RFC 3398).
    pub q850_cause: Option<u8>,
    /// Each leg, the caller's first.
    pub legs: Vec<Leg>,
    /// Each transfer, in order.
    pub transfers: Vec<Transfer>,
}

/// One target that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// `manager:desk`, `ext:101@pbx`, `number:+7…@carrier`.
    pub target: String,
    /// The trunk on which; a target with several may stand here once for each. `None` in old lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<Arc<str>>,
    /// What came of it.
    pub result: TriedResult,
    /// Its final SIP status, where it gave one.
    pub sip_status: Option<u16>,
    /// How long it rang, from its first 18x; 0 where it did not.
    pub ring_ms: u64,
}

impl Tried {
    /// The manager who was called, where the target was one.
    pub fn manager(&self) -> Option<&str> {
        self.target.strip_prefix("manager:")
    }
}

/// What came of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriedResult {
    /// It answered.
    Answered,
    /// 486 or 600.
    Busy,
    /// It rang until its time was over, or said 480 or 408.
    NoAnswer,
    /// 603, or another 4xx-6xx.
    Rejected,
    /// Nothing came within 4 s, or the transport failed.
    Unreachable,
    /// 488 or an answer that cannot meet the offer.
    CodecMismatch,
    /// Another answered first.
    AnsweredElsewhere,
    /// The caller gave up while it was tried.
    Cancelled,
    /// It could not be tried: no ports, or its trunk is full or has had its calls of this second.
    NoCapacity,
    /// It named others (3xx), who were tried in its place.
    Redirected,
    /// It was not tried: its trunk may not dial there.
    NotAllowed,
    /// It was not tried: it is a virtual number of ours, and the call would come back.
    Loop,
    /// Its sound was plain where its trunk requires SRTP, or encrypted with no key that is ours to use.
    SrtpMismatch,
}

impl TriedResult {
    /// Every result, for those who have words for each.
    pub const ALL: [Self; 13] = [
        Self::Answered,
        Self::Busy,
        Self::NoAnswer,
        Self::Rejected,
        Self::Unreachable,
        Self::CodecMismatch,
        Self::AnsweredElsewhere,
        Self::Cancelled,
        Self::NoCapacity,
        Self::Redirected,
        Self::NotAllowed,
        Self::Loop,
        Self::SrtpMismatch,
    ];

    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::CodecMismatch => "codec-mismatch",
            Self::AnsweredElsewhere => "answered-elsewhere",
            Self::Cancelled => "cancelled",
            Self::NoCapacity => "no-capacity",
            Self::Redirected => "redirected",
            Self::NotAllowed => "not-allowed",
            Self::Loop => "loop",
            Self::SrtpMismatch => "srtp-mismatch",
        }
    }
}

/// One leg at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// `[[trunk]] id`.
    pub trunk: Arc<str>,
    /// The peer's URI. *Personal.*
    pub remote_uri: String,
    /// SIP's Call-ID.
    pub sip_call_id: String,
    /// The codec agreed on: `PCMA/8000`.
    pub codec: Option<String>,
    /// RTP packets received from it.
    pub packets_in: u64,
    /// RTP packets sent to it.
    pub packets_out: u64,
    /// Packets that its sequence numbers say were lost on the way to us.
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 6.4.1) at the end.
    pub jitter_ms: f32,
    /// RFC 4733 digits it sent. *Personal.*
    pub digits: String,
    /// When it sent each of them, in milliseconds from the answer, which is where the recording begins; 0 before it.
    /// Empty in records of earlier versions.
    #[serde(default)]
    pub digit_times: Vec<u64>,
    /// What it was to the call; `None` in records of earlier versions.
    #[serde(default)]
    pub role: Option<Role>,
    /// When it joined the conversation, in milliseconds from the answer, which is where the recording begins; `None`: it never
    /// did.
    #[serde(default)]
    pub joined_ms: Option<u64>,
    /// When it left the conversation.
    #[serde(default)]
    pub left_ms: Option<u64>,
    /// With which suite its sound was encrypted: `AES_CM_128_HMAC_SHA1_80`; `None`: it was not, or not with keys of ours.
    #[serde(default)]
    pub srtp: Option<String>,
    /// Packets that were not under the key agreed on.
    #[serde(default)]
    pub srtp_failed: u64,
    /// How long a packet took to its peer and back, on average, by the peer's reports (RFC 3550 6.4.1); `None`: they do not say.
    #[serde(default)]
    pub rtt_ms: Option<f32>,
    /// Packets that never reached its peer, as the peer's last report says.
    #[serde(default)]
    pub lost_there: Option<u64>,
    /// The jitter of what it was sent, as the peer's last report says.
    #[serde(default)]
    pub jitter_there_ms: Option<f32>,
    /// The sound that came from its peer, from 1 to 4.5: an estimate (ITU-T G.107) from loss, jitter, way and codec.
    #[serde(default)]
    pub mos_estimate: Option<f32>,
}

/// What a leg was to its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Who rang.
    Caller,
    /// A target of the rule.
    Callee,
    /// To whom the caller was sent on.
    Transfer,
}

impl Role {
    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Transfer => "transfer",
        }
    }
}

/// A stable word for why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinishReason {
    /// Answered, and somebody hung up.
    Completed,
    /// The caller hung up before an answer.
    CallerGaveUp,
    /// All targets were busy, or all of those that could be asked.
    Busy,
    /// Some rang, none answered.
    NoAnswer,
    /// A rule rejected it.
    Rejected,
    /// No target was reached.
    Unreachable,
    /// No rule was for it.
    NoRule,
    /// The codecs cannot meet.
    CodecMismatch,
    /// Over a limit of ours.
    Overload,
    /// No packet from either side for `silence_s`.
    MediaLost,
    /// A peer vanished: its ACK or its answer to a request in the dialog never came.
    SignallingLost,
    /// ringtag was stopped.
    Shutdown,
    /// An operator ended it.
    HungUpByOperator,
    /// ringtag was killed; found at the next start.
    Crashed,
    /// The INVITE could not be served as it was written: malformed, an extension that is not supported, or a loop.
    BadRequest,
    /// A peer that owed it refreshed the session no more, or took no refresh of ours (RFC 4028).
    SessionExpired,
    /// Its caller, or the address that it came from, dialled too many different numbers in a short time (`[guard]`).
    TooManyNumbers,
    /// A party of it was joined with that of another call through ringtag, which goes on with both (RFC 5589 7).
    Transferred,
    /// Plain sound where a trunk requires SRTP, or sound encrypted with no key that is ours to use.
    SrtpMismatch,
}

impl FinishReason {
    /// Every reason, each at the place of its number. The store's files hold these numbers: append only.
    pub const ALL: [Self; 19] = [
        Self::Completed,
        Self::CallerGaveUp,
        Self::Busy,
        Self::NoAnswer,
        Self::Rejected,
        Self::Unreachable,
        Self::NoRule,
        Self::CodecMismatch,
        Self::Overload,
        Self::MediaLost,
        Self::SignallingLost,
        Self::Shutdown,
        Self::HungUpByOperator,
        Self::Crashed,
        Self::BadRequest,
        Self::SessionExpired,
        Self::TooManyNumbers,
        Self::Transferred,
        Self::SrtpMismatch,
    ];

    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CallerGaveUp => "caller-gave-up",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::NoRule => "no-rule",
            Self::CodecMismatch => "codec-mismatch",
            Self::Overload => "overload",
            Self::MediaLost => "media-lost",
            Self::SignallingLost => "signalling-lost",
            Self::Shutdown => "shutdown",
            Self::HungUpByOperator => "hung-up-by-operator",
            Self::Crashed => "crashed",
            Self::BadRequest => "bad-request",
            Self::SessionExpired => "session-expired",
            Self::TooManyNumbers => "too-many-numbers",
            Self::Transferred => "transferred",
            Self::SrtpMismatch => "srtp-mismatch",
        }
    }
}

/// Who ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HungUpBy {
    /// Who rang.
    Caller,
    /// Who answered, or would have.
    Callee,
    /// ringtag.
    System,
}

impl HungUpBy {
    /// The word of the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::System => "system",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_at_the_place_of_its_number() {
        for (place, reason) in FinishReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        let last = FinishReason::SrtpMismatch;
        assert_eq!(last as usize + 1, FinishReason::ALL.len());
    }
}
