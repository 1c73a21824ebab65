//! The replay of a start: rows and index are brought from their last checkpoint to the end of the log.

use std::fs;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::panic;
use std::path::{Path, PathBuf};

use crate::base::id::CallId;
use crate::base::time::Moment;
use crate::store::ahead;
use crate::store::ahead::Gist;
use crate::store::db;
use crate::store::db::{Covered, Db};
use crate::store::erase::Left;
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::event::upkeep::{Checkpoint, Upkeep};
use crate::store::gather::Gathered;
use crate::store::handle::Purpose;
use crate::store::line::Line;
use crate::store::log::month_path;
use crate::store::place::{Month, Place};
use crate::store::scan;
use crate::store::scan::Reader;
use crate::store::snapshot::Snapshots;
use crate::store::view::View;

/// Calls put into the index at once during a replay.
const BATCH: usize = 1_024;

/// Brings rows and index up to the end of the log.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    store: &'a Path,
    log: PathBuf,
    pub(crate) db: Db,
    pub(crate) view: View,
    months: Vec<Month>,
    /// Where it begins; `None`: at the first line.
    covered: Option<Covered>,
    pub(crate) from_start: bool,
    /// The last line that rows or index say was synced, whatever the log says now.
    synced: Option<Place>,
    /// The last good line.
    pub(crate) end: Option<Place>,
    /// What goes into the index once everything is read; `None`: what is there goes on.
    pub(crate) gathered: Option<Gathered>,
    pub(crate) left: Left,
    /// Bytes of a torn last line.
    pub(crate) torn: u64,
    /// Bytes replayed.
    pub(crate) bytes: u64,
    /// The last that is known of the process before.
    pub(crate) known: Moment,
}

impl<'a> Replay<'a> {
    /// Takes up rows and index as the last checkpoint left them, or nothing where they cannot be trusted.
    pub(crate) fn begin(
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

    /// Reads the log from there to its end.
    pub(crate) fn run(&mut self) -> Result<(), StoreError> {
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
            Ok(Ok(Event::Upkeep(Upkeep::Checkpoint(checkpoint)))) => checkpoint,
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
        self.known = if matches!(event, Event::Upkeep(Upkeep::Started(_))) {
            // Another process, another clock.
            line.mono
        } else {
            self.known.max(line.mono)
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

/// Whether the log has this checkpoint.
fn is_checkpoint(log: &Path, covered: &Covered) -> bool {
    let Ok(bytes) = Reader::new(log).line(covered.place) else {
        return false;
    };
    Line::read(&bytes).is_ok_and(|line| {
        line.n == covered.n && hex::encode(line.hash) == covered.hash && line.name() == "checkpoint"
    })
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
