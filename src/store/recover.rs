//! Opening: the end of the log is found, what is over it is brought up to date, and what a crash left behind is named.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::base::id::CallId;
use crate::base::time::Moment;
use crate::store::ahead;
use crate::store::ahead::Gist;
use crate::store::db;
use crate::store::db::{Covered, Db};
use crate::store::disk::{Disk, FILE_MODE};
use crate::store::erase;
use crate::store::erase::Left;
use crate::store::error::StoreError;
use crate::store::event::{Checkpoint, Event, Parts, Started};
use crate::store::feed::Ring;
use crate::store::fold::Lack;
use crate::store::gather::Gathered;
use crate::store::handle::{Erased, Ghost, LeftBehind, Purpose, Setup};
use crate::store::history::Histories;
use crate::store::keeper::Keeper;
use crate::store::line::{Head, Line};
use crate::store::log::{Log, month_path};
use crate::store::place::{Month, Place};
use crate::store::scan;
use crate::store::scan::Reader;
use crate::store::shared::Shared;
use crate::store::snapshot::Snapshots;
use crate::store::view::View;

/// Most recordings whose missing lines are made up at one start: a crash leaves those of a few minutes, and a log whose
/// rows are made again may have years of them.
const MADE_UP_MAX: usize = 10_000;

/// Calls put into the index at once during a replay.
const BATCH: usize = 1_024;

/// An open store.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) keeper: Keeper,
    pub(crate) behind: LeftBehind,
    /// Held as long as the store is open.
    pub(crate) lock: File,
}

/// Opens the store in `setup`.
pub(crate) fn open(
    setup: Setup,
    purpose: Purpose,
    disk: Box<dyn Disk>,
) -> Result<Opened, StoreError> {
    let folder = setup.settings.folder.as_path();
    let log_folder = folder.join("log");
    make_folder(&log_folder)?;
    let lock = lock(folder)?;
    erase::remove_unfinished(&log_folder)?;
    let mut chance = setup.chance;
    let mut snapshots = Snapshots::new(folder);
    let mut replay = Replay::begin(folder, &mut snapshots, purpose)?;
    replay.run()?;
    let Replay {
        db,
        mut view,
        end,
        gathered,
        left,
        torn,
        from_start,
        bytes,
        known,
        ..
    } = replay;

    let mut history = Histories::new(chance.next_u64());
    let callbacks = chance.next_u64();
    thread::scope(|scope| {
        // The index is written while the rows are looked through.
        let writing = gathered.map(|mut gathered| {
            let db = &db;
            let write = move || db.keep_pieces(gathered.pieces());
            let writer = thread::Builder::new().name("store-index".into());
            writer.spawn_scoped(scope, write)
        });
        view.begin_callbacks(callbacks);
        remember(&mut history, &view);
        match writing.transpose() {
            Ok(None) => Ok(()),
            Ok(Some(writing)) => writing.join().unwrap_or(Err(StoreError::Stopped)),
            Err(error) => Err(StoreError::disk("starting a thread to index", folder)(
                error,
            )),
        }
    })?;
    let (month, head) = match end {
        Some(end) => (Some(end.month), head_of(&log_folder, end)?),
        None => (None, Head::default()),
    };
    let log = Log::new(
        log_folder.clone(),
        setup.node,
        disk,
        chance.fork(),
        month,
        head,
    );
    let ring = Ring::new(head.n);
    let (recordings, clock) = (setup.recordings, setup.clock);
    let shared = Shared::new(log_folder, recordings, clock, db, view, history, ring);
    let mut keeper = Keeper::new(Arc::new(shared), log, snapshots, bytes);
    let is_erased = !left.erased.is_empty();
    keeper.left = left;
    // Calls go on all the same: the thread tries again, and `verify` says what is still there.
    if let Err(error) = erase::finish(&mut keeper, &mut Erased::default()) {
        tracing::error!(%error, "what was to be erased is still there");
    }
    let mut behind = LeftBehind::default();
    if purpose == Purpose::Serve {
        let ended: Vec<CallId> = {
            let view = keeper.shared.view();
            view.awaiting_hash().take(MADE_UP_MAX).collect()
        };
        for call in ended {
            match keeper.shared.draft(call) {
                Ok(draft) => {
                    if behind.add(call, draft.and_then(|draft| draft.lacks())) {
                        behind.unrecorded.push(call);
                    }
                }
                Err(error) => {
                    tracing::error!(%call, %error, "the recording of a call is not looked for")
                }
            }
        }
        bury(&mut keeper, known, torn, &mut behind)?;
    }
    // Rows that are only in memory would cost the next start the same replay; after an erasure the old files hold a number.
    if (from_start || is_erased)
        && let Err(error) = keeper.checkpoint(true)
    {
        tracing::error!(%error, "the rows cannot be saved; the next start makes them again");
    }
    Ok(Opened {
        keeper,
        behind,
        lock,
    })
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(StoreError::disk("making the folder", folder))
}

