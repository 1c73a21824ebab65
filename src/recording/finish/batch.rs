//! Recordings that ended together are finished together: each file is synced, several at a time, then each gets its name, then
//! the names are made to last, once for all of them. Only then is any of them told of.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use crate::base::id::Side;
use crate::recording::command::Gap;
use crate::recording::command::Outcome;
use crate::recording::command::State;
use crate::recording::finish::Ended;
use crate::recording::plan;
use crate::recording::shelf;

/// Files that are synced at a time. A file system makes what several ask for at once last with one commit: a hundred
/// files one after the other take six times as long.
const SYNCED_AT_A_TIME: usize = 16;

/// What finishing asks of the disk. Tests put an observer in its place.
pub(super) trait Ground: Sync {
    /// A growing file.
    type File: Send;

    /// Makes what is in a file last.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Makes what is in a growing file last that is closed.
    fn sync_closed(&self, file: &Path) -> io::Result<()>;
    /// Gives a growing file its name.
    fn rename(&self, file: &Path) -> io::Result<()>;
    /// Makes the names in a folder last.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The recordings folder.
#[derive(Debug)]
pub(super) struct Disk(pub(super) PathBuf);

impl Ground for Disk {
    type File = File;

    fn sync(&self, file: &File) -> io::Result<()> {
        // Its length is part of what this makes last; the times of its last change need not be.
        file.sync_data()
    }

    fn sync_closed(&self, file: &Path) -> io::Result<()> {
        self.sync(&shelf::open_growing(&self.0, file)?)
    }

