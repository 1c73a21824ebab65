//! A re-INVITE from either side goes end to end: hold, resume, a new address, an offer asked for (RFC 3261 14, RFC 3264 8).
//!
//! Nothing of the old session changes until the new one is agreed, so one that fails leaves the call as it was.

use bytes::Bytes;

use crate::base::id::{LegId, Side};
use crate::base::sound::Srtp;
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::{ALLOW, SDP, Why, supported_within};
use crate::call::leg::Leg;
use crate::call::machine::{Call, Errand, State};
use crate::call::offer_answer::{Body, reaches, read};
use crate::call::speak::repeat;
use crate::call::timers::{MODIFY, Timer};
use crate::call::unfit::Unfit;
use crate::sdp::Session;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::reliable::rack::RAck;
use crate::sip::write::RequestWriter;

/// A re-INVITE on its way.
#[derive(Debug)]
pub(in crate::call) struct Modify {
    /// Who sent it.
    pub(super) from: Side,
    pub(super) server: ServerKey,
    pub(super) stage: Stage,
    pub(super) proven: Answered,
    pub(super) way: Way,
}

/// How an offer goes on to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Way {
    /// As a re-INVITE.
    Reinvite,
    /// In an UPDATE (RFC 3311).
    Update,
    /// In the PRACK of this response (RFC 3262 5).
    Prack(RAck),
}

impl Way {
    /// Its method.
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Reinvite => Method::Invite,
            Self::Update => Method::Update,
            Self::Prack(_) => Method::Prack,
        }
    }

    /// Whether it moves the target of its dialog.
    pub(super) const fn refreshes(self) -> bool {
        match self {
            Self::Reinvite | Self::Update => true,
            Self::Prack(_) => false,
        }
    }

    /// Adds what the request says beside its dialog.
    pub(super) fn write(
        self,
        request: RequestWriter,
        contact: String,
        sdp: Option<&Bytes>,
        credentials: &[(Name, String)],
    ) -> RequestWriter {
        let request = match self {
            Self::Reinvite | Self::Update => request
                .header(Name::Contact, contact)
                .header(Name::Allow, ALLOW)
                .header(Name::Supported, supported_within()),
            Self::Prack(rack) => request.header(Name::RAck, rack),
        };
        let request = repeat(request, credentials);
        match sdp {
            Some(sdp) => request.body(SDP, sdp),
            None => request,
        }
    }
}

/// What the other side refused, as its asker hears it. A redirection would lead around us.
pub(super) fn passed_back(response: &Response) -> Answer {
    let status = match response.status() {
        ..400 => 488,
        status => status,
    };
    let answer = Answer::status(status).why(Why::of(response.headers()));
    // A peer that says when to come again means it for the asker (RFC 3311 5.2).
    match response.headers().retry_after() {
        Some(seconds) => answer.retry_after(seconds),
        None => answer,
    }
}

/// How far a re-INVITE got.
#[derive(Debug)]
pub(in crate::call) enum Stage {
    /// The other side has it.
    Passed {
        client: ClientKey,
        request: Request,
        /// `None`: the other side makes the offer.
        offer: Option<Session>,
    },
    /// Both agreed; its sender's ACK is missing.
    Agreed,
    /// The other side made this offer; the ACK of the sender answers it, and ours passes the answer on.
    Offered { client: ClientKey, offer: Session },
}

/// Seconds after which a second re-INVITE may come again (RFC 3261 14.2 asks for 0 to 10).
pub(super) const RETRY_S: u32 = 3;

impl Call {
    /// A re-INVITE that belongs to its dialog.
    pub(super) fn reinvite(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: Request,
    ) {
        let side = self.side(leg);
        if let Some(answer) = Answer::to_short_session(hands, &request) {
            return hands.reply(now, server, &request, answer);
        }
        if let Err(answer) = self.may_modify(side) {
            return hands.reply(now, server, &request, answer);
        }
        let srtp = self.leg_mut(leg).map_or(Srtp::Off, |leg| leg.trunk.srtp);
        let offer = match read(srtp, request.headers(), request.body()) {
            Body::Empty => None,
            Body::Sdp(offer) => match self.unfit(leg, &offer) {
                Some(why) => return hands.reply(now, server, &request, Answer::unfit(why)),
                None => Some(offer),
            },
            Body::OtherType => return hands.reply(now, server, &request, Answer::not_sdp()),
            Body::Malformed => return hands.reply(now, server, &request, Answer::status(400)),
        };
        let mut modify = Modify {
            from: side,
            server,
            stage: Stage::Agreed,
            proven: Answered::default(),
            way: Way::Reinvite,
        };
        let sent = self.pass_on(now, hands, (side, modify.way), offer.as_ref(), &[]);
        let Some(client) = sent else {
            return hands.reply(now, server, &request, Answer::status(481));
        };
        hands.expect_invite(server, self.key);
        modify.stage = Stage::Passed {
            client,
            request,
            offer,
        };
        if let State::Up(up) = &mut self.state {
            up.modify = Some(modify);
        }
        self.timers.set(Timer::Modify, now + MODIFY);
    }

    /// What makes an offer of a leg's peer one that cannot be passed on.
    pub(super) fn unfit(&mut self, leg: LegId, offer: &Session) -> Option<Unfit> {
        let ours = self.leg_mut(leg).and_then(|leg| leg.address());
        let apart = || (!reaches(ours, offer)).then_some(Unfit::Address);
        Unfit::of(offer).or_else(apart)
    }

