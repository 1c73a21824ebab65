//! A caller is sent on by REFER: to whom, when, and what becomes of everybody.

use crate::base::time::Moment;
use crate::call::desk::{MediaWish, Told};
use crate::call::rig::*;
use crate::call::story::*;

const GOAL: &str = "Refer-To: <sip:102@127.0.0.1:5070>\r\n";
const ASKS: &str = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";

fn rig() -> Rig {
    let mut lines = trunks();
    lines[1].0.transfers = true;
    Rig::with(one_by_one(&["101"]), lines)
}

fn refer(peer: &mut Peer, goal: &str) -> String {
    let refer = peer.request("REFER", "");
    refer.replacen("Max-Forwards", &format!("{goal}Max-Forwards"), 1)
}

/// The REFER is accepted; returns the INVITE that follows.
#[track_caller]
fn sent_on(rig: &mut Rig, callee: &mut Peer) -> String {
    let refer = refer(callee, GOAL);
    rig.from(PBX, &refer);
    let all = rig.all_to(PBX);
    let found = |start: &str| all.iter().find(|text| begins(text, start)).cloned();
    let accepted = found("SIP/2.0 202").expect("202");
    assert_eq!(header(&accepted, "Contact"), "<sip:127.0.0.1:5060>");
    let notify = found("NOTIFY").expect("NOTIFY");
    assert_eq!(header(&notify, "Event"), "refer");
    assert!(header(&notify, "Subscription-State").starts_with("active;"));
    assert_eq!(
        header(&notify, "Content-Type"),
        "message/sipfrag;version=2.0"
    );
    assert_eq!(body(&notify), "SIP/2.0 100 Trying\r\n");
    rig.from(PBX, &reply(&notify, 200, "", ""));
    found("INVITE").expect("INVITE")
}

/// Reads the last word on the transfer, and answers it.
#[track_caller]
fn last_word(rig: &mut Rig, all: &[String], said: &str) {
    let notify = all
        .iter()
        .find(|text| begins(text, "NOTIFY") && body(text).contains(said))
        .unwrap_or_else(|| panic!("no {said} among {all:#?}"));
    assert_eq!(
        header(notify, "Subscription-State"),
        "terminated;reason=noresource"
    );
    rig.from(PBX, &reply(notify, 200, "", ""));
}

fn bridges(rig: &Rig) -> Vec<u64> {
    let callee = |wish: &MediaWish| {
        if let MediaWish::Bridge { callee, .. } = wish {
            Some(callee.0 & 0xff)
        } else {
            None
        }
    };
    rig.media.iter().filter_map(callee).collect()
}

fn turns(rig: &Rig) -> Vec<(u64, Moment)> {
    let turn = |wish: &MediaWish| {
        if let MediaWish::Turn { callee, at, .. } = wish {
            Some((callee.0 & 0xff, *at))
        } else {
            None
        }
    };
    rig.media.iter().filter_map(turn).collect()
}

fn transferred(rig: &Rig) -> Vec<(TriedResult, Option<u16>, bool)> {
    let told = |fact: &Fact| {
        if let What::Transferred(told) = &fact.what {
            let transfer = &told.transfer;
            Some((transfer.result, transfer.sip_status, told.dialog.is_some()))
        } else {
            None
        }
    };
    rig.facts.iter().filter_map(told).collect()
}

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
        bridges(&rig),
        [1],
        "the old party is heard until the new one answers"
    );
    rig.seconds(2);
    let answer = sdp("127.0.0.4", 6_000, "");
    rig.from(PBX, &reply(&toward, 200, "new", &answer));
    let all = rig.all_to(PBX);
    assert!(begins(&all[0], "ACK sip:phone@127.0.0.1:5070"), "{all:?}");
    last_word(&mut rig, &all, "SIP/2.0 200 OK");
    assert_eq!(bridges(&rig), [1, 2]);
    assert_eq!(turns(&rig), [(2, rig.now)]);
    assert_eq!(
        rig.lines_to(CARRIER),
        [""; 0],
        "the caller need not be told"
    );
    // Who sent the caller on hangs up; the call goes on.
    let bye = callee.request("BYE", "");
    rig.from(PBX, &bye);
    rig.to(PBX, "SIP/2.0 200");
    rig.seconds(30);
    assert_eq!(rig.board.live().answered, 1);
    let mut new = Peer::callee(&toward, "new");
    let bye = new.request("BYE", "");
    rig.from(PBX, &bye);
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
    rig.from(
        PBX,
        &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
    );
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
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "new");
    rig.assert_clean();
}

