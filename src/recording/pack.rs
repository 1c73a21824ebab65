//! Finished recordings packed as FLAC (RFC 9639): the WAV file goes only after its FLAC was decoded once, found to be the same
//! sound, and synced. A crash at any step leaves at least one of the two whole.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use flac_codec::byteorder::LittleEndian;
use flac_codec::decode::FlacByteReader;
use flac_codec::decode::Verified;
use flac_codec::decode::verify;
use flac_codec::encode::FlacByteWriter;
use flac_codec::encode::Options;
use flac_codec::metadata::Metadata;

use crate::recording::mix::FRAME_BYTES;
use crate::recording::plan;
use crate::recording::shelf;
use crate::recording::wav;

/// What the name of a packed recording ends with.
pub const ENDING: &str = "flac";

/// Readable by whoever may read the recording.
const FILE_MODE: u32 = 0o640;
/// Sound read at once.
const PIECE: usize = 64 * 1_024;
/// Bits of a sample.
const BITS: u32 = 16;
/// Left and right.
const CHANNELS: u8 = 2;

/// Packs a finished WAV file and returns what is kept in its place, both relative to `folder`. What is packed already, what was
/// never renamed, and a recording without sound stay as they are.
///
/// # Errors
/// What the disk says. The WAV file is there then, or its FLAC is.
pub fn pack(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    let kept = shelf::kept(folder, file);
    if kept.extension().is_none_or(|ending| ending != "wav") {
        return Ok(kept);
    }
    let (packed, path) = (kept.with_extension(ENDING), folder.join(&kept));
    let part = folder.join(plan::growing(packed.clone()));
    let is_made = match write(&path, &part) {
        Ok(is_made) => is_made,
        Err(error) => {
            // Half a file takes the room that others need; where it cannot be removed, a start does.
            drop(fs::remove_file(&part));
            return Err(error);
        }
    };
    if !is_made {
        return Ok(kept);
    }
    let finished = folder.join(&packed);
    fs::rename(&part, &finished)?;
    let day = kept.parent().unwrap_or(&kept);
    shelf::sync_folders(folder, day)?;
    match fs::remove_file(&path) {
        Ok(()) => Ok(packed),
        // Whoever erases a person removes the WAV file first: what was made from it goes as well.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::remove_file(&finished)?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Writes, checks and syncs the FLAC of a WAV file; `false`: there is no sound in it.
fn write(path: &Path, part: &Path) -> io::Result<bool> {
    let mut sound = File::open(path)?;
    let Some(rate_hz) = wav::rate_of(&sound) else {
        return Err(io::Error::other("it is no recording of ours"));
    };
    let (_, frames) = wav::snapshot(&sound, rate_hz, None)?;
    if frames == 0 {
        return Ok(false);
    }
    let out = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(part)?;
    let bytes = frames * FRAME_BYTES;
    let mut flac = FlacByteWriter::endian(
        BufWriter::new(&out),
        LittleEndian,
        Options::default(),
        rate_hz,
        BITS,
        CHANNELS,
        Some(bytes),
    )?;
    sound.seek(SeekFrom::Start(wav::HEADER_BYTES))?;
    let mut sound = sound.take(bytes);
    let mut piece = vec![0; PIECE];
    loop {
        let read = sound.read(&mut piece)?;
        if read == 0 {
            break;
        }
        flac.write_all(piece.get(..read).unwrap_or_default())?;
    }
    flac.finalize()?;
    match verify(part)? {
        Verified::MD5Match => out.sync_all().map(|()| true),
        Verified::MD5Mismatch | Verified::NoMD5 => Err(io::Error::other(
            "its FLAC is not the same sound; please report this",
        )),
    }
}

/// What a packed recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Samples a second on each channel.
    pub rate_hz: u32,
    /// How many on each channel.
    pub frames: u64,
}

/// Reads what a packed recording holds.
///
/// # Errors
/// It cannot be read, or is no FLAC.
pub fn about(path: &Path) -> io::Result<About> {
    let flac = open(path)?;
    Ok(About {
        rate_hz: flac.sample_rate(),
        frames: flac.decoded_len().unwrap_or_default() / FRAME_BYTES,
    })
}

/// Opens a packed recording as interleaved 16-bit stereo, little end first.
///
/// # Errors
/// It cannot be read, or is no FLAC.
pub fn open(path: &Path) -> io::Result<FlacByteReader<BufReader<File>, LittleEndian>> {
    let file = BufReader::new(File::open(path)?);
    Ok(FlacByteReader::endian(file, LittleEndian)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::wav::Wav;

    /// A tone and noise, as a recording has them.
    fn sound(frames: i32) -> Vec<u8> {
        let sample = |n: i32| {
            let tone = (f64::from(n) * 0.35).sin() * 9_000.0;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a tone at a quarter of full scale"
            )]
            let left = tone as i16;
            let right = i16::try_from((n.wrapping_mul(7_919) >> 3) & 0x3ff).unwrap();
            [left.to_le_bytes(), right.to_le_bytes()]
        };
        (0..frames).flat_map(sample).flatten().collect()
    }

    fn recorded(folder: &Path, frames: i32) -> PathBuf {
        let file = PathBuf::from("019aa5c4.wav");
        let grown = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.join(&file))
            .unwrap();
        let mut wav = Wav::begin(grown, 16_000).unwrap();
        wav.append(&sound(frames)).unwrap();
        file
    }

    #[test]
    fn a_packed_recording_is_the_same_sound_and_takes_the_place_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = recorded(folder.path(), 40_000);
        let kept = pack(folder.path(), &file).unwrap();
        assert_eq!(kept, Path::new("019aa5c4.flac"));
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["019aa5c4.flac"]);
        let path = folder.path().join(&kept);
        let expected = About {
            rate_hz: 16_000,
            frames: 40_000,
        };
        assert_eq!(about(&path).unwrap(), expected);
        let mut back = Vec::new();
        open(&path).unwrap().read_to_end(&mut back).unwrap();
        assert!(back == sound(40_000));
        assert!(fs::metadata(&path).unwrap().len() < 40_000 * FRAME_BYTES);
        // Whoever still knows it by its first name finds it, and nothing is packed twice.
        assert_eq!(pack(folder.path(), &file).unwrap(), kept);
    }

    #[test]
    fn a_crash_before_the_first_was_removed_is_made_good_by_packing_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = recorded(folder.path(), 100);
        fs::write(folder.path().join("019aa5c4.flac"), "from before the crash").unwrap();
        fs::write(folder.path().join("019aa5c4.flac.part"), "half").unwrap();
        let kept = pack(folder.path(), &file).unwrap();
        assert_eq!(about(&folder.path().join(kept)).unwrap().frames, 100);
        assert!(!folder.path().join(file).exists());
    }

    #[test]
    fn nothing_is_packed_that_holds_nothing_or_is_no_recording() {
        let folder = tempfile::tempdir().unwrap();
        let file = recorded(folder.path(), 0);
        assert_eq!(pack(folder.path(), &file).unwrap(), file);
        fs::write(folder.path().join("x.wav"), "not sound").unwrap();
        assert!(pack(folder.path(), Path::new("x.wav")).is_err());
        assert!(folder.path().join("x.wav").exists());
        assert!(!folder.path().join("x.flac.part").exists());
        assert!(pack(folder.path(), Path::new("gone.wav")).is_err());
    }
}
