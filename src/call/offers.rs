//! Offers and answers through whole calls (RFC 3264, RFC 6337): what each side says, and what the other side sees of it.

use crate::call::desk::{Aim, MediaWish};
use crate::call::rig::*;
use crate::call::story::FinishReason;

/// What the caller writes into a description of its own, and the target into its.
const CALLER: &str = "127.0.0.2";
const TARGET: &str = "127.0.0.3";

/// A description of `host` with these lines after the head, each of which ends in `;` here. `{host}` is its address.
fn of(host: &str, lines: &str) -> String {
    let lines = lines.replace("{host}", host).replace(';', "\r\n");
    format!("v=0\r\no=phone 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{lines}")
}

/// What comes after the head in the body of a message, in the same writing.
fn seen(message: &str) -> String {
    let text = body(message);
    let (head, lines) = text.split_once("t=0 0\r\n").unwrap_or((text, ""));
    let version = head.lines().nth(1).unwrap();
    assert!(version.ends_with(" IN IP4 127.0.0.9"), "{version}");
    assert!(
        !message.contains("127.0.0.2\r") && !message.contains("127.0.0.3\r"),
        "an address of the other side: {message}"
    );
    lines.replace("\r\n", ";")
}

/// The version in `o=`.
fn version(message: &str) -> u64 {
    let line = body(message).lines().nth(1).unwrap();
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

fn new() -> Rig {
    Rig::new(one_by_one(&["101"]))
}

/// A call with this offer and this answer: what the target saw of the one, and the caller of the other.
fn call(offer: &str, answer: &str) -> (Rig, Peer, Peer, [String; 2]) {
    let mut rig = new();
    let invite = invite(NUMBER, &of(CALLER, offer));
    rig.from(CARRIER, &invite);
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 200, "callee", &of(TARGET, answer)));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(&invite, &ok);
    rig.says(&mut caller, "ACK", "");
    rig.to(PBX, "ACK");
    let callee = Peer::callee(&toward, "callee");
    (rig, caller, callee, [seen(&toward), seen(&ok)])
}

/// The end of a call that went on: both sides are told, nothing is kept.
#[track_caller]
fn hang_up(mut rig: Rig, mut caller: Peer) {
    assert_eq!(rig.board.live().answered, 1);
    rig.all_to(PBX);
    rig.says(&mut caller, "BYE", "");
    assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
    rig.assert_clean();
}

/// How a leg is aimed now: 0 is the caller's, 1 the target's.
fn aim_of(rig: &Rig, leg: usize) -> Aim {
    let leg = rig.open[leg];
    let aimed = |wish: &MediaWish| {
        if let MediaWish::Aim { leg: of, aim } = wish {
            (*of == leg).then(|| (**aim).clone())
        } else {
            None
        }
    };
    rig.media.iter().rev().find_map(aimed).unwrap()
}