#[test]
fn who_sent_the_caller_on_may_hang_up_at_once_and_the_caller_waits() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    let bye = callee.request("BYE", "");
    rig.from(PBX, &bye);
    rig.to(PBX, "SIP/2.0 200");
    assert_eq!(rig.board.live().answered, 1);
    // The caller's keys reach nobody, and silence is no reason to end the call.
    let info = caller.request("INFO", "Signal=5\r\n");
    rig.from(CARRIER, &info);
    rig.to(CARRIER, "SIP/2.0 500");
    let silent = rig.open[0];
    rig.tell(Told::Silent(silent));
    rig.from(PBX, &reply(&toward, 180, "new", ""));
    let rings = rig.to(PBX, "NOTIFY");
    rig.from(PBX, &reply(&rings, 200, "", ""));
    rig.seconds(5);
    rig.from(
        PBX,
        &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
    );
    let all = rig.all_to(PBX);
    // Its subscription outlives its call.
    last_word(&mut rig, &all, "200 OK");
    assert_eq!(bridges(&rig), [1, 2]);
    rig.seconds(20);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    let all = rig.all_to(PBX);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(tag(&header(&all[0], "To")), "new");
    let left: Vec<_> = rig.ended().legs.iter().map(|leg| leg.left_ms).collect();
    assert_eq!(left, [Some(25_000), Some(0), Some(25_000)]);
    rig.assert_clean();
}

#[test]
fn a_busy_new_party_leaves_the_call_where_it_is() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    rig.from(PBX, &reply(&toward, 486, "new", ""));
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "SIP/2.0 486 Busy Here");
    assert_eq!(transferred(&rig), [(TriedResult::Busy, Some(486), false)]);
    assert_eq!(bridges(&rig), [1]);
    // A second attempt is told apart by its number (RFC 3515 2.4.6).
    let again = refer(&mut callee, GOAL);
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
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
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
    assert_eq!(bridges(&rig), [1]);
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
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
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
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
    let ack = callee.request("ACK", "");
    rig.from(PBX, &ack);
    rig.all_to(PBX);
    let toward = sent_on(&mut rig, &mut callee);
    assert!(
        !body(&toward).contains("only"),
        "the hold is not handed on: {toward}"
    );
    rig.from(
        PBX,
        &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
    );
    let ask = rig.to(CARRIER, "INVITE");
    assert!(!body(&ask).contains("only"), "{ask}");
    assert!(body(&ask).contains("m=audio 20002 "), "{ask}");
    assert_eq!(
        bridges(&rig),
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
    assert_eq!(bridges(&rig), [1, 2]);
    let watch = rig.media.iter().rev().find_map(|wish| {
        if let MediaWish::Watch { on, .. } = wish {
            Some(*on)
        } else {
            None
        }
    });
    assert_eq!(watch, Some(true));
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    rig.assert_clean();
}

#[test]
fn a_new_party_with_fewer_codecs_is_told_to_the_caller_and_one_it_cannot_take_is_not_kept() {
    for taken in [true, false] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let no_digits = sdp("127.0.0.4", 6_000, "")
            .replace("8 101", "8")
            .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
        rig.from(PBX, &reply(&toward, 200, "new", &no_digits));
        let ask = rig.to(CARRIER, "INVITE");
        assert!(body(&ask).contains("RTP/AVP 8\r\n"), "{ask}");
        let all = if taken {
            let answer = no_digits.replace("127.0.0.4", "127.0.0.2");
            rig.from(CARRIER, &reply(&ask, 200, "", &answer));
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "200 OK");
            assert_eq!(bridges(&rig), [1, 2]);
            all
        } else {
            rig.from(CARRIER, &reply(&ask, 488, "", ""));
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "SIP/2.0 488 ");
            assert_eq!(bridges(&rig), [1]);
            let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
            assert_eq!(tag(&header(bye, "To")), "new");
            all
        };
        assert!(!all.is_empty());
        assert_eq!(rig.board.live().answered, 1);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
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
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
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
        let refer = refer(peer, goal);
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
    let hold = callee.request("INVITE", &sdp("127.0.0.3", 5_000, "a=sendonly"));
    rig.from(PBX, &hold);
    rig.to(PBX, "SIP/2.0 491");
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    assert_eq!(rig.ended().transfers.len(), 1, "refusals leave no trace");
    rig.assert_clean();
}

