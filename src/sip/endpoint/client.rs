//! Requests that go out: client transactions (RFC 3261 8.1, 17.1). What only INVITEs have is in `invite.rs`.

use bytes::Bytes;

use crate::base::time::Moment;
use crate::sip::endpoint::invite::Invite;
use crate::sip::endpoint::matching::Branch;
use crate::sip::endpoint::streams::{Kind, NoWay};
use crate::sip::endpoint::{ClientKey, Endpoint, Event, Failure, Hop, Wake};
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::slab::Slot;
use crate::sip::transaction::Actions;
use crate::sip::transaction::client_invite::{Action, ClientInvite};
use crate::sip::transaction::client_other::{self, ClientOther};
use crate::sip::transport::{FlowId, Path};
use crate::sip::write::Outgoing;

/// One client transaction and what it may have to send again.
pub(super) struct Client {
    pub(super) branch: Branch,
    pub(super) path: Path,
    pub(super) machine: Machine,
    pub(super) kept: Kept,
    /// What few transactions have: boxed, so that finished ones stay small.
    pub(super) invite: Option<Box<Invite>>,
    /// The user asked for it; `false` for a CANCEL, whose outcome shows on its INVITE.
    told: bool,
    /// It is a BYE whose connection broke, and went on another one.
    is_again: bool,
}

pub(super) enum Machine {
    Invite(ClientInvite),
    Other(ClientOther),
}

/// The one message of a client transaction that may have to be sent again.
pub(super) enum Kept {
    /// Not finally answered: the request, written anew each time, so that what rings is kept once.
    Request(Box<Outgoing>),
    /// An INVITE rejected: its ACK.
    Ack(Bytes),
    /// Answered otherwise.
    Nothing,
}

impl Endpoint {
    /// Sends a request other than ACK and CANCEL. What comes of it is told under the key returned.
    pub fn request(&mut self, now: Moment, to: Hop, request: Outgoing) -> ClientKey {
        self.stirred = true;
        let branch = Branch::new(&mut self.chance);
        ClientKey(self.start_client(now, branch, self.listeners.path(&to), request, true))
    }

    /// Forgets a request other than INVITE whose answer nobody waits for any more: it is not sent again.
    pub fn abandon(&mut self, key: ClientKey) {
        let ClientKey(slot) = key;
        let other = |client: &Client| matches!(client.machine, Machine::Other(_));
        if self.clients.get(slot).is_some_and(other)
            && let Some(client) = self.clients.remove(slot)
        {
            self.stirred = true;
            self.branches.remove(&client.branch);
        }
    }

    pub(super) fn handle_response(&mut self, now: Moment, path: Path, response: Response) {
        let headers = response.headers();
        let slot = headers
            .top_via()
            .branch()
            .and_then(|branch| Branch::read(branch, &headers.cseq().method))
            .and_then(|branch| self.branches.get(&branch).copied());
        // A response to nothing of ours is dropped (18.1.2), as is one to another method than was asked (17.1.3).
        let asked = |slot: &Slot| {
            let invite = headers.cseq().method == Method::Invite;
            self.clients
                .get(*slot)
                .is_some_and(|client| matches!(client.machine, Machine::Invite(_)) == invite)
        };
        if let Some(slot) = slot.filter(asked) {
            let status = response.status();
            self.step_client(now, slot, Some((response, path)), |machine| {
                machine.handle_response(now, status)
            });
        }
    }

    /// Feeds a client transaction's machine and does what it says.
    pub(super) fn step_client(
        &mut self,
        now: Moment,
        slot: Slot,
        response: Option<(Response, Path)>,
        feed: impl FnOnce(&mut Machine) -> Actions<Action>,
    ) {
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        let before = client.wakes(slot);
        let actions = feed(&mut client.machine);
        for (at, wake) in client.wakes(slot).into_iter().flatten() {
            if !before.contains(&Some((at, wake))) {
                self.timers.set(now, at, wake);
            }
        }
        for action in actions {
            match action {
                Action::SendRequest => self.resend(now, slot),
                Action::SendAck => {
                    if let Some((response, _)) = &response {
                        self.send_ack(now, slot, response);
                    }
                }
                Action::Deliver => {
                    if let Some((response, path)) = &response {
                        self.deliver(now, slot, response, *path);
                    }
                }
                Action::TimedOut => self.tell_failed(slot, Failure::TimedOut),
                Action::Failed => self.tell_failed(slot, Failure::Transport),
            }
        }
        if self.clients.get(slot).is_some_and(|c| c.machine.is_over())
            && let Some(client) = self.clients.remove(slot)
        {
            self.branches.remove(&client.branch);
        }
    }

    /// Tells every transaction that is not answered yet that its connection broke. `stood`: messages may have gone there.
    pub(super) fn fail_requests_on(&mut self, now: Moment, flow: FlowId, stood: bool) {
        self.stirred = true;
        let on_it: Vec<Slot> = self
            .clients
            .iter()
            .filter(|(_, client)| client.path.flow == Some(flow))
            .map(|(slot, _)| slot)
            .collect();
        for slot in on_it {
            if stood && self.hangs_up_again(slot) {
                self.resend(now, slot);
            } else {
                self.fail_client(now, slot);
            }
        }
    }

    /// Whether a request is a BYE that goes once more, on another connection: where a peer's connection breaks while it is hung up
    /// on, nobody knows whether it has read that, and else it would never hear of it. A server that has read it knows it by
    /// its branch (17.2.3).
    fn hangs_up_again(&mut self, slot: Slot) -> bool {
        let Some(client) = self.clients.get_mut(slot) else {
            return false;
        };
        let is_bye =
            matches!(&client.kept, Kept::Request(request) if *request.method() == Method::Bye);
        is_bye && !std::mem::replace(&mut client.is_again, true)
    }

