//! What the handlers know: the store, the engine's counters, the rules in force.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use crate::api::gate::Gate;
use crate::api::listened::Listened;
use crate::api::live::hub::Hub;
use crate::api::peaks::Turns;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::engine::gauges::Gauges;
use crate::engine::handle::Handle;
use crate::route::Routing;
use crate::store::Store;
use crate::track::Tracking;

/// Shared by every request. Clones are the same state.
#[derive(Clone, Debug)]
pub struct State {
    /// The calls.
    pub store: Store,
    /// The engine's counters, and whether it takes calls.
    pub gauges: Arc<Gauges>,
    /// The clock of the process.
    pub clock: Clock,
    /// The recordings' folder.
    pub recordings: Arc<PathBuf>,
    rules: Arc<RwLock<Arc<Rules>>>,
    /// Who may come in, and who is in.
    pub gate: Gate,
    /// What calls in progress are asked through; `None`: nothing rings here, as in tests of the pages.
    pub(in crate::api) engine: Option<Handle>,
    /// Who listens to what happens now.
    pub(in crate::api) live: Hub,
    /// Who listened to a recording lately.
    pub(in crate::api) listened: Arc<Listened>,
    /// Who reads a recording for its peaks.
    pub(in crate::api) turns: Turns,
}

/// What decides a call, as it stands; a reload replaces it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How national numbers are read.
    pub country: Country,
    /// Numbers and sources.
    pub tracking: Arc<Tracking>,
    /// Rules.
    pub routing: Arc<Routing>,
}

impl State {
    /// Puts together what the handlers know.
    pub fn new(
        store: Store,
        gauges: Arc<Gauges>,
        clock: Clock,
        recordings: PathBuf,
        rules: Rules,
        gate: Gate,
    ) -> Self {
        Self {
            store,
            gauges,
            clock,
            recordings: Arc::new(recordings),
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            gate,
            engine: None,
            live: Hub::default(),
            listened: Arc::default(),
            turns: Turns::default(),
        }
    }

    /// Lets handlers ask the engine about calls in progress.
    #[must_use]
    pub fn with_engine(mut self, engine: Handle) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Puts other rules in force.
    pub fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// The rules in force.
    pub(in crate::api) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }
}
