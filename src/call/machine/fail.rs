//! A target failed: the next one's turn, or the caller's final answer when it was the last.

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::causes;
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::call::machine::attempt::{Attempt, Stage};
use crate::call::machine::end::End;
use crate::call::machine::transfer::status_of;
use crate::call::machine::{Call, State};
use crate::call::outcome;
use crate::call::sips;
use crate::call::story::{FinishReason, HungUpBy, TriedResult};
use crate::call::timers::Timer;
use crate::sip::message::Response;

impl Call {
    /// A target is out of the game; when it was the last of its step, the next step begins.
    pub(super) fn target_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        result: TriedResult,
        status: Option<u16>,
    ) {
        self.retire(now, hands, index, result, status);
        self.try_other_trunk(now, hands, index);
        self.go_on(now, hands);
    }

    /// Takes a target out of the game: its timers stop, its ports are given back, its line is free.
    pub(super) fn retire(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        result: TriedResult,
        status: Option<u16>,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        attempt.stage = Stage::Over;
        let leg = attempt.leg.id;
        let ring_ms = attempt.ring_ms(now);
        let tried = attempt.tried;
        if let Some(brought) = &mut attempt.brought {
            brought.outcome = Some((result, status));
        }
        for fork in std::mem::take(&mut attempt.forks) {
            fork.forget(now, hands);
        }
        if let Some(held) = attempt.held.take() {
            let credentials = &attempt.leg.credentials;
            hands.decline(now, held.client, &held.path, &held.response, credentials);
        }
        hands.forget_leg(&attempt.leg);
        hands.close_ports(&mut attempt.leg);
        let said = status.filter(|status| *status >= 300);
        self.refuse_arrived(now, hands, index, said.unwrap_or_else(|| status_of(result)));
        self.timers.stop(Timer::Unheard(leg));
        self.timers.stop(Timer::Ring(leg));
        let story = self.story.as_mut();
        if let Some(tried) = story.and_then(|story| story.tried.get_mut(tried?)) {
            tried.result = result;
            tried.sip_status = status;
            tried.ring_ms = ring_ms;
        }
    }

    /// Gives a target up that may still answer: CANCEL, and a 2xx that crosses it is ended by the switchboard.
    pub(super) fn give_up(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        result: TriedResult,
        why: Why,
    ) {
        let client = self.attempts.get(index).and_then(Attempt::client);
        if let Some(client) = client {
            hands.give_up(now, client, why);
        }
        self.retire(now, hands, index, result, None);
    }

    /// One target has the call: the others that ring stop.
    pub(super) fn give_up_the_others(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        for other in 0..self.attempts.len() {
            let trying = self.attempts.get(other).is_some_and(Attempt::is_trying);
            if other != index && trying {
                let result = TriedResult::AnsweredElsewhere;
                self.give_up(now, hands, other, result, Why::ELSEWHERE);
            }
        }
    }

    /// A target refused.
    pub(super) fn refused(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        if self.is_served_elsewhere(now, hands, index, response)
            || self.redirected(now, hands, index, response)
        {
            return;
        }
        let status = response.status();
        let cause = Why::of(response.headers()).q850;
        self.last_cause = cause.or(self.last_cause);
        self.implied_cause = causes::of_status(status).or(self.implied_cause);
        let result = outcome::of_status(causes::telling(status, cause));
        self.target_failed(now, hands, index, result, Some(status));
    }

    /// A target's ring time is over.
    pub(super) fn rang_out(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        if let Some(index) = self.attempt(leg) {
            // A ring time shorter than the wait for a first word says nothing of a target that said nothing.
            let result = match self.timers.is_set(Timer::Unheard(leg)) {
                true => TriedResult::Unreachable,
                false => TriedResult::NoAnswer,
            };
            self.give_up(now, hands, index, result, Why::NONE);
            self.try_other_trunk(now, hands, index);
            self.go_on(now, hands);
        }
    }

    /// The next step, once nobody of this one is left who could answer.
    pub(super) fn go_on(&mut self, now: Moment, hands: &mut Hands) {
        let hunting = matches!(self.state, State::Hunting(_));
        if hunting && !self.attempts.iter().any(Attempt::is_trying) {
            return self.next_step(now, hands);
        }
        self.transfer_over(now, hands);
    }

    /// Nobody is left to try.
    pub(super) fn all_failed(&mut self, now: Moment, hands: &mut Hands) {
        let tried = self.story.as_ref().map(|story| story.tried.as_slice());
        let (status, reason) = outcome::of_all(tried.unwrap_or_default());
        let status = sips::unreached(self.caller.leg.sips, status);
        let why = Why {
            q850: self.last_cause,
            ..Why::NONE
        };
        let refused = [
            FinishReason::Busy,
            FinishReason::Rejected,
            FinishReason::CodecMismatch,
            FinishReason::SrtpMismatch,
        ];
        let by = if refused.contains(&reason) {
            HungUpBy::Callee
        } else {
            HungUpBy::System
        };
        let end = End {
            why,
            by,
            ..End::refused(reason, status)
        };
        self.end(now, hands, end);
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::route::decision::{Plan, Step};

    #[test]
    fn a_member_for_whom_no_ports_are_free_is_not_rung_and_the_others_are() {
        let mut rig = Rig::new(together(&["101", "102", "103"]));
        // The caller's, and one more.
        rig.pairs = 2;
        rig.dial();
        let sent = rig.all_to(PBX);
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(sent[0].starts_with("INVITE sip:101@"), "{sent:?}");
        rig.from(PBX, &reply(&sent[0], 486, "one", ""));
        rig.to(CARRIER, "SIP/2.0 480");
        assert_eq!(
            rig.tried(),
            [
                (TriedResult::Busy, Some(486)),
                (TriedResult::NoCapacity, None),
                (TriedResult::NoCapacity, None),
            ]
        );
        rig.seconds(64);
        rig.assert_clean();
    }

    #[test]
    fn a_target_that_fails_moves_on_to_the_next() {
        let mut rig = Rig::new(one_by_one(&["101", "102", "103"]));
        rig.dial();
        let first = rig.to(PBX, "INVITE sip:101@");
        rig.from(PBX, &reply(&first, 486, "one", ""));
        let sent = rig.lines_to(PBX);
        assert!(
            sent[0].starts_with("ACK ") && sent[1].starts_with("INVITE sip:102@"),
            "{sent:?}"
        );
        rig.seconds(4);
        let sent = rig.all_to(PBX);
        let third = sent
            .iter()
            .find(|text| text.starts_with("INVITE sip:103@"))
            .unwrap();
        rig.from(PBX, &reply(third, 180, "three", ""));
        rig.seconds(20);
        rig.to(PBX, "CANCEL sip:103@");
        rig.from(PBX, &reply(third, 487, "three", ""));
        rig.to(CARRIER, "SIP/2.0 480");
        assert_eq!(
            rig.tried(),
            [
                (TriedResult::Busy, Some(486)),
                (TriedResult::Unreachable, None),
                (TriedResult::NoAnswer, None)
            ]
        );
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::NoAnswer);
        assert_eq!(ended.targets_tried[2].ring_ms, 20_000);
        assert!(ended.missed && !ended.answered);
        assert_eq!(ended.sip_status, Some(480));
        rig.assert_clean();
    }

    #[test]
    fn all_busy_is_busy_and_the_cause_passes() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let cause = "Reason: Q.850;cause=17;text=\"User busy\"\r\n";
        rig.from(PBX, &reply_with(&toward, 486, "callee", cause, ""));
        let busy = rig.to(CARRIER, "SIP/2.0 486");
        assert_eq!(header(&busy, "Reason"), "Q.850;cause=17");
        let ended = rig.ended();
        assert_eq!(
            (ended.q850_cause, ended.hung_up_by),
            (Some(17), HungUpBy::Callee)
        );
        rig.assert_clean();
    }

    #[test]
    fn nobody_reached_is_503_after_four_seconds_each() {
        let mut rig = Rig::new(one_by_one(&["101", "102"]));
        rig.dial();
        rig.seconds(8);
        let ended = rig.ended();
        assert_eq!((ended.sip_status, ended.wait_ms), (Some(503), 8_000));
        assert_eq!(ended.finish_reason, FinishReason::Unreachable);
        rig.assert_clean();
    }

    #[test]
    fn a_dead_target_is_unreachable_however_short_its_ring_time() {
        for ring_s in [2, 4] {
            let step = |extension: &str| Step {
                targets: vec![target(extension)],
                ring_s,
            };
            let mut rig = Rig::new(Plan::Hunt(vec![step("101"), step("102")]));
            rig.dial();
            rig.seconds(2 * u64::from(ring_s));
            assert_eq!(rig.tried(), [(TriedResult::Unreachable, None); 2]);
            assert_eq!(rig.ended().sip_status, Some(503));
            rig.assert_clean();
        }
    }

    #[test]
    fn a_2xx_without_a_contact_is_acknowledged_and_ended_where_it_was_called() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let ok = reply(&toward, 200, "callee", &sdp("127.0.0.3", 5_000, ""));
        rig.from(PBX, &ok.replace("Contact", "X-Contact"));
        let lines = rig.all_to(PBX);
        let uri = toward.split(' ').nth(1).unwrap();
        assert!(lines[0].starts_with(&format!("ACK {uri} ")), "{lines:?}");
        assert!(lines[1].starts_with(&format!("BYE {uri} ")), "{lines:?}");
        rig.from(PBX, &reply(&lines[1], 200, "", ""));
        assert_eq!(rig.tried(), [(TriedResult::Rejected, Some(200))]);
        rig.to(CARRIER, "SIP/2.0 480");
        rig.assert_clean();
    }

    #[test]
    fn a_100_says_that_somebody_is_there() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 100, "", ""));
        rig.seconds(15);
        assert_eq!(rig.board.live().calls, 1);
        rig.seconds(6);
        assert_eq!(rig.tried(), [(TriedResult::NoAnswer, None)]);
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        rig.assert_clean();
    }

    #[test]
    fn a_target_that_answers_after_it_was_given_up_gets_ack_and_bye() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.seconds(5);
        rig.to(CARRIER, "SIP/2.0 503");
        rig.all_to(PBX);
        rig.answers_in_vain(&toward);
        assert_eq!(rig.told(), ["began", "ended"]);
        rig.assert_clean();
    }

    #[test]
    fn a_trunk_whose_name_leads_nowhere_is_unreachable_at_once() {
        let mut lines = trunks();
        lines[1].1 = at(&[]);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.dial();
        assert_eq!(rig.tried(), [(TriedResult::Unreachable, None)]);
        rig.to(CARRIER, "SIP/2.0 503");
        rig.assert_clean();
    }
}
