//! The table of trunks: whose packet is this, and where does a trunk's name lead now.
//!
//! A trunk is recognised by the Contact that we registered there, then by its own address and port or an `allow` with a
//! port, then by the longest `allow`. Without `allow` its own host counts like one, over its transport and where no other
//! trunk has an address on that host. Two trunks that match alike match not at all: the configuration check names them, and
//! guessing would bill the wrong one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::map::{Map, keyed};
use crate::call::contact::contact_user;
use crate::call::trunk::{Addresses, Allow, Trunk};
use crate::sip::transport::{Path, Transport};
use crate::sip::uri::Uri;

/// Every trunk, and where each leads now. Made anew when the configuration or a name's addresses change.
#[derive(Clone, Debug)]
pub struct Trunks {
    lines: Vec<Line>,
    by_id: Map<Arc<str>, usize>,
    by_contact: Map<String, usize>,
    exact: Map<SocketAddr, Claim>,
    /// The hosts in `exact`.
    hosts: Map<IpAddr, ()>,
    nets: Vec<Net>,
}

/// One trunk and where it leads.
#[derive(Clone, Debug)]
pub struct Line {
    /// As configured.
    pub trunk: Arc<Trunk>,
    /// Its addresses, in the order to try.
    pub addresses: Addresses,
}

/// Who claims an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Of(usize),
    Disputed,
}

impl Claim {
    /// Another claims the same, or the same one again.
    fn also(&mut self, line: usize) {
        if *self != Self::Of(line) {
            *self = Self::Disputed;
        }
    }
}

/// One network without a port.
#[derive(Clone, Copy, Debug)]
struct Net {
    address: IpAddr,
    prefix: u8,
    /// The host of a trunk without `allow`, over its transport. An `allow` that is as long wins.
    own: Option<Transport>,
    line: usize,
}

impl Trunks {
    /// Makes the table. Each trunk comes with the addresses that the shell found for its host.
    pub fn new(trunks: impl IntoIterator<Item = (Trunk, Addresses)>) -> Self {
        let lines: Vec<Line> = trunks
            .into_iter()
            .map(|(trunk, addresses)| Line {
                trunk: Arc::new(trunk),
                addresses,
            })
            .collect();
        Self::of_lines(lines)
    }

    /// Returns the table with other addresses for one trunk. An unknown id changes nothing.
    #[must_use]
    pub fn with_addresses(&self, id: &str, addresses: Addresses) -> Self {
        let mut lines = self.lines.clone();
        if let Some(line) = lines.iter_mut().find(|line| *line.trunk.id == *id) {
            line.addresses = addresses;
        }
        Self::of_lines(lines)
    }

    /// Finds the trunk whose registration this Request-URI is: nobody else was told it. Whoever overheard it must still come
    /// over TLS where the trunk does.
    pub fn registered(&self, uri: &Uri, path: &Path) -> Option<&Line> {
        let line = self.by_contact.get(uri.user()?)?;
        self.lines.get(*line).filter(|line| line.takes(path))
    }

    /// Finds the trunk that a message on this path comes from. One that is spoken to over TLS is taken over TLS alone: anybody
    /// can write its address into a datagram.
    pub fn recognise(&self, path: &Path) -> Option<&Line> {
        let peer = SocketAddr::new(path.peer.ip().to_canonical(), path.peer.port());
        let line = match self.exact.get(&peer) {
            Some(Claim::Of(line)) => *line,
            Some(Claim::Disputed) => return None,
            None => self.longest(peer.ip(), path.transport)?,
        };
        self.lines.get(line).filter(|line| line.takes(path))
    }

    /// Whether `ip` is a host of any trunk, or one that a trunk allows, over whatever protocol and from whatever port.
    ///
    /// A network of a trunk that must prove itself is no proof of anything: whoever is there is a stranger until it has, lest it
    /// guess the password for ever.
    pub fn has_host(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let is_told = |net: &&Net| {
            let line = self.lines.get(net.line);
            net.prefix >= width(net.address)
                || line.is_some_and(|line| line.trunk.inbound.is_none())
        };
        self.hosts.contains_key(&ip)
            || self
                .nets
                .iter()
                .filter(is_told)
                .any(|net| within(ip, net.address, net.prefix))
    }

    /// Returns the addresses that several trunks share, each with their names: nobody can say whose a call from there is.
    /// Trunks that register are told apart by their registrations.
    pub fn shared(&self) -> Vec<(SocketAddr, Vec<Arc<str>>)> {
        let claimed: BTreeSet<SocketAddr> = self.lines.iter().flat_map(Line::claims).collect();
        let disputed = claimed
            .into_iter()
            .filter(|address| self.exact.get(address) == Some(&Claim::Disputed));
        disputed
            .filter_map(|address| {
                let sharing = |line: &&Line| line.claims().any(|claimed| claimed == address);
                let sharing = self.lines.iter().filter(sharing);
                let unregistered = sharing.clone().any(|line| !line.trunk.register);
                let names = sharing.map(|line| Arc::clone(&line.trunk.id)).collect();
                unregistered.then_some((address, names))
            })
            .collect()
    }

