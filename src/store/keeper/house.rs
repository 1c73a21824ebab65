//! What the store's thread does beside writing: index, checkpoints, what is left to be removed, what was lost.

use std::time::Duration;

use crate::base::time::Moment;
use crate::store::db::Covered;
use crate::store::erase;
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::event::upkeep::{Checkpoint, Lost, Upkeep};
use crate::store::handle::Erased;
use crate::store::keeper::Keeper;

/// Calls go into the index in batches: of so many, or after [`INDEX_AFTER`].
const INDEX_BATCH: usize = 256;

/// How long a finished call waits for company on its way into the index.
pub(super) const INDEX_AFTER: Duration = Duration::from_secs(1);

/// How often an index, a checkpoint or a removal that failed is tried again.
const MEND_AFTER: Duration = Duration::from_secs(30);

/// How often calls are looked for whose recording's hash does not come.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Bytes of log between two checkpoints: what a start has to replay, about 25,000 events in a fifth of a second.
const CHECKPOINT_EVERY: u64 = 16 << 20;

impl Keeper {
    /// Does what is due beside writing: lost events said, rests removed, index and checkpoint kept up.
    pub(super) fn keep_house(&mut self) {
        self.say_lost();
        let now = self.shared.clock.now();
        if now - self.swept_at >= SWEEP_EVERY {
            self.swept_at = now;
            self.shared.view_mut().settle_late(self.shared.clock.wall());
            self.tell_head();
        }
        self.remove_rest(now);
        if self
            .failed_at
            .is_some_and(|failed_at| now - failed_at < MEND_AFTER)
        {
            return;
        }
        let kept = self.mend().and_then(|()| self.keep_up(now));
        match kept {
            Ok(()) => {
                if self.failed_at.take().is_some() {
                    tracing::info!("the index takes finished calls again");
                }
            }
            Err(error) => {
                if self.failed_at.is_none() {
                    tracing::error!(%error, "finished calls wait in memory, and a start will replay more");
                }
                self.failed_at = Some(now);
            }
        }
    }

    /// Goes on with what an erasure or a deletion could not do.
    fn remove_rest(&mut self, now: Moment) {
        let is_waiting = self
            .stuck_at
            .is_some_and(|stuck_at| now - stuck_at < MEND_AFTER);
        if is_waiting || self.left.is_empty() {
            return;
        }
        let done = erase::finish(self, &mut Erased::default());
        // An error is said there.
        let _tried_again_later = self.removed(done).is_err();
    }

    /// Notes whether what was to be removed is gone. Where the disk refused it is tried again, but not before whoever asked for
    /// it has seen why.
    pub(super) fn removed<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match &done {
            Ok(_) if self.left.is_empty() => {
                if self.stuck_at.take().is_some() {
                    tracing::info!("what was to be erased is gone now");
                }
            }
            // Somebody who never called was asked for.
            Ok(_) => {}
            Err(error) => {
                if self.stuck_at.is_none() {
                    tracing::error!(%error, "what was to be erased is still there; it is tried again, and by the next start");
                }
                self.stuck_at = Some(self.shared.clock.now());
            }
        }
        done
    }

    pub(super) fn mend(&self) -> Result<(), StoreError> {
        if self.failed_at.is_some() {
            self.shared.db.reopen()
        } else {
            Ok(())
        }
    }

    /// Index and checkpoint, when it is time.
    fn keep_up(&mut self, now: Moment) -> Result<(), StoreError> {
        let settled = self.shared.view().settled().len();
        if settled >= INDEX_BATCH || (settled > 0 && now - self.indexed_at >= INDEX_AFTER) {
            self.indexed_at = now;
            self.index()?;
        }
        // A checkpoint fails while something is left to be removed, which is said and tried again elsewhere.
        let is_due = self.since_checkpoint >= CHECKPOINT_EVERY || self.owes_rows;
        if is_due && self.left.is_empty() {
            self.checkpoint(false)?;
        }
        Ok(())
    }

    /// Once a day, so that it can be noted down where nobody who holds this disk can change it.
    fn tell_head(&mut self) {
        let day = self.shared.clock.wall().as_millis().div_euclid(86_400_000);
        if day != self.day {
            self.day = day;
            let head = self.log.head();
            tracing::info!(
                n = head.n,
                hash = hex::encode(head.hash),
                "head of the call log"
            );
        }
    }

    /// Says in the log how many events found no room, once it takes lines again.
    pub(super) fn say_lost(&mut self) {
        let (lost, since) = self.shared.lost();
        if lost > self.lost_said {
            self.say(
                None,
                Event::Upkeep(Upkeep::Lost(Lost {
                    events: lost - self.lost_said,
                    since,
                })),
            );
            self.lost_said = lost;
            self.commit_patiently();
        }
    }

    /// Puts finished calls into the index. The view lets go of them when sled has handed them to the kernel, not before: an
    /// index that has to be opened again has forgotten the rest.
    fn index(&self) -> Result<(), StoreError> {
        // The lock is only shared here: readers go on while sled writes.
        self.shared.db.keep(self.shared.view().settled())?;
        self.shared.view_mut().indexed();
        Ok(())
    }

    /// Leaves a line from which a start may replay, with the index and, when it is time or `is_thorough`, the rows'
    /// files behind it.
    ///
    /// # Errors
    /// The disk refuses, or something that lines before it say is gone cannot be removed: a start would not look for it
    /// behind the checkpoint.
    pub(crate) fn checkpoint(&mut self, is_thorough: bool) -> Result<(), StoreError> {
        // A line told earlier must not come out between the look at what is left and the checkpoint's own.
        self.commit()?;
        erase::finish(self, &mut Erased::default())?;
        self.shared.view_mut().settle_late(self.shared.clock.wall());
        self.index()?;
        let checkpoint = {
            let view = self.shared.view();
            Checkpoint {
                open: view.open_calls(),
                tokens: view.tokens.list().to_vec(),
                exports: view.exports.list().to_vec(),
            }
        };
        self.say(None, Event::Upkeep(Upkeep::Checkpoint(checkpoint)));
        self.commit()?;
        let Some(place) = self.last else {
            return Ok(());
        };
        let head = self.log.head();
        let covered = Covered {
            place,
            n: head.n,
            hash: hex::encode(head.hash),
        };
        self.shared.db.cover(&covered)?;
        self.since_checkpoint = 0;
        let rows = u64::try_from(size_of_val(self.shared.view().rows.list())).unwrap_or(0);
        // Writing the rows costs their size, replaying costs the log's: four to one keeps both small.
        if is_thorough || self.owes_rows || self.since_snapshot >= CHECKPOINT_EVERY.max(4 * rows) {
            let changed = &self.changed;
            let view = self.shared.view();
            self.snapshots
                .save(&view.rows, &view.books, covered, |month| {
                    changed.contains(&month)
                })?;
            drop(view);
            self.changed.clear();
            self.owes_rows = false;
            self.since_snapshot = 0;
        }
        Ok(())
    }
}
