//! The party that is lent is offered what the other caller can talk with, by re-INVITE (RFC 3261 14): it agrees, refuses,
//! crosses us or says nothing.

use std::time::Duration;

use crate::base::time::Moment;
use crate::call::between::Word;
use crate::call::hands::{Hands, Owner};
use crate::call::headers::{ALLOW, SDP, supported_within};
use crate::call::machine::end::End;
use crate::call::machine::lend::{Offer, Stage};
use crate::call::machine::{Call, Errand};
use crate::call::offer_answer::{meets, reaches, session};
use crate::call::outcome;
use crate::call::speak::repeat;
use crate::call::story::{FinishReason, TriedResult};
use crate::call::timers::{MODIFY, Timer};
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};
use crate::sip::transport::Path;

/// How often the party is asked again after its offer crossed ours.
const TRIES_MAX: u8 = 4;
/// RFC 3261 14.1: who did not make the Call-ID waits up to two seconds.
const CROSSED: Duration = Duration::from_millis(1_500);

impl Call {
    /// The re-INVITE to the party.
    pub(super) fn ask_lent(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        offer: Offer,
        credentials: &[(Name, String)],
    ) {
        let key = self.key;
        let sent = self.lent_leg().and_then(|leg| {
            let owner = Owner::Call(key, leg.id, Errand::Lend);
            let contact = hands.contact_of(leg);
            let timer = leg.upkeep.timer.clone();
            // Its sound will go on in the taker's place.
            leg.voice.renew();
            let body = leg.voice.say(&offer.session, offer.address);
            leg.credentials = credentials.to_vec();
            hands.within(now, leg, &Method::Invite, owner, |invite| {
                let invite = invite
                    .header(Name::Contact, contact)
                    .header(Name::Allow, ALLOW)
                    .header(Name::Supported, supported_within());
                repeat(timer.ask(invite), credentials).body(SDP, &body)
            })
        });
        let Some(client) = sent else {
            return self.cannot_lend(now, hands, TriedResult::Unreachable, None);
        };
        if let Some(lending) = self.lending() {
            lending.stage = Stage::Asked { client, offer };
        }
        self.timers.set(Timer::Lend, now + MODIFY);
    }

    /// It has pondered for too long, or may be asked again.
    pub(in crate::call::machine) fn lend_expired(&mut self, now: Moment, hands: &mut Hands) {
        match self.lending().map(|lending| &lending.stage) {
            Some(Stage::Asked { client, .. }) => hands.cancel(now, *client),
            Some(Stage::Waiting(_)) => self.lend_if_ready(now, hands),
            Some(Stage::Granted | Stage::Agreed | Stage::Kept(_)) | None => {}
        }
    }

    /// What the party says.
    pub(in crate::call::machine) fn lend_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        (path, response): (&Path, &Response),
    ) {
        if response.status() < 200 {
            return;
        }
        let Some(offer) = self.take_offered(client) else {
            return;
        };
        self.timers.stop(Timer::Lend);
        if let Some(leg) = self.lent_leg() {
            leg.path = *path;
        }
        match response.status() {
            200..=299 => self.lent_agreed(now, hands, client, offer, response),
            // It has no such call (12.2.1.2).
            408 | 481 => self.end(now, hands, End::cut(FinishReason::SignallingLost)),
            status => match offer {
                Some(offer) => self.lent_refused(now, hands, offer, response),
                None => self.lending_over(now, hands, outcome::of_status(status)),
            },
        }
    }

    /// The party said nothing for 64 * T1: it is gone (12.2.1.2).
    pub(in crate::call::machine) fn lend_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
    ) {
        if self.take_offered(client).is_some() {
            self.end(now, hands, End::cut(FinishReason::SignallingLost));
        }
    }

    /// Takes what this re-INVITE offered; within, `None`: nobody wants it any more.
    fn take_offered(&mut self, client: ClientKey) -> Option<Option<Offer>> {
        let lending = self.lending()?;
        match std::mem::replace(&mut lending.stage, Stage::Granted) {
            Stage::Asked {
                client: asked,
                offer,
            } if asked == client => Some(Some(offer)),
            Stage::Kept(kept) if kept == client => Some(None),
            other @ (Stage::Granted
            | Stage::Waiting(_)
            | Stage::Asked { .. }
            | Stage::Agreed
            | Stage::Kept(_)) => {
                lending.stage = other;
                None
            }
        }
    }

    fn lent_agreed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        offer: Option<Offer>,
        response: &Response,
    ) {
        let Some(leg) = self.lent_leg() else { return };
        if let Some(dialog) = &mut leg.dialog {
            dialog.refresh(response.headers());
        }
        leg.upkeep.agreed(now, response.headers());
        hands.ack(now, client, leg, None);
        let side = leg.id;
        let Some(offer) = offer else {
            self.put_back(now, hands, side);
            return self.lending_over(now, hands, TriedResult::Cancelled);
        };
        let said = session(leg.trunk.srtp, response.headers(), response.body())
            .filter(|said| meets(&offer.session, said) && reaches(Some(offer.address), said));
        match said {
            Some(said) => {
                let key = self.key;
                let Some(lending) = self.lending() else {
                    return;
                };
                lending.stage = Stage::Agreed;
                hands.say_to(now, key, lending.taker, Word::Answered(Box::new(said)));
            }
            None => {
                self.put_back(now, hands, side);
                self.cannot_lend(now, hands, TriedResult::CodecMismatch, None);
            }
        }
    }

    fn lent_refused(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        mut offer: Offer,
        response: &Response,
    ) {
        let status = response.status();
        let Some(leg) = self.lent_leg() else { return };
        let credentials = match status {
            401 | 407 => hands.prove(leg, &mut offer.proven, &Method::Invite, response),
            422 if leg.upkeep.timer.raise(response.headers()) => Some(leg.credentials.clone()),
            _other => None,
        };
        if let Some(credentials) = credentials {
            return self.ask_lent(now, hands, offer, &credentials);
        }
        if status == 491 && offer.tries < TRIES_MAX {
            offer.tries += 1;
            if let Some(lending) = self.lending() {
                lending.stage = Stage::Waiting(offer);
            }
            return self.timers.set(Timer::Lend, now + CROSSED);
        }
        self.cannot_lend(now, hands, outcome::of_status(status), Some(status));
    }

    /// The taker hears that the party cannot come.
    fn cannot_lend(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) {
        let key = self.key;
        let Some(taker) = self.lending().map(|lending| lending.taker) else {
            return;
        };
        hands.say_to(now, key, taker, Word::Failed(result, status));
        self.lending_over(now, hands, result);
    }
}
