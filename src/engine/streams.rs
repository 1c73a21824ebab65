//! Stream connections: accepted, opened, bounded in number and in what waits to be written.
//!
//! This file is the table of them. `streams/accept.rs` has the listening sockets, `streams/admission.rs` the limits,
//! `streams/certified.rs` who bears which name over TLS, `streams/line.rs` what one connection does, `streams/websocket.rs`
//! what a WebSocket does differently.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::AbortHandle;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::call::guard::News;
use crate::call::guard::source::Source;
use crate::call::trunks::Trunks;
use crate::engine::error::StartError;
use crate::engine::settings::{Listen, Settings};
use crate::engine::streams::accept::{Accepted, Listener};
use crate::engine::streams::admission::Admission;
use crate::engine::streams::certified::{bears_the_name, toward, vouched_for};
use crate::engine::streams::line::{Ended, Ends, Reception, Report};
use crate::engine::streams::websocket::Gate;
use crate::engine::tls::Tls;
use crate::sip::transport::{FlowId, Path, Transport};

mod accept;
mod admission;
mod certified;
mod line;
mod websocket;

/// Messages that may wait for a slow reader before its connection is closed.
const WRITES_WAITING_MAX: usize = 256;

/// Pieces read that may wait for the engine; then the kernel's window closes and the sender waits.
const READS_WAITING_MAX: usize = 1_024;

/// Connections that may wait for the engine; the next ones wait in the kernel.
const ACCEPTED_WAITING_MAX: usize = 64;

/// What a connection reports.
#[derive(Debug)]
pub(in crate::engine) enum Arrival {
    /// It stands.
    Opened(FlowId, Path),
    /// Its peer showed the certificate of a trunk, which is reached here.
    Vouched(FlowId, Vec<SocketAddr>),
    /// Bytes came.
    Bytes(FlowId, Bytes),
    /// A whole message came.
    Frame(FlowId, Bytes),
    /// It is gone, or never came to be.
    Closed(FlowId),
    /// One more than a limit allows was not taken.
    TurnedAway,
    /// A peer did not get through its handshake, or is not who it should be.
    Unshaken(FlowId),
}

