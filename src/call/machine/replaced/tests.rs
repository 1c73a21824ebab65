//! Another telephone takes the place of the one that answered.

use crate::call::desk::{MediaWish, TRANSFERS_MAX};
use crate::call::rig::*;
use crate::call::story::*;

fn rig() -> Rig {
    Rig::with(one_by_one(&["101"]), trunks_that_transfer())
}

/// An INVITE of another telephone at the PBX that names the dialog of the one that answered.
fn pickup(rig: &Rig, more: &str) -> String {
    let kept = &rig.answered().dialogs[1];
    let (ours, theirs) = (tag(&kept.local).to_owned(), tag(&kept.remote).to_owned());
    let replaces = format!("{};to-tag={ours};from-tag={theirs}{more}", kept.call_id);
    picking(&replaces, &sdp("127.0.0.4", 6_000, ""))
}

/// Another telephone has taken the call, and owes its ACK; returns it.
fn taken_over(rig: &mut Rig) -> Peer {
    let invite = pickup(rig, "");
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
    Peer::caller(&invite, &rig.to(PBX, "SIP/2.0 200")).at(PBX)
}

/// It sends the caller on; returns the INVITE that follows.
fn sends_on(rig: &mut Rig, new: &mut Peer) -> String {
    let refer = new.refer("Refer-To: <sip:103@127.0.0.1:5070>\r\n");
    rig.from(PBX, &refer);
    rig.to(PBX, "INVITE sip:103@")
}

#[test]
fn another_telephone_of_the_trunk_takes_the_call_over() {
    let mut rig = rig();
    let (mut caller, _) = rig.up();
    rig.seconds(5);
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    assert_eq!(rig.questions.len(), 1, "no rule is asked");
    let ask = rig.to(CARRIER, "INVITE sip:anna@");
    assert!(body(&ask).contains("m=audio 20002 RTP/AVP 8 101"), "{ask}");
    assert_eq!(rig.bridges(), [1]);
    rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
    rig.to(CARRIER, "ACK");
    let all = rig.all_to(PBX);
    let ok = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
    assert!(body(ok).contains("m=audio 20006 RTP/AVP 8 101"), "{ok}");
    let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
    assert_eq!(tag(&header(bye, "To")), "callee", "who was replaced");
    rig.from(PBX, &reply(bye, 200, "", ""));
    assert_eq!(rig.bridges(), [1, 2]);
    let mut new = Peer::caller(&invite, ok).at(PBX);
    rig.says(&mut new, "ACK", "");
    rig.seconds(5);
    // Its re-INVITEs pass as the callee's.
    rig.says(&mut new, "INVITE", &sdp("127.0.0.4", 6_000, "a=sendonly"));
    let toward = rig.to(CARRIER, "INVITE");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
    );
    rig.to(PBX, "SIP/2.0 200");
    rig.says(&mut new, "ACK", "");
    rig.says(&mut caller, "BYE", "");
    let bye = rig.to(PBX, "BYE");
    assert_eq!(header(&bye, "Call-ID"), "pickup");
    let ended = rig.ended();
    assert_eq!(ended.transfers.len(), 1);
    assert_eq!(&*ended.transfers[0].to, "ext:102@pbx");
    assert_eq!(ended.legs[2].role, Some(Role::Transfer));
    assert_eq!(ended.legs[2].joined_ms, Some(5_000));
    assert_eq!(ended.manager.as_deref(), Some("m101"));
    rig.assert_clean();
}

#[test]
fn who_is_replaced_and_owes_an_ack_hears_its_bye_after_it() {
    for acknowledges in [true, false] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        rig.says(&mut callee, "INVITE", &sdp("127.0.0.3", 5_000, ""));
        let toward = rig.to(CARRIER, "INVITE");
        let answer = sdp("127.0.0.2", 4_000, "");
        rig.from(CARRIER, &reply(&toward, 200, "", &answer));
        rig.to(PBX, "SIP/2.0 200");
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &answer));
        let all = rig.all_to(PBX);
        let byes = |all: &[String]| all.iter().any(|text| begins(text, "BYE"));
        assert!(!byes(&all), "RFC 3261 15: not before its ACK: {all:?}");
        let ok = all.iter().rfind(|text| begins(text, "SIP/2.0 200"));
        let mut new = Peer::caller(&invite, ok.unwrap()).at(PBX);
        rig.says(&mut new, "ACK", "");
        if acknowledges {
            rig.says(&mut callee, "ACK", "");
        } else {
            rig.seconds(33);
        }
        assert!(byes(&rig.all_to(PBX)));
        assert_eq!(rig.board.live().answered, 1);
        rig.says(&mut caller, "BYE", "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }
}

