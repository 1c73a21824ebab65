//! A query as conditions that rows answer. What can be looked up once is looked up before the first row. Pure.
//!
//! A condition that holds of the row's record holds of the row. The other way round there are few exceptions (one of too
//! many names, two callers with one hash), so whoever reads the record looks once more.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use foldhash::quality::FixedState;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::store::caller::{Digits, NOBODY, caller_key, is_number};
use crate::store::names::{Name, Source, Which};
use crate::store::query::{Query, Status};
use crate::store::row::Row;
use crate::store::rows::{NoteKey, Rows, TEXTS_MAX};
use crate::store::sieve::Sieve;
use crate::store::texts::Haystack;

/// How far the time in a call's id may be from when it began: ids are made within the call's first millisecond, and
/// somebody may bring a log from elsewhere.
pub(crate) const ID_SLACK_MS: i64 = 3_600_000;

/// The conditions of one query.
#[derive(Debug)]
pub(crate) struct Filter {
    since: WallTime,
    until: WallTime,
    sources: Option<Which>,
    manager: Wanted,
    goal: Wanted,
    stage: Wanted,
    outcome: Wanted,
    tags: Option<Which>,
    caller: Who,
    status: Option<Status>,
    target: Option<bool>,
    repeat: Option<bool>,
    callback_open: bool,
    text: Option<Text>,
    sieve: Sieve,
}

/// A condition on a name.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Anything,
    /// This one, or one of too many.
    This(Name),
}

/// A condition on the caller.
#[derive(Debug)]
enum Who {
    Anybody,
    /// Who has this key.
    This(u64),
    /// Those of whom something is known.
    Those(Known),
}

/// Callers whose written form has something in it.
#[derive(Debug)]
struct Known {
    digits: Option<Digits>,
    /// Keys of callers that are no numbers.
    texts: Set<u64>,
    /// Some of those are not known, so any of them may be meant.
    is_any_text: bool,
    /// Who hides.
    is_anonymous: bool,
}

/// What a text is looked for in, taken along from the rows: looking takes milliseconds, and nobody is to wait that long to
/// change them.
#[derive(Debug)]
pub(crate) struct Search<'a>(Option<Within<'a>>);

#[derive(Debug)]
struct Within<'a> {
    text: &'a str,
    words: Haystack<Name>,
    /// How many of them there are.
    count: usize,
    callers: Haystack<u64>,
    notes: Haystack<NoteKey>,
}

/// Where a text occurs.
#[derive(Debug, Default)]
pub(crate) struct Found(Option<Places>);

#[derive(Debug)]
struct Places {
    text: String,
    words: Which,
    callers: Set<u64>,
    /// Calls in whose notes it occurs.
    notes: Set<CallId>,
}

/// Made for one query of what is there, and asked a million times.
type Set<K> = HashSet<K, FixedState>;

impl<'a> Search<'a> {
    /// Takes along what the text of `query` is looked for in, if it has one. Copies no text.
    pub(crate) fn new(query: &'a Query, rows: &Rows) -> Self {
        // Everything has nothing in it.
        let text = query.q.as_deref().filter(|text| !text.is_empty());
        Self(text.map(|text| Within {
            text,
            words: rows.names().words.haystack(),
            count: rows.names().words.list().len(),
            callers: rows.lower().haystack(),
            notes: rows.notes().haystack(),
        }))
    }

    /// Looks.
    pub(crate) fn run(self) -> Found {
        Found(self.0.map(|within| {
            let text = within.text.to_lowercase();
            let (mut words, mut callers, mut notes) = (Vec::new(), Vec::new(), Vec::new());
            within.words.find(&text, |name| words.push(name));
            within.callers.find(&text, |key| callers.push(key));
            within.notes.find(&text, |(call, _)| notes.push(call));
            Places {
                words: Which::these(within.count, words),
                callers: callers.into_iter().collect(),
                notes: notes.into_iter().collect(),
                text,
            }
        }))
    }
}

/// Text that is looked for.
#[derive(Debug)]
struct Text {
    callers: Known,
    sources: Which,
    words: Which,
    notes: Set<CallId>,
}

impl Wanted {
    fn new(name: Option<&String>, rows: &Rows) -> Self {
        name.map_or(Self::Anything, |name| {
            Self::This(rows.names().words.find(name).unwrap_or(Name::MANY))
        })
    }

    fn passes(self, has: Name) -> bool {
        match self {
            Self::Anything => true,
            Self::This(name) => has == name || has == Name::MANY,
        }
    }
}

impl Known {
    /// Those whose written form begins so.
    fn beginning(prefix: &str, rows: &Rows) -> Self {
        let is_so = |text: &str| text.starts_with(prefix);
        let texts = rows.callers().iter().filter(|(_, text)| is_so(text));
        Self {
            digits: Digits::beginning(prefix),
            texts: texts.map(|(&key, _)| key).collect(),
            is_any_text: rows.callers().len() >= TEXTS_MAX,
            is_anonymous: is_so(&Caller::Anonymous.to_string()),
        }
    }

    #[inline]
    fn has(&self, row: &Row) -> bool {
        if is_number(row.caller) {
            return self
                .digits
                .is_some_and(|digits| digits.occur_in(row.caller));
        }
        if row.caller == NOBODY {
            return self.is_anonymous && !row.is_erased();
        }
        self.is_any_text || self.texts.contains(&row.caller)
    }
}

