//! Strangers and floods: who is heard at all, who is banned and for how long.
//!
//! The engine asks [`Guard::hears`] before a datagram is read, and tells nothing else. A source is a trunk's address, a friend
//! (not a trunk's, but it takes part in a call of ours: it knew a tag or a branch that nobody can guess), or a stranger. Over
//! UDP anybody can write anybody's address on a message, so that only strangers are ever banned: what is forged costs a trunk
//! nothing but its share of a generous rate.
//!
//! A stranger is banned when it sends faster than it may, or is refused too often. All strangers together have a rate too, so
//! that a flood from ever new addresses leaves the time to the trunks. Everything here is bounded, whatever comes.

mod bans;
pub(in crate::call) mod fan_out;
pub(in crate::call) mod half_open;
mod recent;
pub mod settings;
pub mod source;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::chance::Chance;
use crate::base::time::Moment;
use crate::call::guard::bans::{Ban, Bans};
use crate::call::guard::recent::Recent;
use crate::call::guard::source::Source;
use crate::call::rate::Rate;

pub use crate::call::guard::settings::Settings;

/// Sources remembered of each kind and generation: with both generations some 8 MB for strangers.
const SOURCES_MAX: usize = 32_768;
/// How long refusals add up.
const MINUTE: Duration = Duration::from_secs(60);
/// How long whoever took part in a call stays a friend at least, and twice that at most: phones and proxies behind a trunk
/// speak up again within the half hour of a usual session timer.
const FRIENDSHIP: Duration = Duration::from_secs(1_800);
/// Messages a second from one address of a trunk: 2,500 calls a second with eight messages of two weights each. One core reads
/// no more.
const KNOWN_PER_S: u64 = 50_000;
/// How many strangers together may do what one may.
const STRANGERS: u64 = 100;
/// Seconds' worth of messages that one source may send at once.
const BURST_S: u32 = 5;
/// Seconds' worth for all strangers, and for trunks, whose messages gather while we are busy.
const SHORT_BURST_S: u32 = 1;
/// Bytes that count as one message: what a scanner's takes. A datagram of 64 KB counts as 128, and a piece of a stream as many
/// as it could hold.
const WEIGHT_BYTES: usize = 512;

/// Why somebody is not heard any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// More messages than `requests_per_s`.
    TooFast,
    /// As many refusals within a minute as `refusals_before_ban`.
    Refused,
}

impl Offence {
    /// For the operator's log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooFast => "too many messages",
            Self::Refused => "too many refused requests",
        }
    }
}

/// A ban that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// From now on this source is not heard.
    Banned {
        /// Whose message it was.
        peer: SocketAddr,
        /// For how long.
        time: Duration,
        /// Why.
        why: Offence,
    },
    /// It is heard again.
    Ended {
        /// Who.
        source: Source,
        /// Messages that were not heard meanwhile.
        dropped: u64,
    },
}

/// What it kept from the endpoint, for the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Messages of banned sources.
    pub banned: u64,
    /// Messages beyond a rate: of a stranger, of all strangers together, or of a trunk's address.
    pub too_fast: u64,
}

/// Who is heard.
#[derive(Debug)]
pub struct Guard {
    settings: Settings,
    bans: Bans,
    strangers: Recent<Seen>,
    /// Of trunks' addresses and of friends: until when their messages are paid for.
    known: Recent<Moment>,
    friends: Recent<()>,
    /// Until when the messages of all strangers are paid for.
    all: Moment,
    dropped: Dropped,
    news: VecDeque<News>,
}

/// What is remembered of a stranger.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Until when its messages are paid for.
    paid: Moment,
    /// Refused requests, since when.
    refused: u32,
    since: Moment,
}

impl Guard {
    /// Knows nobody yet.
    pub fn new(settings: Settings, chance: &mut Chance) -> Self {
        Self {
            settings,
            bans: Bans::new(chance.next_u64()),
            strangers: Recent::new(chance.next_u64(), SOURCES_MAX, MINUTE),
            known: Recent::new(chance.next_u64(), SOURCES_MAX, MINUTE),
            friends: Recent::new(chance.next_u64(), SOURCES_MAX, FRIENDSHIP),
            all: Moment::START,
            dropped: Dropped::default(),
            news: VecDeque::new(),
        }
    }

