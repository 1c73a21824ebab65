//! What the record says of a recording: made from the lines that finished it and those that hashed its files. Pure.

use std::collections::BTreeMap;

use crate::base::id::Side;
use crate::recording::command::{Gap, Part};
use crate::recording::gaps::NOTHING;
use crate::recording::plan;
use crate::store::event::{Hashed, Recorded, as_text};
use crate::store::record::{RecordedPart, Recording};

/// The end of a call reaches its sound and its record within this of each other: less is no difference.
const MATCHES_MS: u64 = 100;

/// Makes a recording's part of the record.
pub(crate) fn shown(recorded: Recorded, mut hashed: BTreeMap<u32, Hashed>) -> Recording {
    let one_way = one_way(&recorded.gaps, recorded.duration_ms);
    let first = hashed.remove(&1);
    let (sha256, file, bytes) = known(first, recorded.file, recorded.bytes);
    let parts = recorded.parts.into_iter().map(|part| {
        let of_this = hashed.remove(&plan::number_of(&part.file));
        let Part {
            file,
            duration_ms,
            bytes,
        } = part;
        let (sha256, file, bytes) = known(of_this, as_text(&file), bytes);
        RecordedPart {
            file,
            duration_ms,
            bytes,
            sha256,
        }
    });
    Recording {
        file,
        duration_ms: recorded.duration_ms,
        sample_rate_hz: recorded.sample_rate_hz,
        channels: recorded.channels,
        bytes,
        sha256,
        state: recorded.state,
        gaps_ms: recorded.gaps.iter().map(|gap| gap.length_ms).sum(),
        one_way,
        off_by_ms: None,
        parts: parts.collect(),
        gaps: recorded.gaps,
        pauses: recorded.pauses,
    }
}

/// By how much the sound is longer than the talk.
pub(crate) fn off_by(duration_ms: u64, talk_ms: u64) -> Option<i64> {
    let is_off = duration_ms.abs_diff(talk_ms) > MATCHES_MS;
    let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
    is_off.then(|| signed(duration_ms) - signed(talk_ms))
}

/// What a file is known by: what its hash says of it, else what was said when it was finished.
fn known(hashed: Option<Hashed>, file: String, bytes: u64) -> (Option<String>, String, u64) {
    let Some(hashed) = hashed else {
        return (None, file, bytes);
    };
    let (file, bytes) = (hashed.file.unwrap_or(file), hashed.bytes.unwrap_or(bytes));
    (Some(hashed.sha256), file, bytes)
}

/// The one side from which nothing came from the beginning to the end.
fn one_way(gaps: &[Gap], duration_ms: u64) -> Option<Side> {
    let is_silent = |side: Side| {
        gaps.iter().any(|gap| {
            gap.side == side
                && gap.why == NOTHING
                && gap.from_ms == 0
                && gap.length_ms.saturating_add(MATCHES_MS) >= duration_ms
        })
    };
    match Side::BOTH.map(is_silent) {
        [true, false] => Some(Side::Caller),
        [false, true] => Some(Side::Callee),
        [true, true] | [false, false] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(side: Side, from_ms: u64, length_ms: u64, why: &str) -> Gap {
        Gap {
            side,
            from_ms,
            length_ms,
            why: why.to_owned(),
        }
    }

    #[test]
    fn one_side_that_says_nothing_is_one_way_and_two_are_not() {
        let caller = gap(Side::Caller, 0, 60_000, NOTHING);
        let callee = gap(Side::Callee, 0, 60_000, NOTHING);
        assert_eq!(
            one_way(std::slice::from_ref(&caller), 60_000),
            Some(Side::Caller)
        );
        assert_eq!(
            one_way(std::slice::from_ref(&callee), 60_000),
            Some(Side::Callee)
        );
        assert_eq!(one_way(&[caller, callee], 60_000), None);
        let late = gap(Side::Callee, 30_000, 30_000, NOTHING);
        assert_eq!(one_way(&[late], 60_000), None, "it spoke before");
        let other = gap(Side::Callee, 0, 60_000, "codec G729 is not decoded");
        assert_eq!(one_way(&[other], 60_000), None, "it spoke");
    }

    #[test]
    fn a_difference_that_nobody_hears_is_none() {
        assert_eq!(off_by(60_000, 60_080), None);
        assert_eq!(off_by(60_000, 60_101), Some(-101));
        assert_eq!(off_by(60_400, 60_000), Some(400));
    }

    #[test]
    fn a_file_that_was_packed_is_named_as_it_is_kept() {
        let part = Part {
            file: "2026/11/21/a.2.wav".into(),
            duration_ms: 5,
            bytes: 200,
        };
        let recorded = Recorded {
            file: "2026/11/21/a.wav".into(),
            duration_ms: 15,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: 400,
            state: crate::recording::command::State::Complete,
            gaps: Vec::new(),
            pauses: Vec::new(),
            parts: vec![part],
        };
        let hashed = |file: &str, bytes| Hashed {
            sha256: "ab".to_owned(),
            file: Some(file.to_owned()),
            bytes: Some(bytes),
        };
        let second = hashed("2026/11/21/a.2.flac", 90);
        let shown_so = shown(recorded.clone(), BTreeMap::from([(2, second.clone())]));
        assert_eq!(
            (shown_so.file.as_str(), shown_so.sha256),
            ("2026/11/21/a.wav", None)
        );
        assert_eq!(shown_so.parts[0].file, "2026/11/21/a.2.flac");
        assert_eq!(shown_so.parts[0].bytes, 90);
        let first = hashed("2026/11/21/a.flac", 180);
        let shown_so = shown(recorded, BTreeMap::from([(1, first), (2, second)]));
        assert_eq!(
            (shown_so.file.as_str(), shown_so.bytes),
            ("2026/11/21/a.flac", 180)
        );
    }
}