    fn rename(&self, file: &Path) -> io::Result<()> {
        shelf::rename(&self.0, file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        shelf::sync_folder(&self.0, folder)
    }
}

/// Syncs and names the files of recordings that ended. What went wrong stands in their outcomes.
pub(super) fn finish<G: Ground>(ground: &G, batch: &mut [Ended<G::File>]) {
    sync(ground, batch);
    // Each folder, and those above it, any of which may be new.
    let mut folders = BTreeSet::new();
    for ended in batch.iter_mut().filter(|ended| ended.last.is_some()) {
        let outcome = &mut ended.outcome;
        let above = outcome.file.ancestors().skip(1);
        folders.extend(above.map(Path::to_owned));
        // The first comes last: where it has its name, the others have theirs.
        for at in (0..outcome.parts.len()).rev().map(Some).chain([None]) {
            if let Err(error) = rename(ground, outcome, at) {
                spoil(outcome, "not renamed", &error);
            }
        }
    }
    for folder in folders.iter().rev() {
        if let Err(error) = ground.sync_folder(folder) {
            let below = |ended: &&mut Ended<G::File>| ended.outcome.file.starts_with(folder);
            for ended in batch.iter_mut().filter(below) {
                spoil(&mut ended.outcome, "folder not synced", &error);
            }
        }
    }
}

fn sync<G: Ground>(ground: &G, batch: &mut [Ended<G::File>]) {
    let recordings = batch.len();
    let waiting = Mutex::new(batch.iter_mut());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let work = || {
        while let Some(ended) = next() {
            let Some(last) = &ended.last else { continue };
            let outcome = &mut ended.outcome;
            let mut synced = ground.sync(last);
            // All but the last are closed: a recording of many parts holds one descriptor.
            let parts = outcome.parts.iter().map(|part| &part.file);
            let closed = std::iter::once(&outcome.file).chain(parts);
            for file in closed.take(outcome.parts.len()) {
                synced = ground.sync_closed(file).and(synced);
            }
            if let Err(error) = synced {
                spoil(outcome, "not synced", &error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..recordings.min(SYNCED_AT_A_TIME) {
            // Where the system has no thread to give, those that are there do it all.
            let helper = thread::Builder::new().name("rec-sync".to_owned());
            if helper.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Gives a file of a recording its name: a part, or the first. One that does not get it is known by the name it has.
fn rename(ground: &impl Ground, outcome: &mut Outcome, part: Option<usize>) -> io::Result<()> {
    let file = match part {
        Some(at) => outcome.parts.get_mut(at).map(|part| &mut part.file),
        None => Some(&mut outcome.file),
    };
    let Some(file) = file else { return Ok(()) };
    ground
        .rename(file)
        .inspect_err(|_| *file = plan::growing(std::mem::take(file)))
}

/// The file is there, but a power cut may take it back.
fn spoil(outcome: &mut Outcome, what: &str, error: &io::Error) {
    tracing::error!(
        call = %outcome.call, file = %outcome.file.display(), %error,
        "recording {what}; check the disk"
    );
    outcome.state = State::Truncated;
    for side in Side::BOTH {
        outcome.gaps.push(Gap {
            side,
            from_ms: 0,
            length_ms: outcome.duration_ms,
            why: format!("{what}: {error}"),
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::chance::Chance;
    use crate::base::id::CallId;
    use crate::base::time::WallTime;
    use crate::recording::command::Part;

    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Done {
        Synced(u32),
        SyncedClosed(PathBuf),
        Named(PathBuf),
        Lasts(PathBuf),
    }

    /// Notes what is asked of it, in order, and refuses what it is told to.
    #[derive(Default)]
    struct Watched {
        done: Mutex<Vec<Done>>,
        refuses: Vec<Done>,
    }

    impl Watched {
        fn note(&self, done: Done) -> io::Result<()> {
            let refused = self.refuses.contains(&done);
            self.done
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(done);
            match refused {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
    }

    impl Ground for Watched {
        type File = u32;

        fn sync(&self, file: &u32) -> io::Result<()> {
            self.note(Done::Synced(*file))
        }

        fn sync_closed(&self, file: &Path) -> io::Result<()> {
            self.note(Done::SyncedClosed(file.to_owned()))
        }

        fn rename(&self, file: &Path) -> io::Result<()> {
            self.note(Done::Named(file.to_owned()))
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.note(Done::Lasts(folder.to_owned()))
        }
    }

    /// What is told of a recording of a second, or of so many more.
    pub(in crate::recording::finish) fn outcome(number: u32, parts: u32) -> Box<Outcome> {
        let file = PathBuf::from(format!("2026/11/21/{number}.wav"));
        let part = |part| Part {
            file: plan::part_of(&file, part),
            duration_ms: 1_000,
            bytes: 32_044,
        };
        Box::new(Outcome {
            call: CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1)),
            duration_ms: 1_000,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: 32_044,
            state: State::Complete,
            gaps: Vec::new(),
            pauses: Vec::new(),
            parts: (2..2 + parts).map(part).collect(),
            file,
        })
    }

    fn ended(number: u32, parts: u32) -> Ended<u32> {
        Ended {
            last: Some(number),
            outcome: outcome(number, parts),
        }
    }

    #[test]
    fn a_hundred_files_are_synced_before_any_is_named_and_their_folders_once_for_all() {
        let ground = Watched::default();
        let mut batch: Vec<_> = (0..100).map(|number| ended(number, 0)).collect();
        finish(&ground, &mut batch);
        let done = ground.done.into_inner().unwrap();
        assert_eq!(done.len(), 100 + 100 + 4, "{done:?}");
        let synced = |done: &Done| matches!(done, Done::Synced(_));
        let named = |done: &Done| matches!(done, Done::Named(_));
        assert!(done[..100].iter().all(synced), "every file before any name");
        assert!(done[100..200].iter().all(named));
        let lasts = ["2026/11/21", "2026/11", "2026", ""].map(|day| Done::Lasts(day.into()));
        assert_eq!(done[200..], lasts);
        assert!(batch.iter().all(|one| one.outcome.state == State::Complete));
    }

    #[test]
    fn the_first_file_of_a_recording_gets_its_name_after_the_others() {
        let ground = Watched::default();
        finish(&ground, &mut [ended(1, 2)]);
        let done = ground.done.into_inner().unwrap();
        let day = Path::new("2026/11/21");
        let closed = ["1.wav", "1.2.wav"].map(|name| Done::SyncedClosed(day.join(name)));
        let named = ["1.3.wav", "1.2.wav", "1.wav"].map(|name| Done::Named(day.join(name)));
        assert_eq!(done[0], Done::Synced(1));
        assert_eq!((&done[1..3], &done[3..6]), (&closed[..], &named[..]));
    }

    #[test]
    fn what_a_disk_refuses_is_told_of_the_recording_that_it_refused() {
        let first = PathBuf::from("2026/11/21/2.wav");
        let ground = Watched {
            refuses: vec![Done::Synced(1), Done::Named(first.clone())],
            ..Watched::default()
        };
        let mut batch = [ended(1, 0), ended(2, 0), ended(3, 0)];
        finish(&ground, &mut batch);
        let [unsynced, unnamed, whole] = batch.map(|ended| ended.outcome);
        assert_eq!(unsynced.gaps[0].why, "not synced: no storage space");
        assert_eq!(unnamed.gaps[0].why, "not renamed: no storage space");
        assert_eq!(unnamed.file, plan::growing(first));
        assert_eq!(
            (unsynced.state, whole.state),
            (State::Truncated, State::Complete)
        );
        let folder = Done::Lasts("2026".into());
        let ground = Watched {
            refuses: vec![folder],
            ..Watched::default()
        };
        let mut batch = [ended(1, 0)];
        finish(&ground, &mut batch);
        assert_eq!(batch[0].outcome.state, State::Truncated);
    }
}
