//! What must hold whatever the peers of a call do: the entry point of fuzzing and of the replayed corpus.
//!
//! The bytes are a play: each names something that happens to a switchboard between a carrier and a PBX, in an order nobody would
//! think of. Afterwards every call has ended and nothing of it is kept.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::country::Country;
use crate::base::id::{CallId, LegId};
use crate::base::number::Number;
use crate::base::time::{Moment, WallTime};
use crate::call::desk::{Admission, CallKey, Course, LegSound, MediaWish, Told, Verdict, Wish};
use crate::call::probe::script::{Peer, Script};
use crate::call::story::{SourceTag, What};
use crate::call::switchboard::{Setup, Switchboard};
use crate::call::trunk::{Addresses, Reliable, Trunk};
use crate::call::trunks::Trunks;
use crate::route::probe::two_desks;
use crate::sip::endpoint::{Settings, Transmit};
use crate::sip::session_timer::Policy;
use crate::sip::transport::{Path, Transport};

mod script;

/// Steps of one play: what goes wrong goes wrong in fewer, and an endless play tells a fuzzer nothing.
const STEPS_MAX: usize = 96;
/// Messages that one step may cause. A step may jump half an hour, in which a few calls refresh, repeat and say goodbye.
const SENT_MAX: usize = 4_000;
/// After everything was ended, the longest that peers who say nothing can keep anything: a CANCEL that waits for its provisional
/// response, the INVITE's own end, and a BYE after that (64 * T1 each), four times over.
const SETTLED: Duration = Duration::from_secs(400);

/// Plays `bytes`.
///
/// # Panics
///
/// When something does not hold that must.
pub fn calls(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut stage = Stage::new(script.next().unwrap_or_default());
    for _ in 0..STEPS_MAX {
        let Some(step) = script.step() else { break };
        stage.play(step);
    }
    stage.finish();
}

/// A switchboard, its engine, and the two peers.
struct Stage {
    board: Switchboard,
    now: Moment,
    peer: Peer,
    together: bool,
    ports: bool,
    open: Vec<LegId>,
    asked: u64,
    gone: u64,
    /// How far each admitted call is told: begun, or ended.
    told: BTreeMap<CallId, bool>,
    sent: usize,
}

/// Something that happens.
enum Step {
    /// A peer says this.
    Says(SocketAddr, Bytes),
    /// Time passes.
    Waits(Duration),
    /// The engine says this about the newest leg or call.
    Told(Word),
    /// The bytes ask for what makes no sense now.
    Nothing,
}

/// What the engine may say.
#[derive(Clone, Copy)]
enum Word {
    HangUp,
    Silent,
    NoPorts,
    Ports,
}

impl Stage {
    fn new(settings: u8) -> Self {
        let is = |bit: u8| settings & bit != 0;
        let carrier = Trunk {
            port: Some(script::CARRIER.port()),
            trusted: is(1),
            transfers: is(2),
            ..Trunk::plain("carrier", "127.0.0.2")
        };
        let reliable = match settings >> 4 & 3 {
            0 => Reliable::Off,
            1 => Reliable::Required,
            _offered => Reliable::Supported,
        };
        let pbx = Trunk {
            port: Some(script::PBX.port()),
            trusted: is(4),
            transfers: true,
            reliable,
            username: Some("office".into()),
            password: Some("secret".into()),
            ..Trunk::plain("pbx", "127.0.0.3")
        };
        let trunks = Trunks::new([
            (carrier, Addresses::plain(Transport::Udp, [script::CARRIER])),
            (pbx, Addresses::plain(Transport::Udp, [script::PBX])),
        ]);
        let sip = Settings {
            advertise: None,
            listeners: vec![(Transport::Udp, script::US), (Transport::Tcp, script::US)],
            user_agent: "ringtag".to_owned(),
            transactions_max: 1_000,
        };
        let country = Country::from_code("RU");
        let setup = country.map(|country| Setup {
            sip,
            trunks: Arc::new(trunks),
            country,
            guard: Default::default(),
            session: Policy::default(),
        });
        #[expect(clippy::expect_used, reason = "the tables hold every country")]
        let setup = setup.expect("Russia is a country");
        Self {
            board: Switchboard::new(setup, Chance::from_number(1)),
            now: Moment::from_millis(1_000),
            peer: Peer::default(),
            together: is(8),
            ports: true,
            open: Vec::new(),
            asked: 0,
            gone: 0,
            told: BTreeMap::new(),
            sent: 0,
        }
    }

    fn play(&mut self, step: script::Step) {
        match self.peer.act(step) {
            Step::Says(from, bytes) => self.hears(from, bytes),
            Step::Waits(time) => self.wait(time),
            Step::Told(word) => self.engine(word),
            Step::Nothing => {}
        }
    }