#[test]
fn the_new_party_may_be_on_another_trunk_and_its_trunk_may_ask_who_we_are() {
    let mut lines = trunks();
    lines[1].0.transfers = true;
    lines[0].0.username = Some("7495".into());
    lines[0].0.password = Some("secret".into());
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (mut caller, mut callee) = rig.up();
    let refer = refer(
        &mut callee,
        "Refer-To: <sip:+79160000009@127.0.0.1:5066>\r\n",
    );
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
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    assert_eq!(rig.ended().transfers[0].to, "number:+79160000009@carrier");
    rig.assert_clean();
}

#[test]
fn a_dialog_of_others_is_replaced_by_an_invite_that_names_it() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let refer = refer(
        &mut callee,
        "Refer-To: <sip:102@127.0.0.1:5070?Replaces=consult%40pbx%3Bto-tag%3Da%3Bfrom-tag%3Db&X-Evil=1>\r\n",
    );
    rig.from(PBX, &refer);
    let toward = rig.to(PBX, "INVITE sip:102@");
    assert_eq!(
        header(&toward, "Replaces"),
        "consult@pbx;to-tag=a;from-tag=b"
    );
    assert_eq!(header(&toward, "Require"), "replaces");
    assert!(!toward.contains("Evil"));
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    rig.assert_clean();
}

#[test]
fn a_call_is_sent_on_twice_and_held_by_its_last_party() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    let toward = sent_on(&mut rig, &mut callee);
    rig.from(
        PBX,
        &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
    );
    rig.all_to(PBX);
    let bye = callee.request("BYE", "");
    rig.from(PBX, &bye);
    let mut second = Peer::callee(&toward, "new");
    let refer = refer(&mut second, "Refer-To: <sip:103@127.0.0.1:5070>\r\n");
    rig.from(PBX, &refer);
    let toward = rig.to(PBX, "INVITE sip:103@");
    rig.from(
        PBX,
        &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
    );
    rig.all_to(PBX);
    assert_eq!(bridges(&rig), [1, 2, 3]);
    let mut third = Peer::callee(&toward, "third");
    let hold = third.request("INVITE", &sdp("127.0.0.5", 7_000, "a=sendonly"));
    rig.from(PBX, &hold);
    let toward = rig.to(CARRIER, "INVITE");
    assert!(body(&toward).contains("a=sendonly\r\n"), "{toward}");
    rig.from(
        CARRIER,
        &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
    );
    rig.to(PBX, "SIP/2.0 200");
    let ack = third.request("ACK", "");
    rig.from(PBX, &ack);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
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

#[test]
fn a_new_party_without_ports_is_not_called() {
    let mut rig = rig();
    let (mut caller, mut callee) = rig.up();
    rig.ports = false;
    let refer = refer(&mut callee, GOAL);
    rig.from(PBX, &refer);
    let all = rig.all_to(PBX);
    last_word(&mut rig, &all, "SIP/2.0 503 ");
    assert_eq!(transferred(&rig), [(TriedResult::NoCapacity, None, false)]);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    rig.assert_clean();
}

#[test]
fn a_new_party_that_hangs_up_before_the_caller_takes_it_leaves_the_call_where_it_is() {
    for caller_says in [200, 487, 491] {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let no_digits = sdp("127.0.0.4", 6_000, "")
            .replace("8 101", "8")
            .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
        rig.from(PBX, &reply(&toward, 200, "new", &no_digits));
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 100, "", ""));
        rig.all_to(PBX);
        let mut new = Peer::callee(&toward, "new");
        let bye = new.request("BYE", "");
        rig.from(PBX, &bye);
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
        assert_eq!(bridges(&rig), [1]);
        rig.seconds(60);
        assert_eq!(rig.board.live().answered, 1);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }
}
