//! A simulated phone: one dialog, with everything that RFC 3261 asks of a user agent over UDP, and a will of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ringtag::base::time::Moment;

use crate::text::{
    body, branch, cseq, first_line, header, in_brackets, method, reply, sdp, sdp_line, status, tag,
    uri,
};

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);

/// What a phone does of its own will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A caller dials.
    Dial,
    /// A caller gives up.
    Cancel,
    /// Hangs up, if the call is up.
    HangUp,
    /// Puts the other on hold, or takes it back.
    Hold(bool),
    /// Asks the other side for an offer.
    AskOffer,
    /// Sends a digit by INFO.
    Digit,
    /// Says nothing from now on: power failure.
    Die,
    /// A called phone says so, with or without SDP.
    Say(u16, bool),
    /// A called phone answers.
    Answer,
    /// A second phone behind the same INVITE answers too.
    AnswerTwice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing has happened.
    Idle,
    /// An INVITE is out, or in.
    Early,
    /// The dialog stands.
    Up,
    /// It is over, and why.
    Over(&'static str),
}

/// A request that waits for its final response.
struct Client {
    text: String,
    method: String,
    number: u32,
    heard: bool,
    cancelled: bool,
    again: Moment,
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

    fn next(&self) -> Moment {
        if self.is_quiet() {
            self.until()
        } else {
            self.again.min(self.until)
        }
    }
}

/// A final response to an INVITE that is repeated until its ACK comes.
struct Unacked {
    text: String,
    number: u32,
    is_2xx: bool,
    again: Moment,
    wait: Duration,
    until: Moment,
}

/// One phone.
pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) call_id: String,
    local: String,
    remote: String,
    target: String,
    number: u32,
    branches: u32,
    pub(crate) state: State,
    plan: Vec<(Moment, Act)>,
    clients: Vec<Client>,
    /// The INVITE that it has not answered finally.
    invite: Option<String>,
    unacked: Vec<Unacked>,
    absorbed: BTreeMap<String, String>,
    acks: BTreeMap<(u32, String), String>,
    late_offer: bool,
    codec: &'static str,
    media: (String, u16),
    version: u32,
    holding: bool,
    pub(crate) dead: bool,
    pub(crate) sent: Vec<String>,
    /// Each INVITE's number, with the final responses that differ.
    pub(crate) finals: BTreeMap<u32, BTreeSet<(u16, String)>>,
    /// What it sent again and again in vain.
    pub(crate) in_vain: Vec<String>,
    /// A law that this phone saw broken.
    pub(crate) broken: Option<String>,
    said: BTreeMap<(String, String), String>,
}

impl Phone {
    pub(crate) fn caller(
        n: u8,
        switchboard: SocketAddr,
        number: &str,
        plan: Vec<(Moment, Act)>,
    ) -> Self {
        let address = SocketAddr::from(([10, 66, 0, n], 5060));
        let mut phone = Self::new(format!("caller {n}"), address, plan);
        phone.call_id = format!("in-{n}");
        phone.local = format!("<sip:+7916000{n:04}@carrier.example>;tag=caller{n}");
        phone.remote = format!("<sip:{number}@{switchboard}>");
        phone.target = format!("sip:{number}@{switchboard}");
        phone.media = (format!("10.77.0.{n}"), 4_000 + u16::from(n) * 2);
        phone
    }

    pub(crate) fn callee(
        n: usize,
        invite: &str,
        address: SocketAddr,
        plan: Vec<(Moment, Act)>,
    ) -> Self {
        let name = format!("phone {n} ({})", uri(invite));
        let mut phone = Self::new(name, address, plan);
        phone.call_id = header(invite, "Call-ID").to_owned();
        phone.remote = header(invite, "From").to_owned();
        phone.local = format!("{};tag=callee{n}", header(invite, "To"));
        phone.target = in_brackets(header(invite, "Contact")).to_owned();
        phone.media = (format!("10.77.1.{}", n % 250), 6_000);
        phone
    }

    fn new(name: String, address: SocketAddr, plan: Vec<(Moment, Act)>) -> Self {
        Self {
            name,
            address,
            call_id: String::new(),
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            number: 0,
            branches: 0,
            state: State::Idle,
            plan,
            clients: Vec::new(),
            invite: None,
            unacked: Vec::new(),
            absorbed: BTreeMap::new(),
            acks: BTreeMap::new(),
            late_offer: false,
            codec: "PCMA",
            media: (String::new(), 0),
            version: 1,
            holding: false,
            dead: false,
            sent: Vec::new(),
            finals: BTreeMap::new(),
            in_vain: Vec::new(),
            broken: None,
            said: BTreeMap::new(),
        }
    }

