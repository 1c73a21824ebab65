//! A target rings: the caller hears it, with the target's own sound where a single target sends it.

use crate::base::chance::Token;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::early::Fork;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{aim, meets, session};
use crate::call::story::What;
use crate::call::timers::{REMIND, Timer};
use crate::sdp::Session;
use crate::sip::message::Response;

/// Early dialogs of one target that the caller is shown. A forking proxy rings a desk and a mobile; more is an attack.
pub(super) const FORKS_MAX: usize = 8;

impl Call {
    /// A provisional response above 100.
    pub(super) fn provisional(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        if self.is_transfers(index) {
            return self.transfer_rings(now, hands, index, response);
        }
        let status = response.status();
        // 199 and whatever comes to be invented say nothing to a caller.
        if !(180..=183).contains(&status) {
            return;
        }
        self.note_ringing(now, hands, index);
        let State::Hunting(hunt) = &self.state else {
            return;
        };
        if hunt.together {
            // No sound of one among several, and no second ringing (contract: until one has answered).
            if self.caller.heard.is_none() {
                self.say_ringing(now, hands, 180, self.caller.leg.tag);
            }
            return;
        }
        if self.early_media(now, hands, index, response).is_none() {
            let tag = self.shown_as(hands, index, response);
            self.say_ringing(now, hands, status, tag);
        }
    }

    /// Passes a target's SDP up in an early dialog of its own; `None`: it has none that fits.
    fn early_media(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) -> Option<()> {
        let offer = self.caller.offer.as_deref()?;
        let address = self.caller.leg.address()?;
        let remote = response.headers().to().tag()?;
        let srtp = self.srtp_on(index, Side::Callee);
        let to_caller = self.caller.leg.trunk.srtp;
        let answer = session(srtp, response.headers(), response.body())?;
        if !meets(offer, &answer) {
            return None;
        }
        let attempt = self.attempts.get_mut(index)?;
        let forks = &mut attempt.forks;
        let same = |fork: &Fork| {
            let silent = fork.body.is_empty();
            &*fork.remote == remote && (silent || fork.body == *response.body())
        };
        let agreed = |fork: &Fork| &*fork.remote == remote && fork.agreed.is_some();
        // What was answered reliably is not answered again (RFC 6337 2.1).
        if forks.iter().any(agreed) {
            return None;
        }
        let at = match forks.iter().position(same) {
            Some(at) => at,
            None if forks.len() >= FORKS_MAX => return None,
            None => {
                forks.push(Fork::new(hands, remote, to_caller));
                forks.len() - 1
            }
        };
        let (call, leg) = (self.key, self.caller.leg.id);
        let fork = forks.get_mut(at)?;
        fork.body = response.body().clone();
        let tag = *fork.tag.get_or_insert_with(|| hands.new_tag(call, leg));
        let body = fork.voice.answer(&answer, offer, address);
        self.open_sound(hands, (index, Some(at)), &answer);
        let said = Answer::status(response.status()).sdp(body);
        self.say(now, hands, tag, said);
        Some(())
    }

    /// The early dialog in which the caller knows this target: its own once its SDP was shown, and from its first word where
    /// the caller requires reliable ones, so that one target's are in one order.
    fn shown_as(&mut self, hands: &mut Hands, index: usize, response: &Response) -> Token {
        let (call, leg) = (self.key, self.caller.leg.id);
        let requires = self.caller_requires();
        let to_caller = self.caller.leg.trunk.srtp;
        let remote = response.headers().to().tag();
        let forks = self.attempts.get_mut(index).map(|one| &mut one.forks);
        let own = forks.zip(remote).and_then(|(forks, remote)| {
            let known = forks.iter().rposition(|fork| &*fork.remote == remote);
            let at = match known {
                Some(at) => at,
                None if !requires || forks.len() >= FORKS_MAX => return None,
                None => {
                    forks.push(Fork::new(hands, remote, to_caller));
                    forks.len() - 1
                }
            };
            let fork = forks.get_mut(at)?;
            if requires {
                fork.tag.get_or_insert_with(|| hands.new_tag(call, leg));
            }
            fork.tag
        });
        own.unwrap_or(self.caller.leg.tag)
    }

