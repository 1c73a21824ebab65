//! `/sessions`: who is logged in, for an admin, who may end any of them.

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use crate::api::door::{Asker, Stay};
use crate::api::error::ApiError;
use crate::api::form::{arrive, field};
use crate::api::pages;
use crate::api::pages::look::Look;
use crate::api::state::State;
use crate::people::session::{Holder, Session};

/// A number and a token fill some hundred bytes.
const FORM_BYTES_MAX: usize = 4_096;

/// `GET /sessions`.
pub(in crate::api) async fn sessions(
    Shared(state): Shared<State>,
    stay: Stay,
    look: Look,
) -> Result<Response, ApiError> {
    let list = state.gate.sessions(state.clock.now());
    pages::people::sessions(&state, &look, list, stay.session())
}

/// `POST /sessions/end`: `session`, its number. One that is over already is over.
pub(in crate::api) async fn end(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    request: Request,
) -> Result<Response, ApiError> {
    let wrong = || ApiError::bad("bad-form", "say which `session` to end, by its number");
    let form = arrive(request.into_body(), FORM_BYTES_MAX).await?;
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
