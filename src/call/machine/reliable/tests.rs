//! Provisional responses that are acknowledged, on either leg and across both.

use crate::call::rig::*;
use crate::call::story::*;
use crate::call::trunk::Reliable;
use crate::route::decision::{Plan, Step};

const KNOWS: &str = "Supported: 100rel\r\n";
const REQUIRES: &str = "Require: 100rel\r\n";

fn answer() -> String {
    sdp("127.0.0.3", 5_000, "")
}

/// A caller that says `more` of reliable responses dials; its INVITE and the target's.
fn dial(rig: &mut Rig, more: &str) -> (String, String) {
    let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), more);
    rig.from(CARRIER, &invite);
    rig.all_to(CARRIER);
    let toward = rig.to(PBX, "INVITE");
    (invite, toward)
}

fn toward(trunk: Reliable) -> Rig {
    let mut lines = trunks();
    lines[1].0.reliable = trunk;
    Rig::with(one_by_one(&["101"]), lines)
}

fn rings_for(ring_s: u32) -> Rig {
    Rig::new(Plan::Hunt(vec![Step {
        targets: vec![target("101")],
        ring_s,
    }]))
}

#[test]
fn a_targets_reliable_ringing_and_its_prack_go_end_to_end() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, KNOWS);
    assert!(header(&toward, "Supported").contains("100rel"));
    assert_eq!(header(&toward, "Require"), "");
    rig.from(PBX, &reliable(&toward, 183, "callee", 77, &answer()));
    assert_eq!(rig.lines_to(PBX), [""; 0], "the caller has not heard it");
    let early = rig.to(CARRIER, "SIP/2.0 183");
    assert_eq!(header(&early, "Require"), "100rel");
    assert!(header(&early, "Allow").contains("UPDATE"), "{early}");
    assert!(header(&early, "Contact").contains("127.0.0.1:5060"));
    assert!(body(&early).contains("m=audio 20002 "), "{early}");
    let mut caller = Peer::caller(&invite, &early);
    let prack = caller.prack(&early, "");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    let prack = rig.to(PBX, "PRACK sip:phone@127.0.0.1:5070 SIP/2.0");
    assert_eq!(header(&prack, "RAck"), "77 1 INVITE");
    assert_eq!(header(&prack, "CSeq"), "2 PRACK");
    assert_eq!(tag(&header(&prack, "To")), "callee");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    let ack = rig.to(PBX, "ACK");
    assert_eq!(header(&ack, "CSeq"), "1 ACK");
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(body(&ok), "", "answered before, and not again");
    assert_eq!(header(&ok, "To"), header(&early, "To"));
    rig.says(&mut caller, "ACK", "");
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    let bye = rig.to(PBX, "BYE");
    assert_eq!(header(&bye, "CSeq"), "3 BYE", "PRACK counted");
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    assert_eq!(ended.legs[0].codec.as_deref(), Some("PCMA/8000"));
    assert_eq!(ended.legs[1].codec.as_deref(), Some("PCMA/8000"));
    rig.assert_clean();
}

#[test]
fn a_target_is_served_alone_where_the_caller_knows_nothing_of_it() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (_, toward) = dial(&mut rig, "");
    let early = reliable(&toward, 183, "callee", 1, &answer());
    rig.from(PBX, &early);
    let prack = rig.to(PBX, "PRACK");
    assert_eq!(header(&prack, "RAck"), "1 1 INVITE");
    let shown = rig.to(CARRIER, "SIP/2.0 183");
    assert_eq!(header(&shown, "Require"), "");
    assert_eq!(header(&shown, "RSeq"), "");
    // It was lost: the same again is answered by nothing new, our PRACK repeats itself.
    rig.from(PBX, &early);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    rig.from(PBX, &reply(&prack, 200, "", ""));
    // Out of order, then in order.
    rig.from(PBX, &reliable(&toward, 182, "callee", 3, ""));
    assert_eq!(rig.lines_to(PBX), [""; 0], "the second is missing");
    rig.from(PBX, &reliable(&toward, 180, "callee", 2, ""));
    let prack = rig.to(PBX, "PRACK");
    assert_eq!(header(&prack, "RAck"), "2 1 INVITE");
    let ringing = rig.to(CARRIER, "SIP/2.0 180");
    assert_eq!(header(&ringing, "To"), header(&shown, "To"));
    // Its 2xx has no SDP any more: ours has.
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "To"), header(&shown, "To"));
    assert_eq!(body(&ok), body(&shown));
    assert_eq!(rig.board.live().answered, 1);
}

