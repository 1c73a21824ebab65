//! Past calls as rows know them, in the order in which they began: for who tries other rules on them. Reads no file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::store::Store;
use crate::store::caller::number_of;
use crate::store::filter::ID_SLACK_MS;
use crate::store::query::Query;
use crate::store::row::Row;
use crate::store::rows::Rows;

/// Rows looked at under one hold of the lock, some milliseconds at most, so that the store's thread never waits long.
const CHUNK: usize = 65_536;

/// A call that was.
#[derive(Clone, Copy, Debug)]
pub struct Past<'r> {
    /// Its id.
    pub id: CallId,
    /// When it began.
    pub at: WallTime,
    /// Who called.
    pub caller: PastCaller<'r>,
    /// What names the caller among others; `None`: nobody.
    pub(crate) key: Option<u64>,
    /// The virtual number that was dialled, as records write it; `None`: there were too many to keep.
    pub number: Option<&'r str>,
    /// Its project then.
    pub project: Option<&'r Arc<str>>,
    /// The rule that decided.
    pub rule: Option<&'r Arc<str>>,
    /// Whether it counted.
    pub is_tracked: bool,
    /// The manager who answered, and when.
    pub answered: Option<(&'r Arc<str>, WallTime)>,
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastCaller<'r> {
    /// A telephone number.
    Number(Number),
    /// What is no number.
    Other(&'r str),
    /// Somebody who hid.
    Hidden,
    /// Somebody whom nobody may know any more, or of whom too little is kept.
    Unknown,
}

impl PastCaller<'_> {
    /// As a caller; `None`: nobody knows.
    pub fn caller(self) -> Option<Caller> {
        match self {
            Self::Number(number) => Some(Caller::Number(number)),
            Self::Other(text) => Some(Caller::Other(text.into())),
            Self::Hidden => Some(Caller::Anonymous),
            Self::Unknown => None,
        }
    }
}

impl Store {
    /// Shows each call that began before `until`, the oldest first, tracked or not.
    pub fn past(&self, until: WallTime, mut each: impl FnMut(Past<'_>)) {
        let mut last: Option<CallId> = None;
        loop {
            let view = self.shared().view();
            let list = view.rows.list();
            let from = last.map_or(0, |last| list.partition_point(|row| row.id <= last));
            let chunk = list.get(from..).unwrap_or_default();
            let chunk = chunk.get(..CHUNK).unwrap_or(chunk);
            for row in chunk.iter().filter(|row| row.started_at < until) {
                each(past(&view.rows, row));
            }
            match chunk.last() {
                Some(row) => last = Some(row.id),
                None => return,
            }
        }
    }
}

/// Calls that a rule decided on a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The virtual number.
    pub number: Arc<str>,
    /// The rule; `None`: no rule held.
    pub rule: Option<Arc<str>>,
    /// So many.
    pub calls: u64,
}

impl Store {
    /// How many tracked calls that began between `since` and `until` each rule decided on each number; those in progress are
    /// among them once that is known.
    pub fn decided(&self, since: WallTime, until: WallTime) -> Vec<Decided> {
        let query = Query {
            since: Some(since),
            until: Some(until),
            ..Query::default()
        };
        // A number of a source stands for its number and its rule, so calls are counted without a look at a name.
        let mut counts: Vec<u64> = Vec::new();
        self.scan(&query, |row, _| {
            let place = usize::from(row.source.0);
            if counts.len() <= place {
                counts.resize(place + 1, 0);
            }
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        });
        let view = self.shared().view();
        let names = view.rows.names();
        let counted = names.sources.list().iter().zip(counts.iter().skip(1));
        let decided = counted.filter(|(_, calls)| **calls > 0);
        decided
            .filter_map(|(source, calls)| {
                Some(Decided {
                    number: Arc::clone(names.words.get(source.virtual_number)?),
                    rule: names.words.get(source.rule).cloned(),
                    calls: *calls,
                })
            })
            .collect()
    }
}

