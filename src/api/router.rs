//! Which path is whose, and what stands before all of them.

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::api::error::ApiError;
use crate::api::state::State;
use crate::api::{calls, guard, health, metrics, page, recording, route};

/// All of HTTP, as one service.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/style.css", get(page::style))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/calls", get(calls::list))
        .route("/api/v1/calls.csv", get(calls::table))
        .route("/api/v1/calls/{id}", get(calls::one))
        .route(
            "/api/v1/calls/{id}/recording.wav",
            get(recording::recording),
        )
        .route("/api/v1/route", get(route::route))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(guard::check_host))
        .layer(from_fn(guard::secure))
        .with_state(state)
}

async fn nowhere(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let message = format!("there is nothing at {path}; / lists what there is");
    ApiError::missing("not-found", message).into_response()
}

async fn wrong_method(method: Method) -> Response {
    let message = format!("{method} is not possible here; use GET or HEAD");
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        message,
    )
    .into_response()
}
