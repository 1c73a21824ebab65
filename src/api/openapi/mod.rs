//! `GET /api/v1/openapi.json`: the API described for programs (OpenAPI 3.1). The operations stand above their handlers; a test
//! compares them with the table of routes.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::OpenApi;

use crate::api::calls;
use crate::api::dashboard;
use crate::api::live;
use crate::api::me;
use crate::api::openapi;
use crate::api::openapi::common::Common;
use crate::api::peaks;
use crate::api::recording;
use crate::api::replay;
use crate::api::reports;
use crate::api::route;
use crate::api::saved as kept;
use crate::api::spend;
use crate::api::tokens;

mod common;
pub(in crate::api) mod money;
pub(in crate::api) mod parts;
pub(in crate::api) mod query;
pub(in crate::api) mod record;
pub(in crate::api) mod report;
pub(in crate::api) mod saved;
pub(in crate::api) mod tried;

/// The document's head, and every operation.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ringtag",
        description = "Calls, their recordings, what people say of them, and what happens now.\n\nTimes are RFC 3339 in UTC with milliseconds, durations whole milliseconds, telephone numbers E.164. Every refusal is `{\"error\": {\"code\": \"…\", \"message\": \"…\"}}`: the code is for programs and stays, the message is for people.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    servers((url = "/", description = "where this document comes from")),
    tags(
        (name = "calls", description = "The calls, newest first."),
        (name = "sound", description = "Recordings and their waveforms."),
        (name = "figures", description = "Figures over many calls."),
        (name = "money", description = "What advertising costs."),
        (name = "house", description = "How ringtag is set up."),
    ),
    paths(
        calls::list::list,
        calls::table::table,
        calls::one::one,
        calls::change::change,
        calls::bulk::bulk,
        calls::notes::pin,
        calls::notes::unpin,
        calls::ladder::ladder,
        calls::hangup::hang_up,
        calls::pause::pause,
        calls::pause::resume,
        live::live,
        recording::recording,
        peaks::peaks,
        route::route,
        replay::post,
        reports::one,
        kept::list,
        kept::save,
        kept::change,
        kept::remove,
        kept::letter,
        dashboard::one,
        spend::entry::list,
        spend::entry::one,
        spend::entry::enter,
        spend::entry::correct,
        spend::entry::remove,
        spend::table::take,
        spend::table::bring,
        tokens::list,
        tokens::make,
        tokens::revoke,
        me::me,
        openapi::openapi,
    ),
    components(schemas(parts::Refusal)),
    modifiers(&Common),
)]
struct Document;

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "openapi",
    tag = "house",
    responses((status = 200, description = "The document.", body = Object)),
)]
pub(in crate::api) async fn openapi() -> Response {
    /// Made once: it is the same for everybody.
    static TEXT: LazyLock<Bytes> =
        LazyLock::new(|| Document::openapi().to_json().unwrap_or_default().into());
    ([(CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}

#[cfg(test)]
mod tests;

/// The document as data.
#[cfg(test)]
fn document() -> serde_json::Value {
    serde_json::to_value(Document::openapi()).unwrap()
}
