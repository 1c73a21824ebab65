//! PRACK (RFC 3262): the caller's, with the answer to a target's offer or with an offer of its own; and ours to the targets.

use bytes::Bytes;

use crate::base::chance::Token;
use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::SDP;
use crate::call::machine::early::{Agreed, Place, Said};
use crate::call::machine::end::End;
use crate::call::machine::{Call, Errand, State};
use crate::call::offer_answer::{Body, meets, read};
use crate::call::speak::repeat;
use crate::call::story::FinishReason;
use crate::sdp::Session;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::reliable::rack::RAck;

/// A PRACK of ours without an offer, until it is answered.
#[derive(Debug)]
pub(in crate::call) struct Prack {
    client: ClientKey,
    rack: RAck,
    answer: Option<Bytes>,
    /// The challenges of its trunk that were answered.
    proven: Answered,
}

impl Call {
    /// A PRACK that belongs to its dialog.
    pub(super) fn prack(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: Request,
    ) {
        let Some(rack) = RAck::of(request.headers()) else {
            return hands.reply(now, server, &request, Answer::status(400));
        };
        let place = self.place_of(leg, &request);
        // A target has nothing to acknowledge: on a re-INVITE nothing is said before the final response.
        let by_caller = leg == self.caller.leg.id;
        let said = match by_caller {
            true => self.take_said(now, hands, place, &request, rack),
            false => None,
        };
        let Some(said) = said else {
            return hands.reply(now, server, &request, Answer::status(481));
        };
        let srtp = self.caller.leg.trunk.srtp;
        let (sdp, wrong) = match read(srtp, request.headers(), request.body()) {
            Body::Empty => (None, None),
            Body::Sdp(sdp) => (Some(sdp), None),
            Body::OtherType => (None, Some(Answer::not_sdp())),
            Body::Malformed => (None, Some(Answer::status(400))),
        };
        match (place, sdp) {
            (Some(place), sdp) if said.offers => {
                let wrong = wrong.unwrap_or_else(|| Answer::status(488));
                self.offer_answered(now, hands, place, (server, &request), (said, sdp, wrong));
            }
            (Some(place), Some(offer)) => {
                let from = (place, Side::Caller);
                self.early_offer(now, hands, from, (server, request), offer, said.owed);
            }
            // It crossed our 2xx, or nothing was agreed that could be changed.
            (None, Some(offer)) if self.is_up() => {
                self.update_offer(now, hands, Side::Caller, (server, request), offer);
            }
            (None, Some(_)) => hands.reply(now, server, &request, Answer::status(488)),
            (place, None) => {
                let answer = wrong.unwrap_or_else(|| Answer::status(200));
                hands.reply(now, server, &request, answer);
                if let (Some(place), Some(owed)) = (place, said.owed) {
                    self.acknowledge(now, hands, place, owed, None);
                }
            }
        }
        self.release_2xx(now, hands);
    }

    /// Takes the response that the caller acknowledges, and gives it the next one.
    fn take_said(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        place: Option<Place>,
        request: &Request,
        rack: RAck,
    ) -> Option<Said> {
        if let State::Up(up) = &mut self.state {
            // It crossed our 2xx.
            let came = up.unpracked.as_mut()?.handle_prack(now, rack)?;
            up.unpracked = None;
            return Some(came.response);
        }
        let shown = match place {
            Some((index, fork)) => self
                .attempts
                .get_mut(index)?
                .forks
                .get_mut(fork)?
                .shown
                .as_mut(),
            None => {
                let tag = request.headers().to().tag()?;
                let own = Token::parse(tag.as_bytes()) == Some(self.caller.leg.tag);
                self.caller.early.as_mut().filter(|_| own)
            }
        };
        let came = shown?.sender.handle_prack(now, rack)?;
        if let (Some(next), Some((invite, _))) = (came.next, &self.caller.invite) {
            hands.sip.respond(now, *invite, next.status, next.bytes);
        }
        self.arm_reliable();
        Some(came.response)
    }

    /// The caller's PRACK answers the target's offer: ours passes the answer on.
    fn offer_answered(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        place: Place,
        (server, request): (ServerKey, &Request),
        (said, answer, wrong): (Said, Option<Session>, Answer),
    ) {
        let toward = self.fork_mut(place).and_then(|fork| fork.toward.as_mut());
        let offer = toward.and_then(|toward| toward.offer.take());
        let agreed = offer
            .zip(answer)
            .filter(|(offer, answer)| meets(offer, answer))
            .map(|(offer, answer)| Box::new(Agreed::new(Side::Callee, offer, answer)));
        let Some(agreed) = agreed else {
            // Without an answer nothing can be acknowledged to the target, and nothing can be heard.
            hands.reply(now, server, request, wrong);
            let end = End::refused(FinishReason::CodecMismatch, 488);
            return self.end(now, hands, end);
        };
        hands.reply(now, server, request, Answer::status(200));
        let body = self.say_early(place, Side::Callee, &agreed.left, Some(&agreed.right));
        self.open_agreed(hands, (place.0, Some(place.1)), &agreed);
        self.agree(place, agreed);
        if let Some(owed) = said.owed {
            self.acknowledge(now, hands, place, owed, body);
        }
    }

