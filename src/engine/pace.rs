//! How often the loop turns: at once after a silence, and while much comes, every few milliseconds with all that came meanwhile.
//!
//! A message that a processor is woken for finds nothing of what it needs in the caches and costs twice what one of many does.
//! Network cards do the same with their interrupts, and the store and the operator's log with their lines.

use std::time::Duration;

use crate::base::time::Moment;

/// How long messages gather. Some five of them in a row bring a call up: 25 ms of a wait that people count in seconds, and a
/// hundredth of the half second after which a peer repeats itself (T1) each. Sound does not pass through here.
const GATHER: Duration = Duration::from_millis(5);

/// A turn that follows another within this time is one of many: twice as long, as a rest and the turn itself lie between.
const BUSY: Duration = Duration::from_millis(10);

/// A turn that had so many messages leaves nothing to be gained from more, and perhaps there is no time to lose.
const ENOUGH: u64 = 16;

/// When the loop read datagrams, and when something came that is read one by one.
#[derive(Debug, Default)]
pub(in crate::engine) struct Pace {
    last: Moment,
    hurried_until: Moment,
}

impl Pace {
    /// Notes that `heard` datagrams were read at `now`, all there were or [`ENOUGH`], and returns for how long the loop shall let
    /// others gather.
    pub(in crate::engine) fn rest_after(&mut self, now: Moment, heard: u64) -> Option<Duration> {
        let since = now - std::mem::replace(&mut self.last, now);
        let rests = since < BUSY && heard < ENOUGH && now >= self.hurried_until;
        rests.then_some(GATHER)
    }

    /// Notes that a connection had something: a turn takes one thing from one of them, so that rests would keep the others waiting.
    pub(in crate::engine) fn hurry(&mut self, now: Moment) {
        self.hurried_until = now + BUSY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(turns: &[(u64, u64)]) -> Vec<bool> {
        let mut pace = Pace::default();
        let rest = |&(at, heard)| pace.rest_after(Moment::from_micros(at), heard).is_some();
        turns.iter().map(rest).collect()
    }

    #[test]
    fn what_comes_after_a_silence_is_answered_at_once_and_so_is_its_echo() {
        // The loop rests after a turn: the second of them came without having waited.
        assert_eq!(
            rests(&[(1_000_000, 1), (1_000_300, 1), (1_030_000, 1)]),
            [false, true, false]
        );
    }

    #[test]
    fn a_loop_that_is_busy_rests_after_each_turn_until_it_has_more_than_enough() {
        let turns = [
            (1_000_000, 1),
            (1_001_000, 1),
            (1_005_500, 6),
            (1_010_000, ENOUGH),
            (1_010_900, 3),
        ];
        assert_eq!(rests(&turns), [false, true, true, false, true]);
    }

    #[test]
    fn nobody_rests_while_connections_have_something_to_say() {
        let mut pace = Pace::default();
        let at = Moment::from_millis;
        let mut rests = |millis| pace.rest_after(at(millis), 1).is_some();
        assert!(!rests(1_000));
        assert!(rests(1_005));
        pace.hurry(at(1_006));
        let mut rests = |millis| pace.rest_after(at(millis), 1).is_some();
        assert!(!rests(1_010));
        assert!(rests(1_017));
    }
}
