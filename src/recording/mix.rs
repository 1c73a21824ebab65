//! Two sides to interleaved stereo: a short stretch of frames in which packets may still find their
//! place, and blocks of finished frames for the disk. Knows no file.

use std::ops::Range;

use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::timeline::Moved;

/// Frames held: one block, the time a straggler is waited for, a wake-up of the recorder and a
/// packet are 530 ms at most; what does not fit is written in a smaller piece. 16 KB a call.
pub const HELD_FRAMES: usize = 4096;
/// Frames of a block: 8 KB, 256 ms. Divides [`HELD_FRAMES`], so that a block lies in one piece.
pub const BLOCK_FRAMES: u64 = 2048;
/// Bytes of a frame: 16 bits left, 16 bits right.
pub const FRAME_BYTES: u64 = 4;

/// Left and right sample, each little end first, as they stand in the file.
type Frame = [[u8; 2]; 2];

/// Both sides' sound between what is written and what may still come.
#[derive(Debug)]
pub struct Mix {
    /// A ring: frame `n` lies at `n % HELD_FRAMES`. What nobody laid is silence.
    frames: Box<[Frame]>,
    /// Frames given to the disk.
    written: u64,
    /// Frames that nothing changes any more, `written` or more.
    settled: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self::new()
    }
}

impl Mix {
    /// Begins at frame 0 with silence.
    pub fn new() -> Self {
        Self {
            frames: vec![Frame::default(); HELD_FRAMES].into_boxed_slice(),
            written: 0,
            settled: 0,
        }
    }

    /// Returns how many frames were given to the disk.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Says whether sound that ends at `end` can be laid whole.
    pub fn has_room(&self, end: i64) -> bool {
        end <= self.limit()
    }

    /// Lays a packet's sound. What lies before the settled frames or beyond the held ones is cut.
    pub fn lay(&mut self, side: Side, start: i64, law: Law, payload: &[u8]) {
        let length = i64::try_from(payload.len()).unwrap_or(i64::MAX);
        let range = self.clip(start, start.saturating_add(length));
        let skipped = range.start.saturating_sub_signed(start);
        let Some(mut payload) = usize::try_from(skipped).ok().and_then(|n| payload.get(n..)) else {
            return;
        };
        let table = law.table();
        for run in runs(range) {
            let Some(frames) = self.frames.get_mut(run) else {
                return;
            };
            let (now, rest) = payload
                .split_at_checked(frames.len())
                .unwrap_or((payload, &[]));
            payload = rest;
            match side {
                Side::Caller => {
                    for ([left, _], code) in frames.iter_mut().zip(now) {
                        *left = sample(table, *code);
                    }
                }
                Side::Callee => {
                    for ([_, right], code) in frames.iter_mut().zip(now) {
                        *right = sample(table, *code);
                    }
                }
            }
        }
    }

    /// Moves one side's sound and leaves silence behind. What would lie before the settled frames
    /// or beyond the held ones is cut.
    pub fn shift(&mut self, side: Side, moved: Moved) {
        let Moved { from, until, by } = moved;
        let range = self.clip(from, until);
        let held = self.clip(0, i64::MAX);
        let mut carry = |frame: u64| {
            let sample = self
                .frames
                .get_mut(slot(frame))
                .map(|frame| std::mem::take(pick(frame, side)));
            let place = frame.checked_add_signed(by).filter(|to| held.contains(to));
            if let Some(to) = place.and_then(|to| self.frames.get_mut(slot(to))) {
                *pick(to, side) = sample.unwrap_or_default();
            }
        };
        if by < 0 {
            range.for_each(&mut carry);
        } else {
            range.rev().for_each(&mut carry);
        }
    }

    /// Settles everything before `until` and gives whole blocks to `disk`.
    pub fn advance(&mut self, until: i64, disk: &mut impl FnMut(&[u8])) {
        let until = u64::try_from(until).unwrap_or_default();
        while self.settled < until {
            self.settled = until.min(self.written + HELD_FRAMES as u64);
            loop {
                let block = (self.written / BLOCK_FRAMES + 1) * BLOCK_FRAMES;
                if block > self.settled {
                    break;
                }
                self.give(block, disk);
            }
        }
    }

    /// Gives all that is settled to `disk`.
    pub fn flush(&mut self, disk: &mut impl FnMut(&[u8])) {
        while self.written < self.settled {
            let block = (self.written / BLOCK_FRAMES + 1) * BLOCK_FRAMES;
            self.give(block.min(self.settled), disk);
        }
    }

    /// Gives the frames up to `until`, which lie within one block, and makes them silent again.
    fn give(&mut self, until: u64, disk: &mut impl FnMut(&[u8])) {
        for run in runs(self.written..until) {
            if let Some(frames) = self.frames.get_mut(run) {
                disk(frames.as_flattened().as_flattened());
                frames.fill(Frame::default());
            }
        }
        self.written = until;
    }

    /// One after the last frame that is held.
    fn limit(&self) -> i64 {
        i64::try_from(self.written + HELD_FRAMES as u64).unwrap_or(i64::MAX)
    }

    fn clip(&self, from: i64, until: i64) -> Range<u64> {
        let from = u64::try_from(from).unwrap_or_default().max(self.settled);
        let until = u64::try_from(until.min(self.limit())).unwrap_or_default();
        from..until.max(from)
    }
}

fn sample(table: &[i16; 256], code: u8) -> [u8; 2] {
    table
        .get(usize::from(code))
        .copied()
        .unwrap_or_default()
        .to_le_bytes()
}

const fn pick(frame: &mut Frame, side: Side) -> &mut [u8; 2] {
    let [left, right] = frame;
    match side {
        Side::Caller => left,
        Side::Callee => right,
    }
}

/// Where in the ring a frame lies.
fn slot(frame: u64) -> usize {
    usize::try_from(frame % HELD_FRAMES as u64).unwrap_or_default()
}

/// The one or two pieces of the ring in which a range of at most [`HELD_FRAMES`] frames lies.
fn runs(range: Range<u64>) -> impl Iterator<Item = Range<usize>> {
    let from = slot(range.start);
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let first = length.min(HELD_FRAMES - from);
    [from..from + first, 0..length - first]
        .into_iter()
        .filter(|run| !run.is_empty())
}
