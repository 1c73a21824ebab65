//! Where a host can be reached: protocol, address, and the order in which several are tried (RFC 3263 4.2, RFC 2782).

use std::net::SocketAddr;

use crate::base::chance::Chance;
use crate::sip::endpoint::Hop;
use crate::sip::transport::Transport;

/// One place where a host can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Places of a lower rank are tried first.
    pub rank: u16,
    /// Which server of its rank lives there: a server with several addresses is one choice.
    pub server: u16,
    /// How often its server is chosen first among those of its rank, in proportion (RFC 2782).
    pub weight: u16,
    /// The protocol spoken there.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
}

impl Place {
    /// The place of a host that is known by nothing but an address.
    pub const fn plain(transport: Transport, address: SocketAddr) -> Self {
        Self {
            rank: 0,
            server: 0,
            weight: 0,
            transport,
            address,
        }
    }

    /// The way there.
    pub const fn hop(&self) -> Hop {
        Hop::to(self.transport, self.address)
    }

    /// Whether both are the same door, however they are ranked.
    pub fn is_at(&self, other: &Self) -> bool {
        self.transport == other.transport && self.address == other.address
    }
}

/// Returns `places` in the order in which one request tries them: by rank, and within a rank by a draw of servers according
/// to their weights. Addresses of one server stay together, in the order in which they were given.
pub fn in_order(places: &[Place], chance: &mut Chance) -> Vec<Place> {
    let mut ranks: Vec<u16> = places.iter().map(|place| place.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut ordered = Vec::with_capacity(places.len());
    for rank in ranks {
        let of_rank = |place: &&Place| place.rank == rank;
        let mut servers: Vec<(u16, u16)> = Vec::new();
        for place in places.iter().filter(of_rank) {
            if !servers.iter().any(|(server, _)| *server == place.server) {
                servers.push((place.server, place.weight));
            }
        }
        // Those of weight 0 first, so that they have their small chance (RFC 2782, "Weight").
        servers.sort_by_key(|(_, weight)| *weight > 0);
        while let Some(server) = draw(&mut servers, chance) {
            ordered.extend(places.iter().filter(of_rank).filter(|p| p.server == server));
        }
    }
    ordered
}

/// Takes one server out of those of a rank: the first whose running sum of weights reaches a random number up to the whole.
fn draw(servers: &mut Vec<(u16, u16)>, chance: &mut Chance) -> Option<u16> {
    let sum: u64 = servers.iter().map(|(_, weight)| u64::from(*weight)).sum();
    // A single server needs no draw, so that most trunks take nothing from the stream of chance.
    let mark = if servers.len() > 1 {
        chance.below(sum + 1)
    } else {
        0
    };
    let mut running = 0;
    let reaches = |(_, weight): &(u16, u16)| {
        running += u64::from(*weight);
        running >= mark
    };
    let at = servers.iter().position(reaches)?;
    Some(servers.remove(at).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(rank: u16, server: u16, weight: u16, address: &str) -> Place {
        Place {
            rank,
            server,
            weight,
            ..Place::plain(Transport::Udp, address.parse().unwrap())
        }
    }

    fn servers(places: &[Place], chance: &mut Chance) -> Vec<u16> {
        in_order(places, chance).iter().map(|p| p.server).collect()
    }

    #[test]
    fn the_lowest_rank_comes_first_and_a_servers_addresses_stay_together() {
        let places = [
            place(1, 2, 0, "192.0.2.3:5060"),
            place(0, 0, 5, "192.0.2.1:5060"),
            place(0, 0, 5, "[2001:db8::1]:5060"),
            place(0, 1, 5, "192.0.2.2:5070"),
        ];
        for seed in 0..20 {
            let order = servers(&places, &mut Chance::from_number(seed));
            assert!(order == [0, 0, 1, 2] || order == [1, 0, 0, 2], "{order:?}");
        }
        assert!(in_order(&[], &mut Chance::from_number(1)).is_empty());
    }

    #[test]
    fn weights_say_how_often_a_server_comes_first() {
        let places = [
            place(0, 0, 60, "192.0.2.1:5060"),
            place(0, 1, 30, "192.0.2.2:5060"),
            place(0, 2, 10, "192.0.2.3:5060"),
            place(0, 3, 0, "192.0.2.4:5060"),
        ];
        let mut chance = Chance::from_number(7);
        let mut first = [0_u32; 4];
        for _ in 0..10_000 {
            let order = servers(&places, &mut chance);
            assert_eq!(order.len(), 4);
            first[usize::from(order[0])] += 1;
        }
        // Weight 0 is drawn when the number is 0: once in a hundred and one.
        for (server, (from, to)) in [
            (0, (5_700, 6_200)),
            (1, (2_800, 3_200)),
            (2, (850, 1_150)),
            (3, (50, 150)),
        ] {
            assert!((from..to).contains(&first[server]), "{first:?}");
        }
    }

    #[test]
    fn servers_without_weights_keep_their_order() {
        let places = [
            place(0, 0, 0, "192.0.2.1:5060"),
            place(0, 1, 0, "192.0.2.2:5060"),
        ];
        let mut chance = Chance::from_number(3);
        assert_eq!(servers(&places, &mut chance), [0, 1]);
    }
}
