//! Requests that come in: server transactions, CANCEL and ACK (RFC 3261 8.2, 9.2, 13.3.1.4, 17.2).

use bytes::Bytes;

use crate::base::time::Moment;
use crate::sip::endpoint::matching::Fingerprint;
use crate::sip::endpoint::streams::Kind;
use crate::sip::endpoint::{Endpoint, Event, Knock, ServerKey, Wake};
use crate::sip::message::{Message, Request};
use crate::sip::method::Method;
use crate::sip::slab::Slot;
use crate::sip::status::reason_phrase;
use crate::sip::transaction::Actions;
use crate::sip::transaction::server_invite::{Action, ServerInvite};
use crate::sip::transaction::server_other::{self, ServerOther};
use crate::sip::transport::{Path, Transport};
use crate::sip::via::{Rport, Via};
use crate::sip::write::Reply;

/// One server transaction and the response it may have to send again.
pub(super) struct Server {
    transaction: Fingerprint,
    /// What its merged copies and the ACK of its 2xx are found by, while that may happen.
    exchange: Option<Fingerprint>,
    /// Where responses go.
    path: Path,
    machine: Machine,
    /// The latest response; empty once nobody can ask for it again.
    response: Bytes,
}

pub(super) enum Machine {
    Invite(ServerInvite),
    Other(ServerOther),
}

impl Endpoint {
    /// Answers a request. `bytes` is the whole response with its `status`. A 2xx to an INVITE is repeated until its ACK
    /// comes; a response after the final one is ignored.
    pub fn respond(&mut self, now: Moment, key: ServerKey, status: u16, bytes: Bytes) {
        self.stirred = true;
        let Some(server) = self.servers.get_mut(key.0) else {
            return;
        };
        if !server.machine.is_open() {
            return;
        }
        server.response = bytes;
        // A rejected request may be tried again by a proxy that forks in turn: its copies are no merged ones any more.
        let rejected = match server.machine {
            Machine::Invite(_) => status >= 300,
            Machine::Other(_) => status >= 200,
        };
        if let Some(exchange) = server.exchange.take_if(|_| rejected) {
            self.exchanges.remove(&exchange);
        }
        self.step_server(now, key.0, None, |machine| machine.respond(now, status));
    }

    pub(super) fn handle_request(&mut self, now: Moment, path: Path, request: Request) {
        let request = request.arrived_from(path.peer);
        if let Some(flow) = path.flow
            && request.headers().top_via().wants_reuse()
        {
            self.streams.reuse(flow);
        }
        if *request.method() == Method::Ack {
            self.handle_ack(now, request);
        } else if *request.method() == Method::Cancel {
            self.handle_cancel(now, path, request);
        } else {
            self.handle_new_or_repeated(now, path, request);
        }
    }

    fn handle_new_or_repeated(&mut self, now: Moment, path: Path, request: Request) {
        let transaction = self.matcher.transaction(&request, request.method());
        if let Some(slot) = self.transactions.get(&transaction).copied() {
            return self.step_server(now, slot, None, Machine::handle_request);
        }
        let knock = Knock(transaction);
        self.tell(Event::Request {
            knock,
            request,
            path,
        });
    }

