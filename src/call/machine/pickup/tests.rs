//! A telephone beside the one that rings picks the call up.

use crate::call::desk::MediaWish;
use crate::call::rig::*;
use crate::call::story::*;

fn rig(extensions: &[&str]) -> Rig {
    Rig::with(together(extensions), trunks_that_transfer())
}

/// The caller's INVITE came, and a telephone rings; returns both INVITEs.
fn ringing(rig: &mut Rig) -> (String, String) {
    let invite = rig.dial();
    let toward = rig.all_to(PBX).swap_remove(0);
    rig.from(PBX, &reply(&toward, 180, "desk", ""));
    rig.to(CARRIER, "SIP/2.0 180");
    (invite, toward)
}

/// An INVITE of another telephone at the PBX that names the early dialog with the one that rings.
fn pickup(toward: &str, more: &str, sdp: &str) -> String {
    let replaces = format!(
        "{};to-tag={};from-tag=desk{more}",
        header(toward, "Call-ID"),
        tag(&header(toward, "From")),
    );
    picking(&replaces, sdp)
}

fn their_sdp() -> String {
    sdp("127.0.0.4", 6_000, "").replace("RTP/AVP 8", "RTP/AVP 0 8")
}

/// The call that was picked up: both talk, the caller ends it.
fn talks_and_ends(mut rig: Rig, invite: &str, picking: &str, ok: &str, taken: &str) -> Rig {
    let mut caller = Peer::caller(invite, ok);
    rig.says(&mut caller, "ACK", "");
    let mut new = Peer::caller(picking, taken).at(PBX);
    rig.says(&mut new, "ACK", "");
    rig.seconds(40);
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    let bye = rig.to(PBX, "BYE");
    assert_eq!(header(&bye, "Call-ID"), "pickup");
    rig.assert_clean();
    rig
}

#[test]
fn a_ringing_call_is_picked_up_and_nobody_rings_any_more() {
    for more in ["", ";early-only"] {
        let mut rig = rig(&["101", "103"]);
        let (invite, toward) = ringing(&mut rig);
        rig.seconds(3);
        let picking = pickup(&toward, more, &their_sdp());
        rig.from(PBX, &picking);
        assert_eq!(rig.questions.len(), 1, "no rule is asked");
        let all = rig.all_to(PBX);
        let cancel = all.iter().find(|text| begins(text, "CANCEL")).unwrap();
        assert_eq!(header(cancel, "Call-ID"), header(&toward, "Call-ID"));
        assert_eq!(
            header(cancel, "Reason"),
            "SIP;cause=200;text=\"answered elsewhere\""
        );
        // Each is answered with what both can talk with.
        let taken = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
        assert!(
            body(taken).contains("m=audio 20008 RTP/AVP 8 101"),
            "{taken}"
        );
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(body(&ok).contains("m=audio 20002 RTP/AVP 8 101"), "{ok}");
        rig.from(PBX, &reply(&toward, 487, "desk", ""));
        let bridged = rig
            .media
            .iter()
            .any(|wish| matches!(wish, MediaWish::Bridge { callee, .. } if callee.0 & 0xff == 3));
        assert!(bridged, "{:?}", rig.media);
        let answered = rig.answered();
        assert_eq!(answered.destination, "102");
        assert_eq!(answered.dialogs[1].call_id, "pickup");
        assert!(!answered.dialogs[1].ours);
        let rig = talks_and_ends(rig, &invite, &picking, &ok, taken);
        let ended = rig.ended();
        assert!(ended.answered && !ended.missed);
        assert_eq!((ended.wait_ms, ended.talk_ms), (3_000, 40_000));
        assert_eq!(ended.destination.as_deref(), Some("102"));
        assert_eq!(ended.manager, None);
        let results: Vec<_> = ended.targets_tried.iter().map(|one| one.result).collect();
        assert_eq!(results, [TriedResult::AnsweredElsewhere; 2]);
        let sent = &ended.transfers[0];
        assert_eq!((&*sent.by, &*sent.to), ("ext:101@pbx", "ext:102@pbx"));
        let took = &ended.legs[3];
        assert_eq!(took.role, Some(Role::Callee));
        assert_eq!((took.joined_ms, took.left_ms), (Some(0), Some(40_000)));
        assert_eq!(rig.told()[..2], ["began", "ringing"]);
    }
}

