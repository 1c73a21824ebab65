//! Ladders on the disk ●: a file a day of the calls' beginning, one JSON line a call, written by a thread of its own and removed
//! after `ladder_days`.
//!
//! They are a convenience: not synced, not chained, and a call whose ladder finds no room has none. Erasing a person removes
//! theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::disk::{FILE_MODE, sync_folder};
use crate::store::error::StoreError;
use crate::store::ladder::{Draft, Ladder, call_in, read, write};
use crate::store::shared::Shared;

/// Ladders that may wait for the disk: five seconds of the most that the engine gathers, some 5 MB.
const WAITING_MAX: usize = 512;

/// How long ladders gather before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// Bytes of a day's file: some 100,000 calls. Later calls of that day have none.
const DAY_BYTES_MAX: u64 = 1 << 30;

const DAY_MS: i64 = 86_400_000;

/// A day in UTC as files are called.
type Day = String;

/// The ladders of a store.
#[derive(Debug)]
pub(crate) struct Ladders {
    folder: PathBuf,
    /// Whoever opens, writes or replaces files holds it.
    files: Mutex<()>,
    writer: Mutex<Option<Writer>>,
}

#[derive(Debug)]
struct OpenDay {
    day: Day,
    file: File,
    bytes: u64,
}

#[derive(Debug)]
struct Writer {
    queue: Sender<(CallId, Draft)>,
    thread: JoinHandle<()>,
}

impl Ladders {
    /// The ladders beside the log of the store in `store`.
    pub(crate) fn beside(log: &Path) -> Self {
        Self {
            folder: log.with_file_name("ladders"),
            files: Mutex::default(),
            writer: Mutex::default(),
        }
    }

    /// Begins to write, and to remove what is older than `days`; 0: nothing is kept.
    pub(crate) fn start(shared: &Arc<Shared>, days: u32) {
        let (queue, drafts) = bounded(WAITING_MAX);
        let its = Arc::clone(shared);
        let thread = thread::Builder::new()
            .name("ladders".to_owned())
            .spawn(move || its.ladders.write(&its, days, &drafts));
        match thread {
            Ok(thread) => *shared.ladders.writer() = Some(Writer { queue, thread }),
            Err(error) => tracing::error!(%error, "no ladders of calls are kept"),
        }
    }

