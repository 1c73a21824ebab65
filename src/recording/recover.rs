//! After a crash: every `.part` is made a whole WAV file by its length, and gets its name.

use std::collections::BTreeSet;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::id::CallId;
use crate::recording::command::Outcome;
use crate::recording::command::Part;
use crate::recording::command::State;
use crate::recording::notes::Notes;
use crate::recording::pack;
use crate::recording::plan;
use crate::recording::settings::Settings;
use crate::recording::shelf;
use crate::recording::sketch;
use crate::recording::tape::RATE_HZ;
use crate::recording::wav::CHANNELS;
use crate::recording::wav::Wav;
use crate::recording::writing::millis;

/// Repairs every recording that a crash left growing. To be called before the recorder starts.
///
/// What cannot be repaired is logged and stays as it is for the next start. The hashes are asked for
/// with [`crate::recording::command::Command::Hash`].
pub fn repair(settings: &Settings) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    // A recording of several files is repaired with the first of them that is found.
    let mut done = BTreeSet::new();
    for file in shelf::growing(&settings.folder) {
        if sketch::is_name(&file.to_string_lossy()) {
            remove_half(&settings.folder, &file);
            continue;
        }
        if file
            .extension()
            .is_some_and(|ending| ending == pack::ENDING)
        {
            remove_half(&settings.folder, &file);
            continue;
        }
        let Some(call) = call_of(&file) else {
            tracing::warn!(file = %file.display(), "an unfinished file that is no recording of ours is left alone");
            continue;
        };
        if !done.insert(call) {
            continue;
        }
        let span = tracing::info_span!("call", id = %call);
        let first = file.with_file_name(format!("{call}.wav"));
        match repair_one(&settings.folder, call, &first) {
            Ok(outcome) => {
                span.in_scope(|| {
                    tracing::info!(
                        file = %file.display(), duration_ms = outcome.duration_ms,
                        "a recording that a crash cut is whole again"
                    );
                });
                outcomes.push(outcome);
            }
            Err(error) => span.in_scope(|| {
                tracing::error!(
                    file = %file.display(), %error,
                    "recording not repaired; check the disk and the file's permissions, and start again"
                );
            }),
        }
    }
    outcomes
}

/// Looks for a finished recording of which the call log knows nothing: the crash came between its
/// renaming and the log's line.
///
/// The file lies under the day of the answer, which is the day of the id or the one after: nobody
/// rings for longer.
pub fn find(settings: &Settings, call: CallId) -> Option<Outcome> {
    [Duration::ZERO, DAY].into_iter().find_map(|later| {
        let file = plan::path_of(call, call.began() + later);
        let parts = (1..).map_while(|number| {
            let part = shelf::kept(&settings.folder, &plan::part_of(&file, number));
            piece(&settings.folder, part).ok()
        });
        let parts: Vec<_> = parts.collect();
        let notes = shelf::noted(&settings.folder, &file);
        (!parts.is_empty()).then(|| outcome(call, parts, &notes))
    })
}

const DAY: Duration = Duration::from_hours(24);

/// Peaks and FLAC that were being written: they are made again.
fn remove_half(folder: &Path, file: &Path) {
    if let Err(error) = std::fs::remove_file(folder.join(plan::growing(file.to_owned()))) {
        tracing::warn!(file = %file.display(), %error, "half a file is left behind; remove it");
    }
}

