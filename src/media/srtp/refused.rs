//! Why a packet goes no further.

/// What is wrong with a packet under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not as long as its own header and the tag need.
    #[error("the packet is too short for SRTP")]
    Short,
    /// Its tag is not right: another key, or it was changed on its way.
    #[error("the packet's authentication tag is not right")]
    Forged,
    /// It came before, or it is older than what is remembered (RFC 3711 3.3.2).
    #[error("the packet was seen before or is too old")]
    Replayed,
    /// One source more than any call has.
    #[error("the packet is of one stream too many")]
    Streams,
    /// The key has served as many packets as it may (RFC 3711 9.2).
    #[error("the key has been used up")]
    Spent,
}
