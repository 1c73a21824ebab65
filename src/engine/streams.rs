//! Stream connections: accepted, opened, bounded in number and in what waits to be written.
//!
//! Two tasks a connection: one reads and hands bytes over, one writes what the engine queued.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::base::map::{Map, keyed};
use crate::engine::error::StartError;
use crate::engine::settings::Listen;
use crate::sip::transport::{FlowId, Path, Transport};

/// Connections at once. A carrier or PBX keeps a handful; descriptors are for calls.
const CONNECTIONS_MAX: usize = 1_024;

/// Connections at once from one address, so that one host cannot take all of them.
const CONNECTIONS_PER_HOST_MAX: usize = 64;

/// Messages that may wait for a slow reader before its connection is closed.
const WRITES_WAITING_MAX: usize = 256;

/// Pieces read that may wait for the engine; then the kernel's window closes and the sender waits.
const READS_WAITING_MAX: usize = 1_024;

/// The longest a connection attempt may take. Timer B (32 s) would notice later; the caller hears silence meanwhile.
const CONNECT_TIME: Duration = Duration::from_secs(4);

/// The longest one message may take to leave for a peer that reads slowly.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// An accepted connection that has not said a byte by then is closed.
const FIRST_BYTE_TIME: Duration = Duration::from_secs(30);

/// A silent connection is probed so that a vanished peer gives back its descriptor.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// What a connection reports.
#[derive(Debug)]
pub(in crate::engine) enum Arrival {
    /// It stands.
    Opened(FlowId, Path),
    /// Bytes came.
    Bytes(FlowId, Bytes),
    /// It is gone, or never came to be.
    Closed(FlowId),
}

/// All stream listeners and connections.
#[derive(Debug)]
pub(in crate::engine) struct Streams {
    connections: Map<FlowId, Connection>,
    hosts: Map<std::net::IpAddr, usize>,
    arrivals: mpsc::Receiver<Arrival>,
    arrive: mpsc::Sender<Arrival>,
    accepted: mpsc::Receiver<(TcpStream, SocketAddr)>,
    accepted_count: u64,
    addresses: Vec<SocketAddr>,
    /// Connections turned away at a limit.
    pub(in crate::engine) turned_away: u64,
}

#[derive(Debug)]
struct Connection {
    host: std::net::IpAddr,
    write: mpsc::Sender<Bytes>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Streams {
    /// Binds every TCP address of `listen` and begins to accept. Runs inside the engine's runtime.
    ///
    /// # Errors
    /// An address is taken, is not this machine's, or may not be bound.
    pub(in crate::engine) fn bind(listen: &[Listen], key: u64) -> Result<Self, StartError> {
        let (arrive, arrivals) = mpsc::channel(READS_WAITING_MAX);
        let (accept, accepted) = mpsc::channel(READS_WAITING_MAX);
        let mut addresses = Vec::new();
        for listen in listen.iter().filter(|l| l.transport == Transport::Tcp) {
            let listener = bind_tcp(listen.address).map_err(|source| StartError::Listen {
                transport: listen.transport,
                address: listen.address,
                source,
            })?;
            addresses.push(listener.local_addr().unwrap_or(listen.address));
            tokio::spawn(accept_loop(listener, accept.clone()));
        }
        Ok(Self {
            connections: keyed(key),
            hosts: keyed(key),
            arrivals,
            arrive,
            accepted,
            accepted_count: 0,
            addresses,
            turned_away: 0,
        })
    }

    /// The addresses bound.
    pub(in crate::engine) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().copied()
    }

    /// How many connections stand.
    pub(in crate::engine) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Waits for the next thing that a connection reports.
    pub(in crate::engine) async fn next(&mut self) -> Arrival {
        loop {
            tokio::select! {
                Some(arrival) = self.arrivals.recv() => {
                    if let Arrival::Closed(flow) = arrival {
                        self.close(flow);
                    }
                    return arrival;
                }
                Some((stream, peer)) = self.accepted.recv() => {
                    if let Some(opened) = self.take(stream, peer) {
                        return opened;
                    }
                }
                else => return std::future::pending().await,
            }
        }
    }

    /// Connects to `peer`; [`Arrival::Opened`] or [`Arrival::Closed`] follows.
    pub(in crate::engine) fn open(&mut self, flow: FlowId, peer: SocketAddr) {
        let (write, queue) = mpsc::channel(WRITES_WAITING_MAX);
        let task = tokio::spawn(connect(flow, peer, queue, self.arrive.clone()));
        self.connections.insert(
            flow,
            Connection {
                host: peer.ip(),
                write,
                tasks: vec![task.abort_handle()],
            },
        );
        *self.hosts.entry(peer.ip()).or_default() += 1;
    }

    /// Queues one message. A connection whose queue is full is closed: its peer does not read.
    ///
    /// Returns false when the connection is gone.
    pub(in crate::engine) fn send(&mut self, flow: FlowId, bytes: Bytes) -> bool {
        let Some(connection) = self.connections.get(&flow) else {
            return false;
        };
        if connection.write.try_send(bytes).is_ok() {
            return true;
        }
        self.close(flow);
        false
    }

