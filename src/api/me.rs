//! `GET /api/v1/me`: who asks, as ringtag knows them, and what they may do.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::csrf::Csrf;
use crate::api::door::Asker;
use crate::people::{Projects, Right};

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Me {
    /// As the call log names them: a user, `token NAME`, or `this machine`.
    #[schema(value_type = String)]
    name: Arc<str>,
    /// Their role.
    #[schema(value_type = String)]
    role: &'static str,
    /// Whose calls they see; null: every project's.
    projects: Option<Vec<String>>,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    rights: Vec<&'static str>,
    /// What a session's changes carry in the header `x-csrf`; null for a token.
    csrf: Option<String>,
}

/// Who asks
///
/// Says who asks, as ringtag knows them, and what they may do.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    operation_id = "who_am_i",
    tag = "house",
    responses((status = 200, description = "Who asks.", body = Me)),
)]
pub(in crate::api) async fn me(Asker(who): Asker, Csrf(csrf): Csrf) -> Json<Me> {
    let projects = match &who.projects {
        Projects::All => None,
        Projects::These(own) => Some(own.iter().map(ToString::to_string).collect()),
    };
    let rights = Right::ALL.into_iter().filter(|right| who.may(*right));
    Json(Me {
        name: Arc::clone(&who.name),
        role: who.role.word(),
        projects,
        rights: rights.map(Right::word).collect(),
        csrf: (!csrf.is_empty()).then(|| csrf.to_string()),
    })
}
