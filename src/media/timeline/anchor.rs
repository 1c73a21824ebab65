//! The anchor of one stream: the smallest arrival delay seen, found within the first moments, corrected when it drifts off.

use crate::media::timeline::{Counts, Here, Moved};

/// How long a new anchor may still move what was laid under it. Half of
/// [`REORDER_MS`](crate::media::timeline::REORDER_MS): a first packet that came late by less is put
/// right before anything of it is written.
pub(in crate::media::timeline) const SETTLE_MS: i64 = 100;
/// How far an anchor may be off before it is corrected. Two clocks that part by 100 ppm are found to be so far apart when
/// they are another 6 ms apart (two windows), and [`PATIENCE_MS`] later by one more: less than a frame of 20 ms in all.
pub(in crate::media::timeline) const TOLERANCE_MS: i64 = 8;
/// How long a correction waits for silence.
const PATIENCE_MS: i64 = 10_000;
/// How far an anchor may be off while a correction waits. A packet that lies further ahead of its arrival did not come
/// sooner: its sender's clock jumped.
pub(in crate::media::timeline) const JUMP_MS: i64 = 60;
/// How far a delay may be from that of an earlier anchor to return to it: one frame of 20 ms.
const RETURN_MS: i64 = 20;
/// How long a delay is remembered at least, twice that at most: longer than any talkspurt's jitter,
/// shorter than it takes two good clocks (50 ppm) to part by a tenth of a frame.
const WINDOW_MS: i64 = 30_000;

/// What leads from a stream's timestamps to places.
#[derive(Debug)]
pub(in crate::media::timeline) struct Anchor {
    /// Place minus offset from the stream's base.
    at: i64,
    phase: Phase,
    /// Whether the packet before was quiet; known only while a correction waits.
    quiet_before: bool,
    /// Since when a correction waits.
    waits_since: Option<i64>,
}

/// How sure an anchor is.
#[derive(Debug)]
enum Phase {
    /// New: what was laid under it may still move.
    Settling {
        /// The arrival after which it stays.
        until: i64,
        /// The smallest delay so far.
        least: i64,
        /// The anchor before a jump of the same source: taken again when the delay returns to it.
        before: Option<i64>,
        /// The first sample laid under it; none yet is the far future.
        from: i64,
    },
    /// Corrected only.
    Settled(Least),
}

impl Anchor {
    /// Begins a stream whose first packet came with this delay.
    pub(in crate::media::timeline) fn new(here: &Here, delay: i64) -> Self {
        Self {
            at: delay,
            phase: Phase::settling(here, delay, None),
            quiet_before: false,
            waits_since: None,
        }
    }

    /// Begins anew where the sender's clock jumped, with the anchor it had when that is as good.
    pub(in crate::media::timeline) fn jump(&mut self, here: &Here, delay: i64) {
        let before = match self.phase {
            Phase::Settling { before, .. } => before,
            Phase::Settled(_) => Some(self.at),
        };
        self.phase = Phase::settling(here, delay, before);
        self.at = as_before(delay, before, here);
    }

    /// Returns where a timestamp lies that is so many samples from the stream's base.
    pub(in crate::media::timeline) const fn place(&self, offset: i64) -> i64 {
        offset.saturating_add(self.at)
    }

    /// Remembers, while it may still move, from where on sound was laid under it.
    pub(in crate::media::timeline) fn laid(&mut self, start: i64) {
        if let Phase::Settling { from, .. } = &mut self.phase {
            *from = start.min(*from);
        }
    }

    /// Learns from a packet's delay; returns what a better anchor moves. `end` is where the sound laid so far ends.
    pub(in crate::media::timeline) fn observe(
        &mut self,
        delay: i64,
        end: &mut i64,
        here: &Here,
        quiet: impl FnOnce() -> bool,
        counts: &mut Counts,
    ) -> Option<Moved> {
        let least = match &mut self.phase {
            Phase::Settling {
                until,
                least,
                before,
                from,
            } if here.arrival < *until => {
                *least = delay.min(*least);
                let anchor = as_before(*least, *before, here);
                let by = anchor - self.at;
                if by == 0 {
                    return None;
                }
                let moved = Moved {
                    from: *from,
                    until: *end,
                    by,
                };
                *from += by;
                *end += by;
                self.at = anchor;
                return Some(moved);
            }
            Phase::Settling { least, .. } => {
                let least = Least::new(here.arrival, *least);
                self.phase = Phase::Settled(least);
                return self.observe(delay, end, here, quiet, counts);
            }
            Phase::Settled(least) => least,
        };
        least.observe(here.arrival, delay, here.scale.samples(WINDOW_MS));
        let off = least.off(self.at, here.scale.samples(TOLERANCE_MS));
        if off == 0 {
            self.waits_since = None;
            return None;
        }
        let quiet_now = quiet();
        let since = *self.waits_since.get_or_insert(here.arrival);
        let parted = here.arrival - delay + self.at - *end >= off.abs();
        let unheard = parted || (quiet_now && self.quiet_before);
        let overdue = here.arrival - since > here.scale.samples(PATIENCE_MS);
        if unheard || overdue || off.abs() > here.scale.samples(JUMP_MS) {
            self.at += off;
            self.waits_since = None;
            counts.corrections += 1;
        }
        self.quiet_before = quiet_now;
        None
    }
}

impl Phase {
    fn settling(here: &Here, delay: i64, before: Option<i64>) -> Self {
        Self::Settling {
            until: here.arrival + here.scale.samples(SETTLE_MS),
            least: delay,
            before,
            from: here.arrival,
        }
    }
}

/// Returns the anchor for the smallest delay of a stream that jumped: the one it had `before`, when
/// that is as good.
fn as_before(least: i64, before: Option<i64>, here: &Here) -> i64 {
    let tolerance = here.scale.samples(RETURN_MS).unsigned_abs();
    before
        .filter(|before| before.abs_diff(least) <= tolerance)
        .unwrap_or(least)
}

/// The smallest delay over the last one to two windows.
#[derive(Debug)]
struct Least {
    since: i64,
    now: i64,
    /// The window before; without one nothing is known of a delay that grew.
    before: Option<i64>,
}

impl Least {
    const fn new(since: i64, delay: i64) -> Self {
        Self {
            since,
            now: delay,
            before: None,
        }
    }

    fn observe(&mut self, arrival: i64, delay: i64, window: i64) {
        let age = arrival - self.since;
        if age < window {
            self.now = delay.min(self.now);
            return;
        }
        self.before = (age < 2 * window).then_some(self.now);
        self.now = delay;
        self.since = arrival;
    }

    /// Returns by how much an anchor should change; 0 within `tolerance`.
    fn off(&self, anchor: i64, tolerance: i64) -> i64 {
        let off = self.before.unwrap_or(self.now).min(self.now) - anchor;
        let grew_for_good = self.before.is_some();
        if off < -tolerance || (off > tolerance && grew_for_good) {
            off
        } else {
            0
        }
    }
}
