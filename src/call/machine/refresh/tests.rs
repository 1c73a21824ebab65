//! Sessions that are refreshed by either side, and what ends those that are not.

use std::time::Duration;

use crate::call::desk::MediaWish;
use crate::call::rig::*;
use crate::call::story::*;

/// The caller's INVITE with more headers, each ending in CRLF.
fn dial_with(rig: &mut Rig, more: &str) -> String {
    let plain = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
    let text = plain.replace("Max-Forwards", &format!("{more}Max-Forwards"));
    rig.from(CARRIER, &text);
    text
}

/// A call that is up: what the caller asked for, and what the target's 200 says.
fn up_with(rig: &mut Rig, asked: &str, agreed: &str) -> (Peer, Peer, String) {
    let invite = dial_with(rig, asked);
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply_with(&toward, 200, "callee", agreed, &answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    rig.to(PBX, "ACK");
    (caller, Peer::callee(&toward, "callee"), ok)
}

fn up_toward_target(agreed: &str) -> (Rig, Peer, Peer) {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (caller, callee, _) = up_with(&mut rig, "", agreed);
    (rig, caller, callee)
}

fn hang_up(mut rig: Rig, mut caller: Peer) {
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

fn with(request: &str, more: &str) -> String {
    request.replace("Max-Forwards", &format!("{more}Max-Forwards"))
}

const BY_US: &str = "Session-Expires: 90;refresher=uac\r\n";
const BY_PEER: &str = "Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n";
const BY_US_WITH_UPDATE: &str =
    "Session-Expires: 90;refresher=uac\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n";

#[test]
fn a_target_is_asked_for_a_session_timer_and_a_caller_is_given_one() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    dial_with(
        &mut rig,
        "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n",
    );
    let toward = rig.to(PBX, "INVITE");
    assert!(header(&toward, "Supported").contains("timer"));
    assert_eq!(
        header(&toward, "Session-Expires"),
        "1800",
        "each leg has its own"
    );
    assert_eq!(header(&toward, "Min-SE"), "90");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply(&toward, 200, "callee", &answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "Session-Expires"), "600;refresher=uac");
    assert_eq!(header(&ok, "Require"), "timer");
}

#[test]
fn who_knows_no_session_timer_is_given_none() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (caller, _, ok) = up_with(&mut rig, "", "");
    assert_eq!(header(&ok, "Session-Expires"), "");
    assert_eq!(header(&ok, "Require"), "");
    rig.seconds(7_200);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    hang_up(rig, caller);
}

#[test]
fn a_call_that_requires_timer_is_taken() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (caller, _, ok) = up_with(&mut rig, "Require: timer\r\n", "");
    assert_eq!(header(&ok, "Session-Expires"), "1800;refresher=uas");
    hang_up(rig, caller);
}

#[test]
fn a_caller_that_asks_for_too_short_a_session_hears_422_and_comes_again() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let short = dial_with(&mut rig, "Supported: timer\r\nSession-Expires: 60\r\n");
    let refused = rig.to(CARRIER, "SIP/2.0 422");
    assert_eq!(header(&refused, "Min-SE"), "90");
    assert_eq!(rig.told(), [""; 0], "a step of the negotiation is no call");
    assert!(rig.notes.is_empty(), "nor a refusal that bans the carrier");
    let again = short
        .replace("Session-Expires: 60", "Session-Expires: 90\r\nMin-SE: 90")
        .replace("bKin", "bKagain")
        .replace("CSeq: 1", "CSeq: 2");
    rig.from(CARRIER, &again);
    assert_eq!(rig.told(), ["began"]);
    rig.to(PBX, "INVITE");
}

