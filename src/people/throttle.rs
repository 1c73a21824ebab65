//! How often a login may be tried: after some failures each one doubles the wait, for the name and for the source address.
//!
//! Nobody is locked out: a wait is a minute for a name and a quarter of an hour for a source at most, tries within it are not
//! counted, and from where a user logged in before only that place's own failures count, whatever strangers do with the name.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Moment;

/// Failures that cost nothing: a person mistypes, and remembers which keyboard was on.
const FREE_OF_NAME: u32 = 5;
/// An office is behind one address.
const FREE_OF_SOURCE: u32 = 20;

/// The first wait; it doubles with each failure.
const WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a name: whoever owns it must get in although somebody guesses.
const WAIT_MAX_OF_NAME: Duration = Duration::from_secs(60);
/// The longest wait for a source.
const WAIT_MAX_OF_SOURCE: Duration = Duration::from_secs(15 * 60);

/// Failures this old are forgotten.
const FORGET: Duration = Duration::from_secs(3_600);

/// Names, places and sources with failures; past that the one with the fewest makes room.
const COUNTED_MAX: usize = 4_096;

/// Places that users logged in from, the latest.
const FAMILIAR_MAX: usize = 1_024;

/// Bytes of a name that are looked at: no user has a longer one.
const NAME_BYTES_MAX: usize = 256;

/// Where somebody comes from: an IPv4 address, or the IPv6 network that one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl Source {
    /// Of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }
}

/// Whose failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// Of a name, from wherever it is not familiar.
    Name(Arc<str>),
    /// Of a name, from where it is.
    At(Arc<str>, Source),
    /// Of a source, whatever the name.
    Source(Source),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Moment,
    until: Moment,
}

/// Who failed how often.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: BTreeMap<Counted, Failures>,
    familiar: VecDeque<(Arc<str>, Source)>,
}

impl Throttle {
    /// Whether a login as `name` may be tried now.
    ///
    /// # Errors
    /// How long to wait.
    pub fn may_try(&self, now: Moment, name: &str, source: Source) -> Result<(), Duration> {
        let whose = self.whose(name, source);
        let waits = [whose, Counted::Source(source)].map(|counted| {
            let until = self.failures.get(&counted).map(|failures| failures.until);
            until.map_or(Duration::ZERO, |until| until - now)
        });
        match waits.into_iter().max() {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => Ok(()),
        }
    }

    /// A login failed.
    pub fn failed(&mut self, now: Moment, name: &str, source: Source) {
        let whose = self.whose(name, source);
        self.count(now, whose, FREE_OF_NAME, WAIT_MAX_OF_NAME);
        self.count(
            now,
            Counted::Source(source),
            FREE_OF_SOURCE,
            WAIT_MAX_OF_SOURCE,
        );
    }

    /// A login succeeded: what was counted for the name from here is forgotten, and from now on the place is familiar. The
    /// source's own count stays, or whoever has an account could guess for others between two logins of their own.
    pub fn passed(&mut self, name: &str, source: Source) {
        let whose = self.whose(name, source);
        self.failures.remove(&whose);
        let name = cut(name);
        self.familiar
            .retain(|(known, at)| (&**known, *at) != (&*name, source));
        if self.familiar.len() >= FAMILIAR_MAX {
            self.familiar.pop_front();
        }
        self.familiar.push_back((name, source));
    }

    fn whose(&self, name: &str, source: Source) -> Counted {
        let name = cut(name);
        let mut familiar = self.familiar.iter();
        match familiar.any(|(known, at)| (&**known, *at) == (&*name, source)) {
            true => Counted::At(name, source),
            false => Counted::Name(name),
        }
    }

