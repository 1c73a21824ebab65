//! Recordings that pause because a user or a hold says so. Codes on the keys are the recorder's own to see.

use std::sync::Arc;

use crate::base::id::{CallId, LegId};
use crate::base::time::Moment;
use crate::engine::sound::Sound;
use crate::recording::command::Command;
use crate::recording::pause::Pauser;

impl Sound {
    /// Has holds that stop the sound both ways pause recordings.
    pub(in crate::engine) const fn set_pause_on_hold(&mut self, on: bool) {
        self.pause_on_hold = on;
    }

    /// Has the recording of a call pause, or go on; `false`: there is none under way.
    pub(in crate::engine) fn pause(
        &mut self,
        call: CallId,
        by: Arc<str>,
        paused: bool,
        at: Moment,
    ) -> bool {
        let Some(tap) = self.taps.get(&call).filter(|tap| tap.lost.is_none()) else {
            return false;
        };
        let tap = tap.id;
        let by = Pauser::Person(by);
        self.order(match paused {
            true => Command::Pause { tap, by, at },
            false => Command::Resume { tap, by, at },
        });
        true
    }

    /// Looks whether the sound of a recorded call is stopped both ways, now that a side said something new.
    pub(super) fn follow_hold(&mut self, call: CallId, at: Moment) {
        if !self.pause_on_hold {
            return;
        }
        let Some(tap) = self.taps.get_mut(&call) else {
            return;
        };
        let legs = &self.legs;
        let is_inactive = |leg: &LegId| legs.get(leg).is_some_and(|leg| leg.inactive);
        let held = [tap.caller, tap.callee].iter().any(is_inactive);
        if held == tap.held || tap.lost.is_some() {
            return;
        }
        tap.held = held;
        let (tap, by) = (tap.id, Pauser::Hold);
        self.order(match held {
            true => Command::Pause { tap, by, at },
            false => Command::Resume { tap, by, at },
        });
    }

    /// The same for the call of a leg.
    pub(super) fn follow_hold_of(&mut self, leg: LegId, at: Moment) {
        if !self.pause_on_hold {
            return;
        }
        if let Some(call) = self.legs.get(&leg).and_then(|leg| leg.call) {
            self.follow_hold(call, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::chance::Chance;
    use crate::base::time::WallTime;
    use crate::call::desk::Aim;
    use crate::engine::sound::Leg;
    use crate::engine::sound::tests::sound;

    struct Rig {
        sound: Sound,
        orders: crossbeam_channel::Receiver<Command>,
        call: CallId,
    }

    impl Rig {
        /// A recorded call with two legs.
        fn new(pause_on_hold: bool) -> Self {
            let (mut sound, orders) = sound(21_100, 100);
            sound.set_pause_on_hold(pause_on_hold);
            for leg in [1, 2] {
                sound.legs.insert(LegId(leg), Leg::default());
            }
            let wall = WallTime::from_millis(1_795_253_400_125);
            let call = CallId::new(wall, &mut Chance::from_number(1));
            sound.record(call, wall, Moment::START, LegId(1), LegId(2));
            let rig = Self {
                sound,
                orders,
                call,
            };
            assert_eq!(rig.told(), [""; 0]);
            rig
        }

        /// A side says in SDP whether it sends, and whether it wants anything.
        fn aim(&mut self, leg: u64, sends: bool, wants: bool) {
            let rtp = wants.then(|| "192.0.2.1:4000".parse().unwrap());
            let aim = Aim {
                rtp,
                rtcp: None,
                mux: false,
                sends,
                codecs: Arc::from([]),
                numbers: None,
                srtp: Default::default(),
            };
            self.sound.aim(Moment::from_millis(5_000), LegId(leg), aim);
        }

        /// What the recorder was told about pauses.
        fn told(&self) -> Vec<String> {
            let told = self.orders.try_iter().filter_map(|order| match order {
                Command::Pause { by, .. } => Some(format!("pause {by}")),
                Command::Resume { by, .. } => Some(format!("resume {by}")),
                Command::Start { .. }
                | Command::Codecs { .. }
                | Command::Sends { .. }
                | Command::Anew { .. }
                | Command::Turn { .. }
                | Command::Stop { .. }
                | Command::Hash { .. }
                | Command::Shutdown => None,
            });
            told.collect()
        }
    }

    #[test]
    fn a_hold_that_stops_the_sound_both_ways_pauses_until_no_side_holds_and_others_do_not() {
        let mut rig = Rig::new(true);
        // sendonly: the music that the PBX plays is recorded.
        rig.aim(2, true, false);
        assert_eq!(rig.told(), [""; 0]);
        rig.aim(2, false, false);
        rig.aim(1, false, false);
        assert_eq!(rig.told(), ["pause hold"]);
        rig.aim(2, true, true);
        assert_eq!(rig.told(), [""; 0], "the other side still holds");
        rig.aim(1, true, true);
        assert_eq!(rig.told(), ["resume hold"]);
        let mut rig = Rig::new(false);
        rig.aim(2, false, false);
        assert_eq!(rig.told(), [""; 0], "nobody asked for it");
    }

    #[test]
    fn a_user_pauses_what_is_recorded_and_nothing_else() {
        let mut rig = Rig::new(false);
        let (call, now) = (rig.call, Moment::from_millis(9_000));
        assert!(rig.sound.pause(call, "anna".into(), true, now));
        assert!(rig.sound.pause(call, "boris".into(), false, now));
        assert_eq!(rig.told(), ["pause anna", "resume boris"]);
        rig.sound.stop(call, now);
        assert!(!rig.sound.pause(call, "anna".into(), true, now));
    }
}
