//! Which call and which leg each SIP message belongs to, in and out, for the ladder that operators read.
//!
//! A message is known by its Call-ID, which every leg has of its own. What came is read already; what goes out was written by
//! us, so that its Call-ID is found by one search. Nothing is kept here but the Call-IDs of the legs: the messages themselves
//! are the engine's to keep.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::base::id::LegId;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::sip::message::Message;
use crate::sip::transport::Path;

/// How long the messages of a leg that is over are still known: a BYE that is repeated three times and its answer.
const LINGER: Duration = Duration::from_secs(4);

/// Most messages that wait to be fetched: the engine fetches them at every turn, which hears a few hundred.
const WAITING_MAX: usize = 16_384;

/// How our own writers begin the line.
const CALL_ID: &[u8] = b"\r\nCall-ID: ";

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To us.
    In,
    /// From us.
    Out,
}

/// A message of a call as it went over the wire.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The leg, and by it the call.
    pub leg: LegId,
    /// When.
    pub at: Moment,
    /// Which way.
    pub direction: Direction,
    /// Between whom.
    pub path: Path,
    /// All of it.
    pub bytes: Bytes,
}

/// The Call-IDs of the legs under way.
pub(in crate::call) struct Ladder {
    /// Somebody wants to know.
    on: bool,
    legs: Map<Box<[u8]>, LegId>,
    /// What came last of a Call-ID that no leg has: the INVITE of the leg that is about to be made.
    stranger: Option<(Moment, Path, Message)>,
    /// Call-IDs of legs that are over, the first to be forgotten first.
    leaving: VecDeque<(Moment, Box<[u8]>, LegId)>,
    seen: VecDeque<Seen>,
    call_id: memmem::Finder<'static>,
    now: Moment,
}

