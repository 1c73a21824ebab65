//! What rows and index need of an event: making them again reads every line, and most of what the long ones say is for the
//! record alone. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::quality::FixedState;
use serde::Deserialize;

use crate::base::number::{Caller, Number};
use crate::call::story::{FinishReason, HungUpBy, SourceTag, Tried, TriedResult};
use crate::recording::command::State;
use crate::store::event::upkeep::{Checkpoint, Upkeep};
use crate::store::event::{Answered, Began, BeganPersonal, Ended, Event, Hashed, Parts, Recorded};
use crate::store::spoken::Used;

/// Most words kept by [`Words`]: those of a large house many times over.
const WORDS_MAX: usize = 65_536;

/// Words that come in one line after the other, each kept once: a log names the same few sources and managers a million times.
#[derive(Debug, Default)]
pub(crate) struct Words(HashSet<Arc<str>, FixedState>);

impl Words {
    fn keep(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return Arc::clone(known);
        }
        let word: Arc<str> = word.into();
        if self.0.len() < WORDS_MAX {
            self.0.insert(Arc::clone(&word));
        }
        word
    }
}

// A word with something escaped in it is no slice of its line; such a line is read whole.

/// What rows have of `began`.
#[derive(Deserialize)]
struct BeganGist<'a> {
    #[serde(borrow)]
    source: SourceGist<'a>,
    tracked: bool,
    virtual_number: Number,
    prior_calls: u32,
    #[serde(default)]
    rule: Option<&'a str>,
}

#[derive(Deserialize)]
struct SourceGist<'a> {
    project: &'a str,
    tag: &'a str,
    channel: Option<&'a str>,
    campaign: Option<&'a str>,
    category: Option<&'a str>,
}

#[derive(Deserialize)]
struct BeganPersonalGist {
    caller: Caller,
}

/// What rows have of `answered`, and whether a recording is awaited.
#[derive(Deserialize)]
struct AnsweredGist<'a> {
    rule: &'a str,
    manager: Option<&'a str>,
    destination: &'a str,
    recorded: bool,
}

/// What rows have of `ended`.
#[derive(Deserialize)]
struct EndedGist<'a> {
    rule: Option<&'a str>,
    #[serde(borrow)]
    targets_tried: Vec<TriedGist<'a>>,
    manager: Option<&'a str>,
    destination: Option<&'a str>,
    wait_ms: u64,
    talk_ms: u64,
    answered: bool,
    missed: bool,
    finish_reason: FinishReason,
}

#[derive(Deserialize)]
struct TriedGist<'a> {
    target: &'a str,
    result: TriedResult,
}

impl Event {
    /// The event of a line that is known to be sound, where rows and index need no more of it than its word.
    pub(crate) fn bare(name: &str) -> Option<Self> {
        let used = Used { by: String::new() };
        match name {
            "ringing" => Some(Self::Ringing),
            "hashed" => Some(Self::Hashed(Hashed {
                sha256: String::new(),
                file: None,
                bytes: None,
            })),
            "recorded" => Some(Self::Recorded(Box::new(Recorded {
                file: String::new(),
                duration_ms: 0,
                sample_rate_hz: 0,
                channels: 0,
                bytes: 0,
                state: State::Complete,
                gaps: Vec::new(),
                pauses: Vec::new(),
                parts: Vec::new(),
            }))),
            "played" => Some(Self::Played(used)),
            "downloaded" => Some(Self::Downloaded(used)),
            "checkpoint" => Some(Self::Upkeep(Upkeep::Checkpoint(Checkpoint::default()))),
            _ => None,
        }
    }

    /// Whether a call that was over still is after this.
    pub(crate) const fn leaves_a_call_over(&self) -> bool {
        match self {
            Self::Began(_)
            | Self::Ringing
            | Self::Answered(_)
            | Self::Transferred(_)
            | Self::Ended(_) => false,
            Self::Recorded(_)
            | Self::Hashed(_)
            | Self::Played(_)
            | Self::Downloaded(_)
            | Self::Said(_)
            | Self::Pinned(_)
            | Self::Unpinned(_)
            | Self::House(_)
            | Self::Pruned(_)
            | Self::Upkeep(_)
            | Self::Erased(_)
            | Self::Unknown => true,
        }
    }

    /// Reads an event as [`Self::read`] does, without what only records have. What a BYE needs, and the calls that were in
    /// progress, are read at their places.
    pub(crate) fn gist(
        name: &str,
        public: &str,
        pii: Option<&str>,
        words: &mut Words,
    ) -> serde_json::Result<Self> {
        let gist = match name {
            "began" => began(public, pii, words),
            "answered" => answered(public, words),
            "ended" => ended(public, words),
            "transferred" => Self::read(name, public, None),
            "checkpoint" => Ok(Self::Upkeep(Upkeep::Checkpoint(Checkpoint::default()))),
            _ => return Self::read(name, public, pii),
        };
        gist.or_else(|_| Self::read(name, public, pii))
    }
}

