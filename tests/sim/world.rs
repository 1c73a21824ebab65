//! One run: the switchboard, its phones, the network between them, and an engine that answers when it likes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use ringtag::base::chance::Chance;
use ringtag::base::id::{CallId, LegId};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::desk::{
    Admission, CallKey, Course, LegSound, MediaWish, Note, Question, Told, Verdict, Wish,
};
use ringtag::call::story::{Fact, SourceTag};
use ringtag::call::switchboard::{Setup, Switchboard};
use ringtag::call::trunk::Addresses;
use ringtag::call::trunks::Trunks;
use ringtag::config::Config;
use ringtag::route::Facts;
use ringtag::sip::endpoint::{Settings, Transmit};
use ringtag::sip::session_timer::Policy;
use ringtag::sip::transport::{Path, Transport};

use crate::crossings::Crossing;
use crate::network::{Network, Packet, Weather};
use crate::phone::Phone;
use crate::streams::{Event, Streams};
use crate::text::{branch, cseq, first_line, header, method, reply, status, tag};
use crate::watch::Watch;

pub(crate) const TCP_PBX: &str = "10.68.0.1:5060";
pub(crate) const US: &str = "10.1.1.1:5060";
/// By then every phone that lives has hung up. A call whose phones both died while it was on hold, when silence is not
/// watched, ends with the process only.
const SHUTDOWN: Moment = Moment::from_millis(500_000);
/// How long sessions last, as an admin may wish: much shorter than any admin would.
const SESSIONS: [Policy; 4] = [
    policy(0, 90),
    policy(1_800, 90),
    policy(40, 10),
    policy(20, 20),
];
/// Nothing that was begun takes longer than this.
const END: Moment = Moment::from_millis(700_000);

const fn policy(expires_s: u32, min_se_s: u32) -> Policy {
    Policy {
        expires_s,
        min_se_s,
    }
}

/// Everything of one run.
pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) chance: Chance,
    config: Arc<Config>,
    pub(crate) board: Switchboard,
    network: Network,
    streams: Streams,
    pub(crate) phones: Vec<Phone>,
    /// Answers of the engine that come later.
    later: VecDeque<(Moment, Told)>,
    pub(crate) ladder: Vec<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) media: Vec<(Moment, MediaWish)>,
    pub(crate) asked: BTreeSet<CallKey>,
    pub(crate) admitted: usize,
    pub(crate) gone: Vec<CallKey>,
    pub(crate) opened: Vec<LegId>,
    pub(crate) refused_ports: BTreeSet<LegId>,
    /// The final responses that the switchboard gave to each INVITE that reached it.
    pub(crate) finals: BTreeMap<(String, u32), BTreeSet<(u16, String)>>,
    pub(crate) notes: Vec<Note>,
    /// Whether connections break, and are refused.
    pub(crate) fragile: bool,
    /// Whether the network loses nothing.
    pub(crate) lossless: bool,
    /// The number of the last INVITE with a 2xx, by Call-ID and the peer's tag, and since when its ACK is missing.
    unacked: BTreeMap<(String, String), (u32, Option<Moment>)>,
    pub(crate) watch: Watch,
    pub(crate) broken: Option<String>,
    pub(crate) crossings: Vec<(Moment, Crossing)>,
    drain_at: Option<Moment>,
    shutdown_at: Option<Moment>,
}

