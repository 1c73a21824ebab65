//! Texts in lower case, each of something, in few pieces of memory, so that a text is looked for in all of them at once.
//!
//! Whoever looks takes the pieces along ([`Texts::haystack`]) and keeps nobody from changing them meanwhile. A text that goes
//! is written over with zeros, which no text holds and nothing that is looked for may hold. Pure.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use memchr::memmem::Finder;

/// Bytes of one piece. While somebody looks a change copies one, which takes some 20 us.
const PIECE: usize = 256 << 10;

/// Bytes that may be lost to texts that are gone before all are moved together.
const LOST_MAX: usize = 1 << 20;

/// All texts, by what they are of.
#[derive(Debug)]
pub(crate) struct Texts<K> {
    pieces: Vec<Arc<Piece<K>>>,
    places: BTreeMap<K, Place>,
    /// Bytes of those that are gone, and of all.
    lost: usize,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Piece<K> {
    /// One after the other, each with a zero behind it.
    text: Vec<u8>,
    /// By where they begin, also those that are gone.
    order: Vec<(usize, K)>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    piece: usize,
    start: usize,
    length: usize,
}

/// The texts as they were at some moment.
#[derive(Debug)]
pub(crate) struct Haystack<K>(Vec<Arc<Piece<K>>>);

impl<K> Default for Texts<K> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            places: BTreeMap::new(),
            lost: 0,
            bytes: 0,
        }
    }
}

impl<K: Copy + Ord> Texts<K> {
    /// Keeps a text, which is in lower case, in the place of another of the same key.
    pub(crate) fn insert(&mut self, key: K, text: &str) {
        self.remove(key);
        let is_full = |piece: &Arc<Piece<K>>| piece.text.len() + text.len() >= PIECE;
        if self.pieces.last().is_none_or(is_full) {
            self.pieces.push(Arc::new(Piece {
                text: Vec::new(),
                order: Vec::new(),
            }));
        }
        let number = self.pieces.len() - 1;
        let Some(piece) = self.pieces.last_mut().map(Arc::make_mut) else {
            return;
        };
        let start = piece.text.len();
        piece.text.extend(text.bytes().filter(|&byte| byte != 0));
        let length = piece.text.len() - start;
        piece.text.push(0);
        piece.order.push((start, key));
        self.bytes += length + 1;
        let place = Place {
            piece: number,
            start,
            length,
        };
        self.places.insert(key, place);
    }

    /// Forgets a text.
    pub(crate) fn remove(&mut self, key: K) {
        let Some(place) = self.places.remove(&key) else {
            return;
        };
        let piece = self.pieces.get_mut(place.piece).map(Arc::make_mut);
        let bytes =
            piece.and_then(|piece| piece.text.get_mut(place.start..)?.get_mut(..place.length));
        if let Some(bytes) = bytes {
            bytes.fill(0);
        }
        self.lost += place.length + 1;
        if self.lost > LOST_MAX.max(self.bytes / 2) {
            self.gather();
        }
    }

    /// Forgets the texts of several keys.
    pub(crate) fn remove_all(&mut self, keys: impl RangeBounds<K>) {
        let keys: Vec<K> = self.places.range(keys).map(|(&key, _)| key).collect();
        for key in keys {
            self.remove(key);
        }
    }

    /// The texts of some keys, in the order of those.
    pub(crate) fn range(&self, keys: impl RangeBounds<K>) -> impl Iterator<Item = (K, &str)> {
        self.places.range(keys).filter_map(|(&key, place)| {
            let piece = self.pieces.get(place.piece)?;
            let bytes = piece.text.get(place.start..)?.get(..place.length)?;
            Some((key, std::str::from_utf8(bytes).ok()?))
        })
    }

    /// All texts, to be looked through while they change here. Copies nothing of them.
    pub(crate) fn haystack(&self) -> Haystack<K> {
        Haystack(self.pieces.clone())
    }

    /// Moves those that are left together.
    fn gather(&mut self) {
        let mut gathered = Self::default();
        for (key, text) in self.range(..) {
            gathered.insert(key, text);
        }
        *self = gathered;
    }
}

impl<K: Copy> Haystack<K> {
    /// Hands the keys of the texts in which `text` occurs to `found`; it is in lower case and not empty.
    pub(crate) fn find(&self, text: &str, mut found: impl FnMut(K)) {
        if text.is_empty() || text.contains('\0') {
            return;
        }
        let finder = Finder::new(text);
        for piece in &self.0 {
            let mut order = piece.order.iter().peekable();
            let mut from = 0;
            while let Some(at) = piece.text.get(from..).and_then(|rest| finder.find(rest)) {
                let at = from + at;
                let mut key = None;
                while let Some((_, this)) = order.next_if(|(start, _)| *start <= at) {
                    key = Some(*this);
                }
                key.into_iter().for_each(&mut found);
                // One occurrence is enough of each.
                match order.peek() {
                    Some((next, _)) => from = *next,
                    None => break,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(texts: &Texts<(u32, u64)>, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        texts.haystack().find(text, |(of, _)| found.push(of));
        found.sort_unstable();
        found
    }

    #[test]
    fn a_text_is_found_in_those_that_hold_it_once_each_and_not_across_two() {
        let mut texts = Texts::default();
        texts.insert((1, 0), "wants the red one, or another red one");
        texts.insert((2, 0), "the blue");
        texts.insert((2, 7), "red herring");
        texts.insert((3, 0), "ждёт red");
        assert_eq!(with(&texts, "red"), [1, 2, 3]);
        assert_eq!(with(&texts, "onethe"), [0; 0]);
        assert_eq!(with(&texts, "one\0the"), [0; 0]);
        texts.insert((1, 0), "nothing");
        texts.remove((2, 7));
        assert_eq!(with(&texts, "red"), [3]);
        texts.remove_all((3, 0)..=(3, u64::MAX));
        assert_eq!(with(&texts, "ждёт"), [0; 0]);
        assert_eq!(with(&texts, "e"), [2]);
        let is_held = |piece: &Arc<Piece<_>>| memchr::memmem::find(&piece.text, b"red").is_some();
        assert!(!texts.pieces.iter().any(is_held));
    }

    #[test]
    fn whoever_looks_sees_what_was_there_and_keeps_nobody_from_changing_it() {
        let mut texts = Texts::default();
        for number in 0..20_000 {
            texts.insert((number, 0), &format!("note number {number} of many"));
        }
        assert!(texts.pieces.len() > 1);
        let before = texts.haystack();
        texts.remove((7, 0));
        texts.insert((8, 0), "another");
        texts.insert((20_000, 0), "note number 20000");
        let mut found = 0;
        before.find("note number", |_| found += 1);
        assert_eq!(found, 20_000);
        assert_eq!(with(&texts, "note number").len(), 19_999);
        assert_eq!(with(&texts, "number 12345 of"), [12_345]);
    }

    #[test]
    fn what_is_gone_gives_its_room_back() {
        let mut texts = Texts::default();
        let long = "x".repeat(1_000);
        for number in 0..5_000u32 {
            texts.insert((number % 3, 0), &long);
        }
        let bytes: usize = texts.pieces.iter().map(|piece| piece.text.len()).sum();
        assert!(bytes < 2 * LOST_MAX, "{bytes}");
        assert_eq!(texts.range(..).count(), 3);
        assert!(texts.range(..).all(|(_, text)| text == long));
    }
}