    /// This caller makes no offer.
    pub(crate) fn offers_late(&mut self) {
        self.late_offer = true;
    }

    /// This phone answers with a codec that nobody offered.
    pub(crate) fn speaks_another_codec(&mut self) {
        self.codec = "PCMU";
    }

    /// Whether the dialog stands at a phone that works.
    pub(crate) fn is_left(&self) -> bool {
        !self.dead && matches!(self.state, State::Up | State::Early)
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        if self.dead {
            return None;
        }
        let plan = self.plan.iter().map(|(at, _)| *at);
        let clients = self.clients.iter().map(Client::next);
        let unacked = self.unacked.iter().map(|one| one.again.min(one.until));
        plan.chain(clients).chain(unacked).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment) {
        if self.dead {
            return;
        }
        while let Some(at) = self.plan.iter().position(|(at, _)| *at <= now) {
            let (_, act) = self.plan.remove(at);
            self.act(now, act);
            if self.dead {
                return;
            }
        }
        self.repeat_requests(now);
        self.repeat_finals(now);
    }

    fn repeat_requests(&mut self, now: Moment) {
        let mut lost = Vec::new();
        for (at, one) in self.clients.iter_mut().enumerate() {
            if one.until() <= now {
                lost.push(at);
            } else if !one.is_quiet() && one.again <= now {
                one.wait *= 2;
                if one.method != "INVITE" {
                    one.wait = one.wait.min(T2);
                }
                one.again = now + one.wait;
                self.sent.push(one.text.clone());
            }
        }
        for at in lost.into_iter().rev() {
            let one = self.clients.remove(at);
            self.in_vain.push(first_line(&one.text).to_owned());
            match (one.method.as_str(), self.state) {
                ("INVITE", State::Early) => self.state = State::Over("nobody answered the INVITE"),
                // RFC 3261 12.2.1.2: the other side is gone.
                ("INVITE", State::Up) => self.bye(now),
                ("BYE", _) => self.state = State::Over("nobody answered the BYE"),
                _other => {}
            }
        }
    }

