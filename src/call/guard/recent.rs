//! What is remembered of sources for a while, within a limit: two generations, of which the older is forgotten as a whole.
//!
//! Whoever keeps sending moves on into the younger generation each time. To be forgotten sooner than after a period, a source
//! must see to it that half the limit of other sources come in between: hiding one message behind forged addresses costs
//! tens of thousands of others.

use std::time::Duration;

use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::call::guard::source::Source;

/// A bounded map that forgets.
#[derive(Debug)]
pub(in crate::call) struct Recent<V> {
    young: Map<Source, V>,
    old: Map<Source, V>,
    /// Most sources of one generation.
    most: usize,
    /// How long a generation is the younger one at most.
    period: Duration,
    turned: Moment,
    key: u64,
}

impl<V: Copy> Recent<V> {
    /// Remembers nothing yet. What is not used for `period` may be forgotten, after twice as long it is.
    pub(in crate::call) fn new(key: u64, most: usize, period: Duration) -> Self {
        Self {
            young: keyed(key),
            old: keyed(key),
            most,
            period,
            turned: Moment::START,
            key,
        }
    }

    /// What is remembered of a source; `fresh` where nothing is.
    pub(in crate::call) fn of(&mut self, now: Moment, source: Source, fresh: V) -> &mut V {
        let is_new = !self.young.contains_key(&source);
        if now - self.turned >= self.period || is_new && self.young.len() >= self.most {
            // The older generation goes with its memory.
            self.old = std::mem::replace(&mut self.young, keyed(self.key));
            self.turned = now;
        }
        let old = &mut self.old;
        self.young
            .entry(source)
            .or_insert_with(|| old.remove(&source).unwrap_or(fresh))
    }

    /// Whether a source is remembered.
    pub(in crate::call) fn knows(&self, source: Source) -> bool {
        self.young.contains_key(&source) || self.old.contains_key(&source)
    }

    /// Forgets a source.
    pub(in crate::call) fn forget(&mut self, source: Source) {
        self.young.remove(&source);
        self.old.remove(&source);
    }

    /// How many sources are remembered.
    #[cfg(test)]
    pub(in crate::call) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(n: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes_after_two_periods() {
        let mut recent = Recent::new(1, 100, Duration::from_secs(60));
        let at = |s: u64| Moment::from_millis(s * 1_000);
        *recent.of(at(100), source(1), 0) = 7;
        *recent.of(at(100), source(2), 0) = 8;
        assert_eq!(*recent.of(at(159), source(1), 0), 7);
        assert_eq!(*recent.of(at(165), source(1), 0), 7);
        assert!(recent.knows(source(2)));
        assert_eq!(*recent.of(at(230), source(1), 0), 7);
        assert!(!recent.knows(source(2)));
    }

    #[test]
    fn a_million_sources_take_no_more_than_the_limit_and_hide_nobody_who_goes_on() {
        let mut recent = Recent::new(1, 1_000, Duration::from_secs(60));
        let now = Moment::from_millis(100_000);
        for n in 0..1_000_000_u32 {
            recent.of(now, source(n + 10), 0);
            if n % 900 == 0 {
                *recent.of(now, source(1), 0) += 1;
            }
            assert!(recent.len() <= 2_000);
        }
        assert_eq!(*recent.of(now, source(1), 0), 1_112);
    }
}
