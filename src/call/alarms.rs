//! When to wake which call: a heap of moments that forgets lazily, so that no event looks through all calls.
//!
//! A call sets its alarm anew whenever its earliest deadline moves forward in time; what it left behind rings for nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::time::Moment;
use crate::call::desk::CallKey;

/// The alarms of all calls.
#[derive(Debug, Default)]
pub(in crate::call) struct Alarms {
    heap: BinaryHeap<Reverse<(Moment, CallKey)>>,
}

impl Alarms {
    /// Wakes `call` at `at`, beside whatever was set for it before.
    pub(in crate::call) fn set(&mut self, at: Moment, call: CallKey) {
        self.heap.push(Reverse((at, call)));
    }

    /// Takes the next alarm that is due.
    pub(in crate::call) fn due(&mut self, now: Moment) -> Option<CallKey> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, call))| call)
    }

    /// When the next alarm rings, perhaps for nothing.
    pub(in crate::call) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Drops the alarms that `live` does not know any more, once they outnumber the others.
    pub(in crate::call) fn tidy(&mut self, calls: usize, live: impl Fn(CallKey) -> bool) {
        // An answered call leaves its ring timer behind for seconds: a few each are cheaper than looking for them.
        if self.heap.len() > calls.saturating_mul(STALE_PER_CALL) + STALE_FREE {
            self.heap.retain(|Reverse((_, call))| live(*call));
        }
    }
}

/// Alarms a call may have in the heap, on average, before the dead are looked for.
const STALE_PER_CALL: usize = 8;
/// Below so many it is not worth looking.
const STALE_FREE: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_ring_in_order_and_the_dead_are_dropped() {
        let mut alarms = Alarms::default();
        for n in 0..3_000_u64 {
            alarms.set(Moment::from_millis(3_000 - n), CallKey(n));
        }
        assert_eq!(alarms.next(), Some(Moment::from_millis(1)));
        assert_eq!(alarms.due(Moment::START), None);
        assert_eq!(alarms.due(Moment::from_millis(1)), Some(CallKey(2_999)));
        alarms.tidy(1, |call| call == CallKey(7));
        assert_eq!(alarms.due(Moment::from_millis(9_999)), Some(CallKey(7)));
        assert_eq!(alarms.due(Moment::from_millis(9_999)), None);
    }
}
