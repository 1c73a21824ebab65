//! What caused a call: virtual numbers lead to sources, sources to projects.

mod labels;
mod project;
mod source;

pub use labels::{GOALS, Labels, OUTCOMES, STAGES};
pub use project::{DateRange, Project};
pub use source::{Source, Tracking};
