//! The same description for the other leg: its addresses are ours, its codecs untouched.
//!
//! A B2BUA speaks for itself on each leg: `o=` is its own (RFC 3264 5), and whatever else names the other leg's network is
//! replaced or left out, so that sound takes the way through us and nobody learns the other side's addresses.

use std::fmt;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use crate::sdp::address::{Connection, Typed, unspecified};
use crate::sdp::hide::Hosts;
use crate::sdp::layout::{Slot, same};
use crate::sdp::parse::cut;
use crate::sdp::session::{Line, Session};

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
    /// Where RTCP goes on that leg.
    pub mux: Mux,
}

/// Whether RTCP shares the port of RTP on a leg (RFC 5761 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mux {
    /// It has a port of its own.
    Apart,
    /// We offer to share, and name the port that is used when the peer declines.
    Offered,
    /// The peer offered to share, and we agree.
    Agreed,
}

impl Session {
    /// Writes this offer or answer for the other leg of the call, its `m=` lines in the order they have here.
    ///
    /// Replaced: `o=`, every `c=`, the port of the relayed audio, `a=rtcp`. Left out: ICE, grouping and bundling, alternative
    /// addresses, source filters and capability negotiation, which all offer ways around us, and every other line that
    /// carries an address. `a=rtcp-mux` is ours to say. Other sections are refused: they stay, in order, as `m=` lines with port 0
    /// and nothing else. Everything else passes byte for byte, lines ending in CRLF.
    pub fn relay(&self, relay: Relay) -> Bytes {
        self.relay_as(relay, &same(self))
    }

    /// The same with the `m=` lines that a dialog needs.
    pub(in crate::sdp) fn relay_as(&self, relay: Relay, slots: &[Slot]) -> Bytes {
        let mut out = Writer {
            text: BytesMut::with_capacity(self.text.len() + ROOM_FOR_ADDRESSES),
            hosts: Hosts::of(self),
            relay,
        };
        let audio = self.audio();
        let head = self
            .media
            .first()
            .map_or(self.lines.len(), |media| media.lines.start);
        for line in self.lines.iter().take(head) {
            out.line(line.kind, self.value(line));
        }
        for slot in slots {
            match slot {
                Slot::Own(index) if audio == Some(*index) => out.sound(self, self.lines_of(*index)),
                Slot::Own(index) => {
                    let value = self.lines_of(*index).first().map(|line| self.value(line));
                    out.closed(value.unwrap_or_default(), self.connection.is_none());
                }
                Slot::Closed(value) => out.closed(value, self.connection.is_none()),
            }
        }
        // Kept as long as the leg is: in memory of its size.
        Bytes::copy_from_slice(&out.text)
    }

    /// The lines of a section, the `m=` line first.
    fn lines_of(&self, index: usize) -> &[Line] {
        self.media
            .get(index)
            .and_then(|media| self.lines.get(media.lines.clone()))
            .unwrap_or_default()
    }
}

/// A description for one leg as it grows.
struct Writer {
    text: BytesMut,
    hosts: Hosts,
    relay: Relay,
}

impl Writer {
    /// The section whose sound is relayed.
    fn sound(&mut self, session: &Session, lines: &[Line]) {
        for line in lines {
            let value = session.value(line);
            match line.kind {
                b'm' => {
                    let value = with_port(value, self.relay.address.port());
                    self.write(b"m=", &value);
                }
                b'a' if is_rtcp(value) => self.rtcp(),
                kind => self.line(kind, value),
            }
        }
        match self.relay.mux {
            Mux::Apart => {}
            Mux::Offered | Mux::Agreed => self.write(b"a=", RTCP_MUX),
        }
    }

    /// A section that is refused, or was disabled before.
    fn closed(&mut self, value: &[u8], needs_address: bool) {
        let value = if self.hosts.are_told_by(value) {
            self.without_words(value)
        } else {
            with_port(value, 0)
        };
        self.write(b"m=", &value);
        if needs_address {
            let ours = self.relay.address.ip().to_canonical();
            self.write_shown("c=IN ", Typed(ours));
        }
    }