#[test]
fn a_targets_422_is_answered_with_a_longer_session() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.dial();
    let toward = rig.to(PBX, "INVITE");
    let short = "Min-SE: 3600\r\n";
    rig.from(PBX, &reply_with(&toward, 422, "x", short, ""));
    let again = rig.to(PBX, "INVITE");
    assert_eq!(header(&again, "Session-Expires"), "3600");
    assert_eq!(header(&again, "Min-SE"), "3600");
    assert_eq!(header(&again, "CSeq"), "2 INVITE");
    assert_eq!(header(&again, "Call-ID"), header(&toward, "Call-ID"));
    assert_eq!(body(&again), body(&toward));
    // The same again says nothing new: the target has refused.
    rig.from(PBX, &reply_with(&again, 422, "x", short, ""));
    assert_eq!(rig.ended().targets_tried[0].sip_status, Some(422));
    rig.assert_clean();
}

#[test]
fn an_update_without_a_body_refreshes_at_half_the_interval() {
    let (mut rig, caller, _) = up_toward_target(BY_US_WITH_UPDATE);
    rig.seconds(44);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    for round in 0..3 {
        rig.seconds(1);
        let update = rig.to(PBX, "UPDATE sip:phone@127.0.0.1:5070");
        assert_eq!(header(&update, "Session-Expires"), "90;refresher=uac");
        assert_eq!(header(&update, "Min-SE"), "90");
        assert!(!header(&update, "Contact").is_empty());
        assert_eq!(
            (body(&update), header(&update, "Content-Type")),
            ("", String::new())
        );
        rig.from(PBX, &reply_with(&update, 200, "", BY_US_WITH_UPDATE, ""));
        rig.seconds(44);
        assert_eq!(rig.lines_to(PBX), [""; 0], "round {round}");
    }
    assert_eq!(rig.lines_to(CARRIER), [""; 0], "its leg is not concerned");
    hang_up(rig, caller);
}

#[test]
fn a_reinvite_that_changes_nothing_refreshes_a_peer_without_update() {
    let (mut rig, caller, _) = up_toward_target(BY_US);
    let media = rig.media.len();
    rig.seconds(45);
    let reinvite = rig.to(PBX, "INVITE sip:phone@127.0.0.1:5070");
    assert_eq!(header(&reinvite, "Session-Expires"), "90;refresher=uac");
    let origin = body(&reinvite).lines().nth(1).unwrap();
    assert_eq!(
        origin.split(' ').nth(2),
        Some("1"),
        "the same version: {origin}"
    );
    assert!(body(&reinvite).contains("m=audio 20004 "), "{reinvite}");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply_with(&reinvite, 200, "", BY_US, &answer));
    let ack = rig.to(PBX, "ACK sip:phone@127.0.0.1:5070");
    assert_eq!(header(&ack, "CSeq"), "2 ACK");
    assert_eq!(rig.media.len(), media, "nothing moves");
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    rig.seconds(45);
    rig.to(PBX, "INVITE");
    hang_up(rig, caller);
}

#[test]
fn a_refresh_whose_answer_names_another_address_moves_the_sound_there() {
    let (mut rig, caller, _) = up_toward_target(BY_US);
    let media = rig.media.len();
    rig.seconds(45);
    let reinvite = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.8", 7_000, "");
    rig.from(PBX, &reply_with(&reinvite, 200, "", BY_US, &answer));
    let leg = rig.open[1];
    let moved = rig.media.split_off(media);
    assert!(
        matches!(&moved[0], MediaWish::Aim { leg: of, aim }
            if *of == leg && aim.rtp == "127.0.0.8:7000".parse().ok()),
        "{moved:?}"
    );
    assert!(matches!(moved[1], MediaWish::Anew { leg: of } if of == leg));
    assert_eq!(moved.len(), 2);
    hang_up(rig, caller);
}

#[test]
fn a_peer_that_takes_no_update_after_all_gets_a_reinvite() {
    let (mut rig, caller, _) = up_toward_target(BY_US_WITH_UPDATE);
    rig.seconds(45);
    let update = rig.to(PBX, "UPDATE");
    rig.from(PBX, &reply(&update, 501, "", ""));
    let reinvite = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply_with(&reinvite, 200, "", BY_US, &answer));
    hang_up(rig, caller);
}

