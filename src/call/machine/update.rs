//! UPDATE (RFC 3311): without SDP it is answered on its own leg; an offer in it goes end to end, early or within the call.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::early::Place;
use crate::call::machine::modify::{Modify, RETRY_S, Stage, Way};
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{Body, read};
use crate::call::timers::{MODIFY, Timer};
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::headers::Headers;
use crate::sip::message::Request;

impl Call {
    /// An UPDATE that belongs to its dialog.
    pub(super) fn update(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: Request,
    ) {
        let side = self.side(leg);
        let offer = match read(request.headers(), request.body()) {
            Body::Empty => {
                // It moves the target and says that its sender is there; the other leg has no part in it.
                if let Some(place) = self.place_of(leg, &request) {
                    self.refresh_early(place, side, request.headers());
                }
                return self.refreshed_by_peer(now, hands, leg, server, &request);
            }
            Body::Sdp(offer) => match self.unfit(leg, &offer) {
                Some(why) => return hands.reply(now, server, &request, Answer::unfit(why)),
                None => offer,
            },
            Body::OtherType => return hands.reply(now, server, &request, Answer::not_sdp()),
            Body::Malformed => return hands.reply(now, server, &request, Answer::status(400)),
        };
        if self.is_up() {
            return self.update_offer(now, hands, side, (server, request), offer);
        }
        match self.place_of(leg, &request) {
            Some(place) => {
                let came = (server, request);
                self.early_offer(now, hands, (place, side), came, offer, None);
            }
            // Nothing was agreed that could be changed: the first offer has no answer yet (RFC 3311 5.2).
            None => {
                let answer = Answer::status(500).retry_after(RETRY_S);
                hands.reply(now, server, &request, answer);
            }
        }
    }

    /// Takes a peer's new Contact in an early dialog.
    pub(super) fn refresh_early(&mut self, place: Place, side: Side, headers: &Headers) {
        let Some(fork) = self.fork_mut(place) else {
            return;
        };
        match side {
            Side::Caller => {
                if let Some(shown) = &mut fork.shown {
                    shown.dialog.refresh(headers);
                }
            }
            Side::Callee => {
                if let Some(toward) = &mut fork.toward {
                    toward.dialog.refresh(headers);
                }
            }
        }
    }

    /// An offer within the answered call, in UPDATE or in a PRACK that comes late: by UPDATE to the other side, or by
    /// re-INVITE where that does not know UPDATE.
    pub(super) fn update_offer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        from: Side,
        (server, request): (ServerKey, Request),
        offer: Session,
    ) {
        if let Some(answer) = Answer::to_short_session(hands, &request) {
            return hands.reply(now, server, &request, answer);
        }
        if let Err(answer) = self.may_modify(from) {
            return hands.reply(now, server, &request, answer);
        }
        let updates = self
            .leg_on(from.other())
            .is_some_and(|leg| leg.upkeep.updates);
        let way = if updates { Way::Update } else { Way::Reinvite };
        let Some(client) = self.pass_on(now, hands, (from, way), Some(&offer), &[]) else {
            return hands.reply(now, server, &request, Answer::status(481));
        };
        let modify = Modify {
            from,
            server,
            stage: Stage::Passed {
                client,
                request,
                offer: Some(offer),
            },
            proven: Answered::default(),
            way,
        };
        if let State::Up(up) = &mut self.state {
            up.modify = Some(modify);
        }
        self.timers.set(Timer::Modify, now + MODIFY);
    }
}