/// Takes the store for this process; the kernel gives it back when the process ends, however it ends.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(StoreError::disk("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::Busy {
            folder: folder.to_path_buf(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(StoreError::disk("locking", &path)(error)),
    }
}

/// Takes in what the rows say of callers.
fn remember(history: &mut Histories, view: &View) {
    let words = &view.rows.names().words;
    for row in view.rows.list().iter().filter(|row| row.is_tracked()) {
        let Some(project) = view.rows.project_of(row) else {
            continue;
        };
        let manager = words.get(row.manager).filter(|_| row.is_answered());
        history.remember(row.caller(), project, manager, row.waited_until());
    }
}

/// Ends the calls that a crash left behind, and says in the log that a process begins.
fn bury(
    keeper: &mut Keeper,
    known: Moment,
    torn: u64,
    behind: &mut LeftBehind,
) -> Result<(), StoreError> {
    let calls = keeper.shared.view().in_progress();
    let started = Started {
        version: env!("CARGO_PKG_VERSION").into(),
        torn_bytes: torn,
        crashed: u64::try_from(calls.len()).unwrap_or(u64::MAX),
    };
    keeper.say(None, Event::Started(started));
    for call in calls {
        let Some(draft) = keeper
            .shared
            .draft(call)?
            .filter(|draft| draft.is_in_progress())
        else {
            continue;
        };
        if let Some(ended) = draft.crashed(known) {
            let mut ended = Parts::from(ended);
            if !draft.is_tracked() {
                ended.spare();
            }
            keeper.say(Some(call), Event::Ended(Box::new(ended)));
            let recorded = behind.add(call, draft.lacks());
            behind.ghosts.push(Ghost {
                call,
                recorded,
                dialogs: draft.dialogs(),
            });
        }
    }
    // Where the disk refuses now, calls go on all the same: the thread tries again, and says so.
    if let Err(error) = keeper.commit() {
        tracing::error!(%error, "the call log cannot be written yet");
    }
    if !behind.ghosts.is_empty() {
        tracing::warn!(
            calls = behind.ghosts.len(),
            "calls in progress ended with the process before"
        );
    }
    Ok(())
}

impl LeftBehind {
    /// Notes what a call's recording lacks; `true`: the line that says what became of it.
    fn add(&mut self, call: CallId, lack: Option<Lack>) -> bool {
        match lack {
            Some(Lack::Recorded) => return true,
            Some(Lack::Hash(files)) => {
                self.unhashed
                    .extend(files.into_iter().map(|file| (call, file)));
            }
            None => {}
        }
        false
    }
}

/// Brings rows and index up to the end of the log.
#[derive(Debug)]
struct Replay<'a> {
    store: &'a Path,
    log: std::path::PathBuf,
    db: Db,
    view: View,
    months: Vec<Month>,
    /// Where it begins; `None`: at the first line.
    covered: Option<Covered>,
    from_start: bool,
    /// The last line that rows or index say was synced, whatever the log says now.
    synced: Option<Place>,
    /// The last good line.
    end: Option<Place>,
    /// What goes into the index once everything is read; `None`: what is there goes on.
    gathered: Option<Gathered>,
    left: Left,
    /// Bytes of a torn last line.
    torn: u64,
    /// Bytes replayed.
    bytes: u64,
    /// The last that is known of the process before.
    known: Moment,
}