    /// Whether `side` may change the session now (RFC 3261 14.1, 14.2).
    pub(super) fn may_modify(&mut self, side: Side) -> Result<(), Answer> {
        let refreshes = self.refreshes_by_invite();
        let State::Up(up) = &self.state else {
            return Err(Answer::status(481));
        };
        // The caller's own INVITE is still under way, or that of who took another's place, or a refresh of ours.
        let callee = self.attempts.get(up.answered);
        let unacked = callee.and_then(|one| one.unacked).or(self.caller.unacked);
        if unacked.is_some() || up.late.is_some() || refreshes {
            return Err(Answer::status(491));
        }
        // Whom the caller talks to is about to change.
        if up.is_moving() {
            return Err(Answer::status(491));
        }
        match &up.modify {
            None => Ok(()),
            // It has our 2xx, or it would not go on; the ACK was lost and comes again with ours.
            Some(Modify {
                from,
                stage: Stage::Agreed,
                ..
            }) if *from == side => Ok(()),
            Some(modify) if modify.from == side => Err(Answer::status(500).retry_after(RETRY_S)),
            // Glare: ours is under way toward this very side.
            Some(_) => Err(Answer::status(491)),
        }
    }

    /// Sends the offer, or the re-INVITE that asks for one, to the side across from `from`.
    pub(super) fn pass_on(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (from, way): (Side, Way),
        offer: Option<&Session>,
        credentials: &[(Name, String)],
    ) -> Option<ClientKey> {
        let key = self.key;
        let other = self.leg_on(from.other())?;
        let credentials = hands.kept_toward(other, credentials);
        let body = match offer {
            Some(offer) => Some(other.say(offer)?),
            None => None,
        };
        let owner = Owner::Call(key, other.id, Errand::Modify);
        let contact = hands.contact_of(other);
        let timer = other.upkeep.timer.clone();
        if way == Way::Reinvite {
            other.credentials = credentials.to_vec();
        }
        hands.within(now, other, &way.method(), owner, |request| {
            let request = match way {
                Way::Reinvite | Way::Update => timer.ask(request),
                Way::Prack(_) => request,
            };
            way.write(request, contact, body.as_ref(), credentials)
        })
    }

    /// The sender takes its re-INVITE back: so do we, and pass on whichever final response comes of it.
    pub(super) fn modify_cancelled(&self, now: Moment, hands: &mut Hands, server: ServerKey) {
        let State::Up(up) = &self.state else { return };
        if let Some(Modify {
            server: under_way,
            stage: Stage::Passed { client, .. },
            ..
        }) = &up.modify
            && *under_way == server
        {
            hands.cancel(now, *client);
        }
    }

    /// The other side has pondered for too long.
    pub(super) fn modify_expired(&self, now: Moment, hands: &mut Hands) {
        if let State::Up(up) = &self.state
            && let Some(modify) = &up.modify
        {
            let server = modify.server;
            self.modify_cancelled(now, hands, server);
        }
    }

    /// Takes the re-INVITE that `client` passed on, if it is still the one under way.
    pub(super) fn take_passed(
        &mut self,
        client: ClientKey,
    ) -> Option<(Modify, Request, Option<Session>)> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let mine = |modify: &mut Modify| matches!(&modify.stage, Stage::Passed { client: under_way, .. } if *under_way == client);
        let mut modify = up.modify.take_if(mine)?;
        match std::mem::replace(&mut modify.stage, Stage::Agreed) {
            Stage::Passed { request, offer, .. } => Some((modify, request, offer)),
            Stage::Agreed | Stage::Offered { .. } => None,
        }
    }

    /// The leg of a side of an answered call.
    pub(super) fn leg_on(&mut self, side: Side) -> Option<&mut Leg> {
        let State::Up(up) = &self.state else {
            return None;
        };
        match side {
            Side::Caller => Some(&mut self.caller.leg),
            Side::Callee => self
                .attempts
                .get_mut(up.answered)
                .map(|attempt| &mut attempt.leg),
        }
    }
}

impl Modify {
    /// The call ends under it: its sender gets 487, and what the other side answered gets its ACK. Returns the sender's 2xx
    /// whose ACK is still missing.
    pub(super) fn abandon(
        self,
        now: Moment,
        hands: &mut Hands,
        other: &mut Leg,
    ) -> Option<ServerKey> {
        match self.stage {
            Stage::Passed {
                client, request, ..
            } => {
                // A peer that said 180 and vanished would leave the INVITE waiting for ever.
                hands.give_up(now, client, Why::NONE);
                hands.reply(now, self.server, &request, over(&request));
                hands.invite_is_answered(self.server);
                None
            }
            Stage::Agreed => Some(self.server),
            Stage::Offered { client, .. } => {
                hands.ack(now, client, other, None);
                Some(self.server)
            }
        }
    }
}

/// What the sender of a request hears whose session goes on without it.
pub(super) fn over(request: &Request) -> Answer {
    let is_invite = *request.method() == Method::Invite;
    Answer::status(if is_invite { 487 } else { 481 })
}

impl Leg {
    /// Writes the other side's offer for this leg's peer.
    pub(super) fn say(&mut self, session: &Session) -> Option<Bytes> {
        let address = self.address()?;
        Some(self.voice.say(session, address))
    }

    /// Writes the other side's answer to the `offer` of this leg's peer.
    pub(super) fn answer(&mut self, session: &Session, offer: &Session) -> Option<Bytes> {
        let address = self.address()?;
        Some(self.voice.answer(session, offer, address))
    }
}

#[cfg(test)]
mod tests;
