//! Where a session begins and ends: `/login`, `/logout`, and `/enter`, the link of a house without users.

use std::time::Duration;

use axum::extract::{Extension, RawQuery, Request, State as Shared};
use axum::http::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::api::cookie;
use crate::api::error::ApiError;
use crate::api::form::{arrive, field};
use crate::api::gate::{BUSY, Failed, Gate, Try};
use crate::api::pages;
use crate::api::pages::look::Look;
use crate::api::state::State;
use crate::api::visitor::Visitor;
use crate::base::clock::Clock;
use crate::people::password::BYTES_MAX;
use crate::people::session::Handed;

/// The largest login: the longest password, each byte of it escaped, and a name.
const FORM_BYTES_MAX: usize = 4 * BYTES_MAX;

/// Bytes of the path to go to afterwards: filters fill some hundred.
const BACK_MAX: usize = 2_048;

/// `GET /login`: the form. `back` is where to go afterwards.
pub(in crate::api) async fn form(
    Shared(state): Shared<State>,
    look: Look,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    has_users(&state)?;
    let query = Bytes::from(query.unwrap_or_default());
    let back = back_to(field(&query, "back"));
    pages::people::login(&look, None, "", &back)
}

/// `POST /login`: `name`, `password`, `back`.
pub(in crate::api) async fn login(
    Shared(state): Shared<State>,
    Extension(visitor): Extension<Visitor>,
    look: Look,
    request: Request,
) -> Result<Response, ApiError> {
    has_users(&state)?;
    let cookie = cookie::read(request.headers(), visitor.is_secure);
    let agent = agent(request.headers());
    let form = arrive(request.into_body(), FORM_BYTES_MAX).await?;
    let (Some(name), Some(password)) = (field(&form, "name"), field(&form, "password")) else {
        return Err(ApiError::bad(
            "bad-form",
            "a login is a form with `name` and `password`, each once",
        ));
    };
    let back = back_to(field(&form, "back"));
    // Spaces around a name come from telephones' keyboards; around a password they may be meant.
    let name = name.trim().to_owned();
    let given = Try {
        name: name.clone(),
        password,
        from: visitor.address,
        agent,
        cookie,
    };
    // In a task of its own: who hangs up before the answer has tried all the same, and stands in the log.
    let tried = tokio::spawn(attempt(state.gate.clone(), state.clock, given));
    let tried = tried
        .await
        .map_err(|error| ApiError::ours("checking a login", &error))?;
    match tried {
        Ok(handed) => {
            let lifetime = state.gate.manned().web.session;
            Ok(go(
                &back,
                cookie::begin(&handed.cookie, visitor.is_secure, lifetime),
            ))
        }
        Err(refusal) => refusal.shown(&look, (&name, &back)),
    }
}

/// Tries a login, and writes a line about it.
async fn attempt(gate: Gate, clock: Clock, given: Try) -> Result<Handed, Refusal> {
    let (name, from) = (given.name.clone(), given.from);
    let tried = gate.login(given, || (clock.now(), clock.wall())).await;
    match tried {
        Ok(handed) => {
            tracing::info!(user = %name.escape_debug(), from = %from.ip(), session = handed.number, "logged in");
            Ok(handed)
        }
        Err(failed) => {
            let refusal = Refusal::of(&failed);
            gate.refused(clock.now(), from, refusal.status.as_u16(), refusal.why);
            Err(refusal)
        }
    }
}

/// A login that came to nothing.
struct Refusal {
    status: StatusCode,
    /// What the page says.
    trouble: &'static str,
    /// What the log says.
    why: &'static str,
    wait: Option<Duration>,
}

impl Refusal {
    const fn of(failed: &Failed) -> Self {
        match failed {
            Failed::Wrong => Self {
                status: StatusCode::FORBIDDEN,
                trouble: "login-wrong",
                why: "wrong login",
                wait: None,
            },
            Failed::Wait(wait) => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                trouble: "login-slow",
                why: "too many logins",
                wait: Some(*wait),
            },
            Failed::Busy => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                trouble: "login-busy",
                why: "too many logins at once",
                wait: Some(BUSY),
            },
        }
    }

    /// The form again.
    fn shown(&self, look: &Look, (name, back): (&str, &str)) -> Result<Response, ApiError> {
        let mut response = pages::people::login(look, Some(self.trouble), name, back)?;
        *response.status_mut() = self.status;
        if let Some(wait) = self.wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Ok(response)
    }
}

