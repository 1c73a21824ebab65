//! Who may use the pages and the API, and what each of them may do. Pure.

pub mod role;
pub mod who;

pub use role::{Right, Role};
pub use who::{Projects, Who};