    /// Aims both legs by the caller's offer and this answer, and bridges them.
    pub(super) fn open_sound(
        &self,
        hands: &mut Hands,
        (index, fork): (usize, Option<usize>),
        answer: &Session,
    ) {
        let Some([to_caller, to_callee]) = self.voices(index, fork) else {
            return;
        };
        let Some(callee) = self.attempts.get(index).map(|one| one.leg.id) else {
            return;
        };
        let caller = self.caller.leg.id;
        if let Some(offer) = &self.caller.offer {
            let aim = Box::new(aim(offer, Some(answer), to_caller));
            Self::media(hands, MediaWish::Aim { leg: caller, aim });
        }
        let aim = Box::new(aim(answer, self.caller.offer.as_deref(), to_callee));
        Self::media(hands, MediaWish::Aim { leg: callee, aim });
        Self::media(hands, MediaWish::Bridge { caller, callee });
    }

    /// Notes the first 18x of a target, and of the call.
    pub(super) fn note_ringing(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.rang.get_or_insert(now);
        }
        if let Some(story) = &mut self.story
            && story.ringing_at.is_none()
        {
            story.ringing_at = Some(now);
            self.tell(now, hands, What::Ringing);
        }
    }

    fn say_ringing(&mut self, now: Moment, hands: &mut Hands, status: u16, tag: Token) {
        self.say(now, hands, tag, Answer::status(status));
    }

    /// Gives the caller a provisional response.
    fn say(&mut self, now: Moment, hands: &mut Hands, tag: Token, answer: Answer) {
        if self.caller_requires() {
            if self.owes_offer(tag) {
                return;
            }
            return self.say_reliably(now, hands, tag, answer, (None, false));
        }
        self.note_said(now, answer.status, tag);
        if let Some((server, request)) = &self.caller.invite {
            let answer = answer.contact(hands.contact_of(&self.caller.leg));
            hands.answer(now, *server, request, tag, answer);
        }
    }

    /// Whether the caller offered nothing and was shown nothing reliably in this dialog: the first reliable response holds
    /// the offer (RFC 3262 5), so that one without SDP is left unsaid, and 100 is all that it hears.
    fn owes_offer(&self, tag: Token) -> bool {
        let shown = match self.shown_under(tag) {
            Some((index, fork)) => self
                .attempts
                .get(index)
                .and_then(|one| one.forks.get(fork))
                .is_some_and(|fork| fork.shown.is_some()),
            None => self.caller.early.is_some(),
        };
        self.caller.offer.is_none() && !shown
    }

    /// Notes what the caller heard last.
    pub(super) fn note_said(&mut self, now: Moment, status: u16, tag: Token) {
        self.caller.heard = Some((status, tag));
        self.timers.set(Timer::Remind, now + REMIND);
    }

    /// Says the last provisional again: the caller has heard nothing for a minute.
    pub(super) fn remind(&mut self, now: Moment, hands: &mut Hands) {
        let (status, tag) = self.caller.heard.unwrap_or((180, self.caller.leg.tag));
        // Before any target rang, 100 is all there is to say, and the endpoint has said it.
        if self.caller.heard.is_some() {
            self.say_ringing(now, hands, status, tag);
        } else {
            self.timers.set(Timer::Remind, now + REMIND);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::MediaWish;
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::route::decision::{Plan, Step};

    #[test]
    fn early_media_comes_under_a_tag_of_the_targets_own() {
        let mut rig = Rig::new(one_by_one(&["101", "102"]));
        rig.dial();
        let first = rig.to(PBX, "INVITE sip:101@");
        rig.from(
            PBX,
            &reply(&first, 183, "one", &sdp("127.0.0.3", 5_000, "")),
        );
        let early = rig.to(CARRIER, "SIP/2.0 183");
        assert!(body(&early).contains("m=audio 20002 "), "{early}");
        assert!(
            rig.media
                .iter()
                .any(|wish| matches!(wish, MediaWish::Bridge { .. }))
        );
        rig.from(PBX, &reply(&first, 486, "one", ""));
        let second = rig.to(PBX, "INVITE sip:102@");
        rig.from(PBX, &reply(&second, 180, "two", ""));
        let ringing = rig.to(CARRIER, "SIP/2.0 180");
        assert_ne!(header(&ringing, "To"), header(&early, "To"));
        rig.from(
            PBX,
            &reply(&second, 200, "two", &sdp("127.0.0.3", 6_000, "")),
        );
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert_ne!(
            header(&ok, "To"),
            header(&early, "To"),
            "its answer cannot change"
        );
        assert_eq!(rig.told(), ["began", "ringing", "answered"]);
    }

    #[test]
    fn each_fork_with_sound_is_an_early_dialog_of_its_own() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(
            PBX,
            &reply(&toward, 183, "one", &sdp("127.0.0.3", 5_000, "")),
        );
        rig.from(
            PBX,
            &reply(&toward, 183, "two", &sdp("127.0.0.4", 5_000, "")),
        );
        rig.from(
            PBX,
            &reply(&toward, 200, "one", &sdp("127.0.0.3", 5_000, "")),
        );
        let all = rig.all_to(CARRIER);
        let to = |at: usize| header(&all[at], "To");
        assert_ne!(to(1), to(2));
        assert_eq!(to(1), to(3), "{all:#?}");
    }

    #[test]
    fn a_group_that_rings_together_is_heard_ringing_once_and_without_sound() {
        let mut rig = Rig::new(together(&["101", "102", "103"]));
        let invite = rig.dial();
        let toward = rig.all_to(PBX);
        assert_eq!(toward.len(), 3);
        let ids: std::collections::BTreeSet<_> =
            toward.iter().map(|text| header(text, "Call-ID")).collect();
        assert_eq!(ids.len(), 3, "each leg has its own Call-ID");
        rig.from(
            PBX,
            &reply(&toward[0], 183, "one", &sdp("127.0.0.3", 5_000, "")),
        );
        rig.from(PBX, &reply(&toward[1], 180, "two", ""));
        let ringing = rig.to(CARRIER, "SIP/2.0 18");
        assert!(ringing.starts_with("SIP/2.0 180") && body(&ringing).is_empty());
        rig.from(
            PBX,
            &reply(&toward[1], 200, "two", &sdp("127.0.0.3", 6_000, "")),
        );
        let sent = rig.all_to(PBX);
        let cancels: Vec<_> = sent
            .iter()
            .filter(|text| text.starts_with("CANCEL"))
            .collect();
        assert_eq!(
            cancels.len(),
            1,
            "the third has said nothing yet: {sent:#?}"
        );
        assert_eq!(
            header(cancels[0], "Reason"),
            "SIP;cause=200;text=\"answered elsewhere\""
        );
        assert_eq!(header(cancels[0], "Call-ID"), header(&toward[0], "Call-ID"));
        rig.from(PBX, &reply(&toward[2], 180, "three", ""));
        let late = rig.to(PBX, "CANCEL");
        assert_eq!(header(&late, "Call-ID"), header(&toward[2], "Call-ID"));
        rig.from(PBX, &reply(&toward[0], 487, "one", ""));
        rig.from(PBX, &reply(&toward[2], 487, "three", ""));
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        let mut caller = Peer::caller(&invite, &ok);
        rig.says(&mut caller, "ACK", "");
        rig.says(&mut caller, "BYE", "");
        let results: Vec<_> = rig
            .ended()
            .targets_tried
            .iter()
            .map(|one| one.result)
            .collect();
        assert_eq!(
            results,
            [
                TriedResult::AnsweredElsewhere,
                TriedResult::Answered,
                TriedResult::AnsweredElsewhere
            ]
        );
        assert_eq!(rig.ended().manager.as_deref(), Some("m102"));
        rig.assert_clean();
    }

    #[test]
    fn a_caller_that_offers_nothing_and_requires_prack_hears_no_ringing_without_an_offer() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = invite(NUMBER, "").replace("Max-Forwards", "Require: 100rel\r\nMax-Forwards");
        rig.from(CARRIER, &invite);
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        assert_eq!(rig.lines_to(CARRIER), ["SIP/2.0 100 Trying"]);
        assert_eq!(rig.told(), ["began", "ringing"]);
        rig.answers(&toward);
        assert!(!body(&rig.to(CARRIER, "SIP/2.0 200")).is_empty());
    }

    #[test]
    fn a_caller_who_waits_long_is_told_each_minute_that_it_rings() {
        let mut rig = Rig::new(Plan::Hunt(vec![Step {
            targets: vec![target("101")],
            ring_s: 200,
        }]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "callee", ""));
        rig.to(CARRIER, "SIP/2.0 180");
        rig.seconds(150);
        assert_eq!(rig.lines_to(CARRIER), ["SIP/2.0 180 Ringing"; 2]);
    }
}
