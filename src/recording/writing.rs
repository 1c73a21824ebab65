//! The files of one recording, as far as the disk lets them grow: one after the other where one is not enough, silence where
//! the recording pauses. A disk that refuses ends the recording, never the call.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use smallvec::SmallVec;
use smallvec::smallvec;

use crate::base::id::CallId;
use crate::recording::command::Part;
use crate::recording::command::Pause;
use crate::recording::mix::FRAME_BYTES;
use crate::recording::pause::Heard;
use crate::recording::pause::Pauser;
use crate::recording::pause::Pauses;
use crate::recording::plan;
use crate::recording::shelf;
use crate::recording::tape::Sink;
use crate::recording::wav::FRAMES_MAX;
use crate::recording::wav::HEADER_BYTES;
use crate::recording::wav::Medium;
use crate::recording::wav::Wav;

/// What is written where the recording pauses: a quarter of a second at 8 kHz a time.
static SILENCE: [u8; 8_192] = [0; 8_192];

/// Where the files of recordings are made. Tests put a small disk in its place.
pub trait Shelf {
    /// A file.
    type Medium: Medium;

    /// Makes the growing file of this name.
    ///
    /// # Errors
    /// What the disk says.
    fn make(&self, file: &Path) -> io::Result<Self::Medium>;

    /// Removes a growing file that cannot even hold its header.
    fn discard(&self, file: &Path);
}

/// The recordings folder.
#[derive(Clone, Debug)]
pub struct Folder(pub Arc<Path>);

impl Shelf for Folder {
    type Medium = File;

    fn make(&self, file: &Path) -> io::Result<File> {
        shelf::make(&self.0, file)
    }

    fn discard(&self, file: &Path) {
        if let Err(error) = std::fs::remove_file(self.0.join(plan::growing(file.to_owned()))) {
            tracing::warn!(file = %file.display(), %error, "an empty recording stays behind; remove it");
        }
    }
}

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
    /// In order; none where the first could not be made.
    parts: Vec<Wav<S::Medium>>,
    /// Frames in all parts.
    frames: u64,
    pauses: Pauses,
    /// Why nothing more is written.
    refused: Option<Arc<str>>,
    news: Option<Disk>,
}

/// What the disk was last seen to do with recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// It takes what it is given.
    Takes,
    /// It refused.
    Refuses,
}

impl Disk {
    /// Of two sights of it, the one that counts: a refusal.
    pub fn worse(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other]
            .into_iter()
            .find(|seen| *seen == Some(Self::Refuses))
            .unwrap_or_else(|| one.or(other))
    }
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
    /// The files, whole but not synced.
    pub media: Vec<M>,
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
            parts: Vec::with_capacity(1),
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
        (!self.parts.is_empty()).then_some(&*self.file)
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
        let mut start = self.frames;
        let mut fault = None;
        for wav in self.parts.iter_mut().rev() {
            start -= wav.frames();
            if let Err(error) = wav.end(frames.saturating_sub(start)) {
                fault = Some(error);
            }
        }
        if let (Some(error), None) = (fault, &self.refused) {
            self.refuse(&error);
        }
        let frames = self.parts.iter().map(Wav::frames).sum();
        let pauses = self.pauses(frames);
        let rate_hz = self.form.rate_hz;
        let of = |(number, wav): (u32, &Wav<S::Medium>)| Part {
            file: plan::part_of(&self.file, number),
            duration_ms: millis(wav.frames(), rate_hz),
            bytes: wav.bytes(),
        };
        let parts = (1..).zip(&self.parts).skip(1).map(of).collect();
        Written {
            bytes: self.parts.first().map_or(0, Wav::bytes),
            parts,
            file: self.file,
            frames,
            pauses,
            refused: self.refused,
            news: self.news,
            media: self.parts.into_iter().map(Wav::into_medium).collect(),
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
        if self.parts.last().is_none_or(|wav| wav.frames() >= limit) {
            self.next_part()?;
        }
        let Some(wav) = self.parts.last_mut() else {
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
        let number = u32::try_from(self.parts.len()).map_or(u32::MAX, |n| n.saturating_add(1));
        let file = plan::part_of(&self.file, number);
        let medium = self.shelf.make(&file)?;
        let wav = Wav::begin(medium, self.form.rate_hz);
        self.parts
            .push(wav.inspect_err(|_| self.shelf.discard(&file))?);
        if number > 1 {
            tracing::info!(call = %self.call, file = %self.file.display(), number, "a recording goes on in another file");
        }
        Ok(())
    }

    /// Makes everything from a frame on silent.
    fn silence(&mut self, frame: u64) {
        let mut start = self.frames;
        let mut fault = None;
        for wav in self.parts.iter_mut().rev() {
            start -= wav.frames();
            if let Err(error) = wav.silence(frame.saturating_sub(start)) {
                fault = Some(error);
            }
            if start <= frame {
                break;
            }
        }
        if let Some(error) = fault {
            self.refuse(&error);
        }
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
        let begun = self.parts.last_mut().map(|wav| wav.set_rate(rate_hz));
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

/// Puts a disk's refusal into an operator's words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds are the standard library's and grow with it"
)]
fn why(error: &io::Error) -> Arc<str> {
    match error.kind() {
        io::ErrorKind::StorageFull => "disk full".into(),
        io::ErrorKind::QuotaExceeded => "disk quota used up".into(),
        io::ErrorKind::FileTooLarge => "file as large as it can be".into(),
        io::ErrorKind::ReadOnlyFilesystem => "disk read-only".into(),
        _ => format!("disk error: {error}").into(),
    }
}

