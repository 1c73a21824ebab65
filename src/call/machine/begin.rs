//! An INVITE from a trunk: who shall take it, and what the engine's answer leads to.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::breadth::BREADTH;
use crate::call::desk::{
    Admission, CallKey, Course, MediaWish, Note, Question, RETRY_AFTER_S, Verdict, Wish,
};
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::identity::Identity;
use crate::call::leg::{Beginning, Leg, Ports};
use crate::call::machine::end::End;
use crate::call::machine::{Call, Calling, Hunt, State, Story};
use crate::call::offer_answer::faces;
use crate::call::outcome;
use crate::call::screen;
use crate::call::screen::Refusal;
use crate::call::story::{Began, FinishReason, HungUpBy, Role, What};
use crate::call::timers::{REMIND, Timer, Timers};
use crate::call::trunk::Trunk;
use crate::route::Decision;
use crate::route::decision::Plan;
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;
use crate::sip::transport::Path;
use crate::sip::uri::Scheme;

/// An INVITE from a trunk.
pub(in crate::call) struct Arrived {
    pub(in crate::call) server: ServerKey,
    pub(in crate::call) request: Request,
    pub(in crate::call) path: Path,
    pub(in crate::call) trunk: Arc<Trunk>,
    /// Its SDP, `None` for a late offer; or what is wrong with it.
    pub(in crate::call) screened: Result<Option<Session>, Refusal>,
    pub(in crate::call) identity: Identity,
    /// The call that it came out of.
    pub(in crate::call) parent: Option<CallKey>,
}

impl Call {
    /// Begins a call and asks who shall take it.
    pub(in crate::call) fn begin(
        now: Moment,
        hands: &mut Hands,
        key: CallKey,
        arrived: Arrived,
    ) -> Self {
        let Arrived {
            server,
            request,
            path,
            trunk,
            screened,
            identity,
            parent,
        } = arrived;
        let (offer, refusal) = match screened {
            Ok(offer) => (offer, None),
            Err(refusal) => (None, Some(refusal)),
        };
        let leg = LegId(key.0 << 8);
        let tag = hands.new_tag(key, leg);
        hands.expect_invite(server, key);
        hands.usage.take(&trunk.id);
        hands.wish(Wish::Decide(
            key,
            Box::new(Question {
                trunk: Arc::clone(&trunk.id),
                dialled: identity.dialled,
                caller: identity.caller.clone(),
                peer: path.peer,
            }),
        ));
        let begins = Beginning {
            id: leg,
            trunk,
            tag,
            call_id: request.headers().call_id().into(),
            remote_uri: request.headers().from().uri().as_str().into(),
            path,
            sips: request.uri().scheme() == Scheme::Sips,
            ports: Ports::None,
            role: Role::Caller,
        };
        let mut leg = Leg::new(hands, begins);
        leg.upkeep.note_allow(request.headers());
        Self {
            key,
            started: now,
            caller: Calling {
                leg,
                invite: Some((server, request)),
                unacked: None,
                offer: offer.map(Box::new),
                identity,
                heard: None,
                early: None,
            },
            // Most calls have one, and room for four takes a KB and a half.
            attempts: Vec::with_capacity(1),
            state: State::Asking { given_up: None },
            timers: Timers::default(),
            story: None,
            refusal: refusal.map(Box::new),
            last_cause: None,
            implied_cause: None,
            legs_made: 1,
            parent,
            half_open: None,
            alarm: None,
        }
    }

    /// Takes the engine's answer.
    pub(in crate::call) fn decided(&mut self, now: Moment, hands: &mut Hands, verdict: Verdict) {
        let State::Asking { given_up } = &mut self.state else {
            return;
        };
        let given_up = given_up.take();
        let refusal = self.refusal.take().map(|refusal| *refusal);
        let (answer, why) = match verdict {
            Verdict::Ours(admission) => {
                return self.admitted(now, hands, *admission, given_up, refusal);
            }
            Verdict::NotOurs => (Answer::status(404), "not one of our numbers"),
            Verdict::NoRoom { retry_after_s } => {
                let answer = Answer::status(503).retry_after(retry_after_s);
                (answer, "no room for another call")
            }
        };
        // What is wrong with an INVITE is said alike for every number.
        self.refuse(now, hands, refusal.unwrap_or((answer, why)));
    }

    /// Answers a call that gets no record, and forgets it.
    fn refuse(&mut self, now: Moment, hands: &mut Hands, refusal: Refusal) {
        self.say_refused(now, hands, refusal);
        hands.forget_leg(&self.caller.leg);
        self.state = State::Over;
    }

    fn say_refused(&mut self, now: Moment, hands: &mut Hands, (answer, why): Refusal) {
        let peer = self.caller.leg.path.peer;
        // A caller that gave up meanwhile has its 487 already.
        if self.caller.invite.is_some() {
            let status = answer.status;
            self.answer_caller(now, hands, answer);
            hands.wish(Wish::Note(Note::Refused { peer, status, why }));
        }
    }

