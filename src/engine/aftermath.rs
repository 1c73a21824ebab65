//! After a crash: recordings made whole and told to the log, peers left with a BYE each.

use std::collections::BTreeSet;

use crate::base::id::CallId;
use crate::call::story::KeptDialog;
use crate::recording::command::Command;
use crate::recording::recover;
use crate::recording::settings::Settings;
use crate::recording::shelf;
use crate::store::Store;
use crate::store::handle::LeftBehind;

/// What is still to be done for the calls that a crash left behind.
#[derive(Debug, Default)]
pub(in crate::engine) struct Aftermath {
    /// The dialogs whose peers wait for a BYE.
    pub(in crate::engine) dialogs: Vec<[KeptDialog; 2]>,
    /// The files that want a hash.
    pub(in crate::engine) hashes: Vec<Command>,
}

/// Repairs what the recorder left growing and tells the call log. Also finds recordings that were finished in the moment
/// between their renaming and the log's line, of calls in progress and of calls that had ended, and asks for the hashes
/// that the crash took.
pub(in crate::engine) fn clear_up(
    store: &Store,
    settings: &Settings,
    behind: LeftBehind,
) -> Aftermath {
    let mut aftermath = Aftermath::default();
    let repaired = recover::repair(settings);
    let known: BTreeSet<CallId> = repaired.iter().map(|outcome| outcome.call).collect();
    let ghosts = behind.ghosts.iter().filter(|ghost| ghost.recorded);
    let found = ghosts
        .map(|ghost| ghost.call)
        .chain(behind.unrecorded)
        .filter(|call| !known.contains(call))
        .filter_map(|call| recover::find(settings, call));
    for outcome in repaired.into_iter().chain(found) {
        aftermath.hashes.push(Command::Hash {
            call: outcome.call,
            file: outcome.file.clone(),
        });
        store.recorded(outcome);
    }
    let unhashed = behind.unhashed.into_iter();
    aftermath.hashes.extend(
        unhashed
            .filter(|(call, _)| !known.contains(call))
            // A recording that could not be made has a line and no file.
            .filter(|(_, file)| {
                shelf::inside(
                    &settings.folder,
                    &shelf::kept(&settings.folder, file.as_ref()),
                )
                .is_some_and(|path| path.is_file())
            })
            .map(|(call, file)| Command::Hash {
                call,
                file: file.into(),
            }),
    );
    aftermath.dialogs = behind
        .ghosts
        .into_iter()
        .filter_map(|ghost| ghost.dialogs)
        .collect();
    aftermath
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::command::Kept;
    use crate::recording::plan;
    use crate::recording::tape::RATE_HZ;
    use crate::recording::wav::Wav;
    use crate::store::trial::{Place, Script};

    /// A whole recording under its own name, as the recorder leaves it.
    fn record(settings: &Settings, call: &Script) {
        let file = plan::path_of(call.id, call.at);
        let part = shelf::make(&settings.folder, &file).unwrap();
        let mut wav = Wav::begin(part, RATE_HZ).unwrap();
        wav.append(&[1; 32_000]).unwrap();
        wav.end(wav.frames()).unwrap();
        shelf::rename(&settings.folder, &file).unwrap();
    }

    fn hashed(aftermath: &Aftermath) -> Vec<CallId> {
        let calls = aftermath.hashes.iter().filter_map(|command| {
            let Command::Hash { call, .. } = command else {
                return None;
            };
            Some(*call)
        });
        let mut calls: Vec<CallId> = calls.collect();
        calls.sort_unstable();
        calls
    }

    #[test]
    fn a_recording_whose_lines_the_crash_took_is_found_and_hashed() {
        let place = Place::new();
        let settings = Settings::new(place.recordings());
        let (unrecorded, unhashed, lost) = (Script::nth(1), Script::nth(2), Script::nth(3));
        let (store, _) = place.open();
        for call in [&unrecorded, &unhashed, &lost] {
            store.tell(call.began());
            store.tell(call.answered());
            store.tell(call.ended());
        }
        record(&settings, &unrecorded);
        record(&settings, &unhashed);
        store.recorded(unhashed.outcome());
        store.sync().unwrap();

        let after = place.killed();
        let settings = Settings {
            folder: after.recordings(),
            ..settings
        };
        let (store, behind) = Store::open(after.setup()).unwrap();
        assert_eq!(behind.ghosts, []);
        assert_eq!(behind.unrecorded, [lost.id, unrecorded.id]);
        assert_eq!(behind.unhashed.len(), 1);
        let aftermath = clear_up(&store, &settings, behind);
        assert_eq!(hashed(&aftermath), [unrecorded.id, unhashed.id]);
        store.sync().unwrap();
        let record = store.call(unrecorded.id).unwrap().unwrap();
        assert_eq!(record.recording.unwrap().duration_ms, 1_000);
        assert_eq!(store.call(lost.id).unwrap().unwrap().recording, None);
        for call in [unrecorded.id, unhashed.id] {
            let kept = Kept {
                file: plan::path_of(call, call.began()),
                bytes: 1,
                sha256: "ab".repeat(32),
            };
            store.hashed(call, kept);
        }
        store.sync().unwrap();

        let again = after.killed();
        let (_, behind) = Store::open(again.setup()).unwrap();
        assert!(!behind.unrecorded.contains(&unrecorded.id));
        assert_eq!(behind.unhashed, []);
    }
}
