//! Who asks, and whether they may: stands before every route and reads what the route needs from the table.
//!
//! Somebody is known by an API token (`Authorization: Bearer`), or by their session's cookie. While no user is configured,
//! programs on this machine need neither for the API; its pages are behind the link that `serve` prints.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State as Shared};
use axum::http::header::{
    ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, LOCATION, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::api::cookie;
use crate::api::csrf::{self, Csrf};
use crate::api::error::ApiError;
use crate::api::login::escaped;
use crate::api::paths::{Needs, Table};
use crate::api::state::State;
use crate::api::visitor::Visitor;
use crate::people::token;
use crate::people::{Projects, Role, Who};
use crate::store::token::Token;

/// What the door stands on.
#[derive(Clone)]
pub(in crate::api) struct Door {
    /// What each route needs.
    pub(in crate::api) table: Table,
    /// Who is known.
    pub(in crate::api) state: State,
}

/// How somebody is known, which may end while their request is still answered.
#[derive(Clone, Debug)]
enum Proof {
    /// By a session: its number, and its token for changes.
    Session { number: u64, csrf: Arc<str> },
    /// By a token of this hash.
    Token { hash: String },
    /// By sitting at this machine while there are no users.
    Place,
}

/// Lets a request through to its handler, with who asks beside it, or refuses it.
pub(in crate::api) async fn admit(
    Shared(door): Shared<Door>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    match door.check(path.as_str(), request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

impl Door {
    async fn check(&self, path: &str, mut request: Request) -> Result<Request, Response> {
        // A path without a row of its own is nobody's: what is forgotten is closed.
        let method = request.method().clone();
        let needs = match self.needs(path, method.as_str()) {
            Some(Some(needs)) => needs,
            // Another method than the route has: its own fallback says so, and does nothing else.
            Some(None) => return Ok(request),
            None => return Err(not_yours().into_response()),
        };
        let visitor = request.extensions().get::<Visitor>().cloned();
        let visitor = visitor.ok_or_else(|| not_yours().into_response())?;
        if csrf::is_fetched_from_elsewhere(request.headers()) && needs != Needs::Nothing {
            return Err(from_elsewhere().into_response());
        }
        let known = self.known(request.headers(), &visitor, path);
        let known = match known {
            Ok(known) => known,
            // Health and the login page are there for whoever comes.
            Err(_) if needs == Needs::Nothing => None,
            Err(refusal) => return Err(self.refuse(refusal, &visitor)),
        };
        let may = match (needs, &known) {
            (Needs::Nothing, _) | (Needs::Somebody, Some(_)) => true,
            (Needs::This(right), Some((who, _))) => who.may(right),
            (Needs::Somebody | Needs::This(_), None) => {
                return Err(self.introduce_yourself(&request));
            }
        };
        if !may {
            return Err(not_yours().into_response());
        }
        if !csrf::is_safe(&method) {
            // A login takes no session's token: it may be the first, or another one's.
            let proof = known.as_ref().filter(|_| needs != Needs::Nothing);
            let proof = proof.map(|(_, proof)| proof);
            let checked = self.check_change(request, &visitor, proof).await;
            request = checked.map_err(IntoResponse::into_response)?;
        }
        if let Some((who, proof)) = known {
            if let Proof::Session { csrf, .. } = &proof {
                request.extensions_mut().insert(Csrf(Arc::clone(csrf)));
            }
            request.extensions_mut().insert(who);
            request.extensions_mut().insert(proof);
        }
        Ok(request)
    }

    /// What a path needs with this method; `Some(None)`: it has no such method, `None`: there is no such path.
    fn needs(&self, path: &str, method: &str) -> Option<Option<Needs>> {
        let mut rows = self
            .table
            .iter()
            .filter(|((row, _), _)| *row == path)
            .peekable();
        rows.peek()?;
        Some(
            rows.find(|((_, of), _)| of == method)
                .map(|(_, needs)| *needs),
        )
    }

    /// Finds who asks; `None`: nobody says so.
    fn known(
        &self,
        headers: &HeaderMap,
        visitor: &Visitor,
        path: &str,
    ) -> Result<Option<(Who, Proof)>, ApiError> {
        let state = &self.state;
        // Without users only this machine is answered, tokens or not, and nobody through a proxy, which would make the whole
        // world this machine.
        let is_open = state.gate.manned().users.is_empty();
        let is_passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
        if is_open && (is_passed_on || !visitor.address.ip().is_loopback()) {
            return Err(only_here());
        }
        if let Some(secret) = bearer(headers) {
            let hash = token::hash(secret);
            let known = by_token(state, &hash).map(|who| (who, Proof::Token { hash }));
            return known.map(Some).ok_or_else(bad_token);
        }
        let session = cookie::read(headers, visitor.is_secure).and_then(|cookie| {
            state
                .gate
                .session(&cookie, state.clock.now(), state.clock.wall())
        });
        if let Some((who, session)) = session {
            let proof = Proof::Session {
                number: session.number,
                csrf: session.csrf,
            };
            return Ok(Some((who, proof)));
        }
        let open = is_open && is_for_programs(path);
        Ok(open.then(|| (Who::this_machine(), Proof::Place)))
    }

    /// Whether a change is meant by who asks for it, and not by a page elsewhere in their name.
    async fn check_change(
        &self,
        request: Request,
        visitor: &Visitor,
        proof: Option<&Proof>,
    ) -> Result<Request, ApiError> {
        let manned = self.state.gate.manned();
        match proof {
            // No browser sends a token by itself.
            Some(Proof::Token { .. }) => Ok(request),
            Some(Proof::Session { csrf, .. }) => {
                csrf::check_origin(request.headers(), visitor, &manned.web)?;
                csrf::check_token(request, csrf).await
            }
            // Our own pages have a session.
            Some(Proof::Place) if csrf::is_from_a_browser(request.headers()) => {
                Err(from_elsewhere())
            }
            Some(Proof::Place) => Ok(request),
            None => csrf::check_origin(request.headers(), visitor, &manned.web).map(|()| request),
        }
    }

    /// Notes who was refused for what a guesser does.
    fn refuse(&self, refusal: ApiError, visitor: &Visitor) -> Response {
        if refusal.is("bad-token") {
            let now = self.state.clock.now();
            self.state
                .gate
                .refused(now, visitor.address, 401, "unknown token");
        }
        let mut response = refusal.into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            ask_for_a_token(&mut response);
        }
        response
    }

    /// Leads a person to where they say who they are, and tells a program that it has to.
    fn introduce_yourself(&self, request: &Request) -> Response {
        let has_users = !self.state.gate.manned().users.is_empty();
        let uri = request.uri();
        if has_users && is_a_page_opened(request.method(), uri, request.headers()) {
            let back = uri.path_and_query().map_or("/", |whole| whole.as_str());
            let to = format!("/login?back={}", escaped(back));
            if let Ok(to) = HeaderValue::try_from(to) {
                return (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
            }
        }
        let message = if has_users {
            "say who you are: log in at /login, or send an API token (Authorization: Bearer …)"
        } else {
            "open the link that `ringtag serve` printed when it began; SIGHUP has a new one printed"
        };
        let mut response =
            ApiError::new(StatusCode::UNAUTHORIZED, "login-needed", message).into_response();
        ask_for_a_token(&mut response);
        response
    }
}

/// The secret of `Authorization: Bearer` (RFC 6750 2.1); another scheme is a proxy's business.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn by_token(state: &State, hash: &str) -> Option<Who> {
    let token = state.store.token(hash)?;
    // Found by what is no secret, compared so that its time tells nothing either.
    let is_same: bool = token.hash.as_bytes().ct_eq(hash.as_bytes()).into();
    if is_same { who_of(&token) } else { None }
}

/// Who a token speaks for; `None`: its role is of a later version.
pub(in crate::api) fn who_of(token: &Token) -> Option<Who> {
    let role = Role::ALL
        .into_iter()
        .find(|role| role.word() == token.role)?;
    let projects = match &token.projects {
        None => Projects::All,
        Some(own) => Projects::These(own.iter().map(|id| Arc::from(id.as_str())).collect()),
    };
    Some(Who {
        name: format!("token {}", token.name).into(),
        role,
        projects,
    })
}

/// Paths that programs ask for: refused in JSON, and open to this machine while there are no users.
fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics"
}

/// Whether somebody opens a page, as opposed to a script that fetches a part of one.
fn is_a_page_opened(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("text/html"));
    *method == Method::GET
        && !is_for_programs(uri.path())
        && headers.get_all(ACCEPT).iter().any(accepts)
        && headers
            .get(MODE)
            .is_none_or(|mode| mode.as_bytes() == b"navigate")
}

