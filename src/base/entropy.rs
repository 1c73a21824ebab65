//! The one place that asks the operating system for randomness. Shells only.

/// Returns 32 unpredictable bytes, the seed of a [`crate::base::chance::Chance`].
///
/// # Errors
/// The operating system has no random source; ringtag cannot make unguessable tags then and must not start.
pub fn seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
