//! SDP: read, its addresses replaced for the other leg, offers and answers held against each other.
//!
//! A session description is kept as it came (RFC 8866); what ringtag does not touch passes byte for byte. Nothing here
//! chooses codecs: offers pass end to end (RFC 3264 between the two peers), only the way of the sound is ours.

pub mod address;
pub mod again;
pub mod answer;
pub mod codec;
mod hide;
pub mod keys;
mod layout;
pub mod numbers;
pub mod parse;
pub mod probe;
pub mod relay;
pub mod session;
pub mod shield;
pub mod voice;

pub use answer::{Mismatch, answer_meets};
pub use codec::Codec;
pub use keys::{Crypto, Key, Suite};
pub use numbers::Numbers;
pub use parse::{Malformed, parse};
pub use relay::{Mux, Origin, Relay};
pub use session::{Direction, Kind, Media, Profile, Session, Sound};
pub use shield::{Protection, Secrets, Shield};
pub use voice::{Voice, same_but_origin};
