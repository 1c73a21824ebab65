//! `PATCH /api/v1/calls`: the same said of several calls, with an answer for each.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::body::Members;
use crate::api::calls::say::{fits, read, refused};
use crate::api::calls::{off_the_loop, unknown};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::{BulkChange, BulkChanged};
use crate::api::state::{Rules, State};
use crate::api::veil;
use crate::base::id::CallId;
use crate::people::Who;
use crate::store::Store;
use crate::store::record::CallRecord;
use crate::store::say::Say;

/// Most calls at once: more than a page of any list shows, and a second of the disk.
pub(in crate::api) const CALLS_MAX: usize = 500;

/// Says the same of up to 500 calls. Each has its own result: one that fails keeps no other from being changed.
#[utoipa::path(
    patch,
    path = "/api/v1/calls",
    operation_id = "change_calls",
    tag = "calls",
    request_body(content = BulkChange),
    responses((status = 200, description = "What became of each, in the order of the ids.", body = BulkChanged)),
)]
pub(in crate::api) async fn bulk(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    members: Members,
) -> Result<Response, ApiError> {
    let mut members = members.only(&["ids", "set"])?;
    let ids = ids(&mut members)?;
    let set = members.need("set", "what is to be said of them")?;
    let say = read(Members::of("set.", set)?)?;
    let rules = state.rules();
    let store = state.store;
    let results = off_the_loop(move || change(&store, &who, &rules, &ids, &say)).await?;
    Ok(Json(json!({ "results": results })).into_response())
}

/// Each id once, in the order in which they came.
fn ids(members: &mut Members) -> Result<Vec<CallId>, ApiError> {
    let right = format!("the ids of 1 to {CALLS_MAX} calls");
    let given = members.need("ids", &right)?;
    let ids = given.as_array().map_or(&[][..], Vec::as_slice);
    if !(1..=CALLS_MAX).contains(&ids.len()) {
        return Err(members.wrong("ids", format_args!("is wrong; give {right}")));
    }
    let mut seen = BTreeSet::new();
    let mut read = Vec::with_capacity(ids.len());
    for (place, id) in ids.iter().enumerate() {
        let id: CallId = id
            .as_str()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| members.wrong(&format!("ids[{place}]"), "is no id of a call"))?;
        if seen.insert(id) {
            read.push(id);
        }
    }
    Ok(read)
}

/// Says it of all that take it, and answers for each.
fn change(store: &Store, who: &Who, rules: &Rules, ids: &[CallId], say: &Say) -> Vec<Value> {
    let may = |id: CallId| -> Result<Say, ApiError> {
        let call = store.call(id)?;
        let call = call.and_then(|call| veil::record(call, who));
        fits(say.clone(), &call.ok_or_else(unknown)?, rules)
    };
    let checked: Vec<_> = ids.iter().map(|id| (*id, may(*id))).collect();
    let changes = checked
        .iter()
        .filter_map(|(id, may)| Some((*id, may.as_ref().ok()?.clone(), None)))
        .collect();
    // Both are in the order of the ids.
    let mut said = store.say_all(changes, &who.name).into_iter();
    checked
        .into_iter()
        .map(|(id, may)| match may {
            Ok(_) => match said.next() {
                Some((_, Ok(record))) => changed(&record),
                Some((_, Err(error))) => failed(id, &refused(error, who, None)),
                None => failed(id, &unknown()),
            },
            Err(error) => failed(id, &error),
        })
        .collect()
}

fn changed(record: &CallRecord) -> Value {
    json!({"id": record.id, "status": 200, "version": record.version, "error": null})
}

fn failed(id: CallId, error: &ApiError) -> Value {
    json!({"id": id, "status": error.status().as_u16(), "version": null, "error": error.value()})
}
