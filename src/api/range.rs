//! `Range` (RFC 9110 14): which bytes of a file are asked for. Pure.

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Wanted {
    /// All of it.
    Whole,
    /// From the first to the last byte, both included.
    Part {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// None of what is asked for is there: 416.
    Nothing,
}

/// The most ranges looked at: more in one request is no player but an attack on the server (RFC 9110 17.15).
const RANGES_MAX: usize = 16;

/// Reads a `Range` header for a file of `length` bytes.
///
/// What is no range of bytes is passed over, as 14.2 asks. Several ranges that touch are sent as one; those that do not
/// touch would need a multipart body that no player asks for: the whole file answers them, as 14.2 allows.
pub(in crate::api) fn wanted(header: &[u8], length: u64) -> Wanted {
    let Some(parts) = read(header) else {
        return Wanted::Whole;
    };
    let mut ranges: Vec<(u64, u64)> = parts
        .iter()
        .filter_map(|part| part.within(length))
        .collect();
    ranges.sort_unstable();
    let Some((first, mut last)) = ranges.first().copied() else {
        return Wanted::Nothing;
    };
    for (next_first, next_last) in ranges {
        if next_first > last.saturating_add(1) {
            return Wanted::Whole;
        }
        last = last.max(next_last);
    }
    Wanted::Part { first, last }
}

/// One range as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// `5-` or `5-9`
    From(u64, Option<u64>),
    /// `-5`: the last five.
    Last(u64),
}

impl Part {
    /// The first and last byte of it that exist.
    fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        match self {
            Self::From(first, last) => {
                (first <= end).then(|| (first, last.map_or(end, |last| last.min(end))))
            }
            Self::Last(0) => None,
            Self::Last(many) => Some((length.saturating_sub(many), end)),
        }
    }
}

/// `None`: the header is no list of byte ranges, one bad range included.
fn read(header: &[u8]) -> Option<Vec<Part>> {
    let text = std::str::from_utf8(header).ok()?;
    let (unit, list) = text.trim().split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut parts = Vec::new();
    for one in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let (first, last) = one.split_once('-')?;
        let part = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Part::From(first, Some(last)),
            (Some(first), None) if last.is_empty() => Part::From(first, None),
            (None, Some(many)) if first.is_empty() => Part::Last(many),
            _ => return None,
        };
        if parts.len() >= RANGES_MAX {
            return None;
        }
        parts.push(part);
    }
    (!parts.is_empty()).then_some(parts)
}

/// Digits only; more of them than fit mean "beyond any file".
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part { first, last }
    }

    #[test]
    fn one_range_is_cut_to_the_file() {
        for (header, expected) in [
            ("bytes=0-499", part(0, 499)),
            ("bytes=500-999", part(500, 999)),
            ("bytes=500-", part(500, 999)),
            ("bytes=999-", part(999, 999)),
            ("bytes=0-99999999999999999999999999", part(0, 999)),
            ("bytes=-1", part(999, 999)),
            ("bytes=-5000", part(0, 999)),
            ("BYTES = 0-0", part(0, 0)),
            ("bytes=0-0,", part(0, 0)),
        ] {
            assert_eq!(wanted(header.as_bytes(), 1_000), expected, "{header}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_is_nothing() {
        for header in [
            "bytes=1000-",
            "bytes=1000-2000",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(
                wanted(header.as_bytes(), 1_000),
                Wanted::Nothing,
                "{header}"
            );
        }
        assert_eq!(wanted(b"bytes=0-", 0), Wanted::Nothing);
        assert_eq!(wanted(b"bytes=-1", 0), Wanted::Nothing);
    }

    #[test]
    fn what_is_no_range_of_bytes_is_passed_over() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=x",
            "bytes=5",
            "bytes=9-5",
            "bytes=-",
            "bytes=--5",
            "bytes=+1-2",
            "lines=0-5",
            "bytes=0-1,x",
            "bytes=0-1;2-3",
            "bytes= 0 - 5",
        ] {
            assert_eq!(wanted(header.as_bytes(), 1_000), Wanted::Whole, "{header}");
        }
        assert_eq!(wanted(b"bytes=\xff-", 1_000), Wanted::Whole);
    }

    #[test]
    fn ranges_that_touch_are_one_and_others_are_the_whole() {
        let of = |header: &str| wanted(header.as_bytes(), 1_000);
        assert_eq!(of("bytes=0-9,10-19"), part(0, 19));
        assert_eq!(of("bytes=10-19, 0-9, 5-12"), part(0, 19));
        assert_eq!(of("bytes=0-9,2000-"), part(0, 9));
        assert_eq!(of("bytes=0-9,11-19"), Wanted::Whole);
        assert_eq!(of("bytes=2000-,3000-"), Wanted::Nothing);
        assert_eq!(
            of(&format!("bytes={}", "0-1,".repeat(RANGES_MAX))),
            part(0, 1)
        );
        assert_eq!(
            of(&format!("bytes={}", "0-1,".repeat(RANGES_MAX + 1))),
            Wanted::Whole
        );
    }

    proptest! {
        #[test]
        fn a_part_always_lies_in_the_file(
            header in "bytes=[0-9,\\- ]{0,24}",
            length in 0u64..2_000,
        ) {
            if let Wanted::Part { first, last } = wanted(header.as_bytes(), length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