impl World {
    pub(crate) fn new(seed: u64, config: &Arc<Config>) -> Self {
        let mut chance = Chance::from_number(seed);
        let lost = [0, 10, 50, 100, 200];
        let weather = Weather {
            lost: lost[usize::try_from(seed % 5).unwrap()],
            repeated: [0, 50][usize::try_from(seed / 5 % 2).unwrap()],
            late: [0, 100][usize::try_from(seed / 10 % 2).unwrap()],
            delay_ms: 5 + chance.below(80),
        };
        let us: SocketAddr = US.parse().unwrap();
        let addresses = |trunk: &ringtag::call::trunk::Trunk| {
            let address = format!("{}:5060", trunk.host).parse().unwrap();
            Addresses::plain(trunk.transport, [address])
        };
        let trunks = config
            .trunks
            .iter()
            .map(|trunk| (trunk.clone(), addresses(trunk)));
        let setup = Setup {
            sip: Settings {
                advertise: None,
                listeners: vec![(Transport::Udp, us), (Transport::Tcp, us)],
                user_agent: "ringtag".to_owned(),
                transactions_max: 100_000,
            },
            trunks: Arc::new(Trunks::new(trunks)),
            country: config.country,
            guard: config.guard,
            session: SESSIONS[usize::try_from(chance.below(4)).unwrap()],
        };
        let fragile = chance.below(3) == 0;
        let drains = chance.below(10) == 0;
        let drain_at = drains.then(|| Moment::from_millis(5_000 + chance.below(40_000)));
        let mut world = Self {
            now: Moment::START,
            board: Switchboard::new(setup, chance.fork()),
            network: Network::new(weather, chance.fork()),
            streams: Streams::new(us, fragile, chance.fork()),
            config: Arc::clone(config),
            phones: Vec::new(),
            later: VecDeque::new(),
            ladder: vec![format!("seed {seed}: {weather:?}")],
            facts: Vec::new(),
            media: Vec::new(),
            asked: BTreeSet::new(),
            admitted: 0,
            gone: Vec::new(),
            opened: Vec::new(),
            refused_ports: BTreeSet::new(),
            finals: BTreeMap::new(),
            notes: Vec::new(),
            fragile,
            lossless: weather.lost == 0 && !fragile,
            unacked: BTreeMap::new(),
            watch: Watch::default(),
            broken: None,
            crossings: Vec::new(),
            drain_at,
            shutdown_at: Some(SHUTDOWN),
            chance,
        };
        let callers = 1 + world.chance.below(6);
        for n in 0..callers {
            let caller = world.caller(u8::try_from(n + 1).unwrap());
            world.phones.push(caller);
        }
        world.plan_crossings();
        world
    }

    /// Runs until nobody wants anything any more.
    pub(crate) fn run(&mut self) {
        while let Some(at) = self.next() {
            if at > END {
                break;
            }
            self.now = self.now.max(at);
            self.step();
        }
        // The last transactions' timers.
        self.now = END + Duration::from_secs(100);
        self.board.handle_timeout(self.now);
        self.perform();
        self.watch.finish();
    }

    fn next(&self) -> Option<Moment> {
        let phones = self.phones.iter().filter_map(Phone::next_timeout).min();
        let board = self.board.poll_timeout().map(|(at, _)| at);
        let later = self.later.iter().map(|(at, _)| *at).min();
        let crossings = self.crossings.iter().map(|(at, _)| *at).min();
        [
            phones,
            board,
            later,
            crossings,
            self.network.next(),
            self.streams.next(),
            self.drain_at,
            self.shutdown_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn step(&mut self) {
        let now = self.now;
        if self.drain_at.is_some_and(|at| at <= now) {
            self.drain_at = None;
            self.note("the engine drains");
            let until = now + Duration::from_secs(20);
            self.board.handle(now, Told::Drain { until });
            self.perform();
        }
        if self.shutdown_at.is_some_and(|at| at <= now) {
            self.shutdown_at = None;
            self.note("the engine ends all calls");
            self.board.handle(now, Told::EndAll);
            self.perform();
        }
        while let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            if let Some((_, told)) = self.later.remove(at) {
                self.board.handle(now, told);
                self.perform();
            }
        }
        if self.board.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.board.handle_timeout(now);
            self.perform();
        }
        while let Some(at) = self.crossings.iter().position(|(at, _)| *at <= now) {
            let (_, what) = self.crossings.swap_remove(at);
            self.cross(what);
        }
        for at in 0..self.phones.len() {
            if self.phones[at].next_timeout().is_some_and(|due| due <= now) {
                self.phones[at].handle_timeout(now);
                self.flush(at);
            }
        }
        while let Some(packet) = self.network.arrived(now) {
            self.deliver(&packet);
        }
        while let Some(event) = self.streams.arrived(now) {
            self.happen(event);
        }
    }