impl Ladder {
    /// Knows no leg, and looks at nothing until it is asked to.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            on: false,
            legs: keyed(key),
            stranger: None,
            leaving: VecDeque::new(),
            seen: VecDeque::new(),
            call_id: memmem::Finder::new(CALL_ID),
            now: Moment::START,
        }
    }

    /// Begins to look.
    pub(in crate::call) const fn look(&mut self) {
        self.on = true;
    }

    /// A leg is made; what came last may have been the INVITE that makes it.
    pub(in crate::call) fn begin(&mut self, call_id: &str, leg: LegId) {
        if !self.on {
            return;
        }
        self.legs.insert(call_id.as_bytes().into(), leg);
        let first = |(_, _, message): &mut (Moment, Path, Message)| {
            message.headers().call_id().as_bytes() == call_id.as_bytes()
        };
        if let Some((at, path, message)) = self.stranger.take_if(first) {
            self.keep(leg, at, Direction::In, path, message.text().clone());
        }
    }

    /// A leg is over: what is still said on it is known for a while.
    pub(in crate::call) fn end(&mut self, call_id: &str, leg: LegId) {
        if self.on {
            let over = (self.now + LINGER, call_id.as_bytes().into(), leg);
            self.leaving.push_back(over);
        }
    }

    /// A message came.
    pub(in crate::call) fn heard(&mut self, now: Moment, path: Path, message: Message) {
        self.forget(now);
        let call_id = message.headers().call_id().as_bytes();
        match self.legs.get(call_id) {
            Some(leg) => {
                let (leg, text) = (*leg, message.text().clone());
                self.keep(leg, now, Direction::In, path, text);
            }
            None => self.stranger = Some((now, path, message)),
        }
    }

    /// A message goes out.
    pub(in crate::call) fn said(&mut self, now: Moment, path: Option<Path>, bytes: &Bytes) {
        if self.legs.is_empty() {
            return;
        }
        self.forget(now);
        let call_id = self.call_id.find(bytes).and_then(|at| {
            let value = bytes.get(at + CALL_ID.len()..)?;
            value.get(..memchr::memchr(b'\r', value)?)
        });
        let leg = call_id.and_then(|call_id| self.legs.get(call_id)).copied();
        if let Some((leg, path)) = leg.zip(path) {
            self.keep(leg, now, Direction::Out, path, bytes.clone());
        }
    }

    /// Returns the next message of a call.
    pub(in crate::call) fn next(&mut self) -> Option<Seen> {
        self.seen.pop_front()
    }

    /// Forgets legs that have been over for long enough.
    pub(in crate::call) fn forget(&mut self, now: Moment) {
        self.now = now;
        while let Some((_, call_id, leg)) = self.leaving.pop_front_if(|(at, ..)| *at <= now) {
            // Another leg may have taken it over.
            if self.legs.get(&call_id) == Some(&leg) {
                self.legs.remove(&call_id);
            }
        }
    }

    fn keep(&mut self, leg: LegId, at: Moment, direction: Direction, path: Path, bytes: Bytes) {
        if self.seen.len() < WAITING_MAX {
            self.seen.push_back(Seen {
                leg,
                at,
                direction,
                path,
                bytes,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig::*;

    /// Who said what on which leg of the call.
    fn ladder(rig: &mut Rig) -> Vec<(u64, Direction, String)> {
        let seen = std::iter::from_fn(|| rig.board.next_seen());
        seen.map(|seen| {
            let text = String::from_utf8(seen.bytes.to_vec()).unwrap();
            let line = text.lines().next().unwrap();
            let word = line.trim_start_matches("SIP/2.0 ").split(' ').next();
            (seen.leg.0 & 0xff, seen.direction, word.unwrap().to_owned())
        })
        .collect()
    }

    fn shown() -> Rig {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.board.show_messages();
        rig
    }

    #[test]
    fn each_message_of_a_call_is_told_once_in_its_order_and_by_its_leg() {
        let mut rig = shown();
        let (caller, mut callee) = rig.up();
        let up = ladder(&mut rig);
        let said = |leg: u64, direction: Direction| {
            let of_it = up.iter().filter(|(l, d, _)| (*l, *d) == (leg, direction));
            of_it.map(|(.., word)| word.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(said(0, Direction::In), ["INVITE", "ACK"]);
        assert_eq!(said(0, Direction::Out), ["100", "200"]);
        assert_eq!(said(1, Direction::In), ["200"]);
        assert_eq!(said(1, Direction::Out), ["INVITE", "ACK"]);
        assert_eq!(up[0].2, "INVITE");
        drop(caller);
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
        // Repeated: the transaction answers by itself, and the ladder shows both.
        rig.from(PBX, &bye);
        let ours = rig.to(CARRIER, "BYE");
        rig.from(CARRIER, &reply(&ours, 200, "", ""));
        let down = ladder(&mut rig);
        let count = |word: &str| down.iter().filter(|(.., said)| said == word).count();
        assert_eq!((count("BYE"), count("200")), (3, 3), "{down:?}");
    }

    #[test]
    fn nobody_elses_messages_are_told_and_a_leg_that_is_over_is_forgotten() {
        let mut rig = shown();
        let (_, mut callee) = rig.up();
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
        let ours = rig.to(CARRIER, "BYE");
        rig.from(CARRIER, &reply(&ours, 200, "", ""));
        ladder(&mut rig);
        rig.from(
            PBX,
            &callee
                .request("OPTIONS", "")
                .replace("Call-ID: ", "Call-ID: x"),
        );
        assert_eq!(ladder(&mut rig), []);
        rig.pass(LINGER * 2);
        rig.from(PBX, &bye);
        assert_eq!(ladder(&mut rig), []);
        assert!(rig.board.hands.ladder.legs.is_empty());
    }

    #[test]
    fn without_a_reader_nothing_is_kept() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        assert_eq!(ladder(&mut rig), []);
        assert!(rig.board.hands.ladder.legs.is_empty());
    }
}
