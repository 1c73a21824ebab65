//! The messages of calls in progress, gathered for the ladder that operators read: bounded for each call and for all of them.
//!
//! A message is kept as the bytes that were read or written anyway; what is done with them, the store does when the call is
//! over, on a thread of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::call::desk::CallKey;
use crate::call::ladder::Seen;
use crate::call::switchboard::Switchboard;
use crate::store::Store;
use crate::store::ladder::{Draft, Message};

/// Messages of one call: an INVITE to every target of a large group, or a day of session timers. In a call that has more the
/// first [`BEGINNING`] and the last ones stay.
const MESSAGES_MAX: usize = 96;

/// Messages that stay when there are too many: how the call came to be.
const BEGINNING: usize = 64;

/// Bytes of one message: four times a long INVITE. Of a longer one the beginning is kept.
const BYTES_MAX: usize = 8_192;

/// Bytes of all messages kept: those of some 7,000 calls in progress. Calls that begin while it is full have no ladder.
const ALL_BYTES_MAX: usize = 64 << 20;

/// Calls a second whose messages are kept: ten times what a large office has in its busiest minute. Beyond that a flood or a
/// measurement goes on, and processor and disk are for the calls.
const CALLS_PER_S: u32 = 10;

/// Seconds' worth of calls that may begin at once.
const BURST_S: u32 = 25;

/// How long a call that is over is listened to: its last BYE may still be answered, or repeated.
const LINGER: Duration = Duration::from_secs(2);

/// How often the engine wakes for ladders alone.
const GRAIN: Duration = Duration::from_millis(100);

/// The ladders of calls in progress.
#[derive(Debug)]
pub(in crate::engine) struct Ladders {
    open: BTreeMap<CallKey, Trace>,
    /// Calls that are over, the first one first.
    leaving: VecDeque<(Moment, CallKey)>,
    /// The newest call that was heard of: what is older and not there is not wanted.
    newest: CallKey,
    bytes: usize,
    /// When as many calls as there may be would have begun evenly.
    paid_until: Moment,
    /// Calls that should have one and have none.
    missed: u64,
}

#[derive(Debug)]
struct Trace {
    /// Once the call was admitted.
    id: Option<CallId>,
    since: (Moment, WallTime),
    draft: Draft,
    bytes: usize,
}

