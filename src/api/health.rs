//! Liveness and readiness.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::api::error::ApiError;
use crate::api::state::State;

/// The process runs and answers.
pub(in crate::api) async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// New calls are taken. 503 while it starts and while it drains, so that a load balancer looks elsewhere.
pub(in crate::api) async fn readyz(Shared(state): Shared<State>) -> Response {
    let gauges = &state.gauges;
    if gauges.takes_calls() {
        return Json(json!({"status": "ready"})).into_response();
    }
    let (code, message) = if gauges.is_draining() {
        (
            "draining",
            "ringtag is stopping: calls under way go on, new ones are refused",
        )
    } else {
        ("starting", "ringtag is starting: it takes no calls yet")
    };
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message).into_response()
}
