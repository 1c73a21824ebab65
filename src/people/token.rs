//! Tokens of programs: what their secrets look like, and the hash by which the store knows them. Pure.

use sha2::{Digest, Sha256};

/// Begins every secret, so that scanners find one that was published by mistake.
pub const PREFIX: &str = "rt_";

/// Makes a secret of 32 bytes of chance.
pub fn secret(chance: [u8; 32]) -> String {
    format!("{PREFIX}{}", hex::encode(chance))
}

/// The hash of a secret, prefix and all: SHA-256 in lower-case hexadecimal. Without salt, because 256 bits are beyond guessing.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_by_its_prefix_and_known_by_its_hash() {
        let one = secret([7; 32]);
        assert!(one.starts_with("rt_0707") && one.len() == 67);
        assert_eq!(hash(&one).len(), 64);
        assert_ne!(hash(&one), hash(&secret([8; 32])));
    }
}
