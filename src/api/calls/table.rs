//! `GET /api/v1/calls.csv`: every call that matches, as a table.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::Method;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::api::calls::page;
use crate::api::calls::say::busy;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::{CallsAsked, PageAsked};
use crate::api::query::{self, Given};
use crate::api::state::{Rules, State};
use crate::api::stream::{self, Source};
use crate::api::veil;
use crate::people::Who;
use crate::store::Store;
use crate::store::credit::Seat;
use crate::store::csv;
use crate::store::query::{LIMIT_MAX, Page, Query};
use crate::store::say::SayError;

/// Every call that matches, as CSV (RFC 4180) that no spreadsheet executes; `limit` asks for fewer.
#[utoipa::path(
    get,
    path = "/api/v1/calls.csv",
    operation_id = "calls_csv",
    tag = "calls",
    params(CallsAsked, PageAsked),
    responses((status = 200, description = "The table.", content_type = "text/csv", body = String)),
)]
pub(in crate::api) async fn table(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    method: Method,
    given: Given,
) -> Result<Response, ApiError> {
    let mut query = veil::query(query::calls(given, &state.rules().tracking)?, &who)?;
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
    ];
    if method == Method::HEAD {
        return Ok(head.into_response());
    }
    // What leaves the house is in the log: without room for that line nothing leaves.
    let seat = state.store.seat().ok_or_else(|| busy(&SayError::Busy))?;
    let listed = listed(&query, &state.rules());
    // The first page is read before the status is sent, so that a store that refuses is a 500 and not a short table.
    let asked = query.clone();
    let left = query.limit.unwrap_or(usize::MAX);
    query.limit = Some(left.min(LIMIT_MAX));
    let first = page(&state.store, query.clone(), &who).await?;
    let (source, body) = stream::body();
    tokio::spawn(async move {
        let mut left_house = Left {
            store: state.store.clone(),
            seat: Some(seat),
            asked,
            listed,
            by: Arc::clone(&who.name),
            calls: 0,
        };
        let sent = &mut left_house.calls;
        let written = write_table(&source, &state.store, &who, query, first, left, sent).await;
        drop(left_house);
        if let Err(error) = written {
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

/// What has left the house in a table, the rest of it or not. The log is told when the table ends, also where its task is dropped
/// with the process that stops.
struct Left {
    store: Store,
    /// Room for the line.
    seat: Option<Seat>,
    asked: Query,
    listed: BTreeSet<String>,
    by: Arc<str>,
    calls: u64,
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.store
                .exported(seat, &self.asked, &self.listed, self.calls, &self.by);
        }
    }
}

/// Which texts of a query are the configuration's own, and nobody's words or number.
fn listed(query: &Query, rules: &Rules) -> BTreeSet<String> {
    let tracking = &rules.tracking;
    let projects = tracking.projects().iter();
    let sources = tracking.sources().iter();
    let words = projects.flat_map(|project| {
        let labels = &project.labels;
        let lists = [
            &labels.tags,
            &labels.goals,
            &labels.stages,
            &labels.outcomes,
        ];
        let labels = lists.into_iter().flat_map(|list| list.iter());
        labels.chain([&project.id])
    });
    let words = words.chain(sources.flat_map(|source| {
        let more = [&source.channel, &source.campaign, &source.category];
        more.into_iter().flatten().chain([&source.tag])
    }));
    let managers = rules.routing.managers().iter().map(|manager| &manager.id);
    let known: BTreeSet<&str> = words.chain(managers).map(|word| &**word).collect();
    [
        &query.project,
        &query.source,
        &query.channel,
        &query.campaign,
        &query.category,
        &query.manager,
        &query.tag,
        &query.goal,
        &query.stage,
        &query.outcome,
    ]
    .into_iter()
    .flatten()
    .chain(query.projects.iter().flatten())
    .filter(|text| known.contains(text.as_str()))
    .cloned()
    .collect()
}

async fn write_table(
    source: &Source,
    store: &Store,
    who: &Who,
    mut query: Query,
    mut page_now: Page,
    mut left: usize,
    sent: &mut u64,
) -> Result<(), ApiError> {
    let failed = |error| ApiError::ours("writing a table of calls", &error);
    let mut text = Vec::new();
    csv::write(&page_now.calls, &mut text).map_err(failed)?;
    loop {
        if source.send(Ok(Bytes::from(text))).await.is_err() {
            return Ok(());
        }
        *sent += u64::try_from(page_now.calls.len()).unwrap_or_default();
        left = left.saturating_sub(page_now.calls.len());
        let Some(next) = page_now.next.filter(|_| left > 0) else {
            return Ok(());
        };
        query.cursor = Some(next);
        query.limit = Some(left.min(LIMIT_MAX));
        page_now = page(store, query.clone(), who).await?;
        text = Vec::new();
        csv::append(&page_now.calls, &mut text).map_err(failed)?;
    }
}
