//! Before an INVITE of a trunk is read any further: the proof that the trunk owes us, and how many numbers its caller dials.

use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands};
use crate::call::identity::Identity;
use crate::call::screen::Refusal;
use crate::call::trunk::Trunk;
use crate::sip::authenticate::{Expected, Verdict};
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::transport::Path;

impl Hands {
    /// Whether an INVITE gives the proof that its trunk is configured to give (`inbound_username`); false: none is asked for.
    ///
    /// Strangers are not asked: what we tell them is the same for everybody.
    pub(in crate::call) fn gatekeep(
        &mut self,
        now: Moment,
        request: &Request,
        path: &Path,
    ) -> Result<bool, Refusal> {
        let line = self.trunks.registered(request.uri(), path);
        let line = line.or_else(|| self.trunks.recognise(path));
        let Some(login) = line.and_then(|line| line.trunk.inbound.as_ref()) else {
            return Ok(false);
        };
        let who = Expected {
            username: &login.username,
            password: &login.password,
        };
        let source = path.peer.ip();
        let stale = match self.gate.check(now, source, who, request) {
            Verdict::Proven => return Ok(true),
            // Not 401 again: it would guess on.
            Verdict::Wrong => return Err((Answer::status(403), "wrong credentials")),
            Verdict::Unproven => false,
            Verdict::Stale => true,
        };
        let challenges = self.gate.challenges(now, source, stale);
        let asks = challenges
            .into_iter()
            .fold(Answer::status(401), |answer, challenge| {
                answer.header(Name::WwwAuthenticate, challenge)
            });
        Err((asks, "not proven yet"))
    }

