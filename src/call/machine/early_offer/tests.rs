//! Sound moves before the answer, by UPDATE of either side.

use crate::call::desk::MediaWish;
use crate::call::rig::*;

/// Both sides have agreed on a session before the answer. Returns the target's INVITE, the caller and the target.
fn agreed(rig: &mut Rig) -> (String, Peer, Peer) {
    let more = format!("Supported: 100rel\r\n{UPDATES}");
    let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), &more);
    rig.from(CARRIER, &invite);
    rig.all_to(CARRIER);
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reliable(&toward, 183, "callee", 3, &answer));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let mut caller = Peer::caller(&invite, &early);
    let prack = caller.prack(&early, "");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    let prack = rig.to(PBX, "PRACK");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    let callee = Peer::callee(&toward, "callee");
    (toward, caller, callee)
}

fn last_aims(rig: &Rig) -> Vec<String> {
    let all = rig.aims();
    all[all.len() - 2..].to_vec()
}

fn answer_and_end(rig: &mut Rig, toward: &str, caller: &mut Peer) {
    rig.from(PBX, &reply(toward, 200, "callee", ""));
    let all = rig.all_to(CARRIER);
    let ok = all.iter().find(|text| header(text, "CSeq") == "1 INVITE");
    assert_eq!(body(ok.unwrap()), "");
    rig.says(caller, "ACK", "");
    assert_eq!(rig.board.live().answered, 1);
    rig.says(caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_target_moves_its_sound_by_update_before_it_answers() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (toward, mut caller, mut callee) = agreed(&mut rig);
    rig.says(&mut callee, "UPDATE", &sdp("127.0.0.33", 5_300, ""));
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    let passed = rig.to(CARRIER, "UPDATE sip:anna@127.0.0.1:5066 SIP/2.0");
    assert_eq!(header(&passed, "CSeq"), "1 UPDATE");
    assert!(body(&passed).contains("m=audio 20002 "), "{passed}");
    rig.from(
        CARRIER,
        &reply(&passed, 200, "", &sdp("127.0.0.2", 4_000, "")),
    );
    let ok = rig.to(PBX, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20004 "), "{ok}");
    assert_eq!(last_aims(&rig), ["127.0.0.2:4000", "127.0.0.33:5300"]);
    answer_and_end(&mut rig, &toward, &mut caller);
}

#[test]
fn a_caller_moves_its_sound_by_update_before_the_answer_and_the_call_keeps_that() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (toward, mut caller, _) = agreed(&mut rig);
    rig.says(
        &mut caller,
        "UPDATE",
        &sdp("127.0.0.22", 4_200, "a=sendonly"),
    );
    let passed = rig.to(PBX, "UPDATE sip:phone@127.0.0.1:5070 SIP/2.0");
    assert_eq!(header(&passed, "CSeq"), "3 UPDATE", "after our PRACK");
    assert!(body(&passed).contains("a=sendonly"), "{passed}");
    let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
    rig.from(PBX, &reply(&passed, 200, "", &answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(body(&ok).contains("a=recvonly"), "{ok}");
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    rig.all_to(CARRIER);
    assert_eq!(last_aims(&rig), ["127.0.0.22:4200", "127.0.0.3:5000"]);
    let held = rig
        .media
        .iter()
        .any(|wish| matches!(wish, MediaWish::Watch { on: false, .. }));
    assert!(held, "the caller holds from the start");
    rig.says(&mut caller, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn what_the_other_side_refuses_is_passed_back_and_the_old_session_stands() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (toward, mut caller, mut callee) = agreed(&mut rig);
    let media = rig.media.len();
    for (status, more, passed_back, again) in [
        (504, "", "504", ""),
        (488, "", "488", ""),
        (500, "Retry-After: 7\r\n", "500", "7"),
        (302, "Contact: <sip:x@y>\r\n", "488", ""),
        (481, "", "481", ""),
    ] {
        rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
        let passed = rig.to(PBX, "UPDATE");
        rig.from(PBX, &reply_with(&passed, status, "", more, ""));
        let refused = rig.to(CARRIER, &format!("SIP/2.0 {passed_back}"));
        assert_eq!(header(&refused, "Retry-After"), again);
    }
    // And one that is never answered.
    rig.says(&mut callee, "UPDATE", &sdp("127.0.0.33", 5_300, ""));
    rig.pass(std::time::Duration::from_millis(1));
    rig.to(CARRIER, "UPDATE");
    assert_eq!(rig.media.len(), media);
    answer_and_end(&mut rig, &toward, &mut caller);
}

#[test]
fn offers_that_meet_are_491_and_a_second_one_is_500() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (toward, mut caller, mut callee) = agreed(&mut rig);
    rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
    let passed = rig.to(PBX, "UPDATE");
    rig.says(&mut callee, "UPDATE", &sdp("127.0.0.33", 5_300, ""));
    rig.to(PBX, "SIP/2.0 491");
    rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_204, ""));
    let refused = rig.to(CARRIER, "SIP/2.0 500");
    assert_eq!(header(&refused, "Retry-After"), "3");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply(&passed, 200, "", &answer));
    rig.to(CARRIER, "SIP/2.0 200");
    answer_and_end(&mut rig, &toward, &mut caller);
}

