//! Two endpoints over a network that loses, repeats, delays and reorders, for many seeds.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use super::*;

const SEEDS: u64 = 300;
const OTHER: &str = "192.0.2.2:5060";

#[test]
fn every_call_ends_once_on_both_sides_whatever_the_network_does() {
    for seed in 0..SEEDS {
        let mut call = Call::new(seed);
        call.run();
        call.judge();
    }
}

/// What one side does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Ring,
    Answer(u16),
    Cancel,
}

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrives { at_callee: bool, bytes: Vec<u8> },
    Does(Deed),
}

/// One call from a caller's endpoint to a callee's.
struct Call {
    seed: u64,
    chance: Chance,
    loss_percent: u64,
    now: Moment,
    sides: [Endpoint; 2],
    queue: BinaryHeap<Reverse<(Moment, u64, Next)>>,
    order: u64,
    invite: Option<ClientKey>,
    asked: Option<(ServerKey, Request)>,
    answered: Option<u16>,
    seen: Seen,
}

/// What the two users were told.
#[derive(Debug, Default)]
struct Seen {
    invites: usize,
    cancelled: usize,
    acked: usize,
    ack_missing: usize,
    finals: Vec<u16>,
    forks: BTreeSet<String>,
    failed: usize,
}

impl Call {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::from_number(seed);
        let side = |local: &str, chance: &mut Chance| {
            let settings = Settings {
                listeners: vec![(Transport::Udp, address(local))],
                ..settings()
            };
            Endpoint::new(settings, chance.fork())
        };
        Self {
            seed,
            loss_percent: chance.below(21),
            sides: [side(US, &mut chance), side(OTHER, &mut chance)],
            chance,
            now: Moment::START,
            queue: BinaryHeap::new(),
            order: 0,
            invite: None,
            asked: None,
            answered: None,
            seen: Seen::default(),
        }
    }

    fn run(&mut self) {
        let to = Hop::to(Transport::Udp, address(OTHER));
        let [caller, _] = &mut self.sides;
        self.invite = Some(caller.request(self.now, to, ours(&Method::Invite)));
        if self.chance.below(2) == 0 {
            let after = self.chance.below(4_000);
            self.later(after, Next::Does(Deed::Cancel));
        }
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
            while let Some(Reverse((due, ..))) = self.queue.peek()
                && *due <= at
            {
                let Some(Reverse((_, _, next))) = self.queue.pop() else {
                    break;
                };
                self.happen(next);
                self.drain();
            }
            self.drain();
        }
    }

    fn next(&self) -> Option<Moment> {
        let wakes = self.sides.iter().filter_map(|side| side.poll_timeout());
        let first = self.queue.peek().map(|Reverse((at, ..))| *at);
        wakes.map(|(at, _)| at).chain(first).min()
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Arrives { at_callee, bytes } => {
                let (local, peer) = if at_callee { (OTHER, US) } else { (US, OTHER) };
                let path = Path {
                    local: address(local),
                    ..udp(peer)
                };
                let side = &mut self.sides[usize::from(at_callee)];
                side.handle_datagram(self.now, path, Bytes::from(bytes));
            }
            Next::Does(Deed::Ring) => self.respond(180),
            Next::Does(Deed::Answer(status)) => self.respond(status),
            Next::Does(Deed::Cancel) => {
                let [caller, _] = &mut self.sides;
                caller.cancel(self.now, self.invite.unwrap(), None);
            }
        }
    }

    fn respond(&mut self, status: u16) {
        if self.answered.is_some() {
            return;
        }
        if status >= 200 {
            self.answered = Some(status);
        }
        let (key, request) = self.asked.as_ref().unwrap();
        let reply = Reply::to(request, status, reason_phrase(status)).tag("b");
        let [_, callee] = &mut self.sides;
        callee.respond(self.now, *key, status, reply.finish());
    }

    fn drain(&mut self) {
        for at_caller in [true, false] {
            while let Some(output) = self.sides[usize::from(!at_caller)].poll() {
                match output {
                    Output::Transmit(Transmit::Datagram { bytes, .. }) => {
                        self.carry(at_caller, &bytes);
                    }
                    Output::Transmit(other) => panic!("{other:?}"),
                    Output::Event(event) => self.see(event),
                    Output::Heard(..) => panic!("nobody asked to overhear"),
                }
            }
        }
    }

    /// Up to two copies of a datagram arrive, each when it likes.
    fn carry(&mut self, at_callee: bool, bytes: &Bytes) {
        let copies = 1 + u64::from(self.chance.below(10) == 0);
        for _ in 0..copies {
            if self.chance.below(100) >= self.loss_percent {
                let delay = 5 + self.chance.below(300);
                let bytes = bytes.to_vec();
                self.later(delay, Next::Arrives { at_callee, bytes });
            }
        }
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
                assert_eq!(request.method(), &Method::Invite);
                self.seen.invites += 1;
                self.asked = Some((key, request));
                let rings = self.chance.below(2_000);
                self.later(rings, Next::Does(Deed::Ring));
                let answers = rings + self.chance.below(3_000);
                let status = [200, 486][usize::from(self.chance.below(4) == 0)];
                self.later(answers, Next::Does(Deed::Answer(status)));
            }
            Event::Cancelled { .. } => {
                self.seen.cancelled += 1;
                self.respond(487);
            }
            Event::Acked { .. } => self.seen.acked += 1,
            Event::AckMissing { .. } => self.seen.ack_missing += 1,
            Event::Response { key, response, .. } => {
                let status = response.status();
                if status < 200 {
                    return;
                }
                self.seen.finals.push(status);
                if status < 300 {
                    let tag = response.headers().to().tag().unwrap().to_owned();
                    let to = Hop::to(Transport::Udp, address(OTHER));
                    let [caller, _] = &mut self.sides;
                    caller.ack(self.now, key, &tag, to, ours(&Method::Ack));
                    assert!(self.seen.forks.insert(tag), "seed {}", self.seed);
                }
            }
            Event::Failed { .. } => self.seen.failed += 1,
            // A CANCEL whose INVITE was lost, or came later.
            Event::Refused { status, .. } => assert_eq!(status, 481, "seed {}", self.seed),
        }
    }

    fn judge(&self) {
        let seen = &self.seen;
        let seed = self.seed;
        for side in &self.sides {
            assert_eq!(side.transactions(), (0, 0), "seed {seed}");
            assert_eq!(side.poll_timeout(), None, "seed {seed}");
        }
        assert!(seen.invites <= 1, "seed {seed}: {seen:?}");
        assert!(seen.cancelled <= 1, "seed {seed}: {seen:?}");
        assert_eq!(seen.finals.len() + seen.failed, 1, "seed {seed}: {seen:?}");
        if let [status] = seen.finals.as_slice() {
            assert_eq!(Some(*status), self.answered, "seed {seed}: {seen:?}");
        }
        let accepted = usize::from(self.answered == Some(200));
        assert_eq!(
            seen.acked + seen.ack_missing,
            accepted,
            "seed {seed}: {seen:?}"
        );
        // What a fifth of loss cannot break: eleven copies of each 2xx.
        if seen.finals == [200] {
            assert_eq!(seen.acked, 1, "seed {seed}: {seen:?}");
        }
    }
}
