//! The endpoint: transactions over datagrams and streams, without a socket.
//!
//! Feed it what came in with `handle_*`, tell it what to send, and drain [`Endpoint::poll`] after each. It matches messages
//! to transactions, repeats what is lost, absorbs what is repeated, and answers what needs no decision: 100 to an INVITE,
//! 200 or 481 to a CANCEL, 482 to a merged request, 483, 503 over its limits, and malformed requests.
//!
//! A request is sent by the protocol that its [`Hop`] names whatever its size: a trunk's protocol is the admin's choice, and
//! a trunk over UDP rarely listens on TCP, so that the switch of 18.1.1 would lose the call.

mod client;
mod event;
mod invite;
mod listeners;
mod matching;
mod refuse;
mod server;
mod streams;
mod transmit;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::sip::endpoint::client::Client;
use crate::sip::endpoint::listeners::Listeners;
use crate::sip::endpoint::matching::{Branch, Fingerprint, Matcher};
use crate::sip::endpoint::server::Server;
use crate::sip::endpoint::streams::Streams;
use crate::sip::frame::{Frame, PING, PONG};
use crate::sip::message::Message;
use crate::sip::slab::{Slab, Slot};
use crate::sip::timers::Timers;
use crate::sip::transaction::{client_invite, client_other, server_invite, server_other};
use crate::sip::transport::{FlowId, Path, Transport};

pub use crate::sip::endpoint::event::{Event, Failure, Output, Timer};
pub use crate::sip::endpoint::streams::{FLOWS_MAX, OPENING_BYTES_MAX};
pub use crate::sip::endpoint::transmit::Transmit;

/// Most server transactions for requests that begin something: 2,500 calls a second keep some 160,000 for the 32 s of
/// RFC 6026's timers, and beyond three times that somebody floods. At about half a kilobyte each this is 256 MB.
pub const TRANSACTIONS_MAX: usize = 500_000;
/// What Retry-After says when that limit is reached: most of the transactions are gone after this.
pub const RETRY_AFTER_S: u32 = 32;

/// What the admin says of the endpoint.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host put into Via; `None`: the listening address, and in the place of a wildcard what [`Endpoint::face`] says.
    pub advertise: Option<String>,
    /// The listening sockets.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// The Server header of the answers that the endpoint gives itself.
    pub user_agent: String,
    /// Most server transactions: [`TRANSACTIONS_MAX`] but in tests. Requests within dialogs may use a quarter more, so that
    /// calls can still be ended under a flood.
    pub transactions_max: usize,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The protocol.
    pub transport: Transport,
    /// The peer.
    pub peer: SocketAddr,
    /// The listening socket to send from, where it matters. An unspecified address says nothing.
    pub local: Option<SocketAddr>,
    /// The connection to use while it stands; without it another one to `peer`, or a new one.
    pub flow: Option<FlowId>,
}

impl Hop {
    /// Any way to `peer`.
    pub const fn to(transport: Transport, peer: SocketAddr) -> Self {
        Self {
            transport,
            peer,
            local: None,
            flow: None,
        }
    }

    /// Back along the way that a message came.
    pub const fn back(path: &Path) -> Self {
        Self {
            transport: path.transport,
            peer: path.peer,
            local: Some(path.local),
            flow: path.flow,
        }
    }
}

/// A client transaction. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(Slot);

/// A server transaction. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(Slot);

/// A request that was told and is neither taken nor answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knock(Fingerprint);

/// Transactions and the ways their messages take.
pub struct Endpoint {
    settings: Settings,
    chance: Chance,
    matcher: Matcher,
    listeners: Listeners,
    streams: Streams,
    clients: Slab<Client>,
    branches: Map<Branch, Slot>,
    servers: Slab<Server>,
    transactions: Map<Fingerprint, Slot>,
    exchanges: Map<Fingerprint, Slot>,
    timers: Timers<Wake>,
    out: VecDeque<Output>,
    /// Connections that end once everything that came on them before is dealt with.
    doomed: Vec<(Moment, FlowId)>,
    /// Whether each message that comes is told as well.
    overhears: bool,
    /// Whether something happened since stale timers were last dropped.
    stirred: bool,
}

