//! Removing a person: the personal part of their calls' lines and their recordings. Runs on the store's thread, because
//! it replaces the file that this thread appends to.
//!
//! Safe at a kill in any step: the `erased` line comes first and names the calls, so a start that finds it does what is
//! left; a month is written beside the old one, synced and renamed; an erased line keeps its length, so no other line
//! moves and the index stays right. The number itself is in the personal parts, the rows' files and memory only.
//!
//! What the disk refuses on the way is kept in [`Left`] and tried again, and no checkpoint is made before it is done: a
//! start that finds the `erased` line behind its checkpoint does it, one that finds it before would not.

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::recording::shelf;
use crate::recording::sketch;
use crate::store::caller::caller_key;
use crate::store::disk;
use crate::store::error::StoreError;
use crate::store::event;
use crate::store::event::Event;
use crate::store::handle::Erased;
use crate::store::keeper::Keeper;
use crate::store::line::Line;
use crate::store::log::month_path;
use crate::store::place::{Month, Place};
use crate::store::scan::Reader;

/// What a month is called while it is written anew. A start removes such a file.
pub(crate) const UNFINISHED: &str = "erasing";

/// What the log says is gone and perhaps is not yet.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub(crate) erased: Vec<event::Erased>,
    /// Relative to the recordings' folder.
    pub(crate) files: Vec<String>,
}

impl Left {
    /// Whether everything is gone.
    pub(crate) fn is_empty(&self) -> bool {
        self.erased.is_empty() && self.files.is_empty()
    }

    /// Notes what a line says is gone.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Erased(erased) => self.erased.push(erased.clone()),
            Event::Pruned(pruned) => self.files.push(pruned.file.clone()),
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
            | Event::House(_)
            | Event::Upkeep(_)
            | Event::Unknown => {}
        }
    }
}

/// Erases the calls of `caller` that are over, and what earlier erasures left: the report counts both.
pub(crate) fn person(keeper: &mut Keeper, caller: &Caller) -> Result<Erased, StoreError> {
    let Some(key) = caller_key(caller) else {
        return Ok(Erased::default());
    };
    let mut all = keeper.shared.view().rows.of_caller(key);
    if caller.number().is_none() {
        // A text's key is a hash: another's calls may have it too. A call that cannot be read is erased with them.
        let is_theirs = |&call: &CallId| {
            let record = keeper.shared.call(call).ok().flatten();
            record.is_none_or(|record| record.caller.as_ref() == Some(caller))
        };
        all.retain(is_theirs);
    }
    let (calls, running): (Vec<CallId>, Vec<CallId>) =
        all.into_iter().partition(|&call| keeper.is_finished(call));
    let mut report = Erased {
        in_progress: u64::try_from(running.len()).unwrap_or(u64::MAX),
        ..Erased::default()
    };
    keeper.shared.history().forget(key);
    if calls.is_empty() && keeper.left.is_empty() {
        return Ok(report);
    }
    if !calls.is_empty() {
        tell(keeper, calls)?;
    }
    finish(keeper, &mut report)?;
    // The rows' files still hold the number.
    keeper.checkpoint(true)?;
    tracing::info!(
        number = caller.number().map(Number::masked),
        calls = report.calls,
        recordings = report.recordings,
        "a person was erased"
    );
    Ok(report)
}

/// Says in the log whose lines lose their personal part.
fn tell(keeper: &mut Keeper, calls: Vec<CallId>) -> Result<(), StoreError> {
    let mut recordings = Vec::new();
    for &call in &calls {
        recordings.extend(recording_of(keeper, call)?);
    }
    keeper.say(None, Event::Erased(event::Erased { calls, recordings }));
    keeper.commit()
}

