//! What is told to the outside, and told again until it is heard.

pub mod address;
pub mod letter;
pub mod outbox;
pub mod post;
pub mod schedule;
pub mod settings;
pub mod smtp;
