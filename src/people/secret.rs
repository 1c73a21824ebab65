//! Secrets that are handed out and come back: made from chance, kept only as their hash, compared without telling by the time
//! how much of them was right.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::base::chance::Chance;

/// Bytes of a secret: 256 bits, beyond guessing.
const BYTES: usize = 32;

/// The SHA-256 of a secret; whoever reads it here cannot use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Print([u8; 32]);

impl Print {
    /// Of what came back.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether `secret` is the one that it was made of.
    pub fn is_of(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Print(..)")
    }
}

/// Makes a secret: 64 hexadecimal digits.
pub fn fresh(chance: &mut Chance) -> String {
    let mut bytes = [0; BYTES];
    chance.fill(&mut bytes);
    hex::encode(bytes)
}

/// Whether two texts are the same; how long it takes says their lengths only.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_print_and_never_shown_by_it() {
        let mut chance = Chance::from_number(3);
        let (one, two) = (fresh(&mut chance), fresh(&mut chance));
        assert_eq!((one.len(), one == two), (64, false));
        assert!(Print::of(&one).is_of(&one) && !Print::of(&one).is_of(&two));
        assert!(same(&one, &one) && !same(&one, &two) && !same(&one, ""));
        assert_eq!(format!("{:?}", Print::of(&one)), "Print(..)");
    }
}
