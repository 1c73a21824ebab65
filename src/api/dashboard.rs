//! `GET /api/v1/dashboard`: the last seven days in one answer.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};

use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::DashboardAsked;
use crate::api::openapi::report::DashboardShown;
use crate::api::query::{self, Given};
use crate::api::reports::zone;
use crate::api::spend;
use crate::api::state::State;
use crate::api::veil;
use crate::people::Who;
use crate::report::ask::{Ask, Kind};
use crate::report::dashboard::{DAYS, Dashboard, OPEN_DAYS};
use crate::report::period::Span;
use crate::report::run;
use crate::store::query::Query;

/// What a dashboard can be asked for.
pub(in crate::api) const DASHBOARD: &[&str] =
    &["project", "source", "channel", "campaign", "category"];

/// The last seven days to this moment beside the seven before: calls, missed, conversion, by source, the best hour, what
/// changed by more than chance explains, and who waits to be called back.
#[utoipa::path(
    get,
    path = "/api/v1/dashboard",
    operation_id = "get_dashboard",
    tag = "figures",
    params(DashboardAsked),
    responses((status = 200, description = "The dashboard.", body = DashboardShown)),
)]
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    given: Given,
) -> Result<Response, ApiError> {
    Ok(Json(dashboard(&state, &who, given).await?).into_response())
}

/// Makes the dashboard of the calls that `who` may see.
pub(in crate::api) async fn dashboard(
    state: &State,
    who: &Who,
    given: Given,
) -> Result<Dashboard, ApiError> {
    let rules = state.rules();
    let asked = query::conditions(query::pairs(given, DASHBOARD)?, &rules.tracking)?;
    let names_projects = asked.project.is_some() || asked.projects.is_some();
    let query = veil::query(asked, who)?;
    let zone = zone(&query, &rules, who);
    let now = state.clock.wall();
    let open = Query {
        since: Some(Span::last_days(OPEN_DAYS, now, zone.clone()).since()),
        until: Some(now),
        callback_open: true,
        ..query.clone()
    };
    let span = Span::last_days(DAYS, now, zone);
    let sees_money = spend::may_see(&query, &rules, who).is_ok();
    let store = state.store.clone();
    let mut dashboard = off_the_loop(move || {
        let ask = Ask {
            kind: Kind::Sources,
            by: None,
            query,
            span,
            now,
            tracking: &rules.tracking,
            routing: &rules.routing,
        };
        run::dashboard(&store, &ask, &open, sees_money)
    })
    .await?;
    if !names_projects {
        // Theirs are no condition that they gave.
        let movers = dashboard.movers.iter_mut().map(|mover| &mut mover.calls);
        let all = movers.chain([&mut dashboard.calls, &mut dashboard.open.calls]);
        all.for_each(|calls| calls.retain(|(name, _)| *name != "project"));
    }
    Ok(dashboard)
}
