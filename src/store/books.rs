//! The books: what people enter that is no call's, as the log's lines say it. In memory whole, with a file beside the rows'
//! that can be deleted like theirs. Pure.
//!
//! Lines may come twice: a start replays from the earlier of two checkpoints, and what the file covers is passed by.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::store::event::house::House;
use crate::store::ledger::Ledger;
use crate::store::saved::shelf::Shelf;

/// All books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Books {
    /// The number of the last line that is in them.
    n: u64,
    /// What things cost. Whoever reads it holds it as it was then.
    ledger: Arc<Ledger>,
    /// Saved reports, likewise. Files of earlier versions have none, and none was saved then.
    #[serde(default)]
    saved: Arc<Shelf>,
}

impl Books {
    /// Takes in what people entered.
    pub(crate) fn apply(&mut self, n: u64, at: WallTime, house: &House) {
        if n <= self.n {
            return;
        }
        match house {
            House::Spent(line) => Arc::make_mut(&mut self.ledger).apply(n, at, line),
            House::SavedReport(parts) => Arc::make_mut(&mut self.saved).noted(parts),
            House::Mailed(parts) => Arc::make_mut(&mut self.saved).posted(at, parts),
            House::Exported(_) | House::TokenMade(_) | House::TokenRevoked(_) => return,
        }
        self.n = n;
    }

    /// Saved reports and what was sent of them, as it is now.
    pub(crate) fn saved(&self) -> Arc<Shelf> {
        Arc::clone(&self.saved)
    }

    /// What things cost, as it is now.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }
}
