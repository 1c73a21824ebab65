//! Another telephone takes the place of the one that answered, by an INVITE of its own with Replaces (RFC 3891 3).
//!
//! Its offer goes to the caller, whose answer comes back to it; then the call moves, and whom it replaces gets a BYE.

use std::sync::Arc;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::desk::{MediaWish, TRANSFERS_MAX};
use crate::call::goal;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::supported;
use crate::call::leg::{Beginning, Leg, Ports};
use crate::call::machine::attempt::Attempt;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::transfer::{Brought, Referrer, Stage, Transfer};
use crate::call::machine::{Call, State};
use crate::call::offer_answer::faces;
use crate::call::story::{Role, TriedResult};
use crate::call::trunk::Trunk;
use crate::sdp::Session;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ServerKey;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::place::Place;
use crate::sip::replaces::Replaces;
use crate::sip::transport::Path;

impl Call {
    /// An INVITE that names the dialog of one of our legs.
    pub(in crate::call) fn replaced(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (leg, replaces): (LegId, &Replaces),
        (server, request, path): (ServerKey, Request, Path),
        (trunk, offer): (&Arc<Trunk>, Option<Session>),
    ) {
        // Before the answer it is a pickup.
        if matches!(self.state, State::Hunting(_)) {
            let came = (server, request, path);
            return self.picked_up(now, hands, (leg, replaces), came, (trunk, offer));
        }
        let offer = match self.may_replace(hands, (leg, replaces), (trunk, &path), offer) {
            Ok(offer) => offer,
            Err(answer) => return hands.reply(now, server, &request, answer),
        };
        if let Some(answer) = Answer::to_short_session(hands, &request) {
            return hands.reply(now, server, &request, answer);
        }
        let Some(by) = self.attempt(leg) else { return };
        let brought = Brought::with(offer.clone());
        let came = (server, request, path);
        if !self.arrive(now, hands, trunk, came, (brought, by, Role::Transfer)) {
            return;
        }
        let target = self.attempts.len().saturating_sub(1);
        if let State::Up(up) = &mut self.state {
            up.transfers += 1;
            up.transfer = Some(Box::new(Transfer {
                by,
                target,
                at: now,
                event: None,
                referrer: Referrer::There,
                stage: Stage::Ready(offer),
            }));
        }
    }

    /// Who came by an INVITE of its own, in the place of another one, gets a leg and asks for ports. `false`: there is no room,
    /// and it was told.
    pub(super) fn arrive(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        trunk: &Arc<Trunk>,
        (server, request, path): (ServerKey, Request, Path),
        (mut brought, in_place_of, role): (Brought, usize, Role),
    ) -> bool {
        // It is a new leg of its trunk as any other.
        let may_begin = hands.usage.may_begin(now, trunk);
        let Some(id) = may_begin.then(|| self.new_leg_id()).flatten() else {
            let full = Answer::status(503).retry_after(RETRY_S);
            hands.reply(now, server, &request, full);
            return false;
        };
        // It does not ring; whom it sends the caller on to rings as long as who was replaced.
        let ring = self.attempts.get(in_place_of).map(|one| one.ring);
        hands.usage.take(&trunk.id);
        hands.expect_invite(server, self.key);
        let from = request.headers().from().uri();
        let begins = Beginning {
            id,
            trunk: Arc::clone(trunk),
            tag: hands.new_tag(self.key, id),
            call_id: request.headers().call_id().into(),
            remote_uri: from.as_str().into(),
            path,
            sips: self.caller.leg.sips,
            ports: Ports::Asked,
            role,
        };
        let leg = Leg::new(hands, begins);
        let open = MediaWish::Open {
            call: self.key,
            leg: id,
            toward: faces(path.peer.ip(), Some(&brought.offer)),
            from: trunk.media,
        };
        let target = goal::who(from, &trunk.id, &hands.country);
        brought.arrived = Some((server, request));
        let to = Place::plain(path.transport, path.peer);
        self.attempts.push(Attempt {
            brought: Some(Box::new(brought)),
            invited: Some(now),
            ..Attempt::new(leg, target, ring.unwrap_or_default(), to)
        });
        Self::media(hands, open);
        true
    }