    /// Finds a trunk by its `id`.
    pub fn by_id(&self, id: &str) -> Option<&Line> {
        self.by_id.get(id).and_then(|line| self.lines.get(*line))
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> std::slice::Iter<'_, Line> {
        self.lines.iter()
    }

    fn of_lines(lines: Vec<Line>) -> Self {
        // The table is looked into with addresses that strangers cannot choose freely; a fixed key is enough.
        let mut by_id = keyed(0);
        let mut by_contact = keyed(0);
        let mut exact = keyed(0);
        let mut hosts = keyed(0);
        let mut nets = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            by_id.entry(Arc::clone(&line.trunk.id)).or_insert(index);
            if let Some(user) = contact_user(&line.trunk) {
                by_contact.insert(user, index);
            }
            for address in line.claims() {
                let who = exact.entry(address).or_insert(Claim::Of(index));
                who.also(index);
                hosts.insert(address.ip(), ());
            }
            let open = line.trunk.allow.iter().filter(|allow| allow.port.is_none());
            nets.extend(open.map(|allow| Net {
                address: allow.address.to_canonical(),
                prefix: allow.prefix,
                own: None,
                line: index,
            }));
        }
        nets.extend(own_hosts(&lines));
        nets.sort_by_key(|net| (Reverse(net.prefix), net.own.is_some()));
        Self {
            lines,
            by_id,
            by_contact,
            exact,
            hosts,
            nets,
        }
    }

    fn longest(&self, ip: IpAddr, transport: Transport) -> Option<usize> {
        let fits = |net: &&Net| {
            net.own.is_none_or(|own| own == transport) && within(ip, net.address, net.prefix)
        };
        let mut fitting = self.nets.iter().filter(fits);
        let best = fitting.next()?;
        let disputed = fitting
            .take_while(|net| net.prefix == best.prefix && net.own == best.own)
            .any(|net| net.line != best.line);
        (!disputed).then_some(best.line)
    }
}

impl Default for Trunks {
    fn default() -> Self {
        Self::of_lines(Vec::new())
    }
}

impl Line {
    /// Whether `ip` is one of the trunk's hosts: the only places its secret may answer to.
    pub fn leads_to(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.own().any(|(_, address)| address.ip() == ip)
    }

    /// Whether what comes over this transport may be the trunk's: one that is spoken to over TLS is heard over TLS alone.
    fn takes(&self, path: &Path) -> bool {
        path.transport.is_secure() || !self.trunk.transport.is_secure()
    }

    /// The addresses with a port that are this trunk's.
    pub(in crate::call) fn claims(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.doors().map(|(_, address)| address)
    }

    /// The same, each with the protocol that is spoken there.
    fn doors(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        let with_port = |allow: &Allow| {
            let port = allow.port?;
            let address = SocketAddr::new(allow.address.to_canonical(), port);
            Some((self.trunk.transport, address))
        };
        self.own()
            .chain(self.trunk.allow.iter().filter_map(with_port))
    }

    fn own(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        self.addresses.0.iter().map(|place| {
            let address = SocketAddr::new(place.address.ip().to_canonical(), place.address.port());
            (place.transport, address)
        })
    }
}

/// The hosts that trunks without `allow` are taken from at any port: a stream leaves from any, and so do the datagrams of many
/// carriers. A host where another trunk lives too is nobody's: there the port alone tells whose a call is.
fn own_hosts(lines: &[Line]) -> Vec<Net> {
    let mut hosts: BTreeMap<(IpAddr, Transport), Claim> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        for (transport, address) in line.doors() {
            let host = hosts.entry((address.ip(), transport));
            let who = host.or_insert(Claim::Of(index));
            who.also(index);
        }
    }
    let mut nets = Vec::new();
    for ((address, transport), who) in hosts {
        let Claim::Of(line) = who else { continue };
        let bare = lines
            .get(line)
            .is_some_and(|one| one.trunk.allow.is_empty());
        if bare {
            nets.push(Net {
                address,
                prefix: width(address),
                own: Some(transport),
                line,
            });
        }
    }
    nets
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// Whether the first `prefix` bits of both are the same.
fn within(ip: IpAddr, net: IpAddr, prefix: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let rest = 32_u32.saturating_sub(u32::from(prefix));
            (ip.to_bits() ^ net.to_bits())
                .checked_shr(rest)
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let rest = 128_u32.saturating_sub(u32::from(prefix));
            (ip.to_bits() ^ net.to_bits())
                .checked_shr(rest)
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests;
