//! `GET /board`: what goes on now; `GET /ui/board`: the same without what stands around it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State as Shared;
use axum::response::Response;

use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::show::{Shower, standing};
use crate::api::state::State;
use crate::api::veil;
use crate::people::Who;
use crate::store::query::{Query, Status};
use crate::store::record::CallRecord;
use crate::web::board::{Board, BoardNow, BoardPage};
use crate::web::figures::grouped;
use crate::web::frame::{Here, Theme};
use crate::web::row::Standing;

/// Calls that a wall has room for.
const ROWS_MAX: usize = 9;

/// The board.
pub(in crate::api) async fn board(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
) -> Result<Response, ApiError> {
    let board = now(&state, &who, &look).await?;
    let mut frame = look.frame(Here::Board);
    // A wall is dark unless somebody wants it light.
    if frame.theme == Theme::Auto {
        frame.theme = Theme::Dark;
    }
    html(&BoardPage { frame, board })
}

/// What goes on, for a board that hangs already.
pub(in crate::api) async fn board_now(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
) -> Result<Response, ApiError> {
    let board = now(&state, &who, &look).await?;
    let frame = look.frame(Here::Board);
    html(&BoardNow { frame, board })
}

async fn now(state: &State, who: &Who, look: &Look) -> Result<Board, ApiError> {
    let shower = Shower::new(state, look.words(), look.now());
    let projects = shower.rules.tracking.projects();
    let first = projects.iter().find(|project| who.sees(&project.id));
    let dates = first.map_or(&shower.dates, |project| shower.dates(&project.id));
    let today = dates.today();
    let of_today = |status, callback_open| {
        let query = Query {
            since: Some(dates.midnight(today)),
            status: Some(status),
            callback_open,
            ..Query::default()
        };
        veil::query(query, who)
    };
    let queries = [
        of_today(Status::Missed, false)?,
        of_today(Status::Missed, true)?,
        of_today(Status::Answered, false)?,
    ];
    let store = state.store.clone();
    let (calls, [missed, open, answered]) = off_the_loop(move || {
        let counted = queries.map(|query| store.count(&query));
        store.open_calls().map(|calls| (calls, counted))
    })
    .await??;
    let mut calls: Vec<&Arc<CallRecord>> = calls
        .iter()
        .filter(|call| who.sees(&call.project))
        .collect();
    // Who rings waits for somebody; of those who talk the last began.
    calls.sort_by_key(|call| (standing(call) != Standing::Ringing, call.started_at));
    let of = |wanted| {
        let n = calls.iter().filter(|call| standing(call) == wanted);
        u64::try_from(n.count()).unwrap_or(u64::MAX)
    };
    let shown = |n| grouped(n, look.words().language());
    let gauges = &state.gauges;
    let lines = gauges.calls_live.load(Ordering::Relaxed);
    let limit = gauges.calls_limit.load(Ordering::Relaxed);
    let others = u64::try_from(calls.len().saturating_sub(ROWS_MAX)).unwrap_or(0);
    let words = look.words();
    Ok(Board {
        ringing: shown(of(Standing::Ringing)),
        talking: shown(of(Standing::Talking)),
        rows: calls
            .iter()
            .take(ROWS_MAX)
            .filter_map(|call| veil::shared(call, who))
            .map(|call| shower.row(&call, dates))
            .collect(),
        others: if others > 0 {
            words.count("board-others", others)
        } else {
            String::new()
        },
        lines: shown(lines),
        limit: shown(limit),
        share: (lines * 100).checked_div(limit).unwrap_or(0).min(100),
        missed: shown(missed),
        open: if open > 0 {
            words.count("board-open", open)
        } else {
            String::new()
        },
        answered: shown(answered),
        time: dates.time(look.now()),
        day: dates.day_and_weekday(today),
        rests: shower.rests(look.now(), |project| who.sees(&project.id)),
        draining: gauges.is_draining(),
    })
}
