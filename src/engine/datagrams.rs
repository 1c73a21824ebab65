//! The datagram sockets of SIP: bytes in and out. Streams are `streams.rs`; what the bytes mean is the endpoint's.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::task::Poll;

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::engine::error::StartError;
use crate::engine::post::{AT_ONCE, Letter, post};
use crate::engine::settings::Listen;
use crate::sip::transport::{Path, Transport};

/// Bytes a kernel buffer may hold: half a second of 2,500 INVITEs a second, so that a slow moment loses nothing.
const KERNEL_BUFFER: usize = 4 << 20;

/// Datagrams taken from one socket before the others have their turn.
const BATCH: usize = 64;

/// The largest datagram that UDP can carry.
const DATAGRAM_MAX: usize = 65_535;

/// All UDP listeners.
#[derive(Debug)]
pub(in crate::engine) struct Datagrams {
    sockets: Vec<Listener>,
    buffer: Vec<u8>,
    /// Datagrams that the kernel would not take.
    pub(in crate::engine) unsent: u64,
}

#[derive(Debug)]
struct Listener {
    /// Waited on for what arrives and for nothing else: told of room for more as well, the loop would wake whenever a peer has
    /// taken what was sent to it, about as often as there is something to read.
    socket: AsyncFd<UdpSocket>,
    bound: SocketAddr,
    /// What waits for [`Datagrams::flush`].
    letters: Vec<Letter>,
}

impl Datagrams {
    /// Binds every UDP address of `listen`.
    ///
    /// # Errors
    /// An address is taken, is not this machine's, or may not be bound.
    pub(in crate::engine) fn bind(listen: &[Listen]) -> Result<Self, StartError> {
        let sockets = listen
            .iter()
            .filter(|listen| listen.transport == Transport::Udp)
            .map(|listen| {
                Listener::bind(listen.address).map_err(|source| StartError::Listen {
                    transport: listen.transport,
                    address: listen.address,
                    source,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            sockets,
            buffer: vec![0; DATAGRAM_MAX],
            unsent: 0,
        })
    }

    /// The addresses bound, with the port that the kernel chose where 0 was asked for.
    pub(in crate::engine) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|listener| listener.bound)
    }

    /// Waits until a socket has something.
    pub(in crate::engine) async fn readable(&self) {
        if self.sockets.is_empty() {
            return std::future::pending().await;
        }
        poll_fn(|context| {
            let ready = self
                .sockets
                .iter()
                .any(|listener| listener.socket.poll_read_ready(context).is_ready());
            if ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Hands what has arrived to `take`, a bounded number from each socket: where it was received, who sent it, the bytes.
    pub(in crate::engine) fn receive(
        &mut self,
        mut take: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) {
        let buffer = self.buffer.as_mut_slice();
        for listener in &self.sockets {
            for _ in 0..BATCH {
                let received = listener
                    .socket
                    .try_io(Interest::READABLE, |socket| socket.recv_from(buffer));
                let (length, peer) = match received {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // An ICMP answer to an earlier datagram; the transaction's own timers speak for the peer.
                    Err(_) => continue,
                };
                let Some(bytes) = buffer.get(..length) else {
                    continue;
                };
                take(listener.bound, peer, bytes);
            }
        }
    }

    /// Takes one datagram, which leaves at the next [`Self::flush`], or when there are enough of them. One that the kernel
    /// refuses is counted: SIP's timers send it again.
    pub(in crate::engine) fn send(&mut self, path: &Path, bytes: Bytes) {
        let Some(listener) = self.listener_for(path) else {
            self.unsent += 1;
            tracing::debug!(peer = %path.peer, "a datagram was not sent: no socket is of its family");
            return;
        };
        let peer = path.peer;
        listener.letters.push(Letter { peer, bytes });
        if listener.letters.len() >= AT_ONCE {
            self.unsent += listener.flush();
        }
    }

    /// Sends what waits. To be called before anything is waited for.
    pub(in crate::engine) fn flush(&mut self) {
        self.unsent += self.sockets.iter_mut().map(Listener::flush).sum::<u64>();
    }

    fn listener_for(&mut self, path: &Path) -> Option<&mut Listener> {
        let serves = |listener: &Listener| {
            listener.bound == path.local
                || (listener.bound.ip().is_unspecified()
                    && listener.bound.port() == path.local.port()
                    && listener.bound.is_ipv4() == path.local.is_ipv4())
        };
        let same_family = |listener: &Listener| listener.bound.is_ipv4() == path.peer.is_ipv4();
        let found = self.sockets.iter().position(serves);
        let found = found.or_else(|| self.sockets.iter().position(same_family));
        self.sockets.get_mut(found?)
    }
}

impl Listener {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // One address, one family: the admin lists both where both are wanted.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let bound = socket.local_addr()?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that lie about their descriptor; the standard library's does not"
        )]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self {
            socket,
            bound,
            letters: Vec::with_capacity(AT_ONCE),
        })
    }

    /// Sends what waits and returns how many of them the kernel did not take.
    fn flush(&mut self) -> u64 {
        let unsent = post(self.socket.get_ref(), &self.letters);
        self.letters.clear();
        unsent
    }
}

/// Asks for large kernel buffers; the kernel's own limit (net.core.rmem_max) may give less, which is no error.
fn enlarge(socket: &Socket) {
    for asked in [
        socket.set_recv_buffer_size(KERNEL_BUFFER),
        socket.set_send_buffer_size(KERNEL_BUFFER),
    ] {
        if let Err(error) = asked {
            tracing::debug!(%error, "the kernel keeps its own buffer size");
        }
    }
}