impl Store {
    /// How many calls that began between `since` and `until` left no trace in lists and reports, by project.
    pub fn untracked(&self, since: WallTime, until: WallTime) -> BTreeMap<Arc<str>, u64> {
        let mut counts = BTreeMap::new();
        let slack =
            |at: WallTime, ms: i64| WallTime::from_millis(at.as_millis().saturating_add(ms));
        let (first, last) = (slack(since, -ID_SLACK_MS), slack(until, ID_SLACK_MS));
        let mut seen: Option<CallId> = None;
        loop {
            let view = self.shared().view();
            let list = view.rows.list();
            let from = match seen {
                Some(seen) => list.partition_point(|row| row.id <= seen),
                None => list.partition_point(|row| row.id.began() < first),
            };
            let end = list.partition_point(|row| row.id.began() < last);
            let chunk = list.get(from..end.min(from.saturating_add(CHUNK)));
            let chunk = chunk.unwrap_or_default();
            let Some(newest) = chunk.last() else {
                return counts;
            };
            seen = Some(newest.id);
            let untracked = chunk.iter().filter(|row| !row.is_tracked());
            for row in untracked.filter(|row| since <= row.started_at && row.started_at < until) {
                if let Some(project) = view.rows.project_of(row) {
                    *counts.entry(Arc::clone(project)).or_default() += 1;
                }
            }
        }
    }
}

/// A row in words.
pub(crate) fn past<'r>(rows: &'r Rows, row: &Row) -> Past<'r> {
    let names = rows.names();
    let source = names.sources.get(row.source);
    let word = |name| names.words.get(name);
    let answered = word(row.manager).filter(|_| row.is_answered());
    Past {
        id: row.id,
        at: row.started_at,
        caller: match row.caller() {
            None if row.is_erased() => PastCaller::Unknown,
            None => PastCaller::Hidden,
            Some(key) => match (number_of(key), rows.callers().get(&key)) {
                (Some(number), _) => PastCaller::Number(number),
                (None, Some(text)) => PastCaller::Other(text),
                (None, None) => PastCaller::Unknown,
            },
        },
        key: row.caller(),
        number: source
            .and_then(|source| word(source.virtual_number))
            .map(|word| &**word),
        project: source.and_then(|source| word(source.project)),
        rule: source.and_then(|source| word(source.rule)),
        is_tracked: row.is_tracked(),
        answered: answered.map(|manager| (manager, row.waited_until())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::story::What;
    use crate::store::trial::{CALLER, MORNING, Place, Script, after, began};

    #[test]
    fn past_calls_are_shown_oldest_first_with_who_answered_and_the_untracked_among_them() {
        let place = Place::new();
        let (store, _) = place.open();
        let (answered, missed, quiet) = (Script::nth(1), Script::nth(2), Script::nth(3));
        place.play(&store, &answered);
        for told in [missed.began(), missed.ringing(), missed.missed()] {
            store.tell(told);
        }
        let mut untracked = began(Caller::Anonymous);
        untracked.tracked = false;
        store.tell(quiet.fact(0, What::Began(Box::new(untracked))));
        store.sync().unwrap();
        let mut seen = Vec::new();
        store.past(after(86_400), |past| {
            let manager = past
                .answered
                .map(|(manager, at)| (manager.to_string(), at > past.at));
            let caller = past.caller.caller().unwrap().to_string();
            seen.push((past.id, caller, past.is_tracked, manager));
        });
        assert_eq!(seen.len(), 3);
        let manager = Some((seen[0].3.clone().unwrap().0, true));
        assert_eq!(seen[0], (answered.id, CALLER.to_owned(), true, manager));
        assert_eq!((seen[1].0, &seen[1].3), (missed.id, &None));
        assert_eq!(
            (seen[2].0, seen[2].1.as_str(), seen[2].2),
            (quiet.id, "anonymous", false)
        );
        let mut count = 0;
        store.past(answered.at, |_| count += 1);
        assert_eq!(count, 0, "none began before the first");
        let project = store.untracked(MORNING, after(86_400));
        assert_eq!(project.values().sum::<u64>(), 1);
        assert_eq!(store.untracked(after(86_400), after(90_000)).len(), 0);
        let decided = store.decided(MORNING, after(86_400));
        let calls: u64 = decided.iter().map(|decided| decided.calls).sum();
        assert_eq!(calls, 2, "{decided:?}");
    }
}
