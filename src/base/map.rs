//! Hash maps keyed from a seed: strangers cannot aim at collisions, and a replay behaves the same.

use std::collections::HashMap;

use foldhash::quality::FixedState;

/// A hash map whose hasher is keyed from the process's seed. Never iterated where order could show.
pub type Map<K, V> = HashMap<K, V, FixedState>;

/// Makes an empty map keyed by `key`, 64 bits of [`crate::base::chance::Chance`].
pub fn keyed<K, V>(key: u64) -> Map<K, V> {
    HashMap::with_hasher(FixedState::with_seed(key))
}