    /// Closes a connection; nothing more is heard of it.
    pub(in crate::engine) fn close(&mut self, flow: FlowId) {
        if let Some(connection) = self.connections.remove(&flow)
            && let Some(count) = self.hosts.get_mut(&connection.host)
        {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(&connection.host);
            }
        }
    }

    fn take(&mut self, stream: TcpStream, peer: SocketAddr) -> Option<Arrival> {
        let from_host = self.hosts.get(&peer.ip()).copied().unwrap_or(0);
        if self.connections.len() >= CONNECTIONS_MAX || from_host >= CONNECTIONS_PER_HOST_MAX {
            self.turned_away += 1;
            tracing::warn!(%peer, "a connection was turned away: too many are open");
            return None;
        }
        let local = stream.local_addr().ok()?;
        let flow = FlowId::accepted(self.accepted_count);
        self.accepted_count += 1;
        let (write, queue) = mpsc::channel(WRITES_WAITING_MAX);
        let tasks = run(flow, stream, queue, &self.arrive, Some(FIRST_BYTE_TIME));
        self.connections.insert(
            flow,
            Connection {
                host: peer.ip(),
                write,
                tasks,
            },
        );
        *self.hosts.entry(peer.ip()).or_default() += 1;
        Some(Arrival::Opened(
            flow,
            Path {
                transport: Transport::Tcp,
                local,
                peer,
                flow: Some(flow),
            },
        ))
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        let socket = tokio::net::TcpSocket::new_v6()?;
        SockRef::from(&socket).set_only_v6(true)?;
        socket
    } else {
        tokio::net::TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1_024)
}

async fn accept_loop(listener: TcpListener, accept: mpsc::Sender<(TcpStream, SocketAddr)>) {
    loop {
        match listener.accept().await {
            Ok(pair) => {
                if accept.send(pair).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of descriptors or memory: without a rest this loop would take the whole core.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connect(
    flow: FlowId,
    peer: SocketAddr,
    queue: mpsc::Receiver<Bytes>,
    arrive: mpsc::Sender<Arrival>,
) {
    let opened = match timeout(CONNECT_TIME, TcpStream::connect(peer)).await {
        Ok(Ok(stream)) => stream.local_addr().map(|local| (stream, local)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    match opened {
        Ok((stream, local)) => {
            let path = Path {
                transport: Transport::Tcp,
                local,
                peer,
                flow: Some(flow),
            };
            if arrive.send(Arrival::Opened(flow, path)).await.is_ok() {
                settle(&stream);
                let (read, write) = stream.into_split();
                // This task lives as long as the connection, so that aborting it ends both halves.
                tokio::join!(
                    read_loop(flow, read, arrive.clone(), None),
                    write_loop(flow, write, queue, arrive)
                );
            }
        }
        Err(error) => {
            tracing::warn!(%peer, %error, "no connection");
            let _gone = arrive.send(Arrival::Closed(flow)).await;
        }
    }
}

fn run(
    flow: FlowId,
    stream: TcpStream,
    queue: mpsc::Receiver<Bytes>,
    arrive: &mpsc::Sender<Arrival>,
    first: Option<Duration>,
) -> Vec<AbortHandle> {
    settle(&stream);
    let (read, write) = stream.into_split();
    let reader = tokio::spawn(read_loop(flow, read, arrive.clone(), first));
    let writer = tokio::spawn(write_loop(flow, write, queue, arrive.clone()));
    vec![reader.abort_handle(), writer.abort_handle()]
}

fn settle(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    for asked in [
        stream.set_nodelay(true),
        SockRef::from(stream).set_tcp_keepalive(&keepalive),
    ] {
        if let Err(error) = asked {
            tracing::debug!(%error, "a connection keeps its default options");
        }
    }
}

async fn read_loop(
    flow: FlowId,
    mut read: OwnedReadHalf,
    arrive: mpsc::Sender<Arrival>,
    first: Option<Duration>,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut limit = first;
    loop {
        let read = read.read(&mut buffer);
        let length = match limit.take() {
            Some(limit) => timeout(limit, read).await.unwrap_or(Ok(0)),
            None => read.await,
        };
        let piece = match length {
            Ok(1..) => length
                .ok()
                .and_then(|length| buffer.get(..length))
                .map(Bytes::copy_from_slice),
            Ok(0) | Err(_) => None,
        };
        let arrival = match piece {
            Some(bytes) => Arrival::Bytes(flow, bytes),
            None => Arrival::Closed(flow),
        };
        let last = matches!(arrival, Arrival::Closed(_));
        if arrive.send(arrival).await.is_err() || last {
            return;
        }
    }
}

async fn write_loop(
    flow: FlowId,
    mut write: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
    arrive: mpsc::Sender<Arrival>,
) {
    while let Some(bytes) = queue.recv().await {
        let written = timeout(WRITE_TIME, write.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            let _gone = arrive.send(Arrival::Closed(flow)).await;
            return;
        }
    }
}
