//! Records as the pages show them: numbers as they are written, times of the project, words for words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::state::{Rules, State};
use crate::base::country;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::store::record::CallRecord;
use crate::store::remark::CalledBack;
use crate::track::CURRENCY;
use crate::web::dates::Dates;
use crate::web::figures;
use crate::web::frame::form_urlencoded;
use crate::web::row::{Callback, Link, Row, Standing};
use crate::web::words::Words;

/// Longest note in a list; the whole of it is on the call.
const NOTE_MAX: usize = 160;

/// What is needed to show calls.
pub(super) struct Shower {
    /// Names that people read.
    pub(super) rules: Arc<Rules>,
    /// The words.
    pub(super) words: &'static Words,
    /// Where no project is meant: the first one's zone.
    pub(super) dates: Dates,
    by_project: BTreeMap<Arc<str>, Dates>,
}

impl Shower {
    /// Shows calls at `now`.
    pub(super) fn new(state: &State, words: &'static Words, now: WallTime) -> Self {
        let rules = state.rules();
        let projects = rules.tracking.projects();
        let by_project = projects.iter().map(|project| {
            let dates = Dates::new(project.time_zone.clone(), now, words);
            (Arc::clone(&project.id), dates)
        });
        let by_project: BTreeMap<_, _> = by_project.collect();
        let first = projects.first().and_then(|first| by_project.get(&first.id));
        let utc = || Dates::new(jiff::tz::TimeZone::UTC, now, words);
        Self {
            dates: first.cloned().unwrap_or_else(utc),
            by_project,
            rules,
            words,
        }
    }

    /// The times of a project; of one that the configuration no longer has, those of the first.
    pub(super) fn dates(&self, project: &str) -> &Dates {
        self.by_project.get(project).unwrap_or(&self.dates)
    }

    /// The currency of a project.
    pub(super) fn currency(&self, project: &str) -> &str {
        let project = self.rules.tracking.project(project);
        project.map_or(CURRENCY, |project| &project.currency)
    }

    /// A call as a row of a list whose times are `dates`: in one list all times are of one zone, or they would stand out of
    /// order.
    pub(super) fn row(&self, call: &CallRecord, dates: &Dates) -> Row {
        let standing = standing(call);
        let (ticks_from, length) = self.length(call, standing);
        Row {
            id: call.id.to_string(),
            version: call.version,
            time: dates.time(call.started_at),
            time_full: dates.full(call.started_at),
            time_machine: call.started_at.to_string(),
            caller: self.caller(call.caller.as_ref()),
            visits: self.visits(call),
            source: call.source.to_string(),
            source_more: joined([call.channel.as_deref(), call.campaign.as_deref()]),
            standing,
            standing_text: self.words.say(&format!("standing-{}", standing.word())),
            ticks_from,
            length,
            why: self.why(call, standing),
            manager: self.answered_by(call),
            waited: self.waited(call, standing),
            tags: call.tags.iter().map(|tag| tag_link(tag)).collect(),
            said: self.said(call),
            note: call.note.as_deref().map(brief).unwrap_or_default(),
            recorded: call.recording.is_some(),
            callback: self.callback(call, dates),
        }
    }

    /// Who called.
    pub(super) fn caller(&self, caller: Option<&Caller>) -> String {
        match caller {
            Some(Caller::Number(number)) => country::written(*number),
            Some(Caller::Other(text)) => text.to_string(),
            Some(Caller::Anonymous) => self.words.say("caller-anonymous"),
            None => self.words.say("caller-erased"),
        }
    }

    /// First call, or which of how many.
    pub(super) fn visits(&self, call: &CallRecord) -> String {
        if call.first_call {
            self.words.say("visit-first")
        } else if call.prior_calls > 0 {
            let nth = figures::grouped(u64::from(call.prior_calls) + 1, self.words.language());
            self.words.with("visit-nth", &nth)
        } else {
            String::new()
        }
    }

    /// Who answered, by the name that people read.
    pub(super) fn answered_by(&self, call: &CallRecord) -> String {
        match (&call.manager, &call.destination) {
            (Some(manager), _) => self.manager(manager),
            (None, Some(destination)) => dialled(destination),
            (None, None) => String::new(),
        }
    }

    /// A manager's name.
    pub(super) fn manager(&self, id: &str) -> String {
        let manager = self.rules.routing.manager(id);
        manager.map_or_else(|| id.to_owned(), |manager| manager.label.to_string())
    }

    /// The moment from which a call's time runs, and how long it ran.
    fn length(&self, call: &CallRecord, standing: Standing) -> (Option<i64>, String) {
        let runs = |from: WallTime| {
            let length = figures::clock(self.dates.ago_ms(from));
            (Some(from.as_millis()), length)
        };
        match standing {
            Standing::Ringing => runs(call.started_at),
            Standing::Talking => runs(call.answered_at.unwrap_or(call.started_at)),
            Standing::Answered => (None, figures::clock(call.talk_ms.unwrap_or_default())),
            Standing::Missed | Standing::Refused => (None, String::new()),
        }
    }

