//! What caused a call: virtual numbers lead to sources, sources to projects.

mod project;
mod source;

pub use project::{DateRange, Project};
pub use source::{Source, Tracking};
