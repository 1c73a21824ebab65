//! What a simulated phone makes of requests, and what a called one says and answers.

use std::time::Duration;

use ringtag::base::time::Moment;

use crate::phone::{Act, GIVE_UP, Phone, Reliable, State, T1, T2};
use crate::text::{body, branch, cseq, first_line, header, in_brackets, method, reply_with, tag};

/// A final response to an INVITE that is repeated until its ACK comes.
pub(super) struct Unacked {
    text: String,
    number: u32,
    pub(super) is_2xx: bool,
    /// Its ACK has to hold the answer.
    pub(super) offers: bool,
    again: Option<Moment>,
    wait: Duration,
    until: Moment,
}

impl Unacked {
    pub(super) fn next(&self) -> Moment {
        self.again.map_or(self.until, |again| again.min(self.until))
    }
}

impl Phone {
    pub(super) fn repeat_finals(&mut self, now: Moment) {
        let mut lost = Vec::new();
        for (at, one) in self.unacked.iter_mut().enumerate() {
            if one.until <= now {
                lost.push(at);
            } else if one.again.is_some_and(|again| again <= now) {
                one.wait = (one.wait * 2).min(T2);
                one.again = Some(now + one.wait);
                self.sent.push(one.text.clone());
            }
        }
        for at in lost.into_iter().rev() {
            let one = self.unacked.remove(at);
            self.in_vain.push(first_line(&one.text).to_owned());
            if one.is_2xx && self.state == State::Up {
                self.bye(now);
            }
        }
    }

    pub(super) fn incoming(&mut self, now: Moment, text: &str) {
        let (number, _) = cseq(text);
        let key = format!("{} {}", branch(text), method(text));
        if method(text) == "ACK" {
            return self.acked(number, text);
        }
        if let Some(before) = self.absorbed.get(&key) {
            if !before.is_empty() {
                self.sent.push(before.clone());
            }
            return;
        }
        match method(text) {
            "INVITE" => self.invited(now, text, &key),
            "CANCEL" => {
                if self.is_fork {
                    self.absorbed.insert(key, String::new());
                } else {
                    self.respond(&key, text, 200, "", "");
                }
                self.gives_up(now);
            }
            "BYE" => {
                self.respond(&key, text, 200, "", "");
                self.unanswered = false;
                if let Some(invite) = self.invite.take() {
                    self.refuse(now, &invite, 487, "");
                }
                self.unpracked = None;
                self.unacked.retain(|one| !one.is_2xx);
                self.clients
                    .retain(|one| one.method != "BYE" && one.method != "INVITE");
                self.state = State::Over("it was told BYE");
            }
            "PRACK" => self.pracked(&key, text),
            "NOTIFY" => self.notified(now, &key, text),
            "UPDATE" if self.habits.updates => self.updated(now, &key, text),
            "INFO" | "OPTIONS" => self.respond(&key, text, 200, "", ""),
            _other => self.respond(&key, text, 405, "", ""),
        }
    }

    fn acked(&mut self, number: u32, text: &str) {
        let of = |one: &Unacked| one.number == number && one.is_2xx && one.offers;
        if self.unacked.iter().any(of) && body(text).is_empty() && self.state == State::Up {
            // Who does not want the call says so at once (RFC 3261 13.2.2.4).
            self.unanswered = true;
        }
        self.unacked.retain(|one| one.number != number);
    }

    fn gives_up(&mut self, now: Moment) {
        self.unpracked = None;
        if let Some(invite) = self.invite.take() {
            self.refuse(now, &invite, 487, "");
            if self.state == State::Early {
                self.state = State::Over("it was cancelled");
            }
        }
    }

    fn invited(&mut self, now: Moment, text: &str, key: &str) {
        self.absorbed.insert(key.to_owned(), String::new());
        if matches!(self.state, State::Idle | State::Up) {
            if let Some(min_s) = self.too_short(text) {
                return self.turn_down(now, text, 422, &format!("Min-SE: {min_s}\r\n"));
            }
            if let Some(option) = self.cannot(text) {
                return self.turn_down(now, text, 420, &format!("Unsupported: {option}\r\n"));
            }
        }
        let offers = self.clients.iter().any(|one| {
            one.method == "INVITE" || (one.method == "UPDATE" && !body(&one.text).is_empty())
        });
        match self.state {
            State::Idle => {
                let reliable = self.habits.reliable == Reliable::Required;
                if reliable && !self.says_reliably(text) {
                    return self.turn_down(now, text, 421, "Require: 100rel\r\n");
                }
                self.state = State::Early;
                self.invite = Some(text.to_owned());
            }
            State::Up if offers => self.refuse(now, text, 491, ""),
            State::Up => {
                self.target = in_brackets(header(text, "Contact")).to_owned();
                let answer = match body(text) {
                    "" => self.sdp("sendrecv"),
                    offer => self.answer_to(offer),
                };
                self.accept(now, text, &answer);
            }
            State::Early | State::Over(_) => self.refuse(now, text, 481, ""),
        }
    }

