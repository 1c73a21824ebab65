//! A request within the call: BYE ends it, the others go their way.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::machine::attempt::Attempt;
use crate::call::machine::end::End;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::{Call, State};
use crate::call::screen;
use crate::call::story::{FinishReason, HungUpBy};
use crate::sip::endpoint::ServerKey;
use crate::sip::message::{Method, Request};
use crate::sip::transport::Path;

impl Call {
    /// A request that carries one of our tags.
    pub(in crate::call) fn request(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        came: (ServerKey, Request, Path),
    ) {
        let (server, request, path) = came;
        if let Err(answer) = self.accepts(leg, &request) {
            return hands.reply(now, server, &request, answer);
        }
        // A BYE too (RFC 3261 8.2.2.3); ACK and CANCEL do not come here.
        if let Err((answer, _)) = screen::requirements(&request) {
            return hands.reply(now, server, &request, answer);
        }
        if let Some(leg) = self.leg_mut(leg) {
            // A telephone may have moved to another port or connection.
            leg.path = path;
            if let Some(dialog) = &mut leg.dialog {
                dialog.came_by(&path);
            }
        }
        if let Some(dialog) = self.early_dialog(leg, &request) {
            dialog.came_by(&path);
        }
        if self.is_from_leaving(now, hands, leg, (server, &request)) {
            return;
        }
        match request.method() {
            Method::Refer => self.refer(now, hands, leg, server, &request),
            Method::Bye => self.bye(now, hands, leg, server, &request),
            Method::Invite => self.reinvite(now, hands, leg, server, request),
            Method::Info => self.inform(now, hands, leg, server, request),
            Method::Prack => self.prack(now, hands, leg, server, request),
            Method::Update => self.update(now, hands, leg, server, request),
            Method::Options => hands.reply(now, server, &request, Answer::capabilities()),
            method @ (Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_)) => {
                let answer = Answer::for_method(method);
                hands.reply(now, server, &request, answer);
            }
        }
    }

    /// Whether a request belongs to a dialog of ours and comes in its order (12.2.2).
    fn accepts(&mut self, id: LegId, request: &Request) -> Result<(), Answer> {
        let by_caller = self.caller.leg.id == id;
        let early = match &self.state {
            State::Hunting(_) => {
                let trying = |one: &Attempt| one.leg.id == id && one.is_trying();
                by_caller || self.attempts.iter().any(trying)
            }
            State::Asking { .. } | State::Up(_) | State::Ending(_) | State::Over => false,
        };
        let leg = self.leg_mut(id).ok_or_else(|| Answer::status(481))?;
        if let Some(dialog) = &mut leg.dialog {
            return dialog.accepts(request).map_err(Answer::status);
        }
        if !early || *leg.call_id != *request.headers().call_id() {
            return Err(Answer::status(481));
        }
        match request.method() {
            // Its own INVITE has no final answer yet (14.2).
            Method::Invite => Err(Answer::status(500).retry_after(RETRY_S)),
            // The caller may leave an early dialog; a target refuses with its final answer (15).
            Method::Bye if !by_caller => Err(Answer::status(481)),
            Method::Bye
            | Method::Info
            | Method::Options
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => match self.early_dialog(id, request) {
                Some(dialog) => dialog.accepts(request).map_err(Answer::status),
                None => Ok(()),
            },
        }
    }

    fn bye(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: &Request,
    ) {
        hands.reply(now, server, request, Answer::status(200));
        if self.referrer_hung_up(now, hands, leg)
            || self.new_party_hung_up(now, hands, leg)
            || self.replaced_hung_up(now, hands, leg)
        {
            return;
        }
        let why = Why::of(request.headers());
        let end = if !self.is_up() {
            End::given_up(why)
        } else {
            End {
                reason: FinishReason::Completed,
                by: match self.side(leg) {
                    Side::Caller => HungUpBy::Caller,
                    Side::Callee => HungUpBy::Callee,
                },
                status: 200,
                retry_after_s: None,
                why,
                gone: Some(leg),
            }
        };
        self.end(now, hands, end);
    }

    /// No packet came from either side for too long.
    pub(in crate::call) fn silent(&mut self, now: Moment, hands: &mut Hands) {
        // A report that a hold overtook: now silence is what is expected.
        let expected = matches!(&self.state, State::Up(up) if up.held || up.is_moving());
        if !expected {
            self.end(now, hands, End::cut(FinishReason::MediaLost));
        }
    }

    /// Which side a leg is on.
    pub(super) fn side(&self, leg: LegId) -> Side {
        if leg == self.caller.leg.id {
            Side::Caller
        } else {
            Side::Callee
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::Told;
    use crate::call::rig::*;
    use crate::call::story::*;

    #[test]
    fn the_reason_of_a_bye_reaches_the_other_side() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (_, mut callee) = rig.up();
        let bye = callee.request("BYE", "").replace(
            "Max-Forwards",
            "Reason: Q.850;cause=31;text=\"odd\"\r\nMax-Forwards",
        );
        rig.from(PBX, &bye);
        rig.to(PBX, "SIP/2.0 200");
        let bye = rig.to(CARRIER, "BYE sip:anna@127.0.0.1:5066 SIP/2.0");
        assert_eq!(header(&bye, "Reason"), "Q.850;cause=31");
        let ended = rig.ended();
        assert_eq!(
            (ended.hung_up_by, ended.q850_cause),
            (HungUpBy::Callee, Some(31))
        );
        rig.from(CARRIER, &reply(&bye, 200, "", ""));
        rig.assert_clean();
    }

    #[test]
    fn both_hang_up_at_once_and_both_hear_200() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, mut callee) = rig.up();
        let (one, other) = (caller.request("BYE", ""), callee.request("BYE", ""));
        rig.from(CARRIER, &one);
        rig.from(PBX, &other);
        rig.to(CARRIER, "SIP/2.0 200");
        let lines = rig.lines_to(PBX);
        assert!(lines[0].starts_with("BYE "), "{lines:?}");
        assert_eq!(lines[1], "SIP/2.0 200 OK");
        assert_eq!(rig.ended().hung_up_by, HungUpBy::Caller);
        rig.assert_clean();
    }

    #[test]
    fn a_bye_before_the_ack_ends_the_call() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.unacked();
        let (ack, bye) = (caller.request("ACK", ""), caller.request("BYE", ""));
        rig.from(CARRIER, &bye);
        rig.to(CARRIER, "SIP/2.0 200");
        rig.from(CARRIER, &ack);
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn a_bye_toward_the_caller_waits_for_its_ack() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.answers(&toward);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let mut callee = Peer::callee(&toward, "callee");
        rig.says(&mut callee, "BYE", "");
        assert_eq!(
            rig.lines_to(CARRIER),
            [""; 0],
            "RFC 3261 15: not before its ACK"
        );
        assert_eq!(rig.ended().hung_up_by, HungUpBy::Callee);
        let mut caller = Peer::caller(&invite, &ok);
        rig.says(&mut caller, "ACK", "");
        let bye = rig.to(CARRIER, "BYE");
        rig.from(CARRIER, &reply(&bye, 200, "", ""));
        rig.assert_clean();
    }

    #[test]
    fn a_caller_that_hangs_up_while_its_bye_waits_needs_none() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.answers(&toward);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let bye = Peer::callee(&toward, "callee").request("BYE", "");
        rig.from(PBX, &bye);
        let mut caller = Peer::caller(&invite, &ok);
        let (ack, bye) = (caller.request("ACK", ""), caller.request("BYE", ""));
        rig.from(CARRIER, &bye);
        rig.to(CARRIER, "SIP/2.0 200");
        rig.from(CARRIER, &ack);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        rig.assert_clean();
    }

    #[test]
    fn a_call_ends_though_no_bye_is_ever_answered() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let id = rig.facts[0].call;
        rig.tell(Told::HangUp(id));
        assert_eq!(rig.ended().finish_reason, FinishReason::HungUpByOperator);
        assert_eq!((rig.board.live().calls, rig.board.live().leaving), (0, 2));
        rig.assert_clean();
    }

    #[test]
    fn silence_on_both_sides_ends_the_call() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let leg = rig.open[0];
        rig.tell(Told::Silent(leg));
        rig.to(CARRIER, "BYE");
        rig.to(PBX, "BYE");
        assert_eq!(rig.ended().finish_reason, FinishReason::MediaLost);
        rig.assert_clean();
    }

    #[test]
    fn the_caller_may_hang_up_an_early_dialog() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        let ringing = rig.to(CARRIER, "SIP/2.0 180");
        let bye = Peer::caller(&invite, &ringing).request("BYE", "");
        rig.from(CARRIER, &bye);
        let lines = rig.lines_to(CARRIER);
        assert_eq!(lines, ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
        rig.to(PBX, "CANCEL");
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        assert_eq!(rig.ended().finish_reason, FinishReason::CallerGaveUp);
        rig.assert_clean();
    }

    #[test]
    fn an_early_dialog_says_what_is_not_done_and_goes_on() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        let ringing = rig.to(CARRIER, "SIP/2.0 180");
        let mut caller = Peer::caller(&invite, &ringing);
        let mut callee = Peer::callee(&toward, "callee");
        for (method, status) in [
            ("SUBSCRIBE", "405"),
            ("PRACK", "400"),
            ("DANCE", "501"),
            ("OPTIONS", "200"),
            ("INVITE", "500"),
        ] {
            let requests = [
                (CARRIER, caller.request(method, "")),
                (PBX, callee.request(method, "")),
            ];
            for (peer, request) in requests {
                rig.from(peer, &request);
                rig.to(peer, &format!("SIP/2.0 {status}"));
            }
        }
        rig.says(&mut callee, "BYE", "");
        rig.to(PBX, "SIP/2.0 481");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        assert_eq!(rig.board.live().answered, 1);
    }

    #[test]
    fn a_request_of_another_dialog_or_out_of_order_is_refused_and_harms_nothing() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        let bye = caller.request("BYE", "");
        let forgeries = [
            (";tag=from", ";tag=forged", "481"),
            ("incoming", "another", "481"),
            ("CSeq: 2 BYE", "CSeq: 1 BYE", "500"),
        ];
        for (branch, (ours, forged, status)) in forgeries.into_iter().enumerate() {
            let other = format!("z9hG4bK{branch}");
            rig.from(
                CARRIER,
                &bye.replace(ours, forged).replace("z9hG4bK", &other),
            );
            rig.to(CARRIER, &format!("SIP/2.0 {status}"));
        }
        assert_eq!(rig.board.live().answered, 1);
        rig.from(CARRIER, &bye);
        rig.to(CARRIER, "SIP/2.0 200");
        rig.assert_clean();
    }

    #[test]
    fn what_is_required_within_a_call_and_not_supported_is_420() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        for method in [
            "INVITE", "UPDATE", "INFO", "REFER", "PRACK", "NOTIFY", "OPTIONS", "BYE",
        ] {
            let request = caller.request(method, "");
            rig.from(
                CARRIER,
                &request.replace("Max-Forwards", "Require: timer, foo\r\nMax-Forwards"),
            );
            let refused = rig.to(CARRIER, "SIP/2.0 420");
            assert_eq!(header(&refused, "Unsupported"), "foo", "{method}");
            if method == "INVITE" {
                rig.from(CARRIER, &request.replace("INVITE", "ACK"));
            }
        }
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        assert_eq!(rig.board.live().answered, 1);
    }

    #[test]
    fn a_2xx_to_an_invite_says_what_is_supported() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_eq!(header(&ok, "Supported"), "100rel, timer, replaces");
    }

    #[test]
    fn what_is_not_done_within_a_call_is_said_with_allow() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        for (method, status) in [
            ("SUBSCRIBE", "405"),
            ("PUBLISH", "405"),
            ("DANCE", "501"),
            ("OPTIONS", "200"),
        ] {
            rig.says(&mut caller, method, "");
            let answer = rig.to(CARRIER, &format!("SIP/2.0 {status}"));
            assert!(
                header(&answer, "Allow").contains("INVITE, ACK, CANCEL, BYE"),
                "{answer}"
            );
        }
        assert_eq!(rig.board.live().answered, 1);
    }
}
