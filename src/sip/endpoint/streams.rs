//! The transport layer of RFC 3261 section 18 without sockets: which way a message goes, and the connections it may need.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::sip::endpoint::{Output, Timer, Transmit};
use crate::sip::frame::{Broken, Frame, Framer};
use crate::sip::timers::Timers;
use crate::sip::transaction::GIVE_UP;
use crate::sip::transport::{FlowId, Path, Transport};

/// Most connections at once. Each buffers at most one message; the descriptors of a default Linux process are 1,024, those
/// of a server's unit file rarely above this.
pub const FLOWS_MAX: usize = 4_096;
/// Most bytes that wait for a connection to open: some two hundred INVITEs, what a busy trunk sends in the second that a
/// connection takes.
pub const OPENING_BYTES_MAX: usize = 256 * 1_024;
/// How long a connection may take to open: three SYNs. A kernel goes on for two minutes, and would then send what waited
/// long after its transactions have ended.
const OPENING_MAX: Duration = Duration::from_secs(8);
/// How long a message may take to arrive whole, and a connection that a peer opened to bring its first.
const MESSAGE_TIME_MAX: Duration = GIVE_UP;

/// The connections, and what waits for them.
pub(super) struct Streams {
    flows: Map<FlowId, Flow>,
    /// The newest connection to each peer. Both ends' addresses are exact, so that a connection is never shared by
    /// mistake with another host behind the same name (RFC 5923).
    by_peer: Map<(Transport, SocketAddr), FlowId>,
    /// The WebSockets from each host.
    framed: BTreeSet<(Transport, IpAddr, FlowId)>,
    opened: u64,
    timers: Timers<FlowId>,
}

/// One connection.
struct Flow {
    path: Path,
    framer: Framer,
    state: State,
    /// Whether requests of ours went this way: their transactions ask when it breaks.
    requests: bool,
    /// Where else its peer is known to be reached, as its certificate said: it may carry what goes there (RFC 5923).
    serves: Vec<SocketAddr>,
    /// When it must stand, or the message that has begun must be whole.
    until: Option<Moment>,
}

enum State {
    /// Asked for.
    Opening {
        waiting: Vec<Bytes>,
        bytes: usize,
    },
    Open,
}

/// What a message is, for what happens when its connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

/// No way out: no room to wait for a connection, or too many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoWay;

