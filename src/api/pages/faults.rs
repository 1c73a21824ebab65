//! Refusals for people: a browser that asks for a page gets one, with the same status.

use axum::extract::{Request, State as Shared};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::state::State;
use crate::web::frame::Here;
use crate::web::small::FaultPage;

/// The statuses that have words of their own; others are told as the first of their hundred.
const KNOWN: [u16; 8] = [400, 401, 403, 404, 405, 429, 500, 503];

/// Puts a page in the place of a refusal, where the one who asks is a person and the answer is not theirs to read.
pub(in crate::api) async fn for_people(
    Shared(state): Shared<State>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_page = !path.starts_with("/api/") && !path.starts_with("/assets/");
    if !(is_page && wants_page(request.headers()) && request.method() != Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let look = Look::of(&parts, &state);
    let response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status();
    let is_ours = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !(status.is_client_error() || status.is_server_error()) || !is_ours {
        return response;
    }
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_TYPE);
    head.headers.remove(CONTENT_LENGTH);
    let code = status.as_u16();
    let named = if KNOWN.contains(&code) {
        code
    } else if code < 500 {
        400
    } else {
        500
    };
    let words = look.words();
    let page = FaultPage {
        frame: look.frame(Here::Elsewhere),
        status: code,
        title: words.say(&format!("fault-{named}")),
        advice: words.say(&format!("fault-advice-{named}")),
    };
    let Ok(page) = html(&page) else {
        return Response::from_parts(head, axum::body::Body::empty());
    };
    let (own, body) = page.into_parts();
    head.headers.extend(own.headers);
    Response::from_parts(head, body)
}

/// Browsers name HTML first; programs take anything or JSON.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    })
}
