//! Leads: callers with a target call or a deal, each once in a line and once in all, however often they call. Pure.
//!
//! Who a million calls are of finds no room beside a processor. So callers are gathered in parts by chance, and counted one part
//! after the other: what is known of a part's callers stays at hand.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

/// Parts: of ten million calls one has some 10,000 leads.
const PARTS: usize = 256;

/// Leads, as they are met.
#[derive(Debug)]
pub(super) struct Leads {
    /// The caller of each, and where it is counted.
    parts: Vec<Vec<(u64, Place)>>,
    counts: Counts,
}

/// A line of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    line: u32,
    is_before: bool,
}

/// How many leads there are, in the period and in the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    lines: Vec<[u64; 2]>,
    all: [u64; 2],
}

/// The callers of one part.
#[derive(Debug, Default)]
struct Known {
    /// The first line of each in each period, and few are in another.
    first: HashMap<u64, [Option<u32>; 2], FixedState>,
    more: HashSet<(u64, Place), FixedState>,
}

impl Default for Leads {
    fn default() -> Self {
        Self {
            parts: vec![Vec::new(); PARTS],
            counts: Counts::default(),
        }
    }
}

impl Leads {
    /// Takes in a call. Somebody who hides, or was erased, is nobody that is known from another call.
    #[inline]
    pub(super) fn add(&mut self, line: usize, is_before: bool, caller: Option<u64>) {
        // A report has as many lines as there are names at most, which are numbered with less.
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let place = Place { line, is_before };
        let Some(caller) = caller else {
            self.counts.add(place, true, true);
            return;
        };
        // The ends of the hash are what a table of one part looks at.
        let hash = FixedState::default().hash_one(caller) >> 32;
        let part = usize::try_from(hash).unwrap_or_default() % PARTS;
        if let Some(part) = self.parts.get_mut(part) {
            part.push((caller, place));
        }
    }

    /// Counts them.
    pub(super) fn count(self) -> Counts {
        let mut counts = self.counts;
        let mut known = Known::default();
        for part in self.parts {
            known.first.clear();
            known.more.clear();
            for (caller, place) in part {
                let (in_line, in_all) = known.meet(caller, place);
                counts.add(place, in_line, in_all);
            }
        }
        counts
    }
}

impl Known {
    /// Whether a caller is new in a line, and in all.
    fn meet(&mut self, caller: u64, place: Place) -> (bool, bool) {
        let known = self.first.entry(caller).or_default();
        let Some(first) = known.get_mut(usize::from(place.is_before)) else {
            return (false, false);
        };
        match first {
            None => {
                *first = Some(place.line);
                (true, true)
            }
            Some(line) if *line == place.line => (false, false),
            Some(_) => (self.more.insert((caller, place)), false),
        }
    }
}

impl Counts {
    #[inline]
    fn add(&mut self, place: Place, in_line: bool, in_all: bool) {
        let Place { line, is_before } = place;
        let (line, period) = (
            usize::try_from(line).unwrap_or_default(),
            usize::from(is_before),
        );
        if self.lines.len() <= line {
            self.lines.resize(line + 1, [0; 2]);
        }
        let of_line = self
            .lines
            .get_mut(line)
            .and_then(|line| line.get_mut(period));
        let of_all = self.all.get_mut(period);
        for (count, is_new) in [(of_line, in_line), (of_all, in_all)] {
            if let Some(count) = count {
                *count += u64::from(is_new);
            }
        }
    }

    /// How many a line has.
    pub(super) fn of(&self, line: usize) -> [u64; 2] {
        self.lines.get(line).copied().unwrap_or_default()
    }

    /// How many there are: who is a lead of two lines is one.
    pub(super) const fn all(&self) -> [u64; 2] {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whoever_calls_is_counted_once_in_each_line_and_once_in_all(
            calls in prop::collection::vec((0usize..4, any::<bool>(), prop::option::of(1u64..40)), 0..300),
        ) {
            let mut leads = Leads::default();
            let mut known = BTreeSet::new();
            let (mut lines, mut all) = ([[0; 2]; 4], [0; 2]);
            for (line, is_before, caller) in calls {
                leads.add(line, is_before, caller);
                let period = usize::from(is_before);
                let mut is_new = |line: Option<usize>| {
                    caller.is_none_or(|caller| known.insert((line, is_before, caller)))
                };
                lines[line][period] += u64::from(is_new(Some(line)));
                all[period] += u64::from(is_new(None));
            }
            let counts = leads.count();
            prop_assert_eq!([0, 1, 2, 3].map(|line| counts.of(line)), lines);
            prop_assert_eq!(counts.all(), all);
        }
    }
}
