//! `POST /api/v1/calls/{id}/hangup`: ends a call in progress, on both sides.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::calls::{GivenId, find};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::OneCall;
use crate::api::state::State;

/// Ends a call in progress. Its record ends a moment later, hung up by the system.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/hangup",
    operation_id = "hang_up_call",
    tag = "calls",
    params(OneCall),
    responses((status = 202, description = "Both sides are being told.")),
)]
pub(in crate::api) async fn hang_up(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?.id;
    let was_there = match &state.engine {
        Some(engine) => engine
            .hang_up(call, Arc::clone(&who.name))
            .await
            .map_err(|busy| {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", busy.to_string())
            })?,
        None => false,
    };
    if !was_there {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "call-over",
            "the call is over; there is nothing to hang up",
        ));
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
