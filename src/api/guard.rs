//! What stands before every handler: who may ask by which name, and what a browser may do with the answer.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;

/// Answers only to this machine's own names. A page elsewhere can have its name lead to 127.0.0.1 (DNS rebinding) and read
/// the calls through somebody's browser; the browser then still says that page's name here.
pub(in crate::api) async fn check_host(request: Request, next: Next) -> Response {
    let refusal = |message| {
        ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", message).into_response()
    };
    let mut hosts = request.headers().get_all(HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes().try_into().ok(),
        (None, _) => None,
        (Some(_), Some(_)) => return refusal("the request names two hosts"),
    };
    let Some(named) = named else {
        return refusal("the request names no host; HTTP/1.1 asks for a Host header");
    };
    let target = request.uri().authority();
    if is_this_machine(&named) && target.is_none_or(is_this_machine) {
        next.run(request).await
    } else {
        refusal("only 127.0.0.1, [::1] and localhost are answered; use one of them in the URL")
    }
}

/// Adds what keeps an answer from being stored, framed, guessed at or shared.
pub(in crate::api) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    response
}

/// Personal data is kept by no cache; a page loads nothing but what comes from here, and no script or style
/// that stands in the page itself: text that found its way into the markup would do nothing there.
const SECURITY: [(HeaderName, HeaderValue); 6] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    // Browsers lead `localhost` and every name under it to this machine without asking DNS (RFC 6761 6.3).
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_this_machine_and_others_are_not() {
        let is = |text: &str| is_this_machine(&text.parse().unwrap());
        assert!(is("127.0.0.1:8080") && is("localhost") && is("LOCALHOST:80") && is("[::1]:8080"));
        for other in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "192.0.2.1",
            "0.0.0.0:8080",
            "127.0.0.1@evil.example",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
