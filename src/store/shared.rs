//! What the store's thread and the readers share, and how readers read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::callback::reached_at;
use crate::store::credit::Purse;
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::feed::Ring;
use crate::store::filter::{Filter, Search};
use crate::store::fold::Draft;
use crate::store::history::Histories;
use crate::store::ladders::Ladders;
use crate::store::looked::Looked;
use crate::store::names::Name;
use crate::store::place::Place;
use crate::store::query::{Page, Query};
use crate::store::record::CallRecord;
use crate::store::remark::CalledBack;
use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::store::scan::Reader;
use crate::store::view::View;

/// Most records read for one page. Rows answer every condition but for one of too many names; the page may be short then,
/// and its cursor goes on.
const READS_MAX: usize = 10_000;

/// Calls looked up at once: their lines are read before more are looked for.
const READ_CHUNK: usize = 256;

/// Calls that are looked at for the tags that people use: half a millisecond.
const TAGS_OF: usize = 100_000;

/// Most tags that are found there; among more nobody finds one in a list.
const TAGS_MAX: usize = 200;

/// Rows looked at under one hold of the lock, some half a millisecond, so that the store's thread never waits long for a
/// reader.
const SCAN_CHUNK: usize = 65_536;

/// The store's state.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The months' folder.
    pub(crate) log: PathBuf,
    /// The recordings' folder.
    pub(crate) recordings: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) purse: Arc<Purse>,
    pub(crate) db: Db,
    /// The calls' messages, for operators.
    pub(crate) ladders: Ladders,
    /// Live news.
    pub(crate) ring: Ring,
    /// Records that were read for those who look on.
    pub(crate) looked: Looked,
    /// When each token was shown last.
    pub(crate) shown: Mutex<BTreeMap<String, WallTime>>,
    /// The store is to end, also while the disk refuses.
    pub(crate) is_stopping: AtomicBool,
    view: RwLock<View>,
    history: Mutex<Histories>,
    trouble: Mutex<Option<String>>,
    lost: AtomicU64,
    lost_since: AtomicI64,
}

