//! The parameters of requests as the API's document describes them. `api::query` and the handlers read them; a test
//! compares the names.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::IntoParams;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type,
};
use utoipa::openapi::{RefOr, Schema};

use crate::store::narrow::{Part, Taken};
use crate::store::query::Status;

/// Which calls. All that are given must hold; one with an empty value is as one left out.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct CallsAsked {
    /// Began at this time or later: RFC 3339, or a day, which begins at midnight UTC.
    #[param(schema_with = time, required = false)]
    since: (),
    /// Began before this time.
    #[param(schema_with = time, required = false)]
    until: (),
    /// `[[project]] id`; several times for several projects.
    #[param(max_items = 32, style = Form, explode)]
    project: Option<Vec<String>>,
    /// `[[source]] tag`.
    #[param(max_length = 256, nullable = false)]
    source: Option<String>,
    /// `[[source]] channel`.
    #[param(max_length = 256, nullable = false)]
    channel: Option<String>,
    /// `[[source]] campaign`.
    #[param(max_length = 256, nullable = false)]
    campaign: Option<String>,
    /// `[[source]] category`.
    #[param(max_length = 256, nullable = false)]
    category: Option<String>,
    /// `[[manager]] id` of who answered.
    #[param(max_length = 256, nullable = false)]
    manager: Option<String>,
    /// The caller as the record shows it, or a prefix of that with `*` at its end. 403 for who sees no numbers.
    #[param(max_length = 256, nullable = false, example = "+7916*")]
    caller: Option<String>,
    /// How it stands or ended.
    #[param(schema_with = status, required = false)]
    status: (),
    /// A tag that people gave it.
    #[param(max_length = 256, nullable = false)]
    tag: Option<String>,
    /// Whether it was one of those that the advertising is for.
    #[param(nullable = false)]
    target: Option<bool>,
    /// What the caller wanted.
    #[param(max_length = 256, nullable = false)]
    goal: Option<String>,
    /// The funnel's stage.
    #[param(max_length = 256, nullable = false)]
    stage: Option<String>,
    /// How it came out.
    #[param(max_length = 256, nullable = false)]
    outcome: Option<String>,
    /// `true`: the caller had called the project before; `false`: a first call; `unknown`: the caller hides.
    #[param(schema_with = repeat, required = false)]
    repeat: (),
    /// `open`: missed, and nobody has called back yet; `done`: missed, and the caller was spoken to since or somebody says so;
    /// `spoken`: missed, and a later call of the caller was answered.
    #[param(schema_with = callback, required = false)]
    callback: (),
    /// Text that occurs in the caller, the virtual number, the source, the campaign, who answered or the note. 403 for who sees
    /// no numbers.
    #[param(max_length = 256, nullable = false)]
    q: Option<String>,
    /// The virtual number that was dialled.
    #[param(max_length = 256, nullable = false, example = "+74950000001")]
    number: Option<String>,
    /// `[[rule]] id` of the rule that decided.
    #[param(max_length = 256, nullable = false)]
    rule: Option<String>,
    /// `[[manager]] id` of somebody it was offered to, known once it is over, or who answered.
    #[param(max_length = 256, nullable = false)]
    offered: Option<String>,
    /// Who answered, seen from `offered`: `own`, that manager; `other`, somebody else.
    #[param(schema_with = taken, required = false)]
    taken: (),
    /// Its stage is one of these; several times for several.
    #[param(max_items = 32, style = Form, explode)]
    stages: Option<Vec<String>>,
    /// `true`: of `stages` only the first will do; where there is none, it has no stage.
    #[param(schema_with = only_true, required = false)]
    first_stage: (),
    /// Why it ended.
    #[param(schema_with = reason, required = false)]
    reason: (),
    /// `true`: it is over; `false`: in progress.
    #[param(nullable = false)]
    ended: Option<bool>,
    /// Whether people say what it was worth.
    #[param(nullable = false)]
    valued: Option<bool>,
    /// `true`: its outcome is one of its project's `sales`.
    #[param(schema_with = only_true, required = false)]
    customer: (),
    /// `true`: it is a target call, or its outcome is one of its project's `sales`.
    #[param(schema_with = only_true, required = false)]
    lead: (),
    /// What it has not; several times for several things.
    #[param(schema_with = without, required = false, style = Form, explode)]
    without: (),
    /// The hour of the day in which it began, in `zone`.
    #[param(maximum = 23, nullable = false)]
    hour: Option<u8>,
    /// The day of the week on which it began, in `zone`; 1 is Monday.
    #[param(minimum = 1, maximum = 7, nullable = false)]
    weekday: Option<u8>,
    /// IANA name of the zone of `hour` and `weekday`; left out: UTC.
    #[param(max_length = 256, nullable = false, example = "Europe/Moscow")]
    zone: Option<String>,
    /// The caller waited so long or longer for an answer, or until the end.
    #[param(maximum = 4294967295i64, nullable = false)]
    min_wait_ms: Option<u64>,
    /// And no longer than that.
    #[param(maximum = 4294967295i64, nullable = false)]
    max_wait_ms: Option<u64>,
}

/// Which part of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct PageAsked {
    /// Most calls.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u16>,
    /// Where the page before ended: its `next`.
    #[param(format = "uuid", nullable = false)]
    cursor: Option<String>,
}