#[test]
fn each_offer_and_answer_passes_as_it_should() {
    // Offer, what the target sees; answer, what the caller sees.
    for [offer, toward, answer, back] in [
        [
            "m=audio 4000 RTP/AVP 8;",
            "m=audio 20004 RTP/AVP 8;",
            "m=audio 5000 RTP/AVP 8;",
            "m=audio 20002 RTP/AVP 8;",
        ],
        // Several codecs, frames and digits under a number of the target's own.
        [
            "m=audio 4000 RTP/AVP 111 8 101;a=rtpmap:111 opus/48000/2;a=rtpmap:101 telephone-event/8000;a=ptime:20;a=maxptime:60;",
            "m=audio 20004 RTP/AVP 111 8 101;a=rtpmap:111 opus/48000/2;a=rtpmap:101 telephone-event/8000;a=ptime:20;a=maxptime:60;",
            "m=audio 5000 RTP/AVP 8 96;a=rtpmap:96 telephone-event/8000;a=fmtp:96 0-15;a=ptime:30;",
            "m=audio 20002 RTP/AVP 8 96;a=rtpmap:96 telephone-event/8000;a=fmtp:96 0-15;a=ptime:30;",
        ],
        // Video and fax are refused in their places.
        [
            "m=video 4002 RTP/AVP 31;a=rtpmap:31 H261/90000;m=audio 4000 RTP/AVP 8;m=image 4004 udptl t38;a=T38FaxVersion:0;",
            "m=video 0 RTP/AVP 31;m=audio 20004 RTP/AVP 8;m=image 0 udptl t38;",
            "m=video 0 RTP/AVP 31;m=audio 5000 RTP/AVP 8;m=image 0 udptl t38;",
            "m=video 0 RTP/AVP 31;m=audio 20002 RTP/AVP 8;m=image 0 udptl t38;",
        ],
        // A target that leaves disabled lines out: the caller's answer has them.
        [
            "m=video 4002 RTP/AVP 31;m=audio 4000 RTP/AVP 8;m=audio 4006 RTP/AVP 0;",
            "m=video 0 RTP/AVP 31;m=audio 20004 RTP/AVP 8;m=audio 0 RTP/AVP 0;",
            "m=audio 5000 RTP/AVP 8;a=ptime:20;",
            "m=video 0 RTP/AVP 31;m=audio 20002 RTP/AVP 8;a=ptime:20;m=audio 0 RTP/AVP 0;",
        ],
        // Directions, of the session and of a section; addresses of a section and of RTCP.
        [
            "a=sendonly;m=audio 4000 RTP/AVP 8;c=IN IP4 {host};a=rtcp:4011 IN IP4 {host};",
            "a=sendonly;m=audio 20004 RTP/AVP 8;c=IN IP4 127.0.0.9;a=rtcp:20005;",
            "m=audio 5000 RTP/AVP 8;a=rtcp:5011;a=recvonly;",
            "m=audio 20002 RTP/AVP 8;a=rtcp:20003;a=recvonly;",
        ],
        [
            "a=inactive;m=audio 4000 RTP/AVP 8;a=sendrecv;",
            "a=inactive;m=audio 20004 RTP/AVP 8;a=sendrecv;",
            "m=audio 5000 RTP/AVP 8;",
            "m=audio 20002 RTP/AVP 8;",
        ],
        // The older hold stays one.
        [
            "m=audio 4000 RTP/AVP 8;c=IN IP4 0.0.0.0;",
            "m=audio 20004 RTP/AVP 8;c=IN IP4 0.0.0.0;",
            "m=audio 5000 RTP/AVP 8;a=inactive;",
            "m=audio 20002 RTP/AVP 8;a=inactive;",
        ],
        // RTCP on the port of RTP is each leg's own affair.
        [
            "m=audio 4000 RTP/AVP 8;a=rtcp:4000;a=rtcp-mux;",
            "m=audio 20004 RTP/AVP 8;a=rtcp:20005;a=rtcp-mux;",
            "m=audio 5000 RTP/AVP 8;",
            "m=audio 20002 RTP/AVP 8;a=rtcp-mux;",
        ],
        [
            "m=audio 4000 RTP/AVP 8;a=rtcp-mux;a=rtcp-mux-only;",
            "m=audio 20004 RTP/AVP 8;a=rtcp-mux;",
            "m=audio 5000 RTP/AVP 8;a=rtcp-mux;a=ssrc:1 cname:x;",
            "m=audio 20002 RTP/AVP 8;a=ssrc:1 cname:x;a=rtcp-mux;",
        ],
        // SRTP with keys in the SDP, feedback, bandwidth.
        [
            "m=audio 4000 RTP/SAVPF 8;b=AS:80;a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4;",
            "m=audio 20004 RTP/SAVPF 8;b=AS:80;a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4;",
            "m=audio 5000 RTP/SAVP 8;a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:def;",
            "m=audio 20002 RTP/SAVP 8;a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:def;",
        ],
        // Bundles, candidates and private lines lead nowhere.
        [
            "a=group:BUNDLE 0 1;m=audio 4000 RTP/AVP 8;a=mid:0;a=candidate:1 1 UDP 1 {host} 4000 typ host;a=ice-ufrag:x;a=X-at:{host};m=video 4000 RTP/AVP 96;a=mid:1;a=bundle-only;",
            "m=audio 20004 RTP/AVP 8;a=mid:0;m=video 0 RTP/AVP 96;",
            "m=audio 5000 RTP/AVP 8;a=mid:0;m=video 0 RTP/AVP 96;",
            "m=audio 20002 RTP/AVP 8;a=mid:0;m=video 0 RTP/AVP 96;",
        ],
    ] {
        let (rig, caller, _, saw) = call(offer, answer);
        assert_eq!(saw, [toward, back], "{offer}");
        hang_up(rig, caller);
    }
}