#[test]
fn an_offer_before_the_first_one_is_answered_reliably_is_to_come_again() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let invite = rig.dial();
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reliable(&toward, 183, "callee", 3, &answer));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let mut caller = Peer::caller(&invite, &early);
    let mut callee = Peer::callee(&toward, "callee");
    // The caller's answer was not reliable, and it says nothing of UPDATE.
    let updates = [
        (
            CARRIER,
            caller.request("UPDATE", &sdp("127.0.0.2", 4_000, "")),
        ),
        (PBX, callee.request("UPDATE", &answer)),
    ];
    for (peer, update) in updates {
        rig.from(peer, &update);
        let refused = rig.to(peer, "SIP/2.0 500");
        assert_eq!(header(&refused, "Retry-After"), "3");
    }
    assert_eq!(rig.board.live().calls, 1);
}

#[test]
fn a_target_that_knows_no_update_is_asked_when_the_call_is_up() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let more = format!("Supported: 100rel\r\n{UPDATES}");
    let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), &more);
    rig.from(CARRIER, &invite);
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    let early = reliable(&toward, 183, "callee", 3, &answer).replace("PRACK, UPDATE", "PRACK");
    rig.from(PBX, &early);
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let mut caller = Peer::caller(&invite, &early);
    let (prack, update) = (
        caller.prack(&early, ""),
        caller.request("UPDATE", &sdp("127.0.0.22", 4_200, "")),
    );
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    rig.from(CARRIER, &update);
    rig.to(CARRIER, "SIP/2.0 500");
    let prack = rig.to(PBX, "PRACK");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    rig.to(CARRIER, "SIP/2.0 200");
    rig.says(&mut caller, "ACK", "");
    rig.all_to(PBX);
    rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
    let passed = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&passed, 200, "", &answer));
    rig.to(PBX, "ACK");
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(header(&ok, "CSeq").ends_with("UPDATE"), "{ok}");
    assert_eq!(last_aims(&rig), ["127.0.0.22:4200", "127.0.0.3:5000"]);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_target_that_fails_under_an_offer_leaves_nothing_behind() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (toward, mut caller, _) = agreed(&mut rig);
    rig.says(&mut caller, "UPDATE", &sdp("127.0.0.22", 4_200, ""));
    rig.to(PBX, "UPDATE");
    rig.from(PBX, &reply(&toward, 486, "callee", ""));
    let said = rig.lines_to(CARRIER);
    assert!(said[0].starts_with("SIP/2.0 481"), "{said:?}");
    assert!(said[1].starts_with("SIP/2.0 486"), "{said:?}");
    rig.assert_clean();
}
