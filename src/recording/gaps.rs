//! What is missing from a recording: stretches of one side and why, joined and limited.

use std::fmt;
use std::sync::Arc;

use crate::base::id::Side;
use crate::recording::command::Gap;

/// Stretches of the same reason that lie closer are one gap: shorter pauses are a speaker's breath.
const JOIN_MS: u64 = 1_000;
/// Gaps of one recording. Beyond it the last of the same side and reason grows, so that a sender
/// who changes codecs all day makes neither a long record nor a silent hole.
const GAPS_MAX: usize = 64;

/// What is said where no packet came.
pub const NOTHING: &str = "no packet came from this side";

/// Why sound is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A codec that the recorder does not decode.
    Codec(Arc<str>),
    /// A packet of this codec that its decoder could make nothing of.
    Broken(Arc<str>),
    /// More sound of this codec came than can have been said in the time.
    TooMuch(Arc<str>),
    /// Decoders of this codec broke over what the side sent, and no other was made.
    GivenUp(Arc<str>),
    /// SRTP that passes through us without its key.
    Encrypted,
    /// A payload type that no SDP explained.
    Unexplained(u8),
    /// The ring was full when the packet came.
    Behind,
    /// Nothing came where something was due ([`crate::recording::presence`]).
    Nothing,
    /// The disk refused.
    Disk(Arc<str>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec(name) => write!(f, "codec {name} is not decoded"),
            Self::Broken(name) => write!(f, "a packet of {name} could not be decoded"),
            Self::TooMuch(name) => write!(f, "more {name} came than time passed"),
            Self::GivenUp(name) => write!(
                f,
                "codec {name} is no longer decoded: its decoder failed over and over"
            ),
            Self::Encrypted => f.write_str("encrypted sound is not decoded"),
            Self::Unexplained(number) => write!(f, "payload type {number} is not in the SDP"),
            Self::Behind => f.write_str("recorder behind"),
            Self::Nothing => f.write_str(NOTHING),
            Self::Disk(error) => f.write_str(error),
        }
    }
}

/// The gaps of one recording.
#[derive(Clone, Debug, Default)]
pub struct Gaps(Vec<Missing>);

#[derive(Clone, Debug)]
struct Missing {
    side: Side,
    from_ms: u64,
    until_ms: u64,
    why: Why,
}

impl Gaps {
    /// Notes that `side` lacks the sound of a stretch.
    pub fn note(&mut self, side: Side, from_ms: u64, until_ms: u64, why: &Why) {
        let full = self.0.len() >= GAPS_MAX;
        let mut alike = self
            .0
            .iter_mut()
            .rev()
            .filter(|gap| gap.side == side && gap.why == *why);
        match alike.next() {
            Some(gap) if full || from_ms <= gap.until_ms.saturating_add(JOIN_MS) => {
                gap.from_ms = gap.from_ms.min(from_ms);
                gap.until_ms = gap.until_ms.max(until_ms);
            }
            Some(_) | None if full => {
                // The sixty-fourth reason of one call: its name is lost, the stretch is not.
                if let Some(gap) = self.0.iter_mut().rev().find(|gap| gap.side == side) {
                    gap.until_ms = gap.until_ms.max(until_ms);
                }
            }
            Some(_) | None => self.0.push(Missing {
                side,
                from_ms,
                until_ms,
                why: why.clone(),
            }),
        }
    }

    /// Returns the gaps within a recording of this length, as the call record has them.
    pub fn finish(self, duration_ms: u64) -> Vec<Gap> {
        self.0
            .into_iter()
            .filter(|gap| gap.from_ms < duration_ms && gap.from_ms < gap.until_ms)
            .map(|gap| Gap {
                side: gap.side,
                from_ms: gap.from_ms,
                length_ms: gap.until_ms.min(duration_ms) - gap.from_ms,
                why: gap.why.to_string(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_one_reason_join_and_are_cut_at_the_end() {
        let mut gaps = Gaps::default();
        let codec = Why::Codec("G729".into());
        for at in [0, 20, 40, 900] {
            gaps.note(Side::Caller, at, at + 20, &codec);
        }
        gaps.note(Side::Caller, 5_000, 9_000, &codec);
        gaps.note(Side::Callee, 100, 120, &Why::Behind);
        gaps.note(Side::Callee, 9_500, 9_600, &Why::Behind);
        let gaps: Vec<_> = gaps
            .finish(6_000)
            .into_iter()
            .map(|gap| (gap.side, gap.from_ms, gap.length_ms, gap.why))
            .collect();
        let why = "codec G729 is not decoded".to_owned();
        assert_eq!(
            gaps,
            [
                (Side::Caller, 0, 920, why.clone()),
                (Side::Caller, 5_000, 1_000, why),
                (Side::Callee, 100, 20, "recorder behind".to_owned()),
            ]
        );
    }

    #[test]
    fn however_many_stretches_come_the_list_stays_short_and_covers_them() {
        let mut gaps = Gaps::default();
        for second in 0..1_000 {
            let from = second * 10_000;
            gaps.note(Side::Caller, from, from + 20, &Why::Unexplained(97));
        }
        gaps.note(Side::Caller, 9_999_000, 9_999_500, &Why::Behind);
        let gaps = gaps.finish(u64::MAX);
        assert_eq!(gaps.len(), GAPS_MAX);
        let last = gaps.last().unwrap();
        assert_eq!(last.from_ms + last.length_ms, 9_999_500);
    }
}
