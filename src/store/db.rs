//! All of sled: which lines of the log belong to a call. Nothing is known here alone.
//!
//! Kept from the calls' numbers on purpose: sled's files never shrink, so what must be erasable does not go into them.
//! Its `flush` does not fsync on Linux, so each batch says up to which checkpoint of the log it is complete.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::place::Place;

/// Sled's page cache. Its default is 1 GB, which is more than the rest of ringtag needs.
const CACHE_BYTES: u64 = 16 << 20;

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
#[derive(Clone, Debug)]
pub(crate) struct Db {
    tree: sled::Db,
}

/// Where sled's files are.
pub(crate) fn folder(store: &Path) -> PathBuf {
    store.join("index")
}

impl Db {
    /// Opens the index, or makes an empty one.
    pub(crate) fn open(store: &Path) -> Result<Self, StoreError> {
        let tree = sled::Config::new()
            .path(folder(store))
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None)
            .open()
            .map_err(StoreError::index("opening"))?;
        Ok(Self { tree })
    }

    /// The lines of a call.
    pub(crate) fn lines(&self, call: CallId) -> Result<Option<Vec<Place>>, StoreError> {
        let value = self
            .tree
            .get(call.to_bytes())
            .map_err(StoreError::index("reading"))?;
        Ok(value.map(|bytes| {
            let (places, _) = bytes.as_chunks::<{ Place::SIZE }>();
            places
                .iter()
                .map(|&place| Place::from_bytes(place))
                .collect()
        }))
    }

    /// Keeps the lines of calls, all or none.
    pub(crate) fn keep<'a>(
        &self,
        calls: impl Iterator<Item = (CallId, &'a [Place])>,
        covered: Option<&Covered>,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (call, lines) in calls {
            let bytes: Vec<u8> = lines.iter().flat_map(|place| place.to_bytes()).collect();
            batch.insert(&call.to_bytes(), bytes);
        }
        if let Some(covered) = covered {
            batch.insert(COVERED, serde_json::to_vec(covered)?);
        }
        self.tree
            .apply_batch(batch)
            .map_err(StoreError::index("writing"))
    }

    /// Up to which checkpoint every call is in here.
    pub(crate) fn covered(&self) -> Result<Option<Covered>, StoreError> {
        let value = self
            .tree
            .get(COVERED)
            .map_err(StoreError::index("reading"))?;
        Ok(value.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Hands what was kept to the kernel.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.tree
            .flush()
            .map(|_| ())
            .map_err(StoreError::index("flushing"))
    }
}
