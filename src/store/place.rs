//! Where a line is: its month's file, its first byte, its length. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;

/// A UTC month, as `year * 100 + month`. Its log is `YYYY-MM.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Month(pub(crate) u32);

impl Month {
    /// Returns the month of `at`.
    pub(crate) fn of(at: WallTime) -> Self {
        let date = at.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
        let year = u32::try_from(date.year()).unwrap_or(0);
        let month = u32::try_from(date.month()).unwrap_or(1);
        Self(year * 100 + month)
    }
}

/// `2026-11`
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Reads exactly what [`fmt::Display`] writes: file names come from a folder that people can reach.
impl FromStr for Month {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (year, month) = text.split_once('-').ok_or(())?;
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(());
        }
        let year: u32 = year.parse().map_err(|_| ())?;
        let month: u32 = month.parse().map_err(|_| ())?;
        (1..=12)
            .contains(&month)
            .then_some(Self(year * 100 + month))
            .ok_or(())
    }
}

/// One line of the log. Written in checkpoints as `[202611, 4096, 812]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(Month, u64, u32)", into = "(Month, u64, u32)")]
pub(crate) struct Place {
    /// The file.
    pub(crate) month: Month,
    /// The line's length without its newline.
    pub(crate) length: u32,
    /// The line's first byte.
    pub(crate) offset: u64,
}

impl Place {
    /// Bytes of [`Self::to_bytes`].
    pub(crate) const SIZE: usize = 16;

    /// Returns the first byte after the line and its newline.
    pub(crate) fn end(self) -> u64 {
        self.offset + u64::from(self.length) + 1
    }

    /// Returns the form kept in the index.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let packed = u128::from(self.month.0) << 96
            | u128::from(self.length) << 64
            | u128::from(self.offset);
        packed.to_be_bytes()
    }

    /// Takes back what [`Self::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let packed = u128::from_be_bytes(bytes);
        let word = |shift: u32| u32::try_from((packed >> shift) & 0xffff_ffff).unwrap_or(0);
        Self {
            month: Month(word(96)),
            length: word(64),
            offset: u64::from(word(32)) << 32 | u64::from(word(0)),
        }
    }
}

impl From<(Month, u64, u32)> for Place {
    fn from((month, offset, length): (Month, u64, u32)) -> Self {
        Self {
            month,
            length,
            offset,
        }
    }
}

impl From<Place> for (Month, u64, u32) {
    fn from(place: Place) -> Self {
        (place.month, place.offset, place.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_utc_and_read_back() {
        let last: WallTime = "2026-11-30T23:59:59.999Z".parse().unwrap();
        let first: WallTime = "2026-12-01T02:59:59+03:00".parse().unwrap();
        assert_eq!(Month::of(last).to_string(), "2026-11");
        assert_eq!(Month::of(first).to_string(), "2026-11");
        assert_eq!("2026-11".parse(), Ok(Month(202_611)));
        for wrong in ["2026-13", "2026-1", "+026-11", "2026-11x", "..-11", ""] {
            assert_eq!(wrong.parse::<Month>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_place_reads_back() {
        let place = Place {
            month: Month(202_611),
            length: u32::MAX,
            offset: u64::MAX - 1,
        };
        assert_eq!(Place::from_bytes(place.to_bytes()), place);
        let json = serde_json::to_string(&place).unwrap();
        assert_eq!(json, "[202611,18446744073709551614,4294967295]");
        assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
    }
}