    /// Acknowledges a target's reliable response, with the answer to its offer where it made one.
    pub(super) fn acknowledge(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        place: Place,
        rack: RAck,
        answer: Option<Bytes>,
    ) {
        let proven = Answered::default();
        self.send_prack(now, hands, place, (rack, answer, proven), &[]);
    }

    fn send_prack(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (index, fork): Place,
        (rack, answer, proven): (RAck, Option<Bytes>, Answered),
        credentials: &[(Name, String)],
    ) {
        let key = self.key;
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let leg = &attempt.leg;
        let toward = attempt.forks.get_mut(fork);
        let Some(toward) = toward.and_then(|fork| fork.toward.as_mut()) else {
            return;
        };
        let owner = Owner::Call(key, leg.id, Errand::Prack);
        let dialog = &mut toward.dialog;
        let client = hands.in_dialog(now, dialog, leg, &Method::Prack, owner, |prack| {
            let prack = repeat(prack.header(Name::RAck, rack), credentials);
            match &answer {
                Some(answer) => prack.body(SDP, answer),
                None => prack,
            }
        });
        toward.pracks.push(Prack {
            client,
            rack,
            answer,
            proven,
        });
    }

    /// A target's response to our PRACK. Only a challenge asks for more: that the dialog is gone shows on the INVITE.
    pub(super) fn prack_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        response: &Response,
    ) {
        let status = response.status();
        if status < 200 {
            return;
        }
        let Some((place, prack)) = self.take_prack(client) else {
            return;
        };
        if !matches!(status, 401 | 407) {
            return;
        }
        let Some(attempt) = self.attempts.get(place.0) else {
            return;
        };
        let toward = attempt.forks.get(place.1);
        let Some(toward) = toward.and_then(|fork| fork.toward.as_ref()) else {
            return;
        };
        let Prack {
            rack,
            answer,
            mut proven,
            ..
        } = prack;
        let method = &Method::Prack;
        let credentials =
            hands.prove_in(&toward.dialog, &attempt.leg, &mut proven, method, response);
        if let Some(credentials) = credentials {
            self.send_prack(now, hands, place, (rack, answer, proven), &credentials);
        }
    }

    /// Takes a PRACK of ours that came to an end.
    pub(super) fn take_prack(&mut self, client: ClientKey) -> Option<(Place, Prack)> {
        self.attempts
            .iter_mut()
            .enumerate()
            .find_map(|(index, one)| {
                one.forks.iter_mut().enumerate().find_map(|(fork, one)| {
                    let pracks = &mut one.toward.as_mut()?.pracks;
                    let at = pracks.iter().position(|prack| prack.client == client)?;
                    Some(((index, fork), pracks.swap_remove(at)))
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    const KNOWS: &str = "Supported: 100rel\r\n";

    /// A late offer: the target's reliable 183 has the offer. Returns the INVITEs of both legs and what the caller was shown.
    fn offered(rig: &mut Rig) -> (String, String, String) {
        let invite = adding(&invite(NUMBER, ""), KNOWS);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.to(PBX, "INVITE");
        assert_eq!(body(&toward), "");
        let offer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reliable(&toward, 183, "callee", 42, &offer));
        let early = rig.to(CARRIER, "SIP/2.0 183");
        assert!(body(&early).contains("m=audio 20002 "), "{early}");
        (invite, toward, early)
    }

    #[test]
    fn a_targets_offer_is_answered_in_the_callers_prack() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (invite, toward, early) = offered(&mut rig);
        assert_eq!(rig.lines_to(PBX), [""; 0], "our PRACK carries the answer");
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, &sdp("127.0.0.2", 4_000, ""));
        rig.from(CARRIER, &prack);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_eq!(body(&ok), "");
        let prack = rig.to(PBX, "PRACK");
        assert_eq!(header(&prack, "RAck"), "42 1 INVITE");
        assert!(body(&prack).contains("m=audio 20004 "), "{prack}");
        assert_eq!(rig.aims(), ["127.0.0.2:4000", "127.0.0.3:5000"]);
        rig.from(PBX, &reply(&prack, 200, "", ""));
        rig.from(PBX, &reply(&toward, 200, "callee", ""));
        let ack = rig.to(PBX, "ACK");
        assert_eq!(body(&ack), "", "answered before");
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_eq!(body(&ok), "");
        let (ack, bye) = (caller.request("ACK", ""), caller.request("BYE", ""));
        rig.from(CARRIER, &ack);
        assert_eq!(rig.board.live().answered, 1);
        rig.from(CARRIER, &bye);
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::Completed);
        assert_eq!(ended.legs[1].codec.as_deref(), Some("PCMA/8000"));
        rig.assert_clean();
    }

    #[test]
    fn a_prack_that_owes_an_answer_and_has_none_ends_the_call() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (invite, toward, early) = offered(&mut rig);
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, "");
        rig.from(CARRIER, &prack);
        let said = rig.lines_to(CARRIER);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said.iter().all(|line| line.starts_with("SIP/2.0 488")));
        rig.to(PBX, "CANCEL");
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        assert_eq!(rig.ended().finish_reason, FinishReason::CodecMismatch);
        rig.assert_clean();
    }

    #[test]
    fn each_fork_has_its_own_offer_answered() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (invite, toward, one) = offered(&mut rig);
        let offer = sdp("127.0.0.4", 6_000, "");
        rig.from(PBX, &reliable(&toward, 183, "other", 7, &offer));
        let two = rig.to(CARRIER, "SIP/2.0 183");
        assert_ne!(header(&one, "To"), header(&two, "To"));
        let mut caller = Peer::caller(&invite, &two);
        let prack = caller.prack(&two, &sdp("127.0.0.2", 4_002, ""));
        rig.from(CARRIER, &prack);
        let prack = rig.to(PBX, "PRACK");
        assert_eq!(tag(&header(&prack, "To")), "other");
        assert_eq!(header(&prack, "RAck"), "7 1 INVITE");
        assert_eq!(rig.aims(), ["127.0.0.2:4002", "127.0.0.4:6000"]);
        rig.from(PBX, &reply(&prack, 200, "", ""));
        rig.from(PBX, &reply(&toward, 200, "other", ""));
        rig.all_to(CARRIER);
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }

    #[test]
    fn a_new_offer_in_prack_goes_end_to_end_and_its_200_waits() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), KNOWS);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reliable(&toward, 183, "callee", 3, &answer));
        let early = rig.to(CARRIER, "SIP/2.0 183");
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, &sdp("127.0.0.22", 4_200, ""));
        rig.from(CARRIER, &prack);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        let prack = rig.to(PBX, "PRACK");
        assert_eq!(header(&prack, "RAck"), "3 1 INVITE");
        assert!(body(&prack).contains("m=audio 20004 "), "{prack}");
        let moved = sdp("127.0.0.33", 5_300, "");
        rig.from(PBX, &reply(&prack, 200, "", &moved));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(header(&ok, "CSeq").ends_with("PRACK"));
        assert!(body(&ok).contains("m=audio 20002 "), "{ok}");
        let aims = rig.aims();
        assert_eq!(
            aims[aims.len() - 2..],
            ["127.0.0.22:4200", "127.0.0.33:5300"]
        );
        rig.from(PBX, &reply(&toward, 200, "callee", ""));
        rig.to(CARRIER, "SIP/2.0 200");
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }

    #[test]
    fn an_offer_in_prack_whose_200_the_answer_overtakes_is_answered_all_the_same() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), KNOWS);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reliable(&toward, 183, "callee", 3, &answer));
        let early = rig.to(CARRIER, "SIP/2.0 183");
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, &sdp("127.0.0.22", 4_200, ""));
        rig.from(CARRIER, &prack);
        let prack = rig.to(PBX, "PRACK");
        rig.from(PBX, &reply(&toward, 200, "callee", ""));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(header(&ok, "CSeq").ends_with("INVITE"), "{ok}");
        rig.says(&mut caller, "ACK", "");
        rig.from(PBX, &reply(&prack, 200, "", &answer));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(header(&ok, "CSeq").ends_with("PRACK"), "{ok}");
        assert!(rig.aims().contains(&"127.0.0.22:4200".to_owned()));
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn an_offer_in_prack_to_a_target_that_acknowledges_nothing_is_488() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let requires = "Require: 100rel\r\n";
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), requires);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&toward, 183, "callee", &answer));
        let early = rig.to(CARRIER, "SIP/2.0 183");
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, &sdp("127.0.0.22", 4_200, ""));
        rig.from(CARRIER, &prack);
        rig.to(CARRIER, "SIP/2.0 488");
        // It acknowledged all the same.
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        rig.to(CARRIER, "SIP/2.0 200");
    }

    #[test]
    fn a_caller_who_gives_up_while_its_offer_is_on_its_way_leaves_nothing_behind() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), KNOWS);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reliable(&toward, 183, "callee", 3, &answer));
        let early = rig.to(CARRIER, "SIP/2.0 183");
        let mut caller = Peer::caller(&invite, &early);
        let prack = caller.prack(&early, &sdp("127.0.0.22", 4_200, ""));
        rig.from(CARRIER, &prack);
        rig.all_to(PBX);
        rig.from(CARRIER, &cancel(&invite, ""));
        let said = rig.lines_to(CARRIER);
        assert!(
            said.iter().any(|line| line.starts_with("SIP/2.0 481")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|line| line.starts_with("SIP/2.0 487")),
            "{said:?}"
        );
        rig.from(PBX, &reply(&toward, 487, "callee", ""));
        rig.assert_clean();
    }
}
