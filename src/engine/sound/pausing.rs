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
