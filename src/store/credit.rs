//! Credit: room in the backlog that a call reserves at the door, so that no event of an admitted call is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most events in memory, reserved or waiting for the disk. An event is about 1 KB, so this bounds the backlog of a full
/// disk at about 64 MB; it is the events of 4,600 calls in progress, each sent on as often as it may be.
pub const EVENTS_MAX: u64 = 65_536;

/// Room beyond [`EVENTS_MAX`] for `ended` alone: an end is never what is dropped.
pub(crate) const ENDS_SPARE: u64 = 8_192;

/// Most events that people may have waiting for the disk: a change of all the calls of a page by two people at once. They
/// have this room to themselves, so that a flood of changes takes none of what calls need.
pub const PEOPLE_MAX: u64 = 1_024;

/// Counts what is reserved and what waits.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    reserved: AtomicU64,
    waiting: AtomicU64,
    people: AtomicU64,
}

/// The events that one call may still write. Dropped with the call.
#[derive(Debug)]
pub struct Credit {
    purse: Arc<Purse>,
    events: u64,
}

/// Room in memory for one event of somebody, held before what it tells of is done, so that it cannot be lost afterwards.
/// Dropped without an event it goes back.
#[derive(Debug)]
pub struct Seat(Option<Arc<Purse>>);

impl Seat {
    /// Holds one; `None`: too much is being said at once.
    pub(crate) fn take(purse: &Arc<Purse>) -> Option<Self> {
        purse
            .take_for_people()
            .then(|| Self(Some(Arc::clone(purse))))
    }

    /// Gives it to an event, with which it goes back once that is on the disk.
    pub(crate) fn give(mut self) {
        self.0 = None;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(purse) = &self.0 {
            purse.heard(1);
        }
    }
}

impl Purse {
    /// Reserves room for `events`.
    ///
    /// A told event is counted as waiting while its reservation stands, so the sum errs on the safe side.
    pub(crate) fn reserve(self: &Arc<Self>, events: u32) -> Option<Credit> {
        let events = u64::from(events);
        let before = self.reserved.fetch_add(events, Ordering::AcqRel);
        if before + events + self.waiting() > EVENTS_MAX {
            self.reserved.fetch_sub(events, Ordering::AcqRel);
            return None;
        }
        Some(self.hold(events))
    }

    /// Admits a call without room: its events are written where there is space and counted as lost where there is none.
    pub(crate) fn without_room(self: &Arc<Self>) -> Credit {
        self.hold(0)
    }

    fn hold(self: &Arc<Self>, events: u64) -> Credit {
        Credit {
            purse: Arc::clone(self),
            events,
        }
    }

    /// Takes a place for one event; `false`: there is none, and the event is lost.
    pub(crate) fn take(&self, is_end: bool) -> bool {
        let most = if is_end {
            EVENTS_MAX + ENDS_SPARE
        } else {
            EVENTS_MAX
        };
        if self.waiting.fetch_add(1, Ordering::AcqRel) < most {
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        false
    }

    /// Gives back the places of `events` that are on the disk.
    pub(crate) fn written(&self, events: u64) {
        self.waiting.fetch_sub(events, Ordering::AcqRel);
    }

    /// Takes a place for one event of somebody; `false`: too much is being said at once.
    pub(crate) fn take_for_people(&self) -> bool {
        if self.people.fetch_add(1, Ordering::AcqRel) < PEOPLE_MAX {
            return true;
        }
        self.people.fetch_sub(1, Ordering::AcqRel);
        false
    }

    /// Gives back the places of `events` of people.
    pub(crate) fn heard(&self, events: u64) {
        self.people.fetch_sub(events, Ordering::AcqRel);
    }

    /// Events of people that are not yet on the disk.
    #[cfg(test)]
    pub(crate) fn people(&self) -> u64 {
        self.people.load(Ordering::Acquire)
    }

    /// Events told of calls and not yet on the disk.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.purse.reserved.fetch_sub(self.events, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_refused_when_the_room_is_promised_and_comes_back_with_the_call() {
        let purse = Arc::new(Purse::default());
        let all = purse.reserve(u32::try_from(EVENTS_MAX).unwrap()).unwrap();
        assert!(purse.reserve(1).is_none());
        drop(all);
        assert!(purse.reserve(1).is_some());
    }

    #[test]
    fn what_people_say_at_once_is_bounded_and_takes_no_room_of_calls() {
        let purse = Arc::new(Purse::default());
        assert!((0..PEOPLE_MAX).all(|_| purse.take_for_people()));
        assert!(!purse.take_for_people());
        let all = purse.reserve(u32::try_from(EVENTS_MAX).unwrap());
        assert!(all.is_some());
        assert_eq!(purse.waiting(), 0);
        purse.heard(1);
        assert!(purse.take_for_people());
    }

    #[test]
    fn an_end_finds_room_when_everything_else_is_refused() {
        let purse = Purse::default();
        assert!((0..EVENTS_MAX).all(|_| purse.take(false)));
        assert!(!purse.take(false));
        assert!(purse.take(true));
        purse.written(2);
        assert!(purse.take(false));
    }
}
