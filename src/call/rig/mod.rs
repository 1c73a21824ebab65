//! A rig for tests: the real switchboard between phones written out as text, on a clock that jumps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::base::chance::Chance;
use crate::base::country::Country;
use crate::base::id::{CallId, LegId};
use crate::base::number::Number;
use crate::base::time::{Moment, WallTime};
use crate::call::desk::{
    Admission, CallKey, Course, LegSound, MediaWish, Note, Question, Told, Verdict, Wish,
};
use crate::call::story::{Answered, Ended, Fact, SourceTag, TriedResult, What};
use crate::call::switchboard::{Setup, Switchboard};
use crate::call::trunk::{Addresses, Trunk};
use crate::call::trunks::Trunks;
use crate::route::Decision;
use crate::route::decision::{Dial, Plan, Step, Target};
use crate::sip::endpoint::{Settings, Transmit};
use crate::sip::session_timer::Policy;
use crate::sip::transport::{FlowId, Path, Transport};

mod text;

pub(in crate::call) use crate::call::rig::text::*;

pub(in crate::call) const US: &str = "127.0.0.1:5060";
/// The caller's trunk.
pub(in crate::call) const CARRIER: &str = "127.0.0.1:5066";
/// The targets' trunk.
pub(in crate::call) const PBX: &str = "127.0.0.1:5070";
/// A trunk with two addresses.
pub(in crate::call) const SPARE: &str = "127.0.0.1:5072";
pub(in crate::call) const NUMBER: &str = "+74950000001";

pub(in crate::call) struct Rig {
    pub(in crate::call) board: Switchboard,
    pub(in crate::call) now: Moment,
    /// What was sent to each peer and not read yet.
    inbox: BTreeMap<SocketAddr, Vec<String>>,
    pub(in crate::call) plan: Plan,
    pub(in crate::call) overload: bool,
    /// What the engine answers later than at once.
    pub(in crate::call) held_back: Vec<CallKey>,
    pub(in crate::call) hold_back: bool,
    pub(in crate::call) ports: bool,
    /// How many legs may have ports at once.
    pub(in crate::call) pairs: usize,
    pub(in crate::call) questions: Vec<Question>,
    pub(in crate::call) media: Vec<MediaWish>,
    pub(in crate::call) facts: Vec<Fact>,
    pub(in crate::call) notes: Vec<Note>,
    pub(in crate::call) gone: Vec<CallKey>,
    /// Legs whose ports are open.
    pub(in crate::call) open: Vec<LegId>,
    /// Connections that we asked for.
    pub(in crate::call) opening: Vec<(FlowId, SocketAddr)>,
    /// The connections that stand, and where to.
    flows: BTreeMap<FlowId, SocketAddr>,
    next_port: u16,
    calls: u64,
}

pub(in crate::call) fn target(extension: &str) -> Target {
    Target {
        name: format!("ext:{extension}@pbx").into(),
        manager: Some(format!("m{extension}").into()),
        dial: Dial::Extension(extension.into()),
        trunk: "pbx".into(),
        spare: Arc::default(),
    }
}

/// Steps of one target each.
pub(in crate::call) fn one_by_one(extensions: &[&str]) -> Plan {
    let step = |extension: &&str| Step {
        targets: vec![target(extension)],
        ring_s: 20,
    };
    Plan::Hunt(extensions.iter().map(step).collect())
}

/// One step of all.
pub(in crate::call) fn together(extensions: &[&str]) -> Plan {
    Plan::Hunt(vec![Step {
        targets: extensions.iter().map(|e| target(e)).collect(),
        ring_s: 20,
    }])
}

pub(in crate::call) fn trunk(id: &str, port: u16) -> Trunk {
    Trunk {
        port: Some(port),
        ..Trunk::plain(id, "127.0.0.1")
    }
}

/// Addresses over this protocol.
pub(in crate::call) fn over(transport: Transport, list: &[&str]) -> Addresses {
    Addresses::plain(transport, list.iter().map(|a| a.parse().unwrap()))
}

pub(in crate::call) fn at(address: &[&str]) -> Addresses {
    over(Transport::Udp, address)
}

pub(in crate::call) fn trunks() -> Vec<(Trunk, Addresses)> {
    vec![
        (trunk("carrier", 5066), at(&[CARRIER])),
        (trunk("pbx", 5070), at(&[PBX])),
    ]
}

