//! A share of few things is a guess: it comes with the interval in which the true share lies. Pure.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// The 97.5th percentile of the standard normal distribution: what leaves 95 % between both ends.
const Z95: f64 = 1.959_963_984_540_054;

/// From so many things on the interval is narrow enough (at most 10 points to each side) to show the share alone.
pub const ENOUGH: u64 = 100;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many of them.
    pub part: u64,
    /// Of how many.
    pub whole: u64,
}

impl Share {
    /// The share, 0 to 1; `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 calls")]
    pub fn value(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }

    /// The interval that holds the true share in 95 of 100 cases, each end 0 to 1: Wilson's, which is right for few things
    /// and for shares near 0 and 1 too (E. B. Wilson, JASA 22, 1927). `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 calls")]
    pub fn interval(self) -> Option<(f64, f64)> {
        let share = self.value()?;
        let n = self.whole as f64;
        let z2 = Z95 * Z95;
        let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let reach = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        Some(((middle - reach).max(0.0), (middle + reach).min(1.0)))
    }

    /// Whether there are so few that the share alone would mislead.
    pub const fn is_of_few(self) -> bool {
        self.whole < ENOUGH
    }
}

/// With what comes of it: `{"part", "whole", "value", "low", "high"}`, the last three `null` of nothing.
impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let interval = self.interval();
        let mut share = serializer.serialize_struct("Share", 5)?;
        share.serialize_field("part", &self.part)?;
        share.serialize_field("whole", &self.whole)?;
        share.serialize_field("value", &self.value())?;
        share.serialize_field("low", &interval.map(|(low, _)| low))?;
        share.serialize_field("high", &interval.map(|(_, high)| high))?;
        share.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(part: u64, whole: u64) -> (u32, u32) {
        let (low, high) = Share { part, whole }.interval().unwrap();
        let per_mille = |share: f64| format!("{:.0}", share * 1_000.0).parse().unwrap();
        (per_mille(low), per_mille(high))
    }

    #[test]
    fn the_interval_is_the_one_of_published_tables() {
        // R 4: prop.test(x, n, correct = FALSE)$conf.int
        assert_eq!(interval(0, 10), (0, 278));
        assert_eq!(interval(1, 10), (18, 404));
        assert_eq!(interval(5, 10), (237, 763));
        assert_eq!(interval(20, 120), (111, 243));
        assert_eq!(interval(10, 10), (722, 1_000));
    }

    #[test]
    fn of_nothing_there_is_no_share() {
        assert_eq!(Share::default().value(), None);
        assert_eq!(Share::default().interval(), None);
        assert!(Share { part: 1, whole: 99 }.is_of_few());
        assert!(
            !Share {
                part: 1,
                whole: 100
            }
            .is_of_few()
        );
    }
}
