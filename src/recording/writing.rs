//! The files of one recording, as far as the disk lets them grow: one after the other where one is not enough, silence where
//! the recording pauses. Only the one that grows is open. A disk that refuses ends the recording, never the call.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use smallvec::SmallVec;
use smallvec::smallvec;

use crate::base::id::CallId;
use crate::recording::command::Part;
use crate::recording::command::Pause;
use crate::recording::disk::Disk;
use crate::recording::disk::Shelf;
use crate::recording::disk::why;
use crate::recording::mix::FRAME_BYTES;
use crate::recording::pause::Heard;
use crate::recording::pause::Pauser;
use crate::recording::pause::Pauses;
use crate::recording::plan;
use crate::recording::tape::Sink;
use crate::recording::wav::FRAMES_MAX;
use crate::recording::wav::HEADER_BYTES;
use crate::recording::wav::Wav;

/// What is written where the recording pauses: a quarter of a second at 8 kHz a time.
static SILENCE: [u8; 8_192] = [0; 8_192];

/// What a recording's files are to be.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Samples a second on each channel.
    pub rate_hz: u32,
    /// The longest that a file grows.
    pub part_bytes: u64,
}

impl Form {
    /// Frames of the longest file.
    fn part_frames(self) -> u64 {
        let frames = self.part_bytes.saturating_sub(HEADER_BYTES) / FRAME_BYTES;
        frames.clamp(1, FRAMES_MAX)
    }
}

/// The files of one recording.
pub struct Writing<S: Shelf> {
    call: CallId,
    shelf: S,
    form: Form,
    /// Of the first file, relative to the recordings folder.
    file: PathBuf,
    /// The frames of each file that is full; it is closed.
    full: Vec<u64>,
    /// The one that grows; none where the first could not be made.
    growing: Option<Wav<S::Medium>>,
    /// Frames in all files.
    frames: u64,
    pauses: Pauses,
    /// Why nothing more is written.
    refused: Option<Arc<str>>,
    news: Option<Disk>,
}

/// What became of the files.
#[derive(Debug)]
pub struct Written<M> {
    /// Of the first, relative to the recordings folder.
    pub file: PathBuf,
    /// Length of the first.
    pub bytes: u64,
    /// The others.
    pub parts: Vec<Part>,
    /// Frames in all of them.
    pub frames: u64,
    /// What was left out on request.
    pub pauses: Vec<Pause>,
    /// Why they end before the recording does.
    pub refused: Option<Arc<str>>,
    /// The last of them; none where there is no file at all. All are whole, and none is synced.
    pub last: Option<M>,
    /// What the disk has shown since that was asked last.
    pub news: Option<Disk>,
}

impl<S: Shelf> Writing<S> {
    /// Makes the first file, or notes why there is none.
    pub fn begin(call: CallId, file: PathBuf, shelf: S, form: Form) -> Self {
        let mut writing = Self {
            call,
            shelf,
            form,
            file,
            full: Vec::new(),
            growing: None,
            frames: 0,
            pauses: Pauses::default(),
            refused: None,
            news: None,
        };
        if let Err(error) = writing.next_part() {
            writing.refuse(&error);
        }
        writing
    }

    /// Whose.
    pub const fn call(&self) -> CallId {
        self.call
    }

