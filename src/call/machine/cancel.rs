//! The caller gives up before an answer: CANCEL of its INVITE, or of a re-INVITE later.

use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::call::machine::Call;
use crate::call::machine::end::End;
use crate::call::story::{FinishReason, HungUpBy};
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;

impl Call {
    /// A CANCEL of an INVITE that is not answered yet. One that met its 200 never gets here.
    pub(in crate::call) fn cancelled(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
        cancel: &Request,
    ) {
        let initial = self.caller.invite.as_ref().map(|(invite, _)| *invite);
        if initial == Some(server) {
            let why = Why::of(cancel.headers());
            self.end(now, hands, End::given_up(why));
        } else if !self.arrived_cancelled(now, hands, server) {
            self.modify_cancelled(now, hands, server);
        }
    }
}

impl End {
    /// The caller gave up.
    pub(super) const fn given_up(why: Why) -> Self {
        Self {
            reason: FinishReason::CallerGaveUp,
            by: HungUpBy::Caller,
            status: 487,
            retry_after_s: None,
            why,
            gone: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    #[test]
    fn a_caller_who_gives_up_stops_the_ringing() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        rig.seconds(5);
        let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
        rig.from(CARRIER, &cancel(&invite, elsewhere));
        let lines = rig.lines_to(CARRIER);
        assert!(
            lines.contains(&"SIP/2.0 487 Request Terminated".to_owned()),
            "{lines:?}"
        );
        let toward_cancel = rig.to(PBX, "CANCEL");
        assert_eq!(
            header(&toward_cancel, "Reason"),
            "SIP;cause=200;text=\"answered elsewhere\"",
            "the number passes, the words are ours"
        );
        rig.from(PBX, &reply(&toward_cancel, 200, "callee", ""));
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        rig.to(PBX, "ACK");
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::CallerGaveUp);
        assert_eq!(ended.hung_up_by, HungUpBy::Caller);
        assert_eq!(
            (ended.sip_status, ended.wait_ms, ended.talk_ms),
            (Some(487), 5_000, 0)
        );
        assert_eq!(ended.targets_tried[0].result, TriedResult::Cancelled);
        assert!(ended.missed);
        rig.assert_clean();
    }

    #[test]
    fn a_cancel_that_meets_the_targets_200_ends_it_with_ack_and_bye() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        rig.from(CARRIER, &cancel(&invite, ""));
        rig.to(PBX, "CANCEL");
        rig.answers_in_vain(&toward);
        assert_eq!(rig.ended().finish_reason, FinishReason::CallerGaveUp);
        assert!(!rig.ended().answered);
        rig.assert_clean();
    }

    #[test]
    fn a_bye_to_a_late_2xx_comes_after_what_was_sent_before_the_answer() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let reliably = "Require: 100rel\r\nRSeq: 1\r\n";
        rig.from(PBX, &reply_with(&toward, 180, "callee", reliably, ""));
        let prack = rig.to(PBX, "PRACK");
        assert_eq!(header(&prack, "CSeq"), "2 PRACK");
        rig.from(PBX, &reply(&prack, 200, "callee", ""));
        rig.from(CARRIER, &cancel(&invite, ""));
        rig.to(PBX, "CANCEL");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        let bye = rig.to(PBX, "BYE");
        let number = header(&bye, "CSeq").replace(" BYE", "");
        assert!(number.parse::<u32>().unwrap() > 2, "{bye}");
        rig.from(PBX, &reply(&bye, 200, "", ""));
        rig.assert_clean();
    }

    #[test]
    fn nothing_is_over_until_the_cancelled_target_has_said_so_and_heard_our_ack() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        rig.from(CARRIER, &cancel(&invite, ""));
        let toward_cancel = rig.to(PBX, "CANCEL");
        rig.from(PBX, &reply(&toward_cancel, 200, "callee", ""));
        assert_eq!(rig.board.live().calls, 0);
        assert!(
            !rig.board.is_idle(),
            "a process that ends now would leave its 487 unacknowledged"
        );
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        rig.to(PBX, "ACK");
        assert!(rig.board.is_idle());
        rig.assert_clean();
    }

    #[test]
    fn a_cancel_that_meets_our_200_changes_nothing() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.answers(&toward);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        rig.from(CARRIER, &cancel(&invite, ""));
        assert!(rig.to(CARRIER, "SIP/2.0 200").contains("CSeq: 1 CANCEL"));
        assert_eq!(rig.board.live().answered, 1);
        let mut caller = Peer::caller(&invite, &ok);
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        rig.to(PBX, "BYE");
        rig.assert_clean();
    }

    #[test]
    fn a_cancel_before_the_target_said_anything_waits_for_its_first_word() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(CARRIER, &cancel(&invite, ""));
        assert_eq!(
            rig.lines_to(PBX),
            [""; 0],
            "a CANCEL could overtake its INVITE"
        );
        rig.from(PBX, &reply(&toward, 100, "", ""));
        rig.to(PBX, "CANCEL");
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        rig.assert_clean();
    }

    #[test]
    fn a_call_given_up_before_it_was_decided_has_its_record_all_the_same() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.hold_back = true;
        let invite = rig.dial();
        rig.from(CARRIER, &cancel(&invite, ""));
        let lines = rig.lines_to(CARRIER);
        assert!(
            lines.contains(&"SIP/2.0 487 Request Terminated".to_owned()),
            "{lines:?}"
        );
        assert_eq!(rig.told(), [""; 0]);
        let key = rig.held_back[0];
        rig.decide_late(key);
        assert_eq!(rig.told(), ["began", "ended"]);
        assert_eq!(rig.ended().finish_reason, FinishReason::CallerGaveUp);
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        rig.assert_clean();
    }
}
