//! Rows as files: one a month of the calls' beginning, one of the books, and one that says which checkpoint of the log they
//! all cover.
//!
//! Everything here can be deleted; a start makes it again from the log. A file is written beside the old one, synced and
//! renamed. The checksum finds torn and damaged files; it is no protection against people, and needs none.

use std::collections::BTreeMap;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::store::books::Books;
use crate::store::caller::caller_key;
use crate::store::db::Covered;
use crate::store::disk;
use crate::store::error::StoreError;
use crate::store::place::Month;
use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::store::shelved::{read_rows, write_rows};

/// What the files of the folder are, together.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    covered: Covered,
    /// The hash of a known caller. A library that hashes differently one day would know no caller of these rows.
    hasher: u64,
    /// Each month with its file's checksum.
    months: BTreeMap<Month, u64>,
    /// The checksum of the books' file. A ringtag that knew none may have passed by lines of theirs, so that a manifest
    /// without it covers nothing.
    books: u64,
}

/// The months' files, as they were written last.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    months: BTreeMap<Month, u64>,
    /// The checksum of the books' file; `None`: there is none yet.
    books: Option<u64>,
}

/// Rows that were read, and the checkpoint they cover.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rows: Rows,
    pub(crate) books: Books,
    pub(crate) covered: Covered,
}

impl Snapshots {
    /// Knows the folder; nothing is read.
    pub(crate) fn new(store: &Path) -> Self {
        Self {
            folder: store.join("rows"),
            months: BTreeMap::new(),
            books: None,
        }
    }

    /// Reads all rows. `Ok(None)`: there are none yet. The error says why the files are no use.
    pub(crate) fn load(&mut self) -> Result<Option<Loaded>, String> {
        let path = self.manifest_path();
        let manifest: Manifest = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {error}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        if manifest.hasher != hasher() {
            return Err("the rows were written by a ringtag that hashes otherwise".into());
        }
        let mut rows = Rows::default();
        for (&month, &sum) in &manifest.months {
            let path = self.month_path(month);
            read_rows(&read_whole(&path, sum)?, &mut rows)
                .ok_or_else(|| format!("{}: it is malformed", path.display()))?;
        }
        let path = self.books_path();
        let books = serde_json::from_slice(&read_whole(&path, manifest.books)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        self.months = manifest.months;
        self.books = Some(manifest.books);
        Ok(Some(Loaded {
            rows,
            books,
            covered: manifest.covered,
        }))
    }

    /// Writes the months of which `is_changed` is true or that have no file yet, then what they all cover.
    pub(crate) fn save(
        &mut self,
        rows: &Rows,
        books: &Books,
        covered: Covered,
        is_changed: impl Fn(Month) -> bool,
    ) -> Result<(), StoreError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(StoreError::disk("making the folder", &self.folder))?;
        let all = rows.list();
        for part in all.chunk_by(|a, b| month_of(a) == month_of(b)) {
            let Some(month) = part.first().map(month_of) else {
                continue;
            };
            if is_changed(month) || !self.months.contains_key(&month) {
                let bytes = write_rows(part, rows);
                let path = self.month_path(month);
                disk::replace(&path, &bytes).map_err(StoreError::disk("writing", &path))?;
                self.months.insert(month, checksum(&bytes));
            }
        }
        let bytes = serde_json::to_vec(books)?;
        let sum = checksum(&bytes);
        if self.books != Some(sum) {
            let path = self.books_path();
            disk::replace(&path, &bytes).map_err(StoreError::disk("writing", &path))?;
            self.books = Some(sum);
        }
        let path = self.manifest_path();
        let manifest = Manifest {
            covered,
            hasher: hasher(),
            months: self.months.clone(),
            books: sum,
        };
        disk::replace(&path, &serde_json::to_vec(&manifest)?)
            .map_err(StoreError::disk("writing", &path))
    }

    /// Removes every file, so that a start replays the whole log.
    pub(crate) fn remove(&mut self) -> Result<(), StoreError> {
        self.months.clear();
        self.books = None;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::disk("removing", &self.folder)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn manifest_path(&self) -> PathBuf {
        self.folder.join("covered.json")
    }

    fn books_path(&self) -> PathBuf {
        self.folder.join("books.json")
    }

    fn month_path(&self, month: Month) -> PathBuf {
        self.folder.join(format!("{month}.rows"))
    }
}

/// The month whose file a row is in: that of its id, which never changes and is what rows are sorted by.
pub(crate) fn month_of(row: &Row) -> Month {
    month_of_id(row.id)
}

/// The month in which a call began, by its id (RFC 9562 5.7: 48 bits of milliseconds).
pub(crate) fn month_of_id(id: CallId) -> Month {
    Month::of(id.began())
}

/// Reads a file that has this checksum, or says why it is no use.
fn read_whole(path: &Path, sum: u64) -> Result<Vec<u8>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if checksum(&bytes) != sum {
        return Err(format!("{}: it is not what was written", path.display()));
    }
    Ok(bytes)
}

