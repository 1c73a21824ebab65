//! The HTTP server: a thread with a runtime of its own, so that no request ever delays a call.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::setpriority_process;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::api::gate::Manned;
use crate::api::live::hub::LISTENERS_MAX;
use crate::api::room::Room;
use crate::api::router::router;
use crate::api::stall::Stall;
use crate::api::state::State;
use crate::api::visitor::Peer;
use crate::engine::tls::Served;

/// Most connections at once: pages that listen to what happens, and 256 for everything else, each of which may hold a
/// recording's file open beside its own descriptor. That makes the 1,536 descriptors that are kept aside from calls for HTTP
/// (`engine::limits`). Further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = LISTENERS_MAX + 256;

/// How long a request's head may take, the pause between two requests of a connection included.
const HEAD_MAX: Duration = Duration::from_secs(15);

/// Largest head: eight times what a browser sends.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// How long open requests may go on when the server stops.
const STOP_MAX: Duration = Duration::from_secs(2);

/// What a TLS connection begins with (RFC 8446 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// For whoever speaks plain HTTP where TLS is spoken.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 33\r\nConnection: close\r\n\r\nThese pages are https, not http.\n";

/// A pause when the process is out of descriptors, in place of trying at full speed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Threads that read from the disk for requests. More would only queue at the disk.
const READERS_MAX: usize = 8;

/// How much these threads stand back: what is looked at waits for sound and signalling, never the other way round. A thread of
/// calls has three times their share of a processor that both want, and takes it from them at once when a packet comes.
const NICE: i32 = 5;

/// Why HTTP was not started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("listening for HTTP on {listen}: {source}; free the port, or change web.listen")]
    Bind {
        /// `web.listen`.
        listen: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// No thread, or no runtime in it.
    #[error("starting the HTTP thread: {0}")]
    Thread(io::Error),
}

/// A running HTTP server. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: State,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts HTTP on `web.listen`, as the state's gate has it; `None` where that is not set. Returns when the address is bound.
///
/// # Errors
/// The address cannot be bound; the system is out of threads.
pub fn serve(state: State) -> Result<Option<Server>, ServeError> {
    let manned = state.gate.manned();
    let Some(listen) = manned.web.binds(!manned.users.is_empty()) else {
        return Ok(None);
    };
    if manned.web.listen != Some(listen) {
        tracing::warn!(%listen, "HTTP answers this machine only until there is a [[user]]");
    }
    let bind = |source| ServeError::Bind { listen, source };
    let listener = TcpListener::bind(listen).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .thread_name("http-read")
        .on_thread_start(stand_back)
        .build()
        .map_err(ServeError::Thread)?;
    let (stop, stopped) = watch::channel(false);
    let shared = state.clone();
    let thread = std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            stand_back();
            runtime.block_on(run(listener, shared, stopped));
        })
        .map_err(ServeError::Thread)?;
    Ok(Some(Server {
        address,
        state,
        stop,
        thread: Some(thread),
    }))
}

impl Server {
    /// Where it listens, with the port that the system chose where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts other users and another `[web]` in force, but for where it listens; says how many sessions ended with that. Open
    /// connections go on, those to come meet the new certificate.
    pub fn set_manned(&self, manned: Manned) -> usize {
        self.state.gate.set_manned(manned)
    }

    /// Where the pages are. Without users with a new token, which lets in once; the one before is void.
    pub fn url(&self) -> String {
        let is_secure = self.state.gate.manned().web.tls.is_some();
        let scheme = if is_secure { "https" } else { "http" };
        let address = self.address;
        match self.state.gate.link() {
            Some(token) => format!("{scheme}://{address}/enter?token={token}"),
            None => format!("{scheme}://{address}/"),
        }
    }

    /// Takes no more requests, lets open ones end for two seconds, and returns when the thread has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the HTTP thread ended in a panic");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Lowers the priority of this thread.
fn stand_back() {
    // Where that may not be requests are served all the same.
    if let Err(error) = setpriority_process(None, NICE) {
        tracing::debug!(%error, "HTTP keeps the priority of calls");
    }
}

async fn run(listener: TcpListener, state: State, mut stopped: watch::Receiver<bool>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "HTTP cannot listen"),
    };
    let router = router(state.clone());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let shares = Room::default();
    let mut open = JoinSet::new();
    let mut second = interval(Duration::from_secs(1));
    loop {
        // Room first: a connection that nobody serves waits in the kernel and costs nothing here.
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            // The sender is gone only with the server itself.
            _ = stopped.changed() => break,
            _ = second.tick() => {
                state.gate.handle_timeout(state.clock.now());
                continue;
            }
        };
        while open.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let manned = state.gate.manned();
                let is_own = peer.ip().to_canonical().is_loopback() || manned.web.trusts(peer.ip());
                let place = shares.take(peer.ip());
                if place.is_none() && !is_own {
                    state
                        .gate
                        .refused(state.clock.now(), peer, 0, "too many connections");
                    continue;
                }
                let tls = manned.web.tls.as_ref().map(Served::acceptor);
                let router = router.clone();
                let stopped = stopped.clone();
                open.spawn(async move {
                    meet(stream, peer, tls, router, stopped).await;
                    drop((permit, place));
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    state.live.close();
    let all_ended = async { while open.join_next().await.is_some() {} };
    if timeout(STOP_MAX, all_ended).await.is_err() {
        tracing::debug!("open HTTP requests were cut off");
    }
}

/// Serves one connection, over TLS where there is a certificate.
async fn meet(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: axum::Router,
    stopped: watch::Receiver<bool>,
) {
    let is_secure = tls.is_some();
    let router = router.layer(Extension(Peer { address, is_secure }));
    let Some(tls) = tls else {
        return converse(stream, router, stopped).await;
    };
    match timeout(HEAD_MAX, greet(stream, &tls)).await {
        Ok(Ok(stream)) => converse(stream, router, stopped).await,
        // Scanners, and browsers that do not trust the certificate.
        Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake for the pages failed"),
        Err(_) => tracing::debug!(%address, "a TLS handshake for the pages took too long"),
    }
}

/// Makes the TLS handshake. Whoever speaks plain HTTP is told so, in the words of HTTP.
async fn greet(mut stream: TcpStream, tls: &TlsAcceptor) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first != [TLS_HANDSHAKE] {
        stream.write_all(NOT_TLS).await?;
        stream.shutdown().await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no TLS"));
    }
    tls.accept(stream).await
}

/// Serves one connection until it ends or the server stops.
async fn converse<S>(stream: S, router: axum::Router, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(
            TokioIo::new(Stall::new(stream)),
            TowerToHyperService::new(router),
        );
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        // A client that hangs up in mid-answer is no news.
        tracing::trace!(%error, "an HTTP connection ended early");
    }
}