    fn admitted(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        admission: Admission,
        given_up: Option<End>,
        refusal: Option<Refusal>,
    ) {
        let limit = self.caller.leg.trunk.max_calls;
        let peer = self.caller.leg.path.peer.ip();
        let goes_on = given_up.is_none() && refusal.is_none();
        let full = hands.usage.is_over(&self.caller.leg.trunk.id, limit)
            || hands.half_open.is_over(peer)
            || (goes_on && !hands.usage.may_begin(now, &self.caller.leg.trunk));
        let rule = match &admission.course {
            Course::Follow(decision) if goes_on && !full => decision.rule().cloned(),
            Course::Follow(_) | Course::Overload { .. } => None,
        };
        let (record, course) = (admission.record, admission.course);
        let began = Began {
            source: admission.source,
            tracked: admission.tracked,
            caller: self.caller.identity.caller.clone(),
            caller_from: self.caller.identity.caller_from.to_owned(),
            virtual_number: admission.virtual_number,
            trunk: Arc::clone(&self.caller.leg.trunk.id),
            sip_call_id: self.caller.leg.call_id.to_string(),
            prior_calls: admission.prior_calls,
            rule: rule.clone(),
        };
        hands.remember(admission.id, self.key);
        self.story = Some(Story {
            id: admission.id,
            wall: admission.wall,
            virtual_number: admission.virtual_number,
            tracked: admission.tracked,
            rule,
            tried: Vec::new(),
            ringing_at: None,
            answered_at: None,
            taken_by: None,
            transfers: Vec::new(),
        });
        self.tell(now, hands, What::Began(Box::new(began)));
        if let Some(end) = given_up {
            return self.finish(now, hands, &end, None);
        }
        if let Some(refusal) = refusal {
            let status = refusal.0.status;
            let srtp = self.caller.leg.trunk.srtp;
            let invite = self.caller.invite.as_ref();
            let lacks_keys = invite.is_some_and(|(_, invite)| screen::lacks_keys(invite, srtp));
            let reason = match (status, lacks_keys) {
                (488, true) => FinishReason::SrtpMismatch,
                (_, true | false) => outcome::of_refusal(status),
            };
            self.say_refused(now, hands, refusal);
            let end = End::refused(reason, status);
            return self.finish(now, hands, &end, None);
        }
        match course {
            Course::Overload { retry_after_s } => self.overloaded(now, hands, retry_after_s),
            Course::Follow(_) if full => self.overloaded(now, hands, RETRY_AFTER_S),
            Course::Follow(decision) => match decision.plan() {
                Plan::Reject(status) => {
                    let end = End::refused(FinishReason::Rejected, *status);
                    self.finish(now, hands, &end, None);
                }
                Plan::NoRule => {
                    let end = End::refused(FinishReason::NoRule, 404);
                    self.finish(now, hands, &end, None);
                }
                Plan::Hunt(_) => self.hunt(now, hands, decision, record),
            },
        }
    }

    fn overloaded(&mut self, now: Moment, hands: &mut Hands, retry_after_s: u32) {
        let end = End {
            retry_after_s: Some(retry_after_s),
            ..End::refused(FinishReason::Overload, 503)
        };
        self.finish(now, hands, &end, None);
    }

    /// Asks for the caller's ports; the first target follows when they come.
    fn hunt(&mut self, now: Moment, hands: &mut Hands, decision: Decision, record: bool) {
        self.state = State::Hunting(Box::new(Hunt {
            decision,
            next: 0,
            before: VecDeque::new(),
            followed: Vec::new(),
            together: false,
            share: BREADTH,
            record,
        }));
        let leg = &mut self.caller.leg;
        leg.ports = Ports::Asked;
        let open = MediaWish::Open {
            call: self.key,
            leg: leg.id,
            toward: faces(leg.path.peer.ip(), self.caller.offer.as_deref()),
            from: leg.trunk.media,
        };
        Self::media(hands, open);
        self.timers.set(Timer::Remind, now + REMIND);
    }

    /// The caller's ports came, or none was free.
    pub(super) fn caller_ports(&mut self, now: Moment, hands: &mut Hands, free: bool) {
        if free {
            self.next_step(now, hands);
        } else {
            self.overloaded(now, hands, RETRY_AFTER_S);
        }
    }

    /// Gives the caller's INVITE its final answer.
    pub(super) fn answer_caller(&mut self, now: Moment, hands: &mut Hands, answer: Answer) {
        if let Some((server, request)) = self.caller.invite.take() {
            let tag = self.caller.leg.tag;
            hands.answer(now, server, &request, tag, answer);
            hands.invite_is_answered(server);
        }
    }
}

