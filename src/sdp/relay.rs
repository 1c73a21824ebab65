//! The same description for the other leg: its addresses are ours, its codecs untouched.
//!
//! A B2BUA speaks for itself on each leg: `o=` is its own (RFC 3264 5), and whatever else names the other leg's network is
//! replaced or left out, so that sound takes the way through us and nobody learns the other side's addresses.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};

use crate::sdp::address::{Connection, unspecified, write_ip};
use crate::sdp::parse::cut;
use crate::sdp::session::{Line, Media, Session};

/// Whose name an `o=` line carries (RFC 8866 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Constant for the dialog. Written within 63 bits, as RFC 3264 5 asks.
    pub id: u64,
    /// One more with each description that differs (RFC 3264 8).
    pub version: u64,
}

/// What replaces the other leg's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Our RTP address on the leg that this description goes to; RTCP is the next port.
    pub address: SocketAddr,
    /// Our name there.
    pub origin: Origin,
}

/// What we say on one leg over the life of its dialog: keeps the origin's version right.
#[derive(Clone, Debug)]
pub struct Voice {
    origin: Origin,
    last: Option<Bytes>,
}

impl Voice {
    /// Begins a dialog's descriptions under a random `id`.
    pub const fn new(id: u64) -> Self {
        Self {
            origin: Origin { id, version: 1 },
            last: None,
        }
    }

    /// Writes `session` for this leg. The version grows exactly when it differs from what was said last (RFC 3264 8).
    pub fn say(&mut self, session: &Session, address: SocketAddr) -> Bytes {
        let written = |origin| session.relay(Relay { address, origin });
        let mut now = written(self.origin);
        match &self.last {
            Some(last) if same_but_origin(last, &now) => return last.clone(),
            Some(_) => {
                self.origin.version += 1;
                now = written(self.origin);
            }
            None => {}
        }
        self.last = Some(now.clone());
        now
    }

    /// What was said last.
    pub const fn last(&self) -> Option<&Bytes> {
        self.last.as_ref()
    }
}

impl Session {
    /// Writes this offer or answer for the other leg of the call.
    ///
    /// Replaced: `o=`, every `c=`, the port of the relayed audio, `a=rtcp`. Left out: ICE, rtcp-mux, bundling, alternative
    /// addresses, source filters and capability negotiation, which all offer ways around us. Other sections stay, in
    /// order, with port 0. Everything else passes byte for byte, lines ending in CRLF.
    pub fn relay(&self, relay: Relay) -> Bytes {
        let audio = self.audio();
        let mut out = BytesMut::with_capacity(self.text.len() + ROOM_FOR_ADDRESSES);
        let head = self
            .media
            .first()
            .map_or(self.lines.len(), |media| media.lines.start);
        for line in self.lines.iter().take(head) {
            self.write_line(&mut out, line, relay, None);
        }
        for (index, media) in self.media.iter().enumerate() {
            let port = match audio {
                Some(audio) if audio == index => relay.address.port(),
                Some(_) | None => 0,
            };
            let lines = self.lines.get(media.lines.clone()).unwrap_or_default();
            for line in lines {
                self.write_line(&mut out, line, relay, Some((media, port)));
            }
        }
        out.freeze()
    }

    fn write_line(
        &self,
        out: &mut BytesMut,
        line: &Line,
        relay: Relay,
        section: Option<(&Media, u16)>,
    ) {
        let value = self.value(line);
        match (line.kind, section) {
            (b'o', _) => write(out, b"o=", origin_value(relay).as_bytes()),
            (b'c', _) => write(out, b"c=", connection_value(value, relay).as_bytes()),
            (b'm', Some((_, port))) => write(out, b"m=", &with_port(value, port)),
            (b'a', section) => match fate(value) {
                Fate::Pass => write(out, b"a=", value),
                Fate::Drop => {}
                Fate::Rtcp => {
                    let port = section.map_or(0, |(_, port)| port);
                    if let Some(rtcp) = port.checked_add(1).filter(|_| port != 0) {
                        write(out, b"a=rtcp:", rtcp.to_string().as_bytes());
                    }
                }
            },
            (kind, _) => write(out, &[kind, b'='], value),
        }
    }
}

/// Whether two of our descriptions say the same but for `o=`: then the version must not grow (RFC 3264 8).
pub fn same_but_origin(one: &[u8], other: &[u8]) -> bool {
    let lines =
        |text| <[u8]>::split(text, |b: &u8| *b == b'\n').filter(|line| !line.starts_with(b"o="));
    lines(one).eq(lines(other))
}

/// What our `o=`, `c=` and `m=` may take more than the peer's.
const ROOM_FOR_ADDRESSES: usize = 128;

/// What becomes of an attribute on its way to the other leg.
enum Fate {
    Pass,
    Drop,
    Rtcp,
}

/// Names are compared without case: a receiver that does so must not find what we meant to remove.
fn fate(attribute: &[u8]) -> Fate {
    let (name, rest) = cut(attribute);
    let name = name.to_ascii_lowercase();
    match name.as_slice() {
        b"rtcp" => Fate::Rtcp,
        // RFC 8839: candidates and what belongs to them.
        b"candidate" | b"remote-candidates" | b"end-of-candidates" => Fate::Drop,
        name if name.starts_with(b"ice-") => Fate::Drop,
        // RFC 5761, RFC 8858, RFC 9143: RTCP keeps a port of its own here, and each section its own.
        b"rtcp-mux" | b"rtcp-mux-only" | b"bundle-only" => Fate::Drop,
        b"group"
            if rest
                .trim_ascii_start()
                .get(..6)
                .is_some_and(|s| s.eq_ignore_ascii_case(b"BUNDLE")) =>
        {
            Fate::Drop
        }
        // Alternative addresses: RFC 6947, the older ANAT drafts, RFC 4570.
        b"altc" | b"alt" | b"source-filter" => Fate::Drop,
        // RFC 5939, RFC 6871, RFC 7006: other configurations, addresses among them, that the relay would not follow.
        b"csup" | b"creq" | b"acap" | b"tcap" | b"pcfg" | b"acfg" | b"ccap" | b"rmcap"
        | b"omcap" | b"mfcap" | b"mscap" | b"bcap" | b"icap" | b"lcfg" | b"sescap" => Fate::Drop,
        _ => Fate::Pass,
    }
}

