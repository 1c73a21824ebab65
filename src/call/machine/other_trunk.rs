//! A target with several trunks: where one of them cannot take the call, the next one is tried.
//!
//! A trunk fails for the target only while nothing has rung and nobody has spoken for it: busy, declined and no answer are
//! the target's own words, and another trunk would lead to the same telephone.

use std::time::Duration;

use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::machine::{Call, State};
use crate::call::story::{Tried, TriedResult};
use crate::route::decision::Target;

impl Call {
    /// Places a target on the first of its trunks that takes it; those that do not are noted.
    pub(super) fn place_on_any_trunk(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        target: Target,
        ring: Duration,
    ) {
        let mut next = Some(target);
        while let Some(target) = next {
            match self.place(now, hands, &target, ring, None) {
                Ok(()) => return,
                Err(result) => {
                    self.note_untried(&target, result);
                    next = target.on_next_trunk();
                }
            }
        }
    }

    /// A target failed on one of its trunks: where the trunk itself was at fault, its next trunk is tried.
    pub(super) fn try_other_trunk(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get(index) else {
            return;
        };
        let tried = self.story.as_ref().map(|story| &story.tried);
        let tried = tried.and_then(|tried| tried.get(attempt.tried?));
        let hunting = matches!(self.state, State::Hunting(_));
        if hunting && attempt.rang.is_none() && tried.is_some_and(is_the_trunks) {
            let ring = attempt.ring;
            if let Some(target) = attempt.target.on_next_trunk() {
                self.place_on_any_trunk(now, hands, target, ring);
            }
        }
    }
}

/// Whether a failure says something of the trunk and nothing of the target.
fn is_the_trunks(tried: &Tried) -> bool {
    match tried.result {
        TriedResult::Unreachable => true,
        TriedResult::NoAnswer => tried.sip_status == Some(408),
        TriedResult::Rejected => tried
            .sip_status
            .is_some_and(|status| (500..600).contains(&status)),
        // NoCapacity of a target that was placed is a want of our own ports, and no other trunk has them.
        TriedResult::NoCapacity
        | TriedResult::Redirected
        | TriedResult::NotAllowed
        | TriedResult::Loop
        | TriedResult::Answered
        | TriedResult::Busy
        | TriedResult::CodecMismatch
        | TriedResult::SrtpMismatch
        | TriedResult::AnsweredElsewhere
        | TriedResult::Cancelled => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::Told;
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::call::trunk::{Addresses, Trunk};
    use crate::route::decision::{Plan, Step};

    fn two_trunks() -> Vec<(Trunk, Addresses)> {
        let mut lines = trunks();
        lines.push((trunk("spare", 5072), at(&[SPARE])));
        lines
    }

    fn either() -> Vec<Step> {
        let mut target = target("101");
        target.spare = ["spare".into()].into();
        vec![Step {
            targets: vec![target],
            ring_s: 20,
        }]
    }

    fn rig() -> Rig {
        Rig::with(Plan::Hunt(either()), two_trunks())
    }

    fn tried(rig: &Rig) -> Vec<(String, TriedResult)> {
        let one = |tried: &Tried| {
            let trunk = tried.trunk.as_deref().unwrap_or("?");
            (trunk.to_owned(), tried.result)
        };
        rig.ended().targets_tried.iter().map(one).collect()
    }

    /// The call is up by way of the spare trunk, and ends.
    #[track_caller]
    fn is_answered_on_the_spare(mut rig: Rig, first: TriedResult) {
        let toward = rig.to(SPARE, "INVITE sip:101@127.0.0.1:5072");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(SPARE, &reply(&toward, 200, "callee", &answer));
        assert_eq!(rig.board.live().answered, 1);
        let id = rig.facts[0].call;
        rig.tell(Told::HangUp(id));
        assert_eq!(
            tried(&rig),
            [
                ("pbx".to_owned(), first),
                ("spare".to_owned(), TriedResult::Answered)
            ]
        );
        assert_eq!(rig.ended().targets_tried[1].target, "ext:101@pbx");
    }

    #[test]
    fn a_trunk_that_cannot_take_the_call_is_followed_by_the_next() {
        for (status, result) in [
            (500, TriedResult::Rejected),
            (503, TriedResult::Rejected),
            (408, TriedResult::NoAnswer),
        ] {
            let mut rig = rig();
            rig.dial();
            let toward = rig.to(PBX, "INVITE");
            rig.from(PBX, &reply(&toward, status, "x", ""));
            is_answered_on_the_spare(rig, result);
        }
    }

    #[test]
    fn a_trunk_that_says_nothing_is_followed_by_the_next() {
        let mut rig = rig();
        rig.dial();
        rig.seconds(4);
        is_answered_on_the_spare(rig, TriedResult::Unreachable);
    }

    #[test]
    fn a_full_trunk_and_one_that_leads_nowhere_are_followed_by_the_next() {
        let mut lines = two_trunks();
        lines[1].0.max_calls = Some(0);
        let mut rig = Rig::with(Plan::Hunt(either()), lines);
        rig.dial();
        is_answered_on_the_spare(rig, TriedResult::NoCapacity);
        let mut lines = two_trunks();
        lines[1].1 = at(&[]);
        let mut rig = Rig::with(Plan::Hunt(either()), lines);
        rig.dial();
        is_answered_on_the_spare(rig, TriedResult::Unreachable);
    }

    #[test]
    fn what_the_target_itself_says_is_not_asked_again_over_another_trunk() {
        for (status, result) in [
            (486, TriedResult::Busy),
            (603, TriedResult::Rejected),
            (404, TriedResult::Rejected),
            (480, TriedResult::NoAnswer),
        ] {
            let mut rig = rig();
            rig.dial();
            let toward = rig.to(PBX, "INVITE");
            rig.from(PBX, &reply(&toward, status, "x", ""));
            assert_eq!(tried(&rig), [("pbx".to_owned(), result)]);
            assert_eq!(rig.lines_to(SPARE), [""; 0]);
            rig.assert_clean();
        }
    }

    #[test]
    fn a_trunk_that_fails_after_it_rang_is_not_followed() {
        let mut rig = rig();
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "x", ""));
        rig.from(PBX, &reply(&toward, 500, "x", ""));
        assert_eq!(tried(&rig), [("pbx".to_owned(), TriedResult::Rejected)]);
        rig.assert_clean();
    }

    #[test]
    fn when_the_last_trunk_fails_the_next_target_is_tried() {
        let mut steps = either();
        steps.push(Step {
            targets: vec![target("102")],
            ring_s: 20,
        });
        let mut rig = Rig::with(Plan::Hunt(steps), two_trunks());
        rig.dial();
        let first = rig.to(PBX, "INVITE sip:101@");
        rig.from(PBX, &reply(&first, 503, "x", ""));
        let second = rig.to(SPARE, "INVITE sip:101@");
        rig.from(SPARE, &reply(&second, 503, "x", ""));
        let third = rig.to(PBX, "INVITE sip:102@");
        rig.from(PBX, &reply(&third, 486, "x", ""));
        assert_eq!(rig.ended().targets_tried.len(), 3);
        rig.assert_clean();
    }
}
