//! The call record as the API's document describes it. The record itself is `store::record`; a test compares both, member
//! by member, with the JSON of real calls.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use serde::Serialize;
use utoipa::ToSchema;

/// One call. Every member is always there; `null` where a thing did not happen, is not known yet, or was erased.
///
/// Who may not see telephone numbers gets them masked (`+7916*****67`, `***`) and no notes.
#[derive(ToSchema)]
pub(in crate::api) struct Call {
    /// Time-ordered (UUIDv7).
    #[schema(format = "uuid")]
    id: String,
    /// Which business: `[[project]] id`.
    #[schema(example = "shop")]
    project: String,
    /// Which advertisement: `[[source]] tag`.
    #[schema(example = "billboard")]
    source: String,
    /// `[[source]] channel`.
    channel: Option<String>,
    /// `[[source]] campaign`.
    campaign: Option<String>,
    /// `[[source]] category`.
    category: Option<String>,
    /// `false`: the project was off-season; lists and reports do not show the call.
    tracked: bool,
    /// Who called: an E.164 number, what came in its place, or `anonymous`; `null` once the person was erased.
    #[schema(example = "+79161234567")]
    caller: Option<String>,
    /// The header that named the caller.
    #[schema(example = "P-Asserted-Identity")]
    caller_from: String,
    /// The advertisement's number that was dialled.
    #[schema(example = "+74950000001")]
    virtual_number: String,
    /// Which way the call went.
    direction: Direction,
    /// The rule that decided.
    rule: Option<String>,
    /// Each target with its result.
    targets_tried: Vec<TargetTried>,
    /// Who answered: `[[manager]] id`.
    manager: Option<String>,
    /// What was dialled where somebody answered.
    destination: Option<String>,
    /// The INVITE.
    #[schema(format = DateTime)]
    started_at: String,
    /// The first target rang.
    #[schema(format = DateTime)]
    ringing_at: Option<String>,
    /// A target's 200.
    #[schema(format = DateTime)]
    answered_at: Option<String>,
    /// The end; `null` while the call runs.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// From `started_at` to `answered_at`, or to the end.
    wait_ms: Option<u64>,
    /// From `answered_at` to the end, hold included; 0 without an answer.
    talk_ms: Option<u64>,
    /// From `started_at` to the end.
    total_ms: Option<u64>,
    /// A target answered.
    answered: bool,
    /// A tracked call that no target answered and no rule rejected; `false` while the call runs.
    missed: bool,
    /// Why it ended. Later versions may know further words.
    #[schema(example = "completed")]
    finish_reason: Option<String>,
    /// Who ended it.
    hung_up_by: Option<HungUpBy>,
    /// The final SIP status that the caller was given.
    sip_status: Option<u16>,
    /// The Q.850 cause that a Reason header named.
    q850_cause: Option<u8>,
    /// The caller had not called this project before.
    first_call: bool,
    /// How often the caller had called this project before.
    prior_calls: u32,
    /// What people say of it: tags.
    tags: Vec<String>,
    /// What people say of it: whether it was one of those that the advertising is for.
    target: Option<bool>,
    /// What people say of it: what the caller wanted.
    goal: Option<String>,
    /// What people say of it: the funnel's stage.
    stage: Option<String>,
    /// What people say of it: how it came out.
    outcome: Option<String>,
    /// What people say of it: what it was worth, in the project's currency.
    value: Option<f64>,
    /// What people say of it, in their words.
    note: Option<String>,
    /// What people say of moments of its recording.
    notes: Vec<PinnedNote>,
    /// Of a missed call: since when somebody is to call back, and who did.
    callback: Option<Callback>,
    /// Each change that people made, in order.
    said: Vec<Said>,
    /// Who played or downloaded its recording, in order; the last 200.
    uses: Vec<RecordingUse>,
    /// Rises with every change of the record. The ETag of the call.
    version: u64,
    /// Each leg, the caller's first.
    legs: Vec<Leg>,
    /// Each transfer that came to an end, in order.
    transfers: Vec<Transfer>,
    /// The recording, where there is one.
    recording: Option<Recording>,
}

