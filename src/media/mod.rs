//! Placeholder.

pub mod settings;
pub mod command;
pub mod tap;