    /// Why it ended, where that is more than what the first word says.
    fn why(&self, call: &CallRecord, standing: Standing) -> String {
        let Some(reason) = call.finish_reason else {
            return String::new();
        };
        match (reason.word(), standing) {
            ("completed", Standing::Answered) | ("rejected", Standing::Refused) => String::new(),
            (word, _) => self.words.say(&format!("why-{word}")),
        }
    }

    fn waited(&self, call: &CallRecord, standing: Standing) -> String {
        let waited = match standing {
            Standing::Ringing | Standing::Refused => None,
            Standing::Talking | Standing::Answered | Standing::Missed => call.wait_ms,
        };
        waited.map_or_else(String::new, |waited| {
            let span = figures::spoken(waited, self.words);
            self.words.with("waited", &span)
        })
    }

    /// Goal, stage, outcome and worth.
    fn said(&self, call: &CallRecord) -> Vec<String> {
        let label = |kind, word: &Option<String>| {
            let word = word.as_deref();
            word.map(|word| self.label(kind, word))
        };
        let target = call
            .target
            .map(|is| self.words.say(&format!("target-{is}")));
        let value = call.value.map(|value| {
            figures::money(value, self.currency(&call.project), self.words.language())
        });
        let goal = label("goal", &call.goal);
        let stage = label("stage", &call.stage);
        let outcome = label("outcome", &call.outcome);
        [target, goal, stage, outcome, value]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether a missed caller was called back.
    fn callback(&self, call: &CallRecord, dates: &Dates) -> Option<Callback> {
        let callback = call.callback.as_ref()?;
        let text = match &callback.done {
            None if call.caller.is_none() => return None,
            None => {
                let span = figures::spoken(dates.ago_ms(callback.since), self.words);
                self.words.with("callback-open", &span)
            }
            Some(done) if done.by == CalledBack::CALLER => self.words.say("callback-caller"),
            Some(done) => self.words.with("callback-done", &self.who(&done.by)),
        };
        Some(Callback {
            open: callback.done.is_none(),
            text,
        })
    }
}

/// How a call stands.
pub(super) fn standing(call: &CallRecord) -> Standing {
    match (call.ended_at.is_some(), call.answered_at.is_some()) {
        (false, false) => Standing::Ringing,
        (false, true) => Standing::Talking,
        (true, _) if call.answered => Standing::Answered,
        (true, _) if call.missed => Standing::Missed,
        (true, _) => Standing::Refused,
    }
}

/// What was dialled, as it is written.
pub(super) fn dialled(text: &str) -> String {
    Number::e164(text).map_or_else(|| text.to_owned(), country::written)
}

fn tag_link(tag: &str) -> Link {
    Link {
        text: tag.to_owned(),
        href: format!("/?tag={}", form_urlencoded(tag)),
    }
}

fn joined<const N: usize>(parts: [Option<&str>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn brief(note: &str) -> String {
    let mut text: String = note.chars().take(NOTE_MAX).collect();
    if text.len() < note.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::call::story::{FinishReason, HungUpBy, Role, TriedResult};
    use crate::recording::command::State;
    use crate::store::remark::Field;
    use crate::track::{GOALS, OUTCOMES, STAGES};
    use crate::web::row::Standing;
    use crate::web::words::{Language, Words};

    #[test]
    fn everything_that_a_record_may_say_has_words_in_both_languages() {
        let mut names: Vec<String> = Vec::new();
        let mut add = |kind: &str, words: &mut dyn Iterator<Item = &str>| {
            names.extend(words.map(|word| format!("{kind}-{word}")));
        };
        add("why", &mut FinishReason::ALL.iter().map(|it| it.word()));
        add("tried", &mut TriedResult::ALL.iter().map(|it| it.word()));
        add("standing", &mut Standing::ALL.iter().map(|it| it.word()));
        add("goal", &mut GOALS.into_iter());
        add("stage", &mut STAGES.into_iter());
        add("outcome", &mut OUTCOMES.into_iter());
        let sides = [HungUpBy::Caller, HungUpBy::Callee, HungUpBy::System];
        add("path-by", &mut sides.iter().map(|it| it.word()));
        let roles = [Role::Caller, Role::Callee, Role::Transfer];
        add("leg", &mut roles.iter().map(|it| it.word()));
        let fields = [
            Field::Tags,
            Field::Target,
            Field::Goal,
            Field::Stage,
            Field::Outcome,
            Field::Value,
            Field::Note,
            Field::CalledBack,
            Field::Pinned,
        ];
        add("field", &mut fields.iter().map(|it| it.word()));
        for state in [
            State::Complete,
            State::Partial,
            State::Truncated,
            State::Repaired,
        ] {
            names.push(format!("recording-{state:?}").to_lowercase());
        }
        for language in Language::ALL {
            for name in &names {
                assert!(Words::of(language).has(name), "{language:?} lacks {name}");
            }
        }
    }
}