/// Which way a call went.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Direction {
    Inbound,
}

/// Who ended a call.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum HungUpBy {
    Caller,
    Callee,
    System,
}

/// One target that was tried.
#[derive(ToSchema)]
struct TargetTried {
    /// `manager:desk`, `ext:101@pbx`, `number:+7…@carrier`.
    #[schema(example = "manager:desk")]
    target: String,
    /// The trunk on which. Left out by calls of early versions.
    #[schema(required = false, nullable = false)]
    trunk: Option<String>,
    /// What came of it: `answered`, `busy`, `no-answer`, … Later versions may know further words.
    #[schema(example = "no-answer")]
    result: String,
    /// Its final SIP status, where it gave one.
    sip_status: Option<u16>,
    /// How long it rang; 0 where it did not.
    ring_ms: u64,
}

/// One leg at its end.
#[derive(ToSchema)]
struct Leg {
    /// `[[trunk]] id`.
    trunk: String,
    /// The peer's URI.
    remote_uri: String,
    /// SIP's Call-ID.
    sip_call_id: String,
    /// The codec agreed on: `PCMA/8000`.
    codec: Option<String>,
    /// RTP packets received from it.
    packets_in: u64,
    /// RTP packets sent to it.
    packets_out: u64,
    /// Packets that were lost on the way to ringtag.
    lost: u64,
    /// Interarrival jitter (RFC 3550 6.4.1) at the end.
    jitter_ms: f32,
    /// The digits that it sent (RFC 4733); with `[recordings] mask_digits` a `*` for each.
    digits: String,
    /// When it sent each of them, in milliseconds from the answer, which is where the recording begins; 0 before it.
    digit_times: Vec<u64>,
    /// What it was to the call; `null` in records of early versions.
    role: Option<LegRole>,
    /// When it joined the conversation, in milliseconds from the answer; `null`: it never did.
    joined_ms: Option<u64>,
    /// When it left the conversation.
    left_ms: Option<u64>,
    /// With which suite its sound was encrypted; `null`: it was not, or with keys that are not ringtag's.
    #[schema(example = "AES_CM_128_HMAC_SHA1_80")]
    srtp: Option<String>,
    /// Packets that were not under the key agreed on, or were changed on their way: they went no further.
    srtp_failed: u64,
    /// How long a packet took to its peer and back, on average, by its reports (RTCP); `null`: they do not say.
    rtt_ms: Option<f32>,
    /// Packets that never reached its peer, as that reported last.
    lost_there: Option<u64>,
    /// The jitter of what it was sent, as its peer reported last.
    jitter_there_ms: Option<f32>,
    /// The sound that came from its peer, from 1 to 4.5: an estimate (ITU-T G.107) from loss, jitter, way and codec; `null`: too
    /// little sound, or another codec.
    #[schema(example = 4.39)]
    mos_estimate: Option<f32>,
}

/// What a leg was to its call.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum LegRole {
    Caller,
    Callee,
    Transfer,
}

/// Somebody who talked to the caller sent it on to another party.
#[derive(ToSchema)]
struct Transfer {
    /// When it was asked for.
    #[schema(format = DateTime)]
    at: String,
    /// Who sent the caller on.
    by: String,
    /// To whom.
    to: String,
    /// What came of it, in the words of `targets_tried`.
    result: String,
    /// The new party's final SIP status, where it gave one.
    sip_status: Option<u16>,
    /// The other call that this one was joined with; left out where it was with none.
    #[schema(required = false, nullable = false)]
    joined: Option<String>,
}

