//! Every refusal of the API: a status, a code for programs and a sentence for people.

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::error::StoreError;

/// `{"error": {"code": "…", "message": "…"}}` with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
}

impl ApiError {
    pub(in crate::api) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The client's parameters are wrong.
    pub(in crate::api) fn bad(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// There is no such thing.
    pub(in crate::api) fn missing(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Our fault. The cause goes to the operator's log, where paths and disks are nobody's secret.
    pub(in crate::api) fn ours(doing: &'static str, cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "{doing} failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            format!("{doing} failed; the server's log says why"),
        )
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Stopped = error {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "ringtag is shutting down; ask again when it runs",
            );
        }
        Self::ours("reading the call log", &error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = Inner {
            code: self.code,
            message: &self.message,
        };
        (self.status, Json(Body { error })).into_response()
    }
}
