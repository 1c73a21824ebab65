//! Max-Breadth (RFC 5393): how many targets a call may ring at once on its way, split among those that ring together.
//!
//! A call that forks in every element on its way grows without end; with its breadth split at each fork it cannot.

use crate::sip::message::Request;

/// What a request without Max-Breadth has, and the most that is passed on: less is always allowed (5.3.3.1).
pub(in crate::call) const BREADTH: usize = 60;

/// How many targets an INVITE may ring at once.
pub(in crate::call) fn of(invite: &Request) -> usize {
    let said = invite.headers().max_breadth();
    said.and_then(|said| usize::try_from(said).ok())
        .map_or(BREADTH, |said| said.min(BREADTH))
}

/// What each of `targets` may ring in its turn.
pub(in crate::call) const fn share(breadth: usize, targets: usize) -> usize {
    match breadth.checked_div(targets) {
        Some(share) => share,
        None => breadth,
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;

    fn dial(rig: &mut Rig, breadth: &str) -> Vec<String> {
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let header = format!("Max-Breadth: {breadth}\r\nMax-Forwards");
        rig.from(CARRIER, &text.replace("Max-Forwards", &header));
        rig.all_to(PBX)
    }

    fn breadths(sent: &[String]) -> Vec<String> {
        sent.iter()
            .map(|text| header(text, "Max-Breadth"))
            .collect()
    }

    #[test]
    fn breadth_is_split_among_those_who_ring_together() {
        let mut rig = Rig::new(together(&["101", "102", "103"]));
        let sent = dial(&mut rig, "10");
        assert_eq!(breadths(&sent), ["3", "3", "3"]);
        let mut rig = Rig::new(one_by_one(&["101", "102"]));
        let sent = dial(&mut rig, "10");
        assert_eq!(breadths(&sent), ["10"]);
        rig.from(PBX, &reply(&sent[0], 486, "x", ""));
        assert_eq!(header(&rig.to(PBX, "INVITE"), "Max-Breadth"), "10");
    }

    #[test]
    fn without_max_breadth_it_is_sixty_and_never_more() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        assert_eq!(header(&rig.to(PBX, "INVITE"), "Max-Breadth"), "60");
        for odd in ["4000000000", "99999999999", "many"] {
            let mut rig = Rig::new(together(&["101", "102"]));
            assert_eq!(breadths(&dial(&mut rig, odd)), ["30", "30"], "{odd}");
        }
    }

    #[test]
    fn a_group_broader_than_the_call_rings_in_turns() {
        let mut rig = Rig::new(together(&["101", "102", "103"]));
        let first = dial(&mut rig, "2");
        assert_eq!(breadths(&first), ["1", "1"]);
        for (at, toward) in first.iter().enumerate() {
            rig.from(PBX, &reply(toward, 486, &format!("t{at}"), ""));
        }
        let third = rig.to(PBX, "INVITE sip:103@");
        assert_eq!(header(&third, "Max-Breadth"), "2");
        rig.from(PBX, &reply(&third, 486, "t3", ""));
        rig.to(CARRIER, "SIP/2.0 486");
        assert_eq!(rig.ended().targets_tried.len(), 3);
        rig.assert_clean();
    }

    #[test]
    fn a_call_without_breadth_is_440() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        assert_eq!(dial(&mut rig, "0"), [""; 0]);
        rig.to(CARRIER, "SIP/2.0 440");
        assert_eq!(rig.ended().finish_reason, FinishReason::BadRequest);
        rig.assert_clean();
    }
}