impl Shared {
    /// Puts the parts together.
    pub(crate) fn new(
        log: PathBuf,
        recordings: PathBuf,
        clock: Clock,
        db: Db,
        view: View,
        history: Histories,
        ring: Ring,
    ) -> Self {
        Self {
            ladders: Ladders::beside(&log),
            log,
            recordings,
            clock,
            purse: Arc::default(),
            db,
            ring,
            looked: Looked::default(),
            shown: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            view: RwLock::new(view),
            history: Mutex::new(history),
            trouble: Mutex::new(None),
            lost: AtomicU64::new(0),
            lost_since: AtomicI64::new(0),
        }
    }

    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the store's thread only.
    pub(crate) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, Histories> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the disk last refused.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes what the disk refuses; returns whether that is news.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) -> bool {
        let mut held = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *held != trouble;
        *held = trouble;
        is_news
    }

    /// Counts an event that found no room.
    pub(crate) fn lose(&self, at: WallTime) {
        if self.lost.fetch_add(1, Ordering::AcqRel) == 0 {
            self.lost_since.store(at.as_millis(), Ordering::Release);
        }
    }

    /// Events lost so far, and when the first of them was told.
    pub(crate) fn lost(&self) -> (u64, WallTime) {
        let since = self.lost_since.load(Ordering::Acquire);
        (
            self.lost.load(Ordering::Acquire),
            WallTime::from_millis(since),
        )
    }

    /// The lines of a call, wherever they are known.
    pub(crate) fn lines(&self, call: CallId) -> Result<Option<Vec<Place>>, StoreError> {
        // The index has a call before the view lets go of it, so this order misses none.
        let known = self.view().lines(call).map(<[Place]>::to_vec);
        match known {
            Some(lines) => Ok(Some(lines)),
            None => self.db.lines(call),
        }
    }

    /// What the log says of one call.
    pub(crate) fn draft(&self, call: CallId) -> Result<Option<Draft>, StoreError> {
        self.lines(call)?
            .map(|lines| Reader::new(&self.log).call(call, &lines))
            .transpose()
    }

    /// One record.
    pub(crate) fn call(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        let record = self.draft(call)?.and_then(|draft| draft.record(call));
        Ok(record.map(|record| self.complete(record)))
    }

    /// Adds what other calls say of this one.
    fn complete(&self, mut record: CallRecord) -> CallRecord {
        if let Some(callback) = &mut record.callback
            && callback.done.is_none()
        {
            let reached = self.view().rows.get(record.id).and_then(reached_at);
            callback.done = reached.map(|at| CalledBack {
                at,
                by: CalledBack::CALLER.to_owned(),
            });
        }
        record
    }

    /// Calls that began before `before` and have a recording, from the one after `last` on; at most `most` of them.
    pub(crate) fn recorded_before(
        &self,
        before: WallTime,
        last: Option<CallId>,
        most: usize,
    ) -> Vec<CallId> {
        let view = self.view();
        let old = view.rows.list().iter();
        old.filter(|row| row.is_recorded() && row.started_at < before)
            .map(|row| row.id)
            .filter(|&call| last.is_none_or(|last| call > last))
            .take(most)
            .collect()
    }

    /// The recordings of `calls`. A call that cannot be read is left out and said: it must not save the others.
    pub(crate) fn files(&self, calls: &[CallId]) -> Vec<(CallId, String)> {
        let mut files = Vec::with_capacity(calls.len());
        for &call in calls {
            match self.call(call) {
                Ok(record) => {
                    files.extend(record.and_then(|record| Some((call, record.recording?.file))));
                }
                Err(error) => {
                    tracing::error!(%call, %error, "a recording whose time is over stays; run `ringtag verify`");
                }
            }
        }
        files
    }

    /// One page of records.
    pub(crate) fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let mut reader = Reader::new(&self.log);
        let mut page = Page::default();
        let mut reads = 0;
        let size = query.page_size();
        let filter = self.filter(query);
        let mut cursor = query.cursor;
        loop {
            let wanted = (size - page.calls.len() + 1).min(READ_CHUNK);
            let (candidates, from) = self.candidates(&filter, cursor, wanted);
            for &call in &candidates {
                if page.calls.len() == size || reads == READS_MAX {
                    page.next = cursor;
                    return Ok(page);
                }
                reads += 1;
                cursor = Some(call);
                let Some(lines) = self.lines(call)? else {
                    tracing::error!(%call, "the index does not know this call; run `ringtag reindex`");
                    continue;
                };
                match reader.call(call, &lines) {
                    Ok(draft) => {
                        let record = draft.record(call).map(|record| self.complete(record));
                        page.calls
                            .extend(record.filter(|record| query.matches(record)));
                    }
                    // One damaged line must not hide the other calls.
                    Err(error) => tracing::error!(%call, %error, "a call is left out of a list"),
                }
            }
            match from {
                Some(from) => cursor = Some(from),
                None => return Ok(page),
            }
        }
    }

    /// What `query` asks of rows. Whoever writes waits for no text that is looked for.
    fn filter(&self, query: &Query) -> Filter {
        let search = Search::new(query, &self.view().rows);
        let found = search.run();
        Filter::new(query, found, &self.view().rows)
    }

    /// Shows the rows that `query` asks for, the oldest first. Between two chunks whoever writes may go on.
    pub(crate) fn scan(&self, query: &Query, mut each: impl FnMut(&Row, &Rows)) {
        let filter = self.filter(query);
        let mut last: Option<CallId> = None;
        loop {
            let view = self.view();
            let rows = view.rows.list();
            let places = filter.places(rows);
            // Rows may have come in between, so places are found anew.
            let from = last.map_or(places.start, |last| match view.rows.find(last) {
                Ok(place) => place + 1,
                Err(place) => place,
            });
            let until = from.saturating_add(SCAN_CHUNK).min(places.end);
            let scanned = rows.get(from..until).unwrap_or_default();
            for row in scanned.iter().filter(|row| filter.passes(row)) {
                each(row, &view.rows);
            }
            match scanned.last() {
                Some(row) if until < places.end => last = Some(row.id),
                Some(_) | None => return,
            }
        }
    }

    /// How many calls `query` asks for, by their rows alone: as a list would show them, but for what rows cannot tell apart
    /// (one of too many names, two callers with one hash).
    pub(crate) fn count(&self, query: &Query) -> u64 {
        let filter = self.filter(query);
        let mut counted = 0;
        let mut end = usize::MAX;
        loop {
            // Between two chunks whoever writes may go on.
            let view = self.view();
            let rows = view.rows.list();
            let places = filter.places(rows);
            let until = end.min(places.end);
            let start = places.start.max(until.saturating_sub(SCAN_CHUNK));
            let scanned = rows.get(start..until).unwrap_or_default();
            counted += scanned.iter().filter(|row| filter.passes(row)).count();
            if start <= places.start || scanned.is_empty() {
                return u64::try_from(counted).unwrap_or(u64::MAX);
            }
            end = start;
        }
    }

    /// Tags that the newest calls of projects that `sees` have, in the order of the alphabet, each once.
    pub(crate) fn tags_lately(&self, sees: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let view = self.view();
        let names = view.rows.names();
        let theirs = names.sources.which(|source| {
            let project = names.words.get(source.project);
            project.is_some_and(|project| sees(project))
        });
        let rows = view.rows.list().iter().rev().take(TAGS_OF);
        let sets: BTreeSet<Name> = rows
            .filter(|row| row.tags != Name::default() && theirs.may_have(row.source))
            .map(|row| row.tags)
            .collect();
        let sets = sets.into_iter().filter_map(|set| names.sets.get(set));
        let tags = sets.flat_map(|set| set.iter().filter_map(|&tag| names.words.get(tag)));
        let tags: BTreeSet<&Arc<str>> = tags.collect();
        tags.into_iter().take(TAGS_MAX).cloned().collect()
    }

    /// At most `wanted` calls that may be what `filter` asks for, the newest first, from `cursor` on; and where to go on.
    /// Looks at [`SCAN_CHUNK`] rows at the most.
    fn candidates(
        &self,
        filter: &Filter,
        cursor: Option<CallId>,
        wanted: usize,
    ) -> (Vec<CallId>, Option<CallId>) {
        let view = self.view();
        let rows = view.rows.list();
        let places = filter.places(rows);
        let end = cursor.map_or(places.end, |cursor| {
            let place = view.rows.find(cursor).unwrap_or_else(|place| place);
            place.min(places.end)
        });
        let start = places.start.max(end.saturating_sub(SCAN_CHUNK));
        let scanned = rows.get(start..end).unwrap_or_default();
        let mut found = Vec::with_capacity(wanted);
        for row in scanned.iter().rev() {
            if filter.passes(row) {
                found.push(row.id);
                if found.len() == wanted {
                    return (found, Some(row.id));
                }
            }
        }
        let rest = scanned.first().filter(|_| start > places.start);
        (found, rest.map(|row| row.id))
    }
}
