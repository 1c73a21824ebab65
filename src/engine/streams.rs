//! Stream connections: accepted, opened, bounded in number and in what waits to be written.
//!
//! Two tasks a connection: one reads and hands bytes over, one writes what the engine queued.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
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
use crate::call::trunks::Trunks;
use crate::engine::error::StartError;
use crate::engine::settings::Listen;
use crate::sip::transport::{FlowId, Path, Transport};

/// Connections at once, ours too. A carrier or PBX keeps a handful; descriptors are for calls. Past that the stranger's that
/// was idle longest gives way.
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
    /// One more than a limit allows was not taken.
    TurnedAway,
}

/// All stream listeners and connections.
#[derive(Debug)]
pub(in crate::engine) struct Streams {
    connections: BTreeMap<FlowId, Connection>,
    /// Said before anything that arrives: what became of connections here.
    said: VecDeque<Arrival>,
    /// Whose connections never give way.
    trunks: Arc<Trunks>,
    /// Counts what moves, so that of two connections the one idle longer is known.
    moves: u64,
    hosts: Map<std::net::IpAddr, usize>,
    arrivals: mpsc::Receiver<Arrival>,
    arrive: mpsc::Sender<Arrival>,
    accepted: mpsc::Receiver<(TcpStream, SocketAddr)>,
    accepted_count: u64,
    addresses: Vec<SocketAddr>,
}

#[derive(Debug)]
struct Connection {
    host: std::net::IpAddr,
    /// It leads to a trunk, or comes from one.
    trunk: bool,
    /// The number of its last move.
    moved: u64,
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
            connections: BTreeMap::new(),
            said: VecDeque::new(),
            trunks: Arc::new(Trunks::default()),
            moves: 0,
            hosts: keyed(key),
            arrivals,
            arrive,
            accepted,
            accepted_count: 0,
            addresses,
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

    /// Takes the table of trunks: their connections are kept when there is no room for all.
    pub(in crate::engine) fn set_trunks(&mut self, trunks: Arc<Trunks>) {
        self.trunks = trunks;
    }

    /// Waits for the next thing that a connection reports.
    pub(in crate::engine) async fn next(&mut self) -> Arrival {
        loop {
            if let Some(said) = self.said.pop_front() {
                return said;
            }
            tokio::select! {
                Some(arrival) = self.arrivals.recv() => {
                    match arrival {
                        Arrival::Closed(flow) => self.close(flow),
                        Arrival::Bytes(flow, _) | Arrival::Opened(flow, _) => self.touch(flow),
                        Arrival::TurnedAway => {}
                    }
                    return arrival;
                }
                Some((stream, peer)) = self.accepted.recv() => self.take(stream, peer),
                else => return std::future::pending().await,
            }
        }
    }

    /// Connects to `peer`; [`Arrival::Opened`] or [`Arrival::Closed`] follows.
    pub(in crate::engine) fn open(&mut self, flow: FlowId, peer: SocketAddr) {
        if !self.make_room() {
            tracing::warn!(%peer, "no connection: too many are open");
            self.said.push_back(Arrival::TurnedAway);
            self.said.push_back(Arrival::Closed(flow));
            return;
        }
        let (write, queue) = mpsc::channel(WRITES_WAITING_MAX);
        let task = tokio::spawn(connect(flow, peer, queue, self.arrive.clone()));
        self.connections.insert(
            flow,
            Connection {
                host: peer.ip(),
                trunk: true,
                moved: self.moves,
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
            self.touch(flow);
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

    /// Notes that a connection is in use.
    fn touch(&mut self, flow: FlowId) {
        self.moves += 1;
        if let Some(connection) = self.connections.get_mut(&flow) {
            connection.moved = self.moves;
        }
    }

    /// Sees that one more connection fits: where there are too many, the stranger's that was idle longest is closed. Returns
    /// false when all of them are trunks'.
    fn make_room(&mut self) -> bool {
        if self.connections.len() < CONNECTIONS_MAX {
            return true;
        }
        let strangers = self.connections.iter().filter(|(_, one)| !one.trunk);
        let Some(flow) = strangers
            .min_by_key(|(_, one)| one.moved)
            .map(|(flow, _)| *flow)
        else {
            return false;
        };
        self.close(flow);
        self.said.push_back(Arrival::Closed(flow));
        true
    }

    /// Takes a connection that a peer opened, where there is room.
    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let flow = FlowId::accepted(self.accepted_count);
        let path = Path {
            transport: Transport::Tcp,
            local,
            peer,
            flow: Some(flow),
        };
        let from_host = self.hosts.get(&peer.ip()).copied().unwrap_or(0);
        if from_host >= CONNECTIONS_PER_HOST_MAX || !self.make_room() {
            tracing::debug!(%peer, "a connection was turned away: too many are open");
            self.said.push_back(Arrival::TurnedAway);
            return;
        }
        self.accepted_count += 1;
        self.moves += 1;
        let (write, queue) = mpsc::channel(WRITES_WAITING_MAX);
        let tasks = run(flow, stream, queue, &self.arrive, Some(FIRST_BYTE_TIME));
        self.connections.insert(
            flow,
            Connection {
                host: peer.ip(),
                trunk: self.trunks.recognise(&path).is_some(),
                moved: self.moves,
                write,
                tasks,
            },
        );
        *self.hosts.entry(peer.ip()).or_default() += 1;
        self.said.push_back(Arrival::Opened(flow, path));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn place(streams: &mut Streams, number: u64, trunk: bool) -> FlowId {
        let flow = FlowId::accepted(number);
        let (write, _queue) = mpsc::channel(1);
        streams.connections.insert(
            flow,
            Connection {
                host: IpAddr::V4(Ipv4Addr::LOCALHOST),
                trunk,
                moved: 0,
                write,
                tasks: Vec::new(),
            },
        );
        streams.touch(flow);
        flow
    }

    #[test]
    fn a_full_house_closes_the_stranger_that_was_idle_longest_and_no_trunk() {
        let mut streams = Streams::bind(&[], 1).unwrap();
        let trunk = place(&mut streams, 0, true);
        let idle = place(&mut streams, 1, false);
        let busy = place(&mut streams, 2, false);
        for number in 3..CONNECTIONS_MAX as u64 {
            place(&mut streams, number, true);
        }
        streams.touch(idle);
        streams.touch(busy);
        streams.touch(trunk);
        assert!(streams.make_room());
        assert!(matches!(streams.said.pop_front(), Some(Arrival::Closed(flow)) if flow == idle));
        assert_eq!(streams.count(), CONNECTIONS_MAX - 1);
        place(&mut streams, 5_000, true);
        assert!(streams.make_room());
        assert!(matches!(streams.said.pop_front(), Some(Arrival::Closed(flow)) if flow == busy));
        place(&mut streams, 5_001, true);
        assert!(!streams.make_room());
        // Neither may we open one more.
        let ours = FlowId::opened(1);
        streams.open(ours, "127.0.0.1:5060".parse().unwrap());
        assert!(matches!(
            streams.said.pop_front(),
            Some(Arrival::TurnedAway)
        ));
        assert!(matches!(streams.said.pop_front(), Some(Arrival::Closed(flow)) if flow == ours));
        assert!(streams.connections.contains_key(&trunk));
    }
}
