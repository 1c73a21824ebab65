//! How many legs each trunk carries now, against its `max_calls`.

use std::sync::Arc;

use crate::base::map::{Map, keyed};

/// Legs by trunk.
#[derive(Debug)]
pub(in crate::call) struct Usage {
    by_trunk: Map<Arc<str>, u32>,
    all: usize,
}

impl Usage {
    /// Starts with none.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            by_trunk: keyed(key),
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
