//! Connections that bring messages in pieces, come up late, are refused, or break in the middle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ringtag::base::chance::Chance;
use ringtag::base::time::Moment;
use ringtag::sip::transport::{FlowId, Path, Transport};

/// What comes out of them.
pub(crate) enum Event {
    /// The switchboard's connection stands.
    Opened(FlowId, Path),
    /// The switchboard gets a piece.
    Bytes(FlowId, Vec<u8>),
    /// The switchboard's connection is gone.
    Closed(FlowId),
    /// A phone's host has these messages whole.
    Messages(SocketAddr, Vec<String>),
}

enum What {
    Opened,
    ToUs(Vec<u8>),
    ToPeer(Vec<u8>),
    Break,
}

struct Flow {
    /// The phones' host and port, as they name it.
    home: SocketAddr,
    path: Path,
    /// What the phones' host has of a message.
    half: Vec<u8>,
    /// What the switchboard has of one, for whoever watches it.
    watched: Vec<u8>,
    /// Bytes never overtake each other.
    last: Moment,
}

/// All connections of one run.
pub(crate) struct Streams {
    chance: Chance,
    /// Whether connections break, and are refused.
    fragile: bool,
    us: SocketAddr,
    flows: BTreeMap<FlowId, Flow>,
    under_way: BTreeMap<(Moment, u64), (FlowId, What)>,
    accepted: u64,
    count: u64,
}

impl Streams {
    pub(crate) fn new(us: SocketAddr, fragile: bool, chance: Chance) -> Self {
        Self {
            chance,
            fragile,
            us,
            flows: BTreeMap::new(),
            under_way: BTreeMap::new(),
            accepted: 0,
            count: 0,
        }
    }

    /// The switchboard asks for a connection.
    pub(crate) fn open(&mut self, now: Moment, id: FlowId, home: SocketAddr) {
        let port = 33_000 + u16::try_from(id.number() % 10_000).unwrap();
        let path = Path {
            transport: Transport::Tcp,
            local: SocketAddr::new(self.us.ip(), port),
            peer: home,
            flow: Some(id),
        };
        let patience = match self.chance.below(8) {
            0 if self.fragile => 12_000,
            1 => 3_000,
            _soon => 60,
        };
        let opens = !self.fragile || self.chance.below(12) > 0;
        self.keep(now, id, home, path, patience, opens);
    }

    /// A phone sends: on the newest connection of its host, or on a new one.
    pub(crate) fn send_to_us(&mut self, now: Moment, home: SocketAddr, text: &str) {
        let known = self.flows.iter().filter(|(_, flow)| flow.home == home);
        let id = match known.map(|(id, _)| *id).max_by_key(|id| (id.number(), *id)) {
            Some(id) => id,
            None => {
                let id = FlowId::accepted(self.accepted);
                self.accepted += 1;
                let port = 40_000 + u16::try_from(self.accepted % 10_000).unwrap();
                let path = Path {
                    transport: Transport::Tcp,
                    local: self.us,
                    peer: SocketAddr::new(home.ip(), port),
                    flow: Some(id),
                };
                self.keep(now, id, home, path, 60, true);
                id
            }
        };
        self.pieces(now, id, text.as_bytes(), What::ToUs);
    }

    /// The switchboard sends; `None`: the connection is gone.
    pub(crate) fn send_to_peer(
        &mut self,
        now: Moment,
        id: FlowId,
        bytes: &[u8],
    ) -> Option<SocketAddr> {
        let home = self.flows.get(&id)?.home;
        self.pieces(now, id, bytes, What::ToPeer);
        Some(home)
    }

    /// The messages that the switchboard has whole with this piece.
    pub(crate) fn read_by_us(&mut self, id: FlowId, bytes: &[u8]) -> Vec<String> {
        self.flows.get_mut(&id).map_or_else(Vec::new, |flow| {
            flow.watched.extend(bytes);
            whole(&mut flow.watched)
        })
    }

    /// The switchboard closes a connection.
    pub(crate) fn close(&mut self, id: FlowId) {
        self.flows.remove(&id);
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn arrived(&mut self, now: Moment) -> Option<Event> {
        loop {
            let (at, _) = *self.under_way.keys().next()?;
            if at > now {
                return None;
            }
            let (_, (id, what)) = self.under_way.pop_first()?;
            let Some(flow) = self.flows.get_mut(&id) else {
                continue;
            };
            match what {
                What::Opened => return Some(Event::Opened(id, flow.path)),
                What::ToUs(bytes) => return Some(Event::Bytes(id, bytes)),
                What::Break => {
                    self.flows.remove(&id);
                    return Some(Event::Closed(id));
                }
                What::ToPeer(bytes) => {
                    flow.half.extend(bytes);
                    let whole = whole(&mut flow.half);
                    if !whole.is_empty() {
                        return Some(Event::Messages(flow.home, whole));
                    }
                }
            }
        }
    }

    fn keep(
        &mut self,
        now: Moment,
        id: FlowId,
        home: SocketAddr,
        path: Path,
        patience_ms: u64,
        opens: bool,
    ) {
        let at = now + Duration::from_millis(1 + self.chance.below(patience_ms));
        let flow = Flow {
            home,
            path,
            half: Vec::new(),
            watched: Vec::new(),
            last: at,
        };
        self.flows.insert(id, flow);
        self.put(at, id, if opens { What::Opened } else { What::Break });
        if self.fragile && self.chance.below(2) == 0 {
            let at = at + Duration::from_millis(self.chance.below(40_000));
            self.put(at, id, What::Break);
        }
    }

    fn put(&mut self, at: Moment, id: FlowId, what: What) {
        self.count += 1;
        self.under_way.insert((at, self.count), (id, what));
    }

    fn pieces(&mut self, now: Moment, id: FlowId, bytes: &[u8], kind: fn(Vec<u8>) -> What) {
        let Some(last) = self.flows.get(&id).map(|flow| flow.last) else {
            return;
        };
        let mut at = now.max(last);
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = u64::try_from(rest.len()).unwrap();
            let cut = match self.chance.below(3) {
                0 => 1 + self.chance.below(most),
                _whole => most,
            };
            let (piece, more) = rest.split_at(usize::try_from(cut).unwrap());
            at = at + Duration::from_millis(1 + self.chance.below(30));
            self.put(at, id, kind(piece.to_vec()));
            rest = more;
        }
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.last = at;
        }
    }
}

/// Takes the whole messages from the front.
fn whole(half: &mut Vec<u8>) -> Vec<String> {
    let mut messages = Vec::new();
    loop {
        while half.starts_with(b"\r\n") {
            half.drain(..2);
        }
        let text = String::from_utf8(half.clone()).expect("the phones' words are text");
        let Some(head) = text.find("\r\n\r\n") else {
            return messages;
        };
        let length: usize = crate::text::header(&text, "Content-Length")
            .parse()
            .expect("a message on a stream has its length");
        if text.len() < head + 4 + length {
            return messages;
        }
        let rest = half.split_off(head + 4 + length);
        messages.push(String::from_utf8(std::mem::replace(half, rest)).unwrap());
    }
}
