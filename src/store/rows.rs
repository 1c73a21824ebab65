//! Rows: one fixed-width row a call, in memory. Lists and reports scan them. Pure.
//!
//! A row holds what lists filter by, with names as small numbers; the whole record is read from the log.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::FixedState;

use crate::base::id::CallId;
use crate::base::map::Map;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::FinishReason;
use crate::store::event::{Began, BeganPersonal, Ended, Event, Parts};
use crate::store::query::Query;

/// Set in the key of a caller that is no telephone number. Numbers have at most 15 digits, 50 bits.
const NO_NUMBER: u64 = 1 << 63;

/// The key of a caller who hides, or who was erased: it equals no other.
const NOBODY: u64 = 0;

/// A caller in 64 bits: the digits of a number, a hash of anything else, `None` for who hides.
///
/// The hash is the same in every process, because rows are kept in files. Two callers that collide in its 63 bits are
/// counted as one; lists compare the record's text as well.
pub(crate) fn caller_key(caller: &Caller) -> Option<u64> {
    match caller {
        Caller::Number(number) => Some(number.digits()),
        Caller::Other(text) => Some(FixedState::with_seed(0).hash_one(text.as_bytes()) | NO_NUMBER),
        Caller::Anonymous => None,
    }
}

/// A name as a small number. 0: no name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) u16);

impl Name {
    /// There were too many names: the record has to be read to know which it is.
    pub(crate) const MANY: Self = Self(u16::MAX);
}

/// The names in the rows.
#[derive(Debug, Default)]
pub(crate) struct Names {
    list: Vec<Arc<str>>,
    numbers: Map<Arc<str>, Name>,
}

impl Names {
    /// Returns the number of `name`, given now where it has none.
    pub(crate) fn number(&mut self, name: &Arc<str>) -> Name {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        match u16::try_from(self.list.len() + 1) {
            Ok(number) if number < Name::MANY.0 => {
                self.list.push(Arc::clone(name));
                self.numbers.insert(Arc::clone(name), Name(number));
                Name(number)
            }
            Ok(_) | Err(_) => Name::MANY,
        }
    }

    fn optional(&mut self, name: Option<&Arc<str>>) -> Name {
        name.map_or_else(Name::default, |name| self.number(name))
    }

    /// Returns the name, where the number stands for one.
    pub(crate) fn get(&self, number: Name) -> Option<&Arc<str>> {
        self.list.get(usize::from(number.0).checked_sub(1)?)
    }

    /// The names in the order of their numbers, from 1.
    pub(crate) fn list(&self) -> &[Arc<str>] {
        &self.list
    }
}

/// One call. 64 bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: CallId,
    pub(crate) caller: u64,
    pub(crate) started_at: WallTime,
    pub(crate) wait_ms: u32,
    pub(crate) talk_ms: u32,
    pub(crate) project: Name,
    pub(crate) source: Name,
    pub(crate) channel: Name,
    pub(crate) campaign: Name,
    pub(crate) category: Name,
    pub(crate) manager: Name,
    pub(crate) virtual_number: Name,
    pub(crate) marks: Marks,
    /// Place in [`FinishReason::ALL`] plus 1; 0: in progress.
    pub(crate) reason: u8,
    /// The number of the last line in which somebody said something of it; 0: nobody did.
    pub(crate) said: u32,
}

const _: () = assert!(size_of::<Row>() == 64, "a million calls are to be 64 MB");

/// What is true of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub(crate) u8);

impl Marks {
    const TRACKED: u8 = 1;
    const ANSWERED: u8 = 2;
    const MISSED: u8 = 4;
    const ERASED: u8 = 8;
    const RECORDED: u8 = 16;

