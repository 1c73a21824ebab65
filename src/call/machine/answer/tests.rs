//! A target answers, as phones and forks do, and the call stands or goes on to the next.

use crate::call::desk::MediaWish;
use crate::call::rig::*;
use crate::call::story::*;

#[test]
fn a_call_is_answered_talked_and_hung_up() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let invite = rig.dial();
    assert!(begins_all(&rig.lines_to(CARRIER), &["SIP/2.0 100"]));
    let toward = rig.to(PBX, "INVITE sip:101@127.0.0.1:5070 SIP/2.0");
    assert_ne!(header(&toward, "Call-ID"), header(&invite, "Call-ID"));
    assert!(header(&toward, "From").starts_with("\"Anna\" <sip:+79160000001@127.0.0.1>;tag="));
    assert_eq!(header(&toward, "Max-Forwards"), "69");
    assert_eq!(header(&toward, "Contact"), "<sip:127.0.0.1:5060>");
    assert!(body(&toward).contains("c=IN IP4 127.0.0.9\r\n"), "{toward}");
    rig.pass(std::time::Duration::from_millis(500));
    rig.from(PBX, &reply(&toward, 180, "callee", ""));
    let ringing = rig.to(CARRIER, "SIP/2.0 180");
    assert_eq!(body(&ringing), "");
    rig.seconds(3);
    rig.answers(&toward);
    let ack = rig.to(PBX, "ACK sip:phone@127.0.0.1:5070 SIP/2.0");
    assert_eq!(header(&ack, "CSeq"), "1 ACK");
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(header(&ok, "To"), header(&ringing, "To"));
    assert!(
        body(&ok).contains("m=audio 20002 RTP/AVP 8 101\r\n"),
        "{ok}"
    );
    assert!(body(&ok).contains("c=IN IP4 127.0.0.9\r\n"), "{ok}");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    rig.seconds(60);
    rig.says(&mut caller, "BYE", "");
    rig.to(CARRIER, "SIP/2.0 200");
    let bye = rig.to(PBX, "BYE sip:phone@127.0.0.1:5070 SIP/2.0");
    assert_eq!(header(&bye, "CSeq"), "2 BYE");
    rig.from(PBX, &reply(&bye, 200, "", ""));
    assert_eq!(rig.told(), ["began", "ringing", "answered", "ended"]);
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    assert_eq!(ended.hung_up_by, HungUpBy::Caller);
    assert_eq!(
        (ended.wait_ms, ended.talk_ms, ended.total_ms),
        (3_500, 60_000, 63_500)
    );
    assert_eq!(ended.manager.as_deref(), Some("m101"));
    assert_eq!(ended.destination.as_deref(), Some("101"));
    assert_eq!(ended.sip_status, Some(200));
    assert_eq!(ended.legs.len(), 2);
    assert_eq!(ended.legs[0].codec.as_deref(), Some("PCMA/8000"));
    assert_eq!(ended.legs[1].packets_in, 50);
    assert_eq!(ended.targets_tried[0].ring_ms, 3_000);
    assert_eq!(rig.answered().dialogs[1].cseq, 1);
    rig.assert_clean();
}

#[test]
fn an_answer_without_a_common_codec_is_ended_and_the_next_target_tried() {
    let mut rig = Rig::new(one_by_one(&["101", "102"]));
    rig.dial();
    let first = rig.to(PBX, "INVITE sip:101@");
    let other = sdp("127.0.0.3", 5_000, "")
        .replace("8 101", "0 101")
        .replace("PCMA", "PCMU");
    let other = other.replace("rtpmap:8 ", "rtpmap:0 ");
    rig.from(PBX, &reply(&first, 200, "one", &other));
    let lines = rig.lines_to(PBX);
    assert!(lines[0].starts_with("ACK "), "{lines:?}");
    assert!(lines[1].starts_with("BYE "), "{lines:?}");
    assert!(lines[2].starts_with("INVITE sip:102@"), "{lines:?}");
    rig.seconds(60);
    let ended = rig.ended();
    assert_eq!(ended.targets_tried[0].result, TriedResult::CodecMismatch);
    assert_eq!(ended.targets_tried[1].result, TriedResult::Unreachable);
    assert_eq!(ended.finish_reason, FinishReason::CodecMismatch);
    rig.to(CARRIER, "SIP/2.0 488");
    rig.assert_clean();
}

