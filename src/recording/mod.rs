//! Placeholder.

pub mod settings;
pub mod command;