impl Streams {
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self {
            flows: keyed(chance.next_u64()),
            by_peer: keyed(chance.next_u64()),
            framed: BTreeSet::new(),
            opened: 0,
            timers: Timers::new(),
        }
    }

    /// Sends `bytes` along `path`: as a datagram, on the path's connection, on another one to the same peer, or on a new
    /// one. `path.flow` then names the connection taken.
    pub(super) fn send(
        &mut self,
        now: Moment,
        path: &mut Path,
        kind: Kind,
        bytes: Bytes,
        out: &mut VecDeque<Output>,
    ) -> Result<(), NoWay> {
        match path.transport {
            Transport::Udp => {
                out.push_back(Output::Transmit(Transmit::Datagram { path: *path, bytes }));
                Ok(())
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                self.send_on_stream(now, path, kind, bytes, out)
            }
        }
    }

    /// Whether the connection that a message came on still stands.
    pub(super) fn stands(&self, path: &Path) -> bool {
        path.flow.is_some_and(|flow| self.flows.contains_key(&flow))
    }

    /// Whether a connection has come to stand and not ended.
    pub(super) fn is_open(&self, flow: FlowId) -> bool {
        let flow = self.flows.get(&flow);
        flow.is_some_and(|flow| matches!(flow.state, State::Open))
    }

    /// The way of what goes out on a connection.
    pub(super) fn path_of(&self, flow: FlowId) -> Option<Path> {
        self.flows.get(&flow).map(|flow| flow.path)
    }

    fn send_on_stream(
        &mut self,
        now: Moment,
        path: &mut Path,
        kind: Kind,
        bytes: Bytes,
        out: &mut VecDeque<Output>,
    ) -> Result<(), NoWay> {
        let known = path
            .flow
            .filter(|flow| self.flows.contains_key(flow))
            .or_else(|| self.by_peer.get(&(path.transport, path.peer)).copied())
            .or_else(|| self.framed_from(path));
        let id = match known {
            Some(id) => id,
            None => self.open(now, path, out)?,
        };
        path.flow = Some(id);
        let flow = self.flows.get_mut(&id).ok_or(NoWay)?;
        flow.requests |= kind == Kind::Request;
        match &mut flow.state {
            State::Open => out.push_back(Output::Transmit(Transmit::Stream { flow: id, bytes })),
            State::Opening {
                waiting,
                bytes: held,
            } => {
                if *held + bytes.len() > OPENING_BYTES_MAX {
                    return Err(NoWay);
                }
                *held += bytes.len();
                waiting.push(bytes);
            }
        }
        Ok(())
    }

    /// The newest WebSocket from the host of `path`: nobody can connect there, and its port says nothing.
    fn framed_from(&self, path: &Path) -> Option<FlowId> {
        if !path.transport.is_framed() {
            return None;
        }
        let (transport, host) = (path.transport, path.peer.ip());
        let from_there = (transport, host, FlowId::FIRST)..=(transport, host, FlowId::LAST);
        self.framed
            .range(from_there)
            .next_back()
            .map(|(.., id)| *id)
    }

    fn open(
        &mut self,
        now: Moment,
        path: &Path,
        out: &mut VecDeque<Output>,
    ) -> Result<FlowId, NoWay> {
        if self.flows.len() >= FLOWS_MAX || !path.transport.can_be_opened() {
            return Err(NoWay);
        }
        let id = FlowId::opened(self.opened);
        self.opened += 1;
        let path = Path {
            flow: Some(id),
            ..*path
        };
        let opening = State::Opening {
            waiting: Vec::new(),
            bytes: 0,
        };
        self.keep(now, id, path, opening, OPENING_MAX);
        out.push_back(Output::Transmit(Transmit::Open {
            flow: id,
            transport: path.transport,
            peer: path.peer,
        }));
        Ok(id)
    }

    fn keep(&mut self, now: Moment, id: FlowId, path: Path, state: State, patience: Duration) {
        self.by_peer.insert((path.transport, path.peer), id);
        if path.transport.is_framed() {
            self.framed.insert((path.transport, path.peer.ip(), id));
        }
        // Whether a WebSocket is alive its own pings say, and half a message is not seen here.
        let until = (!path.transport.is_framed()).then(|| now + patience);
        if let Some(until) = until {
            self.timers.set(now, until, id);
        }
        let flow = Flow {
            path,
            framer: Framer::new(),
            state,
            requests: false,
            serves: Vec::new(),
            until,
        };
        self.flows.insert(id, flow);
    }

    /// Takes the shell's word that a connection stands: one that was asked for, whose messages then go out, or one that a
    /// peer opened.
    pub(super) fn handle_opened(
        &mut self,
        now: Moment,
        id: FlowId,
        path: Path,
        out: &mut VecDeque<Output>,
    ) {
        let path = Path {
            flow: Some(id),
            ..path
        };
        let Some(flow) = self.flows.get_mut(&id) else {
            if self.flows.len() < FLOWS_MAX {
                self.keep(now, id, path, State::Open, MESSAGE_TIME_MAX);
            } else {
                out.push_back(Output::Transmit(Transmit::Close { flow: id }));
            }
            return;
        };
        flow.path = path;
        if let State::Opening { waiting, .. } = std::mem::replace(&mut flow.state, State::Open) {
            flow.until = None;
            let send = |bytes| Output::Transmit(Transmit::Stream { flow: id, bytes });
            out.extend(waiting.into_iter().map(send));
        }
    }

    /// Takes the shell's word that the peer of a connection is who is reached at `places`.
    pub(super) fn vouch(&mut self, id: FlowId, places: Vec<SocketAddr>) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.serves = places;
        }
    }

    /// The peer asks that a connection of its own carry what goes to it: it does, where it was vouched for and nothing else
    /// stands (RFC 5923 section 5).
    pub(super) fn reuse(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        for place in &flow.serves {
            let peer = (flow.path.transport, *place);
            self.by_peer.entry(peer).or_insert(id);
        }
    }

    /// Takes bytes that arrived on a connection, for [`Self::next_frame`] to cut.
    pub(super) fn push(&mut self, id: FlowId, bytes: &[u8]) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.framer.push(bytes);
        }
    }

    /// Returns the way of a message that came whole on a connection.
    pub(super) fn take_frame(&mut self, id: FlowId) -> Option<Path> {
        let flow = self.flows.get_mut(&id)?;
        flow.until = None;
        Some(flow.path)
    }

    /// Returns the next whole message on a connection and the way it came. After the last one the clock runs for what has
    /// begun and is not whole.
    pub(super) fn next_frame(
        &mut self,
        now: Moment,
        id: FlowId,
    ) -> Option<(Result<Frame, Broken>, Path)> {
        let flow = self.flows.get_mut(&id)?;
        if let Some(frame) = flow.framer.next() {
            flow.until = None;
            return Some((frame, flow.path));
        }
        if !flow.framer.is_empty() && flow.until.is_none() {
            let until = now + MESSAGE_TIME_MAX;
            flow.until = Some(until);
            self.timers.set(now, until, id);
        }
        None
    }

    /// Returns a connection whose time is over: it is to be closed.
    pub(super) fn next_late(&mut self, now: Moment) -> Option<FlowId> {
        while let Some(id) = self.timers.pop_due(now) {
            let until = self.flows.get(&id).and_then(|flow| flow.until);
            if until.is_some_and(|until| until <= now) {
                return Some(id);
            }
        }
        None
    }

    /// Returns when [`Self::next_late`] is wanted, and why.
    pub(super) fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        let (at, id) = self.timers.next()?;
        let timer = match self.flows.get(&id).map(|flow| &flow.state) {
            Some(State::Opening { .. }) => Timer::Opening,
            Some(State::Open) | None => Timer::HalfMessage,
        };
        Some((at, timer))
    }

    /// Drops timers that nobody waits for any more.
    pub(super) fn forget_stale_timers(&mut self) {
        let flows = &self.flows;
        self.timers
            .forget_stale(|at, id| flows.get(&id).is_some_and(|flow| flow.until == Some(at)));
    }

    /// Forgets a connection. Returns whether requests of ours went that way.
    pub(super) fn forget(&mut self, id: FlowId) -> bool {
        let Some(flow) = self.flows.remove(&id) else {
            return false;
        };
        let Path {
            transport, peer, ..
        } = flow.path;
        for peer in flow.serves.iter().chain([&peer]) {
            let peer = (transport, *peer);
            if self.by_peer.get(&peer) == Some(&id) {
                self.by_peer.remove(&peer);
            }
        }
        self.framed.remove(&(transport, peer.ip(), id));
        flow.requests
    }
}
