//! `/api/v1/tokens`: what programs prove themselves with. A secret is shown once, when it is made.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::body::Members;
use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::{MadeToken, NewToken as Asked, Refusal, TokenList};
use crate::api::openapi::query::OneToken;
use crate::api::state::State;
use crate::base::entropy;
use crate::people::Role;
use crate::people::token::{hash, secret};
use crate::store::token::{NewToken, Token, TokenError};

/// Longest name, in characters: it stands beside every change that the program makes.
pub(in crate::api) const NAME_MAX: usize = 64;

/// Most projects of one token.
pub(in crate::api) const PROJECTS_MAX: usize = 64;

/// The tokens that are good, the oldest first. Their secrets are kept by nobody.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    operation_id = "list_tokens",
    tag = "house",
    responses((status = 200, description = "The tokens.", body = TokenList)),
)]
pub(in crate::api) async fn list(Shared(state): Shared<State>) -> Response {
    let tokens: Vec<Value> = state.store.tokens().iter().map(shown).collect();
    Json(json!({ "tokens": tokens })).into_response()
}

/// Makes a token. The answer is the only place where its secret is ever shown.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    operation_id = "make_token",
    tag = "house",
    request_body(content = Asked),
    responses(
        (status = 201, description = "The token with its secret.", body = MadeToken),
        (status = 409, description = "There is no such project, a token has this name, or there are too many tokens.", body = Refusal),
    ),
)]
pub(in crate::api) async fn make(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    members: Members,
) -> Result<Response, ApiError> {
    let new = read(members, &state)?;
    let chance = entropy::seed().map_err(|error| ApiError::ours("making a secret", &error))?;
    let secret = secret(chance);
    let new = NewToken {
        hash: hash(&secret),
        ..new
    };
    let (store, by) = (state.store, who.name);
    let made = off_the_loop(move || store.make_token(new, &by)).await?;
    let token = made.map_err(refused)?;
    let mut shown = shown(&token);
    if let Some(members) = shown.as_object_mut() {
        members.insert("secret".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Makes a token no good. What it did stays in the call log under its name.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    operation_id = "revoke_token",
    tag = "house",
    params(OneToken),
    responses((status = 204, description = "It is no good any more.")),
)]
pub(in crate::api) async fn revoke(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::missing("unknown-token", "there is no token of this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let (store, by) = (state.store, who.name);
    let was_there = off_the_loop(move || store.revoke_token(&id, &by)).await??;
    was_there.then_some(()).ok_or_else(unknown)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Reads the token that is asked for, still without a secret.
fn read(members: Members, state: &State) -> Result<NewToken, ApiError> {
    let mut members = members.only(&["name", "role", "projects"])?;
    let name = members.need("name", "what the program is called")?;
    let name = name
        .as_str()
        .map(str::trim)
        .filter(|name| (1..=NAME_MAX).contains(&name.chars().count()))
        .filter(|name| !name.chars().any(char::is_control))
        .ok_or_else(|| {
            let right = format_args!("is wrong; give 1 to {NAME_MAX} characters in one line");
            members.wrong("name", right)
        })?
        .to_owned();
    let words = Role::ALL.map(Role::word);
    let role = members.need("role", &words.join(", "))?;
    let role = Role::ALL
        .into_iter()
        .find(|known| role.as_str() == Some(known.word()))
        .ok_or_else(|| {
            let right = format_args!("is no role; there are {}", words.join(", "));
            members.wrong("role", right)
        })?;
    let projects = match members.take("projects") {
        None | Some(Value::Null) => None,
        Some(_) if role.is_of_the_house() => {
            // Each of the two is right by itself.
            let message = format!(
                "`projects` is not for a token with role `{}`, which is about the whole house; leave it out",
                role.word()
            );
            return Err(conflict("not-for-an-admin", message));
        }
        Some(given) => Some(projects(&members, &given, state)?),
    };
    Ok(NewToken {
        name,
        hash: String::new(),
        role: role.word().to_owned(),
        projects,
    })
}

fn projects(members: &Members, given: &Value, state: &State) -> Result<Vec<String>, ApiError> {
    let wrong = || {
        let right =
            format_args!("is wrong; give 1 to {PROJECTS_MAX} ids of projects, or null for all");
        members.wrong("projects", right)
    };
    let ids = given.as_array().ok_or_else(wrong)?;
    let ids: Option<BTreeSet<&str>> = ids.iter().map(Value::as_str).collect();
    let ids = ids
        .filter(|ids| (1..=PROJECTS_MAX).contains(&ids.len()))
        .ok_or_else(wrong)?;
    let rules = state.rules();
    if let Some(odd) = ids.iter().find(|id| rules.tracking.project(id).is_none()) {
        let odd: String = odd.chars().take(NAME_MAX).collect();
        let message = format!("there is no project `{odd}` in the configuration");
        return Err(conflict("unknown-project", message));
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}

/// These projects could be a token's, but not this one's.
fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, message).with("member", "projects")
}

/// A token as an admin sees it: everything but its hash.
fn shown(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "projects": token.projects,
        "made_at": token.made_at,
        "made_by": token.made_by,
        "last_used": token.last_used,
    })
}

fn refused(error: TokenError) -> ApiError {
    match error {
        TokenError::Many => {
            ApiError::new(StatusCode::CONFLICT, "too-many-tokens", error.to_string())
        }
        TokenError::Taken => {
            let taken = ApiError::new(StatusCode::CONFLICT, "name-taken", error.to_string());
            taken.with("member", "name")
        }
        TokenError::Used => ApiError::ours("making a token", &error),
        TokenError::Store(error) => error.into(),
    }
}
