//! A call on hold is silent by right, so silence cannot tell that its peers are gone: they are asked (RFC 3261 11).
//!
//! Any answer but 408 and 481 says that the dialog stands. Without this a call whose telephones both lost power during a hold
//! would stay for ever.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::hands::{Hands, Owner};
use crate::call::headers::SDP;
use crate::call::machine::end::End;
use crate::call::machine::{Call, Errand, State};
use crate::call::story::FinishReason;
use crate::call::timers::{HELD, Timer};
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};

impl Call {
    /// Time to ask both sides of a held call whether they are there.
    pub(super) fn ask_the_held(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &self.state else { return };
        if up.held {
            let key = self.key;
            for side in [Side::Caller, Side::Callee] {
                // A session that is refreshed tells the same.
                let asked = self.leg_on(side);
                let Some(leg) = asked.filter(|leg| !leg.upkeep.timer.is_running()) else {
                    continue;
                };
                let owner = Owner::Call(key, leg.id, Errand::Ask);
                hands.within(now, leg, &Method::Options, owner, |options| {
                    options.header(Name::Accept, SDP)
                });
            }
        }
        self.timers.set(Timer::Held, now + HELD);
    }

    /// What a side says to it.
    pub(super) fn ask_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        response: &Response,
    ) {
        if matches!(response.status(), 408 | 481) {
            self.ask_failed(now, hands, leg);
        }
    }

    /// A side says nothing for 64 * T1, or cannot be reached: it is gone (12.2.1.2).
    pub(super) fn ask_failed(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        if self.talks(leg) {
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        }
    }

    /// Whether a leg is one of the two that talk: what a party that the call has left does not answer says nothing about it.
    pub(super) fn talks(&mut self, leg: LegId) -> bool {
        [Side::Caller, Side::Callee]
            .into_iter()
            .any(|side| self.leg_on(side).is_some_and(|on| on.id == leg))
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    fn on_hold() -> (Rig, Peer, Peer) {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, callee) = rig.up();
        rig.says(
            &mut caller,
            "INVITE",
            &sdp("127.0.0.2", 4_000, "a=sendonly"),
        );
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
        rig.from(PBX, &reply(&toward, 200, "", &answer));
        rig.to(CARRIER, "SIP/2.0 200");
        rig.says(&mut caller, "ACK", "");
        rig.all_to(PBX);
        (rig, caller, callee)
    }

    #[test]
    fn a_hold_whose_peers_both_vanished_ends() {
        let (mut rig, _, _) = on_hold();
        rig.seconds(300);
        rig.to(CARRIER, "OPTIONS sip:peer@127.0.0.1:5066 SIP/2.0");
        rig.to(PBX, "OPTIONS sip:phone@127.0.0.1:5070 SIP/2.0");
        rig.seconds(33);
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::SignallingLost);
        assert_eq!(ended.hung_up_by, HungUpBy::System);
        rig.assert_clean();
    }

    #[test]
    fn a_hold_lasts_while_both_peers_say_anything_at_all() {
        let (mut rig, mut caller, _) = on_hold();
        for _ in 0..3 {
            rig.seconds(300);
            let to_caller = rig.to(CARRIER, "OPTIONS");
            let to_callee = rig.to(PBX, "OPTIONS");
            rig.from(CARRIER, &reply(&to_caller, 200, "", ""));
            rig.from(PBX, &reply(&to_callee, 405, "", ""));
        }
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn a_held_side_that_knows_nothing_of_the_call_ends_it() {
        let (mut rig, _, _) = on_hold();
        rig.seconds(300);
        let asked = rig.to(PBX, "OPTIONS");
        rig.from(PBX, &reply(&asked, 481, "", ""));
        rig.to(CARRIER, "BYE");
        assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
        rig.assert_clean();
    }

    #[test]
    fn a_call_that_is_not_held_is_asked_nothing() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        rig.seconds(900);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        assert_eq!(rig.lines_to(PBX), [""; 0]);
    }

    #[test]
    fn who_has_left_and_knows_nothing_of_the_call_does_not_end_it() {
        let mut rig = Rig::with(one_by_one(&["101"]), trunks_that_transfer());
        let (mut caller, mut callee) = rig.up();
        rig.says(
            &mut caller,
            "INVITE",
            &sdp("127.0.0.2", 4_000, "a=sendonly"),
        );
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
        rig.from(PBX, &reply(&toward, 200, "", &answer));
        rig.to(CARRIER, "SIP/2.0 200");
        rig.says(&mut caller, "ACK", "");
        rig.seconds(299);
        rig.all_to(PBX);
        rig.all_to(CARRIER);
        let refer = callee.refer("Refer-To: <sip:102@127.0.0.1:5070>\r\n");
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE");
        rig.seconds(1);
        let asked = rig.to(PBX, "OPTIONS");
        let other = rig.to(CARRIER, "OPTIONS");
        rig.from(CARRIER, &reply(&other, 200, "", ""));
        rig.from(
            PBX,
            &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "a=recvonly")),
        );
        rig.says(&mut callee, "BYE", "");
        for ask in rig.all_to(CARRIER) {
            if begins(&ask, "INVITE") {
                let answer = sdp("127.0.0.2", 4_000, "a=sendonly");
                rig.from(CARRIER, &reply(&ask, 200, "", &answer));
            }
        }
        rig.from(PBX, &reply(&asked, 481, "", ""));
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }
}
