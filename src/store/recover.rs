//! Opening: the end of the log is found, what is over it is brought up to date, and what a crash left behind is named.

use std::fs;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::base::id::CallId;
use crate::base::time::Moment;
use crate::store::disk::{Disk, FILE_MODE};
use crate::store::erase;
use crate::store::error::StoreError;
use crate::store::event::upkeep::{Started, Upkeep};
use crate::store::event::{Event, Parts};
use crate::store::feed::Ring;
use crate::store::fold::Lack;
use crate::store::handle::{Erased, Ghost, LeftBehind, Purpose, Setup};
use crate::store::history::Histories;
use crate::store::keeper::Keeper;
use crate::store::line::{Head, Line};
use crate::store::log::{Log, month_path};
use crate::store::place::Place;
use crate::store::recover::replay::Replay;
use crate::store::scan::Reader;
use crate::store::shared::Shared;
use crate::store::snapshot::Snapshots;
use crate::store::view::View;

mod replay;

/// Most recordings whose missing lines are made up at one start: a crash leaves those of a few minutes, and a log whose
/// rows are made again may have years of them.
const MADE_UP_MAX: usize = 10_000;

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
    keeper.say(None, Event::Upkeep(Upkeep::Started(started)));
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
