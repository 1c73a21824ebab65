//! Rows as files: one a month of the calls' beginning, and one that says which checkpoint of the log they all cover.
//!
//! Everything here can be deleted; a start makes it again from the log. A file is written beside the old one, synced and
//! renamed. The checksum finds torn and damaged files; it is no protection against people, and needs none.

use std::collections::BTreeMap;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::store::db::Covered;
use crate::store::disk;
use crate::store::error::StoreError;
use crate::store::place::Month;
use crate::store::rows::{Marks, Name, Names, Row, Rows, caller_key};

/// Bytes of a row in a file.
const ROW_SIZE: usize = 60;

/// First bytes of a file: what it is, and the layout of its rows.
const MAGIC: &[u8; 16] = b"ringtag rows 2\r\n";

/// What the files of the folder are, together.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    covered: Covered,
    /// The hash of a known caller. A library that hashes differently one day would know no caller of these rows.
    hasher: u64,
    /// Each month with its file's checksum.
    months: BTreeMap<Month, u64>,
}

/// The months' files, as they were written last.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    months: BTreeMap<Month, u64>,
}

/// Rows that were read, and the checkpoint they cover.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rows: Rows,
    pub(crate) covered: Covered,
}

impl Snapshots {
    /// Knows the folder; nothing is read.
    pub(crate) fn new(store: &Path) -> Self {
        Self {
            folder: store.join("rows"),
            months: BTreeMap::new(),
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
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if checksum(&bytes) != sum {
                return Err(format!("{}: it is not what was written", path.display()));
            }
            read_rows(&bytes, &mut rows)
                .ok_or_else(|| format!("{}: it is malformed", path.display()))?;
        }
        self.months = manifest.months;
        Ok(Some(Loaded {
            rows,
            covered: manifest.covered,
        }))
    }

    /// Writes the months of which `is_changed` is true or that have no file yet, then what they all cover.
    pub(crate) fn save(
        &mut self,
        rows: &Rows,
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
                let bytes = write_rows(part, rows.names());
                let path = self.month_path(month);
                disk::replace(&path, &bytes).map_err(StoreError::disk("writing", &path))?;
                self.months.insert(month, checksum(&bytes));
            }
        }
        let path = self.manifest_path();
        let manifest = Manifest {
            covered,
            hasher: hasher(),
            months: self.months.clone(),
        };
        disk::replace(&path, &serde_json::to_vec(&manifest)?)
            .map_err(StoreError::disk("writing", &path))
    }

    /// Removes every file, so that a start replays the whole log.
    pub(crate) fn remove(&mut self) -> Result<(), StoreError> {
        self.months.clear();
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
    let millis = u128::from_be_bytes(id.to_bytes()) >> 80;
    Month::of(WallTime::from_millis(i64::try_from(millis).unwrap_or(0)))
}

fn hasher() -> u64 {
    caller_key(&Caller::Other("ringtag".into())).unwrap_or(0)
}

fn checksum(bytes: &[u8]) -> u64 {
    FixedState::with_seed(1).hash_one(bytes)
}

fn write_rows(rows: &[Row], names: &Names) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + rows.len() * ROW_SIZE);
    out.extend_from_slice(MAGIC);
    let list = names.list();
    out.extend_from_slice(&u32::try_from(list.len()).unwrap_or(0).to_le_bytes());
    for name in list {
        out.extend_from_slice(&u32::try_from(name.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
    }
    for row in rows {
        out.extend_from_slice(&row.id.to_bytes());
        out.extend_from_slice(&row.caller.to_le_bytes());
        out.extend_from_slice(&row.started_at.as_millis().to_le_bytes());
        out.extend_from_slice(&row.wait_ms.to_le_bytes());
        out.extend_from_slice(&row.talk_ms.to_le_bytes());
        for name in row.names() {
            out.extend_from_slice(&name.0.to_le_bytes());
        }
        out.extend_from_slice(&[row.marks.0, row.reason]);
        out.extend_from_slice(&row.said.to_le_bytes());
    }
    out
}

/// Appends a file's rows; `None`: the file is malformed.
fn read_rows(bytes: &[u8], into: &mut Rows) -> Option<()> {
    let mut rest = bytes.strip_prefix(MAGIC.as_slice())?;
    let count = u32::from_le_bytes(take(&mut rest)?);
    // Each file has its own numbers; this table leads from them to the numbers in memory.
    let mut names = vec![Name::default()];
    for _ in 0..count {
        let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
        let (name, after) = rest.split_at_checked(length)?;
        rest = after;
        let name: Arc<str> = std::str::from_utf8(name).ok()?.into();
        names.push(into.names_mut().number(&name));
    }
    let (rows, over) = rest.as_chunks::<ROW_SIZE>();
    into.reserve(rows.len());
    for row in rows {
        into.insert(read_row(row, &names)?);
    }
    over.is_empty().then_some(())
}

fn read_row(mut bytes: &[u8], names: &[Name]) -> Option<Row> {
    let from = &mut bytes;
    let id = CallId::from_bytes(take(from)?);
    let caller = u64::from_le_bytes(take(from)?);
    let started_at = WallTime::from_millis(i64::from_le_bytes(take(from)?));
    let wait_ms = u32::from_le_bytes(take(from)?);
    let talk_ms = u32::from_le_bytes(take(from)?);
    let mut name = || {
        let number = u16::from_le_bytes(take(from)?);
        Some(
            names
                .get(usize::from(number))
                .copied()
                .unwrap_or(Name::MANY),
        )
    };
    Some(Row {
        id,
        caller,
        started_at,
        wait_ms,
        talk_ms,
        project: name()?,
        source: name()?,
        channel: name()?,
        campaign: name()?,
        category: name()?,
        manager: name()?,
        virtual_number: name()?,
        marks: Marks(u8::from_le_bytes(take(from)?)),
        reason: u8::from_le_bytes(take(from)?),
        said: u32::from_le_bytes(take(from)?),
    })
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::event::Event;
    use crate::store::place::Place;
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

    /// Calls of three months.
    fn rows() -> Rows {
        let mut rows = Rows::default();
        for number in 0..300u32 {
            let at = MORNING + std::time::Duration::from_secs(u64::from(number) * 20_000);
            let script = Script::new(u64::from(number), at, CALLER);
            for fact in [script.began(), script.missed()] {
                rows.apply(
                    fact.call,
                    u64::from(number),
                    fact.at,
                    &Event::from(fact.what),
                );
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
        snapshots.save(&rows, covered(), |_| true).unwrap();
        let path = folder.path().join("rows/2026-11.rows");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut again = Snapshots::new(folder.path());
        let loaded = again.load().unwrap().unwrap();
        assert_eq!(loaded.covered, covered());
        assert_eq!(loaded.rows.list(), rows.list());
        assert_eq!(loaded.rows.names().list(), rows.names().list());
        again
            .save(&rows, covered(), |month| month == Month(202_612))
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(folder.path().join("rows")).unwrap().count(), 4);
    }

    #[test]
    fn a_damaged_or_missing_month_is_said() {
        let folder = tempfile::tempdir().unwrap();
        Snapshots::new(folder.path())
            .save(&rows(), covered(), |_| true)
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

    #[test]
    fn a_file_of_anything_is_refused_without_a_panic() {
        for length in 0..200 {
            let mut bytes = MAGIC.to_vec();
            bytes.resize(bytes.len() + length, 0xff);
            assert_eq!(read_rows(&bytes, &mut Rows::default()), None);
        }
    }
}