/// The file of a call's recording. A damaged line of the call is passed over: it must not save the others.
fn recording_of(keeper: &Keeper, call: CallId) -> Result<Option<String>, StoreError> {
    let mut reader = Reader::new(keeper.log.folder());
    let places = keeper.shared.lines(call)?.unwrap_or_default();
    let events = places
        .into_iter()
        .filter_map(|place| reader.event(call, place).ok());
    Ok(events
        .filter_map(|(_, event)| {
            if let Event::Recorded(recorded) = event {
                Some(recorded.file)
            } else {
                None
            }
        })
        .last())
}

/// Does what the log says is gone and is not yet. After an error what is left stays in [`Left`].
pub(crate) fn finish(keeper: &mut Keeper, report: &mut Erased) -> Result<(), StoreError> {
    while let Some(erased) = keeper.left.erased.pop() {
        if let Err(error) = carry_out(keeper, &erased, report) {
            keeper.left.erased.push(erased);
            return Err(error);
        }
    }
    // A log that is read from its first line names years of recordings, most of them gone with their day's folder.
    if !keeper.left.files.is_empty() {
        look_into(&keeper.shared.recordings)?;
    }
    let mut gone = None;
    while let Some(file) = keeper.left.files.pop() {
        if is_gone_with_its_folder(&keeper.shared.recordings, &file, &mut gone) {
            continue;
        }
        match remove_recording(&keeper.shared.recordings, &file) {
            Ok(is_removed) => report.recordings += u64::from(is_removed),
            Err(error) => {
                keeper.left.files.push(file);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Does what an `erased` line says, or what is left of it.
fn carry_out(
    keeper: &mut Keeper,
    erased: &event::Erased,
    report: &mut Erased,
) -> Result<(), StoreError> {
    let mut months: BTreeMap<Month, Vec<Place>> = BTreeMap::new();
    for &call in &erased.calls {
        for place in keeper.shared.lines(call)?.unwrap_or_default() {
            months.entry(place.month).or_default().push(place);
        }
    }
    for (month, places) in months {
        keeper.log.close_month();
        let is_rewritten = rewrite(keeper.log.folder(), month, &places, report)?;
        report.months += u64::from(is_rewritten);
    }
    for &call in &erased.calls {
        forget_words(keeper, call)?;
    }
    if !erased.recordings.is_empty() {
        look_into(&keeper.shared.recordings)?;
    }
    for file in &erased.recordings {
        report.recordings += u64::from(remove_recording(&keeper.shared.recordings, file)?);
    }
    keeper.shared.ladders.forget(&erased.calls)?;
    report.calls += u64::try_from(erased.calls.len()).unwrap_or(u64::MAX);
    Ok(())
}

/// Takes out of a call's row what its lines do not say any more. A damaged line is passed over: it says nothing.
fn forget_words(keeper: &Keeper, call: CallId) -> Result<(), StoreError> {
    let mut reader = Reader::new(keeper.log.folder());
    let places = keeper.shared.lines(call)?.unwrap_or_default();
    let lines = places
        .into_iter()
        .filter_map(|place| reader.event(call, place).ok());
    let mut lines: Vec<_> = lines.collect();
    lines.sort_by_key(|(stamp, _)| stamp.n);
    let mut view = keeper.shared.view_mut();
    view.rows
        .say_anew(call, lines.iter().map(|(_, event)| event));
    Ok(())
}

/// Writes a month anew without the personal parts of the lines at `places`; `false`: they have none.
///
/// A damaged line stays as it is, because nobody can tell what in it is personal; the report counts it.
fn rewrite(
    log: &Path,
    month: Month,
    places: &[Place],
    report: &mut Erased,
) -> Result<bool, StoreError> {
    let mut reader = Reader::new(log);
    let mut patches = Vec::new();
    for &place in places {
        let bytes = reader.line(place)?;
        match Line::read(&bytes) {
            Ok(line) => patches.extend(line.erased().map(|line| (place.offset, line))),
            Err(why) => {
                report.damaged += 1;
                tracing::error!(%month, byte = place.offset, why, "a damaged line of an erased call may still hold its number");
            }
        }
    }
    if patches.is_empty() {
        return Ok(false);
    }
    let path = month_path(log, month);
    let next = path.with_extension(UNFINISHED);
    if let Err(error) = replace(&path, &next, &patches) {
        // A half-written copy takes the room that the next attempt needs; a start removes it where this cannot.
        drop(fs::remove_file(&next));
        return Err(StoreError::disk("erasing in", &path)(error));
    }
    Ok(true)
}

fn replace(path: &Path, next: &Path, patches: &[(u64, Vec<u8>)]) -> io::Result<()> {
    fs::copy(path, next)?;
    let file = OpenOptions::new().write(true).open(next)?;
    for (offset, line) in patches {
        file.write_all_at(line, *offset)?;
    }
    file.sync_all()?;
    fs::rename(next, path)?;
    path.parent().map_or(Ok(()), disk::sync_folder)
}

/// Makes sure that what is not found in the recordings folder is not there. One that is missing or empty may be a disk that is
/// not mounted, and what is on it would come back.
fn look_into(recordings: &Path) -> Result<(), StoreError> {
    let first = fs::read_dir(recordings).and_then(|mut entries| entries.next().transpose());
    let is_empty = || {
        let why = "the folder is empty; mount its disk, or put anything into it if its recordings were all removed";
        io::Error::new(io::ErrorKind::NotFound, why)
    };
    let looked = first.and_then(|entry| entry.ok_or_else(is_empty));
    looked.map(drop).map_err(StoreError::disk(
        "looking for erased recordings in",
        recordings,
    ))
}

/// Whether there is no folder that the file could be in; `gone` is the one that was not there last.
fn is_gone_with_its_folder(recordings: &Path, file: &str, gone: &mut Option<PathBuf>) -> bool {
    let Some(folder) = Path::new(file).parent() else {
        return false;
    };
    if gone.as_deref() == Some(folder) {
        return true;
    }
    let is_gone = shelf::inside(recordings, folder)
        .is_some_and(|path| matches!(path.try_exists(), Ok(false)));
    if is_gone {
        *gone = Some(folder.to_path_buf());
    }
    is_gone
}

/// Deletes a recording, all its files, and what was made from them; `false`: it is gone already.
pub(crate) fn remove_recording(folder: &Path, file: &str) -> Result<bool, StoreError> {
    let Some(path) = shelf::inside(folder, file.as_ref()) else {
        tracing::error!(file, "a recording outside of its folder is not deleted");
        return Ok(false);
    };
    let mut is_there = false;
    for belonging in shelf::belongings(folder, file.as_ref()) {
        match fs::remove_file(&belonging) {
            Ok(()) => is_there |= !sketch::is_name(&belonging.to_string_lossy()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::disk("deleting", &belonging)(error)),
        }
    }
    sketch::remove(&path).map_err(StoreError::disk("deleting", &path))?;
    if is_there {
        let parent = path.parent().unwrap_or(folder);
        disk::sync_folder(parent).map_err(StoreError::disk("syncing", parent))?;
    }
    Ok(is_there)
}

/// Deletes recordings whose time is over, each with a line of its call that says so first. Returns how many there were.
pub(crate) fn prune(keeper: &mut Keeper, old: Vec<(CallId, String)>) -> Result<u64, StoreError> {
    for (call, file) in old {
        keeper.say(Some(call), Event::Pruned(event::Pruned { file }));
    }
    keeper.commit()?;
    let mut report = Erased::default();
    finish(keeper, &mut report)?;
    Ok(report.recordings)
}

/// Removes months that a crash left half-written: the whole ones are still there.
pub(crate) fn remove_unfinished(log: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(log).map_err(StoreError::disk("listing", log))?;
    for entry in entries {
        let path = entry.map_err(StoreError::disk("listing", log))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == UNFINISHED)
        {
            fs::remove_file(&path).map_err(StoreError::disk("removing", &path))?;
        }
    }
    Ok(())
}
