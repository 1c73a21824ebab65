//! What people enter that is no call's, as other rooms hand it to the store.

use std::sync::Arc;

use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::event::house::House;
use crate::store::handle::Store;
use crate::store::job::Refusal;
use crate::store::ledger::check::Origin;
use crate::store::ledger::{Change, Ledger, LedgerError, SpentLine, Way};

impl Store {
    /// What was entered that things cost, as it is now. From memory; it stays as it is while it is held.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.0.shared.view().books.ledger()
    }

    /// What calls in memory were caused by, also where the configuration no longer has it.
    pub fn origins(&self) -> Vec<Origin> {
        let view = self.0.shared.view();
        let names = view.rows.names();
        let word = |name| names.words.get(name).map(ToString::to_string);
        let mut all: Vec<Origin> = names
            .sources
            .list()
            .iter()
            .filter_map(|source| {
                Some((
                    word(source.project)?,
                    word(source.tag)?,
                    word(source.campaign),
                    word(source.channel),
                ))
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Enters, corrects and takes out amounts, all of them or none, and waits until they are on the disk. Not for an async
    /// thread.
    ///
    /// # Errors
    /// One is not within its limits, is not there, or was changed by somebody else; or there is no room: nothing
    /// was changed. Or the disk refuses: what was asked for waits in memory, and comes once the disk takes lines again.
    pub fn spend(&self, changes: Vec<Change>, way: Way, by: &str) -> Result<(), LedgerError> {
        let line = SpentLine::new(changes, way, by)?;
        if line.changes.is_empty() {
            return Ok(());
        }
        match self.enter(Event::House(House::Spent(Box::new(line))))? {
            None => Err(LedgerError::Busy),
            Some(Ok(())) => Ok(()),
            Some(Err(Refusal::NoEntry | Refusal::NoCall)) => Err(LedgerError::NoEntry),
            Some(Err(Refusal::Changed | Refusal::Taken)) => Err(LedgerError::Changed),
            Some(Err(Refusal::Full | Refusal::Many)) => Err(LedgerError::Full),
            Some(Err(Refusal::Erased | Refusal::Unread)) => Err(LedgerError::Busy),
        }
    }

    /// Enters something into the books and waits until it is on the disk, or is refused; `None`: too much is being said at
    /// once.
    pub(crate) fn enter(&self, event: Event) -> Result<Option<Result<(), Refusal>>, StoreError> {
        let (answer, said) = crossbeam_channel::bounded(1);
        let mut speech = self.speech(None, event);
        speech.answer = Some(answer);
        if !self.send(speech)? {
            return Ok(None);
        }
        self.wait(&said).map(Some)
    }
}
