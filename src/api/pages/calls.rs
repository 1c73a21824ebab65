//! `GET /`: the list of calls; `GET /ui/rows`: rows of it as they change.

use std::sync::Arc;

use axum::extract::{Query as Pairs, State as Shared};
use axum::response::Response;

use crate::api::calls::{off_the_loop, page};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::filter::Asked;
use crate::api::pages::filter::shown::{sayable, shown};
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::show::Shower;
use crate::api::query::Given;
use crate::api::state::State;
use crate::api::veil;
use crate::base::id::CallId;
use crate::people::{Right, Who};
use crate::store::query::{Query, Status};
use crate::store::record::CallRecord;
use crate::web::dates::Dates;
use crate::web::frame::Here;
use crate::web::list::{CallsPage, Day};
use crate::web::row::Rows;

/// Most calls under way that stand on top; who has more looks at the board.
const LIVE_MAX: usize = 50;

/// Most rows asked for at once: what a page gathers while it is busy, twice over.
const ROWS_MAX: usize = 200;

/// The list.
pub(in crate::api) async fn calls(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let done = done(&given);
    let mut asked = Asked::read(given);
    let shower = Shower::new(&state, look.words(), look.now());
    let query = veil::query(asked.query(&shower, &who), &who)?;
    let dates = asked.dates(&shower, &who);
    let is_first = query.cursor.is_none();
    let listed = page(&state.store, query.clone(), &who);
    // Two look at the rows side by side, so that who waits for the page waits for no count of it.
    let (listed, (total, in_use)) = tokio::try_join!(listed, counted(&state, &query, &who))?;
    let live = if is_first {
        under_way(&state, &query, &who).await?
    } else {
        Vec::new()
    };
    let ended = listed.calls.iter().filter(|call| call.ended_at.is_some());
    let missed = query.status == Some(Status::Missed);
    let only_missed = missed && asked.is_only(&["status", "callback"]);
    let title = match (missed, query.callback_open) {
        (_, true) => "title-callback",
        (true, false) => "title-missed",
        (false, false) => "title-calls",
    };
    let (say, tags) = sayable(&shower, &who, &in_use);
    let here = if only_missed {
        Here::Missed
    } else {
        Here::Calls
    };
    let next = listed.next.map(|next| next.to_string());
    let page = CallsPage {
        frame: look.frame(here),
        title: look.words().say(title),
        live: live.iter().map(|call| shower.row(call, dates)).collect(),
        days: days(&shower, dates, ended),
        follows: is_first && query.until.is_none_or(|until| until > look.now()),
        query: asked.query_text(),
        newest: (!is_first).then(|| asked.page(&[], &[])),
        older: next.map(|next| asked.page(&[], &[("cursor", &next)])),
        table: who.may(Right::Export).then(|| asked.table(&query)),
        say,
        tags,
        done: done.map(|n| look.words().count("bulk-done", n)),
        total: (total > 0).then(|| look.words().count("calls-total", total)),
        filter: shown(&asked, &shower, &who, &in_use),
    };
    html(&page)
}

/// How many calls are asked for, and the tags that people use on theirs. Free tags may hold numbers, and are not for whoever
/// sees none.
async fn counted(
    state: &State,
    query: &Query,
    who: &Who,
) -> Result<(u64, Vec<Arc<str>>), ApiError> {
    let (store, query, who) = (state.store.clone(), query.clone(), who.clone());
    off_the_loop(move || {
        let tags = if who.may(Right::Numbers) {
            store.tags_lately(|project| who.sees(project))
        } else {
            Vec::new()
        };
        (store.count(&query), tags)
    })
    .await
}

/// How many calls were just changed.
fn done(given: &Given) -> Option<u64> {
    let Ok(Pairs(pairs)) = given else {
        return None;
    };
    let done = pairs.iter().find(|(name, _)| name == "done");
    done.and_then(|(_, n)| n.parse().ok())
}

/// Calls that go on, among those asked for.
async fn under_way(state: &State, query: &Query, who: &Who) -> Result<Vec<CallRecord>, ApiError> {
    let fits = match query.status {
        None | Some(Status::InProgress) => true,
        Some(Status::Answered | Status::Missed | Status::Ended(_)) => false,
    };
    if !fits {
        return Ok(Vec::new());
    }
    let store = state.store.clone();
    let open = off_the_loop(move || store.open_calls()).await??;
    let live = open.iter().rev().filter(|call| query.matches(call));
    Ok(live
        .filter_map(|call| veil::shared(call, who))
        .take(LIVE_MAX)
        .collect())
}

/// Puts calls, the newest first, under their days.
fn days<'a>(
    shower: &Shower,
    dates: &Dates,
    calls: impl Iterator<Item = &'a CallRecord>,
) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut last = None;
    for call in calls {
        let date = dates.date(call.started_at);
        let row = shower.row(call, dates);
        match days.last_mut() {
            Some(day) if last == Some(date) => day.rows.push(row),
            Some(_) | None => days.push(Day {
                name: dates.day(date),
                rows: vec![row],
            }),
        }
        last = Some(date);
    }
    days
}

/// Rows of the calls `ids`, as far as they meet the conditions, and the words for what waits or is selected.
pub(in crate::api) async fn rows(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let shower = Shower::new(&state, look.words(), look.now());
    let (ids, news) = asked_rows(&given, &shower);
    let mut asked = Asked::read(given);
    let query = veil::query(asked.query(&shower, &who), &who)?;
    let store = state.store.clone();
    let calls = off_the_loop(move || {
        let calls = ids.into_iter().map(|id| store.look_at(id));
        calls.collect::<Result<Vec<_>, _>>()
    })
    .await??;
    let mut calls: Vec<CallRecord> = calls
        .into_iter()
        .flatten()
        .filter(|call| query.matches(call))
        .filter_map(|call| veil::shared(&call, &who))
        .collect();
    let dates = asked.dates(&shower, &who);
    calls.sort_by_key(|call| std::cmp::Reverse(call.id));
    html(&Rows {
        frame: look.frame(Here::Calls),
        rows: calls.iter().map(|call| shower.row(call, dates)).collect(),
        news,
    })
}

/// Which rows, and what is to be said of how many.
fn asked_rows(given: &Given, shower: &Shower) -> (Vec<CallId>, String) {
    let (mut ids, mut news) = (Vec::new(), String::new());
    let Ok(Pairs(pairs)) = given else {
        return (ids, news);
    };
    for (name, value) in pairs {
        let count = || value.parse().unwrap_or(0);
        match name.as_str() {
            "ids" => {
                let read = value.split(',').filter_map(|id| id.parse::<CallId>().ok());
                ids.extend(read.take(ROWS_MAX));
            }
            "news" if count() > 0 => news = shower.words.count("calls-new", count()),
            "picked" => news = shower.words.count("bulk-picked", count()),
            _ => {}
        }
    }
    (ids, news)
}
