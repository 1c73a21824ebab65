//! Everything of the API's document that is no call record: pages, refusals, explanations.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::ToSchema;

use crate::api::openapi::record::Call;

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
    /// `false`: off-season.
    tracked: bool,
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
}

/// Targets that ring together.
#[derive(ToSchema)]
struct RouteStep {
    /// As the record names them.
    targets: Vec<String>,
    /// For how long.
    ring_s: u32,
}
