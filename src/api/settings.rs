//! What the admin says of HTTP: `[web]`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::Uri;

use crate::engine::tls::Served;
use crate::people::session::Lifetime;

/// `[web]` as meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where HTTP listens; see [`Self::binds`].
    pub listen: Option<SocketAddr>,
    /// The certificate that is shown; `None`: plain HTTP.
    pub tls: Option<Served>,
    /// Whose word is taken for where a request came from.
    pub trusted_proxies: Vec<Network>,
    /// What browsers call the pages, where it is a name.
    pub public_urls: Vec<PublicUrl>,
    /// How long a session holds.
    pub session: Lifetime,
}

impl Settings {
    /// The address that is listened on. Without users there is nobody to tell apart: whatever `listen` says, only this machine
    /// is answered. Calls do not depend on the pages, so that an address for everybody is no reason not to start.
    pub fn binds(&self, has_users: bool) -> Option<SocketAddr> {
        let listen = self.listen?;
        if has_users || listen.ip().to_canonical().is_loopback() {
            return Some(listen);
        }
        let loopback: IpAddr = match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        Some(SocketAddr::new(loopback, listen.port()))
    }

    /// Whether `address` is a proxy's whose word is taken.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(address))
    }
}

/// Addresses with the same beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads an address, or a network as `10.0.0.0/24`; `None`: it is neither, or has bits behind its prefix.
    pub fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let network = match address {
            IpAddr::V4(_) => Self {
                address,
                prefix: prefix.unwrap_or(32),
            },
            IpAddr::V6(_) => Self {
                address,
                prefix: prefix.unwrap_or(128),
            },
        };
        let rest = match address {
            IpAddr::V4(v4) if network.prefix <= 32 => {
                v4.to_bits().checked_shl(network.prefix).unwrap_or(0) == 0
            }
            IpAddr::V6(v6) if network.prefix <= 128 => {
                v6.to_bits().checked_shl(network.prefix).unwrap_or(0) == 0
            }
            IpAddr::V4(_) | IpAddr::V6(_) => false,
        };
        rest.then_some(network)
    }

    /// Whether every address is in it.
    pub const fn is_everybody(&self) -> bool {
        self.prefix == 0
    }

    /// Whether `address` is in it; IPv4 within IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What browsers call the pages: scheme, host and port, as an `Origin` says them (RFC 6454 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    authority: String,
}

impl PublicUrl {
    /// Reads `https://calls.example.com`, with a port where it is not the scheme's own; a slash at the end is let pass.
    pub fn read(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, own_port) = match uri.scheme_str()? {
            "https" => ("https", 443),
            "http" => ("http", 80),
            _ => return None,
        };
        let authority = uri.authority()?;
        if !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
            || authority.as_str().contains('@')
        {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return None;
        }
        let port = authority.port_u16().filter(|port| *port != own_port);
        let authority = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Some(Self { scheme, authority })
    }

    /// Its host, without a port, in lower case; IPv6 in brackets.
    pub fn host(&self) -> &str {
        let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        match self.authority.rsplit_once(':') {
            Some((host, port)) if is_port(port) => host,
            Some(_) | None => &self.authority,
        }
    }
}

/// As an origin.
impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_users_only_this_machine_is_answered() {
        let binds = |listen: &str, has_users| {
            let settings = Settings {
                listen: Some(listen.parse().unwrap()),
                ..Settings::default()
            };
            settings.binds(has_users).unwrap().to_string()
        };
        assert_eq!(binds("0.0.0.0:8080", false), "127.0.0.1:8080");
        assert_eq!(binds("[::]:8080", false), "[::1]:8080");
        assert_eq!(binds("127.0.7.1:8080", false), "127.0.7.1:8080");
        assert_eq!(binds("0.0.0.0:8080", true), "0.0.0.0:8080");
        assert_eq!(Settings::default().binds(true), None);
    }

    #[test]
    fn a_public_url_is_an_origin() {
        let read =
            |text: &str| PublicUrl::read(text).map(|url| (url.to_string(), url.host().to_owned()));
        let both = |origin: &str, host: &str| Some((origin.to_owned(), host.to_owned()));
        assert_eq!(
            read("https://Calls.Example.com:443/"),
            both("https://calls.example.com", "calls.example.com")
        );
        assert_eq!(
            read("http://a.example:8080"),
            both("http://a.example:8080", "a.example")
        );
        assert_eq!(
            read("https://[2001:db8::1]:8443"),
            both("https://[2001:db8::1]:8443", "[2001:db8::1]")
        );
        assert_eq!(
            read("https://[2001:db8::1]"),
            both("https://[2001:db8::1]", "[2001:db8::1]")
        );
        for wrong in [
            "calls.example.com",
            "https://",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "/",
            "",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
