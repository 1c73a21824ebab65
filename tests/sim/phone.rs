//! A simulated phone: one dialog, with everything that RFC 3261 and its extensions ask of a user agent, and a will of its own.

#[path = "phone/answers.rs"]
mod answers;
#[path = "phone/habits.rs"]
mod habits;
#[path = "phone/reliable.rs"]
mod reliable;
#[path = "phone/requests.rs"]
mod requests;
#[path = "phone/session.rs"]
mod session;
#[path = "phone/transfer.rs"]
mod transfer;
#[path = "phone/updates.rs"]
mod updates;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ringtag::base::time::Moment;

use crate::text::{body, branch, first_line, header, in_brackets, sdp, sdp_line, status, tag, uri};
use crate::world::US;

use answers::Unacked;
pub(crate) use habits::{Habits, Reliable};
use reliable::{Early, Unpracked};
use requests::Client;
use session::Running;

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
    /// Sends UPDATE, with or without an offer.
    Update(bool),
    /// Asks the other side for an offer.
    AskOffer,
    /// Sends the other side to an extension, and hangs up at once or when it is there.
    Refer(u16, bool),
    /// Sends a digit by INFO.
    Digit,
    /// Says nothing from now on: power failure.
    Die,
    /// A called phone says so, with or without SDP.
    Say(u16, bool),
    /// A called phone answers.
    Answer,
    /// Another phone behind the same INVITE has answered.
    StandDown,
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

/// One phone.
pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) call_id: String,
    pub(crate) habits: Habits,
    local: String,
    remote: String,
    target: String,
    number: u32,
    branches: u32,
    pub(crate) state: State,
    plan: Vec<(Moment, Act)>,
    clients: Vec<Client>,
    /// A caller's dialogs before the answer, by the other side's tag.
    earlies: BTreeMap<String, Early>,
    /// The INVITE that it has not answered finally.
    invite: Option<String>,
    /// The branch of the INVITE that it was called by.
    called_by: String,
    unpracked: Option<Unpracked>,
    rseq: u32,
    /// A callee's offer and answer are through before its 2xx.
    agreed: bool,
    unacked: Vec<Unacked>,
    absorbed: BTreeMap<String, String>,
    acks: BTreeMap<(u32, String), String>,
    session: Option<Running>,
    min_se_s: u32,
    /// It hangs up once its REFER is accepted.
    leaves: bool,
    /// The dialog whose place its INVITE takes.
    pub(crate) replaces: Option<String>,
    late_offer: bool,
    codec: &'static str,
    media: (String, u16),
    version: u32,
    direction: &'static str,
    /// It is not the one that refuses for all behind its INVITE.
    pub(crate) is_fork: bool,
    /// Another behind its INVITE has answered.
    stands_down: bool,
    pub(crate) dead: bool,
    pub(crate) sent: Vec<String>,
    /// Each INVITE's number, with the final responses that differ.
    pub(crate) finals: BTreeMap<u32, BTreeSet<(u16, String)>>,
    /// What it sent again and again in vain.
    pub(crate) in_vain: Vec<String>,
    /// A law that this phone saw broken.
    pub(crate) broken: Option<String>,
    /// The ACK to an offer of this phone had no answer, and no BYE came after it.
    pub(crate) unanswered: bool,
    /// The other side did not refresh the session, although it had promised.
    pub(crate) unrefreshed: bool,
    /// This phone did not refresh, and the other side did not mind.
    pub(crate) outlived: bool,
    said: BTreeMap<(String, String), String>,
}

impl Phone {
    pub(crate) fn caller(
        n: u8,
        switchboard: SocketAddr,
        number: &str,
        habits: Habits,
        plan: Vec<(Moment, Act)>,
    ) -> Self {
        let address = SocketAddr::from(([10, 66, 0, n], 5060));
        let mut phone = Self::new(format!("caller {n}"), address, habits, plan);
        phone.call_id = format!("in-{n}");
        phone.local = format!("<sip:+7916000{n:04}@carrier.example>;tag=caller{n}");
        phone.remote = format!("<sip:{number}@{switchboard}>");
        phone.target = format!("sip:{number}@{switchboard}");
        if habits.tcp {
            phone.target += ";transport=tcp";
        }
        phone.media = (format!("10.77.0.{n}"), 4_000 + u16::from(n) * 2);
        phone
    }

    pub(crate) fn callee(
        n: usize,
        invite: &str,
        address: SocketAddr,
        habits: Habits,
        plan: Vec<(Moment, Act)>,
    ) -> Self {
        let name = format!("phone {n} ({})", uri(invite));
        let mut phone = Self::new(name, address, habits, plan);
        phone.call_id = header(invite, "Call-ID").to_owned();
        phone.remote = header(invite, "From").to_owned();
        phone.local = format!("{};tag=callee{n}", header(invite, "To"));
        phone.target = in_brackets(header(invite, "Contact")).to_owned();
        phone.called_by = branch(invite).to_owned();
        phone.media = (format!("10.77.1.{}", n % 250), 6_000);
        phone
    }

    /// A phone of the office that calls by itself, in another one's place.
    pub(crate) fn picker(
        n: usize,
        address: SocketAddr,
        habits: Habits,
        plan: Vec<(Moment, Act)>,
    ) -> Self {
        let mut phone = Self::new(format!("picker {n}"), address, habits, plan);
        phone.call_id = format!("pick-{n}");
        phone.local = format!("<sip:{}@{}>;tag=picker{n}", 200 + n, address.ip());
        phone.target = format!("sip:{US}");
        phone.remote = format!("<sip:{US}>");
        if phone.habits.tcp {
            phone.target += ";transport=tcp";
        }
        phone.media = (format!("10.77.2.{}", n % 250), 8_000);
        phone
    }

