//! The legs of one worker: found by slot for each packet, by name for each order.

use std::collections::BTreeMap;

use crate::base::id::LegId;
use crate::media::bridge::Slot;
use crate::media::leg::Leg;

/// The legs. A slot that was left is taken again first, so slots stay dense.
#[derive(Debug, Default)]
pub struct Legs {
    slots: Vec<Option<Leg>>,
    free: Vec<Slot>,
    names: BTreeMap<LegId, Slot>,
}

impl Legs {
    /// Gives a leg a slot, or gives it back when its name is taken.
    ///
    /// # Errors
    ///
    /// The leg itself, whose name another has.
    #[expect(
        clippy::result_large_err,
        reason = "happens by mistake only, and what was given must be given back"
    )]
    pub fn insert(&mut self, leg: Leg) -> Result<Slot, Leg> {
        if self.names.contains_key(&leg.id) {
            return Err(leg);
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        self.names.insert(leg.id, slot);
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(leg),
            None => self.slots.push(Some(leg)),
        }
        Ok(slot)
    }

    /// Returns the leg at a slot.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Leg> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Returns the slot of a leg.
    pub fn slot(&self, id: LegId) -> Option<Slot> {
        self.names.get(&id).copied()
    }

    /// Returns a leg by its name.
    pub fn named_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.get_mut(self.slot(id)?)
    }

    /// Takes a leg's name away: no order reaches it any more. It keeps its slot until [`Self::remove`].
    pub fn retire(&mut self, id: LegId) -> Option<Slot> {
        self.names.remove(&id)
    }

    /// Says whether a leg was retired and is still in its slot.
    pub fn is_closing(&self, id: LegId) -> bool {
        let here = |leg: &Leg| leg.id == id;
        !self.names.contains_key(&id) && self.slots.iter().flatten().any(here)
    }

    /// Takes a retired leg out of its slot, which may be another's next.
    pub fn remove(&mut self, slot: Slot) -> Option<Leg> {
        let leg = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(leg)
    }

    /// Names a leg that is not retired.
    pub fn any(&self) -> Option<LegId> {
        self.names.keys().next().copied()
    }

    /// Takes all legs out, retired or not.
    pub fn drain(&mut self) -> impl Iterator<Item = Leg> {
        self.names.clear();
        self.free.clear();
        self.slots.drain(..).flatten()
    }

    /// Returns whether there is none, retired ones included.
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }
}
