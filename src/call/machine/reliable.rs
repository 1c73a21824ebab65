//! Reliable provisional responses through the call (RFC 3262): a target's go to the caller reliably where the caller knows
//! how, and are acknowledged when the caller has acknowledged them; otherwise each side is served for itself.

use crate::base::chance::Token;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::supported_but;
use crate::call::machine::attempt::{Attempt, Held2xx, Stage};
use crate::call::machine::early::{Agreed, Fork, Place, Said, Shown, Toward};
use crate::call::machine::end::End;
use crate::call::machine::ring::FORKS_MAX;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{meets, session};
use crate::call::story::FinishReason;
use crate::call::timers::Timer;
use crate::call::trunk::Reliable;
use crate::sdp::Session;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Request, Response};
use crate::sip::reliable::TAG;
use crate::sip::reliable::client::{Heard, ReliableClient};
use crate::sip::reliable::rack::RAck;
use crate::sip::reliable::server::{Action, ReliableServer};
use crate::sip::transport::Path;
use crate::sip::write::RequestWriter;

/// A target's provisional response, as its reliability goes.
enum Hearing {
    /// It is none to acknowledge.
    Plain,
    /// The next one of its early dialog.
    Next(Place, RAck),
    /// One that is known already, or came too early.
    Nothing,
}

/// What the SDP of a reliable response is.
enum Meaning {
    /// The answer to the caller's offer.
    Answer(Session),
    /// An offer, where the caller made none.
    Offer(Session),
    /// Nothing that counts.
    Nothing,
}

impl Call {
    /// A provisional response above 100 from a target that is called.
    pub(super) fn rang(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        (path, response): (&Path, &Response),
    ) {
        match self.hear(hands, index, path, response) {
            Hearing::Plain => self.provisional(now, hands, index, response),
            Hearing::Next(place, rack) => self.rang_reliably(now, hands, place, rack, response),
            Hearing::Nothing => {}
        }
    }

    /// Finds a response its early dialog, and its place in the order there.
    fn hear(
        &mut self,
        hands: &mut Hands,
        index: usize,
        path: &Path,
        response: &Response,
    ) -> Hearing {
        let headers = response.headers();
        let to_caller = self.caller.leg.trunk.srtp;
        let Some(attempt) = self.attempts.get_mut(index) else {
            return Hearing::Nothing;
        };
        // Whoever was offered nothing has nothing to be acknowledged.
        let asked = match attempt.reliable {
            Reliable::Off => None,
            Reliable::Supported | Reliable::Required => RAck::asked_by(headers),
        };
        let (Some(rack), Some(remote)) = (asked, headers.to().tag()) else {
            return Hearing::Plain;
        };
        attempt.leg.upkeep.note_allow(headers);
        let at = match attempt.fork_of(remote) {
            Some(at) => at,
            None if attempt.forks.len() >= FORKS_MAX => return Hearing::Nothing,
            None => {
                attempt.forks.push(Fork::new(hands, remote, to_caller));
                attempt.forks.len() - 1
            }
        };
        let voice = attempt.leg.voice.clone();
        let Some(fork) = attempt.forks.get_mut(at) else {
            return Hearing::Nothing;
        };
        let toward = match &mut fork.toward {
            Some(toward) => toward,
            None => {
                // Without a Contact no PRACK finds its way.
                let Ok(dialog) = Dialog::uac(response, path) else {
                    return Hearing::Plain;
                };
                fork.toward.insert(Box::new(Toward {
                    dialog,
                    voice,
                    heard: ReliableClient::default(),
                    offer: None,
                    pracks: Vec::new(),
                }))
            }
        };
        match toward.heard.handle(rack.rseq) {
            Heard::Next => Hearing::Next((index, at), rack),
            Heard::Repeated | Heard::Early => Hearing::Nothing,
        }
    }