#[test]
fn its_ports_are_of_the_family_of_its_sound() {
    for (offer, toward) in [
        (sdp("127.0.0.4", 6_000, ""), "127.0.0.1"),
        (
            sdp("2001:db8::4", 6_000, "").replace("IP4", "IP6"),
            "2001:db8::4",
        ),
    ] {
        let mut rig = rig();
        rig.up();
        let old = sdp("127.0.0.4", 6_000, "");
        let invite = pickup(&rig, "");
        let length = |body: &str| format!("Content-Length: {}", body.len());
        let invite = invite
            .replace(&length(&old), &length(&offer))
            .replace(&old, &offer);
        rig.from(PBX, &invite);
        let opened = rig.media.iter().rev().find_map(|wish| {
            if let MediaWish::Open { toward, .. } = wish {
                Some(*toward)
            } else {
                None
            }
        });
        assert_eq!(opened, toward.parse().ok());
    }
}

#[test]
fn a_call_is_taken_over_so_often_and_within_the_rate_of_its_trunk() {
    let mut rig = rig();
    rig.up();
    for count in 1..=TRANSFERS_MAX + 1 {
        let invite = pickup(&rig, "");
        let invite = invite.replace("pickup", &format!("pickup{count}"));
        rig.from(PBX, &invite);
        if count > TRANSFERS_MAX {
            rig.to(PBX, "SIP/2.0 603");
        } else {
            let ask = rig.to(CARRIER, "INVITE");
            rig.from(CARRIER, &reply(&ask, 488, "", ""));
            rig.to(PBX, "SIP/2.0 488");
        }
    }
    let mut lines = trunks_that_transfer();
    lines[1].0.calls_per_s = Some(1);
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    // The call itself was the one of this second.
    rig.up();
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    let refused = rig.to(PBX, "SIP/2.0 503");
    assert_eq!(header(&refused, "Retry-After"), "3");
    rig.seconds(1);
    let invite = invite.replace("pickup", "later");
    rig.from(PBX, &invite);
    rig.to(CARRIER, "INVITE");
}

#[test]
fn a_caller_that_agrees_with_an_answer_of_no_use_hears_what_was_in_force_again() {
    let mut rig = rig();
    let (mut caller, _) = rig.up();
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE");
    let silent = sdp("127.0.0.2", 4_000, "").replace("m=audio 4000", "m=audio 0");
    rig.from(CARRIER, &reply(&ask, 200, "", &silent));
    rig.to(PBX, "SIP/2.0 488");
    let all = rig.all_to(CARRIER);
    let back = all.iter().find(|text| begins(text, "INVITE")).unwrap();
    assert!(body(back).contains("m=audio 20002 RTP/AVP 8 101"), "{back}");
    rig.from(CARRIER, &reply(back, 200, "", &sdp("127.0.0.2", 4_000, "")));
    rig.to(CARRIER, "ACK");
    assert_eq!(rig.bridges(), [1]);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
    rig.assert_clean();
}

#[test]
fn what_is_kept_of_a_dialog_says_who_began_it() {
    let mut rig = rig();
    rig.up();
    assert_eq!(
        rig.answered().dialogs.each_ref().map(|one| one.ours),
        [false, true]
    );
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
    let kept = rig.facts.iter().find_map(|fact| {
        if let What::Transferred(told) = &fact.what {
            told.dialog.clone()
        } else {
            None
        }
    });
    let kept = kept.unwrap();
    assert!(!kept.ours, "its party came by itself");
    let line = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<KeptDialog>(&line).unwrap(), kept);
    let old = line.replace(",\"ours\":false", "");
    assert!(serde_json::from_str::<KeptDialog>(&old).unwrap().ours);
}