    /// Writes what waits and ends.
    pub(crate) fn stop(&self) {
        let Some(Writer { queue, thread }) = self.writer().take() else {
            return;
        };
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("the thread of the ladders had panicked");
        }
    }

    /// Takes the ladder of a call that is over; `false`: there is no room.
    pub(crate) fn keep(&self, call: CallId, draft: Draft) -> bool {
        let writer = self.writer();
        let queue = writer.as_ref().map(|writer| &writer.queue);
        queue.is_some_and(|queue| queue.try_send((call, draft)).is_ok())
    }

    /// Reads the ladder of a call.
    pub(crate) fn of(&self, call: CallId) -> Result<Option<Ladder>, StoreError> {
        let path = self.path(&day_of(call));
        let read = self.find(&path, call);
        read.map_err(StoreError::disk("reading", &path))
    }

    /// Removes the ladders of `calls`.
    pub(crate) fn forget(&self, calls: &[CallId]) -> Result<(), StoreError> {
        let mut days: BTreeMap<Day, BTreeSet<String>> = BTreeMap::new();
        for call in calls {
            let day = days.entry(day_of(*call)).or_default();
            day.insert(call.to_string());
        }
        for (day, calls) in days {
            let path = self.path(&day);
            let _nobody_writes = self.files();
            remove_lines(&path, &calls).map_err(StoreError::disk("erasing in", &path))?;
        }
        Ok(())
    }

    fn files(&self) -> MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, day: &str) -> PathBuf {
        self.folder.join(format!("{day}.jsonl"))
    }

    fn find(&self, path: &Path, call: CallId) -> io::Result<Option<Ladder>> {
        let file = {
            let _nobody_replaces_it = self.files();
            match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        let id = call.to_string();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if call_in(&line) == Some(id.as_bytes()) {
                return Ok(read(&line));
            }
            line.clear();
        }
        Ok(None)
    }

    /// The thread: until nobody can send any more.
    fn write(&self, shared: &Shared, days: u32, drafts: &Receiver<(CallId, Draft)>) {
        let mut today = self.remove_old(shared.clock.wall(), days);
        let mut failed = false;
        while let Ok(first) = drafts.recv() {
            // What comes meanwhile is written with it.
            thread::park_timeout(GATHER);
            // Between two batches no file is open: whoever is at rest holds no descriptor, and an erasure may replace it.
            let _nobody_replaces_it = self.files();
            let mut open = None;
            for (call, draft) in std::iter::once(first).chain(drafts.try_iter()) {
                match self.append(shared, &mut open, call, &draft) {
                    Ok(()) => failed = false,
                    Err(error) if !failed => {
                        failed = true;
                        tracing::error!(%error, folder = %self.folder.display(), "the ladder of a call is not kept; look at the disk's space and at who owns the folder");
                    }
                    Err(_) => {}
                }
            }
            if day(shared.clock.wall()) != today {
                today = self.remove_old(shared.clock.wall(), days);
            }
        }
    }

    fn append(
        &self,
        shared: &Shared,
        open: &mut Option<OpenDay>,
        call: CallId,
        draft: &Draft,
    ) -> io::Result<()> {
        let all = draft.messages.iter().map(|message| message.bytes.len());
        let mut line = Vec::with_capacity(all.sum::<usize>() * 5 / 4 + 1_024);
        write(&mut line, call, draft);
        if shared.view().rows.is_erased(call) {
            return Ok(());
        }
        let day = day_of(call);
        let file = match open.take().filter(|file| file.day == day) {
            Some(file) => file,
            None => self.open_day(day)?,
        };
        let file = open.insert(file);
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if file.bytes.saturating_add(length) <= DAY_BYTES_MAX {
            file.bytes += length;
            file.file.write_all(&line)?;
        }
        Ok(())
    }

    fn open_day(&self, day: Day) -> io::Result<OpenDay> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let path = self.path(&day);
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(path)?;
        let bytes = file.metadata()?.len();
        Ok(OpenDay { day, file, bytes })
    }

    /// Removes the files of days that are over for long enough; returns today.
    fn remove_old(&self, now: WallTime, days: u32) -> Day {
        let first_kept = day(WallTime::from_millis(
            now.as_millis() - i64::from(days) * DAY_MS,
        ));
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_stem().and_then(|name| name.to_str());
            // Of today's file nothing is kept either where no day is.
            let is_old = name.is_some_and(|name| days == 0 || *name < *first_kept);
            let is_ours = path
                .extension()
                .is_some_and(|end| end == "jsonl" || end == "new");
            if is_old
                && is_ours
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::error!(%error, path = %path.display(), "a file of ladders whose time is over is still there");
            }
        }
        day(now)
    }
}

