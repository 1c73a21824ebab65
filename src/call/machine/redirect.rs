//! A target redirects the call (RFC 3261 8.1.3.4, 21.3): followed only to trunks that are configured, a few times a call.
//!
//! A Contact says where somebody would have the call go; it is dialled as one of our own targets on our own trunk, and
//! nothing else of it is used. What cannot be followed is a refusal like any other.

use crate::base::time::Moment;
use crate::call::goal;
use crate::call::hands::Hands;
use crate::call::machine::attempt::Attempt;
use crate::call::machine::{Call, State};
use crate::call::story::TriedResult;
use crate::route::decision::{Step, Target};
use crate::sip::message::Response;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;

/// Targets that one call takes from redirections: a desk that forwards to a mobile that forwards to a secretary takes two.
const FOLLOWED_MAX: usize = 5;
/// Contacts that are looked at in one answer.
const CONTACTS_MAX: usize = 16;

impl Call {
    /// Follows a 3xx of a target; `false`: it leads nowhere that we go.
    pub(super) fn redirected(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) -> bool {
        // 305 and 380 ask for more than another target.
        if !matches!(response.status(), 300..=302) {
            return false;
        }
        let Some(attempt) = self.attempts.get(index) else {
            return false;
        };
        let (ring, from) = (attempt.ring, attempt.leg.trunk.id.clone());
        let named = contacts(response);
        let found = named
            .iter()
            .filter_map(|contact| goal::redirected(contact, &from, &hands.trunks, &hands.country));
        let mut targets = self.new_ones(found.collect());
        let State::Hunting(hunt) = &mut self.state else {
            return false;
        };
        targets.truncate(FOLLOWED_MAX.saturating_sub(hunt.followed.len()));
        if targets.is_empty() {
            return false;
        }
        hunt.followed.extend(targets.iter().cloned());
        let status = Some(response.status());
        self.retire(now, hands, index, TriedResult::Redirected, status);
        // The others of its step ring on, and whom it named rings with them.
        if self.attempts.iter().any(Attempt::is_trying) {
            let first = targets.remove(0);
            self.place_on_any_trunk(now, hands, first, ring);
        }
        if let State::Hunting(hunt) = &mut self.state {
            let ring_s = u32::try_from(ring.as_secs()).unwrap_or(u32::MAX);
            for target in targets.into_iter().rev() {
                let targets = vec![target];
                hunt.before.push_front(Step { targets, ring_s });
            }
        }
        self.go_on(now, hands);
        true
    }

    /// Those of `found` that this call has not tried.
    fn new_ones(&self, found: Vec<Target>) -> Vec<Target> {
        let mut new: Vec<Target> = Vec::new();
        for target in found {
            let tried = self.attempts.iter().map(|one| &one.target);
            let known = tried.chain(&new).any(|one| is_same(one, &target));
            if !known {
                new.push(target);
            }
        }
        new
    }
}

/// Whether two targets are one telephone, whoever it is that answers there.
pub(super) fn is_same(one: &Target, other: &Target) -> bool {
    (&one.trunk, &one.dial) == (&other.trunk, &other.dial)
}

/// The Contacts of an answer, the most wanted first (20.10).
fn contacts(response: &Response) -> Vec<Uri> {
    let mut named: Vec<(u16, Uri)> = response
        .headers()
        .contacts()
        .take(CONTACTS_MAX)
        .map(|contact| (quality(&contact), contact.uri().detached()))
        .collect();
    named.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    named.into_iter().map(|(_, uri)| uri).collect()
}

