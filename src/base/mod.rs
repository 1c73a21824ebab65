//! Words every room shares: time, chance, identifiers, telephone numbers.

pub mod chance;
pub mod clock;
pub mod country;
pub mod entropy;
pub mod id;
pub mod map;
pub mod number;
pub mod sound;
pub(crate) mod text;
pub mod time;
pub mod zone;