    /// A refused `m=` line that tells of an address. Its formats mean nothing any more (RFC 3264 6), and an address in
    /// another place was never a kind of media, nor a profile.
    fn without_words(&self, value: &[u8]) -> Vec<u8> {
        let mut words = value
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let mut word = |at, instead: &'static [u8]| match words.nth(at) {
            Some(word) if !self.hosts.are_told_by(word) => word.to_vec(),
            Some(_) | None => instead.to_vec(),
        };
        let (kind, profile) = (word(0, b"application"), word(1, b"udp"));
        [&kind, &b" 0 "[..], &profile, b" 0"].concat()
    }

    /// Any line but those that only the relayed section has.
    fn line(&mut self, kind: u8, value: &[u8]) {
        let ip = self.relay.address.ip();
        match kind {
            b'o' => self.write_shown("o=", OriginValue(self.relay.origin, Typed(ip))),
            b'c' => self.write_shown("c=IN ", Typed(connection(value, ip))),
            b'a' if leads_around_us(value) => {}
            _ if !self.hosts.are_told_by(value) => self.write(&[kind, b'='], value),
            // Lines that a description must have.
            b's' => self.write(b"s=", b"-"),
            b't' => self.write(b"t=", b"0 0"),
            _ => {}
        }
    }

    /// RTCP's own port, where it has one.
    fn rtcp(&mut self) {
        match (self.relay.mux, self.relay.address.port().checked_add(1)) {
            (Mux::Apart | Mux::Offered, Some(port)) => self.write_shown("a=rtcp:", port),
            (Mux::Apart | Mux::Offered, None) | (Mux::Agreed, _) => {}
        }
    }

    fn write_shown(&mut self, head: &str, value: impl fmt::Display) {
        // Writing to memory does not fail.
        let _written = write!(self.text, "{head}{value}\r\n");
    }

    fn write(&mut self, head: &[u8], value: &[u8]) {
        self.text.put_slice(head);
        self.text.put_slice(value);
        self.text.put_slice(b"\r\n");
    }
}

/// What our `o=`, `c=` and `m=` may take more than the peer's.
const ROOM_FOR_ADDRESSES: usize = 128;

/// RFC 5761 5.1.1
const RTCP_MUX: &[u8] = b"rtcp-mux";

/// Names are compared without case: a receiver that does so must not find what we meant to replace.
fn is_rtcp(attribute: &[u8]) -> bool {
    cut(attribute).0.eq_ignore_ascii_case(b"rtcp")
}

/// Longer than the attributes that are told apart.
const NAME_ROOM: usize = 24;

/// Whether an attribute has no place on the other leg.
fn leads_around_us(attribute: &[u8]) -> bool {
    let name: SmallVec<[u8; NAME_ROOM]> = cut(attribute)
        .0
        .iter()
        .map(u8::to_ascii_lowercase)
        .collect();
    match name.as_slice() {
        // RFC 8839: candidates and what belongs to them.
        b"candidate" | b"remote-candidates" | b"end-of-candidates" => true,
        name if name.starts_with(b"ice-") => true,
        // RFC 5761, RFC 8858: each leg has its own way, and says it at its end. RFC 3605 knows no session's port.
        b"rtcp-mux" | b"rtcp-mux-only" | b"rtcp" => true,
        // RFC 5888, RFC 9143: one section is relayed, so there is nothing to group, bundle, or choose an address by.
        b"group" | b"bundle-only" => true,
        // Alternative addresses: RFC 6947, the older ANAT drafts, RFC 4570.
        b"altc" | b"alt" | b"source-filter" => true,
        // RFC 5939, RFC 6871, RFC 7006: other configurations, addresses among them, that the relay would not follow.
        b"csup" | b"creq" | b"acap" | b"tcap" | b"pcfg" | b"acfg" | b"ccap" | b"rmcap"
        | b"omcap" | b"mfcap" | b"mscap" | b"bcap" | b"icap" | b"lcfg" | b"sescap" => true,
        _ => false,
    }
}

/// The value of `o=` with our address as `IP4 192.0.2.1`.
pub(in crate::sdp) struct OriginValue<T>(pub(in crate::sdp) Origin, pub(in crate::sdp) T);

impl<T: fmt::Display> fmt::Display for OriginValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |n: u64| n & (u64::MAX >> 1);
        let Self(Origin { id, version }, ip) = self;
        write!(f, "- {} {} IN {ip}", within(*id), within(*version))
    }
}

/// The older hold, `0.0.0.0`, stays hold (RFC 3264 8.4); everything else becomes our address.
fn connection(value: &[u8], ours: IpAddr) -> IpAddr {
    let ours = ours.to_canonical();
    let held = Connection::read(value)
        .and_then(Connection::host)
        .is_some_and(|ip| ip.is_unspecified());
    if held { unspecified(ours) } else { ours }
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

#[cfg(test)]
mod tests;
