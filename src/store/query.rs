//! Which calls a list is to show, and one page of them. Pure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::call::story::FinishReason;
use crate::store::narrow::Narrow;
use crate::store::record::CallRecord;

/// Most calls on one page. A page of whole records is about 2 MB then; what is longer goes by the cursor.
pub const LIMIT_MAX: usize = 1_000;

/// Calls on a page when nobody says how many.
pub const LIMIT_DEFAULT: usize = 50;

/// Conditions that must all hold; what is left out holds for every call. Untracked calls are never listed.
///
/// The newest call comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Began at this time or later.
    pub since: Option<WallTime>,
    /// Began before this time.
    pub until: Option<WallTime>,
    /// `[[project]] id`.
    pub project: Option<String>,
    /// `[[source]] tag`.
    pub source: Option<String>,
    /// Only of these projects; `None`: of all. Beside `project`, for who may see no others.
    pub projects: Option<Vec<String>>,
    /// `[[source]] channel`.
    pub channel: Option<String>,
    /// `[[source]] campaign`.
    pub campaign: Option<String>,
    /// `[[source]] category`.
    pub category: Option<String>,
    /// `[[manager]] id` of who answered.
    pub manager: Option<String>,
    /// The caller as the record shows it, or a prefix of that with `*` at its end.
    pub caller: Option<String>,
    /// How it stands or ended.
    pub status: Option<Status>,
    /// A tag that people gave it.
    pub tag: Option<String>,
    /// What people say it came out as.
    pub outcome: Option<String>,
    /// What people say the caller wanted.
    pub goal: Option<String>,
    /// The stage that people gave it.
    pub stage: Option<String>,
    /// What people say of whether it was one of those that the advertising is for.
    pub target: Option<bool>,
    /// `true`: the caller had called this project before; `false`: had not. An anonymous caller is neither.
    pub repeat: Option<bool>,
    /// Only missed calls after which nobody has spoken to the caller yet.
    pub callback_open: bool,
    /// Text that occurs in the caller, the virtual number, the source, the campaign, who answered, what was dialled there,
    /// the note or a pinned note; upper and lower case are alike.
    pub q: Option<String>,
    /// What opens the calls behind a figure.
    pub narrow: Narrow,
    /// Most calls on the page; [`LIMIT_DEFAULT`] when left out, never more than [`LIMIT_MAX`].
    pub limit: Option<usize>,
    /// Where the page before ended: its [`Page::next`].
    pub cursor: Option<CallId>,
}

/// One page of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The calls, the newest first.
    pub calls: Vec<CallRecord>,
    /// The cursor of the page that follows; `None` on the last.
    pub next: Option<CallId>,
}

/// How a call stands or ended, as a list can be asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Somebody answered.
    Answered,
    /// Nobody answered and no rule rejected it.
    Missed,
    /// It has not ended.
    InProgress,
    /// It ended for this reason.
    Ended(FinishReason),
}

/// A word that is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no status of a call; use answered, missed, in-progress, or a finish reason such as busy or caller-gave-up"
)]
pub struct NoStatus(pub String);

impl Status {
    /// The word that [`FromStr`] reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Missed => "missed",
            Self::InProgress => "in-progress",
            Self::Ended(reason) => reason.word(),
        }
    }

    /// Every word that [`FromStr`] reads.
    pub fn words() -> impl Iterator<Item = &'static str> {
        [Self::Answered, Self::Missed, Self::InProgress]
            .into_iter()
            .chain(FinishReason::ALL.into_iter().map(Self::Ended))
            .map(Self::word)
    }

    /// Whether a call with these marks stands so.
    pub fn holds(self, answered: bool, missed: bool, reason: Option<FinishReason>) -> bool {
        match self {
            Self::Answered => answered,
            Self::Missed => missed,
            Self::InProgress => reason.is_none(),
            Self::Ended(wanted) => reason == Some(wanted),
        }
    }
}

impl FromStr for Status {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "answered" => Ok(Self::Answered),
            "missed" => Ok(Self::Missed),
            "in-progress" => Ok(Self::InProgress),
            _ => {
                let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
                FinishReason::deserialize(word)
                    .map(Self::Ended)
                    .map_err(|_| NoStatus(text.chars().take(64).collect()))
            }
        }
    }
}

impl Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a condition as JSON is none.
fn is_left_out(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(false) => true,
        serde_json::Value::Array(list) => list.is_empty(),
        serde_json::Value::Bool(true)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Object(_) => false,
    }
}

impl Query {
    /// Returns how many calls a page holds at most.
    pub fn page_size(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
    }

