//! A call that stands is held, moved and asked for an offer, and each of it may fail or meet its like.

use crate::call::desk::{MediaWish, Told};
use crate::call::rig::*;
use crate::call::story::*;

fn hold() -> String {
    sdp("127.0.0.2", 4_000, "a=sendonly")
}

fn watches(rig: &Rig) -> Vec<bool> {
    let on = |wish: &MediaWish| {
        if let MediaWish::Watch { on, .. } = wish {
            Some(*on)
        } else {
            None
        }
    };
    rig.media.iter().filter_map(on).collect()
}

fn anew(rig: &Rig) -> usize {
    let anew = |wish: &&MediaWish| matches!(wish, MediaWish::Anew { .. });
    rig.media.iter().filter(anew).count()
}

#[test]
fn hold_and_resume_go_end_to_end() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE sip:phone@");
    assert_eq!(header(&toward, "CSeq"), "2 INVITE");
    assert!(body(&toward).contains("a=sendonly\r\n"), "{toward}");
    let line = body(&toward)
        .lines()
        .find(|line| line.starts_with("o="))
        .unwrap();
    assert_eq!(
        line.split(' ').nth(2),
        Some("2"),
        "the version grows by one: {line}"
    );
    assert_eq!(watches(&rig), [true], "nothing changes before it is agreed");
    rig.from(
        PBX,
        &reply(&toward, 200, "", &sdp("127.0.0.3", 5_000, "a=recvonly")),
    );
    rig.to(PBX, "ACK");
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(body(&ok).contains("a=recvonly\r\n"), "{ok}");
    let ack = caller.request("ACK", "");
    rig.from(CARRIER, &ack);
    assert_eq!(watches(&rig), [true, false], "silence is expected now");
    assert_eq!(anew(&rig), 0);
    rig.says(&mut caller, "INVITE", &sdp("127.0.0.2", 4_000, ""));
    let toward = rig.to(PBX, "INVITE sip:phone@");
    rig.from(PBX, &reply(&toward, 200, "", &sdp("127.0.0.3", 5_000, "")));
    assert_eq!(watches(&rig), [true, false, true]);
    assert_eq!(anew(&rig), 2, "both sides' sound begins anew");
    rig.to(CARRIER, "SIP/2.0 200");
    rig.says(&mut caller, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

#[test]
fn silence_that_was_reported_before_a_hold_does_not_end_the_call() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
    rig.from(PBX, &reply(&toward, 200, "", &answer));
    let leg = rig.open[0];
    rig.tell(Told::Silent(leg));
    assert_eq!(rig.board.live().answered, 1);
}

#[test]
fn the_callee_may_move_to_another_address() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, mut callee) = rig.up();
    let reinvite = callee.request("INVITE", &sdp("127.0.0.8", 7_000, ""));
    rig.from(
        PBX,
        &reinvite.replace("<sip:peer@127.0.0.1:5070>", "<sip:moved@127.0.0.1:5070>"),
    );
    let toward = rig.to(CARRIER, "INVITE sip:anna@");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "")),
    );
    rig.to(CARRIER, "ACK");
    rig.to(PBX, "SIP/2.0 200");
    rig.says(&mut callee, "ACK", "");
    assert_eq!(anew(&rig), 1, "the side that moved");
    let moved = rig.media.iter().rev().find_map(|wish| {
        if let MediaWish::Aim { aim, .. } = wish {
            aim.rtp
        } else {
            None
        }
    });
    assert_eq!(moved.unwrap().to_string(), "127.0.0.8:7000");
    // The new Contact is where the BYE goes. Our answer to its CSeq 1 was the caller's side.
    rig.says(&mut caller, "BYE", "");
    rig.to(PBX, "BYE sip:moved@127.0.0.1:5070 SIP/2.0");
    rig.assert_clean();
}