/// The parameter q in thousandths; 1 where there is none that can be read.
fn quality(contact: &NameAddr) -> u16 {
    let text = contact.param("q").and_then(|q| std::str::from_utf8(q).ok());
    let Some((whole, part)) = text.map(|text| text.split_once('.').unwrap_or((text, ""))) else {
        return 1_000;
    };
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match (whole, format!("{part:0<3}").parse()) {
        ("0", Ok(thousandths)) if digits => thousandths,
        (_, Ok(_) | Err(_)) => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    fn moved(toward: &str, contacts: &str) -> String {
        let text = reply(toward, 302, "moved", "");
        let contact = format!("Contact: <sip:phone@{PBX}>\r\n");
        assert!(text.contains(&contact));
        text.replace(&contact, &format!("Contact: {contacts}\r\n"))
    }

    fn tried(rig: &Rig) -> Vec<(String, TriedResult, Option<u16>)> {
        let tried = rig.ended().targets_tried.iter();
        tried
            .map(|one| (one.target.clone(), one.result, one.sip_status))
            .collect()
    }

    #[test]
    fn a_redirection_to_a_configured_trunk_is_followed_before_the_next_step() {
        let mut rig = Rig::new(one_by_one(&["101", "102"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE sip:101@");
        rig.from(PBX, &moved(&toward, "<sip:205@127.0.0.1:5070>"));
        let next = rig.to(PBX, "INVITE sip:205@127.0.0.1:5070");
        assert_ne!(header(&next, "Call-ID"), header(&toward, "Call-ID"));
        rig.from(PBX, &reply(&next, 486, "x", ""));
        let last = rig.to(PBX, "INVITE sip:102@");
        rig.from(PBX, &reply(&last, 486, "y", ""));
        rig.to(CARRIER, "SIP/2.0 486");
        assert_eq!(
            tried(&rig),
            [
                ("ext:101@pbx".to_owned(), TriedResult::Redirected, Some(302)),
                ("ext:205@pbx".to_owned(), TriedResult::Busy, Some(486)),
                ("ext:102@pbx".to_owned(), TriedResult::Busy, Some(486)),
            ]
        );
        rig.assert_clean();
    }

    #[test]
    fn a_redirection_to_anywhere_else_is_a_refusal() {
        for contact in [
            "<sip:205@198.51.100.7>",
            "<sip:205@127.0.0.1:5999>",
            "<sip:205@127.0.0.1>",
            "<sip:127.0.0.1:5070>",
            "<sip:101@127.0.0.1:5070>",
            "<tel:+79160000009>",
            "<mailto:a@127.0.0.1>",
            "<sip:a%0d%0aX:b@127.0.0.1:5070>",
            "*",
        ] {
            let mut rig = Rig::new(one_by_one(&["101"]));
            rig.dial();
            let toward = rig.to(PBX, "INVITE");
            rig.from(PBX, &moved(&toward, contact));
            let lines = rig.lines_to(PBX);
            assert!(
                lines.iter().all(|line| line.starts_with("ACK ")),
                "{contact}: {lines:?}"
            );
            rig.to(CARRIER, "SIP/2.0 480");
            let result = TriedResult::Rejected;
            assert_eq!(
                tried(&rig),
                [("ext:101@pbx".to_owned(), result, Some(302))],
                "{contact}"
            );
            rig.assert_clean();
        }
    }

    #[test]
    fn several_contacts_are_tried_as_much_as_they_are_wanted() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        let contacts = "<sip:201@127.0.0.1:5070>;q=0.2, <sip:202@127.0.0.1:5070>;q=0.75, \
            <sip:%2B79160000009@127.0.0.1:5066?Replaces=x>;q=0.5, <sip:202@127.0.0.1:5070>;q=0.1";
        rig.from(PBX, &moved(&toward, contacts));
        let first = rig.to(PBX, "INVITE sip:202@");
        rig.from(PBX, &reply(&first, 486, "x", ""));
        let second = rig.to(CARRIER, "INVITE sip:+79160000009@127.0.0.1:5066 SIP/2.0");
        assert_eq!(header(&second, "Replaces"), "");
        rig.from(CARRIER, &reply(&second, 486, "y", ""));
        let third = rig.to(PBX, "INVITE sip:201@");
        rig.from(PBX, &reply(&third, 200, "z", &sdp("127.0.0.3", 5_000, "")));
        let answered = rig.answered();
        assert_eq!(
            (answered.manager.as_deref(), &*answered.destination),
            (None, "201")
        );
    }

    #[test]
    fn a_call_is_sent_on_five_times_and_never_to_the_same_place_twice() {
        let mut rig = Rig::new(one_by_one(&["101", "201"]));
        rig.dial();
        let mut toward = rig.to(PBX, "INVITE sip:101@");
        for next in 201..=205 {
            let contacts = format!("<sip:{next}@127.0.0.1:5070>, <sip:101@127.0.0.1:5070>");
            rig.from(PBX, &moved(&toward, &contacts));
            toward = rig.to(PBX, &format!("INVITE sip:{next}@"));
        }
        rig.from(PBX, &moved(&toward, "<sip:206@127.0.0.1:5070>"));
        // 201 was tried already, though the plan has it too.
        rig.to(CARRIER, "SIP/2.0 480");
        assert_eq!(tried(&rig).len(), 6);
        rig.assert_clean();
    }

    #[test]
    fn whom_one_of_a_group_names_rings_with_the_others() {
        let mut rig = Rig::new(together(&["101", "102"]));
        rig.dial();
        let toward = rig.all_to(PBX);
        assert_eq!(header(&toward[0], "Max-Breadth"), "30");
        let contacts = "<sip:201@127.0.0.1:5070>, <sip:202@127.0.0.1:5070>";
        rig.from(PBX, &moved(&toward[0], contacts));
        let named = rig.to(PBX, "INVITE sip:201@");
        assert_eq!(
            header(&named, "Max-Breadth"),
            "30",
            "its share goes with it"
        );
        rig.from(PBX, &reply(&toward[1], 486, "x", ""));
        rig.from(PBX, &reply(&named, 486, "y", ""));
        let last = rig.to(PBX, "INVITE sip:202@");
        rig.from(PBX, &reply(&last, 486, "z", ""));
        rig.to(CARRIER, "SIP/2.0 486");
        rig.assert_clean();
    }
}