    /// The conditions as the log tells of them: of a text that is not in `listed` only that it was there, since it may be a
    /// number or somebody's words.
    pub(crate) fn told(
        &self,
        listed: &std::collections::BTreeSet<String>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut told = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(members)) => members,
            Ok(_) | Err(_) => serde_json::Map::new(),
        };
        told.retain(|name, value| match name.as_str() {
            "callback_open" => self.callback_open,
            "narrow" => !self.narrow.is_open(),
            _ => !value.is_null(),
        });
        let kept = |text: &str| listed.contains(text);
        let tell = |value: &mut serde_json::Value| {
            if value.as_str().is_some_and(|text| !kept(text)) {
                *value = serde_json::Value::Bool(true);
            }
        };
        for (name, value) in &mut told {
            if let serde_json::Value::Object(narrow) = value {
                narrow.retain(|_, value| !is_left_out(value));
                narrow.values_mut().for_each(tell);
                // Which outcomes are sales is the configuration's.
                for name in ["customers", "leads"] {
                    if let Some(sales) = narrow.get_mut(name) {
                        *sales = serde_json::Value::Bool(true);
                    }
                }
            } else if let serde_json::Value::Array(texts) = value {
                texts.iter_mut().for_each(tell);
            } else if !["since", "until", "status", "cursor"].contains(&name.as_str()) {
                // Those are no texts of anybody.
                tell(value);
            }
        }
        told
    }

    /// Whether `record` is one of those asked for. The cursor is not looked at.
    pub fn matches(&self, record: &CallRecord) -> bool {
        let is = |wanted: &Option<String>, has: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| has == Some(wanted))
        };
        record.tracked
            && self.since.is_none_or(|since| record.started_at >= since)
            && self.until.is_none_or(|until| record.started_at < until)
            && is(&self.project, Some(&record.project))
            && self
                .projects
                .as_ref()
                .is_none_or(|all| all.iter().any(|project| **project == *record.project))
            && is(&self.source, Some(&record.source))
            && is(&self.channel, record.channel.as_deref())
            && is(&self.campaign, record.campaign.as_deref())
            && is(&self.category, record.category.as_deref())
            && is(&self.manager, record.manager.as_deref())
            && self.status.is_none_or(|status| {
                status.holds(record.answered, record.missed, record.finish_reason)
            })
            && self
                .tag
                .as_ref()
                .is_none_or(|tag| record.tags.contains(tag))
            && is(&self.outcome, record.outcome.as_deref())
            && is(&self.goal, record.goal.as_deref())
            && is(&self.stage, record.stage.as_deref())
            && self
                .target
                .is_none_or(|target| record.target == Some(target))
            && self.repeat.is_none_or(|repeat| match repeat {
                true => record.prior_calls > 0,
                false => record.first_call,
            })
            && (!self.callback_open || record.awaits_callback())
            && self.narrow.matches(record)
            && self.caller_matches(record)
            && self.text_occurs(record)
    }

    fn caller_matches(&self, record: &CallRecord) -> bool {
        let Some(wanted) = &self.caller else {
            return true;
        };
        let Some(caller) = &record.caller else {
            return false;
        };
        let caller = caller.to_string();
        match wanted.strip_suffix('*') {
            Some(prefix) => caller.starts_with(prefix),
            None => caller == *wanted,
        }
    }

    fn text_occurs(&self, record: &CallRecord) -> bool {
        let Some(text) = &self.q else {
            return true;
        };
        let text = text.to_lowercase();
        let caller = record.caller.as_ref().map(ToString::to_string);
        let dialled = record.virtual_number.to_string();
        [
            caller.as_deref(),
            Some(dialled.as_str()),
            Some(&record.source),
            record.campaign.as_deref(),
            record.manager.as_deref(),
            record.destination.as_deref(),
            record.note.as_deref(),
        ]
        .into_iter()
        .flatten()
        .chain(record.notes.iter().map(|note| note.text.as_str()))
        .any(|field| field.to_lowercase().contains(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_from_its_word() {
        for status in [
            Status::Answered,
            Status::Missed,
            Status::InProgress,
            Status::Ended(FinishReason::CallerGaveUp),
            Status::Ended(FinishReason::Crashed),
        ] {
            assert_eq!(status.word().parse(), Ok(status));
        }
        assert!("gone".parse::<Status>().is_err());
        assert!(Status::words().all(|word| word.parse::<Status>().is_ok()));
    }

    #[test]
    fn a_page_is_never_empty_by_its_limit_and_never_endless() {
        let with = |limit| {
            Query {
                limit,
                ..Query::default()
            }
            .page_size()
        };
        assert_eq!(with(None), LIMIT_DEFAULT);
        assert_eq!(with(Some(0)), 1);
        assert_eq!(with(Some(usize::MAX)), LIMIT_MAX);
    }
}
