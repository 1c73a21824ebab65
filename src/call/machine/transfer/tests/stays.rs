//! The call stays where it is, or ends: nobody takes it, or somebody leaves meanwhile.

use crate::call::desk::Told;
use crate::call::machine::transfer::tests::{
    GOAL, answered_without_digits, last_word, rig, sent_on, transferred,
};
use crate::call::rig::*;
use crate::call::story::*;

#[test]
fn a_busy_new_party_leaves_the_call_where_it_is() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    rig.from(PBX, &reply(&toward, 486, "new", ""));
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "SIP/2.0 486 Busy Here");
    assert_eq!(transferred(&rig), [(TriedResult::Busy, Some(486), false)]);
    assert_eq!(rig.bridges(), [1]);
    // A second attempt is told apart by its number (RFC 3515 2.4.6).
    let again = callee.refer(GOAL);
    rig.from(PBX, &again);
    let all = rig.all_to(PBX);
    let number = header(&again, "CSeq").replace(" REFER", "");
    let notify = all.iter().find(|text| begins(text, "NOTIFY")).unwrap();
    assert_eq!(header(notify, "Event"), format!("refer;id={number}"));
    let toward = all.iter().find(|text| begins(text, "INVITE")).unwrap();
    // Nobody takes it: the ring time of the rule is over.
    rig.from(PBX, &reply(toward, 180, "new", ""));
    rig.seconds(20);
    let all = rig.all_to(PBX);
    assert!(all.iter().any(|text| begins(text, "CANCEL")), "{all:?}");
    last_word(&mut rig, &all, "SIP/2.0 480 ");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
    assert_eq!(rig.ended().transfers.len(), 2);
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

#[test]
fn a_new_party_with_sound_of_another_family_than_its_ports_leaves_the_call_where_it_is() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    let apart = sdp("2001:db8::4", 6_000, "").replace("IP4", "IP6");
    rig.from(PBX, &reply(&toward, 200, "new", &apart));
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "SIP/2.0 488 ");
    let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
    assert_eq!(tag(&header(bye, "To")), "new");
    assert_eq!(rig.bridges(), [1]);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_call_whose_callee_left_ends_when_nobody_is_found() {
    for (status, reason) in [
        (486, FinishReason::Busy),
        (603, FinishReason::Rejected),
        (488, FinishReason::CodecMismatch),
        (480, FinishReason::NoAnswer),
    ] {
        let mut rig = rig();
        let (_, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        rig.says(&mut callee, "BYE", "");
        rig.from(PBX, &reply(&toward, status, "new", ""));
        let bye = rig.to(CARRIER, "BYE");
        rig.from(CARRIER, &reply(&bye, 200, "", ""));
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, reason);
        assert_eq!(ended.hung_up_by, HungUpBy::System);
        assert!(ended.answered && !ended.missed);
        rig.assert_clean();
    }
}

#[test]
fn the_caller_hangs_up_while_it_is_sent_on() {
    for answered in [false, true] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        if answered {
            // The caller is being asked to take it.
            let other = sdp("127.0.0.4", 6_000, "a=sendonly");
            rig.from(PBX, &reply(&toward, 200, "new", &other));
            rig.to(CARRIER, "INVITE");
        } else {
            rig.from(PBX, &reply(&toward, 180, "new", ""));
        }
        rig.all_to(PBX);
        rig.says(&mut caller, "BYE", "");
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "SIP/2.0 487 ");
        let byes: Vec<_> = all
            .iter()
            .filter(|text| begins(text, "BYE") || begins(text, "CANCEL"))
            .map(|text| text.split(' ').next().unwrap().to_owned())
            .collect();
        match answered {
            true => assert_eq!(byes, ["BYE", "BYE"]),
            false => assert_eq!(byes, ["CANCEL", "BYE"]),
        }
        assert_eq!(rig.ended().hung_up_by, HungUpBy::Caller);
        assert_eq!(transferred(&rig), [(TriedResult::Cancelled, None, false)]);
        rig.assert_clean();
    }
}