/// Whose timer, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    ClientInvite(Slot, client_invite::Timer),
    ClientOther(Slot, client_other::Timer),
    ServerInvite(Slot, server_invite::Timer),
    ServerOther(Slot, server_other::Timer),
}

impl Endpoint {
    /// Makes an endpoint without transactions.
    pub fn new(settings: Settings, mut chance: Chance) -> Self {
        Self {
            matcher: Matcher::new(&mut chance),
            listeners: Listeners::new(settings.advertise.as_deref(), &settings.listeners),
            streams: Streams::new(&mut chance),
            clients: Slab::new(),
            branches: keyed(chance.next_u64()),
            servers: Slab::new(),
            transactions: keyed(chance.next_u64()),
            exchanges: keyed(chance.next_u64()),
            timers: Timers::new(),
            out: VecDeque::new(),
            doomed: Vec::new(),
            overhears: false,
            stirred: false,
            settings,
            chance,
        }
    }

    /// Returns what Via and Contact call the socket that serves `hop`: `host:port`. `None`: no listener speaks its protocol
    /// and family.
    pub fn sent_by(&self, hop: &Hop) -> Option<String> {
        self.listeners
            .sent_by(hop)
            .map(|sent_by| sent_by.to_string())
    }

    /// Takes the local addresses toward peers, in the place of those told before: what a wildcard socket is called there.
    pub fn face(&mut self, facing: impl IntoIterator<Item = (IpAddr, IpAddr)>) {
        self.listeners.face(facing);
    }

