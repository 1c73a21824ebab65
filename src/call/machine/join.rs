//! The new party of a transfer is a party of another call of ours (RFC 5589 7, RFC 3891): both calls become one here, instead of
//! an INVITE that would go out to a trunk and come back.
//!
//! This is the call whose REFER it was. It asks the other one, which goes on until its party has agreed to what is offered, and
//! takes the party's dialog only when its own caller can go on too; until then nothing has changed in either.

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::between::{Asked, Errand, Given, Granted, Message, Word};
use crate::call::desk::{CallKey, MediaWish};
use crate::call::hands::{Answer, Hands, TagOwner};
use crate::call::leg::{Beginning, Leg, Ports};
use crate::call::machine::attempt::{Attempt, Stage as Trying};
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::transfer::{Brought, Stage};
use crate::call::machine::{Call, State};
use crate::call::story::{Role, TriedResult};
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;
use crate::sip::place::Place;
use crate::sip::refer::ReferTo;

impl Call {
    /// The leg of another call of ours that a goal names by its dialog.
    pub(super) fn other_call(&self, hands: &Hands, goal: &ReferTo) -> Option<(CallKey, LegId)> {
        let replaces = goal.replaces.as_ref()?;
        match hands.tag_owner(&replaces.to_tag)? {
            (_, TagOwner::Leg(call, leg)) if call != self.key => Some((call, leg)),
            (_, TagOwner::Leg(..) | TagOwner::Waiting(_) | TagOwner::Parting) => None,
        }
    }

    /// Asks the other call for its party. It answers at once, and then so is the REFER.
    pub(super) fn ask_for_party(
        &self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        (server, request): (ServerKey, &Request),
        (goal, (other, named)): (ReferTo, (CallKey, LegId)),
    ) {
        let (Some(replaces), Some(by)) = (goal.replaces, self.talking()) else {
            return;
        };
        let caller = &self.caller.leg;
        let asked = Asked {
            errand: Errand {
                leg,
                server,
                request: request.clone(),
            },
            named: (named, replaces),
            trunk: by.leg.trunk.id.clone(),
            call: self.id(),
            sips: caller.sips,
            is_secure: caller.path.transport.is_secure(),
        };
        hands.say_to(now, self.key, other, Word::Ask(Box::new(asked)));
    }

    /// What another call says.
    pub(in crate::call) fn hear_call(&mut self, hands: &mut Hands, message: Message) {
        let Message {
            now, from, word, ..
        } = message;
        match word {
            Word::Ask(asked) => self.asked_for_party(now, hands, from, *asked),
            Word::Granted(granted) => self.party_granted(now, hands, from, *granted),
            Word::Denied(errand, answer) => {
                hands.reply(now, errand.server, &errand.request, answer);
            }
            Word::Offer(offer, address) => self.offer_to_lent(now, hands, from, *offer, address),
            Word::Answered(said) => self.party_answered(now, hands, from, *said),
            Word::Failed(result, status) => self.party_failed(now, hands, from, (result, status)),
            Word::Take => self.give(now, hands, from),
            Word::Given(given) => self.party_given(now, hands, *given),
            Word::Keep => self.keep_lent(now, hands, from),
        }
    }

    /// The party may come: it is a leg of this call from now on, with ports of its own.
    fn party_granted(&mut self, now: Moment, hands: &mut Hands, from: CallKey, granted: Granted) {
        let Granted {
            errand,
            call,
            target,
            trunk,
            path,
            sips,
            call_id,
            remote_uri,
            toward,
        } = granted;
        let key = self.key;
        let refuse = |hands: &mut Hands, answer| {
            hands.reply(now, errand.server, &errand.request, answer);
            hands.say_to(now, key, from, Word::Keep);
        };
        let Some(offer) = self.offer_of_caller() else {
            return refuse(hands, Answer::status(488));
        };
        let Some(id) = self.new_leg_id() else {
            return refuse(hands, Answer::status(503).retry_after(RETRY_S));
        };
        // Twice on its trunk's line until it has moved.
        hands.usage.take(&trunk.id);
        let from_sound = trunk.media;
        let begins = Beginning {
            id,
            trunk,
            tag: hands.new_tag(self.key, id),
            call_id,
            remote_uri,
            path,
            sips,
            ports: Ports::Asked,
            role: Role::Transfer,
        };
        let leg = Leg::new(hands, begins);
        let open = MediaWish::Open {
            call: self.key,
            leg: id,
            toward,
            from: from_sound,
        };
        let brought = Brought {
            giver: Some(from),
            joined: call,
            ..Brought::with(offer)
        };
        let ring = self.talking().map(|one| one.ring).unwrap_or_default();
        let to = Place::plain(path.transport, path.peer);
        self.attempts.push(Attempt {
            brought: Some(Box::new(brought)),
            invited: Some(now),
            ..Attempt::new(leg, target, ring, to)
        });
        let Errand {
            leg,
            server,
            request,
        } = errand;
        self.transfer_begins(now, hands, leg, (server, &request));
        Self::media(hands, open);
    }

