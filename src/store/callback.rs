//! Whom nobody has called back yet: a missed call waits until a later call of the same caller in its project is answered.
//! Kept up call by call, so that no list looks into the past. Pure.
//!
//! What a person says of it stands in the row besides ([`Row::awaits_callback`]).

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::base::id::CallId;
use crate::base::map::Map;
use crate::base::map::keyed;
use crate::base::time::WallTime;
use crate::store::event::Event;
use crate::store::names::Name;
use crate::store::row::Row;
use crate::store::rows::Rows;

/// A caller within a project.
type Key = (u64, Name);

/// Callers that nobody spoke to.
#[derive(Debug)]
pub(crate) struct Callbacks {
    /// Missed calls that wait, by caller, in the order of their ids but for those that ended late.
    waiting: Map<Key, SmallVec<[CallId; 2]>>,
    /// Callers with calls in progress.
    busy: Map<Key, Busy>,
}

/// A caller while calls of it are in progress.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    calls: u32,
    /// The newest of its calls that somebody answered meanwhile, and when.
    reached: Option<(CallId, WallTime)>,
}

impl Callbacks {
    /// Finds out of all rows who waits. `key` is 64 bits of chance.
    pub(crate) fn new(rows: &mut Rows, key: u64) -> Self {
        let mut places: Map<Key, SmallVec<[u32; 2]>> = keyed(key);
        let mut busy: Map<Key, Busy> = keyed(key);
        for place in 0..rows.list().len() {
            let Some((row, key)) = rows
                .list()
                .get(place)
                .and_then(|row| Some((*row, key_of(rows, row)?)))
            else {
                continue;
            };
            if row.is_in_progress() {
                busy.entry(key).or_default().calls += 1;
            }
            if row.is_answered() {
                let at = row.waited_until();
                for place in places.remove(&key).unwrap_or_default() {
                    let missed = usize::try_from(place).ok();
                    if let Some(missed) = missed.and_then(|place| rows.list_mut().get_mut(place)) {
                        close(missed, at);
                    }
                }
                if let Some(busy) = busy.get_mut(&key) {
                    busy.reached = Some((row.id, at));
                }
            } else if row.is_missed() {
                if let Some(missed) = rows.list_mut().get_mut(place) {
                    missed.span = 0;
                }
                // Past 4 billion rows memory has ended long before.
                places
                    .entry(key)
                    .or_default()
                    .extend(u32::try_from(place).ok());
            }
        }
        let mut waiting: Map<Key, SmallVec<[CallId; 2]>> = keyed(key);
        waiting.reserve(places.len());
        for (key, places) in places {
            let ids = places.into_iter().filter_map(|place| {
                let row = rows.list().get(usize::try_from(place).ok()?)?;
                Some(row.id)
            });
            waiting.insert(key, ids.collect());
        }
        Self { waiting, busy }
    }

    /// Takes in an event that the rows have taken in.
    pub(crate) fn apply(&mut self, rows: &mut Rows, call: CallId, at: WallTime, event: &Event) {
        if let Event::Erased(_) = event {
            self.forget(rows);
            return;
        }
        let Some((row, key)) = rows
            .get(call)
            .and_then(|row| Some((*row, key_of(rows, row)?)))
        else {
            return;
        };
        if let Event::Began(_) = event {
            self.busy.entry(key).or_default().calls += 1;
        } else if let Event::Answered(_) = event {
            self.answered(rows, key, call, at);
        } else if let Event::Ended(_) = event {
            self.ended(rows, key, &row);
        }
    }

    fn answered(&mut self, rows: &mut Rows, key: Key, call: CallId, at: WallTime) {
        if let Some(busy) = self.busy.get_mut(&key)
            && busy.reached.is_none_or(|(other, _)| other < call)
        {
            busy.reached = Some((call, at));
        }
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return;
        };
        // One that began later than the call that was answered has not been spoken of in it.
        waiting.retain(|missed| {
            let is_later = *missed > call;
            if !is_later && let Some(row) = rows.get_mut(*missed) {
                close(row, at);
            }
            is_later
        });
        if waiting.is_empty() {
            self.waiting.remove(&key);
        }
    }

    fn ended(&mut self, rows: &mut Rows, key: Key, row: &Row) {
        let mut reached = None;
        if let Some(busy) = self.busy.get_mut(&key) {
            reached = busy.reached.filter(|&(call, _)| call > row.id);
            busy.calls = busy.calls.saturating_sub(1);
            if busy.calls == 0 {
                self.busy.remove(&key);
            }
        }
        if !row.is_missed() {
            return;
        }
        match reached {
            Some((_, at)) => {
                if let Some(row) = rows.get_mut(row.id) {
                    close(row, at);
                }
            }
            None => {
                let waiting = self.waiting.entry(key).or_default();
                if !waiting.contains(&row.id) {
                    waiting.push(row.id);
                }
            }
        }
    }

    /// Forgets calls whose person was erased.
    fn forget(&mut self, rows: &Rows) {
        self.waiting.retain(|_, waiting| {
            waiting.retain(|&mut call| !rows.is_erased(call));
            !waiting.is_empty()
        });
    }
}

/// Who a tracked call is of; `None`: nobody knows.
fn key_of(rows: &Rows, row: &Row) -> Option<Key> {
    let caller = row.caller().filter(|_| row.is_tracked())?;
    let source = rows.names().sources.get(row.source)?;
    Some((caller, source.project))
}

/// Notes in a missed call's row that its caller was spoken to at `at`.
fn close(row: &mut Row, at: WallTime) {
    let after_ms = at
        .as_millis()
        .saturating_sub(row.waited_until().as_millis());
    let after_s = u32::try_from(after_ms.max(0) / 1_000).unwrap_or(u32::MAX);
    row.span = after_s.saturating_add(1);
}

/// When the caller of a missed call was spoken to after all, to the second.
pub(crate) fn reached_at(row: &Row) -> Option<WallTime> {
    let after_s = row.span.checked_sub(1).filter(|_| row.is_missed())?;
    let end_ms = row.waited_until().as_millis();
    Some(WallTime::from_millis(end_ms + i64::from(after_s) * 1_000))
}
