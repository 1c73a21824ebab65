//! What caused a call: virtual numbers lead to sources, sources to projects.

mod labels;
mod project;
mod source;

pub use labels::{GOALS, Labels, OUTCOMES, STAGES};
pub use project::{DateRange, Project, Rest};
pub use source::{Source, Tracking};