impl Ladders {
    /// Knows no call.
    pub(in crate::engine) const fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            leaving: VecDeque::new(),
            newest: CallKey(0),
            bytes: 0,
            paid_until: Moment::START,
            missed: 0,
        }
    }

    /// How many calls have no ladder: too many began at once, or their messages found no room on the way to the disk.
    pub(in crate::engine) const fn missed(&self) -> u64 {
        self.missed
    }

    /// Takes a message of a call; `wall` is asked for the time when it is the first of one.
    pub(in crate::engine) fn see(&mut self, seen: Seen, wall: impl FnOnce() -> WallTime) {
        let call = Switchboard::call_of(seen.leg);
        if call > self.newest {
            self.newest = call;
            if self.bytes < ALL_BYTES_MAX && self.may_begin(seen.at) {
                let trace = Trace {
                    id: None,
                    since: (seen.at, wall()),
                    draft: Draft::default(),
                    bytes: 0,
                };
                self.open.insert(call, trace);
            }
        }
        if let Some(trace) = self.open.get_mut(&call) {
            self.bytes -= trace.bytes;
            trace.take(seen);
            self.bytes += trace.bytes;
        }
    }

    /// The call is ours and has this id; `None`: it leaves no record that anybody may see.
    pub(in crate::engine) fn admitted(&mut self, call: CallKey, id: Option<CallId>) {
        match (self.open.get_mut(&call), id) {
            (Some(trace), Some(_)) => trace.id = id,
            (Some(_), None) => self.drop_trace(call),
            // Its messages were seen: where nobody looks, nothing is missing.
            (None, Some(_)) if call <= self.newest => self.missed += 1,
            (None, _) => {}
        }
    }

    /// The call is over.
    pub(in crate::engine) fn gone(&mut self, now: Moment, call: CallKey) {
        match self.open.get(&call).map(|trace| trace.id) {
            Some(Some(_)) => self.leaving.push_back((now + LINGER, call)),
            Some(None) => self.drop_trace(call),
            None => {}
        }
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub(in crate::engine) fn poll_timeout(&self) -> Option<Moment> {
        // Nobody waits for one of them: those of a moment are handed over together.
        let first = self.leaving.front();
        first.map(|(at, _)| at.rounded_up(GRAIN))
    }

    /// Hands over the ladders of calls that have been over for long enough.
    pub(in crate::engine) fn handle_timeout(&mut self, now: Moment, store: &Store) {
        while let Some((_, call)) = self.leaving.pop_front_if(|(at, _)| *at <= now) {
            self.hand_over(call, store);
        }
    }

    /// Hands over all of them: ringtag stops.
    pub(in crate::engine) fn finish(&mut self, store: &Store) {
        self.leaving.clear();
        while let Some((call, _)) = self.open.first_key_value() {
            let call = *call;
            self.hand_over(call, store);
        }
    }

    /// The messages so far of a call in progress, or one that is just over.
    pub(in crate::engine) fn of(&self, id: CallId) -> Option<Draft> {
        let trace = self.open.values().find(|trace| trace.id == Some(id));
        trace.map(|trace| trace.draft.clone())
    }

    fn hand_over(&mut self, call: CallKey, store: &Store) {
        if let Some(Trace {
            id: Some(id),
            draft,
            bytes,
            ..
        }) = self.open.remove(&call)
        {
            self.bytes -= bytes;
            if !store.keep_ladder(id, draft) {
                self.missed += 1;
                tracing::debug!(call = %id, "the messages of a call are not kept: too many others wait for the disk");
            }
        }
    }

    fn drop_trace(&mut self, call: CallKey) {
        if let Some(trace) = self.open.remove(&call) {
            self.bytes -= trace.bytes;
        }
    }

    fn may_begin(&mut self, now: Moment) -> bool {
        let begun = self.paid_until.max(now);
        if begun > now + Duration::from_secs(BURST_S.into()) {
            return false;
        }
        self.paid_until = begun + Duration::from_secs(1) / CALLS_PER_S;
        true
    }
}

impl Trace {
    fn take(&mut self, seen: Seen) {
        let (leg, direction) = (leg_number(&seen), seen.direction);
        let cut = seen.bytes.get(..BYTES_MAX).map(Bytes::copy_from_slice);
        let bytes = cut.unwrap_or(seen.bytes);
        let again =
            |one: &&mut Message| (one.leg, one.direction) == (leg, direction) && one.bytes == bytes;
        if let Some(same) = self.draft.messages.iter_mut().rev().find(again) {
            same.repeated = same.repeated.saturating_add(1);
            return;
        }
        if self.draft.messages.len() == MESSAGES_MAX {
            let left_out = self.draft.messages.remove(BEGINNING);
            self.bytes -= left_out.bytes.len();
            self.draft.left_out = self.draft.left_out.saturating_add(1);
        }
        self.bytes += bytes.len();
        let (began, wall) = self.since;
        self.draft.messages.push(Message {
            at: wall + (seen.at - began),
            leg,
            direction,
            transport: seen.path.transport.name(),
            peer: seen.path.peer,
            bytes,
            repeated: 0,
        });
    }
}

