//! Which path is whose, and what stands before all of them.

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::api::accept;
use crate::api::calls;
use crate::api::dashboard;
use crate::api::door::{self, Door};
use crate::api::error::ApiError;
use crate::api::guard;
use crate::api::health;
use crate::api::live;
use crate::api::login;
use crate::api::me;
use crate::api::metrics;
use crate::api::openapi;
use crate::api::pages;
#[cfg(test)]
use crate::api::paths::Table;
use crate::api::paths::{Needs, Paths};
use crate::api::peaks;
use crate::api::recording;
use crate::api::replay;
use crate::api::reports;
use crate::api::route;
use crate::api::saved;
use crate::api::sessions;
use crate::api::spend;
use crate::api::state::State;
use crate::api::tokens;
use crate::people::Right;

/// All of HTTP, as one service.
pub fn router(state: State) -> Router {
    let (routes, table) = paths().finish();
    let door = Door {
        table,
        state: state.clone(),
    };
    routes
        .route_layer(from_fn_with_state(door, door::admit))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(accept::check))
        .layer(from_fn_with_state(state.clone(), pages::faults::for_people))
        .layer(from_fn_with_state(state.clone(), guard::check_host))
        .layer(from_fn(guard::secure))
        .with_state(state)
}

/// Every route: its method and its path. Tests hold their own tables against it.
pub fn routes() -> Vec<(String, String)> {
    let (_, table) = paths().finish();
    let rows = table.keys();
    rows.map(|(path, method)| (method.clone(), (*path).to_owned()))
        .collect()
}

/// What each route needs.
#[cfg(test)]
pub(in crate::api) fn table() -> Table {
    paths().finish().1
}

/// Every route with what it needs.
fn paths() -> Paths {
    use Needs::{Nothing, Somebody, This};
    Paths::default()
        .get("/", This(Right::See), pages::calls::calls)
        .get("/calls/{id}", This(Right::See), pages::call::call)
        .post("/calls/{id}", This(Right::Tag), pages::call::say)
        .get("/board", This(Right::See), pages::board::board)
        .get(
            "/dashboard",
            This(Right::Figures),
            pages::reports::dashboard::page,
        )
        .get("/reports", This(Right::Figures), pages::reports::list)
        .get("/reports/{name}", This(Right::Figures), pages::reports::one)
        .get("/ui/board", This(Right::See), pages::board::board_now)
        .post("/ui/say", This(Right::Tag), pages::bulk::say)
        .get("/ui/rows", This(Right::See), pages::calls::rows)
        .get("/ui/look", Nothing, pages::looks::look)
        .get("/assets/{version}/{name}", Nothing, pages::assets::asset)
        .get("/healthz", Nothing, health::healthz)
        .get("/readyz", Nothing, health::readyz)
        .get("/login", Nothing, login::form)
        .post("/login", Nothing, login::login)
        .post("/logout", Somebody, login::logout)
        .get("/enter", Nothing, login::enter)
        .get("/saved", This(Right::Figures), pages::saved::saved)
        .post("/saved", This(Right::Figures), pages::saved::save)
        .get("/saved/new", This(Right::Figures), pages::saved::new)
        .get("/saved/{id}", This(Right::Figures), pages::saved::open)
        .post("/saved/{id}", This(Right::Figures), pages::saved::act)
        .get("/rules", This(Right::Administer), pages::rules::rules)
        .get(
            "/rules/replay",
            This(Right::Administer),
            pages::rules::tried::page,
        )
        .post(
            "/rules/replay",
            This(Right::Administer),
            pages::rules::tried::post,
        )
        .post(
            "/ui/replay",
            This(Right::Administer),
            pages::rules::tried::part,
        )
        .get("/sessions", This(Right::Administer), sessions::sessions)
        .post("/sessions/end", This(Right::Administer), sessions::end)
        .get("/api/v1/me", Somebody, me::me)
        .get("/metrics", This(Right::Metrics), metrics::metrics)
        .get("/api/v1/calls", This(Right::See), calls::list::list)
        .patch("/api/v1/calls", This(Right::Tag), calls::bulk::bulk)
        .get(
            "/api/v1/calls.csv",
            This(Right::Export),
            calls::table::table,
        )
        .get("/api/v1/calls/{id}", This(Right::See), calls::one::one)
        .patch(
            "/api/v1/calls/{id}",
            This(Right::Tag),
            calls::change::change,
        )
        .post(
            "/api/v1/calls/{id}/notes",
            This(Right::Tag),
            calls::notes::pin,
        )
        .delete(
            "/api/v1/calls/{id}/notes/{note}",
            This(Right::Tag),
            calls::notes::unpin,
        )
        .get(
            "/api/v1/calls/{id}/recording.wav",
            This(Right::Play),
            recording::recording,
        )
        .get("/api/v1/calls/{id}/peaks", This(Right::Play), peaks::peaks)
        .get(
            "/api/v1/calls/{id}/ladder",
            This(Right::Administer),
            calls::ladder::ladder,
        )
        .post(
            "/api/v1/calls/{id}/hangup",
            This(Right::HangUp),
            calls::hangup::hang_up,
        )
        .post(
            "/api/v1/calls/{id}/recording/pause",
            This(Right::PauseRecording),
            calls::pause::pause,
        )
        .post(
            "/api/v1/calls/{id}/recording/resume",
            This(Right::PauseRecording),
            calls::pause::resume,
        )
        .get("/api/v1/dashboard", This(Right::Figures), dashboard::one)
        .get("/api/v1/reports/{name}", This(Right::Figures), reports::one)
        .get("/api/v1/saved", This(Right::Figures), saved::list)
        .post("/api/v1/saved", This(Right::Figures), saved::save)
        .patch("/api/v1/saved/{id}", This(Right::Figures), saved::change)
        .delete("/api/v1/saved/{id}", This(Right::Figures), saved::remove)
        .post(
            "/api/v1/saved/{id}/letters",
            This(Right::Figures),
            saved::letter,
        )
        .get("/spend", This(Right::Money), pages::spend::page)
        .post("/spend", This(Right::Spend), pages::spend::change)
        .post("/spend/import", This(Right::Spend), pages::spend::import)
        .get("/api/v1/spend", This(Right::Money), spend::entry::list)
        .post("/api/v1/spend", This(Right::Spend), spend::entry::enter)
        .get("/api/v1/spend.csv", This(Right::Money), spend::table::take)
        .post("/api/v1/spend.csv", This(Right::Spend), spend::table::bring)
        .get("/api/v1/spend/{id}", This(Right::Money), spend::entry::one)
        .patch(
            "/api/v1/spend/{id}",
            This(Right::Spend),
            spend::entry::correct,
        )
        .delete(
            "/api/v1/spend/{id}",
            This(Right::Spend),
            spend::entry::remove,
        )
        .get("/api/v1/live", This(Right::See), live::live)
        .get("/api/v1/route", This(Right::Administer), route::route)
        .post("/api/v1/replay", This(Right::Administer), replay::post)
        .get("/api/v1/tokens", This(Right::Administer), tokens::list)
        .post("/api/v1/tokens", This(Right::Administer), tokens::make)
        .delete(
            "/api/v1/tokens/{id}",
            This(Right::Administer),
            tokens::revoke,
        )
        .get("/api/v1/openapi.json", Somebody, openapi::openapi)
}

async fn nowhere(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let message = format!("there is nothing at {path}; / lists what there is");
    ApiError::missing("not-found", message).into_response()
}

async fn wrong_method(method: Method) -> Response {
    let message = format!("{method} is not possible here; the header Allow lists what is");
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        message,
    )
    .into_response()
}
