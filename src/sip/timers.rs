//! The endpoint's timers: one FIFO for each fixed duration, a heap for the rest.
//!
//! RFC 3261 has few durations, so that nearly every timer is pushed at the back of a queue that is in order already.
//! Those of the long durations that end a state, nobody's repetition, come due together ([`GRAIN`]).
//! A timer is never taken out: its owner ignores it when it no longer waits for that moment, and
//! [`Timers::forget_stale`] drops such ones from the fronts so that nobody is woken for them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::base::time::Moment;
use crate::sip::transaction::{GIVE_UP, T1, T2, T4};

/// The durations of RFC 3261, T1 and its doublings, T4, 64 * T1, each with the grain in which its timers come due.
const FIXED: [(Duration, Duration); 8] = [
    (T1, EXACT),
    (Duration::from_secs(1), EXACT),
    (Duration::from_secs(2), EXACT),
    (T2, EXACT),
    (T4, GRAIN),
    (Duration::from_secs(8), EXACT),
    (Duration::from_secs(16), EXACT),
    (GIVE_UP, GRAIN),
];

const EXACT: Duration = Duration::from_micros(1);

/// T4 and 64 * T1 say how long something is remembered or hoped for: a tenth of a second more is nothing to it. Each call has
/// four such timers, which would wake the loop one by one.
const GRAIN: Duration = Duration::from_millis(100);

/// Timers of many owners, each named by a `K`.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    queues: [VecDeque<(Moment, K)>; FIXED.len()],
    heap: BinaryHeap<Reverse<(Moment, K)>>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(crate) fn new() -> Self {
        Self {
            queues: [const { VecDeque::new() }; FIXED.len()],
            heap: BinaryHeap::new(),
        }
    }

    /// Sets a timer of `key` at `at`.
    pub(crate) fn set(&mut self, now: Moment, at: Moment, key: K) {
        let queue = FIXED
            .iter()
            .position(|(fixed, _)| *fixed == at - now)
            .and_then(|index| self.queues.get_mut(index));
        match queue {
            // A caller's clock that steps back must not break the order of the queue.
            Some(queue) if queue.back().is_none_or(|(last, _)| *last <= at) => {
                queue.push_back((at, key));
            }
            Some(_) | None => self.heap.push(Reverse((at, key))),
        }
    }

    /// Returns the earliest timer, and when it comes due.
    pub(crate) fn next(&self) -> Option<(Moment, K)> {
        self.earliest().map(|(first, _)| first)
    }

    /// Takes the earliest timer if it is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<K> {
        let ((_, key), place) = self.earliest().filter(|((due, _), _)| *due <= now)?;
        match place.and_then(|index| self.queues.get_mut(index)) {
            Some(queue) => drop(queue.pop_front()),
            None => drop(self.heap.pop()),
        }
        Some(key)
    }

    /// The earliest timer, and in which queue it is; `None`: in the heap.
    fn earliest(&self) -> Option<((Moment, K), Option<usize>)> {
        let queues = self.queues.iter().zip(&FIXED).enumerate();
        let queued = queues.filter_map(|(index, (queue, (_, grain)))| {
            let (at, key) = *queue.front()?;
            Some(((at.rounded_up(*grain), key), Some(index)))
        });
        let others = self.heap.peek().map(|Reverse(first)| (*first, None));
        queued.chain(others).min()
    }

    /// The bytes that the timers hold.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let queued = self.queues.iter().map(VecDeque::capacity).sum::<usize>();
        (queued + self.heap.capacity()) * size_of::<(Moment, K)>()
    }

    /// Drops from every front the timers that `is_awaited` denies.
    pub(crate) fn forget_stale(&mut self, is_awaited: impl Fn(Moment, K) -> bool) {
        for queue in &mut self.queues {
            while queue
                .pop_front_if(|(at, key)| !is_awaited(*at, *key))
                .is_some()
            {}
        }
        while let Some(Reverse((at, key))) = self.heap.peek().copied() {
            if is_awaited(at, key) {
                break;
            }
            self.heap.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn timers_come_due_in_order_of_time_whatever_their_duration() {
        let mut timers = Timers::new();
        timers.set(at(0), at(32_000), 1);
        timers.set(at(0), at(500), 2);
        timers.set(at(0), at(777), 3);
        timers.set(at(100), at(600), 4);
        assert_eq!(timers.next(), Some((at(500), 2)));
        assert_eq!(timers.pop_due(at(499)), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(40_000))).collect();
        assert_eq!(due, [2, 4, 3, 1]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn what_is_remembered_for_long_is_forgotten_together() {
        let mut timers = Timers::new();
        timers.set(at(1), at(5_001), 1);
        timers.set(at(30), at(5_030), 2);
        timers.set(at(4_550), at(5_050), 3);
        timers.set(at(100), at(5_100), 4);
        assert_eq!(timers.next(), Some((at(5_050), 3)));
        assert_eq!(timers.pop_due(at(5_099)), Some(3));
        assert_eq!(timers.pop_due(at(5_099)), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(5_100))).collect();
        assert_eq!(due, [1, 2, 4]);
    }

    #[test]
    fn a_clock_that_steps_back_loses_no_timer() {
        let mut timers = Timers::new();
        timers.set(at(1_000), at(1_500), 1);
        timers.set(at(200), at(700), 2);
        assert_eq!(timers.pop_due(at(700)), Some(2));
        assert_eq!(timers.pop_due(at(1_500)), Some(1));
    }

    #[test]
    fn stale_timers_wake_nobody() {
        let mut timers = Timers::new();
        timers.set(at(0), at(500), 1);
        timers.set(at(0), at(123), 1);
        timers.set(at(10), at(510), 2);
        timers.forget_stale(|_, key| key == 2);
        assert_eq!(timers.next(), Some((at(510), 2)));
    }
}
