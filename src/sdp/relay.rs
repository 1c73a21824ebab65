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
