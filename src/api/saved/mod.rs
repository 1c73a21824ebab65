//! `/api/v1/saved`: reports that people keep with their filter, and have sent once a week.

pub(in crate::api) mod deeds;
mod figures;
pub(in crate::api) mod members;
pub(in crate::api) mod read;
pub(in crate::api) mod shown;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::body::Members;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::Refusal;
use crate::api::openapi::query::OneSaved;
use crate::api::openapi::saved::{LetterAsked, NewSaved, SavedChange, SavedList, SavedShown};
use crate::api::saved::deeds::Whom;
use crate::api::state::State;
use crate::people::Who;
use crate::store::saved::{SavedError, SavedReport};

/// The id in a path, as axum takes it out.
pub(in crate::api) type GivenId = Result<Path<String>, PathRejection>;

/// The saved reports of one's own projects, the oldest first, with what was sent of them, what waits and what was given up.
#[utoipa::path(
    get,
    path = "/api/v1/saved",
    operation_id = "list_saved",
    tag = "figures",
    responses((status = 200, description = "The saved reports.", body = SavedList)),
)]
pub(in crate::api) async fn list(Shared(state): Shared<State>, Asker(who): Asker) -> Response {
    let shelf = state.store.saved();
    let own = shelf.list().iter();
    let own = own.filter(|saved| who.sees(&saved.report.project));
    let saved: Vec<Value> = own.map(|saved| shown::saved(&state, saved)).collect();
    Json(json!({ "saved": saved, "mail": state.post.is_set_up() })).into_response()
}

/// Saves a report. Whoever may have reports sent may say when and to whom; the first turn is the next one.
#[utoipa::path(
    post,
    path = "/api/v1/saved",
    operation_id = "save_report",
    tag = "figures",
    request_body(content = NewSaved),
    responses(
        (status = 201, description = "The saved report.", body = SavedShown),
        (status = 409, description = "There are too many.", body = Refusal),
    ),
)]
pub(in crate::api) async fn save(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    members: Members,
) -> Result<Response, ApiError> {
    let report = read::new(members, &state, &who)?;
    let shown = put(&state, &who, report).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Gives a saved report another name, or another day, hour and recipients. Who changes it is who saved it from then on.
#[utoipa::path(
    patch,
    path = "/api/v1/saved/{id}",
    operation_id = "change_saved",
    tag = "figures",
    params(OneSaved),
    request_body(content = SavedChange),
    responses((status = 200, description = "The saved report as it is now.", body = SavedShown)),
)]
pub(in crate::api) async fn change(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    members: Members,
) -> Result<Response, ApiError> {
    let old = deeds::own(&state, &who, id)?;
    deeds::may_change(&who, &old)?;
    let report = read::changed(members, &state, &who, old)?;
    Ok(Json(put(&state, &who, report).await?).into_response())
}

/// Removes a saved report. Letters of it that wait are not sent.
#[utoipa::path(
    delete,
    path = "/api/v1/saved/{id}",
    operation_id = "remove_saved",
    tag = "figures",
    params(OneSaved),
    responses((status = 204, description = "It is gone.")),
)]
pub(in crate::api) async fn remove(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let report = deeds::own(&state, &who, id)?;
    deeds::may_change(&who, &report)?;
    deeds::remove(&state, &who, report.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Has a letter sent now, to all recipients or as a trial to who asks. The figures are those of now. Letters that
/// were given up, and those that wait, are tried again with `"to": "again"`.
#[utoipa::path(
    post,
    path = "/api/v1/saved/{id}/letters",
    operation_id = "ask_letter",
    tag = "figures",
    params(OneSaved),
    request_body(content = LetterAsked),
    responses(
        (status = 202, description = "It is on its way.", body = SavedShown),
        (status = 409, description = "No mail is set up, there is nobody to send it to, or too many letters are on their way.", body = Refusal),
    ),
)]
pub(in crate::api) async fn letter(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    members: Members,
) -> Result<Response, ApiError> {
    let report = deeds::own(&state, &who, id)?;
    let whom = whom(members)?;
    let id = report.id.clone();
    deeds::ask(&state, &who, report, whom).await?;
    Ok((StatusCode::ACCEPTED, Json(again(&state, &id)?)).into_response())
}

fn whom(members: Members) -> Result<Whom, ApiError> {
    let mut members = members.only(&["to"])?;
    let words = Whom::ALL.map(Whom::word);
    let given = members.need("to", &words.join(", "))?;
    let known = Whom::ALL.into_iter();
    let mut known = known.filter(|whom| given.as_str() == Some(whom.word()));
    known.next().ok_or_else(|| {
        let right = format_args!("is nobody; there are {}", words.join(", "));
        members.wrong("to", right)
    })
}

/// Saves it and shows it as it is then.
async fn put(state: &State, who: &Who, report: SavedReport) -> Result<Value, ApiError> {
    let id = report.id.clone();
    deeds::put(state, who, report).await?;
    again(state, &id)
}

fn again(state: &State, id: &str) -> Result<Value, ApiError> {
    let shelf = state.store.saved();
    let saved = shelf.find(id).ok_or_else(deeds::unknown)?;
    Ok(shown::saved(state, saved))
}

impl From<SavedError> for ApiError {
    fn from(error: SavedError) -> Self {
        let conflict =
            |code, error: &SavedError| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match error {
            SavedError::Many => conflict("too-many-reports", &error),
            SavedError::Full => conflict("too-many-letters", &error),
            SavedError::Gone => deeds::unknown(),
            SavedError::Unfit(why) => Self::bad("bad-member", why),
            SavedError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string())
            }
            SavedError::Store(error) => error.into(),
        }
    }
}
