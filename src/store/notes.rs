//! What people wrote, in lower case, in one piece of memory, so that a text is looked for in all notes at once. Pure.
//!
//! A note that goes is written over with zeros, which no note holds and no text that is looked for may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

use memchr::memmem::Finder;

use crate::base::id::CallId;

/// A note of a call: 0 is the call's own, the others the lines that pinned them.
pub(crate) type NoteKey = (CallId, u64);

/// Bytes that may be lost to notes that are gone before all are moved together.
const LOST_MAX: usize = 1 << 20;

/// All notes.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// One after the other, each with a zero behind it.
    text: Vec<u8>,
    /// Where each begins and how long it is.
    places: BTreeMap<NoteKey, (usize, usize)>,
    /// By where they begin, also those that are gone.
    order: Vec<(usize, CallId)>,
    /// Bytes of those.
    lost: usize,
}

impl Notes {
    /// Keeps a note, which is in lower case, in the place of another of the same key.
    pub(crate) fn insert(&mut self, key: NoteKey, note: &str) {
        self.remove(key);
        let start = self.text.len();
        self.text.extend(note.bytes().filter(|&byte| byte != 0));
        let length = self.text.len() - start;
        self.text.push(0);
        self.places.insert(key, (start, length));
        self.order.push((start, key.0));
    }

    /// Forgets a note.
    pub(crate) fn remove(&mut self, key: NoteKey) {
        let Some((start, length)) = self.places.remove(&key) else {
            return;
        };
        if let Some(bytes) = self.text.get_mut(start..start + length) {
            bytes.fill(0);
        }
        self.lost += length + 1;
        if self.lost > LOST_MAX.max(self.text.len() / 2) {
            self.gather();
        }
    }

    /// Forgets all notes of a call.
    pub(crate) fn remove_all(&mut self, call: CallId) {
        let keys = self.places.range((call, 0)..=(call, u64::MAX));
        let keys: Vec<NoteKey> = keys.map(|(&key, _)| key).collect();
        for key in keys {
            self.remove(key);
        }
    }

    /// The calls in whose notes `text` occurs; it is in lower case.
    pub(crate) fn with(&self, text: &str) -> BTreeSet<CallId> {
        if text.contains('\0') {
            return BTreeSet::new();
        }
        if text.is_empty() {
            return self.places.keys().map(|&(call, _)| call).collect();
        }
        let call = |found: usize| {
            let next = self.order.partition_point(|&(start, _)| start <= found);
            self.order.get(next.checked_sub(1)?).map(|&(_, call)| call)
        };
        Finder::new(text)
            .find_iter(&self.text)
            .filter_map(call)
            .collect()
    }

    /// The notes of some calls, in the order of their keys.
    pub(crate) fn range(
        &self,
        keys: impl RangeBounds<NoteKey>,
    ) -> impl Iterator<Item = (NoteKey, &str)> {
        self.places
            .range(keys)
            .filter_map(|(&key, &(start, length))| {
                let bytes = self.text.get(start..start + length)?;
                Some((key, std::str::from_utf8(bytes).ok()?))
            })
    }

    /// Moves those that are left together.
    fn gather(&mut self) {
        let mut gathered = Self::default();
        for (key, note) in self.range(..) {
            gathered.insert(key, note);
        }
        *self = gathered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trial::Script;

    #[test]
    fn a_text_is_found_in_the_notes_that_hold_it_and_not_across_two() {
        let call = |number| Script::nth(number).id;
        let mut notes = Notes::default();
        notes.insert((call(1), 0), "wants the red one");
        notes.insert((call(2), 0), "the blue");
        notes.insert((call(2), 7), "red herring");
        notes.insert((call(3), 0), "ждёт red");
        let with = |notes: &Notes, text: &str| notes.with(text).into_iter().collect::<Vec<_>>();
        assert_eq!(with(&notes, "red"), [call(1), call(2), call(3)]);
        assert_eq!(with(&notes, "onethe"), []);
        assert_eq!(with(&notes, "one\0the"), []);
        assert_eq!(with(&notes, ""), [call(1), call(2), call(3)]);
        notes.insert((call(1), 0), "nothing");
        notes.remove((call(2), 7));
        assert_eq!(with(&notes, "red"), [call(3)]);
        notes.remove_all(call(3));
        assert_eq!(with(&notes, "ждёт"), []);
        assert!(memchr::memmem::find(&notes.text, "red".as_bytes()).is_none());
    }

    #[test]
    fn what_is_gone_gives_its_room_back() {
        let mut notes = Notes::default();
        let long = "x".repeat(1_000);
        for number in 0..5_000u64 {
            notes.insert((Script::nth(number % 3).id, 0), &long);
        }
        assert!(notes.text.len() < 2 * LOST_MAX, "{}", notes.text.len());
        assert_eq!(notes.range(..).count(), 3);
        assert!(notes.range(..).all(|(_, note)| note == long));
    }
}
