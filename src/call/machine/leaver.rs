//! Who talks to the caller leaves, and the call goes on with another party: what it has open is settled, so that nothing of a
//! dialog that is over is left to end the call (RFC 3261 14.1, 15.1.2).

use std::time::Duration;

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::Why;
use crate::call::machine::attempt::{Attempt, Stage as Trying};
use crate::call::machine::modify::{Modify, Stage, over};
use crate::call::machine::{Call, Errand, State};
use crate::call::timers::Timer;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::message::{Method, Request, Response};

/// How long who asked may take to hang up once it is told that all went well.
const DEPART: Duration = Duration::from_secs(5);

impl Call {
    /// The callee is about to leave, and is one of the two that talk until then. A 2xx that it has not acknowledged it goes on
    /// owing: its BYE waits for that (RFC 3261 15).
    pub(super) fn settle_leaver(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(modify) = up.modify.take() else {
            return;
        };
        self.timers.stop(Timer::Modify);
        match modify.from {
            Side::Callee => self.settle_own(now, hands, modify),
            Side::Caller => self.settle_toward(now, hands, modify),
        }
    }

    /// What it wanted of the caller.
    fn settle_own(&mut self, now: Moment, hands: &mut Hands, modify: Modify) {
        match modify.stage {
            Stage::Passed {
                client, request, ..
            } => {
                hands.reply(now, modify.server, &request, over(&request));
                // The caller may have agreed already: its 2xx wants an ACK, and no BYE as from one that was given up.
                let owner = Owner::Call(self.key, self.caller.leg.id, Errand::TakenBack);
                hands.own(client, owner);
                hands.cancel(now, client);
                return hands.invite_is_answered(modify.server);
            }
            Stage::Agreed => {}
            Stage::Offered { client, .. } => hands.ack(now, client, &mut self.caller.leg, None),
        }
        if let State::Up(up) = &self.state
            && let Some(leaver) = self.attempts.get_mut(up.answered)
        {
            leaver.unacked = Some(modify.server);
        }
    }

    /// Who has left the conversation never acknowledged a 2xx: its BYE waits no longer. `false`: that is somebody else.
    pub(super) fn leaver_never_acked(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
    ) -> bool {
        let owes = |one: &&mut Attempt| one.unacked == Some(server) && one.stage == Trying::Leaving;
        let Some(leaver) = self.attempts.iter_mut().find(owes) else {
            return false;
        };
        leaver.unacked = None;
        let leg = leaver.leg.id;
        self.timers.stop(Timer::Depart(leg));
        self.depart(now, hands, leg);
        true
    }

    /// What the caller wanted of it.
    fn settle_toward(&mut self, now: Moment, hands: &mut Hands, mut modify: Modify) {
        match modify.stage {
            Stage::Passed {
                client, request, ..
            } => {
                hands.give_up(now, client, Why::NONE);
                hands.reply(now, modify.server, &request, Answer::status(491));
                return hands.invite_is_answered(modify.server);
            }
            Stage::Agreed => {}
            Stage::Offered { client, .. } => {
                if let Some(callee) = self.leg_on(Side::Callee) {
                    hands.ack(now, client, callee, None);
                }
            }
        }
        // The caller stays, and so does what it owes.
        modify.stage = Stage::Agreed;
        if let State::Up(up) = &mut self.state {
            up.modify = Some(modify);
        }
    }

    /// The call has moved on: who asked for it has some seconds to hang up.
    pub(super) fn let_depart(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if attempt.stage == Trying::Up {
            attempt.stage = Trying::Leaving;
            attempt.leg.part.left = Some(now);
            attempt.leg.upkeep.abandon(now, hands);
            hands.close_ports(&mut attempt.leg);
            self.timers.stop(Timer::Session(attempt.leg.id));
            self.timers.set(Timer::Depart(attempt.leg.id), now + DEPART);
        }
    }

    /// It did not hang up by itself.
    pub(super) fn depart(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        let Some(attempt) = self.leaving(leg) else {
            return;
        };
        attempt.stage = Trying::Over;
        let unacked = attempt.unacked.take();
        if let Some(dialog) = attempt.leg.dialog.take() {
            hands.part(now, &attempt.leg, dialog, Why::NONE, unacked);
        }
    }

