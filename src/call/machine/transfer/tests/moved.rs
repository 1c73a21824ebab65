//! The call moves to the new party.

use crate::call::desk::{MediaWish, Told};
use crate::call::machine::transfer::tests::{
    ASKS, answered_without_digits, last_word, new_party_answers, rig, sent_on, transferred, turns,
};
use crate::call::rig::*;
use crate::call::story::*;

#[test]
fn the_callee_sends_the_caller_on_and_the_call_moves_to_the_new_party() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let answered = rig.now;
    rig.seconds(10);
    let toward = sent_on(&mut rig, &mut callee);
    assert!(begins(&toward, "INVITE sip:102@127.0.0.1:5070 SIP/2.0"));
    assert!(header(&toward, "From").starts_with("\"Anna\" <sip:+79160000001@127.0.0.1>;tag="));
    assert_eq!(header(&toward, "Max-Forwards"), "70");
    assert_eq!(header(&toward, "Referred-By"), "<sip:101@127.0.0.1:5070>");
    assert!(
        body(&toward).contains("m=audio 20006 RTP/AVP 8 101\r\n"),
        "{toward}"
    );
    rig.from(PBX, &reply(&toward, 180, "new", ""));
    let rings = rig.to(PBX, "NOTIFY");
    assert_eq!(body(&rings), "SIP/2.0 180 Ringing\r\n");
    rig.from(PBX, &reply(&rings, 200, "", ""));
    assert_eq!(
        rig.bridges(),
        [1],
        "the old party is heard until the new one answers"
    );
    rig.seconds(2);
    new_party_answers(&mut rig, &toward);
    let all = rig.all_to(PBX);
    assert!(begins(&all[0], "ACK sip:phone@127.0.0.1:5070"), "{all:?}");
    last_word(&mut rig, &all, "SIP/2.0 200 OK");
    assert_eq!(rig.bridges(), [1, 2]);
    assert_eq!(turns(&rig), [(2, rig.now)]);
    assert_eq!(
        rig.lines_to(CARRIER),
        [""; 0],
        "the caller need not be told"
    );
    // Who sent the caller on hangs up; the call goes on.
    rig.says(&mut callee, "BYE", "");
    rig.to(PBX, "SIP/2.0 200");
    rig.seconds(30);
    assert_eq!(rig.board.live().answered, 1);
    let mut new = Peer::callee(&toward, "new");
    rig.says(&mut new, "BYE", "");
    let bye = rig.to(CARRIER, "BYE");
    rig.from(CARRIER, &reply(&bye, 200, "", ""));
    let _unused = caller.request("BYE", "");
    assert_eq!(rig.told(), ["began", "answered", "transferred", "ended"]);
    assert_eq!(
        transferred(&rig),
        [(TriedResult::Answered, Some(200), true)]
    );
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    assert_eq!(ended.hung_up_by, HungUpBy::Callee);
    assert_eq!(ended.manager.as_deref(), Some("m101"), "who answered first");
    assert_eq!(ended.destination.as_deref(), Some("101"));
    assert_eq!(ended.talk_ms, 42_000, "the whole of it");
    assert_eq!(ended.targets_tried.len(), 1);
    let parts: Vec<_> = ended
        .legs
        .iter()
        .map(|leg| (leg.role.unwrap(), leg.joined_ms, leg.left_ms))
        .collect();
    assert_eq!(
        parts,
        [
            (Role::Caller, Some(0), Some(42_000)),
            (Role::Callee, Some(0), Some(12_000)),
            (Role::Transfer, Some(12_000), Some(42_000)),
        ]
    );
    let transfer = &ended.transfers[0];
    assert_eq!(
        (&*transfer.by, &*transfer.to),
        ("ext:101@pbx", "ext:102@pbx")
    );
    assert_eq!(
        transfer.at,
        ended.answered_at.unwrap() + std::time::Duration::from_secs(10)
    );
    assert!(answered < rig.now);
    rig.assert_clean();
}

