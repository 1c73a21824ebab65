//! Why ringtag cannot start: who is at fault, what was being done, the remedy.

use std::io;
use std::net::SocketAddr;

use crate::sip::transport::Transport;
use crate::store::error::StoreError;

/// A start that failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listening address could not be had.
    #[error(
        "cannot listen on {transport}:{address}: {source}{}",
        remedy_for_listen(source)
    )]
    Listen {
        /// The protocol.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The web address could not be had.
    #[error(
        "cannot listen for HTTP on {address}: {source}{}",
        remedy_for_listen(source)
    )]
    Web {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The call log could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// io_uring was asked for by name.
    #[error(transparent)]
    MediaEngine(#[from] crate::media::choice::Refused),
    /// A thread, a runtime or a random seed was refused.
    #[error(
        "the system refused {what}: {source}; free memory or raise the limit on processes, then start again"
    )]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn remedy_for_listen(error: &io::Error) -> &'static str {
    let remedies = [
        (
            io::ErrorKind::AddrInUse,
            "; another program holds it (see `ss -lunpt`): stop it, or choose another port",
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            "; it is not an address of this machine: correct `listen`",
        ),
        (
            io::ErrorKind::PermissionDenied,
            "; ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)",
        ),
    ];
    let known = remedies.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or("", |(_, remedy)| remedy)
}
