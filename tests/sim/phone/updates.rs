//! UPDATE of a simulated phone (RFC 3311), before the answer and after it.

use ringtag::base::time::Moment;

use crate::phone::{Phone, State};
use crate::text::{body, header, in_brackets};

impl Phone {
    /// Sends one, where its state allows.
    pub(super) fn update(&mut self, now: Moment, with_sdp: bool) {
        if self
            .clients
            .iter()
            .any(|one| matches!(one.method.as_str(), "UPDATE" | "PRACK"))
        {
            return;
        }
        let mut early = None;
        match self.state {
            State::Up if self.may_modify() => {}
            // A callee whose answer is through.
            State::Early if self.invite.is_some() && self.agreed && self.unpracked.is_none() => {}
            State::Early if self.invite.is_none() => {
                early = self.earlies.values().find(|early| early.agreed).cloned();
                if early.is_none() {
                    return;
                }
            }
            State::Idle | State::Early | State::Up | State::Over(_) => return,
        }
        let content = if with_sdp {
            self.sdp(if self.direction == "sendrecv" {
                "recvonly"
            } else {
                "sendrecv"
            })
        } else {
            String::new()
        };
        self.request_in(now, "UPDATE", &content, early.as_ref(), "");
    }

    pub(super) fn updated(&mut self, now: Moment, key: &str, text: &str) {
        let up = self.state == State::Up;
        if !up && self.state != State::Early {
            return self.respond(key, text, 481, "", "");
        }
        if let Some(min_s) = self.too_short(text) {
            return self.respond(key, text, 422, &format!("Min-SE: {min_s}\r\n"), "");
        }
        let offer = body(text);
        if !offer.is_empty() {
            // RFC 3311 5.2: an offer of ours waits for its answer, or theirs for ours.
            if self.offers_wait() {
                return self.respond(key, text, 491, "", "");
            }
            if self.invite.is_some() && !self.agreed {
                return self.respond(key, text, 500, "Retry-After: 1\r\n", "");
            }
        }
        let contact = in_brackets(header(text, "Contact")).to_owned();
        if up && !contact.is_empty() {
            self.target = contact;
        }
        let answer = match offer {
            "" => String::new(),
            offer => self.answer_to(offer),
        };
        let terms = if up {
            self.session_terms(now, text)
        } else {
            String::new()
        };
        self.respond(key, text, 200, &terms, &answer);
    }

    /// Whether an offer of this phone has no answer yet.
    fn offers_wait(&self) -> bool {
        let early = self.state == State::Early;
        let mine = self.clients.iter().any(|one| match one.method.as_str() {
            "INVITE" if early => !self.earlies.values().any(|early| early.agreed),
            "INVITE" | "UPDATE" | "PRACK" => !body(&one.text).is_empty(),
            _other => false,
        });
        let offered = |one: &super::Unacked| one.is_2xx && one.offers;
        mine || self.unacked.iter().any(offered) || self.unpracked.is_some()
    }
}