    /// Counts the number that an INVITE dials; whether its source has dialled too many.
    pub(in crate::call) fn hunts_numbers(
        &mut self,
        now: Moment,
        request: &Request,
        path: &Path,
        trunk: &Trunk,
        identity: &Identity,
    ) -> bool {
        let address = (!trunk.trusted).then(|| path.peer.ip().to_canonical());
        let source = (&identity.caller, address);
        match identity.dialled {
            Some(number) => self.fan_out.is_over(now, source, &number.to_string()),
            None => self.fan_out.is_over(now, source, request.uri().as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::Note;
    use crate::call::rig::*;
    use crate::call::trunk::{Allow, Login};
    use crate::sip::auth::{Challenge, Credentials, Round};
    use crate::sip::method::Method;

    fn asking() -> Rig {
        let mut lines = trunks();
        lines[0].0.inbound = Some(Login {
            username: "office".into(),
            password: "s3cret".into(),
        });
        Rig::with(one_by_one(&["101"]), lines)
    }

    /// The INVITE again, with what its sender answers to the challenge at `place` of the 401.
    fn proven(invite: &str, asks: &str, place: usize, password: &str) -> String {
        let mut lines = asks
            .lines()
            .filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        let challenge = Challenge::parse(lines.nth(place).unwrap().as_bytes()).unwrap();
        let who = Credentials {
            username: "office".to_owned(),
            password: password.to_owned(),
        };
        let uri = invite.split(' ').nth(1).unwrap();
        let round = Round {
            count: 1,
            cnonce: "c0ffee",
        };
        let proof = challenge.answer(&who, &Method::Invite, uri, round);
        invite
            .replace(
                "Max-Forwards",
                &format!("Authorization: {proof}\r\nMax-Forwards"),
            )
            .replace("z9hG4bKin", &format!("z9hG4bKproven{place}"))
            .replace("1 INVITE", "2 INVITE")
    }

    #[test]
    fn a_trunk_with_a_login_proves_it_before_it_begins_a_call() {
        for place in [0, 1] {
            let mut rig = asking();
            let invite = rig.dial();
            let asks = rig.to(CARRIER, "SIP/2.0 401");
            assert!(header(&asks, "WWW-Authenticate").contains("algorithm=SHA-256"));
            assert!(rig.questions.is_empty() && rig.notes.is_empty());
            assert_eq!(rig.told(), [""; 0]);
            rig.from(CARRIER, &proven(&invite, &asks, place, "s3cret"));
            rig.to(PBX, "INVITE sip:101@");
            assert_eq!(rig.told(), ["began"]);
        }
    }

    #[test]
    fn a_wrong_password_is_refused_and_noted_and_leaves_no_record() {
        let mut rig = asking();
        let invite = rig.dial();
        let asks = rig.to(CARRIER, "SIP/2.0 401");
        rig.from(CARRIER, &proven(&invite, &asks, 0, "guess"));
        rig.to(CARRIER, "SIP/2.0 403");
        let why = "wrong credentials";
        assert!(
            matches!(rig.notes[..], [Note::Refused { status: 403, why: said, .. }] if said == why),
            "{:?}",
            rig.notes
        );
        assert_eq!(rig.told(), [""; 0]);
        rig.assert_clean();
    }

    #[test]
    fn whoever_guesses_passwords_from_a_wide_network_is_banned_and_whoever_knows_it_is_not() {
        let mut lines = trunks();
        lines[0].0.inbound = Some(Login {
            username: "office".into(),
            password: "s3cret".into(),
        });
        lines[0].0.allow = vec![Allow {
            address: "0.0.0.0".parse().unwrap(),
            prefix: 0,
            port: None,
        }];
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        let guess = |rig: &mut Rig, from: &str, n: usize, password: &str| {
            let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""))
                .replace("z9hG4bK", &format!("z9hG4bK{n}"))
                .replace("incoming", &format!("guess{n}"));
            rig.from(from, &text);
            let said = rig.all_to(&from.replace("5060", "5066"));
            let asks = said.iter().find(|one| one.starts_with("SIP/2.0 401"));
            let again = proven(&text, asks.unwrap(), 0, password);
            rig.from(from, &again.replace("z9hG4bK", "z9hG4bKagain"));
            rig.everything();
        };
        let hears = |rig: &mut Rig, from: &str| {
            let peer = from.parse().unwrap();
            rig.board.hears(rig.now, peer, 400)
        };
        let (thief, office) = ("127.0.0.66:5060", "127.0.0.67:5060");
        guess(&mut rig, office, 900, "s3cret");
        for n in 0..20 {
            assert!(hears(&mut rig, thief));
            guess(&mut rig, thief, n, "guess");
            guess(&mut rig, office, 100 + n, "mistyped");
        }
        assert!(!hears(&mut rig, thief));
        assert!(hears(&mut rig, office));
        assert!(hears(&mut rig, CARRIER), "its own host is never banned");
    }

    #[test]
    fn a_proof_that_was_seen_before_is_asked_for_anew() {
        let mut rig = asking();
        let invite = rig.dial();
        let asks = rig.to(CARRIER, "SIP/2.0 401");
        let proof = proven(&invite, &asks, 0, "s3cret");
        rig.from(CARRIER, &proof);
        rig.to(CARRIER, "SIP/2.0 100");
        let again = proof.replace("z9hG4bKproven0", "z9hG4bKreplay");
        rig.from(CARRIER, &again.replace("incoming", "replay"));
        let asks = rig.to(CARRIER, "SIP/2.0 401");
        assert!(header(&asks, "WWW-Authenticate").ends_with("stale=true"));
    }

    #[test]
    fn a_stranger_is_not_asked_and_a_call_that_is_up_is_not_asked_again() {
        let mut rig = asking();
        let invite = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        rig.from("127.0.0.66:5060", &invite);
        rig.to("127.0.0.66:5066", "SIP/2.0 403");
        rig.from(CARRIER, &invite.replace("z9hG4bKin", "z9hG4bKfirst"));
        let asks = rig.to(CARRIER, "SIP/2.0 401");
        rig.from(CARRIER, &proven(&invite, &asks, 0, "s3cret"));
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let mut caller = Peer::caller(&invite.replace("1 INVITE", "2 INVITE"), &ok);
        caller.cseq = 2;
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        rig.to(CARRIER, "SIP/2.0 200");
    }
}
