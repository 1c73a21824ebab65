//! Which leg relays to which, what is tapped of it, and whether anything is still heard.
//!
//! A plain table by slot (a leg's place in its worker); the sockets are `leg.rs`'s. Silence is
//! looked for about once a second over the whole table, never by a timer a packet.

use std::time::Duration;

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::media::tap::TapId;

/// A leg's place in its worker.
pub type Slot = usize;

/// The table of one worker.
#[derive(Debug, Default)]
pub struct Bridges(Vec<End>);

/// Where a packet goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The leg that it is sent to.
    pub to: Option<Slot>,
    /// The recording that it is copied into.
    pub tap: Option<(TapId, Side)>,
}

/// One leg's end of a bridge.
#[derive(Clone, Debug, Default)]
struct End {
    route: Route,
    heard: Moment,
    watch: Option<Watch>,
}

/// A leg whose bridge is watched.
#[derive(Clone, Debug)]
struct Watch {
    leg: LegId,
    silence: Duration,
    since: Moment,
}

impl Bridges {
    /// Says where a packet from `slot` goes.
    pub fn route(&self, slot: Slot) -> Route {
        self.0.get(slot).map(|end| end.route).unwrap_or_default()
    }

    /// Says where a packet of sound from `slot` goes, and that it was heard.
    pub fn pass(&mut self, slot: Slot, now: Moment) -> Route {
        match self.0.get_mut(slot) {
            Some(end) => {
                end.heard = now;
                end.route
            }
            None => Route::default(),
        }
    }

    /// Relays between two legs; each leaves its former bridge, and whoever is left behind there is tapped no longer.
    pub fn join(&mut self, a: Slot, b: Slot) {
        if a == b || self.other(a) == Some(b) {
            return;
        }
        for former in [self.other(a), self.other(b)].into_iter().flatten() {
            self.end(former).route = Route::default();
        }
        self.end(a).route.to = Some(b);
        self.end(b).route.to = Some(a);
    }

    /// Ends the bridge that `slot` is in. Both stay tapped: a caller who waits for another party is heard on the recording.
    pub fn leave(&mut self, slot: Slot) {
        if let Some(other) = self.other(slot) {
            self.end(other).route.to = None;
            self.end(slot).route.to = None;
        }
    }

    /// Copies both legs' packets into a recording, or no longer.
    pub fn tap(&mut self, caller: Slot, callee: Slot, tap: Option<TapId>) {
        self.end(caller).route.tap = tap.map(|tap| (tap, Side::Caller));
        self.end(callee).route.tap = tap.map(|tap| (tap, Side::Callee));
    }

    /// Watches the bridge of `slot` from `now` on; `None` stops. Told of as `leg`.
    pub fn watch(&mut self, slot: Slot, leg: LegId, silence: Option<Duration>, now: Moment) {
        self.end(slot).watch = silence.map(|silence| Watch {
            leg,
            silence,
            since: now,
        });
    }

    /// Forgets a leg: its slot may be another's next.
    pub fn forget(&mut self, slot: Slot) {
        self.leave(slot);
        *self.end(slot) = End::default();
    }

    /// Names each watched leg whose bridge has been silent for its time. Each is told once: its watch is over.
    pub fn silent(&mut self, now: Moment) -> Vec<LegId> {
        let mut told = Vec::new();
        for slot in 0..self.0.len() {
            let other = self.other(slot).and_then(|other| self.0.get(other));
            let other_heard = other.map_or(Moment::START, |other| other.heard);
            let Some(end) = self.0.get_mut(slot) else {
                continue;
            };
            let heard = end.heard.max(other_heard);
            let over = |watch: &mut Watch| now - heard.max(watch.since) >= watch.silence;
            if let Some(watch) = end.watch.take_if(over) {
                told.push(watch.leg);
            }
        }
        told
    }

    fn other(&self, slot: Slot) -> Option<Slot> {
        self.0.get(slot).and_then(|end| end.route.to)
    }

