//! The WAV file of a recording while it grows: its header is true to a quarter of a second, so that a player
//! can open it at any time and a crash leaves a whole file behind, whose length tells the rest.
//!
//! All of hound: it writes and reads the header. The blocks go around its writer, which would hold
//! 8 KB more for each file and copy every sample once again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use hound::SampleFormat;
use hound::WavReader;
use hound::WavSpec;

use crate::recording::mix::FRAME_BYTES;

/// Length of the header that hound writes for 16-bit stereo.
pub const HEADER_BYTES: u64 = HEADER_LENGTH as u64;
const HEADER_LENGTH: usize = 44;
/// Left and right.
pub const CHANNELS: u16 = 2;
/// Frames of the longest file: the sizes in the header are 32 bits. 37 hours at 8 kHz.
pub const FRAMES_MAX: u64 = (u32::MAX as u64 - HEADER_BYTES) / FRAME_BYTES;
/// The header is behind the sound by one of so many parts of a second at most: it is a system call of its own.
const BEHIND: u32 = 4;
/// Where the header counts the bytes after its first eight.
const RIFF_SIZE_AT: usize = 4;
/// Where the header has the frames a second.
const RATE_AT: usize = 24;
/// Where the header counts the bytes of sound.
const DATA_SIZE_AT: usize = 40;