    /// A request from a party that the call has left: it may hang up, and nothing else. `false`: it is not one.
    pub(super) fn is_from_leaving(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        (server, request): (ServerKey, &Request),
    ) -> bool {
        let Some(attempt) = self.leaving(leg) else {
            return false;
        };
        let status = match request.method() {
            Method::Bye => {
                attempt.stage = Trying::Over;
                attempt.leg.dialog = None;
                if let Some(server) = attempt.unacked.take() {
                    hands.invite_is_answered(server);
                }
                hands.forget_leg(&attempt.leg);
                self.timers.stop(Timer::Depart(leg));
                200
            }
            Method::Options => 200,
            // It has left the conversation; there is no session to change.
            Method::Invite | Method::Update => 488,
            Method::Refer => 603,
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Prack
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => 481,
        };
        hands.reply(now, server, request, Answer::status(status));
        true
    }

    fn leaving(&mut self, leg: LegId) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .find(|one| one.leg.id == leg && one.stage == Trying::Leaving)
    }

    /// The caller's response to a re-INVITE whose sender has left.
    pub(super) fn taken_back_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        response: &Response,
    ) {
        if (200..300).contains(&response.status())
            && response.headers().cseq().method == Method::Invite
        {
            hands.ack(now, client, &mut self.caller.leg, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    fn rig() -> Rig {
        Rig::with(one_by_one(&["101"]), trunks_that_transfer())
    }

    /// The callee sends the caller on and hangs up; returns the INVITE to the new party and what else was said to the PBX.
    fn sent_on_and_left(rig: &mut Rig, callee: &mut Peer) -> (String, Vec<String>) {
        let refer = callee.refer("Refer-To: <sip:102@127.0.0.1:5070>\r\n");
        rig.from(PBX, &refer);
        rig.says(callee, "BYE", "");
        let all = rig.all_to(PBX);
        let toward = all.iter().find(|text| begins(text, "INVITE sip:102@"));
        (toward.expect("INVITE").clone(), all)
    }

    /// The new party answers, the call outlasts every transaction, and the caller ends it.
    fn goes_on(mut rig: Rig, mut caller: Peer, toward: &str) {
        rig.from(
            PBX,
            &reply(toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        rig.to(PBX, "ACK");
        rig.seconds(40);
        assert_eq!(rig.board.live().answered, 1);
        rig.all_to(PBX);
        rig.says(&mut caller, "BYE", "");
        let bye = rig.to(PBX, "BYE");
        assert_eq!(tag(&header(&bye, "To")), "new", "and at once");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn who_leaves_without_the_ack_of_its_reinvite_does_not_end_the_call() {
        let mut rig = rig();
        let (caller, mut callee) = rig.up();
        rig.says(&mut callee, "INVITE", &sdp("127.0.0.3", 5_000, ""));
        let toward = rig.to(CARRIER, "INVITE");
        rig.from(
            CARRIER,
            &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "")),
        );
        rig.to(CARRIER, "ACK");
        rig.to(PBX, "SIP/2.0 200");
        let (toward, _) = sent_on_and_left(&mut rig, &mut callee);
        goes_on(rig, caller, &toward);
    }

    #[test]
    fn a_callers_reinvite_to_who_leaves_crosses_the_transfer_and_does_not_end_the_call() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        rig.says(&mut caller, "INVITE", &sdp("127.0.0.2", 4_000, ""));
        let passed = rig.to(PBX, "INVITE");
        let (toward, _) = sent_on_and_left(&mut rig, &mut callee);
        rig.to(CARRIER, "SIP/2.0 491");
        rig.from(PBX, &reply(&passed, 481, "", ""));
        rig.to(PBX, "ACK");
        goes_on(rig, caller, &toward);
    }

    #[test]
    fn a_reinvite_of_who_leaves_is_taken_back_at_the_caller() {
        for status in [200, 487] {
            let mut rig = rig();
            let (caller, mut callee) = rig.up();
            rig.says(&mut callee, "INVITE", &sdp("127.0.0.3", 5_000, ""));
            let passed = rig.to(CARRIER, "INVITE");
            rig.from(CARRIER, &reply(&passed, 100, "", ""));
            let (toward, all) = sent_on_and_left(&mut rig, &mut callee);
            assert!(
                all.iter().any(|text| begins(text, "SIP/2.0 487")),
                "{all:?}"
            );
            let cancel = rig.to(CARRIER, "CANCEL");
            rig.from(CARRIER, &reply(&cancel, 200, "", ""));
            let answer = sdp("127.0.0.2", 4_000, "");
            let answer = if status == 200 { &*answer } else { "" };
            rig.from(CARRIER, &reply(&passed, status, "", answer));
            rig.to(CARRIER, "ACK");
            assert_eq!(rig.lines_to(CARRIER), [""; 0], "and no BYE");
            goes_on(rig, caller, &toward);
        }
    }
}
