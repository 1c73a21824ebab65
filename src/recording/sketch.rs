//! Peaks on the disk: made once from a finished recording, kept beside it as `<call id>.peaks`, made anew when the recording
//! is not the one they were made from, gone with it.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use flac_codec::metadata::Metadata;

use crate::recording::mix::FRAME_BYTES;
use crate::recording::pack;
use crate::recording::peaks;
use crate::recording::peaks::Peaks;
use crate::recording::plan;
use crate::recording::tape::RATE_HZ;
use crate::recording::wav;

/// How much is read at once: eight seconds of stereo, one system call.
const PIECE: usize = 256 * 1_024;

/// Readable by whoever may read the recording.
const FILE_MODE: u32 = 0o640;

/// What a recording's name ends with here.
const ENDING: &str = ".peaks";

/// What tells one recording from another: length and time of the last change.
type Stamp = [u8; 16];

/// Where the peaks of a recording lie.
pub fn path_of(recording: &Path) -> PathBuf {
    let name = recording.file_name().unwrap_or_default().to_string_lossy();
    let whole = name.strip_suffix(plan::PART).unwrap_or(&name);
    let stem = whole.rsplit_once('.').map_or(whole, |(stem, _)| stem);
    recording.with_file_name(format!("{stem}{ENDING}"))
}

/// Whether this is the name of peaks, finished or not.
pub fn is_name(name: &str) -> bool {
    name.strip_suffix(plan::PART)
        .unwrap_or(name)
        .ends_with(ENDING)
}

/// Reads the peaks that are kept for a finished recording; `None`: there are none, or they are another file's.
///
/// # Errors
/// What the disk says of the recording.
pub fn kept(recording: &Path) -> io::Result<Option<Vec<u8>>> {
    let stamp = stamp(&File::open(recording)?)?;
    let Ok(mut bytes) = std::fs::read(path_of(recording)) else {
        return Ok(None);
    };
    if !bytes.starts_with(&stamp) {
        return Ok(None);
    }
    bytes.drain(..stamp.len());
    Ok(peaks::is_whole(&bytes).then_some(bytes))
}

/// Makes the peaks of a finished recording and keeps them. Reads the whole recording: not for an async thread.
///
/// # Errors
/// What the disk says of the recording. Peaks that cannot be kept are logged and made again when they are asked for.
pub fn make(recording: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(recording)?;
    let stamp = stamp(&file)?;
    let is_packed = recording
        .extension()
        .is_some_and(|ending| ending == pack::ENDING);
    let bytes = match is_packed {
        true => of_packed(recording)?,
        false => whole(&file, rate_of(&file), 0, false)?,
    };
    if let Err(error) = keep(recording, stamp, &bytes) {
        tracing::warn!(file = %recording.display(), %error, "the waveform of a recording is not kept; check the disk and the folder's permissions");
    }
    Ok(bytes)
}

/// Makes the peaks of a recording as far as it goes, from bucket `first` on. Keeps nothing.
///
/// # Errors
/// What the disk says.
pub fn so_far(growing: &File, first: u32) -> io::Result<Vec<u8>> {
    let (frames, rate_hz) = (wav::frames_of(growing)?, rate_of(growing));
    // Who asks for what is still to come is told how far it goes.
    let begun = frames * u64::from(peaks::PER_SECOND) / u64::from(rate_hz);
    let first = first.min(u32::try_from(begun).unwrap_or(u32::MAX));
    whole(growing, rate_hz, first, true)
}

fn rate_of(file: &File) -> u32 {
    wav::rate_of(file).unwrap_or(RATE_HZ)
}

