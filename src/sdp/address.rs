//! The addresses of a description: `c=` (RFC 8866 5.7) and `a=rtcp` (RFC 3605).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Where a `c=` line points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One host. `0.0.0.0` and `::` are the older form of hold (RFC 3264 8.4).
    Host(IpAddr),
    /// A name, a multicast group, or another network: nothing that sound is relayed to. A relay resolves no names, and
    /// a group would multiply what a stranger makes us send.
    Elsewhere,
}

impl Connection {
    /// Reads the value of `c=`: `IN IP4 192.0.2.1`. `None`: it is no such value.
    pub(in crate::sdp) fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split_ascii_whitespace();
        let (net, kind, host) = (parts.next()?, parts.next()?, parts.next()?);
        if !net.eq_ignore_ascii_case("IN") {
            return Some(Self::Elsewhere);
        }
        let host = host.split('/').next().unwrap_or(host);
        Some(match read_ip(kind, host) {
            Some(ip) if is_one_host(ip) => Self::Host(ip),
            Some(_) | None => Self::Elsewhere,
        })
    }

    /// The host, where it is one, the older hold included.
    pub const fn host(self) -> Option<IpAddr> {
        match self {
            Self::Host(ip) => Some(ip),
            Self::Elsewhere => None,
        }
    }
}

/// What `a=rtcp` says: a port, and an address where it is not that of `c=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtcp {
    /// The port.
    pub port: u16,
    /// The address, where one is given.
    pub address: Option<IpAddr>,
}

impl Rtcp {
    /// Reads the value of `a=rtcp:`, such as `53020 IN IP4 192.0.2.4`. `None`: it is no such value, or leads to no host.
    pub(in crate::sdp) fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split_ascii_whitespace();
        let port = parts.next()?.parse().ok().filter(|port| *port > 0)?;
        let Some(_net) = parts.next() else {
            return Some(Self {
                port,
                address: None,
            });
        };
        let address = read_ip(parts.next()?, parts.next()?).filter(|ip| is_one_host(*ip))?;
        Some(Self {
            port,
            address: Some(address),
        })
    }
}

/// Shows an address as `IP4 192.0.2.1` or `IP6 2001:db8::1`.
pub(in crate::sdp) struct Typed(pub(in crate::sdp) IpAddr);

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_canonical() {
            IpAddr::V4(ip) => write!(f, "IP4 {ip}"),
            IpAddr::V6(ip) => write!(f, "IP6 {ip}"),
        }
    }
}

/// The address of the older hold in `family`'s version.
pub(in crate::sdp) const fn unspecified(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// The type is believed only where it agrees with what follows it; some senders write IP4 before an IPv6 address.
fn read_ip(kind: &str, host: &str) -> Option<IpAddr> {
    let known = kind.eq_ignore_ascii_case("IP4") || kind.eq_ignore_ascii_case("IP6");
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    known.then(|| bare.parse::<IpAddr>().ok()).flatten()
}

fn is_one_host(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_both_families_are_read() {
        let host = |text: &[u8]| Connection::read(text).and_then(Connection::host);
        assert_eq!(host(b"IN IP4 192.0.2.1"), Some([192, 0, 2, 1].into()));
        assert_eq!(host(b"in ip4 192.0.2.1"), Some([192, 0, 2, 1].into()));
        assert_eq!(host(b"IN IP6 2001:db8::1"), "2001:db8::1".parse().ok());
        assert_eq!(host(b"IN IP6 [2001:db8::1]"), "2001:db8::1".parse().ok());
        assert_eq!(host(b"IN IP4 0.0.0.0"), Some(Ipv4Addr::UNSPECIFIED.into()));
    }

    #[test]
    fn names_groups_and_other_networks_lead_elsewhere() {
        for text in [
            &b"IN IP4 pc33.example.com"[..],
            b"IN IP4 224.2.17.12/127",
            b"IN IP6 ff15::101",
            b"IN IP4 255.255.255.255",
            b"ATM NSAP 47.0091",
        ] {
            assert_eq!(
                Connection::read(text),
                Some(Connection::Elsewhere),
                "{text:?}"
            );
        }
        assert_eq!(Connection::read(b"IN IP4"), None);
        assert_eq!(Connection::read(b""), None);
    }

    #[test]
    fn rtcp_is_read_with_and_without_an_address() {
        let with = Rtcp::read(b"53020 IN IP4 126.16.64.4").unwrap();
        assert_eq!(
            (with.port, with.address),
            (53_020, Some([126, 16, 64, 4].into()))
        );
        assert_eq!(Rtcp::read(b"53020").unwrap().address, None);
        for text in [
            &b"0"[..],
            b"",
            b"x",
            b"70000",
            b"5 IN",
            b"5 IN IP4 224.0.0.1",
        ] {
            assert_eq!(Rtcp::read(text), None, "{text:?}");
        }
    }
}