    // ---- packets ----------------------------------------------------------------------------------------------

    pub(crate) fn flush(&mut self, at: usize) {
        let (from, tcp) = (self.phones[at].address, self.phones[at].habits.tcp);
        for text in std::mem::take(&mut self.phones[at].sent) {
            self.tell_forks(at, &text);
            if tcp {
                self.log("tcp", &format!("{from} -> us"), &text, "");
                self.streams.send_to_us(self.now, from, &text);
            } else {
                self.send(from, US.parse().unwrap(), text);
            }
        }
    }

    /// What one phone answers, the others behind the same INVITE hear of.
    fn tell_forks(&mut self, at: usize, text: &str) {
        let Some(status) = status(text).filter(|status| *status >= 200) else {
            return;
        };
        let branch = branch(text);
        if !self.phones[at].is_called_by(branch) {
            return;
        }
        let until = self.at(self.now, 600);
        for (other, phone) in self.phones.iter_mut().enumerate() {
            if other != at && phone.is_called_by(branch) {
                match status {
                    200..=299 => phone.hears_answer(until),
                    _refused => phone.hears_refusal(),
                }
            }
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, text: String) {
        let packet = Packet { from, to, text };
        let copies = self.network.send(self.now, &packet);
        let fate = ["   LOST", "", "   TWICE"][copies];
        self.log("udp", &format!("{from} -> {to}"), &packet.text, fate);
    }

    fn log(&mut self, by: &str, way: &str, text: &str, fate: &str) {
        let said = if text.contains("\r\nContent-Type: application/sdp") {
            " +sdp"
        } else {
            ""
        };
        let (from, to) = (tag(header(text, "From")), tag(header(text, "To")));
        let line = format!(
            "{by} {way:<34}  {}{said}  [{} | {} | {from} {to}]{fate}",
            first_line(text),
            header(text, "CSeq"),
            header(text, "Call-ID")
        );
        self.note(&line);
    }

    pub(crate) fn note(&mut self, what: &str) {
        let at = self.now.as_millis();
        self.ladder.push(format!("{at:>7} ms  {what}"));
    }

    fn deliver(&mut self, packet: &Packet) {
        if packet.to == US.parse().unwrap() {
            let path = Path {
                transport: Transport::Udp,
                local: packet.to,
                peer: packet.from,
                flow: None,
            };
            self.watch_arrival(&packet.text);
            let bytes = Bytes::copy_from_slice(packet.text.as_bytes());
            self.board.handle_datagram(self.now, path, bytes);
            return self.perform();
        }
        self.arrive(packet.to, &packet.text);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Opened(flow, path) => self.board.handle_opened(self.now, flow, path),
            Event::Bytes(flow, bytes) => {
                for text in self.streams.read_by_us(flow, &bytes) {
                    self.watch_arrival(&text);
                }
                self.board.handle_bytes(self.now, flow, &bytes);
            }
            Event::Closed(flow) => {
                self.note(&format!("tcp {flow:?} breaks"));
                self.watch.connection_broke(self.now);
                self.board.handle_closed(self.now, flow);
            }
            Event::Messages(home, texts) => {
                for text in texts {
                    self.arrive(home, &text);
                }
            }
        }
        self.perform();
    }

    fn watch_arrival(&mut self, text: &str) {
        self.watch.came(self.now, text);
        let (number, _) = cseq(text);
        if method(text) == "INVITE" {
            let id = header(text, "Call-ID").to_owned();
            self.finals.entry((id, number)).or_default();
        }
        if method(text) == "ACK" {
            let key = dialog(text, "From");
            if let Some((_, since)) = self.unacked.get_mut(&key).filter(|(of, _)| *of == number) {
                *since = None;
            }
        }
    }

