//! One stream connection: made or shaken hands with in bounded time, read from, written to, closed in order.
//!
//! Each connection is one task. It ends when its peer leaves, when its peer does not read, or when the engine drops the queue of
//! what is to be written: then what is queued leaves first.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream as OurTls;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::server::TlsStream as TheirTls;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::engine::streams::websocket::{self, Gate};
use crate::engine::tls::Toward;
use crate::sip::frame::{PING, PONG};
use crate::sip::transport::{FlowId, Path, Transport};

/// The longest a connection attempt may take, TLS included. Timer B (32 s) would notice later; the caller hears silence
/// meanwhile.
const CONNECT_TIME: Duration = Duration::from_secs(4);

/// The longest that TLS and the WebSocket's upgrade may take together with one who connects to us: three packets each way.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The longest one message may take to leave for a peer that reads slowly.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// The longest that an end in order may take: what is queued, TLS's and the WebSocket's farewell.
pub(in crate::engine::streams) const CLOSE_TIME: Duration = Duration::from_secs(2);

/// An accepted connection that has not said a byte by then is closed.
const FIRST_BYTE_TIME: Duration = Duration::from_secs(30);

/// A stranger's connection that is silent for so long is closed. Who means to stay pings every two minutes (RFC 5626 4.4.1).
const IDLE_TIME: Duration = Duration::from_secs(600);

/// A silent connection is probed so that a vanished peer gives back its descriptor.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// How often it is then asked, and how often in vain before it is gone: a minute and a half after the last word.
const KEEPALIVE_EACH: Duration = Duration::from_secs(10);
const KEEPALIVE_TRIES: u32 = 3;

/// How often we speak on a connection of ours that is silent (RFC 5626 4.4.1), before anybody between forgets it.
const PING_EACH: Duration = Duration::from_secs(95);

/// Bytes taken from a connection at once: a large message; a thousand connections hold 8 MB.
const READ_BUFFER: usize = 8 * 1_024;

/// What a connection's task reports.
#[derive(Debug)]
pub(in crate::engine::streams) enum Report {
    /// It stands; with the certificate that the peer showed, where it was asked for one.
    Opened(FlowId, Path, Option<CertificateDer<'static>>),
    /// Bytes came.
    Bytes(FlowId, Bytes),
    /// A whole message came in a frame of its own.
    Frame(FlowId, Bytes),
    /// It is gone, or never came to be.
    Closed(FlowId, Ended),
}

/// How a connection ended.
#[derive(Debug)]
pub(in crate::engine::streams) enum Ended {
    /// It had stood.
    Stood,
    /// It never stood, and why.
    Refused(io::Error),
}

/// How one who connects to us is received.
#[derive(Clone)]
pub(in crate::engine::streams) enum Reception {
    /// As it comes.
    Plain,
    /// By TLS.
    Tls(Arc<ServerConfig>),
    /// By an upgrade to a WebSocket.
    Ws(Gate),
    /// By TLS, then by the upgrade.
    Wss(Arc<ServerConfig>, Gate),
}

/// One end of the channels between a connection's task and the engine.
pub(in crate::engine::streams) struct Ends {
    pub(in crate::engine::streams) flow: FlowId,
    pub(in crate::engine::streams) queue: mpsc::Receiver<Bytes>,
    pub(in crate::engine::streams) report: mpsc::Sender<Report>,
    /// Whether it may be silent for as long as it likes: a trunk's.
    pub(in crate::engine::streams) patient: bool,
    /// Whether we connected, and see that it does not fall asleep.
    pub(in crate::engine::streams) pings: bool,
}

/// A connection that stands.
enum Line {
    Plain(TcpStream),
    Tls(Box<TheirTls<TcpStream>>),
    Ws(Box<websocket::Socket<TcpStream>>),
    Wss(Box<websocket::Socket<TheirTls<TcpStream>>>),
}

impl Ends {
    /// Whether the engine still listens.
    pub(in crate::engine::streams) async fn tell(&self, report: Report) -> bool {
        self.report.send(report).await.is_ok()
    }

