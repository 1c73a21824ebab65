//! `GET /api/v1/calls`, the same as a table, and one call.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::Method;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::api::error::ApiError;
use crate::api::query::{self, Given};
use crate::api::state::State;
use crate::api::stream::{self, Source};
use crate::base::id::CallId;
use crate::store::Store;
use crate::store::csv;
use crate::store::query::{LIMIT_MAX, Page, Query};
use crate::store::record::CallRecord;

/// One page of calls, the newest first: `{"calls": […], "next": cursor or null}`.
pub(in crate::api) async fn list(
    Shared(state): Shared<State>,
    given: Given,
) -> Result<Response, ApiError> {
    let query = query::calls(given)?;
    Ok(Json(page(&state.store, query).await?).into_response())
}

/// Every call that matches, as CSV; `limit` asks for fewer.
pub(in crate::api) async fn table(
    Shared(state): Shared<State>,
    method: Method,
    given: Given,
) -> Result<Response, ApiError> {
    let query = query::calls(given)?;
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
    ];
    if method == Method::HEAD {
        return Ok(head.into_response());
    }
    // The first page is read before the status is sent, so that a store that refuses is a 500 and not a short table.
    let mut query = query;
    let left = query.limit.unwrap_or(usize::MAX);
    query.limit = Some(left.min(LIMIT_MAX));
    let first = page(&state.store, query.clone()).await?;
    let (source, body) = stream::body();
    tokio::spawn(async move {
        if let Err(error) = write_table(&source, &state.store, query, first, left).await {
            tracing::error!(?error, "a table of calls was cut short");
            // Nobody is there to read it when this fails too.
            source
                .send(Err(std::io::Error::other("cut short")))
                .await
                .unwrap_or_default();
        }
    });
    Ok((head, body).into_response())
}

async fn write_table(
    source: &Source,
    store: &Store,
    mut query: Query,
    mut page_now: Page,
    mut left: usize,
) -> Result<(), ApiError> {
    let failed = |error| ApiError::ours("writing a table of calls", &error);
    let mut text = Vec::new();
    csv::write(&page_now.calls, &mut text).map_err(failed)?;
    loop {
        if source.send(Ok(Bytes::from(text))).await.is_err() {
            return Ok(());
        }
        left = left.saturating_sub(page_now.calls.len());
        let Some(next) = page_now.next.filter(|_| left > 0) else {
            return Ok(());
        };
        query.cursor = Some(next);
        query.limit = Some(left.min(LIMIT_MAX));
        page_now = page(store, query.clone()).await?;
        text = Vec::new();
        csv::append(&page_now.calls, &mut text).map_err(failed)?;
    }
}

/// One call.
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    Ok(Json(find(&state.store, id).await?).into_response())
}

/// Reads the call that a path names. What is no id and what is nobody's id are the same to the one who asks.
pub(in crate::api) async fn find(
    store: &Store,
    id: Result<Path<String>, PathRejection>,
) -> Result<CallRecord, ApiError> {
    let unknown = || ApiError::missing("unknown-call", "there is no call of this id");
    let id: CallId = id
        .ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(unknown)?;
    let store = store.clone();
    let call = off_the_loop(move || store.call(id)).await??;
    call.ok_or_else(unknown)
}

async fn page(store: &Store, query: Query) -> Result<Page, ApiError> {
    let store = store.clone();
    Ok(off_the_loop(move || store.list(&query)).await??)
}

/// Reads from the disk where it delays no other request.
async fn off_the_loop<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| ApiError::ours("reading the call log", &error))
}
