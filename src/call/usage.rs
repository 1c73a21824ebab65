//! How many legs each trunk carries now, against its `max_calls`, and how quickly they begin, against its `calls_per_s`.

use std::sync::Arc;

use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::call::rate::Rate;
use crate::call::trunk::Trunk;

/// Legs by trunk.
#[derive(Debug)]
pub(in crate::call) struct Usage {
    by_trunk: Map<Arc<str>, u32>,
    /// Until when the calls of trunks with a `calls_per_s` are paid for; as many as the configuration ever named.
    paid: Map<Arc<str>, Moment>,
    all: usize,
}

impl Usage {
    /// Starts with none.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            by_trunk: keyed(key),
            paid: keyed(key),
            all: 0,
        }
    }

    /// A leg begins.
    pub(in crate::call) fn take(&mut self, trunk: &Arc<str>) {
        *self.by_trunk.entry(Arc::clone(trunk)).or_default() += 1;
        self.all += 1;
    }

    /// A leg ends.
    pub(in crate::call) fn give_back(&mut self, trunk: &str) {
        if let Some(legs) = self.by_trunk.get_mut(trunk) {
            *legs = legs.saturating_sub(1);
            self.all = self.all.saturating_sub(1);
        }
    }

    /// Takes one of the new calls that a trunk may have in this second; `false`: it has had them all.
    pub(in crate::call) fn may_begin(&mut self, now: Moment, trunk: &Trunk) -> bool {
        let Some(per_s) = trunk.calls_per_s else {
            return true;
        };
        let paid = self.paid.entry(Arc::clone(&trunk.id)).or_default();
        Rate::per_second(u64::from(per_s), 1).take(now, paid, 1)
    }

    /// Whether no further leg fits.
    pub(in crate::call) fn is_full(&self, trunk: &str, limit: Option<u32>) -> bool {
        limit.is_some_and(|limit| self.legs(trunk) >= limit)
    }

    /// Whether there is already one too many.
    pub(in crate::call) fn is_over(&self, trunk: &str, limit: Option<u32>) -> bool {
        limit.is_some_and(|limit| self.legs(trunk) > limit)
    }

    /// Legs of a trunk.
    pub(in crate::call) fn legs(&self, trunk: &str) -> u32 {
        self.by_trunk.get(trunk).copied().unwrap_or(0)
    }

    /// Legs of all trunks.
    pub(in crate::call) const fn in_use(&self) -> usize {
        self.all
    }
}
