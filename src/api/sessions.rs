//! `/sessions`: who is logged in, for an admin, who may end any of them.

use askama::Template;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};

use crate::api::csrf::{Csrf, field};
use crate::api::door::{Asker, Stay};
use crate::api::error::ApiError;
use crate::api::state::State;
use crate::people::session::{Holder, Session};

/// A number and a token fill some hundred bytes.
const FORM_BYTES_MAX: usize = 4_096;

/// `GET /sessions`.
pub(in crate::api) async fn sessions(
    Shared(state): Shared<State>,
    stay: Stay,
    Csrf(csrf): Csrf,
) -> Result<Response, ApiError> {
    let list = state.gate.sessions(state.clock.now());
    page(&list, stay.session(), &csrf)
}

/// `POST /sessions/end`: `session`, its number. One that is over already is over.
pub(in crate::api) async fn end(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    request: Request,
) -> Result<Response, ApiError> {
    let wrong = || ApiError::bad("bad-form", "say which `session` to end, by its number");
    let form = axum::body::to_bytes(request.into_body(), FORM_BYTES_MAX)
        .await
        .map_err(|_| wrong())?;
    let number = field(&form, "session")
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    if let Some(ended) = state.gate.end(number) {
        tracing::info!(
            session = number,
            of = holder(&ended),
            by = &*who.name,
            "ended a session"
        );
    }
    Ok((StatusCode::SEE_OTHER, [(LOCATION, "/sessions")]).into_response())
}

fn holder(session: &Session) -> &str {
    match &session.holder {
        Holder::User(name) => name,
        Holder::ThisMachine => "this machine",
    }
}

/// Who is logged in.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>ringtag</title><link rel="stylesheet" href="/style.css">
<main><h1>Sessions</h1><table>
{% for session in list %}<tr><td>{{ self::holder(session) }}</td><td>{{ session.from }}</td><td>{{ session.agent }}</td>
<td>{{ session.began_at }}</td><td>{{ session.seen_at }}</td>
<td>{% if session.number == own %}this one{% else %}<form method="post" action="/sessions/end"><input type="hidden" name="csrf" value="{{ csrf }}"><input type="hidden" name="session" value="{{ session.number }}"><button>End</button></form>{% endif %}</td></tr>
{% endfor %}</table></main></html>"#
)]
struct SessionsPage<'a> {
    list: &'a [Session],
    /// Numbers begin at 1.
    own: u64,
    csrf: &'a str,
}

fn page(list: &[Session], own: Option<u64>, csrf: &str) -> Result<Response, ApiError> {
    let own = own.unwrap_or(0);
    let page = SessionsPage { list, own, csrf };
    let text = page
        .render()
        .map_err(|error| ApiError::ours("writing a page", &error))?;
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}
