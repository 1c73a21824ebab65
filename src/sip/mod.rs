//! Placeholder.

pub mod endpoint;
mod slab;
mod timers;
pub mod transaction;
pub mod transport;