#[test]
fn a_refresh_is_proven_where_the_trunk_asks() {
    let mut lines = trunks();
    lines[1].0.username = Some("office".into());
    lines[1].0.password = Some("secret".into());
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (caller, _, _) = up_with(&mut rig, "", BY_US);
    rig.seconds(45);
    let reinvite = rig.to(PBX, "INVITE");
    let asks = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";
    rig.from(PBX, &reply_with(&reinvite, 407, "", asks, ""));
    let again = rig.to(PBX, "INVITE");
    let proof = header(&again, "Proxy-Authorization");
    assert!(proof.contains("nonce=\"n1\""), "{again}");
    assert_eq!(body(&again), body(&reinvite));
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply_with(&again, 200, "", BY_US, &answer));
    assert_eq!(header(&rig.to(PBX, "ACK"), "Proxy-Authorization"), proof);
    hang_up(rig, caller);
}

#[test]
fn a_refresh_that_meets_the_peers_own_waits_as_the_rfc_says() {
    let (mut rig, caller, mut callee) = up_toward_target(BY_US);
    rig.seconds(45);
    let ours = rig.to(PBX, "INVITE");
    rig.says(
        &mut callee,
        "INVITE",
        &sdp("127.0.0.3", 5_000, "a=sendonly"),
    );
    rig.to(PBX, "SIP/2.0 491");
    let ack = callee.request("ACK", "");
    let ack = ack.replace("INVITE", "ACK").replace("ACK2", "INVITE1");
    rig.from(PBX, &ack);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    rig.from(PBX, &reply(&ours, 491, "", ""));
    rig.to(PBX, "ACK");
    // The Call-ID of a target's leg is ours: 2.1 to 4 s.
    rig.pass(Duration::from_millis(2_099));
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    rig.pass(Duration::from_millis(1_901));
    let again = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply_with(&again, 200, "", BY_US, &answer));
    hang_up(rig, caller);
}

#[test]
fn a_refresh_waits_for_a_change_that_is_under_way() {
    let (mut rig, mut caller, _) = up_toward_target(BY_US);
    rig.seconds(44);
    rig.says(
        &mut caller,
        "INVITE",
        &sdp("127.0.0.2", 4_000, "a=sendonly"),
    );
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 100, "", ""));
    rig.seconds(3);
    assert_eq!(rig.lines_to(PBX), [""; 0], "one INVITE at a time (14.1)");
    let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
    rig.from(PBX, &reply_with(&toward, 200, "", BY_US, &answer));
    rig.to(PBX, "ACK");
    rig.to(CARRIER, "SIP/2.0 200");
    rig.says(&mut caller, "ACK", "");
    // It was a refresh itself.
    rig.seconds(44);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    rig.seconds(1);
    let reinvite = rig.to(PBX, "INVITE");
    assert!(body(&reinvite).contains("a=sendonly"), "{reinvite}");
    hang_up(rig, caller);
}

#[test]
fn a_refresh_that_the_peer_ponders_is_taken_back_and_holds_go_through_again() {
    let (mut rig, mut caller, _) = up_toward_target(&BY_US.replace("90", "1800"));
    rig.seconds(900);
    let reinvite = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&reinvite, 100, "", ""));
    rig.seconds(29);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    rig.seconds(1);
    let cancel = rig.to(PBX, "CANCEL");
    rig.from(PBX, &reply(&cancel, 200, "", ""));
    rig.from(PBX, &reply(&reinvite, 487, "", ""));
    rig.to(PBX, "ACK");
    rig.says(
        &mut caller,
        "INVITE",
        &sdp("127.0.0.2", 4_000, "a=sendonly"),
    );
    rig.to(PBX, "INVITE");
}