    pub(super) fn start_client(
        &mut self,
        now: Moment,
        branch: Branch,
        mut path: Path,
        request: Outgoing,
        told: bool,
    ) -> Slot {
        let via = self.listeners.via(&path, branch);
        let sent = via.ok_or(NoWay).and_then(|via| {
            let bytes = request.encode(&via);
            self.streams
                .send(now, &mut path, Kind::Request, bytes, &mut self.out)
        });
        let reliable = path.transport.is_reliable();
        let found_by = branch.under(request.method());
        let machine = if *request.method() == Method::Invite {
            Machine::Invite(ClientInvite::new(now, reliable))
        } else {
            Machine::Other(ClientOther::new(now, reliable))
        };
        let slot = self.clients.insert(Client {
            branch: found_by,
            path,
            machine,
            kept: Kept::Request(Box::new(request)),
            invite: None,
            told,
            is_again: false,
        });
        self.branches.insert(found_by, slot);
        let wakes = self.clients.get(slot).map(|client| client.wakes(slot));
        for (at, wake) in wakes.into_iter().flatten().flatten() {
            self.timers.set(now, at, wake);
        }
        if sent.is_err() {
            self.fail_client(now, slot);
        }
        slot
    }

    pub(super) fn fail_client(&mut self, now: Moment, slot: Slot) {
        self.step_client(now, slot, None, Machine::handle_transport_failure);
    }

    fn tell_failed(&mut self, slot: Slot, why: Failure) {
        if self.clients.get(slot).is_some_and(|client| client.told) {
            let key = ClientKey(slot);
            self.tell(Event::Failed { key, why });
        }
    }

    fn resend(&mut self, now: Moment, slot: Slot) {
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        let bytes = match &client.kept {
            Kept::Request(request) => match self.listeners.via(&client.path, client.branch) {
                Some(via) => request.encode(&via),
                None => return,
            },
            Kept::Ack(ack) => ack.clone(),
            Kept::Nothing => return,
        };
        let sent = self
            .streams
            .send(now, &mut client.path, Kind::Request, bytes, &mut self.out);
        if sent.is_err() {
            self.fail_client(now, slot);
        }
    }

    /// Acknowledges a non-2xx final response, again if need be (17.1.1.3).
    fn send_ack(&mut self, now: Moment, slot: Slot, response: &Response) {
        if let Some(client) = self.clients.get_mut(slot)
            && let Kept::Request(invite) = &client.kept
        {
            client.kept = match self.listeners.via(&client.path, client.branch) {
                Some(via) => Kept::Ack(invite.ack(response).encode(&via)),
                None => Kept::Nothing,
            };
        }
        self.resend(now, slot);
    }

    fn deliver(&mut self, now: Moment, slot: Slot, response: &Response, path: Path) {
        let status = response.status();
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        if status >= 200 && matches!(client.kept, Kept::Request(_)) {
            client.kept = Kept::Nothing;
        }
        let mut wanted = client.told;
        match client.machine {
            Machine::Invite(_) if status < 200 => self.send_awaited_cancel(now, slot),
            Machine::Invite(_) if status < 300 => wanted &= self.is_first_2xx(now, slot, response),
            Machine::Invite(_) => client.invite = None,
            Machine::Other(_) => {}
        }
        if wanted {
            self.tell(Event::Response {
                key: ClientKey(slot),
                response: response.clone(),
                path,
            });
        }
    }
}

impl Client {
    /// The bytes held beside the transaction itself and its ACK.
    #[cfg(test)]
    pub(super) fn bytes_kept(&self) -> usize {
        let invite = self.invite.as_ref().map_or(0, |invite| invite.bytes_kept());
        let request = match &self.kept {
            Kept::Request(request) => {
                size_of::<Outgoing>() + request.uri().len() + request.body().len()
            }
            Kept::Ack(_) | Kept::Nothing => 0,
        };
        invite + request
    }

    /// Every timer that is set now.
    pub(super) fn wakes(&self, slot: Slot) -> [Option<(Moment, Wake)>; 2] {
        match &self.machine {
            Machine::Invite(machine) => machine
                .deadlines()
                .map(|set| set.map(|(at, timer)| (at, Wake::ClientInvite(slot, timer)))),
            Machine::Other(machine) => machine
                .deadlines()
                .map(|set| set.map(|(at, timer)| (at, Wake::ClientOther(slot, timer)))),
        }
    }
}

impl Machine {
    pub(super) fn handle_timeout(&mut self, now: Moment) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_timeout(now),
            Self::Other(machine) => as_invite(machine.handle_timeout(now)),
        }
    }

    fn handle_response(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_response(now, status),
            Self::Other(machine) => as_invite(machine.handle_response(now, status)),
        }
    }

    fn handle_transport_failure(&mut self) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_transport_failure(),
            Self::Other(machine) => as_invite(machine.handle_transport_failure()),
        }
    }

    pub(super) fn handle_cancelled(&mut self, now: Moment) -> Actions<Action> {
        match self {
            Self::Invite(machine) => machine.handle_cancelled(now),
            Self::Other(_) => {}
        }
        Actions::new()
    }

    const fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }
}

/// What a non-INVITE machine asks for is a part of what an INVITE machine asks for.
fn as_invite(actions: Actions<client_other::Action>) -> Actions<Action> {
    let same = |action| match action {
        client_other::Action::SendRequest => Action::SendRequest,
        client_other::Action::Deliver => Action::Deliver,
        client_other::Action::TimedOut => Action::TimedOut,
        client_other::Action::Failed => Action::Failed,
    };
    actions.into_iter().map(same).collect()
}