    fn set(&mut self, bit: u8, on: bool) {
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
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

    /// Why it ended.
    pub(crate) fn finish_reason(&self) -> Option<FinishReason> {
        FinishReason::ALL
            .get(usize::from(self.reason).checked_sub(1)?)
            .copied()
    }

    /// Its names, in the order of the rows' files.
    pub(crate) const fn names(&self) -> [Name; 7] {
        [
            self.project,
            self.source,
            self.channel,
            self.campaign,
            self.category,
            self.manager,
            self.virtual_number,
        ]
    }

    /// The caller, where it is somebody.
    pub(crate) fn caller(&self) -> Option<u64> {
        (self.caller != NOBODY).then_some(self.caller)
    }
}

/// All calls, by id and so by time.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    list: Vec<Row>,
    names: Names,
}

impl Rows {
    /// All rows, the oldest first.
    pub(crate) fn list(&self) -> &[Row] {
        &self.list
    }

    /// The names in them.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The names, for reading rows from a file.
    pub(crate) fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Makes room for `more` rows.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.list.reserve(more);
    }

    /// Whether the person of a call was erased.
    pub(crate) fn is_erased(&self, id: CallId) -> bool {
        let row = self.find(id).ok().and_then(|place| self.list.get(place));
        row.is_some_and(|row| row.marks.has(Marks::ERASED))
    }

    /// The row of a call.
    pub(crate) fn get(&self, id: CallId) -> Option<&Row> {
        let place = self.find(id).ok()?;
        self.list.get(place)
    }

    /// The project of a call that lists show.
    pub(crate) fn project(&self, id: CallId) -> Option<&Arc<str>> {
        let row = self.get(id).filter(|row| row.is_tracked())?;
        self.names.get(row.project)
    }

    /// Takes in an event of a call. Taking it in twice changes nothing, so a replay may begin anywhere.
    pub(crate) fn apply(&mut self, id: CallId, n: u64, at: WallTime, event: &Event) {
        match event {
            Event::Began(parts) => self.began(id, at, parts),
            Event::Answered(parts) => {
                let manager = self.names.optional(parts.public.manager.as_ref());
                if let Some(row) = self.get_mut(id) {
                    row.manager = manager;
                    row.marks.set(Marks::ANSWERED, true);
                    row.wait_ms = clamp(at.as_millis().saturating_sub(row.started_at.as_millis()));
                }
            }
            Event::Ended(parts) => self.ended(id, &parts.public),
            Event::Erased(erased) => {
                for &id in &erased.calls {
                    if let Some(row) = self.get_mut(id) {
                        row.caller = NOBODY;
                        row.marks.set(Marks::ERASED, true);
                        row.marks.set(Marks::RECORDED, false);
                    }
                }
            }
            Event::Recorded(_) | Event::Pruned(_) => {
                if let Some(row) = self.get_mut(id) {
                    let is_erased = row.marks.has(Marks::ERASED);
                    let is_there = matches!(event, Event::Recorded(_)) && !is_erased;
                    row.marks.set(Marks::RECORDED, is_there);
                }
            }
            Event::Said(_) | Event::Pinned(_) | Event::Unpinned(_) => {
                if let Some(row) = self.get_mut(id) {
                    row.said = row.said.max(line_number(n));
                }
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

    fn began(&mut self, id: CallId, at: WallTime, parts: &Parts<Began, BeganPersonal>) {
        let said = &parts.public;
        let mut marks = Marks::default();
        marks.set(Marks::TRACKED, said.tracked);
        marks.set(Marks::ERASED, parts.pii.is_none());
        let caller = parts.pii.as_ref().and_then(|pii| caller_key(&pii.caller));
        let virtual_number = said.virtual_number.to_string().into();
        let row = Row {
            id,
            caller: caller.unwrap_or(NOBODY),
            started_at: at,
            wait_ms: 0,
            talk_ms: 0,
            project: self.names.number(&said.source.project),
            source: self.names.number(&said.source.tag),
            channel: self.names.optional(said.source.channel.as_ref()),
            campaign: self.names.optional(said.source.campaign.as_ref()),
            category: self.names.optional(said.source.category.as_ref()),
            manager: Name::default(),
            virtual_number: self.names.number(&virtual_number),
            marks,
            reason: 0,
            said: 0,
        };
        self.insert(row);
    }

    fn ended(&mut self, id: CallId, said: &Ended) {
        let manager = self.names.optional(said.manager.as_ref());
        if let Some(row) = self.get_mut(id) {
            row.manager = manager;
            row.marks.set(Marks::ANSWERED, said.answered);
            row.marks.set(Marks::MISSED, said.missed);
            row.wait_ms = u32::try_from(said.wait_ms).unwrap_or(u32::MAX);
            row.talk_ms = u32::try_from(said.talk_ms).unwrap_or(u32::MAX);
            // A reason's number is its place in the list.
            row.reason = u8::try_from(said.finish_reason as usize + 1).unwrap_or(0);
        }
    }

    fn find(&self, id: CallId) -> Result<usize, usize> {
        match self.list.last() {
            Some(last) if last.id < id => Err(self.list.len()),
            Some(_) | None => self.list.binary_search_by_key(&id, |row| row.id),
        }
    }

    fn get_mut(&mut self, id: CallId) -> Option<&mut Row> {
        let place = self.find(id).ok()?;
        self.list.get_mut(place)
    }

    /// Rows that may be what `query` asks for, the newest first, from its cursor on. What a row does not hold is the
    /// caller's to check against the record.
    pub(crate) fn scan<'a>(&'a self, query: &Query) -> impl Iterator<Item = &'a Row> + use<'a> {
        let filter = Filter::new(query, &self.names);
        let end = query.cursor.map_or(self.list.len(), |cursor| {
            self.find(cursor).unwrap_or_else(|place| place)
        });
        self.list
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .filter(move |row| filter.passes(row))
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

/// The conditions that a row can answer.
#[derive(Clone, Debug)]
struct Filter {
    since: WallTime,
    until: WallTime,
    project: Wanted,
    source: Wanted,
    category: Wanted,
    manager: Wanted,
    caller: Option<u64>,
    status: Option<crate::store::query::Status>,
}

/// A condition on a name.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Anything,
    /// This one, or one of too many.
    This(Name),
}

impl Wanted {
    fn new(name: Option<&String>, names: &Names) -> Self {
        name.map_or(Self::Anything, |name| {
            let number = names.numbers.get(name.as_str());
            Self::This(number.copied().unwrap_or(Name::MANY))
        })
    }

    fn passes(self, has: Name) -> bool {
        match self {
            Self::Anything => true,
            Self::This(name) => has == name || has == Name::MANY,
        }
    }
}

impl Filter {
    fn new(query: &Query, names: &Names) -> Self {
        let exact = query.caller.as_deref().filter(|text| !text.ends_with('*'));
        Self {
            since: query.since.unwrap_or(WallTime::from_millis(i64::MIN)),
            until: query.until.unwrap_or(WallTime::from_millis(i64::MAX)),
            project: Wanted::new(query.project.as_ref(), names),
            source: Wanted::new(query.source.as_ref(), names),
            category: Wanted::new(query.category.as_ref(), names),
            manager: Wanted::new(query.manager.as_ref(), names),
            caller: exact.map(|text| caller_key(&Caller::from_record(text)).unwrap_or(NOBODY)),
            status: query.status,
        }
    }

    fn passes(&self, row: &Row) -> bool {
        row.is_tracked()
            && row.started_at >= self.since
            && row.started_at < self.until
            && self.project.passes(row.project)
            && self.source.passes(row.source)
            && self.category.passes(row.category)
            && self.manager.passes(row.manager)
            && self.caller.is_none_or(|caller| caller == row.caller)
            && self.status.is_none_or(|status| {
                status.holds(row.is_answered(), row.is_missed(), row.finish_reason())
            })
    }
}

/// A line's number as rows keep it. Past 4,294,967,295 lines, those of some 600 million calls, all are alike.
pub(crate) fn line_number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn clamp(millis: i64) -> u32 {
    u32::try_from(millis.max(0)).unwrap_or(u32::MAX)
}
