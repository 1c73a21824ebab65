//! The ledger in memory: every entry with its versions, made of the log's lines alone. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::EntryId;
use crate::base::time::WallTime;
use crate::store::job::{Refusal, Verdict};
use crate::store::ledger::{
    Change, ENTRIES_MAX, Entry, Item, REMOVED_MAX, SpentLine, VERSIONS_MAX, Version,
};

/// All that was entered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Item>", into = "Vec<Item>")]
pub struct Ledger {
    items: BTreeMap<EntryId, Item>,
    /// Those that were taken out, by the line that did so.
    removed: BTreeMap<(u64, EntryId), ()>,
}

impl From<Vec<Item>> for Ledger {
    fn from(items: Vec<Item>) -> Self {
        let gone = items.iter().filter(|item| item.now().is_none());
        Self {
            removed: gone.map(|item| ((item.version(), item.id), ())).collect(),
            items: items.into_iter().map(|item| (item.id, item)).collect(),
        }
    }
}

impl From<Ledger> for Vec<Item> {
    fn from(ledger: Ledger) -> Self {
        ledger.items.into_values().collect()
    }
}

impl Ledger {
    /// Every entry, also those that were taken out, in the order in which they were made.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// The amounts in force.
    pub fn entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.items()
            .filter_map(|item| item.now().map(|now| (item.id, now)))
    }

    /// One of them.
    pub fn get(&self, id: EntryId) -> Option<&Item> {
        self.items.get(&id)
    }

    /// How many amounts are in force.
    pub fn len(&self) -> usize {
        self.items.len() - self.removed.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in what a line says.
    pub(crate) fn apply(&mut self, n: u64, at: WallTime, line: &SpentLine) {
        for change in &line.changes {
            self.change(n, at, line, change);
        }
        while self.removed.len() > REMOVED_MAX
            && let Some(((_, id), ())) = self.removed.pop_first()
        {
            self.items.remove(&id);
        }
    }

    fn change(&mut self, n: u64, at: WallTime, line: &SpentLine, change: &Change) {
        let Change { id, replaces, now } = change;
        let version = Version {
            n,
            at,
            by: line.by.clone(),
            way: line.way,
            now: now.clone(),
        };
        let item = match (self.items.get_mut(id), replaces) {
            // What is taken out stays so.
            (Some(item), Some(seen)) if item.now().is_some() && item.version() == *seen => item,
            (None, None) if now.is_some() => self.items.entry(*id).or_insert(Item {
                id: *id,
                versions: Vec::new(),
            }),
            // The thread that writes lines does not write these; a log that was put together by hand may have them.
            (Some(_) | None, _) => return,
        };
        item.versions.push(version);
        if now.is_none() {
            self.removed.insert((n, *id), ());
        }
    }

    /// Whether the changes may be made, after those of `waiting`, which are not yet applied.
    pub(crate) fn judge<'a>(
        &self,
        line: &SpentLine,
        waiting: impl Iterator<Item = &'a SpentLine> + Clone,
    ) -> Verdict {
        let new = |line: &SpentLine| {
            let new = line.changes.iter().filter(|new| new.replaces.is_none());
            new.count()
        };
        let coming: usize = waiting.clone().map(new).sum();
        if self.len() + coming + new(line) > ENTRIES_MAX {
            return Err(Refusal::Full);
        }
        let mut before: Vec<EntryId> = waiting
            .flat_map(|line| line.changes.iter().map(|change| change.id))
            .collect();
        before.sort_unstable();
        let mut own: Vec<EntryId> = line.changes.iter().map(|change| change.id).collect();
        own.sort_unstable();
        if own.windows(2).any(|two| two.first() == two.last()) {
            return Err(Refusal::Changed);
        }
        for Change { id, replaces, now } in &line.changes {
            let is_waiting = before.binary_search(id).is_ok();
            match (self.items.get(id), replaces) {
                (None, None) if !is_waiting && now.is_some() => {}
                (None, _) => return Err(Refusal::NoEntry),
                (Some(item), _) if item.now().is_none() => return Err(Refusal::NoEntry),
                (Some(item), Some(seen)) if !is_waiting && item.version() == *seen => {
                    // One that is full can still be taken out.
                    if now.is_some() && item.versions.len() >= VERSIONS_MAX {
                        return Err(Refusal::Full);
                    }
                }
                (Some(_), _) => return Err(Refusal::Changed),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::base::chance::Chance;
    use crate::store::ledger::Way;
    use crate::store::ledger::tests::entry;
    use crate::store::trial::MORNING;

    fn id(number: u64) -> EntryId {
        EntryId::new(MORNING, &mut Chance::from_number(number))
    }

    fn line(number: u64, replaces: Option<u64>, hundredths: Option<i64>) -> SpentLine {
        SpentLine {
            by: "anna".into(),
            way: Way::Hand,
            changes: vec![Change {
                id: id(number),
                replaces,
                now: hundredths.map(|hundredths| entry("spring", hundredths)),
            }],
        }
    }

    fn judge(ledger: &Ledger, line: &SpentLine) -> Verdict {
        ledger.judge(line, iter::empty())
    }

    #[test]
    fn a_correction_and_a_removal_leave_what_was_before_to_be_read() {
        let mut ledger = Ledger::default();
        for (n, line) in [
            (5, line(1, None, Some(100))),
            (9, line(1, Some(5), Some(200))),
            (12, line(1, Some(9), None)),
        ] {
            assert_eq!(judge(&ledger, &line), Ok(()));
            ledger.apply(n, MORNING, &line);
        }
        assert!(ledger.is_empty() && ledger.entries().next().is_none());
        let item = ledger.get(id(1)).unwrap();
        let was: Vec<_> = item
            .versions
            .iter()
            .map(|version| (version.n, version.now.as_ref().map(|now| now.hundredths)))
            .collect();
        assert_eq!(was, [(5, Some(100)), (9, Some(200)), (12, None)]);
        assert_eq!(item.last().unwrap().hundredths, 200);
        let again = line(1, Some(12), Some(1));
        assert_eq!(judge(&ledger, &again), Err(Refusal::NoEntry));
        let before = ledger.clone();
        ledger.apply(13, MORNING, &again);
        assert_eq!(ledger, before);
    }

    #[test]
    fn the_second_of_two_who_correct_at_once_is_told() {
        let mut ledger = Ledger::default();
        let first = line(1, None, Some(100));
        ledger.apply(5, MORNING, &first);
        let change = line(1, Some(5), Some(200));
        let waiting = iter::once(&change);
        assert_eq!(ledger.judge(&change, waiting), Err(Refusal::Changed));
        ledger.apply(6, MORNING, &change);
        assert_eq!(judge(&ledger, &change), Err(Refusal::Changed));
        assert_eq!(
            judge(&ledger, &line(2, Some(6), None)),
            Err(Refusal::NoEntry)
        );
        assert_eq!(judge(&ledger, &first), Err(Refusal::Changed));
        let mut twice = line(3, None, Some(1));
        twice.changes.extend(line(3, None, Some(2)).changes);
        assert_eq!(judge(&ledger, &twice), Err(Refusal::Changed));
    }

    #[test]
    fn there_is_an_end_to_amounts_versions_and_what_is_remembered_of_those_taken_out() {
        let mut ledger = Ledger::default();
        for number in 0..u64::try_from(ENTRIES_MAX).unwrap() {
            ledger.apply(number + 1, MORNING, &line(number, None, Some(1)));
        }
        assert_eq!(ledger.len(), ENTRIES_MAX);
        let more = line(99_999, None, Some(1));
        assert_eq!(judge(&ledger, &more), Err(Refusal::Full));
        let mut n = 100_000;
        for _ in 1..VERSIONS_MAX {
            let seen = ledger.get(id(0)).unwrap().version();
            ledger.apply(n, MORNING, &line(0, Some(seen), Some(2)));
            n += 1;
        }
        let once_more = line(0, Some(n - 1), Some(3));
        assert_eq!(judge(&ledger, &once_more), Err(Refusal::Full));
        assert_eq!(judge(&ledger, &line(0, Some(n - 1), None)), Ok(()));
        for number in 1..=u64::try_from(REMOVED_MAX).unwrap() + 5 {
            ledger.apply(n + number, MORNING, &line(number, Some(number + 1), None));
        }
        assert!(ledger.get(id(5)).is_none());
        assert!(ledger.get(id(6)).is_some_and(|item| item.now().is_none()));
        assert_eq!(ledger.len(), ENTRIES_MAX - REMOVED_MAX - 5);
    }

    #[test]
    fn a_ledger_reads_back() {
        let mut ledger = Ledger::default();
        ledger.apply(1, MORNING, &line(1, None, Some(1)));
        ledger.apply(2, MORNING, &line(2, None, Some(1)));
        ledger.apply(3, MORNING, &line(2, Some(2), None));
        let text = serde_json::to_string(&ledger).unwrap();
        let again: Ledger = serde_json::from_str(&text).unwrap();
        assert_eq!(again, ledger);
        assert_eq!(again.len(), 1);
    }
}
