//! Every refusal of the API: a status, a code for programs and a sentence for people.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::store::error::StoreError;

/// `{"error": {"code": "…", "message": "…"}}` with its status. Where a program can use more, further members follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// Boxed, since hardly any refusal has them and every handler's result has room for one.
    more: Option<Box<More>>,
}

/// What few refusals say besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    members: Map<String, Value>,
    headers: HeaderMap,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(flatten)]
    members: Option<&'a Map<String, Value>>,
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
            more: None,
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

    /// Whether this is its code.
    pub(in crate::api) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Its code.
    pub(in crate::api) const fn code(&self) -> &'static str {
        self.code
    }

    /// Its sentence.
    pub(in crate::api) fn message(&self) -> &str {
        &self.message
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

    /// Adds a member that a program can use, beside `code` and `message`.
    pub(in crate::api) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let more = self.more.get_or_insert_default();
        more.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    pub(in crate::api) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        let more = self.more.get_or_insert_default();
        more.headers.insert(name, value);
        self
    }

    /// The same as a part of an answer about several things: `{"code": …, "message": …}`.
    pub(in crate::api) fn value(&self) -> Value {
        serde_json::to_value(self.inner()).unwrap_or_default()
    }

    /// Its status.
    pub(in crate::api) const fn status(&self) -> StatusCode {
        self.status
    }

    fn inner(&self) -> Inner<'_> {
        Inner {
            code: self.code,
            message: &self.message,
            members: self.more.as_ref().map(|more| &more.members),
        }
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
        let error = self.inner();
        let mut response = (self.status, Json(Body { error })).into_response();
        if let Some(more) = self.more {
            response.headers_mut().extend(more.headers);
        }
        response
    }
}
