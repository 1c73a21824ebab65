//! How many legs each trunk carries now, against its `max_calls`.

use std::sync::Arc;

use crate::base::map::{Map, keyed};

/// Legs by trunk.
#[derive(Debug)]
pub(in crate::call) struct Usage(Map<Arc<str>, u32>);

impl Usage {
    /// Starts with none.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self(keyed(key))
    }

    /// A leg begins.
    pub(in crate::call) fn take(&mut self, trunk: &Arc<str>) {
        *self.0.entry(Arc::clone(trunk)).or_default() += 1;
    }

    /// A leg ends.
    pub(in crate::call) fn give_back(&mut self, trunk: &str) {
        if let Some(legs) = self.0.get_mut(trunk) {
            *legs = legs.saturating_sub(1);
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
        self.0.get(trunk).copied().unwrap_or(0)
    }
}