#[test]
fn what_cannot_meet_is_488_with_the_reason() {
    for (offer, warning) in [
        ("m=image 4000 udptl t38;", "304"),
        ("m=audio 0 RTP/AVP 8;", "304"),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 8;", "302"),
        ("m=audio 4000 RTP/AVP 8;c=IN IP4 phone.example.com;", "301"),
    ] {
        let mut rig = new();
        rig.from(CARRIER, &invite(NUMBER, &of(CALLER, offer)));
        let refused = rig.to(CARRIER, "SIP/2.0 488");
        let said = header(&refused, "Warning");
        assert!(said.starts_with(&format!("{warning} ringtag \"")), "{said}");
        assert_eq!(rig.ended().finish_reason, FinishReason::CodecMismatch);
        rig.assert_clean();
    }
    let mut rig = new();
    rig.from(
        CARRIER,
        &invite(NUMBER, &of(CALLER, "m=audio 4000 RTP/AVP 8;")),
    );
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 488, "x", ""));
    let refused = rig.to(CARRIER, "SIP/2.0 488");
    assert!(header(&refused, "Warning").starts_with("305 "), "{refused}");
    assert_eq!(rig.ended().finish_reason, FinishReason::CodecMismatch);
    rig.assert_clean();
}

#[test]
fn a_fax_that_wants_t38_is_refused_and_its_sound_goes_on() {
    for fax in [
        "m=image 5002 udptl t38;",
        "m=audio 0 RTP/AVP 8;m=image 5002 udptl t38;",
    ] {
        let sound = "m=audio 4000 RTP/AVP 8;";
        let (mut rig, caller, mut callee, _) = call(sound, "m=audio 5000 RTP/AVP 8;");
        let wishes = rig.media.len();
        rig.says(&mut callee, "INVITE", &of(TARGET, fax));
        let refused = rig.to(PBX, "SIP/2.0 488");
        assert!(header(&refused, "Warning").starts_with("304 "), "{refused}");
        assert_eq!(
            rig.lines_to(CARRIER),
            [""; 0],
            "the other side is not asked"
        );
        assert_eq!(rig.media.len(), wishes, "the old session stands");
        // Beside the sound it is refused in its place.
        let both = "m=audio 5000 RTP/AVP 8;m=image 5002 udptl t38;";
        rig.says(&mut callee, "INVITE", &of(TARGET, both));
        let toward = rig.to(CARRIER, "INVITE");
        assert_eq!(
            seen(&toward),
            "m=audio 20002 RTP/AVP 8;m=image 0 udptl t38;"
        );
        let answer = of(CALLER, "m=audio 4000 RTP/AVP 8;m=image 0 udptl t38;");
        rig.from(CARRIER, &reply(&toward, 200, "", &answer));
        let ok = rig.to(PBX, "SIP/2.0 200");
        assert_eq!(seen(&ok), "m=audio 20004 RTP/AVP 8;m=image 0 udptl t38;");
        rig.says(&mut callee, "ACK", "");
        rig.all_to(CARRIER);
        hang_up(rig, caller);
    }
}

#[test]
fn the_lines_of_a_dialog_stay_whatever_the_other_dialog_has() {
    // The target never repeats the caller's video: its dialog has two lines as we said them, its own descriptions have one.
    let (mut rig, mut caller, mut callee, saw) = call(
        "m=video 4002 RTP/AVP 31;m=audio 4000 RTP/AVP 8;",
        "m=audio 5000 RTP/AVP 8;",
    );
    assert_eq!(saw[1], "m=video 0 RTP/AVP 31;m=audio 20002 RTP/AVP 8;");
    // The target holds.
    let hold = "m=audio 5000 RTP/AVP 8;a=sendonly;";
    rig.says(&mut callee, "INVITE", &of(TARGET, hold));
    let toward = rig.to(CARRIER, "INVITE");
    assert_eq!(
        seen(&toward),
        "m=video 0 RTP/AVP 31;m=audio 20002 RTP/AVP 8;a=sendonly;"
    );
    assert_eq!(version(&toward), 2);
    let answer = "m=video 0 RTP/AVP 31;m=audio 4000 RTP/AVP 8;a=recvonly;";
    rig.from(CARRIER, &reply(&toward, 200, "", &of(CALLER, answer)));
    let ok = rig.to(PBX, "SIP/2.0 200");
    assert_eq!(seen(&ok), "m=audio 20004 RTP/AVP 8;a=recvonly;");
    rig.says(&mut callee, "ACK", "");
    rig.all_to(CARRIER);
    // The caller takes up again and adds a line of its own.
    let more = "m=video 0 RTP/AVP 31;m=audio 4000 RTP/AVP 8;m=text 4008 RTP/AVP 98;";
    rig.says(&mut caller, "INVITE", &of(CALLER, more));
    let toward = rig.to(PBX, "INVITE");
    let lines = seen(&toward);
    assert!(lines.starts_with("m=audio 20004 RTP/AVP 8;"), "{lines}");
    rig.from(
        PBX,
        &reply(&toward, 200, "", &of(TARGET, "m=audio 5000 RTP/AVP 8;")),
    );
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(
        seen(&ok),
        "m=video 0 RTP/AVP 31;m=audio 20002 RTP/AVP 8;m=text 0 RTP/AVP 98;"
    );
    rig.says(&mut caller, "ACK", "");
    assert_eq!(aim_of(&rig, 0).rtp.unwrap().port(), 4_000);
    assert_eq!(aim_of(&rig, 1).rtp.unwrap().port(), 5_000);
    hang_up(rig, caller);
}

