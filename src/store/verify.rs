//! Checking the whole log: every line's hash, the chain through all months, what was erased, and the recordings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::recording::hash;
use crate::recording::plan;
use crate::recording::shelf;
use crate::store::error::StoreError;
use crate::store::event::upkeep::Upkeep;
use crate::store::event::{Event, Hashed, as_text};
use crate::store::line::{Head, Line};
use crate::store::log::month_path;
use crate::store::place::{Month, Place};
use crate::store::scan;
use crate::store::scan::Lines;

/// What a check of the log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        /// The hash of the last line. Whoever notes it down can tell later that nothing before it was changed.
        head: String,
    },
    /// The first thing that is not.
    Broken {
        /// The month's file.
        file: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// A line as people find it.
type Spot = (Month, u64);

/// What a walk along the chain gathers.
#[derive(Debug, Default)]
struct Walk {
    head: Head,
    lines: u64,
    /// Personal parts that are gone, each call with its first such line.
    gone: BTreeMap<CallId, Spot>,
    /// Personal parts that are there, likewise.
    kept: BTreeMap<CallId, Spot>,
    /// Calls of which an `erased` line says so.
    erased: BTreeSet<CallId>,
    /// Calls whose recording was deleted when its time was over.
    pruned: BTreeSet<CallId>,
    /// Recordings, each with the line that names it and whether there is sound in it.
    files: BTreeMap<Named, (Spot, String, bool)>,
    hashes: BTreeMap<Named, (Spot, Hashed)>,
}

/// A file of a call's recording.
type Named = (CallId, u32);

/// Checks the log in `log` up to `end`, the last synced line, and the recordings in `recordings`.
pub(crate) fn verify(
    log: &Path,
    recordings: &Path,
    end: Option<Place>,
) -> Result<Verdict, StoreError> {
    let months = scan::months(log)?;
    let mut walk = Walk::default();
    for &month in &months {
        let limit = end.filter(|end| end.month <= month).map(|end| {
            // A month that began after the check did.
            if end.month < month { 0 } else { end.end() }
        });
        if let Some((line, why)) = walk.month(log, month, limit)? {
            return Ok(Verdict::Broken {
                file: month_path(log, month),
                line,
                why,
            });
        }
    }
    let unexplained = walk
        .gone
        .iter()
        .find(|(call, _)| !walk.erased.contains(call));
    if let Some((call, &(month, line))) = unexplained {
        return Ok(Verdict::Broken {
            file: month_path(log, month),
            line,
            why: format!("its personal part is gone and no `erased` line names call {call}"),
        });
    }
    let unfinished = walk
        .kept
        .iter()
        .find(|(call, _)| walk.erased.contains(call));
    if let Some((call, &(month, line))) = unfinished {
        return Ok(Verdict::Broken {
            file: month_path(log, month),
            line,
            why: format!(
                "an `erased` line names call {call} and its personal part is still there: the erasure has not ended; a \
                 running server goes on with it, and so does the next `ringtag erase`"
            ),
        });
    }
    let mut hashed = 0;
    for (named, ((month, line), file)) in &walk.hashes {
        if walk.is_gone(*named) {
            continue;
        }
        if let Some(why) = walk.recording(recordings, *named, file) {
            return Ok(Verdict::Broken {
                file: month_path(log, *month),
                line: *line,
                why,
            });
        }
        hashed += 1;
    }
    for (named, ((month, line), file, is_there)) in &walk.files {
        if walk.is_gone(*named) || !is_there || walk.hashes.contains_key(named) {
            continue;
        }
        let path = shelf::inside(recordings, &shelf::kept(recordings, file.as_ref()));
        if !path.is_some_and(|path| path.is_file()) {
            return Ok(Verdict::Broken {
                file: month_path(log, *month),
                line: *line,
                why: format!("the recording {file}, which has no hash yet, is missing"),
            });
        }
    }
    Ok(Verdict::Whole {
        lines: walk.lines,
        months: u64::try_from(months.len()).unwrap_or(u64::MAX),
        recordings: hashed,
        head: hex::encode(walk.head.hash),
    })
}

impl Walk {
    /// Checks a month; returns its first broken line.
    fn month(
        &mut self,
        log: &Path,
        month: Month,
        limit: Option<u64>,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let mut lines = Lines::open(log, month, 0)?;
        let mut number = 0;
        while let Some(found) = lines.next()? {
            if limit.is_some_and(|limit| found.place.offset >= limit) {
                break;
            }
            number += 1;
            if !found.is_whole {
                return Ok(Some((number, "it is torn: its end is missing".into())));
            }
            let checked =
                Line::read(found.bytes).and_then(|line| self.line(&line, (month, number)));
            if let Err(why) = checked {
                return Ok(Some((number, why)));
            }
        }
        if limit.is_some_and(|limit| limit > lines.offset()) {
            return Ok(Some((
                number + 1,
                "it is missing: the file was cut off".into(),
            )));
        }
        Ok(None)
    }

    fn line(&mut self, line: &Line<'_>, spot: Spot) -> Result<(), String> {
        let is_first = self.lines == 0;
        if is_first && (line.n != 1 || line.prev != [0; 32]) {
            return Err("the log begins in the middle: the months before it are missing".into());
        }
        if line.n != self.head.n + 1 {
            return Err(format!(
                "it is number {} and should be {}",
                line.n,
                self.head.n + 1
            ));
        }
        if line.prev != self.head.hash {
            return Err("it does not follow the line before it".into());
        }
        line.check()?;
        let event = line
            .event()
            .map_err(|error| format!("it is malformed: {error}"))?;
        if spot.1 == 1 && !matches!(event, Event::Upkeep(Upkeep::Opened(_))) {
            return Err("the month does not begin with the head of the one before".into());
        }
        self.head = line.head();
        self.lines += 1;
        if let Some(call) = line.call {
            if line.is_erased() {
                self.gone.entry(call).or_insert(spot);
            }
            if line.is_personal() {
                self.kept.entry(call).or_insert(spot);
            }
            match event {
                Event::Recorded(recorded) => {
                    // Without a byte there is no file: it could not be made.
                    let first = (spot, recorded.file, recorded.bytes > 0);
                    self.files.insert((call, 1), first);
                    for part in recorded.parts {
                        let number = plan::number_of(&part.file);
                        let part = (spot, as_text(&part.file), part.bytes > 0);
                        self.files.insert((call, number), part);
                    }
                }
                Event::Hashed(hashed) => {
                    self.hashes.insert((call, hashed.number()), (spot, hashed));
                }
                Event::Pruned(_) => drop(self.pruned.insert(call)),
                Event::Began(_)
                | Event::Ringing
                | Event::Transferred(_)
                | Event::Answered(_)
                | Event::Ended(_)
                | Event::Played(_)
                | Event::Downloaded(_)
                | Event::Said(_)
                | Event::Pinned(_)
                | Event::Unpinned(_)
                | Event::House(_)
                | Event::Upkeep(_)
                | Event::Erased(_)
                | Event::Unknown => {}
            }
        } else if let Event::Erased(erased) = event {
            self.erased.extend(erased.calls);
        }
        Ok(())
    }

    /// Whether a line says that the file was deleted.
    fn is_gone(&self, (call, _): Named) -> bool {
        self.erased.contains(&call) || self.pruned.contains(&call)
    }

    /// Checks a recording; returns what is wrong with it.
    fn recording(&self, folder: &Path, named: Named, hashed: &Hashed) -> Option<String> {
        let Some((_, recorded, _)) = self.files.get(&named) else {
            return Some("it is the hash of a recording that no line names".into());
        };
        let file = hashed.file.as_ref().unwrap_or(recorded);
        let Some(path) = shelf::inside(folder, file.as_ref()) else {
            return Some(format!(
                "it names a recording outside of its folder: {file}"
            ));
        };
        match hash::of(&path) {
            Ok(hash) if hash == hashed.sha256 => None,
            Ok(_) => Some(format!(
                "the recording {} is not what was recorded",
                path.display()
            )),
            Err(error) => Some(format!(
                "the recording {} cannot be read: {error}",
                path.display()
            )),
        }
    }
}
