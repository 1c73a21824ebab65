//! Our own addresses: where messages leave from, and what Via and Contact call it (RFC 3261 18.1.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::base::map::{Map, keyed};
use crate::sip::endpoint::Hop;
use crate::sip::endpoint::matching::Branch;
use crate::sip::host::unbracketed;
use crate::sip::transport::{Path, Transport};

/// The listening sockets, and which of our addresses faces whom.
pub(super) struct Listeners {
    sockets: Vec<Listener>,
    /// The local address toward a peer: what a wildcard socket is called there.
    facing: Map<IpAddr, IpAddr>,
}

struct Listener {
    transport: Transport,
    address: SocketAddr,
    /// `host:port` toward everybody; `None`: a wildcard, which is called by the address that faces the peer.
    fixed: Option<String>,
}

impl Listeners {
    pub(super) fn new(advertise: Option<&str>, listeners: &[(Transport, SocketAddr)]) -> Self {
        let one = |&(transport, address): &(Transport, SocketAddr)| Listener {
            transport,
            address,
            fixed: fixed(advertise, address),
        };
        Self {
            sockets: listeners.iter().map(one).collect(),
            // Its keys are addresses that the admin wrote or resolved; a fixed key is enough.
            facing: keyed(0),
        }
    }

    /// Learns the local addresses toward peers, in the place of those learned before.
    pub(super) fn face(&mut self, facing: impl IntoIterator<Item = (IpAddr, IpAddr)>) {
        self.facing.clear();
        self.facing.extend(facing);
    }

    /// Returns the way to `hop`, from the address that it names, else from the one that faces the peer, else from the first
    /// socket that speaks its protocol and family. Where there is none, neither is there a Via for that way.
    pub(super) fn path(&self, hop: &Hop) -> Path {
        let found = self.find(hop);
        Path {
            transport: hop.transport,
            local: found.map_or(hop.peer, |(_, local)| local),
            peer: hop.peer,
            flow: hop.flow,
        }
    }

    /// Returns what Via and Contact call the socket that serves `hop`.
    pub(super) fn sent_by(&self, hop: &Hop) -> Option<SentBy<'_>> {
        self.find(hop)
            .map(|(listener, local)| listener.called(local))
    }

    /// Returns the Via of a request that goes along `path`.
    pub(super) fn via(&self, path: &Path, branch: Branch) -> Option<OurVia<'_>> {
        let listener = self.sockets.iter().find(|listener| {
            listener.transport == path.transport
                && listener.has(path.local.ip())
                && listener.address.port() == path.local.port()
        })?;
        Some(OurVia {
            transport: path.transport,
            sent_by: listener.called(path.local),
            branch,
        })
    }

    /// The socket for `hop`, and its address there. A connection that we opened leaves from a port that no socket listens
    /// on, so the address counts before the port.
    fn find(&self, hop: &Hop) -> Option<(&Listener, SocketAddr)> {
        let named = hop.local.filter(|local| !local.ip().is_unspecified());
        let ip = named
            .map(|local| local.ip())
            .or_else(|| self.facing.get(&hop.peer.ip()).copied());
        let fitting = self.sockets.iter().filter(|listener| {
            listener.transport == hop.transport && listener.address.is_ipv4() == hop.peer.is_ipv4()
        });
        // The first of the best: the address and port, then the address, then any.
        let listener = fitting.rev().max_by_key(|listener| {
            let has = ip.is_some_and(|ip| listener.has(ip));
            let port = named.is_some_and(|local| local.port() == listener.address.port());
            (has, has && port)
        })?;
        let local = match ip {
            Some(ip) if listener.has(ip) => SocketAddr::new(ip, listener.address.port()),
            Some(_) | None => listener.address,
        };
        Some((listener, local))
    }
}

impl Listener {
    /// Whether what is sent from `local` can be sent from this socket: a wildcard has every address of its family.
    fn has(&self, local: IpAddr) -> bool {
        let mine = self.address.ip();
        mine == local || (mine.is_unspecified() && mine.is_ipv4() == local.is_ipv4())
    }

