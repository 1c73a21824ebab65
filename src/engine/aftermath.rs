//! After a crash: recordings made whole and told to the log, peers left with a BYE each.

use std::collections::BTreeSet;

use crate::base::id::CallId;
use crate::call::story::KeptDialog;
use crate::recording::command::Command;
use crate::recording::recover;
use crate::recording::settings::Settings;
use crate::store::Store;
use crate::store::handle::Ghost;

/// What is still to be done for the calls that a crash left behind.
#[derive(Debug, Default)]
pub(in crate::engine) struct Aftermath {
    /// The dialogs whose peers wait for a BYE.
    pub(in crate::engine) dialogs: Vec<[KeptDialog; 2]>,
    /// The repaired files that want a hash.
    pub(in crate::engine) hashes: Vec<Command>,
}

/// Repairs what the recorder left growing and tells the call log; also finds a recording that was finished in the moment
/// between its renaming and the log's line.
pub(in crate::engine) fn clear_up(
    store: &Store,
    settings: &Settings,
    ghosts: Vec<Ghost>,
) -> Aftermath {
    let mut aftermath = Aftermath::default();
    let mut known: BTreeSet<CallId> = BTreeSet::new();
    let repaired = recover::repair(settings);
    known.extend(repaired.iter().map(|outcome| outcome.call));
    let found = ghosts
        .iter()
        .filter(|ghost| ghost.recorded && !known.contains(&ghost.call))
        .filter_map(|ghost| recover::find(settings, ghost.call));
    for outcome in repaired.into_iter().chain(found) {
        aftermath.hashes.push(Command::Hash {
            call: outcome.call,
            file: outcome.file.clone(),
        });
        store.recorded(outcome);
    }
    aftermath.dialogs = ghosts
        .into_iter()
        .filter_map(|ghost| ghost.dialogs)
        .collect();
    aftermath
}
