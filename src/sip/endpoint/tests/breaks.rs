//! Two endpoints over connections that refuse, cut messages anywhere, and break at any moment, for many seeds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::*;

const SEEDS: u64 = 200;
const OTHER: &str = "192.0.2.2:5060";

#[test]
fn every_request_ends_once_whatever_the_connections_do() {
    for seed in 0..SEEDS {
        let mut call = Call::new(seed);
        call.run();
        call.judge();
    }
}

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Stands {
        link: usize,
    },
    Breaks {
        link: usize,
    },
    Bytes {
        link: usize,
        to: usize,
        bytes: Vec<u8>,
    },
    Rings,
    Answers(u16),
    HangsUp,
    LosesPatience,
}

/// One connection, as each side calls it.
struct Link {
    flows: [Option<FlowId>; 2],
    opener: usize,
    stands: bool,
    /// When the last byte toward each side arrives: streams keep their order.
    busy_until: [Moment; 2],
}

struct Call {
    seed: u64,
    chance: Chance,
    now: Moment,
    sides: [Endpoint; 2],
    links: Vec<Link>,
    queue: BinaryHeap<Reverse<(Moment, u64, Next)>>,
    order: u64,
    invite: Option<ClientKey>,
    asked: Option<(ServerKey, Request)>,
    answered: bool,
    /// How often each request of the caller's ended.
    ends: BTreeMap<ClientKey, usize>,
    acks: usize,
}

