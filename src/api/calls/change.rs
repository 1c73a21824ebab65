//! `PATCH /api/v1/calls/{id}`: what somebody says of a call.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use crate::api::body::Members;
use crate::api::calls::say::{etag, fits, if_version, read, refused};
use crate::api::calls::{GivenId, find, off_the_loop, unknown};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::{CallChange, Refusal};
use crate::api::openapi::query::OneCall;
use crate::api::openapi::record::Call;
use crate::api::state::State;
use crate::api::veil;
use crate::people::Who;
use crate::store::record::CallRecord;

/// Says something of a call: tags, whether it was a target call, goal, stage, outcome, value, note, whether it was called back.
///
/// A member that is left out stays as it is; null takes it away (RFC 7396). With `If-Match` it is done only if nobody said
/// anything since that version; 412 tells what was said. What the call does by itself meanwhile is no obstacle.
#[utoipa::path(
    patch,
    path = "/api/v1/calls/{id}",
    operation_id = "change_call",
    tag = "calls",
    params(OneCall, ("If-Match" = Option<String>, Header, description = "The ETag of the call as it was seen.")),
    request_body(content = CallChange),
    responses(
        (status = 200, description = "The call as it is now.", body = Call),
        (status = 409, description = "The project has no such word, or it cannot be said of this call.", body = Refusal),
        (status = 412, description = "Somebody was quicker: `error.version` and `error.changes` say what they said.", body = Refusal),
    ),
)]
pub(in crate::api) async fn change(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    headers: HeaderMap,
    members: Members,
) -> Result<Response, ApiError> {
    let say = read(members)?;
    let call = find(&state, &who, id).await?;
    let say = fits(say, &call, &state.rules())?;
    let (store, by, version) = (state.store, who.name.clone(), if_version(&headers));
    let said = off_the_loop(move || store.say(call.id, say, &by, version)).await?;
    let record = said.map_err(|error| refused(error, &who, version))?;
    shown(record, &who)
}

/// A record with its tag.
pub(in crate::api::calls) fn shown(record: CallRecord, who: &Who) -> Result<Response, ApiError> {
    let tag = [(ETAG, etag(record.version))];
    let record = veil::record(record, who).ok_or_else(unknown)?;
    Ok((tag, Json(record)).into_response())
}