    /// Opens the transaction of a request that was told, and says 100 to an INVITE. `None`: it was refused (a merged request,
    /// too many hops, no room), or a repetition that came meanwhile has been taken.
    pub fn take(
        &mut self,
        now: Moment,
        knock: Knock,
        request: &Request,
        path: Path,
    ) -> Option<ServerKey> {
        self.stirred = true;
        let Knock(transaction) = knock;
        if self.transactions.contains_key(&transaction) {
            return None;
        }
        let is_invite = *request.method() == Method::Invite;
        let begins = request.headers().to().tag().is_none();
        // Within a dialog there are no merged requests (8.2.2.2), but an INVITE's 2xx has an ACK.
        let exchange =
            (begins || is_invite).then(|| self.matcher.exchange(request, request.method()));
        let max = self.settings.transactions_max;
        let room = if begins { max } else { max + max / 4 };
        if begins && exchange.is_some_and(|exchange| self.exchanges.contains_key(&exchange)) {
            self.refuse(now, path, request, 482, "a merged request");
            return None;
        }
        // Any other request for us is at its goal; an INVITE would be passed on (RFC 7332).
        if begins && is_invite && request.headers().max_forwards() == Some(0) {
            self.refuse(now, path, request, 483, "Max-Forwards is used up");
            return None;
        }
        if self.servers.len() >= room {
            self.refuse(now, path, request, 503, "too many transactions");
            return None;
        }
        let reliable = path.transport.is_reliable();
        let machine = match is_invite {
            true => Machine::Invite(ServerInvite::new(reliable)),
            false => Machine::Other(ServerOther::new(reliable)),
        };
        let slot = self.keep_server(transaction, exchange, answer_path(&path, request), machine);
        if is_invite {
            let trying = Reply::to(request, 100, reason_phrase(100)).finish();
            self.respond(now, ServerKey(slot), 100, trying);
        }
        Some(ServerKey(slot))
    }

    /// An ACK matches the INVITE's transaction by branch when the INVITE was rejected, and by dialog when it was accepted.
    fn handle_ack(&mut self, now: Moment, ack: Request) {
        let transaction = self.matcher.transaction(&ack, &Method::Invite);
        let slot = self.transactions.get(&transaction).or_else(|| {
            let exchange = self.matcher.exchange(&ack, &Method::Invite);
            self.exchanges.get(&exchange)
        });
        // A stray ACK is never answered (17.1.1.3).
        if let Some(slot) = slot.copied() {
            self.step_server(now, slot, Some(ack), |machine| machine.handle_ack(now));
        }
    }

    fn handle_cancel(&mut self, now: Moment, path: Path, cancel: Request) {
        let transaction = self.matcher.transaction(&cancel, &Method::Cancel);
        if let Some(slot) = self.transactions.get(&transaction).copied() {
            return self.step_server(now, slot, None, Machine::handle_request);
        }
        let invite = self.matcher.transaction(&cancel, &Method::Invite);
        let Some(invite) = self.transactions.get(&invite).copied() else {
            return self.refuse(now, path, &cancel, 481, "a CANCEL for nothing");
        };
        // Both answers should carry one To tag (9.2); the INVITE's is known if a response above 100 was given.
        let said = self
            .servers
            .get(invite)
            .and_then(|server| Message::parse(server.response.clone()).ok())
            .and_then(|response| response.headers().to().tag().map(str::to_owned));
        let tag = said.unwrap_or_else(|| self.matcher.stateless_tag(transaction).to_string());
        let answer = Reply::to(&cancel, 200, reason_phrase(200))
            .tag(&tag)
            .finish();
        let machine = Machine::Other(ServerOther::new(path.transport.is_reliable()));
        let slot = self.keep_server(transaction, None, answer_path(&path, &cancel), machine);
        self.respond(now, ServerKey(slot), 200, answer);
        if self
            .servers
            .get(invite)
            .is_some_and(|server| server.machine.is_open())
        {
            let key = ServerKey(invite);
            self.tell(Event::Cancelled { key, cancel });
        }
    }

    /// Feeds a server transaction's machine and does what it says.
    pub(super) fn step_server(
        &mut self,
        now: Moment,
        slot: Slot,
        ack: Option<Request>,
        feed: impl FnOnce(&mut Machine) -> Actions<Action>,
    ) {
        let Some(server) = self.servers.get_mut(slot) else {
            return;
        };
        let before = server.wakes(slot);
        let actions = feed(&mut server.machine);
        for (at, wake) in server.wakes(slot).into_iter().flatten() {
            if !before.contains(&Some((at, wake))) {
                self.timers.set(now, at, wake);
            }
        }
        let key = ServerKey(slot);
        let mut event = None;
        for action in actions {
            match action {
                Action::SendResponse => {
                    let bytes = server.response.clone();
                    // Without a way the peer repeats its request, and then there may be one.
                    let _sent_or_later = self.streams.send(
                        now,
                        &mut server.path,
                        Kind::Response,
                        bytes,
                        &mut self.out,
                    );
                }
                Action::Acked => event = ack.clone().map(|ack| Event::Acked { key, ack }),
                Action::AckMissing => event = Some(Event::AckMissing { key }),
            }
        }
        if !server.machine.needs_response() {
            server.response = Bytes::new();
        }
        if server.machine.is_over() {
            self.forget_server(slot);
        }
        if let Some(event) = event {
            self.tell(event);
        }
    }

