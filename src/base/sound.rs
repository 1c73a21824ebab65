//! Where a trunk's sound may come from and whether it is encrypted: said by the trunk, kept by the media workers.

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

/// Whether a trunk's sound is encrypted (SRTP) with keys of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Srtp {
    /// No keys of ours: encrypted sound passes through as it is.
    #[default]
    Off,
    /// Where the peer does it too.
    Preferred,
    /// Or there is no call.
    Required,
}
