//! Rows: one fixed-width row a call, in memory. Lists and reports scan them. Pure.
//!
//! A row holds what lists filter by, with names as small numbers; the whole record is read from the log. What has no
//! fixed width and is searched all the same stands beside the rows: callers that are no numbers, and notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::Tried;
use crate::store::caller::{NOBODY, caller_key};
use crate::store::event::{Began, BeganPersonal, Ended, Event, Parts};
use crate::store::names::{Name, Names};
use crate::store::row::{Held, Marks, Row};
use crate::store::spoken::{SaidLine, SaidPersonal};
use crate::store::texts::Texts;

/// Most callers that are no numbers whose text is kept: the telephones of a large house. Of others the record is read.
pub(crate) const TEXTS_MAX: usize = 65_536;

/// A note of a call: 0 is the call's own, the others the lines that pinned them.
pub(crate) type NoteKey = (CallId, u64);

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
    /// What calls were worth, in hundredths of their project's currency.
    worths: BTreeMap<CallId, i64>,
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

    /// What calls were worth, by id, in hundredths of their projects' currencies; [`crate::store::worth::Worths`] goes along them.
    pub(crate) fn worths(&self) -> &BTreeMap<CallId, i64> {
        &self.worths
    }

    /// Knows what a call was worth.
    pub(crate) fn value(&mut self, id: CallId, worth: i64) {
        self.worths.insert(id, worth);
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
                self.decided(id, &parts.public.rule);
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
            | Event::House(_)
            | Event::Upkeep(_)
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
        let rule = said.rule.as_ref();
        let source = self.names.source(&said.source, said.virtual_number, rule);
        let row = Row {
            id,
            caller: key,
            started_at: at,
            wait_ms: 0,
            span: 0,
            said: 0,
            source,
            manager: Name::default(),
            destination: Name::default(),
            goal: Name::default(),
            stage: Name::default(),
            outcome: Name::default(),
            tags: Name::default(),
            offered: Name::default(),
            marks,
            held: Held::default(),
            reason: 0,
        };
        self.insert(row);
    }

    /// A rule decided where the call goes.
    fn decided(&mut self, id: CallId, rule: &Arc<str>) {
        let Ok(place) = self.find(id) else {
            return;
        };
        if let Some(row) = self.list.get_mut(place) {
            row.source = self.names.ruled(row.source, rule);
        }
    }

    fn ended(&mut self, id: CallId, said: &Ended) {
        let manager = self.names.words.optional(said.manager.as_ref());
        let destination = self.names.word(said.destination.as_deref());
        let tried = said.targets_tried.iter();
        let offered = self.names.set(tried.filter_map(Tried::manager));
        if let Some(rule) = &said.rule {
            self.decided(id, rule);
        }
        if let Some(row) = self.get_mut(id) {
            row.manager = manager;
            row.destination = destination;
            row.offered = offered;
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
        row.marks.set(Marks::WORTH, false);
        self.worths.remove(&id);
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
            row.tags = words.set(tags.iter().map(String::as_str));
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
        if let Some(value) = said.value
            && row.held.take(Held::VALUE, kind)
        {
            row.marks.set(Marks::WORTH, value.is_some());
            match value {
                Some(value) => self.worths.insert(id, hundredths(value)),
                None => self.worths.remove(&id),
            };
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

/// Nobody's sale is worth more than an i64 has hundredths, and a value that is no number is none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` ends at both ends, and makes 0 of no number"
)]
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

fn clamp(millis: i64) -> u32 {
    u32::try_from(millis.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::remark::Kind;
    use crate::store::say::Say;
    use crate::store::trial::Script;

    fn apply(rows: &mut Rows, call: &Script, facts: impl IntoIterator<Item = Event>) {
        for (event, n) in facts.into_iter().zip(1..) {
            rows.apply(call.id, n, call.at, &event);
        }
    }

    fn ended(call: &Script, rule: &str, targets: &[&str]) -> Event {
        let Event::Ended(mut parts) = Event::from(call.missed().what) else {
            panic!("it ends");
        };
        let one = parts.public.targets_tried.remove(0);
        let tried = targets.iter().map(|&target| Tried {
            target: target.into(),
            ..one.clone()
        });
        parts.public.targets_tried = tried.collect();
        parts.public.rule = Some(rule.into());
        Event::Ended(parts)
    }

    #[test]
    fn a_row_names_its_number_the_rule_that_decided_last_and_all_managers_that_it_was_offered_to() {
        let call = Script::nth(1);
        let mut rows = Rows::default();
        let targets = [
            "manager:senior",
            "ext:101@pbx",
            "manager:desk",
            "manager:senior",
        ];
        let events = [call.began().what.into(), ended(&call, "at night", &targets)];
        apply(&mut rows, &call, events);
        let (row, names) = (rows.get(call.id).unwrap(), rows.names());
        let source = names.sources.get(row.source).unwrap();
        let word = |name| names.words.get(name).map(|word| &**word);
        assert_eq!(word(source.virtual_number), Some("+74950000001"));
        assert_eq!(word(source.rule), Some("at night"));
        assert_eq!(word(source.tag), Some("direct-mowers"));
        let offered = names.sets.get(row.offered).unwrap();
        let mut offered: Vec<&str> = offered.iter().filter_map(|&name| word(name)).collect();
        offered.sort_unstable();
        assert_eq!(offered, ["desk", "senior"]);
    }

    #[test]
    fn what_a_call_is_worth_is_what_a_person_said_last_and_no_machine_changes_it() {
        let call = Script::nth(1);
        let mut rows = Rows::default();
        apply(&mut rows, &call, [call.began().what.into()]);
        let mut say = |value, kind| {
            let say = Say {
                value: Some(value),
                ..Say::default()
            };
            let said = SaidLine::split(say, "anna".into(), kind);
            rows.apply(call.id, 2, call.at, &Event::Said(Box::new(said)));
            let has = rows.get(call.id).unwrap().marks.has(Marks::WORTH);
            let worth = rows.worths().get(&call.id).copied();
            assert_eq!(has, worth.is_some());
            worth
        };
        assert_eq!(say(Some(19.99), Kind::Machine), Some(1_999));
        assert_eq!(say(Some(0.1 + 0.2), Kind::Person), Some(30));
        assert_eq!(say(Some(5.0), Kind::Machine), Some(30));
        assert_eq!(say(None, Kind::Machine), Some(30));
        assert_eq!(say(None, Kind::Person), None);
        assert_eq!(say(Some(5.0), Kind::Machine), None);
    }
}
