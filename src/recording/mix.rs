//! Two sides to interleaved stereo: a short stretch of frames in which packets may still find their
//! place, and blocks of finished frames for the disk. Knows no file.
//!
//! There is one for each recorded call, so memory counts: the stretch is in small chunks that are made for what is laid
//! and go when it is written. On a quiet network some 100 ms lie in it, and half a second where packets are waited for.

mod chunk;

use std::collections::VecDeque;
use std::ops::Range;

use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::timeline::Moved;
use crate::recording::mix::chunk::{Chunk, FRAMES, Frame};

/// What is gathered before it is written: long enough that system calls do not count, and little to keep in memory for each call.
const BLOCK_MS: u64 = 128;
/// What is held at most besides a block: a packet of 200 ms (RFC 3551 4.2) that lies as far ahead of its arrival as an anchor may
/// be off, behind a straggler that is waited for.
const HELD_MS: u64 = 512;
/// Frames of the longest single write.
const PIECE_FRAMES: usize = 2_048;
/// Bytes of a frame: 16 bits left, 16 bits right.
pub const FRAME_BYTES: u64 = 4;

/// Both sides' sound between what is written and what may still come. It takes the memory of what is in it, and no more.
#[derive(Debug)]
pub struct Mix {
    /// From the first that something was laid in: what lies before it and is not written is silence.
    chunks: VecDeque<Chunk>,
    /// In whose place since the beginning the first of them lies.
    first: usize,
    /// Frames of a block.
    block: u64,
    /// Frames that are held at most.
    held: u64,
    /// Frames given to the disk.
    written: u64,
    /// Frames that nothing changes any more, `written` or more.
    settled: u64,
}