#[test]
fn a_call_with_early_media_is_picked_up_in_a_dialog_of_its_own() {
    let mut rig = Rig::with(one_by_one(&["101"]), trunks_that_transfer());
    let invite = rig.dial();
    let toward = rig.to(PBX, "INVITE");
    rig.from(
        PBX,
        &reply(&toward, 183, "desk", &sdp("127.0.0.3", 5_000, "")),
    );
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let picking = pickup(&toward, "", &their_sdp());
    rig.from(PBX, &picking);
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_ne!(header(&ok, "To"), header(&early, "To"));
    let all = rig.all_to(PBX);
    let taken = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    talks_and_ends(rig, &invite, &picking, &ok, taken);
}

#[test]
fn a_target_whose_200_crosses_the_pickup_gets_a_bye() {
    let mut rig = rig(&["101"]);
    let (invite, toward) = ringing(&mut rig);
    let picking = pickup(&toward, "", &their_sdp());
    rig.from(PBX, &picking);
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let taken = rig.all_to(PBX);
    let taken = taken.iter().find(|text| begins(text, "SIP/2.0 200"));
    rig.from(
        PBX,
        &reply(&toward, 200, "desk", &sdp("127.0.0.3", 5_000, "")),
    );
    let lines = rig.all_to(PBX);
    let bye = lines.iter().find(|text| begins(text, "BYE")).unwrap();
    assert_eq!(tag(&header(bye, "To")), "desk");
    rig.from(PBX, &reply(bye, 200, "", ""));
    talks_and_ends(rig, &invite, &picking, &ok, taken.unwrap());
}

#[test]
fn who_names_no_early_dialog_of_ours_picks_nothing_up_and_the_ringing_goes_on() {
    let late = String::new();
    let other = their_sdp()
        .replace("RTP/AVP 0 8", "RTP/AVP 3")
        .replace("a=rtpmap:8 PCMA", "a=rtpmap:3 GSM");
    for (edit, sdp, status) in [
        (("from-tag=desk", "from-tag=other"), their_sdp(), "481"),
        (("Replaces: ", "Replaces: x"), their_sdp(), "481"),
        (("to-tag=", "to-tag=x"), their_sdp(), "481"),
        (("", ""), other, "488"),
        (("", ""), late, "488"),
    ] {
        let mut rig = rig(&["101"]);
        let (invite, toward) = ringing(&mut rig);
        let picking = pickup(&toward, "", &sdp);
        let picking = match edit.0 {
            "" => picking,
            from => picking.replace(from, edit.1),
        };
        rig.from(PBX, &picking);
        rig.to(PBX, &format!("SIP/2.0 {status}"));
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        rig.from(CARRIER, &cancel(&invite, ""));
        rig.from(PBX, &reply(&toward, 487, "desk", ""));
        assert_eq!(rig.ended().finish_reason, FinishReason::CallerGaveUp);
        rig.assert_clean();
    }
    // The caller's own early dialog is none that we began; and its trunk has no say.
    let mut rig = rig(&["101"]);
    let invite = rig.dial();
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 180, "desk", ""));
    let shown = rig.to(CARRIER, "SIP/2.0 180");
    let theirs = format!(
        "incoming;to-tag={};from-tag=from",
        tag(&header(&shown, "To"))
    );
    let picking = pickup(&toward, "", &their_sdp());
    let own = header(&picking, "Replaces");
    rig.from(PBX, &picking.replace(&own, &theirs));
    rig.to(PBX, "SIP/2.0 481");
    rig.from(CARRIER, &cancel(&invite, ""));
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    rig.assert_clean();
}

