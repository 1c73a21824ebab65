//! The rows of one month as the bytes of a file, and back. Pure.
//!
//! A file stands for itself: its names, sources, sets of words, callers that are no numbers, notes and worths come before its rows, and
//! none but those that its rows have: what somebody was called once is in no file when no call says it any more.
//! All numbers are little-endian; a text is its length and its UTF-8.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::names::{Name, Source};
use crate::store::row::{Held, Marks, Row};
use crate::store::rows::{NoteKey, Rows};

/// Bytes of a row.
const ROW_SIZE: usize = 64;

/// First bytes of a file: what it is, and the layout of its rows.
const MAGIC: &[u8; 16] = b"ringtag rows 5\r\n";

/// Writes `part` of `all`, the rows of one month.
pub(crate) fn write_rows(part: &[Row], all: &Rows) -> Vec<u8> {
    let mut out = Vec::with_capacity(4_096 + part.len() * ROW_SIZE);
    out.extend_from_slice(MAGIC);
    let names = all.names();
    let used = Used::by(part, all);
    let words = numbered(names.words.list(), &used.words);
    put_count(&mut out, words.things.len());
    for word in &words.things {
        put_text(&mut out, word);
    }
    let sources = numbered(names.sources.list(), &used.sources);
    put_count(&mut out, sources.things.len());
    for source in &sources.things {
        put_names(
            &mut out,
            &source.words().map(|name| words.numbers.get(name)),
        );
    }
    let sets = numbered(names.sets.list(), &used.sets);
    put_count(&mut out, sets.things.len());
    for set in &sets.things {
        put_count(&mut out, set.len());
        let set: Vec<Name> = set.iter().map(|&name| words.numbers.get(name)).collect();
        put_names(&mut out, &set);
    }
    put_callers(&mut out, part, all);
    put_notes(&mut out, part, all);
    put_worths(&mut out, part, all);
    let numbers = [&sources.numbers, &words.numbers, &sets.numbers];
    for row in part {
        put_row(&mut out, row, numbers);
    }
    out
}

/// What the rows of a file name.
#[derive(Default)]
struct Used {
    words: BTreeSet<Name>,
    sources: BTreeSet<Name>,
    sets: BTreeSet<Name>,
}

impl Used {
    fn by(part: &[Row], all: &Rows) -> Self {
        let mut used = Self::default();
        for row in part {
            let [source, words @ .., tags, offered] = row.names();
            used.words.extend(words);
            used.sources.insert(source);
            used.sets.extend([tags, offered]);
        }
        let names = all.names();
        let sources = used.sources.iter().filter_map(|&n| names.sources.get(n));
        used.words.extend(sources.flat_map(|source| source.words()));
        let sets = used.sets.iter().filter_map(|&n| names.sets.get(n));
        used.words.extend(sets.flat_map(|set| set.iter().copied()));
        used
    }
}

/// Things in the order of their numbers in a file, and those numbers by the ones in memory.
struct Numbered<'a, T> {
    things: Vec<&'a T>,
    numbers: Renumbered,
}

/// Numbers anew what is used of `all`, in its order.
fn numbered<'a, T>(all: &'a [T], used: &BTreeSet<Name>) -> Numbered<'a, T> {
    let mut numbers = Renumbered::default();
    let mut things = Vec::new();
    for (thing, n) in all.iter().zip(1..) {
        let is_used = used.contains(&Name(n));
        if is_used {
            things.push(thing);
        }
        let number = u16::try_from(things.len()).map_or(Name::MANY, Name);
        numbers.0.push(if is_used { number } else { Name::MANY });
    }
    Numbered { things, numbers }
}

fn put_callers(out: &mut Vec<u8>, part: &[Row], all: &Rows) {
    let keys: BTreeSet<u64> = part.iter().map(|row| row.caller).collect();
    let callers = keys
        .into_iter()
        .filter_map(|key| Some((key, all.callers().get(&key)?)));
    let callers: Vec<(u64, &Box<str>)> = callers.collect();
    put_count(out, callers.len());
    for (key, text) in callers {
        out.extend_from_slice(&key.to_le_bytes());
        put_text(out, text);
    }
}

fn put_notes(out: &mut Vec<u8>, part: &[Row], all: &Rows) {
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        put_count(out, 0);
        return;
    };
    let notes = all.notes().range((first.id, 0)..=(last.id, u64::MAX));
    let notes: Vec<(NoteKey, &str)> = notes.collect();
    put_count(out, notes.len());
    for ((call, n), text) in notes {
        out.extend_from_slice(&call.to_bytes());
        out.extend_from_slice(&n.to_le_bytes());
        put_text(out, text);
    }
}

fn put_worths(out: &mut Vec<u8>, part: &[Row], all: &Rows) {
    let worths = part
        .iter()
        .filter_map(|row| Some((row.id, all.worths().get(&row.id)?)));
    let worths: Vec<(CallId, &i64)> = worths.collect();
    put_count(out, worths.len());
    for (call, worth) in worths {
        out.extend_from_slice(&call.to_bytes());
        out.extend_from_slice(&worth.to_le_bytes());
    }
}