    fn repeat_finals(&mut self, now: Moment) {
        let mut lost = Vec::new();
        for (at, one) in self.unacked.iter_mut().enumerate() {
            if one.until <= now {
                lost.push(at);
            } else if one.again <= now {
                one.wait = (one.wait * 2).min(T2);
                one.again = now + one.wait;
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

    fn act(&mut self, now: Moment, act: Act) {
        match (act, self.state) {
            (Act::Die, _) => self.dead = true,
            (Act::Dial, State::Idle) => {
                self.state = State::Early;
                let offer = if self.late_offer {
                    String::new()
                } else {
                    self.sdp("sendrecv")
                };
                self.request(now, "INVITE", &offer);
            }
            (Act::Cancel, State::Early) => self.cancel(now),
            (Act::HangUp, State::Up) => self.bye(now),
            (Act::Hold(on), State::Up) if self.may_modify() => {
                self.holding = on;
                self.version += 1;
                let offer = self.sdp(if on { "sendonly" } else { "sendrecv" });
                self.request(now, "INVITE", &offer);
            }
            (Act::AskOffer, State::Up) if self.may_modify() => self.request(now, "INVITE", ""),
            (Act::Digit, State::Up) => self.request(now, "INFO", "Signal=5\r\nDuration=160\r\n"),
            (Act::Say(status, with_sdp), State::Early) => self.say(now, status, with_sdp),
            (Act::Answer, State::Early) => self.answer(now),
            (Act::AnswerTwice, State::Early) => {
                let Some(invite) = self.invite.clone() else {
                    return;
                };
                self.answer(now);
                let other = sdp("10.77.9.9", 9_000, 1, "sendrecv", "PCMA");
                let contact = self.contact();
                // The second phone hangs up by itself when it gets its BYE; its ACK is enough here.
                self.sent
                    .push(reply(&invite, 200, "other", &contact, &other));
            }
            _too_late => {}
        }
    }

    fn may_modify(&self) -> bool {
        let mine = self.clients.iter().any(|one| one.method == "INVITE");
        !mine && self.invite.is_none() && self.unacked.is_empty()
    }

    fn contact(&self) -> String {
        format!("sip:phone@{}", self.address)
    }

    fn sdp(&self, direction: &str) -> String {
        let (host, port) = &self.media;
        sdp(host, *port, self.version, direction, self.codec)
    }

    fn request(&mut self, now: Moment, method: &str, content: &str) {
        self.number += 1;
        let text = self.write(method, self.number, content);
        self.sent.push(text.clone());
        self.clients.push(Client {
            text,
            method: method.to_owned(),
            number: self.number,
            heard: false,
            cancelled: false,
            again: now + T1,
            wait: T1,
            until: now + GIVE_UP,
        });
    }

    fn write(&mut self, method: &str, number: u32, content: &str) -> String {
        self.branches += 1;
        let id = self.address.to_string().replace(['.', ':'], "x");
        let kind = match (content, method) {
            ("", _) => "",
            (_, "INFO") => "Content-Type: application/dtmf-relay\r\n",
            (_, _) => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{id}x{}x{}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} {method}\r\nContact: <{}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{content}",
            self.target,
            self.address,
            tag(&self.local),
            self.branches,
            self.local,
            self.remote,
            self.call_id,
            self.contact(),
            content.len()
        )
    }

    fn bye(&mut self, now: Moment) {
        if !self.clients.iter().any(|one| one.method == "BYE") {
            self.request(now, "BYE", "");
        }
    }

    fn cancel(&mut self, now: Moment) {
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
        self.sent.push(text.clone());
        self.clients.push(Client {
            text,
            method: "CANCEL".to_owned(),
            number,
            heard: false,
            cancelled: false,
            again: now + T1,
            wait: T1,
            until: now + GIVE_UP,
        });
    }

    // ---- what comes -------------------------------------------------------------------------------------------

    pub(crate) fn receive(&mut self, now: Moment, text: &str) {
        if self.dead {
            return;
        }
        self.judge(text);
        match status(text) {
            Some(status) => self.response(now, text, status),
            None => self.incoming(now, text),
        }
    }

    /// The laws that a phone can see.
    fn judge(&mut self, text: &str) {
        if text.contains("10.77.") {
            self.broken = Some("the other side's media address was passed on".to_owned());
        }
        let sdp = body(text);
        let origin = sdp_line(sdp, "o=");
        let mut words = origin.split(' ').skip(1);
        if let (Some(id), Some(version)) = (words.next(), words.next()) {
            let rest: String = sdp.lines().filter(|line| !line.starts_with("o=")).collect();
            let key = (id.to_owned(), version.to_owned());
            let before = self.said.entry(key).or_insert_with(|| rest.clone());
            if *before != rest {
                self.broken = Some(format!("SDP changed under one version: {origin}"));
            }
        }
    }

    fn response(&mut self, now: Moment, text: &str, status: u16) {
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
            if first && one.cancelled && one.method == "INVITE" {
                let (invite, number) = (one.text.clone(), one.number);
                self.send_cancel(now, &invite, number);
            }
            return;
        }
        let one = self.clients.remove(at);
        match one.method.as_str() {
            "INVITE" if status < 300 => self.accepted(now, &one, text),
            "INVITE" => self.rejected(now, &one, text, status),
            "BYE" => self.state = State::Over("its BYE was answered"),
            _other => {}
        }
    }

    fn accepted(&mut self, now: Moment, invite: &Client, text: &str) {
        self.remote = header(text, "To").to_owned();
        self.target = in_brackets(header(text, "Contact")).to_owned();
        let answer = match body(&invite.text) {
            "" => self.sdp("sendrecv"),
            _offered => String::new(),
        };
        let ack = self.write("ACK", invite.number, &answer);
        let to = tag(&self.remote).to_owned();
        self.acks.insert((invite.number, to), ack.clone());
        self.sent.push(ack);
        match self.state {
            State::Early => self.state = State::Up,
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
            (State::Early, _) => self.state = State::Over("its INVITE was refused"),
            // Glare: once more, after a while of its own.
            (State::Up, 491) => {
                let wait = Duration::from_millis(300 + u64::from(self.number) * 700);
                self.plan.push((now + wait, Act::Hold(self.holding)));
            }
            (State::Up, 408 | 481) => self.bye(now),
            _other => {}
        }
    }

    fn incoming(&mut self, now: Moment, text: &str) {
        let (number, _) = cseq(text);
        let to = tag(header(text, "To"));
        if !to.is_empty() && to != tag(&self.local) {
            // For the second phone behind the same INVITE.
            if method(text) != "ACK" {
                self.sent.push(reply(text, 200, to, &self.contact(), ""));
            }
            return;
        }
        if method(text) == "ACK" {
            self.unacked.retain(|one| one.number != number);
            return;
        }
        let key = format!("{} {}", branch(text), method(text));
        if let Some(before) = self.absorbed.get(&key) {
            if !before.is_empty() {
                self.sent.push(before.clone());
            }
            return;
        }
        match method(text) {
            "INVITE" => self.invited(now, text, &key),
            "CANCEL" => {
                self.respond(&key, text, 200, "");
                if let Some(invite) = self.invite.take() {
                    self.refuse(now, &invite, 487);
                    if self.state == State::Early {
                        self.state = State::Over("it was cancelled");
                    }
                }
            }
            "BYE" => {
                self.respond(&key, text, 200, "");
                if let Some(invite) = self.invite.take() {
                    self.refuse(now, &invite, 487);
                }
                self.unacked.retain(|one| !one.is_2xx);
                self.clients
                    .retain(|one| one.method != "BYE" && one.method != "INVITE");
                self.state = State::Over("it was told BYE");
            }
            "INFO" | "OPTIONS" => self.respond(&key, text, 200, ""),
            _other => self.respond(&key, text, 405, ""),
        }
    }

    fn invited(&mut self, now: Moment, text: &str, key: &str) {
        self.absorbed.insert(key.to_owned(), String::new());
        match self.state {
            State::Idle => {
                self.state = State::Early;
                self.invite = Some(text.to_owned());
            }
            State::Up if self.clients.iter().any(|one| one.method == "INVITE") => {
                self.refuse(now, text, 491);
            }
            State::Up => {
                self.target = in_brackets(header(text, "Contact")).to_owned();
                let direction = match body(text) {
                    held if held.contains("a=sendonly") => "recvonly",
                    _open => "sendrecv",
                };
                if direction == "recvonly" || self.version > 1 {
                    self.version += 1;
                }
                let answer = self.sdp(direction);
                self.accept(now, text, &answer);
            }
            State::Early | State::Over(_) => self.refuse(now, text, 481),
        }
    }

    fn say(&mut self, now: Moment, status: u16, with_sdp: bool) {
        let Some(invite) = self.invite.clone() else {
            return;
        };
        if status >= 200 {
            self.invite = None;
            self.state = State::Over("it refused");
            return self.refuse(now, &invite, status);
        }
        let early = with_sdp && !body(&invite).is_empty();
        let content = if early {
            self.sdp("sendrecv")
        } else {
            String::new()
        };
        let response = reply(&invite, status, tag(&self.local), &self.contact(), &content);
        let key = format!("{} INVITE", branch(&invite));
        self.absorbed.insert(key, response.clone());
        self.sent.push(response);
    }

    fn answer(&mut self, now: Moment) {
        if let Some(invite) = self.invite.take() {
            self.state = State::Up;
            let content = self.sdp("sendrecv");
            self.accept(now, &invite, &content);
        }
    }

    fn accept(&mut self, now: Moment, invite: &str, content: &str) {
        let text = reply(invite, 200, tag(&self.local), &self.contact(), content);
        self.keep_final(now, invite, text, true);
    }

    fn refuse(&mut self, now: Moment, invite: &str, status: u16) {
        let text = reply(invite, status, tag(&self.local), &self.contact(), "");
        self.keep_final(now, invite, text, false);
    }

    fn keep_final(&mut self, now: Moment, invite: &str, text: String, is_2xx: bool) {
        let key = format!("{} INVITE", branch(invite));
        self.absorbed.insert(key, text.clone());
        self.sent.push(text.clone());
        self.unacked.push(Unacked {
            text,
            number: cseq(invite).0,
            is_2xx,
            again: now + T1,
            wait: T1,
            until: now + GIVE_UP,
        });
    }

    fn respond(&mut self, key: &str, request: &str, status: u16, content: &str) {
        let text = reply(request, status, tag(&self.local), &self.contact(), content);
        self.absorbed.insert(key.to_owned(), text.clone());
        self.sent.push(text);
    }

    /// How it stands, for the report of a broken law.
    pub(crate) fn summary(&self) -> String {
        let dead = if self.dead { ", dead" } else { "" };
        let open: Vec<&str> = self
            .clients
            .iter()
            .map(|one| first_line(&one.text))
            .collect();
        format!(
            "{} [{}] {:?}{dead} waits for {open:?}",
            self.name, self.call_id, self.state
        )
    }
}
