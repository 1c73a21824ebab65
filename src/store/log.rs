//! The call log's end: lines are chained, written at once, and synced together. All of this runs on the store's thread.
//!
//! A line that the disk refused stays in memory, as the bytes it will be, and is written again; after a failed sync
//! everything since the last good one is, because the kernel may have thrown those pages away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::chance::Chance;
use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::store::disk::{Disk, Tape};
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::event::upkeep::{Opened, Upkeep};
use crate::store::line;
use crate::store::line::{Head, SALT_SIZE, Stamp};
use crate::store::place::{Month, Place};

/// The file of `month`.
pub(crate) fn month_path(folder: &Path, month: Month) -> PathBuf {
    folder.join(format!("{month}.jsonl"))
}

/// The log, open at its end.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    node: Arc<str>,
    disk: Box<dyn Disk>,
    chance: Chance,
    head: Head,
    open: Option<OpenMonth>,
    /// The month of the last line, also while its file is closed.
    month: Option<Month>,
    /// Lines since the last sync.
    unsynced: Vec<u8>,
    /// How many of those bytes are in the file.
    written: usize,
}

#[derive(Debug)]
struct OpenMonth {
    tape: Box<dyn Tape>,
    path: PathBuf,
    /// The file's length at the last sync.
    synced: u64,
    /// A write failed half-way: what is beyond the good bytes must go first.
    is_torn: bool,
}

impl Log {
    /// Goes on after `head`, whose line is in `month`.
    pub(crate) fn new(
        folder: PathBuf,
        node: Arc<str>,
        disk: Box<dyn Disk>,
        chance: Chance,
        month: Option<Month>,
        head: Head,
    ) -> Self {
        Self {
            folder,
            node,
            disk,
            chance,
            head,
            open: None,
            month,
            unsynced: Vec::new(),
            written: 0,
        }
    }

    /// Makes the line of an event and returns where it will be. It is in memory only until [`Self::write`].
    ///
    /// A new month is opened on the way, which needs the disk; after an error the event is not taken and may be tried again.
    pub(crate) fn append(
        &mut self,
        at: WallTime,
        mono: Moment,
        call: Option<CallId>,
        event: &Event,
    ) -> Result<Place, StoreError> {
        let month = self.month_for(at);
        if self.month != Some(month) {
            self.sync()?;
            self.begin_month(month, at, mono)?;
        }
        self.push(at, mono, call, event, month)
    }

    /// The longest that the line of an event may be; of one that cannot be written, longer than any.
    pub(crate) fn longest(&self, event: &Event) -> u64 {
        line::longest(&self.node, event).unwrap_or(u64::MAX)
    }

    /// The months go one way: when the wall clock jumps back, lines stay in the month that is open.
    fn month_for(&self, at: WallTime) -> Month {
        let month = Month::of(at);
        self.month.map_or(month, |open| month.max(open))
    }

    fn begin_month(&mut self, month: Month, at: WallTime, mono: Moment) -> Result<(), StoreError> {
        let before = self.month;
        self.open = None;
        self.open_month(month)?;
        let opened = Event::Upkeep(Upkeep::Opened(Opened {
            before: before.map(|before| before.to_string()),
            head: hex::encode(self.head.hash),
        }));
        self.month = Some(month);
        self.push(at, mono, None, &opened, month)?;
        Ok(())
    }

    fn push(
        &mut self,
        at: WallTime,
        mono: Moment,
        call: Option<CallId>,
        event: &Event,
        month: Month,
    ) -> Result<Place, StoreError> {
        let synced = self.open_month(month)?.synced;
        let mut salt = [0; SALT_SIZE];
        self.chance.fill(&mut salt);
        let stamp = Stamp {
            at,
            mono,
            node: &self.node,
            call,
        };
        let start = self.unsynced.len();
        match line::write(&mut self.unsynced, self.head, stamp, event, salt) {
            Ok(head) => self.head = head,
            Err(error) => {
                self.unsynced.truncate(start);
                return Err(error.into());
            }
        }
        let length = self.unsynced.len() - start - 1;
        Ok(Place {
            month,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            offset: synced + u64::try_from(start).unwrap_or(u64::MAX),
        })
    }

    fn open_month(&mut self, month: Month) -> Result<&mut OpenMonth, StoreError> {
        match &mut self.open {
            Some(open) => Ok(open),
            closed @ None => {
                let path = month_path(&self.folder, month);
                let (tape, synced) = self
                    .disk
                    .append_to(&path)
                    .map_err(StoreError::disk("opening", &path))?;
                Ok(closed.insert(OpenMonth {
                    tape,
                    path,
                    synced,
                    is_torn: false,
                }))
            }
        }
    }

    /// Hands the lines to the kernel: from here a kill -9 of this process loses none of them.
    pub(crate) fn write(&mut self) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let rest = self.unsynced.get(self.written..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        open.mend(self.written)?;
        if let Err(source) = open.tape.write(rest) {
            open.is_torn = true;
            let error = StoreError::disk("writing", &open.path)(source);
            // At once, so that a crash now leaves whole lines; where this fails, the next attempt does it.
            drop(open.mend(self.written));
            return Err(error);
        }
        self.written = self.unsynced.len();
        Ok(())
    }

    /// Returns when every line is on the disk: from here a power cut loses none of them.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.write()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if self.unsynced.is_empty() {
            return Ok(());
        }
        if let Err(source) = open.tape.sync() {
            self.written = 0;
            open.is_torn = true;
            let error = StoreError::disk("syncing", &open.path)(source);
            drop(open.mend(0));
            return Err(error);
        }
        open.synced += u64::try_from(self.unsynced.len()).unwrap_or(0);
        self.unsynced.clear();
        self.written = 0;
        Ok(())
    }

    /// The chain's end, synced or not.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Closes the month's file, which is about to be replaced. Everything must be synced.
    pub(crate) fn close_month(&mut self) {
        self.open = None;
    }

    /// The folder of the months.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl OpenMonth {
    /// Removes what a failed write or sync left behind the good bytes.
    fn mend(&mut self, written: usize) -> Result<(), StoreError> {
        if self.is_torn {
            let good = self.synced + u64::try_from(written).unwrap_or(0);
            self.tape
                .cut(good)
                .map_err(StoreError::disk("cutting", &self.path))?;
            self.is_torn = false;
        }
        Ok(())
    }
}
