//! A query as conditions that rows answer. What can be looked up once is looked up before the first row. Pure.
//!
//! A condition that holds of the row's record holds of the row. The other way round there are few exceptions (one of too
//! many names, two callers with one hash), so whoever reads the record looks once more.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use memchr::memmem::Finder;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::store::caller::{Digits, NOBODY, caller_key, is_number};
use crate::store::names::{Name, Source, Which};
use crate::store::query::{Query, Status};
use crate::store::rows::{Row, Rows, TEXTS_MAX};

/// How far the time in a call's id may be from when it began: ids are made within the call's first millisecond, and
/// somebody may bring a log from elsewhere.
const ID_SLACK_MS: i64 = 3_600_000;

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
    texts: BTreeSet<u64>,
    /// Some of those are not known, so any of them may be meant.
    is_any_text: bool,
    /// Who hides.
    is_anonymous: bool,
}

/// Text that is looked for.
#[derive(Debug)]
struct Text {
    callers: Known,
    sources: Which,
    words: Which,
    /// Calls in whose notes it occurs.
    notes: BTreeSet<CallId>,
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
    fn new(rows: &Rows, digits: Option<Digits>, is_so: impl Fn(&str) -> bool) -> Self {
        let texts = rows.callers().iter().filter(|(_, text)| is_so(text));
        Self {
            digits,
            texts: texts.map(|(&key, _)| key).collect(),
            is_any_text: rows.callers().len() >= TEXTS_MAX,
            is_anonymous: is_so(&Caller::Anonymous.to_string()),
        }
    }

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
            Some(prefix) => {
                let digits = Digits::beginning(prefix);
                Self::Those(Known::new(rows, digits, |text| text.starts_with(prefix)))
            }
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
    fn new(text: &str, rows: &Rows) -> Self {
        let text = text.to_lowercase();
        let finder = Finder::new(&text);
        let occurs = |within: &str| finder.find(within.to_lowercase().as_bytes()).is_some();
        let words = rows.names().words.which(|name| occurs(name));
        let sources = rows.names().sources.which(|source: &Source| {
            [source.tag, source.campaign]
                .into_iter()
                .any(|name| words.may_have(name))
        });
        Self {
            callers: Known::new(rows, Digits::within(&text), occurs),
            sources,
            words,
            notes: rows.notes().with(&text),
        }
    }

    fn occurs(&self, row: &Row) -> bool {
        self.sources.may_have(row.source)
            || self.words.may_have(row.manager)
            || self.words.may_have(row.virtual_number)
            || self.words.may_have(row.destination)
            || self.callers.has(row)
            || (!self.notes.is_empty() && self.notes.contains(&row.id))
    }
}

impl Filter {
    /// Looks up what `query` names.
    pub(crate) fn new(query: &Query, rows: &Rows) -> Self {
        let wanted = |name: &Option<String>| Wanted::new(name.as_ref(), rows);
        Self {
            since: query.since.unwrap_or(WallTime::from_millis(i64::MIN)),
            until: query.until.unwrap_or(WallTime::from_millis(i64::MAX)),
            sources: sources(query, rows),
            manager: wanted(&query.manager),
            goal: wanted(&query.goal),
            stage: wanted(&query.stage),
            outcome: wanted(&query.outcome),
            tags: query.tag.as_ref().map(|tag| {
                let tag = rows.names().words.find(tag).unwrap_or(Name::MANY);
                let is_in = |name: &Name| *name == tag || *name == Name::MANY;
                rows.names().tags.which(|set| set.iter().any(is_in))
            }),
            caller: Who::new(query, rows),
            status: query.status,
            target: query.target,
            repeat: query.repeat,
            callback_open: query.callback_open,
            text: query.q.as_ref().map(|text| Text::new(text, rows)),
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
