//! Session refreshes (RFC 4028), each leg by itself: ours when they are due, the peer's as they come, and the end of a session
//! that was not refreshed in time.
//!
//! A refresh of ours is an UPDATE without a body where the peer takes one (7.4), else a re-INVITE that says again what we said
//! last on that leg, so that nothing changes and the other side hears nothing of it.

use std::time::Duration;

use bytes::Bytes;

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::{ALLOW, SDP, Why, supported_within};
use crate::call::leg::Heard;
use crate::call::machine::end::End;
use crate::call::machine::{Call, Errand, State};
use crate::call::offer_answer::{aim, heard, meets, session};
use crate::call::speak::repeat;
use crate::call::story::FinishReason;
use crate::call::timers::{MODIFY, Timer};
use crate::call::upkeep::Refresh;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::session_timer;
use crate::sip::session_timer::{SessionTimer, Terms};
use crate::sip::transport::Path;

/// A re-INVITE of ours waits so long for another exchange to end: as long as a user agent ponders a hold.
const BUSY: Duration = Duration::from_secs(2);
/// The longest Retry-After that is followed: past it the session would be over.
const RETRY_AFTER_S_MAX: u32 = 600;

impl Call {
    /// A leg's session timer may be due.
    pub(super) fn session_due(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        // Whose dialog was left, as that of a side that was transferred away, ends nothing.
        let talks = [Side::Caller, Side::Callee]
            .into_iter()
            .any(|side| self.leg_on(side).is_some_and(|of| of.id == leg));
        let Some(of) = self.leg_mut(leg).filter(|of| talks && of.dialog.is_some()) else {
            return;
        };
        let due = of.upkeep.timer.handle_timeout(now);
        match due {
            Some(session_timer::Timer::Refresh) => {
                self.refresh(now, hands, leg, Answered::default(), &[]);
            }
            Some(session_timer::Timer::Expired) => {
                return self.end(now, hands, End::expired());
            }
            None => {}
        }
        self.watch_session(leg);
    }

    /// Sets the alarms of both sides' sessions: an INVITE went through between them.
    pub(super) fn watch_sessions(&mut self) {
        for side in [Side::Caller, Side::Callee] {
            if let Some(leg) = self.leg_on(side).map(|leg| leg.id) {
                self.watch_session(leg);
            }
        }
    }

    fn watch_session(&mut self, leg: LegId) {
        let of = self.leg_mut(leg);
        match of.and_then(|of| of.upkeep.timer.poll_timeout()) {
            Some((at, _)) if self.is_up() => self.timers.set(Timer::Session(leg), at),
            Some(_) | None => self.timers.stop(Timer::Session(leg)),
        }
    }

    /// Whether a re-INVITE of ours is on its way to either side.
    pub(super) fn refreshes_by_invite(&mut self) -> bool {
        [Side::Caller, Side::Callee]
            .into_iter()
            .any(|side| self.leg_on(side).is_some_and(|leg| leg.upkeep.reinvites()))
    }

    fn refresh(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        proven: Answered,
        credentials: &[(Name, String)],
    ) {
        let State::Up(up) = &self.state else { return };
        let open = self.caller.unacked.is_some() || up.late.is_some();
        let busy = open || up.modify.is_some() || up.is_moving();
        let Some(of) = self.leg_mut(leg) else { return };
        // One at a time (RFC 3261 14.1): the peer began the session anew before it answered the last one.
        if of.upkeep.under_way.is_some() {
            return of.upkeep.timer.postpone(now, BUSY);
        }
        let (by, body) = match of.upkeep.updates {
            true => (Method::Update, None),
            // What is under way refreshes this session too, when it comes through.
            false if busy => return of.upkeep.timer.postpone(now, BUSY),
            false => {
                of.credentials = credentials.to_vec();
                (Method::Invite, of.voice.again())
            }
        };
        self.say_refresh(now, hands, leg, (by, body), proven, credentials);
    }

    /// A party agreed to a re-offer of ours that nothing came of: it hears what was in force before, as its transaction put
    /// the other in force (RFC 3261 14.1).
    pub(super) fn put_back(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        if !self.is_up() {
            return;
        }
        let Some(of) = self.leg_mut(leg) else { return };
        let how = (Method::Invite, of.voice.again());
        let credentials = of.credentials.clone();
        self.say_refresh(now, hands, leg, how, Answered::default(), &credentials);
    }

