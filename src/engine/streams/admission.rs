//! Who may connect: how many connections in all, of one source and in their handshake, and who is banned meanwhile.

use crate::base::map::{Map, keyed};
use crate::call::guard::source::Source;
use crate::engine::settings::Connections;

/// Strangers' connections at once whose handshake is not done: each costs a signature, and who never finishes must not keep
/// out those who do.
pub(in crate::engine::streams) const HANDSHAKES_MAX: usize = 256;

/// What is counted of the connections that stand.
#[derive(Debug)]
pub(in crate::engine::streams) struct Admission {
    limits: Connections,
    sources: Map<Source, usize>,
    /// Who is banned: as many at most as there are bans.
    shunned: Map<Source, ()>,
    /// Strangers' connections whose handshake is not done.
    shaking: usize,
}

impl Admission {
    pub(in crate::engine::streams) fn new(limits: Connections, key: u64) -> Self {
        Self {
            limits,
            sources: keyed(key),
            shunned: keyed(key),
            shaking: 0,
        }
    }

    /// Whether `count` connections are as many as there may be.
    pub(in crate::engine::streams) fn is_full(&self, count: usize) -> bool {
        count >= usize::try_from(self.limits.max).unwrap_or(usize::MAX)
    }

    /// Whether one more of `source` may stand, where there is room for it; `trunk`: it is a trunk's.
    pub(in crate::engine::streams) fn may_enter(&self, source: &Source, trunk: bool) -> bool {
        let standing = self.sources.get(source).copied().unwrap_or(0);
        let most = usize::try_from(self.limits.per_source_max).unwrap_or(usize::MAX);
        standing < most && (trunk || self.shaking < HANDSHAKES_MAX)
    }

    /// One of `source` stands; `shaking`: its handshake is not done.
    pub(in crate::engine::streams) fn enter(&mut self, source: Source, shaking: bool) {
        self.shaking += usize::from(shaking);
        *self.sources.entry(source).or_default() += 1;
    }

    /// How many strangers' handshakes are not done.
    #[cfg(test)]
    pub(in crate::engine::streams) const fn shaking(&self) -> usize {
        self.shaking
    }

    /// Of how many sources connections stand.
    #[cfg(test)]
    pub(in crate::engine::streams) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// A handshake is done.
    pub(in crate::engine::streams) fn shaken(&mut self) {
        self.shaking = self.shaking.saturating_sub(1);
    }

    /// One of `source` is gone; `shaking`: its handshake was not done.
    pub(in crate::engine::streams) fn leave(&mut self, source: &Source, shaking: bool) {
        if shaking {
            self.shaken();
        }
        if let Some(count) = self.sources.get_mut(source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(source);
            }
        }
    }

    /// No more of `source` is taken until it is pardoned.
    pub(in crate::engine::streams) fn shun(&mut self, source: Source) {
        self.shunned.insert(source, ());
    }

    /// The ban of `source` is over.
    pub(in crate::engine::streams) fn pardon(&mut self, source: &Source) {
        self.shunned.remove(source);
    }

    /// Whether `source` is banned.
    pub(in crate::engine::streams) fn shuns(&self, source: &Source) -> bool {
        self.shunned.contains_key(source)
    }
}