impl End {
    /// ringtag refuses: nobody was tried, or nobody could be.
    pub(super) const fn refused(reason: FinishReason, status: u16) -> Self {
        Self {
            reason,
            by: HungUpBy::System,
            status,
            retry_after_s: None,
            why: Why::NONE,
            gone: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::route::decision::Plan;

    #[test]
    fn a_number_that_is_not_ours_gets_404_and_no_record() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.from(
            CARRIER,
            &invite("+74950000009", &sdp("127.0.0.2", 4_000, "")),
        );
        rig.to(CARRIER, "SIP/2.0 404");
        assert_eq!(rig.told(), [""; 0]);
        assert_eq!(rig.notes.len(), 1);
        rig.assert_clean();
    }

    #[test]
    fn a_rule_rejects_with_its_status_and_the_call_is_not_missed() {
        let mut rig = Rig::new(Plan::Reject(603));
        rig.dial();
        rig.to(CARRIER, "SIP/2.0 603");
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::Rejected);
        assert!(!ended.missed && !ended.answered);
        assert_eq!(ended.rule.as_deref(), Some("rule"));
        assert_eq!(rig.open, []);
        rig.assert_clean();
    }

    #[test]
    fn without_a_rule_it_is_404_and_missed() {
        let mut rig = Rig::new(Plan::NoRule);
        rig.dial();
        rig.to(CARRIER, "SIP/2.0 404");
        assert_eq!(rig.ended().finish_reason, FinishReason::NoRule);
        assert!(rig.ended().missed);
        rig.assert_clean();
    }

    #[test]
    fn overload_is_503_with_retry_after_and_a_record() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.overload = true;
        rig.dial();
        let refused = rig.to(CARRIER, "SIP/2.0 503");
        assert_eq!(header(&refused, "Retry-After"), "7");
        assert_eq!(rig.ended().finish_reason, FinishReason::Overload);
        assert!(rig.ended().missed);
        rig.assert_clean();
    }

    #[test]
    fn a_call_without_a_free_port_is_overload() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.ports = false;
        rig.dial();
        rig.to(CARRIER, "SIP/2.0 503");
        assert_eq!(rig.ended().finish_reason, FinishReason::Overload);
        rig.assert_clean();
    }

    #[test]
    fn a_trunk_takes_its_most_calls_and_no_more() {
        let mut lines = trunks();
        lines[0].0.max_calls = Some(1);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        let (mut caller, _) = rig.up();
        let second = invite(NUMBER, &sdp("127.0.0.2", 4_002, ""));
        let second = second
            .replace("incoming", "second")
            .replace("z9hG4bKin", "z9hG4bKsecond");
        rig.from(CARRIER, &second);
        rig.to(CARRIER, "SIP/2.0 503");
        assert_eq!(rig.ended().finish_reason, FinishReason::Overload);
        rig.says(&mut caller, "BYE", "");
        rig.all_to(CARRIER);
        let third = second.replace("second", "third");
        rig.from(CARRIER, &third);
        assert_eq!(rig.board.live().calls, 1, "a line is free again");
    }

    #[test]
    fn a_trunk_begins_its_calls_of_a_second_and_no_more() {
        let mut lines = trunks();
        lines[0].0.calls_per_s = Some(1);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.dial();
        let second = invite(NUMBER, &sdp("127.0.0.2", 4_002, ""));
        let second = |name: &str| {
            let text = second.replace("incoming", name);
            text.replace("z9hG4bKin", &format!("z9hG4bK{name}"))
        };
        rig.from(CARRIER, &second("two"));
        let refused = rig.to(CARRIER, "SIP/2.0 503");
        assert_ne!(header(&refused, "Retry-After"), "");
        assert_eq!(rig.ended().finish_reason, FinishReason::Overload);
        assert_eq!(rig.board.live().calls, 1);
        rig.seconds(1);
        rig.from(CARRIER, &second("three"));
        assert_eq!(rig.board.live().calls, 2, "another second");
    }

    #[test]
    fn a_target_trunk_that_began_its_calls_of_a_second_is_passed_over() {
        let mut lines = trunks();
        lines[1].0.calls_per_s = Some(1);
        let mut rig = Rig::with(together(&["101", "102"]), lines);
        rig.dial();
        let sent = rig.all_to(PBX);
        assert_eq!(sent.len(), 1, "{sent:?}");
        rig.from(PBX, &reply(&sent[0], 486, "one", ""));
        let over = rig.ended().targets_tried.iter();
        let over = over.filter(|one| one.result == TriedResult::NoCapacity);
        assert_eq!(over.count(), 1);
        rig.assert_clean();
    }

    #[test]
    fn a_full_target_trunk_is_passed_over() {
        let mut lines = trunks();
        lines[1].0.max_calls = Some(0);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.dial();
        rig.to(CARRIER, "SIP/2.0 503");
        let ended = rig.ended();
        assert_eq!(ended.targets_tried[0].result, TriedResult::NoCapacity);
        assert_eq!(ended.legs.len(), 1, "nobody was dialled");
        rig.assert_clean();
    }

    #[test]
    fn what_began_is_told_with_who_called_and_by_which_header() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let What::Began(began) = &rig.facts[0].what else {
            panic!("{:?}", rig.facts[0]);
        };
        assert_eq!(began.caller.to_string(), "+79160000001");
        assert_eq!(began.caller_from, "From");
        assert_eq!(&*began.trunk, "carrier");
        assert_eq!(began.sip_call_id, "incoming");
        assert_eq!(began.rule.as_deref(), Some("rule"), "known from the start");
    }
}
