//! The listening sockets of streams: bound, accepted from, resting when the system has no descriptor left.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::engine::error::StartError;
use crate::engine::settings::Listen;
use crate::sip::transport::Transport;

/// Connections that the kernel may hold for us: what a busy second brings.
const BACKLOG: u32 = 1_024;

/// How long a listener rests that cannot accept: without it the loop would take the whole core.
const REST: Duration = Duration::from_millis(100);

/// How often a lasting failure to accept is told, in rests: every ten seconds.
const TOLD_EACH: u32 = 100;

/// A connection that was accepted and is spoken to by nobody yet.
pub(in crate::engine) type Accepted = (Transport, TcpStream, SocketAddr);

/// One listening socket of streams.
#[derive(Debug)]
pub(in crate::engine::streams) struct Listener {
    pub(in crate::engine::streams) listen: Listen,
    task: AbortHandle,
}

impl Listener {
    /// Binds and begins to accept. Runs inside the engine's runtime.
    ///
    /// # Errors
    /// The address is taken, is not this machine's, or may not be bound.
    pub(in crate::engine::streams) fn bind(
        listen: Listen,
        accept: mpsc::Sender<Accepted>,
    ) -> Result<Self, StartError> {
        let listener = bind(listen.address).map_err(|source| StartError::Listen {
            transport: listen.transport,
            address: listen.address,
            source,
        })?;
        let address = listener.local_addr().unwrap_or(listen.address);
        let task = tokio::spawn(accept_loop(listen.transport, listener, accept));
        Ok(Self {
            listen: Listen { address, ..listen },
            task: task.abort_handle(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        let socket = tokio::net::TcpSocket::new_v6()?;
        SockRef::from(&socket).set_only_v6(true)?;
        socket
    } else {
        tokio::net::TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept_loop(transport: Transport, listener: TcpListener, accept: mpsc::Sender<Accepted>) {
    let mut failures: u32 = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                failures = 0;
                if accept.send((transport, stream, peer)).await.is_err() {
                    return;
                }
            }
            // The peer was gone again before its turn came: the next one waits already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory: those who wait stay in the kernel's queue until there is room.
                if failures.is_multiple_of(TOLD_EACH) {
                    tracing::warn!(%transport, %error, "connections cannot be accepted; they wait until others end");
                }
                failures = failures.wrapping_add(1);
                tokio::time::sleep(REST).await;
            }
        }
    }
}
