//! What must hold for any descriptions at all: the entry point of fuzzing and of the replayed corpus.
//!
//! The bytes are descriptions one after another, parted by lines of dashes: an offer, its answer, and what is said later in the same
//! two dialogs. Whatever they are, what we make of them reads back, keeps the order of lines, and tells nobody where the other
//! side is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use crate::sdp::answer::answer_meets;
use crate::sdp::hide::Hosts;
use crate::sdp::layout;
use crate::sdp::parse::parse;
use crate::sdp::relay::{Mux, Origin, Relay};
use crate::sdp::session::{Kind, Session};
use crate::sdp::voice::Voice;

/// What parts two descriptions.
const PARTED: &[u8] = b"---\n";
/// Longer ones are only read: a description that reaches a limit of the reader goes beyond it with our address in it.
const BYTES_MAX: usize = 16_384;
/// The same for lines.
const LINES_MAX: usize = 512;
/// The two legs: of both families.
const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 20_000);
const CALLEE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 20_002);

/// Reads descriptions and passes them between two legs.
///
/// # Panics
///
/// When something does not hold that must.
pub fn descriptions(bytes: &[u8]) {
    let said: Vec<_> = parts(bytes)
        .into_iter()
        .filter_map(|part| parse(part).ok())
        .filter(|session| session.text.len() <= BYTES_MAX && session.lines.len() <= LINES_MAX)
        .collect();
    for session in &said {
        relayed(session, CALLER);
        relayed(session, CALLEE);
    }
    let (mut caller, mut callee) = (Voice::new(u64::MAX), Voice::new(7));
    // The sides take turns, so that each dialog has offers and answers.
    for (turn, pair) in said.chunks(2).enumerate() {
        let [offer, answer @ ..] = pair else { continue };
        let answer = answer.first().unwrap_or(offer);
        if turn % 2 == 0 {
            exchange((&mut caller, CALLER), (&mut callee, CALLEE), offer, answer);
        } else {
            exchange((&mut callee, CALLEE), (&mut caller, CALLER), offer, answer);
        }
    }
}

fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, PARTED) {
        parts.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + PARTED.len()..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// One description for one leg.
fn relayed(session: &Session, address: SocketAddr) {
    let relay = Relay {
        address,
        origin: Origin { id: 1, version: 1 },
        mux: Mux::Apart,
    };
    let bytes = session.relay(relay);
    let after = read(&bytes);
    tells_nothing(session, &after, address);
    assert_eq!(kinds(session), kinds(&after), "the lines changed");
    assert_eq!(session.audio(), after.audio(), "the sound moved");
    if let Some(index) = session.audio() {
        // What an rtpmap line names goes with it where the line tells of an address; every other line passes.
        let hosts = Hosts::of(session);
        let mut values = session.lines.iter().map(|line| session.value(line));
        let is_left_out = |value: &[u8]| value.starts_with(b"rtpmap:") && hosts.are_told_by(value);
        if !values.any(is_left_out) {
            assert_eq!(session.codecs(index), after.codecs(index));
        }
        assert_eq!(session.direction(index), after.direction(index));
    }
    assert_eq!(after.relay(relay), bytes, "our own words were changed");
    assert_eq!(answer_meets(&after, &after), Ok(()));
}

/// An offer from one side and the other's answer.
fn exchange(
    (offerer, from): (&mut Voice, SocketAddr),
    (answerer, to): (&mut Voice, SocketAddr),
    offer: &Session,
    answer: &Session,
) {
    let before = answerer.last().cloned();
    let bytes = answerer.say(offer, to);
    let toward = read(&bytes);
    tells_nothing(offer, &toward, to);
    kept(before.as_ref(), &toward);
    assert_eq!(answerer.say(offer, to), bytes, "said twice, it changed");
    let back = read(&offerer.answer(answer, offer, from));
    tells_nothing(answer, &back, from);
    assert_eq!(kinds(offer), kinds(&back), "an answer of other lines");
    let fits = answer_meets(offer, answer).is_ok();
    if fits && offer.audio().is_some() && answer.audio().is_some() {
        assert_eq!(back.audio(), offer.audio(), "answered elsewhere");
        assert_eq!(answer_meets(offer, &back), Ok(()));
    }
    for voice in [offerer, answerer] {
        voice.settle();
        assert_eq!(voice.again().as_ref(), voice.last(), "a refresh changed it");
    }
}

/// What we write can be read.
#[expect(clippy::panic, reason = "a probe ends with what does not hold")]
fn read(bytes: &Bytes) -> Session {
    match parse(bytes) {
        Ok(session) => session,
        Err(wrong) => panic!("{wrong}: {}", String::from_utf8_lossy(bytes)),
    }
}

/// Every line of the dialog is there again, and one in use is for the same (RFC 3264 8).
fn kept(before: Option<&Bytes>, now: &Session) {
    let before = before.map(layout::lines).unwrap_or_default();
    assert!(
        before.len() <= now.media.len(),
        "a line of the dialog is gone"
    );
    for ((kind, used, _), media) in before.iter().zip(&now.media) {
        assert!(!used || *kind == media.kind, "a line became another");
    }
}

/// No line but `o=` and `c=` has an address, and these have ours.
fn tells_nothing(of: &Session, said: &Session, ours: SocketAddr) {
    let hosts = Hosts::of(of);
    for line in &said.lines {
        let value = said.value(line);
        if matches!(line.kind, b'o' | b'c') {
            let text = String::from_utf8_lossy(value);
            let host = text.rsplit(' ').next().unwrap_or_default();
            let ip: Option<IpAddr> = host.parse().ok();
            let fine = ip == Some(ours.ip()) || ip.is_some_and(|ip| ip.is_unspecified());
            assert!(fine, "an address that is not ours: {text}");
        } else {
            let text = String::from_utf8_lossy(value);
            assert!(!hosts.are_told_by(value), "an address passes: {text}");
        }
    }
}

fn kinds(session: &Session) -> Vec<Kind> {
    session.media.iter().map(|media| media.kind).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines that phones write, and some that only an enemy would.
    const LINES: [&str; 40] = [
        "v=0",
        "o=- 1 1 IN IP4 10.66.0.1",
        "o=anna 1 2 IN IP4 phone.office.example",
        "s=-",
        "s=at 10.66.0.1",
        "c=IN IP4 10.66.0.1",
        "c=IN IP6 fd00::66",
        "c=IN IP4 0.0.0.0",
        "c=IN IP4 phone.office.example",
        "c=IN IP4 224.0.0.1/127",
        "t=0 0",
        "b=AS:64",
        "m=audio 4000 RTP/AVP 0 8 101",
        "m=audio 4002 RTP/AVP 96 8",
        "m=audio 0 RTP/AVP 8",
        "m=audio 4004 RTP/SAVP 8",
        "m=audio 4006 UDP/TLS/RTP/SAVPF 111",
        "m=video 4008 RTP/AVP 31",
        "m=video 0 RTP/AVP 31",
        "m=image 4010 udptl t38",
        "m=10.66.0.1 4012 10.66.0.2 10.66.0.3",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=sendonly",
        "a=inactive",
        "a=rtcp:4001",
        "a=rtcp:4001 IN IP4 10.66.0.4",
        "a=rtcp-mux",
        "a=RTCP-MUX",
        "a=candidate:1 1 UDP 1 10.66.0.5 9 typ host",
        "a=group:BUNDLE 0 1",
        "a=mid:0",
        "a=ssrc:1 cname:anna@10.66.0.6",
        "a=X-host:PHONE.OFFICE.EXAMPLE",
        "a=X-six:[fd00::66]:4000",
        "u=http://10.66.0.1/",
        "---",
        "",
        "\r=x",
    ];

    fn many() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            20 => (0..LINES.len()).prop_map(|at| LINES[at].as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ];
        let head = Just(b"v=0\no=- 1 1 IN IP4 10.66.0.9\n".to_vec());
        let part = (head, proptest::collection::vec(line, 0..14));
        let part = part.prop_map(|(head, lines)| [head, lines.join(&b'\n'), vec![b'\n']].concat());
        proptest::collection::vec(part, 1..6).prop_map(|parts| parts.join(PARTED))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn whatever_is_said_reads_back_in_order_and_hides_the_other_side(bytes in many()) {
            descriptions(&bytes);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            descriptions(&bytes);
        }
    }
}