    /// The call that has the party which is to come here, until it has come.
    pub(super) fn giver_of(&self, index: usize) -> Option<CallKey> {
        self.attempts.get(index)?.brought.as_ref()?.giver
    }

    /// Ports for the party that is to come are there: it is asked.
    pub(super) fn offer_to_party(&self, now: Moment, hands: &mut Hands, index: usize) {
        let attempt = self.attempts.get(index);
        let known = attempt.and_then(|one| {
            let brought = one.brought.as_ref()?;
            Some((brought.giver?, &brought.offer, one.leg.address()?))
        });
        if let Some((giver, offer, address)) = known {
            let word = Word::Offer(Box::new(offer.clone()), address);
            hands.say_to(now, self.key, giver, word);
        }
    }

    /// The party of a transfer under way, where it is one that `giver` has.
    fn party_of(&self, giver: CallKey) -> Option<usize> {
        let State::Up(up) = &self.state else {
            return None;
        };
        let target = up.transfer.as_ref()?.target;
        (self.giver_of(target) == Some(giver)).then_some(target)
    }

    /// It agreed to the offer.
    fn party_answered(&mut self, now: Moment, hands: &mut Hands, from: CallKey, said: Session) {
        if self.party_of(from).is_none() {
            return;
        }
        if let State::Up(up) = &mut self.state
            && let Some(transfer) = &mut up.transfer
        {
            transfer.stage = Stage::Ready(said);
        }
        self.join_if_ready(now, hands);
    }

    /// It cannot come, or has hung up.
    fn party_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        from: CallKey,
        (result, status): (TriedResult, Option<u16>),
    ) {
        let Some(index) = self.party_of(from) else {
            return;
        };
        if let Some(brought) = self.brought_mut(index) {
            brought.giver = None;
        }
        let State::Up(up) = &self.state else { return };
        let stage = up.transfer.as_ref().map(|transfer| &transfer.stage);
        match stage {
            // What comes of that decides: the caller may have agreed already, and that wants an ACK.
            Some(Stage::Asking { client, .. }) => {
                let client = *client;
                if let Some(attempt) = self.attempts.get_mut(index) {
                    attempt.stage = Trying::Over;
                    hands.forget_leg(&attempt.leg);
                    hands.close_ports(&mut attempt.leg);
                }
                hands.cancel(now, client);
            }
            Some(
                Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. },
            )
            | None => self.transfer_failed(now, hands, result, status),
        }
    }

    /// The caller can go on with the party: it is taken now. `false`: the new party is nobody's.
    pub(super) fn take_party(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        said: &Session,
        answer: Option<&Session>,
    ) -> bool {
        let State::Up(up) = &mut self.state else {
            return false;
        };
        let Some(transfer) = &mut up.transfer else {
            return false;
        };
        let attempt = self.attempts.get(transfer.target);
        let Some(giver) = attempt.and_then(|one| one.brought.as_ref()?.giver) else {
            return false;
        };
        transfer.stage = Stage::Taking {
            said: said.clone(),
            answer: answer.cloned(),
        };
        hands.say_to(now, self.key, giver, Word::Take);
        true
    }

    /// Here it is.
    fn party_given(&mut self, now: Moment, hands: &mut Hands, given: Given) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(transfer) = &mut up.transfer else {
            return;
        };
        let stage = std::mem::replace(&mut transfer.stage, Stage::Calling);
        let Stage::Taking { said, answer } = stage else {
            transfer.stage = stage;
            return;
        };
        let Some(attempt) = self.attempts.get_mut(transfer.target) else {
            return;
        };
        if let Some(brought) = &mut attempt.brought {
            brought.giver = None;
        }
        let leg = &mut attempt.leg;
        hands.forget_tag(leg.tag);
        hands.entrust(given.tag, TagOwner::Leg(self.key, leg.id));
        leg.tag = given.tag;
        leg.dialog = Some(given.dialog);
        leg.path = given.path;
        leg.voice = given.voice;
        leg.upkeep = given.upkeep;
        leg.credentials = given.credentials;
        self.hand_over(now, hands, &said, answer.as_ref());
    }

    /// The transfer is over without the party: it stays where it is.
    pub(super) fn leave_party(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let giver = self.brought_mut(index).and_then(|it| it.giver.take());
        if let Some(giver) = giver {
            hands.say_to(now, self.key, giver, Word::Keep);
        }
    }

    fn brought_mut(&mut self, index: usize) -> Option<&mut Brought> {
        self.attempts.get_mut(index)?.brought.as_deref_mut()
    }
}

#[cfg(test)]
mod tests;
