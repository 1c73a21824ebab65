//! Another telephone picks a call up that still rings, by an INVITE of its own that names the early dialog with the one that
//! rings (RFC 3891 3): it answers in that one's place.
//!
//! Only early dialogs that our own INVITE began may be replaced; so the caller and the new party have both made an offer, and
//! each is answered with what the other one offered, as far as both can talk with it.

use std::sync::Arc;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::attempt::{Attempt, Stage};
use crate::call::machine::early::Fork;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::ring::FORKS_MAX;
use crate::call::machine::transfer::Brought;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{meets, reaches};
use crate::call::story::{Role, Transfer as Told, TriedResult};
use crate::call::trunk::Trunk;
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::message::{Request, Response};
use crate::sip::replaces::Replaces;
use crate::sip::transport::Path;

/// Two offers that meet: what each side is answered.
struct Met {
    to_caller: Session,
    to_new: Session,
}

impl Met {
    fn of(caller: &Session, new: &Session) -> Option<Self> {
        let (to_caller, to_new) = (new.again(caller)?, caller.again(new)?);
        let meet = meets(caller, &to_caller) && meets(new, &to_new);
        meet.then_some(Self { to_caller, to_new })
    }
}

impl Call {
    /// A target rings under this tag: who picks the call up names it.
    pub(super) fn note_rings_as(&mut self, index: usize, response: &Response) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let tag = response.headers().to().tag();
        let Some(tag) = tag.filter(|_| attempt.leg.trunk.transfers) else {
            return;
        };
        let rings_as = &mut attempt.rings_as;
        if rings_as.len() < FORKS_MAX && !rings_as.iter().any(|known| **known == *tag) {
            rings_as.push(tag.into());
        }
    }

    /// An INVITE that names the early dialog of a leg, while targets are tried.
    pub(super) fn picked_up(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (leg, replaces): (LegId, &Replaces),
        (server, request, path): (ServerKey, Request, Path),
        (trunk, offer): (&Arc<Trunk>, Option<Session>),
    ) {
        let checked = self
            .may_pick_up(hands, (leg, replaces), (trunk, &path), offer)
            .and_then(|found| match Answer::to_short_session(hands, &request) {
                Some(answer) => Err(answer),
                None => Ok(found),
            });
        let (in_place_of, offer) = match checked {
            Ok(found) => found,
            Err(answer) => return hands.reply(now, server, &request, answer),
        };
        let brought = Brought {
            in_place_of: Some(in_place_of),
            ..Brought::with(offer)
        };
        let came = (server, request, path);
        self.arrive(
            now,
            hands,
            trunk,
            came,
            (brought, in_place_of, Role::Callee),
        );
    }

    /// Whether it may: whose place it takes, and its offer.
    fn may_pick_up(
        &self,
        hands: &Hands,
        (leg, replaces): (LegId, &Replaces),
        (trunk, path): (&Arc<Trunk>, &Path),
        offer: Option<Session>,
    ) -> Result<(usize, Session), Answer> {
        let unknown = || Answer::status(481);
        // The caller's early dialog is one that it began itself.
        let index = self.attempt(leg).ok_or_else(unknown)?;
        let rings = self.attempts.get(index).ok_or_else(unknown)?;
        let is_named = *rings.leg.call_id == *replaces.call_id
            && rings.leg.tag.to_string() == *replaces.to_tag
            && rings.rings_as.contains(&replaces.from_tag);
        if !is_named || rings.client().is_none() || rings.held.is_some() {
            return Err(unknown());
        }
        if rings.leg.trunk.id != trunk.id {
            return Err(Answer::status(603));
        }
        // A call that was dialled securely goes on securely or not at all (RFC 5630 4.1).
        if self.caller.leg.sips && !path.transport.is_secure() {
            return Err(Answer::status(403));
        }
        // Somebody else is doing it; and a 2xx to the caller waits for its PRACK (RFC 3262 3).
        if self.attempts.iter().any(is_picking_up) || self.caller_owes_prack() {
            return Err(Answer::status(500).retry_after(RETRY_S));
        }
        if hands.usage.is_full(&trunk.id, trunk.max_calls) {
            return Err(Answer::status(503).retry_after(RETRY_S));
        }
        let both = self.caller.offer.as_deref().zip(offer);
        let met = both.filter(|(caller, new)| Met::of(caller, new).is_some());
        let (_, offer) = met.ok_or_else(|| Answer::status(488))?;
        Ok((index, offer))
    }

    fn caller_owes_prack(&self) -> bool {
        let forks = self.attempts.iter().flat_map(|one| &one.forks);
        let shown = forks.filter_map(|fork: &Fork| fork.shown.as_ref());
        shown
            .chain(&self.caller.early)
            .any(|shown| shown.sender.holds_2xx())
    }

    /// Its ports are there: both are answered, and everybody else stops ringing.
    pub(super) fn pick_up(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get(index) else {
            return;
        };
        let known = attempt.brought.as_ref().and_then(|brought| {
            let met = Met::of(self.caller.offer.as_deref()?, &brought.offer)?;
            let reached = reaches(attempt.leg.address(), &brought.offer);
            reached.then(|| (brought.in_place_of, brought.offer.clone(), met))
        });
        let Some((in_place_of, offer, met)) = known else {
            let result = TriedResult::CodecMismatch;
            return self.target_failed(now, hands, index, result, None);
        };
        self.give_up_the_others(now, hands, index);
        self.timers.clear();
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.stage = Stage::Up;
        }
        if let Some(story) = &mut self.story {
            story.answered_at = Some(now);
            story.taken_by = Some(index);
        }
        self.answer_arrived(now, hands, index, (&offer, &met.to_new));
        let early = self.answer_the_caller(now, hands, index, None, &met.to_caller);
        self.bring_up(now, hands, index, (None, early), &met.to_caller);
        self.note_picked_up(now, hands, index, in_place_of);
    }

    /// The record names who rang and who took it.
    fn note_picked_up(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        in_place_of: Option<usize>,
    ) {
        if let State::Up(up) = &mut self.state {
            up.transfers += 1;
        }
        let dialog = self
            .attempts
            .get(index)
            .and_then(|one| Some(hands.keep(&one.leg, one.leg.dialog.as_ref()?)));
        let Some(at) = self.wall_at(now) else { return };
        let told = Told {
            at,
            by: in_place_of.map_or_else(String::new, |index| self.name_of_target(index)),
            to: self.name_of_target(index),
            result: TriedResult::Answered,
            sip_status: Some(200),
            joined: None,
        };
        self.tell_transfer(now, hands, told, dialog);
    }
}

/// Whether somebody came for a call that rings, and waits for its ports.
fn is_picking_up(attempt: &Attempt) -> bool {
    let arrived = |brought: &Brought| brought.arrived.is_some();
    attempt.brought.as_deref().is_some_and(arrived)
}

#[cfg(test)]
mod tests;