fn put_row(out: &mut Vec<u8>, row: &Row, [sources, words, sets]: [&Renumbered; 3]) {
    let before = out.len();
    out.extend_from_slice(&row.id.to_bytes());
    out.extend_from_slice(&row.caller.to_le_bytes());
    out.extend_from_slice(&row.started_at.as_millis().to_le_bytes());
    out.extend_from_slice(&row.wait_ms.to_le_bytes());
    out.extend_from_slice(&row.span.to_le_bytes());
    out.extend_from_slice(&row.said.to_le_bytes());
    let [source, own @ .., tags, offered] = row.names();
    put_names(out, &[sources.get(source)]);
    put_names(out, &own.map(|name| words.get(name)));
    put_names(out, &[tags, offered].map(|set| sets.get(set)));
    out.extend_from_slice(&row.marks.0.to_le_bytes());
    out.extend_from_slice(&[row.held.0, row.reason]);
    out.resize(before + ROW_SIZE, 0);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_names(out: &mut Vec<u8>, names: &[Name]) {
    for name in names {
        out.extend_from_slice(&name.0.to_le_bytes());
    }
}

/// From a file's numbers to those in memory, or the other way.
#[derive(Debug)]
struct Renumbered(Vec<Name>);

impl Renumbered {
    fn get(&self, number: Name) -> Name {
        let place = usize::from(number.0);
        self.0.get(place).copied().unwrap_or(Name::MANY)
    }
}

impl Default for Renumbered {
    fn default() -> Self {
        Self(vec![Name::default()])
    }
}

/// Appends a file's rows; `None`: the file is malformed.
pub(crate) fn read_rows(bytes: &[u8], into: &mut Rows) -> Option<()> {
    let mut from = bytes.strip_prefix(MAGIC.as_slice())?;
    let mut words = Renumbered::default();
    for _ in 0..take_count(&mut from)? {
        let word: Arc<str> = take_text(&mut from)?.into();
        words.0.push(into.names_mut().words.number(&word));
    }
    let mut sources = Renumbered::default();
    for _ in 0..take_count(&mut from)? {
        let source = Source::from_words(take_names(&mut from)?.map(|name| words.get(name)));
        sources.0.push(into.names_mut().sources.number(&source));
    }
    let mut sets = Renumbered::default();
    for _ in 0..take_count(&mut from)? {
        let mut set = Vec::new();
        for _ in 0..take_count(&mut from)? {
            let [name] = take_names(&mut from)?;
            set.push(words.get(name));
        }
        set.sort_unstable();
        sets.0
            .push(into.names_mut().sets.number(&set.into_boxed_slice()));
    }
    for _ in 0..take_count(&mut from)? {
        let key = u64::from_le_bytes(take(&mut from)?);
        into.know(key, take_text(&mut from)?);
    }
    for _ in 0..take_count(&mut from)? {
        let call = CallId::from_bytes(take(&mut from)?);
        let n = u64::from_le_bytes(take(&mut from)?);
        into.note((call, n), take_text(&mut from)?);
    }
    for _ in 0..take_count(&mut from)? {
        let call = CallId::from_bytes(take(&mut from)?);
        into.value(call, i64::from_le_bytes(take(&mut from)?));
    }
    let (rows, over) = from.as_chunks::<ROW_SIZE>();
    into.reserve(rows.len());
    for row in rows {
        into.insert(read_row(row, &words, &sources, &sets)?);
    }
    over.is_empty().then_some(())
}

fn read_row(
    mut bytes: &[u8],
    words: &Renumbered,
    sources: &Renumbered,
    sets: &Renumbered,
) -> Option<Row> {
    let from = &mut bytes;
    let id = CallId::from_bytes(take(from)?);
    let caller = u64::from_le_bytes(take(from)?);
    let started_at = WallTime::from_millis(i64::from_le_bytes(take(from)?));
    let wait_ms = u32::from_le_bytes(take(from)?);
    let span = u32::from_le_bytes(take(from)?);
    let said = u32::from_le_bytes(take(from)?);
    let [
        source,
        manager,
        destination,
        goal,
        stage,
        outcome,
        tags,
        offered,
    ] = take_names(from)?;
    Some(Row {
        id,
        caller,
        started_at,
        wait_ms,
        span,
        said,
        source: sources.get(source),
        manager: words.get(manager),
        destination: words.get(destination),
        goal: words.get(goal),
        stage: words.get(stage),
        outcome: words.get(outcome),
        tags: sets.get(tags),
        offered: sets.get(offered),
        marks: Marks(u16::from_le_bytes(take(from)?)),
        held: Held(u8::from_le_bytes(take(from)?)),
        reason: u8::from_le_bytes(take(from)?),
    })
}

fn take_count(from: &mut &[u8]) -> Option<u32> {
    take(from).map(u32::from_le_bytes)
}

fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(take_count(from)?).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    std::str::from_utf8(text).ok()
}

fn take_names<const N: usize>(from: &mut &[u8]) -> Option<[Name; N]> {
    let mut names = [Name::default(); N];
    for name in &mut names {
        *name = Name(u16::from_le_bytes(take(from)?));
    }
    Some(names)
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_anything_is_refused_without_a_panic() {
        for byte in [0, 1, 0xff] {
            for length in 0..300 {
                let mut bytes = MAGIC.to_vec();
                bytes.resize(bytes.len() + length, byte);
                let read = read_rows(&bytes, &mut Rows::default());
                // Six empty tables and rows of zeros are a file.
                let is_file = byte == 0 && length >= 24 && (length - 24) % ROW_SIZE == 0;
                assert_eq!(read.is_some(), is_file, "{length} bytes of {byte}");
            }
        }
    }
}
