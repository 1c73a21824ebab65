//! One call through the whole switchboard: INVITE, 100, INVITE, 180, 200, ACK, BYE and every answer, at 1,000 calls a second
//! with the transactions that the last 32 seconds left behind.
//!
//! `cargo bench --bench call`; the time of one call is in the `time` column. The phones' own writing is not counted.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that fails stops"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::number::Number;
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::desk::{Admission, Course, LegSound, MediaWish, Question, Told, Verdict, Wish};
use ringtag::call::story::SourceTag;
use ringtag::call::switchboard::{Setup, Switchboard};
use ringtag::call::trunk::Addresses;
use ringtag::call::trunks::Trunks;
use ringtag::config;
use ringtag::config::Config;
use ringtag::route::Facts;
use ringtag::sip::endpoint::{Settings, TRANSACTIONS_MAX, Transmit};
use ringtag::sip::transport::{Path, Transport};

#[expect(dead_code, reason = "the simulation's phones need the rest of it")]
#[path = "../tests/sim/text.rs"]
mod text;

use text::{header, in_brackets, reply, sdp};

const OFFICE: &str = r#"
[[trunk]]
id = "carrier"
host = "10.66.0.1"
[[trunk]]
id = "pbx"
host = "10.67.0.1"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
[[source]]
tag = "one"
category = "one"
numbers = ["+74950000001"]
[[manager]]
id = "a"
extension = "101"
trunk = "pbx"
[[rule]]
id = "one"
to = "manager:a"
"#;

const US: &str = "10.1.1.1:5060";
const CARRIER: &str = "10.66.0.1:5060";
const PBX: &str = "10.67.0.1:5060";
/// Calls begin so far apart.
const BETWEEN: Duration = Duration::from_millis(1);

