//! Whether a page of ours made a request: where the browser says it comes from, and the token that only our pages know.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use std::sync::Arc;

use crate::api::error::ApiError;
use crate::api::form;
use crate::api::settings::Settings;
use crate::api::visitor::Visitor;
use crate::people::secret;
use crate::store::ledger::sheet;

/// Where a page's script puts the token.
const TOKEN: HeaderName = HeaderName::from_static("x-csrf");

/// What browsers say of a request's origin (Fetch Metadata); pages cannot forge it.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The largest form: eight times a note.
const FORM_BYTES_MAX: usize = 64 * 1_024;

/// Where a table is brought in a form, and the largest such form: a byte of a table takes three where it is escaped.
const SHEET_PATH: &str = "/spend/import";
const SHEET_FORM_MAX: usize = 3 * sheet::BYTES_MAX + 4_096;

/// The token of the session that asks, for a page's forms and scripts; empty where there is no session.
#[derive(Clone, Debug)]
pub(in crate::api) struct Csrf(pub(in crate::api) Arc<str>);

impl<S: Sync> FromRequestParts<S> for Csrf {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let own = parts.extensions.get::<Self>().cloned();
        Ok(own.unwrap_or_else(|| Self(Arc::default())))
    }
}

/// Whether a request changes nothing by its method (RFC 9110 9.2.1).
pub(in crate::api) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser says that it made the request; programs do not.
pub(in crate::api) fn is_from_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key(&SITE)
}

/// Whether a page elsewhere made the request, and not by leading somebody here.
pub(in crate::api) fn is_fetched_from_elsewhere(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, value: &[u8]| {
        headers.get(name).is_some_and(|it| it.as_bytes() == value)
    };
    (is(&SITE, b"cross-site") || is(&SITE, b"same-site")) && !is(&MODE, b"navigate")
}

/// Refuses a change that a page elsewhere asks for.
pub(in crate::api) fn check_origin(
    headers: &HeaderMap,
    visitor: &Visitor,
    settings: &Settings,
) -> Result<(), ApiError> {
    let site_is_ours = headers
        .get(&SITE)
        .is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin_is_ours = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin
            .to_str()
            .is_ok_and(|origin| is_ours(origin, visitor, settings)),
        (Some(_), Some(_)) => false,
    };
    if site_is_ours && origin_is_ours {
        return Ok(());
    }
    Err(refusal(
        "the request comes from a page elsewhere; behind a proxy, set web.public_url to what browsers call ringtag",
    ))
}

/// Refuses a change without the session's token, in the header `x-csrf` or the form's field `csrf`. The form is handed on.
pub(in crate::api) async fn check_token(
    request: Request,
    token: &str,
) -> Result<Request, ApiError> {
    if let Some(given) = request.headers().get(&TOKEN) {
        let is_it = given.to_str().is_ok_and(|given| secret::same(given, token));
        return if is_it { Ok(request) } else { Err(stale()) };
    }
    if !is_form(request.headers()) {
        return Err(stale());
    }
    let (parts, body) = request.into_parts();
    let most = if parts.uri.path() == SHEET_PATH {
        SHEET_FORM_MAX
    } else {
        FORM_BYTES_MAX
    };
    let bytes = form::arrive(body, most).await?;
    if !form::field(&bytes, "csrf").is_some_and(|given| secret::same(&given, token)) {
        return Err(stale());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        let end = kind
            .iter()
            .position(|byte| *byte == b';')
            .unwrap_or(kind.len());
        kind.get(..end).is_some_and(|kind| {
            kind.trim_ascii()
                .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        })
    })
}

fn stale() -> ApiError {
    refusal("the request does not carry its session's token; load the page again")
}

fn refusal(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "csrf", message)
}

