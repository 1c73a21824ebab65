//! What readers see: the rows, and where the lines of recent calls are. Changed only when lines are synced. Pure.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::books::Books;
use crate::store::callback::Callbacks;
use crate::store::event::Event;
use crate::store::event::upkeep::OpenCall;
use crate::store::export::Exports;
use crate::store::place::Place;
use crate::store::rows::Rows;
use crate::store::token::Tokens;

/// How long after its end a call waits for the hash of its recording before it goes into the index without.
const HASH_WAIT_MS: i64 = 120_000;

/// The synced state of the store, but for what the index holds.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) rows: Rows,
    /// Whom nobody has called back; `None`: rows are still being made.
    callbacks: Option<Callbacks>,
    /// Calls that are not in the index, or have more lines than it knows.
    open: BTreeMap<CallId, OpenLines>,
    /// Those of them that are ready for it.
    settled: Vec<CallId>,
    /// The tokens that are good.
    pub(crate) tokens: Tokens,
    /// The tables of calls that were taken lately.
    pub(crate) exports: Exports,
    /// What people enter that is no call's.
    pub(crate) books: Books,
    /// The last synced line.
    pub(crate) end: Option<Place>,
}

#[derive(Debug, Default)]
struct OpenLines {
    lines: SmallVec<[Place; 6]>,
    ended_at: Option<WallTime>,
    /// A recording had begun, and its hash has not come.
    awaits_hash: bool,
    is_settled: bool,
}

impl View {
    /// Takes in a synced line.
    pub(crate) fn apply(
        &mut self,
        place: Place,
        n: u64,
        call: Option<CallId>,
        at: WallTime,
        event: &Event,
    ) {
        let Some(call) = call else {
            if let Event::House(house) = event {
                self.tokens.apply(house);
                self.exports.apply(n, at, house);
                self.books.apply(n, at, house);
            }
            // An erasure belongs to no one call; it changes rows.
            self.row(CallId::from_bytes([0; 16]), n, at, event);
            return;
        };
        self.row(call, n, at, event);
        if matches!(event, Event::Began(_)) {
            self.open.entry(call).or_default();
        }
        let Some(open) = self.open.get_mut(&call) else {
            return;
        };
        if !open.lines.contains(&place) {
            open.lines.push(place);
        }
        open.note(at, event);
        if matches!(event, Event::Answered(_)) && open.is_settled {
            // An untracked call was settled by its first line.
            open.is_settled = false;
            self.settled.retain(|&settled| settled != call);
        }
        if open.is_ready() && !open.is_settled {
            open.is_settled = true;
            self.settled.push(call);
        }
    }

    fn row(&mut self, call: CallId, n: u64, at: WallTime, event: &Event) {
        self.rows.apply(call, n, at, event);
        if let Some(callbacks) = &mut self.callbacks {
            callbacks.apply(&mut self.rows, call, at, event);
        }
    }

    /// Finds out who is to be called back, once all rows are there, and keeps it up from then on. `key` is 64 bits of
    /// chance.
    pub(crate) fn begin_callbacks(&mut self, key: u64) {
        self.callbacks = Some(Callbacks::new(&mut self.rows, key));
    }

    /// Whether the lines of `call` are known here; if not, the index has them.
    pub(crate) fn knows(&self, call: CallId) -> bool {
        self.open.contains_key(&call)
    }

    /// Takes the lines of a call back from the index, because it has one more.
    pub(crate) fn take_back(&mut self, call: CallId, lines: &[Place]) {
        let open = self.open.entry(call).or_default();
        open.lines = lines.into();
        // It was ready before; any line makes it ready again.
        open.ended_at = Some(WallTime::default());
    }

    /// The lines of a call that is not yet in the index.
    pub(crate) fn lines(&self, call: CallId) -> Option<&[Place]> {
        self.open.get(&call).map(|open| open.lines.as_slice())
    }

    /// Calls that are ready for the index.
    pub(crate) fn settled(&self) -> impl ExactSizeIterator<Item = (CallId, &[Place])> {
        self.settled
            .iter()
            .map(|&call| (call, self.lines(call).unwrap_or_default()))
    }

    /// The index has them.
    pub(crate) fn indexed(&mut self) {
        for call in self.settled.drain(..) {
            self.open.remove(&call);
        }
    }

    /// Declares calls settled whose recording's hash never came.
    pub(crate) fn settle_late(&mut self, now: WallTime) {
        for (&call, open) in &mut self.open {
            let is_late = open
                .ended_at
                .is_some_and(|at| now.as_millis().saturating_sub(at.as_millis()) > HASH_WAIT_MS);
            if is_late && !open.is_settled {
                open.is_settled = true;
                self.settled.push(call);
            }
        }
    }

    /// Calls with their lines, for a checkpoint.
    pub(crate) fn open_calls(&self) -> Vec<OpenCall> {
        self.open
            .iter()
            .map(|(&call, open)| OpenCall {
                call,
                lines: open.lines.to_vec(),
            })
            .collect()
    }

    /// Whether a call has ended and nothing more is to come of it.
    pub(crate) fn is_finished(&self, call: CallId) -> bool {
        self.open
            .get(&call)
            .is_none_or(|open| open.is_ready() || open.is_settled)
    }

    /// Calls that have ended and whose recording's hash has not come, the newest first.
    pub(crate) fn awaiting_hash(&self) -> impl Iterator<Item = CallId> {
        let waiting = self.open.iter().rev();
        waiting
            .filter(|(_, open)| open.ended_at.is_some() && open.awaits_hash && !open.is_settled)
            .map(|(&call, _)| call)
    }

    /// Calls that began and have not ended.
    pub(crate) fn in_progress(&self) -> Vec<CallId> {
        self.open
            .iter()
            .filter(|(_, open)| open.ended_at.is_none())
            .map(|(&call, _)| call)
            .collect()
    }
}

impl OpenLines {
    fn note(&mut self, at: WallTime, event: &Event) {
        match event {
            // An untracked call has this one line, unless somebody answers it.
            Event::Began(parts) if !parts.public.tracked => self.ended_at = Some(at),
            Event::Answered(parts) => {
                self.awaits_hash = parts.public.recorded;
                self.ended_at = None;
            }
            Event::Ended(_) => self.ended_at = Some(at),
            Event::Hashed(_) => self.awaits_hash = false,
            Event::Began(_)
            | Event::Ringing
            | Event::Transferred(_)
            | Event::Recorded(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::Said(_)
            | Event::Pinned(_)
            | Event::Unpinned(_)
            | Event::House(_)
            | Event::Pruned(_)
            | Event::Upkeep(_)
            | Event::Erased(_)
            | Event::Unknown => {}
        }
    }

    fn is_ready(&self) -> bool {
        self.ended_at.is_some() && !self.awaits_hash
    }
}
