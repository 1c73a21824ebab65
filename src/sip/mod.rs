//! Placeholder.

pub mod transport;
pub mod endpoint;