impl<'a> Replay<'a> {
    fn begin(
        store: &'a Path,
        snapshots: &mut Snapshots,
        purpose: Purpose,
    ) -> Result<Self, StoreError> {
        let log = store.join("log");
        let months = scan::months(&log)?;
        let db = open_index(store)?;
        let loaded = match snapshots.load() {
            Ok(loaded) => loaded.filter(|_| purpose != Purpose::Rebuild),
            Err(why) => {
                tracing::warn!(why, "the rows are made again from the log");
                None
            }
        };
        let mut view = View::default();
        let mut covered = None;
        let indexed = db.covered()?;
        let known = [
            loaded.as_ref().map(|loaded| &loaded.covered),
            indexed.as_ref(),
        ];
        let synced = known.into_iter().flatten().map(|covered| covered.place);
        let synced = synced.max_by_key(|place| (place.month, place.offset));
        if let (Some(loaded), Some(indexed)) = (loaded, indexed) {
            let earlier = if loaded.covered.n <= indexed.n {
                &loaded.covered
            } else {
                &indexed
            };
            if is_checkpoint(&log, earlier) {
                covered = Some(earlier.clone());
                view.rows = loaded.rows;
                view.books = loaded.books;
            } else {
                tracing::warn!("rows and index are of another log; they are made again");
            }
        }
        let from_start = covered.is_none() && !months.is_empty();
        let db = if from_start {
            // What is wrong in it must not stay beside what is right.
            snapshots.remove()?;
            drop(db);
            remove_index(store)?;
            open_index(store)?
        } else {
            db
        };
        Ok(Self {
            store,
            log,
            db,
            view,
            months,
            covered,
            from_start,
            synced,
            end: None,
            gathered: from_start.then(Gathered::default),
            left: Left::default(),
            torn: 0,
            bytes: 0,
            known: Moment::START,
        })
    }

    fn run(&mut self) -> Result<(), StoreError> {
        let from = self.covered.as_ref().map(|covered| covered.place);
        if let Some(place) = from {
            self.resume(place)?;
        }
        for month in self.months.clone() {
            match from {
                Some(place) if month < place.month => {}
                Some(place) if month == place.month => self.month(month, place.offset)?,
                Some(_) | None => self.month(month, 0)?,
            }
        }
        self.index(0)?;
        if self.from_start {
            let calls = self.view.rows.list().len();
            tracing::info!(calls, store = %self.store.display(), "rows and index were made again");
        }
        Ok(())
    }

    /// Takes up the calls that were in progress at the checkpoint.
    fn resume(&mut self, place: Place) -> Result<(), StoreError> {
        let mut reader = Reader::new(&self.log);
        let bytes = reader.line(place)?;
        let open = match Line::read(&bytes).map(|line| line.event()) {
            Ok(Ok(Event::Checkpoint(checkpoint))) => checkpoint,
            Ok(_) | Err(_) => Checkpoint::default(),
        };
        for token in &open.tokens {
            self.view.tokens.made(token);
        }
        for export in open.exports {
            self.view.exports.add(export);
        }
        for open in open.open {
            for place in open.lines {
                let (stamp, event) = reader.event(open.call, place)?;
                self.view
                    .apply(place, stamp.n, Some(open.call), stamp.at, &event);
                self.known = self.known.max(stamp.mono);
            }
        }
        Ok(())
    }

    fn month(&mut self, month: Month, offset: u64) -> Result<(), StoreError> {
        let mut good = offset;
        let mut damaged = Vec::new();
        let log = self.log.clone();
        ahead::each(&log, month, offset, |taken| {
            let Some(line) = &taken.line else {
                damaged.push(taken.place.offset);
                return Ok(());
            };
            for byte in damaged.drain(..) {
                tracing::error!(%month, byte, "a damaged line of the call log is passed over; run `ringtag verify`");
            }
            good = taken.place.end();
            self.line(taken.place, line)
        })?;
        // Where good lines followed somebody damaged the file; at the end of the log it is what a crash tore, unless it
        // had been synced before.
        if damaged.is_empty() || self.months.last() != Some(&month) {
            return Ok(());
        }
        let is_known = |place: Place| place.month == month && good < place.end();
        if self.synced.is_some_and(is_known) {
            self.close(month)
        } else {
            self.cut(month, good)
        }
    }

