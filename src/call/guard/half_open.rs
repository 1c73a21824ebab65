//! How many calls nobody has answered yet, in all and by source: what a flood of abandoned INVITEs holds ports for.

use std::net::IpAddr;

use crate::base::map::{Map, keyed};
use crate::call::guard::settings::Settings;
use crate::call::guard::source::Source;

/// The calls that are half open. As many sources as there are such calls, and calls are bounded.
#[derive(Debug)]
pub(in crate::call) struct HalfOpen {
    settings: Settings,
    by_source: Map<Source, u32>,
    all: u32,
}

impl HalfOpen {
    /// Starts with none.
    pub(in crate::call) fn new(settings: Settings, key: u64) -> Self {
        Self {
            settings,
            by_source: keyed(key),
            all: 0,
        }
    }

    /// Takes other limits; calls under way stay.
    pub(in crate::call) fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// An INVITE from `peer` waits for its answer.
    pub(in crate::call) fn take(&mut self, peer: IpAddr) {
        *self.by_source.entry(Source::of(peer)).or_default() += 1;
        self.all += 1;
    }

    /// It has it.
    pub(in crate::call) fn give_back(&mut self, peer: IpAddr) {
        let source = Source::of(peer);
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            self.all -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// Whether there is one too many already, counting that of `peer`.
    pub(in crate::call) fn is_over(&self, peer: IpAddr) -> bool {
        let of_source = self.by_source.get(&Source::of(peer)).copied().unwrap_or(0);
        self.all > self.settings.half_open_max || of_source > self.settings.half_open_per_source_max
    }

    /// How many there are.
    pub(in crate::call) const fn len(&self) -> usize {
        self.all as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_fills_its_share_and_all_together_the_whole() {
        let settings = Settings {
            half_open_max: 3,
            half_open_per_source_max: 2,
            ..Settings::default()
        };
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let (one, two) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let mut open = HalfOpen::new(settings, 1);
        open.take(one);
        open.take(one);
        assert!(!open.is_over(one));
        open.take(one);
        assert!(open.is_over(one));
        assert!(!open.is_over(two));
        open.give_back(one);
        open.take(two);
        assert!(!open.is_over(one) && !open.is_over(two));
        open.take(two);
        assert!(open.is_over(two), "four in all");
        for peer in [one, one, two, two, two] {
            open.give_back(peer);
        }
        assert_eq!(open.len(), 0);
        assert!(open.by_source.is_empty());
    }
}