    /// The next reliable response of an early dialog.
    fn rang_reliably(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        place: Place,
        rack: RAck,
        response: &Response,
    ) {
        let State::Hunting(hunt) = &self.state else {
            return;
        };
        let passes = (180..=183).contains(&response.status());
        let end_to_end = passes && !hunt.together && self.caller_knows();
        let meaning = self.meaning(place, end_to_end, response);
        if !end_to_end {
            self.acknowledge(now, hands, place, rack, None);
            // What was answered reliably stands, although the 2xx may not say it again.
            if let (Meaning::Answer(_), Some(fork)) = (meaning, self.fork_mut(place))
                && fork.body.is_empty()
            {
                fork.body = response.body().clone();
            }
            return self.provisional(now, hands, place.0, response);
        }
        self.note_ringing(now, hands, place.0);
        let Some(tag) = self.tag_for(hands, place, &meaning, response) else {
            return;
        };
        let address = self.caller.leg.address();
        let mut answer = Answer::status(response.status());
        let offers = matches!(meaning, Meaning::Offer(_));
        let offer = self.caller.offer.as_deref().cloned();
        if let (Meaning::Answer(said) | Meaning::Offer(said), Some(address)) = (&meaning, address)
            && let Some(fork) = self.fork_mut(place)
        {
            fork.body = response.body().clone();
            answer = answer.sdp(match &offer {
                Some(offer) => fork.voice.answer(said, offer, address),
                None => fork.voice.say(said, address),
            });
        }
        match (meaning, offer) {
            (Meaning::Answer(said), Some(offer)) => {
                let agreed = Box::new(Agreed::new(Side::Caller, offer, said));
                self.open_agreed(hands, (place.0, Some(place.1)), &agreed);
                self.agree(place, agreed);
            }
            (Meaning::Offer(said), _) => {
                let toward = self.fork_mut(place).and_then(|fork| fork.toward.as_mut());
                if let Some(toward) = toward {
                    toward.offer = Some(said);
                }
            }
            (Meaning::Answer(_) | Meaning::Nothing, _) => {}
        }
        self.say_reliably(now, hands, tag, answer, (Some(rack), offers));
    }

    /// What the SDP of a reliable response is (RFC 6337 2.1): the first one counts.
    fn meaning(&self, place: Place, end_to_end: bool, response: &Response) -> Meaning {
        let fork = self
            .attempts
            .get(place.0)
            .and_then(|a| a.forks.get(place.1));
        let Some(fork) = fork else {
            return Meaning::Nothing;
        };
        let offered = fork.toward.as_ref().is_some_and(|one| one.offer.is_some());
        if fork.agreed.is_some() || offered {
            return Meaning::Nothing;
        }
        let srtp = self.srtp_on(place.0, Side::Callee);
        let said = session(srtp, response.headers(), response.body());
        match (&self.caller.offer, said) {
            (Some(offer), Some(said)) if meets(offer, &said) => Meaning::Answer(said),
            (None, Some(said)) if end_to_end && said.audio().is_some() => Meaning::Offer(said),
            (_, Some(_) | None) => Meaning::Nothing,
        }
    }

    /// The tag under which the caller is shown an early dialog; another one where it was shown other SDP, unreliably.
    fn tag_for(
        &mut self,
        hands: &mut Hands,
        place: Place,
        meaning: &Meaning,
        response: &Response,
    ) -> Option<Token> {
        let (call, leg) = (self.key, self.caller.leg.id);
        let says = matches!(meaning, Meaning::Answer(_) | Meaning::Offer(_));
        let to_caller = self.caller.leg.trunk.srtp;
        let fork = self.fork_mut(place)?;
        let changed = says && !fork.body.is_empty() && fork.body != *response.body();
        if let Some(old) = fork.tag.take_if(|_| changed) {
            hands.forget_tag(old);
            fork.voice = hands.voice(to_caller);
            fork.shown = None;
        }
        Some(*fork.tag.get_or_insert_with(|| hands.new_tag(call, leg)))
    }