#[test]
fn an_operator_and_a_drain_end_a_call_that_is_being_sent_on() {
    for drained in [false, true] {
        let mut rig = rig();
        let (_, mut callee) = rig.up();
        sent_on(&mut rig, &mut callee);
        let id = rig.facts[0].call;
        match drained {
            true => rig.tell(Told::EndAll),
            false => rig.tell(Told::HangUp(id)),
        }
        let reason = match drained {
            true => FinishReason::Shutdown,
            false => FinishReason::HungUpByOperator,
        };
        assert_eq!(rig.ended().finish_reason, reason);
        rig.assert_clean();
    }
}

#[test]
fn only_who_took_the_call_on_a_trunk_that_may_transfer_sends_it_on() {
    let decline = |rig: &mut Rig, peer: &mut Peer, goal: &str, status: &str| {
        let refer = peer.refer(goal);
        rig.from(peer.address, &refer);
        rig.to(peer.address, status);
    };
    let mut rig_of_strangers = Rig::new(one_by_one(&["101"]));
    let (_, mut callee) = rig_of_strangers.up();
    decline(&mut rig_of_strangers, &mut callee, GOAL, "SIP/2.0 603");
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    decline(&mut rig, &mut caller, GOAL, "SIP/2.0 603");
    for (goal, status) in [
        ("", "SIP/2.0 400"),
        ("Refer-To: <sip:102@elsewhere.example>\r\n", "SIP/2.0 603"),
        ("Refer-To: <sip:102@127.0.0.77>\r\n", "SIP/2.0 603"),
        ("Refer-To: <sip:127.0.0.1>\r\n", "SIP/2.0 603"),
        ("Refer-To: <http://evil.example/>\r\n", "SIP/2.0 416"),
        (
            "Refer-To: <sip:102@127.0.0.1?Replaces=x%0d%0aEvil:%20y>\r\n",
            "SIP/2.0 400",
        ),
        (
            "Refer-To: <sip:a%0d%0aEvil:%20y@127.0.0.1>\r\n",
            "SIP/2.0 603",
        ),
    ] {
        decline(&mut rig, &mut callee, goal, status);
    }
    // One at a time.
    sent_on(&mut rig, &mut callee);
    decline(&mut rig, &mut callee, GOAL, "SIP/2.0 500");
    rig.says(
        &mut callee,
        "INVITE",
        &sdp("127.0.0.3", 5_000, "a=sendonly"),
    );
    rig.to(PBX, "SIP/2.0 491");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().transfers.len(), 1, "refusals leave no trace");
    rig.assert_clean();
}

#[test]
fn a_new_party_without_ports_is_not_called() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    rig.ports = false;
    let refer = callee.refer(GOAL);
    rig.from(PBX, &refer);
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "SIP/2.0 503 ");
    assert_eq!(transferred(&rig), [(TriedResult::NoCapacity, None, false)]);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_new_party_that_hangs_up_before_the_caller_takes_it_leaves_the_call_where_it_is() {
    for caller_says in [200, 487, 491] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let (ask, no_digits) = answered_without_digits(&mut rig, &toward);
        rig.from(CARRIER, &reply(&ask, 100, "", ""));
        rig.all_to(PBX);
        let mut new = Peer::callee(&toward, "new");
        rig.says(&mut new, "BYE", "");
        rig.to(PBX, "SIP/2.0 200");
        let cancel = rig.to(CARRIER, "CANCEL");
        rig.from(CARRIER, &reply(&cancel, 200, "", ""));
        let answer = no_digits.replace("127.0.0.4", "127.0.0.2");
        let answer = if caller_says == 200 { &*answer } else { "" };
        rig.from(CARRIER, &reply(&ask, caller_says, "", answer));
        rig.to(CARRIER, "ACK");
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "SIP/2.0 480 ");
        assert_eq!(
            transferred(&rig),
            [(TriedResult::Rejected, Some(480), false)]
        );
        assert_eq!(rig.bridges(), [1]);
        rig.seconds(60);
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }
}
