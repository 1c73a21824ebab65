//! What rows and index need of an event: making them again reads every line, and most of what the long ones say is for the
//! record alone. Pure.

use std::sync::Arc;

use serde::Deserialize;

use crate::call::story::{FinishReason, HungUpBy};
use crate::store::event::{Checkpoint, Ended, Event, Parts};

/// What rows have of `ended`.
#[derive(Deserialize)]
struct EndedGist {
    manager: Option<Arc<str>>,
    destination: Option<String>,
    wait_ms: u64,
    talk_ms: u64,
    answered: bool,
    missed: bool,
    finish_reason: FinishReason,
}

impl Event {
    /// Reads an event as [`Self::read`] does, without what only records have.
    pub(crate) fn gist(name: &str, public: &str, pii: Option<&str>) -> serde_json::Result<Self> {
        match name {
            "ended" => {
                let said: EndedGist = serde_json::from_str(public)?;
                Ok(Self::Ended(Box::new(Parts {
                    public: said.into(),
                    pii: None,
                })))
            }
            // What a BYE needs, and the calls that were in progress, are read at their places.
            "answered" | "transferred" => Self::read(name, public, None),
            "checkpoint" => Ok(Self::Checkpoint(Checkpoint::default())),
            _ => Self::read(name, public, pii),
        }
    }
}

impl From<EndedGist> for Ended {
    fn from(said: EndedGist) -> Self {
        Self {
            rule: None,
            targets_tried: Vec::new(),
            manager: said.manager,
            destination: said.destination,
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
        }
    }
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
        let facts = [
            call.began(),
            call.ringing(),
            call.answered(),
            call.ended(),
            call.missed(),
        ];
        for (fact, n) in facts.into_iter().zip(1..) {
            let event = Event::from(fact.what);
            let (mut public, mut pii) = (Vec::new(), Vec::new());
            event.write_public(&mut public).unwrap();
            let has_pii = event.write_pii(&mut pii).unwrap();
            let (public, pii) = (String::from_utf8(public), String::from_utf8(pii));
            let pii = pii.unwrap();
            let pii = has_pii.then_some(pii.as_str());
            let less = Event::gist(event.name(), &public.unwrap(), pii).unwrap();
            whole.apply(call.id, n, fact.at, &event);
            gist.apply(call.id, n, fact.at, &less);
            assert_eq!(gist.list(), whole.list(), "{}", event.name());
        }
    }
}