impl Call {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::from_number(seed);
        let side = |local: &str, chance: &mut Chance| {
            let settings = Settings {
                listeners: vec![(Transport::Tcp, address(local))],
                ..settings()
            };
            Endpoint::new(settings, chance.fork())
        };
        Self {
            seed,
            sides: [side(US, &mut chance), side(OTHER, &mut chance)],
            chance,
            now: Moment::START,
            links: Vec::new(),
            queue: BinaryHeap::new(),
            order: 0,
            invite: None,
            asked: None,
            answered: false,
            ends: BTreeMap::new(),
            acks: 0,
        }
    }

    fn hop() -> Hop {
        Hop::to(Transport::Tcp, address(OTHER))
    }

    fn ask(&mut self, method: &Method) -> ClientKey {
        let [caller, _] = &mut self.sides;
        let key = caller.request(self.now, Self::hop(), ours(method));
        self.ends.insert(key, 0);
        key
    }

    fn run(&mut self) {
        self.invite = Some(self.ask(&Method::Invite));
        self.later(20_000, Next::LosesPatience);
        self.drain();
        while let Some(at) = self.next() {
            assert!(
                at < Moment::from_millis(400_000),
                "seed {}: no end",
                self.seed
            );
            self.now = at;
            for side in &mut self.sides {
                side.handle_timeout(at);
            }
            self.drain();
            if let Some(Reverse((due, ..))) = self.queue.peek()
                && *due <= at
                && let Some(Reverse((_, _, next))) = self.queue.pop()
            {
                self.happen(next);
                self.drain();
            }
        }
    }

    fn next(&self) -> Option<Moment> {
        let wakes = self.sides.iter().filter_map(|side| side.poll_timeout());
        let first = self.queue.peek().map(|Reverse((at, ..))| *at);
        wakes.map(|(at, _)| at).chain(first).min()
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Stands { link } => self.stand(link),
            Next::Breaks { link } => self.end_link(link, [true, true]),
            Next::Bytes { link, to, bytes } => {
                if self.links[link].stands
                    && let Some(flow) = self.links[link].flows[to]
                {
                    self.sides[to].handle_bytes(self.now, flow, &bytes);
                }
            }
            Next::Rings => self.respond(180),
            Next::Answers(status) => self.respond(status),
            Next::HangsUp => {
                self.ask(&Method::Bye);
            }
            Next::LosesPatience => {
                let [caller, _] = &mut self.sides;
                caller.cancel(self.now, self.invite.unwrap(), None);
            }
        }
    }

    fn stand(&mut self, link: usize) {
        let number = link as u64;
        let opener = self.links[link].opener;
        let other = 1 - opener;
        self.links[link].stands = true;
        self.links[link].flows[other] = Some(FlowId::accepted(number));
        let addresses = [address(US), address(OTHER)];
        let mut far = addresses[opener];
        far.set_port(40_000 + u16::try_from(link).unwrap());
        let ends = [(opener, addresses[other]), (other, far)];
        for (side, peer) in ends {
            let path = Path {
                transport: Transport::Tcp,
                local: addresses[side],
                peer,
                flow: None,
            };
            let flow = self.links[link].flows[side].unwrap();
            self.sides[side].handle_opened(self.now, flow, path);
        }
        if self.chance.below(3) == 0 {
            let after = self.chance.below(6_000);
            self.later(after, Next::Breaks { link });
        }
    }

    /// Ends a connection and tells the sides that are to be told.
    fn end_link(&mut self, link: usize, told: [bool; 2]) {
        self.links[link].stands = false;
        for (side, told) in told.into_iter().enumerate() {
            if let Some(flow) = self.links[link].flows[side].take()
                && told
            {
                self.sides[side].handle_closed(self.now, flow);
            }
        }
    }

    fn respond(&mut self, status: u16) {
        if self.answered {
            return;
        }
        self.answered = status >= 200;
        let (key, request) = self.asked.as_ref().unwrap();
        let reply = Reply::to(request, status, reason_phrase(status)).tag("b");
        let [_, callee] = &mut self.sides;
        callee.respond(self.now, *key, status, reply.finish());
    }

    fn drain(&mut self) {
        for side in [0, 1] {
            while let Some(output) = self.sides[side].poll() {
                match output {
                    Output::Transmit(transmit) => self.carry(side, transmit),
                    Output::Event(event) => self.see(event),
                    Output::Heard(..) => panic!("nobody asked to overhear"),
                }
            }
        }
    }

    fn carry(&mut self, side: usize, transmit: Transmit) {
        match transmit {
            Transmit::Datagram { .. } => panic!("seed {}: a datagram", self.seed),
            Transmit::Open { flow, .. } => {
                let mut flows = [None, None];
                flows[side] = Some(flow);
                self.links.push(Link {
                    flows,
                    opener: side,
                    stands: false,
                    busy_until: [self.now; 2],
                });
                let link = self.links.len() - 1;
                let delay = self.chance.below(2_000);
                match self.chance.below(5) {
                    0 => self.later(delay, Next::Breaks { link }),
                    // It takes longer than anyone waits.
                    1 => self.later(60_000, Next::Breaks { link }),
                    _stands => self.later(delay, Next::Stands { link }),
                }
            }
            Transmit::Stream { flow, bytes } => {
                let link = self.link(side, flow);
                assert!(self.links[link].stands, "seed {}", self.seed);
                let cut = usize::try_from(self.chance.below(bytes.len() as u64)).unwrap();
                let (head, tail) = bytes.split_at(cut);
                for part in [head, tail] {
                    self.bytes(link, 1 - side, part);
                }
            }
            Transmit::Close { flow } => {
                let link = self.link(side, flow);
                let mut told = [true, true];
                told[side] = false;
                self.end_link(link, told);
            }
        }
    }

    fn link(&self, side: usize, flow: FlowId) -> usize {
        let named = |link: &Link| link.flows[side] == Some(flow);
        let found = self.links.iter().position(named);
        found.unwrap_or_else(|| panic!("seed {}: nothing is called {flow:?}", self.seed))
    }

    fn bytes(&mut self, link: usize, to: usize, bytes: &[u8]) {
        let at = self.now + Duration::from_millis(self.chance.below(200));
        let at = at.max(self.links[link].busy_until[to]);
        self.links[link].busy_until[to] = at;
        let bytes = bytes.to_vec();
        self.order += 1;
        let next = Next::Bytes { link, to, bytes };
        self.queue.push(Reverse((at, self.order, next)));
    }

    fn later(&mut self, millis: u64, next: Next) {
        self.order += 1;
        let at = self.now + Duration::from_millis(millis);
        self.queue.push(Reverse((at, self.order, next)));
    }

    fn see(&mut self, event: Event) {
        match event {
            Event::Request {
                knock,
                request,
                path,
            } => {
                let [_, callee] = &mut self.sides;
                let key = callee.take(self.now, knock, &request, path).unwrap();
                if request.method() == &Method::Bye {
                    let reply = Reply::to(&request, 200, reason_phrase(200)).finish();
                    let [_, callee] = &mut self.sides;
                    return callee.respond(self.now, key, 200, reply);
                }
                self.asked = Some((key, request));
                self.later(1_000, Next::Rings);
                let status = [200, 486][usize::from(self.chance.below(3) == 0)];
                self.later(3_000, Next::Answers(status));
            }
            Event::Cancelled { .. } => self.respond(487),
            Event::Acked { .. } | Event::AckMissing { .. } => self.acks += 1,
            Event::Response { key, response, .. } => {
                let status = response.status();
                if status < 200 {
                    return;
                }
                *self.ends.entry(key).or_default() += 1;
                if status < 300 && Some(key) == self.invite {
                    let [caller, _] = &mut self.sides;
                    caller.ack(self.now, key, "b", Self::hop(), ours(&Method::Ack));
                    self.later(3_000, Next::HangsUp);
                }
            }
            Event::Failed { key, .. } => *self.ends.entry(key).or_default() += 1,
            Event::Refused { status, .. } => assert_eq!(status, 481, "seed {}", self.seed),
        }
    }

    fn judge(&self) {
        let seed = self.seed;
        for side in &self.sides {
            assert_eq!(side.transactions(), (0, 0), "seed {seed}");
            assert_eq!(side.poll_timeout(), None, "seed {seed}");
        }
        assert!(
            self.ends.values().all(|ends| *ends == 1),
            "seed {seed}: {:?}",
            self.ends
        );
        assert!(self.acks <= 1, "seed {seed}");
    }
}