/// Which report.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneReport {
    /// Its name: `sources`, `managers`, `hours`, `days`, `repeat`, `reasons`, `goals`, `missed`, `funnel`, `lines`,
    /// `answer-time`, `money` or `rules`; with `.csv` behind it for a table.
    #[param(max_length = 64, example = "sources")]
    name: String,
}

/// By what a report's lines are cut.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct CutAsked {
    /// By what its lines are cut: `source`, `campaign`, `channel`, `category`, `number`, `rule`, `day`, `week` or `month`, where
    /// the report knows it; left out: as it usually is.
    #[param(max_length = 64, nullable = false, example = "campaign")]
    by: Option<String>,
}

/// Of which calls a dashboard is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct DashboardAsked {
    /// `[[project]] id`; several times for several projects.
    #[param(max_items = 32, style = Form, explode)]
    project: Option<Vec<String>>,
    /// `[[source]] tag`.
    #[param(max_length = 256, nullable = false)]
    source: Option<String>,
    /// `[[source]] channel`.
    #[param(max_length = 256, nullable = false)]
    channel: Option<String>,
    /// `[[source]] campaign`.
    #[param(max_length = 256, nullable = false)]
    campaign: Option<String>,
    /// `[[source]] category`.
    #[param(max_length = 256, nullable = false)]
    category: Option<String>,
}

/// Which call.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneCall {
    /// The call's id.
    #[param(format = "uuid")]
    id: String,
}

/// From where on events are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct LiveAsked {
    /// The id of the last event that was seen, for whoever cannot send the header; left out: from now on.
    #[param(nullable = false)]
    last: Option<u64>,
}

/// Which note of which call.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneNote {
    /// The call's id.
    #[param(format = "uuid")]
    id: String,
    /// The note's id.
    note: u64,
}

/// Which token.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneToken {
    /// The token's id.
    id: String,
}

/// Which saved report.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneSaved {
    /// The saved report's id.
    id: String,
}

/// Which call would be routed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct RouteAsked {
    /// The virtual number that is dialled.
    #[param(
        max_length = 256,
        pattern = r"^\+[1-9][0-9]{6,13}$",
        example = "+74950000001"
    )]
    to: String,
    /// Who calls; left out: an anonymous caller.
    #[param(max_length = 256, nullable = false, example = "+79161234567")]
    from: Option<String>,
    /// When: RFC 3339, or a time on the wall clock of the project as 2026-11-21T12:30; left out: now.
    #[param(schema_with = time, required = false)]
    at: (),
    /// The trunk that it comes from; left out: not known, and no rule that asks for one holds.
    #[param(max_length = 256, nullable = false, example = "carrier")]
    trunk: Option<String>,
    /// How often the caller called before; left out: as the call log knows.
    #[param(nullable = false)]
    prior_calls: Option<u32>,
}

/// Which calls are replayed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ReplayAsked {
    /// Calls that began at this time or later: RFC 3339, or a day, which begins at midnight UTC; left out: seven days ago.
    #[param(schema_with = time, required = false)]
    since: (),
    /// Calls that began before this time; left out: now.
    #[param(schema_with = time, required = false)]
    until: (),
}

/// How much of a recording is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct RecordingAsked {
    /// Only so much from its beginning.
    #[param(maximum = 604800000, nullable = false)]
    until_ms: Option<u64>,
    /// `1`: it is kept as a file, which the call log tells from a play.
    #[param(schema_with = zero_or_one, required = false)]
    download: (),
    /// Which of its files, where one was not enough; the first is 1.
    #[param(minimum = 1, maximum = 4294967295i64, nullable = false)]
    part: Option<u64>,
}

/// From where on peaks are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct PeaksAsked {
    /// The first bucket that is wanted.
    #[param(maximum = 4294967295i64, nullable = false)]
    from: Option<u64>,
    /// Which of the recording's files, where one was not enough; the first is 1.
    #[param(minimum = 1, maximum = 4294967295i64, nullable = false)]
    part: Option<u64>,
}

fn time() -> RefOr<Schema> {
    let of = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    AnyOfBuilder::new()
        .item(of(KnownFormat::DateTime))
        .item(of(KnownFormat::Date))
        .into()
}

fn status() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Status::words()))
        .into()
}

fn zero_or_one() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["0", "1"]))
        .into()
}

fn repeat() -> RefOr<Schema> {
    words(["true", "false", "unknown"])
}

fn taken() -> RefOr<Schema> {
    words(Taken::ALL.map(Taken::word))
}

fn only_true() -> RefOr<Schema> {
    words(["true"])
}

fn reason() -> RefOr<Schema> {
    let is_reason = |word: &&str| matches!(word.parse(), Ok(Status::Ended(_)));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Status::words().filter(is_reason)))
        .into()
}

fn without() -> RefOr<Schema> {
    ArrayBuilder::new()
        .items(words(Part::ALL.map(Part::word)))
        .max_items(Some(32))
        .into()
}

fn words<const COUNT: usize>(words: [&'static str; COUNT]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .into()
}

fn callback() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["open", "done", "spoken"]))
        .into()
}
