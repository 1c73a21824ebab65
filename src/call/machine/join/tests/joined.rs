//! They talk to each other: sound, holds, recordings and records.

use crate::base::id::CallId;
use crate::call::desk::MediaWish;
use crate::call::machine::join::tests::{Both, SECOND, bridges, lines, named, referring, told};
use crate::call::rig::*;
use crate::call::story::*;

#[test]
fn two_callers_of_one_manager_talk_to_each_other_and_each_call_has_its_record() {
    let mut both = Both::up();
    both.asked();
    let ask = both.second.agrees(&mut both.rig);
    // From a port of the call that it comes to, with what the first caller can talk with.
    assert!(body(&ask).contains("m=audio 20010 RTP/AVP 8 101"), "{ask}");
    assert_eq!(tag(&header(&ask, "To")), "boris");
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.rig.lines_to(CARRIER), [""; 0], "it can go on as it is");
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 200 OK"], "{all:?}");
    let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
    assert_eq!(tag(&header(bye, "To")), "desk2", "who was replaced");
    both.rig.from(PBX, &reply(bye, 200, "", ""));
    let leg = |call: u64, leg: u64| call << 8 | leg;
    assert_eq!(
        bridges(&both.rig).last(),
        Some(&(leg(1, 0), leg(1, 2))),
        "the first caller with a leg of its own call"
    );
    // The second call is over, and says how.
    let ended = both.ended(2);
    assert_eq!(ended.finish_reason, FinishReason::Transferred);
    assert_eq!(ended.hung_up_by, HungUpBy::Callee);
    assert_eq!((ended.answered, ended.missed), (true, false));
    assert_eq!(ended.talk_ms, 2_000);
    let sent = &ended.transfers[0];
    let id = |call: u128| CallId::from_bytes(call.to_be_bytes());
    assert_eq!(sent.by, "ext:101@pbx");
    assert_eq!(sent.to, format!("call:{}", id(1)));
    assert_eq!(sent.joined, Some(id(1)));
    assert_eq!(sent.result, TriedResult::Answered);
    assert_eq!(ended.legs.len(), 2);
    // Sound that the second caller sent to the first call's port counts there.
    assert_eq!(ended.legs[0].packets_in, 50);
    // The manager hangs up; the two talk on for longer than any transaction lasts.
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.rig.to(PBX, "SIP/2.0 200");
    both.rig.seconds(60);
    assert_eq!(both.rig.board.live().answered, 1);
    both.second.says(&mut both.rig, "BYE", "");
    both.rig.to(SECOND, "SIP/2.0 200");
    both.rig.to(CARRIER, "BYE");
    let ended = both.ended(1);
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    assert_eq!(ended.hung_up_by, HungUpBy::Callee);
    assert_eq!(ended.talk_ms, 65_000);
    let sent = &ended.transfers[0];
    assert_eq!((&*sent.by, sent.joined), ("ext:101@pbx", Some(id(2))));
    assert_eq!(sent.to, format!("call:{}", id(2)), "and no number");
    assert_eq!(ended.manager.as_deref(), Some("m101"));
    let came = &ended.legs[2];
    assert_eq!(came.role, Some(Role::Transfer));
    assert_eq!(came.sip_call_id, "second");
    assert_eq!((came.joined_ms, came.left_ms), (Some(5_000), Some(65_000)));
    assert_eq!(&*came.trunk, "second");
    both.rig.assert_clean();
}

#[test]
fn the_recording_of_the_first_call_goes_on_and_that_of_the_second_ends() {
    let mut both = Both::up();
    both.joined();
    let id = |call: u128| CallId::from_bytes(call.to_be_bytes());
    let now = both.rig.now;
    let turned = both.rig.media.iter().find_map(|wish| {
        if let MediaWish::Turn {
            call, at, callee, ..
        } = wish
        {
            Some((*call, *at, callee.0 & 0xff))
        } else {
            None
        }
    });
    assert_eq!(turned, Some((id(1), now, 2)));
    let stopped: Vec<_> = both
        .rig
        .media
        .iter()
        .filter(|wish| matches!(wish, MediaWish::StopRecord { .. }))
        .collect();
    assert_eq!(
        stopped,
        [&MediaWish::StopRecord {
            call: id(2),
            at: now
        }]
    );
    both.over();
}

