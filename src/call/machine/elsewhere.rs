//! A place of a target's trunk failed: the same target at the trunk's next place (RFC 3263 4.3).
//!
//! A place fails that takes no connection, says nothing, or answers 503 before it rang. Every other answer is the target's.

use std::time::Duration;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::call::machine::Call;
use crate::call::machine::attempt::Attempt;
use crate::call::speak::way_to;
use crate::call::story::TriedResult;
use crate::call::timers::{Timer, UNHEARD, UNHEARD_EACH};
use crate::sip::endpoint::ClientKey;
use crate::sip::message::Response;

impl Attempt {
    /// How long the place that has the INVITE now may say nothing: less where another waits, so that two share the time of
    /// one.
    pub(super) fn patience(&self, now: Moment) -> Duration {
        if !self.spare.is_empty() {
            return UNHEARD_EACH;
        }
        let spent = self.invited.map_or(Duration::ZERO, |since| now - since);
        UNHEARD.saturating_sub(spent).max(UNHEARD_EACH)
    }
}

impl Call {
    /// A target's INVITE got no final response: its transaction timed out, or the place did not take it.
    pub(super) fn invite_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        client: ClientKey,
    ) {
        let Some(index) = self.called(leg, client) else {
            return;
        };
        if !self.go_elsewhere(now, hands, index, None) {
            self.target_failed(now, hands, index, TriedResult::Unreachable, None);
        }
    }

    /// A target said nothing at all for too long.
    pub(super) fn unheard(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        let Some(index) = self.attempt(leg) else {
            return;
        };
        let client = self.attempts.get(index).and_then(Attempt::client);
        if let Some(client) = client {
            hands.give_up(now, client, Why::NONE);
        }
        if !self.go_elsewhere(now, hands, index, None) {
            self.target_failed(now, hands, index, TriedResult::Unreachable, None);
        }
    }

    /// A place answered 503: whether another one has the INVITE now. One that rang is there, and the refusal is the target's.
    pub(super) fn is_served_elsewhere(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) -> bool {
        let rang = self
            .attempts
            .get(index)
            .is_some_and(|one| one.rang.is_some());
        if response.status() != 503 || rang {
            return false;
        }
        let retry_after_s = response.headers().retry_after();
        self.go_elsewhere(now, hands, index, retry_after_s)
    }

    /// Sends a target's INVITE to the next place of its trunk; `false`: there is none. The place that has it now is avoided
    /// for a while.
    fn go_elsewhere(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        retry_after_s: Option<u32>,
    ) -> bool {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return false;
        };
        hands.places.failed(now, &attempt.to, retry_after_s);
        let Some(to) = attempt.spare.pop_front() else {
            return false;
        };
        attempt.to = to;
        for fork in std::mem::take(&mut attempt.forks) {
            fork.forget(now, hands);
        }
        attempt.leg.path = way_to(to.transport, to.address);
        // Nonces are a server's own.
        attempt.proven = Default::default();
        let (leg, patience) = (attempt.leg.id, attempt.patience(now));
        self.timers.set(Timer::Unheard(leg), now + patience);
        self.invite(now, hands, index, &[]);
        true
    }

    /// The target whose INVITE `client` is, while it is called.
    fn called(&self, leg: LegId, client: ClientKey) -> Option<usize> {
        self.attempt(leg)
            .filter(|index| self.attempts.get(*index).and_then(Attempt::client) == Some(client))
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::Told;
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::call::trunk::Addresses;
    use crate::sip::place::Place;
    use crate::sip::transport::Transport;

    /// The PBX lives at two addresses.
    fn two() -> Rig {
        let mut lines = trunks();
        lines[1].1 = at(&[PBX, SPARE]);
        Rig::with(one_by_one(&["101"]), lines)
    }

    #[test]
    fn a_silent_address_is_followed_by_the_trunks_next_and_is_one_target() {
        let mut rig = two();
        rig.dial();
        let first = rig.to(PBX, "INVITE");
        rig.seconds(2);
        let second = rig.to(SPARE, "INVITE");
        assert_ne!(header(&first, "Via"), header(&second, "Via"));
        assert_eq!(header(&second, "CSeq"), "2 INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        let ok = reply(&second, 200, "callee", &answer);
        rig.from(
            SPARE,
            &ok.replace("phone@127.0.0.1:5070", &format!("phone@{SPARE}")),
        );
        rig.to(SPARE, "ACK");
        assert_eq!(rig.board.live().answered, 1);
        // The first wakes up after all: one of two is enough.
        rig.all_to(PBX);
        rig.from(PBX, &reply(&first, 200, "late", &answer));
        let lines = rig.all_to(PBX);
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        let id = rig.facts[0].call;
        rig.tell(Told::HangUp(id));
        assert_eq!(rig.tried(), [(TriedResult::Answered, Some(200))]);
        rig.assert_clean();
    }

    #[test]
    fn a_trunk_of_two_dead_addresses_is_unreachable_after_four_seconds_in_all() {
        let mut rig = two();
        rig.dial();
        rig.seconds(4);
        assert_eq!(rig.tried(), [(TriedResult::Unreachable, None)]);
        assert_eq!(rig.ended().wait_ms, 4_000);
        rig.assert_clean();
    }

    #[test]
    fn an_address_that_takes_no_connection_is_followed_by_the_trunks_next() {
        let mut lines = trunks();
        lines[1].0.transport = Transport::Tcp;
        lines[1].1 = over(Transport::Tcp, &[PBX, SPARE]);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.dial();
        assert_eq!(rig.opening.len(), 1);
        let (flow, peer) = rig.opening[0];
        assert_eq!(peer.to_string(), PBX);
        rig.closed(flow);
        let (flow, peer) = rig.opening[1];
        assert_eq!(peer.to_string(), SPARE);
        rig.closed(flow);
        assert_eq!(rig.tried(), [(TriedResult::Unreachable, None)]);
        rig.assert_clean();
    }

    #[test]
    fn a_place_that_answers_503_is_followed_by_the_next_at_once_and_avoided_by_later_calls() {
        let mut rig = two();
        rig.dial();
        let first = rig.to(PBX, "INVITE");
        let busy = reply(&first, 503, "edge", "");
        rig.from(
            PBX,
            &busy.replace("\r\nCSeq", "\r\nRetry-After: 600\r\nCSeq"),
        );
        rig.to(PBX, "ACK");
        let second = rig.to(SPARE, "INVITE sip:101@127.0.0.1:5070");
        rig.from(SPARE, &reply(&second, 486, "callee", ""));
        assert_eq!(rig.tried(), [(TriedResult::Busy, Some(486))]);
        rig.all_to(SPARE);
        rig.seconds(599);
        rig.dial();
        let again = rig.to(SPARE, "INVITE");
        rig.from(SPARE, &reply(&again, 486, "callee", ""));
        rig.all_to(SPARE);
        assert!(rig.all_to(PBX).is_empty());
        rig.seconds(1);
        let other = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        rig.from(
            CARRIER,
            &other.replace("bKin", "bKtwo").replace("incoming", "two"),
        );
        rig.to(PBX, "INVITE");
    }

    #[test]
    fn a_503_of_the_last_place_or_of_one_that_rang_is_the_targets() {
        let mut rig = two();
        rig.dial();
        let first = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&first, 180, "callee", ""));
        rig.from(PBX, &reply(&first, 503, "callee", ""));
        assert_eq!(rig.tried(), [(TriedResult::Rejected, Some(503))]);
        assert!(rig.all_to(SPARE).is_empty());
        let mut rig = two();
        rig.dial();
        for place in [PBX, SPARE] {
            let invite = rig.to(place, "INVITE");
            rig.from(place, &reply(&invite, 503, "edge", ""));
        }
        assert_eq!(rig.tried(), [(TriedResult::Rejected, Some(503))]);
        rig.seconds(64);
        rig.assert_clean();
    }

    #[test]
    fn another_5xx_is_the_targets_answer() {
        let mut rig = two();
        rig.dial();
        let first = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&first, 500, "edge", ""));
        assert_eq!(rig.tried().len(), 1);
        assert!(rig.all_to(SPARE).is_empty());
    }

    #[test]
    fn a_place_that_fell_silent_is_tried_last_by_the_next_call() {
        let mut rig = two();
        rig.dial();
        rig.seconds(2);
        let second = rig.to(SPARE, "INVITE");
        rig.from(SPARE, &reply(&second, 486, "callee", ""));
        rig.seconds(59);
        rig.all_to(PBX);
        rig.all_to(SPARE);
        rig.dial();
        let again = rig.to(SPARE, "INVITE");
        rig.from(SPARE, &reply(&again, 486, "callee", ""));
        rig.seconds(40);
        rig.all_to(PBX);
        rig.dial();
        rig.to(PBX, "INVITE");
    }

    #[test]
    fn places_of_one_trunk_may_speak_different_protocols() {
        let mut lines = trunks();
        let mut places = over(Transport::Tcp, &[PBX]).0;
        places.extend(at(&[PBX, SPARE]).0.into_iter().map(|place| Place {
            rank: place.rank + 1,
            ..place
        }));
        lines[1].1 = Addresses(places);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.dial();
        let (flow, _) = rig.opening[0];
        rig.closed(flow);
        let second = rig.to(PBX, "INVITE");
        assert!(header(&second, "Via").starts_with("SIP/2.0/UDP "));
        assert!(
            !header(&second, "Contact").contains("transport="),
            "{second}"
        );
        rig.seconds(2);
        rig.to(SPARE, "INVITE");
        rig.seconds(2);
        assert_eq!(rig.tried(), [(TriedResult::Unreachable, None)]);
    }
}
