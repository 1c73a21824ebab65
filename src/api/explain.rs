//! Why a call would go where it goes, by the rules in force and what the call log knows of its caller: for the API and the
//! pages.

use crate::api::state::{Rules, State};
use crate::base::time::WallTime;
use crate::route::Explanation;
use crate::route::question::{Earlier, House, Question, Wrong};

/// Explains a call that somebody imagines at `now`.
pub(in crate::api) fn explain(
    state: &State,
    rules: &Rules,
    asked: &Question<'_>,
    now: WallTime,
) -> Result<Explanation, Wrong> {
    let store = &state.store;
    let house = House {
        country: &rules.country,
        tracking: &rules.tracking,
        routing: &rules.routing,
        has_trunk: &|id| rules.trunks.iter().any(|trunk| **trunk == *id),
        earlier: &|project, caller| {
            let history = store.history(&project.id, caller);
            Earlier {
                prior_calls: history.prior_calls,
                last_manager: history.last_manager.as_deref().map(str::to_owned),
            }
        },
        last_taken: &|manager| store.last_taken(manager),
        records: &|tracked, wish| rules.records(tracked, wish),
    };
    house.explain(asked, now)
}
