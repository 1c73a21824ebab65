//! What the store's thread is asked, and what there is to write.

use crossbeam_channel::Sender;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::{Moment, WallTime};
use crate::call::story::What;
use crate::recording::command::Outcome;
use crate::store::error::StoreError;
use crate::store::event::{Event, Hashed, Played};
use crate::store::handle::Erased;

/// What the store's thread is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write this.
    Tell(Told),
    /// Answer when everything before this is synced.
    Sync(Sender<()>),
    /// Remove a person.
    Erase(Caller, Sender<Result<Erased, StoreError>>),
    /// Delete recordings whose time is over.
    Prune(Vec<(CallId, String)>, Sender<Result<u64, StoreError>>),
    /// Write and sync what was told, leave a checkpoint, and end.
    Stop,
}

/// Something to write.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) call: CallId,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) what: News,
}

/// What there is to write of a call.
#[derive(Debug)]
pub(crate) enum News {
    /// From the call itself.
    Fact(What),
    /// From the recorder.
    Recorded(Box<Outcome>),
    /// From the recorder's hashing thread.
    Hashed(String),
    /// From the pages: somebody listened.
    Played(String),
}

impl From<News> for Event {
    fn from(news: News) -> Self {
        match news {
            News::Fact(what) => Self::from(what),
            News::Recorded(outcome) => Self::Recorded(Box::new((*outcome).into())),
            News::Hashed(sha256) => Self::Hashed(Hashed { sha256 }),
            News::Played(by) => Self::Played(Played { by }),
        }
    }
}
