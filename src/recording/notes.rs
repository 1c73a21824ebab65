//! What a growing recording lacks, noted beside it, so that a crash does not turn a named gap or a pause into silence
//! without a reason: `<call id>.wav.gaps`, JSON, there only while the recording grows and something is missing. Knows no disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recording::command::{Gap, Pause};

/// A gap that ends so shortly before the notes were taken is open: it goes on. As long as the pauses within a gap.
const OPEN_MS: u64 = 1_000;

/// The gaps of a recording as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Milliseconds from the start of the recording.
    pub at_ms: u64,
    /// What was missing.
    pub gaps: Vec<Gap>,
    /// What was left out on request; a pause that reaches up to `at_ms` goes on.
    #[serde(default)]
    pub pauses: Vec<Pause>,
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
        let pauses = |notes: &Self| {
            let open = |pause: &Pause| pause.from_ms.saturating_add(pause.length_ms) >= notes.at_ms;
            let each = notes.pauses.iter();
            each.map(|pause| (pause.from_ms, (!open(pause)).then_some(pause.length_ms)))
                .collect::<Vec<_>>()
        };
        facts(self) != facts(older) || pauses(self) != pauses(older)
    }

    /// The pauses of a recording that turned out `duration_ms` long: one that was not over goes on to its end.
    pub fn pauses_within(&self, duration_ms: u64) -> Vec<Pause> {
        let within = self
            .pauses
            .iter()
            .filter(|pause| pause.from_ms < duration_ms);
        within
            .map(|pause| {
                let until_ms = pause.from_ms.saturating_add(pause.length_ms);
                let is_open = until_ms >= self.at_ms;
                let until_ms = if is_open {
                    duration_ms
                } else {
                    until_ms.min(duration_ms)
                };
                Pause {
                    length_ms: until_ms - pause.from_ms,
                    ..pause.clone()
                }
            })
            .collect()
    }

    /// The gaps of a recording that turned out `duration_ms` long: open ones go on to its end.
    pub fn gaps_within(&self, duration_ms: u64) -> Vec<Gap> {
        let within = self.gaps.iter().filter(|gap| gap.from_ms < duration_ms);
        within
            .map(|gap| {
                let open = self.is_open(gap);
                let rest = duration_ms - gap.from_ms;
                let length_ms = if open { rest } else { gap.length_ms.min(rest) };
                Gap {
                    length_ms,
                    ..gap.clone()
                }
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
            pauses: Vec::new(),
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
    fn a_pause_is_news_when_it_begins_and_when_it_ends_and_an_open_one_reaches_the_end_of_the_file()
    {
        let with = |at_ms, pauses: &[(u64, u64)]| Notes {
            pauses: pauses
                .iter()
                .map(|(from_ms, length_ms)| Pause {
                    from_ms: *from_ms,
                    length_ms: *length_ms,
                    by: "anna".to_owned(),
                })
                .collect(),
            ..notes(at_ms, &[])
        };
        let open = with(4_000, &[(1_000, 3_000)]);
        assert!(open.is_news_after(&Notes::default()));
        assert!(!with(6_000, &[(1_000, 5_000)]).is_news_after(&open));
        let over = with(8_000, &[(1_000, 5_500)]);
        assert!(over.is_news_after(&open));
        let lengths = |notes: &Notes, duration_ms| {
            let pauses = notes.pauses_within(duration_ms);
            pauses.first().map(|pause| pause.length_ms)
        };
        assert_eq!(lengths(&open, 9_000), Some(8_000));
        assert_eq!(lengths(&over, 9_000), Some(5_500));
        assert_eq!(lengths(&over, 5_000), Some(4_000));
        assert_eq!(lengths(&over, 900), None);
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
