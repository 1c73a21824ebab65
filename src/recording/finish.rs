//! Finishing: recordings that ended are synced, renamed, reported and hashed, in two threads of their
//! own, so that a hundred calls that hang up together keep no packet waiting.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use crate::base::id::CallId;
use crate::base::id::Side;
use crate::recording::command::Gap;
use crate::recording::command::Kept;
use crate::recording::command::Outcome;
use crate::recording::command::Report;
use crate::recording::command::State;
use crate::recording::hash;
use crate::recording::pack;
use crate::recording::plan;
use crate::recording::settings::Format;
use crate::recording::shelf;

/// Ended recordings that wait for the disk, each with a descriptor. A disk that is this far behind
/// holds the recorder up, and the rings count what they lose.
const WAITING_MAX: usize = 1_024;
/// Recordings finished together: their folders are synced once.
const BATCH_MAX: usize = 64;
/// Files that wait to be hashed; they take a path each.
const HASHES_MAX: usize = 16_384;

/// A recording that ended.
#[derive(Debug)]
pub struct Ended {
    /// What is to be reported of it.
    pub outcome: Box<Outcome>,
    /// Its files, the first and those of the parts, whole but not synced; none when the disk never gave one.
    pub files: Vec<File>,
}

/// The two threads and the ways to them.
pub struct Finisher {
    ended: Sender<Ended>,
    tell: Box<dyn Fn(Report) + Send>,
    hashes: Sender<(CallId, PathBuf)>,
    threads: [JoinHandle<()>; 2],
}

impl Finisher {
    /// Starts the threads. `folder` is where the outcomes' paths begin.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(
        folder: PathBuf,
        format: Format,
        reports: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Self> {
        let (ended, jobs) = bounded(WAITING_MAX);
        let (hashes, files) = bounded(HASHES_MAX);
        let reports = Arc::new(Mutex::new(reports));
        let finishing = {
            let (folder, hashes) = (folder.clone(), hashes.clone());
            let reports = Arc::clone(&reports);
            thread::Builder::new()
                .name("rec-finish".to_owned())
                .spawn(move || {
                    finish_all(&folder, &jobs, &hashes, |report| tell(&reports, report))
                })?
        };
        let told = Arc::clone(&reports);
        let hashing = thread::Builder::new()
            .name("rec-hash".to_owned())
            .spawn(move || {
                // Sound and signalling come first: nobody waits for a hash, or for a file to be packed.
                if let Err(error) = rustix::process::nice(19) {
                    tracing::debug!(%error, "the thread that hashes and packs keeps its priority");
                }
                hash_all(&folder, format, &files, |report| tell(&told, report))
            })?;
        Ok(Self {
            ended,
            tell: Box::new(move |report| tell(&reports, report)),
            hashes,
            threads: [finishing, hashing],
        })
    }

    /// Hands over a recording that ended. Waits while the disk is [`WAITING_MAX`] recordings behind.
    pub fn finish(&self, ended: Ended) {
        if self.ended.send(ended).is_err() {
            tracing::error!("the thread that finishes recordings is gone; restart ringtag");
        }
    }

    /// Has a finished file hashed.
    pub fn hash(&self, call: CallId, file: PathBuf) {
        if self.hashes.send((call, file)).is_err() {
            tracing::error!("the thread that hashes recordings is gone; restart ringtag");
        }
    }

    /// Reports from the recorder itself.
    pub fn tell(&self, report: Report) {
        (self.tell)(report);
    }

    /// Finishes and hashes all that was handed over, and ends the threads.
    pub fn stop(self) {
        drop((self.ended, self.hashes, self.tell));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the recorder ended in a panic; please report this");
            }
        }
    }
}

/// Both threads report through one function that need not be shared.
fn tell(reports: &Mutex<impl Fn(Report)>, report: Report) {
    reports.lock().unwrap_or_else(PoisonError::into_inner)(report);
}

fn finish_all(
    folder: &Path,
    jobs: &Receiver<Ended>,
    hashes: &Sender<(CallId, PathBuf)>,
    report: impl Fn(Report),
) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH_MAX - 1));
        // All are synced before any is renamed: a file system then needs fewer commits.
        for ended in &mut batch {
            for file in &ended.files {
                if let Err(error) = file.sync_all() {
                    spoil(&mut ended.outcome, "not synced", &error);
                }
            }
        }
        let mut days = BTreeSet::new();
        for ended in batch.iter_mut().filter(|ended| !ended.files.is_empty()) {
            let outcome = &mut ended.outcome;
            days.extend(outcome.file.parent().map(Path::to_owned));
            // The first comes last: where it has its name, the others have theirs.
            for at in (0..outcome.parts.len()).rev().map(Some).chain([None]) {
                if let Err(error) = rename(folder, outcome, at) {
                    spoil(outcome, "not renamed", &error);
                }
            }
        }
        for day in days {
            if let Err(error) = shelf::sync_folders(folder, &day) {
                let of_day = |ended: &&mut Ended| ended.outcome.file.starts_with(&day);
                for ended in batch.iter_mut().filter(of_day) {
                    spoil(&mut ended.outcome, "folder not synced", &error);
                }
            }
        }
        for ended in batch {
            let outcome = ended.outcome;
            let call = outcome.call;
            let parts = outcome.parts.iter().map(|part| part.file.clone());
            let files: Vec<_> = std::iter::once(outcome.file.clone()).chain(parts).collect();
            report(Report::Finished(outcome));
            // Where there is no file there is nothing to hash.
            for file in files.into_iter().take(ended.files.len()) {
                if hashes.send((call, file)).is_err() {
                    return;
                }
            }
        }
    }
}

/// Gives a file of a recording its name: a part, or the first. One that does not get it is known by the name it has.
fn rename(folder: &Path, outcome: &mut Outcome, part: Option<usize>) -> io::Result<()> {
    let file = match part {
        Some(at) => outcome.parts.get_mut(at).map(|part| &mut part.file),
        None => Some(&mut outcome.file),
    };
    let Some(file) = file else { return Ok(()) };
    shelf::rename(folder, file).inspect_err(|_| *file = plan::growing(std::mem::take(file)))
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

fn hash_all(
    folder: &Path,
    format: Format,
    files: &Receiver<(CallId, PathBuf)>,
    report: impl Fn(Report),
) {
    while let Ok((call, file)) = files.recv() {
        let file = match format {
            Format::Wav => shelf::kept(folder, &file),
            Format::Flac => pack::pack(folder, &file).unwrap_or_else(|error| {
                tracing::error!(
                    %call, file = %file.display(), %error,
                    "recording not packed, and kept as it is; check the disk"
                );
                file
            }),
        };
        match hash::and_length(&folder.join(&file)) {
            Ok((sha256, bytes)) => {
                let kept = Kept {
                    file,
                    bytes,
                    sha256,
                };
                report(Report::Hashed { call, kept });
            }
            Err(error) => tracing::error!(
                %call, file = %file.display(), %error,
                "recording not hashed; check the disk"
            ),
        }
    }
}
