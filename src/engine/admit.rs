//! Who shall take a call: room, source, facts and rules put together into a verdict.

use std::cell::RefCell;
use std::sync::Arc;

use crate::base::chance::Chance;
use crate::base::id::CallId;
use crate::base::map::{Map, keyed};
use crate::base::number::Number;
use crate::base::time::WallTime;
use crate::call::desk::{Admission, Course, Question, RETRY_AFTER_S, Verdict};
use crate::call::story::SourceTag;
use crate::engine::setup::Rules;
use crate::recording::plan::should_record;
use crate::route::{Decision, Facts};
use crate::store::Store;
use crate::store::history::History;
use crate::track::Source;

/// What the door remembers between calls.
#[derive(Debug)]
pub(in crate::engine) struct Door {
    chance: Chance,
    /// How often each group was asked, for round-robin.
    turns: RefCell<Map<Box<str>, u64>>,
}

/// Whether there is room, as the engine sees it when the question comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Room {
    /// Ports, descriptors and the log take one more call.
    Free,
    /// The log takes its record, but nothing else does.
    RecordOnly,
}

impl Door {
    /// Starts with every group at its first member.
    pub(in crate::engine) fn new(mut chance: Chance) -> Self {
        let turns = RefCell::new(keyed(chance.next_u64()));
        Self { chance, turns }
    }

    /// Decides. `room` is what the engine found free for this call.
    pub(in crate::engine) fn decide(
        &mut self,
        rules: &Rules,
        store: &Store,
        wall: WallTime,
        question: &Question,
        room: Room,
    ) -> Verdict {
        let Some(number) = question.dialled else {
            return Verdict::NotOurs;
        };
        let Some(source) = rules.tracking.source(number) else {
            return Verdict::NotOurs;
        };
        let history = store.history(&source.project.id, &question.caller);
        let tracked = source.project.tracks(wall);
        let course = match room {
            Room::RecordOnly => Course::Overload {
                retry_after_s: RETRY_AFTER_S,
            },
            Room::Free => Course::Follow(self.follow(
                rules,
                store,
                wall,
                question,
                (number, source),
                &history,
            )),
        };
        let wish = match &course {
            Course::Follow(decision) => decision.record(),
            Course::Overload { .. } => None,
        };
        Verdict::Ours(Box::new(Admission {
            id: CallId::new(wall, &mut self.chance),
            wall,
            virtual_number: number,
            source: tag(source),
            tracked,
            prior_calls: history.prior_calls,
            record: should_record(tracked, wish, rules.record),
            course,
        }))
    }

    fn follow(
        &mut self,
        rules: &Rules,
        store: &Store,
        wall: WallTime,
        question: &Question,
        (number, source): (Number, &Source),
        history: &History,
    ) -> Decision {
        let turn = |group: &str| {
            let mut turns = self.turns.borrow_mut();
            let turn = turns.entry(group.into()).or_default();
            let now = *turn;
            *turn = turn.wrapping_add(1);
            now
        };
        let last_taken = |manager: &str| store.last_taken(manager);
        rules.routing.decide(&Facts {
            at: wall,
            source,
            number,
            caller: &question.caller,
            trunk: &question.trunk,
            prior_calls: history.prior_calls,
            last_manager: history.last_manager.as_deref(),
            rotation: &turn,
            last_taken: &last_taken,
            chance: self.chance.next_u64(),
        })
    }
}

fn tag(source: &Source) -> SourceTag {
    SourceTag {
        project: Arc::clone(&source.project.id),
        tag: Arc::clone(&source.tag),
        channel: source.channel.clone(),
        campaign: source.campaign.clone(),
        category: source.category.clone(),
    }
}
