//! Saved reports and their letters, as other rooms hand them to the store.

use std::sync::Arc;

use crate::store::error::StoreError;
use crate::store::event::house::House;
use crate::store::event::{Event, Parts};
use crate::store::handle::Store;
use crate::store::job::Refusal;
use crate::store::saved::shelf::Shelf;
use crate::store::saved::{Asked, Deed, Mailed, SavedError, SavedLine, SavedPersonal, SavedReport};
use crate::store::say::clean_by;

impl Store {
    /// The saved reports with what was sent of them, as it is now. From memory; it stays as it is while it is held.
    pub fn saved(&self) -> Arc<Shelf> {
        self.0.shared.view().books.saved()
    }

    /// Saves a report, in the place of the one that has its id, and waits until that is on the disk. Not for an async thread.
    ///
    /// # Errors
    /// It is too large, there are too many, or the disk refuses.
    pub fn save_report(&self, report: SavedReport, by: &str) -> Result<(), SavedError> {
        let line = report.line(clean_by(by))?;
        self.shelve(line)
    }

    /// Removes a saved report and waits until that is on the disk. Not for an async thread.
    ///
    /// # Errors
    /// There is none of this id, or the disk refuses.
    pub fn remove_saved(&self, id: &str, by: &str) -> Result<(), SavedError> {
        self.shelve(Parts {
            public: SavedLine {
                by: clean_by(by),
                deed: Deed::Removed { report: id.into() },
            },
            pii: None,
        })
    }

    /// Asks for a letter and waits until that is on the disk. Not for an async thread.
    ///
    /// # Errors
    /// There is no such report, too many letters of it are on their way, or the disk refuses.
    pub fn ask_letter(&self, asked: Asked) -> Result<(), SavedError> {
        let by = clean_by(&asked.by);
        self.shelve(Asked { by, ..asked }.line())
    }

    /// Says what became of a letter, and waits until that is on the disk: before the next one is tried. Not for an async thread.
    ///
    /// # Errors
    /// The disk refuses, or too much is said at once.
    pub fn mailed(&self, mailed: Mailed) -> Result<(), StoreError> {
        let event = Event::House(House::Mailed(Box::new(mailed.line())));
        match self.enter(event)? {
            Some(Ok(())) => Ok(()),
            // Nothing that is said of letters is refused but for want of room.
            Some(Err(_)) | None => {
                Err(StoreError::Refused("too much is being said at once".into()))
            }
        }
    }

    fn shelve(&self, line: Parts<SavedLine, SavedPersonal>) -> Result<(), SavedError> {
        match self.enter(Event::House(House::SavedReport(Box::new(line))))? {
            None => Err(SavedError::Busy),
            Some(Ok(())) => Ok(()),
            Some(Err(Refusal::Many)) => Err(SavedError::Many),
            Some(Err(Refusal::Full)) => Err(SavedError::Full),
            Some(Err(Refusal::NoEntry | Refusal::NoCall)) => Err(SavedError::Gone),
            Some(Err(Refusal::Changed | Refusal::Taken | Refusal::Erased | Refusal::Unread)) => {
                Err(SavedError::Busy)
            }
        }
    }
}