#[test]
fn a_caller_that_requires_it_has_it_from_a_target_that_knows_nothing() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, REQUIRES);
    rig.from(PBX, &reply(&toward, 180, "callee", ""));
    let ringing = rig.to(CARRIER, "SIP/2.0 180");
    assert_eq!(header(&ringing, "Require"), "100rel");
    // The next waits for the PRACK, and the 2xx for that of the SDP.
    rig.from(PBX, &reply(&toward, 183, "callee", &answer()));
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    let mut caller = Peer::caller(&invite, &ringing);
    let prack = caller.prack(&ringing, "");
    rig.from(CARRIER, &prack);
    let said = rig.all_to(CARRIER);
    let [early, ok] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
    assert!(early.starts_with("SIP/2.0 183"), "{early}");
    assert_eq!(header(early, "To"), header(&ringing, "To"));
    let number = |text: &str| header(text, "RSeq").parse::<u32>().unwrap();
    assert_eq!(number(early), number(&ringing) + 1);
    assert_eq!(rig.lines_to(PBX), [""; 0], "it knows nothing of it");
    let prack = caller.prack(early, "");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    rig.from(PBX, &reply(&toward, 200, "callee", &answer()));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "To"), header(&ringing, "To"));
}

#[test]
fn a_2xx_waits_for_the_prack_of_the_sdp_before_it() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, REQUIRES);
    rig.from(PBX, &reply(&toward, 183, "callee", &answer()));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    rig.from(PBX, &reply(&toward, 200, "callee", &answer()));
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    assert_eq!(rig.lines_to(PBX), [""; 0], "it repeats its 200");
    // However long it may ring: it has answered.
    rig.seconds(25);
    assert!(
        rig.lines_to(CARRIER)
            .iter()
            .all(|line| line.starts_with("SIP/2.0 183"))
    );
    let mut caller = Peer::caller(&invite, &early);
    let prack = caller.prack(&early, "");
    rig.from(CARRIER, &prack);
    let said = rig.all_to(CARRIER);
    assert!(header(&said[0], "CSeq").ends_with("PRACK"), "{said:?}");
    assert!(header(&said[1], "CSeq").ends_with("INVITE"), "{said:?}");
    assert!(said[1].starts_with("SIP/2.0 200"), "{said:?}");
    rig.to(PBX, "ACK");
    rig.says(&mut caller, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

#[test]
fn a_caller_who_gives_up_while_a_2xx_waits_leaves_nothing_behind() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, REQUIRES);
    rig.from(PBX, &reply(&toward, 183, "callee", &answer()));
    rig.from(PBX, &reply(&toward, 200, "callee", &answer()));
    rig.from(CARRIER, &cancel(&invite, ""));
    let sent = rig.all_to(PBX);
    assert!(sent[0].starts_with("ACK "), "{sent:?}");
    assert!(sent[1].starts_with("BYE "), "{sent:?}");
    rig.from(PBX, &reply(&sent[1], 200, "", ""));
    assert_eq!(rig.ended().finish_reason, FinishReason::CallerGaveUp);
    rig.assert_clean();
}

#[test]
fn a_caller_that_never_acknowledges_is_refused_after_thirty_two_seconds() {
    let mut rig = rings_for(60);
    let (_, toward) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&toward, 180, "callee", 5, ""));
    rig.seconds(31);
    let sent = rig.lines_to(CARRIER);
    assert_eq!(sent, ["SIP/2.0 180 Ringing"; 6], "0 0.5 1.5 3.5 7.5 15.5");
    rig.seconds(1);
    let refused = rig.to(CARRIER, "SIP/2.0 504");
    assert_eq!(header(&refused, "RSeq"), "");
    let cancel = rig.to(PBX, "CANCEL");
    rig.from(PBX, &reply(&cancel, 200, "callee", ""));
    rig.from(PBX, &reply(&toward, 487, "callee", ""));
    assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
    rig.assert_clean();
}