    /// Takes other settings. Bans in force end when they were to end.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Whether `bytes` bytes that came from `peer` shall be read. `of_trunk`: it is the address of a trunk.
    pub fn hears(&mut self, now: Moment, peer: SocketAddr, bytes: usize, of_trunk: bool) -> bool {
        self.handle_timeout(now);
        let source = Source::of(peer.ip());
        let weight = u32::try_from(bytes.div_ceil(WEIGHT_BYTES).max(1)).unwrap_or(u32::MAX);
        if of_trunk || self.friends.knows(source) {
            let paid = self.known.of(now, source, now);
            let heard = Rate::per_second(KNOWN_PER_S, SHORT_BURST_S).take(now, paid, weight);
            self.dropped.too_fast += u64::from(!heard);
            return heard;
        }
        if self.bans.drops(source) {
            self.dropped.banned += 1;
            return false;
        }
        let rate = u64::from(self.settings.requests_per_s);
        let seen = self.strangers.of(now, source, Seen::at(now));
        if !Rate::per_second(rate, BURST_S).take(now, &mut seen.paid, weight) {
            self.dropped.too_fast += 1;
            self.ban(now, peer, Offence::TooFast);
            return false;
        }
        let all = Rate::per_second(rate * STRANGERS, SHORT_BURST_S);
        let heard = all.take(now, &mut self.all, weight);
        self.dropped.too_fast += u64::from(!heard);
        heard
    }

    /// A request from `peer` was refused.
    pub(in crate::call) fn refused(&mut self, now: Moment, peer: SocketAddr, of_trunk: bool) {
        let source = Source::of(peer.ip());
        if of_trunk || self.friends.knows(source) {
            return;
        }
        let seen = self.strangers.of(now, source, Seen::at(now));
        if now - seen.since >= MINUTE {
            seen.refused = 0;
            seen.since = now;
        }
        seen.refused += 1;
        if seen.refused >= self.settings.refusals_before_ban {
            self.ban(now, peer, Offence::Refused);
        }
    }

    /// `peer` takes part in a call: it knew what only a party of it knows.
    pub(in crate::call) fn befriend(&mut self, now: Moment, peer: SocketAddr) {
        self.friends.of(now, Source::of(peer.ip()), ());
    }

    /// Ends the bans whose time is over.
    pub(in crate::call) fn handle_timeout(&mut self, now: Moment) {
        while let Some((source, ban)) = self.bans.end(now) {
            self.over(source, ban);
        }
    }

    /// When the next ban ends.
    pub(in crate::call) fn poll_timeout(&self) -> Option<Moment> {
        self.bans.next()
    }

    /// Returns the next thing that an operator should read.
    pub(in crate::call) fn poll(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// How many sources are banned now.
    pub fn banned(&self) -> usize {
        self.bans.len()
    }

    /// What was not heard so far.
    pub const fn dropped(&self) -> Dropped {
        self.dropped
    }

    fn ban(&mut self, now: Moment, peer: SocketAddr, why: Offence) {
        let source = Source::of(peer.ip());
        let time = self.settings.ban;
        if time.is_zero() || self.bans.has(source) {
            return;
        }
        // After the ban it begins anew.
        self.strangers.forget(source);
        self.news.push_back(News::Banned { peer, time, why });
        if let Some((source, ban)) = self.bans.begin(source, now + time) {
            self.over(source, ban);
        }
    }

    fn over(&mut self, source: Source, ban: Ban) {
        let dropped = ban.dropped;
        self.news.push_back(News::Ended { source, dropped });
    }
}

impl Seen {
    const fn at(now: Moment) -> Self {
        Self {
            paid: now,
            refused: 0,
            since: now,
        }
    }
}

#[cfg(test)]
mod tests;
