//! Trials of the reader: offers of real phones, the torture tests, and bytes without sense.

use proptest::prelude::*;

use super::*;

/// A desk phone's offer, RFC 3264 10.1 in shape.
const PHONE: &[u8] = b"v=0\r\no=alice 2890844526 2890844526 IN IP4 host.example.com\r\ns=\r\n\
    c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 97 101\r\na=rtpmap:97 iLBC/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn addr(text: &str) -> Option<std::net::SocketAddr> {
    text.parse().ok()
}

#[test]
fn a_phones_offer_is_understood() {
    let session = parse(PHONE).unwrap();
    let audio = session.audio().unwrap();
    let sound = session.sound(audio).unwrap();
    assert_eq!(sound.rtp, addr("192.0.2.10:49170"));
    assert_eq!(sound.rtcp, addr("192.0.2.10:49171"));
    assert!(sound.sends && sound.listens && !session.is_hold());
    let names: Vec<&str> = sound.codecs.iter().map(|codec| &*codec.name).collect();
    assert_eq!(names, ["PCMU", "PCMA", "ILBC", "TELEPHONE-EVENT"]);
    assert_eq!(session.fmtp(audio, 101), Some(&b"0-16"[..]));
    assert_eq!(session.media()[audio].ptime_ms, Some(20));
    assert_eq!(
        session.origin(),
        b"alice 2890844526 2890844526 IN IP4 host.example.com"
    );
}

#[test]
fn a_section_has_its_own_address_rtcp_and_direction() {
    let session = parse(
        b"v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\na=inactive\n\
        m=video 4000 RTP/AVP 31\nm=audio 5000/2 RTP/SAVP 8\nc=IN IP6 2001:db8::2\n\
        a=rtcp:6001 IN IP6 2001:db8::3\na=sendonly\n",
    )
    .unwrap();
    assert_eq!(session.audio(), Some(1));
    assert_eq!(session.rtp(1), addr("[2001:db8::2]:5000"));
    assert_eq!(session.rtcp(1), addr("[2001:db8::3]:6001"));
    assert_eq!(session.direction(0), Direction::Inactive);
    assert_eq!(session.direction(1), Direction::SendOnly);
    assert!(session.media()[1].profile.is_secure());
}

#[test]
fn a_flag_with_a_value_is_none() {
    let session = parse(
        b"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 8\n\
        a=recvonly:::67\na=rtcp-mux:1\n",
    )
    .unwrap();
    assert_eq!(session.direction(0), Direction::SendRecv);
    assert!(!session.media()[0].mux);
}

#[test]
fn every_form_of_hold_is_a_hold() {
    let with = |connection: &str, attribute: &str| {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN {connection}\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 8\r\na={attribute}\r\n"
        );
        parse(text.as_bytes()).unwrap()
    };
    assert!(!with("IP4 192.0.2.1", "sendrecv").is_hold());
    assert!(!with("IP4 192.0.2.1", "recvonly").is_hold());
    for (connection, attribute, rtp) in [
        ("IP4 192.0.2.1", "sendonly", addr("192.0.2.1:4000")),
        ("IP4 192.0.2.1", "inactive", None),
        ("IP4 0.0.0.0", "sendrecv", None),
        ("IP6 ::", "sendrecv", None),
    ] {
        let session = with(connection, attribute);
        assert!(session.is_hold(), "{connection} {attribute}");
        assert_eq!(session.audio(), Some(0));
        assert_eq!(session.rtp(0), rtp, "{connection} {attribute}");
    }
}

#[test]
fn audio_that_cannot_be_relayed_is_not_chosen() {
    for media in [
        "m=audio 0 RTP/AVP 8",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 8",
        "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 224.2.1.1/127",
        "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example.com",
        "m=image 4000 udptl t38",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ] {
        let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n{media}\r\n");
        let session = parse(text.as_bytes()).unwrap();
        assert_eq!(session.audio(), None, "{media}");
        assert!(session.is_hold());
    }
}