/// Legs of a call are numbered in the lowest byte of their names.
fn leg_number(seen: &Seen) -> u8 {
    let [.., number] = seen.leg.0.to_be_bytes();
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::chance::Chance;
    use crate::base::id::LegId;
    use crate::call::ladder::Direction;
    use crate::sip::transport::{Path, Transport};

    const WALL: WallTime = WallTime::from_millis(1_795_253_400_000);

    fn seen(call: u64, leg: u64, at: u64, text: &str) -> Seen {
        Seen {
            leg: LegId(call << 8 | leg),
            at: Moment::from_millis(at),
            direction: Direction::In,
            path: Path {
                transport: Transport::Udp,
                local: "127.0.0.1:5060".parse().unwrap(),
                peer: "127.0.0.1:5066".parse().unwrap(),
                flow: None,
            },
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn id() -> CallId {
        CallId::new(WALL, &mut Chance::from_number(1))
    }

    #[test]
    fn a_message_that_is_repeated_stands_once_with_its_number() {
        let mut ladders = Ladders::new();
        for (leg, at, text) in [
            (0, 1_000, "a"),
            (1, 1_250, "b"),
            (0, 1_500, "a"),
            (1, 2_000, "a"),
        ] {
            ladders.see(seen(1, leg, at, text), || WALL);
        }
        ladders.admitted(CallKey(1), Some(id()));
        let draft = ladders.of(id()).unwrap();
        let rungs = draft.messages.iter().map(|one| {
            let after = one.at.as_millis() - WALL.as_millis();
            (one.leg, after, one.bytes.as_ref(), one.repeated)
        });
        assert_eq!(
            rungs.collect::<Vec<_>>(),
            [(0, 0, &b"a"[..], 1), (1, 250, b"b", 0), (1, 1_000, b"a", 0)]
        );
    }

    #[test]
    fn a_call_keeps_how_it_came_to_be_and_how_it_ended_and_gives_all_back() {
        let mut ladders = Ladders::new();
        let many = MESSAGES_MAX + 10;
        for number in 0..many {
            let text = format!("{number:04}{}", "x".repeat(BYTES_MAX));
            ladders.see(seen(1, 0, 1_000, &text), || WALL);
        }
        assert_eq!(ladders.bytes, MESSAGES_MAX * BYTES_MAX);
        ladders.admitted(CallKey(1), Some(id()));
        let draft = ladders.of(id()).unwrap();
        let number = |place: usize| draft.messages[place].bytes.slice(..4);
        assert_eq!((draft.messages.len(), draft.left_out), (MESSAGES_MAX, 10));
        assert_eq!(number(BEGINNING - 1), format!("{:04}", BEGINNING - 1));
        assert_eq!(number(MESSAGES_MAX - 1), format!("{:04}", many - 1));
        ladders.admitted(CallKey(1), None);
        assert_eq!((ladders.bytes, ladders.open.len()), (0, 0));
    }

    #[test]
    fn what_is_not_ours_and_what_comes_after_the_end_begins_no_ladder() {
        let mut ladders = Ladders::new();
        ladders.see(seen(1, 0, 1_000, "a"), || WALL);
        ladders.gone(Moment::from_millis(1_000), CallKey(1));
        ladders.see(seen(1, 0, 1_100, "b"), || WALL);
        assert_eq!((ladders.bytes, ladders.open.len()), (0, 0));
        assert_eq!(ladders.poll_timeout(), None);
    }

    #[test]
    fn in_a_flood_so_many_calls_a_second_have_a_ladder_and_later_ones_again() {
        let mut ladders = Ladders::new();
        for call in 1..=10_000 {
            ladders.see(seen(call, 0, 1_000, "a"), || WALL);
        }
        let at_once = ladders.open.len();
        let burst = usize::try_from(CALLS_PER_S * BURST_S).unwrap();
        assert!((burst..=burst + 1).contains(&at_once), "{at_once}");
        for call in 10_001..=20_000 {
            ladders.see(seen(call, 0, 2_000, "a"), || WALL);
        }
        let later = ladders.open.len() - at_once;
        assert_eq!(later, usize::try_from(CALLS_PER_S).unwrap());
    }

    #[test]
    fn a_call_of_ours_without_a_ladder_is_counted_unless_nobody_looks() {
        let mut ladders = Ladders::new();
        ladders.admitted(CallKey(1), Some(id()));
        assert_eq!(ladders.missed(), 0);
        let (begun, stranger, ours) = (u64::from(CALLS_PER_S * BURST_S), 9_999, 10_000);
        for call in 1..=ours {
            ladders.see(seen(call, 0, 1_000, "a"), || WALL);
        }
        for call in 1..=begun {
            ladders.admitted(CallKey(call), Some(id()));
        }
        ladders.admitted(CallKey(stranger), None);
        assert_eq!(ladders.missed(), 0);
        ladders.admitted(CallKey(ours), Some(id()));
        assert_eq!(ladders.missed(), 1);
    }
}
