//! What the endpoint wants put on the wire.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::transport::{FlowId, Path, Transport};

/// What the endpoint wants put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Send one datagram from `path.local` to `path.peer`.
    Datagram {
        /// The way.
        path: Path,
        /// The message.
        bytes: Bytes,
    },
    /// Connect to `peer`; answered with `handle_opened` or `handle_closed`.
    Open {
        /// Its name from now on.
        flow: FlowId,
        /// The protocol.
        transport: Transport,
        /// Where to.
        peer: SocketAddr,
    },
    /// Write to a connection.
    Stream {
        /// Which.
        flow: FlowId,
        /// One whole message, or a keep-alive.
        bytes: Bytes,
    },
    /// Close a connection.
    Close {
        /// Which.
        flow: FlowId,
    },
}
