//! What a simulated phone asks for, and what it makes of the responses.

use std::time::Duration;

use ringtag::base::time::Moment;

use crate::phone::reliable::Early;
use crate::phone::{Act, GIVE_UP, Phone, State, T1, T2};
use crate::text::{body, branch, cseq, first_line, header, in_brackets, lists, tag, uri};

/// A request that waits for its final response.
pub(super) struct Client {
    pub(super) text: String,
    pub(super) method: String,
    pub(super) number: u32,
    heard: bool,
    cancelled: bool,
    /// `None`: a stream carries it, which repeats by itself.
    again: Option<Moment>,
    wait: Duration,
    until: Moment,
}

impl Client {
    /// A provisional response ends the repetitions of an INVITE.
    fn is_quiet(&self) -> bool {
        self.method == "INVITE" && self.heard
    }

    /// A ringing INVITE waits for long, a cancelled one does not.
    fn until(&self) -> Moment {
        if self.is_quiet() && !self.cancelled {
            self.until + GIVE_UP * 8
        } else {
            self.until
        }
    }

    pub(super) fn next(&self) -> Moment {
        match self.again {
            Some(again) if !self.is_quiet() => again.min(self.until),
            _quiet => self.until(),
        }
    }
}

impl Phone {
    pub(super) fn request(&mut self, now: Moment, method: &str, content: &str) {
        self.request_in(now, method, content, None, "");
    }

    /// A request in an early dialog, or in the one that stands.
    pub(super) fn request_in(
        &mut self,
        now: Moment,
        method: &str,
        content: &str,
        early: Option<&Early>,
        more: &str,
    ) {
        self.number += 1;
        let (remote, target) = match early {
            Some(early) => (early.remote.clone(), early.target.clone()),
            None => (self.remote.clone(), self.target.clone()),
        };
        let is_first = self.state == State::Early && early.is_none();
        let more = match method {
            "INVITE" | "UPDATE" => {
                let habits = self.habits.headers(is_first && method == "INVITE");
                let session = match (method, self.state) {
                    ("UPDATE", State::Early) => String::new(),
                    (_, _) => self.session_headers(),
                };
                let replaces = match &self.replaces {
                    Some(named) if is_first => {
                        format!("Require: replaces\r\nReplaces: {named}\r\n")
                    }
                    Some(_) | None => String::new(),
                };
                format!("{more}{replaces}{habits}{session}")
            }
            _other => more.to_owned(),
        };
        let number = self.number;
        let text = self.write(method, number, content, (&remote, &target), &more);
        self.ask(now, method, number, text);
    }

    fn ask(&mut self, now: Moment, method: &str, number: u32, text: String) {
        self.sent.push(text.clone());
        self.clients.push(Client {
            text,
            method: method.to_owned(),
            number,
            heard: false,
            cancelled: false,
            again: (!self.habits.tcp).then(|| now + T1),
            wait: T1,
            until: now + GIVE_UP,
        });
    }

