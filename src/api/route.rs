//! `GET /api/v1/route`: which rule would decide a call, and why each earlier one does not.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use jiff::civil::DateTime;

use crate::api::error::ApiError;
use crate::api::explain::explain;
use crate::api::openapi::parts::Explanation;
use crate::api::openapi::query::RouteAsked;
use crate::api::query::{Given, pairs, plus, time, wrong};
use crate::api::state::State;
use crate::base::time::WallTime;
use crate::route::question::{Question, Wrong};

/// Why a call goes where it goes: what `ringtag route` prints.
///
/// Explains a call from `from` (left out: an anonymous caller) to `to`, at `at` (left out: now), under the rules in force
/// and with what the call log knows of the caller, unless `prior_calls` says otherwise.
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
    let (mut to, mut from, mut at) = (None, String::new(), None);
    let (mut trunk, mut prior_calls) = (String::new(), None);
    for (name, value) in pairs(given, &["to", "from", "at", "trunk", "prior_calls"])? {
        match name {
            "to" => to = Some(plus(&value)),
            "from" => from = plus(&value),
            "at" if !value.is_empty() => at = Some(moment(name, &value)?),
            "trunk" => trunk = value,
            "prior_calls" if !value.is_empty() => {
                let count = value.parse();
                prior_calls = Some(count.map_err(|_| wrong(name, "is no number of calls"))?);
            }
            _ => {}
        }
    }
    let to =
        to.ok_or_else(|| wrong("to", "is missing; give the virtual number that is dialled"))?;
    let asked = Question {
        to: &to,
        from: &from,
        at: at.as_deref(),
        trunk: &trunk,
        prior_calls,
        last_manager: None,
    };
    let explanation = explain(&state, &rules, &asked, state.clock.wall());
    Ok(Json(explanation.map_err(refused)?).into_response())
}

/// A time on the wall clock of the project stays as it is; any other is that of the API.
fn moment(name: &str, value: &str) -> Result<String, ApiError> {
    let is_local = value.contains('T') && value.parse::<DateTime>().is_ok();
    if is_local && value.parse::<WallTime>().is_err() {
        return Ok(value.to_owned());
    }
    time(name, value).map(|at| at.to_string())
}

fn refused(why: Wrong) -> ApiError {
    match why {
        Wrong::NoNumber => wrong("to", "is no telephone number; write it as +74950000001"),
        Wrong::NotOurs(number) => ApiError::missing(
            "unknown-number",
            format!("no source has the number {number}; calls to it are refused without a record"),
        ),
        Wrong::NoTime => wrong("at", "is no time of the project's wall clock"),
        Wrong::NoTrunk => {
            ApiError::missing("unknown-trunk", "`trunk` is no trunk of the configuration")
        }
        Wrong::NoManager => wrong("last_manager", "is no manager of the configuration"),
    }
}
