//! The store's thread: the only one that writes the log, the rows' files and the index.
//!
//! Events are written at most [`WRITE_AFTER`] after they were told and synced at most [`SYNC_AFTER`] after that, all
//! that gathered with one fdatasync; only then do readers see them. What the disk refuses stays in memory and is tried
//! again; the queue behind it is bounded by [`crate::store::credit`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::{Moment, WallTime};
use crate::call::story::What;
use crate::recording::command::Outcome;
use crate::store::db::Covered;
use crate::store::erase;
use crate::store::erase::Left;
use crate::store::error::StoreError;
use crate::store::event::{Checkpoint, Event, Hashed, Lost, Played};
use crate::store::handle::Erased;
use crate::store::log::Log;
use crate::store::place::{Month, Place};
use crate::store::shared::Shared;
use crate::store::snapshot;
use crate::store::snapshot::Snapshots;

/// How long events gather before they are handed to the kernel: one write for all of them, and the engine does not have
/// to wake this thread for each.
const WRITE_AFTER: Duration = Duration::from_millis(5);

/// How long lines gather before they are synced. With the sync itself this stays below the 50 ms that readers may lag.
const SYNC_AFTER: Duration = Duration::from_millis(25);

/// How often a disk that refuses is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Most events taken from the queue before they are synced; the rest stays counted in the backlog.
const GATHER_MAX: usize = 4_096;

/// Calls go into the index in batches: of so many, or after [`INDEX_AFTER`].
const INDEX_BATCH: usize = 256;

/// How long a finished call waits for company on its way into the index.
const INDEX_AFTER: Duration = Duration::from_secs(1);

/// How often an index, a checkpoint or a removal that failed is tried again.
const MEND_AFTER: Duration = Duration::from_secs(30);

/// How often calls are looked for whose recording's hash does not come.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Bytes of log between two checkpoints: what a start has to replay, about 25,000 events in a fifth of a second.
const CHECKPOINT_EVERY: u64 = 16 << 20;

/// What the store's thread is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write this.
    Tell(Told),
    /// Answer when everything before this is synced.
    Sync(Sender<()>),
    /// Remove a person.
    Erase(Caller, Sender<Result<Erased, StoreError>>),
    /// Delete recordings whose time is over.
    Prune(Vec<(CallId, String)>, Sender<Result<u64, StoreError>>),
    /// Write and sync what was told, leave a checkpoint, and end.
    Stop,
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

impl From<News> for Event {
    fn from(news: News) -> Self {
        match news {
            News::Fact(what) => Self::from(what),
            News::Recorded(outcome) => Self::Recorded(Box::new((*outcome).into())),
            News::Hashed(sha256) => Self::Hashed(Hashed { sha256 }),
            News::Played(by) => Self::Played(Played { by }),
        }
    }
}

/// An event on its way into the log.
#[derive(Debug)]
struct Taken {
    call: Option<CallId>,
    at: WallTime,
    mono: Moment,
    event: Event,
    /// It was told, so it has a place in the backlog; the store's own events have none.
    is_told: bool,
}

/// What follows a round.
#[derive(Debug)]
enum Next {
    Round,
    Erase(Caller, Sender<Result<Erased, StoreError>>),
    Prune(Vec<(CallId, String)>, Sender<Result<u64, StoreError>>),
    Stop,
}

/// The thread's own state.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    snapshots: Snapshots,
    /// What lines on the disk say is gone, and is not yet.
    pub(crate) left: Left,
    /// Since when that cannot be removed.
    stuck_at: Option<Moment>,
    /// Rows' files hold a person that was erased.
    owes_rows: bool,
    /// Events taken from the queue and not yet in the log.
    taken: VecDeque<Taken>,
    /// Events in the log and not yet on the disk.
    unseen: Vec<(Place, Taken)>,
    /// Places in the backlog to give back at the next sync.
    done: u64,
    waiting: Vec<Sender<()>>,
    /// Calls of a project that is off-season, and whether somebody answered. One that nobody answers is one line; an
    /// answer adds two, without which a start could not end the call at its peers: `answered`, whose personal part is
    /// what a BYE needs, and `ended`, without its legs.
    untracked: BTreeMap<CallId, bool>,
    lost_said: u64,
    last: Option<Place>,
    indexed_at: Moment,
    swept_at: Moment,
    /// Since when the index or a checkpoint fails.
    failed_at: Option<Moment>,
    has_written: bool,
    since_checkpoint: u64,
    since_snapshot: u64,
    changed: BTreeSet<Month>,
    day: i64,
}