/// `POST /logout`: ends the session.
pub(in crate::api) async fn logout(
    Shared(state): Shared<State>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    if let Some(cookie) = cookie::read(&headers, visitor.is_secure) {
        state.gate.leave(&cookie);
    }
    let to = if state.gate.manned().users.is_empty() {
        "/"
    } else {
        "/login"
    };
    go(to, cookie::end(visitor.is_secure))
}

/// `GET /enter?token=…`: what `serve` prints while there are no users. Lets in once.
pub(in crate::api) async fn enter(
    Shared(state): Shared<State>,
    Extension(visitor): Extension<Visitor>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let used_up = || {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "bad-link",
            "the link has been used, or there is a newer one; SIGHUP has ringtag print another",
        )
    };
    // A look at the head, as messengers take, is no visit.
    if method == Method::HEAD {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if !visitor.address.ip().is_loopback() {
        return Err(used_up());
    }
    let (now, at) = (state.clock.now(), state.clock.wall());
    // Whoever is in already came back by the same link.
    let own = cookie::read(&headers, visitor.is_secure);
    if own
        .as_ref()
        .is_some_and(|cookie| state.gate.session(cookie, now, at).is_some())
    {
        return Ok(go("/", None));
    }
    let query = Bytes::from(query.unwrap_or_default());
    let token = field(&query, "token").unwrap_or_default();
    let handed = state
        .gate
        .enter(&token, visitor.address, agent(&headers), now, at);
    let Some(handed) = handed else {
        state.gate.refused(now, visitor.address, 403, "wrong link");
        return Err(used_up());
    };
    tracing::info!(
        session = handed.number,
        "somebody at this machine came in by the link"
    );
    let lifetime = state.gate.manned().web.session;
    Ok(go(
        "/",
        cookie::begin(&handed.cookie, visitor.is_secure, lifetime),
    ))
}

fn has_users(state: &State) -> Result<(), ApiError> {
    if state.gate.manned().users.is_empty() {
        let message = "there is nobody to log in as: open the link that `ringtag serve` printed, or add a [[user]]";
        return Err(ApiError::missing("no-users", message));
    }
    Ok(())
}

fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
    let agent = String::from_utf8_lossy(agent.unwrap_or_default());
    agent.chars().filter(|c| !c.is_control()).collect()
}

/// Where a login leads: a path of ours, and nowhere else (open redirect). Browsers read `\` as `/`, and drop tabs and breaks.
pub(in crate::api) fn back_to(asked: Option<String>) -> String {
    let is_ours = |path: &String| {
        path.len() <= BACK_MAX
            && path.starts_with('/')
            && !path.starts_with("//")
            && !path.starts_with("/login")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    asked.filter(is_ours).unwrap_or_else(|| "/".to_owned())
}

fn go(to: &str, cookie: Option<HeaderValue>) -> Response {
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A value for a query, escaped (RFC 3986 2.3).
pub(in crate::api) fn escaped(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _written = write!(out, "%{byte:02X}").is_ok();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_path_of_ours_and_nowhere_else() {
        let back = |text: &str| back_to(Some(text.to_owned()));
        for ours in ["/", "/calls/1?tag=%D1%8F#t=65", "/?status=missed&source=a"] {
            assert_eq!(back(ours), ours);
        }
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "/login?back=/",
            "/я",
        ] {
            assert_eq!(back(elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(back_to(None), "/");
        assert_eq!(back(&format!("/{}", "x".repeat(BACK_MAX))), "/");
    }

    #[test]
    fn a_value_is_escaped_for_a_query() {
        assert_eq!(escaped("/?a=b c&d=я"), "/%3Fa%3Db%20c%26d%3D%D1%8F");
    }
}