    /// Whether the caller knows reliable provisional responses.
    pub(super) fn caller_knows(&self) -> bool {
        let invite = self.caller.invite.as_ref();
        invite.is_some_and(|(_, invite)| knows(invite))
    }

    /// Whether the caller takes no others.
    pub(super) fn caller_requires(&self) -> bool {
        let invite = self.caller.invite.as_ref();
        invite.is_some_and(|(_, invite)| invite.headers().lists(Name::Require, TAG))
    }

    /// Gives the caller a provisional response reliably, under `tag`. `owed` and whether it `offers`: see [`Said`].
    pub(super) fn say_reliably(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        tag: Token,
        answer: Answer,
        (owed, offers): (Option<RAck>, bool),
    ) {
        // A target that was shown under its own tag may be gone; what the caller hears now is of nobody in particular.
        let place = self.shown_under(tag);
        let tag = match place {
            Some(_) => tag,
            None => self.caller.leg.tag,
        };
        self.note_said(now, answer.status, tag);
        let Some((server, request)) = &self.caller.invite else {
            return;
        };
        let (server, path) = (*server, &self.caller.leg.path);
        let contact = hands.contact_of(&self.caller.leg);
        let fork =
            place.and_then(|(index, fork)| self.attempts.get_mut(index)?.forks.get_mut(fork));
        let slot = match fork {
            Some(fork) => &mut fork.shown,
            None => &mut self.caller.early,
        };
        let shown = match slot {
            Some(shown) => shown,
            None => {
                // Whether a dialog comes of its INVITE was looked at before the call began.
                let Ok(dialog) = Dialog::uas(request, tag, path) else {
                    return;
                };
                let cseq = request.headers().cseq().number;
                let sender = ReliableServer::new(cseq, hands.chance.next_u64());
                slot.insert(Box::new(Shown { dialog, sender }))
            }
        };
        let (status, sdp) = (answer.status, answer.has_sdp());
        let answer = answer
            .contact(contact)
            .allow()
            .header(Name::Require, TAG)
            .header(Name::RSeq, shown.sender.rseq().to_string());
        let said = Said {
            status,
            bytes: answer.write(request, tag, &hands.user_agent),
            owed,
            offers,
        };
        if let Some(said) = shown.sender.send(now, sdp, said) {
            hands.sip.respond(now, server, said.status, said.bytes);
        }
        self.arm_reliable();
    }

    /// Every early dialog with the caller.
    fn all_shown(&mut self) -> impl Iterator<Item = &mut Shown> {
        let forks = self.attempts.iter_mut().flat_map(|one| &mut one.forks);
        let forks = forks.filter_map(|fork| fork.shown.as_deref_mut());
        self.caller.early.as_deref_mut().into_iter().chain(forks)
    }

    /// Sets the timer of what waits for a PRACK.
    pub(super) fn arm_reliable(&mut self) {
        let next = self
            .all_shown()
            .filter_map(|shown| shown.sender.poll_timeout())
            .min();
        match next {
            Some((at, _)) => self.timers.set(Timer::Reliable, at),
            None => self.timers.stop(Timer::Reliable),
        }
    }

    /// A reliable response has no PRACK: once more, or the INVITE is refused.
    pub(super) fn reliable_due(&mut self, now: Moment, hands: &mut Hands) {
        let due: Vec<_> = self
            .all_shown()
            .filter_map(|shown| shown.sender.handle_timeout(now))
            .collect();
        for action in due {
            match action {
                Action::Send(said) => {
                    if let Some((server, _)) = &self.caller.invite {
                        hands.sip.respond(now, *server, said.status, said.bytes);
                    }
                }
                Action::Refuse => {
                    let reason = FinishReason::SignallingLost;
                    return self.end(now, hands, End::refused(reason, 504));
                }
            }
        }
        self.arm_reliable();
    }