/// Makes the files of a recording whole, of which a crash may have left some finished and some growing.
fn repair_one(folder: &Path, call: CallId, first: &Path) -> io::Result<Outcome> {
    let notes = shelf::noted(folder, first);
    let mut parts = Vec::new();
    for number in 1.. {
        let part = plan::part_of(first, number);
        let open = |path: PathBuf| OpenOptions::new().read(true).write(true).open(path);
        match open(folder.join(plan::growing(part.clone()))) {
            Ok(file) => {
                let mut wav = Wav::resume(file, RATE_HZ)?;
                wav.end(wav.frames())?;
                wav.sync()?;
                shelf::rename(folder, &part)?;
                parts.push(piece(folder, part)?);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match open(folder.join(&part)) {
                    Ok(_) => parts.push(piece(folder, part)?),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    shelf::sync_folders(folder, first.parent().unwrap_or(first))?;
    if parts.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(outcome(call, parts, &notes))
}

/// A finished file, and the rate of its sound.
fn piece(folder: &Path, file: PathBuf) -> io::Result<(Part, u32)> {
    let path = folder.join(&file);
    let is_packed = file
        .extension()
        .is_some_and(|ending| ending == pack::ENDING);
    let (rate_hz, frames, bytes) = if is_packed {
        let about = pack::about(&path)?;
        (about.rate_hz, about.frames, path.metadata()?.len())
    } else {
        let wav = Wav::resume(File::open(&path)?, RATE_HZ)?;
        (wav.rate_hz(), wav.frames(), wav.bytes())
    };
    let part = Part {
        file,
        duration_ms: millis(frames, rate_hz),
        bytes,
    };
    Ok((part, rate_hz))
}

fn outcome(call: CallId, parts: Vec<(Part, u32)>, notes: &Notes) -> Outcome {
    let rate_hz = parts.first().map_or(RATE_HZ, |(_, rate_hz)| *rate_hz);
    let duration_ms = parts.iter().map(|(part, _)| part.duration_ms).sum();
    let mut parts = parts.into_iter().map(|(part, _)| part);
    let first = parts.next();
    let (file, bytes) = first.map_or_else(Default::default, |part| (part.file, part.bytes));
    Outcome {
        call,
        file,
        duration_ms,
        sample_rate_hz: rate_hz,
        channels: CHANNELS,
        bytes,
        state: State::Repaired,
        gaps: notes.gaps_within(duration_ms),
        pauses: notes.pauses_within(duration_ms),
        parts: parts.collect(),
    }
}

/// The call of `YYYY/MM/DD/<call id>.wav`, or of one of its later files.
fn call_of(file: &Path) -> Option<CallId> {
    let name = file.file_name()?.to_str()?.strip_suffix(".wav")?;
    let (call, number) = name.split_once('.').unwrap_or((name, "2"));
    let is_number = number.parse::<u32>().is_ok_and(|number| number > 1);
    call.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::chance::Chance;
    use crate::base::id::Side;
    use crate::base::time::WallTime;
    use crate::recording::command::Gap;

    #[test]
    fn every_part_becomes_a_whole_file_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new(folder.path().to_owned());
        let wall = WallTime::from_millis(1_795_253_400_125);
        let mut chance = Chance::from_number(5);
        let calls = [(); 2].map(|()| CallId::new(wall, &mut chance));
        for (call, frames) in calls.into_iter().zip([8_000, 0]) {
            let part = shelf::make(folder.path(), &plan::path_of(call, wall)).unwrap();
            let mut wav = Wav::begin(part, RATE_HZ).unwrap();
            wav.append(&vec![1; frames * 4]).unwrap();
        }
        // The crash came in the middle of a block.
        let [first, second] = calls.map(|call| folder.path().join(plan::path_of(call, wall)));
        let part = OpenOptions::new()
            .append(true)
            .open(plan::growing(first.clone()))
            .unwrap();
        io::Write::write_all(&mut &part, &[1; 801]).unwrap();
        // The second side of the first call was not decoded, and that had been noted.
        let gap = Gap {
            side: Side::Callee,
            from_ms: 100,
            length_ms: 800,
            why: "codec G729 is not decoded".to_owned(),
        };
        let notes = Notes {
            at_ms: 1_000,
            gaps: vec![gap.clone()],
            pauses: Vec::new(),
        };
        shelf::note(folder.path(), &plan::path_of(calls[0], wall), &notes).unwrap();
        let strangers = [
            "2026/11/21/notes.wav.part",
            "2026/11/21/whole.wav",
            "x.part",
        ];
        for name in strangers {
            fs::write(folder.path().join(name), "mine").unwrap();
        }
        let half_a_sketch = plan::growing(sketch::path_of(&second));
        fs::write(&half_a_sketch, "half").unwrap();

        let outcomes = repair(&settings);

        let lengths: Vec<_> = outcomes.iter().map(|o| (o.call, o.duration_ms)).collect();
        let mut expected = vec![(calls[0], 1_025), (calls[1], 0)];
        expected.sort_unstable();
        assert_eq!(lengths, expected);
        assert!(outcomes.iter().all(|o| o.state == State::Repaired));
        let lacks = |call| &outcomes.iter().find(|o| o.call == call).unwrap().gaps;
        let length_ms = 925;
        assert_eq!(*lacks(calls[0]), [Gap { length_ms, ..gap }]);
        assert_eq!(*lacks(calls[1]), []);
        assert!(!crate::recording::notes::path_of(first.clone()).exists());
        assert!(!half_a_sketch.exists());
        assert!(
            outcomes
                .iter()
                .all(|o| folder.path().join(&o.file).exists())
        );
        assert_eq!(hound::WavReader::open(&first).unwrap().duration(), 8_200);
        assert_eq!(hound::WavReader::open(&second).unwrap().duration(), 0);
        assert_eq!(fs::metadata(&first).unwrap().len(), 44 + 8_200 * 4);
        for name in strangers {
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"mine");
        }
        assert_eq!(repair(&settings), []);
        assert_eq!(find(&settings, calls[0]).unwrap().duration_ms, 1_025);
        assert_eq!(find(&settings, CallId::new(wall, &mut chance)), None);
    }

    #[test]
    fn a_folder_that_is_not_there_has_nothing_to_repair() {
        let settings = Settings::new("/nonexistent/recordings".into());
        assert_eq!(repair(&settings), []);
    }
}
