//! Finishing: recordings that ended are synced, renamed, reported and hashed, in two threads of their
//! own, so that a hundred calls that hang up together keep no packet waiting.

use std::fs::File;
use std::io;
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
use crate::recording::command::Kept;
use crate::recording::command::Outcome;
use crate::recording::command::Report;
use crate::recording::hash;
use crate::recording::pack;
use crate::recording::settings::Format;
use crate::recording::shelf;

mod batch;

/// Ended recordings that wait for the disk, each with a descriptor. A disk that is this far behind
/// holds the recorder up, and the rings count what they lose.
const WAITING_MAX: usize = 1_024;
/// Recordings finished together: their folders are synced once. The first of them waits for the last.
const BATCH_MAX: usize = 256;
/// Files that wait to be hashed; they take a path each.
const HASHES_MAX: usize = 16_384;
/// From so many on the thread that finishes makes one for each that it adds, at its own priority: on a machine whose other work
/// leaves the lowest nothing, all that waits would hold up what ends, and that the recorder. Twice as many calls may end at once.
const HASHES_LATE: usize = 4_096;

/// A recording that ended.
#[derive(Debug)]
pub struct Ended<F = File> {
    /// What is to be reported of it.
    pub outcome: Box<Outcome>,
    /// The last of its files; none when the disk never gave one. All are whole but not synced.
    pub last: Option<F>,
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
        let hasher = Hasher {
            folder: folder.clone(),
            format,
            files,
        };
        let reports = Arc::new(Mutex::new(reports));
        let finishing = {
            let (hashes, hasher) = (hashes.clone(), hasher.clone());
            let reports = Arc::clone(&reports);
            thread::Builder::new()
                .name("rec-finish".to_owned())
                .spawn(move || {
                    let report = |report| tell(&reports, report);
                    finish_all(folder, &jobs, &hashes, &hasher, HASHES_LATE, report);
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
                hasher.all(|report| tell(&told, report));
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
    folder: PathBuf,
    jobs: &Receiver<Ended>,
    hashes: &Sender<(CallId, PathBuf)>,
    hasher: &Hasher,
    late: usize,
    report: impl Fn(Report),
) {
    let disk = batch::Disk(folder);
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH_MAX - 1));
        batch::finish(&disk, &mut batch);
        for ended in batch {
            let outcome = ended.outcome;
            let call = outcome.call;
            let parts = outcome.parts.iter().map(|part| part.file.clone());
            let files: Vec<_> = std::iter::once(outcome.file.clone()).chain(parts).collect();
            report(Report::Finished(outcome));
            // Where there is no file there is nothing to hash.
            let files = files.into_iter().filter(|_| ended.last.is_some());
            for file in files {
                if hashes.send((call, file)).is_err() {
                    return;
                }
                if hasher.files.len() > late {
                    hasher.oldest(&report);
                }
            }
        }
    }
}

/// Packs and hashes finished files, the oldest first. Any thread may.
#[derive(Clone)]
struct Hasher {
    folder: PathBuf,
    format: Format,
    files: Receiver<(CallId, PathBuf)>,
}

impl Hasher {
    /// All that come.
    fn all(&self, report: impl Fn(Report)) {
        while let Ok((call, file)) = self.files.recv() {
            self.one(call, file, &report);
        }
    }

    /// The one that has waited longest.
    fn oldest(&self, report: impl Fn(Report)) {
        if let Ok((call, file)) = self.files.try_recv() {
            self.one(call, file, report);
        }
    }

    fn one(&self, call: CallId, file: PathBuf, report: impl Fn(Report)) {
        let folder = &self.folder;
        let file = match self.format {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::recording::finish::batch::tests::outcome;

    #[test]
    fn what_waits_too_long_for_its_hash_is_hashed_by_the_thread_that_finishes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_owned();
        let (ended, jobs) = bounded(10);
        for number in 0..10 {
            let outcome = outcome(number, 0);
            let last = Some(shelf::make(&folder, &outcome.file).unwrap());
            ended.send(Ended { outcome, last }).unwrap();
        }
        drop(ended);
        // Nobody takes a hash's turn here, as on a machine that leaves the lowest priority nothing.
        let (hashes, files) = bounded(4);
        let hasher = Hasher {
            folder: folder.clone(),
            format: Format::Wav,
            files,
        };
        let (told, reports) = mpsc::channel();
        finish_all(folder, &jobs, &hashes, &hasher, 3, |report| {
            told.send(report).unwrap();
        });
        drop(told);
        let mut hashed = Vec::new();
        let mut finished = 0;
        for report in reports {
            match report {
                Report::Finished(_) => finished += 1,
                Report::Hashed { kept, .. } => hashed.push(kept.file),
                Report::Disk { .. } => panic!("{report:?}"),
            }
        }
        let oldest: Vec<PathBuf> = (0..7)
            .map(|number| format!("2026/11/21/{number}.wav").into())
            .collect();
        assert_eq!((finished, hashed), (10, oldest));
        assert_eq!(hasher.files.len(), 3);
    }
}
