//! The JSON body of a request, read within limits, with errors that say where the fault is and what would be right.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::api::error::ApiError;

/// The largest body: 500 ids of calls and everything that may be said of them are a third of it.
const BYTES_MAX: usize = 64 * 1_024;

/// How long a body may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(15);

/// How far a misspelt member may be from one that exists to be taken for it.
const LIKENESS_MIN: f64 = 0.7;

/// The members of the JSON object that was sent.
#[derive(Debug)]
pub(in crate::api) struct Members {
    /// Where the object stands in the body: empty, or `set.`.
    at: &'static str,
    map: Map<String, Value>,
}

impl<S: Sync> FromRequest<S> for Members {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let text = arrive(request).await?;
        let value: Value = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        Self::of("", value)
    }
}

impl Members {
    /// Takes `value`, which stands at `at`, apart.
    pub(in crate::api) fn of(at: &'static str, value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(map) => Ok(Self { at, map }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                let name = at.trim_end_matches('.');
                let what = if name.is_empty() { "the body" } else { name };
                Err(ApiError::bad(
                    "bad-member",
                    format!("{what} is no JSON object; write {{\"name\": value}}"),
                )
                .with("member", name))
            }
        }
    }

    /// Checks that there is no member beside these.
    pub(in crate::api) fn only(self, known: &[&str]) -> Result<Self, ApiError> {
        let Some(odd) = self.map.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(self);
        };
        let odd: String = odd.chars().take(64).collect();
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(name, &odd), name))
            .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        let remedy = nearest.map_or_else(
            || format!("there are {}", known.join(", ")),
            |(_, name)| format!("did you mean `{name}`?"),
        );
        Err(ApiError::bad(
            "unknown-member",
            format!("`{}{odd}` is no member here; {remedy}", self.at),
        )
        .with("member", format!("{}{odd}", self.at)))
    }

    /// Takes a member out; `None`: it is not there, which is not the same as null.
    pub(in crate::api) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    /// Takes a member out that must be there.
    pub(in crate::api) fn need(&mut self, name: &str, right: &str) -> Result<Value, ApiError> {
        let missing = || self.wrong(name, format!("is missing; give {right}"));
        self.map.get(name).ok_or_else(missing)?;
        Ok(self.map.remove(name).unwrap_or_default())
    }

    /// The member `name` is wrong.
    pub(in crate::api) fn wrong(&self, name: &str, what: impl std::fmt::Display) -> ApiError {
        ApiError::bad("bad-member", format!("`{}{name}` {what}", self.at))
            .with("member", format!("{}{name}", self.at))
    }
}

/// Waits for the whole body, of the right kind and no longer than it may be.
async fn arrive(request: Request) -> Result<Bytes, ApiError> {
    let headers = request.headers();
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) || headers.contains_key(CONTENT_ENCODING) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be JSON: send it as it is with Content-Type: application/json",
        )
        .header(ACCEPT, HeaderValue::from_static("application/json")));
    }
    let said: Option<usize> = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if said.is_some_and(|length| length > BYTES_MAX) {
        return Err(too_large());
    }
    match timeout(ARRIVAL_MAX, to_bytes(request.into_body(), BYTES_MAX)).await {
        Ok(Ok(body)) => Ok(body),
        // Either it was longer than it may be, or the connection broke, and then nobody reads this.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            format!(
                "the body did not arrive within {} seconds",
                ARRIVAL_MAX.as_secs()
            ),
        )),
    }
}

/// `application/json`, or what is built on it as `application/merge-patch+json` (RFC 6838 4.2.8).
fn is_json(kind: &str) -> bool {
    let name = kind.split(';').next().unwrap_or(kind).trim();
    let Some((family, name)) = name.split_once('/') else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    family.eq_ignore_ascii_case("application") && (name == "json" || name == "merge-patch+json")
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        format!("the body is longer than {BYTES_MAX} bytes; send less at once"),
    )
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let why = error.to_string();
    // serde_json says the place at the end; it stands first here.
    let why = why.split(" at line ").next().unwrap_or(&why);
    ApiError::bad(
        "bad-json",
        format!("line {line}, column {column}: {why}; the body must be one JSON object"),
    )
    .with("line", line)
    .with("column", column)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn read(kind: &str, body: impl Into<Body>) -> Result<Members, ApiError> {
        let request = Request::builder().header(CONTENT_TYPE, kind);
        Members::from_request(request.body(body.into()).unwrap(), &()).await
    }

    #[tokio::test]
    async fn an_object_is_taken_apart() {
        for kind in [
            "application/json",
            "application/JSON; charset=utf-8",
            "application/merge-patch+json",
        ] {
            let mut members = read(kind, r#"{"a": null, "b": 2}"#).await.unwrap();
            assert_eq!(members.take("a"), Some(Value::Null));
            assert_eq!(members.take("c"), None);
            assert_eq!(members.need("b", "a number").unwrap(), 2);
            assert!(members.need("b", "a number").is_err());
        }
    }

    #[tokio::test]
    async fn what_is_no_object_is_refused_with_its_place() {
        let error = read("application/json", "{\n  \"a\": x}")
            .await
            .unwrap_err();
        assert_eq!(error.value()["line"], 2);
        assert_eq!(error.value()["column"], 8);
        for body in ["", "[]", "1", "null", "\"a\"", "{\"a\":1} {}", "\u{feff}{}"] {
            let error = read("application/json", body).await.unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{body}");
        }
        let deep = "[".repeat(10_000);
        assert!(read("application/json", deep).await.is_err());
        let error = read("text/plain", "{}").await.unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let error = read("application/json", " ".repeat(BYTES_MAX + 1))
            .await
            .unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let (source, body) = crate::api::stream::body();
        let error = read("application/json", body).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::REQUEST_TIMEOUT);
        drop(source);
    }

    #[test]
    fn an_unknown_member_is_named_with_the_nearest_known_one() {
        let of = |text: &str| Members::of("set.", serde_json::from_str(text).unwrap()).unwrap();
        assert!(of(r#"{"goal": 1}"#).only(&["goal", "tags"]).is_ok());
        let error = of(r#"{"gaol": 1}"#).only(&["goal", "tags"]).unwrap_err();
        assert_eq!(error.value()["member"], "set.gaol");
        let message = error.value()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("did you mean `goal`?"), "{message}");
    }
}