#[test]
fn a_peer_that_begins_the_session_anew_gets_no_second_reinvite_before_it_answers_the_first() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let asked = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n";
    let (mut caller, _, _) = up_with(&mut rig, asked, "");
    rig.seconds(45);
    let reinvite = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&reinvite, 100, "", ""));
    let (clients, _) = rig.board.transactions();
    for _ in 0..3 {
        let update = with(&caller.request("UPDATE", ""), asked);
        rig.from(CARRIER, &update);
        rig.to(CARRIER, "SIP/2.0 200");
    }
    rig.seconds(29);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    rig.seconds(20);
    let lines = rig.lines_to(CARRIER);
    assert!(
        lines.iter().all(|line| line.starts_with("CANCEL ")),
        "{lines:?}"
    );
    let kept = rig.board.transactions().0;
    assert!(kept <= clients + 1, "{kept} after {clients}");
}

#[test]
fn a_refresh_after_a_change_that_was_refused_repeats_what_is_in_force() {
    let (mut rig, mut caller, _) = up_toward_target(BY_US);
    rig.says(
        &mut caller,
        "INVITE",
        &sdp("127.0.0.2", 4_444, "a=sendonly"),
    );
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 488, "", ""));
    rig.to(CARRIER, "SIP/2.0 488");
    rig.seconds(45);
    let reinvite = rig.to(PBX, "INVITE");
    assert!(!body(&reinvite).contains("a=sendonly"), "{reinvite}");
    let origin = body(&reinvite).lines().nth(1).unwrap();
    assert_eq!(
        origin.split(' ').nth(2),
        Some("3"),
        "it differs from the last: {origin}"
    );
    hang_up(rig, caller);
}

#[test]
fn a_refresh_that_fails_is_tried_again_until_the_session_expires() {
    let (mut rig, _, _) = up_toward_target(BY_US_WITH_UPDATE);
    rig.seconds(45);
    let mut refused = 0;
    while let Some(update) = rig.all_to(PBX).pop() {
        assert!(update.starts_with("UPDATE "), "{update}");
        rig.from(PBX, &reply(&update, 500, "", ""));
        refused += 1;
        rig.seconds(9);
        if rig.board.live().calls == 0 {
            break;
        }
    }
    assert_eq!(refused, 2, "at 45 and 54 s; at 60 it is over");
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::SessionExpired);
    assert_eq!(
        (ended.hung_up_by, ended.talk_ms),
        (HungUpBy::System, 60_000)
    );
    rig.assert_clean();
}

#[test]
fn a_peer_that_knows_the_dialog_no_more_or_says_nothing_ends_the_call() {
    for status in [481, 408] {
        let (mut rig, _, _) = up_toward_target(BY_US_WITH_UPDATE);
        rig.seconds(45);
        let update = rig.to(PBX, "UPDATE");
        rig.from(PBX, &reply(&update, status, "", ""));
        rig.to(CARRIER, "BYE");
        assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
        rig.assert_clean();
    }
    let long = BY_US_WITH_UPDATE.replace("90", "600");
    let (mut rig, _, _) = up_toward_target(&long);
    rig.seconds(300 + 32);
    assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
    rig.assert_clean();
}

#[test]
fn a_422_to_a_refresh_makes_the_session_longer() {
    let (mut rig, caller, _) = up_toward_target(BY_US_WITH_UPDATE);
    rig.seconds(45);
    let update = rig.to(PBX, "UPDATE");
    rig.from(PBX, &reply_with(&update, 422, "", "Min-SE: 120\r\n", ""));
    let again = rig.to(PBX, "UPDATE");
    assert_eq!(header(&again, "Session-Expires"), "120;refresher=uac");
    assert_eq!(header(&again, "Min-SE"), "120");
    hang_up(rig, caller);
}

#[test]
fn a_session_that_the_peer_should_refresh_and_does_not_ends_on_both_legs() {
    let (mut rig, _, _) = up_toward_target(BY_PEER);
    rig.seconds(59);
    assert_eq!(rig.board.live().answered, 1);
    rig.seconds(1);
    for peer in [CARRIER, PBX] {
        let bye = rig.to(peer, "BYE");
        assert_eq!(header(&bye, "Reason"), "SIP;cause=408");
        rig.from(peer, &reply(&bye, 200, "", ""));
    }
    assert_eq!(rig.ended().finish_reason, FinishReason::SessionExpired);
    rig.assert_clean();
}