#[test]
fn another_fork_that_answers_too_gets_ack_and_bye() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let invite = rig.dial();
    let toward = rig.to(PBX, "INVITE");
    let answer = sdp("127.0.0.3", 5_000, "");
    rig.from(PBX, &reply(&toward, 200, "one", &answer));
    rig.to(PBX, "ACK");
    rig.from(PBX, &reply(&toward, 200, "two", &answer));
    let both = rig.all_to(PBX);
    assert!(both[0].starts_with("ACK "), "{both:?}");
    assert!(both[1].starts_with("BYE "), "{both:?}");
    assert!(both.iter().all(|text| tag(&header(text, "To")) == "two"));
    rig.from(PBX, &reply(&both[1], 200, "", ""));
    // The call with the first goes on.
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    assert_eq!(rig.board.live().answered, 1);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "one");
    rig.assert_clean();
}

#[test]
fn an_answer_that_only_the_183_carried_is_used() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.dial();
    let toward = rig.to(PBX, "INVITE");
    rig.from(
        PBX,
        &reply(&toward, 183, "callee", &sdp("127.0.0.3", 5_000, "")),
    );
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    let all = rig.all_to(CARRIER);
    let (early, ok) = (&all[1], &all[2]);
    assert!(
        early.starts_with("SIP/2.0 183") && ok.starts_with("SIP/2.0 200"),
        "{all:?}"
    );
    assert_eq!(body(early), body(ok), "one answer in one dialog");
    assert_eq!(header(early, "To"), header(ok, "To"));
}

#[test]
fn an_answer_that_changed_since_the_183_comes_in_another_dialog() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.dial();
    let toward = rig.to(PBX, "INVITE");
    rig.from(
        PBX,
        &reply(&toward, 183, "callee", &sdp("127.0.0.3", 5_000, "")),
    );
    rig.from(
        PBX,
        &reply(&toward, 200, "callee", &sdp("127.0.0.3", 6_000, "")),
    );
    let all = rig.all_to(CARRIER);
    let (early, ok) = (&all[1], &all[2]);
    assert!(
        early.starts_with("SIP/2.0 183") && ok.starts_with("SIP/2.0 200"),
        "{all:?}"
    );
    assert_ne!(header(early, "To"), header(ok, "To"));
}

#[test]
fn a_200_without_sdp_repeats_the_last_early_answer_in_its_own_dialog() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    rig.dial();
    let toward = rig.to(PBX, "INVITE");
    for port in [5_000, 6_000] {
        let early = sdp("127.0.0.3", port, "");
        rig.from(PBX, &reply(&toward, 183, "callee", &early));
    }
    rig.from(PBX, &reply(&toward, 200, "callee", ""));
    let all = rig.all_to(CARRIER);
    let [_, first, second, ok] = &all[..] else {
        panic!("{all:?}");
    };
    assert_ne!(header(first, "To"), header(second, "To"));
    assert_eq!(header(second, "To"), header(ok, "To"));
    assert_eq!(body(second), body(ok), "one answer in one dialog");
}

#[test]
fn the_recording_lasts_from_the_answer_to_the_end() {
    let mut rig = Rig::new(one_by_one(&["101"]));
    let (mut caller, _) = rig.up();
    let began = rig.now;
    rig.seconds(7);
    rig.says(&mut caller, "BYE", "");
    let record = rig.media.iter().find_map(|wish| {
        if let MediaWish::Record { at, .. } = wish {
            Some(*at)
        } else {
            None
        }
    });
    let stop = rig.media.iter().find_map(|wish| {
        if let MediaWish::StopRecord { at, .. } = wish {
            Some(*at)
        } else {
            None
        }
    });
    assert_eq!(record, Some(began));
    assert_eq!(stop, Some(rig.now));
    assert_eq!(rig.ended().talk_ms, 7_000);
}

fn begins_all(lines: &[String], starts: &[&str]) -> bool {
    lines.len() == starts.len() && lines.iter().zip(starts).all(|(l, s)| l.starts_with(s))
}