    fn count(&mut self, now: Moment, whose: Counted, free: u32, wait_max: Duration) {
        if !self.failures.contains_key(&whose) && self.failures.len() >= COUNTED_MAX {
            self.make_room(now);
        }
        let failures = self.failures.entry(whose).or_insert(Failures {
            count: 0,
            last: now,
            until: now,
        });
        if now - failures.last >= FORGET {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if let Some(doublings) = failures.count.checked_sub(free + 1) {
            // Beyond sixteen doublings the longest wait is long reached.
            failures.until = now + (WAIT * (1 << doublings.min(16))).min(wait_max);
        }
    }

    fn make_room(&mut self, now: Moment) {
        self.failures
            .retain(|_, failures| now - failures.last < FORGET);
        if self.failures.len() < COUNTED_MAX {
            return;
        }
        let least = self
            .failures
            .iter()
            .min_by_key(|(_, failures)| (failures.count, failures.last));
        if let Some(counted) = least.map(|(counted, _)| counted.clone()) {
            self.failures.remove(&counted);
        }
    }
}

fn cut(name: &str) -> Arc<str> {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    /// Guesses whenever it may, from ever new places, and says how often that was.
    fn guesses(throttle: &mut Throttle, seconds: std::ops::Range<u64>) -> usize {
        let mut tries = 0;
        for second in seconds {
            let from = Source::of(Ipv6Addr::from_bits(u128::from(second + 1) << 64).into());
            if throttle.may_try(at(second), "anna", from).is_ok() {
                throttle.failed(at(second), "anna", from);
                tries += 1;
            }
        }
        tries
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_minute() {
        let mut throttle = Throttle::default();
        let mut waits = Vec::new();
        let mut now = at(1);
        for n in 0..14_u64 {
            let from = Source::of(Ipv6Addr::from_bits(u128::from(n + 1) << 64).into());
            throttle.failed(now, "anna", from);
            let wait = throttle
                .may_try(now, "anna", source("192.0.2.9"))
                .err()
                .unwrap_or_default();
            waits.push(wait.as_secs());
            now = now + wait;
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(
            throttle.may_try(at(1), "boris", source("192.0.2.9")),
            Ok(())
        );
    }

    #[test]
    fn a_day_of_guessing_from_everywhere_is_some_fifteen_hundred_tries() {
        let mut throttle = Throttle::default();
        let tries = guesses(&mut throttle, 0..86_400);
        assert!((1_000..1_600).contains(&tries), "{tries}");
    }

    #[test]
    fn whoever_logged_in_from_here_before_is_not_kept_out_by_strangers() {
        let mut throttle = Throttle::default();
        let desk = source("192.0.2.7");
        throttle.passed("anna", desk);
        guesses(&mut throttle, 0..600);
        assert!(
            throttle
                .may_try(at(600), "anna", source("198.51.100.1"))
                .is_err()
        );
        assert_eq!(throttle.may_try(at(600), "anna", desk), Ok(()));
        // Failures at the desk itself count there.
        for _ in 0..=FREE_OF_NAME {
            throttle.failed(at(600), "anna", desk);
        }
        assert!(throttle.may_try(at(600), "anna", desk).is_err());
    }

    #[test]
    fn a_source_that_tries_many_names_waits_whatever_the_name() {
        let mut throttle = Throttle::default();
        let from = source("2001:db8::1");
        for n in 0..=FREE_OF_SOURCE {
            throttle.failed(at(1), &format!("user {n}"), from);
            // One's own logins in between change nothing.
            throttle.passed("mallory", from);
        }
        assert!(
            throttle
                .may_try(at(1), "somebody else", source("2001:db8::2"))
                .is_err()
        );
        assert_eq!(
            throttle.may_try(at(1), "somebody else", source("2001:db8:0:1::2")),
            Ok(())
        );
        let mut now = at(2);
        for _ in 0..40 {
            throttle.failed(now, "x", from);
            now = now + throttle.may_try(now, "y", from).err().unwrap_or_default();
        }
        throttle.failed(now, "x", from);
        assert_eq!(throttle.may_try(now, "y", from), Err(WAIT_MAX_OF_SOURCE));
    }

    #[test]
    fn failures_are_forgotten_by_a_login_and_by_time() {
        let mut throttle = Throttle::default();
        let from = source("192.0.2.7");
        for second in 0..5 {
            throttle.failed(at(second), "anna", from);
        }
        throttle.passed("anna", from);
        throttle.failed(at(6), "anna", from);
        assert_eq!(throttle.may_try(at(6), "anna", from), Ok(()));
        let other = source("192.0.2.8");
        for second in 0..5 {
            throttle.failed(at(second), "vera", other);
        }
        throttle.failed(at(4_000), "vera", other);
        assert_eq!(throttle.may_try(at(4_000), "vera", other), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_failed_most() {
        let mut throttle = Throttle::default();
        let from = source("192.0.2.7");
        for _ in 0..8 {
            throttle.failed(at(1), "anna", from);
        }
        for n in 0..COUNTED_MAX + 200 {
            throttle.failed(at(2), &format!("{n}{}", "x".repeat(1_000)), from);
        }
        assert!(throttle.failures.len() <= COUNTED_MAX);
        assert!(
            throttle
                .may_try(at(2), "anna", source("192.0.2.8"))
                .is_err()
        );
        let longest = throttle.failures.keys().map(|counted| match counted {
            Counted::Name(name) | Counted::At(name, _) => name.len(),
            Counted::Source(_) => 0,
        });
        assert!(longest.max() <= Some(NAME_BYTES_MAX));
    }
}