/// Writes a file anew without the lines of `calls`.
fn remove_lines(path: &Path, calls: &BTreeSet<String>) -> io::Result<()> {
    let old = match File::open(path) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let next = path.with_extension("new");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&next)?;
    let mut out = BufWriter::new(file);
    let mut reader = BufReader::with_capacity(1 << 16, old);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let call = call_in(&line).and_then(|call| std::str::from_utf8(call).ok());
        if !call.is_some_and(|call| calls.contains(call)) {
            out.write_all(&line)?;
        }
        line.clear();
    }
    out.into_inner()?.sync_all()?;
    fs::rename(&next, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// The day in which a call began, by its id (RFC 9562 5.7: 48 bits of milliseconds).
fn day_of(call: CallId) -> Day {
    let millis = u128::from_be_bytes(call.to_bytes()) >> 80;
    day(WallTime::from_millis(i64::try_from(millis).unwrap_or(0)))
}

/// `2026-11-22`
fn day(at: WallTime) -> Day {
    let mut text = at.to_string();
    text.truncate(text.find('T').unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::chance::Chance;
    use crate::base::number::Caller;
    use crate::call::ladder::Direction;
    use crate::store::ladder::Message;
    use crate::store::trial::{CALLER, MORNING, Place, Script};

    fn draft(texts: &[&'static str]) -> Draft {
        let message = |text: &&'static str| Message {
            at: MORNING,
            leg: 1,
            direction: Direction::Out,
            transport: "udp",
            peer: "192.0.2.1:5060".parse().unwrap(),
            bytes: Bytes::from_static(text.as_bytes()),
            repeated: 2,
        };
        Draft {
            messages: texts.iter().map(message).collect(),
            left_out: 3,
        }
    }

    /// A call of the trials' day: old files are removed.
    fn call(number: u64) -> Script {
        Script::new(number, MORNING, CALLER)
    }

    #[test]
    fn a_ladder_is_read_back_without_its_secrets_also_by_the_next_process() {
        let place = Place::new();
        let (store, _) = place.open();
        let calls = [call(1), call(2)];
        let secret = "INVITE sip:a@h SIP/2.0\r\nAuthorization: Digest s3cret\r\n\r\n";
        for call in &calls {
            assert!(store.keep_ladder(call.id, draft(&[secret, "SIP/2.0 100 Trying\r\n\r\n"])));
        }
        store.shutdown();
        assert!(!store.keep_ladder(calls[0].id, draft(&[])));
        drop(store);
        assert!(place.holds("s3cret").is_empty());
        let (store, _) = place.open();
        for call in &calls {
            let ladder = store.ladder(call.id).unwrap().unwrap();
            assert_eq!(ladder.left_out, 3);
            let [invite, trying] = ladder.rungs.as_slice() else {
                panic!("{ladder:?}");
            };
            assert!(invite.text.contains("Digest (removed)"), "{invite:?}");
            assert_eq!(trying.text, "SIP/2.0 100 Trying\r\n\r\n");
            let about = (invite.leg, invite.direction, invite.repeated);
            assert_eq!(about, (1, Direction::Out, 2));
            assert_eq!(
                (invite.transport.as_str(), invite.peer.as_str()),
                ("udp", "192.0.2.1:5060")
            );
        }
        assert_eq!(store.ladder(call(3).id).unwrap(), None);
    }

    #[test]
    fn erasing_a_person_removes_their_ladders_and_no_others_and_none_comes_after() {
        let place = Place::new();
        let (store, _) = place.open();
        let theirs = call(1);
        let other = Script::new(2, theirs.at, "+79165550000");
        for call in [&theirs, &other] {
            place.play(&store, call);
            assert!(store.keep_ladder(call.id, draft(&["INVITE sip:a@h SIP/2.0\r\n\r\n"])));
        }
        store.shutdown();
        drop(store);
        let (store, _) = place.open();
        assert!(store.ladder(theirs.id).unwrap().is_some());
        let erased = store.erase(Caller::from_record(CALLER)).unwrap();
        assert_eq!(erased.calls, 1);
        assert_eq!(store.ladder(theirs.id).unwrap(), None);
        // One that waited meanwhile.
        assert!(store.keep_ladder(theirs.id, draft(&["BYE sip:a@h SIP/2.0\r\n\r\n"])));
        store.shutdown();
        assert_eq!(store.ladder(theirs.id).unwrap(), None);
        assert!(store.ladder(other.id).unwrap().is_some());
    }

    #[test]
    fn days_that_are_over_are_removed_and_where_no_day_is_kept_all_are() {
        let place = Place::new();
        let (store, _) = place.open();
        let (now, old) = (call(1), MORNING.as_millis() - 8 * DAY_MS);
        let old = CallId::new(WallTime::from_millis(old), &mut Chance::from_number(3));
        for id in [now.id, old] {
            assert!(store.keep_ladder(id, draft(&["x"])));
        }
        store.shutdown();
        drop(store);
        let (store, _) = place.open();
        // The thread removes before it writes.
        assert!(store.keep_ladder(call(2).id, draft(&["x"])));
        store.shutdown();
        assert_eq!(store.ladder(old).unwrap(), None);
        assert!(store.ladder(now.id).unwrap().is_some());
        drop(store);
        let mut setup = place.setup();
        setup.settings.ladder_days = 0;
        let (store, _) = crate::store::Store::open(setup).unwrap();
        store.shutdown();
        assert_eq!(store.ladder(now.id).unwrap(), None);
    }
}