    /// Whether it may, by RFC 3891 3; its offer.
    fn may_replace(
        &self,
        hands: &Hands,
        (leg, replaces): (LegId, &Replaces),
        (trunk, path): (&Arc<Trunk>, &Path),
        offer: Option<Session>,
    ) -> Result<Session, Answer> {
        let State::Up(up) = &self.state else {
            return Err(Answer::status(481));
        };
        let callee = self.attempts.get(up.answered);
        let callee = callee.filter(|one| one.leg.id == leg);
        // The caller stays: that is whose call it is.
        let callee = callee.ok_or_else(|| Answer::status(603))?;
        let dialog = callee.leg.dialog.as_ref();
        if !dialog.is_some_and(|dialog| dialog.is_named(replaces)) {
            return Err(Answer::status(481));
        }
        if callee.leg.trunk.id != trunk.id {
            return Err(Answer::status(603));
        }
        // A call that was dialled securely goes on securely or not at all (RFC 5630 4.1).
        if self.caller.leg.sips && !path.transport.is_secure() {
            return Err(Answer::status(403));
        }
        if replaces.early_only {
            return Err(Answer::status(486));
        }
        if up.transfers >= TRANSFERS_MAX {
            return Err(Answer::status(603));
        }
        if up.is_moving() || up.late.is_some() || self.caller.unacked.is_some() {
            return Err(Answer::status(500).retry_after(RETRY_S));
        }
        if hands.usage.is_full(&trunk.id, trunk.max_calls) {
            return Err(Answer::status(503).retry_after(RETRY_S));
        }
        offer.ok_or_else(|| Answer::status(488))
    }

    /// Whether this party came by an INVITE of its own that has no final answer yet.
    pub(super) fn is_arrived(&self, index: usize) -> bool {
        let attempt = self.attempts.get(index);
        attempt
            .and_then(|one| one.brought.as_ref())
            .is_some_and(|brought| brought.arrived.is_some())
    }

    /// Its `offer` has an `answer`, which it is given.
    pub(super) fn answer_arrived(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        (offer, answer): (&Session, &Session),
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let arrived = attempt.brought.as_mut().and_then(|it| it.arrived.take());
        let Some((server, request)) = arrived else {
            return;
        };
        let leg = &mut attempt.leg;
        let mut ok = Answer::status(200)
            .contact(hands.contact_of(leg))
            .allow()
            .header(Name::Supported, supported())
            .session(leg.upkeep.accept(now, request.headers()));
        if let Some(body) = leg.answer(answer, offer) {
            ok = ok.sdp(body);
        }
        leg.dialog = Dialog::uas(&request, leg.tag, &leg.path).ok();
        hands.answer(now, server, &request, leg.tag, ok);
        attempt.unacked = Some(server);
    }

    /// It cannot have the call: its final answer.
    pub(super) fn refuse_arrived(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        status: u16,
    ) {
        let attempt = self.attempts.get_mut(index);
        let arrived = attempt.and_then(|one| one.brought.as_mut()?.arrived.take());
        if let Some((server, request)) = arrived {
            hands.reply(now, server, &request, Answer::status(status));
            hands.invite_is_answered(server);
        }
    }

    /// It takes its INVITE back. `false`: that is somebody else's.
    pub(super) fn arrived_cancelled(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
    ) -> bool {
        let is_its = |one: &Attempt| {
            let arrived = one.brought.as_ref().and_then(|it| it.arrived.as_ref());
            arrived.is_some_and(|(own, _)| *own == server)
        };
        let Some(index) = self.attempts.iter().position(is_its) else {
            return false;
        };
        let State::Up(up) = &self.state else {
            // It came for a call that rings, and has no ports yet.
            self.target_failed(now, hands, index, TriedResult::Cancelled, None);
            return true;
        };
        let Some(transfer) = &up.transfer else {
            return false;
        };
        match &transfer.stage {
            // What comes of that decides: the caller may have agreed already.
            Stage::Asking { client, .. } => hands.cancel(now, *client),
            Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. } => {
                self.transfer_failed(now, hands, TriedResult::Cancelled, None);
            }
        }
        true
    }

    /// It acknowledges our 2xx, or never will. `false`: that is somebody else's.
    pub(super) fn arrived_acked(&mut self, server: ServerKey) -> bool {
        let owes = |one: &&mut Attempt| one.unacked == Some(server);
        let Some(attempt) = self.attempts.iter_mut().find(owes) else {
            return false;
        };
        attempt.unacked = None;
        true
    }
}

#[cfg(test)]
mod tests;
