//! What can go wrong with the store, who is at fault, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store.
    #[error(
        "the store in {} is in use by another ringtag; stop it, or ask it (its control socket is in that folder)",
        folder.display()
    )]
    Busy {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The disk or its permissions.
    #[error("{doing} {}: {source}; look at the disk's space and at who owns the folder", path.display())]
    Disk {
        /// What was being done: `writing`, `making the folder`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of the log that is not what was written.
    #[error("{}, line {line}: {why}; `ringtag verify` checks the whole log", file.display())]
    Damaged {
        /// The month.
        file: PathBuf,
        /// Its line, from 1; 0 where only the place in bytes is known.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The index over the log, which can be deleted.
    #[error(
        "{doing} the index: {source}; it holds nothing of its own: `ringtag reindex` makes it again"
    )]
    Index {
        /// What was being done.
        doing: &'static str,
        /// What sled said.
        source: Box<sled::Error>,
    },
    /// The disk does not take what was told; it is kept in memory and tried again every second.
    #[error("the call log cannot be written: {0}")]
    Refused(String),
    /// What the server that has the store said to a command.
    #[error("{0}")]
    Told(String),
    /// The store's own thread is gone: it is being shut down.
    #[error("the store is shut down")]
    Stopped,
    /// A record cannot be written as JSON. Never seen; kept as an error because records come from strangers' packets.
    #[error("writing an event as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The random source.
    #[error("asking the operating system for randomness: {0}")]
    Chance(getrandom::Error),
}

impl StoreError {
    /// Makes the closure that names what was being done to `path`, for `map_err`.
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Disk {
            doing,
            path,
            source,
        }
    }

    /// Makes the closure that names what was being done to the index, for `map_err`.
    pub(crate) fn index(doing: &'static str) -> impl FnOnce(sled::Error) -> Self {
        move |source| Self::Index {
            doing,
            source: Box::new(source),
        }
    }
}