#[test]
fn a_prack_that_acknowledges_nothing_is_481() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&toward, 180, "callee", 5, ""));
    let ringing = rig.to(CARRIER, "SIP/2.0 180");
    let mut caller = Peer::caller(&invite, &ringing);
    let rseq = header(&ringing, "RSeq");
    let wrong = caller
        .prack(&ringing, "")
        .replace(&format!("RAck: {rseq} 1"), "RAck: 1 1");
    rig.from(CARRIER, &wrong);
    rig.to(CARRIER, "SIP/2.0 481");
    let without = caller.prack(&ringing, "").replace("RAck", "X-RAck");
    rig.from(CARRIER, &without);
    rig.to(CARRIER, "SIP/2.0 400");
    let right = caller.prack(&ringing, "");
    rig.from(CARRIER, &right);
    rig.to(CARRIER, "SIP/2.0 200");
    rig.to(PBX, "PRACK");
    let again = caller.prack(&ringing, "");
    rig.from(CARRIER, &again);
    rig.to(CARRIER, "SIP/2.0 481");
    let mut callee = Peer::callee(&toward, "callee");
    let theirs = callee.prack(&ringing, "");
    rig.from(PBX, &theirs);
    rig.to(PBX, "SIP/2.0 481");
    assert_eq!(rig.board.live().calls, 1);
}

#[test]
fn the_next_target_rings_in_an_early_dialog_of_its_own() {
    let mut rig = Rig::new(one_by_one(&["101", "102"]));
    let (invite, first) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&first, 183, "one", 9, &answer()));
    let one = rig.to(CARRIER, "SIP/2.0 183");
    let mut caller = Peer::caller(&invite, &one);
    let prack = caller.prack(&one, "");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    let prack = rig.to(PBX, "PRACK");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    rig.from(PBX, &reply(&first, 486, "one", ""));
    let second = rig.to(PBX, "INVITE sip:102@");
    // The first dialog is gone.
    rig.says(&mut caller, "UPDATE", "");
    rig.to(CARRIER, "SIP/2.0 481");
    rig.from(PBX, &reliable(&second, 183, "two", 9, &answer()));
    let two = rig.to(CARRIER, "SIP/2.0 183");
    assert_ne!(header(&two, "To"), header(&one, "To"));
    let mut caller = Peer::caller(&invite, &two);
    let prack = caller.prack(&two, "").replace("z9hG4bK", "z9hG4bKtwo");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 200");
    let prack = rig.to(PBX, "PRACK");
    assert_eq!(tag(&header(&prack, "To")), "two");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    rig.from(PBX, &reply(&second, 200, "two", ""));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "To"), header(&two, "To"));
    rig.says(&mut caller, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn a_target_that_fails_with_a_response_unacknowledged_is_forgotten_with_it() {
    let mut rig = Rig::new(one_by_one(&["101", "102"]));
    let (invite, first) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&first, 183, "one", 9, &answer()));
    let one = rig.to(CARRIER, "SIP/2.0 183");
    rig.from(PBX, &reply(&first, 486, "one", ""));
    rig.to(PBX, "INVITE sip:102@");
    let mut caller = Peer::caller(&invite, &one);
    let prack = caller.prack(&one, "");
    rig.from(CARRIER, &prack);
    rig.to(CARRIER, "SIP/2.0 481");
    rig.seconds(4);
    rig.to(CARRIER, "SIP/2.0 480");
    rig.assert_clean();
}

