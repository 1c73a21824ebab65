//! Identifiers: a call, a leg of a call, and what people enter that is no call's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::base::chance::Chance;
use crate::base::text;
use crate::base::time::WallTime;

/// One tracked call: a UUIDv7 (RFC 9562), so that ids sort by the time the call began.
///
/// Not SIP's Call-ID: a call has several of those, one for each leg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u128);

impl CallId {
    /// Makes the id of a call that begins at `at`.
    pub fn new(at: WallTime, chance: &mut Chance) -> Self {
        let mut random = [0; 10];
        chance.fill(&mut random);
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        Self(
            uuid::Builder::from_unix_timestamp_millis(millis, &random)
                .into_uuid()
                .as_u128(),
        )
    }

    /// Returns when the call began, to the millisecond (RFC 9562 5.7).
    pub fn began(self) -> WallTime {
        WallTime::from_millis(i64::try_from(self.0 >> 80).unwrap_or_default())
    }

    /// Returns the 128 bits, big end first, for keys that sort.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Takes back what [`Self::to_bytes`] gave.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CallId {
    type Err = uuid::Error;

    /// Takes the hyphenated form only: an id is also a file name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::fmt::Hyphenated::from_str(text).map(|id| Self(id.into_uuid().as_u128()))
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::parsed(deserializer)
    }
}

/// One thing that people entered that is no call's, such as what an advertisement cost: a UUIDv7 (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(CallId);

impl EntryId {
    /// Makes the id of what is entered at `at`.
    pub fn new(at: WallTime, chance: &mut Chance) -> Self {
        Self(CallId::new(at, chance))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for EntryId {
    type Err = uuid::Error;

    /// Takes the hyphenated form only.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CallId::deserialize(deserializer).map(Self)
    }
}

/// One leg of one call, unique for the life of the process. Ports, sound and counters are kept under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg{}", self.0)
    }
}

/// Which side of a recording: left is the caller, right the callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who rang the virtual number: the left channel.
    Caller,
    /// Who answered: the right channel.
    Callee,
}

impl Side {
    /// Both sides, left first.
    pub const BOTH: [Self; 2] = [Self::Caller, Self::Callee];

    /// Returns the other side.
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let mut chance = Chance::from_number(3);
        let a = CallId::new(WallTime::from_millis(1_000), &mut chance);
        let b = CallId::new(WallTime::from_millis(2_000), &mut chance);
        assert!(a < b);
        assert_eq!(b.began(), WallTime::from_millis(2_000));
        assert_eq!(a.to_string().parse::<CallId>().unwrap(), a);
        assert_eq!(CallId::from_bytes(a.to_bytes()), a);
        assert!("../../etc/passwd".parse::<CallId>().is_err());
    }
}
