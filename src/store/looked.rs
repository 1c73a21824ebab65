//! Records of calls that many look at at once, read once for all of them: those in progress, and those that changed a moment ago.
//!
//! What is kept is never older than what is synced: a record stands for the lines that its call had when it was read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::place::Place;
use crate::store::record::CallRecord;
use crate::store::shared::Shared;

/// Calls that have begun and not ended, the oldest first.
pub type OpenCalls = Arc<[Arc<CallRecord>]>;

/// Most records kept of what was looked at lately: a busy minute's calls, 4 MB.
const RECENT_MAX: usize = 1_024;

/// What was read for those who look on.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    open: Mutex<Open>,
    recent: Mutex<Recent>,
}

/// The calls in progress as they stood at a line.
#[derive(Debug, Default)]
struct Open {
    /// The last line that was synced then.
    end: Option<Place>,
    calls: BTreeMap<CallId, Known>,
    list: OpenCalls,
}

#[derive(Debug, Default)]
struct Recent {
    calls: BTreeMap<CallId, Known>,
    /// The line of the last erasure that was heeded: what was read before may be of a person who is gone.
    forgotten: u64,
}

/// A record, and how many lines it was made of. A call gets more of them and loses none.
#[derive(Clone, Debug)]
struct Known {
    lines: usize,
    record: Arc<CallRecord>,
}

impl Looked {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept, without what an erasure took back.
    fn recent(&self, forgotten: u64) -> MutexGuard<'_, Recent> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if forgotten > recent.forgotten {
            recent.forgotten = forgotten;
            recent.calls.clear();
        }
        recent
    }
}

impl Shared {
    /// The tracked calls that have begun and not ended. One who asks reads what changed, the others wait for that and share it.
    pub(crate) fn open_calls(&self) -> Result<OpenCalls, StoreError> {
        let mut open = self.looked.open();
        let (end, calls) = {
            let view = self.view();
            if open.end.is_some() && open.end == view.end {
                return Ok(Arc::clone(&open.list));
            }
            let calls = view.in_progress().into_iter().filter_map(|call| {
                view.rows.project(call)?;
                Some((call, view.lines(call)?.len()))
            });
            (view.end, calls.collect::<Vec<_>>())
        };
        let mut known = BTreeMap::new();
        for (call, lines) in calls {
            let before = open.calls.get(&call).filter(|known| known.lines == lines);
            let read = match before {
                Some(before) => Some(before.clone()),
                None => match self.call(call) {
                    // It may have got another line meanwhile; then it is read once more than it has to be.
                    Ok(record) => record.map(|record| Known {
                        lines,
                        record: Arc::new(record),
                    }),
                    Err(error @ StoreError::Damaged { .. }) => {
                        tracing::error!(%call, %error, "a call in progress is left out of a list");
                        None
                    }
                    Err(error) => return Err(error),
                },
            };
            known.extend(read.map(|read| (call, read)));
        }
        open.list = known
            .values()
            .map(|known| Arc::clone(&known.record))
            .collect();
        open.calls = known;
        open.end = end;
        Ok(Arc::clone(&open.list))
    }

    /// One record, for those who look at what changed: the first of them reads it.
    pub(crate) fn look_at(&self, call: CallId) -> Result<Option<Arc<CallRecord>>, StoreError> {
        let forgotten = self.ring.forgotten();
        let Some(lines) = self.lines(call)? else {
            return Ok(None);
        };
        let lines = lines.len();
        if let Some(known) = self.looked.recent(forgotten).calls.get(&call)
            && known.lines == lines
        {
            return Ok(Some(Arc::clone(&known.record)));
        }
        let Some(record) = self.call(call)?.map(Arc::new) else {
            return Ok(None);
        };
        // What becomes of a missed call stands in another's lines.
        let is_whole = record.callback.is_none();
        let mut recent = self.looked.recent(self.ring.forgotten());
        // While somebody is erased nobody knows what was read.
        if is_whole && recent.forgotten == forgotten {
            if recent.calls.len() >= RECENT_MAX {
                recent.calls.clear();
            }
            let record = Arc::clone(&record);
            recent.calls.insert(call, Known { lines, record });
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::number::Caller;
    use crate::store::handle::Store;
    use crate::store::say::Say;
    use crate::store::trial::{CALLER, Place, Script};

    fn ids(calls: &OpenCalls) -> Vec<CallId> {
        calls.iter().map(|call| call.id).collect()
    }

    fn said(store: &Store, call: CallId) {
        let say = Say {
            outcome: Some(Some("sold".into())),
            ..Say::default()
        };
        store.say(call, say, "anna", None).unwrap();
    }

    #[test]
    fn calls_in_progress_are_read_once_until_something_happens_to_them() {
        let place = Place::new();
        let (store, _) = place.open();
        let (one, two) = (Script::nth(1), Script::nth(2));
        store.tell(one.began());
        store.tell(two.began());
        store.sync().unwrap();
        let first = store.open_calls().unwrap();
        assert_eq!(ids(&first), [one.id, two.id]);
        assert!(Arc::ptr_eq(&first, &store.open_calls().unwrap()));
        store.tell(two.answered());
        store.sync().unwrap();
        let second = store.open_calls().unwrap();
        assert!(Arc::ptr_eq(&first[0], &second[0]), "nothing happened to it");
        assert!(!first[1].answered && second[1].answered);
        store.tell(one.missed());
        store.sync().unwrap();
        assert_eq!(ids(&store.open_calls().unwrap()), [two.id]);
    }

    #[test]
    fn who_looks_at_a_call_sees_all_that_is_synced_and_nothing_of_a_person_who_is_erased() {
        let place = Place::new();
        let (store, _) = place.open();
        let call = Script::nth(1);
        place.play(&store, &call);
        store.sync().unwrap();
        let first = store.look_at(call.id).unwrap().unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &store.look_at(call.id).unwrap().unwrap()
        ));
        said(&store, call.id);
        let second = store.look_at(call.id).unwrap().unwrap();
        assert_eq!(second.outcome.as_deref(), Some("sold"));
        assert_eq!(store.erase(Caller::from_record(CALLER)).unwrap().calls, 1);
        let third = store.look_at(call.id).unwrap().unwrap();
        assert_eq!(third.caller, None);
        assert_eq!(store.look_at(Script::nth(9).id).unwrap(), None);
    }

    #[test]
    fn a_missed_call_is_seen_as_called_back_at_once() {
        let place = Place::new();
        let (store, _) = place.open();
        let (missed, answered) = (Script::nth(1), Script::nth(2));
        store.tell(missed.began());
        store.tell(missed.missed());
        store.sync().unwrap();
        assert!(store.look_at(missed.id).unwrap().unwrap().awaits_callback());
        store.tell(answered.began());
        store.tell(answered.answered());
        store.sync().unwrap();
        assert!(!store.look_at(missed.id).unwrap().unwrap().awaits_callback());
    }
}
