//! A new offer before the answer, in PRACK or UPDATE, goes end to end within its early dialog (RFC 3311 5, RFC 6337 2).
//!
//! Only where both sides agreed reliably on a session can it be changed; who asks too early is told to come again.

use bytes::Bytes;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::machine::early::{Agreed, Place};
use crate::call::machine::modify::{Modify, RETRY_S, Stage, Way, passed_back};
use crate::call::machine::{Call, Errand};
use crate::call::offer_answer::{fits, session};
use crate::call::unfit::Unfit;
use crate::sdp::Session;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::reliable::rack::RAck;

impl Call {
    /// An offer of `from` in an early dialog. `owed`: it came in the PRACK of a response that waits for ours.
    pub(super) fn early_offer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (place, from): (Place, Side),
        (server, request): (ServerKey, Request),
        offer: Session,
        owed: Option<RAck>,
    ) {
        let way = match owed {
            Some(rack) => Way::Prack(rack),
            None => Way::Update,
        };
        let mut modify = Box::new(Modify {
            from,
            server,
            stage: Stage::Agreed,
            proven: Answered::default(),
            way,
        });
        let sent = self.may_offer_early(place, from, way).and_then(|()| {
            self.pass_on_early(now, hands, place, &modify, &offer, &[])
                .ok_or_else(|| Answer::status(481))
        });
        let client = match sent {
            Ok(client) => client,
            Err(answer) => {
                // What a PRACK acknowledges, it acknowledges whatever becomes of its offer.
                let answer = match *request.method() == Method::Prack {
                    true => Answer::status(488),
                    false => answer,
                };
                hands.reply(now, server, &request, answer);
                if let Some(rack) = owed {
                    self.acknowledge(now, hands, place, rack, None);
                }
                return;
            }
        };
        modify.stage = Stage::Passed {
            client,
            request,
            offer: Some(offer),
        };
        if let Some(fork) = self.fork_mut(place) {
            fork.modify = Some(modify);
        }
    }

    /// Whether `from` may change what was agreed now, and the other side can be asked (RFC 3311 5.1, 5.2).
    fn may_offer_early(&self, place: Place, from: Side, way: Way) -> Result<(), Answer> {
        let later = || Answer::status(500).retry_after(RETRY_S);
        let caller_updates = self.caller.leg.upkeep.updates;
        let attempt = self.attempts.get(place.0).ok_or_else(later)?;
        let target_updates = attempt.leg.upkeep.updates;
        let fork = attempt.forks.get(place.1).ok_or_else(later)?;
        if let Some(under_way) = &fork.modify {
            return Err(match under_way.from == from {
                true => later(),
                // Glare: an offer of the other side is on its way to this very one.
                false => Answer::status(491),
            });
        }
        let (Some(_), Some(shown), Some(_)) = (&fork.toward, &fork.shown, &fork.agreed) else {
            return Err(later());
        };
        let can = match (from, way) {
            (Side::Caller, Way::Prack(_)) => true,
            (Side::Caller, Way::Update | Way::Reinvite) => target_updates,
            // Until the caller has acknowledged the answer, it may not take another offer.
            (Side::Callee, Way::Prack(_) | Way::Update | Way::Reinvite) => {
                caller_updates && !shown.sender.holds_2xx()
            }
        };
        // Who does not know UPDATE can be asked by re-INVITE once the call is up.
        can.then_some(()).ok_or_else(later)
    }

    fn pass_on_early(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        place: Place,
        modify: &Modify,
        offer: &Session,
        credentials: &[(Name, String)],
    ) -> Option<ClientKey> {
        let body = self.say_early(place, modify.from.other(), offer, None)?;
        let key = self.key;
        let attempt = self.attempts.get_mut(place.0)?;
        let fork = attempt.forks.get_mut(place.1)?;
        let (leg, dialog) = match modify.from.other() {
            Side::Caller => (&self.caller.leg, &mut fork.shown.as_mut()?.dialog),
            Side::Callee => (&attempt.leg, &mut fork.toward.as_mut()?.dialog),
        };
        let owner = Owner::Call(key, leg.id, Errand::Modify);
        let contact = hands.contact_of(leg);
        let way = modify.way;
        Some(
            hands.in_dialog(now, dialog, leg, &way.method(), owner, |request| {
                way.write(request, contact, Some(&body), credentials)
            }),
        )
    }

    /// Writes SDP for one side of an early dialog; where it is an answer, to that side's `offer`.
    pub(super) fn say_early(
        &mut self,
        place: Place,
        to: Side,
        said: &Session,
        offer: Option<&Session>,
    ) -> Option<Bytes> {
        let attempt = self.attempts.get_mut(place.0)?;
        let fork = attempt.forks.get_mut(place.1)?;
        let (voice, address) = match to {
            Side::Caller => (&mut fork.voice, self.caller.leg.address()?),
            Side::Callee => (&mut fork.toward.as_mut()?.voice, attempt.leg.address()?),
        };
        Some(match offer {
            Some(offer) => voice.answer(said, offer, address),
            None => voice.say(said, address),
        })
    }

    /// Takes the early offer that `client` passed on.
    fn take_passed_early(
        &mut self,
        client: ClientKey,
    ) -> Option<(Place, Box<Modify>, Request, Session)> {
        let mine = |modify: &mut Box<Modify>| matches!(&modify.stage, Stage::Passed { client: passed, .. } if *passed == client);
        let forks = self
            .attempts
            .iter_mut()
            .enumerate()
            .flat_map(|(index, one)| {
                let forks = one.forks.iter_mut().enumerate();
                forks.map(move |(at, fork)| ((index, at), fork))
            });
        for (place, fork) in forks {
            let Some(mut modify) = fork.modify.take_if(mine) else {
                continue;
            };
            return match std::mem::replace(&mut modify.stage, Stage::Agreed) {
                Stage::Passed {
                    request,
                    offer: Some(offer),
                    ..
                } => Some((place, modify, request, offer)),
                Stage::Passed { .. } | Stage::Agreed | Stage::Offered { .. } => None,
            };
        }
        None
    }

    /// The final response of the side that was asked.
    pub(super) fn early_modified(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        response: &Response,
    ) {
        let Some((place, mut modify, request, offer)) = self.take_passed_early(client) else {
            return;
        };
        let (from, server) = (modify.from, modify.server);
        if matches!(response.status(), 401 | 407) {
            let credentials = self.prove_early(hands, place, &mut modify, response);
            let sent = credentials.and_then(|credentials| {
                self.pass_on_early(now, hands, place, &modify, &offer, &credentials)
            });
            let Some(client) = sent else {
                return hands.reply(now, server, &request, Answer::status(403));
            };
            modify.stage = Stage::Passed {
                client,
                request,
                offer: Some(offer),
            };
            if let Some(fork) = self.fork_mut(place) {
                fork.modify = Some(modify);
            }
            return;
        }
        let said = match response.status() {
            200..=299 => {
                let srtp = self.srtp_on(place.0, from.other());
                session(srtp, response.headers(), response.body())
            }
            _refused => return hands.reply(now, server, &request, passed_back(response)),
        };
        let answer = match (fits(&offer, said.as_ref()), said) {
            (Ok(()), Some(answer)) => answer,
            (unfit, _) => {
                let why = unfit.err().unwrap_or(Unfit::Format);
                return hands.reply(now, server, &request, Answer::unfit(why));
            }
        };
        let agreed = Box::new(Agreed::new(from, offer, answer));
        let (asked, said) = match from {
            Side::Caller => (&agreed.left, &agreed.right),
            Side::Callee => (&agreed.right, &agreed.left),
        };
        let body = self.say_early(place, from, said, Some(asked));
        let leg = match from {
            Side::Caller => Some(&self.caller.leg),
            Side::Callee => self.attempts.get(place.0).map(|one| &one.leg),
        };
        let contact = leg.map(|leg| hands.contact_of(leg));
        let mut reply = Answer::status(200);
        // A PRACK moves no target (RFC 3262 4); an UPDATE does (RFC 3311 5.2).
        if modify.way.refreshes()
            && let Some(contact) = contact
        {
            reply = reply.contact(contact).allow();
            self.refresh_early(place, from, request.headers());
            self.refresh_early(place, from.other(), response.headers());
        }
        if let Some(body) = body {
            reply = reply.sdp(body);
        }
        hands.reply(now, server, &request, reply);
        self.open_agreed(hands, (place.0, Some(place.1)), &agreed);
        self.agree(place, agreed);
    }

    fn prove_early(
        &self,
        hands: &mut Hands,
        (index, fork): Place,
        modify: &mut Modify,
        response: &Response,
    ) -> Option<Vec<(Name, String)>> {
        let attempt = self.attempts.get(index)?;
        let fork = attempt.forks.get(fork)?;
        let (leg, dialog) = match modify.from.other() {
            Side::Caller => (&self.caller.leg, &fork.shown.as_ref()?.dialog),
            Side::Callee => (&attempt.leg, &fork.toward.as_ref()?.dialog),
        };
        hands.prove_in(
            dialog,
            leg,
            &mut modify.proven,
            &modify.way.method(),
            response,
        )
    }

    /// The side that was asked says nothing for 64 * T1, or cannot be reached.
    pub(super) fn early_modify_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
    ) {
        if let Some((_, modify, request, _)) = self.take_passed_early(client) {
            hands.reply(now, modify.server, &request, Answer::status(504));
        }
    }
}

#[cfg(test)]
mod tests;