#[test]
fn who_sent_the_caller_on_and_does_not_hang_up_is_told_to() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    new_party_answers(&mut rig, &toward);
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "200 OK");
    // It is out of the conversation whatever it asks for.
    let (info, again) = (
        callee.request("INFO", "Signal=5\r\n"),
        callee.request("INVITE", ""),
    );
    rig.from(PBX, &info);
    rig.to(PBX, "SIP/2.0 481");
    rig.from(PBX, &again);
    rig.to(PBX, "SIP/2.0 488");
    rig.seconds(5);
    let bye = rig.to(PBX, "BYE");
    assert_eq!(tag(&header(&bye, "To")), "callee");
    rig.from(PBX, &reply(&bye, 200, "", ""));
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "new");
    rig.assert_clean();
}

#[test]
fn who_sent_the_caller_on_may_hang_up_at_once_and_the_caller_waits() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    rig.says(&mut callee, "BYE", "");
    rig.to(PBX, "SIP/2.0 200");
    assert_eq!(rig.board.live().answered, 1);
    // The caller's keys reach nobody, and silence is no reason to end the call.
    rig.says(&mut caller, "INFO", "Signal=5\r\n");
    rig.to(CARRIER, "SIP/2.0 500");
    let silent = rig.open[0];
    rig.tell(Told::Silent(silent));
    rig.from(PBX, &reply(&toward, 180, "new", ""));
    let rings = rig.to(PBX, "NOTIFY");
    rig.from(PBX, &reply(&rings, 200, "", ""));
    rig.seconds(5);
    new_party_answers(&mut rig, &toward);
    let all = rig.all_to(PBX);
    // Its subscription outlives its call.
    last_word(&mut rig, &all, "200 OK");
    assert_eq!(rig.bridges(), [1, 2]);
    rig.seconds(20);
    rig.says(&mut caller, "BYE", "");
    let all = rig.all_to(PBX);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(tag(&header(&all[0], "To")), "new");
    let left: Vec<_> = rig.ended().legs.iter().map(|leg| leg.left_ms).collect();
    assert_eq!(left, [Some(25_000), Some(0), Some(25_000)]);
    rig.assert_clean();
}

#[test]
fn a_caller_that_was_held_is_taken_back_with_what_the_new_party_said() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let hold = callee.request("INVITE", &sdp("127.0.0.3", 5_000, "a=sendonly"));
    rig.from(PBX, &hold);
    let toward = rig.to(CARRIER, "INVITE");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
    );
    rig.to(CARRIER, "ACK");
    rig.says(&mut callee, "ACK", "");
    rig.all_to(PBX);
    let toward = sent_on(&mut rig, &mut callee);
    assert!(
        !body(&toward).contains("only"),
        "the hold is not handed on: {toward}"
    );
    new_party_answers(&mut rig, &toward);
    let ask = rig.to(CARRIER, "INVITE");
    assert!(!body(&ask).contains("only"), "{ask}");
    assert!(body(&ask).contains("m=audio 20002 "), "{ask}");
    assert_eq!(
        rig.bridges(),
        [1],
        "nothing changes before the caller agrees"
    );
    // The caller's own offer crossed ours: it is asked again.
    rig.from(CARRIER, &reply(&ask, 491, "", ""));
    rig.to(CARRIER, "ACK");
    rig.seconds(2);
    let ask = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
    rig.to(CARRIER, "ACK");
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "200 OK");
    assert_eq!(rig.bridges(), [1, 2]);
    let watch = rig.media.iter().rev().find_map(|wish| {
        if let MediaWish::Watch { on, .. } = wish {
            Some(*on)
        } else {
            None
        }
    });
    assert_eq!(watch, Some(true));
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_new_party_with_fewer_codecs_is_told_to_the_caller_and_one_it_cannot_take_is_not_kept() {
    for taken in [true, false] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let (ask, no_digits) = answered_without_digits(&mut rig, &toward);
        assert!(body(&ask).contains("RTP/AVP 8\r\n"), "{ask}");
        let all = if taken {
            let answer = no_digits.replace("127.0.0.4", "127.0.0.2");
            rig.from(CARRIER, &reply(&ask, 200, "", &answer));
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "200 OK");
            assert_eq!(rig.bridges(), [1, 2]);
            all
        } else {
            rig.from(CARRIER, &reply(&ask, 488, "", ""));
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "SIP/2.0 488 ");
            assert_eq!(rig.bridges(), [1]);
            let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
            assert_eq!(tag(&header(bye, "To")), "new");
            all
        };
        assert!(!all.is_empty());
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }
}

