//! Which of this machine's addresses faces a peer: asked of the kernel's routing table, remembered for a while.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;

/// Peers remembered. Past that all are forgotten at once: strangers may come from anywhere, and asking again is cheap.
const PEERS_MAX: usize = 4_096;

/// How long an answer is believed: routes change seldom, and a change must not need a restart.
const BELIEVED: Duration = Duration::from_secs(60);

/// Local addresses toward peers.
#[derive(Debug)]
pub(in crate::engine) struct Ways {
    clock: Clock,
    known: Map<IpAddr, (IpAddr, Moment)>,
}

impl Ways {
    /// Knows nothing yet.
    pub(in crate::engine) fn new(clock: Clock, key: u64) -> Self {
        Self {
            clock,
            known: keyed(key),
        }
    }

    /// Returns `bound`, with the address that faces `peer` in the place of a wildcard.
    pub(in crate::engine) fn local_for(&mut self, bound: SocketAddr, peer: IpAddr) -> SocketAddr {
        if bound.ip().is_unspecified() {
            SocketAddr::new(self.toward(peer), bound.port())
        } else {
            bound
        }
    }

    /// Returns the local address toward `peer`; loopback where the machine has no way there.
    pub(in crate::engine) fn toward(&mut self, peer: IpAddr) -> IpAddr {
        let now = self.clock.now();
        if let Some((local, since)) = self.known.get(&peer)
            && now - *since < BELIEVED
        {
            return *local;
        }
        let local = ask_kernel(peer).unwrap_or(match peer {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
        if self.known.len() >= PEERS_MAX {
            self.known.clear();
        }
        self.known.insert(peer, (local, now));
        local
    }
}

/// Connecting a UDP socket sends nothing and makes the kernel choose the source address.
fn ask_kernel(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // The port is never used; 9 is "discard" (RFC 863).
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_becomes_the_address_that_faces_the_peer() {
        let mut ways = Ways::new(Clock::start(), 1);
        let peer: IpAddr = "127.0.0.9".parse().unwrap();
        let local = ways.local_for("0.0.0.0:5060".parse().unwrap(), peer);
        assert!(local.ip().is_loopback());
        assert_eq!(local.port(), 5060);
        let bound = "127.0.0.5:5060".parse().unwrap();
        assert_eq!(ways.local_for(bound, peer), bound);
    }
}
