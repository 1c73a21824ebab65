//! `GET /api/v1/calls/{id}/ladder`: the SIP messages of a call without what is secret in them, for who administers ringtag.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::calls::{GivenId, find, off_the_loop};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::LadderShown;
use crate::api::openapi::query::OneCall;
use crate::api::state::State;
use crate::base::time::WallTime;
use crate::store::ladder::Ladder;

/// The SIP messages of a call, those so far while it is in progress. Credentials, passwords, keys and pressed digits are
/// removed.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/ladder",
    operation_id = "get_ladder",
    tag = "calls",
    params(OneCall),
    responses((status = 200, description = "The messages, the oldest first.", body = LadderShown)),
)]
pub(in crate::api) async fn ladder(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let record = find(&state, &who, id).await?;
    let call = record.id;
    let draft = match &state.engine {
        // An engine that is stopping has handed over what it had.
        Some(engine) => engine.ladder(call).await.ok().flatten(),
        None => None,
    };
    let store = state.store.clone();
    let read = move || match draft {
        Some(draft) => Ok(Some(draft.ladder())),
        None => store.ladder(call),
    };
    let ladder: Option<Ladder> = off_the_loop(read).await??;
    let Some(ladder) = ladder else {
        let why = why_none(
            state.store.ladder_days(),
            record.started_at,
            state.clock.wall(),
        );
        return Err(ApiError::missing("no-ladder", why));
    };
    Ok((StatusCode::OK, Json(ladder)).into_response())
}

/// Why a call that began then has none, as far as that is known.
fn why_none(days: u32, began: WallTime, now: WallTime) -> String {
    let kept_for = Duration::from_secs(u64::from(days) * 86_400);
    if days == 0 {
        "the messages of calls are not kept: [store] ladder_days is 0".to_owned()
    } else if began + kept_for < now {
        format!(
            "the messages of a call are kept for {days} days ([store] ladder_days); this one is older"
        )
    } else {
        "the messages of this call are not kept: too many calls began at once or the disk was behind, which ringtag_ladders_missed_total counts, or none were kept then".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_ladder_is_said_as_far_as_it_is_known() {
        let began = WallTime::from_millis(1_795_253_400_000);
        for (days, age_days, why) in [
            (0, 1, "ladder_days is 0"),
            (7, 8, "kept for 7 days"),
            (7, 6, "too many calls began at once"),
        ] {
            let now = began + Duration::from_secs(age_days * 86_400);
            let said = why_none(days, began, now);
            assert!(said.contains(why), "{said}");
        }
    }
}
