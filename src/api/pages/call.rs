//! `GET /calls/{id}`: a call by itself; `POST` says what it was, for browsers without scripts.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::api::calls::say::{fits, refused};
use crate::api::calls::{GivenId, find, off_the_loop, page};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::say::{GivenForm, changes, fields};
use crate::api::pages::show::Shower;
use crate::api::state::State;
use crate::api::veil;
use crate::base::number::Caller;
use crate::people::{Right, Who};
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::say::SayError;
use crate::web::call::CallPage;
use crate::web::frame::{Here, form_urlencoded};

/// Earlier calls of the caller on the page.
const EARLIER_MAX: usize = 8;

/// The call.
pub(in crate::api) async fn call(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    id: GivenId,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?;
    show(&state, &who, &look, &call, false).await
}

/// Says what the call was: the whole form, of which only what differs is said.
pub(in crate::api) async fn say(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    id: GivenId,
    form: GivenForm,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?;
    let fields = fields(form)?;
    let version = fields.iter().find(|(name, _)| name == "version");
    let version = version.and_then(|(_, version)| version.parse().ok());
    let say = changes(&fields, &call)?;
    let say = fits(say, &call, &state.rules())?;
    let (store, by, id) = (state.store.clone(), who.name.clone(), call.id);
    let said = off_the_loop(move || store.say(id, say, &by, version)).await?;
    match said {
        Ok(_) => Ok(Redirect::to(&format!("/calls/{id}")).into_response()),
        Err(SayError::Changed(now)) => {
            let now = veil::record(*now, &who).ok_or_else(crate::api::calls::unknown)?;
            let page = show(&state, &who, &look, &now, true).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(refused(error, &who, version)),
    }
}

async fn show(
    state: &State,
    who: &Who,
    look: &Look,
    call: &CallRecord,
    conflict: bool,
) -> Result<Response, ApiError> {
    let shower = Shower::new(state, look.words(), look.now());
    let dates = shower.dates(&call.project);
    let administers = who.may(Right::Administer);
    let earlier = earlier(state, who, call).await?;
    let all = earlier.is_some().then(|| {
        let caller = call.caller.as_ref().map(ToString::to_string);
        format!("/?caller={}", form_urlencoded(&caller.unwrap_or_default()))
    });
    let earlier = earlier.unwrap_or_default();
    let earlier = earlier.iter().map(|call| {
        let mut row = shower.row(call, dates);
        row.time_full = dates.short(call.started_at);
        row
    });
    let project = shower.rules.tracking.project(&call.project);
    let page = CallPage {
        frame: look.frame(Here::Calls),
        row: shower.row(call, dates),
        began: dates.full(call.started_at),
        zone: project
            .and_then(|project| project.time_zone.iana_name())
            .unwrap_or("UTC")
            .to_owned(),
        facts: shower.facts(call, administers),
        path: shower.path(call),
        player: who.may(Right::Play).then(|| shower.player(call)).flatten(),
        said: shower.told(call),
        earlier: earlier.collect(),
        all,
        history: shower.history(call, &state.store.exports()),
        legs: if administers {
            shower.legs(call)
        } else {
            Vec::new()
        },
        ladder: administers.then(|| format!("/api/v1/calls/{}/ladder", call.id)),
        conflict,
    };
    html(&page)
}

/// The caller's calls before this one, the newest first; `None`: nobody knows who called, or it is not theirs to see.
async fn earlier(
    state: &State,
    who: &Who,
    call: &CallRecord,
) -> Result<Option<Vec<CallRecord>>, ApiError> {
    let Some(caller) = call.caller.as_ref().filter(|_| who.may(Right::Numbers)) else {
        return Ok(None);
    };
    if *caller == Caller::Anonymous {
        return Ok(None);
    }
    let query = Query {
        caller: Some(caller.to_string()),
        project: Some(call.project.to_string()),
        until: Some(call.started_at),
        limit: Some(EARLIER_MAX),
        ..Query::default()
    };
    let query = veil::query(query, who)?;
    Ok(Some(page(&state.store, query, who).await?.calls))
}
