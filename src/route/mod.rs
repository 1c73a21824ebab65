//! Who answers: the TOML rules as types, decided without a clock or a socket.

pub mod caller;
pub mod decision;
pub mod explain;
pub mod group;
pub mod hours;
pub mod outline;
pub mod probe;
pub mod question;
pub mod rule;
pub mod shadow;

mod decide;

pub use decide::{Facts, Routing};
pub use decision::Decision;
pub use explain::Explanation;