/// The same, and the PBX may send its callers on.
pub(in crate::call) fn trunks_that_transfer() -> Vec<(Trunk, Addresses)> {
    let mut lines = trunks();
    lines[1].0.transfers = true;
    lines
}

impl Rig {
    /// Where legs were told that their peers want sound, in order.
    pub(in crate::call) fn aims(&self) -> Vec<String> {
        let aim = |wish: &MediaWish| {
            if let MediaWish::Aim { aim, .. } = wish {
                aim.rtp.map(|rtp| rtp.to_string())
            } else {
                None
            }
        };
        self.media.iter().filter_map(aim).collect()
    }

    pub(in crate::call) fn new(plan: Plan) -> Self {
        Self::with(plan, trunks())
    }

    pub(in crate::call) fn with(plan: Plan, trunks: Vec<(Trunk, Addresses)>) -> Self {
        let us: SocketAddr = US.parse().unwrap();
        let setup = Setup {
            sip: Settings {
                advertise: None,
                listeners: [Transport::Udp, Transport::Tcp, Transport::Tls]
                    .map(|transport| (transport, us))
                    .to_vec(),
                user_agent: "ringtag".to_owned(),
                transactions_max: 10_000,
            },
            trunks: Arc::new(Trunks::new(trunks)),
            country: Country::from_code("RU").unwrap(),
            guard: Default::default(),
            session: Policy::default(),
        };
        Self {
            board: Switchboard::new(setup, Chance::from_number(1)),
            now: Moment::from_millis(1_000),
            inbox: BTreeMap::new(),
            plan,
            overload: false,
            held_back: Vec::new(),
            hold_back: false,
            ports: true,
            pairs: usize::MAX,
            questions: Vec::new(),
            media: Vec::new(),
            facts: Vec::new(),
            notes: Vec::new(),
            gone: Vec::new(),
            open: Vec::new(),
            opening: Vec::new(),
            flows: BTreeMap::new(),
            next_port: 20_000,
            calls: 0,
        }
    }

    // ---- feeding ----------------------------------------------------------------------------------------------

    /// A datagram comes from `peer`.
    pub(in crate::call) fn from(&mut self, peer: &str, text: &str) {
        let path = Path {
            transport: Transport::Udp,
            local: US.parse().unwrap(),
            peer: peer.parse().unwrap(),
            flow: None,
        };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.board.handle_datagram(self.now, path, bytes);
        self.perform();
    }

    /// A party says something in its dialog.
    pub(in crate::call) fn says(&mut self, peer: &mut Peer, method: &str, body: &str) {
        let text = peer.request(method, body);
        self.from(peer.address, &text);
    }

    pub(in crate::call) fn tell(&mut self, told: Told) {
        self.board.handle(self.now, told);
        self.perform();
    }

    /// A connection stands, one of the peer's or one that was asked for; what goes out on it is read like datagrams.
    pub(in crate::call) fn connected(&mut self, transport: Transport, flow: FlowId, peer: &str) {
        let path = Path {
            transport,
            local: US.parse().unwrap(),
            peer: peer.parse().unwrap(),
            flow: Some(flow),
        };
        self.flows.insert(flow, path.peer);
        self.board.handle_opened(self.now, flow, path);
        self.perform();
    }

    /// Bytes come on a connection.
    pub(in crate::call) fn on(&mut self, flow: FlowId, text: &str) {
        self.board.handle_bytes(self.now, flow, text.as_bytes());
        self.perform();
    }

    /// A connection could not be opened.
    pub(in crate::call) fn closed(&mut self, flow: FlowId) {
        self.board.handle_closed(self.now, flow);
        self.perform();
    }

    /// The engine answers at last.
    pub(in crate::call) fn decide_late(&mut self, key: CallKey) {
        self.decide(key);
        self.perform();
    }

