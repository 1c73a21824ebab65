//! The figures of a saved report, made on the thread that asks.

use crate::api::error::ApiError;
use crate::api::reports::{self, Asked};
use crate::api::spend;
use crate::api::state::{Rules, State};
use crate::api::veil;
use crate::base::time::WallTime;
use crate::people::Who;
use crate::report::ask::{Ask, Kind};
use crate::report::period::Span;
use crate::report::run;
use crate::report::table::Report;

impl Asked {
    /// Whether `who` may see what is asked for.
    ///
    /// # Errors
    /// They ask for calls by what they may not see.
    pub(in crate::api) fn check(self, rules: &Rules, who: &Who) -> Result<(), ApiError> {
        self.money(rules, who)?;
        veil::query(self.query, who).map(drop)
    }

    /// Figures about money are for who may see them.
    fn money(&self, rules: &Rules, who: &Who) -> Result<(), ApiError> {
        match self.kind == Kind::Money {
            true => spend::may_see(&self.query, rules, who),
            false => Ok(()),
        }
    }

    /// Makes the report as it is at `now`, of the calls that `who` may see.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(in crate::api) fn make_here(
        self,
        state: &State,
        who: &Who,
        now: WallTime,
    ) -> Result<Report, ApiError> {
        let rules = state.rules();
        self.money(&rules, who)?;
        let query = veil::query(self.query, who)?;
        let zone = reports::zone(&query, &rules, who);
        let span = Span::new(query.since, query.until, now, zone)
            .map_err(|none| ApiError::bad("bad-period", none.to_string()))?;
        let ask = Ask {
            kind: self.kind,
            by: self.by,
            query,
            span,
            now,
            tracking: &rules.tracking,
            routing: &rules.routing,
        };
        Ok(run::run(&state.store, &ask))
    }
}