#[test]
fn the_torture_offers_of_rfc_4475_are_read() {
    let session = parse(
        b"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n\
        t=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n",
    )
    .unwrap();
    assert_eq!(session.rtp(0), addr("192.0.2.4:49217"));
    assert_eq!(session.codecs(0).len(), 2);
    // RFC 5118 4.8 and 4.9: IPv6 in c=, and IPv4 mapped into it.
    let six = parse(
        b"v=0\r\no=bob 280744730 28977631 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n\
        m=audio 22334 RTP/AVP 0\r\nc=IN IP6 ::ffff:192.0.2.1\r\n",
    )
    .unwrap();
    assert_eq!(six.rtp(0), addr("[::ffff:192.0.2.1]:22334"));
}

#[test]
fn what_is_sloppy_and_harmless_is_taken() {
    for text in [
        &b"v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8"[..],
        b"v=0\r\ns=-\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n\r\n",
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio  4000  rtp/avp  8 \r\nc=IN  IP4  192.0.2.1 \r\na=rtpmap:8\r\n",
    ] {
        assert_eq!(parse(text).unwrap().rtp(0), addr("192.0.2.1:4000"));
    }
}

#[test]
fn what_two_readers_could_take_differently_is_refused_with_its_line() {
    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n";
    for (line, text) in [
        (0, String::new()),
        (1, "v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n".into()),
        (1, "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n".into()),
        (0, "v=0\r\ns=-\r\n".into()),
        (4, format!("{HEAD}o=- 2 2 IN IP4 192.0.2.1\r\n")),
        (4, format!("{HEAD}c=IN IP4 192.0.2.2\r\n")),
        (4, format!("{HEAD}c=\r\n")),
        (4, format!("{HEAD}\r\nm=audio 4000 RTP/AVP 8\r\n")),
        (4, format!("{HEAD} a=sendrecv\r\n")),
        (4, format!("{HEAD}s=a\rc=IN IP4 10.0.0.1\r\n")),
        (4, format!("{HEAD}m=audio\r\n")),
        (4, format!("{HEAD}m=audio 65536 RTP/AVP 8\r\n")),
        (4, format!("{HEAD}m=audio +4000 RTP/AVP 8\r\n")),
        (4, format!("{HEAD}m=audio 4000 RTP/AVP\r\n")),
        (4, format!("{HEAD}m=audio 4000 RTP/AVP 128\r\n")),
        (4, format!("{HEAD}m=audio 4000 RTP/AVP x\r\n")),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().line, line, "{text}");
    }
}

#[test]
fn limits_hold() {
    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";
    let refused = |text: String| parse(text.as_bytes()).unwrap_err().what;
    assert_eq!(
        refused(format!("{HEAD}s={}\r\n", "x".repeat(BYTES_MAX))),
        "is longer than 32 KB"
    );
    assert_eq!(
        refused(format!("{HEAD}{}", "a=x\r\n".repeat(LINES_MAX))),
        "has more than 1024 lines"
    );
    let many = "m=audio 0 RTP/AVP 0\r\n".repeat(MEDIA_MAX + 1);
    assert_eq!(
        refused(format!("{HEAD}{many}")),
        "is more than the 32nd m= line"
    );
}

#[test]
fn the_first_rtpmap_of_a_type_and_the_first_of_repeated_formats_count() {
    let session = parse(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 96 8 96 0\r\n\
        a=rtpmap:96 opus/48000/2\r\na=rtpmap:96 speex/8000\r\na=rtpmap:77 GSM/8000\r\n",
    )
    .unwrap();
    let names: Vec<String> = session
        .codecs(0)
        .iter()
        .map(|c| c.name.to_string())
        .collect();
    assert_eq!(names, ["OPUS", "PCMA", "PCMU"]);
    assert_eq!(session.media()[0].formats, [96, 8, 0]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let malformed = parse(&body).is_err();
        prop_assert!(malformed || body.starts_with(b"v=0"));
    }

    #[test]
    fn no_broken_offer_makes_the_reader_panic(
        at in 0..PHONE.len(),
        put in proptest::collection::vec(any::<u8>(), 0..8),
        cut in 0..16usize,
    ) {
        let mut body = PHONE.to_vec();
        let end = (at + cut).min(body.len());
        body.splice(at..end, put);
        if let Ok(session) = parse(&body) {
            prop_assert!(session.lines.iter().all(|line| line.value().end <= body.len()));
        }
    }
}
