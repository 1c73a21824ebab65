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
use crate::store::pack;
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

/// Pieces in one batch of sled's: as many bytes as [`BATCH`] calls and their overhead.
const PIECE_BATCH: usize = 4;

/// The key of [`Covered`]. Calls' keys have 16 bytes.
const COVERED: &[u8] = b"covered";

/// The tree of what was made in one go: pieces of [`pack`], each under the first id in it. A call that got lines since stands
/// in the other tree with all of them.
const PIECES: &[u8] = b"pieces";

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
    trees: RwLock<Option<Trees>>,
}

#[derive(Debug)]
struct Trees {
    calls: sled::Db,
    pieces: sled::Tree,
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
            trees: RwLock::new(Some(open(store)?)),
        })
    }

    /// Opens the index again: after one failed write sled refuses every other, also when the disk has space again.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        let mut trees = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        // Sled's own lock is given back with the old one.
        drop(trees.take());
        *trees = Some(open(&self.store)?);
        Ok(())
    }

    fn on<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Trees) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || sled::Error::Io(io::Error::other("it failed and waits to be opened again"));
        trees
            .as_ref()
            .map_or_else(|| Err(closed()), ask)
            .map_err(StoreError::index(doing))
    }

    /// The lines of a call.
    pub(crate) fn lines(&self, call: CallId) -> Result<Option<Vec<Place>>, StoreError> {
        let key = call.to_bytes();
        if let Some(bytes) = self.on("reading", |trees| trees.calls.get(key))? {
            let (places, _) = bytes.as_chunks::<{ Place::SIZE }>();
            let places = places.iter().map(|&place| Place::from_bytes(place));
            return Ok(Some(places.collect()));
        }
        let piece = self.on("reading", |trees| {
            trees.pieces.range(..=key).next_back().transpose()
        })?;
        Ok(piece.and_then(|(_, piece)| pack::find(&piece, call)))
    }

    /// Keeps pieces of [`pack`], each under the first id in it, in an index that has none.
    pub(crate) fn keep_pieces(
        &self,
        pieces: impl Iterator<Item = (CallId, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let mut pieces = pieces.peekable();
        while pieces.peek().is_some() {
            let mut batch = sled::Batch::default();
            for (first, piece) in pieces.by_ref().take(PIECE_BATCH) {
                batch.insert(&first.to_bytes(), piece);
            }
            self.on("writing", |trees| trees.pieces.apply_batch(batch))?;
            self.flush()?;
        }
        self.flush()
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
            self.on("writing", |trees| trees.calls.apply_batch(batch))?;
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
        self.on("writing", |trees| trees.calls.insert(COVERED, bytes))?;
        self.flush()
    }

    /// Up to which checkpoint every call is in here.
    pub(crate) fn covered(&self) -> Result<Option<Covered>, StoreError> {
        let value = self.on("reading", |trees| trees.calls.get(COVERED))?;
        Ok(value.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Hands what was kept to the kernel.
    fn flush(&self) -> Result<(), StoreError> {
        self.on("flushing", |trees| trees.calls.flush().map(|_| ()))
    }
}

fn open(store: &Path) -> Result<Trees, StoreError> {
    let config = sled::Config::new()
        .path(folder(store))
        .cache_capacity(CACHE_BYTES)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None);
    let trees = config.open().and_then(|calls| {
        let pieces = calls.open_tree(PIECES)?;
        Ok(Trees { calls, pieces })
    });
    trees.map_err(StoreError::index("opening"))
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
    fn calls_of_pieces_are_found_and_one_that_was_kept_since_is_that_one() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        let call = |number| Script::nth(number).id;
        let pieces = (0..20u64).map(|piece| {
            let mut packed = Vec::new();
            for number in [20 * piece + 10, 20 * piece + 12] {
                pack::put(&mut packed, call(number), &[line(number)]);
            }
            (call(20 * piece + 10), packed)
        });
        db.keep_pieces(pieces).unwrap();
        let since = [line(70), line(9_000)];
        db.keep([(call(70), since.as_slice())].into_iter()).unwrap();
        for _ in 0..2 {
            for number in [10, 12, 30, 392] {
                assert_eq!(db.lines(call(number)).unwrap(), Some(vec![line(number)]));
            }
            assert_eq!(db.lines(call(70)).unwrap(), Some(since.to_vec()));
            for number in [1, 11, 29, 400] {
                assert_eq!(db.lines(call(number)).unwrap(), None, "{number}");
            }
            db.reopen().unwrap();
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