struct Bench {
    board: Switchboard,
    config: Config,
    clock: Clock,
    chance: Chance,
    now: Moment,
    calls: u64,
    ports: u16,
    /// Time within the switchboard.
    spent: Duration,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ringtag.toml");
        std::fs::write(&file, OFFICE).unwrap();
        let config = config::load(&file).unwrap().config;
        let trunks = config.trunks.iter().map(|trunk| {
            let address = format!("{}:5060", trunk.host).parse().unwrap();
            (trunk.clone(), Addresses::plain(trunk.transport, [address]))
        });
        let setup = Setup {
            sip: Settings {
                advertise: None,
                listeners: vec![(Transport::Udp, US.parse().unwrap())],
                user_agent: "ringtag".to_owned(),
                transactions_max: TRANSACTIONS_MAX,
            },
            trunks: Arc::new(Trunks::new(trunks)),
            country: config.country,
            guard: config.guard,
            session: config.sip.session,
        };
        Self {
            board: Switchboard::new(setup, Chance::from_number(1)),
            config,
            clock: Clock::start(),
            chance: Chance::from_number(2),
            now: Moment::from_millis(1),
            calls: 0,
            ports: 20_000,
            spent: Duration::ZERO,
        }
    }

    /// Feeds one datagram and performs what is wished; returns what is sent, by peer.
    fn feed(&mut self, peer: &str, text: String) -> (Vec<String>, Vec<String>) {
        let path = Path {
            transport: Transport::Udp,
            local: US.parse().unwrap(),
            peer: peer.parse().unwrap(),
            flow: None,
        };
        let bytes = Bytes::from(text);
        let begun = self.clock.now();
        self.board.handle_datagram(self.now, path, bytes);
        self.spent += self.clock.now() - begun;
        let mut sent = (Vec::new(), Vec::new());
        loop {
            let begun = self.clock.now();
            let wish = self.board.poll();
            self.spent += self.clock.now() - begun;
            let Some(wish) = wish else { return sent };
            let told = match wish {
                Wish::Transmit(Transmit::Datagram { path, bytes }) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    let carrier = path.peer == CARRIER.parse::<SocketAddr>().unwrap();
                    if carrier { &mut sent.0 } else { &mut sent.1 }.push(text);
                    continue;
                }
                Wish::Decide(key, question) => Told::Decided(key, self.verdict(&question)),
                Wish::Media(MediaWish::Open { call, leg, .. }) => {
                    self.ports = self.ports.wrapping_add(2).max(20_000);
                    let address = SocketAddr::from(([10, 1, 1, 1], self.ports));
                    Told::Ports(call, leg, Some(address))
                }
                Wish::Media(MediaWish::Close { leg }) => Told::Closed(leg, LegSound::default()),
                Wish::Transmit(_)
                | Wish::Media(_)
                | Wish::Tell(_)
                | Wish::Gone(_)
                | Wish::Note(_) => continue,
            };
            let begun = self.clock.now();
            self.board.handle(self.now, told);
            self.spent += self.clock.now() - begun;
        }
    }

    fn verdict(&mut self, question: &Question) -> Verdict {
        let number = question.dialled.unwrap();
        let source = self.config.tracking.source(number).unwrap();
        let wall = WallTime::from_millis(1_790_000_000_000);
        let decision = self.config.routing.decide(&Facts {
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
        });
        Verdict::Ours(Box::new(Admission {
            id: CallId::new(wall, &mut self.chance),
            wall,
            virtual_number: Number::e164("+74950000001").unwrap(),
            source: SourceTag {
                project: Arc::clone(&source.project.id),
                tag: Arc::clone(&source.tag),
                channel: None,
                campaign: None,
                category: None,
            },
            tracked: true,
            prior_calls: 0,
            record: true,
            course: Course::Follow(decision),
        }))
    }

    fn call(&mut self) {
        self.calls += 1;
        self.now = self.now + BETWEEN;
        let n = self.calls;
        let begun = self.clock.now();
        self.board.handle_timeout(self.now);
        self.spent += self.clock.now() - begun;
        let offer = sdp("10.77.0.1", 4_000, 1, "sendrecv", "PCMA");
        let from = format!("<sip:+79160000001@carrier.example>;tag=c{n}");
        let invite = format!(
            "INVITE sip:+74950000001@{US} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bKi{n}\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: <sip:+74950000001@{US}>\r\nCall-ID: call-{n}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:anna@{CARRIER}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{offer}",
            offer.len()
        );
        let (_, toward) = self.feed(CARRIER, invite);
        let toward = toward
            .first()
            .unwrap_or_else(|| panic!("call {n} reached nobody"));
        let contact = format!("sip:phone@{PBX}");
        let tag = format!("p{n}");
        self.feed(PBX, reply(toward, 180, &tag, &contact, ""));
        let answer = sdp("10.77.0.2", 5_000, 1, "sendrecv", "PCMA");
        let (ok, _) = self.feed(PBX, reply(toward, 200, &tag, &contact, &answer));
        let ok = ok.first().unwrap();
        let target = in_brackets(header(ok, "Contact"));
        let to = header(ok, "To");
        let request = |method: &str, number: u32| {
            format!(
                "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bK{method}{n}\r\n\
                 Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: call-{n}\r\n\
                 CSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
            )
        };
        self.feed(CARRIER, request("ACK", 1));
        let (_, bye) = self.feed(CARRIER, request("BYE", 2));
        self.feed(PBX, reply(bye.first().unwrap(), 200, &tag, &contact, ""));
        assert_eq!(self.board.live().calls, 0);
    }
}

fn one_call(c: &mut Criterion) {
    let mut bench = Bench::new();
    // Fill the 32 seconds that finished transactions are kept.
    for _ in 0..40_000 {
        bench.call();
    }
    c.bench_function("call/set-up and hang-up", |b| {
        b.iter_custom(|times| {
            bench.spent = Duration::ZERO;
            for _ in 0..times {
                bench.call();
            }
            bench.spent
        });
    });
}

criterion_group!(benches, one_call);
criterion_main!(benches);
