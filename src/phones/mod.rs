//! The built-in phones of `ringtag demo` and of the tests: real SIP and real sound on loopback.
//!
//! They read and write SIP through the rsip crate and G.711 through code of their own, so that the two ends of a call with
//! ringtag share neither a parser nor a codec. They are no product: UDP and IPv4 only, and what rsip cannot read they do
//! not answer.

pub mod call;
pub mod dialing;
pub mod g711;
pub mod heard;
pub mod incoming;
pub mod phone;
pub mod tone;

mod dialog;
mod message;
mod offer;
mod sound;
mod transaction;
mod wire;

pub use call::{Call, Ended};
pub use dialing::Dialing;
pub use g711::Law;
pub use heard::Heard;
pub use incoming::{Answer, Incoming};
pub use phone::{Fault, Phone, Settings};
