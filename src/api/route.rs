//! `GET /api/v1/route`: which rule would decide a call, and why each earlier one does not.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::api::openapi::parts::Explanation;
use crate::api::openapi::query::RouteAsked;
use crate::api::query::{Given, pairs, plus, time, wrong};
use crate::api::state::State;
use crate::base::number::{Caller, Number};
use crate::route::Facts;

/// Why a call goes where it goes: what `ringtag route` prints.
///
/// Explains a call from `from` (left out: an anonymous caller) to `to`, at `at` (left out: now), under the rules in force
/// and with what the call log knows of the caller.
#[utoipa::path(
    get,
    path = "/api/v1/route",
    operation_id = "explain_route",
    tag = "house",
    params(RouteAsked),
    responses((status = 200, description = "The explanation.", body = Explanation)),
)]
pub(in crate::api) async fn route(
    Shared(state): Shared<State>,
    given: Given,
) -> Result<Response, ApiError> {
    let rules = state.rules();
    let (mut to, mut from, mut at) = (None, Caller::Anonymous, state.clock.wall());
    for (name, value) in pairs(given, &["to", "from", "at"])? {
        match name {
            "to" => to = Some(plus(&value)),
            "from" if !value.is_empty() => {
                let text = plus(&value);
                from = match Number::read(&text, &rules.country) {
                    Some(number) => Caller::Number(number),
                    None => Caller::from_record(&text),
                };
            }
            "at" if !value.is_empty() => at = time(name, &value)?,
            _ => {}
        }
    }
    let to =
        to.ok_or_else(|| wrong("to", "is missing; give the virtual number that is dialled"))?;
    let number = Number::read(&to, &rules.country)
        .ok_or_else(|| wrong("to", "is no telephone number; write it as +74950000001"))?;
    let source = rules.tracking.source(number).ok_or_else(|| {
        ApiError::missing(
            "unknown-number",
            format!("no source has the number {number}; calls to it are refused without a record"),
        )
    })?;
    let history = state.store.history(&source.project.id, &from);
    let store = &state.store;
    let explanation = rules.routing.explain(&Facts {
        at,
        source,
        number,
        caller: &from,
        trunk: "",
        prior_calls: history.prior_calls,
        last_manager: history.last_manager.as_deref(),
        rotation: &|_| 0,
        last_taken: &|manager| store.last_taken(manager),
        chance: 0,
    });
    Ok(Json(explanation).into_response())
}
