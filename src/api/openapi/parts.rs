//! Everything of the API's document that is no call record: pages, refusals, explanations.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::calls::bulk::CALLS_MAX;
use crate::api::openapi::record::Call;
use crate::api::tokens::PROJECTS_MAX;
use crate::store::say::{LABEL_MAX, TAGS_MAX};

/// Why something was refused.
#[derive(ToSchema)]
pub(in crate::api) struct Refusal {
    error: RefusalReason,
}

/// The reason, for programs and for people. Some refusals have further members that a program can use.
#[derive(ToSchema)]
struct RefusalReason {
    /// A stable word.
    #[schema(example = "unknown-call")]
    code: String,
    /// A sentence that says what is wrong and what would be right.
    message: String,
}

/// One page of calls.
#[derive(ToSchema)]
pub(in crate::api) struct CallPage {
    /// The calls, the newest first.
    calls: Vec<Call>,
    /// The cursor of the page that follows; `null` on the last.
    #[schema(format = "uuid")]
    next: Option<String>,
}

/// The SIP messages of a call.
#[derive(ToSchema)]
pub(in crate::api) struct LadderShown {
    /// The messages, the oldest first.
    rungs: Vec<RungShown>,
    /// How many more there were than are kept: those in the middle of a call that had very many.
    left_out: u32,
}

/// One SIP message.
#[derive(ToSchema)]
struct RungShown {
    /// When it was seen first.
    #[schema(format = DateTime)]
    at: String,
    /// The leg: 0 is the caller's, the others are numbered as they were made.
    leg: u8,
    /// `in`: it came to ringtag; `out`: ringtag sent it.
    direction: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    transport: String,
    /// The other end, `host:port`.
    peer: String,
    /// The message.
    text: String,
    /// How often it was sent again.
    repeated: u32,
}

/// Why a call goes where it goes.
#[derive(ToSchema)]
pub(in crate::api) struct Explanation {
    /// The virtual number.
    number: String,
    /// Who calls.
    caller: String,
    /// `[[project]] id`.
    project: String,
    /// `[[source]] tag`.
    source: String,
    /// `[[source]] category`.
    category: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The same on the project's wall clock: `Sat 2026-11-21 12:30`.
    local_time: String,
    /// The project's zone.
    time_zone: String,
    /// `false`: the call passes without a trace in the reports.
    tracked: bool,
    /// The days of the project's off-season on which the call falls.
    #[schema(example = "2026-12-01..2027-02-28")]
    off_season: Option<String>,
    /// The rules before the one that decides, in order.
    passed: Vec<PassedRule>,
    /// The rule that decides.
    rule: Option<String>,
    /// The status that the caller is given, where the rule rejects or there is none.
    reject: Option<u16>,
    /// Who rings, in order; those of one step ring together.
    steps: Vec<RouteStep>,
    /// Whether the rule says to record.
    record: Option<bool>,
    /// Whether the call would be recorded once somebody answers.
    recorded: Option<bool>,
    /// What of this changes from call to call.
    notes: Vec<String>,
}

/// A rule that did not decide.
#[derive(ToSchema)]
struct PassedRule {
    /// `[[rule]] id`.
    rule: String,
    /// Why not.
    why: String,
    /// The first of its conditions that does not hold: `hours`, `caller`, …; `holiday`: the hours would, on another day.
    condition: String,
    /// What it wants, as configured.
    wanted: String,
    /// What the call has; empty where that is not known.
    found: String,
}

/// Targets that ring together.
#[derive(ToSchema)]
struct RouteStep {
    /// As the record names them.
    targets: Vec<String>,
    /// For how long.
    ring_s: u32,
}

/// Bytes as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(in crate::api) struct Binary(Vec<u8>);

/// What to say of a call. A member that is left out stays as it is; null takes it away.
#[derive(ToSchema)]
pub(in crate::api) struct CallChange {
    /// All tags of the call.
    #[schema(schema_with = tags)]
    tags: Option<Vec<String>>,
    /// Whether it was one of those that the advertising is for.
    target: Option<bool>,
    /// What the caller wanted: one of the project's `goals`.
    #[schema(
        max_length = 64,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "price"
    )]
    goal: Option<String>,
    /// How far the sale is: one of the project's `stages`.
    #[schema(
        max_length = 64,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "offer"
    )]
    stage: Option<String>,
    /// How it came out: one of the project's `outcomes`.
    #[schema(
        max_length = 64,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "sold"
    )]
    outcome: Option<String>,
    /// What it was worth, in the project's currency.
    #[schema(minimum = -1e15, maximum = 1e15)]
    value: Option<f64>,
    /// In somebody's own words.
    #[schema(
        max_length = 4000,
        pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$"
    )]
    note: Option<String>,
    /// A missed caller was called back; `false` takes that away.
    called_back: Option<bool>,
}