#[test]
fn each_fork_is_acknowledged_in_its_own_early_dialog() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, KNOWS);
    let route = |at: u16| format!("Record-Route: <sip:127.0.0.1:{at};lr>\r\n");
    let early = |tag: &str, rseq, at| {
        let early = reliable(&toward, 183, tag, rseq, &answer());
        early.replacen("Contact", &format!("{}Contact", route(at)), 1)
    };
    rig.from(PBX, &early("one", 100, 5_081));
    rig.from(PBX, &early("two", 700, 5_082));
    let shown = rig.all_to(CARRIER);
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_ne!(header(&shown[0], "To"), header(&shown[1], "To"));
    let mut of_two = Peer::caller(&invite, &shown[1]);
    let prack = of_two.prack(&shown[1], "");
    rig.from(CARRIER, &prack);
    let prack = rig.to("127.0.0.1:5082", "PRACK sip:phone@127.0.0.1:5070");
    assert_eq!(tag(&header(&prack, "To")), "two");
    assert_eq!(header(&prack, "RAck"), "700 1 INVITE");
    assert_eq!(header(&prack, "Route"), "<sip:127.0.0.1:5082;lr>");
    assert_eq!(rig.lines_to("127.0.0.1:5081"), [""; 0]);
    rig.from("127.0.0.1:5082", &reply(&prack, 200, "", ""));
    rig.all_to(CARRIER);
    // The first answers while its own is not acknowledged: that waits, the second does not hold it.
    rig.from(PBX, &reply(&toward, 200, "one", ""));
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    let mut of_one = Peer::caller(&invite, &shown[0]);
    let prack = of_one.prack(&shown[0], "").replace("z9hG4bK", "z9hG4bKone");
    rig.from(CARRIER, &prack);
    let said = rig.all_to(CARRIER);
    assert_eq!(header(&said[1], "To"), header(&shown[0], "To"));
    let (ack, bye) = (of_one.request("ACK", ""), of_one.request("BYE", ""));
    rig.from(CARRIER, &ack);
    // Its 2xx named no router any more.
    rig.from(CARRIER, &bye);
    let bye = rig.to(PBX, "BYE");
    assert_eq!(header(&bye, "Route"), "");
    rig.assert_clean();
}

#[test]
fn a_group_that_rings_together_is_acknowledged_and_heard_as_plain_ringing() {
    for (knows, require) in [(KNOWS, ""), (REQUIRES, "100rel")] {
        let mut rig = Rig::new(together(&["101", "102"]));
        let invite = adding(&invite(NUMBER, &sdp("127.0.0.2", 4_000, "")), knows);
        rig.from(CARRIER, &invite);
        rig.all_to(CARRIER);
        let toward = rig.all_to(PBX);
        rig.from(PBX, &reliable(&toward[0], 183, "one", 1, &answer()));
        let prack = rig.to(PBX, "PRACK");
        rig.from(PBX, &reply(&prack, 200, "", ""));
        let ringing = rig.to(CARRIER, "SIP/2.0 180");
        assert_eq!(body(&ringing), "");
        assert_eq!(header(&ringing, "Require"), require);
        rig.from(PBX, &reliable(&toward[1], 180, "two", 1, ""));
        let prack = rig.to(PBX, "PRACK");
        rig.from(PBX, &reply(&prack, 200, "", ""));
        // The answer of the first came in its 183.
        rig.from(PBX, &reply(&toward[0], 200, "one", ""));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(body(&ok).contains("m=audio 20002 "), "{ok}");
        assert_eq!(header(&ok, "To"), header(&ringing, "To"));
        let mut caller = Peer::caller(&invite, &ok);
        if !require.is_empty() {
            // It crossed our 2xx.
            let prack = caller.prack(&ringing, "");
            rig.from(CARRIER, &prack);
            rig.to(CARRIER, "SIP/2.0 200");
            let again = caller.prack(&ringing, "");
            rig.from(CARRIER, &again);
            rig.to(CARRIER, "SIP/2.0 481");
        }
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        let cancel = rig
            .all_to(PBX)
            .into_iter()
            .find(|text| text.starts_with("CANCEL"));
        assert!(cancel.is_some());
        rig.from(PBX, &reply(&toward[1], 487, "two", ""));
        rig.assert_clean();
    }
}

#[test]
fn a_target_that_knows_nothing_of_what_its_trunk_requires_is_tried_without() {
    let mut rig = toward(Reliable::Required);
    let (_, first) = dial(&mut rig, "");
    assert_eq!(header(&first, "Require"), "100rel");
    let unsupported = "Unsupported: 100rel\r\n";
    rig.from(PBX, &reply_with(&first, 420, "x", unsupported, ""));
    let again = rig.to(PBX, "INVITE");
    assert_eq!(header(&again, "CSeq"), "2 INVITE");
    assert_eq!(header(&again, "Require"), "");
    assert!(!header(&again, "Supported").contains("100rel"));
    // Once.
    rig.from(PBX, &reply_with(&again, 420, "x", unsupported, ""));
    rig.to(CARRIER, "SIP/2.0 480");
    assert_eq!(rig.ended().targets_tried[0].sip_status, Some(420));
    rig.assert_clean();
}

