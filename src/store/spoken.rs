//! What people said of one call: the events of the log, and how their lines become a part of its record. Pure.
//!
//! The text of a note is personal: people write down who called. So is a tag, a goal, a stage or an outcome that stands in no
//! list of the configuration. They go with the person when that one is erased; the words of the lists stay.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::store::event::Parts;
use crate::store::fold::Stamp;
use crate::store::record::CallRecord;
use crate::store::remark::{Callback, CalledBack, Field, Kind, Pinned, Said, Use, UseKind, Words};
use crate::store::say::Say;

/// Most plays and downloads that a record shows, the newest: the log has them all.
const USES_SHOWN: usize = 200;

/// Most changes that a record shows, the newest: the log has them all.
pub(crate) const CHANGES_SHOWN: usize = 200;

/// `said`, public. A member that is missing was not changed; `null` takes away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SaidLine {
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    /// Those of the lists. Lines of earlier versions have all tags here, and goal, stage and outcome whatever they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) target: Option<Option<bool>>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) goal: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) stage: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) outcome: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) value: Option<Option<f64>>,
    /// `true`: the personal part has the text; `false`: it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) called_back: Option<bool>,
    /// The personal part has words that are in no list.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) own_words: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

/// A member that is there says something, also with `null`.
fn there<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// `said`, personal; the line has none where all of this is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SaidPersonal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// All tags in their order, where one of them is in no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) goal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
}

/// `pinned`, public. The number of the line names the note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinnedLine {
    pub(crate) by: String,
    /// Where in the recording.
    pub(crate) at_ms: u64,
}

/// `pinned`, personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinnedPersonal {
    pub(crate) text: String,
}

/// `unpinned`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unpinned {
    pub(crate) by: String,
    /// The number of the line that pinned it.
    pub(crate) id: u64,
}

/// `played` and `downloaded`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) by: String,
}

/// `exported`: calls left the house as a table. It tells nobody's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exported {
    pub(crate) by: String,
    /// How many.
    pub(crate) calls: u64,
    /// The conditions, as members of a query; of those that may hold a number only that they were there.
    pub(crate) filter: serde_json::Map<String, serde_json::Value>,
}

impl SaidLine {
    /// The two parts of what `by` says.
    pub(crate) fn split(say: Say, by: String, kind: Kind) -> Parts<Self, SaidPersonal> {
        let listed = say.listed;
        let is_own = |word: &String| !listed.contains(word);
        let own = |said: &Option<Option<String>>| said.clone().flatten().filter(is_own);
        let label = |said: Option<Option<String>>| said.map(|word| word.filter(|w| !is_own(w)));
        let own_tags = say.tags.clone().filter(|tags| tags.iter().any(is_own));
        let words = SaidPersonal {
            note: None,
            tags: own_tags,
            goal: own(&say.goal),
            stage: own(&say.stage),
            outcome: own(&say.outcome),
        };
        let own_words = words != SaidPersonal::default();
        let tags = say.tags.map(|mut tags| {
            tags.retain(|tag| !is_own(tag));
            tags
        });
        let public = Self {
            by,
            kind,
            tags,
            target: say.target,
            goal: label(say.goal),
            stage: label(say.stage),
            outcome: label(say.outcome),
            value: say.value,
            note: say.note.as_ref().map(Option::is_some),
            called_back: say.called_back,
            own_words,
        };
        let pii = SaidPersonal {
            note: say.note.flatten(),
            ..words
        };
        Parts {
            public,
            pii: (pii != SaidPersonal::default()).then_some(pii),
        }
    }
}

impl Parts<SaidLine, SaidPersonal> {
    /// All tags that it gives; `None`: it says nothing of tags.
    pub(crate) fn tags(&self) -> Option<&[String]> {
        let labels = self.public.tags.as_ref()?;
        let all = self.pii.as_ref().and_then(|pii| pii.tags.as_ref());
        Some(all.unwrap_or(labels))
    }

    /// The goal that it gives or takes away; `None`: it says nothing of goals. The next two likewise.
    pub(crate) fn goal(&self) -> Option<Option<&str>> {
        let own = self.pii.as_ref().and_then(|pii| pii.goal.as_deref());
        whole(self.public.goal.as_ref(), own)
    }

    pub(crate) fn stage(&self) -> Option<Option<&str>> {
        let own = self.pii.as_ref().and_then(|pii| pii.stage.as_deref());
        whole(self.public.stage.as_ref(), own)
    }

    pub(crate) fn outcome(&self) -> Option<Option<&str>> {
        let own = self.pii.as_ref().and_then(|pii| pii.outcome.as_deref());
        whole(self.public.outcome.as_ref(), own)
    }

    /// The note that it has.
    pub(crate) fn note(&self) -> Option<&str> {
        self.pii.as_ref()?.note.as_deref()
    }

    /// It had words that are in no list, and they are gone with the person.
    const fn lost_words(&self) -> bool {
        self.public.own_words && self.pii.is_none()
    }
}

fn whole<'a>(label: Option<&'a Option<String>>, own: Option<&'a str>) -> Option<Option<&'a str>> {
    label.map(|label| own.or(label.as_deref()))
}

/// What the lines of one call have said so far, in the order of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spoken {
    lines: Vec<(Stamp, Line)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Line {
    Said(Box<Parts<SaidLine, SaidPersonal>>),
    Pinned(Box<Parts<PinnedLine, PinnedPersonal>>),
    Unpinned(Unpinned),
    Used(UseKind, Used),
}

