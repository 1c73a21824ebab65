//! Requests that go out: client transactions, their CANCEL and their ACKs (RFC 3261 8.1, 9.1, 13.2.2.4, 17.1).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::time::Moment;
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
    branch: Branch,
    path: Path,
    machine: Machine,
    kept: Kept,
    /// What few INVITEs need for long: boxed, so that finished transactions stay small.
    invite: Option<Box<Invite>>,
    /// The user asked for it; `false` for a CANCEL, whose outcome shows on its INVITE.
    told: bool,
}

pub(super) enum Machine {
    Invite(ClientInvite),
    Other(ClientOther),
}

/// The one message of a client transaction that may have to be sent again.
enum Kept {
    /// Not finally answered: the request, written anew each time, so that what rings is kept once.
    Request(Box<Outgoing>),
    /// An INVITE rejected: its ACK.
    Ack(Bytes),
    /// Answered otherwise.
    Nothing,
}

#[derive(Default)]
struct Invite {
    cancel: Cancel,
    /// Each 2xx that came, in order; nearly always one.
    forks: SmallVec<[Fork; 1]>,
}

#[derive(Default)]
enum Cancel {
    #[default]
    NotAsked,
    /// Asked for before anything was heard: a CANCEL could overtake its INVITE (9.1).
    Waiting {
        reason: Option<String>,
    },
    Sent,
}

/// One callee that answered, and our ACK to it.
struct Fork {
    tag: u64,
    ack: Option<(Path, Bytes)>,
}

impl Endpoint {
    /// Sends a request other than ACK and CANCEL. What comes of it is told under the key returned.
    pub fn request(&mut self, now: Moment, to: Hop, request: Outgoing) -> ClientKey {
        self.stirred = true;
        let branch = Branch::new(&mut self.chance);
        ClientKey(self.start_client(now, branch, self.listeners.path(&to), request, true))
    }

    /// Cancels an INVITE: at once when it rings, after its first provisional response when nothing was heard yet, not at
    /// all when it is answered. `reason` is the value of a Reason header (RFC 3326).
    pub fn cancel(&mut self, now: Moment, key: ClientKey, reason: Option<&str>) {
        self.stirred = true;
        let Some(client) = self.clients.get_mut(key.0) else {
            return;
        };
        let Machine::Invite(machine) = &client.machine else {
            return;
        };
        let (calling, proceeding) = (machine.is_calling(), machine.is_proceeding());
        let invite = client.invite.get_or_insert_default();
        match invite.cancel {
            Cancel::NotAsked if calling => {
                let reason = reason.map(str::to_owned);
                invite.cancel = Cancel::Waiting { reason };
            }
            Cancel::NotAsked if proceeding => self.send_cancel(now, key.0, reason),
            Cancel::NotAsked | Cancel::Waiting { .. } | Cancel::Sent => {}
        }
    }

    /// Sends the ACK for the 2xx of the fork that `remote_tag` names, and again whenever that 2xx is repeated.
    pub fn ack(&mut self, now: Moment, key: ClientKey, remote_tag: &str, to: Hop, ack: Outgoing) {
        self.stirred = true;
        let mut path = self.listeners.path(&to);
        let branch = Branch::new(&mut self.chance);
        let Some(via) = self.listeners.via(&path, branch) else {
            return;
        };
        let bytes = ack.encode(&via);
        let tag = self.matcher.fork(remote_tag);
        let fork = self
            .clients
            .get_mut(key.0)
            .and_then(|client| client.invite.as_mut())
            .and_then(|invite| invite.forks.iter_mut().find(|fork| fork.tag == tag));
        let again = bytes.clone();
        // An ACK that finds no way now is sent when the 2xx is repeated.
        let _sent_or_later = self
            .streams
            .send(now, &mut path, Kind::Request, bytes, &mut self.out);
        if let Some(fork) = fork {
            fork.ack = Some((path, again));
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

    /// Tells every transaction that is not answered yet that its connection broke.
    pub(super) fn fail_requests_on(&mut self, now: Moment, flow: FlowId) {
        self.stirred = true;
        let on_it: Vec<Slot> = self
            .clients
            .iter()
            .filter(|(_, client)| client.path.flow == Some(flow))
            .map(|(slot, _)| slot)
            .collect();
        for slot in on_it {
            self.fail_client(now, slot);
        }
    }

    fn start_client(
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

    fn fail_client(&mut self, now: Moment, slot: Slot) {
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
            Machine::Invite(_) if status < 200 => {
                let invite = client.invite.as_mut();
                if let Some(Cancel::Waiting { reason }) = invite.map(|invite| &mut invite.cancel) {
                    let reason = reason.take();
                    self.send_cancel(now, slot, reason.as_deref());
                }
            }
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

    /// Whether a 2xx is the first of its fork. A repeated one means that our ACK was lost (13.2.2.4).
    fn is_first_2xx(&mut self, now: Moment, slot: Slot, response: &Response) -> bool {
        let tag = response.headers().to().tag().unwrap_or_default();
        let tag = self.matcher.fork(tag);
        let Some(client) = self.clients.get_mut(slot) else {
            return false;
        };
        let invite = client.invite.get_or_insert_default();
        let Some(fork) = invite.forks.iter_mut().find(|fork| fork.tag == tag) else {
            if invite.forks.len() >= FORKS_MAX {
                return false;
            }
            invite.forks.push(Fork { tag, ack: None });
            return true;
        };
        // Without an ACK yet the user is still busy with the first copy.
        if let Some((path, bytes)) = &mut fork.ack {
            let bytes = bytes.clone();
            let _sent_or_later = self
                .streams
                .send(now, path, Kind::Request, bytes, &mut self.out);
        }
        false
    }

    /// Sends the CANCEL of a ringing INVITE, the way the INVITE went.
    fn send_cancel(&mut self, now: Moment, slot: Slot, reason: Option<&str>) {
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        client.invite.get_or_insert_default().cancel = Cancel::Sent;
        let Kept::Request(invite) = &client.kept else {
            return;
        };
        let cancel = invite.cancel(reason);
        let (branch, path) = (client.branch, client.path);
        self.step_client(now, slot, None, |machine| machine.handle_cancelled(now));
        self.start_client(now, branch, path, cancel, false);
    }
}

/// Most callees of one INVITE that may answer it: a proxy forks to a ring group; more is a flood.
const FORKS_MAX: usize = 32;

impl Client {
    /// The bytes held beside the transaction itself and its ACK.
    #[cfg(test)]
    pub(super) fn bytes_kept(&self) -> usize {
        let invite = self.invite.as_ref().map_or(0, |invite| {
            let more = if invite.forks.spilled() {
                invite.forks.capacity()
            } else {
                0
            };
            size_of::<Invite>() + more * size_of::<Fork>()
        });
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

    fn handle_cancelled(&mut self, now: Moment) -> Actions<Action> {
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
