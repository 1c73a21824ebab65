//! Reliable provisional responses (RFC 3262): the machine of who sends them, the machine of who hears them, and RAck.
//!
//! Both are of one early dialog. They know neither messages nor sockets, as those of `transaction`.

pub mod client;
pub mod rack;
pub mod server;

/// The option tag (RFC 3262 8.1).
pub const TAG: &str = "100rel";