    fn say_refresh(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        (by, body): (Method, Option<Bytes>),
        proven: Answered,
        credentials: &[(Name, String)],
    ) {
        let key = self.key;
        let Some(of) = self.leg_mut(leg) else { return };
        let owner = Owner::Call(key, leg, Errand::Refresh);
        let contact = hands.contact_of(of);
        let timer = of.upkeep.timer.clone();
        let client = hands.within(now, of, &by, owner, |request| {
            let request = request
                .header(Name::Contact, contact)
                .header(Name::Allow, ALLOW)
                .header(Name::Supported, supported_within());
            let request = repeat(timer.ask(request), credentials);
            match &body {
                Some(body) => request.body(SDP, body),
                None => request,
            }
        });
        let is_invite = by == Method::Invite;
        of.upkeep.under_way = client.map(|client| Box::new(Refresh { client, by, proven }));
        if is_invite && client.is_some() {
            self.timers.set(Timer::Refresh(leg), now + MODIFY);
        }
    }

    /// The peer has pondered our re-INVITE for too long, and nobody else's goes through meanwhile: it is taken back.
    pub(super) fn refresh_expired(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        let of = self.leg_mut(leg);
        if let Some(refresh) = of.and_then(|of| of.upkeep.under_way.as_ref()) {
            hands.cancel(now, refresh.client);
        }
    }