impl Keeper {
    /// Takes over a log that is open at its end, of which `replayed` bytes lie behind the last checkpoint.
    pub(crate) fn new(shared: Arc<Shared>, log: Log, snapshots: Snapshots, replayed: u64) -> Self {
        Self {
            shared,
            log,
            snapshots,
            left: Left::default(),
            stuck_at: None,
            owes_rows: false,
            taken: VecDeque::new(),
            unseen: Vec::new(),
            done: 0,
            waiting: Vec::new(),
            untracked: BTreeMap::new(),
            lost_said: 0,
            last: None,
            indexed_at: Moment::START,
            swept_at: Moment::START,
            failed_at: None,
            has_written: false,
            since_checkpoint: replayed,
            since_snapshot: replayed,
            changed: BTreeSet::new(),
            day: 0,
        }
    }

    /// Runs until the store is told to stop.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        // What opening had to say and the disk refused.
        self.commit_patiently();
        loop {
            let job = match jobs.recv_timeout(self.patience()) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.keep_house();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match self.round(job, jobs) {
                Next::Round => self.keep_house(),
                // Whoever asked may have gone.
                Next::Erase(caller, answer) => drop(answer.send(erase::person(&mut self, &caller))),
                Next::Prune(old, answer) => drop(answer.send(erase::prune(&mut self, old))),
                Next::Stop => break,
            }
        }
        self.close();
    }

    /// How long the queue may stay silent before there is something to do.
    fn patience(&self) -> Duration {
        if self.shared.view().settled().len() > 0 {
            INDEX_AFTER
        } else {
            Duration::from_secs(60)
        }
    }

    /// From the event that breaks the silence to the sync.
    fn round(&mut self, first: Job, jobs: &Receiver<Job>) -> Next {
        let due = self.shared.clock.now() + SYNC_AFTER;
        let mut next = Next::Round;
        let mut job = Some(first);
        loop {
            let mut is_urgent = false;
            while let Some(this) = job.take() {
                match this {
                    Job::Tell(told) => self.take(told),
                    Job::Sync(answer) => {
                        self.waiting.push(answer);
                        is_urgent = true;
                    }
                    Job::Erase(caller, answer) => next = Next::Erase(caller, answer),
                    Job::Prune(old, answer) => next = Next::Prune(old, answer),
                    Job::Stop => next = Next::Stop,
                }
                if !matches!(next, Next::Round) || self.taken.len() >= GATHER_MAX {
                    is_urgent = true;
                    break;
                }
                job = jobs.try_recv().ok();
            }
            let now = self.shared.clock.now();
            if self.write().is_err() || is_urgent || now >= due {
                break;
            }
            // Telling does not end the nap; that is what it is for. A `sync` does, by unparking.
            thread::park_timeout(WRITE_AFTER.min(due - now));
            job = jobs.try_recv().ok();
        }
        self.commit_patiently();
        next
    }

    fn take(&mut self, told: Told) {
        let Told {
            call,
            at,
            mono,
            what,
        } = told;
        let mut event = Event::from(what);
        if !self.is_kept(call, &mut event) {
            self.done += 1;
            return;
        }
        self.taken.push_back(Taken {
            call: Some(call),
            at,
            mono,
            event,
            is_told: true,
        });
    }

    /// Whether an event gets a line; an untracked call has few, and says little in them.
    fn is_kept(&mut self, call: CallId, event: &mut Event) -> bool {
        if let Event::Began(parts) = event
            && !parts.public.tracked
        {
            self.untracked.insert(call, false);
            return true;
        }
        let Some(is_answered) = self.untracked.get_mut(&call) else {
            return true;
        };
        match event {
            Event::Answered(_) => *is_answered = true,
            Event::Ended(parts) => {
                parts.spare();
                return self.untracked.remove(&call).unwrap_or_default();
            }
            Event::Began(_)
            | Event::Ringing
            | Event::Recorded(_)
            | Event::Hashed(_)
            | Event::Played(_)
            | Event::Pruned(_)
            | Event::Started(_)
            | Event::Opened(_)
            | Event::Checkpoint(_)
            | Event::Erased(_)
            | Event::Lost(_)
            | Event::Unknown => return false,
        }
        true
    }

    /// Whether a call has ended and nothing more is to come of it. An untracked call that rings has no line that says so.
    pub(crate) fn is_finished(&self, call: CallId) -> bool {
        !self.untracked.contains_key(&call) && self.shared.view().is_finished(call)
    }

    /// Adds an event of the store's own.
    pub(crate) fn say(&mut self, call: Option<CallId>, event: Event) {
        self.taken.push_back(Taken {
            call,
            at: self.shared.clock.wall(),
            mono: self.shared.clock.now(),
            event,
            is_told: false,
        });
    }

    /// Chains what was taken and hands it to the kernel.
    fn write(&mut self) -> Result<(), StoreError> {
        while let Some(taken) = self.taken.front() {
            let place = match self
                .log
                .append(taken.at, taken.mono, taken.call, &taken.event)
            {
                Ok(place) => Some(place),
                Err(StoreError::Json(error)) => {
                    tracing::error!(%error, event = taken.event.name(), "an event cannot be written");
                    self.shared.lose(taken.at);
                    None
                }
                Err(error) => return Err(error),
            };
            if let Some(taken) = self.taken.pop_front() {
                self.done += u64::from(taken.is_told);
                self.unseen.extend(place.map(|place| (place, taken)));
            }
        }
        self.log.write()
    }

    /// Writes and syncs everything taken, and lets readers see it.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.write()?;
        self.log.sync()?;
        self.publish();
        Ok(())
    }

    /// Commits, as often as it takes.
    fn commit_patiently(&mut self) {
        while let Err(error) = self.commit() {
            if self.shared.set_trouble(Some(error.to_string())) {
                tracing::error!(%error, "the call log cannot be written; events wait in memory");
            }
            // Whoever waits for the disk learns from this that it refuses.
            self.waiting.clear();
            if self.shared.is_stopping.load(Ordering::Acquire) {
                return;
            }
            thread::park_timeout(RETRY_AFTER);
        }
        if self.shared.set_trouble(None) {
            tracing::info!("the call log is written again");
        }
        for answer in self.waiting.drain(..) {
            // Whoever asked may have gone.
            answer.send(()).ok();
        }
    }

    /// Everything in `unseen` is on the disk: from here readers may tell of it.
    fn publish(&mut self) {
        let returned = self.take_back_lines();
        self.has_written |= !self.unseen.is_empty();
        let mut view = self.shared.view_mut();
        for (call, lines) in returned {
            view.take_back(call, &lines);
        }
        for (place, taken) in self.unseen.drain(..) {
            view.apply(place, taken.call, taken.at, &taken.event);
            if let (Some(call), Event::Recorded(recorded)) = (taken.call, &taken.event)
                && view.rows.is_erased(call)
            {
                // The recorder finished it after its person was erased.
                self.left.files.push(recorded.file.clone());
            }
            self.left.note(&taken.event);
            view.end = Some(place);
            self.last = Some(place);
            self.since_checkpoint += u64::from(place.length) + 1;
            self.since_snapshot += u64::from(place.length) + 1;
            if let Some(call) = taken.call {
                self.changed.insert(snapshot::month_of_id(call));
            }
            if let Event::Erased(erased) = &taken.event {
                self.owes_rows = true;
                self.changed
                    .extend(erased.calls.iter().map(|&call| snapshot::month_of_id(call)));
            }
        }
        drop(view);
        self.shared.purse.written(std::mem::take(&mut self.done));
    }

    /// Lines of calls that the index has already and that have one more now.
    fn take_back_lines(&self) -> Vec<(CallId, Vec<Place>)> {
        let view = self.shared.view();
        let mut late: BTreeSet<CallId> = BTreeSet::new();
        let mut new: BTreeSet<CallId> = BTreeSet::new();
        for (_, taken) in &self.unseen {
            let Some(call) = taken.call else {
                continue;
            };
            if matches!(taken.event, Event::Began(_)) {
                new.insert(call);
            } else if !view.knows(call) && !new.contains(&call) {
                late.insert(call);
            }
        }
        let lines = |call| match self.shared.db.lines(call) {
            Ok(lines) => lines.map(|lines| (call, lines)),
            Err(error) => {
                tracing::error!(%call, %error, "a late event is in the log but not in the index");
                None
            }
        };
        late.into_iter().filter_map(lines).collect()
    }

    fn keep_house(&mut self) {
        self.say_lost();
        let now = self.shared.clock.now();
        if now - self.swept_at >= SWEEP_EVERY {
            self.swept_at = now;
            self.shared.view_mut().settle_late(self.shared.clock.wall());
            self.tell_head();
        }
        self.remove_rest(now);
        if self
            .failed_at
            .is_some_and(|failed_at| now - failed_at < MEND_AFTER)
        {
            return;
        }
        let kept = self.mend().and_then(|()| self.keep_up(now));
        match kept {
            Ok(()) => {
                if self.failed_at.take().is_some() {
                    tracing::info!("the index takes finished calls again");
                }
            }
            Err(error) => {
                if self.failed_at.is_none() {
                    tracing::error!(%error, "finished calls wait in memory, and a start will replay more");
                }
                self.failed_at = Some(now);
            }
        }
    }

    /// Goes on with what an erasure or a deletion could not do.
    fn remove_rest(&mut self, now: Moment) {
        let is_waiting = self
            .stuck_at
            .is_some_and(|stuck_at| now - stuck_at < MEND_AFTER);
        if is_waiting || self.left.is_empty() {
            return;
        }
        match erase::finish(self, &mut Erased::default()) {
            Ok(()) => {
                if self.stuck_at.take().is_some() {
                    tracing::info!("what was to be erased is gone now");
                }
            }
            Err(error) => {
                if self.stuck_at.is_none() {
                    tracing::error!(%error, "what was to be erased is still there; it is tried again, and so does the next start");
                }
                self.stuck_at = Some(now);
            }
        }
    }

    fn mend(&self) -> Result<(), StoreError> {
        if self.failed_at.is_some() {
            self.shared.db.reopen()
        } else {
            Ok(())
        }
    }

    /// Index and checkpoint, when it is time.
    fn keep_up(&mut self, now: Moment) -> Result<(), StoreError> {
        let settled = self.shared.view().settled().len();
        if settled >= INDEX_BATCH || (settled > 0 && now - self.indexed_at >= INDEX_AFTER) {
            self.indexed_at = now;
            self.index()?;
        }
        // A checkpoint fails while something is left to be removed, which is said and tried again elsewhere.
        let is_due = self.since_checkpoint >= CHECKPOINT_EVERY || self.owes_rows;
        if is_due && self.left.is_empty() {
            self.checkpoint(false)?;
        }
        Ok(())
    }

    /// Once a day, so that it can be noted down where nobody who holds this disk can change it.
    fn tell_head(&mut self) {
        let day = self.shared.clock.wall().as_millis().div_euclid(86_400_000);
        if day != self.day {
            self.day = day;
            let head = self.log.head();
            tracing::info!(
                n = head.n,
                hash = hex::encode(head.hash),
                "head of the call log"
            );
        }
    }

    /// Says in the log how many events found no room, once it takes lines again.
    fn say_lost(&mut self) {
        let (lost, since) = self.shared.lost();
        if lost > self.lost_said {
            self.say(
                None,
                Event::Lost(Lost {
                    events: lost - self.lost_said,
                    since,
                }),
            );
            self.lost_said = lost;
            self.commit_patiently();
        }
    }

    /// Puts finished calls into the index. The view lets go of them when sled has handed them to the kernel, not before: an
    /// index that has to be opened again has forgotten the rest.
    fn index(&self) -> Result<(), StoreError> {
        // The lock is only shared here: readers go on while sled writes.
        self.shared.db.keep(self.shared.view().settled())?;
        self.shared.view_mut().indexed();
        Ok(())
    }

    /// Leaves a line from which a start may replay, with the index and, when it is time or `is_thorough`, the rows'
    /// files behind it.
    ///
    /// # Errors
    /// The disk refuses, or something that lines before it say is gone cannot be removed: a start would not look for it
    /// behind the checkpoint.
    pub(crate) fn checkpoint(&mut self, is_thorough: bool) -> Result<(), StoreError> {
        // A line told earlier must not come out between the look at what is left and the checkpoint's own.
        self.commit()?;
        erase::finish(self, &mut Erased::default())?;
        self.shared.view_mut().settle_late(self.shared.clock.wall());
        self.index()?;
        let open = self.shared.view().open_calls();
        self.say(None, Event::Checkpoint(Checkpoint { open }));
        self.commit()?;
        let Some(place) = self.last else {
            return Ok(());
        };
        let head = self.log.head();
        let covered = Covered {
            place,
            n: head.n,
            hash: hex::encode(head.hash),
        };
        self.shared.db.cover(&covered)?;
        self.since_checkpoint = 0;
        let rows = u64::try_from(size_of_val(self.shared.view().rows.list())).unwrap_or(0);
        // Writing the rows costs their size, replaying costs the log's: four to one keeps both small.
        if is_thorough || self.owes_rows || self.since_snapshot >= CHECKPOINT_EVERY.max(4 * rows) {
            let changed = &self.changed;
            self.snapshots
                .save(&self.shared.view().rows, covered, |month| {
                    changed.contains(&month)
                })?;
            self.changed.clear();
            self.owes_rows = false;
            self.since_snapshot = 0;
        }
        Ok(())
    }

    /// Ends: everything told is written, and the next start has nothing to replay.
    fn close(&mut self) {
        self.commit_patiently();
        self.say_lost();
        if let Some(trouble) = self.shared.trouble() {
            let left = self.taken.len() + self.unseen.len();
            tracing::error!(
                trouble,
                events = left,
                "the store ends with events that the disk refused"
            );
        } else if self.has_written
            && self.mend().is_ok()
            && let Err(error) = self.checkpoint(true)
        {
            tracing::error!(%error, "no checkpoint could be made; the next start replays more");
        }
    }
}
