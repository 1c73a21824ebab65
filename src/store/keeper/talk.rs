//! How much people have said of a call, to the byte: what is judged here and not yet written counts too, so that no two who
//! speak at once pass the limit together.

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::keeper::Keeper;
use crate::store::say::{LINES_MAX, SAID_MAX};
use crate::store::scan::Reader;

/// Most calls whose talk is remembered, so that who goes on about a full one makes nobody read all its lines again.
const TALKS_MAX: usize = 256;

/// Lines in which people said something, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Talk {
    lines: usize,
    bytes: u64,
}

impl Talk {
    /// One line of this event, at its longest.
    fn line(bytes: u64) -> Self {
        Self { lines: 1, bytes }
    }

    fn add(&mut self, more: Self) {
        self.lines += more.lines;
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    const fn fits(self) -> bool {
        self.lines <= LINES_MAX && self.bytes <= SAID_MAX
    }
}

impl Keeper {
    /// Counts `event` as said of `call` where there is room for it; `false`: there is none.
    pub(super) fn take_talk(&mut self, call: CallId, event: &Event) -> Result<bool, StoreError> {
        let mut waiting = self.spoken_of.get(&call).copied().unwrap_or_default();
        waiting.add(Talk::line(self.log.longest(event)));
        let places = self.shared.lines(call)?.unwrap_or_default();
        let mut all = Talk {
            lines: places.len(),
            bytes: places.iter().map(|place| u64::from(place.length)).sum(),
        };
        all.add(waiting);
        // What the call did by itself and who played it counts for nothing; where all of it together fits, nothing is read.
        let fits = all.fits() || {
            let mut said = self.talk_of(call)?;
            said.add(waiting);
            said.fits()
        };
        if fits {
            self.spoken_of.insert(call, waiting);
        }
        Ok(fits)
    }

    /// How much people have said of a call, on the disk. A damaged line counts as theirs.
    fn talk_of(&mut self, call: CallId) -> Result<Talk, StoreError> {
        if let Some(&talk) = self.talks.get(&call) {
            return Ok(talk);
        }
        let mut reader = Reader::new(&self.shared.log);
        let mut talk = Talk::default();
        for place in self.shared.lines(call)?.unwrap_or_default() {
            let is_said = reader.event(call, place).map_or(true, |(_, event)| {
                matches!(
                    event,
                    Event::Said(_) | Event::Pinned(_) | Event::Unpinned(_)
                )
            });
            if is_said {
                talk.add(Talk::line(u64::from(place.length)));
            }
        }
        if self.talks.len() >= TALKS_MAX {
            self.talks.clear();
        }
        self.talks.insert(call, talk);
        Ok(talk)
    }

    /// What was said is on the disk.
    pub(super) fn talks_are_synced(&mut self) {
        for (call, said) in std::mem::take(&mut self.spoken_of) {
            if let Some(talk) = self.talks.get_mut(&call) {
                talk.add(said);
            }
        }
    }
}
