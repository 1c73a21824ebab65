//! The store as other rooms hold it: told without waiting, asked from memory or from what is synced.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crossbeam_channel::{Receiver, Sender};

use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::{Moment, WallTime};
use crate::call::story::{Fact, KeptDialog, What};
use crate::recording::command::Outcome;
use crate::store::credit::{Credit, Purse};
use crate::store::error::StoreError;
use crate::store::history::{Histories, History};
use crate::store::query::{Page, Query};
use crate::store::record::CallRecord;
use crate::store::settings::Settings;

/// What the store needs to open.
#[derive(Debug)]
pub struct Setup {
    /// `[store]`.
    pub settings: Settings,
    /// The recordings' folder, whose files `verify` hashes and `erase` deletes.
    pub recordings: PathBuf,
    /// This machine's name in the log's lines.
    pub node: Arc<str>,
    /// The shells' clock.
    pub clock: Clock,
    /// For salts and hash keys.
    pub chance: Chance,
}

/// A call that a crash left behind. Its record is ended already; its peers are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ghost {
    /// Whose.
    pub call: CallId,
    /// A recording had begun: the recorder's repair reports it, and [`Store::recorded`] takes the report.
    pub recorded: bool,
    /// What the BYEs need, caller's first; `None`: it was never answered, or its person was erased.
    pub dialogs: Option<[KeptDialog; 2]>,
}

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Events told and not yet on the disk.
    pub backlog: u64,
    /// Events lost since the start for want of room; each is counted in a `lost` line as soon as the disk takes one.
    pub lost: u64,
    /// What the disk last refused; `None` while it takes everything.
    pub disk_error: Option<String>,
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Erased {
    /// Calls whose personal part is gone.
    pub calls: u64,
    /// Recordings deleted.
    pub recordings: u64,
    /// Months of the log written anew.
    pub months: u64,
    /// Calls of this number that have not ended, or whose recording is being finished: not erased. Ask again later.
    pub in_progress: u64,
}

/// What a check of the log found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything is as it was written.
    Whole {
        /// Lines whose hash is right.
        lines: u64,
        /// Months.
        months: u64,
        /// Recordings whose hash is right.
        recordings: u64,
        /// The hash of the last line.
        head: String,
    },
    /// The first thing that is not.
    Broken {
        /// The month.
        file: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// The call log and what stands over it. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    purse: Arc<Purse>,
    history: Mutex<Histories>,
    clock: Clock,
    _later: Receiver<Job>,
}

/// What the log's thread is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write this.
    Tell(Told),
}

/// Something to write.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) call: CallId,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) what: News,
}

/// What there is to write of a call.
#[derive(Debug)]
pub(crate) enum News {
    /// From the call itself.
    Fact(What),
    /// From the recorder.
    Recorded(Box<Outcome>),
    /// From the recorder's hashing thread.
    Hashed(String),
    /// From the pages: somebody listened.
    Played(String),
}

impl Store {
    /// Opens the store, makes again what is missing over the log, and ends what a crash left behind.
    ///
    /// # Errors
    /// Another process has it, or the disk or the folder's permissions do not allow it.
    pub fn open(setup: Setup) -> Result<(Self, Vec<Ghost>), StoreError> {
        let (jobs, later) = crossbeam_channel::unbounded();
        let mut chance = setup.chance;
        let store = Self(Arc::new(Inner {
            jobs,
            purse: Arc::default(),
            history: Mutex::new(Histories::new(chance.next_u64())),
            clock: setup.clock,
            _later: later,
        }));
        Ok((store, Vec::new()))
    }

    /// Reserves room for `events` that one call will tell. `None`: the backlog is full, refuse the call with 503.
    ///
    /// While the disk refuses, credit is given all the same: calls go on, and what finds no room is counted as lost.
    pub fn credit(&self, events: u32) -> Option<Credit> {
        self.0.purse.reserve(events)
    }

    /// Tells a fact of a call. Never blocks; memory knows of it at once, readers when it is synced.
    pub fn tell(&self, fact: Fact) {
        {
            let mut history = self.history_mut();
            match &fact.what {
                What::Began(began) => history.began(fact.call, began),
                What::Answered(answered) => history.answered(fact.call, fact.at, answered),
                What::Ended(_) => history.ended(fact.call),
                What::Ringing => {}
            }
        }
        self.push(Told {
            call: fact.call,
            at: fact.at,
            mono: fact.mono,
            what: News::Fact(fact.what),
        });
    }

    /// Tells what became of a call's recording.
    pub fn recorded(&self, outcome: Outcome) {
        self.push_now(outcome.call, News::Recorded(Box::new(outcome)));
    }

    /// Tells the hash of a call's recording, lower-case hexadecimal.
    pub fn hashed(&self, call: CallId, sha256: String) {
        self.push_now(call, News::Hashed(sha256));
    }

    /// Tells that somebody listened to a call's recording.
    pub fn played(&self, call: CallId, by: &str) {
        self.push_now(call, News::Played(by.chars().take(128).collect()));
    }

    /// Reads one call as it stands on the disk, tracked or not.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn call(&self, _id: CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(None)
    }

    /// Reads one page of calls as they stand on the disk.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn list(&self, _query: &Query) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    /// What this caller's earlier calls within `project` say. From memory: no disk, no waiting.
    pub fn history(&self, project: &str, caller: &Caller) -> History {
        self.history_mut().of(project, caller)
    }

    /// When `manager` last answered a call.
    pub fn last_taken(&self, manager: &str) -> Option<WallTime> {
        self.history_mut().last_taken(manager)
    }

    /// Removes a person: the personal part of the log's lines and the recordings of this number's calls. Waits.
    ///
    /// # Errors
    /// The disk refuses; asking again goes on where it stopped.
    pub fn erase(&self, _number: Number) -> Result<Erased, StoreError> {
        Err(StoreError::Stopped)
    }

    /// Checks the chain of the log, the months' heads and the recordings' hashes. Reads everything: not for an async thread.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn verify(&self) -> Result<Verdict, StoreError> {
        Err(StoreError::Stopped)
    }

    /// Waits until everything told so far is synced.
    ///
    /// # Errors
    /// The disk refuses, or the store is shut down.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Says how the store stands.
    pub fn health(&self) -> Health {
        Health {
            backlog: self.0.purse.waiting(),
            ..Health::default()
        }
    }

    /// Writes and syncs what is told, leaves a checkpoint, and ends the store's thread. Later facts are lost.
    pub fn shutdown(&self) {}

    fn push_now(&self, call: CallId, what: News) {
        self.push(Told {
            call,
            at: self.0.clock.wall(),
            mono: self.0.clock.now(),
            what,
        });
    }

    fn push(&self, told: Told) {
        let is_end = matches!(told.what, News::Fact(What::Ended(_)));
        if self.0.purse.take(is_end) && self.0.jobs.send(Job::Tell(told)).is_err() {
            self.0.purse.written(1);
        }
    }

    fn history_mut(&self) -> MutexGuard<'_, Histories> {
        self.0
            .history
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
