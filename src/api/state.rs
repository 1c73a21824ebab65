//! What the handlers know: the store, the engine's counters, the rules in force.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use tokio::sync::Semaphore;

use crate::api::gate::Gate;
use crate::api::letters::Outlet;
use crate::api::listened::Listened;
use crate::api::live::hub::Hub;
use crate::api::peaks::Turns;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::engine::gauges::Gauges;
use crate::engine::handle::Handle;
use crate::notify::post::Post;
use crate::recording::plan::should_record;
use crate::recording::settings::When;
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
    rules: InForce,
    /// Who may come in, and who is in.
    pub gate: Gate,
    /// What calls in progress are asked through; `None`: nothing rings here, as in tests of the pages.
    pub(in crate::api) engine: Option<Handle>,
    /// Who listens to what happens now.
    pub(in crate::api) live: Hub,
    /// Who listened to a recording lately.
    pub(in crate::api) listened: Arc<Listened>,
    /// Who has past calls held against other rules.
    pub(in crate::api) replaying: Arc<Semaphore>,
    /// Who reads a recording for its peaks.
    pub(in crate::api) turns: Turns,
    /// Through what letters of saved reports leave.
    pub(in crate::api) post: Outlet,
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
    /// `[recordings] when`.
    pub record: When,
    /// `[[trunk]] id`.
    pub trunks: Arc<[Arc<str>]>,
    /// How an edited configuration is read.
    pub reading: Reading,
}

impl Rules {
    /// Whether a call is recorded once it is answered.
    pub fn records(&self, tracked: bool, wish: Option<bool>) -> bool {
        should_record(tracked, wish, self.record)
    }
}

/// The rules in force. Clones are the same.
#[derive(Clone, Debug)]
pub struct InForce(Arc<RwLock<Arc<Rules>>>);

impl InForce {
    /// The rules that are in force now.
    pub fn get(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force.
    pub fn set(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// Reads an edited configuration, named as its mistakes name it, without opening anything that it names.
#[derive(Clone)]
pub struct Reading(Arc<Read>);

type Read = dyn Fn(&str, &str) -> Result<Edited, Vec<Fault>> + Send + Sync;

impl Reading {
    /// Reads with `read`, which is told the file's name and its text.
    pub fn new(
        read: impl Fn(&str, &str) -> Result<Edited, Vec<Fault>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// Reads `text`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn read(&self, name: &str, text: &str) -> Result<Edited, Vec<Fault>> {
        (self.0)(name, text)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// An edited configuration, as far as it says what becomes of calls.
#[derive(Clone, Debug)]
pub struct Edited {
    /// Its rules.
    pub rules: Rules,
    /// What can be used but is hardly meant.
    pub warnings: Vec<Fault>,
}

/// A mistake in an edited configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// It can be used all the same.
    pub warning: bool,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
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
            rules: InForce(Arc::new(RwLock::new(Arc::new(rules)))),
            gate,
            engine: None,
            live: Hub::default(),
            listened: Arc::default(),
            replaying: Arc::new(Semaphore::new(1)),
            turns: Turns::default(),
            post: Outlet::default(),
        }
    }

    /// Lets handlers ask the engine about calls in progress.
    #[must_use]
    pub fn with_engine(mut self, engine: Handle) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Lets handlers see what letters wait, and have some sent.
    #[must_use]
    pub fn with_post(mut self, post: Post) -> Self {
        self.post = Outlet::of(post);
        self
    }

    /// The rules, for who outlives this state.
    pub fn in_force(&self) -> InForce {
        self.rules.clone()
    }

    /// The rules in force.
    pub(in crate::api) fn rules(&self) -> Arc<Rules> {
        self.rules.get()
    }
}