    fn hears(&mut self, peer: SocketAddr, bytes: Bytes) {
        let path = Path {
            transport: Transport::Udp,
            local: script::US,
            peer,
            flow: None,
        };
        self.board.handle_datagram(self.now, path, bytes);
        self.perform();
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, _)) = self.board.poll_timeout()
            && at <= until
        {
            self.now = self.now.max(at);
            self.board.handle_timeout(self.now);
            self.perform();
        }
        self.now = until;
        self.sent = 0;
    }

    fn engine(&mut self, word: Word) {
        let told = match word {
            Word::HangUp => self.told.keys().next_back().copied().map(Told::HangUp),
            Word::Silent => self.open.first().copied().map(Told::Silent),
            Word::NoPorts | Word::Ports => {
                self.ports = matches!(word, Word::Ports);
                None
            }
        };
        if let Some(told) = told {
            self.board.handle(self.now, told);
            self.perform();
        }
    }

    fn perform(&mut self) {
        while let Some(wish) = self.board.poll() {
            match wish {
                Wish::Transmit(Transmit::Datagram { path, bytes }) => {
                    self.sent += 1;
                    assert!(self.sent < SENT_MAX, "one step has no end");
                    self.peer.hear(path.peer, bytes);
                }
                Wish::Transmit(Transmit::Open { flow, .. }) => {
                    self.board.handle_closed(self.now, flow);
                }
                Wish::Transmit(Transmit::Stream { .. } | Transmit::Close { .. }) => {}
                Wish::Decide(key, question) => {
                    self.asked += 1;
                    let dialled = question.dialled;
                    let verdict = self.verdict(dialled);
                    self.board.handle(self.now, Told::Decided(key, verdict));
                }
                Wish::Media(wish) => self.media(&wish),
                Wish::Tell(fact) => self.tell(fact.call, &fact.what),
                Wish::Gone(_) => self.gone += 1,
                Wish::Note(_) => {}
            }
        }
    }

    fn verdict(&self, dialled: Option<Number>) -> Verdict {
        let ours = Number::e164(script::OURS);
        match ours {
            Some(number) if dialled == ours => Verdict::Ours(Box::new(Admission {
                id: CallId::from_bytes(u128::from(self.asked).to_be_bytes()),
                wall: WallTime::from_millis(1_000_000),
                virtual_number: number,
                source: SourceTag {
                    project: "shop".into(),
                    tag: "tag".into(),
                    channel: None,
                    campaign: None,
                    category: None,
                },
                tracked: true,
                prior_calls: 0,
                record: true,
                course: Course::Follow(two_desks(number, "pbx", self.together)),
            })),
            Some(_) | None => Verdict::NotOurs,
        }
    }

    fn media(&mut self, wish: &MediaWish) {
        match wish {
            MediaWish::Open { call, leg, .. } => self.open_ports(*call, *leg),
            MediaWish::Close { leg } => {
                let leg = *leg;
                self.open.retain(|open| *open != leg);
                let sound = LegSound::default();
                self.board.handle(self.now, Told::Closed(leg, sound));
            }
            MediaWish::Bridge { caller, callee } => {
                assert!(self.open.contains(caller), "the caller's ports are open");
                assert!(self.open.contains(callee), "the target's ports are open");
            }
            MediaWish::Aim { .. }
            | MediaWish::Watch { .. }
            | MediaWish::Record { .. }
            | MediaWish::Anew { .. }
            | MediaWish::Turn { .. }
            | MediaWish::StopRecord { .. } => {}
        }
    }

    fn open_ports(&mut self, call: CallKey, leg: LegId) {
        let port = u16::try_from(20_000 + leg.0 % 40_000).unwrap_or(20_000);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let address = self.ports.then_some(address);
        if address.is_some() {
            self.open.push(leg);
        }
        self.board.handle(self.now, Told::Ports(call, leg, address));
    }

    fn tell(&mut self, call: CallId, what: &What) {
        let before = match what {
            What::Began(_) => self.told.insert(call, false),
            What::Ended(_) => {
                let begun = self.told.insert(call, true);
                assert!(begun == Some(false), "a call ends once, after it began");
                None
            }
            What::Ringing | What::Answered(_) | What::Transferred(_) => {
                assert!(
                    self.told.get(&call) == Some(&false),
                    "a call rings and is answered between its beginning and its end"
                );
                None
            }
        };
        assert!(before.is_none(), "a call begins once");
    }

    /// Ends everything, and looks whether anything is left.
    fn finish(mut self) {
        self.board.handle(self.now, Told::EndAll);
        self.perform();
        self.wait(SETTLED);
        assert!(self.told.values().all(|ended| *ended), "a call has no end");
        assert!(self.open.is_empty(), "ports are left open");
        assert!(self.asked == self.gone, "a call is not forgotten");
        assert!(
            self.board.kept().iter().all(|kept| *kept == 0),
            "tags, requests, INVITEs, ids or lines are left: {:?}",
            self.board.kept()
        );
        assert!(self.board.is_idle(), "something is left: {:?}", self.board);
    }
}
