//! A caller in 64 bits, made so that digits can be looked for in it. Pure.
//!
//! A number's digits stand in half-bytes, the last one lowest, each one more than it is, so that an empty half-byte is no
//! digit. Whether `4950` occurs in a number is then a mask and a comparison for each place, and a million rows are
//! looked through in a few milliseconds.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::base::number::{Caller, Number};

/// Set in the key of a caller that is no telephone number. Numbers have at most 15 digits, 60 bits.
const NO_NUMBER: u64 = 1 << 63;

/// Most digits of a number (E.164).
const DIGITS_MAX: usize = 15;

/// The key of a caller who hides, or who was erased: it equals no other.
pub(crate) const NOBODY: u64 = 0;

/// A caller in 64 bits: the digits of a number, a hash of anything else, `None` for who hides.
///
/// The hash is the same in every process, because rows are kept in files. Two callers that collide in its 63 bits are
/// counted as one; lists compare the record's text as well.
pub(crate) fn caller_key(caller: &Caller) -> Option<u64> {
    match caller {
        Caller::Number(number) => Some(pack(*number)),
        Caller::Other(text) => Some(FixedState::with_seed(0).hash_one(text.as_bytes()) | NO_NUMBER),
        Caller::Anonymous => None,
    }
}

/// Whether the key is of a telephone number.
pub(crate) const fn is_number(key: u64) -> bool {
    key != NOBODY && key & NO_NUMBER == 0
}

/// The telephone number of a key; `None`: it is of something else.
pub(crate) fn number_of(key: u64) -> Option<Number> {
    let mut digits = 0;
    let mut places = is_number(key).then_some(DIGITS_MAX)?;
    while places > 0 {
        places -= 1;
        // An empty half-byte stands before the first digit.
        if let Some(digit) = (key >> (4 * places) & 0xf).checked_sub(1) {
            digits = digits * 10 + digit;
        }
    }
    Some(Number::from_digits(digits))
}

fn pack(number: Number) -> u64 {
    let mut rest = number.digits();
    let mut packed = 0;
    for place in 0..DIGITS_MAX {
        packed |= (rest % 10 + 1) << (4 * place);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    packed
}

/// One in every half-byte.
const ONES: u64 = 0x1111_1111_1111_1111;

/// The highest bit of every half-byte, and the three below it.
const HIGH: u64 = 0x8888_8888_8888_8888;
const LOW: u64 = !HIGH;

/// Digits that are looked for in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digits {
    wanted: u64,
    /// Half-bytes.
    length: u32,
    /// Only at the number's beginning.
    is_first: bool,
}

impl Digits {
    /// Reads what may occur in `+79161234567`: digits, or digits after a plus at the beginning. `None`: it occurs in none.
    pub(crate) fn within(text: &str) -> Option<Self> {
        let (digits, is_first) = match text.strip_prefix('+') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        Self::new(digits, is_first)
    }

    /// Reads what a number may begin with. `None`: none begins so.
    pub(crate) fn beginning(text: &str) -> Option<Self> {
        match text.strip_prefix('+') {
            Some(digits) => Self::new(digits, true),
            // Everything begins with nothing.
            None if text.is_empty() => Self::new("", true),
            None => None,
        }
    }

    fn new(digits: &str, is_first: bool) -> Option<Self> {
        if digits.len() > DIGITS_MAX {
            return None;
        }
        let mut wanted = 0;
        for digit in digits.bytes() {
            let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            wanted = wanted << 4 | (value + 1);
        }
        Some(Self {
            wanted,
            length: u32::try_from(digits.len()).ok()?,
            is_first,
        })
    }

    /// Whether they occur in the number of this key.
    #[inline]
    pub(crate) fn occur_in(self, key: u64) -> bool {
        if !is_number(key) {
            return false;
        }
        if self.is_first {
            let has = (u64::BITS - key.leading_zeros()).div_ceil(4);
            let spare = has.checked_sub(self.length);
            return spare.is_some_and(|spare| key >> (4 * spare) == self.wanted);
        }
        // Where the last digit stands, where the one before it stands a place higher, and so on: an empty half-byte is none of
        // them. One digit is in every third number, and a processor cannot foresee in which; two are in few.
        let mut ends = HIGH;
        let mut rest = self.wanted;
        let mut place = 0;
        while place + 1 < self.length {
            ends &= equal_to(rest & 0xf, key) >> (4 * place);
            ends &= equal_to(rest >> 4 & 0xf, key) >> (4 * place + 4);
            if ends == 0 {
                return false;
            }
            rest >>= 8;
            place += 2;
        }
        if place < self.length {
            ends &= equal_to(rest & 0xf, key) >> (4 * place);
        }
        ends != 0
    }
}

/// The highest bit of every half-byte of `key` that is `digit`.
const fn equal_to(digit: u64, key: u64) -> u64 {
    let differs = key ^ (ONES * digit);
    !(((differs & LOW) + LOW) | differs) & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(digits: u64) -> u64 {
        caller_key(&Caller::Number(Number::from_digits(digits))).unwrap()
    }

    proptest! {
        #[test]
        fn digits_occur_where_the_written_number_has_them(
            number in 1_000u64..1_000_000_000_000_000,
            text in prop_oneof!["[+]?[0-9]{0,6}", "[+]?[0-9]{0,16}", "[0-9a+]{0,4}"],
            from in 0..16usize,
            length in 0..16usize,
        ) {
            let written = format!("+{number}");
            // Something that is there, too.
            let part: String = written.chars().skip(from).take(length).collect();
            for text in [text, part] {
                let within = Digits::within(&text).is_some_and(|digits| digits.occur_in(key(number)));
                prop_assert_eq!(within, written.contains(&text), "{} in {}", text, written);
                let begins = Digits::beginning(&text).is_some_and(|digits| digits.occur_in(key(number)));
                prop_assert_eq!(begins, written.starts_with(&text), "{} before {}", text, written);
            }
        }
    }

    #[test]
    fn a_key_gives_its_number_back() {
        for digits in [1_000, 74_950_000_001, 79_161_234_567, 999_999_999_999_999] {
            assert_eq!(number_of(key(digits)), Some(Number::from_digits(digits)));
        }
        assert_eq!(number_of(NOBODY), None);
        assert_eq!(
            number_of(caller_key(&Caller::Other("101".into())).unwrap()),
            None
        );
    }

    #[test]
    fn who_is_no_number_has_no_digits() {
        let digits = Digits::within("1").unwrap();
        assert!(!digits.occur_in(caller_key(&Caller::Other("101".into())).unwrap()));
        assert!(!digits.occur_in(NOBODY));
        assert_ne!(key(101_101), key(101_1010));
    }
}
