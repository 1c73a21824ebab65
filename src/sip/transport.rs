//! Where a message came in or goes out, without a socket (RFC 3261 section 18).

use std::fmt;
use std::net::SocketAddr;

/// The port of SIP over UDP and TCP where none is written (RFC 3261 19.1.2).
pub const SIP_PORT: u16 = 5060;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams; lost and repeated by nature.
    Udp,
    /// A stream framed by Content-Length.
    Tcp,
}

impl Transport {
    /// Whether the transport itself delivers or reports failure, so that requests are not repeated (17.1.1.2).
    pub const fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }

    /// The token of a Via: `UDP`, `TCP`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The value of a URI's `transport` parameter and of the configuration: `udp`, `tcp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One stream connection. The shell numbers those it accepts, the endpoint those it asks to open: see [`FlowId`]'s two makers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(u64);

impl FlowId {
    /// The `n`th connection that a peer opened.
    pub const fn accepted(n: u64) -> Self {
        Self(n << 1)
    }

    /// The `n`th connection that the endpoint asked for.
    pub const fn opened(n: u64) -> Self {
        Self(n << 1 | 1)
    }
}

/// The way a message travels: protocol, both ends, and the connection where there is one.
///
/// For UDP `local` is the listening socket to send from; for a stream the connection decides and `local` is its near end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The protocol.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub peer: SocketAddr,
    /// The connection; `None` for UDP, and for a stream that is still to be opened.
    pub flow: Option<FlowId>,
}
