//! Rows: one fixed-width row a call, in memory. Lists and reports scan them. Pure.
//!
//! A row holds what lists filter by, with names as small numbers; the whole record is read from the log. What has no
//! fixed width and is searched all the same stands beside the rows: callers that are no numbers, and notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::FinishReason;
use crate::store::caller::{NOBODY, caller_key};
use crate::store::event::{Began, BeganPersonal, Ended, Event, Parts};
use crate::store::names::{Name, Names};
use crate::store::remark::Kind;
use crate::store::spoken::{SaidLine, SaidPersonal};
use crate::store::texts::Texts;

/// Most callers that are no numbers whose text is kept: the telephones of a large house. Of others the record is read.
pub(crate) const TEXTS_MAX: usize = 65_536;

/// A note of a call: 0 is the call's own, the others the lines that pinned them.
pub(crate) type NoteKey = (CallId, u64);

/// One call. 64 bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: CallId,
    pub(crate) caller: u64,
    pub(crate) started_at: WallTime,
    pub(crate) wait_ms: u32,
    /// Milliseconds of talk where somebody answered. Where it was missed: in how many seconds after its end the caller
    /// was spoken to after all, plus 1; 0: not yet.
    pub(crate) span: u32,
    /// The number of the last line in which somebody said something of it; 0: nobody did.
    pub(crate) said: u32,
    pub(crate) source: Name,
    pub(crate) manager: Name,
    pub(crate) virtual_number: Name,
    pub(crate) destination: Name,
    pub(crate) goal: Name,
    pub(crate) stage: Name,
    pub(crate) outcome: Name,
    pub(crate) tags: Name,
    pub(crate) marks: Marks,
    /// What a person has said something of, so that no machine changes it.
    pub(crate) held: Held,
    /// Place in [`FinishReason::ALL`] plus 1; 0: in progress.
    pub(crate) reason: u8,
}

const _: () = assert!(size_of::<Row>() == 64, "a million calls are to be 64 MB");

/// What is true of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub(crate) u16);

impl Marks {
    const TRACKED: u16 = 1;
    const ANSWERED: u16 = 1 << 1;
    const MISSED: u16 = 1 << 2;
    const ERASED: u16 = 1 << 3;
    const RECORDED: u16 = 1 << 4;
    const FIRST: u16 = 1 << 5;
    const REPEATED: u16 = 1 << 6;
    const TARGET: u16 = 1 << 7;
    const NO_TARGET: u16 = 1 << 8;
    const CALLED_BACK: u16 = 1 << 9;