    fn write(
        &mut self,
        method: &str,
        number: u32,
        content: &str,
        (remote, target): (&str, &str),
        more: &str,
    ) -> String {
        self.branches += 1;
        let id = self.address.to_string().replace(['.', ':'], "x");
        let kind = match (content, method) {
            ("", _) => "",
            (_, "INFO") => "Content-Type: application/dtmf-relay\r\n",
            (_, _) => "Content-Type: application/sdp\r\n",
        };
        let transport = if self.habits.tcp { "TCP" } else { "UDP" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} {};branch=z9hG4bK{id}x{}x{}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {remote}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\nContact: <{}>\r\n{more}{kind}\
             Content-Length: {}\r\n\r\n{content}",
            self.address,
            tag(&self.local),
            self.branches,
            self.local,
            self.call_id,
            self.contact(),
            content.len()
        )
    }

    pub(super) fn bye(&mut self, now: Moment) {
        if !self.clients.iter().any(|one| one.method == "BYE") {
            self.request(now, "BYE", "");
        }
    }

    pub(super) fn cancel(&mut self, now: Moment) {
        let Some(invite) = self.clients.iter_mut().find(|one| one.method == "INVITE") else {
            return;
        };
        invite.cancelled = true;
        invite.until = now + GIVE_UP;
        if invite.heard {
            let (text, number) = (invite.text.clone(), invite.number);
            self.send_cancel(now, &text, number);
        }
    }

    fn send_cancel(&mut self, now: Moment, invite: &str, number: u32) {
        let mut text = format!("CANCEL {} SIP/2.0\r\n", uri(invite));
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
            text += &format!("{name}: {}\r\n", header(invite, name));
        }
        text += &format!("CSeq: {number} CANCEL\r\nContent-Length: 0\r\n\r\n");
        self.ask(now, "CANCEL", number, text);
    }

    pub(super) fn repeat_requests(&mut self, now: Moment) {
        let mut lost = Vec::new();
        for (at, one) in self.clients.iter_mut().enumerate() {
            let due = one.again.is_some_and(|again| again <= now);
            if one.until() <= now {
                lost.push(at);
            } else if !one.is_quiet() && due {
                one.wait *= 2;
                if one.method != "INVITE" {
                    one.wait = one.wait.min(T2);
                }
                one.again = Some(now + one.wait);
                self.sent.push(one.text.clone());
            }
        }
        for at in lost.into_iter().rev() {
            let one = self.clients.remove(at);
            self.in_vain.push(first_line(&one.text).to_owned());
            match (one.method.as_str(), self.state) {
                ("INVITE", State::Early) => self.state = State::Over("nobody answered the INVITE"),
                // RFC 3261 12.2.1.2: the other side is gone.
                ("INVITE" | "UPDATE", State::Up) => self.bye(now),
                ("BYE", _) => self.state = State::Over("nobody answered the BYE"),
                _other => {}
            }
        }
    }

    pub(super) fn response(&mut self, now: Moment, text: &str, status: u16) {
        let (number, method) = cseq(text);
        let to = tag(header(text, "To")).to_owned();
        if method == "INVITE" && status >= 200 {
            let finals = self.finals.entry(number).or_default();
            finals.insert((status, to.clone()));
        }
        // A repeated 2xx: our ACK was lost.
        let again = method == "INVITE" && status >= 200;
        if let Some(ack) = self.acks.get(&(number, to)).filter(|_| again) {
            self.sent.push(ack.clone());
            return;
        }
        let mine = |one: &Client| {
            one.number == number && one.method == method && branch(&one.text) == branch(text)
        };
        let Some(at) = self.clients.iter().position(mine) else {
            return;
        };
        if status < 200 {
            let one = &mut self.clients[at];
            let first = !one.heard;
            one.heard = true;
            let (invite, number) = (one.text.clone(), one.number);
            if first && one.cancelled && one.method == "INVITE" {
                self.send_cancel(now, &invite, number);
            }
            return self.heard_reliably(now, &invite, text);
        }
        let one = self.clients.remove(at);
        match one.method.as_str() {
            "INVITE" if status < 300 => self.accepted(now, &one, text),
            "INVITE" => self.rejected(now, &one, text, status),
            "BYE" => self.state = State::Over("its BYE was answered"),
            "REFER" => self.referred(now, status),
            "UPDATE" if self.state == State::Up => match status {
                200..=299 => self.session_agreed(now, text),
                408 | 481 => self.bye(now),
                422 => self.raise(text),
                _later => {}
            },
            _other => {}
        }
    }

    fn raise(&mut self, text: &str) {
        let min_se_s = header(text, "Min-SE").parse().unwrap_or(0);
        self.min_se_s = self.min_se_s.max(min_se_s);
    }

    fn accepted(&mut self, now: Moment, invite: &Client, text: &str) {
        self.remote = header(text, "To").to_owned();
        self.target = in_brackets(header(text, "Contact")).to_owned();
        let early = self.earlies.get(tag(&self.remote));
        let answered = self.state == State::Early && early.is_some_and(|early| early.agreed);
        let answer = match body(&invite.text) {
            "" if !answered => self.answer_to(body(text)),
            _through => String::new(),
        };
        let (remote, target) = (self.remote.clone(), self.target.clone());
        let ack = self.write("ACK", invite.number, &answer, (&remote, &target), "");
        let to = tag(&self.remote).to_owned();
        self.acks.insert((invite.number, to), ack.clone());
        self.sent.push(ack);
        self.session_agreed(now, text);
        match self.state {
            State::Early => {
                self.state = State::Up;
                self.earlies.clear();
            }
            // It hung up while its re-INVITE was under way.
            State::Idle | State::Up | State::Over(_) => {}
        }
        if invite.cancelled {
            // The CANCEL came too late.
            self.bye(now);
        }
    }

    fn rejected(&mut self, now: Moment, invite: &Client, text: &str, status: u16) {
        let mut ack = format!("ACK {} SIP/2.0\r\n", uri(&invite.text));
        for name in ["Via", "Max-Forwards", "From", "Call-ID"] {
            ack += &format!("{name}: {}\r\n", header(&invite.text, name));
        }
        ack += &format!(
            "To: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
            header(text, "To"),
            invite.number
        );
        let to = tag(header(text, "To")).to_owned();
        self.acks.insert((invite.number, to), ack.clone());
        self.sent.push(ack);
        match (self.state, status) {
            // RFC 4028 7.3: once more, with more patience.
            (State::Early, 422) if self.min_se_s == 0 && !invite.cancelled => {
                self.raise(text);
                self.earlies.clear();
                let offer = body(&invite.text).to_owned();
                self.request(now, "INVITE", &offer);
            }
            (State::Early, _) => {
                self.earlies.clear();
                self.state = State::Over("its INVITE was refused");
            }
            // Glare: once more, after a while of its own.
            (State::Up, 491) => {
                let wait = Duration::from_millis(300 + u64::from(self.number) * 700);
                let on = self.direction == "sendonly";
                self.plan.push((now + wait, Act::Hold(on)));
            }
            (State::Up, 422) => self.raise(text),
            (State::Up, 408 | 481) => self.bye(now),
            _other => {}
        }
    }

    /// Whether nothing is under way that an offer would cross.
    pub(super) fn may_modify(&self) -> bool {
        let mine = self.clients.iter().any(|one| match one.method.as_str() {
            "INVITE" => true,
            "UPDATE" | "PRACK" => !body(&one.text).is_empty(),
            _other => false,
        });
        !mine && self.invite.is_none() && self.unacked.is_empty() && self.unpracked.is_none()
    }

    /// Whether a request needs what this phone does not know.
    pub(super) fn cannot(&self, text: &str) -> Option<&'static str> {
        let rel = self.habits.reliable == super::Reliable::Off;
        (rel && lists(text, "Require", "100rel")).then_some("100rel")
    }
}
