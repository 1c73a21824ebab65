//! The deadlines of one call. Every timer of the call machine has its name here, and what its expiry means.

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::id::LegId;
use crate::base::time::Moment;

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::call) enum Timer {
    /// A target said nothing at all, not even 100: it is unreachable.
    Unheard(LegId),
    /// A target rang for as long as its rule lets it: the next one's turn.
    Ring(LegId),
    /// The caller has heard nothing for a minute: the last provisional is said again, lest a proxy give up (13.3.1.1).
    Remind,
    /// A reliable provisional response to the caller has no PRACK: it is sent again, or the call refused (RFC 3262 3).
    Reliable,
    /// A relayed re-INVITE has had no final answer for too long: it is cancelled, the old session stays.
    Modify,
    /// An answered call is looked at again: while it is held, its peers are asked whether they are there.
    Held,
    /// A leg's session is to be refreshed, or was not refreshed in time (RFC 4028).
    Session(LegId),
    /// A re-INVITE that refreshes a leg's session has had no final answer for too long: it is taken back.
    Refresh(LegId),
    /// A party whose call moved to another one has not hung up by itself: it is told.
    Depart(LegId),
    /// The caller of a transfer is asked again, or has pondered for too long.
    Rejoin,
    /// The party that another call asks for is asked again, or has pondered for too long.
    Lend,
    /// The sound of the closed legs was not reported: the record is told without it.
    Closing,
}

/// Nothing at all within 4 s is "unreachable": half of an INVITE's repetitions have been sent by then.
pub(in crate::call) const UNHEARD: Duration = Duration::from_secs(4);
/// What a place is given where its trunk has another: three repetitions have been sent, and two places share the time of one.
pub(in crate::call) const UNHEARD_EACH: Duration = Duration::from_secs(2);
/// RFC 3261 13.3.1.1: a provisional response at least once a minute.
pub(in crate::call) const REMIND: Duration = Duration::from_secs(60);
/// Longer than a peer needs that asks its user, and within the patience of whoever sent the re-INVITE.
pub(in crate::call) const MODIFY: Duration = Duration::from_secs(30);
/// A held call costs its peers a request each this often, and a dead one is known within six minutes.
pub(in crate::call) const HELD: Duration = Duration::from_secs(300);
/// A worker reports a closed leg within milliseconds; past this it is not going to.
pub(in crate::call) const CLOSING: Duration = Duration::from_secs(2);

/// The deadlines that are set. A call has a handful, so a list is quicker than a heap.
#[derive(Debug, Default)]
pub(in crate::call) struct Timers(SmallVec<[(Moment, Timer); 3]>);

impl Timers {
    /// Sets `timer`, in the place of the same one.
    pub(in crate::call) fn set(&mut self, timer: Timer, at: Moment) {
        self.stop(timer);
        self.0.push((at, timer));
    }

    /// Forgets `timer`.
    pub(in crate::call) fn stop(&mut self, timer: Timer) {
        self.0.retain(|(_, set)| *set != timer);
    }

    /// Forgets all.
    pub(in crate::call) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether `timer` is set.
    pub(in crate::call) fn is_set(&self, timer: Timer) -> bool {
        self.0.iter().any(|(_, set)| *set == timer)
    }

    /// The earliest.
    pub(in crate::call) fn next(&self) -> Option<(Moment, Timer)> {
        self.0.iter().min().copied()
    }

    /// Takes the earliest that is due.
    pub(in crate::call) fn due(&mut self, now: Moment) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_due_in_order_and_set_once() {
        let mut timers = Timers::default();
        let leg = LegId(1);
        timers.set(Timer::Ring(leg), Moment::from_millis(20_000));
        timers.set(Timer::Unheard(leg), Moment::from_millis(9_000));
        timers.set(Timer::Unheard(leg), Moment::from_millis(4_000));
        assert_eq!(
            timers.next(),
            Some((Moment::from_millis(4_000), Timer::Unheard(leg)))
        );
        assert_eq!(timers.due(Moment::from_millis(3_999)), None);
        assert_eq!(
            timers.due(Moment::from_millis(20_000)),
            Some(Timer::Unheard(leg))
        );
        assert_eq!(
            timers.due(Moment::from_millis(20_000)),
            Some(Timer::Ring(leg))
        );
        assert_eq!(timers.due(Moment::from_millis(20_000)), None);
    }
}
