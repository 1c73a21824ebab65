//! `Accept` (RFC 9110 12.5.1): whether who asks takes what a route sends. Pure but for the layer that asks it.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;

/// More kinds than any browser lists; what comes after them is not read.
const KINDS_MAX: usize = 64;

/// Refuses a request of the API that wants nothing of what its path sends.
pub(in crate::api) async fn check(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        let sent = sent_by(path);
        if !takes(request.headers(), sent) {
            let message = format!("this path sends {sent}, which the Accept header leaves out");
            return ApiError::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", message)
                .into_response();
        }
    }
    next.run(request).await
}

/// The media type of what a path sends.
fn sent_by(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        "live" => "text/event-stream",
        "calls.csv" => "text/csv",
        "recording.wav" => "audio/wav",
        "peaks" => "application/octet-stream",
        _ => "application/json",
    }
}

/// Whether the Accept headers let `kind` through; without any, everything is let through.
fn takes(headers: &HeaderMap, kind: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let (family, _) = kind.split_once('/').unwrap_or((kind, ""));
    let any_of_it = format!("{family}/*");
    // The most precise range that fits decides, so that `*/*, application/json;q=0` refuses JSON.
    let mut best: Option<(u8, bool)> = None;
    let mut is_empty = true;
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(KINDS_MAX);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        is_empty &= name.is_empty();
        let depth = if name.eq_ignore_ascii_case(kind) {
            2
        } else if name.eq_ignore_ascii_case(&any_of_it) {
            1
        } else if name == "*/*" {
            0
        } else {
            continue;
        };
        let is_wanted = !parts.any(is_zero_weight);
        if best.is_none_or(|(known, _)| depth > known) {
            best = Some((depth, is_wanted));
        }
    }
    // An empty header says nothing.
    is_empty || best.is_some_and(|(_, is_wanted)| is_wanted)
}

/// `q=0`, `q=0.000`: not wanted at all.
fn is_zero_weight(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else {
        return false;
    };
    let weight = weight.trim();
    name.trim().eq_ignore_ascii_case("q")
        && weight.starts_with('0')
        && weight.bytes().all(|b| matches!(b, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_by(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        takes(&headers, "application/json")
    }

    #[test]
    fn what_lets_json_through_and_what_does_not() {
        for accept in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/html, application/*;q=0.1",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "",
        ] {
            assert!(json_by(accept), "{accept}");
        }
        for accept in [
            "text/html",
            "application/json;q=0",
            "*/*, application/json;q=0.0",
            "application/jsonx",
            "nonsense",
        ] {
            assert!(!json_by(accept), "{accept}");
        }
        assert!(takes(&HeaderMap::new(), "audio/wav"));
    }

    #[test]
    fn each_path_sends_its_own_kind() {
        assert_eq!(sent_by("/api/v1/live"), "text/event-stream");
        assert_eq!(sent_by("/api/v1/calls.csv"), "text/csv");
        assert_eq!(sent_by("/api/v1/calls/x/recording.wav"), "audio/wav");
        assert_eq!(sent_by("/api/v1/calls"), "application/json");
    }
}