    pub(in crate::engine::streams) fn patience(&self) -> Option<Duration> {
        (!self.patient).then_some(IDLE_TIME)
    }
}

/// Serves a connection that a peer opened, from its handshake to its end.
pub(in crate::engine::streams) async fn receive(
    ends: Ends,
    stream: TcpStream,
    path: Path,
    reception: Reception,
) {
    settle(&stream);
    let shaken = timeout(HANDSHAKE_TIME, shake(stream, reception)).await;
    let (line, certificate) = match shaken {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => return refused(&ends, error).await,
        Err(_too_late) => return refused(&ends, io::ErrorKind::TimedOut.into()).await,
    };
    if !ends
        .tell(Report::Opened(ends.flow, path, certificate))
        .await
    {
        return;
    }
    match line {
        Line::Plain(mut stream) => {
            let (read, write) = stream.split();
            talk(ends, read, write, Some(FIRST_BYTE_TIME)).await;
        }
        Line::Tls(stream) => {
            let (read, write) = tokio::io::split(stream);
            talk(ends, read, write, Some(FIRST_BYTE_TIME)).await;
        }
        Line::Ws(socket) => websocket::talk(ends, *socket).await,
        Line::Wss(socket) => websocket::talk(ends, *socket).await,
    }
}

/// Makes a connection to `peer` and serves it; `toward` is what TLS wants to know, `None`: it is plain.
pub(in crate::engine::streams) async fn open(
    ends: Ends,
    transport: Transport,
    peer: SocketAddr,
    toward: Option<Toward>,
) {
    let connected = async {
        let stream = TcpStream::connect(peer).await?;
        settle(&stream);
        let local = stream.local_addr()?;
        let line = match toward {
            None => (Some(stream), None),
            Some(toward) => {
                let connector = TlsConnector::from(toward.config()?);
                let secured = connector.connect(toward.name, stream).await?;
                (None, Some(Box::new(secured)))
            }
        };
        Ok::<_, io::Error>((line, local))
    };
    let (line, local) = match timeout(CONNECT_TIME, connected).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return refused(&ends, error).await,
        Err(_too_late) => return refused(&ends, io::ErrorKind::TimedOut.into()).await,
    };
    let path = Path {
        transport,
        local,
        peer,
        flow: Some(ends.flow),
    };
    if !ends.tell(Report::Opened(ends.flow, path, None)).await {
        return;
    }
    match line {
        (Some(mut stream), _) => {
            let (read, write) = stream.split();
            talk(ends, read, write, None).await;
        }
        (None, Some(stream)) => {
            let stream: Box<OurTls<TcpStream>> = stream;
            let (read, write) = tokio::io::split(stream);
            talk(ends, read, write, None).await;
        }
        (None, None) => {}
    }
}

async fn shake(
    stream: TcpStream,
    reception: Reception,
) -> io::Result<(Line, Option<CertificateDer<'static>>)> {
    match reception {
        Reception::Plain => Ok((Line::Plain(stream), None)),
        Reception::Tls(config) => {
            let (stream, certificate) = secure(stream, config).await?;
            Ok((Line::Tls(Box::new(stream)), certificate))
        }
        Reception::Ws(gate) => {
            let socket = websocket::upgrade(stream, gate).await?;
            Ok((Line::Ws(Box::new(socket)), None))
        }
        Reception::Wss(config, gate) => {
            let (stream, certificate) = secure(stream, config).await?;
            let socket = websocket::upgrade(stream, gate).await?;
            Ok((Line::Wss(Box::new(socket)), certificate))
        }
    }
}

async fn secure(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<(TheirTls<TcpStream>, Option<CertificateDer<'static>>)> {
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let shown = shown.map(|certificate| certificate.clone().into_owned());
    Ok((stream, shown))
}

async fn refused(ends: &Ends, error: io::Error) {
    ends.tell(Report::Closed(ends.flow, Ended::Refused(error)))
        .await;
}

fn settle(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EACH)
        .with_retries(KEEPALIVE_TRIES);
    for asked in [
        stream.set_nodelay(true),
        SockRef::from(stream).set_tcp_keepalive(&keepalive),
    ] {
        if let Err(error) = asked {
            tracing::debug!(%error, "a connection keeps its default options");
        }
    }
}

/// Reads and writes until either ends.
async fn talk(
    ends: Ends,
    read: impl AsyncRead + Unpin,
    write: impl AsyncWrite + Unpin,
    first: Option<Duration>,
) {
    let limits = Limits {
        first,
        patience: ends.patience(),
        // Who connected asks whether the other is there (RFC 5626 3.5.1).
        pings: ends.pings.then(|| ping_each(ends.flow)),
    };
    let flow = ends.flow;
    let Ends { queue, report, .. } = ends;
    let pulse = Pulse::default();
    let left = tokio::select! {
        () = read_loop(flow, read, &report, &limits, &pulse) => true,
        left = write_loop(write, queue, &limits, &pulse) => left,
    };
    if left {
        // Nobody is left to tell when the engine has ended.
        let _told = report.send(Report::Closed(flow, Ended::Stood)).await;
    }
}

/// How long a connection may be silent, and when we speak so that it is not.
struct Limits {
    first: Option<Duration>,
    patience: Option<Duration>,
    pings: Option<Duration>,
}

/// What the two directions know of each other.
#[derive(Default)]
struct Pulse {
    /// Pieces read.
    heard: AtomicU64,
    /// The peer has answered a ping, so it can be held to it.
    answers: AtomicBool,
}

/// Not all at the same moment: a fleet of connections pings over half a minute.
fn ping_each(flow: FlowId) -> Duration {
    PING_EACH + Duration::from_secs(flow.number() % 25)
}