/// Returns the length of so many frames.
pub const fn millis(frames: u64, rate_hz: u32) -> u64 {
    frames * 1_000 / rate_hz as u64
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use super::*;
    use crate::base::chance::Chance;
    use crate::base::time::WallTime;

    /// A disk in memory, by name.
    #[derive(Clone, Default)]
    struct Memory(Rc<RefCell<BTreeMap<PathBuf, Vec<u8>>>>);

    struct InMemory(Memory, PathBuf);

    impl Medium for InMemory {
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            let mut files = self.0.0.borrow_mut();
            let file = files.entry(self.1.clone()).or_default();
            let from = usize::try_from(offset).map_err(io::Error::other)?;
            file.resize(file.len().max(from + bytes.len()), 0);
            file[from..from + bytes.len()].copy_from_slice(bytes);
            Ok(())
        }

        fn set_length(&self, length: u64) -> io::Result<()> {
            let mut files = self.0.0.borrow_mut();
            let file = files.entry(self.1.clone()).or_default();
            file.truncate(usize::try_from(length).map_err(io::Error::other)?);
            Ok(())
        }
    }

    impl Shelf for Memory {
        type Medium = InMemory;

        fn make(&self, file: &Path) -> io::Result<InMemory> {
            Ok(InMemory(self.clone(), file.to_owned()))
        }

        fn discard(&self, _: &Path) {}
    }

    impl Memory {
        /// Both sides of a file, of which a test uses one.
        fn left(&self, file: &str) -> Vec<i16> {
            let files = self.0.borrow();
            let wav = hound::WavReader::new(files[Path::new(file)].as_slice()).unwrap();
            let samples = wav.into_samples().map(Result::<i16, _>::unwrap);
            samples.step_by(2).collect()
        }
    }

    fn writing(disk: &Memory, part_bytes: u64) -> Writing<Memory> {
        let call = CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1));
        let form = Form {
            rate_hz: 8_000,
            part_bytes,
        };
        Writing::begin(call, "a.wav".into(), disk.clone(), form)
    }

    /// Frames that count up, so that each can be told.
    fn block(from: i16, frames: i16) -> Vec<u8> {
        (from..from + frames)
            .flat_map(|frame| [frame.to_le_bytes(), frame.to_le_bytes()])
            .flatten()
            .collect()
    }

    #[test]
    fn a_file_that_is_full_is_followed_by_another_and_no_frame_is_lost_between_them() {
        let disk = Memory::default();
        // A hundred frames a file.
        let mut writing = writing(&disk, HEADER_BYTES + 400);
        for n in 0..9 {
            writing.append(&block(1 + n * 30, 30));
        }
        let written = writing.end(265);
        assert_eq!((written.frames, written.bytes), (265, HEADER_BYTES + 400));
        let parts: Vec<_> = written
            .parts
            .iter()
            .map(|part| (part.file.to_str().unwrap(), part.duration_ms, part.bytes))
            .collect();
        assert_eq!(
            parts,
            [("a.2.wav", 12, 444), ("a.3.wav", 8, HEADER_BYTES + 65 * 4)]
        );
        let sound = ["a.wav", "a.2.wav", "a.3.wav"]
            .map(|file| disk.left(file))
            .concat();
        assert_eq!(sound, (1..=265).collect::<Vec<i16>>());
        assert_eq!(written.media.len(), 3);
    }

    #[test]
    fn a_pause_is_silence_of_its_length_and_what_follows_lies_where_it_was_said() {
        let disk = Memory::default();
        let mut writing = writing(&disk, u64::MAX);
        writing.append(&block(1, 50));
        writing.pause(Pauser::Person("anna".into()), 70);
        writing.append(&block(51, 50));
        writing.append(&block(101, 50));
        writing.resume(&Pauser::Keys, 170);
        writing.append(&block(151, 50));
        let written = writing.end(200);
        let expected: Vec<i16> = (1..=200)
            .map(|n| if (71..=170).contains(&n) { 0 } else { n })
            .collect();
        assert_eq!(disk.left("a.wav"), expected);
        let by: Vec<_> = written.pauses.iter().map(|pause| &*pause.by).collect();
        assert_eq!(by, ["anna"]);
    }

    #[test]
    fn an_order_that_comes_late_silences_what_was_written_already_across_files() {
        let disk = Memory::default();
        let mut writing = writing(&disk, HEADER_BYTES + 400);
        writing.append(&block(1, 250));
        writing.pause(Pauser::Keys, 80);
        writing.append(&block(251, 10));
        // An end that lies before what was silenced takes nothing back.
        writing.resume(&Pauser::Keys, 90);
        writing.append(&block(261, 10));
        let written = writing.end(270);
        let sound = ["a.wav", "a.2.wav", "a.3.wav"]
            .map(|file| disk.left(file))
            .concat();
        let expected: Vec<i16> = (1..=270)
            .map(|n| if (81..=260).contains(&n) { 0 } else { n })
            .collect();
        assert_eq!(sound, expected);
        assert_eq!(
            (written.pauses[0].from_ms, written.pauses[0].length_ms),
            (10, 22)
        );
    }

    #[test]
    fn an_end_that_was_told_late_cuts_into_the_file_before() {
        let disk = Memory::default();
        let mut writing = writing(&disk, HEADER_BYTES + 400);
        writing.append(&block(1, 110));
        let written = writing.end(90);
        assert_eq!(written.frames, 90);
        assert_eq!(disk.left("a.wav").len(), 90);
        assert_eq!(disk.left("a.2.wav").len(), 0);
    }
}