/// Tags: short, one line each.
fn tags() -> RefOr<Schema> {
    let tag = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(LABEL_MAX))
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(tag)
        .max_items(Some(TAGS_MAX))
        .into()
}

/// The same said of several calls.
#[derive(ToSchema)]
pub(in crate::api) struct BulkChange {
    /// Which.
    #[schema(schema_with = ids)]
    ids: Vec<String>,
    /// What to say of each.
    set: CallChange,
}

fn ids() -> RefOr<Schema> {
    let id = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("uuid".to_owned())));
    ArrayBuilder::new()
        .items(id)
        .min_items(Some(1))
        .max_items(Some(CALLS_MAX))
        .into()
}

/// What became of each call.
#[derive(ToSchema)]
pub(in crate::api) struct BulkChanged {
    /// In the order of the ids; an id that was given twice is there once.
    results: Vec<BulkResult>,
}

/// What became of one call.
#[derive(ToSchema)]
struct BulkResult {
    /// Which.
    #[schema(format = "uuid")]
    id: String,
    /// The status that a request for this call alone would have had.
    status: u16,
    /// The call's version now; `null` where it was refused.
    version: Option<u64>,
    /// Why it was refused.
    error: Option<RefusalReason>,
}

/// A note for a moment of the recording.
#[derive(ToSchema)]
pub(in crate::api) struct NewNote {
    /// Where, from the start of the recording.
    #[schema(maximum = 604800000)]
    at_ms: u64,
    /// What there is to say.
    #[schema(
        min_length = 1,
        max_length = 1000,
        pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$"
    )]
    text: String,
}

/// A token that is to be made.
#[derive(ToSchema)]
pub(in crate::api) struct NewToken {
    /// What the program is called; the call log names it with every change that it makes.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "crm"
    )]
    name: String,
    /// What it may do.
    role: Role,
    /// Whose calls it sees, by `[[project]] id`; null or left out: all.
    #[schema(schema_with = projects)]
    projects: Option<Vec<String>>,
}

fn projects() -> RefOr<Schema> {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(ObjectBuilder::new().schema_type(Type::String))
        .min_items(Some(1))
        .max_items(Some(PROJECTS_MAX))
        .into()
}

/// What somebody is here for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Role {
    /// Everything.
    Admin,
    /// Sees, plays and tags calls.
    Manager,
    /// Sees and plays calls.
    Listener,
    /// Sees figures, and calls with their numbers masked.
    Analyst,
    /// Reads the metrics, and nothing of any call.
    Monitor,
}

/// The tokens that are good.
#[derive(ToSchema)]
pub(in crate::api) struct TokenList {
    /// The oldest first.
    tokens: Vec<Token>,
}

/// A token.
#[derive(ToSchema)]
struct Token {
    /// Names it; no secret.
    id: String,
    /// What the program is called.
    name: String,
    /// What it may do.
    role: Role,
    /// Whose calls it sees; `null`: all.
    projects: Option<Vec<String>>,
    /// When it was made.
    #[schema(format = DateTime)]
    made_at: String,
    /// By whom.
    made_by: String,
    /// When it was shown last since ringtag was started.
    #[schema(format = DateTime)]
    last_used: Option<String>,
}

/// A token that was made.
#[derive(ToSchema)]
pub(in crate::api) struct MadeToken {
    /// Names it; no secret.
    id: String,
    /// What the program is called.
    name: String,
    /// What it may do.
    role: Role,
    /// Whose calls it sees; `null`: all.
    projects: Option<Vec<String>>,
    /// When it was made.
    #[schema(format = DateTime)]
    made_at: String,
    /// By whom.
    made_by: String,
    /// When it was shown last.
    #[schema(format = DateTime)]
    last_used: Option<String>,
    /// To be sent as `Authorization: Bearer …`. It is never shown again.
    #[schema(example = "rt_…")]
    secret: String,
}
