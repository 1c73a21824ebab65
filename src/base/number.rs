//! Telephone numbers: kept as E.164, masked when shown in logs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::country::Country;

/// A telephone number as E.164: 4 to 15 digits with the country code first, kept without the plus.
///
/// `Debug` masks the middle; [`fmt::Display`] writes `+` and all digits and is for records, never for logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A telephone number.
    Number(Number),
    /// Something that is no telephone number, as it came: `101`.
    Other(Box<str>),
    /// The caller hides.
    Anonymous,
}

impl Number {
    /// Reads `+` and 4 to 15 digits; visual separators (space, `-`, `.`, `(`, `)`) are passed over (RFC 3966).
    pub fn e164(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('+')?;
        let mut value = 0u64;
        let mut digits = 0;
        for c in rest.chars() {
            match c {
                '0'..='9' => {
                    digits += 1;
                    value = value
                        .checked_mul(10)?
                        .checked_add(u64::from(c).checked_sub(u64::from('0'))?)?;
                }
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return None,
            }
        }
        let leading_zero = rest
            .trim_start_matches([' ', '-', '.', '('])
            .starts_with('0');
        ((4..=15).contains(&digits) && !leading_zero).then_some(Self(value))
    }

    /// Reads E.164, or a form that is understood inside `country`: `8 495 000-00-01`. Extensions are no numbers.
    pub fn read(text: &str, country: &Country) -> Option<Self> {
        let text = text.trim();
        // Most carriers write the plus: those numbers need no table of countries.
        if text.starts_with('+') {
            Self::e164(text)
        } else {
            country.read(text)
        }
    }

    /// Returns the digits as a number, for keys.
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// Takes back what [`Self::digits`] gave.
    pub const fn from_digits(digits: u64) -> Self {
        Self(digits)
    }

    /// Returns the form for logs: country side and the last two digits, `+7495*****01`.
    pub fn masked(self) -> String {
        let text = self.to_string();
        let keep = text.len().saturating_sub(7).clamp(1, 5);
        text.char_indices()
            .map(|(i, c)| {
                if i < keep || i + 2 >= text.len() {
                    c
                } else {
                    '*'
                }
            })
            .collect()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::e164(&text).ok_or_else(|| serde::de::Error::custom("not an E.164 number"))
    }
}

/// As the record shows it: the E.164 number, the text as it came, or `anonymous`.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Other(text) => f.write_str(text),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl Caller {
    /// Returns the number, where the caller is one.
    pub const fn number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Other(_) | Self::Anonymous => None,
        }
    }

    /// Takes back what [`fmt::Display`] wrote.
    pub fn from_record(text: &str) -> Self {
        match Number::e164(text) {
            Some(number) => Self::Number(number),
            None if text == "anonymous" => Self::Anonymous,
            None => Self::Other(text.into()),
        }
    }
}

impl Serialize for Caller {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Caller {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from_record(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e164_is_read_and_written() {
        let number = Number::e164("+7 (495) 000-00-01").unwrap();
        assert_eq!(number.to_string(), "+74950000001");
        assert_eq!(number.masked(), "+7495*****01");
        assert_eq!(format!("{number:?}"), "+7495*****01");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "+",
            "101",
            "+1",
            "+0123456",
            "+1234567890123456",
            "+7495x",
        ] {
            assert_eq!(Number::e164(text), None, "{text}");
        }
    }
}
