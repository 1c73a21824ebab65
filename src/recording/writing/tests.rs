//! Trials of a recording's files: a disk in memory, files of a hundred frames, pauses and ends that are told late.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;
use crate::base::chance::Chance;
use crate::base::time::WallTime;
use crate::recording::wav::Medium;

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

    fn open(&self, file: &Path) -> io::Result<InMemory> {
        assert!(self.0.borrow().contains_key(file), "made before");
        self.make(file)
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
    assert!(written.last.is_some());
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