#[test]
fn the_new_party_may_be_on_another_trunk_and_its_trunk_may_ask_who_we_are() {
    let mut lines = trunks_that_transfer();
    lines[0].0.username = Some("7495".into());
    lines[0].0.password = Some("secret".into());
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (mut caller, mut callee) = rig.up();
    let refer = callee.refer("Refer-To: <sip:+79160000009@127.0.0.1:5066>\r\n");
    rig.from(PBX, &refer);
    let toward = rig.to(CARRIER, "INVITE sip:+79160000009@127.0.0.1:5066");
    assert_eq!(
        header(&toward, "Referred-By"),
        "",
        "a telephone there is nobody's business"
    );
    rig.from(CARRIER, &reply_with(&toward, 407, "x", ASKS, ""));
    let again = rig.to(CARRIER, "INVITE");
    assert!(header(&again, "Proxy-Authorization").contains("nonce=\"n1\""));
    rig.from(
        CARRIER,
        &reply(&again, 200, "new", &sdp("127.0.0.4", 6_000, "")),
    );
    rig.to(CARRIER, "ACK");
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "200 OK");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().transfers[0].to, "number:+79160000009@carrier");
    rig.assert_clean();
}

#[test]
fn a_dialog_of_others_is_replaced_by_an_invite_that_names_it() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let refer = callee.refer("Refer-To: <sip:102@127.0.0.1:5070?Replaces=consult%40pbx%3Bto-tag%3Da%3Bfrom-tag%3Db&X-Evil=1>\r\n");
    rig.from(PBX, &refer);
    let toward = rig.to(PBX, "INVITE sip:102@");
    assert_eq!(
        header(&toward, "Replaces"),
        "consult@pbx;to-tag=a;from-tag=b"
    );
    assert_eq!(header(&toward, "Require"), "replaces");
    assert!(!toward.contains("Evil"));
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_call_is_sent_on_twice_and_held_by_its_last_party() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    new_party_answers(&mut rig, &toward);
    rig.all_to(PBX);
    rig.says(&mut callee, "BYE", "");
    let mut second = Peer::callee(&toward, "new");
    let refer = second.refer("Refer-To: <sip:103@127.0.0.1:5070>\r\n");
    rig.from(PBX, &refer);
    let toward = rig.to(PBX, "INVITE sip:103@");
    rig.from(
        PBX,
        &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
    );
    rig.all_to(PBX);
    assert_eq!(rig.bridges(), [1, 2, 3]);
    let mut third = Peer::callee(&toward, "third");
    rig.says(&mut third, "INVITE", &sdp("127.0.0.5", 7_000, "a=sendonly"));
    let toward = rig.to(CARRIER, "INVITE");
    assert!(body(&toward).contains("a=sendonly\r\n"), "{toward}");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
    );
    rig.to(PBX, "SIP/2.0 200");
    rig.says(&mut third, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    let roles: Vec<_> = rig
        .ended()
        .legs
        .iter()
        .map(|leg| leg.role.unwrap())
        .collect();
    assert_eq!(
        roles,
        [Role::Caller, Role::Callee, Role::Transfer, Role::Transfer]
    );
    rig.assert_clean();
}
