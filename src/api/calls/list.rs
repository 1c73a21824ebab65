//! `GET /api/v1/calls`: one page of calls, the newest first.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};

use crate::api::calls::page;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::query::{self, Given};
use crate::api::state::State;
use crate::api::veil;

/// `{"calls": […], "next": cursor or null}`.
pub(in crate::api) async fn list(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let query = veil::query(query::calls(given)?, &who)?;
    Ok(Json(page(&state.store, query, &who).await?).into_response())
}