impl Mix {
    /// Begins at frame 0 with silence.
    pub fn new(rate_hz: u32) -> Self {
        let frames = |millis| u64::from(rate_hz) * millis / 1_000;
        Self {
            chunks: VecDeque::new(),
            first: 0,
            block: frames(BLOCK_MS).max(1),
            held: frames(BLOCK_MS + HELD_MS),
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
        self.put(start, payload, |chunk, run, codes| {
            chunk.lay(side, run, law, codes);
        });
    }

    /// Lays samples; cut like a packet's.
    pub fn lay_samples(&mut self, side: Side, start: i64, samples: &[i16]) {
        self.put(start, samples, |chunk, run, samples| {
            chunk.put(side, run, samples.iter().copied());
        });
    }

    fn put<T>(
        &mut self,
        start: i64,
        items: &[T],
        mut lay: impl FnMut(&mut Chunk, Range<usize>, &[T]),
    ) {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let range = self.clip(start, start.saturating_add(length));
        let skipped = range.start.saturating_sub_signed(start);
        let Some(mut items) = usize::try_from(skipped).ok().and_then(|n| items.get(n..)) else {
            return;
        };
        for (number, run) in Self::runs(range) {
            let (now, rest) = items.split_at_checked(run.len()).unwrap_or((items, &[]));
            items = rest;
            if let Some(chunk) = self.chunk_to_lay(number) {
                lay(chunk, run, now);
            }
        }
    }

    /// Makes a stretch of one side silent, as far as it is held and not settled.
    pub fn silence(&mut self, side: Side, from: i64, until: i64) {
        for (number, run) in Self::runs(self.clip(from, until)) {
            if let Some(chunk) = number
                .checked_sub(self.first)
                .and_then(|place| self.chunks.get_mut(place))
            {
                chunk.silence(side, run);
            }
        }
    }

    /// Appends one side's samples of a stretch that is held and not settled; less where less is.
    pub fn read(&self, side: Side, from: i64, until: i64, out: &mut Vec<i16>) {
        let mut piece = [Frame::default(); FRAMES];
        for (number, run) in Self::runs(self.clip(from, until)) {
            let frames = piece.get_mut(..run.len()).unwrap_or_default();
            self.play(number, &run, frames);
            out.extend(frames.iter().map(|[left, right]| match side {
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
        let start = i64::try_from(range.start).unwrap_or(i64::MAX);
        let end = i64::try_from(range.end).unwrap_or(i64::MAX);
        let mut samples = Vec::new();
        self.read(side, start, end, &mut samples);
        self.silence(side, start, end);
        self.lay_samples(side, start.saturating_add(by), &samples);
    }

    /// Settles everything before `until` and gives whole blocks to `disk`.
    pub fn advance(&mut self, until: i64, disk: &mut impl FnMut(&[u8])) {
        let until = u64::try_from(until).unwrap_or_default();
        while self.settled < until {
            self.settled = until.min(self.written + self.held);
            loop {
                let block = (self.written / self.block + 1) * self.block;
                if block > self.settled {
                    break;
                }
                self.give(block, disk);
            }
        }
    }

    /// Gives all that is settled to `disk`.
    pub fn flush(&mut self, disk: &mut impl FnMut(&[u8])) {
        self.give(self.settled, disk);
    }

    /// Gives the frames up to `until` and lets go of their memory.
    fn give(&mut self, until: u64, disk: &mut impl FnMut(&[u8])) {
        let mut piece = [Frame::default(); PIECE_FRAMES];
        let mut filled = 0;
        for (number, run) in Self::runs(self.written..until) {
            if filled + run.len() > piece.len() {
                disk(bytes(&piece, filled));
                filled = 0;
            }
            if let Some(frames) = piece.get_mut(filled..filled + run.len()) {
                self.play(number, &run, frames);
            }
            filled += run.len();
        }
        if filled > 0 {
            disk(bytes(&piece, filled));
        }
        let gone = chunk_of(until).saturating_sub(self.first);
        let gone = gone.min(self.chunks.len());
        self.chunks.drain(..gone);
        self.first += gone;
        self.written = until;
    }

    /// One after the last frame that is held.
    fn limit(&self) -> i64 {
        i64::try_from(self.written + self.held).unwrap_or(i64::MAX)
    }

    fn clip(&self, from: i64, until: i64) -> Range<u64> {
        let from = u64::try_from(from).unwrap_or_default().max(self.settled);
        let until = u64::try_from(until.min(self.limit())).unwrap_or_default();
        from..until.max(from)
    }

    /// Puts a run of one chunk into as many frames.
    fn play(&self, number: usize, run: &Range<usize>, frames: &mut [Frame]) {
        frames.fill(Frame::default());
        let place = number.checked_sub(self.first);
        if let Some(chunk) = place.and_then(|place| self.chunks.get(place)) {
            chunk.play(run, frames);
        }
    }

    /// The chunk of this number, which is made where it is not there.
    fn chunk_to_lay(&mut self, number: usize) -> Option<&mut Chunk> {
        if self.chunks.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.chunks.push_front(Chunk::default());
            self.first -= 1;
        }
        let place = number - self.first;
        if self.chunks.len() <= place {
            self.chunks.resize_with(place + 1, Chunk::default);
        }
        self.chunks.get_mut(place)
    }

    /// The pieces of a range, each within one chunk: its number since the beginning and the frames in it.
    fn runs(range: Range<u64>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let numbers = chunk_of(range.start)..chunk_of(range.end + FRAMES as u64 - 1);
        numbers.map(move |number| {
            let begins = number as u64 * FRAMES as u64;
            let within = |frame: u64| {
                let frame = frame.saturating_sub(begins).min(FRAMES as u64);
                usize::try_from(frame).unwrap_or(FRAMES)
            };
            (number, within(range.start)..within(range.end))
        })
    }
}

/// In which chunk since the beginning a frame lies.
fn chunk_of(frame: u64) -> usize {
    usize::try_from(frame / FRAMES as u64).unwrap_or(usize::MAX)
}

/// The first frames of a piece as they stand in the file.
fn bytes(piece: &[Frame], frames: usize) -> &[u8] {
    let frames = piece.get(..frames).unwrap_or(piece);
    frames.as_flattened().as_flattened()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(mix: &mut Mix, until: i64) -> Vec<i16> {
        let mut file = Vec::new();
        let mut disk = |block: &[u8]| file.extend_from_slice(block);
        mix.advance(until, &mut disk);
        mix.flush(&mut disk);
        let samples = file.chunks_exact(2);
        samples
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    }

    fn chunks(mix: &Mix) -> usize {
        let takes = |chunk: &&Chunk| !matches!(chunk, Chunk::Silent);
        mix.chunks.iter().filter(takes).count()
    }

    #[test]
    fn memory_is_taken_for_what_is_laid_and_given_back_when_it_is_written() {
        let mut mix = Mix::new(8_000);
        mix.advance(50_000, &mut |_| {});
        assert_eq!(chunks(&mix), 0, "silence takes none");
        let sound: Vec<i16> = (1..=400).collect();
        mix.lay_samples(Side::Callee, 50_100, &sound);
        // 50,100 to 50,500 meet four of 128 each.
        assert_eq!(chunks(&mix), 4);
        let mut file = Vec::new();
        mix.advance(51_200, &mut |block| file.extend_from_slice(block));
        assert_eq!((chunks(&mix), mix.chunks.len()), (0, 0));
        let at = file.len() - (51_200 - 50_100) * 4;
        let frames = file[at..].chunks_exact(4).take(401);
        let right: Vec<_> = frames
            .map(|frame| i16::from_le_bytes([frame[2], frame[3]]))
            .collect();
        assert_eq!((&right[..400], right[400]), (&sound[..], 0));
    }

    #[test]
    fn sound_moves_across_chunks_and_leaves_silence_behind() {
        for by in [-300, -1, 1, 127, 128, 300] {
            let mut mix = Mix::new(8_000);
            let sound: Vec<i16> = (1..=500).collect();
            mix.lay_samples(Side::Caller, 400, &sound);
            mix.lay_samples(Side::Callee, 400, &sound);
            let moved = Moved {
                from: 400,
                until: 900,
                by,
            };
            mix.shift(Side::Caller, moved);
            let file = written(&mut mix, 1_300);
            let mut truth = vec![0; 2_600];
            for (from, side) in [(400 + by, 0), (400, 1)] {
                for (at, sample) in (usize::try_from(from).unwrap()..).zip(&sound) {
                    truth[at * 2 + side] = *sample;
                }
            }
            assert_eq!(file, truth, "{by}");
        }
    }

    #[test]
    fn what_lies_before_the_settled_or_beyond_the_held_frames_is_cut() {
        let mut mix = Mix::new(8_000);
        mix.advance(100, &mut |_| {});
        let limit = 8 * i64::try_from(BLOCK_MS + HELD_MS).unwrap();
        assert!(mix.has_room(limit) && !mix.has_room(limit + 1));
        mix.lay_samples(Side::Caller, 90, &[1; 20]);
        mix.lay_samples(Side::Caller, limit - 5, &[2; 20]);
        let file = written(&mut mix, limit + 100);
        let left: Vec<_> = file.iter().step_by(2).copied().collect();
        let last = left.len() - 105;
        assert_eq!(left.len(), usize::try_from(limit).unwrap() + 100);
        assert_eq!((left[99], left[100], left[109], left[110]), (0, 1, 1, 0));
        assert_eq!(
            (left[last - 1], left[last], left[last + 4], left[last + 5]),
            (0, 2, 2, 0)
        );
    }

    proptest! {
        /// However packets of either law and samples fall upon each other, what was laid last is heard, and else nothing.
        #[test]
        fn what_was_laid_last_is_heard(
            laid in proptest::collection::vec(
                (any::<bool>(), 0..3_u8, 0..3_000_i64, 0..400_usize, any::<u8>()), 0..40,
            ),
            settled in 0..2_000_i64,
        ) {
            let mut mix = Mix::new(8_000);
            let mut truth = vec![0_i16; 8_000];
            mix.advance(settled, &mut |_| {});
            let begins = usize::try_from(mix.written()).unwrap();
            for (caller, what, start, length, code) in laid {
                let side = if caller { Side::Caller } else { Side::Callee };
                let codes: Vec<u8> = (0..length).map(|n| code.wrapping_add(low(n))).collect();
                let law = if what == 0 { Law::A } else { Law::Mu };
                let mut samples: Vec<i16> = codes.iter().map(|code| law.decode(*code)).collect();
                match what {
                    0 | 1 => mix.lay(side, start, law, &codes),
                    _ if code % 4 == 0 => {
                        mix.silence(side, start, start + i64::try_from(length).unwrap());
                        samples.fill(0);
                    }
                    _ => mix.lay_samples(side, start, &samples),
                }
                for (at, sample) in (start..).zip(samples).filter(|(at, _)| *at >= settled) {
                    truth[usize::try_from(at).unwrap() * 2 + usize::from(!caller)] = sample;
                }
            }
            let mut one_side = Vec::new();
            mix.read(Side::Callee, 0, 4_000, &mut one_side);
            let right = truth.iter().skip(1).step_by(2).copied();
            let from = usize::try_from(settled).unwrap();
            prop_assert_eq!(&one_side, &right.skip(from).take(4_000 - from).collect::<Vec<_>>());
            prop_assert_eq!(written(&mut mix, 4_000), &truth[begins * 2..]);
        }
    }

    fn low(n: usize) -> u8 {
        u8::try_from(n % 251).unwrap()
    }
}
