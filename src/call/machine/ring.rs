//! A target rings: the caller hears it, with the target's own sound where a single target sends it.

use crate::base::chance::Token;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::machine::attempt::Fork;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{aim, meets, session};
use crate::call::story::What;
use crate::call::timers::{REMIND, Timer};
use crate::sdp::{Session, Voice};
use crate::sip::message::Response;

/// Early dialogs of one target that the caller is shown. A forking proxy rings a desk and a mobile; more is an attack.
const FORKS_MAX: usize = 8;

impl Call {
    /// A provisional response above 100.
    pub(super) fn provisional(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
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
            let tag = self.shown_as(index, response);
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
        let offer = self.caller.offer.as_ref()?;
        let address = self.caller.leg.address()?;
        let remote = response.headers().to().tag()?;
        let answer = session(response.headers(), response.body())?;
        if !meets(offer, &answer) {
            return None;
        }
        let attempt = self.attempts.get_mut(index)?;
        let forks = &mut attempt.forks;
        let same = |fork: &Fork| &*fork.remote == remote && fork.body == *response.body();
        let at = match forks.iter().position(same) {
            Some(at) => at,
            None if forks.len() >= FORKS_MAX => return None,
            None => {
                forks.push(Fork {
                    remote: remote.into(),
                    tag: hands.new_tag(self.key, self.caller.leg.id),
                    voice: Voice::new(hands.chance.next_u64()),
                    body: response.body().clone(),
                });
                forks.len() - 1
            }
        };
        let fork = forks.get_mut(at)?;
        let (tag, body) = (fork.tag, fork.voice.say(&answer, address));
        self.open_sound(hands, index, &answer);
        let said = Answer::status(response.status()).sdp(body);
        self.say(now, hands, tag, said);
        Some(())
    }

    /// The early dialog in which the caller knows this target: its own once its SDP was shown.
    fn shown_as(&self, index: usize, response: &Response) -> Token {
        let remote = response.headers().to().tag();
        self.attempts
            .get(index)
            .and_then(|attempt| {
                let mut forks = attempt.forks.iter().rev();
                forks.find(|fork| Some(&*fork.remote) == remote)
            })
            .map_or(self.caller.leg.tag, |fork| fork.tag)
    }

    /// Aims both legs by the caller's offer and this answer, and bridges them.
    pub(super) fn open_sound(&self, hands: &mut Hands, index: usize, answer: &Session) {
        let Some(callee) = self.attempts.get(index).map(|one| one.leg.id) else {
            return;
        };
        let caller = self.caller.leg.id;
        if let Some(offer) = &self.caller.offer {
            let aim = Box::new(aim(offer, Some(answer)));
            Self::media(hands, MediaWish::Aim { leg: caller, aim });
        }
        let aim = Box::new(aim(answer, self.caller.offer.as_ref()));
        Self::media(hands, MediaWish::Aim { leg: callee, aim });
        Self::media(hands, MediaWish::Bridge { caller, callee });
    }

    /// Notes the first 18x of a target, and of the call.
    fn note_ringing(&mut self, now: Moment, hands: &mut Hands, index: usize) {
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
        self.caller.heard = Some((answer.status, tag));
        if let Some((server, request)) = &self.caller.invite {
            let answer = answer.contact(hands.contact(&self.caller.leg.path));
            hands.answer(now, *server, request, tag, answer);
        }
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
