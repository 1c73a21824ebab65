//! The port pool ●: binds RTP on an even port and RTCP on the next (RFC 3550 section 11).
//!
//! A released pair rests and comes back oldest first, so that late sound of one call never enters
//! the next. A port that another program holds is passed over. Who may send to the sockets is
//! `latch.rs`'s to say.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::base::time::Moment;
use crate::media::command::Pair;
use crate::media::settings::Settings;

/// How long a released pair rests: longer than any packet stays under way in practice.
pub const REST: Duration = Duration::from_secs(1);

/// Pairs tried for one leg when other programs hold ports of the range. Enough to step over a
/// neighbour's cluster of ports, few enough (about 0.2 ms) not to hold up the engine.
const TRIES_MAX: usize = 32;

/// Expedited forwarding (RFC 3246), DSCP 46, in the upper six bits of the octet.
const TOS_EF: u32 = 46 << 2;

/// Why there are no ports for a leg.
#[derive(Debug, thiserror::Error)]
pub enum NoPorts {
    /// Every pair is in use or rests.
    #[error("all {pairs} media port pairs are in use; widen [media] ports")]
    UsedUp {
        /// How many pairs the range has.
        pairs: usize,
    },
    /// Other programs hold the ports that were tried.
    #[error(
        "another program holds {tried} media port pairs from {first}; give [media] ports a range of its own"
    )]
    Taken {
        /// The first RTP port tried.
        first: u16,
        /// How many pairs were tried.
        tried: usize,
    },
    /// The machine refused: no such local address, no descriptors left.
    #[error("binding a media port pair on {address}: {source}")]
    Bind {
        /// What was to be bound.
        address: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// The free port pairs of `[media] ports`.
#[derive(Debug)]
pub struct PortPool {
    /// RTP ports with the moment from which each may be bound, soonest first.
    free: VecDeque<(u16, Moment)>,
    /// Which pairs exist: the first RTP port, and how many.
    first: u16,
    pairs: usize,
}

impl PortPool {
    /// Makes the pool of the whole pairs in `port_min..=port_max`.
    pub fn new(settings: &Settings) -> Self {
        let first = settings.port_min.checked_next_multiple_of(2);
        let free: VecDeque<_> = first
            .into_iter()
            .flat_map(|first| (first..settings.port_max).step_by(2))
            .map(|port| (port, Moment::START))
            .collect();
        Self {
            pairs: free.len(),
            first: first.unwrap_or(u16::MAX),
            free,
        }
    }

    /// Returns how many pairs the range has.
    pub const fn pairs(&self) -> usize {
        self.pairs
    }

    /// Returns how many pairs can be bound now. Admission asks this before it takes a call.
    pub fn free(&self, now: Moment) -> usize {
        self.free.partition_point(|(_, ready)| *ready <= now)
    }

    /// Returns how many pairs no leg holds, those that still rest included.
    pub fn unheld(&self) -> usize {
        self.free.len()
    }

    /// Binds the pair that has rested longest to `local`.
    ///
    /// # Errors
    ///
    /// No pair has rested enough, other programs hold those that were tried, or the kernel refuses.
    pub fn take(&mut self, local: IpAddr, now: Moment) -> Result<Pair, NoPorts> {
        let first = self.free.front().map_or(0, |(port, _)| *port);
        for tried in 0..TRIES_MAX {
            let Some(port) = self.next(now) else {
                return Err(match tried {
                    0 => NoPorts::UsedUp { pairs: self.pairs },
                    _ => NoPorts::Taken { first, tried },
                });
            };
            let address = SocketAddr::new(local, port);
            match bind_pair(address) {
                Ok(pair) => return Ok(pair),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    self.free.push_back((port, now + REST));
                }
                Err(source) => {
                    self.free.push_front((port, now));
                    return Err(NoPorts::Bind { address, source });
                }
            }
        }
        Err(NoPorts::Taken {
            first,
            tried: TRIES_MAX,
        })
    }

    /// Takes back a pair whose sockets are closed. A port that is not of this range is passed over,
    /// as in the report about a leg that never had any.
    pub fn release(&mut self, port: u16, now: Moment) {
        let place = port.checked_sub(self.first).map(usize::from);
        let ours = place.is_some_and(|place| place % 2 == 0 && place / 2 < self.pairs);
        if ours && self.free.len() < self.pairs {
            self.free.push_back((port, now + REST));
        }
    }

    fn next(&mut self, now: Moment) -> Option<u16> {
        let (port, ready) = *self.free.front()?;
        if ready > now {
            return None;
        }
        self.free.pop_front();
        Some(port)
    }
}

fn bind_pair(rtp: SocketAddr) -> io::Result<Pair> {
    let port = rtp.port();
    let rtcp = SocketAddr::new(rtp.ip(), port.saturating_add(1));
    Ok(Pair {
        rtp: bind(rtp)?,
        rtcp: bind(rtcp)?,
        port,
    })
}

