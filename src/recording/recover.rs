//! After a crash: every `.part` is made a whole WAV file by its length, and gets its name.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::recording::command::Outcome;
use crate::recording::command::State;
use crate::recording::plan;
use crate::recording::settings::Settings;
use crate::recording::shelf;
use crate::recording::take::millis;
use crate::recording::tape::RATE_HZ;
use crate::recording::wav::CHANNELS;
use crate::recording::wav::Wav;

/// Repairs every recording that a crash left growing. To be called before the recorder starts.
///
/// What cannot be repaired is logged and stays as it is for the next start. The hashes are asked for
/// with [`crate::recording::command::Command::Hash`].
pub fn repair(settings: &Settings) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for file in shelf::growing(&settings.folder) {
        let Some(call) = call_of(&file) else {
            tracing::warn!(file = %file.display(), "an unfinished file that is no recording of ours is left alone");
            continue;
        };
        let span = tracing::info_span!("call", id = %call);
        match repair_one(&settings.folder, call, &file) {
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
/// renaming and the log's line. `wall` is when the call was answered.
pub fn find(settings: &Settings, call: CallId, wall: WallTime) -> Option<Outcome> {
    let file = plan::path_of(call, wall);
    let found = File::open(settings.folder.join(&file)).ok()?;
    let wav = Wav::resume(found, RATE_HZ).ok()?;
    Some(outcome(call, file, &wav))
}

fn repair_one(folder: &Path, call: CallId, file: &Path) -> io::Result<Outcome> {
    let part = OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.join(plan::growing(file.to_owned())))?;
    let mut wav = Wav::resume(part, RATE_HZ)?;
    wav.end(wav.frames())?;
    let outcome = outcome(call, file.to_owned(), &wav);
    wav.into_medium().sync_all()?;
    shelf::rename(folder, file)?;
    shelf::sync_folders(folder, file.parent().unwrap_or(file))?;
    Ok(outcome)
}

fn outcome(call: CallId, file: PathBuf, wav: &Wav<File>) -> Outcome {
    Outcome {
        call,
        file,
        duration_ms: millis(wav.frames()),
        sample_rate_hz: wav.rate_hz(),
        channels: CHANNELS,
        bytes: wav.bytes(),
        state: State::Repaired,
        gaps: Vec::new(),
    }
}

/// The call of `YYYY/MM/DD/<call id>.wav`.
fn call_of(file: &Path) -> Option<CallId> {
    file.file_name()?
        .to_str()?
        .strip_suffix(".wav")?
        .parse()
        .ok()
}
