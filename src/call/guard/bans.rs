//! The bans in force: bounded, each with its end.
//!
//! Where there are too many, the one that ends soonest gives way. Freeing oneself by that takes as many banned addresses as
//! the limit has places, for a few messages until the next ban.

use std::collections::BTreeSet;

use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::call::guard::source::Source;

/// Most bans at once: a botnet's worth, some 6 MB.
pub(in crate::call) const BANS_MAX: usize = 65_536;

/// All bans.
#[derive(Debug)]
pub(in crate::call) struct Bans {
    by_source: Map<Source, Ban>,
    by_end: BTreeSet<(Moment, Source)>,
}

/// One ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) struct Ban {
    until: Moment,
    /// What was not heard while it lasted.
    pub(in crate::call) dropped: u64,
}

impl Bans {
    /// Nobody is banned.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            by_source: keyed(key),
            by_end: BTreeSet::new(),
        }
    }

    /// Whether a source is banned; what it sent is then counted.
    pub(in crate::call) fn drops(&mut self, source: Source) -> bool {
        match self.by_source.get_mut(&source) {
            Some(ban) => {
                ban.dropped += 1;
                true
            }
            None => false,
        }
    }

    /// Whether a source is banned.
    pub(in crate::call) fn has(&self, source: Source) -> bool {
        self.by_source.contains_key(&source)
    }

    /// Bans a source; one that is banned stays so until its end. Returns the ban that gave way, where there were too many.
    pub(in crate::call) fn begin(
        &mut self,
        source: Source,
        until: Moment,
    ) -> Option<(Source, Ban)> {
        if self.has(source) {
            return None;
        }
        let full = self.by_source.len() >= BANS_MAX;
        let gave_way = full.then(|| self.pop()).flatten();
        self.by_source.insert(source, Ban { until, dropped: 0 });
        self.by_end.insert((until, source));
        gave_way
    }

    /// Returns a ban whose time is over.
    pub(in crate::call) fn end(&mut self, now: Moment) -> Option<(Source, Ban)> {
        self.next().filter(|until| *until <= now)?;
        self.pop()
    }

    /// When the next one ends.
    pub(in crate::call) fn next(&self) -> Option<Moment> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// How many there are.
    pub(in crate::call) fn len(&self) -> usize {
        self.by_source.len()
    }

    fn pop(&mut self) -> Option<(Source, Ban)> {
        let (_, source) = self.by_end.pop_first()?;
        let ban = self.by_source.remove(&source)?;
        Some((source, ban))
    }
}
