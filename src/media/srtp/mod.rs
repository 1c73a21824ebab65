//! SRTP and SRTCP (RFC 3711, RFC 6188): packets of one leg decrypted when they come and encrypted when they go, in place.
//!
//! Pure: keys and packets in, packets or a reason out. Nothing is learned from a packet before its tag is right. How keys
//! are agreed on is `sdp`'s and `call`'s; this never sees a description.

mod cipher;
pub mod cover;
mod derive;
pub mod guard;
mod keyring;
pub mod receiver;
pub mod refused;
pub mod sender;
mod shape;
#[cfg(test)]
mod trials;
mod window;

pub use cover::Cover;
pub use guard::Guard;
pub use receiver::Receiver;
pub use refused::Refused;
pub use sender::Sender;

/// Bytes that protecting a packet may add to it: SRTCP's index (RFC 3711 3.4) and the longest tag.
pub const ROOM: usize = shape::INDEX_BYTES + shape::RTCP_TAG_BYTES;

/// Streams under one key. A call has one or two; each music on hold and each announcement may have its own. Whoever sends more
/// is up to something, and a stream that is forgotten could be played again.
const STREAMS_MAX: usize = 64;