#[test]
fn a_refresh_that_changes_nothing_is_the_same_to_the_byte() {
    let sound = "m=audio 4000 RTP/AVP 8 101;a=rtpmap:101 telephone-event/8000;";
    let answer = "m=audio 5000 RTP/AVP 8;";
    let (mut rig, mut caller, _, _) = call(sound, answer);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        rig.says(&mut caller, "INVITE", &of(CALLER, sound));
        let toward = rig.to(PBX, "INVITE");
        assert_eq!(version(&toward), 1);
        rig.from(PBX, &reply(&toward, 200, "", &of(TARGET, answer)));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_eq!(version(&ok), 1);
        bodies.push((body(&toward).to_owned(), body(&ok).to_owned()));
        rig.says(&mut caller, "ACK", "");
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    hang_up(rig, caller);
}

#[test]
fn each_leg_has_the_way_of_rtcp_that_was_agreed_on_it() {
    let shared = "m=audio 4000 RTP/AVP 8;a=rtcp-mux;";
    let (mut rig, caller, mut callee, _) = call(shared, "m=audio 5000 RTP/AVP 8;");
    let way = |rig: &Rig, leg| {
        let aim = aim_of(rig, leg);
        (aim.mux, aim.rtcp.unwrap().port())
    };
    assert_eq!(
        (way(&rig, 0), way(&rig, 1)),
        ((true, 4_000), (false, 5_001))
    );
    // The target changes something else: the caller is offered what it has.
    rig.says(
        &mut callee,
        "INVITE",
        &of(TARGET, "m=audio 6000 RTP/AVP 8;"),
    );
    let toward = rig.to(CARRIER, "INVITE");
    assert_eq!(seen(&toward), "m=audio 20002 RTP/AVP 8;a=rtcp-mux;");
    rig.from(CARRIER, &reply(&toward, 200, "", &of(CALLER, shared)));
    let ok = rig.to(PBX, "SIP/2.0 200");
    assert_eq!(seen(&ok), "m=audio 20004 RTP/AVP 8;");
    rig.says(&mut callee, "ACK", "");
    rig.all_to(CARRIER);
    assert_eq!(
        (way(&rig, 0), way(&rig, 1)),
        ((true, 4_000), (false, 6_001))
    );
    hang_up(rig, caller);
}

#[test]
fn a_late_offer_is_answered_line_for_line() {
    let mut rig = new();
    let late = invite(NUMBER, "");
    rig.from(CARRIER, &late);
    let toward = rig.to(PBX, "INVITE");
    let offer = "m=audio 5000 RTP/AVP 8 0;a=rtcp-mux;m=video 5002 RTP/AVP 31;";
    rig.from(PBX, &reply(&toward, 200, "callee", &of(TARGET, offer)));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert_eq!(
        seen(&ok),
        "m=audio 20002 RTP/AVP 8 0;a=rtcp-mux;m=video 0 RTP/AVP 31;"
    );
    let mut caller = Peer::caller(&late, &ok);
    rig.says(&mut caller, "ACK", &of(CALLER, "m=audio 4000 RTP/AVP 0;"));
    let ack = rig.to(PBX, "ACK");
    assert_eq!(
        seen(&ack),
        "m=audio 20004 RTP/AVP 0;a=rtcp-mux;m=video 0 RTP/AVP 31;"
    );
    assert!(aim_of(&rig, 1).mux && !aim_of(&rig, 0).mux);
    hang_up(rig, caller);
}

