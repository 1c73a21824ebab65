//! `GET /api/v1/me`: who asks, as ringtag knows them, and what they may do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::api::csrf::Csrf;
use crate::api::door::Asker;
use crate::people::{Projects, Right};

/// `{"name", "role", "projects": null for all or a list, "rights": […], "csrf": for changes in a session, else null}`.
pub(in crate::api) async fn me(Asker(who): Asker, Csrf(csrf): Csrf) -> Response {
    let projects = match &who.projects {
        Projects::All => None,
        Projects::These(own) => Some(own),
    };
    let rights: Vec<_> = Right::ALL
        .into_iter()
        .filter(|right| who.may(*right))
        .map(Right::word)
        .collect();
    Json(json!({
        "name": who.name,
        "role": who.role,
        "projects": projects,
        "rights": rights,
        "csrf": (!csrf.is_empty()).then_some(csrf),
    }))
    .into_response()
}