    /// A message reaches a host of phones.
    fn arrive(&mut self, home: SocketAddr, text: &str) {
        let meant = |phone: &Phone| phone.address == home && phone.is_meant(text);
        let mut meant: Vec<usize> = (0..self.phones.len())
            .filter(|at| meant(&self.phones[*at]))
            .collect();
        if meant.is_empty() {
            let begins = method(text) == "INVITE" && tag(header(text, "To")).is_empty();
            if begins {
                meant = self.callees(home, text);
            } else if status(text).is_some() || method(text) == "ACK" {
                return;
            } else {
                let text = reply(text, 481, "nobody", "sip:nobody@10.67.0.1", "");
                return self.reply_from(home, text);
            }
        }
        for at in meant {
            self.phones[at].receive(self.now, text);
            self.flush(at);
        }
    }

    fn reply_from(&mut self, home: SocketAddr, text: String) {
        if home.ip() == TCP_PBX.parse::<SocketAddr>().unwrap().ip() {
            self.streams.send_to_us(self.now, home, &text);
        } else {
            self.send(home, US.parse().unwrap(), text);
        }
    }

    // ---- the engine -------------------------------------------------------------------------------------------

    fn perform(&mut self) {
        while let Some(wish) = self.board.poll() {
            match wish {
                Wish::Transmit(Transmit::Datagram { path, bytes }) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.watch_departure(path.peer, &text);
                    self.send(path.local, path.peer, text);
                }
                Wish::Transmit(Transmit::Open { flow, peer, .. }) => {
                    self.note(&format!("tcp {flow:?} to {peer}"));
                    self.streams.open(self.now, flow, peer);
                }
                Wish::Transmit(Transmit::Stream { flow, bytes }) => {
                    let Some(home) = self.streams.send_to_peer(self.now, flow, &bytes) else {
                        continue;
                    };
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    if !text.trim().is_empty() {
                        self.watch_departure(home, &text);
                        self.log("tcp", &format!("us -> {home}"), &text, "");
                    }
                }
                Wish::Transmit(Transmit::Close { flow }) => self.streams.close(flow),
                Wish::Decide(key, question) => {
                    assert!(self.asked.insert(key), "asked twice about {key:?}");
                    let verdict = self.verdict(&question);
                    self.answer(Told::Decided(key, verdict), 50);
                }
                Wish::Media(wish) => self.media(wish),
                Wish::Tell(fact) => {
                    self.note(&format!("FACT {}", word(&fact)));
                    self.facts.push(*fact);
                }
                Wish::Gone(key) => self.gone.push(key),
                Wish::Note(note) => self.notes.push(note),
            }
        }
    }

    fn watch_departure(&mut self, peer: SocketAddr, text: &str) {
        self.watch.sent(self.now, text);
        let (number, of) = cseq(text);
        if of == "INVITE" && status(text).is_some_and(|status| status / 100 == 2) {
            let first = (number, Some(self.now));
            let last = self.unacked.entry(dialog(text, "From")).or_insert(first);
            // A peer that sends the next INVITE has had the 2xx to the one before.
            if last.0 < number {
                *last = first;
            }
        } else if method(text) == "BYE"
            && let Some((_, Some(since))) = self.unacked.remove(&dialog(text, "To"))
            && self.now - since < Duration::from_secs(32)
        {
            // RFC 3261 15: not before the ACK, or before its time is over.
            self.broken = Some(format!("BYE to {peer} before its ACK: {text}"));
        }
        if let Some(status) = status(text).filter(|status| *status >= 200 && of == "INVITE") {
            let key = (header(text, "Call-ID").to_owned(), number);
            let to = tag(header(text, "To")).to_owned();
            self.finals.entry(key).or_default().insert((status, to));
        }
    }

    /// Answers now, or a little later.
    fn answer(&mut self, told: Told, delay_ms: u64) {
        if self.chance.below(3) == 0 {
            let at = self.now + Duration::from_millis(self.chance.below(delay_ms));
            self.later.push_back((at, told));
        } else {
            self.board.handle(self.now, told);
        }
    }

    fn verdict(&mut self, question: &Question) -> Verdict {
        let config = Arc::clone(&self.config);
        let found = question
            .dialled
            .and_then(|number| Some((number, config.tracking.source(number)?)));
        let Some((number, source)) = found else {
            return Verdict::NotOurs;
        };
        if self.chance.below(50) == 0 {
            return Verdict::NoRoom { retry_after_s: 5 };
        }
        self.admitted += 1;
        let wall = WallTime::from_millis(1_790_000_000_000) + (self.now - Moment::START);
        let facts = Facts {
            at: wall,
            source,
            number,
            caller: &question.caller,
            trunk: &question.trunk,
            prior_calls: 0,
            last_manager: None,
            rotation: &|_| 0,
            last_taken: &|_| None,
            chance: 0,
        };
        let course = match self.chance.below(40) {
            0 => Course::Overload { retry_after_s: 5 },
            _room => Course::Follow(config.routing.decide(&facts)),
        };
        Verdict::Ours(Box::new(Admission {
            id: CallId::new(wall, &mut self.chance),
            wall,
            virtual_number: number,
            source: SourceTag {
                project: Arc::clone(&source.project.id),
                tag: Arc::clone(&source.tag),
                channel: None,
                campaign: None,
                category: source.category.clone(),
            },
            tracked: true,
            prior_calls: 0,
            record: self.chance.below(4) > 0,
            course,
        }))
    }

    fn media(&mut self, wish: MediaWish) {
        match &wish {
            MediaWish::Open { call, leg, .. } => {
                let told = if self.chance.below(60) == 0 {
                    self.refused_ports.insert(*leg);
                    Told::Ports(*call, *leg, None)
                } else {
                    self.opened.push(*leg);
                    let port = 20_000 + u16::try_from(self.opened.len() * 2).unwrap();
                    Told::Ports(*call, *leg, Some(SocketAddr::from(([10, 1, 1, 1], port))))
                };
                self.answer(told, 10);
            }
            MediaWish::Close { leg } if !self.refused_ports.contains(leg) => {
                // Now and then a worker never reports.
                if self.chance.below(50) > 0 {
                    let told = Told::Closed(*leg, LegSound::default());
                    self.answer(told, 20);
                }
            }
            MediaWish::Watch { caller, on: true } => {
                if self.chance.below(20) == 0 {
                    let at = self.now + Duration::from_millis(self.chance.below(20_000));
                    self.later.push_back((at, Told::Silent(*caller)));
                }
            }
            MediaWish::Record { call, .. } => {
                if self.chance.below(20) == 0 {
                    let at = self.now + Duration::from_millis(self.chance.below(20_000));
                    self.later.push_back((at, Told::HangUp(*call)));
                }
            }
            MediaWish::Close { .. }
            | MediaWish::Aim { .. }
            | MediaWish::Bridge { .. }
            | MediaWish::Watch { .. }
            | MediaWish::Anew { .. }
            | MediaWish::Turn { .. }
            | MediaWish::StopRecord { .. } => {}
        }
        self.media.push((self.now, wish));
    }

    /// Phones that work and think that a call goes on.
    pub(crate) fn left(&self) -> Vec<String> {
        let left = self.phones.iter().filter(|phone| phone.is_left());
        left.map(Phone::summary).collect()
    }
}

/// A dialog as the peer knows it: Call-ID, and its own tag, which stands in that header.
fn dialog(text: &str, peers: &str) -> (String, String) {
    let id = header(text, "Call-ID").to_owned();
    (id, tag(header(text, peers)).to_owned())
}

fn word(fact: &Fact) -> String {
    use ringtag::call::story::What;
    let id = fact.call;
    match &fact.what {
        What::Began(_) => format!("{id} began"),
        What::Ringing => format!("{id} rings"),
        What::Transferred(told) => format!("{id} transferred: {}", told.transfer.result.word()),
        What::Answered(_) => format!("{id} answered"),
        What::Ended(ended) => format!("{id} ended: {}", ended.finish_reason.word()),
    }
}
