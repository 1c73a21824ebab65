//! The calls: pages of them, a table, one, and what is said of them.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::api::error::ApiError;
use crate::api::state::State;
use crate::api::veil;
use crate::base::id::CallId;
use crate::people::Who;
use crate::store::Store;
use crate::store::query::{Page, Query};
use crate::store::record::CallRecord;

pub(in crate::api) mod bulk;
pub(in crate::api) mod change;
pub(in crate::api) mod hangup;
pub(in crate::api) mod ladder;
pub(in crate::api) mod list;
pub(in crate::api) mod notes;
pub(in crate::api) mod one;
pub(in crate::api) mod pause;
pub(in crate::api) mod say;
pub(in crate::api) mod table;

/// The call's id in a path, as axum takes it out.
pub(in crate::api) type GivenId = Result<Path<String>, PathRejection>;

/// Reads the call that a path names, as `who` may see it. What is no id, what is nobody's id and what is not theirs are the
/// same to the one who asks.
pub(in crate::api) async fn find(
    state: &State,
    who: &Who,
    id: GivenId,
) -> Result<CallRecord, ApiError> {
    let id: CallId = id
        .ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(unknown)?;
    let store = state.store.clone();
    let call = off_the_loop(move || store.call(id)).await??;
    call.and_then(|call| veil::record(call, who))
        .ok_or_else(unknown)
}

/// There is no such call, or none of theirs.
pub(in crate::api) fn unknown() -> ApiError {
    ApiError::missing("unknown-call", "there is no call of this id")
}

/// Reads one page of calls, as `who` may see them. The query went through [`veil::query`].
pub(in crate::api) async fn page(store: &Store, query: Query, who: &Who) -> Result<Page, ApiError> {
    let store = store.clone();
    let mut page = off_the_loop(move || store.list(&query)).await??;
    page.calls = page
        .calls
        .into_iter()
        .filter_map(|call| veil::record(call, who))
        .collect();
    Ok(page)
}

/// Reads from the disk where it delays no other request.
pub(in crate::api) async fn off_the_loop<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| ApiError::ours("reading the call log", &error))
}