    fn keep_server(
        &mut self,
        transaction: Fingerprint,
        exchange: Option<Fingerprint>,
        path: Path,
        machine: Machine,
    ) -> Slot {
        let slot = self.servers.insert(Server {
            transaction,
            exchange,
            path,
            machine,
            response: Bytes::new(),
        });
        self.transactions.insert(transaction, slot);
        if let Some(exchange) = exchange {
            self.exchanges.insert(exchange, slot);
        }
        slot
    }

    fn forget_server(&mut self, slot: Slot) {
        let Some(server) = self.servers.remove(slot) else {
            return;
        };
        self.transactions.remove(&server.transaction);
        if let Some(exchange) = server.exchange
            && self.exchanges.get(&exchange) == Some(&slot)
        {
            self.exchanges.remove(&exchange);
        }
    }
}

/// Where the responses to a request go (18.2.2, RFC 3581 section 4).
///
/// `maddr` is not followed: it serves multicast alone, and would let a stranger aim our answers at anyone.
pub(super) fn answer_path(path: &Path, request: &Request) -> Path {
    answer_path_by(path, request.headers().top_via())
}

/// The same, by the request's first Via.
pub(super) fn answer_path_by(path: &Path, via: &Via) -> Path {
    let mut peer = path.peer;
    match (path.transport, via.rport()) {
        (Transport::Udp, Rport::Asked | Rport::Is(_)) => {}
        // For a stream this is where a new connection goes when the request's own is broken.
        (Transport::Udp, Rport::Absent)
        | (Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss, _) => {
            let default = path.transport.default_port();
            peer.set_port(via.port().unwrap_or(default));
        }
    }
    Path { peer, ..*path }
}

impl Server {
    /// The bytes held beside the transaction itself.
    #[cfg(test)]
    pub(super) fn bytes_kept(&self) -> usize {
        self.response.len()
    }

    /// Every timer that is set now.
    pub(super) fn wakes(&self, slot: Slot) -> [Option<(Moment, Wake)>; 2] {
        match &self.machine {
            Machine::Invite(machine) => machine
                .deadlines()
                .map(|set| set.map(|(at, timer)| (at, Wake::ServerInvite(slot, timer)))),
            Machine::Other(machine) => {
                let set = machine.poll_timeout();
                let set = set.map(|(at, timer)| (at, Wake::ServerOther(slot, timer)));
                [set, None]
            }
        }
    }
}

impl Machine {
    pub(super) fn handle_timeout(&mut self, now: Moment) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_timeout(now),
            Self::Other(machine) => {
                machine.handle_timeout(now);
                Actions::new()
            }
        }
    }

    fn respond(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.respond(now, status),
            Self::Other(machine) => as_invite(machine.respond(now, status)),
        }
    }

    fn handle_request(&mut self) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_invite(),
            Self::Other(machine) => as_invite(machine.handle_request()),
        }
    }

    fn handle_ack(&mut self, now: Moment) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_ack(now),
            Self::Other(_) => Actions::new(),
        }
    }

    /// Whether a final response is still to be given.
    const fn is_open(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_proceeding(),
            Self::Other(machine) => machine.is_open(),
        }
    }

    const fn needs_response(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.needs_response(),
            Self::Other(machine) => !machine.is_over(),
        }
    }

    const fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }
}

/// What a non-INVITE machine asks for is a part of what an INVITE machine asks for.
fn as_invite(actions: Actions<server_other::Action>) -> Actions<Action> {
    let same = |action| match action {
        server_other::Action::SendResponse => Action::SendResponse,
    };
    actions.into_iter().map(same).collect()
}
