//! Reading the log's files: line after line, or one line at its place.

use std::fs;
use std::fs::File;
use std::io;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::fold;
use crate::store::fold::Draft;
use crate::store::line::{LINE_MAX, Line};
use crate::store::log::month_path;
use crate::store::place::{Month, Place};

/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// The months in `folder`, the oldest first. Files that are no month are passed over.
pub(crate) fn months(folder: &Path) -> Result<Vec<Month>, StoreError> {
    let mut months = Vec::new();
    let entries = fs::read_dir(folder).map_err(StoreError::disk("listing", folder))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::disk("listing", folder))?;
        let name = entry.file_name();
        let month = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        months.extend(month.and_then(|month| month.parse::<Month>().ok()));
    }
    months.sort_unstable();
    Ok(months)
}

/// The lines of one month.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    month: Month,
    reader: BufReader<File>,
    offset: u64,
    line: Vec<u8>,
}

/// One line as bytes.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) place: Place,
    /// Without the newline.
    pub(crate) bytes: &'a [u8],
    /// It ends in a newline. Only a torn last line does not.
    pub(crate) is_whole: bool,
}

impl Lines {
    /// Opens `month` at `offset`.
    pub(crate) fn open(folder: &Path, month: Month, offset: u64) -> Result<Self, StoreError> {
        let path = month_path(folder, month);
        let open = || -> io::Result<File> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        };
        let file = open().map_err(StoreError::disk("reading", &path))?;
        Ok(Self {
            month,
            reader: BufReader::with_capacity(BUFFER, file),
            offset,
            line: Vec::new(),
            path,
        })
    }

    /// The next line. One that is longer than [`LINE_MAX`] comes cut off, and reads as damaged.
    pub(crate) fn next(&mut self) -> Result<Option<Found<'_>>, StoreError> {
        let start = self.offset;
        self.line.clear();
        let (length, is_whole) = self
            .read()
            .map_err(StoreError::disk("reading", &self.path))?;
        if length == 0 {
            return Ok(None);
        }
        self.offset += length;
        let text = length.saturating_sub(u64::from(is_whole));
        Ok(Some(Found {
            place: Place {
                month: self.month,
                length: u32::try_from(text).unwrap_or(u32::MAX),
                offset: start,
            },
            bytes: &self.line,
            is_whole,
        }))
    }

    /// How far it has read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    fn read(&mut self) -> io::Result<(u64, bool)> {
        let most = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
        let read = (&mut self.reader)
            .take(most)
            .read_until(b'\n', &mut self.line)?;
        let mut length = u64::try_from(read).unwrap_or(u64::MAX);
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            return Ok((length, true));
        }
        if read < LINE_MAX {
            return Ok((length, false));
        }
        let rest = self.reader.skip_until(b'\n')?;
        length += u64::try_from(rest).unwrap_or(u64::MAX);
        Ok((length, true))
    }
}

/// Reads lines at their places, and calls by their lines. One for each request: an erasure puts other files in place.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    folder: &'a Path,
    open: Option<(Month, File)>,
}

impl<'a> Reader<'a> {
    /// Reads in the log's `folder`.
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self { folder, open: None }
    }

    /// Reads the bytes of one line.
    pub(crate) fn line(&mut self, place: Place) -> Result<Vec<u8>, StoreError> {
        let path = month_path(self.folder, place.month);
        self.bytes(&path, place)
            .map_err(StoreError::disk("reading", &path))
    }

    fn bytes(&mut self, path: &Path, place: Place) -> io::Result<Vec<u8>> {
        let file = match &mut self.open {
            Some((month, file)) if *month == place.month => file,
            other => &mut other.insert((place.month, File::open(path)?)).1,
        };
        let length = usize::try_from(place.length)
            .unwrap_or(usize::MAX)
            .min(LINE_MAX);
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, place.offset)?;
        Ok(bytes)
    }

    /// Reads one event of a call.
    pub(crate) fn event(
        &mut self,
        call: CallId,
        place: Place,
    ) -> Result<(fold::Stamp, Event), StoreError> {
        let bytes = self.line(place)?;
        let damaged = |why: String| StoreError::Damaged {
            file: month_path(self.folder, place.month),
            line: 0,
            why: format!("at byte {}: {why}", place.offset),
        };
        let line = Line::read(&bytes).map_err(damaged)?;
        if line.call != Some(call) {
            return Err(damaged(format!(
                "it is not a line of call {call}, as the index says"
            )));
        }
        let event = line.event().map_err(|error| damaged(error.to_string()))?;
        let stamp = fold::Stamp {
            n: line.n,
            at: line.at,
            mono: line.mono,
        };
        Ok((stamp, event))
    }

    /// Reads the lines of one call.
    pub(crate) fn call(&mut self, call: CallId, places: &[Place]) -> Result<Draft, StoreError> {
        let mut draft = Draft::default();
        for &place in places {
            let (stamp, event) = self.event(call, place)?;
            draft.apply(stamp, event);
        }
        Ok(draft)
    }
}