/// The kernel's default buffers stay as they are: 208 KB hold three seconds of one stream, and no
/// flood can pin more.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    // A mark that the kernel refuses costs priority on the way, not the call.
    let _unmarked = match address {
        SocketAddr::V4(_) => socket.set_tos_v4(TOS_EF),
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_tclass_v6(TOS_EF)
        }
    };
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::media::settings::Engine;

    /// A loopback address that no other test of this run binds.
    fn local() -> IpAddr {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let test = NEXT.fetch_add(1, Ordering::Relaxed);
        IpAddr::V4(Ipv4Addr::new(127, 128 | high, low, test))
    }

    fn settings(port_min: u16, port_max: u16) -> Settings {
        Settings {
            bind: None,
            advertise: None,
            port_min,
            port_max,
            silence: Duration::from_secs(60),
            workers: 1,
            engine: Engine::Auto,
            taps: true,
        }
    }

    /// Below the ports that the kernel hands out by itself.
    fn range(pairs: u16) -> Settings {
        settings(20_000, 20_000 + 2 * pairs - 1)
    }

    #[test]
    fn only_whole_pairs_count() {
        let pairs = |min, max| PortPool::new(&settings(min, max)).pairs();
        assert_eq!(pairs(30_000, 30_009), 5);
        assert_eq!(pairs(30_001, 30_009), 4);
        assert_eq!(pairs(30_000, 30_008), 4);
        assert_eq!(pairs(30_000, 30_000), 0);
        assert_eq!(pairs(65_535, 65_535), 0);
        assert_eq!(pairs(65_534, 65_535), 1);
        assert_eq!(pairs(40_000, 30_000), 0);
    }

    #[test]
    fn rtp_is_even_and_rtcp_the_next() {
        let local = local();
        let mut pool = PortPool::new(&range(1));
        let pair = pool.take(local, Moment::START).unwrap();
        assert_eq!(pair.port % 2, 0);
        assert_eq!(pair.rtp.local_addr().unwrap().port(), pair.port);
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), pair.port + 1);
        let socket = socket2::SockRef::from(&pair.rtp);
        assert_eq!(socket.tos_v4().unwrap(), TOS_EF);
        assert!(socket.nonblocking().unwrap());
    }

    #[test]
    fn released_pairs_rest_a_second_and_come_back_oldest_first() {
        let local = local();
        let mut pool = PortPool::new(&range(2));
        let start = Moment::START;
        let (a, b) = (
            pool.take(local, start).unwrap(),
            pool.take(local, start).unwrap(),
        );
        let (first, second) = (a.port, b.port);
        assert!(matches!(
            pool.take(local, start),
            Err(NoPorts::UsedUp { pairs: 2 })
        ));
        drop((a, b));
        pool.release(second, start);
        pool.release(first, start + Duration::from_millis(1));
        assert_eq!(pool.free(start + Duration::from_millis(999)), 0);
        assert!(
            pool.take(local, start + Duration::from_millis(999))
                .is_err()
        );
        let later = start + Duration::from_millis(1001);
        assert_eq!(pool.free(later), 2);
        assert_eq!(pool.take(local, later).unwrap().port, second);
        assert_eq!(pool.take(local, later).unwrap().port, first);
    }

    #[test]
    fn a_pair_held_by_another_program_is_passed_over() {
        let local = local();
        let range = range(3);
        let mut pool = PortPool::new(&range);
        let _neighbour = UdpSocket::bind((local, range.port_min + 1)).unwrap();
        let pair = pool.take(local, Moment::START).unwrap();
        assert_eq!(pair.port, range.port_min + 2);
        let _last = pool.take(local, Moment::START).unwrap();
        let refused = pool.take(local, Moment::START);
        assert!(matches!(refused, Err(NoPorts::UsedUp { .. })));
    }

    #[test]
    fn nothing_but_neighbours_is_said_so() {
        let local = local();
        let range = range(1);
        let mut pool = PortPool::new(&range);
        let _neighbour = UdpSocket::bind((local, range.port_min)).unwrap();
        let refused = pool.take(local, Moment::START);
        assert!(
            matches!(refused, Err(NoPorts::Taken { tried: 1, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn an_address_that_is_not_ours_costs_no_port() {
        let mut pool = PortPool::new(&settings(30_000, 30_001));
        let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert!(matches!(
            pool.take(elsewhere, Moment::START),
            Err(NoPorts::Bind { .. })
        ));
        assert_eq!(pool.free(Moment::START), 1);
    }

    #[test]
    fn ports_of_nobody_are_not_taken_back() {
        let mut pool = PortPool::new(&settings(30_000, 30_003));
        let now = Moment::START;
        for port in [0, 29_998, 30_001, 30_004, 30_000] {
            pool.release(port, now);
        }
        assert_eq!(pool.free(now + REST), 2);
    }

    #[test]
    fn ipv6_sockets_take_no_ipv4() {
        let Ok(_) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) else {
            return; // This machine has no IPv6.
        };
        let mut pool = PortPool::new(&range(4));
        let pair = pool
            .take(Ipv6Addr::LOCALHOST.into(), Moment::START)
            .unwrap();
        let socket = socket2::SockRef::from(&pair.rtp);
        assert!(socket.only_v6().unwrap());
        assert_eq!(socket.tclass_v6().unwrap(), TOS_EF);
    }
}
