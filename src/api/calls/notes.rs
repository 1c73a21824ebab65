//! `POST /api/v1/calls/{id}/notes` and `DELETE /api/v1/calls/{id}/notes/{note}`: what is said of a moment of the recording.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::api::body::Members;
use crate::api::calls::change::shown;
use crate::api::calls::say::refused;
use crate::api::calls::{GivenId, find, off_the_loop, unknown};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::{NewNote, Refusal};
use crate::api::openapi::query::{OneCall, OneNote};
use crate::api::openapi::record::Call;
use crate::api::state::State;
use crate::store::say::{PIN_MAX, SayError};

/// The latest moment of a call that a note can be pinned to: a week, longer than any call.
pub(in crate::api) const AT_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// Pins a note to a moment of the recording.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/notes",
    operation_id = "pin_note",
    tag = "calls",
    params(OneCall),
    request_body(content = NewNote),
    responses(
        (status = 201, description = "The call with its notes; the new one is the last.", body = Call),
        (status = 409, description = "The call takes no more notes.", body = Refusal),
    ),
)]
pub(in crate::api) async fn pin(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    members: Members,
) -> Result<Response, ApiError> {
    let mut members = members.only(&["at_ms", "text"])?;
    let at_ms = members.need("at_ms", "milliseconds from the start of the recording")?;
    let at_ms = whole(&at_ms).filter(|at| *at <= AT_MS_MAX).ok_or_else(|| {
        let right = format_args!("is wrong; give whole milliseconds, 0 to {AT_MS_MAX}");
        members.wrong("at_ms", right)
    })?;
    let Value::String(text) = members.need("text", "what there is to say")? else {
        return Err(members.wrong("text", "is no text"));
    };
    if text.trim().is_empty() {
        return Err(members.wrong(
            "text",
            format_args!("is empty; write 1 to {PIN_MAX} characters"),
        ));
    }
    let call = find(&state, &who, id).await?;
    let (store, by) = (state.store, who.name.clone());
    let pinned = off_the_loop(move || store.pin(call.id, at_ms, &text, &by)).await?;
    let record = pinned.map_err(|error| {
        if let SayError::Wrong(fault) = &error {
            return members.wrong("text", format_args!("is wrong: {}", fault.why));
        }
        refused(error, &who, None)
    })?;
    Ok((StatusCode::CREATED, shown(record, &who)?).into_response())
}

/// A whole number, also where it is written as 30.0, which is the same in JSON.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_number()?;
    number
        .as_u64()
        .or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

/// Takes a pinned note off.
#[utoipa::path(
    delete,
    path = "/api/v1/calls/{id}/notes/{note}",
    operation_id = "unpin_note",
    tag = "calls",
    params(OneNote),
    responses((status = 200, description = "The call as it is now.", body = Call)),
)]
pub(in crate::api) async fn unpin(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((id, note)) = ids.map_err(|_| unknown())?;
    let call = find(&state, &who, Ok(Path(id))).await?;
    let no_note = || ApiError::missing("unknown-note", "the call has no note of this id");
    let note: u64 = note.parse().map_err(|_| no_note())?;
    let (store, by) = (state.store, who.name.clone());
    let unpinned = off_the_loop(move || store.unpin(call.id, note, &by)).await?;
    shown(unpinned.map_err(|error| refused(error, &who, None))?, &who)
}