/// All stream listeners and connections.
#[derive(Debug)]
pub(in crate::engine) struct Streams {
    connections: BTreeMap<FlowId, Connection>,
    /// Said before anything that arrives: what became of connections here.
    said: VecDeque<Arrival>,
    admission: Admission,
    /// Whose connections never give way.
    trunks: Arc<Trunks>,
    tls: Tls,
    gate: Gate,
    /// Counts what moves, so that of two connections the one idle longer is known.
    moves: u64,
    reports: mpsc::Receiver<Report>,
    report: mpsc::Sender<Report>,
    accepted: mpsc::Receiver<Accepted>,
    accepted_count: u64,
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct Connection {
    path: Path,
    /// It leads to a trunk, or comes from one.
    trunk: bool,
    /// A stranger's whose handshake is not done.
    shaking: bool,
    /// What the peer showed where it was asked for a certificate.
    certificate: Option<CertificateDer<'static>>,
    /// The number of its last move.
    moved: u64,
    write: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

impl Streams {
    /// Binds every address of `settings` that is a stream's and begins to accept. Runs inside the engine's runtime.
    ///
    /// # Errors
    /// An address is taken, is not this machine's, or may not be bound.
    pub(in crate::engine) fn bind(
        settings: &Settings,
        tls: &Tls,
        key: u64,
    ) -> Result<Self, StartError> {
        let (report, reports) = mpsc::channel(READS_WAITING_MAX);
        let (accept, accepted) = mpsc::channel(ACCEPTED_WAITING_MAX);
        let streams = settings
            .listen
            .iter()
            .filter(|listen| listen.transport.is_reliable());
        let listeners = streams
            .map(|listen| Listener::bind(*listen, accept.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            connections: BTreeMap::new(),
            said: VecDeque::new(),
            admission: Admission::new(settings.connections, key),
            trunks: Arc::new(Trunks::default()),
            tls: tls.clone(),
            gate: Gate {
                origins: settings.origins.clone(),
            },
            moves: 0,
            reports,
            report,
            accepted,
            accepted_count: 0,
            listeners,
        })
    }

    /// Where it listens.
    pub(in crate::engine) fn listening(&self) -> impl Iterator<Item = Listen> {
        self.listeners.iter().map(|listener| listener.listen)
    }

    /// How many connections stand.
    pub(in crate::engine) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Takes the table of trunks: their connections are kept when there is no room for all, and go when the certificate that
    /// they showed is not the trunk's.
    pub(in crate::engine) fn set_trunks(&mut self, trunks: Arc<Trunks>) {
        self.trunks = trunks;
        let mut false_ones = Vec::new();
        for (flow, connection) in &mut self.connections {
            let line = self.trunks.recognise(&connection.path);
            connection.trunk |= line.is_some();
            let named = bears_the_name(&self.tls, &self.trunks, connection);
            if !named {
                false_ones.push(*flow);
            }
        }
        for flow in false_ones {
            self.cut(flow);
            self.said.push_back(Arrival::Closed(flow));
        }
    }

    /// Takes certificates and authorities for connections to come; those that stand go on.
    pub(in crate::engine) fn set_tls(&mut self, tls: &Tls) {
        let served = tls.served.clone().or_else(|| self.tls.served.take());
        self.tls = Tls {
            served,
            toward: tls.toward.clone(),
        };
    }

    /// Waits for the next thing that a connection reports.
    pub(in crate::engine) async fn next(&mut self) -> Arrival {
        loop {
            if let Some(said) = self.said.pop_front() {
                return said;
            }
            tokio::select! {
                Some(report) = self.reports.recv() => {
                    if let Some(arrival) = self.hear(report) {
                        return arrival;
                    }
                }
                Some(accepted) = self.accepted.recv() => self.take(accepted),
                else => return std::future::pending().await,
            }
        }
    }

    /// What a connection's task says; nothing, where the connection was closed here meanwhile.
    fn hear(&mut self, report: Report) -> Option<Arrival> {
        match report {
            Report::Opened(flow, path, certificate) => {
                let connection = self.connections.get_mut(&flow)?;
                if std::mem::take(&mut connection.shaking) {
                    self.admission.shaken();
                }
                connection.path = path;
                connection.certificate = certificate;
                if !bears_the_name(&self.tls, &self.trunks, connection) {
                    self.cut(flow);
                    return Some(Arrival::Unshaken(flow));
                }
                let vouched = vouched_for(&self.tls, &self.trunks, connection);
                if !vouched.is_empty() {
                    self.said.push_back(Arrival::Vouched(flow, vouched));
                }
                self.touch(flow);
                Some(Arrival::Opened(flow, path))
            }
            Report::Bytes(flow, bytes) => {
                self.touch(flow)?;
                Some(Arrival::Bytes(flow, bytes))
            }
            Report::Frame(flow, bytes) => {
                self.touch(flow)?;
                Some(Arrival::Frame(flow, bytes))
            }
            Report::Closed(flow, ended) => {
                let connection = self.connections.get(&flow)?;
                let arrival = match ended {
                    Ended::Stood => Arrival::Closed(flow),
                    Ended::Refused(error) => {
                        say_refused(connection, &error);
                        Arrival::Unshaken(flow)
                    }
                };
                self.cut(flow);
                Some(arrival)
            }
        }
    }

    /// Connects to `peer`; [`Arrival::Opened`] or [`Arrival::Closed`] follows.
    pub(in crate::engine) fn open(&mut self, flow: FlowId, transport: Transport, peer: SocketAddr) {
        if !self.make_room() {
            tracing::warn!(%peer, "no connection: too many are open");
            self.said.push_back(Arrival::TurnedAway);
            self.said.push_back(Arrival::Closed(flow));
            return;
        }
        let toward = match transport {
            Transport::Tls => match toward(&self.tls, &self.trunks, peer) {
                Ok(toward) => Some(toward.clone()),
                Err(why) => {
                    tracing::warn!(%peer, why, "no connection over TLS");
                    self.said.push_back(Arrival::Closed(flow));
                    return;
                }
            },
            Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => None,
        };
        let path = Path {
            transport,
            // Its port is known when it stands.
            local: SocketAddr::new(peer.ip(), 0),
            peer,
            flow: Some(flow),
        };
        let (ends, write) = self.ends(flow, true, true);
        let task = tokio::spawn(line::open(ends, transport, peer, toward));
        self.keep(flow, path, true, false, write, task.abort_handle());
    }

    /// Queues one message. A connection whose queue is full is closed: its peer does not read.
    ///
    /// Returns false when the connection is gone.
    pub(in crate::engine) fn send(&mut self, flow: FlowId, bytes: Bytes) -> bool {
        let Some(connection) = self.connections.get(&flow) else {
            return false;
        };
        match connection.write.try_send(bytes) {
            Ok(()) => {
                self.touch(flow);
                true
            }
            Err(TrySendError::Full(_)) => {
                self.cut(flow);
                false
            }
            // It has ended. What its peer said last is still to be read, and then that it is closed.
            Err(TrySendError::Closed(_)) => true,
        }
    }

    /// Closes a connection when what is queued has left; nothing more is heard of it.
    pub(in crate::engine) fn close(&mut self, flow: FlowId) {
        // Its queue ends with its sender, and with its queue the task.
        let _ending = self.forget(flow);
    }

    /// Closes a connection at once.
    fn cut(&mut self, flow: FlowId) {
        if let Some(connection) = self.forget(flow) {
            connection.task.abort();
        }
    }

    fn forget(&mut self, flow: FlowId) -> Option<Connection> {
        let connection = self.connections.remove(&flow)?;
        let source = Source::of(connection.path.peer.ip());
        self.admission.leave(&source, connection.shaking);
        Some(connection)
    }

    /// Notes that a connection is in use; `None`: it was closed here.
    fn touch(&mut self, flow: FlowId) -> Option<()> {
        self.moves += 1;
        self.connections.get_mut(&flow)?.moved = self.moves;
        Some(())
    }

    /// Sees that one more connection fits: where there are too many, the stranger's that was idle longest is closed. Returns
    /// false when all of them are trunks'.
    fn make_room(&mut self) -> bool {
        if !self.admission.is_full(self.connections.len()) {
            return true;
        }
        let strangers = self.connections.iter().filter(|(_, one)| !one.trunk);
        let Some(flow) = strangers
            .min_by_key(|(_, one)| one.moved)
            .map(|(flow, _)| *flow)
        else {
            return false;
        };
        self.cut(flow);
        self.said.push_back(Arrival::Closed(flow));
        true
    }

    /// Takes a connection that a peer opened, where there is room.
    fn take(&mut self, (transport, stream, peer): Accepted) {
        let (Ok(local), Some(reception)) = (stream.local_addr(), self.reception(transport)) else {
            return;
        };
        let flow = FlowId::accepted(self.accepted_count);
        let path = Path {
            transport,
            local,
            peer,
            flow: Some(flow),
        };
        if !self.lets_in(&path) {
            tracing::debug!(%peer, "a connection was turned away: too many are open, or its peer is banned");
            self.said.push_back(Arrival::TurnedAway);
            return;
        }
        self.accepted_count += 1;
        let trunk = self.trunks.recognise(&path).is_some();
        let (ends, write) = self.ends(flow, trunk, false);
        let task = tokio::spawn(line::receive(ends, stream, path, reception));
        let shaking = !trunk && transport != Transport::Tcp;
        self.keep(flow, path, trunk, shaking, write, task.abort_handle());
    }

    /// A ban began: what the source has open is closed, and no more of it is taken until the ban's end.
    pub(in crate::engine) fn heed(&mut self, news: &News) {
        match news {
            News::Banned { peer, .. } => {
                let source = Source::of(peer.ip());
                self.admission.shun(source);
                let of_source = |(_, one): &(&FlowId, &Connection)| {
                    !one.trunk && Source::of(one.path.peer.ip()) == source
                };
                let flows: Vec<FlowId> = self
                    .connections
                    .iter()
                    .filter(of_source)
                    .map(|(flow, _)| *flow)
                    .collect();
                for flow in flows {
                    self.cut(flow);
                    self.said.push_back(Arrival::Closed(flow));
                }
            }
            News::Ended { source, .. } => self.admission.pardon(source),
        }
    }

    /// Whether there is room for one more of this peer, and it is not banned.
    fn lets_in(&mut self, path: &Path) -> bool {
        let source = Source::of(path.peer.ip());
        if self.admission.shuns(&source) && !self.trunks.has_host(path.peer.ip()) {
            return false;
        }
        let trunk = self.trunks.recognise(path).is_some();
        self.admission.may_enter(&source, trunk) && self.make_room()
    }

    fn reception(&self, transport: Transport) -> Option<Reception> {
        let served = || {
            self.tls
                .served
                .as_ref()
                .map(|served| Arc::clone(&served.config))
        };
        match transport {
            Transport::Udp => None,
            Transport::Tcp => Some(Reception::Plain),
            Transport::Tls => Some(Reception::Tls(served()?)),
            Transport::Ws => Some(Reception::Ws(self.gate.clone())),
            Transport::Wss => Some(Reception::Wss(served()?, self.gate.clone())),
        }
    }

    fn ends(&self, flow: FlowId, patient: bool, pings: bool) -> (Ends, mpsc::Sender<Bytes>) {
        let (write, queue) = mpsc::channel(WRITES_WAITING_MAX);
        let ends = Ends {
            flow,
            queue,
            report: self.report.clone(),
            patient,
            pings,
        };
        (ends, write)
    }

    fn keep(
        &mut self,
        flow: FlowId,
        path: Path,
        trunk: bool,
        shaking: bool,
        write: mpsc::Sender<Bytes>,
        task: AbortHandle,
    ) {
        self.moves += 1;
        let source = Source::of(path.peer.ip());
        self.admission.enter(source, shaking);
        let connection = Connection {
            path,
            trunk,
            shaking,
            certificate: None,
            moved: self.moves,
            write,
            task,
        };
        self.connections.insert(flow, connection);
    }
}

/// A trunk's trouble is the admin's; a stranger's is none.
fn say_refused(connection: &Connection, error: &io::Error) {
    let Path {
        transport, peer, ..
    } = connection.path;
    if connection.trunk {
        tracing::warn!(%transport, %peer, %error, "no connection");
    } else {
        tracing::debug!(%transport, %peer, %error, "a connection did not come to stand");
    }
}

#[cfg(test)]
mod tests;
