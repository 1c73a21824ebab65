//! Whom a limit counts: an IPv4 address, or the /64 of an IPv6 address, since whoever has one of it has all of it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that one customer shares (RFC 6177).
const SITE_BITS: u32 = 64;

/// One source of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to. An IPv4 address written as IPv6 is itself.
    pub fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            ip @ IpAddr::V4(_) => ip,
            IpAddr::V6(ip) => {
                let site = ip.to_bits() >> SITE_BITS << SITE_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(site))
            }
        })
    }
}

/// `203.0.113.5`, `2001:db8:1:2::/64`
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => ip.fmt(f),
            IpAddr::V6(ip) => write!(f, "{ip}/{SITE_BITS}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_a_source_and_so_is_a_64_of_ipv6() {
        let source = |text: &str| Source::of(text.parse().unwrap()).to_string();
        assert_eq!(source("203.0.113.5"), "203.0.113.5");
        assert_eq!(source("::ffff:203.0.113.5"), "203.0.113.5");
        assert_eq!(source("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(source("2001:db8:1:2:ffff::"), source("2001:db8:1:2::1"));
        assert_ne!(source("2001:db8:1:3::"), source("2001:db8:1:2::1"));
    }
}