/// Hands over what comes until the peer leaves or is silent for too long.
async fn read_loop(
    flow: FlowId,
    mut read: impl AsyncRead + Unpin,
    report: &mpsc::Sender<Report>,
    limits: &Limits,
    pulse: &Pulse,
) {
    let mut buffer = vec![0; READ_BUFFER];
    let mut limit = limits.first.or(limits.patience);
    loop {
        let read = read.read(&mut buffer);
        let length = match limit {
            Some(limit) => timeout(limit, read).await.unwrap_or(Ok(0)),
            None => read.await,
        };
        limit = limits.patience;
        let piece = length
            .ok()
            .filter(|length| *length > 0)
            .and_then(|length| buffer.get(..length))
            .map(Bytes::copy_from_slice);
        let Some(bytes) = piece else {
            return;
        };
        pulse.heard.fetch_add(1, Ordering::Relaxed);
        // The answer to our ping says nothing else; to the framer two of them would look like a ping.
        if limits.pings.is_some() && bytes == PONG {
            pulse.answers.store(true, Ordering::Relaxed);
            continue;
        }
        if report.send(Report::Bytes(flow, bytes)).await.is_err() {
            return;
        }
    }
}

/// Writes what is queued, and pings where nothing is for long; returns whether it was the peer who ended it.
async fn write_loop(
    mut write: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Bytes>,
    limits: &Limits,
    pulse: &Pulse,
) -> bool {
    // What had been heard when it was last pinged.
    let mut pinged = None;
    loop {
        let queued = match limits.pings {
            Some(each) => timeout(each, queue.recv()).await,
            None => Ok(queue.recv().await),
        };
        let bytes = match queued {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            Err(_silence) => {
                let heard = pulse.heard.load(Ordering::Relaxed);
                if pinged == Some(heard) && pulse.answers.load(Ordering::Relaxed) {
                    return true;
                }
                pinged = Some(heard);
                Bytes::from_static(PING)
            }
        };
        let sent = async {
            write.write_all(&bytes).await?;
            // TLS keeps a part of what it was given until it is asked.
            write.flush().await
        };
        if !matches!(timeout(WRITE_TIME, sent).await, Ok(Ok(()))) {
            return true;
        }
    }
    // Whether the peer hears the farewell is its own affair.
    let _heard = timeout(CLOSE_TIME, write.shutdown()).await;
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    /// A connection of ours whose time jumps, and its peer's end.
    fn served() -> (
        tokio::io::DuplexStream,
        mpsc::Sender<Bytes>,
        mpsc::Receiver<Report>,
    ) {
        let (ours, theirs) = duplex(4_096);
        let (write, queue) = mpsc::channel(4);
        let (report, reports) = mpsc::channel(4);
        let ends = Ends {
            flow: FlowId::opened(0),
            queue,
            report,
            patient: true,
            pings: true,
        };
        let (read, write_half) = tokio::io::split(ours);
        tokio::spawn(talk(ends, read, write_half, None));
        (theirs, write, reports)
    }

    async fn heard(peer: &mut tokio::io::DuplexStream) -> Vec<u8> {
        let mut buffer = [0; 64];
        let length = peer.read(&mut buffer).await.unwrap();
        buffer[..length].to_vec()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_of_ours_is_pinged_and_answers_are_not_passed_on() {
        let (mut peer, write, mut reports) = served();
        for _ in 0..3 {
            assert_eq!(heard(&mut peer).await, PING);
            peer.write_all(&PONG).await.unwrap();
        }
        write.send(Bytes::from_static(b"BYE")).await.unwrap();
        assert_eq!(heard(&mut peer).await, b"BYE");
        peer.write_all(b"SIP/2.0 200 OK").await.unwrap();
        let said = reports.recv().await;
        assert!(matches!(said, Some(Report::Bytes(_, bytes)) if bytes == "SIP/2.0 200 OK"));
        // Who has answered and does so no more is gone.
        assert_eq!(heard(&mut peer).await, PING);
        let said = reports.recv().await;
        assert!(
            matches!(said, Some(Report::Closed(_, Ended::Stood))),
            "{said:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answers_pings_is_left_alone() {
        let (mut peer, _write, mut reports) = served();
        for _ in 0..5 {
            assert_eq!(heard(&mut peer).await, PING);
        }
        assert!(reports.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_queued_leaves_before_a_connection_ends() {
        let (mut peer, write, mut reports) = served();
        write.send(Bytes::from_static(b"last words")).await.unwrap();
        drop(write);
        let mut said = Vec::new();
        peer.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"last words");
        assert!(reports.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (_peer, write, mut reports) = served();
        write.send(Bytes::from(vec![b'x'; 10_000])).await.unwrap();
        let said = reports.recv().await;
        assert!(
            matches!(said, Some(Report::Closed(_, Ended::Stood))),
            "{said:?}"
        );
    }
}