#[test]
fn a_target_that_needs_it_is_tried_with_it() {
    let mut rig = toward(Reliable::Off);
    let (_, first) = dial(&mut rig, "");
    assert!(!header(&first, "Supported").contains("100rel"));
    let require = "Require: 100rel\r\n";
    rig.from(PBX, &reply_with(&first, 421, "x", require, ""));
    let again = rig.to(PBX, "INVITE");
    assert_eq!(header(&again, "Require"), "100rel");
    rig.from(PBX, &reliable(&again, 180, "callee", 1, ""));
    let prack = rig.to(PBX, "PRACK");
    assert_eq!(header(&prack, "RAck"), "1 2 INVITE");
}

#[test]
fn nothing_is_offered_where_a_targets_offer_would_reach_nobody() {
    // A late offer of a caller that knows nothing, and a late offer to several at once.
    let mut rig = toward(Reliable::Required);
    rig.from(CARRIER, &invite(NUMBER, ""));
    let toward = rig.to(PBX, "INVITE");
    assert!(!header(&toward, "Supported").contains("100rel"));
    assert_eq!(header(&toward, "Require"), "");
    rig.from(
        PBX,
        &reply_with(&toward, 421, "x", "Require: 100rel\r\n", ""),
    );
    rig.to(CARRIER, "SIP/2.0 480");
    rig.assert_clean();
    let mut rig = Rig::new(together(&["101", "102"]));
    rig.from(CARRIER, &adding(&invite(NUMBER, ""), KNOWS));
    for toward in rig.all_to(PBX) {
        assert!(!header(&toward, "Supported").contains("100rel"));
    }
}

#[test]
fn what_is_no_ringing_is_acknowledged_and_kept_from_the_caller() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (_, toward) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&toward, 199, "callee", 1, ""));
    rig.to(PBX, "PRACK");
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
}

#[test]
fn a_caller_that_requires_it_hears_each_minute_reliably_that_it_rings() {
    let mut rig = rings_for(200);
    let (invite, toward) = dial(&mut rig, REQUIRES);
    rig.from(PBX, &reply(&toward, 180, "callee", ""));
    let mut last = rig.to(CARRIER, "SIP/2.0 180");
    let mut caller = Peer::caller(&invite, &last);
    for _ in 0..2 {
        let prack = caller.prack(&last, "");
        rig.from(CARRIER, &prack);
        rig.to(CARRIER, "SIP/2.0 200");
        rig.seconds(60);
        let next = rig.to(CARRIER, "SIP/2.0 180");
        assert_ne!(header(&next, "RSeq"), header(&last, "RSeq"));
        last = next;
    }
}

#[test]
fn a_prack_is_proven_to_the_trunk_that_asks() {
    let mut lines = trunks();
    lines[1].0.username = Some("office".into());
    lines[1].0.password = Some("secret".into());
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (_, toward) = dial(&mut rig, "");
    rig.from(PBX, &reliable(&toward, 180, "callee", 1, ""));
    let prack = rig.to(PBX, "PRACK");
    let asks = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";
    rig.from(PBX, &reply_with(&prack, 407, "", asks, ""));
    let again = rig.to(PBX, "PRACK");
    assert_eq!(header(&again, "RAck"), header(&prack, "RAck"));
    assert!(header(&again, "Proxy-Authorization").contains("nonce=\"n1\""));
}

#[test]
fn a_caller_who_hangs_up_an_early_dialog_that_was_acknowledged_ends_it_all() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = dial(&mut rig, KNOWS);
    rig.from(PBX, &reliable(&toward, 183, "callee", 9, &answer()));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let mut caller = Peer::caller(&invite, &early);
    let (prack, bye) = (caller.prack(&early, ""), caller.request("BYE", ""));
    rig.from(CARRIER, &prack);
    let prack = rig.to(PBX, "PRACK");
    rig.from(PBX, &reply(&prack, 200, "", ""));
    rig.all_to(CARRIER);
    rig.from(CARRIER, &bye);
    let lines = rig.lines_to(CARRIER);
    assert_eq!(lines, ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    rig.to(PBX, "CANCEL");
    rig.from(PBX, &reply(&toward, 487, "callee", ""));
    rig.assert_clean();
}
