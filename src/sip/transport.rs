//! Where a message came in or goes out, without a socket (RFC 3261 section 18, RFC 7118).

use std::fmt;
use std::net::SocketAddr;

use crate::sip::uri::{Scheme, Uri};

/// The port of SIP over UDP and TCP where none is written (RFC 3261 19.1.2).
pub const SIP_PORT: u16 = 5060;

/// The port of SIP over TLS where none is written (RFC 3261 19.1.2).
pub const SIPS_PORT: u16 = 5061;

/// The ports of SIP over WebSocket where none is written (RFC 7118 5.3).
const WS_PORT: u16 = 80;
const WSS_PORT: u16 = 443;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams; lost and repeated by nature.
    Udp,
    /// A stream framed by Content-Length.
    Tcp,
    /// The same inside TLS.
    Tls,
    /// A WebSocket that a peer opened, a message in each of its own (RFC 7118).
    Ws,
    /// The same inside TLS.
    Wss,
}

/// Every transport, in the order of their declaration.
pub const TRANSPORTS: [Transport; 5] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
    Transport::Wss,
];

impl Transport {
    /// Whether the transport itself delivers or reports failure, so that requests are not repeated (17.1.1.2).
    pub const fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => true,
        }
    }

    /// Whether nobody on the way can read or change what is sent: what a `sips:` URI asks for (26.2.2).
    pub const fn is_secure(self) -> bool {
        match self {
            Self::Udp | Self::Tcp | Self::Ws => false,
            Self::Tls | Self::Wss => true,
        }
    }

    /// Whether each message stands in a frame of its own, so that Content-Length does not cut the stream (RFC 7118 4.2).
    pub const fn is_framed(self) -> bool {
        match self {
            Self::Ws | Self::Wss => true,
            Self::Udp | Self::Tcp | Self::Tls => false,
        }
    }

    /// Whether we may connect to a peer. A WebSocket is opened by its client alone: what goes out there goes on a connection
    /// that the peer opened (RFC 7118 section 3).
    pub const fn can_be_opened(self) -> bool {
        match self {
            Self::Tcp | Self::Tls => true,
            Self::Udp | Self::Ws | Self::Wss => false,
        }
    }

    /// The token of a Via: `UDP`, `TCP`, `TLS`, `WS`, `WSS`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The name in the configuration and in the log: `udp`, `tcp`, `tls`, `ws`, `wss`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The port where none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => SIP_PORT,
            Self::Tls => SIPS_PORT,
            Self::Ws => WS_PORT,
            Self::Wss => WSS_PORT,
        }
    }

    /// What follows host and port in a `sip:` URI of ours: `;transport=tcp`. RFC 7118 5.2.3 knows `ws` alone, for both.
    pub const fn uri_param(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
            Self::Ws | Self::Wss => ";transport=ws",
        }
    }

    /// What follows host and port in a `sips:` URI of ours. TLS is what the scheme says already, and RFC 3261 26.2.2 takes
    /// `transport=tls` back.
    pub const fn sips_param(self) -> &'static str {
        match self {
            Self::Udp | Self::Tcp | Self::Tls => "",
            Self::Ws | Self::Wss => ";transport=ws",
        }
    }

    /// The protocol that a URI asks for by its scheme and its `transport` parameter; `None`: it leaves the choice, or names
    /// what is not spoken here.
    pub fn of_uri(uri: &Uri) -> Option<Self> {
        let secure = uri.scheme() == Scheme::Sips;
        let name = uri.param("transport").unwrap_or_default();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match secure {
            true if name.is_empty() || is("tcp") || is("tls") => Some(Self::Tls),
            true if is("ws") || is("wss") => Some(Self::Wss),
            // A sips URI is never followed over UDP (19.1.2).
            true => None,
            false => TRANSPORTS.into_iter().find(|known| is(known.name())),
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
    /// Before and behind all others.
    pub const FIRST: Self = Self(0);
    /// See [`Self::FIRST`].
    pub const LAST: Self = Self(u64::MAX);

    /// The `n`th connection that a peer opened.
    pub const fn accepted(n: u64) -> Self {
        Self(n << 1)
    }

    /// The `n`th connection that the endpoint asked for.
    pub const fn opened(n: u64) -> Self {
        Self(n << 1 | 1)
    }

    /// Which one of its maker's.
    pub const fn number(self) -> u64 {
        self.0 >> 1
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_asks_for_its_protocol_by_scheme_and_parameter() {
        for (uri, asked) in [
            ("sip:a@b", None),
            ("sip:a@b;transport=UDP", Some(Transport::Udp)),
            ("sip:a@b;transport=tcp", Some(Transport::Tcp)),
            ("sip:a@b;transport=TLS", Some(Transport::Tls)),
            ("sip:a@b;transport=ws", Some(Transport::Ws)),
            ("sip:a@b;transport=wss", Some(Transport::Wss)),
            ("sip:a@b;transport=sctp", None),
            ("sips:a@b", Some(Transport::Tls)),
            ("sips:a@b;transport=tcp", Some(Transport::Tls)),
            ("sips:a@b;transport=tls", Some(Transport::Tls)),
            ("sips:a@b;transport=ws", Some(Transport::Wss)),
            ("sips:a@b;transport=udp", None),
        ] {
            assert_eq!(Transport::of_uri(&Uri::parse(uri).unwrap()), asked, "{uri}");
        }
    }

    #[test]
    fn what_we_write_into_a_uri_is_read_back_as_the_same_protocol() {
        for transport in TRANSPORTS {
            let plain = Uri::parse(format!("sip:a@b{}", transport.uri_param())).unwrap();
            let read = Transport::of_uri(&plain).unwrap_or(Transport::Udp);
            let same = match transport {
                Transport::Wss => Transport::Ws,
                Transport::Udp | Transport::Tcp | Transport::Tls | Transport::Ws => transport,
            };
            assert_eq!(read, same);
            let secure = Uri::parse(format!("sips:a@b{}", transport.sips_param())).unwrap();
            assert!(Transport::of_uri(&secure).is_some_and(Transport::is_secure));
        }
    }
}
