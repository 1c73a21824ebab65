//! Our own addresses: where messages leave from, and what Via and Contact call it (RFC 3261 18.1.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::sip::endpoint::Hop;
use crate::sip::endpoint::matching::Branch;
use crate::sip::transport::{Path, Transport};

/// The listening sockets.
pub(super) struct Listeners(Vec<Listener>);

struct Listener {
    transport: Transport,
    address: SocketAddr,
    /// `host:port`, as Via and Contact write it.
    sent_by: String,
}

impl Listeners {
    pub(super) fn new(advertise: Option<&str>, listeners: &[(Transport, SocketAddr)]) -> Self {
        let one = |&(transport, address): &(Transport, SocketAddr)| Listener {
            transport,
            address,
            sent_by: sent_by(advertise, address),
        };
        Self(listeners.iter().map(one).collect())
    }

    /// Returns the way to `hop`, from the address that it names or else the first socket that speaks its protocol and
    /// family. Where there is none, neither is there a Via for that way.
    pub(super) fn path(&self, hop: &Hop) -> Path {
        let local = match (self.find(hop), hop.local) {
            (Some(listener), Some(named)) if listener.serves(named) => named,
            (Some(listener), _) => listener.address,
            (None, _) => hop.peer,
        };
        Path {
            transport: hop.transport,
            local,
            peer: hop.peer,
            flow: hop.flow,
        }
    }

    /// Returns what Via and Contact call the socket that serves `hop`.
    pub(super) fn sent_by(&self, hop: &Hop) -> Option<&str> {
        self.find(hop).map(|listener| listener.sent_by.as_str())
    }

    /// Returns the Via of a request that goes along `path`.
    pub(super) fn via(&self, path: &Path, branch: Branch) -> Option<OurVia<'_>> {
        let listener = self
            .0
            .iter()
            .find(|listener| listener.transport == path.transport && listener.serves(path.local))?;
        Some(OurVia {
            transport: path.transport,
            sent_by: &listener.sent_by,
            branch,
        })
    }

    fn find(&self, hop: &Hop) -> Option<&Listener> {
        let fits = |listener: &&Listener| {
            listener.transport == hop.transport && listener.address.is_ipv4() == hop.peer.is_ipv4()
        };
        let named = |listener: &&Listener| hop.local.is_some_and(|local| listener.serves(local));
        let mut fitting = self.0.iter().filter(fits);
        fitting.clone().find(named).or_else(|| fitting.next())
    }
}

impl Listener {
    /// Whether what is sent from `local` is sent from this socket: a wildcard has every address.
    fn serves(&self, local: SocketAddr) -> bool {
        self.address == local
            || (self.address.ip().is_unspecified()
                && self.address.port() == local.port()
                && self.address.is_ipv4() == local.is_ipv4())
    }
}

/// The Via of a request of ours, with the source port asked for (RFC 3581).
pub(super) struct OurVia<'a> {
    transport: Transport,
    sent_by: &'a str,
    branch: Branch,
}

impl fmt::Display for OurVia<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SIP/2.0/")?;
        f.write_str(self.transport.token())?;
        f.write_str(" ")?;
        f.write_str(self.sent_by)?;
        f.write_str(";rport;branch=")?;
        self.branch.fmt(f)
    }
}

/// The advertised host stands for every address of its family; a name stands for all.
fn sent_by(advertise: Option<&str>, address: SocketAddr) -> String {
    let bare = advertise.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let host = bare.filter(|host| match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_ipv4() == address.is_ipv4(),
        Err(_a_name) => true,
    });
    match host {
        Some(host) if host.contains(':') => format!("[{host}]:{}", address.port()),
        Some(host) => format!("{host}:{}", address.port()),
        None => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertised_host_stands_for_addresses_of_its_family() {
        let v4 = "10.0.0.1:5060".parse().unwrap();
        let v6 = "[fd00::1]:5060".parse().unwrap();
        let said = |advertise, address| sent_by(advertise, address);
        assert_eq!(said(None, v4), "10.0.0.1:5060");
        assert_eq!(said(None, v6), "[fd00::1]:5060");
        assert_eq!(said(Some("192.0.2.1"), v4), "192.0.2.1:5060");
        assert_eq!(said(Some("192.0.2.1"), v6), "[fd00::1]:5060");
        assert_eq!(said(Some("2001:db8::1"), v6), "[2001:db8::1]:5060");
        assert_eq!(said(Some("[2001:db8::1]"), v6), "[2001:db8::1]:5060");
        assert_eq!(said(Some("sbc.example.com"), v6), "sbc.example.com:5060");
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
            Some((path.transport, path.local.to_string(), sent_by.to_owned()))
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
        assert_eq!(listeners.sent_by(&hop), Some("sbc.example.com:5070"));
    }
}