    fn set(&mut self, bit: u16, on: bool) {
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// Fields that a person has spoken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held(pub(crate) u8);

impl Held {
    const TAGS: u8 = 1;
    const TARGET: u8 = 1 << 1;
    const GOAL: u8 = 1 << 2;
    const STAGE: u8 = 1 << 3;
    const OUTCOME: u8 = 1 << 4;
    const NOTE: u8 = 1 << 5;
    const CALLED_BACK: u8 = 1 << 6;

    /// Whether somebody of this kind may change the field; a person holds it from then on.
    fn take(&mut self, field: u8, kind: Kind) -> bool {
        match kind {
            Kind::Person => self.0 |= field,
            Kind::Machine => return self.0 & field == 0,
        }
        true
    }
}

impl Row {
    /// Whether lists show it.
    pub(crate) const fn is_tracked(&self) -> bool {
        self.marks.has(Marks::TRACKED)
    }

    /// Whether somebody answered.
    pub(crate) const fn is_answered(&self) -> bool {
        self.marks.has(Marks::ANSWERED)
    }

    /// Whether nobody did, though it was not rejected.
    pub(crate) const fn is_missed(&self) -> bool {
        self.marks.has(Marks::MISSED)
    }

    /// Whether the person who called was erased.
    pub(crate) const fn is_erased(&self) -> bool {
        self.marks.has(Marks::ERASED)
    }

    /// Whether it has a recording.
    pub(crate) const fn is_recorded(&self) -> bool {
        self.marks.has(Marks::RECORDED)
    }

    /// Whether it has not ended.
    pub(crate) const fn is_in_progress(&self) -> bool {
        self.reason == 0
    }

    /// Whether it was missed and nobody has spoken to the caller since.
    pub(crate) const fn awaits_callback(&self) -> bool {
        self.is_missed()
            && self.span == 0
            && !self.marks.has(Marks::CALLED_BACK)
            && !self.is_erased()
    }

    /// Whether the caller had called before; `None`: nobody knows, it hides.
    pub(crate) const fn is_repeated(&self) -> Option<bool> {
        match (
            self.marks.has(Marks::REPEATED),
            self.marks.has(Marks::FIRST),
        ) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Whether people say it was one of those that the advertising is for.
    pub(crate) const fn is_target(&self) -> Option<bool> {
        match (
            self.marks.has(Marks::TARGET),
            self.marks.has(Marks::NO_TARGET),
        ) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Why it ended.
    pub(crate) fn finish_reason(&self) -> Option<FinishReason> {
        FinishReason::ALL
            .get(usize::from(self.reason).checked_sub(1)?)
            .copied()
    }

    /// Its names, in the order of the rows' files; the first is a source, the last a set of tags.
    pub(crate) const fn names(&self) -> [Name; 8] {
        [
            self.source,
            self.manager,
            self.virtual_number,
            self.destination,
            self.goal,
            self.stage,
            self.outcome,
            self.tags,
        ]
    }

    /// The caller, where it is somebody.
    pub(crate) fn caller(&self) -> Option<u64> {
        (self.caller != NOBODY).then_some(self.caller)
    }

    /// When somebody answered or the call ended.
    pub(crate) fn waited_until(&self) -> WallTime {
        WallTime::from_millis(self.started_at.as_millis() + i64::from(self.wait_ms))
    }
}

/// All calls, by id and so by time.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    list: Vec<Row>,
    names: Names,
    /// Callers that are no numbers, by their keys.
    callers: BTreeMap<u64, Box<str>>,
    /// The same in lower case.
    lower: Texts<u64>,
    /// What people wrote, in lower case.
    notes: Texts<NoteKey>,
}

impl Rows {
    /// All rows, the oldest first.
    pub(crate) fn list(&self) -> &[Row] {
        &self.list
    }

    /// All rows, to be changed in their places.
    pub(crate) fn list_mut(&mut self) -> &mut [Row] {
        &mut self.list
    }

    /// The names in them.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The names, for reading rows from a file.
    pub(crate) fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Callers that are no numbers.
    pub(crate) fn callers(&self) -> &BTreeMap<u64, Box<str>> {
        &self.callers
    }

    /// Callers that are no numbers, in lower case.
    pub(crate) fn lower(&self) -> &Texts<u64> {
        &self.lower
    }

    /// What people wrote.
    pub(crate) fn notes(&self) -> &Texts<NoteKey> {
        &self.notes
    }

    /// Makes room for `more` rows.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.list.reserve(more);
    }

    /// Whether the person of a call was erased.
    pub(crate) fn is_erased(&self, id: CallId) -> bool {
        self.get(id).is_some_and(Row::is_erased)
    }

    /// The row of a call.
    pub(crate) fn get(&self, id: CallId) -> Option<&Row> {
        let place = self.find(id).ok()?;
        self.list.get(place)
    }

    /// The row of a call, to be changed.
    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut Row> {
        let place = self.find(id).ok()?;
        self.list.get_mut(place)
    }

    /// The project of a call that lists show.
    pub(crate) fn project(&self, id: CallId) -> Option<&Arc<str>> {
        let row = self.get(id).filter(|row| row.is_tracked())?;
        self.project_of(row)
    }

    /// The project of a row.
    pub(crate) fn project_of(&self, row: &Row) -> Option<&Arc<str>> {
        let source = self.names.sources.get(row.source)?;
        self.names.words.get(source.project)
    }

    /// Takes in an event of a call. Taking it in twice changes nothing, so a replay may begin anywhere.
    pub(crate) fn apply(&mut self, id: CallId, n: u64, at: WallTime, event: &Event) {
        match event {
            Event::Began(parts) => self.began(id, at, parts),
            Event::Answered(parts) => {
                let manager = self.names.words.optional(parts.public.manager.as_ref());
                let destination = self.names.word(Some(&parts.public.destination));
                if let Some(row) = self.get_mut(id) {
                    row.manager = manager;
                    row.destination = destination;
                    row.marks.set(Marks::ANSWERED, true);
                    row.wait_ms = clamp(at.as_millis().saturating_sub(row.started_at.as_millis()));
                }
            }
            Event::Ended(parts) => self.ended(id, &parts.public),
            Event::Erased(erased) => erased.calls.iter().for_each(|&id| self.erased(id)),
            Event::Recorded(_) | Event::Pruned(_) => {
                if let Some(row) = self.get_mut(id) {
                    let is_there = matches!(event, Event::Recorded(_)) && !row.is_erased();
                    row.marks.set(Marks::RECORDED, is_there);
                }
            }
            Event::Said(parts) => {
                self.spoke(id, n);
                self.said(id, parts);
            }
            Event::Pinned(parts) => {
                self.spoke(id, n);
                if let Some(pii) = &parts.pii {
                    self.write((id, n), &pii.text);
                }
            }
            Event::Unpinned(gone) => {
                self.spoke(id, n);
                self.notes.remove((id, gone.id));
            }
            Event::Ringing
            | Event::Transferred(_)
            | Event::Hashed(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::Exported(_)
            | Event::TokenMade(_)
            | Event::TokenRevoked(_)
            | Event::Started(_)
            | Event::Opened(_)
            | Event::Checkpoint(_)
            | Event::Lost(_)
            | Event::Unknown => {}
        }
    }

    /// Puts a row in its place; it replaces one with the same id.
    pub(crate) fn insert(&mut self, row: Row) {
        match self.find(row.id) {
            Ok(place) => {
                if let Some(old) = self.list.get_mut(place) {
                    *old = row;
                }
            }
            // Calls begin in the order of their ids, so this is the end, or a few rows before it.
            Err(place) => self.list.insert(place, row),
        }
    }

    /// Knows a caller that is no number.
    pub(crate) fn know(&mut self, key: u64, text: &str) {
        if self.callers.len() < TEXTS_MAX && !self.callers.contains_key(&key) {
            self.callers.insert(key, text.into());
            self.lower.insert(key, &text.to_lowercase());
        }
    }

    /// Knows what somebody wrote, which is in lower case already.
    pub(crate) fn note(&mut self, key: NoteKey, text: &str) {
        self.notes.insert(key, text);
    }

    fn write(&mut self, key: NoteKey, text: &str) {
        self.note(key, &text.to_lowercase());
    }

    fn began(&mut self, id: CallId, at: WallTime, parts: &Parts<Began, BeganPersonal>) {
        let said = &parts.public;
        let caller = parts.pii.as_ref().map(|pii| &pii.caller);
        let is_hidden = caller == Some(&Caller::Anonymous);
        let mut marks = Marks::default();
        marks.set(Marks::TRACKED, said.tracked);
        marks.set(Marks::ERASED, parts.pii.is_none());
        marks.set(Marks::REPEATED, said.prior_calls > 0);
        marks.set(Marks::FIRST, said.prior_calls == 0 && !is_hidden);
        let key = caller.and_then(caller_key).unwrap_or(NOBODY);
        if let Some(Caller::Other(text)) = caller {
            self.know(key, text);
        }
        let virtual_number = said.virtual_number.to_string();
        let row = Row {
            id,
            caller: key,
            started_at: at,
            wait_ms: 0,
            span: 0,
            said: 0,
            source: self.names.source(&said.source),
            manager: Name::default(),
            virtual_number: self.names.word(Some(&virtual_number)),
            destination: Name::default(),
            goal: Name::default(),
            stage: Name::default(),
            outcome: Name::default(),
            tags: Name::default(),
            marks,
            held: Held::default(),
            reason: 0,
        };
        self.insert(row);
    }

    fn ended(&mut self, id: CallId, said: &Ended) {
        let manager = self.names.words.optional(said.manager.as_ref());
        let destination = self.names.word(said.destination.as_deref());
        if let Some(row) = self.get_mut(id) {
            row.manager = manager;
            row.destination = destination;
            row.marks.set(Marks::ANSWERED, said.answered);
            row.marks.set(Marks::MISSED, said.missed);
            row.wait_ms = u32::try_from(said.wait_ms).unwrap_or(u32::MAX);
            let talk_ms = u32::try_from(said.talk_ms).unwrap_or(u32::MAX);
            row.span = if said.missed { 0 } else { talk_ms };
            // A reason's number is its place in the list.
            row.reason = u8::try_from(said.finish_reason as usize + 1).unwrap_or(0);
        }
    }

    fn erased(&mut self, id: CallId) {
        let mut key = NOBODY;
        if let Some(row) = self.get_mut(id) {
            key = std::mem::replace(&mut row.caller, NOBODY);
            row.marks.set(Marks::ERASED, true);
            row.marks.set(Marks::RECORDED, false);
        }
        self.callers.remove(&key);
        self.lower.remove(key);
        self.notes.remove_all((id, 0)..=(id, u64::MAX));
    }

    /// What was said of a call, once more from lines that have lost their personal part: its own words are gone.
    pub(crate) fn say_anew<'e>(&mut self, id: CallId, events: impl Iterator<Item = &'e Event>) {
        let Some(row) = self.get_mut(id) else {
            return;
        };
        row.tags = Name::default();
        (row.goal, row.stage, row.outcome) = Default::default();
        row.held = Held::default();
        for event in events {
            if let Event::Said(parts) = event {
                self.said(id, parts);
            }
        }
    }

    fn spoke(&mut self, id: CallId, n: u64) {
        if let Some(row) = self.get_mut(id) {
            row.said = row.said.max(line_number(n));
        }
    }

    fn said(&mut self, id: CallId, parts: &Parts<SaidLine, SaidPersonal>) {
        let Ok(place) = self.find(id) else {
            return;
        };
        let Some(row) = self.list.get_mut(place) else {
            return;
        };
        let (said, kind) = (&parts.public, parts.public.kind);
        let words = &mut self.names;
        if let Some(tags) = parts.tags()
            && row.held.take(Held::TAGS, kind)
        {
            row.tags = words.tags(tags);
        }
        if let Some(target) = said.target
            && row.held.take(Held::TARGET, kind)
        {
            row.marks.set(Marks::TARGET, target == Some(true));
            row.marks.set(Marks::NO_TARGET, target == Some(false));
        }
        for (word, field, into) in [
            (parts.goal(), Held::GOAL, &mut row.goal),
            (parts.stage(), Held::STAGE, &mut row.stage),
            (parts.outcome(), Held::OUTCOME, &mut row.outcome),
        ] {
            if let Some(word) = word
                && row.held.take(field, kind)
            {
                *into = words.word(word);
            }
        }
        if let Some(is_done) = said.called_back
            && row.held.take(Held::CALLED_BACK, kind)
        {
            row.marks.set(Marks::CALLED_BACK, is_done);
        }
        if said.note.is_some() && row.held.take(Held::NOTE, kind) {
            match parts.note() {
                Some(note) => self.write((id, 0), note),
                None => self.notes.remove((id, 0)),
            }
        }
    }

    /// Where the row of `id` is, or would be.
    pub(crate) fn find(&self, id: CallId) -> Result<usize, usize> {
        match self.list.last() {
            Some(last) if last.id < id => Err(self.list.len()),
            Some(_) | None => self.list.binary_search_by_key(&id, |row| row.id),
        }
    }

    /// Ids of the calls of one caller.
    pub(crate) fn of_caller(&self, caller: u64) -> Vec<CallId> {
        self.list
            .iter()
            .filter(|row| row.caller == caller && caller != NOBODY)
            .map(|row| row.id)
            .collect()
    }
}

/// A line's number as rows keep it. Past 4,294,967,295 lines, those of some 600 million calls, all are alike.
pub(crate) fn line_number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn clamp(millis: i64) -> u32 {
    u32::try_from(millis.max(0)).unwrap_or(u32::MAX)
}