fn hasher() -> u64 {
    caller_key(&Caller::Other("ringtag".into())).unwrap_or(0)
}

fn checksum(bytes: &[u8]) -> u64 {
    FixedState::with_seed(1).hash_one(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::event::{Event, Parts};
    use crate::store::place::Place;
    use crate::store::remark::Kind;
    use crate::store::say::Say;
    use crate::store::spoken::{PinnedLine, PinnedPersonal, SaidLine};
    use crate::store::trial::{CALLER, MORNING, Script};

    fn covered() -> Covered {
        Covered {
            place: Place {
                month: Month(202_611),
                length: 10,
                offset: 20,
            },
            n: 3,
            hash: "ab".repeat(32),
        }
    }

    fn said(number: u32) -> Event {
        let say = Say {
            tags: Some(vec!["hot".into(), format!("t{}", number % 7)]),
            target: Some(Some(number.is_multiple_of(2))),
            goal: Some(Some("price".into())),
            stage: Some(Some("offer".into())),
            outcome: Some(Some("sold".into())),
            value: Some(Some(f64::from(number) / 10.0)),
            note: Some(Some(format!("Note {number}"))),
            called_back: Some(!number.is_multiple_of(2)),
            ..Say::default()
        };
        Event::Said(Box::new(SaidLine::split(say, "anna".into(), Kind::Person)))
    }

    fn pinned() -> Event {
        Event::Pinned(Box::new(Parts {
            public: PinnedLine {
                by: "anna".into(),
                at_ms: 5,
            },
            pii: Some(PinnedPersonal {
                text: "here".into(),
            }),
        }))
    }

    /// Calls of three months.
    fn rows() -> Rows {
        let mut rows = Rows::default();
        for number in 0..300u32 {
            let at = MORNING + std::time::Duration::from_secs(u64::from(number) * 20_000);
            let caller = if number % 5 == 0 { "sip:desk" } else { CALLER };
            let script = Script::new(u64::from(number), at, caller);
            let n = u64::from(number) * 4;
            for fact in [script.began(), script.missed()] {
                rows.apply(fact.call, n, fact.at, &Event::from(fact.what));
            }
            if number % 3 == 0 {
                for (more, event) in [(1, said(number)), (2, pinned())] {
                    rows.apply(script.id, n + more, at, &event);
                }
            }
        }
        rows
    }

    #[test]
    fn rows_read_back_and_only_changed_months_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let rows = rows();
        let mut snapshots = Snapshots::new(folder.path());
        assert!(snapshots.load().unwrap().is_none());
        snapshots
            .save(&rows, &Books::default(), covered(), |_| true)
            .unwrap();
        let path = folder.path().join("rows/2026-11.rows");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut again = Snapshots::new(folder.path());
        let loaded = again.load().unwrap().unwrap();
        assert_eq!(loaded.covered, covered());
        assert_eq!(loaded.rows.list(), rows.list());
        let words = |rows: &Rows| rows.names().words.list().to_vec();
        assert_eq!(words(&loaded.rows), words(&rows));
        assert_eq!(
            loaded.rows.names().sources.list(),
            rows.names().sources.list()
        );
        assert_eq!(loaded.rows.names().sets.list(), rows.names().sets.list());
        let notes = |rows: &Rows| -> Vec<String> {
            let notes = rows.notes().range(..);
            notes.map(|(key, note)| format!("{key:?} {note}")).collect()
        };
        assert_eq!(notes(&loaded.rows), notes(&rows));
        assert_eq!(notes(&rows).len(), 200);
        assert_eq!(loaded.rows.worths(), rows.worths());
        assert_eq!(rows.worths().len(), 100);
        assert_eq!(loaded.rows.callers(), rows.callers());
        assert_eq!(loaded.rows.callers().len(), 1);
        again
            .save(&rows, &Books::default(), covered(), |month| {
                month == Month(202_612)
            })
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(folder.path().join("rows")).unwrap().count(), 5);
    }

    #[test]
    fn a_damaged_or_missing_month_is_said() {
        let folder = tempfile::tempdir().unwrap();
        Snapshots::new(folder.path())
            .save(&rows(), &Books::default(), covered(), |_| true)
            .unwrap();
        let path = folder.path().join("rows/2026-12.rows");
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let why = Snapshots::new(folder.path()).load().unwrap_err();
        assert!(why.contains("2026-12.rows"), "{why}");
        fs::remove_file(&path).unwrap();
        assert!(Snapshots::new(folder.path()).load().is_err());
    }
}
