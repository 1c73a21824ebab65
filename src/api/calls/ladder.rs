//! `GET /api/v1/calls/{id}/ladder`: the SIP messages of a call without what is secret in them, for who administers ringtag.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::calls::{GivenId, find, off_the_loop};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::LadderShown;
use crate::api::openapi::query::OneCall;
use crate::api::state::State;
use crate::store::ladder::Ladder;

/// The SIP messages of a call, those so far while it is in progress. Credentials, passwords, keys and pressed digits are
/// removed.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/ladder",
    operation_id = "get_ladder",
    tag = "calls",
    params(OneCall),
    responses((status = 200, description = "The messages, the oldest first.", body = LadderShown)),
)]
pub(in crate::api) async fn ladder(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?.id;
    let draft = match &state.engine {
        // An engine that is stopping has handed over what it had.
        Some(engine) => engine.ladder(call).await.ok().flatten(),
        None => None,
    };
    let store = state.store.clone();
    let read = move || match draft {
        Some(draft) => Ok(Some(draft.ladder())),
        None => store.ladder(call),
    };
    let ladder: Option<Ladder> = off_the_loop(read).await??;
    ladder.map_or_else(
        || Err(none_kept()),
        |ladder| Ok((StatusCode::OK, Json(ladder)).into_response()),
    )
}

fn none_kept() -> ApiError {
    ApiError::missing(
        "no-ladder",
        "the messages of this call are not kept: [store] ladder_days says for how long they are, and in a flood of calls some have none",
    )
}
