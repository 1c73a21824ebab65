//! A few frames of both sides between what is written and what may still come: G.711 as the codes that came, a byte a sample,
//! until something else is laid among them.

use std::ops::Range;

use crate::base::id::Side;
use crate::media::codec::Law;

/// Frames that come and go together: 16 ms at 8 kHz.
pub(super) const FRAMES: usize = 128;

/// Left and right sample, each little end first, as they stand in the file.
pub(super) type Frame = [[u8; 2]; 2];

/// Frames that lie next to each other. Nothing laid is silence.
#[derive(Debug, Default)]
pub(super) enum Chunk {
    /// Both sides are silent, and take no memory.
    #[default]
    Silent,
    /// Each side is silent but for one stretch of codes.
    Coded(Box<[Codes; 2]>),
    /// Anything.
    Sampled(Box<[Frame; FRAMES]>),
}

/// One side's codes. There is no code for silence in A-law, so where they lie is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes {
    law: Law,
    from: u8,
    until: u8,
    codes: [u8; FRAMES],
}

const NONE: Codes = Codes {
    law: Law::Mu,
    from: 0,
    until: 0,
    codes: [0; FRAMES],
};

impl Codes {
    fn laid(&self) -> Range<usize> {
        self.from.into()..self.until.into()
    }

    /// Lays codes that follow, precede or cover those that are there; `false`: they do not, or are of another law.
    fn lay(&mut self, law: Law, run: &Range<usize>, codes: &[u8]) -> bool {
        let laid = self.laid();
        let joined = match laid.is_empty() {
            true => run.clone(),
            false if law != self.law || run.start > laid.end || run.end < laid.start => {
                return false;
            }
            false => run.start.min(laid.start)..run.end.max(laid.end),
        };
        let (Some(room), Ok(from), Ok(until)) = (
            self.codes.get_mut(run.clone()),
            u8::try_from(joined.start),
            u8::try_from(joined.end),
        ) else {
            return false;
        };
        if room.len() != codes.len() {
            return false;
        }
        room.copy_from_slice(codes);
        (self.law, self.from, self.until) = (law, from, until);
        true
    }

    /// Puts the samples of a run into as many frames, which are silent.
    fn play(&self, side: Side, run: &Range<usize>, frames: &mut [Frame]) {
        let laid = self.laid();
        let heard = run.start.max(laid.start)..run.end.min(laid.end);
        let Some(codes) = self.codes.get(heard.clone()) else {
            return;
        };
        let table = self.law.table();
        let later = heard.start.saturating_sub(run.start);
        for (frame, code) in frames.iter_mut().skip(later).zip(codes) {
            let sample = table.get(usize::from(*code)).copied().unwrap_or_default();
            *pick(frame, side) = sample.to_le_bytes();
        }
    }
}

impl Chunk {
    /// Lays codes of G.711 in the frames of `run`, as many as these are.
    pub(super) fn lay(&mut self, side: Side, run: Range<usize>, law: Law, codes: &[u8]) {
        if matches!(self, Self::Silent) {
            *self = Self::Coded(Box::new([NONE; 2]));
        }
        if let Self::Coded(sides) = self
            && of(sides, side).lay(law, &run, codes)
        {
            return;
        }
        let table = law.table();
        let sample = |code: &u8| table.get(usize::from(*code)).copied().unwrap_or_default();
        self.put(side, run, codes.iter().map(sample));
    }

    /// Lays samples in the frames of `run`.
    pub(super) fn put(
        &mut self,
        side: Side,
        run: Range<usize>,
        samples: impl Iterator<Item = i16>,
    ) {
        let frames = self.sampled().get_mut(run).unwrap_or_default();
        for (frame, sample) in frames.iter_mut().zip(samples) {
            *pick(frame, side) = sample.to_le_bytes();
        }
    }

    /// Makes one side of a run silent.
    pub(super) fn silence(&mut self, side: Side, run: Range<usize>) {
        if !matches!(self, Self::Silent) {
            self.put(side, run, std::iter::repeat(0));
        }
    }

    /// Puts a run into as many frames, which are silent.
    pub(super) fn play(&self, run: &Range<usize>, frames: &mut [Frame]) {
        match self {
            Self::Silent => {}
            Self::Coded(sides) => {
                for (side, codes) in Side::BOTH.into_iter().zip(sides.iter()) {
                    codes.play(side, run, frames);
                }
            }
            Self::Sampled(all) => {
                for (frame, held) in frames
                    .iter_mut()
                    .zip(all.get(run.clone()).unwrap_or_default())
                {
                    *frame = *held;
                }
            }
        }
    }

    /// Takes room for any sample.
    fn sampled(&mut self) -> &mut [Frame] {
        if !matches!(self, Self::Sampled(_)) {
            let mut frames = Box::new([Frame::default(); FRAMES]);
            self.play(&(0..FRAMES), frames.as_mut_slice());
            *self = Self::Sampled(frames);
        }
        match self {
            Self::Sampled(frames) => frames.as_mut_slice(),
            Self::Silent | Self::Coded(_) => &mut [],
        }
    }
}

const fn of(sides: &mut [Codes; 2], side: Side) -> &mut Codes {
    let [caller, callee] = sides;
    match side {
        Side::Caller => caller,
        Side::Callee => callee,
    }
}

const fn pick(frame: &mut Frame, side: Side) -> &mut [u8; 2] {
    let [left, right] = frame;
    match side {
        Side::Caller => left,
        Side::Callee => right,
    }
}