    /// Returns how many transactions are kept: ours, and those of peers.
    pub fn transactions(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// The far end of a connection that stands or is being opened.
    pub fn peer_of(&self, flow: FlowId) -> Option<SocketAddr> {
        self.streams.path_of(flow).map(|path| path.peer)
    }

    /// The way of what goes out on a connection that stands or is being opened.
    pub fn path_of(&self, flow: FlowId) -> Option<Path> {
        self.streams.path_of(flow)
    }

    /// Tells each message that comes, repeated ones too, as [`Output::Heard`].
    pub const fn overhear(&mut self, on: bool) {
        self.overhears = on;
    }

    /// Whether a peer owes one of our requests its final answer: a cancelled INVITE its 487, which wants our ACK.
    pub fn is_waiting(&self) -> bool {
        self.clients
            .iter()
            .any(|(_, client)| matches!(client.kept, client::Kept::Request(_)))
    }

    /// Takes a datagram.
    pub fn handle_datagram(&mut self, now: Moment, path: Path, bytes: Bytes) {
        self.handle_message(now, path, bytes);
    }

    /// Takes the word that a connection stands: an answer to [`Transmit::Open`], or one that a peer opened.
    pub fn handle_opened(&mut self, now: Moment, flow: FlowId, path: Path) {
        self.stirred = true;
        self.streams.handle_opened(now, flow, path, &mut self.out);
    }

    /// Takes the word that the peer of a connection showed a certificate of who is reached at `places`. What goes there takes
    /// this connection when the peer asks for it in its Via (RFC 5923).
    pub fn vouch(&mut self, flow: FlowId, places: Vec<SocketAddr>) {
        self.streams.vouch(flow, places);
    }

    /// Takes bytes from a connection.
    pub fn handle_bytes(&mut self, now: Moment, flow: FlowId, bytes: &[u8]) {
        self.stirred = true;
        self.streams.push(flow, bytes);
        while let Some((frame, path)) = self.streams.next_frame(now, flow) {
            match frame {
                Ok(Frame::Message(bytes)) => self.handle_message(now, path, bytes),
                Ok(Frame::KeepAlive) => {
                    let bytes = PONG;
                    self.out
                        .push_back(Output::Transmit(Transmit::Stream { flow, bytes }));
                }
                Err(broken) => {
                    self.refuse_stream(now, path, broken);
                    return self.doomed.push((now, flow));
                }
            }
        }
    }

    /// Takes one whole message from a connection whose transport frames them (RFC 7118 4.2). Line breaks alone are a
    /// keep-alive: a double one is answered (RFC 5626 4.4.1).
    pub fn handle_frame(&mut self, now: Moment, flow: FlowId, message: Bytes) {
        self.stirred = true;
        let Some(path) = self.streams.take_frame(flow) else {
            return;
        };
        if message.iter().any(|b| !matches!(b, b'\r' | b'\n')) {
            return self.handle_message(now, path, message);
        }
        if message.starts_with(PING) {
            let bytes = PONG;
            self.out
                .push_back(Output::Transmit(Transmit::Stream { flow, bytes }));
        }
    }

    /// Takes the word that a connection is gone, or never came to be.
    pub fn handle_closed(&mut self, now: Moment, flow: FlowId) {
        self.stirred = true;
        let stood = self.streams.is_open(flow);
        if self.streams.forget(flow) {
            self.fail_requests_on(now, flow, stood);
        }
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.stirred = true;
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::ClientInvite(slot, _) | Wake::ClientOther(slot, _) => {
                    self.step_client(now, slot, None, |machine| machine.handle_timeout(now));
                }
                Wake::ServerInvite(slot, _) | Wake::ServerOther(slot, _) => {
                    self.step_server(now, slot, None, |machine| machine.handle_timeout(now));
                }
            }
        }
        while let Some(flow) = self.streams.next_late(now) {
            self.close(now, flow);
        }
    }

    /// Returns the next thing to do or to know, or `None` when drained.
    pub fn poll(&mut self) -> Option<Output> {
        let next = self.out.pop_front().or_else(|| self.end_doomed());
        if next.is_none() && std::mem::take(&mut self.stirred) {
            let (clients, servers) = (&self.clients, &self.servers);
            self.timers.forget_stale(|at, wake| {
                let awaited = Some((at, wake));
                match wake {
                    Wake::ClientInvite(slot, _) | Wake::ClientOther(slot, _) => clients
                        .get(slot)
                        .is_some_and(|client| client.wakes(slot).contains(&awaited)),
                    Wake::ServerInvite(slot, _) | Wake::ServerOther(slot, _) => servers
                        .get(slot)
                        .is_some_and(|server| server.wakes(slot).contains(&awaited)),
                }
            });
            self.streams.forget_stale_timers();
        }
        next
    }

    /// Returns when to call [`Self::handle_timeout`] next, and which timer asks. Timers that nobody waits for any more are
    /// dropped when [`Self::poll`] is drained.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        let transactions = self.timers.next().map(|(at, wake)| {
            let timer = match wake {
                Wake::ClientInvite(_, timer) => Timer::ClientInvite(timer),
                Wake::ClientOther(_, timer) => Timer::ClientOther(timer),
                Wake::ServerInvite(_, timer) => Timer::ServerInvite(timer),
                Wake::ServerOther(_, timer) => Timer::ServerOther(timer),
            };
            (at, timer)
        });
        let streams = self.streams.poll_timeout();
        [transactions, streams].into_iter().flatten().min()
    }

    fn handle_message(&mut self, now: Moment, path: Path, bytes: Bytes) {
        self.stirred = true;
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(malformed) => return self.refuse_malformed(now, path, &malformed),
        };
        if self.overhears {
            self.out.push_back(Output::Heard(path, message.clone()));
        }
        match message {
            Message::Request(request) => self.handle_request(now, path, request),
            Message::Response(response) => self.handle_response(now, path, response),
        }
    }

    fn end_doomed(&mut self) -> Option<Output> {
        for (now, flow) in std::mem::take(&mut self.doomed) {
            self.close(now, flow);
        }
        self.out.pop_front()
    }

    /// Closes a connection from our side.
    fn close(&mut self, now: Moment, flow: FlowId) {
        self.out
            .push_back(Output::Transmit(Transmit::Close { flow }));
        self.handle_closed(now, flow);
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn note_refused(&mut self, path: Path, status: u16, why: &'static str) {
        self.tell(Event::Refused { path, status, why });
    }
}

#[cfg(test)]
mod tests;