#[test]
fn a_phone_that_sends_by_its_own_numbers_is_understood() {
    let (rig, caller, _, _) = call(
        "m=audio 4000 RTP/AVP 8 101;a=rtpmap:101 telephone-event/8000;",
        "m=audio 5000 RTP/AVP 8 96;a=rtpmap:96 telephone-event/8000;",
    );
    let numbers = aim_of(&rig, 1).numbers.unwrap();
    assert_eq!(
        [8, 96, 101].map(|number| numbers.of(number)),
        [Some(8), Some(96), Some(96)]
    );
    let numbers = aim_of(&rig, 0).numbers.unwrap();
    assert_eq!(
        [8, 96, 101].map(|number| numbers.of(number)),
        [Some(8), Some(101), Some(101)]
    );
    // What the target hears under its own number and the caller's are both digits to us.
    let digits = aim_of(&rig, 0);
    let named: Vec<_> = digits
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .collect();
    assert_eq!(named, [8, 96, 101]);
    hang_up(rig, caller);
}

#[test]
fn equal_numbers_and_keys_that_are_not_ours_are_left_alone() {
    let (rig, caller, _, _) = call("m=audio 4000 RTP/AVP 8 0;", "m=audio 5000 RTP/AVP 8;");
    assert_eq!(
        (aim_of(&rig, 0).numbers, aim_of(&rig, 1).numbers),
        (None, None)
    );
    hang_up(rig, caller);
    let (rig, caller, _, _) = call(
        "m=audio 4000 RTP/SAVP 8 101;a=rtpmap:101 telephone-event/8000;",
        "m=audio 5000 RTP/SAVP 8 96;a=rtpmap:96 telephone-event/8000;",
    );
    assert_eq!(
        (aim_of(&rig, 0).numbers, aim_of(&rig, 1).numbers),
        (None, None)
    );
    hang_up(rig, caller);
}

#[test]
fn an_answer_within_the_call_that_does_not_meet_leaves_the_old_session() {
    for (answer, warning) in [
        ("m=audio 5000 RTP/AVP 0;", "305"),
        ("m=audio 5000 RTP/SAVP 8;", "302"),
        ("m=audio 5000 RTP/AVP 8;m=audio 5002 RTP/AVP 8;", "304"),
    ] {
        let sound = "m=audio 4000 RTP/AVP 8;";
        let (mut rig, mut caller, _, _) = call(sound, "m=audio 5000 RTP/AVP 8;");
        let wishes = rig.media.len();
        rig.says(
            &mut caller,
            "INVITE",
            &of(CALLER, "m=audio 4002 RTP/AVP 8;"),
        );
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 200, "", &of(TARGET, answer)));
        rig.to(PBX, "ACK");
        let refused = rig.to(CARRIER, "SIP/2.0 488");
        let said = header(&refused, "Warning");
        assert!(said.starts_with(warning), "{said}");
        assert_eq!(rig.media.len(), wishes, "{answer}");
        hang_up(rig, caller);
    }
}

#[test]
fn sound_of_another_family_than_the_signalling_is_faced_or_refused() {
    let six = "m=audio 4000 RTP/AVP 8;c=IN IP6 2001:db8::2;";
    let mut rig = new();
    rig.from(CARRIER, &invite(NUMBER, &of(CALLER, six)));
    let toward = rig.media.iter().find_map(|wish| {
        if let MediaWish::Open { toward, .. } = wish {
            Some(toward.to_string())
        } else {
            None
        }
    });
    assert_eq!(toward.as_deref(), Some("2001:db8::2"));
    // A target whose sound cannot be reached has not answered.
    let mut rig = new();
    let sound = "m=audio 4000 RTP/AVP 8;";
    rig.from(CARRIER, &invite(NUMBER, &of(CALLER, sound)));
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 200, "callee", &of(TARGET, six)));
    rig.to(CARRIER, "SIP/2.0 488");
    assert_eq!(rig.ended().finish_reason, FinishReason::CodecMismatch);
    rig.assert_clean();
    // Nor can either side move there.
    let (mut rig, mut caller, _, _) = call(sound, "m=audio 5000 RTP/AVP 8;");
    for method in ["INVITE", "UPDATE"] {
        rig.says(&mut caller, method, &of(CALLER, six));
        let refused = rig.to(CARRIER, "SIP/2.0 488");
        let said = header(&refused, "Warning");
        assert!(said.starts_with("301 "), "{method}: {said}");
        assert_eq!(rig.lines_to(PBX), [""; 0]);
    }
    hang_up(rig, caller);
}
