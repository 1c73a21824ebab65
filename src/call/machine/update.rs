//! UPDATE (RFC 3311): without SDP it is answered on its own leg; an offer in it goes end to end, early or within the call.

use crate::base::id::{LegId, Side};
use crate::base::sound::Srtp;
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::early::Place;
use crate::call::machine::modify::{Modify, RETRY_S, Stage, Way};
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{Body, read};
use crate::call::timers::{MODIFY, Timer};
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::headers::Headers;
use crate::sip::message::Request;

impl Call {
    /// An UPDATE that belongs to its dialog.
    pub(super) fn update(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: Request,
    ) {
        let side = self.side(leg);
        let srtp = self.leg_mut(leg).map_or(Srtp::Off, |leg| leg.trunk.srtp);
        let offer = match read(srtp, request.headers(), request.body()) {
            Body::Empty => {
                // It moves the target and says that its sender is there; the other leg has no part in it.
                if let Some(place) = self.place_of(leg, &request) {
                    self.refresh_early(place, side, request.headers());
                }
                return self.refreshed_by_peer(now, hands, leg, server, &request);
            }
            Body::Sdp(offer) => match self.unfit(leg, &offer) {
                Some(why) => return hands.reply(now, server, &request, Answer::unfit(why)),
                None => offer,
            },
            Body::OtherType => return hands.reply(now, server, &request, Answer::not_sdp()),
            Body::Malformed => return hands.reply(now, server, &request, Answer::status(400)),
        };
        if self.is_up() {
            return self.update_offer(now, hands, side, (server, request), offer);
        }
        match self.place_of(leg, &request) {
            Some(place) => {
                let came = (server, request);
                self.early_offer(now, hands, (place, side), came, offer, None);
            }
            // Nothing was agreed that could be changed: the first offer has no answer yet (RFC 3311 5.2).
            None => {
                let answer = Answer::status(500).retry_after(RETRY_S);
                hands.reply(now, server, &request, answer);
            }
        }
    }

    /// Takes a peer's new Contact in an early dialog.
    pub(super) fn refresh_early(&mut self, place: Place, side: Side, headers: &Headers) {
        let Some(fork) = self.fork_mut(place) else {
            return;
        };
        match side {
            Side::Caller => {
                if let Some(shown) = &mut fork.shown {
                    shown.dialog.refresh(headers);
                }
            }
            Side::Callee => {
                if let Some(toward) = &mut fork.toward {
                    toward.dialog.refresh(headers);
                }
            }
        }
    }

    /// An offer within the answered call, in UPDATE or in a PRACK that comes late: by UPDATE to the other side, or by
    /// re-INVITE where that does not know UPDATE.
    pub(super) fn update_offer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        from: Side,
        (server, request): (ServerKey, Request),
        offer: Session,
    ) {
        if let Some(answer) = Answer::to_short_session(hands, &request) {
            return hands.reply(now, server, &request, answer);
        }
        if let Err(answer) = self.may_modify(from) {
            return hands.reply(now, server, &request, answer);
        }
        let updates = self
            .leg_on(from.other())
            .is_some_and(|leg| leg.upkeep.updates);
        let way = if updates { Way::Update } else { Way::Reinvite };
        let Some(client) = self.pass_on(now, hands, (from, way), Some(&offer), &[]) else {
            return hands.reply(now, server, &request, Answer::status(481));
        };
        let modify = Modify {
            from,
            server,
            stage: Stage::Passed {
                client,
                request,
                offer: Some(offer),
            },
            proven: Answered::default(),
            way,
        };
        if let State::Up(up) = &mut self.state {
            up.modify = Some(modify);
        }
        self.timers.set(Timer::Modify, now + MODIFY);
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    /// A call between two phones that know UPDATE.
    fn up(rig: &mut Rig) -> (Peer, Peer) {
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), UPDATES);
        rig.from(CARRIER, &invite);
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply_with(&toward, 200, "callee", UPDATES, &answer));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(header(&ok, "Allow").contains("PRACK, UPDATE"), "{ok}");
        let mut caller = Peer::caller(&invite, &ok);
        rig.says(&mut caller, "ACK", "");
        rig.all_to(PBX);
        (caller, Peer::callee(&toward, "callee"))
    }

    #[test]
    fn an_offer_in_update_goes_end_to_end_within_the_call() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, mut callee) = up(&mut rig);
        rig.says(
            &mut caller,
            "UPDATE",
            &sdp("127.0.0.2", 4_000, "a=sendonly"),
        );
        let passed = rig.to(PBX, "UPDATE sip:phone@127.0.0.1:5070 SIP/2.0");
        assert!(header(&passed, "Contact").contains("127.0.0.1:5060"));
        assert_eq!(header(&passed, "CSeq"), "2 UPDATE");
        // Glare.
        let other = callee.request("UPDATE", &sdp("127.0.0.3", 5_000, ""));
        rig.from(PBX, &other);
        rig.to(PBX, "SIP/2.0 491");
        rig.says(&mut caller, "INVITE", &sdp("127.0.0.2", 4_000, ""));
        rig.to(CARRIER, "SIP/2.0 500");
        rig.from(
            PBX,
            &reply(&passed, 200, "", &sdp("127.0.0.3", 5_000, "a=recvonly")),
        );
        assert_eq!(rig.lines_to(PBX), [""; 0], "an UPDATE has no ACK");
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(body(&ok).contains("a=recvonly"), "{ok}");
        // The other side may change it next, with nothing to wait for.
        rig.says(&mut callee, "UPDATE", &sdp("127.0.0.33", 5_300, ""));
        let passed = rig.to(CARRIER, "UPDATE");
        rig.from(
            CARRIER,
            &reply(&passed, 200, "", &sdp("127.0.0.2", 4_000, "")),
        );
        rig.to(PBX, "SIP/2.0 200");
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn an_update_without_an_offer_stays_on_its_leg() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = up(&mut rig);
        let update = caller.request("UPDATE", "");
        rig.from(CARRIER, &update.replace("<sip:peer@", "<sip:moved@"));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(header(&ok, "Contact").contains("127.0.0.1:5060"), "{ok}");
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        let update = caller
            .request("UPDATE", "text")
            .replace("application/sdp", "text/plain");
        rig.from(CARRIER, &update);
        rig.to(CARRIER, "SIP/2.0 415");
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }

    #[test]
    fn an_update_that_meets_the_end_of_the_call_is_answered() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, mut callee) = up(&mut rig);
        rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
        rig.to(PBX, "UPDATE");
        rig.says(&mut callee, "BYE", "");
        let said = rig.lines_to(CARRIER);
        assert!(
            said.iter().any(|line| line.starts_with("SIP/2.0 481")),
            "{said:?}"
        );
        assert!(said.iter().any(|line| line.starts_with("BYE ")), "{said:?}");
        rig.assert_clean();
    }

    #[test]
    fn a_side_that_does_not_answer_an_update_is_gone() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = up(&mut rig);
        rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
        rig.seconds(33);
        assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
        rig.assert_clean();
    }

    #[test]
    fn an_update_that_is_passed_as_reinvite_and_rings_without_end_is_cancelled() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
        let passed = rig.to(PBX, "INVITE");
        assert!(!header(&passed, "Supported").contains("100rel"), "{passed}");
        rig.from(PBX, &reply(&passed, 180, "", ""));
        rig.seconds(30);
        rig.to(PBX, "CANCEL");
        rig.from(PBX, &reply(&passed, 487, "", ""));
        rig.to(CARRIER, "SIP/2.0 487");
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }
}
