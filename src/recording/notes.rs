//! What a growing recording lacks, noted beside it, so that a crash does not turn a named gap into silence without a
//! reason: `<call id>.wav.gaps`, JSON, there only while the recording grows and something is missing. Knows no disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recording::command::Gap;

/// A gap that ends so shortly before the notes were taken is open: it goes on. As long as the pauses within a gap.
const OPEN_MS: u64 = 1_000;

/// The gaps of a recording as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Milliseconds from the start of the recording.
    pub at_ms: u64,
    /// What was missing.
    pub gaps: Vec<Gap>,
}

impl Notes {
    /// Whether these say more than that the open gaps of `older` went on.
    pub fn is_news_after(&self, older: &Self) -> bool {
        let facts = |notes: &Self| {
            notes
                .gaps
                .iter()
                .map(|gap| (gap.side, gap.from_ms, gap.why.clone(), notes.is_open(gap)))
                .collect::<Vec<_>>()
        };
        facts(self) != facts(older)
    }

    /// The gaps of a recording that turned out `duration_ms` long: open ones go on to its end.
    pub fn gaps_within(self, duration_ms: u64) -> Vec<Gap> {
        let open: Vec<_> = self.gaps.iter().map(|gap| self.is_open(gap)).collect();
        self.gaps
            .into_iter()
            .zip(open)
            .filter(|(gap, _)| gap.from_ms < duration_ms)
            .map(|(gap, open)| {
                let rest = duration_ms - gap.from_ms;
                let length_ms = if open { rest } else { gap.length_ms.min(rest) };
                Gap { length_ms, ..gap }
            })
            .collect()
    }

    const fn is_open(&self, gap: &Gap) -> bool {
        gap.from_ms
            .saturating_add(gap.length_ms)
            .saturating_add(OPEN_MS)
            >= self.at_ms
    }
}

/// Returns where a recording's notes lie: `<call id>.wav.gaps`.
pub fn path_of(finished: PathBuf) -> PathBuf {
    let mut name = finished.into_os_string();
    name.push(".gaps");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Side;

    fn notes(at_ms: u64, gaps: &[(u64, u64)]) -> Notes {
        let gap = |(from_ms, length_ms): &(u64, u64)| Gap {
            side: Side::Caller,
            from_ms: *from_ms,
            length_ms: *length_ms,
            why: "codec G729 is not decoded".to_owned(),
        };
        Notes {
            at_ms,
            gaps: gaps.iter().map(gap).collect(),
        }
    }

    #[test]
    fn a_gap_that_goes_on_is_no_news_and_one_that_ends_or_begins_is() {
        let before = notes(4_000, &[(0, 3_990)]);
        assert!(before.is_news_after(&Notes::default()));
        assert!(!notes(6_000, &[(0, 5_990)]).is_news_after(&before));
        assert!(notes(8_000, &[(0, 6_000)]).is_news_after(&before));
        assert!(notes(6_000, &[(0, 5_990), (5_000, 990)]).is_news_after(&before));
        assert!(!Notes::default().is_news_after(&Notes::default()));
    }

    #[test]
    fn open_gaps_reach_the_end_of_the_file_and_none_goes_beyond() {
        let kept = notes(20_000, &[(1_000, 2_000), (15_000, 4_990), (40_000, 1)]);
        let gaps = kept.gaps_within(30_000);
        let lengths: Vec<_> = gaps
            .iter()
            .map(|gap| (gap.from_ms, gap.length_ms))
            .collect();
        assert_eq!(lengths, [(1_000, 2_000), (15_000, 15_000)]);
    }
}
