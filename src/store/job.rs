//! What the store's thread is asked, and what there is to write.

use crossbeam_channel::Sender;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::{Moment, WallTime};
use crate::call::story::What;
use crate::recording::command::{Kept, Outcome};
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::handle::Erased;

/// What the store's thread is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write this.
    Tell(Told),
    /// Write what somebody says, unless it may not be said.
    Speak(Speech),
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
    pub(crate) what: Telling,
}

/// What somebody says, of a call or of the house.
#[derive(Debug)]
pub(crate) struct Speech {
    pub(crate) call: Option<CallId>,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) event: Event,
    /// The version of the record that the speaker saw.
    pub(crate) if_version: Option<u64>,
    /// Is told when the line is synced, or why there is none; `None`: nobody waits.
    pub(crate) answer: Option<Sender<Verdict>>,
}

/// Whether something may be said.
pub(crate) type Verdict = Result<(), Refusal>;

/// Why something may not be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such call.
    NoCall,
    /// Somebody said something since.
    Changed,
    /// The person who called was erased.
    Erased,
    /// As much was said of the call as may be.
    Full,
    /// A token has this name already.
    Taken,
    /// There are as many tokens as there may be.
    Many,
    /// There is no such entry in the books.
    NoEntry,
    /// How much was said cannot be read just now.
    Unread,
}

/// What there is to write of a call.
#[derive(Debug)]
pub(crate) enum Telling {
    /// From the call itself.
    Fact(What),
    /// From the recorder.
    Recorded(Box<Outcome>),
    /// From the recorder's hashing thread.
    Hashed(Kept),
}

impl From<Telling> for Event {
    fn from(telling: Telling) -> Self {
        match telling {
            Telling::Fact(what) => Self::from(what),
            Telling::Recorded(outcome) => Self::Recorded(Box::new((*outcome).into())),
            Telling::Hashed(kept) => Self::Hashed(kept.into()),
        }
    }
}