#[test]
fn a_held_caller_is_asked_to_take_the_other_one_and_both_go_on_when_it_refuses() {
    for (status, ends) in [(200, "joined"), (488, "kept")] {
        let mut both = Both::up();
        both.hold_the_first();
        both.asked();
        both.second.agrees(&mut both.rig);
        both.rig.to(SECOND, "ACK");
        assert_eq!(bridges(&both.rig).len(), 2);
        let ask = both.rig.to(CARRIER, "INVITE");
        assert!(!body(&ask).contains("a=sendonly"), "{ask}");
        let answer = match status {
            200 => both.first.sdp.clone(),
            _refused => String::new(),
        };
        both.rig.from(CARRIER, &reply(&ask, status, "", &answer));
        both.rig.to(CARRIER, "ACK");
        if ends == "joined" {
            assert_eq!(told(&both.rig.all_to(PBX)), ["SIP/2.0 200 OK"]);
            assert_eq!(both.rig.board.live().answered, 1);
            both.over();
        } else {
            // The second caller hears again what was in force.
            let back = both.second.agrees(&mut both.rig);
            assert!(body(&back).contains("m=audio 20006 "), "{back}");
            both.rig.to(SECOND, "ACK");
            let all = both.rig.all_to(PBX);
            assert_eq!(told(&all).len(), 1, "{all:?}");
            assert_ne!(told(&all), ["SIP/2.0 200 OK"]);
            let ended = both.rig.open.len();
            assert_eq!(ended, 4, "the ports of the leg that never was are free");
            both.both_go_on();
        }
    }
}

#[test]
fn what_is_open_in_the_second_call_comes_to_its_end_first() {
    let mut both = Both::up();
    both.manager[1].says(
        &mut both.rig,
        "INVITE",
        &sdp("127.0.0.3", 5_002, "a=sendonly"),
    );
    let hold = both.rig.to(SECOND, "INVITE");
    both.asked();
    assert_eq!(both.rig.lines_to(SECOND), [""; 0]);
    let silent = sdp("127.0.0.6", 4_600, "a=recvonly");
    both.rig.from(SECOND, &reply(&hold, 200, "", &silent));
    both.rig.to(SECOND, "ACK");
    both.manager[1].says(&mut both.rig, "ACK", "");
    let ask = both.second.agrees(&mut both.rig);
    assert!(!body(&ask).contains("a=sendonly"), "{ask}");
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    both.over();
}

#[test]
fn the_party_that_came_refreshes_its_session_and_is_held_in_the_call_it_came_to() {
    let mut both = Both::up();
    both.joined();
    both.rig.everything();
    let hold = sdp("127.0.0.6", 4_600, "a=sendonly");
    both.second.says(&mut both.rig, "INVITE", &hold);
    let toward = both.rig.to(CARRIER, "INVITE");
    assert!(body(&toward).contains("m=audio 20002 "), "{toward}");
    let silent = sdp("127.0.0.2", 4_000, "a=recvonly");
    both.rig.from(CARRIER, &reply(&toward, 200, "", &silent));
    let ok = both.rig.to(SECOND, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20010 "), "{ok}");
    both.second.says(&mut both.rig, "ACK", "");
    both.over();
}

#[test]
fn a_consultation_by_way_of_ringtag_brings_the_caller_to_whom_it_was_with() {
    // The manager's own telephone calls the number, and a colleague of another trunk answers.
    let mut lines = lines();
    lines[0].0.transfers = true;
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (mut caller, callee) = rig.up();
    let invite = invite(NUMBER, &sdp("127.0.0.3", 5_004, ""))
        .replace(CARRIER, PBX)
        .replace("incoming", "consult")
        .replace("bKin", "bKconsult")
        .replace("tag=from", "tag=desk")
        .replace("+79160000001@carrier.example", "101@pbx.example");
    rig.plan = one_by_one(&["105"]);
    rig.from(PBX, &invite);
    let toward = rig.to(PBX, "INVITE sip:105@");
    rig.from(
        PBX,
        &reply(&toward, 200, "colleague", &sdp("127.0.0.7", 5_006, "")),
    );
    let ok = rig.to(PBX, "SIP/2.0 200");
    let mut desk = Peer::caller(&invite, &ok).at(PBX);
    rig.says(&mut desk, "ACK", "");
    rig.everything();
    let mut manager = callee;
    let refer = referring(&mut manager, &named(&rig, 2, 0));
    rig.from(PBX, &refer);
    let ask = rig.to(PBX, "INVITE");
    assert_eq!(tag(&header(&ask, "To")), "colleague");
    rig.from(PBX, &reply(&ask, 200, "", &sdp("127.0.0.7", 5_006, "")));
    let bye = rig.to(PBX, "BYE");
    assert_eq!(tag(&header(&bye, "To")), "desk");
    let told = rig.facts.iter().find_map(|fact| {
        if let What::Transferred(told) = &fact.what {
            told.dialog.is_some().then_some(&told.transfer)
        } else {
            None
        }
    });
    assert_eq!(told.unwrap().to, "ext:105@pbx", "a colleague has a name");
    assert_eq!(rig.ended().finish_reason, FinishReason::Transferred);
    assert_eq!(rig.ended().hung_up_by, HungUpBy::Caller);
    rig.says(&mut caller, "BYE", "");
    let all = rig.all_to(PBX);
    let ends = |text: &String| begins(text, "BYE") && tag(&header(text, "To")) == "colleague";
    assert!(all.iter().any(ends), "{all:?}");
    rig.assert_clean();
}
