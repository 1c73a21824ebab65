//! Where a request really came from: the connection, or what a trusted proxy says of it. Pure.
//!
//! A proxy's headers are believed only when the connection comes from one of `[web] trusted_proxies`; from anybody else they
//! are as if they were not there. `X-Forwarded-For` goes before `Forwarded` (RFC 7239): proxies write the first, and pass the
//! second on as a stranger wrote it.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{FORWARDED, HOST, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::api::settings::Settings;

/// Proxies in a row that are looked through; beyond them the last one is whoever asks.
const HOPS_MAX: usize = 16;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const NAMED: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The other end of a connection, put there by the server.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it spoke TLS to us.
    pub is_secure: bool,
}

/// Who asks, as far as the network tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Visitor {
    /// The address, IPv4 within IPv6 as IPv4; the port is 0 where a proxy does not tell it.
    pub(in crate::api) address: SocketAddr,
    /// Whether the browser speaks TLS.
    pub(in crate::api) is_secure: bool,
    /// What the browser calls us, in lower case, with the port where it is written.
    pub(in crate::api) host: Authority,
}

/// Why it cannot be said what the browser calls us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::api) enum NoHost {
    /// Nothing names a host.
    #[error("the request names no host; HTTP/1.1 asks for a Host header")]
    Absent,
    /// Several headers do.
    #[error("the request names two hosts")]
    Several,
    /// What is there names none.
    #[error("the Host header names no host")]
    Unreadable,
    /// The request's target names another one than its header.
    #[error("the request's target names another host than its Host header")]
    Two,
}

impl Visitor {
    /// Reads it from a request.
    pub(in crate::api) fn of(
        peer: Peer,
        headers: &HeaderMap,
        target: &Uri,
        settings: &Settings,
    ) -> Result<Self, NoHost> {
        let own = host(headers)?;
        if target
            .authority()
            .is_some_and(|target| !is_same(target, &own))
        {
            return Err(NoHost::Two);
        }
        let address = SocketAddr::new(peer.address.ip().to_canonical(), peer.address.port());
        if !settings.trusts(address.ip()) {
            return Ok(Self {
                address,
                is_secure: peer.is_secure,
                host: own,
            });
        }
        let told = match told_by_x_headers(headers, settings) {
            Some(told) => Some(told),
            None => told_by_forwarded(headers, settings),
        };
        let Some(told) = told else {
            return Ok(Self {
                address,
                is_secure: peer.is_secure,
                host: own,
            });
        };
        Ok(Self {
            address: told.address.unwrap_or(address),
            is_secure: told.is_secure.unwrap_or(peer.is_secure),
            host: told.host.unwrap_or(own),
        })
    }
}

/// What a proxy says; `None` where it says nothing.
#[derive(Debug, Default)]
struct Told {
    address: Option<SocketAddr>,
    is_secure: Option<bool>,
    host: Option<Authority>,
}

fn told_by_x_headers(headers: &HeaderMap, settings: &Settings) -> Option<Told> {
    let names = [&FOR, &PROTO, &NAMED];
    if !names.into_iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let hops: Vec<_> = elements(headers, &FOR, ',').map(node).collect();
    Some(Told {
        address: nearest_stranger(&hops, settings).1,
        is_secure: elements(headers, &PROTO, ',').last().map(is_https),
        host: elements(headers, &NAMED, ',')
            .last()
            .and_then(|text| text.parse().ok()),
    })
}

fn told_by_forwarded(headers: &HeaderMap, settings: &Settings) -> Option<Told> {
    let elements: Vec<_> = elements(headers, &FORWARDED, ',').collect();
    let hops: Vec<_> = elements
        .iter()
        .map(|element| parameter(element, "for").and_then(node))
        .collect();
    let (place, address) = nearest_stranger(&hops, settings);
    // Proto and host are what that proxy saw which was next to the stranger.
    let element = elements.get(place?)?;
    Some(Told {
        address,
        is_secure: parameter(element, "proto").map(is_https),
        host: parameter(element, "host").and_then(|text| text.parse().ok()),
    })
}

/// Goes back from the nearest proxy to the first who is none of ours; what cannot be read ends the way, and who told it is
/// taken then.
fn nearest_stranger(
    hops: &[Option<SocketAddr>],
    settings: &Settings,
) -> (Option<usize>, Option<SocketAddr>) {
    let (mut place, mut found) = (None, None);
    for (at, hop) in hops.iter().enumerate().rev().take(HOPS_MAX) {
        let Some(hop) = hop else {
            place = place.or(Some(at));
            break;
        };
        (place, found) = (Some(at), Some(*hop));
        if !settings.trusts(hop.ip()) {
            break;
        }
    }
    (place, found)
}

fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    between: char,
) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(move |value| value.split(between))
        .map(str::trim)
}

/// A parameter of an element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// Reads `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn node(text: &str) -> Option<SocketAddr> {
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) => {
            let inner = text
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            SocketAddr::new(inner.unwrap_or(text).parse::<IpAddr>().ok()?, 0)
        }
    };
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

const fn is_https(text: &str) -> bool {
    text.eq_ignore_ascii_case("https")
}

fn host(headers: &HeaderMap) -> Result<Authority, NoHost> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes().try_into().map_err(|_| NoHost::Unreadable),
        (None, _) => Err(NoHost::Absent),
        (Some(_), Some(_)) => Err(NoHost::Several),
    }
}

/// Whether two authorities name the same host; user and port say nothing of that.
fn is_same(one: &Authority, other: &Authority) -> bool {
    !one.as_str().contains('@') && one.host().eq_ignore_ascii_case(other.host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::settings::Network;

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> Visitor {
        let settings = Settings {
            trusted_proxies: ["127.0.0.1", "10.0.0.0/8"]
                .map(|text| Network::read(text).unwrap())
                .into(),
            ..Settings::default()
        };
        let mut map = HeaderMap::new();
        map.insert(HOST, "inner:8080".parse().unwrap());
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let peer = Peer {
            address: peer.parse().unwrap(),
            is_secure: false,
        };
        Visitor::of(peer, &map, &"/calls".parse().unwrap(), &settings).unwrap()
    }

    #[test]
    fn headers_of_whoever_is_no_proxy_are_as_if_they_were_not_there() {
        let headers = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=192.0.2.7;proto=https;host=evil.example"),
        ];
        let visitor = seen("198.51.100.1:4711", &headers);
        assert_eq!(visitor.address.to_string(), "198.51.100.1:4711");
        assert!(!visitor.is_secure);
        assert_eq!(visitor.host, "inner:8080");
        assert_eq!(
            seen("[::ffff:198.51.100.1]:1", &headers)
                .address
                .to_string(),
            "198.51.100.1:1"
        );
    }

    #[test]
    fn a_trusted_proxy_tells_who_asks_and_by_which_name() {
        let visitor = seen(
            "127.0.0.1:1",
            &[
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "Calls.example.com"),
            ],
        );
        assert_eq!(visitor.address.to_string(), "192.0.2.7:0");
        assert!(visitor.is_secure);
        assert_eq!(visitor.host, "calls.example.com");
        let visitor = seen(
            "127.0.0.1:1",
            &[(
                "forwarded",
                "for=\"[2001:db8::7]:4711\";proto=https;host=calls.example.com",
            )],
        );
        assert_eq!(visitor.address.to_string(), "[2001:db8::7]:4711");
        assert!(visitor.is_secure);
        assert_eq!(seen("127.0.0.1:1", &[]).address.to_string(), "127.0.0.1:1");
    }

    #[test]
    fn what_a_visitor_writes_before_the_proxy_is_not_believed() {
        let told = |value: &str| {
            seen("127.0.0.1:1", &[("x-forwarded-for", value)])
                .address
                .ip()
                .to_string()
        };
        assert_eq!(told("1.2.3.4, 192.0.2.7"), "192.0.2.7");
        assert_eq!(told("127.0.0.1, 192.0.2.7"), "192.0.2.7");
        assert_eq!(told("1.2.3.4, 192.0.2.7, 10.1.1.1"), "192.0.2.7");
        assert_eq!(told("10.2.2.2, 10.1.1.1"), "10.2.2.2");
        assert_eq!(told("1.2.3.4, unknown"), "127.0.0.1");
        assert_eq!(told("1.2.3.4, nonsense, 10.1.1.1"), "10.1.1.1");
        // A proxy that writes the one header passes the other on.
        let both = seen(
            "127.0.0.1:1",
            &[
                ("x-forwarded-for", "192.0.2.7"),
                ("forwarded", "for=10.0.0.9;proto=https"),
            ],
        );
        assert_eq!(
            (both.address.ip().to_string().as_str(), both.is_secure),
            ("192.0.2.7", false)
        );
        let chain = seen(
            "127.0.0.1:1",
            &[(
                "forwarded",
                "for=1.2.3.4;proto=http, for=192.0.2.7;proto=https, for=10.1.1.1;proto=http",
            )],
        );
        assert_eq!(
            (chain.address.ip().to_string().as_str(), chain.is_secure),
            ("192.0.2.7", true)
        );
    }
}
