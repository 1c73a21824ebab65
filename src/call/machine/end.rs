//! The end of a call: every peer is told, every port given back, and when the counters are in, the record is told once.

use std::time::Duration;

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::identity::destination;
use crate::call::leg::{Leg, Ports};
use crate::call::machine::attempt::{Attempt, Stage};
use crate::call::machine::{Call, State};
use crate::call::story::{Ended, FinishReason, HungUpBy, TriedResult, What};
use crate::call::timers::{CLOSING, Timer};
use crate::call::unfit::Unfit;
use crate::sip::endpoint::ServerKey;

/// Why a call ends, and what its peers are told.
#[derive(Clone, Debug)]
pub(in crate::call) struct End {
    pub(in crate::call) reason: FinishReason,
    pub(in crate::call) by: HungUpBy,
    /// What a caller hears who was not answered.
    pub(in crate::call) status: u16,
    pub(in crate::call) retry_after_s: Option<u32>,
    /// Passed on to the other side.
    pub(in crate::call) why: Why,
    /// The leg that hung up itself: it needs no BYE.
    pub(in crate::call) gone: Option<LegId>,
}

/// What is known of the end while the counters are awaited.
#[derive(Debug)]
pub(in crate::call) struct Ending {
    at: Moment,
    reason: FinishReason,
    by: HungUpBy,
    status: u16,
    q850: Option<u8>,
}

impl Call {
    /// Ends the call from whatever state it is in. Only the first end counts.
    pub(in crate::call) fn end(&mut self, now: Moment, hands: &mut Hands, end: End) {
        let answered = match &mut self.state {
            State::Asking { given_up } => {
                if given_up.is_none() {
                    *given_up = Some(end.clone());
                    // The record waits for the engine, the caller does not.
                    self.answer_caller(now, hands, end.answer());
                }
                return;
            }
            State::Hunting(_) => None,
            State::Up(up) => Some(up.answered),
            State::Ending(_) | State::Over => return,
        };
        self.finish(now, hands, &end, answered);
    }

    /// Ends an admitted call: tells the peers, gives the ports back, and waits for the counters.
    pub(super) fn finish(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        end: &End,
        answered: Option<usize>,
    ) {
        self.abandon_transfer(now, hands);
        self.abandon_lending(now, hands);
        self.timers.clear();
        let unacked = self.settle(now, hands);
        let recording = matches!(&self.state, State::Up(up) if up.recording);
        self.state = State::Over;
        for index in 0..self.attempts.len() {
            if self.attempts.get(index).is_some_and(Attempt::is_trying) {
                self.give_up(now, hands, index, TriedResult::Cancelled, end.why);
            }
        }
        self.caller.early = None;
        self.answer_caller(now, hands, end.answer());
        self.say_bye(now, hands, end, answered, unacked);
        if let Some(call) = self.id().filter(|_| recording) {
            Self::media(hands, MediaWish::StopRecord { call, at: now });
        }
        hands.close_ports(&mut self.caller.leg);
        for attempt in &mut self.attempts {
            hands.close_ports(&mut attempt.leg);
        }
        self.state = State::Ending(Ending {
            at: now,
            reason: end.reason,
            by: end.by,
            status: if answered.is_some() { 200 } else { end.status },
            q850: match answered {
                Some(_) => end.why.cause(),
                None => end.why.cause().or(self.last_cause).or(self.implied_cause),
            },
        });
        self.timers.set(Timer::Closing, now + CLOSING);
        self.conclude_if_closed(now, hands);
    }