/// Whether an `Origin` is what the browser calls us. The scheme is not compared where only the `Host` tells: who stands between
/// us and the browser may speak TLS and not say so, and the token decides.
fn is_ours(origin: &str, visitor: &Visitor, settings: &Settings) -> bool {
    if settings
        .public_urls
        .iter()
        .any(|url| url.to_string().eq_ignore_ascii_case(origin))
    {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return false,
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    authority.host().eq_ignore_ascii_case(visitor.host.host())
        && port(&authority) == port(&visitor.host)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::api::settings::PublicUrl;

    fn check(host: &str, headers: &[(&'static str, &str)]) -> bool {
        let settings = Settings {
            public_urls: vec![PublicUrl::read("https://calls.example.com").unwrap()],
            ..Settings::default()
        };
        let visitor = Visitor {
            address: "192.0.2.7:1".parse().unwrap(),
            is_secure: false,
            host: host.parse().unwrap(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check_origin(&map, &visitor, &settings).is_ok()
    }

    #[test]
    fn only_our_own_pages_change_anything() {
        let from = |host: &str, origin: &str| check(host, &[("origin", origin)]);
        assert!(from("127.0.0.1:8080", "http://127.0.0.1:8080"));
        assert!(from("192.0.2.1", "http://192.0.2.1") && from("192.0.2.1", "https://192.0.2.1"));
        assert!(from("127.0.0.1:8080", "https://calls.example.com"));
        for elsewhere in [
            "http://evil.example",
            "http://127.0.0.1:8081",
            "http://127.0.0.1",
            "null",
            "",
            "http://calls.example.com",
            "https://calls.example.com.evil.example",
            "https://127.0.0.1:8080@evil.example",
        ] {
            assert!(!from("127.0.0.1:8080", elsewhere), "{elsewhere}");
        }
        assert!(!check(
            "127.0.0.1",
            &[
                ("origin", "http://127.0.0.1"),
                ("origin", "http://evil.example")
            ]
        ));
        assert!(
            check("127.0.0.1", &[]) && check("127.0.0.1", &[("sec-fetch-site", "same-origin")])
        );
        assert!(!check("127.0.0.1", &[("sec-fetch-site", "cross-site")]));
        assert!(!check(
            "127.0.0.1",
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "http://127.0.0.1")
            ]
        ));
    }

    #[tokio::test]
    async fn a_token_stands_in_the_header_or_in_the_form() {
        let ask = async |headers: &[(&'static str, &str)], body: &str| {
            let mut request = Request::builder().method("POST").uri("/x");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Body::from(body.to_owned())).unwrap();
            let passed = check_token(request, "secret").await.ok()?;
            Some(to_bytes(passed.into_body(), 1_000).await.unwrap())
        };
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        assert_eq!(
            ask(&[("x-csrf", "secret")], "{}").await.as_deref(),
            Some(&b"{}"[..])
        );
        assert_eq!(
            ask(&[form], "a=1&csrf=secret").await.as_deref(),
            Some(&b"a=1&csrf=secret"[..])
        );
        assert!(
            ask(&[("x-csrf", "other"), form], "csrf=secret")
                .await
                .is_none()
        );
        assert!(ask(&[form], "csrf=secret&csrf=secret").await.is_none());
        assert!(ask(&[form], "a=1").await.is_none() && ask(&[], "csrf=secret").await.is_none());
        assert!(
            ask(&[("content-type", "text/plain")], "csrf=secret")
                .await
                .is_none()
        );
        assert!(
            ask(
                &[form],
                &format!("csrf=secret&a={}", "x".repeat(FORM_BYTES_MAX))
            )
            .await
            .is_none()
        );
    }

    #[test]
    fn a_fetch_of_a_page_elsewhere_is_told_from_a_link_on_it() {
        let is = |site: &str, mode: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(&SITE, site.parse().unwrap());
            headers.insert(&MODE, mode.parse().unwrap());
            is_fetched_from_elsewhere(&headers)
        };
        assert!(is("cross-site", "no-cors") && is("same-site", "cors"));
        assert!(
            !is("cross-site", "navigate") && !is("same-origin", "cors") && !is("none", "navigate")
        );
        assert!(!is_fetched_from_elsewhere(&HeaderMap::new()));
    }
}