    fn new(name: String, address: SocketAddr, habits: Habits, plan: Vec<(Moment, Act)>) -> Self {
        Self {
            name,
            address,
            call_id: String::new(),
            habits,
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            number: 0,
            branches: 0,
            state: State::Idle,
            plan,
            clients: Vec::new(),
            earlies: BTreeMap::new(),
            invite: None,
            called_by: String::new(),
            unpracked: None,
            rseq: 0,
            agreed: false,
            unacked: Vec::new(),
            absorbed: BTreeMap::new(),
            acks: BTreeMap::new(),
            session: None,
            min_se_s: 0,
            leaves: false,
            replaces: None,
            late_offer: false,
            codec: "PCMA",
            media: (String::new(), 0),
            version: 1,
            direction: "sendrecv",
            is_fork: false,
            stands_down: false,
            dead: false,
            sent: Vec::new(),
            finals: BTreeMap::new(),
            in_vain: Vec::new(),
            broken: None,
            unanswered: false,
            unrefreshed: false,
            outlived: false,
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

    /// Whether it is one of the office, behind a trunk that may transfer.
    pub(crate) fn is_office(&self) -> bool {
        self.address.ip() == IpAddr::from([10, 67, 0, 1])
            || self.address.ip() == IpAddr::from([10, 68, 0, 1])
    }

    /// Whether it talks.
    pub(crate) fn is_up(&self) -> bool {
        !self.dead && self.state == State::Up
    }

    /// Its dialog, as a Replaces names it to us.
    pub(crate) fn replaces(&self) -> String {
        let (to, from) = (tag(&self.remote), tag(&self.local));
        format!("{};to-tag={to};from-tag={from}", self.call_id)
    }

    /// It does something more at that moment.
    pub(crate) fn will(&mut self, at: Moment, act: Act) {
        self.plan.push((at, act));
    }

    /// Whether the dialog stands at a phone that works.
    pub(crate) fn is_left(&self) -> bool {
        !self.dead && matches!(self.state, State::Up | State::Early)
    }

    /// Whether a message that came to its address is for it.
    pub(crate) fn is_meant(&self, text: &str) -> bool {
        if self.call_id != header(text, "Call-ID") {
            return false;
        }
        let own = tag(&self.local);
        match (status(text), tag(header(text, "To"))) {
            (Some(_), _) => tag(header(text, "From")) == own,
            (None, "") => branch(text) == self.called_by,
            (None, to) => to == own,
        }
    }

    /// Whether it was called by the INVITE with this branch.
    pub(crate) fn is_called_by(&self, branch: &str) -> bool {
        !branch.is_empty() && self.called_by == branch
    }

    /// Another phone behind its INVITE has answered: it may answer too until `at`, and refuses nothing any more.
    pub(crate) fn hears_answer(&mut self, at: Moment) {
        if self.state == State::Early && !self.stands_down {
            self.stands_down = true;
            self.plan.push((at, Act::StandDown));
        }
    }

    /// The phone that speaks for all behind its INVITE has refused.
    pub(crate) fn hears_refusal(&mut self) {
        // It may not even have rung yet.
        if matches!(self.state, State::Idle | State::Early) {
            self.invite = None;
            self.unpracked = None;
            self.state = State::Over("its INVITE was refused by another");
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        if self.dead {
            return None;
        }
        let plan = self.plan.iter().map(|(at, _)| *at);
        let clients = self.clients.iter().map(Client::next);
        let unacked = self.unacked.iter().map(Unacked::next);
        let unpracked = self.unpracked.iter().map(Unpracked::next);
        let session = self.session.iter().map(Running::next);
        plan.chain(clients)
            .chain(unacked)
            .chain(unpracked)
            .chain(session)
            .min()
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
        self.session_due(now);
        self.repeat_unpracked(now);
        self.repeat_requests(now);
        self.repeat_finals(now);
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
                let offer = self.sdp(if on { "sendonly" } else { "sendrecv" });
                self.request(now, "INVITE", &offer);
            }
            (Act::Update(with_sdp), _) => self.update(now, with_sdp),
            (Act::AskOffer, State::Up) if self.may_modify() => self.request(now, "INVITE", ""),
            (Act::Refer(extension, leaves), State::Up) => self.refer(now, extension, leaves),
            (Act::Digit, State::Up) => self.request(now, "INFO", "Signal=5\r\nDuration=160\r\n"),
            (Act::Say(status, with_sdp), State::Early) => self.say(now, status, with_sdp),
            (Act::Answer, State::Early) => self.answer(now),
            (Act::StandDown, State::Early) => {
                self.invite = None;
                self.unpracked = None;
                self.state = State::Over("another answered");
            }
            _too_late => {}
        }
    }

    fn contact(&self) -> String {
        let transport = if self.habits.tcp {
            ";transport=tcp"
        } else {
            ""
        };
        format!("sip:phone@{}{transport}", self.address)
    }

    /// What it says of its sound; a new version where that differs from what it said before.
    fn sdp(&mut self, direction: &'static str) -> String {
        if direction != self.direction {
            self.direction = direction;
            self.version += 1;
        }
        let (host, port) = &self.media;
        sdp(host, *port, self.version, direction, self.codec)
    }

    fn answer_to(&mut self, offer: &str) -> String {
        self.sdp(match offer {
            held if held.contains("a=sendonly") => "recvonly",
            muted if muted.contains("a=recvonly") => "sendonly",
            silent if silent.contains("a=inactive") => "inactive",
            _open => "sendrecv",
        })
    }

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
