//! What caused a call: virtual numbers lead to sources, sources to projects.

mod labels;
mod project;
mod sales;
mod source;

pub use labels::{GOALS, Labels, OUTCOMES, STAGES, first};
pub use project::{CURRENCY, DateRange, Project, Rest};
pub use sales::Sales;
pub use source::{Source, Tracking};
