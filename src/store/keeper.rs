//! The store's thread: the only one that writes the log, the rows' files and the index.
//!
//! Events are written at most [`WRITE_AFTER`] after they were told and synced at most [`SYNC_AFTER`] after that, all
//! that gathered with one fdatasync; only then do readers see them. What the disk refuses stays in memory and is tried
//! again; the queue behind it is bounded by [`crate::store::credit`].

mod books;
mod hear;
mod house;
mod talk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::{Moment, WallTime};
use crate::store::erase;
use crate::store::erase::Left;
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::event::upkeep::Upkeep;
use crate::store::feed::{LiveKind, News};
use crate::store::handle::Erased;
use crate::store::job::{Job, Told, Verdict};
use crate::store::keeper::talk::Talk;
use crate::store::log::Log;
use crate::store::place::{Month, Place};
use crate::store::shared::Shared;
use crate::store::snapshot;
use crate::store::snapshot::Snapshots;
use crate::store::view::View;

/// How long lines gather before they are synced. With the sync itself this stays below the 50 ms that readers may lag.
const SYNC_AFTER: Duration = Duration::from_millis(25);

/// How long events gather before they are handed to the kernel: one write for all of them, the engine does not have to wake
/// this thread for each, and it wakes by itself no more than twice before a sync.
const WRITE_AFTER: Duration = Duration::from_micros(12_500);

/// How often a disk that refuses is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Most events taken from the queue before they are synced; the rest stays counted in the backlog.
const GATHER_MAX: usize = 4_096;

/// An event on its way into the log.
#[derive(Debug)]
struct Taken {
    call: Option<CallId>,
    at: WallTime,
    mono: Moment,
    event: Event,
    room: Room,
}

/// Whose place in memory an event takes until it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// None: it is the store's own.
    Own,
    /// One of the backlog.
    Call,
    /// One of those for what people say.
    People,
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
    /// Events in the log and not yet on the disk, with the numbers of their lines.
    unseen: Vec<(Place, u64, Taken)>,
    /// Places in the backlog to give back at the next sync.
    done: u64,
    /// Likewise of those for what people say.
    heard: u64,
    waiting: Vec<Sender<()>>,
    /// Who said something, or may not, and is told so after the next sync.
    speakers: Vec<(Sender<Verdict>, Verdict)>,
    /// Calls of which something was said that is not yet synced, and how much.
    spoken_of: BTreeMap<CallId, Talk>,
    /// How much people said of calls of which they said much, on the disk.
    talks: BTreeMap<CallId, Talk>,
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
            heard: 0,
            waiting: Vec::new(),
            speakers: Vec::new(),
            spoken_of: BTreeMap::new(),
            talks: BTreeMap::new(),
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
                Next::Erase(caller, answer) => {
                    let done = erase::person(&mut self, &caller);
                    drop(answer.send(self.removed(done)));
                }
                Next::Prune(old, answer) => {
                    let done = erase::prune(&mut self, old);
                    drop(answer.send(self.removed(done)));
                }
                Next::Stop => break,
            }
        }
        self.close();
    }

    /// How long the queue may stay silent before there is something to do.
    fn patience(&self) -> Duration {
        if self.shared.view().settled().len() > 0 {
            house::INDEX_AFTER
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
                    Job::Speak(speech) => self.hear(speech),
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
            room: Room::Call,
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
            // Whom the caller talks to now must get a BYE after a crash too.
            Event::Transferred(_) => return *is_answered,
            Event::Ended(parts) => {
                parts.spare();
                return self.untracked.remove(&call).unwrap_or_default();
            }
            Event::Began(_)
            | Event::Ringing
            | Event::Recorded(_)
            | Event::Hashed(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::Said(_)
            | Event::Pinned(_)
            | Event::Unpinned(_)
            | Event::House(_)
            | Event::Pruned(_)
            | Event::Upkeep(_)
            | Event::Erased(_)
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
            room: Room::Own,
        });
    }

    /// Chains what was taken and hands it to the kernel.
    fn write(&mut self) -> Result<(), StoreError> {
        while let Some(taken) = self.taken.front() {
            let place = match self
                .log
                .append(taken.at, taken.mono, taken.call, &taken.event)
            {
                Ok(place) => Some((place, self.log.head().n)),
                Err(StoreError::Json(error)) => {
                    tracing::error!(%error, event = taken.event.name(), "an event cannot be written");
                    self.shared.lose(taken.at);
                    None
                }
                Err(error) => return Err(error),
            };
            if let Some(taken) = self.taken.pop_front() {
                match taken.room {
                    Room::Own => {}
                    Room::Call => self.done += 1,
                    Room::People => self.heard += 1,
                }
                self.unseen
                    .extend(place.map(|(place, n)| (place, n, taken)));
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
            self.speakers.clear();
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
        for (answer, verdict) in self.speakers.drain(..) {
            answer.send(verdict).ok();
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
        let mut news = Vec::new();
        let mut is_erasing = false;
        let mut last = None;
        for (place, n, taken) in self.unseen.drain(..) {
            view.apply(place, n, taken.call, taken.at, &taken.event);
            news.extend(news_of(&view, n, &taken));
            last = Some(n);
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
            // Until the checkpoint that follows an erasure the files may have the person's words still.
            is_erasing |=
                self.owes_rows && matches!(taken.event, Event::Upkeep(Upkeep::Checkpoint(_)));
            if let Event::Erased(erased) = &taken.event {
                is_erasing = true;
                self.owes_rows = true;
                self.changed
                    .extend(erased.calls.iter().map(|&call| snapshot::month_of_id(call)));
            }
        }
        drop(view);
        self.talks_are_synced();
        self.shared.purse.written(std::mem::take(&mut self.done));
        self.shared.purse.heard(std::mem::take(&mut self.heard));
        if let Some(last) = last {
            if is_erasing {
                self.shared.ring.forget(last);
            } else {
                self.shared.ring.publish(news.into_iter(), last);
            }
        }
    }

    /// Lines of calls that the index has already and that have one more now.
    fn take_back_lines(&self) -> Vec<(CallId, Vec<Place>)> {
        let view = self.shared.view();
        let mut late: BTreeSet<CallId> = BTreeSet::new();
        let mut new: BTreeSet<CallId> = BTreeSet::new();
        for (_, _, taken) in &self.unseen {
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

/// What those who look on are told of an event: of a call that lists show.
fn news_of(view: &View, n: u64, taken: &Taken) -> Option<News> {
    let call = taken.call?;
    let what = LiveKind::of(&taken.event)?;
    let project = view.rows.project(call)?;
    Some(News {
        n,
        at: taken.at,
        call,
        project: Arc::clone(project),
        what,
    })
}
