//! Removing a person: the personal part of their calls' lines and their recordings. Runs on the store's thread, because
//! it replaces the file that this thread appends to.
//!
//! Safe at a kill in any step: the `erased` line comes first and names the calls, so a start that finds it does what is
//! left; a month is written beside the old one, synced and renamed; an erased line keeps its length, so no other line
//! moves and the index stays right. The number itself is in the personal parts, the rows' files and memory only.

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

use crate::base::id::CallId;
use crate::base::number::Number;
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

/// Erases the calls of `number` that are over.
pub(crate) fn person(keeper: &mut Keeper, number: Number) -> Result<Erased, StoreError> {
    let caller = number.digits();
    let (calls, running): (Vec<CallId>, Vec<CallId>) = {
        let view = keeper.shared.view();
        view.rows
            .of_caller(caller)
            .into_iter()
            .partition(|&call| view.is_finished(call))
    };
    let mut report = Erased {
        in_progress: u64::try_from(running.len()).unwrap_or(u64::MAX),
        ..Erased::default()
    };
    if calls.is_empty() {
        return Ok(report);
    }
    let mut recordings = Vec::new();
    for &call in &calls {
        let record = keeper.shared.call(call)?;
        recordings.extend(
            record
                .and_then(|record| record.recording)
                .map(|one| one.file),
        );
    }
    let erased = event::Erased { calls, recordings };
    keeper.say(None, Event::Erased(erased.clone()));
    keeper.commit()?;
    carry_out(keeper, &erased, &mut report)?;
    keeper.shared.history().forget(caller);
    // The rows' files still hold the number.
    keeper.checkpoint(true)?;
    tracing::info!(
        number = number.masked(),
        calls = report.calls,
        recordings = report.recordings,
        "a person was erased"
    );
    Ok(report)
}

/// Does what an `erased` line says, or what is left of it.
pub(crate) fn carry_out(
    keeper: &mut Keeper,
    erased: &event::Erased,
    report: &mut Erased,
) -> Result<(), StoreError> {
    let mut months: BTreeMap<Month, Vec<Place>> = BTreeMap::new();
    for &call in &erased.calls {
        for place in keeper.shared.lines(call)?.unwrap_or_default() {
            months.entry(place.month).or_default().push(place);
        }
        report.calls += 1;
    }
    for (month, places) in months {
        keeper.log.close_month();
        report.months += u64::from(rewrite(keeper.log.folder(), month, &places)?);
    }
    for file in &erased.recordings {
        report.recordings += u64::from(remove_recording(&keeper.shared.recordings, file)?);
    }
    Ok(())
}

/// Writes a month anew without the personal parts of the lines at `places`; `false`: they have none.
fn rewrite(log: &Path, month: Month, places: &[Place]) -> Result<bool, StoreError> {
    let mut reader = Reader::new(log);
    let mut patches = Vec::new();
    for &place in places {
        let bytes = reader.line(place)?;
        let line = Line::read(&bytes).map_err(|why| StoreError::Damaged {
            file: month_path(log, month),
            line: 0,
            why: format!("at byte {}: {why}", place.offset),
        })?;
        patches.extend(line.erased().map(|line| (place.offset, line)));
    }
    if patches.is_empty() {
        return Ok(false);
    }
    let path = month_path(log, month);
    let next = path.with_extension(UNFINISHED);
    replace(&path, &next, &patches).map_err(StoreError::disk("erasing in", &path))?;
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

/// Deletes a recording; `false`: it is gone already.
pub(crate) fn remove_recording(folder: &Path, file: &str) -> Result<bool, StoreError> {
    let Some(path) = inside(folder, file) else {
        tracing::error!(file, "a recording outside of its folder is not deleted");
        return Ok(false);
    };
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StoreError::disk("deleting", &path)(error)),
    }
    let parent = path.parent().unwrap_or(folder);
    disk::sync_folder(parent).map_err(StoreError::disk("syncing", parent))?;
    Ok(true)
}

/// Deletes recordings whose time is over, each with a line of its call that says so first. Returns how many there were.
pub(crate) fn prune(keeper: &mut Keeper, old: Vec<(CallId, String)>) -> Result<u64, StoreError> {
    let mut files = Vec::with_capacity(old.len());
    for (call, file) in old {
        let pruned = event::Pruned { file: file.clone() };
        keeper.say(Some(call), Event::Pruned(pruned));
        files.push(file);
    }
    keeper.commit()?;
    let mut removed = 0;
    for file in &files {
        removed += u64::from(remove_recording(&keeper.shared.recordings, file)?);
    }
    Ok(removed)
}

/// Returns the path of a recording; `None` for one that leads out of the folder.
pub(crate) fn inside(folder: &Path, file: &str) -> Option<PathBuf> {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    Path::new(file)
        .components()
        .all(is_plain)
        .then(|| folder.join(file))
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
