//! A target's trunk asks who we are: the INVITE again with the answer (RFC 3261 22.2).

use std::sync::Arc;

use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::machine::Call;
use crate::sip::message::{Method, Response};

impl Call {
    /// A 401 or 407 to a target's INVITE.
    pub(super) fn challenged(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let trunks = Arc::clone(&hands.trunks);
        let answer = trunks.by_id(&attempt.leg.trunk.id).and_then(|line| {
            attempt.proven.answer(
                line,
                [attempt.leg.path.peer.ip(), attempt.to.address.ip()],
                response,
                (&Method::Invite, &attempt.leg.remote_uri),
                &mut hands.chance,
            )
        });
        match answer {
            Some(credentials) => self.invite(now, hands, index, &credentials),
            None => self.refused(now, hands, index, response),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    const ASKS: &str = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";

    fn known_at_the_pbx() -> Rig {
        let mut lines = trunks();
        lines[1].0.username = Some("office".into());
        lines[1].0.password = Some("secret".into());
        Rig::with(one_by_one(&["101"]), lines)
    }

    #[test]
    fn the_trunk_that_was_dialled_gets_its_answer_once_for_each_nonce() {
        let mut rig = known_at_the_pbx();
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply_with(&toward, 407, "x", ASKS, ""));
        let again = rig.to(PBX, "INVITE");
        assert_eq!(header(&again, "CSeq"), "2 INVITE");
        assert_eq!(header(&again, "Call-ID"), header(&toward, "Call-ID"));
        assert_eq!(header(&again, "From"), header(&toward, "From"));
        assert_eq!(
            body(&again),
            body(&toward),
            "the same offer is the same version"
        );
        let proof = header(&again, "Proxy-Authorization");
        assert!(
            proof.contains("username=\"office\"") && proof.contains("nonce=\"n1\""),
            "{proof}"
        );
        assert!(!proof.contains("secret"));
        // Stale: the secret was right, only the nonce is old.
        let stale = ASKS
            .replace("n1", "n2")
            .replace("realm", "stale=true, realm");
        rig.from(PBX, &reply_with(&again, 407, "x", &stale, ""));
        let third = rig.to(PBX, "INVITE");
        assert!(header(&third, "Proxy-Authorization").contains("nonce=\"n2\""));
        // The same nonce again: the secret is wrong.
        rig.from(
            PBX,
            &reply_with(&third, 407, "x", &ASKS.replace("n1", "n2"), ""),
        );
        rig.to(CARRIER, "SIP/2.0 480");
        let tried = &rig.ended().targets_tried[0];
        assert_eq!(
            (tried.result, tried.sip_status),
            (TriedResult::Rejected, Some(407))
        );
        rig.assert_clean();
    }

    #[test]
    fn a_challenge_from_anywhere_else_learns_nothing() {
        let mut rig = known_at_the_pbx();
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from("127.0.0.77:5070", &reply_with(&toward, 407, "x", ASKS, ""));
        assert!(
            rig.lines_to(PBX)
                .iter()
                .all(|line| line.starts_with("ACK "))
        );
        assert_eq!(rig.ended().targets_tried[0].result, TriedResult::Rejected);
        rig.assert_clean();
    }

    #[test]
    fn a_peer_whose_contact_leads_elsewhere_gets_no_proof_there() {
        let mut rig = known_at_the_pbx();
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let ok = reply(&toward, 200, "callee", &sdp("127.0.0.3", 5_000, ""));
        rig.from(
            PBX,
            &ok.replace("<sip:phone@127.0.0.1:5070>", "<sip:phone@127.0.0.88:5070>"),
        );
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let mut caller = Peer::caller(&invite, &ok);
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        let bye = rig.to("127.0.0.88:5070", "BYE");
        rig.from(PBX, &reply_with(&bye, 407, "", ASKS, ""));
        assert_eq!(rig.lines_to("127.0.0.88:5070"), [""; 0]);
        rig.assert_clean();
    }

    #[test]
    fn a_trunk_without_a_secret_is_not_answered() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply_with(&toward, 407, "x", ASKS, ""));
        assert_eq!(rig.ended().targets_tried[0].sip_status, Some(407));
        rig.assert_clean();
    }

    #[test]
    fn the_ack_of_a_challenged_invite_repeats_its_credentials() {
        let mut rig = known_at_the_pbx();
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply_with(&toward, 407, "x", ASKS, ""));
        let again = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&again, 200, "callee", &answer));
        let ack = rig.to(PBX, "ACK");
        let proof = header(&again, "Proxy-Authorization");
        assert!(!proof.is_empty());
        assert_eq!(header(&ack, "Proxy-Authorization"), proof);
    }

    #[test]
    fn an_info_is_proven_once_and_its_challenge_stays_here() {
        let mut rig = known_at_the_pbx();
        let (mut caller, _) = rig.up();
        rig.says(&mut caller, "INFO", "Signal=5\r\n");
        let toward = rig.to(PBX, "INFO");
        rig.from(PBX, &reply_with(&toward, 407, "", ASKS, ""));
        let again = rig.to(PBX, "INFO");
        assert!(header(&again, "Proxy-Authorization").contains("nonce=\"n1\""));
        assert_eq!(body(&again), body(&toward));
        rig.from(PBX, &reply(&again, 200, "", ""));
        rig.to(CARRIER, "SIP/2.0 200");
        // A secret that the trunk does not take is no secret of the caller's.
        rig.says(&mut caller, "INFO", "Signal=6\r\n");
        for _ in 0..2 {
            let toward = rig.to(PBX, "INFO");
            rig.from(PBX, &reply_with(&toward, 407, "", ASKS, ""));
        }
        assert_eq!(
            header(&rig.to(CARRIER, "SIP/2.0 403"), "Proxy-Authenticate"),
            ""
        );
    }

    #[test]
    fn a_bye_and_a_reinvite_are_proven_too() {
        let mut rig = known_at_the_pbx();
        let (mut caller, _) = rig.up();
        rig.says(
            &mut caller,
            "INVITE",
            &sdp("127.0.0.2", 4_000, "a=sendonly"),
        );
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply_with(&toward, 407, "", ASKS, ""));
        let again = rig.to(PBX, "INVITE");
        assert!(header(&again, "Proxy-Authorization").contains("nonce=\"n1\""));
        rig.from(
            PBX,
            &reply(&again, 200, "", &sdp("127.0.0.3", 5_000, "a=recvonly")),
        );
        let proof = header(&again, "Proxy-Authorization");
        assert_eq!(header(&rig.to(PBX, "ACK"), "Proxy-Authorization"), proof);
        rig.to(CARRIER, "SIP/2.0 200");
        let (ack, bye) = (caller.request("ACK", ""), caller.request("BYE", ""));
        rig.from(CARRIER, &ack);
        rig.all_to(PBX);
        rig.from(CARRIER, &bye);
        let bye = rig.to(PBX, "BYE");
        rig.from(
            PBX,
            &reply_with(&bye, 401, "", &ASKS.replace("Proxy", "WWW"), ""),
        );
        let again = rig.to(PBX, "BYE");
        assert!(header(&again, "Authorization").contains("nonce=\"n1\""));
        rig.from(PBX, &reply(&again, 200, "", ""));
        assert_eq!(rig.board.live().leaving, 0);
        rig.assert_clean();
    }

    /// Both trunks have a secret, and the caller's is up for whoever asks.
    fn known_everywhere() -> Rig {
        let mut lines = trunks();
        for (line, user) in lines.iter_mut().zip(["7495", "office"]) {
            line.0.username = Some(user.into());
            line.0.password = Some("secret".into());
        }
        Rig::with(one_by_one(&["101"]), lines)
    }

    /// Nothing that was sent to a peer carries an answer to a challenge.
    fn assert_no_proof(rig: &mut Rig, peer: &str) {
        for text in rig.all_to(peer) {
            assert_eq!(header(&text, "Authorization"), "", "{text}");
            assert_eq!(header(&text, "Proxy-Authorization"), "", "{text}");
        }
    }

    #[test]
    fn who_called_us_gets_no_proof_whatever_it_asks_for() {
        let mut rig = known_everywhere();
        let (_, mut callee) = rig.up();
        rig.all_to(CARRIER);
        for method in ["INFO", "INVITE"] {
            let offer = sdp("127.0.0.3", 5_000, "a=sendonly");
            let body = if method == "INFO" {
                "Signal=5\r\n"
            } else {
                &offer
            };
            let request = callee.request(method, body);
            rig.from(PBX, &request);
            let toward = rig.to(CARRIER, method);
            rig.from(CARRIER, &reply_with(&toward, 407, "", ASKS, ""));
            let www = ASKS.replace("Proxy", "WWW").replace("n1", "n2");
            rig.from(CARRIER, &reply_with(&toward, 401, "", &www, ""));
            assert_no_proof(&mut rig, CARRIER);
            rig.seconds(40);
            assert_no_proof(&mut rig, CARRIER);
        }
        rig.says(&mut callee, "BYE", "");
        let toward = rig.all_to(CARRIER).pop().unwrap();
        assert!(toward.starts_with("BYE "), "{toward}");
        rig.from(CARRIER, &reply_with(&toward, 407, "", ASKS, ""));
        assert_no_proof(&mut rig, CARRIER);
        rig.assert_clean();
    }

    #[test]
    fn a_redirection_to_a_strange_host_or_a_strange_route_takes_no_proof_along() {
        const STRANGE: &str = "127.0.0.88:5070";
        let ways = [
            (
                "Record-Route: <sip:127.0.0.88:5070;lr>\r\n",
                "<sip:phone@127.0.0.1:5070>",
            ),
            ("", "<sip:phone@127.0.0.88:5070>"),
            ("", "<sip:phone@127.0.0.1:5070;maddr=127.0.0.88>"),
        ];
        for (route, contact) in ways {
            let mut rig = known_at_the_pbx();
            let invite = rig.dial();
            let toward = rig.to(PBX, "INVITE");
            rig.from(PBX, &reply_with(&toward, 407, "x", ASKS, ""));
            let again = rig.to(PBX, "INVITE");
            let ok = reply_with(&again, 200, "callee", route, &sdp("127.0.0.3", 5_000, ""));
            rig.from(PBX, &ok.replace("<sip:phone@127.0.0.1:5070>", contact));
            let ok = rig.to(CARRIER, "SIP/2.0 200");
            // The ACK repeats the INVITE's proof, to the trunk alone.
            assert_no_proof(&mut rig, STRANGE);
            let mut caller = Peer::caller(&invite, &ok);
            rig.says(&mut caller, "ACK", "");
            for method in ["INFO", "BYE"] {
                rig.says(&mut caller, method, "");
                for toward in rig.all_to(STRANGE) {
                    assert_eq!(header(&toward, "Proxy-Authorization"), "", "{toward}");
                    let asks = ASKS.replace("n1", method);
                    for from in [PBX, STRANGE] {
                        rig.from(from, &reply_with(&toward, 407, "", &asks, ""));
                    }
                }
                assert_no_proof(&mut rig, STRANGE);
            }
            rig.seconds(40);
            assert_no_proof(&mut rig, STRANGE);
        }
    }
}
