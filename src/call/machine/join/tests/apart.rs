//! It comes to nothing, or somebody leaves meanwhile: each call is where it was, or ends with a record of its own.

use crate::base::id::CallId;
use crate::call::desk::Told;
use crate::call::machine::join::tests::{Both, SECOND, told};
use crate::call::rig::*;
use crate::call::story::*;

#[test]
fn the_second_caller_may_refuse_ask_for_time_or_say_nothing() {
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 488, "", ""));
    both.rig.to(SECOND, "ACK");
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 488 Not Acceptable Here"]);
    both.both_go_on();

    // Glare: it is asked again.
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 491, "", ""));
    both.rig.to(SECOND, "ACK");
    both.rig.seconds(2);
    both.second.agrees(&mut both.rig);
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    both.over();

    // It crosses us for ever: enough is enough.
    let mut both = Both::up();
    both.asked();
    let mut asked = Vec::new();
    for _ in 0..10 {
        for text in both.rig.all_to(SECOND) {
            if begins(&text, "INVITE") {
                asked.push(header(&text, "CSeq"));
                both.rig.from(SECOND, &reply(&text, 491, "", ""));
            }
        }
        both.rig.seconds(2);
    }
    asked.dedup();
    assert_eq!(asked.len(), 5, "{asked:?}");
    both.both_go_on();

    // It ponders for too long, and agrees at the last moment: what was in force is said again.
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 100, "", ""));
    both.rig.seconds(30);
    let cancel = both.rig.to(SECOND, "CANCEL");
    both.rig.from(SECOND, &reply(&cancel, 200, "", ""));
    both.rig.from(SECOND, &reply(&ask, 487, "", ""));
    both.rig.to(SECOND, "ACK");
    both.both_go_on();

    // It is gone: its call ends, and the first one goes on with the manager.
    let mut both = Both::up();
    both.asked();
    both.rig.seconds(33);
    assert_eq!(both.ended(2).finish_reason, FinishReason::SignallingLost);
    let all = both.rig.all_to(PBX);
    assert_eq!(
        told(&all).last().unwrap(),
        "SIP/2.0 480 Temporarily Unavailable"
    );
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();
}

#[test]
fn an_answer_that_shares_no_codec_is_no_reason_to_lose_either_call() {
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    let other = both
        .second
        .sdp
        .replace("RTP/AVP 8", "RTP/AVP 0")
        .replace("a=rtpmap:8 PCMA", "a=rtpmap:0 PCMU");
    both.rig.from(SECOND, &reply(&ask, 200, "", &other));
    let back = both.second.agrees(&mut both.rig);
    assert!(body(&back).contains("m=audio 20006 "), "{back}");
    both.both_go_on();
}

#[test]
fn a_caller_that_hangs_up_while_they_are_joined_leaves_the_other_one_where_it_was() {
    // The second one, before it has agreed.
    let mut both = Both::up();
    both.asked();
    both.rig.to(SECOND, "INVITE");
    both.second.says(&mut both.rig, "BYE", "");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Completed);
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 480 Temporarily Unavailable"]);
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();

    // The first one: the second is put back, or was never told.
    for agreed in [false, true] {
        let mut both = Both::up();
        both.hold_the_first();
        both.asked();
        let ask = both.rig.to(SECOND, "INVITE");
        let answer = reply(&ask, 200, "", &both.second.sdp);
        if agreed {
            both.rig.from(SECOND, &answer);
            both.rig.to(SECOND, "ACK");
            both.rig.to(CARRIER, "INVITE");
        } else {
            both.rig.from(SECOND, &reply(&ask, 100, "", ""));
        }
        both.first.says(&mut both.rig, "BYE", "");
        assert_eq!(both.ended(1).finish_reason, FinishReason::Completed);
        if !agreed {
            both.rig.to(SECOND, "CANCEL");
            both.rig.from(SECOND, &answer);
        }
        let all = both.rig.all_to(SECOND);
        let back = all.iter().find(|text| begins(text, "INVITE")).unwrap();
        assert!(body(back).contains("m=audio 20006 "), "{back}");
        let again = reply(back, 200, "", &both.second.sdp);
        both.rig.from(SECOND, &again);
        both.rig.seconds(5);
        assert_eq!(both.rig.board.live().answered, 1);
        both.second.says(&mut both.rig, "BYE", "");
        assert_eq!(both.ended(2).finish_reason, FinishReason::Completed);
        both.rig.assert_clean();
    }
}

#[test]
fn a_manager_that_hangs_up_both_at_once_has_its_callers_wait_for_each_other() {
    let mut both = Both::up();
    both.asked();
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.manager[1].says(&mut both.rig, "BYE", "");
    assert_eq!(both.rig.board.live().answered, 2);
    both.rig.all_to(PBX);
    both.second.agrees(&mut both.rig);
    both.rig.seconds(10);
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    let again: Vec<_> = both.rig.lines_to(PBX);
    assert!(
        again.iter().all(|line| !line.starts_with("BYE")),
        "{again:?}"
    );
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();

    // And where they cannot be joined, both end.
    let mut both = Both::up();
    both.asked();
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.manager[1].says(&mut both.rig, "BYE", "");
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 488, "", ""));
    let bye = both.rig.to(SECOND, "BYE");
    both.rig.from(SECOND, &reply(&bye, 200, "", ""));
    let bye = both.rig.to(CARRIER, "BYE");
    both.rig.from(CARRIER, &reply(&bye, 200, "", ""));
    for call in [1, 2] {
        assert_eq!(both.ended(call).finish_reason, FinishReason::CodecMismatch);
        assert_eq!(both.ended(call).hung_up_by, HungUpBy::System);
    }
    both.rig.assert_clean();
}

#[test]
fn no_ports_for_the_new_leg_leave_both_calls_as_they_are() {
    let mut both = Both::up();
    both.rig.ports = false;
    both.asked_and_failed("SIP/2.0 503 Service Unavailable");
    both.rig.ports = true;
    both.both_go_on();
}

#[test]
fn an_operator_or_a_drain_ends_each_call_with_a_record_of_its_own() {
    for call in [1u128, 2] {
        let mut both = Both::up();
        both.asked();
        let ask = both.rig.to(SECOND, "INVITE");
        both.rig.from(SECOND, &reply(&ask, 100, "", ""));
        let id = CallId::from_bytes(call.to_be_bytes());
        both.rig.tell(Told::HangUp(id));
        let reason = both.ended(call).finish_reason;
        assert_eq!(reason, FinishReason::HungUpByOperator);
        both.rig.tell(Told::EndAll);
        let other = both.ended(3 - call).finish_reason;
        assert_eq!(other, FinishReason::Shutdown);
        both.rig.from(SECOND, &reply(&ask, 487, "", ""));
        both.rig.seconds(40);
        both.rig.assert_clean();
    }
}