#[test]
fn a_caller_that_cannot_take_it_leaves_the_call_where_it_is() {
    let mut rig = rig();
    let (mut caller, _) = rig.up();
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&ask, 488, "", ""));
    rig.to(PBX, "SIP/2.0 488");
    assert_eq!(rig.bridges(), [1]);
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
    rig.assert_clean();
}

#[test]
fn it_may_be_taken_back_and_the_call_may_end_under_it() {
    for taken_back in [true, false] {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        if taken_back {
            rig.from(PBX, &cancel(&invite, ""));
            // Nothing was heard of ours yet: its CANCEL waits for a first word (RFC 3261 9.1).
            rig.from(CARRIER, &reply(&ask, 100, "", ""));
            rig.to(CARRIER, "CANCEL");
            rig.from(CARRIER, &reply(&ask, 487, "", ""));
            let lines = rig.lines_to(PBX);
            assert!(
                lines.iter().any(|line| line.starts_with("SIP/2.0 48")),
                "{lines:?}"
            );
            assert_eq!(rig.board.live().answered, 1);
        }
        rig.says(&mut caller, "BYE", "");
        if !taken_back {
            rig.to(PBX, "SIP/2.0 487");
        }
        rig.assert_clean();
    }
}

#[test]
fn an_acknowledgement_that_never_comes_ends_the_call() {
    let mut rig = rig();
    rig.up();
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE");
    rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
    rig.seconds(33);
    assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
    rig.assert_clean();
}

#[test]
fn who_names_another_dialog_or_may_not_transfer_gets_nothing() {
    for (edit, status) in [
        (("from-tag=callee", "from-tag=wrong"), "SIP/2.0 481"),
        (("to-tag=", "to-tag=x"), "SIP/2.0 481"),
        (
            ("from-tag=callee", "from-tag=callee;early-only"),
            "SIP/2.0 486",
        ),
        (("from-tag=callee", ""), "SIP/2.0 400"),
        (
            (
                "Replaces: ",
                "Replaces: a;to-tag=1;from-tag=2\r\nReplaces: ",
            ),
            "SIP/2.0 400",
        ),
    ] {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "").replace(edit.0, edit.1);
        rig.from(PBX, &invite);
        rig.to(PBX, status);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }
    // A trunk that may not; and the carrier, which has no say in who answers.
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.up();
    let invite = pickup(&rig, "");
    rig.from(PBX, &invite);
    rig.to(PBX, "SIP/2.0 603");
    let mut lines = trunks();
    lines[0].0.transfers = true;
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    rig.up();
    let invite = pickup(&rig, "").replace(PBX, CARRIER);
    rig.from(CARRIER, &invite);
    rig.to(CARRIER, "SIP/2.0 603");
    assert_eq!(rig.board.live().answered, 1);
}

#[test]
fn who_took_the_call_over_sends_it_on_and_the_new_party_has_time_to_answer() {
    let mut rig = rig();
    let (mut caller, _) = rig.up();
    let mut new = taken_over(&mut rig);
    rig.says(&mut new, "ACK", "");
    rig.all_to(PBX);
    let toward = sends_on(&mut rig, &mut new);
    rig.from(PBX, &reply(&toward, 180, "third", ""));
    rig.seconds(10);
    rig.from(
        PBX,
        &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
    );
    assert_eq!(rig.bridges(), [1, 2, 3]);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}

#[test]
fn who_took_the_call_over_and_never_acknowledges_may_leave_it_to_another() {
    let mut rig = rig();
    let (mut caller, _) = rig.up();
    let mut new = taken_over(&mut rig);
    let toward = sends_on(&mut rig, &mut new);
    rig.says(&mut new, "BYE", "");
    rig.from(
        PBX,
        &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
    );
    rig.seconds(40);
    assert_eq!(rig.bridges(), [1, 2, 3]);
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    rig.assert_clean();
}
