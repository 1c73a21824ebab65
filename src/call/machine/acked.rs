//! The caller acknowledges our 200, and where the target made the offer its ACK brings the answer (RFC 3261 13.2.1); or it
//! never does.

use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::Hands;
use crate::call::machine::end::End;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{aim, heard, meets, session};
use crate::call::story::FinishReason;
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;

impl Call {
    /// The ACK of a 2xx that one of our peers was given.
    pub(in crate::call) fn acked(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
        ack: &Request,
    ) {
        if self.caller.unacked == Some(server) {
            self.caller.unacked = None;
            self.answer_late_offer(now, hands, ack);
        } else if !self.arrived_acked(server) {
            self.modify_acked(now, hands, server, ack);
        }
        self.exchange_over(now, hands);
    }

    /// The caller's ACK answers the target's offer.
    fn answer_late_offer(&mut self, now: Moment, hands: &mut Hands, ack: &Request) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(late) = up.late.take() else { return };
        let index = up.answered;
        let Some(callee) = self.attempts.get_mut(index) else {
            return;
        };
        let srtp = self.caller.leg.trunk.srtp;
        let answer = session(srtp, ack.headers(), ack.body());
        let answer = answer.filter(|said| meets(&late.offer, said));
        let address = callee.leg.address();
        let body = answer
            .as_ref()
            .zip(address)
            .map(|(answer, address)| callee.leg.voice.answer(answer, &late.offer, address));
        hands.ack(now, late.client, &mut callee.leg, body);
        let Some(answer) = answer else {
            let reason = FinishReason::CodecMismatch;
            return self.end(now, hands, End::cut(reason));
        };
        let caller = &mut self.caller.leg;
        let (left, right) = (caller.id, callee.leg.id);
        caller.voice.settle();
        callee.leg.voice.settle();
        caller.heard = Some(heard(&answer, &answer));
        callee.leg.heard = Some(heard(&late.offer, &answer));
        let held = caller.holds() || callee.leg.holds();
        up.held = held;
        let to_caller = Box::new(aim(&answer, Some(&late.offer), &caller.voice));
        let to_callee = Box::new(aim(&late.offer, Some(&answer), &callee.leg.voice));
        Self::media(
            hands,
            MediaWish::Aim {
                leg: left,
                aim: to_caller,
            },
        );
        Self::media(
            hands,
            MediaWish::Aim {
                leg: right,
                aim: to_callee,
            },
        );
        Self::media(
            hands,
            MediaWish::Watch {
                caller: left,
                on: !held,
            },
        );
    }

    /// A 2xx of ours was never acknowledged.
    pub(in crate::call) fn ack_missing(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
    ) {
        if self.caller.unacked == Some(server) {
            self.caller.unacked = None;
        } else if self.leaver_never_acked(now, hands, server)
            || !self.arrived_acked(server) && !self.modify_unacked(now, hands, server)
        {
            return;
        }
        self.end(now, hands, End::cut(FinishReason::SignallingLost));
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::MediaWish;
    use crate::call::rig::*;
    use crate::call::story::*;

    #[test]
    fn a_late_offer_goes_end_to_end() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let late = invite(NUMBER, "");
        rig.from(CARRIER, &late);
        let toward = rig.to(PBX, "INVITE");
        assert_eq!(body(&toward), "");
        rig.answers(&toward);
        assert_eq!(
            rig.lines_to(PBX),
            [""; 0],
            "the ACK carries the answer and waits for it"
        );
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(body(&ok).contains("m=audio 20002 "), "{ok}");
        let mut caller = Peer::caller(&late, &ok);
        rig.says(&mut caller, "ACK", &sdp("127.0.0.2", 4_000, ""));
        let ack = rig.to(PBX, "ACK");
        assert!(body(&ack).contains("m=audio 20004 "), "{ack}");
        let aims: Vec<_> = rig.media.iter().filter_map(aimed).collect();
        assert!(aims.contains(&"127.0.0.2:4000".to_owned()), "{aims:?}");
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn a_late_offer_that_is_never_answered_ends_both_dialogs() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let late = invite(NUMBER, "");
        rig.from(CARRIER, &late);
        let toward = rig.to(PBX, "INVITE");
        rig.answers(&toward);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let mut caller = Peer::caller(&late, &ok);
        rig.says(&mut caller, "ACK", "");
        let lines = rig.lines_to(PBX);
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        rig.to(CARRIER, "BYE");
        assert_eq!(rig.ended().finish_reason, FinishReason::CodecMismatch);
        rig.assert_clean();
    }

    #[test]
    fn a_caller_that_never_acknowledges_is_hung_up_on() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.answers(&toward);
        rig.seconds(32);
        rig.to(CARRIER, "BYE");
        rig.to(PBX, "BYE");
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::SignallingLost);
        assert_eq!(ended.hung_up_by, HungUpBy::System);
        assert!(ended.answered);
        rig.assert_clean();
    }

    fn aimed(wish: &MediaWish) -> Option<String> {
        if let MediaWish::Aim { aim, .. } = wish {
            aim.rtp.map(|rtp| rtp.to_string())
        } else {
            None
        }
    }
}