impl Spoken {
    /// Takes in one line.
    pub(crate) fn apply(&mut self, stamp: Stamp, line: Line) {
        let at = self.lines.partition_point(|(other, _)| other.n < stamp.n);
        if self
            .lines
            .get(at)
            .is_none_or(|(other, _)| other.n != stamp.n)
        {
            self.lines.insert(at, (stamp, line));
        }
    }

    /// Lays what was said over the record.
    pub(crate) fn show(self, record: &mut CallRecord) {
        if record.missed {
            record.callback = Some(Callback {
                since: record.ended_at.unwrap_or(record.started_at),
                done: None,
            });
        }
        let mut held = BTreeSet::new();
        for (stamp, line) in self.lines {
            match line {
                Line::Said(parts) => say(record, &mut held, stamp, *parts),
                Line::Pinned(parts) => pin(record, stamp, *parts),
                Line::Unpinned(gone) => unpin(record, stamp, gone),
                Line::Used(what, used) => record.uses.push(Use {
                    at: stamp.at,
                    by: used.by,
                    what,
                }),
            }
        }
        let more = record.uses.len().saturating_sub(USES_SHOWN);
        record.uses.drain(..more);
        let more = record.said.len().saturating_sub(CHANGES_SHOWN);
        record.said.drain(..more);
    }
}

/// One person's or machine's line. What a person said of a field holds it against machines.
fn say(
    record: &mut CallRecord,
    held: &mut BTreeSet<Field>,
    stamp: Stamp,
    parts: Parts<SaidLine, SaidPersonal>,
) {
    let lost_words = parts.lost_words();
    let owned = |word: Option<Option<&str>>| word.map(|word| word.map(str::to_owned));
    let tags = parts.tags().map(<[String]>::to_vec);
    let (goal, stage, outcome) = (
        owned(parts.goal()),
        owned(parts.stage()),
        owned(parts.outcome()),
    );
    let note = parts.note().map(str::to_owned);
    let said = parts.public;
    let (by, kind) = (said.by, said.kind);
    let mut change = |what: Field, from: Option<Words>, to: Option<Words>| -> bool {
        match kind {
            Kind::Person => drop(held.insert(what)),
            Kind::Machine if held.contains(&what) => return false,
            Kind::Machine => {}
        }
        // A note that was erased has no words on either side, and was a change all the same. So were words of one's own.
        let is_word = matches!(
            what,
            Field::Tags | Field::Goal | Field::Stage | Field::Outcome
        );
        if from != to || what == Field::Note || (lost_words && is_word) {
            record.said.push(Said {
                n: stamp.n,
                at: stamp.at,
                by: by.clone(),
                kind,
                what,
                from,
                to,
            });
        }
        true
    };
    let list = |tags: &[String]| (!tags.is_empty()).then(|| Words::List(tags.to_vec()));
    let text = |text: &Option<String>| text.clone().map(Words::Text);
    if let Some(tags) = tags
        && change(Field::Tags, list(&record.tags), list(&tags))
    {
        record.tags = tags;
    }
    if let Some(target) = said.target
        && change(
            Field::Target,
            record.target.map(Words::Flag),
            target.map(Words::Flag),
        )
    {
        record.target = target;
    }
    if let Some(goal) = goal
        && change(Field::Goal, text(&record.goal), text(&goal))
    {
        record.goal = goal;
    }
    if let Some(stage) = stage
        && change(Field::Stage, text(&record.stage), text(&stage))
    {
        record.stage = stage;
    }
    if let Some(outcome) = outcome
        && change(Field::Outcome, text(&record.outcome), text(&outcome))
    {
        record.outcome = outcome;
    }
    if let Some(value) = said.value
        && change(
            Field::Value,
            record.value.map(Words::Amount),
            value.map(Words::Amount),
        )
    {
        record.value = value;
    }
    if said.note.is_some() && change(Field::Note, text(&record.note), text(&note)) {
        record.note = note;
    }
    if let Some(is_done) = said.called_back
        && let Some(callback) = &mut record.callback
    {
        let was_done = callback.done.is_some();
        let flag = |on: bool| Some(Words::Flag(on));
        if change(Field::CalledBack, flag(was_done), flag(is_done)) {
            callback.done = is_done.then_some(CalledBack { at: stamp.at, by });
        }
    }
}

fn pin(record: &mut CallRecord, stamp: Stamp, parts: Parts<PinnedLine, PinnedPersonal>) {
    let by = parts.public.by;
    let text = parts.pii.map(|pii| pii.text);
    record.said.push(Said {
        n: stamp.n,
        at: stamp.at,
        by: by.clone(),
        kind: Kind::Person,
        what: Field::Pinned,
        from: None,
        to: text.clone().map(Words::Text),
    });
    // One that was erased has nothing left to show.
    record.notes.extend(text.map(|text| Pinned {
        id: stamp.n,
        at_ms: parts.public.at_ms,
        text,
        by,
        at: stamp.at,
    }));
}

fn unpin(record: &mut CallRecord, stamp: Stamp, gone: Unpinned) {
    // Two may take it off at once, and one that was erased is gone already.
    let Some(place) = record.notes.iter().position(|note| note.id == gone.id) else {
        return;
    };
    record.said.push(Said {
        n: stamp.n,
        at: stamp.at,
        by: gone.by,
        kind: Kind::Person,
        what: Field::Pinned,
        from: Some(Words::Text(record.notes.remove(place).text)),
        to: None,
    });
}
