//! The few things the log asks of a disk, as a trait, so that tests can have one that is full or that fails to sync.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Files of the store hold personal data: nobody else may read them.
pub(crate) const FILE_MODE: u32 = 0o600;

/// Where months are opened.
pub(crate) trait Disk: Debug + Send {
    /// Opens `path` for appending, making it where it is missing, and returns it with its length. A new file's name is
    /// on the disk when this returns.
    fn append_to(&mut self, path: &Path) -> io::Result<(Box<dyn Tape>, u64)>;
}

/// One month, open at its end.
pub(crate) trait Tape: Debug + Send {
    /// Appends all of `bytes`; after an error some of them may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file off at `length`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The real disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn append_to(&mut self, path: &Path) -> io::Result<(Box<dyn Tape>, u64)> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(path)?;
        let length = file.metadata()?.len();
        if let Some(folder) = path.parent().filter(|_| length == 0) {
            sync_folder(folder)?;
        }
        Ok((Box::new(file), length))
    }
}

impl Tape for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Makes names that were made, changed or removed in `folder` last.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Puts `bytes` at `path` so that after a crash there is the old file or the new one, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