#[test]
fn an_offer_that_is_asked_for_goes_end_to_end() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", "");
    let toward = rig.to(PBX, "INVITE");
    assert_eq!(body(&toward), "");
    rig.from(PBX, &reply(&toward, 200, "", &sdp("127.0.0.3", 6_000, "")));
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20002 "), "{ok}");
    rig.says(&mut caller, "ACK", &sdp("127.0.0.2", 4_000, ""));
    let ack = rig.to(PBX, "ACK");
    assert!(body(&ack).contains("m=audio 20004 "), "{ack}");
    assert_eq!(header(&ack, "CSeq"), "2 ACK");
    assert_eq!(anew(&rig), 1);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn glare_is_answered_491_on_both_sides() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, mut callee) = rig.up();
    let (one, other) = (
        caller.request("INVITE", &hold()),
        callee.request("INVITE", &hold()),
    );
    rig.from(CARRIER, &one);
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &other);
    rig.to(PBX, "SIP/2.0 491");
    rig.from(PBX, &reply(&toward, 491, "", ""));
    rig.to(CARRIER, "SIP/2.0 491");
    assert_eq!(rig.board.live().answered, 1);
    assert_eq!(watches(&rig), [true], "the old session stands");
    // One of them tries again.
    let ack = callee.request("ACK", "").replace("ACK2", "INVITE1");
    rig.from(PBX, &ack);
    rig.says(&mut callee, "INVITE", &hold());
    let toward = rig.to(CARRIER, "INVITE");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
    );
    rig.to(PBX, "SIP/2.0 200");
    let (ack, bye) = (callee.request("ACK", ""), callee.request("BYE", ""));
    rig.from(PBX, &ack);
    rig.from(PBX, &bye);
    rig.assert_clean();
}

#[test]
fn a_reinvite_that_fails_leaves_the_old_call_up() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    let media = rig.media.len();
    rig.says(&mut caller, "INVITE", &sdp("127.0.0.2", 4_444, ""));
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 488, "", ""));
    rig.to(CARRIER, "SIP/2.0 488");
    assert_eq!(rig.media.len(), media);
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

#[test]
fn a_second_reinvite_before_the_first_is_answered_is_500() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    let (one, two) = (
        caller.request("INVITE", &hold()),
        caller.request("INVITE", &hold()),
    );
    rig.from(CARRIER, &one);
    rig.from(CARRIER, &two);
    let refused = rig.to(CARRIER, "SIP/2.0 500");
    assert_eq!(header(&refused, "Retry-After"), "3");
}

#[test]
fn a_reinvite_before_the_callers_ack_is_491() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.dial();
    let toward = rig.to(PBX, "INVITE");
    rig.answers(&toward);
    rig.all_to(PBX);
    let reinvite = Peer::callee(&toward, "callee").request("INVITE", &hold());
    rig.from(PBX, &reinvite);
    rig.to(PBX, "SIP/2.0 491");
}

#[test]
fn a_reinvite_that_is_taken_back_is_taken_back_end_to_end() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    let reinvite = caller.request("INVITE", &hold());
    rig.from(CARRIER, &reinvite);
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 180, "", ""));
    rig.from(CARRIER, &cancel(&reinvite, ""));
    rig.to(PBX, "CANCEL");
    rig.from(PBX, &reply(&toward, 487, "", ""));
    let lines = rig.lines_to(CARRIER);
    assert!(
        lines.contains(&"SIP/2.0 487 Request Terminated".to_owned()),
        "{lines:?}"
    );
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_bye_during_a_reinvite_ends_both() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, mut callee) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE");
    rig.says(&mut callee, "BYE", "");
    rig.to(PBX, "SIP/2.0 200");
    let lines = rig.lines_to(CARRIER);
    assert!(
        lines.contains(&"SIP/2.0 487 Request Terminated".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("BYE ")),
        "{lines:?}"
    );
    rig.from(PBX, &reply(&toward, 487, "", ""));
    assert_eq!(rig.ended().hung_up_by, HungUpBy::Callee);
    rig.assert_clean();
}

#[test]
fn a_side_that_knows_nothing_of_the_call_ends_it() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 481, "", ""));
    let lines = rig.lines_to(CARRIER);
    assert!(
        lines.iter().any(|line| line.starts_with("SIP/2.0 481")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("BYE ")),
        "{lines:?}"
    );
    assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
    rig.assert_clean();
}

#[test]
fn a_reinvite_whose_2xx_is_never_acknowledged_ends_the_call() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE");
    rig.from(
        PBX,
        &reply(&toward, 200, "", &sdp("127.0.0.3", 5_000, "a=recvonly")),
    );
    rig.seconds(32);
    assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
    rig.assert_clean();
}

#[test]
fn a_reinvite_that_rings_without_end_is_cancelled() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    rig.says(&mut caller, "INVITE", &hold());
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 100, "", ""));
    rig.seconds(30);
    rig.to(PBX, "CANCEL");
    rig.from(PBX, &reply(&toward, 487, "", ""));
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}
