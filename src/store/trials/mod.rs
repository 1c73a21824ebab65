//! Trials of the whole store: what was told is there, whatever happens to the process, the disk and the files.

use std::thread;
use std::time::Duration;

use crate::store::handle::Store;
use crate::store::query::Query;
use crate::store::verify::Verdict;

mod books;
mod damage;
mod disk;
mod erase;
mod read;
mod remade;
mod retention;
mod start;
mod untracked;

fn all() -> Query {
    Query {
        limit: Some(1_000),
        ..Query::default()
    }
}

fn is_whole(store: &Store) -> bool {
    matches!(store.verify().unwrap(), Verdict::Whole { .. })
}

/// Waits until `true`, with a deadline far beyond what it should take.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("never came: {what}");
}
