//! The store as other rooms hold it: told without waiting, asked from memory or from what is synced.

mod books;
mod saved;
#[cfg(test)]
mod tests;
mod voice;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::{Fact, KeptDialog, What};
use crate::recording::command::Kept;
use crate::recording::command::Outcome;
use crate::store::control::{Answering, Control};
use crate::store::credit::{Credit, EVENTS_MAX};
use crate::store::disk::{Disk, RealDisk};
use crate::store::error::StoreError;
use crate::store::history::History;
use crate::store::job::{Job, Telling, Told};
use crate::store::ladder::{Draft, Ladder};
use crate::store::ladders::Ladders;
use crate::store::query::{Page, Query};
use crate::store::record::CallRecord;
use crate::store::recover;
use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::store::settings::Settings;
use crate::store::shared::Shared;
use crate::store::verify;

pub use crate::store::verify::Verdict;

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

/// What a process opens the store for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To take calls: what a crash left behind is ended, and the log says that a process began.
    Serve,
    /// To look or to erase.
    Look,
    /// To make rows and index again from the log.
    Rebuild,
}

/// A call that a crash left behind. Its record is ended already; its peers are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ghost {
    /// Whose.
    pub call: CallId,
    /// A recording had begun, and the log does not say what became of it: the recorder's repair reports it, and
    /// [`Store::recorded`] takes the report.
    pub recorded: bool,
    /// What the BYEs need, caller's first; `None`: it was never answered, or its person was erased.
    pub dialogs: Option<[KeptDialog; 2]>,
}

/// What the process before left undone.
///
/// Of recordings it names those of calls that were in progress at the last checkpoint, or not two minutes over, or began
/// after it; where rows and index are made again, the newest ten thousand that lack something. A recording that lacks its
/// line or its hash is named until a checkpoint finds its call two minutes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Calls that had not ended.
    pub ghosts: Vec<Ghost>,
    /// Calls that had ended and of whose recording the log does not say what became: the recorder's repair reports it, or
    /// [`crate::recording::recover::find`] finds it whole.
    pub unrecorded: Vec<CallId>,
    /// Recordings without a hash: their calls and their files, relative to the recordings' folder.
    pub unhashed: Vec<(CallId, String)>,
}

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Events told and not yet on the disk.
    pub backlog: u64,
    /// Most of them before calls are refused.
    pub backlog_max: u64,
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
    /// Damaged lines of those calls: what is personal in them cannot be told and stays. [`Store::verify`] names the first.
    #[serde(default)]
    pub damaged: u64,
    /// Calls of this caller that have not ended, or whose recording is being finished: not erased. Ask again later.
    pub in_progress: u64,
}

/// How often a caller that waits for the disk looks whether it refuses.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Recordings deleted in one go: deleting so many takes the store's thread a few milliseconds.
const PRUNE_BATCH: usize = 100;

/// The call log and what stands over it. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

/// A store that may be gone.
#[derive(Clone, Debug)]
pub(crate) struct WeakStore(Weak<Inner>);

impl WeakStore {
    /// The store, while somebody has it.
    pub(crate) fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    control: Mutex<Option<Control>>,
    answering: OnceLock<Answering>,
    /// The thread to wake for what cannot wait.
    thread: thread::Thread,
    ladder_days: u32,
    _lock: File,
}

impl Store {
    /// Opens the store, makes again what is missing over the log, and ends what a crash left behind.
    ///
    /// # Errors
    /// Another process has it, or the disk or the folder's permissions do not allow it.
    pub fn open(setup: Setup) -> Result<(Self, LeftBehind), StoreError> {
        Self::open_on(setup, Purpose::Serve, Box::new(RealDisk))
    }

