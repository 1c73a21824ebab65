//! Where a trunk's sound may come from: said by the trunk, kept by the media workers.

/// Which source addresses a leg takes RTP from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SoundFrom {
    /// Exactly the address and port of its SDP.
    #[default]
    Sdp,
    /// The SDP's host, any port.
    Ip,
    /// Learned once from the signalling host's address, then locked until new SDP opens it.
    Nat,
}