    /// What Via and Contact call this socket where its address is `local`.
    fn called(&self, local: SocketAddr) -> SentBy<'_> {
        match &self.fixed {
            Some(fixed) => SentBy::Fixed(fixed),
            None => SentBy::Facing(local),
        }
    }
}

/// `host:port`, as Via and Contact write it.
pub(super) enum SentBy<'a> {
    /// Toward everybody.
    Fixed(&'a str),
    /// The address that faces the peer.
    Facing(SocketAddr),
}

impl fmt::Display for SentBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(text) => f.write_str(text),
            Self::Facing(address) => address.fmt(f),
        }
    }
}

/// The Via of a request of ours, with the source port asked for (RFC 3581).
pub(super) struct OurVia<'a> {
    transport: Transport,
    sent_by: SentBy<'a>,
    branch: Branch,
}

impl fmt::Display for OurVia<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SIP/2.0/")?;
        f.write_str(self.transport.token())?;
        f.write_str(" ")?;
        self.sent_by.fmt(f)?;
        f.write_str(";rport;branch=")?;
        self.branch.fmt(f)
    }
}

/// The advertised host stands for every address of its family; a name stands for all. A wildcard without one has no name
/// that would do for every peer.
fn fixed(advertise: Option<&str>, address: SocketAddr) -> Option<String> {
    let bare = advertise.map(unbracketed);
    let host = bare.filter(|host| match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_ipv4() == address.is_ipv4(),
        Err(_a_name) => true,
    });
    match host {
        Some(host) if host.contains(':') => Some(format!("[{host}]:{}", address.port())),
        Some(host) => Some(format!("{host}:{}", address.port())),
        None => (!address.ip().is_unspecified()).then(|| address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertised_host_stands_for_addresses_of_its_family() {
        let v4 = "10.0.0.1:5060".parse().unwrap();
        let v6 = "[fd00::1]:5060".parse().unwrap();
        let said = |advertise, address| fixed(advertise, address).unwrap();
        assert_eq!(said(None, v4), "10.0.0.1:5060");
        assert_eq!(said(None, v6), "[fd00::1]:5060");
        assert_eq!(said(Some("192.0.2.1"), v4), "192.0.2.1:5060");
        assert_eq!(said(Some("192.0.2.1"), v6), "[fd00::1]:5060");
        assert_eq!(said(Some("2001:db8::1"), v6), "[2001:db8::1]:5060");
        assert_eq!(said(Some("[2001:db8::1]"), v6), "[2001:db8::1]:5060");
        assert_eq!(said(Some("sbc.example.com"), v6), "sbc.example.com:5060");
        let any = "0.0.0.0:5060".parse().unwrap();
        assert_eq!(fixed(None, any), None);
        assert_eq!(fixed(Some("2001:db8::1"), any), None);
    }

    #[test]
    fn a_message_leaves_from_the_socket_that_fits() {
        let addresses = [
            (Transport::Udp, "10.0.0.1:5060".parse().unwrap()),
            (Transport::Udp, "10.0.0.2:5070".parse().unwrap()),
            (Transport::Tcp, "10.0.0.1:5060".parse().unwrap()),
        ];
        let listeners = Listeners::new(None, &addresses);
        let from = |transport, peer: &str, local: Option<&str>| {
            let hop = Hop {
                transport,
                peer: peer.parse().unwrap(),
                local: local.map(|local| local.parse().unwrap()),
                flow: None,
            };
            let path = listeners.path(&hop);
            let sent_by = listeners.sent_by(&hop)?;
            Some((path.transport, path.local.to_string(), sent_by.to_string()))
        };
        let found =
            |transport, address: &str| Some((transport, address.to_owned(), address.to_owned()));
        let udp = Transport::Udp;
        assert_eq!(from(udp, "1.2.3.4:5060", None), found(udp, "10.0.0.1:5060"));
        assert_eq!(
            from(udp, "1.2.3.4:5060", Some("10.0.0.2:5070")),
            found(udp, "10.0.0.2:5070")
        );
        assert_eq!(
            from(Transport::Tcp, "1.2.3.4:5060", Some("10.0.0.1:40000")),
            found(Transport::Tcp, "10.0.0.1:5060")
        );
        assert_eq!(from(udp, "[::1]:5060", None), None);
    }

    #[test]
    fn a_wildcard_socket_serves_each_of_its_addresses() {
        let listeners = Listeners::new(
            Some("sbc.example.com"),
            &[
                (Transport::Udp, "0.0.0.0:5060".parse().unwrap()),
                (Transport::Udp, "0.0.0.0:5070".parse().unwrap()),
            ],
        );
        let hop = Hop {
            local: Some("10.0.0.2:5070".parse().unwrap()),
            ..Hop::to(Transport::Udp, "1.2.3.4:5060".parse().unwrap())
        };
        assert_eq!(listeners.path(&hop).local, hop.local.unwrap());
        let sent_by = listeners.sent_by(&hop).unwrap().to_string();
        assert_eq!(sent_by, "sbc.example.com:5070");
    }

    #[test]
    fn a_wildcard_socket_is_called_by_the_address_that_faces_each_peer() {
        let mut listeners = Listeners::new(
            None,
            &[
                (Transport::Udp, "0.0.0.0:5060".parse().unwrap()),
                (Transport::Udp, "[::]:5060".parse().unwrap()),
                (Transport::Tcp, "0.0.0.0:5060".parse().unwrap()),
            ],
        );
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        listeners.face([
            (ip("203.0.113.9"), ip("198.51.100.1")),
            (ip("10.0.0.9"), ip("10.0.0.1")),
            (ip("fd00::9"), ip("fd00::1")),
        ]);
        let called = |transport, peer: &str| {
            let hop = Hop::to(transport, peer.parse().unwrap());
            let path = listeners.path(&hop);
            let sent_by = listeners.sent_by(&hop).unwrap().to_string();
            assert_eq!(path.local.to_string(), sent_by);
            assert!(
                listeners
                    .via(
                        &path,
                        Branch::new(&mut crate::base::chance::Chance::from_number(1))
                    )
                    .unwrap()
                    .to_string()
                    .contains(&sent_by)
            );
            // Nothing is known of the near end of a way that no message has come yet.
            let unknown = Hop {
                local: Some("0.0.0.0:0".parse().unwrap()),
                ..hop
            };
            assert_eq!(listeners.path(&unknown), path);
            sent_by
        };
        assert_eq!(
            called(Transport::Udp, "203.0.113.9:5060"),
            "198.51.100.1:5060"
        );
        assert_eq!(
            called(Transport::Tcp, "203.0.113.9:5066"),
            "198.51.100.1:5060"
        );
        assert_eq!(called(Transport::Udp, "10.0.0.9:5060"), "10.0.0.1:5060");
        assert_eq!(called(Transport::Udp, "[fd00::9]:5060"), "[fd00::1]:5060");
        // A connection that we opened: its own address, the port that we listen on.
        let back = Hop {
            local: Some("10.0.0.1:40000".parse().unwrap()),
            ..Hop::to(Transport::Tcp, "10.0.0.9:5060".parse().unwrap())
        };
        assert_eq!(
            listeners.sent_by(&back).unwrap().to_string(),
            "10.0.0.1:5060"
        );
    }

    #[test]
    fn of_several_sockets_the_one_that_faces_the_peer_is_taken() {
        let mut listeners = Listeners::new(
            None,
            &[
                (Transport::Udp, "198.51.100.1:5060".parse().unwrap()),
                (Transport::Udp, "10.0.0.1:5060".parse().unwrap()),
            ],
        );
        let hop = Hop::to(Transport::Udp, "10.0.0.9:5060".parse().unwrap());
        assert_eq!(listeners.path(&hop).local.to_string(), "198.51.100.1:5060");
        listeners.face([(hop.peer.ip(), "10.0.0.1".parse().unwrap())]);
        assert_eq!(listeners.path(&hop).local.to_string(), "10.0.0.1:5060");
    }
}