    /// Jumps ahead, stopping at every deadline on the way.
    pub(in crate::call) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, _)) = self.board.poll_timeout()
            && at <= until
        {
            self.now = self.now.max(at);
            self.board.handle_timeout(self.now);
            self.perform();
        }
        self.now = until;
    }

    pub(in crate::call) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    fn perform(&mut self) {
        while let Some(wish) = self.board.poll() {
            match wish {
                Wish::Transmit(Transmit::Datagram { path, bytes }) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.inbox.entry(path.peer).or_default().push(text);
                }
                Wish::Transmit(Transmit::Open { flow, peer, .. }) => {
                    self.opening.push((flow, peer));
                }
                Wish::Transmit(Transmit::Stream { flow, bytes }) => {
                    if let Some(peer) = self.flows.get(&flow) {
                        let text = String::from_utf8(bytes.to_vec()).unwrap();
                        self.inbox.entry(*peer).or_default().push(text);
                    }
                }
                Wish::Transmit(Transmit::Close { .. }) => {}
                Wish::Decide(key, question) => {
                    self.questions.push(*question);
                    if self.hold_back {
                        self.held_back.push(key);
                    } else {
                        self.decide(key);
                    }
                }
                Wish::Media(wish) => self.media(wish),
                Wish::Tell(fact) => self.facts.push(*fact),
                Wish::Gone(key) => self.gone.push(key),
                Wish::Note(note) => self.notes.push(note),
            }
        }
    }

    fn decide(&mut self, key: CallKey) {
        let question = self.questions.last().unwrap();
        let ours = question.dialled == Number::e164(NUMBER);
        self.calls += 1;
        let course = if self.overload {
            Course::Overload { retry_after_s: 7 }
        } else {
            Course::Follow(Decision::for_test("rule", self.plan.clone()))
        };
        let verdict = if ours {
            Verdict::Ours(Box::new(Admission {
                id: CallId::from_bytes(u128::from(self.calls).to_be_bytes()),
                wall: WallTime::from_millis(1_000_000),
                virtual_number: Number::e164(NUMBER).unwrap(),
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
                course,
            }))
        } else {
            Verdict::NotOurs
        };
        self.board.handle(self.now, Told::Decided(key, verdict));
    }

    fn media(&mut self, wish: MediaWish) {
        match &wish {
            MediaWish::Open { call, leg, .. } => {
                let (call, leg) = (*call, *leg);
                let free = self.ports && self.open.len() < self.pairs;
                let address = free.then(|| {
                    self.next_port += 2;
                    self.open.push(leg);
                    SocketAddr::from(([127, 0, 0, 9], self.next_port))
                });
                self.board.handle(self.now, Told::Ports(call, leg, address));
            }
            MediaWish::Close { leg } => {
                let leg = *leg;
                self.open.retain(|open| *open != leg);
                let sound = LegSound {
                    packets_in: 50,
                    ..LegSound::default()
                };
                self.board.handle(self.now, Told::Closed(leg, sound));
            }
            MediaWish::Aim { .. }
            | MediaWish::Bridge { .. }
            | MediaWish::Watch { .. }
            | MediaWish::Record { .. }
            | MediaWish::Anew { .. }
            | MediaWish::Turn { .. }
            | MediaWish::StopRecord { .. } => {}
        }
        self.media.push(wish);
    }

    // ---- reading ----------------------------------------------------------------------------------------------

    /// Everything that was sent to `peer` since it was last read.
    pub(in crate::call) fn all_to(&mut self, peer: &str) -> Vec<String> {
        self.inbox
            .remove(&peer.parse::<SocketAddr>().unwrap())
            .unwrap_or_default()
    }

    /// Everything that was sent to anybody since it was last read.
    pub(in crate::call) fn everything(&mut self) -> Vec<String> {
        std::mem::take(&mut self.inbox)
            .into_values()
            .flatten()
            .collect()
    }

    /// Puts a message back that was read.
    pub(in crate::call) fn put_back(&mut self, peer: &str, text: String) {
        self.inbox
            .entry(peer.parse().unwrap())
            .or_default()
            .push(text);
    }

    /// The one message to `peer` whose first line begins with `start`; the others are thrown away.
    #[track_caller]
    pub(in crate::call) fn to(&mut self, peer: &str, start: &str) -> String {
        let all = self.all_to(peer);
        let mut found = all.iter().filter(|text| begins(text, start));
        let first = found.next().cloned();
        let first = first.unwrap_or_else(|| panic!("no {start} to {peer} among {all:#?}"));
        // The same again is a repetition, since nobody acknowledged it.
        let other = found.find(|text| **text != first);
        assert_eq!(other, None, "more than one {start}");
        first
    }

    /// The first lines of all that was sent to `peer` since it was last read.
    pub(in crate::call) fn lines_to(&mut self, peer: &str) -> Vec<String> {
        let line = |text: &String| text.lines().next().unwrap().to_owned();
        self.all_to(peer).iter().map(line).collect()
    }

    pub(in crate::call) fn ended(&self) -> &Ended {
        let mut ended = self.facts.iter().filter_map(|fact| {
            if let What::Ended(ended) = &fact.what {
                Some(&**ended)
            } else {
                None
            }
        });
        let one = ended.next().expect("no record");
        assert_eq!(ended.next(), None, "two records");
        one
    }

    /// What came of each target, and what it said.
    pub(in crate::call) fn tried(&self) -> Vec<(TriedResult, Option<u16>)> {
        let tried = self.ended().targets_tried.iter();
        tried.map(|one| (one.result, one.sip_status)).collect()
    }

    pub(in crate::call) fn answered(&self) -> &Answered {
        self.facts
            .iter()
            .find_map(|fact| {
                if let What::Answered(answered) = &fact.what {
                    Some(&**answered)
                } else {
                    None
                }
            })
            .expect("not answered")
    }

    /// The names of the facts, in order.
    pub(in crate::call) fn told(&self) -> Vec<&'static str> {
        self.facts
            .iter()
            .map(|fact| match &fact.what {
                What::Began(_) => "began",
                What::Ringing => "ringing",
                What::Answered(_) => "answered",
                What::Transferred(_) => "transferred",
                What::Ended(_) => "ended",
            })
            .collect()
    }

    /// The callee's leg of each bridge, by its number within the call.
    pub(in crate::call) fn bridges(&self) -> Vec<u64> {
        let callee = |wish: &MediaWish| {
            if let MediaWish::Bridge { callee, .. } = wish {
                Some(callee.0 & 0xff)
            } else {
                None
            }
        };
        self.media.iter().filter_map(callee).collect()
    }

    /// Everything is over, and nothing is kept.
    #[track_caller]
    pub(in crate::call) fn assert_clean(&mut self) {
        self.seconds(120);
        assert_eq!(self.board.live().calls, 0, "a call is left");
        assert_eq!(self.open, [], "ports are left open");
        assert_eq!(self.board.half_open(), 0, "a call is counted as half open");
        assert_eq!(self.board.transactions(), (0, 0), "transactions are kept");
        assert!(self.board.is_idle(), "{:?}", self.board);
        assert_eq!(
            self.board.kept(),
            [0; 5],
            "tags, requests, INVITEs, ids, lines"
        );
        assert_eq!(
            self.gone.len(),
            self.questions.len(),
            "calls gone and asked about"
        );
    }

    // ---- usual steps ------------------------------------------------------------------------------------------

    /// The caller's INVITE comes; returns its text.
    pub(in crate::call) fn dial(&mut self) -> String {
        let invite = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        self.from(CARRIER, &invite);
        invite
    }

    /// The target answers its INVITE.
    pub(in crate::call) fn answers(&mut self, toward: &str) {
        let answer = sdp("127.0.0.3", 5_000, "");
        self.from(PBX, &reply(toward, 200, "callee", &answer));
    }

    /// A call that was answered and that its caller has not acknowledged. Returns it as the caller and as the target see it.
    pub(in crate::call) fn unacked(&mut self) -> (Peer, Peer) {
        let invite = self.dial();
        let toward = self.to(PBX, "INVITE");
        self.answers(&toward);
        let ok = self.to(CARRIER, "SIP/2.0 200");
        let caller = Peer::caller(&invite, &ok);
        (caller, Peer::callee(&toward, "callee"))
    }

    /// A call that is up.
    pub(in crate::call) fn up(&mut self) -> (Peer, Peer) {
        let (mut caller, callee) = self.unacked();
        self.says(&mut caller, "ACK", "");
        self.to(PBX, "ACK");
        (caller, callee)
    }

    /// A target answers that is not wanted any more: it gets ACK and BYE, and leaves.
    #[track_caller]
    pub(in crate::call) fn answers_in_vain(&mut self, toward: &str) {
        self.answers(toward);
        let lines = self.all_to(PBX);
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        self.from(PBX, &reply(&lines[1], 200, "", ""));
    }
}