    /// The first file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.growing.is_some().then_some(&*self.file)
    }

    /// Writes a block of whole frames, which follows what was written before.
    pub fn append(&mut self, block: &[u8]) {
        let length = block.len() as u64 / FRAME_BYTES;
        let from = self.frames;
        let runs: SmallVec<[_; 1]> = match self.pauses.ends_after(from) {
            true => self.pauses.cut(from..from + length).collect(),
            false => smallvec![(from..from + length, Heard::Recorded)],
        };
        for (run, heard) in runs {
            let bytes = |frame: u64| usize::try_from((frame - from) * FRAME_BYTES).ok();
            let piece = bytes(run.start).zip(bytes(run.end));
            let piece = piece.and_then(|(from, until)| block.get(from..until));
            match (heard, piece) {
                (Heard::Recorded, Some(piece)) => self.write(piece),
                (Heard::Paused, Some(piece)) => {
                    for piece in piece.chunks(SILENCE.len()) {
                        self.write(SILENCE.get(..piece.len()).unwrap_or_default());
                    }
                }
                (Heard::Recorded | Heard::Paused, None) => {}
            }
        }
    }

    /// Pauses from a frame on. What was written beyond it, because the order came late, is made silent.
    pub fn pause(&mut self, by: Pauser, frame: u64) {
        self.pauses.pause(by, frame);
        // Also where the disk refuses more: this takes no room.
        if frame < self.frames {
            self.silence(frame);
        }
    }

    /// Goes on from a frame on.
    pub fn resume(&mut self, by: &Pauser, frame: u64) {
        // What was written beyond it is silent already, and stays so: the pause reaches as far.
        self.pauses.resume(by, frame.max(self.frames));
    }

    /// Whether it pauses now.
    pub const fn is_paused(&self) -> bool {
        self.pauses.is_paused()
    }

    /// The pauses of a recording that is `frames` long.
    pub fn pauses(&self, frames: u64) -> Vec<Pause> {
        self.pauses.told(frames, self.form.rate_hz)
    }

    /// Takes what the disk has shown since this was asked last.
    pub const fn take_news(&mut self) -> Option<Disk> {
        self.news.take()
    }

    /// Ends the files after `frames`, or after what they hold when that is less.
    pub fn end(mut self, frames: u64) -> Written<S::Medium> {
        let ended = self.each_from(frames, |wav, from| wav.end(from));
        if let (Err(error), None) = (ended, &self.refused) {
            self.refuse(&error);
        }
        let growing = self.growing.as_ref().map(Wav::frames);
        let lengths: Vec<u64> = self.full.iter().copied().chain(growing).collect();
        let frames = lengths.iter().sum();
        let pauses = self.pauses(frames);
        let rate_hz = self.form.rate_hz;
        let bytes = |frames: u64| HEADER_BYTES + frames * FRAME_BYTES;
        let of = |(number, frames): (u32, &u64)| Part {
            file: plan::part_of(&self.file, number),
            duration_ms: millis(*frames, rate_hz),
            bytes: bytes(*frames),
        };
        let parts = (1..).zip(&lengths).skip(1).map(of).collect();
        Written {
            bytes: lengths.first().map_or(0, |frames| bytes(*frames)),
            parts,
            file: self.file,
            frames,
            pauses,
            refused: self.refused,
            news: self.news,
            last: self.growing.map(Wav::into_medium),
        }
    }

    fn write(&mut self, mut block: &[u8]) {
        while !block.is_empty() && self.refused.is_none() {
            let taken = match self.write_some(block) {
                Ok(taken) => taken,
                Err(error) => return self.refuse(&error),
            };
            block = block.get(taken..).unwrap_or_default();
        }
    }

    /// Writes what fits into the file under way, of which there is another where it is full.
    fn write_some(&mut self, block: &[u8]) -> io::Result<usize> {
        let limit = self.form.part_frames();
        if self
            .growing
            .as_ref()
            .is_none_or(|wav| wav.frames() >= limit)
        {
            self.next_part()?;
        }
        let Some(wav) = &mut self.growing else {
            return Err(io::Error::other("a recording without a file"));
        };
        let room = (limit - wav.frames()) * FRAME_BYTES;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let piece = block.get(..room).unwrap_or(block);
        if let Err(error) = wav.append(piece) {
            // Cuts what was half written. Where even that is refused, a player reads up to the last
            // true header.
            let frames = wav.frames();
            if let Err(error) = wav.end(frames) {
                tracing::debug!(call = %self.call, %error, "a broken block stays behind the sound");
            }
            return Err(error);
        }
        if self.frames == 0 {
            self.news = Some(Disk::Takes);
        }
        self.frames += piece.len() as u64 / FRAME_BYTES;
        Ok(piece.len())
    }

    fn next_part(&mut self) -> io::Result<()> {
        let number = match &mut self.growing {
            None => 1,
            Some(wav) => {
                wav.end(wav.frames())?;
                self.number() + 1
            }
        };
        let file = plan::part_of(&self.file, number);
        let medium = self.shelf.make(&file)?;
        let wav = Wav::begin(medium, self.form.rate_hz);
        let wav = wav.inspect_err(|_| self.shelf.discard(&file))?;
        if let Some(full) = self.growing.replace(wav) {
            self.full.push(full.frames());
            tracing::info!(call = %self.call, file = %self.file.display(), number, "a recording goes on in another file");
        }
        Ok(())
    }

    /// Of the file that grows.
    fn number(&self) -> u32 {
        u32::try_from(self.full.len()).map_or(u32::MAX, |full| full.saturating_add(1))
    }

    /// Makes everything from a frame on silent.
    fn silence(&mut self, frame: u64) {
        if let Err(error) = self.each_from(frame, |wav, from| wav.silence(from)) {
            self.refuse(&error);
        }
    }

    /// Does something to each file from a frame on, the last one first: in it the frame is another. An order that comes late
    /// may concern files that are full already.
    fn each_from(
        &mut self,
        frame: u64,
        mut act: impl FnMut(&mut Wav<S::Medium>, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut start = self.frames;
        let mut done = Ok(());
        if let Some(wav) = &mut self.growing {
            start -= wav.frames();
            done = act(wav, frame.saturating_sub(start));
        }
        for (at, frames) in self.full.iter_mut().enumerate().rev() {
            if frame >= start {
                break;
            }
            start -= *frames;
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let file = plan::part_of(&self.file, number);
            let again = self.shelf.open(&file).and_then(|medium| {
                let mut wav = Wav::again(medium, self.form.rate_hz, *frames)?;
                act(&mut wav, frame.saturating_sub(start))?;
                *frames = wav.frames();
                Ok(())
            });
            done = again.and(done);
        }
        done
    }

    fn refuse(&mut self, error: &io::Error) {
        let why = why(error);
        tracing::info_span!("call", id = %self.call).in_scope(|| {
            tracing::error!(
                file = %self.file.display(), %error,
                "the recording ends here and the call goes on: {why}"
            );
        });
        self.refused = Some(why);
        self.news = Some(Disk::Refuses);
    }
}

impl<S: Shelf> Sink for Writing<S> {
    fn begins(&mut self, rate_hz: u32) {
        self.form.rate_hz = rate_hz;
        let begun = self.growing.as_mut().map(|wav| wav.set_rate(rate_hz));
        if let (Some(Err(error)), None) = (begun, &self.refused) {
            self.refuse(&error);
        }
    }

    fn block(&mut self, frames: &[u8]) {
        self.append(frames);
    }
}

impl<S: Shelf> fmt::Debug for Writing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing")
            .field("call", &self.call)
            .field("frames", &self.frames)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// Returns the length of so many frames.
pub const fn millis(frames: u64, rate_hz: u32) -> u64 {
    frames * 1_000 / rate_hz as u64
}

#[cfg(test)]
mod tests;