/// What a growing file asks of the disk. Tests put a full disk in its place.
pub trait Medium {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the disk says; a part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts or lengthens the file.
    ///
    /// # Errors
    /// What the disk says.
    fn set_length(&self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A growing WAV file, 16-bit stereo.
#[derive(Debug)]
pub struct Wav<M = File> {
    medium: M,
    header: [u8; HEADER_LENGTH],
    frames: u64,
    /// Frames that the header on the disk counts.
    told: u64,
    /// Whether the file may be longer than its frames: a block was half written.
    torn: bool,
}

impl<M: Medium> Wav<M> {
    /// Writes the header of an empty file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin(medium: M, rate_hz: u32) -> io::Result<Self> {
        let wav = Self {
            medium,
            header: header(rate_hz)?,
            frames: 0,
            told: 0,
            torn: false,
        };
        wav.medium.write_at(&wav.header, 0)?;
        Ok(wav)
    }

    /// Takes up a whole file that holds so many frames.
    ///
    /// # Errors
    /// hound's header is another than the one known here.
    pub fn again(medium: M, rate_hz: u32, frames: u64) -> io::Result<Self> {
        Ok(Self {
            medium,
            header: header(rate_hz)?,
            frames,
            told: frames,
            torn: false,
        })
    }

    /// Returns the frames a second.
    pub fn rate_hz(&self) -> u32 {
        self.header
            .get(RATE_AT..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Says in the header how many frames a second follow. For a file without any.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_rate(&mut self, rate_hz: u32) -> io::Result<()> {
        self.header = header(rate_hz)?;
        self.write_sizes()
    }

    /// Returns how many frames the file holds.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns the file's length.
    pub const fn bytes(&self) -> u64 {
        HEADER_BYTES + self.frames * FRAME_BYTES
    }

    /// Writes a block of whole frames, and the header once it counts a quarter of a second too few.
    ///
    /// # Errors
    /// What the disk says, or `FileTooLarge` before the sizes overflow. The file ends with the last
    /// whole block, and [`Self::end`] makes it so on the disk.
    pub fn append(&mut self, block: &[u8]) -> io::Result<()> {
        let frames = block.len() as u64 / FRAME_BYTES;
        if self.frames + frames > FRAMES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if let Err(error) = self.medium.write_at(block, self.bytes()) {
            self.torn = true;
            return Err(error);
        }
        self.frames += frames;
        if self.frames.saturating_sub(self.told) >= u64::from(self.rate_hz() / BEHIND) {
            self.write_sizes()?;
        }
        Ok(())
    }

    /// Ends the file after `frames`, or after what it holds when that is less: cuts what lies beyond.
    ///
    /// # Errors
    /// What the disk says.
    pub fn end(&mut self, frames: u64) -> io::Result<()> {
        if self.torn || frames < self.frames {
            self.frames = self.frames.min(frames);
            self.medium.set_length(self.bytes())?;
            self.torn = false;
        }
        match self.told == self.frames {
            true => Ok(()),
            false => self.write_sizes(),
        }
    }

    /// Makes everything from a frame on silent.
    ///
    /// # Errors
    /// What the disk says.
    pub fn silence(&mut self, from: u64) -> io::Result<()> {
        let silence = [0; 8_192];
        let mut at = HEADER_BYTES + from.min(self.frames) * FRAME_BYTES;
        while at < self.bytes() {
            let left = usize::try_from(self.bytes() - at).unwrap_or(usize::MAX);
            let piece = silence.get(..left).unwrap_or(&silence);
            self.medium.write_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Gives the file back.
    pub fn into_medium(self) -> M {
        self.medium
    }

    fn write_sizes(&mut self) -> io::Result<()> {
        set_sizes(&mut self.header, self.frames);
        self.medium.write_at(&self.header, 0)?;
        self.told = self.frames;
        Ok(())
    }
}

impl Wav<File> {
    /// Puts the file onto the disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&self) -> io::Result<()> {
        self.medium.sync_all()
    }

    /// Takes up a file that was left growing; its length says how much it holds. A header that a
    /// crash kept from the disk is made again with `rate_hz`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn resume(file: File, rate_hz: u32) -> io::Result<Self> {
        let rate_hz = rate_of(&file).unwrap_or(rate_hz);
        Ok(Self {
            header: header(rate_hz)?,
            frames: frames_of(&file)?,
            // Whatever it says.
            told: u64::MAX,
            torn: true,
            medium: file,
        })
    }
}

/// Takes a growing file as it is at this moment, or its first `until_ms`: how many frames that are, and a header that
/// counts exactly these.
///
/// # Errors
/// What the disk says.
pub fn snapshot(
    file: &File,
    rate_hz: u32,
    until_ms: Option<u64>,
) -> io::Result<([u8; HEADER_LENGTH], u64)> {
    let rate_hz = rate_of(file).unwrap_or(rate_hz);
    let until = until_ms.map_or(FRAMES_MAX, |ms| ms.saturating_mul(rate_hz.into()) / 1_000);
    let frames = frames_of(file)?.min(until);
    let mut header = header(rate_hz)?;
    set_sizes(&mut header, frames);
    Ok((header, frames))
}

/// How many whole frames a file holds by its length, which tells more than the header of one that grows.
///
/// # Errors
/// What the disk says.
pub fn frames_of(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    Ok((length.saturating_sub(HEADER_BYTES) / FRAME_BYTES).min(FRAMES_MAX))
}

/// Reads the rate from a file's header, when it is one of ours.
pub fn rate_of(file: &File) -> Option<u32> {
    let mut bytes = [0; HEADER_LENGTH];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let spec = WavReader::new(bytes.as_slice()).ok()?.spec();
    (spec == self::spec(spec.sample_rate)).then_some(spec.sample_rate)
}

const fn spec(rate_hz: u32) -> WavSpec {
    WavSpec {
        channels: CHANNELS,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    }
}

fn header(rate_hz: u32) -> io::Result<[u8; HEADER_LENGTH]> {
    let bytes = spec(rate_hz).into_header_for_infinite_file();
    let mut header = bytes
        .try_into()
        .map_err(|_| io::Error::other("hound wrote another header than that of 16-bit stereo"))?;
    set_sizes(&mut header, 0);
    Ok(header)
}

fn set_sizes(header: &mut [u8; HEADER_LENGTH], frames: u64) {
    let data = frames * FRAME_BYTES;
    let riff = HEADER_BYTES - 8 + data;
    for (at, size) in [(RIFF_SIZE_AT, riff), (DATA_SIZE_AT, data)] {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(field) = header.get_mut(at..at + 4) {
            field.copy_from_slice(&size.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(path: &std::path::Path) -> Vec<i16> {
        let reader = WavReader::open(path).unwrap();
        assert_eq!(reader.spec(), spec(8_000));
        reader.into_samples().collect::<Result<_, _>>().unwrap()
    }

    fn growing(path: &std::path::Path) -> File {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .unwrap()
    }

    #[test]
    fn a_player_that_opens_the_growing_file_reads_all_but_the_last_quarter_of_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut wav = Wav::begin(growing(&path), 8_000).unwrap();
        assert!(samples(&path).is_empty());
        wav.append(&[1, 0, 2, 0].repeat(1_999)).unwrap();
        assert!(samples(&path).is_empty());
        wav.append(&[5, 0, 0xff, 0xff]).unwrap();
        assert_eq!(samples(&path)[3_996..], [1, 2, 5, -1]);
        wav.append(&[7, 0, 8, 0].repeat(1_000)).unwrap();
        assert_eq!(samples(&path).len(), 4_000);
        assert_eq!((wav.frames(), wav.bytes()), (3_000, 44 + 12_000));
        wav.end(2_001).unwrap();
        assert_eq!(samples(&path)[3_998..], [5, -1, 7, 8]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), wav.bytes());
    }

    #[test]
    fn a_file_is_taken_up_by_its_length_whatever_its_header_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut wav = Wav::begin(growing(&path), 16_000).unwrap();
        wav.append(&[7; 40]).unwrap();
        // A block without its header, and half a frame of the next.
        FileExt::write_all_at(&growing(&path), &[9; 42], wav.bytes()).unwrap();
        let mut wav = Wav::resume(growing(&path), 8_000).unwrap();
        assert_eq!((wav.frames(), wav.rate_hz()), (20, 16_000));
        wav.end(wav.frames()).unwrap();
        assert_eq!(WavReader::open(&path).unwrap().duration(), 20);
        // A power cut left zeros where the header was.
        FileExt::write_all_at(&growing(&path), &[0; 44], 0).unwrap();
        let mut wav = Wav::resume(growing(&path), 8_000).unwrap();
        wav.end(wav.frames()).unwrap();
        assert_eq!(samples(&path).len(), 40);
        // Not even a header.
        growing(&path).set_len(3).unwrap();
        let mut wav = Wav::resume(growing(&path), 8_000).unwrap();
        wav.end(wav.frames()).unwrap();
        assert!(samples(&path).is_empty());
    }

    #[test]
    fn a_snapshot_counts_whole_frames_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav.part");
        let mut wav = Wav::begin(growing(&path), 16_000).unwrap();
        wav.append(&[7; 40]).unwrap();
        // Half of the next block is written, and its header is not.
        FileExt::write_all_at(&growing(&path), &[9; 6], wav.bytes()).unwrap();
        let (header, frames) = snapshot(&growing(&path), 8_000, None).unwrap();
        assert_eq!(frames, 11);
        let reader = WavReader::new(header.as_slice()).unwrap();
        assert_eq!((reader.duration(), reader.spec().sample_rate), (11, 16_000));
    }

    #[test]
    fn a_file_ends_before_its_sizes_overflow() {
        struct Endless;
        impl Medium for Endless {
            fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
                Ok(())
            }
            fn set_length(&self, _: u64) -> io::Result<()> {
                Ok(())
            }
        }
        let mut wav = Wav::begin(Endless, 8_000).unwrap();
        wav.frames = FRAMES_MAX - 1;
        wav.append(&[0; 4]).unwrap();
        assert!(wav.bytes() <= u64::from(u32::MAX));
        let refused = wav.append(&[0; 4]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(wav.frames(), FRAMES_MAX);
    }
}
