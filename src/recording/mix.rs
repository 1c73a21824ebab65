//! Two sides to interleaved stereo: a short stretch of frames in which packets may still find their
//! place, and blocks of finished frames for the disk. Knows no file.

use std::ops::Range;

use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::timeline::Moved;

/// Frames of a block: 8 KB, 256 ms at 8 kHz.
pub const BLOCK_FRAMES: u64 = 2048;
/// What is held besides a block: the longest packet of 200 ms (RFC 3551 4.2), and one step of what settles.
const HELD_MS: u64 = 240;
/// Bytes of a frame: 16 bits left, 16 bits right.
pub const FRAME_BYTES: u64 = 4;

/// Left and right sample, each little end first, as they stand in the file.
type Frame = [[u8; 2]; 2];

/// Both sides' sound between what is written and what may still come.
#[derive(Debug)]
pub struct Mix {
    /// A ring: frame `n` lies at `n` modulo its length. What nobody laid is silence.
    frames: Box<[Frame]>,
    /// Frames given to the disk.
    written: u64,
    /// Frames that nothing changes any more, `written` or more.
    settled: u64,
}

impl Mix {
    /// Begins at frame 0 with silence: 16 KB at 8 kHz, 24 at 16, 56 at 48. At 8 kHz that is also a block, the time that a
    /// straggler is waited for, a wake-up of the recorder and a packet of 20 ms; what does not fit is written in a smaller piece.
    pub fn new(rate_hz: u32) -> Self {
        let frames = BLOCK_FRAMES + u64::from(rate_hz) * HELD_MS / 1_000;
        // Whole blocks, so that each lies in one piece.
        let frames = usize::try_from(frames.next_multiple_of(BLOCK_FRAMES)).unwrap_or_default();
        Self {
            frames: vec![Frame::default(); frames].into_boxed_slice(),
            written: 0,
            settled: 0,
        }
    }

    /// One after the last frame that nothing changes any more.
    pub fn settled(&self) -> i64 {
        i64::try_from(self.settled).unwrap_or(i64::MAX)
    }

    /// Returns how many frames were given to the disk.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Says whether sound that ends at `end` can be laid whole.
    pub fn has_room(&self, end: i64) -> bool {
        end <= self.limit()
    }

    /// Lays a packet of G.711. What lies before the settled frames or beyond the held ones is cut.
    pub fn lay(&mut self, side: Side, start: i64, law: Law, payload: &[u8]) {
        let table = law.table();
        self.put(side, start, payload, |code| sample(table, code));
    }

    /// Lays samples; cut like a packet's.
    pub fn lay_samples(&mut self, side: Side, start: i64, samples: &[i16]) {
        self.put(side, start, samples, i16::to_le_bytes);
    }

    fn put<T: Copy>(&mut self, side: Side, start: i64, items: &[T], bytes: impl Fn(T) -> [u8; 2]) {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let range = self.clip(start, start.saturating_add(length));
        let skipped = range.start.saturating_sub_signed(start);
        let Some(mut items) = usize::try_from(skipped).ok().and_then(|n| items.get(n..)) else {
            return;
        };
        for run in self.runs(range) {
            let Some(frames) = self.frames.get_mut(run) else {
                return;
            };
            let (now, rest) = items.split_at_checked(frames.len()).unwrap_or((items, &[]));
            items = rest;
            match side {
                Side::Caller => {
                    for ([left, _], item) in frames.iter_mut().zip(now) {
                        *left = bytes(*item);
                    }
                }
                Side::Callee => {
                    for ([_, right], item) in frames.iter_mut().zip(now) {
                        *right = bytes(*item);
                    }
                }
            }
        }
    }

    /// Makes a stretch of one side silent, as far as it is held and not settled.
    pub fn silence(&mut self, side: Side, from: i64, until: i64) {
        for run in self.runs(self.clip(from, until)) {
            for frame in self.frames.get_mut(run).into_iter().flatten() {
                *pick(frame, side) = [0; 2];
            }
        }
    }

    /// Appends one side's samples of a stretch that is held and not settled; less where less is.
    pub fn read(&self, side: Side, from: i64, until: i64, out: &mut Vec<i16>) {
        for run in self.runs(self.clip(from, until)) {
            let frames = self.frames.get(run).into_iter().flatten();
            out.extend(frames.map(|[left, right]| match side {
                Side::Caller => i16::from_le_bytes(*left),
                Side::Callee => i16::from_le_bytes(*right),
            }));
        }
    }

    /// Moves one side's sound and leaves silence behind. What would lie before the settled frames
    /// or beyond the held ones is cut.
    pub fn shift(&mut self, side: Side, moved: Moved) {
        let Moved { from, until, by } = moved;
        let range = self.clip(from, until);
        let held = self.clip(0, i64::MAX);
        let mut carry = |frame: u64| {
            let from = self.slot(frame);
            let sample = self
                .frames
                .get_mut(from)
                .map(|frame| std::mem::take(pick(frame, side)));
            let place = frame.checked_add_signed(by).filter(|to| held.contains(to));
            let place = place.map(|to| self.slot(to));
            if let Some(to) = place.and_then(|to| self.frames.get_mut(to)) {
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
            self.settled = until.min(self.written + self.held());
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
        for run in self.runs(self.written..until) {
            if let Some(frames) = self.frames.get_mut(run) {
                disk(frames.as_flattened().as_flattened());
                frames.fill(Frame::default());
            }
        }
        self.written = until;
    }

    /// One after the last frame that is held.
    fn limit(&self) -> i64 {
        i64::try_from(self.written + self.held()).unwrap_or(i64::MAX)
    }

    fn clip(&self, from: i64, until: i64) -> Range<u64> {
        let from = u64::try_from(from).unwrap_or_default().max(self.settled);
        let until = u64::try_from(until.min(self.limit())).unwrap_or_default();
        from..until.max(from)
    }

    /// Frames of the ring.
    const fn held(&self) -> u64 {
        self.frames.len() as u64
    }

    /// Where in the ring a frame lies.
    fn slot(&self, frame: u64) -> usize {
        usize::try_from(frame % self.held().max(1)).unwrap_or_default()
    }

    /// The one or two pieces of the ring in which a range of at most its length lies.
    fn runs(&self, range: Range<u64>) -> impl Iterator<Item = Range<usize>> + use<> {
        let from = self.slot(range.start);
        let length = usize::try_from(range.end - range.start).unwrap_or_default();
        let first = length.min(self.frames.len() - from);
        [from..from + first, 0..length - first]
            .into_iter()
            .filter(|run| !run.is_empty())
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
