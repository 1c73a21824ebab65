//! `POST /api/v1/calls/{id}/recording/pause` and `…/resume`: what follows is silence in the recording, until it goes on.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::calls::{GivenId, find};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::OneCall;
use crate::api::state::State;

/// Has the recording of a call in progress pause. The pause is silence of its length, and the record names who asked for it.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/pause",
    operation_id = "pause_recording",
    tag = "sound",
    params(OneCall),
    responses((status = 202, description = "From now on nothing is recorded.")),
)]
pub(in crate::api) async fn pause(
    state: Shared<State>,
    who: Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    set(state, who, id, true).await
}

/// Has the recording of a call in progress go on after a pause, whoever paused it.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/resume",
    operation_id = "resume_recording",
    tag = "sound",
    params(OneCall),
    responses((status = 202, description = "From now on the call is recorded again.")),
)]
pub(in crate::api) async fn resume(
    state: Shared<State>,
    who: Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    set(state, who, id, false).await
}

async fn set(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    paused: bool,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?.id;
    let is_there = match &state.engine {
        Some(engine) => {
            let asked = engine.pause_recording(call, who.name.clone(), paused);
            asked.await.map_err(|busy| {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", busy.to_string())
            })?
        }
        None => false,
    };
    if !is_there {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "not-recording",
            "no recording of this call is under way",
        ));
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
