//! The last events, kept within bounds for all who listen, and who they are. Pure but for the task that it ends with them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::people::{Right, Who};

/// Most bytes of events that one listener is behind. Whoever is further behind reads the list again, which is shorter, and
/// what is kept for all who never read stays within bounds.
const BEHIND_MAX: usize = 256 * 1_024;

/// Events kept for who was away for a moment or reads slowly.
const EVENTS_MAX: usize = 1_024;

/// Bytes of them in both forms. A usual event has 4 KB, a call that people wrote much of a hundred times that.
const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Most listeners at once: the desks and boards of a big house, each in several tabs. The rest of the connections is left for
/// requests (`serve`).
pub(in crate::api) const LISTENERS_MAX: usize = 1_024;

/// Most of them of one name, so that one who opens many leaves room for others: a person's tabs on several screens.
pub(in crate::api) const OWN_MAX: usize = 32;

/// What is kept, and for whom.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    /// Events of lines up to this one are not in the ring.
    floor: u64,
    /// Events of lines up to this one have been made.
    pub(super) end: u64,
    listeners: usize,
    /// How many of them each name has.
    names: HashMap<Arc<str>, usize>,
    /// The task that makes events, while anybody listens.
    pub(super) follower: Option<AbortHandle>,
    /// Rises when everything is dropped: what was being read then is of no use.
    pub(super) life: u64,
    /// The line of the last erasure that was heeded.
    pub(super) forgotten: u64,
    pub(super) is_closed: bool,
}

/// One piece of news as it is sent.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) n: u64,
    pub(super) project: Arc<str>,
    pub(super) full: Bytes,
    pub(super) masked: Bytes,
}

impl Event {
    /// The event as `who` may see it; `None`: it is none of theirs.
    fn text(&self, who: &Who) -> Option<&Bytes> {
        let text = if who.may(Right::Numbers) {
            &self.full
        } else {
            &self.masked
        };
        who.sees(&self.project).then_some(text)
    }

    fn bytes(&self) -> usize {
        self.full.len() + self.masked.len()
    }
}

/// What happened after a line.
#[derive(Debug)]
pub(in crate::api) enum Heard {
    /// This, and nothing else up to line `end`.
    All {
        /// Each event as it is sent, in order; the bytes are the ring's.
        texts: Vec<Bytes>,
        /// Where to go on.
        end: u64,
    },
    /// More than is kept, or than one may be behind.
    TooMuch {
        /// Where to go on.
        end: u64,
    },
    /// Nothing more: the server stops.
    Over,
}

/// Why somebody cannot listen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Crowd {
    /// [`LISTENERS_MAX`] do.
    House,
    /// They do already, [`OWN_MAX`] times.
    Own,
}

impl Ring {
    pub(super) fn push(&mut self, event: Event) {
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(gone) = self.events.pop_front() else {
                return;
            };
            self.bytes -= gone.bytes();
            self.floor = gone.n;
        }
    }

    /// Nothing is known of the lines up to `end`.
    pub(super) fn begin_anew(&mut self, end: u64) {
        self.events.clear();
        self.bytes = 0;
        self.floor = end;
        self.end = end;
        self.life += 1;
    }

    /// Drops everything where somebody was erased since the last time.
    pub(super) fn heed(&mut self, forgotten: u64) {
        if forgotten > self.forgotten {
            self.forgotten = forgotten;
            self.begin_anew(forgotten.max(self.end));
        }
    }

    pub(super) fn room_for(&self, name: &str) -> Result<(), Crowd> {
        if self.listeners >= LISTENERS_MAX {
            return Err(Crowd::House);
        }
        let own = self.names.get(name).copied().unwrap_or_default();
        if own >= OWN_MAX {
            return Err(Crowd::Own);
        }
        Ok(())
    }

    pub(super) fn enter(&mut self, name: &Arc<str>) {
        self.listeners += 1;
        *self.names.entry(Arc::clone(name)).or_default() += 1;
    }

    /// One listener less. Nothing is kept for nobody.
    pub(super) fn leave(&mut self, name: &str) {
        self.listeners -= 1;
        if let Some(own) = self.names.get_mut(name) {
            *own -= 1;
            if *own == 0 {
                self.names.remove(name);
            }
        }
        if self.listeners == 0 {
            self.begin_anew(0);
            if let Some(follower) = self.follower.take() {
                follower.abort();
            }
        }
    }

    pub(super) fn after(&self, at: u64, who: &Who) -> Heard {
        if self.is_closed {
            return Heard::Over;
        }
        if at < self.floor {
            return Heard::TooMuch { end: self.end };
        }
        let from = self.events.partition_point(|event| event.n <= at);
        let mut texts = Vec::new();
        let mut behind = 0;
        for text in self
            .events
            .range(from..)
            .filter_map(|event| event.text(who))
        {
            behind += text.len();
            if behind > BEHIND_MAX {
                return Heard::TooMuch { end: self.end };
            }
            texts.push(text.clone());
        }
        Heard::All {
            texts,
            // A listener may begin ahead of what has been made.
            end: self.end.max(at),
        }
    }
}

#[cfg(test)]
mod tests;
