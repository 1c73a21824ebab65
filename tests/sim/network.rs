//! A network that loses, delays, repeats and reorders.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use ringtag::base::chance::Chance;
use ringtag::base::time::Moment;

/// What becomes of packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Of a thousand packets, so many are lost.
    pub(crate) lost: u64,
    /// Of a thousand packets, so many arrive twice.
    pub(crate) repeated: u64,
    /// Of a thousand packets, so many are late enough to be overtaken.
    pub(crate) late: u64,
    /// The longest usual delay.
    pub(crate) delay_ms: u64,
}

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) text: String,
}

/// The packets under way.
pub(crate) struct Network {
    weather: Weather,
    chance: Chance,
    under_way: BinaryHeap<Reverse<(Moment, u64, Packet)>>,
    count: u64,
}

impl Network {
    pub(crate) fn new(weather: Weather, chance: Chance) -> Self {
        Self {
            weather,
            chance,
            under_way: BinaryHeap::new(),
            count: 0,
        }
    }

    /// Takes a packet; returns how many copies of it will arrive.
    pub(crate) fn send(&mut self, now: Moment, packet: &Packet) -> usize {
        if self.chance.below(1_000) < self.weather.lost {
            return 0;
        }
        let copies = 1 + usize::from(self.chance.below(1_000) < self.weather.repeated);
        for _ in 0..copies {
            let mut delay = 1 + self.chance.below(self.weather.delay_ms);
            if self.chance.below(1_000) < self.weather.late {
                delay += self.chance.below(1_500);
            }
            self.count += 1;
            let at = now + Duration::from_millis(delay);
            self.under_way
                .push(Reverse((at, self.count, packet.clone())));
        }
        copies
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.under_way.peek().map(|Reverse((at, _, _))| *at)
    }

    pub(crate) fn arrived(&mut self, now: Moment) -> Option<Packet> {
        let Reverse((at, _, _)) = self.under_way.peek()?;
        if *at > now {
            return None;
        }
        self.under_way.pop().map(|Reverse((_, _, packet))| packet)
    }
}