#[test]
fn the_callers_refreshes_keep_its_leg_alive() {
    let asked = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _, _) = up_with(&mut rig, asked, "");
    for _ in 0..4 {
        rig.seconds(45);
        let update = with(&caller.request("UPDATE", ""), asked);
        rig.from(CARRIER, &update);
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_eq!(header(&ok, "Session-Expires"), "90;refresher=uac");
        assert_eq!(header(&ok, "Require"), "timer");
        assert!(!header(&ok, "Contact").is_empty());
    }
    assert_eq!(rig.lines_to(PBX), [""; 0], "it stays on its leg");
    let short = with(&caller.request("UPDATE", ""), &asked.replace("90", "30"));
    rig.from(CARRIER, &short);
    assert_eq!(header(&rig.to(CARRIER, "SIP/2.0 422"), "Min-SE"), "90");
    rig.seconds(60);
    assert_eq!(rig.ended().finish_reason, FinishReason::SessionExpired);
    rig.assert_clean();
}

#[test]
fn a_reinvite_that_passes_refreshes_both_legs_each_in_its_own_terms() {
    let asked = "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n";
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _, _) = up_with(&mut rig, asked, BY_PEER);
    rig.seconds(50);
    let hold = caller.request("INVITE", &sdp("127.0.0.2", 4_000, "a=sendonly"));
    rig.from(CARRIER, &with(&hold, asked));
    let toward = rig.to(PBX, "INVITE");
    assert_eq!(header(&toward, "Session-Expires"), "90;refresher=uas");
    let short = "Min-SE: 100\r\n";
    rig.from(PBX, &reply_with(&toward, 422, "", short, ""));
    let toward = rig.to(PBX, "INVITE");
    assert_eq!(header(&toward, "Session-Expires"), "100;refresher=uas");
    let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
    let agreed = BY_PEER.replace("90", "100");
    rig.from(PBX, &reply_with(&toward, 200, "", &agreed, &answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "Session-Expires"), "120;refresher=uac");
    rig.says(&mut caller, "ACK", "");
    rig.seconds(60);
    assert_eq!(rig.board.live().answered, 1, "both were refreshed");
    rig.seconds(10);
    assert_eq!(rig.ended().finish_reason, FinishReason::SessionExpired);
    rig.assert_clean();
}

#[test]
fn a_held_call_whose_sessions_are_refreshed_is_asked_nothing_else() {
    let asked = "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n";
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _, _) = up_with(&mut rig, asked, "");
    let hold = caller.request("INVITE", &sdp("127.0.0.2", 4_000, "a=sendonly"));
    rig.from(CARRIER, &with(&hold, asked));
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "a=recvonly");
    rig.from(PBX, &reply(&toward, 200, "", &answer));
    rig.says(&mut caller, "ACK", "");
    rig.all_to(CARRIER);
    rig.all_to(PBX);
    rig.seconds(300);
    assert_eq!(rig.lines_to(CARRIER), [""; 0], "its timer watches it");
    rig.to(PBX, "OPTIONS");
    hang_up(rig, caller);
}

#[test]
fn a_call_that_ends_during_a_refresh_leaves_nothing() {
    for agreed in [BY_US, BY_US_WITH_UPDATE] {
        let (mut rig, caller, _) = up_toward_target(agreed);
        rig.seconds(45);
        let refresh = rig.all_to(PBX).pop().unwrap();
        let mut after = caller;
        rig.says(&mut after, "BYE", "");
        let answer = sdp("127.0.0.3", 5_000, "");
        rig.from(PBX, &reply_with(&refresh, 200, "", agreed, &answer));
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }
}
