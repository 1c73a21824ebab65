//! Who may use the pages and the API, and what each of them may do. Pure.

pub mod link;
pub mod password;
pub mod role;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user;
pub mod who;

pub use role::{Right, Role};
pub use user::{User, Users};
pub use who::{Projects, Who};
