//! A party of an answered call asks that the other one be sent on (REFER: RFC 3515, RFC 5589).
//!
//! Only who took the call may, and only where its trunk may transfer; everybody else hears 603, and nothing happens.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::desk::TRANSFERS_MAX;
use crate::call::goal;
use crate::call::hands::{Answer, Hands};
use crate::call::leg::Part;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::transfer::{Brought, Referrer, Stage, Transfer, status_of};
use crate::call::machine::{Call, State};
use crate::call::story::Role;
use crate::call::trunk::Reliable;
use crate::route::decision::Target;
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;
use crate::sip::refer::{Event, ReferTo};

impl Call {
    /// A REFER in one of our dialogs.
    pub(super) fn refer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: &Request,
    ) {
        let goal = match self.may_refer(leg, request) {
            Ok(goal) => goal,
            Err(answer) => return hands.reply(now, server, request, answer),
        };
        if let Some(other) = self.other_call(hands, &goal) {
            return self.ask_for_party(now, hands, leg, (server, request), (goal, other));
        }
        let (target, brought) = match self.new_party(hands, goal) {
            Ok(party) => party,
            Err(answer) => return hands.reply(now, server, request, answer),
        };
        let ring = self.talking().map(|one| one.ring).unwrap_or_default();
        let placed = self.place(now, hands, &target, ring, Some(Box::new(brought)));
        if let Err(result) = placed {
            if let State::Up(up) = &mut self.state {
                up.transfers += 1;
            }
            let answer = Answer::status(status_of(result));
            return hands.reply(now, server, request, answer);
        }
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.leg.part = Part::of(Role::Transfer);
            // The caller has its answer already: what is said before the new party's has nobody to reach.
            attempt.reliable = Reliable::Off;
        }
        self.transfer_begins(now, hands, leg, (server, request));
    }

    /// Whoever stands last among the attempts is to be the new party, and who asked for it hears that.
    pub(super) fn transfer_begins(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        (server, request): (ServerKey, &Request),
    ) {
        let target = self.attempts.len().saturating_sub(1);
        let number = request.headers().cseq().number;
        if let State::Up(up) = &mut self.state {
            let again = up.transfers > 0;
            up.transfers += 1;
            up.transfer = Some(Box::new(Transfer {
                by: up.answered,
                target,
                at: now,
                event: Some(Event {
                    id: again.then_some(number),
                }),
                referrer: Referrer::There,
                stage: Stage::Calling,
            }));
        }
        let contact = self
            .leg_mut(leg)
            .map(|leg| hands.contact_of(leg))
            .unwrap_or_default();
        let accepted = Answer::status(202).contact(contact);
        hands.reply(now, server, request, accepted);
        self.notify(now, hands, 100);
    }

    /// What it asks for, where it may.
    fn may_refer(&self, leg: LegId, request: &Request) -> Result<ReferTo, Answer> {
        let declined = || Answer::status(603);
        // Whom the caller's side would send on is whoever took the call: nobody's business but its own.
        if self.side(leg) == Side::Caller {
            return Err(declined());
        }
        let State::Up(up) = &self.state else {
            return Err(Answer::status(481));
        };
        let asking = self.talking().ok_or_else(declined)?;
        if asking.leg.id != leg || !asking.leg.trunk.transfers {
            return Err(declined());
        }
        let goal = ReferTo::of(request.headers()).map_err(|bad| Answer::status(bad.status()))?;
        if up.transfers >= TRANSFERS_MAX {
            return Err(declined());
        }
        if up.is_moving() || up.late.is_some() {
            return Err(Answer::status(500).retry_after(RETRY_S));
        }
        Ok(goal)
    }

    /// What the new party is offered: the caller as it talks now. `None`: its description leaves nothing to talk with.
    pub(super) fn offer_of_caller(&self) -> Option<Session> {
        let own = &self.caller.leg.heard.as_ref()?.session;
        own.again(&self.told_to_caller()?)
    }

    /// Whom to call, and with what; or why not.
    fn new_party(&self, hands: &Hands, goal: ReferTo) -> Result<(Target, Brought), Answer> {
        let declined = || Answer::status(603);
        let asking = &self.talking().ok_or_else(declined)?.leg;
        let dialog = asking.dialog.as_ref().ok_or_else(declined)?;
        let host = hands.host(&asking.path);
        let around = (dialog, host.as_str());
        let by = &asking.trunk.id;
        let target = goal::target(&goal.uri, by, around, &hands.trunks, &hands.country);
        let target = target.ok_or_else(declined)?;
        let offer = self.offer_of_caller().ok_or_else(|| Answer::status(488))?;
        let referred_by = (target.trunk == *by).then(|| format!("<{}>", dialog.remote().uri()));
        let brought = Brought {
            replaces: goal.replaces,
            referred_by,
            ..Brought::with(offer)
        };
        Ok((target, brought))
    }
}