/// The recording of a call: 16-bit PCM, left the caller, right who answered, from the answer on.
#[derive(ToSchema)]
struct Recording {
    /// Relative to the recordings folder.
    file: String,
    /// Length of the sound.
    duration_ms: u64,
    /// Samples a second on each channel.
    sample_rate_hz: u32,
    /// 2: left the caller, right the callee.
    channels: u16,
    /// Length of the file.
    bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal, once it has been computed.
    sha256: Option<String>,
    /// Whether it is whole.
    state: RecordingState,
    /// What is missing in it and why.
    gaps: Vec<Gap>,
    /// How long all of these are together.
    gaps_ms: u64,
    /// The side from which nothing came, where something came from the other.
    one_way: Option<Side>,
    /// By how much the sound is longer than the talk was, or shorter where it is negative. `null`: they match, or the call
    /// runs.
    off_by_ms: Option<i64>,
    /// What was left out because somebody asked for it: silence of its length.
    pauses: Vec<Pause>,
    /// The files that follow the first, where one was not enough.
    parts: Vec<RecordingPart>,
}

/// A stretch of a recording in which nothing was recorded.
#[derive(ToSchema)]
struct Pause {
    /// From the start of the recording.
    from_ms: u64,
    /// How long.
    length_ms: u64,
    /// Who asked for it: a user's name, `keys` or `hold`.
    by: String,
}

/// One of the further files of a recording: `recording.wav?part=2` is the first of them.
#[derive(ToSchema)]
struct RecordingPart {
    /// Relative to the recordings folder.
    file: String,
    /// Length of its sound.
    duration_ms: u64,
    /// Length of the file.
    bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal, once it has been computed.
    sha256: Option<String>,
}

/// Whether a recording is whole.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum RecordingState {
    /// Both sides were heard, and everything that came is in it.
    Complete,
    /// Something is missing; `gaps` names it.
    Partial,
    /// It ends before the call did.
    Truncated,
    /// A crash cut it; what was on the disk was made whole.
    Repaired,
}

/// Sound that is missing.
#[derive(ToSchema)]
struct Gap {
    /// Whose.
    side: Side,
    /// From the start of the recording.
    from_ms: u64,
    /// How long.
    length_ms: u64,
    /// Why.
    why: String,
}

/// Which side of a recording: left is the caller, right the callee.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Side {
    Caller,
    Callee,
}

/// A note at a moment of the recording.
#[derive(ToSchema)]
struct PinnedNote {
    /// Names it within its call.
    id: u64,
    /// Where in the recording.
    at_ms: u64,
    /// What it says.
    text: String,
    /// Who pinned it.
    by: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

/// What became of a missed call.
#[derive(ToSchema)]
struct Callback {
    /// Since when somebody is to call back: the call's end.
    #[schema(format = DateTime)]
    since: String,
    /// `null`: nobody has yet.
    done: Option<CalledBack>,
}

/// How a missed caller was spoken to after all.
#[derive(ToSchema)]
struct CalledBack {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who says so; `caller`: a later call of the same caller in the project was answered.
    by: String,
}

/// One change that somebody made to a record.
#[derive(ToSchema)]
pub(in crate::api) struct Said {
    /// The version of the record right after it.
    n: u64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    by: String,
    /// Whether that is a person.
    kind: SaidKind,
    /// What was changed.
    what: SaidField,
    /// What it was before; `null`: nothing, or its words were erased with the person who called.
    from: Option<SaidWords>,
    /// What it is now; `null` likewise.
    to: Option<SaidWords>,
}

/// Who says something of a call. What a person says stands against a machine.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum SaidKind {
    Person,
    Machine,
}

/// What of a record people change.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum SaidField {
    Tags,
    Target,
    Goal,
    Stage,
    Outcome,
    Value,
    Note,
    CalledBack,
    Pinned,
}

/// What a field held or holds.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum SaidWords {
    /// `target`, `called_back`
    Flag(bool),
    /// `value`
    Amount(f64),
    /// Every other field.
    Text(String),
    /// `tags`
    List(Vec<String>),
}

/// Somebody used a recording.
#[derive(ToSchema)]
struct RecordingUse {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    by: String,
    /// How.
    what: UseKind,
}

/// How a recording was used.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum UseKind {
    Played,
    Downloaded,
}
