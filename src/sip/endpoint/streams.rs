//! The transport layer of RFC 3261 section 18 without sockets: which way a message goes, and the connections it may need.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::sip::endpoint::{Output, Transmit};
use crate::sip::frame::{Broken, Frame, Framer};
use crate::sip::transaction::GIVE_UP;
use crate::sip::transport::{FlowId, Path, Transport};

/// Most connections at once. Each buffers at most one message; the descriptors of a default Linux process are 1,024, those
/// of a server's unit file rarely above this.
pub const FLOWS_MAX: usize = 4_096;
/// Most bytes that wait for a connection to open: some two hundred INVITEs, what a busy trunk sends in the second that a
/// connection takes.
pub const OPENING_BYTES_MAX: usize = 256 * 1_024;

/// The connections, and what waits for them.
pub(super) struct Streams {
    flows: Map<FlowId, Flow>,
    /// The newest connection to each peer. Both ends' addresses are exact, so that a connection is never shared by
    /// mistake with another host behind the same name (RFC 5923).
    by_peer: Map<(Transport, SocketAddr), FlowId>,
    opened: u64,
}

/// One connection.
pub(super) struct Flow {
    path: Path,
    framer: Framer,
    state: State,
    /// Whether requests of ours went this way: their transactions ask when it breaks.
    requests: bool,
    /// Since when a message has begun and not ended, or a peer's connection has brought none.
    partial_since: Option<Moment>,
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
            opened: 0,
        }
    }

    /// Sends `bytes` along `path`: as a datagram, on the path's connection, on another one to the same peer, or on a new
    /// one. `path.flow` then names the connection taken.
    pub(super) fn send(
        &mut self,
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
            Transport::Tcp => self.send_on_stream(path, kind, bytes, out),
        }
    }

    fn send_on_stream(
        &mut self,
        path: &mut Path,
        kind: Kind,
        bytes: Bytes,
        out: &mut VecDeque<Output>,
    ) -> Result<(), NoWay> {
        let known = path
            .flow
            .filter(|flow| self.flows.contains_key(flow))
            .or_else(|| self.by_peer.get(&(path.transport, path.peer)).copied());
        let id = match known {
            Some(id) => id,
            None => self.open(path, out)?,
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

    fn open(&mut self, path: &Path, out: &mut VecDeque<Output>) -> Result<FlowId, NoWay> {
        if self.flows.len() >= FLOWS_MAX {
            return Err(NoWay);
        }
        let id = FlowId::opened(self.opened);
        self.opened += 1;
        let path = Path {
            flow: Some(id),
            ..*path
        };
        let waiting = State::Opening {
            waiting: Vec::new(),
            bytes: 0,
        };
        self.keep(id, path, waiting);
        out.push_back(Output::Transmit(Transmit::Open {
            flow: id,
            transport: path.transport,
            peer: path.peer,
        }));
        Ok(id)
    }

    fn keep(&mut self, id: FlowId, path: Path, state: State) -> &mut Flow {
        self.by_peer.insert((path.transport, path.peer), id);
        let flow = Flow {
            path,
            framer: Framer::new(),
            state,
            requests: false,
            partial_since: None,
        };
        self.flows.entry(id).insert_entry(flow).into_mut()
    }

    /// Takes the shell's word that a connection stands: one that was asked for, whose messages then go out, or one that a
    /// peer opened. Returns when the first message of the latter must be here.
    pub(super) fn handle_opened(
        &mut self,
        now: Moment,
        id: FlowId,
        path: Path,
        out: &mut VecDeque<Output>,
    ) -> Option<Moment> {
        let path = Path {
            flow: Some(id),
            ..path
        };
        let Some(flow) = self.flows.get_mut(&id) else {
            if self.flows.len() >= FLOWS_MAX {
                out.push_back(Output::Transmit(Transmit::Close { flow: id }));
                return None;
            }
            let flow = self.keep(id, path, State::Open);
            flow.partial_since = Some(now);
            return flow.half_message_until();
        };
        flow.path = path;
        if let State::Opening { waiting, .. } = std::mem::replace(&mut flow.state, State::Open) {
            let send = |bytes| Output::Transmit(Transmit::Stream { flow: id, bytes });
            out.extend(waiting.into_iter().map(send));
        }
        None
    }

    /// Forgets a connection. Returns whether requests of ours went that way.
    pub(super) fn forget(&mut self, id: FlowId) -> bool {
        let Some(flow) = self.flows.remove(&id) else {
            return false;
        };
        let peer = (flow.path.transport, flow.path.peer);
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
        flow.requests
    }

    pub(super) fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get_mut(&id)
    }

    /// When the message that has begun on a connection must have ended.
    pub(super) fn half_message_until(&self, id: FlowId) -> Option<Moment> {
        self.flows.get(&id)?.half_message_until()
    }
}

impl Flow {
    /// Takes bytes that arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// Returns the next whole message and the way it came.
    pub(super) fn next(&mut self) -> Option<(Result<Frame, Broken>, Path)> {
        let frame = self.framer.next()?;
        self.partial_since = None;
        Some((frame, self.path))
    }

    /// Notes that the last message, if any, has not ended yet. Returns when it must have, if that is news.
    pub(super) fn note_partial(&mut self, now: Moment) -> Option<Moment> {
        if self.framer.is_empty() {
            self.partial_since = None;
            return None;
        }
        if self.partial_since.is_some() {
            return None;
        }
        self.partial_since = Some(now);
        self.half_message_until()
    }

    fn half_message_until(&self) -> Option<Moment> {
        self.partial_since.map(|since| since + GIVE_UP)
    }
}