    /// Whether a target's 2xx must wait, because the caller has not acknowledged SDP that it was shown (RFC 3262 3). It is
    /// kept then, and not acknowledged: the target repeats it.
    pub(super) fn holds_back(
        &mut self,
        index: usize,
        client: ClientKey,
        (path, response): (&Path, &Response),
    ) -> bool {
        let remote = response.headers().to().tag().unwrap_or_default();
        let Some(attempt) = self.attempts.get_mut(index) else {
            return false;
        };
        let at = attempt.fork_of(remote);
        let shown = at
            .and_then(|at| attempt.forks.get(at))
            .and_then(|fork| fork.shown.as_ref());
        if !shown.is_some_and(|shown| shown.sender.holds_2xx()) {
            return false;
        }
        attempt.held = Some(Box::new(Held2xx {
            client,
            path: *path,
            response: response.clone(),
        }));
        // It has answered: it does not ring any more.
        let leg = attempt.leg.id;
        self.timers.stop(Timer::Ring(leg));
        true
    }

    /// The caller acknowledged something: the 2xx that waited for it may go on.
    pub(super) fn release_2xx(&mut self, now: Moment, hands: &mut Hands) {
        let held = |one: &Attempt| one.held.is_some() && matches!(one.stage, Stage::Calling(_));
        let Some(index) = self.attempts.iter().position(held) else {
            return;
        };
        let Some(held) = self.attempts.get_mut(index).and_then(|one| one.held.take()) else {
            return;
        };
        let Held2xx {
            client,
            path,
            response,
        } = *held;
        if !self.holds_back(index, client, (&path, &response)) {
            self.answered(now, hands, index, client, &response);
        }
    }

    /// 420 or 421 to a target's INVITE: once more without what it does not know, or with what it needs (RFC 3261 21.4.15,
    /// 21.4.16).
    pub(super) fn extension(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        let headers = response.headers();
        let may = self.may_be_reliable();
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let other = match (response.status(), attempt.reliable) {
            (420, Reliable::Required) if headers.lists(Name::Unsupported, TAG) => Reliable::Off,
            (421, Reliable::Off | Reliable::Supported)
                if may && headers.lists(Name::Require, TAG) =>
            {
                Reliable::Required
            }
            (_, Reliable::Off | Reliable::Supported | Reliable::Required) => {
                return self.refused(now, hands, index, response);
            }
        };
        if std::mem::replace(&mut attempt.changed_reliable, true) {
            return self.refused(now, hands, index, response);
        }
        attempt.reliable = other;
        for fork in std::mem::take(&mut attempt.forks) {
            fork.forget(now, hands);
        }
        let credentials = attempt.leg.credentials.clone();
        self.invite(now, hands, index, &credentials);
    }

    /// Whether a target may answer an INVITE of ours with an offer in a reliable response: only where the caller would see
    /// it and answer.
    fn may_be_reliable(&self) -> bool {
        let together = matches!(&self.state, State::Hunting(hunt) if hunt.together);
        self.caller.offer.is_some() || (self.caller_knows() && !together)
    }

    /// What the next target is asked for.
    pub(super) fn reliable_toward(&self, trunk: Reliable) -> Reliable {
        if self.may_be_reliable() {
            trunk
        } else {
            Reliable::Off
        }
    }
}

/// Says in a target's INVITE what is supported, and what is required of it.
pub(super) fn write_supported(toward: Reliable, invite: RequestWriter) -> RequestWriter {
    let (left_out, required) = match toward {
        Reliable::Off => (Some(TAG), false),
        Reliable::Supported => (None, false),
        Reliable::Required => (None, true),
    };
    let invite = match supported_but(left_out) {
        Some(supported) => invite.header(Name::Supported, supported),
        None => invite,
    };
    match required {
        true => invite.header(Name::Require, TAG),
        false => invite,
    }
}

/// Whether the sender of an INVITE knows reliable provisional responses.
fn knows(invite: &Request) -> bool {
    let headers = invite.headers();
    headers.lists(Name::Supported, TAG) || headers.lists(Name::Require, TAG)
}

#[cfg(test)]
mod tests;
