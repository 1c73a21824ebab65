//! `GET /api/v1/calls`: one page of calls, the newest first.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};

use crate::api::calls::page;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::CallPage;
use crate::api::openapi::query::{CallsAsked, PageAsked};
use crate::api::query::{self, Given};
use crate::api::state::State;
use crate::api::veil;

/// One page of calls, newest first: `{"calls": […], "next": cursor or null}`. Calls that were not tracked are never listed.
#[utoipa::path(
    get,
    path = "/api/v1/calls",
    operation_id = "list_calls",
    tag = "calls",
    params(CallsAsked, PageAsked),
    responses((status = 200, description = "The page.", body = CallPage)),
)]
pub(in crate::api) async fn list(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let query = veil::query(query::calls(given, &state.rules().tracking)?, &who)?;
    Ok(Json(page(&state.store, query, &who).await?).into_response())
}