    fn turn_down(&mut self, now: Moment, text: &str, status: u16, more: &str) {
        if self.state == State::Idle {
            self.state = State::Over("it could not");
        }
        self.refuse(now, text, status, more);
    }

    /// Says something before the end of its ringing, or refuses.
    pub(super) fn say(&mut self, now: Moment, status: u16, with_sdp: bool) {
        let Some(invite) = self.invite.clone() else {
            return;
        };
        if status >= 200 {
            self.invite = None;
            self.unpracked = None;
            self.state = State::Over("it refused");
            let more = match status {
                300..=399 => "Contact: <sip:102@10.67.0.1>, <sip:101@203.0.113.9>;q=0.5\r\n",
                _refused => "",
            };
            return self.refuse(now, &invite, status, more);
        }
        if status > 100 && self.says_reliably(&invite) {
            if !self.say_reliably(now, &invite, status, with_sdp) {
                let soon = now + Duration::from_millis(400);
                self.plan.push((soon, Act::Say(status, with_sdp)));
            }
            return;
        }
        let content = match body(&invite) {
            offer if with_sdp && !offer.is_empty() => self.answer_to(offer),
            _none => String::new(),
        };
        let more = self.habits.headers(false);
        let own = tag(&self.local);
        let response = reply_with(&invite, status, own, &self.contact(), &more, &content);
        let key = format!("{} INVITE", branch(&invite));
        self.absorbed.insert(key, response.clone());
        self.sent.push(response);
    }

    pub(super) fn answer(&mut self, now: Moment) {
        let waits = self.unpracked.as_ref().is_some_and(|one| one.has_sdp)
            || self.clients.iter().any(|one| one.method == "UPDATE");
        if waits {
            // RFC 3262 3: not before what was said with SDP is acknowledged.
            self.plan
                .push((now + Duration::from_millis(300), Act::Answer));
            return;
        }
        if let Some(invite) = self.invite.take() {
            self.unpracked = None;
            self.state = State::Up;
            let content = match (self.agreed, body(&invite)) {
                (true, _) => String::new(),
                (false, "") => self.sdp("sendrecv"),
                (false, offer) => self.answer_to(offer),
            };
            self.accept(now, &invite, &content);
        }
    }

    fn accept(&mut self, now: Moment, invite: &str, content: &str) {
        let terms = self.session_terms(now, invite);
        let more = format!("{}{terms}", self.habits.headers(false));
        let own = tag(&self.local);
        let text = reply_with(invite, 200, own, &self.contact(), &more, content);
        let offers = body(invite).is_empty() && !content.is_empty();
        self.keep_final(now, invite, text, true, offers);
    }

    pub(super) fn refuse(&mut self, now: Moment, invite: &str, status: u16, more: &str) {
        let begins = tag(header(invite, "To")).is_empty();
        // Behind one INVITE a single phone speaks for all that do not answer.
        if begins && (self.is_fork || self.stands_down) {
            return;
        }
        let contact = match status {
            300..=399 => String::new(),
            _refused => self.contact(),
        };
        let text = reply_with(invite, status, tag(&self.local), &contact, more, "");
        self.keep_final(now, invite, text, false, false);
    }

    fn keep_final(&mut self, now: Moment, invite: &str, text: String, is_2xx: bool, offers: bool) {
        let key = format!("{} INVITE", branch(invite));
        self.absorbed.insert(key, text.clone());
        self.sent.push(text.clone());
        self.unacked.push(Unacked {
            text,
            number: cseq(invite).0,
            is_2xx,
            offers,
            // A 2xx is repeated over streams, too (RFC 3261 13.3.1.4).
            again: (is_2xx || !self.habits.tcp).then(|| now + T1),
            wait: T1,
            until: now + GIVE_UP,
        });
    }

    pub(super) fn respond(
        &mut self,
        key: &str,
        request: &str,
        status: u16,
        more: &str,
        content: &str,
    ) {
        let own = tag(&self.local);
        let text = reply_with(request, status, own, &self.contact(), more, content);
        self.absorbed.insert(key.to_owned(), text.clone());
        self.sent.push(text);
    }
}
