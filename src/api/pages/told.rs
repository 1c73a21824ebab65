//! What people said of a call and did with it, in words: for the form, and for the history.

use crate::api::pages::show::Shower;
use crate::store::export::{Export, Had};
use crate::store::record::CallRecord;
use crate::store::remark::{Field, Kind, Said as Change, UseKind, Words as Value};
use crate::track::Labels;
use crate::web::call::{Entry, Said};
use crate::web::figures;
use crate::web::list::Choice;

/// Most entries of a history on a page; a call has few, and the log keeps all.
const HISTORY_MAX: usize = 100;

impl Shower {
    /// What a call was, as a form has it.
    pub(super) fn told(&self, call: &CallRecord) -> Said {
        let project = self.rules.tracking.project(&call.project);
        let labels = project.map_or_else(Labels::default, |project| project.labels.clone());
        let target = ["true", "false"].map(|word| Choice {
            value: word.to_owned(),
            text: self.words.say(&format!("target-{word}")),
            chosen: call.target.is_some_and(|target| target.to_string() == word),
        });
        let one = |kind: &str, offered: &[_], has: &Option<String>| {
            let has: Vec<&str> = has.as_deref().into_iter().collect();
            self.choices(kind, offered, &has)
        };
        let tags: Vec<&str> = call.tags.iter().map(String::as_str).collect();
        Said {
            version: call.version,
            tags: self.choices("tag", &labels.tags, &tags),
            target: target.into(),
            goals: one("goal", &labels.goals, &call.goal),
            stages: one("stage", &labels.stages, &call.stage),
            outcomes: one("outcome", &labels.outcomes, &call.outcome),
            value: call
                .value
                .map(|value| value.to_string())
                .unwrap_or_default(),
            currency: self.currency(&call.project).to_owned(),
            note: call.note.clone().unwrap_or_default(),
            called_back: call
                .callback
                .as_ref()
                .map(|callback| callback.done.is_some()),
        }
    }

    /// What is offered, and what the call has beside that.
    pub(super) fn choices(
        &self,
        kind: &str,
        offered: &[std::sync::Arc<str>],
        has: &[&str],
    ) -> Vec<Choice> {
        let others = has
            .iter()
            .copied()
            .filter(|text| !offered.iter().any(|offered| **offered == **text));
        let all = offered.iter().map(|text| &**text).chain(others);
        all.map(|text| Choice {
            value: text.to_owned(),
            text: self.label(kind, text),
            chosen: has.contains(&text),
        })
        .collect()
    }

    /// A word of a project: those that come with ringtag are translated, others are as they are configured.
    pub(super) fn label(&self, kind: &str, word: &str) -> String {
        if kind == "tag" {
            return word.to_owned();
        }
        self.words.say_or(&format!("{kind}-{word}"), word)
    }

    /// Changes, uses and the tables that it was taken in, the newest first.
    pub(super) fn history(&self, call: &CallRecord, exports: &[Export]) -> Vec<Entry> {
        let dates = self.dates(&call.project);
        let entry = |n, at, by: &str, text| Entry {
            n,
            when: dates.short(at),
            machine: at.to_string(),
            who: self.who(by),
            text,
        };
        let mut entries: Vec<_> = call
            .said
            .iter()
            .map(|said| {
                (
                    said.at,
                    entry(said.n, said.at, &said.by, self.change(call, said)),
                )
            })
            .collect();
        entries.extend(call.uses.iter().map(|used| {
            let text = self.words.say(match used.what {
                UseKind::Played => "history-played",
                UseKind::Downloaded => "history-downloaded",
            });
            (used.at, entry(0, used.at, &used.by, text))
        }));
        entries.extend(exports.iter().filter_map(|export| {
            let word = match export.had(call)? {
                Had::Surely => "history-exported",
                Had::Perhaps => "history-perhaps-exported",
            };
            let text = self.words.count(word, export.calls);
            Some((export.at, entry(0, export.at, &export.by, text)))
        }));
        entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let entries = entries.into_iter().map(|(_, entry)| entry);
        entries.take(HISTORY_MAX).collect()
    }

    /// Who did something, as pages name them.
    pub(super) fn who(&self, by: &str) -> String {
        if by == "this machine" {
            self.words.say("by-machine")
        } else {
            by.to_owned()
        }
    }

    /// `Goal: Price → Order`.
    fn change(&self, call: &CallRecord, said: &Change) -> String {
        let words = self.words;
        let field = words.say(&format!("field-{}", said.what.word()));
        let show = |value: &Value| self.value(call, said.what, value);
        let text = match (&said.from, &said.to) {
            (_, None) => return words.with("history-removed", &field),
            (Some(from), Some(to)) if !is_long(said.what) => {
                words.with_both("history-to", &show(from), &show(to))
            }
            (_, Some(to)) => show(to),
        };
        let text = words.with_both("history-change", &field, &text);
        match said.kind {
            Kind::Person => text,
            Kind::Machine => format!("{text} (ringtag)"),
        }
    }

    fn value(&self, call: &CallRecord, field: Field, value: &Value) -> String {
        let words = self.words;
        match value {
            Value::Flag(flag) if field == Field::Target => words.say(&format!("target-{flag}")),
            Value::Flag(true) => words.say("history-flag-yes"),
            Value::Flag(false) => words.say("history-flag-no"),
            Value::Amount(value) => {
                figures::money(*value, self.currency(&call.project), words.language())
            }
            Value::Text(text) => self.label(field.word(), text),
            Value::List(list) => list.join(", "),
        }
    }
}

/// What is too long to stand twice in a line.
const fn is_long(field: Field) -> bool {
    matches!(field, Field::Note | Field::Pinned)
}
