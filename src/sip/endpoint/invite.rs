//! What only our INVITEs have: a CANCEL, and a 2xx of each fork with its ACK (RFC 3261 9.1, 13.2.2.4).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::time::Moment;
use crate::sip::endpoint::client::{Kept, Machine};
use crate::sip::endpoint::matching::Branch;
use crate::sip::endpoint::streams::Kind;
use crate::sip::endpoint::{ClientKey, Endpoint, Hop};
use crate::sip::message::Response;
use crate::sip::slab::Slot;
use crate::sip::transport::Path;
use crate::sip::write::Outgoing;

/// Most callees of one INVITE that may answer it: a proxy forks to a ring group; more is a flood.
const FORKS_MAX: usize = 32;

/// Kept beside an INVITE that was cancelled or answered.
#[derive(Default)]
pub(super) struct Invite {
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

    /// Whether a 2xx is the first of its fork. A repeated one means that our ACK was lost (13.2.2.4).
    pub(super) fn is_first_2xx(&mut self, now: Moment, slot: Slot, response: &Response) -> bool {
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

    /// Sends the CANCEL that waited for the first provisional response.
    pub(super) fn send_awaited_cancel(&mut self, now: Moment, slot: Slot) {
        let invite = self
            .clients
            .get_mut(slot)
            .and_then(|client| client.invite.as_mut());
        if let Some(Cancel::Waiting { reason }) = invite.map(|invite| &mut invite.cancel) {
            let reason = reason.take();
            self.send_cancel(now, slot, reason.as_deref());
        }
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

#[cfg(test)]
impl Invite {
    /// The bytes held here, but for the ACKs themselves.
    pub(super) fn bytes_kept(&self) -> usize {
        let more = match self.forks.spilled() {
            true => self.forks.capacity(),
            false => 0,
        };
        size_of::<Self>() + more * size_of::<Fork>()
    }
}
