//! Hosts and ports, as URIs and Via write them (RFC 3261 25.1, RFC 5118).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sip::scan;
use crate::sip::scan::{Cursor, Span};

/// Where a URI or a Via points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name to look up.
    Name(&'a str),
    /// An address.
    Ip(IpAddr),
}

impl<'a> Host<'a> {
    /// Tells an address from a name. IPv6 is taken with or without brackets: RFC 5118 4.5 meets both in Via.
    pub fn of(text: &'a str) -> Self {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let ip = match bare {
            Some(inside) => ipv6(inside).map(IpAddr::V6),
            None if text.contains(':') => ipv6(text).map(IpAddr::V6),
            None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        };
        ip.map_or(Self::Name(text), Self::Ip)
    }

    /// Returns the address, where it is one.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            Self::Name(_) => None,
        }
    }
}

/// Writes an IPv6 address in brackets, as URIs and Via want it.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// Returns a host without the brackets that an IPv6 address has in a URI.
pub fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|inside| inside.strip_suffix(']'))
        .unwrap_or(host)
}

/// Reads an IPv6 address, also in the form with three colons that the ABNF of RFC 3261 produced (RFC 5118 4.10).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let read = text.parse();
    read.or_else(|_| text.replacen(":::", "::", 1).parse()).ok()
}

/// Takes a host name, an IPv4 address or an IPv6 reference.
pub(crate) fn take_host(cursor: &mut Cursor<'_>) -> Option<Span> {
    let start = cursor.at();
    if cursor.peek() != Some(b'[') {
        let host = cursor.take(scan::HOST);
        return (!host.is_empty()).then_some(host);
    }
    let rest = cursor.rest();
    let end = memchr::memchr(b']', rest)?;
    let inside = std::str::from_utf8(rest.get(1..end)?).ok()?;
    ipv6(inside)?;
    cursor.advance(end + 1);
    Some(Span::new(start, cursor.at()))
}

/// Takes a port, 1 to 65535.
pub(crate) fn take_port(cursor: &mut Cursor<'_>) -> Option<u16> {
    let rest = cursor.rest();
    let len = rest
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(rest.len());
    let port = scan::number(rest.get(..len)?)?;
    cursor.advance(len);
    u16::try_from(port).ok().filter(|port| *port != 0)
}
