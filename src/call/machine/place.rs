//! The next targets: a leg and a port pair each, then the INVITE.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::id::LegId;
use crate::base::sound::Srtp;
use crate::base::time::Moment;
use crate::call::breadth;
use crate::call::breadth::{BREADTH, share};
use crate::call::desk::MediaWish;
use crate::call::hands::Hands;
use crate::call::leg::{Beginning, Leg, Ports};
use crate::call::machine::attempt::{Attempt, Stage};
use crate::call::machine::redirect::is_same;
use crate::call::machine::transfer::Brought;
use crate::call::machine::{Call, State};
use crate::call::speak::way_to;
use crate::call::story::{Role, Tried, TriedResult};
use crate::call::timers::Timer;
use crate::route::decision::{Plan, Step, Target};
use crate::sdp::Session;

impl Call {
    /// Tries the next step's targets. A step of which none can even be tried is passed over.
    pub(super) fn next_step(&mut self, now: Moment, hands: &mut Hands) {
        loop {
            let Some((targets, ring)) = self.take_step() else {
                return self.all_failed(now, hands);
            };
            for target in targets {
                self.place_on_any_trunk(now, hands, target, ring);
            }
            if self.attempts.iter().any(Attempt::is_trying) {
                return;
            }
        }
    }

    /// Takes the next step off the plan, as far as the caller's Max-Breadth lets its targets ring together.
    fn take_step(&mut self) -> Option<(Vec<Target>, Duration)> {
        let invite = self.caller.invite.as_ref();
        let breadth = invite.map_or(BREADTH, |(_, invite)| breadth::of(invite));
        let State::Hunting(hunt) = &mut self.state else {
            return None;
        };
        let Plan::Hunt(steps) = hunt.decision.plan() else {
            return None;
        };
        let step = match hunt.before.pop_front() {
            Some(step) => step,
            None => {
                let mut step = steps.get(hunt.next)?.clone();
                hunt.next += 1;
                let followed = &hunt.followed;
                let new = |target: &Target| !followed.iter().any(|one| is_same(one, target));
                step.targets.retain(new);
                step
            }
        };
        let Step {
            mut targets,
            ring_s,
        } = step;
        if targets.len() > breadth {
            let targets = targets.split_off(breadth);
            hunt.before.push_front(Step { targets, ring_s });
        }
        hunt.together = targets.len() > 1;
        hunt.share = share(breadth, targets.len());
        Some((targets, Duration::from_secs(ring_s.into())))
    }

    /// Makes a target's leg and asks for its ports.
    pub(super) fn place(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        target: &Target,
        ring: Duration,
        brought: Option<Box<Brought>>,
    ) -> Result<(), TriedResult> {
        let line = hands.trunks.by_id(&target.trunk);
        let line = line.ok_or(TriedResult::Unreachable)?;
        let trunk = Arc::clone(&line.trunk);
        hands.may_dial(&trunk, &target.dial)?;
        // Keys that pass through us cannot be given to a trunk that is to have ours.
        let offer = brought.as_ref().map(|brought| &brought.offer);
        let sealed = offer.or(self.caller.offer.as_deref());
        if trunk.srtp != Srtp::Off && sealed.is_some_and(Session::is_sealed) {
            return Err(TriedResult::SrtpMismatch);
        }
        let mut ways = VecDeque::from(hands.places.ways(now, line, &mut hands.chance));
        // A call that was dialled securely goes on securely or not at all (RFC 5630 4.1).
        let sips = self.caller.leg.sips;
        ways.retain(|way| way.transport.is_secure() || !sips);
        // Its name leads nowhere now, or nothing there answers.
        let to = ways.pop_front().ok_or(TriedResult::Unreachable)?;
        if hands.usage.is_full(&trunk.id, trunk.max_calls) || !hands.usage.may_begin(now, &trunk) {
            return Err(TriedResult::NoCapacity);
        }
        let reliable = self.reliable_toward(trunk.reliable);
        let id = self.new_leg_id().ok_or(TriedResult::NoCapacity)?;
        hands.usage.take(&trunk.id);
        let open = MediaWish::Open {
            call: self.key,
            leg: id,
            toward: to.address.ip(),
            from: trunk.media,
        };
        let begins = Beginning {
            id,
            trunk,
            tag: hands.new_tag(self.key, id),
            call_id: hands.new_call_id().into(),
            remote_uri: "".into(),
            path: way_to(to.transport, to.address),
            sips,
            ports: Ports::Asked,
            role: Role::Callee,
        };
        let leg = Leg::new(hands, begins);
        // Whom a transfer calls is named among the transfers.
        let tried = match brought {
            Some(_) => None,
            None => self.note_untried(target, TriedResult::Cancelled),
        };
        let breadth = match &self.state {
            State::Hunting(hunt) => hunt.share,
            State::Asking { .. } | State::Up(_) | State::Ending(_) | State::Over => BREADTH,
        };
        self.attempts.push(Attempt {
            breadth,
            tried,
            brought,
            reliable,
            spare: ways,
            ..Attempt::new(leg, target.clone(), ring, to)
        });
        Self::media(hands, open);
        Ok(())
    }

    /// Writes a target down; its result changes when it is known.
    pub(super) fn note_untried(&mut self, target: &Target, result: TriedResult) -> Option<usize> {
        let story = self.story.as_mut()?;
        story.tried.push(Tried {
            target: target.name.to_string(),
            trunk: Some(Arc::clone(&target.trunk)),
            result,
            sip_status: None,
            ring_ms: 0,
        });
        story.tried.len().checked_sub(1)
    }

    /// A target's ports came, or none was free.
    pub(super) fn target_ports(&mut self, now: Moment, hands: &mut Hands, leg: LegId, free: bool) {
        let Some(index) = self.attempt(leg) else {
            return;
        };
        let reserving = self
            .attempts
            .get(index)
            .is_some_and(|one| one.stage == Stage::Reserving);
        if !reserving {
            return;
        }
        if free && self.is_arrived(index) {
            return match self.is_up() {
                true => self.join_if_ready(now, hands),
                false => self.pick_up(now, hands, index),
            };
        }
        if free && self.giver_of(index).is_some() {
            return self.offer_to_party(now, hands, index);
        }
        if !free {
            return self.target_failed(now, hands, index, TriedResult::NoCapacity, None);
        }
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.invited = Some(now);
            let ring = attempt.ring;
            let patience = attempt.patience(now);
            self.timers.set(Timer::Unheard(leg), now + patience);
            self.timers.set(Timer::Ring(leg), now + ring);
        }
        self.invite(now, hands, index, &[]);
    }
}