    /// Slots are dense, so the table grows to the most legs at once and no further.
    #[expect(
        clippy::indexing_slicing,
        reason = "the line above makes the table long enough"
    )]
    fn end(&mut self, slot: Slot) -> &mut End {
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, End::default);
        }
        &mut self.0[slot]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Moment = Moment::START;

    fn to(bridges: &mut Bridges, slot: Slot) -> Option<Slot> {
        bridges.pass(slot, NOW).to
    }

    #[test]
    fn a_bridge_goes_both_ways_and_a_leg_is_in_one_only() {
        let mut bridges = Bridges::default();
        assert_eq!(to(&mut bridges, 3), None);
        bridges.join(0, 1);
        assert_eq!(
            (to(&mut bridges, 0), to(&mut bridges, 1)),
            (Some(1), Some(0))
        );
        bridges.join(0, 2);
        assert_eq!(
            (to(&mut bridges, 0), to(&mut bridges, 2)),
            (Some(2), Some(0))
        );
        assert_eq!(to(&mut bridges, 1), None);
        bridges.join(2, 2);
        assert_eq!(to(&mut bridges, 2), Some(0));
    }

    #[test]
    fn a_tap_knows_the_sides_and_ends_for_whom_is_left_behind() {
        let mut bridges = Bridges::default();
        bridges.join(4, 2);
        bridges.tap(4, 2, Some(TapId(7)));
        bridges.join(2, 4);
        assert_eq!(bridges.pass(4, NOW).tap, Some((TapId(7), Side::Caller)));
        assert_eq!(bridges.pass(2, NOW).tap, Some((TapId(7), Side::Callee)));
        bridges.tap(4, 3, Some(TapId(9)));
        bridges.join(4, 3);
        assert_eq!(bridges.pass(2, NOW).tap, None);
        assert_eq!(bridges.pass(4, NOW).tap, Some((TapId(9), Side::Caller)));
        assert_eq!(bridges.pass(3, NOW).tap, Some((TapId(9), Side::Callee)));
        bridges.tap(4, 3, Some(TapId(8)));
        bridges.tap(4, 3, None);
        assert_eq!(bridges.pass(4, NOW).tap, None);
    }

    #[test]
    fn a_tap_may_come_before_its_bridge() {
        let mut bridges = Bridges::default();
        bridges.tap(0, 1, Some(TapId(7)));
        bridges.join(0, 1);
        assert_eq!(bridges.pass(0, NOW).tap, Some((TapId(7), Side::Caller)));
    }

    #[test]
    fn who_waits_alone_stays_tapped() {
        let mut bridges = Bridges::default();
        bridges.tap(0, 1, Some(TapId(7)));
        bridges.join(0, 1);
        bridges.forget(1);
        assert_eq!(to(&mut bridges, 0), None);
        assert_eq!(bridges.pass(0, NOW).tap, Some((TapId(7), Side::Caller)));
        assert_eq!(bridges.pass(1, NOW), Route::default());
    }

    #[test]
    fn silence_needs_both_sides_and_is_told_once() {
        let mut bridges = Bridges::default();
        let leg = LegId(77);
        let at = Moment::from_millis;
        bridges.join(0, 1);
        bridges.watch(0, leg, Some(Duration::from_secs(10)), at(5_000));
        assert!(bridges.silent(at(14_999)).is_empty());
        bridges.pass(1, at(14_000));
        assert!(bridges.silent(at(23_999)).is_empty());
        assert_eq!(bridges.silent(at(24_000)), [leg]);
        assert!(bridges.silent(at(90_000)).is_empty());
    }

    #[test]
    fn what_is_routed_without_being_heard_ends_no_silence() {
        let mut bridges = Bridges::default();
        bridges.join(0, 1);
        bridges.watch(0, LegId(1), Some(Duration::from_secs(1)), NOW);
        assert_eq!(bridges.route(0).to, Some(1));
        assert_eq!(bridges.route(9), Route::default());
        assert_eq!(bridges.silent(Moment::from_millis(1_000)), [LegId(1)]);
    }

    #[test]
    fn a_watch_that_was_stopped_tells_nothing_and_begins_anew() {
        let mut bridges = Bridges::default();
        let at = Moment::from_millis;
        bridges.watch(0, LegId(1), Some(Duration::from_secs(1)), at(0));
        bridges.watch(0, LegId(1), None, at(500));
        assert!(bridges.silent(at(5_000)).is_empty());
        bridges.watch(0, LegId(1), Some(Duration::from_secs(1)), at(5_000));
        assert!(bridges.silent(at(5_999)).is_empty());
        assert_eq!(bridges.silent(at(6_000)), [LegId(1)]);
    }

    #[test]
    fn a_forgotten_slot_begins_empty() {
        let mut bridges = Bridges::default();
        bridges.join(0, 1);
        bridges.watch(0, LegId(1), Some(Duration::ZERO), NOW);
        bridges.forget(0);
        assert_eq!((to(&mut bridges, 0), to(&mut bridges, 1)), (None, None));
        assert!(bridges.silent(Moment::from_millis(1)).is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_joined_and_left_relays_are_mutual(
            steps in proptest::collection::vec((0usize..6, 0usize..6, 0u8..4), 0..80),
        ) {
            let mut bridges = Bridges::default();
            for (a, b, what) in steps {
                match what {
                    0 => bridges.leave(a),
                    1 => bridges.forget(a),
                    _ => bridges.join(a, b),
                }
                for slot in 0..6 {
                    if let Some(other) = bridges.other(slot) {
                        prop_assert_ne!(other, slot);
                        prop_assert_eq!(bridges.other(other), Some(slot));
                    }
                }
            }
        }
    }
}