    /// Leaves a damaged end where it is: it had been synced, so it is no crash's doing, and people may want to look at it.
    /// Calls go on behind it. The chain goes on from the last good line, so `verify` names the damaged one for good.
    fn close(&self, month: Month) -> Result<(), StoreError> {
        let path = month_path(&self.log, month);
        let close = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            // The next line must not become a part of this one.
            if last != *b"\n" {
                file.write_all(b"\n")?;
                file.sync_all()?;
            }
            Ok(())
        };
        close().map_err(StoreError::disk("closing the damaged end of", &path))?;
        tracing::error!(
            %month,
            "the last line of the call log was whole before and is damaged now; it stays, and calls go on behind it: run \
             `ringtag verify` and look at the disk"
        );
        Ok(())
    }

    fn line(&mut self, place: Place, line: &Gist) -> Result<(), StoreError> {
        self.bytes += u64::from(place.length) + 1;
        self.end = Some(place);
        self.view.end = Some(place);
        let event = match &line.event {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(month = %place.month, byte = place.offset, %error, "a line of the call log says nothing that ringtag knows");
                return Ok(());
            }
        };
        self.known = match event {
            // Another process, another clock.
            Event::Started(_) => line.mono,
            Event::Began(_)
            | Event::Ringing
            | Event::Transferred(_)
            | Event::Answered(_)
            | Event::Ended(_)
            | Event::Recorded(_)
            | Event::Hashed(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::Said(_)
            | Event::Pinned(_)
            | Event::Unpinned(_)
            | Event::Exported(_)
            | Event::TokenMade(_)
            | Event::TokenRevoked(_)
            | Event::Spent(_)
            | Event::SavedReport(_)
            | Event::Mailed(_)
            | Event::Pruned(_)
            | Event::Opened(_)
            | Event::Checkpoint(_)
            | Event::Erased(_)
            | Event::Lost(_)
            | Event::Unknown => self.known.max(line.mono),
        };
        if let Some(call) = line.call
            && !matches!(event, Event::Began(_))
            && !self.view.knows(call)
        {
            self.late(call, place, event)?;
        }
        self.view.apply(place, line.n, line.call, line.at, event);
        self.left.note(event);
        self.index(BATCH)
    }

    /// Looks for a call that has one more line after it was over.
    fn late(&mut self, call: CallId, place: Place, event: &Event) -> Result<(), StoreError> {
        let lines = match &mut self.gathered {
            None => self.db.lines(call)?,
            Some(_) if self.view.rows.get(call).is_none() => None,
            Some(gathered) if event.leaves_a_call_over() => {
                gathered.keep_late(call, place);
                None
            }
            Some(gathered) => gathered.take_back(call),
        };
        if let Some(lines) = lines {
            self.view.take_back(call, &lines);
        }
        Ok(())
    }

    /// Puts finished calls into the index when there are more than `most`.
    fn index(&mut self, most: usize) -> Result<(), StoreError> {
        if self.view.settled().len() > most {
            match &mut self.gathered {
                Some(gathered) => {
                    for (call, lines) in self.view.settled() {
                        gathered.keep(call, lines);
                    }
                }
                None => self.db.keep(self.view.settled())?,
            }
            self.view.indexed();
        }
        Ok(())
    }

    /// Cuts off a torn end. Nobody has seen it: readers see only what was synced.
    fn cut(&mut self, month: Month, good: u64) -> Result<(), StoreError> {
        let path = month_path(&self.log, month);
        let cut = || -> std::io::Result<u64> {
            let file = OpenOptions::new().write(true).open(&path)?;
            let torn = file.metadata()?.len().saturating_sub(good);
            file.set_len(good)?;
            file.sync_all()?;
            Ok(torn)
        };
        self.torn = cut().map_err(StoreError::disk("cutting", &path))?;
        tracing::warn!(bytes = self.torn, %month, "the torn end of the call log was cut off");
        Ok(())
    }
}

/// Opens the index; one that cannot be opened is made again, because nothing is known there alone.
fn open_index(store: &Path) -> Result<Db, StoreError> {
    // Sled panics on some damaged files instead of reporting them.
    match panic::catch_unwind(|| Db::open(store)) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the index is made again from the log");
            remove_index(store)?;
            Db::open(store)
        }
        Err(_) => {
            tracing::warn!("the index is damaged and is made again from the log");
            remove_index(store)?;
            Db::open(store)
        }
    }
}

fn remove_index(store: &Path) -> Result<(), StoreError> {
    let folder = db::folder(store);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::disk("removing", &folder)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Where the chain ends that has this line as its last.
fn head_of(log: &Path, end: Place) -> Result<Head, StoreError> {
    let bytes = Reader::new(log).line(end)?;
    let head = Line::read(&bytes).map(|line| line.head());
    // It was good a moment ago.
    head.map_err(|why| StoreError::Damaged {
        file: month_path(log, end.month),
        line: 0,
        why: format!("at byte {}: {why}", end.offset),
    })
}

/// Whether the log has this checkpoint.
fn is_checkpoint(log: &Path, covered: &Covered) -> bool {
    let Ok(bytes) = Reader::new(log).line(covered.place) else {
        return false;
    };
    Line::read(&bytes).is_ok_and(|line| {
        line.n == covered.n && hex::encode(line.hash) == covered.hash && line.name() == "checkpoint"
    })
}