    /// Answers what is open between the two sides. Returns the side whose re-INVITE has its 2xx and not acknowledged it.
    fn settle(&mut self, now: Moment, hands: &mut Hands) -> Option<(Side, ServerKey)> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let (late, modify) = (up.late.take(), up.modify.take());
        for info in std::mem::take(&mut up.relayed) {
            info.abandon(now, hands);
        }
        if let (Some(late), Some(callee)) = (late, self.leg_on(Side::Callee)) {
            hands.ack(now, late.client, callee, None);
        }
        let modify = modify?;
        let from = modify.from;
        let other = self.leg_on(from.other())?;
        modify
            .abandon(now, hands, other)
            .map(|server| (from, server))
    }

    /// BYE to whoever did not hang up. To a peer that owes us an ACK it waits for that (RFC 3261 15).
    fn say_bye(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        end: &End,
        answered: Option<usize>,
        unacked: Option<(Side, ServerKey)>,
    ) {
        let owes = |side| {
            unacked
                .filter(|(of, _)| *of == side)
                .map(|(_, server)| server)
        };
        let first = self.caller.unacked.take();
        let first = first.or_else(|| owes(Side::Caller));
        let caller = &mut self.caller.leg;
        leave(now, hands, end, caller, first);
        for (index, party) in self.attempts.iter_mut().enumerate() {
            if matches!(party.stage, Stage::Up | Stage::Leaving) {
                party.stage = Stage::Over;
                let talks = answered == Some(index);
                let unacked = owes(Side::Callee).filter(|_| talks);
                let unacked = party.unacked.take().or(unacked);
                leave(now, hands, end, &mut party.leg, unacked);
            }
        }
    }

    /// Tells the record once no leg's counters are awaited any more.
    pub(super) fn conclude_if_closed(&mut self, now: Moment, hands: &mut Hands) {
        let awaited = |ports: Ports| ports == Ports::Closing;
        let legs = self.attempts.iter().map(|one| one.leg.ports);
        if awaited(self.caller.leg.ports) || legs.into_iter().any(awaited) {
            return;
        }
        self.conclude(now, hands);
    }

    /// Tells the record: the last fact of a call.
    pub(super) fn conclude(&mut self, now: Moment, hands: &mut Hands) {
        let State::Ending(ending) = &self.state else {
            return;
        };
        if let Some(ended) = self.record(ending) {
            self.tell(now, hands, What::Ended(Box::new(ended)));
        }
        if let Some(id) = self.id() {
            hands.forget(id);
        }
        self.timers.clear();
        self.state = State::Over;
    }

    fn record(&self, ending: &Ending) -> Option<Ended> {
        let story = self.story.as_ref()?;
        let wall = |at: Moment| story.wall + (at - self.started);
        let answered_at = story.answered_at;
        let wait = answered_at.unwrap_or(ending.at) - self.started;
        let talk = answered_at.map_or(Duration::ZERO, |at| ending.at - at);
        let callee = story.taken_by.and_then(|index| self.attempts.get(index));
        // Our own protection turned it away: it was no customer's call that nobody took.
        let rejected = ending.reason == FinishReason::TooManyNumbers
            || ending.reason == FinishReason::Rejected && story.tried.is_empty();
        let dialled = self.attempts.iter().filter(|one| one.invited.is_some());
        let legs = dialled.map(|one| one.leg.record(answered_at, ending.at));
        Some(Ended {
            rule: story.rule.clone(),
            targets_tried: story.tried.clone(),
            manager: callee.and_then(|one| one.target.manager.clone()),
            destination: callee.map(|one| destination(&one.target.dial)),
            ringing_at: story.ringing_at.map(wall),
            answered_at: answered_at.map(wall),
            wait_ms: millis(wait),
            talk_ms: millis(talk),
            total_ms: millis(ending.at - self.started),
            answered: answered_at.is_some(),
            missed: story.tracked && answered_at.is_none() && !rejected,
            finish_reason: ending.reason,
            hung_up_by: ending.by,
            sip_status: Some(ending.status),
            q850_cause: ending.q850,
            legs: std::iter::once(self.caller.leg.record(answered_at, ending.at))
                .chain(legs)
                .collect(),
            transfers: story.transfers.clone(),
        })
    }
}

impl End {
    /// The final answer of a caller who was not answered.
    fn answer(&self) -> Answer {
        // Whoever gave up knows why.
        let why = match self.by {
            HungUpBy::Caller => Why::NONE,
            HungUpBy::Callee | HungUpBy::System => self.why,
        };
        let answer = Answer::status(self.status).why(why);
        let answer = match self.retry_after_s {
            Some(seconds) => answer.retry_after(seconds),
            None => answer,
        };
        match (self.reason, self.status) {
            (FinishReason::CodecMismatch, 488) => answer.warning(Unfit::Format),
            (FinishReason::SrtpMismatch, 488) => answer.warning(Unfit::Keys),
            (_, _) => answer,
        }
    }
}

/// Leaves one leg's dialog, where it has one.
fn leave(now: Moment, hands: &mut Hands, end: &End, leg: &mut Leg, unacked: Option<ServerKey>) {
    leg.upkeep.abandon(now, hands);
    match leg.dialog.take() {
        Some(dialog) if end.gone != Some(leg.id) => hands.part(now, leg, dialog, end.why, unacked),
        Some(_) | None => {
            hands.forget_leg(leg);
            if let Some(server) = unacked {
                hands.invite_is_answered(server);
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