    /// What a peer says to a refresh of ours.
    pub(super) fn refresh_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        client: ClientKey,
        (path, response): (&Path, &Response),
    ) {
        let status = response.status();
        if status < 200 {
            return;
        }
        let Some(refresh) = self.take_refresh(leg, client) else {
            return;
        };
        if let Some(of) = self.leg_mut(leg) {
            of.path = *path;
        }
        match status {
            200..=299 => self.refreshed(now, hands, leg, &refresh, response),
            408 | 481 => return self.end(now, hands, End::cut(FinishReason::SignallingLost)),
            _failed => self.refresh_failed_with(now, hands, leg, refresh, response),
        }
        self.watch_session(leg);
    }

    /// A refresh of ours got no answer at all: the peer is gone (RFC 4028 10).
    pub(super) fn refresh_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        client: ClientKey,
    ) {
        if self.take_refresh(leg, client).is_some() {
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        }
    }

    fn take_refresh(&mut self, leg: LegId, client: ClientKey) -> Option<Refresh> {
        let of = self.leg_mut(leg)?;
        let mine = |refresh: &mut Box<Refresh>| refresh.client == client;
        let refresh = of.upkeep.under_way.take_if(mine)?;
        self.timers.stop(Timer::Refresh(leg));
        Some(*refresh)
    }

    fn refreshed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        refresh: &Refresh,
        response: &Response,
    ) {
        let Some(of) = self.leg_mut(leg) else { return };
        of.upkeep.agreed(now, response.headers());
        if let Some(dialog) = &mut of.dialog {
            dialog.refresh(response.headers());
        }
        if refresh.by == Method::Invite {
            hands.ack(now, refresh.client, of, None);
            self.heed_answer(hands, leg, response);
        }
    }

    /// A refresh failed and the dialog stands: at once again where we can do it better, else later.
    fn refresh_failed_with(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        mut refresh: Refresh,
        response: &Response,
    ) {
        let ours = leg != self.caller.leg.id;
        let Some(of) = self.leg_mut(leg) else { return };
        let mut credentials = None;
        match response.status() {
            401 | 407 => {
                let proven = &mut refresh.proven;
                credentials = hands.prove(of, proven, &refresh.by, response);
            }
            422 if of.upkeep.timer.raise(response.headers()) => credentials = Some(Vec::new()),
            // It takes no UPDATE, whatever its Allow says.
            405 | 420 | 501 if refresh.by == Method::Update => {
                of.upkeep.updates = false;
                credentials = Some(Vec::new());
            }
            _later => {}
        }
        if let Some(credentials) = credentials {
            return self.refresh(now, hands, leg, refresh.proven, &credentials);
        }
        let delay = match (response.status(), response.headers().retry_after()) {
            // Whoever made the Call-ID waits longer, so that they do not meet again (RFC 3261 14.1).
            (491, _) if ours => Duration::from_millis(2_100 + 10 * hands.chance.below(191)),
            (491, _) => Duration::from_millis(10 * hands.chance.below(201)),
            (_, Some(seconds)) if (1..=RETRY_AFTER_S_MAX).contains(&seconds) => {
                Duration::from_secs(u64::from(seconds))
            }
            (_, _) => of.upkeep.timer.patience(),
        };
        of.upkeep.timer.postpone(now, delay);
    }

    /// The answer to a re-INVITE that changed nothing on our side. Where the peer wants its sound elsewhere or holds the call
    /// now, this leg's sound follows.
    fn heed_answer(&mut self, hands: &mut Hands, leg: LegId, response: &Response) {
        let Some(of) = self.leg_mut(leg) else { return };
        let offer = of.voice.last().and_then(|said| of.told(said));
        let answer = session(of.trunk.srtp, response.headers(), response.body());
        let Some((offer, answer)) = offer.zip(answer) else {
            return;
        };
        let said = heard(&answer, &answer);
        let same = |before: &Heard| (before.rtp, before.listens) == (said.rtp, said.listens);
        if !meets(&offer, &answer) || of.heard.as_ref().is_some_and(same) {
            return;
        }
        let moved = of.heard.as_ref().map(|before| before.rtp) != Some(said.rtp);
        let moved = moved && said.rtp.is_some();
        of.heard = Some(said);
        let aim = Box::new(aim(&answer, Some(&offer), &of.voice));
        Self::media(hands, MediaWish::Aim { leg, aim });
        let held = [Side::Caller, Side::Callee]
            .into_iter()
            .any(|side| self.leg_on(side).is_some_and(|leg| leg.holds()));
        let caller = self.caller.leg.id;
        let State::Up(up) = &mut self.state else {
            return;
        };
        let changed = std::mem::replace(&mut up.held, held) != held;
        if changed {
            let on = !held;
            Self::media(hands, MediaWish::Watch { caller, on });
        }
        if moved || (changed && !held) {
            Self::media(hands, MediaWish::Anew { leg });
        }
    }

    /// A refresh of the peer's, which offers nothing: an UPDATE without a body (RFC 3311 5.2).
    pub(super) fn refreshed_by_peer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: &Request,
    ) {
        if let Some(answer) = Answer::to_short_session(hands, request) {
            return hands.reply(now, server, request, answer);
        }
        let up = self.is_up();
        let Some(of) = self.leg_mut(leg) else { return };
        if let Some(dialog) = &mut of.dialog {
            dialog.refresh(request.headers());
        }
        // A session begins with the 2xx to its INVITE (RFC 4028 4).
        let terms = match up {
            true => of.upkeep.accept(now, request.headers()),
            false => None,
        };
        let answer = Answer::status(200)
            .contact(hands.contact_of(of))
            .allow()
            .session(terms);
        hands.reply(now, server, request, answer);
        self.watch_session(leg);
    }
}

impl End {
    /// A session was not refreshed in time; the BYEs say so, for whoever reads the other sides' logs.
    const fn expired() -> Self {
        Self {
            why: Why::TIMED_OUT,
            ..Self::cut(FinishReason::SessionExpired)
        }
    }
}

impl Answer {
    /// 422 to a request for a shorter session than we agree to (RFC 4028 section 9).
    pub(in crate::call) fn to_short_session(hands: &Hands, request: &Request) -> Option<Self> {
        let min_se_s = SessionTimer::too_small(hands.session, request.headers())?;
        Some(Self::status(422).header(Name::MinSe, min_se_s.to_string()))
    }

    /// Adds what a 2xx says of the session.
    #[must_use]
    pub(in crate::call) fn session(self, terms: Option<Terms>) -> Self {
        let Some(terms) = terms else { return self };
        let answer = match terms.required {
            true => self.header(Name::Require, session_timer::OPTION),
            false => self,
        };
        answer.header(Name::SessionExpires, terms.expires)
    }
}

#[cfg(test)]
mod tests;
