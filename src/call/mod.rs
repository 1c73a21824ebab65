//! The B2BUA without a socket: one machine for one call, and the switchboard that holds them all.

pub mod desk;
pub mod story;
pub mod trunk;
pub mod trunks;