impl Who {
    fn new(query: &Query, rows: &Rows) -> Self {
        let Some(text) = &query.caller else {
            return Self::Anybody;
        };
        match text.strip_suffix('*') {
            Some(prefix) => Self::Those(Known::beginning(prefix, rows)),
            None => Self::This(caller_key(&Caller::from_record(text)).unwrap_or(NOBODY)),
        }
    }

    fn passes(&self, row: &Row) -> bool {
        match self {
            Self::Anybody => true,
            Self::This(NOBODY) => row.caller == NOBODY && !row.is_erased(),
            Self::This(key) => row.caller == *key,
            Self::Those(known) => known.has(row),
        }
    }
}

impl Text {
    fn new(found: Places, rows: &Rows) -> Self {
        let Places {
            text,
            words,
            callers,
            notes,
        } = found;
        let sources = rows.names().sources.which(|source: &Source| {
            [source.tag, source.campaign, source.virtual_number]
                .into_iter()
                .any(|name| words.may_have(name))
        });
        Self {
            callers: Known {
                digits: Digits::within(&text),
                texts: callers,
                is_any_text: rows.callers().len() >= TEXTS_MAX,
                is_anonymous: Caller::Anonymous.to_string().contains(&text),
            },
            sources,
            words,
            notes,
        }
    }

    #[inline]
    fn occurs(&self, row: &Row) -> bool {
        self.sources.may_have(row.source)
            || self.words.may_have(row.manager)
            || self.words.may_have(row.destination)
            || self.callers.has(row)
            || (row.said != 0 && !self.notes.is_empty() && self.notes.contains(&row.id))
    }
}

impl Filter {
    /// Looks up what `query` names; where its text occurs was found before.
    pub(crate) fn new(query: &Query, found: Found, rows: &Rows) -> Self {
        let wanted = |name: &Option<String>| Wanted::new(name.as_ref(), rows);
        let since = query.since.unwrap_or(WallTime::from_millis(i64::MIN));
        let until = query.until.unwrap_or(WallTime::from_millis(i64::MAX));
        Self {
            sieve: Sieve::new(&query.narrow, since, until, rows),
            since,
            until,
            sources: sources(query, rows),
            manager: wanted(&query.manager),
            goal: wanted(&query.goal),
            stage: wanted(&query.stage),
            outcome: wanted(&query.outcome),
            tags: query.tag.as_ref().map(|tag| {
                let tag = rows.names().words.find(tag).unwrap_or(Name::MANY);
                let is_in = |name: &Name| *name == tag || *name == Name::MANY;
                rows.names().sets.which(|set| set.iter().any(is_in))
            }),
            caller: Who::new(query, rows),
            status: query.status,
            target: query.target,
            repeat: query.repeat,
            callback_open: query.callback_open,
            text: found.0.map(|places| Text::new(places, rows)),
        }
    }

    /// The places of the rows that can be within the times asked for.
    pub(crate) fn places(&self, rows: &[Row]) -> std::ops::Range<usize> {
        let before = |time: WallTime, slack: i64| {
            let limit = time.as_millis().saturating_add(slack);
            rows.partition_point(|row| row.id.began().as_millis() < limit)
        };
        let start = before(self.since, -ID_SLACK_MS);
        start..before(self.until, ID_SLACK_MS).max(start)
    }

    /// Whether a call with this row may be one of those asked for.
    #[inline]
    pub(crate) fn passes(&self, row: &Row) -> bool {
        row.is_tracked()
            && row.started_at >= self.since
            && row.started_at < self.until
            && (!self.callback_open || row.awaits_callback())
            && self.status.is_none_or(|status| {
                status.holds(row.is_answered(), row.is_missed(), row.finish_reason())
            })
            && self
                .sources
                .as_ref()
                .is_none_or(|sources| sources.may_have(row.source))
            && self.manager.passes(row.manager)
            && self.goal.passes(row.goal)
            && self.stage.passes(row.stage)
            && self.outcome.passes(row.outcome)
            && self
                .tags
                .as_ref()
                .is_none_or(|sets| sets.may_have(row.tags))
            && (self.target.is_none() || self.target == row.is_target())
            && (self.repeat.is_none() || self.repeat == row.is_repeated())
            && self.sieve.passes(row)
            && self.caller.passes(row)
            && self.text.as_ref().is_none_or(|text| text.occurs(row))
    }
}

/// Sources that the conditions on project, source, channel, campaign and category let through; `None`: there are none.
fn sources(query: &Query, rows: &Rows) -> Option<Which> {
    let wanted = [
        &query.project,
        &query.source,
        &query.channel,
        &query.campaign,
        &query.category,
    ];
    if query.projects.is_none() && wanted.iter().all(|name| name.is_none()) {
        return None;
    }
    let find = |name: &str| rows.names().words.find(name).unwrap_or(Name::MANY);
    let wanted = wanted.map(|name| Wanted::new(name.as_ref(), rows));
    let projects: Option<BTreeSet<Name>> = query
        .projects
        .as_ref()
        .map(|projects| projects.iter().map(|project| find(project)).collect());
    Some(rows.names().sources.which(|source| {
        let is_theirs = projects.as_ref().is_none_or(|projects| {
            source.project == Name::MANY || projects.contains(&source.project)
        });
        let words = source.words().into_iter().zip(wanted);
        is_theirs && words.into_iter().all(|(has, wanted)| wanted.passes(has))
    }))
}
