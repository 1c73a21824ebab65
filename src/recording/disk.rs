//! The disk as recordings meet it: where their files are made, what was last seen of it, and its refusals in words.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::recording::plan;
use crate::recording::shelf;
use crate::recording::wav::Medium;

/// Where the files of recordings are made. Tests put a small disk in its place.
pub trait Shelf {
    /// A file.
    type Medium: Medium;

    /// Makes the growing file of this name.
    ///
    /// # Errors
    /// What the disk says.
    fn make(&self, file: &Path) -> io::Result<Self::Medium>;

    /// Opens the growing file of this name again, which was made before.
    ///
    /// # Errors
    /// What the disk says.
    fn open(&self, file: &Path) -> io::Result<Self::Medium>;

    /// Removes a growing file that cannot even hold its header.
    fn discard(&self, file: &Path);
}

/// The recordings folder.
#[derive(Clone, Debug)]
pub struct Folder(pub Arc<Path>);

impl Shelf for Folder {
    type Medium = File;

    fn make(&self, file: &Path) -> io::Result<File> {
        shelf::make(&self.0, file)
    }

    fn open(&self, file: &Path) -> io::Result<File> {
        shelf::open_growing(&self.0, file)
    }

    fn discard(&self, file: &Path) {
        if let Err(error) = std::fs::remove_file(self.0.join(plan::growing(file.to_owned()))) {
            tracing::warn!(file = %file.display(), %error, "an empty recording stays behind; remove it");
        }
    }
}

/// What the disk was last seen to do with recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// It takes what it is given.
    Takes,
    /// It refused.
    Refuses,
}

impl Disk {
    /// Of two sights of it, the one that counts: a refusal.
    pub fn worse(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other]
            .into_iter()
            .find(|seen| *seen == Some(Self::Refuses))
            .unwrap_or_else(|| one.or(other))
    }
}

/// Puts a disk's refusal into an operator's words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds are the standard library's and grow with it"
)]
pub fn why(error: &io::Error) -> Arc<str> {
    match error.kind() {
        io::ErrorKind::StorageFull => "disk full".into(),
        io::ErrorKind::QuotaExceeded => "disk quota used up".into(),
        io::ErrorKind::FileTooLarge => "file as large as it can be".into(),
        io::ErrorKind::ReadOnlyFilesystem => "disk read-only".into(),
        _ => format!("disk error: {error}").into(),
    }
}
