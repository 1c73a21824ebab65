//! Chance as a value: a seeded ChaCha stream, so that a simulation replays to the bit.

use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A cryptographically strong stream of random values from a seed.
#[derive(Clone)]
pub struct Chance(ChaCha12Rng);

impl Chance {
    /// Starts the stream that `seed` determines.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// Starts the stream of a small seed. For tests and simulations.
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// Splits off an independent stream.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// Returns 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below `bound`, or 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a 64-bit multiply-shift is below 2^-32 for the small bounds used here.
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Returns a token of 16 lower-case hexadecimal digits (64 bits; RFC 3261 19.3 asks tags for 32).
    pub fn token(&mut self) -> Token {
        Token(self.next_u64())
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(..)")
    }
}

/// 64 random bits, written as 16 hexadecimal digits: tags, branches, Call-IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

impl Token {
    /// Reads exactly what [`fmt::Display`] writes: 16 lower-case hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let lower = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        if text.len() != 16 || !text.iter().all(lower) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_stream() {
        let (mut a, mut b) = (Chance::from_number(7), Chance::from_number(7));
        assert_eq!(a.next_u64(), b.next_u64());
        assert_eq!(a.fork().next_u64(), b.fork().next_u64());
    }

    #[test]
    fn below_stays_below() {
        let mut chance = Chance::from_number(1);
        assert!((0..1000).all(|_| chance.below(3) < 3));
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let token = Chance::from_number(2).token();
        assert_eq!(Token::parse(token.to_string().as_bytes()), Some(token));
        assert_eq!(Token::parse(b"+000000000000001"), None);
        assert_eq!(Token::parse(b"00000000000000AB"), None);
    }
}