impl TriedGist<'_> {
    fn whole(&self) -> Tried {
        Tried {
            target: self.target.to_owned(),
            trunk: None,
            result: self.result,
            sip_status: None,
            ring_ms: 0,
        }
    }
}

fn began(public: &str, pii: Option<&str>, words: &mut Words) -> serde_json::Result<Event> {
    let said: BeganGist<'_> = serde_json::from_str(public)?;
    let personal: Option<BeganPersonalGist> = pii.map(serde_json::from_str).transpose()?;
    let source = SourceTag {
        project: words.keep(said.source.project),
        tag: words.keep(said.source.tag),
        channel: said.source.channel.map(|word| words.keep(word)),
        campaign: said.source.campaign.map(|word| words.keep(word)),
        category: said.source.category.map(|word| words.keep(word)),
    };
    Ok(Event::Began(Box::new(Parts {
        public: Began {
            source,
            tracked: said.tracked,
            caller_from: String::new(),
            virtual_number: said.virtual_number,
            trunk: words.keep(""),
            prior_calls: said.prior_calls,
            rule: said.rule.map(|word| words.keep(word)),
        },
        pii: personal.map(|personal| BeganPersonal {
            caller: personal.caller,
            sip_call_id: String::new(),
        }),
    })))
}

fn answered(public: &str, words: &mut Words) -> serde_json::Result<Event> {
    let said: AnsweredGist<'_> = serde_json::from_str(public)?;
    Ok(Event::Answered(Box::new(Parts {
        public: Answered {
            rule: words.keep(said.rule),
            manager: said.manager.map(|word| words.keep(word)),
            destination: said.destination.to_owned(),
            recorded: said.recorded,
        },
        pii: None,
    })))
}

fn ended(public: &str, words: &mut Words) -> serde_json::Result<Event> {
    let said: EndedGist<'_> = serde_json::from_str(public)?;
    Ok(Event::Ended(Box::new(Parts {
        public: Ended {
            rule: said.rule.map(|word| words.keep(word)),
            targets_tried: said.targets_tried.iter().map(TriedGist::whole).collect(),
            manager: said.manager.map(|word| words.keep(word)),
            destination: said.destination.map(str::to_owned),
            ringing_at: None,
            answered_at: None,
            wait_ms: said.wait_ms,
            talk_ms: said.talk_ms,
            total_ms: 0,
            answered: said.answered,
            missed: said.missed,
            finish_reason: said.finish_reason,
            hung_up_by: HungUpBy::System,
            sip_status: None,
            q850_cause: None,
            legs: Vec::new(),
            transfers: Vec::new(),
        },
        pii: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows::Rows;
    use crate::store::trial::Script;

    #[test]
    fn rows_of_the_gist_are_those_of_the_whole() {
        let call = Script::nth(1);
        let (mut whole, mut gist) = (Rows::default(), Rows::default());
        let mut words = Words::default();
        let facts = [
            call.began(),
            call.ringing(),
            call.answered(),
            call.ended(),
            call.missed(),
        ];
        let at = call.at;
        let events = facts
            .into_iter()
            .map(|fact| (fact.at, Event::from(fact.what)));
        let used = || Used { by: "anna".into() };
        let more = [
            Event::Recorded(Box::new(call.outcome().into())),
            Event::Hashed(Hashed {
                sha256: "ab".repeat(32),
                file: None,
                bytes: None,
            }),
            Event::Played(used()),
            Event::Downloaded(used()),
        ];
        let more = more.into_iter().map(|event| (at, event));
        for ((at, event), n) in events.chain(more).zip(1..) {
            let (mut public, mut pii) = (Vec::new(), Vec::new());
            event.write_public(&mut public).unwrap();
            let has_pii = event.write_pii(&mut pii).unwrap();
            let (public, pii) = (String::from_utf8(public), String::from_utf8(pii));
            let pii = pii.unwrap();
            let pii = has_pii.then_some(pii.as_str());
            let less = Event::bare(event.name()).unwrap_or_else(|| {
                Event::gist(event.name(), &public.unwrap(), pii, &mut words).unwrap()
            });
            assert_eq!(less.name(), event.name());
            whole.apply(call.id, n, at, &event);
            gist.apply(call.id, n, at, &less);
            assert_eq!(gist.list(), whole.list(), "{}", event.name());
        }
    }

    #[test]
    fn a_line_with_something_escaped_in_a_word_is_read_whole() {
        let mut words = Words::default();
        let script = Script::nth(1);
        let Event::Ended(mut parts) = Event::from(script.ended().what) else {
            panic!("it ends");
        };
        parts.public.manager = Some("anna \"the first\"".into());
        let event = Event::Ended(parts);
        let mut public = Vec::new();
        event.write_public(&mut public).unwrap();
        let public = String::from_utf8(public).unwrap();
        let Event::Ended(read) = Event::gist("ended", &public, None, &mut words).unwrap() else {
            panic!("it ends");
        };
        assert_eq!(read.public.manager.as_deref(), Some("anna \"the first\""));
        assert!(Event::gist("ended", "{}", None, &mut words).is_err());
    }
}
