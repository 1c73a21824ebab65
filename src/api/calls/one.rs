//! `GET /api/v1/calls/{id}`: one call.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use crate::api::calls::say::etag;
use crate::api::calls::{GivenId, find};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::OneCall;
use crate::api::openapi::record::Call;
use crate::api::state::State;

/// One call, whole. Its ETag is its version, for `If-Match` of a change.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}",
    operation_id = "get_call",
    tag = "calls",
    params(OneCall),
    responses((status = 200, description = "The call.", body = Call)),
)]
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?;
    Ok(([(ETAG, etag(call.version))], Json(call)).into_response())
}