/// Removes what is kept for a recording.
///
/// # Errors
/// What the disk says; nothing that is not there is an error.
pub fn remove(recording: &Path) -> io::Result<()> {
    let kept = path_of(recording);
    for path in [plan::growing(kept.clone()), kept] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn whole(file: &File, rate_hz: u32, first: u32, grows: bool) -> io::Result<Vec<u8>> {
    let mut peaks = Peaks::begin(rate_hz, first);
    let mut at = wav::HEADER_BYTES + peaks.starts_at() * FRAME_BYTES;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read_at(&mut piece, at) {
            Ok(0) => return Ok(peaks.finish(grows)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        peaks.feed(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
}

fn of_packed(recording: &Path) -> io::Result<Vec<u8>> {
    let mut sound = pack::open(recording)?;
    let mut peaks = Peaks::begin(sound.sample_rate(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        match sound.read(&mut piece)? {
            0 => return Ok(peaks.finish(false)),
            read => peaks.feed(piece.get(..read).unwrap_or_default()),
        }
    }
}

fn stamp(file: &File) -> io::Result<Stamp> {
    let about = file.metadata()?;
    let changed = about.mtime().wrapping_mul(1_000_000_000) + about.mtime_nsec();
    let mut stamp = Stamp::default();
    let (length, time) = stamp.split_at_mut(8);
    length.copy_from_slice(&about.len().to_le_bytes());
    time.copy_from_slice(&changed.to_le_bytes());
    Ok(stamp)
}

/// Not synced: after a power cut they are whole, or made again.
fn keep(recording: &Path, stamp: Stamp, bytes: &[u8]) -> io::Result<()> {
    let path = path_of(recording);
    let part = plan::growing(path.clone());
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&part)?;
        file.write_all(&stamp)?;
        file.write_all(bytes)?;
        std::fs::rename(&part, &path)
    };
    if let Err(error) = write() {
        // Half a file takes the room that others need; where it cannot be removed, a start does.
        drop(std::fs::remove_file(&part));
        return Err(error);
    }
    // Whoever removes a recording removes the peaks after it: one that went while these were made takes them along.
    if recording.try_exists()? {
        Ok(())
    } else {
        remove(recording)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::recording::wav::Wav;

    fn recorded(path: &Path, seconds: usize, sample: u8) {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let mut wav = Wav::begin(file.unwrap(), RATE_HZ).unwrap();
        wav.append(&vec![sample; seconds * 32_000]).unwrap();
    }

    #[test]
    fn peaks_are_made_once_and_anew_when_the_recording_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("019aa5c4.wav");
        recorded(&path, 10, 3);
        assert_eq!(kept(&path).unwrap(), None);
        let made = make(&path).unwrap();
        assert_eq!(made.len(), peaks::HEADER_BYTES + 200 * peaks::BUCKET_BYTES);
        assert_eq!(kept(&path).unwrap().as_ref(), Some(&made));
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        recorded(&path, 9, 3);
        assert_eq!(kept(&path).unwrap(), None, "another length");
        make(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(kept(&path).unwrap(), None, "another time");
        let made = make(&path).unwrap();
        fs::write(path_of(&path), &fs::read(path_of(&path)).unwrap()[..50]).unwrap();
        assert_eq!(kept(&path).unwrap(), None, "cut by a power cut");
        assert_eq!(make(&path).unwrap(), made);
        remove(&path).unwrap();
        assert!(!path_of(&path).exists());
        remove(&path).unwrap();
    }

    #[test]
    fn a_packed_recording_has_the_peaks_of_its_sound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("019aa5c4.wav");
        recorded(&path, 3, 3);
        let before = make(&path).unwrap();
        let kept = pack::pack(folder.path(), Path::new("019aa5c4.wav")).unwrap();
        assert_eq!(make(&folder.path().join(kept)).unwrap(), before);
    }

    #[test]
    fn a_recording_that_grows_is_read_from_where_the_asker_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("019aa5c4.wav.part");
        recorded(&path, 3, 3);
        let file = File::open(&path).unwrap();
        let bytes = so_far(&file, 45).unwrap();
        assert_eq!(bytes.len(), peaks::HEADER_BYTES + 15 * peaks::BUCKET_BYTES);
        assert_eq!(bytes[16..24], [0xb8, 0x0b, 0, 0, 1, 0, 0, 0]);
        let none = so_far(&file, 1_000).unwrap();
        assert_eq!(
            none[8..],
            [60, 0, 0, 0, 0, 0, 0, 0, 0xb8, 0x0b, 0, 0, 1, 0, 0, 0]
        );
        assert!(!path_of(&path).exists());
    }

    #[test]
    fn peaks_of_a_recording_that_went_meanwhile_are_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("019aa5c4.wav");
        recorded(&path, 1, 3);
        let stamp = stamp(&File::open(&path).unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        keep(&path, stamp, b"made").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_recording_that_was_never_renamed_has_its_peaks_under_the_calls_name() {
        let second = path_of(Path::new("a/019aa5c4.2.flac"));
        assert_eq!(second, Path::new("a/019aa5c4.2.peaks"));
        for name in ["a/019aa5c4.wav", "a/019aa5c4.wav.part", "a/019aa5c4.flac"] {
            assert_eq!(path_of(Path::new(name)), Path::new("a/019aa5c4.peaks"));
        }
        assert!(is_name("019aa5c4.peaks") && is_name("019aa5c4.peaks.part"));
        assert!(!is_name("019aa5c4.wav") && !is_name("019aa5c4.wav.part"));
    }
}