#[test]
fn only_the_trunk_that_rings_picks_up_and_only_where_it_may_transfer() {
    let mut lines = trunks_that_transfer();
    lines[0].0.transfers = true;
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (invite, toward) = ringing(&mut rig);
    let picking = pickup(&toward, "", &their_sdp());
    rig.from(CARRIER, &picking.replace(PBX, CARRIER));
    rig.to(CARRIER, "SIP/2.0 603");
    rig.from(CARRIER, &cancel(&invite, ""));
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    rig.assert_clean();
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (invite, toward) = ringing(&mut rig);
    rig.from(PBX, &pickup(&toward, "", &their_sdp()));
    rig.to(PBX, "SIP/2.0 603");
    rig.from(CARRIER, &cancel(&invite, ""));
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    rig.assert_clean();
}

#[test]
fn without_ports_for_it_the_ringing_goes_on() {
    let mut rig = rig(&["101"]);
    let (invite, toward) = ringing(&mut rig);
    rig.ports = false;
    rig.from(PBX, &pickup(&toward, "", &their_sdp()));
    rig.to(PBX, "SIP/2.0 503");
    rig.ports = true;
    rig.from(
        PBX,
        &reply(&toward, 200, "desk", &sdp("127.0.0.3", 5_000, "")),
    );
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().manager.as_deref(), Some("m101"));
    assert_eq!(rig.ended().transfers, []);
    rig.assert_clean();
}

#[test]
fn a_caller_that_owes_a_prack_is_not_given_another_answer_meanwhile() {
    let mut rig = Rig::with(one_by_one(&["101"]), trunks_that_transfer());
    let invite = adding(
        &invite(NUMBER, &sdp("127.0.0.2", 4_000, "")),
        "Supported: 100rel\r\n",
    );
    rig.from(CARRIER, &invite);
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reliable(&toward, 183, "desk", 1, &answer));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    rig.all_to(PBX);
    let picking = pickup(&toward, "", &their_sdp());
    rig.from(PBX, &picking);
    let refused = rig.to(PBX, "SIP/2.0 500");
    assert_ne!(header(&refused, "Retry-After"), "");
    // It has acknowledged: now it can be picked up, in a dialog of its own.
    let mut caller = Peer::caller(&invite, &early);
    let prack = caller.prack(&early, "");
    rig.from(CARRIER, &prack);
    for text in rig.all_to(PBX) {
        if begins(&text, "PRACK") {
            rig.from(PBX, &reply(&text, 200, "desk", ""));
        }
    }
    rig.all_to(CARRIER);
    let picking = picking.replace("bKpickup", "bKagain");
    rig.from(PBX, &picking);
    let all = rig.all_to(PBX);
    let taken = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20002 "), "{ok}");
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    talks_and_ends(rig, &invite, &picking, &ok, taken);
}

#[test]
fn who_picked_a_call_up_sends_it_on_like_any_other() {
    let mut rig = rig(&["101"]);
    let (invite, toward) = ringing(&mut rig);
    let picking = pickup(&toward, "", &their_sdp());
    rig.from(PBX, &picking);
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    let all = rig.all_to(PBX);
    let taken = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
    rig.from(PBX, &reply(&toward, 487, "desk", ""));
    let mut new = Peer::caller(&picking, taken).at(PBX);
    rig.says(&mut new, "ACK", "");
    let refer = adding(
        &new.request("REFER", ""),
        "Refer-To: <sip:104@127.0.0.1:5070>\r\n",
    );
    rig.from(PBX, &refer);
    let onward = rig.to(PBX, "INVITE sip:104@");
    rig.from(
        PBX,
        &reply(&onward, 200, "fourth", &sdp("127.0.0.5", 7_000, "")),
    );
    rig.seconds(6);
    rig.says(&mut caller, "BYE", "");
    let transfers = &rig.ended().transfers;
    assert_eq!(transfers.len(), 2);
    assert_eq!(&*transfers[1].by, "ext:102@pbx");
    rig.assert_clean();
}