fn ask_for_a_token(response: &mut Response) {
    let realm = HeaderValue::from_static("Bearer realm=\"ringtag\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, realm);
}

/// What a proxy says of whom it speaks for (RFC 7239, RFC 9110 7.6.3, and what came before them).
const PASSED_ON: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];

/// Who asks, as a handler's argument.
pub(in crate::api) struct Asker(pub(in crate::api) Who);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let who = parts.extensions.get::<Who>().cloned();
        who.map(Self).ok_or_else(not_yours)
    }
}

/// Whether who asked may still have what they asked for, as the argument of a handler that goes on answering.
#[derive(Clone, Debug)]
pub(in crate::api) struct Stay(Proof);

impl Stay {
    /// Whether the session or the token still holds. An answer that goes on counts as a use of the session.
    pub(in crate::api) fn holds(&self, state: &State) -> bool {
        match &self.0 {
            Proof::Session { number, .. } => {
                state
                    .gate
                    .holds(*number, state.clock.now(), state.clock.wall())
            }
            Proof::Token { hash } => by_token(state, hash).is_some(),
            Proof::Place => state.gate.manned().users.is_empty(),
        }
    }

    /// The number of the session, where there is one.
    pub(in crate::api) const fn session(&self) -> Option<u64> {
        match &self.0 {
            Proof::Session { number, .. } => Some(*number),
            Proof::Token { .. } | Proof::Place => None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Stay {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let proof = parts.extensions.get::<Proof>().cloned();
        proof.map(Self).ok_or_else(not_yours)
    }
}

fn not_yours() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "your role does not allow this; ask who administers ringtag",
    )
}

fn bad_token() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "bad-token",
        "the API token is unknown or revoked; an admin makes a new one",
    )
}

fn only_here() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "no-users",
        "only the machine that ringtag runs on is answered until there is a [[user]]",
    )
}

fn from_elsewhere() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "csrf",
        "the request comes from a page elsewhere, or from one that is not logged in",
    )
}