fn origin_value(relay: Relay) -> String {
    let within = |n: u64| n & (u64::MAX >> 1);
    let Origin { id, version } = relay.origin;
    let ip = write_ip(relay.address.ip());
    format!("- {} {} IN {ip}", within(id), within(version))
}

/// The older hold, `0.0.0.0`, stays hold (RFC 3264 8.4); everything else becomes our address.
fn connection_value(value: &[u8], relay: Relay) -> String {
    let ours = relay.address.ip().to_canonical();
    let held = Connection::read(value)
        .and_then(Connection::host)
        .is_some_and(|ip| ip.is_unspecified());
    format!(
        "IN {}",
        write_ip(if held { unspecified(ours) } else { ours })
    )
}

/// The value of `m=` with another port; a port count (`49170/2`) goes with the old one.
fn with_port(value: &[u8], port: u16) -> Vec<u8> {
    let text = value.trim_ascii_start();
    let kind = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    let (kind, rest) = text.split_at_checked(kind).unwrap_or((text, &[]));
    let rest = rest.trim_ascii_start();
    let old = rest
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(rest.len());
    let rest = rest.get(old..).unwrap_or_default();
    [kind, b" ", port.to_string().as_bytes(), rest].concat()
}

fn write(out: &mut BytesMut, head: &[u8], value: &[u8]) {
    out.put_slice(head);
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::sdp::parse::parse;

    fn ours(address: &str) -> Relay {
        Relay {
            address: address.parse().unwrap(),
            origin: Origin { id: 7, version: 3 },
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
            "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=SIPJS\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=group:LS 0 1\r\n\
            m=audio 20000 RTP/SAVPF 111 0 101\r\nc=IN IP4 127.0.0.1\r\nb=AS:64\r\na=rtpmap:111 opus/48000/2\r\n\
            a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp:20001\r\na=mid:0\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\na=sendrecv\r\n\
            m=video 0 RTP/SAVPF 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 VP8/90000\r\na=mid:1\r\n"
        );
    }

    #[test]
    fn the_other_leg_may_speak_ipv6_and_hold_stays_hold() {
        let hold = "v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8\n";
        assert_eq!(
            relayed(hold, "[2001:db8::9]:20002"),
            "v=0\r\no=- 7 3 IN IP6 2001:db8::9\r\nc=IN IP6 ::\r\nm=audio 20002 RTP/AVP 8\r\n"
        );
        let six =
            "v=0\no=- 1 1 IN IP6 fd00::1\nm=audio 4000 RTP/AVP 8\nc=IN IP6 fd00::1\na=sendonly\n";
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

    #[test]
    fn the_version_grows_exactly_when_what_we_say_changes() {
        let say = |voice: &mut Voice, text: &str, address: &str| {
            let session = parse(text.as_bytes()).unwrap();
            let bytes = voice.say(&session, address.parse().unwrap());
            parse(&bytes).unwrap().origin().to_vec()
        };
        let one = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 4 RTP/AVP 8\r\n";
        let moved =
            "v=0\r\no=- 1 2 IN IP4 10.0.0.2\r\nc=IN IP4 10.0.0.2\r\nm=audio 6 RTP/AVP 8\r\n";
        let held = "v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 4 RTP/AVP 8\r\na=inactive\r\n";
        let mut voice = Voice::new(5);
        assert_eq!(
            say(&mut voice, one, "192.0.2.9:20000"),
            b"- 5 1 IN IP4 192.0.2.9"
        );
        // The peer moved, but on our side nothing did.
        assert_eq!(
            say(&mut voice, moved, "192.0.2.9:20000"),
            b"- 5 1 IN IP4 192.0.2.9"
        );
        assert_eq!(
            say(&mut voice, held, "192.0.2.9:20000"),
            b"- 5 2 IN IP4 192.0.2.9"
        );
        assert_eq!(
            say(&mut voice, held, "192.0.2.9:20002"),
            b"- 5 3 IN IP4 192.0.2.9"
        );
        assert_eq!(
            say(&mut voice, one, "192.0.2.9:20002"),
            b"- 5 4 IN IP4 192.0.2.9"
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
        (any::<bool>(), proptest::collection::vec(section, 0..5)).prop_map(
            |(session_c, sections)| {
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
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_relayed_reads_back_with_our_address_and_the_peers_codecs(text in offers()) {
            let before = parse(text.as_bytes()).unwrap();
            let relay = ours("192.0.2.9:20000");
            let bytes = before.relay(relay);
            prop_assert!(!String::from_utf8_lossy(&bytes).contains("10.66."));
            let after = parse(&bytes).unwrap();
            prop_assert_eq!(after.audio(), before.audio());
            prop_assert_eq!(after.media().len(), before.media().len());
            for (index, (old, new)) in before.media().iter().zip(after.media()).enumerate() {
                prop_assert_eq!(&old.codecs, &new.codecs);
                prop_assert_eq!(before.direction(index), after.direction(index));
                prop_assert_eq!(old.profile, new.profile);
                prop_assert_eq!(new.port, if before.audio() == Some(index) { 20_000 } else { 0 });
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
}
