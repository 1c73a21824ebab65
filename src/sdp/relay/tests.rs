//! Trials of a description that passes: what it may tell the other leg, and that it reads back.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::sdp::parse::parse;

fn ours(address: &str) -> Relay {
    Relay {
        address: address.parse().unwrap(),
        origin: Origin { id: 7, version: 3 },
        mux: Mux::Apart,
    }
}

fn relayed(text: &str, address: &str) -> String {
    let bytes = parse(text.as_bytes()).unwrap().relay(ours(address));
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_browsers_offer_loses_every_way_around_us_and_nothing_else() {
    let offer = "v=0\r\no=mozilla 4327 0 IN IP4 10.1.1.5\r\ns=SIPJS\r\nc=IN IP4 10.1.1.5\r\nt=0 0\r\n\
        a=group:BUNDLE 0 1\r\na=group:LS 0 1\r\na=ice-options:trickle\r\na=ICE-lite\r\n\
        m=audio 49170/2 RTP/SAVPF 111 0 101\r\nc=IN IP4 10.1.1.6\r\nb=AS:64\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp:49171 IN IP4 10.1.1.6\r\n\
        a=candidate:1 1 UDP 2130706431 10.1.1.5 49170 typ host\r\na=remote-candidates:1 10.1.1.7 3 2 10.1.1.7 4\r\n\
        a=end-of-candidates\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=rtcp-mux\r\n\
        a=rtcp-mux-only\r\na=altc:1 IP4 10.1.1.5 49170\r\na=source-filter: incl IN IP4 * 10.1.1.5\r\n\
        a=alt:1 1 : abc def 10.1.1.5 49170\r\na=tcap:1 RTP/SAVP\r\na=ccap:1 IN IP4 10.1.1.9\r\na=mid:0\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\na=sendrecv\r\n\
        m=video 49180 RTP/SAVPF 96\r\nc=IN IP4 10.1.1.8\r\na=rtpmap:96 VP8/90000\r\na=rtcp:49181\r\na=mid:1\r\n";
    assert_eq!(
        relayed(offer, "127.0.0.1:20000"),
        "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=SIPJS\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 20000 RTP/SAVPF 111 0 101\r\nc=IN IP4 127.0.0.1\r\nb=AS:64\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp:20001\r\na=mid:0\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\na=sendrecv\r\n\
        m=video 0 RTP/SAVPF 96\r\n"
    );
}

#[test]
fn the_other_leg_may_speak_ipv6_and_hold_stays_hold() {
    let hold = "v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8\n";
    assert_eq!(
        relayed(hold, "[2001:db8::9]:20002"),
        "v=0\r\no=- 7 3 IN IP6 2001:db8::9\r\nc=IN IP6 ::\r\nm=audio 20002 RTP/AVP 8\r\n"
    );
    let six = "v=0\no=- 1 1 IN IP6 fd00::1\nm=audio 4000 RTP/AVP 8\nc=IN IP6 fd00::1\na=sendonly\n";
    assert_eq!(
        relayed(six, "[::ffff:192.0.2.9]:20002"),
        "v=0\r\no=- 7 3 IN IP4 192.0.2.9\r\nm=audio 20002 RTP/AVP 8\r\nc=IN IP4 192.0.2.9\r\na=sendonly\r\n"
    );
}

#[test]
fn audio_that_is_disabled_stays_disabled() {
    let off = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 8\r\na=rtcp:9\r\n";
    assert_eq!(
        relayed(off, "192.0.2.9:20000"),
        "v=0\r\no=- 7 3 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 0 RTP/AVP 8\r\n"
    );
}

#[test]
fn bytes_that_are_no_utf8_pass() {
    let text = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=caf\xe9\r\nc=IN IP4 10.0.0.1\r\nm=audio 4 RTP/AVP 8\r\na=\xff:\xfe\r\n";
    let out = parse(text).unwrap().relay(ours("192.0.2.9:20000"));
    assert!(out.windows(6).any(|w| w == b"s=caf\xe9"));
    assert!(out.ends_with(b"a=\xff:\xfe\r\n"));
}

/// One line of the other side's, and what becomes of it in the section that is relayed.
#[test]
fn each_line_has_its_fate() {
    const PASS: &str = "as it came";
    const GONE: &str = "";
    for (line, fate) in [
        ("i=sound", PASS),
        ("i=sound of 10.66.0.1", GONE),
        ("c=IN IP4 10.66.0.2", "c=IN IP6 2001:db8::9"),
        ("c=IN IP4 0.0.0.0", "c=IN IP6 ::"),
        ("b=AS:64", PASS),
        ("b=TIAS:64000", PASS),
        ("k=clear:secret", PASS),
        ("a=rtpmap:101 telephone-event/8000", PASS),
        ("a=fmtp:101 0-15", PASS),
        ("a=ptime:30", PASS),
        ("a=maxptime:150", PASS),
        ("a=sendonly", PASS),
        ("a=recvonly", PASS),
        ("a=inactive", PASS),
        ("a=sendrecv", PASS),
        ("a=silenceSupp:off - - - -", PASS),
        ("a=rtcp:4711 IN IP4 10.66.0.2", "a=rtcp:20001"),
        ("a=RTCP:4711", "a=rtcp:20001"),
        ("a=rtcp-mux", GONE),
        ("a=rtcp-mux-only", GONE),
        ("a=rtcp-rsize", PASS),
        ("a=rtcp-fb:* trr-int 5000", PASS),
        ("a=rtcp-xr:voip-metrics", PASS),
        (
            "a=candidate:1 1 UDP 2130706431 10.66.0.3 4000 typ host",
            GONE,
        ),
        ("a=remote-candidates:1 10.66.0.3 4000", GONE),
        ("a=ice-ufrag:8hhY", GONE),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZg", GONE),
        ("a=end-of-candidates", GONE),
        ("a=alt:1 1 : abc def 10.66.0.3 4000", GONE),
        ("a=altc:1 IP6 fd00::66 4000", GONE),
        ("a=source-filter: incl IN IP4 * 10.66.0.3", GONE),
        ("a=tcap:1 RTP/SAVP", GONE),
        ("a=bundle-only", GONE),
        ("a=mid:0", PASS),
        ("a=msid:stream track", PASS),
        (
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            PASS,
        ),
        ("a=ssrc:3735928559 cname:anna@office", PASS),
        ("a=ssrc:3735928559 cname:anna@10.66.0.3", GONE),
        (
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4",
            PASS,
        ),
        (
            "a=fingerprint:SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
            PASS,
        ),
        ("a=setup:actpass", PASS),
        ("a=X-nat:yes", PASS),
        ("a=X-nat:10.66.0.3", GONE),
        ("a=x-rtp-session-id:8A2F", PASS),
        ("a=oldmediaip:10.66.0.3", GONE),
        ("a=oldmediaip:fd00::66", GONE),
        ("a=X-host:phone.office.example", GONE),
        ("y=unknown", PASS),
        ("y=10.66.0.3", GONE),
    ] {
        let out = relayed(
            &format!(
                "v=0\no=- 1 1 IN IP4 phone.office.example\ns=-\nc=IN IP4 10.66.0.1\nt=0 0\n\
                 m=audio 4000 RTP/AVP 8 101\n{line}\n"
            ),
            "[2001:db8::9]:20000",
        );
        let fate = match fate {
            GONE => String::new(),
            PASS => format!("{line}\r\n"),
            other => format!("{other}\r\n"),
        };
        assert_eq!(
            out,
            format!(
                "v=0\r\no=- 7 3 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n\
                 m=audio 20000 RTP/AVP 8 101\r\n{fate}"
            ),
            "{line}"
        );
    }
}

#[test]
fn no_line_of_the_session_tells_where_the_other_side_is() {
    let offer = "v=0\no=anna 1 1 IN IP4 10.66.0.1\ns=Call from 10.66.0.1\ni=10.66.0.1\nu=http://10.66.0.1/\n\
        e=anna@10.66.0.1\np=+7 495 000-00-01\nc=IN IP4 10.66.0.1\nb=CT:128\nt=0 0\na=group:ANAT 1 2\na=rtcp:9\n\
        a=X-side:[fd00::66]:4\na=tool:phone 1.2.3\nm=audio 4000 RTP/AVP 8\nm=message 4002 TCP/MSRP *\n\
        a=path:msrp://10.66.0.1:4002/s;tcp\nm=x 4 y msrp://10.66.0.1:4002/\n";
    assert_eq!(
        relayed(offer, "192.0.2.9:20000"),
        "v=0\r\no=- 7 3 IN IP4 192.0.2.9\r\ns=-\r\np=+7 495 000-00-01\r\nc=IN IP4 192.0.2.9\r\nb=CT:128\r\nt=0 0\r\n\
        a=tool:phone 1.2.3\r\nm=audio 20000 RTP/AVP 8\r\nm=message 0 TCP/MSRP *\r\nm=x 0 y 0\r\n"
    );
}

#[test]
fn refused_lines_stay_in_order_and_have_an_address_where_the_session_has_none() {
    let offer = "v=0\no=- 1 1 IN IP4 10.66.0.1\ns=-\nt=0 0\nm=image 4002 udptl t38\nc=IN IP4 10.66.0.1\n\
        a=T38FaxVersion:0\nm=audio 4000 RTP/AVP 8\nc=IN IP4 10.66.0.1\na=ptime:20\nm=video 4004 RTP/AVP 31\nc=IN IP4 10.66.0.1\n\
        m=audio 4006 RTP/AVP 0\nc=IN IP4 10.66.0.1\n";
    assert_eq!(
        relayed(offer, "192.0.2.9:20000"),
        "v=0\r\no=- 7 3 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=image 0 udptl t38\r\nc=IN IP4 192.0.2.9\r\n\
        m=audio 20000 RTP/AVP 8\r\nc=IN IP4 192.0.2.9\r\na=ptime:20\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.9\r\n\
        m=audio 0 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n"
    );
}

/// Offers in every shape the grammar has, all of the peer's addresses beginning with `10.66.`.
fn offers() -> impl Strategy<Value = String> {
    let attribute = prop_oneof![
        Just("a=sendonly"),
        Just("a=rtcp:9001 IN IP4 10.66.0.3"),
        Just("a=rtcp:9001"),
        Just("a=candidate:1 1 UDP 1 10.66.0.4 9 typ host"),
        Just("a=Candidate:1 1 UDP 1 10.66.0.4 9 typ host"),
        Just("a=remote-candidates:1 10.66.0.5 9"),
        Just("a=altc:1 IP4 10.66.0.6 9"),
        Just("a=source-filter: incl IN IP4 * 10.66.0.7"),
        Just("a=ptime:20"),
        Just("a=rtcp-mux"),
        Just("a=X-private:10.66.0.8"),
        Just("a=ssrc:7 cname:anna@10.66.0.9"),
        Just("i=at 10.66.0.10"),
        Just("a=X-six:fd00:66::1"),
        Just("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"),
    ];
    let kind = prop_oneof![Just("audio"), Just("video"), Just("AUDIO")];
    let profile = prop_oneof![Just("RTP/AVP"), Just("RTP/SAVP"), Just("udptl")];
    let section = (
        kind,
        prop_oneof![Just("0"), Just("4000"), Just("4000/2"), Just("65535")],
        profile,
        any::<bool>(),
        proptest::collection::vec(attribute, 0..5),
    );
    (any::<bool>(), proptest::collection::vec(section, 0..5)).prop_map(|(session_c, sections)| {
        let mut text = "v=0\r\no=bob 1 1 IN IP4 10.66.0.1\r\ns=-\r\n".to_owned();
        if session_c {
            text.push_str("c=IN IP4 10.66.0.1\r\n");
        }
        for (kind, port, profile, own_c, attributes) in sections {
            write!(text, "m={kind} {port} {profile} 0 8\r\n").unwrap();
            if own_c {
                text.push_str("c=IN IP4 10.66.0.2\r\n");
            }
            for attribute in attributes {
                write!(text, "{attribute}\r\n").unwrap();
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_relayed_reads_back_with_our_address_and_the_peers_codecs(text in offers()) {
        let before = parse(text.as_bytes()).unwrap();
        let relay = ours("192.0.2.9:20000");
        let bytes = before.relay(relay);
        let said = String::from_utf8_lossy(&bytes);
        prop_assert!(!said.contains("10.66.") && !said.contains("fd00:66"), "{}", said);
        let after = parse(&bytes).unwrap();
        prop_assert_eq!(after.audio(), before.audio());
        prop_assert_eq!(after.media().len(), before.media().len());
        for (index, (old, new)) in before.media().iter().zip(after.media()).enumerate() {
            prop_assert_eq!((old.kind, old.profile), (new.kind, new.profile));
            prop_assert_eq!(&old.formats, &new.formats);
            let relayed = before.audio() == Some(index);
            prop_assert_eq!(new.port, if relayed { 20_000 } else { 0 });
            if relayed {
                prop_assert_eq!(&old.codecs, &new.codecs);
                prop_assert_eq!(before.direction(index), after.direction(index));
            }
        }
        if let Some(sound) = after.audio().and_then(|index| after.sound(index)) {
            prop_assert_eq!(sound.rtp, Some(relay.address));
            prop_assert_eq!(sound.rtcp.map(|rtcp| rtcp.port()), Some(20_001));
        }
        // Relaying again changes nothing: our own work is left alone.
        prop_assert_eq!(&after.relay(relay), &bytes);
        // What meets the offer as it came meets it as relayed.
        prop_assert_eq!(crate::sdp::answer::answer_meets(&after, &after), Ok(()));
    }
}
