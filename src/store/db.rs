//! All of sled: which lines of the log belong to a call. Nothing is known here alone.
//!
//! Kept from the calls' numbers on purpose: sled's files never shrink, so what must be erasable does not go into them.
//! Its `flush` does not fsync on Linux, so each batch says up to which checkpoint of the log it is complete.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::place::Place;

/// Sled's page cache; its default is 1 GB. Calls are kept in the order of their ids, so that writing needs the last pages
/// alone, and a page that is read again comes from the kernel's memory (25 us). Until the cache is full a record takes some
/// 200 bytes of memory, which a server of little traffic would see as growth for weeks; this much is full after 50,000
/// (measured with 0.34.7, where 16 MB took 200,000 records and 20 MB more).
const CACHE_BYTES: u64 = 4 << 20;

/// Calls in one batch of sled's. It never gives back what larger ones took: a batch of 2,500 calls left 2.5 KB of memory
/// for each of them, one of 256 nothing (measured with 0.34.7).
const BATCH: usize = 128;

/// Batches between two flushes at the most. What is not flushed stays in memory, about 1 KB a call.
const FLUSH_EVERY: u64 = 16;

/// The key of [`Covered`]. Calls' keys have 16 bytes.
const COVERED: &[u8] = b"covered";

/// A checkpoint line that everything before is taken in from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Covered {
    /// Where the checkpoint is.
    pub(crate) place: Place,
    /// Its `n`.
    pub(crate) n: u64,
    /// Its `hash`, in hexadecimal: another log with a checkpoint at the same place is another log.
    pub(crate) hash: String,
}

/// The index over the log.
#[derive(Debug)]
pub(crate) struct Db {
    store: PathBuf,
    /// `None` only while an index that failed waits to be opened again.
    tree: RwLock<Option<sled::Db>>,
}

/// Where sled's files are.
pub(crate) fn folder(store: &Path) -> PathBuf {
    store.join("index")
}

impl Db {
    /// Opens the index, or makes an empty one.
    pub(crate) fn open(store: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            store: store.to_path_buf(),
            tree: RwLock::new(Some(open(store)?)),
        })
    }

    /// Opens the index again: after one failed write sled refuses every other, also when the disk has space again.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        // Sled's own lock is given back with the old one.
        drop(tree.take());
        *tree = Some(open(&self.store)?);
        Ok(())
    }

    fn on<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || sled::Error::Io(io::Error::other("it failed and waits to be opened again"));
        tree.as_ref()
            .map_or_else(|| Err(closed()), ask)
            .map_err(StoreError::index(doing))
    }

    /// The lines of a call.
    pub(crate) fn lines(&self, call: CallId) -> Result<Option<Vec<Place>>, StoreError> {
        let value = self.on("reading", |tree| tree.get(call.to_bytes()))?;
        Ok(value.map(|bytes| {
            let (places, _) = bytes.as_chunks::<{ Place::SIZE }>();
            places
                .iter()
                .map(|&place| Place::from_bytes(place))
                .collect()
        }))
    }

    /// Keeps the lines of calls and hands them to the kernel. After an error nobody knows which are kept; keeping them
    /// again does no harm.
    pub(crate) fn keep<'a>(
        &self,
        calls: impl Iterator<Item = (CallId, &'a [Place])>,
    ) -> Result<(), StoreError> {
        let mut calls = calls.peekable();
        let mut batches = 0u64;
        while calls.peek().is_some() {
            let mut batch = sled::Batch::default();
            for (call, lines) in calls.by_ref().take(BATCH) {
                let bytes: Vec<u8> = lines.iter().flat_map(|place| place.to_bytes()).collect();
                batch.insert(&call.to_bytes(), bytes);
            }
            self.on("writing", |tree| tree.apply_batch(batch))?;
            batches += 1;
            if batches.is_multiple_of(FLUSH_EVERY) {
                self.flush()?;
            }
        }
        self.flush()
    }

    /// Notes that every call before `covered` is kept, once that is so.
    pub(crate) fn cover(&self, covered: &Covered) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(covered)?;
        self.on("writing", |tree| tree.insert(COVERED, bytes))?;
        self.flush()
    }

    /// Up to which checkpoint every call is in here.
    pub(crate) fn covered(&self) -> Result<Option<Covered>, StoreError> {
        let value = self.on("reading", |tree| tree.get(COVERED))?;
        Ok(value.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Hands what was kept to the kernel.
    fn flush(&self) -> Result<(), StoreError> {
        self.on("flushing", |tree| tree.flush().map(|_| ()))
    }
}

fn open(store: &Path) -> Result<sled::Db, StoreError> {
    sled::Config::new()
        .path(folder(store))
        .cache_capacity(CACHE_BYTES)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None)
        .open()
        .map_err(StoreError::index("opening"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Month;
    use crate::store::trial::Script;

    fn line(offset: u64) -> Place {
        Place {
            month: Month(202_611),
            length: 800,
            offset,
        }
    }

    #[test]
    fn more_calls_than_a_batch_holds_are_all_kept_and_survive_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        let count = u64::try_from(2 * BATCH + 1).unwrap();
        let calls: Vec<(CallId, Vec<Place>)> = (0..count)
            .map(|number| (Script::nth(number).id, vec![line(number), line(number + 1)]))
            .collect();
        db.keep(calls.iter().map(|(call, lines)| (*call, lines.as_slice())))
            .unwrap();
        let covered = Covered {
            place: line(7),
            n: 9,
            hash: "ab".repeat(32),
        };
        db.cover(&covered).unwrap();
        for _ in 0..2 {
            for (call, lines) in &calls {
                assert_eq!(db.lines(*call).unwrap().as_ref(), Some(lines));
            }
            assert_eq!(db.lines(Script::nth(count).id).unwrap(), None);
            assert_eq!(db.covered().unwrap(), Some(covered.clone()));
            db.reopen().unwrap();
        }
    }
}