    /// Opens the store for a command while no server runs, to look or to erase. Calls that a crash left behind stay in
    /// progress, because only a server can send the BYEs that end them.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn look(setup: Setup) -> Result<Self, StoreError> {
        Self::open_on(setup, Purpose::Look, Box::new(RealDisk)).map(|(store, _)| store)
    }

    /// Opens the store with the log on `disk`.
    pub(crate) fn open_on(
        setup: Setup,
        purpose: Purpose,
        disk: Box<dyn Disk>,
    ) -> Result<(Self, LeftBehind), StoreError> {
        let folder = setup.settings.folder.clone();
        let ladder_days = setup.settings.ladder_days;
        let opened = recover::open(setup, purpose, disk)?;
        let shared = Arc::clone(&opened.keeper.shared);
        // Bounded by the purse, which refuses what the backlog has no room for; a bounded channel would take that room at once.
        let (jobs, queue): (Sender<Job>, Receiver<Job>) = crossbeam_channel::unbounded();
        let keeper = opened.keeper;
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || keeper.run(&queue))
            .map_err(StoreError::disk("starting the thread of", &folder))?;
        let store = Self(Arc::new(Inner {
            jobs,
            shared,
            thread: thread.thread().clone(),
            keeper: Mutex::new(Some(thread)),
            control: Mutex::new(None),
            answering: OnceLock::new(),
            ladder_days,
            _lock: opened.lock,
        }));
        if purpose == Purpose::Serve {
            store.listen(&folder);
            Ladders::start(&store.0.shared, ladder_days);
        }
        Ok((store, opened.behind))
    }

    /// Lets commands ask this store. Calls go on where that cannot be: a socket is not worth refusing to start.
    fn listen(&self, folder: &Path) {
        match Control::listen(folder, WeakStore(Arc::downgrade(&self.0))) {
            Ok(control) => {
                *self
                    .0
                    .control
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(control);
            }
            Err(error) => tracing::error!(%error, "commands cannot ask this server"),
        }
    }

    /// Has `answering` answer commands that ask what is not the store's; the first one stays.
    pub fn answer_with(&self, answering: Answering) {
        drop(self.0.answering.set(answering));
    }

    /// Who answers what is not the store's.
    pub(crate) fn answering(&self) -> Option<&Answering> {
        self.0.answering.get()
    }

    /// Makes rows and index again from the log, and returns how many calls they have.
    ///
    /// # Errors
    /// A server runs on the store, or the disk does not allow it.
    pub fn reindex(setup: Setup) -> Result<u64, StoreError> {
        let (store, _) = Self::open_on(setup, Purpose::Rebuild, Box::new(RealDisk))?;
        Ok(store.rows())
    }

    /// What the readers see.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Whether the lines of a call are in the index alone.
    #[cfg(test)]
    pub(crate) fn is_indexed(&self, call: CallId) -> bool {
        !self.0.shared.view().knows(call)
    }

    /// How many calls the log knows, tracked or not.
    pub fn rows(&self) -> u64 {
        let calls = self.0.shared.view().rows.list().len();
        u64::try_from(calls).unwrap_or(u64::MAX)
    }

    /// Reserves room for `events` that one call will tell. `None`: the backlog is full, refuse the call with 503.
    ///
    /// While the disk refuses, credit is given all the same: calls go on, and what finds no room is counted as lost.
    pub fn credit(&self, events: u32) -> Option<Credit> {
        let purse = &self.0.shared.purse;
        let credit = purse.reserve(events);
        if credit.is_none() && self.0.shared.trouble().is_some() {
            return Some(purse.without_room());
        }
        credit
    }

    /// Tells a fact of a call. Never blocks; memory knows of it at once, readers when it is synced.
    pub fn tell(&self, fact: Fact) {
        {
            let mut history = self.0.shared.history();
            match &fact.what {
                What::Began(began) => history.began(fact.call, began),
                What::Answered(answered) => history.answered(fact.call, fact.at, answered),
                What::Ended(_) => history.ended(fact.call),
                What::Ringing | What::Transferred(_) => {}
            }
        }
        self.push(Told {
            call: fact.call,
            at: fact.at,
            mono: fact.mono,
            what: Telling::Fact(fact.what),
        });
    }

    /// Tells what became of a call's recording.
    pub fn recorded(&self, outcome: Outcome) {
        self.push_now(outcome.call, Telling::Recorded(Box::new(outcome)));
    }

    /// Tells how a file of a call's recording is kept.
    pub fn hashed(&self, call: CallId, kept: Kept) {
        self.push_now(call, Telling::Hashed(kept));
    }

    /// Reads one call as it stands on the disk, tracked or not. Reads files: not for an async thread.
    ///
    /// # Errors
    /// The log cannot be read, or a line of this call is damaged.
    pub fn call(&self, id: CallId) -> Result<Option<CallRecord>, StoreError> {
        self.0.shared.call(id)
    }

    /// Reads one page of calls as they stand on the disk. Reads files: not for an async thread.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.shared.list(query)
    }

    /// How many calls `query` asks for, wherever its cursor stands. From memory: no disk.
    pub fn count(&self, query: &Query) -> u64 {
        self.0.shared.count(query)
    }

    /// Shows the row of each call that `query` asks for, the oldest first. From memory: no disk.
    pub(crate) fn scan(&self, query: &Query, each: impl FnMut(&Row, &Rows)) {
        self.0.shared.scan(query, each);
    }

    /// What this caller's earlier calls within `project` say. From memory: no disk, no waiting.
    pub fn history(&self, project: &str, caller: &Caller) -> History {
        self.0.shared.history().of(project, caller)
    }

    /// When `manager` last answered a call. From memory.
    pub fn last_taken(&self, manager: &str) -> Option<WallTime> {
        self.0.shared.history().last_taken(manager)
    }

    /// Removes a person: the personal part of the log's lines and the recordings of this caller's calls. Waits. Nobody is
    /// removed for an anonymous caller: who that is nobody knows.
    ///
    /// # Errors
    /// The disk refuses; asking again, or the next start, goes on where it stopped.
    pub fn erase(&self, caller: Caller) -> Result<Erased, StoreError> {
        let (answer, erased) = crossbeam_channel::bounded(1);
        self.ask(Job::Erase(caller, answer))?;
        self.wait(&erased)?
    }

    /// Deletes the recordings of calls that began before `before`; their records and the log say so. Waits, in batches
    /// between which calls are logged. Returns how many files there were. The recording of a call whose lines are damaged
    /// stays, and the log of the program names it.
    ///
    /// # Errors
    /// The disk refuses; asking again goes on where it stopped.
    pub fn prune_recordings(&self, before: WallTime) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut last = None;
        loop {
            let calls = self.0.shared.recorded_before(before, last, PRUNE_BATCH);
            if calls.is_empty() {
                return Ok(removed);
            }
            last = calls.last().copied();
            let old = self.0.shared.files(&calls);
            let (answer, pruned) = crossbeam_channel::bounded(1);
            self.ask(Job::Prune(old, answer))?;
            removed += self.wait(&pruned)??;
        }
    }

    /// Checks the chain of the log, the months' heads and the recordings' hashes. Reads everything: not for an async thread.
    ///
    /// # Errors
    /// A month cannot be read.
    pub fn verify(&self) -> Result<Verdict, StoreError> {
        let shared = &self.0.shared;
        let check = || verify::verify(&shared.log, &shared.recordings, shared.view().end);
        match check()? {
            whole @ Verdict::Whole { .. } => Ok(whole),
            // An erasure may have gone by, with its line behind the end that was looked at, or is being carried out. When
            // the store's thread answers it has ended, and a second look knows it; a disk that refuses is no reason not to
            // look.
            Verdict::Broken { .. } => {
                drop(self.sync());
                check()
            }
        }
    }

    /// Waits until everything told so far is synced.
    ///
    /// # Errors
    /// The disk refuses, or the store is shut down.
    pub fn sync(&self) -> Result<(), StoreError> {
        let (answer, synced) = crossbeam_channel::bounded(1);
        self.ask(Job::Sync(answer))?;
        self.wait(&synced)
    }

    /// Says how the store stands.
    pub fn health(&self) -> Health {
        let shared = &self.0.shared;
        Health {
            backlog: shared.purse.waiting(),
            backlog_max: EVENTS_MAX,
            lost: shared.lost().0,
            disk_error: shared.trouble(),
        }
    }

    /// Takes the messages of a call that is over, to be kept for a while; `false`: there is no room, and the call has none.
    pub fn keep_ladder(&self, call: CallId, draft: Draft) -> bool {
        self.0.shared.ladders.keep(call, draft)
    }

    /// For how many days the messages of calls are kept; 0: they are not.
    pub fn ladder_days(&self) -> u32 {
        self.0.ladder_days
    }

    /// Reads the messages of a call that is over, without secrets; `None`: none are kept. Reads files: not for an async thread.
    ///
    /// # Errors
    /// The day's file cannot be read.
    pub fn ladder(&self, call: CallId) -> Result<Option<Ladder>, StoreError> {
        self.0.shared.ladders.of(call)
    }

    /// Writes and syncs what was told, leaves a checkpoint, and ends the store's thread. What is told later is lost.
    pub fn shutdown(&self) {
        self.0.shutdown();
    }

    fn push_now(&self, call: CallId, what: Telling) {
        let clock = self.0.shared.clock;
        self.push(Told {
            call,
            at: clock.wall(),
            mono: clock.now(),
            what,
        });
    }

    fn push(&self, told: Told) {
        let shared = &self.0.shared;
        let is_end = matches!(told.what, Telling::Fact(What::Ended(_)));
        let at = told.at;
        if !shared.purse.take(is_end) {
            shared.lose(at);
        } else if self.0.jobs.send(Job::Tell(told)).is_err() {
            shared.purse.written(1);
            shared.lose(at);
        }
    }

    fn ask(&self, job: Job) -> Result<(), StoreError> {
        self.0.jobs.send(job).map_err(|_| StoreError::Stopped)?;
        self.0.thread.unpark();
        Ok(())
    }

    /// Waits for the store's thread, but not for a disk that refuses.
    fn wait<T>(&self, answer: &Receiver<T>) -> Result<T, StoreError> {
        loop {
            match answer.recv_timeout(LOOK_EVERY) {
                Ok(answer) => return Ok(answer),
                Err(error) => match (self.0.shared.trouble(), error) {
                    (Some(trouble), _) => return Err(StoreError::Refused(trouble)),
                    (None, RecvTimeoutError::Disconnected) => return Err(StoreError::Stopped),
                    (None, RecvTimeoutError::Timeout) => {}
                },
            }
        }
    }
}

impl Inner {
    fn shutdown(&self) {
        drop(
            self.control
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let keeper = self
            .keeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(keeper) = keeper {
            self.shared.is_stopping.store(true, Ordering::Release);
            // A thread that is gone needs no telling.
            drop(self.jobs.send(Job::Stop));
            self.thread.unpark();
            if keeper.join().is_err() {
                tracing::error!("the store's thread had panicked");
            }
            self.shared.ladders.stop();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown();
    }
}
