//! A month's lines, read and understood on other threads, and handed over in their order.
//!
//! Making rows and index again is looking at each line for the most part, and each can be looked at by itself.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use memchr::memchr;

use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::gist::Words;
use crate::store::line::Line;
use crate::store::log::month_path;
use crate::store::place::{Month, Place};
use crate::store::scan::Lines;
use crate::store::skim::{Skimmed, skim};

/// Bytes of the log that one thread reads before another has its turn.
const PIECE: u64 = 4 << 20;

/// Bytes read behind a piece, where the line ends that the piece ends in. A longer one is read by itself.
const OVER: u64 = 16 << 10;

/// Threads that read ahead. With the one that takes the lines in they keep two cores busy.
const READERS: usize = 2;

/// Pieces that wait at each of them to be taken in, and that come back: some 2 MB each.
const WAITING: usize = 2;

/// What a replay takes of one line.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) place: Place,
    /// `None`: it is damaged, or torn.
    pub(crate) line: Option<Gist>,
}

/// A good line.
#[derive(Debug)]
pub(crate) struct Gist {
    pub(crate) n: u64,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) call: Option<CallId>,
    /// Without what rows and index do not need.
    pub(crate) event: serde_json::Result<Event>,
}

/// One piece, or why it could not be read.
type Piece = Result<Vec<Taken>, StoreError>;

/// Hands every line of `month` from `offset` on to `take`, in order.
pub(crate) fn each(
    log: &Path,
    month: Month,
    offset: u64,
    mut take: impl FnMut(&Taken) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = month_path(log, month);
    let length = fs::metadata(&path)
        .map_err(StoreError::disk("reading", &path))?
        .len();
    let span = Span {
        log,
        path: &path,
        month,
        offset,
        length,
    };
    let pieces = length.saturating_sub(offset).div_ceil(PIECE);
    if pieces <= 1 {
        span.open()?.piece(0)?.iter().try_for_each(take)?;
        return Ok(());
    }
    thread::scope(|scope| {
        let mut readers: Vec<(Receiver<Piece>, Sender<Vec<Taken>>)> = Vec::with_capacity(READERS);
        for first in (0..pieces).take(READERS) {
            let (done, ready) = crossbeam_channel::bounded(WAITING);
            let (over, used) = crossbeam_channel::bounded(WAITING);
            readers.push((ready, over));
            let spawned = thread::Builder::new()
                .name("store-read".into())
                .spawn_scoped(scope, move || {
                    read_pieces(span, (first..pieces).step_by(READERS), &done, &used);
                });
            drop(spawned.map_err(StoreError::disk("starting a thread to read", &path))?);
        }
        for (ready, over) in (0..pieces)
            .zip(readers.iter().cycle())
            .map(|(_, reader)| reader)
        {
            // A reader ends early only after it has said why.
            let piece = ready.recv().map_err(|_| StoreError::Stopped)??;
            piece.iter().try_for_each(&mut take)?;
            // Memory is given back where it was taken: on another thread each event would wait for the allocator's lock. A
            // reader that has ended, or has enough to give back, leaves that to this thread.
            drop(over.try_send(piece));
        }
        Ok(())
    })
}

fn read_pieces(
    span: Span<'_>,
    mine: impl Iterator<Item = u64>,
    done: &Sender<Piece>,
    used: &Receiver<Vec<Taken>>,
) {
    let mut open = match span.open() {
        Ok(open) => open,
        Err(error) => return drop(done.send(Err(error))),
    };
    for number in mine {
        used.try_iter().for_each(drop);
        let piece = open.piece(number);
        let is_failed = piece.is_err();
        // Nobody takes more after an error of their own.
        if done.send(piece).is_err() || is_failed {
            return;
        }
    }
}

/// What is to be read of a month.
#[derive(Clone, Copy, Debug)]
struct Span<'a> {
    log: &'a Path,
    path: &'a Path,
    month: Month,
    offset: u64,
    length: u64,
}

impl<'a> Span<'a> {
    fn open(self) -> Result<Open<'a>, StoreError> {
        Ok(Open {
            file: File::open(self.path).map_err(StoreError::disk("reading", self.path))?,
            bytes: Vec::new(),
            words: Words::default(),
            span: self,
        })
    }

    /// Reads lines one by one: a line is longer than what was read behind its piece, or torn.
    fn rest(
        self,
        offset: u64,
        end: u64,
        is_skipping: bool,
        piece: &mut Vec<Taken>,
        words: &mut Words,
    ) -> Result<(), StoreError> {
        let mut lines = Lines::open(self.log, self.month, offset)?;
        if is_skipping {
            lines.next()?;
        }
        while lines.offset() < end {
            let Some(found) = lines.next()? else {
                break;
            };
            let is_whole = found.is_whole;
            piece.push(Taken {
                place: found.place,
                line: Gist::read(found.bytes, words).filter(|_| is_whole),
            });
        }
        Ok(())
    }
}

/// One thread's reading of it.
#[derive(Debug)]
struct Open<'a> {
    span: Span<'a>,
    file: File,
    bytes: Vec<u8>,
    words: Words,
}

impl Open<'_> {
    /// Reads the lines that begin in a piece.
    fn piece(&mut self, number: u64) -> Piece {
        let start = self.span.offset + number * PIECE;
        let end = self.span.length.min(start + PIECE);
        // The line that the piece before ends in is read there, also where it ends with that piece.
        let is_first = number == 0;
        let from = if is_first { start } else { start - 1 };
        self.fill(from, self.span.length.min(end + OVER))
            .map_err(StoreError::disk("reading", self.span.path))?;
        let words = &mut self.words;
        let mut rest = self.bytes.as_slice();
        let mut offset = from;
        let mut piece = Vec::new();
        let mut is_skipping = !is_first;
        while is_skipping || offset < end {
            let Some(length) = memchr(b'\n', rest) else {
                if !rest.is_empty() {
                    self.span
                        .rest(offset, end, is_skipping, &mut piece, words)?;
                }
                break;
            };
            let Some((bytes, after)) = rest.split_at_checked(length) else {
                break;
            };
            let place = Place {
                month: self.span.month,
                length: u32::try_from(length).unwrap_or(u32::MAX),
                offset,
            };
            if !std::mem::take(&mut is_skipping) {
                piece.push(Taken {
                    place,
                    line: Gist::read(bytes, words),
                });
            }
            offset = place.end();
            rest = after.strip_prefix(b"\n").unwrap_or_default();
        }
        Ok(piece)
    }

    /// Reads from one place to another, or to the file's end.
    fn fill(&mut self, from: u64, to: u64) -> io::Result<()> {
        let wanted = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        self.bytes.resize(wanted, 0);
        let mut filled = 0;
        while let Some(room) = self.bytes.get_mut(filled..)
            && !room.is_empty()
        {
            let at = from + u64::try_from(filled).unwrap_or(u64::MAX);
            match self.file.read_at(room, at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}

impl Gist {
    /// Reads a line; `None`: it is damaged.
    fn read(bytes: &[u8], words: &mut Words) -> Option<Self> {
        if let Some(skimmed) = skim(bytes)
            && let Some(gist) = Self::skimmed(&skimmed, words)
        {
            return Some(gist);
        }
        let line = Line::read(bytes).ok()?;
        Some(Self {
            n: line.n,
            at: line.at,
            mono: line.mono,
            call: line.call,
            event: line.gist(words),
        })
    }

    /// `None`: it is not of UTF-8, whatever its hash says.
    fn skimmed(skimmed: &Skimmed<'_>, words: &mut Words) -> Option<Self> {
        let event = match Event::bare(skimmed.name) {
            Some(event) => Ok(event),
            None => {
                let (public, pii) = (skimmed.public().ok()?, skimmed.pii().ok()?);
                Event::gist(skimmed.name, public, pii, words)
            }
        };
        Some(Self {
            n: skimmed.n,
            at: skimmed.at,
            mono: skimmed.mono,
            call: skimmed.call,
            event,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_order_and_each_once_wherever_pieces_begin() {
        let folder = tempfile::tempdir().unwrap();
        let month = Month(202_611);
        let mut text = Vec::new();
        let mut number = 0u64;
        // Lines of every length, some ending with a piece; the last is torn.
        while text.len() < usize::try_from(5 * PIECE).unwrap() {
            number += 1;
            let length = if number.is_multiple_of(97) {
                50_000
            } else {
                10 + number % 300
            };
            text.extend(std::iter::repeat_n(b'x', usize::try_from(length).unwrap()));
            text.push(b'\n');
            let piece = usize::try_from(PIECE).unwrap();
            let left = piece - text.len() % piece;
            if (2..400).contains(&left) {
                text.extend(std::iter::repeat_n(b'y', left - 1));
                text.push(b'\n');
            }
        }
        text.extend_from_slice(b"torn");
        fs::write(month_path(folder.path(), month), &text).unwrap();
        for offset in [0, 11] {
            let mut lines = Lines::open(folder.path(), month, offset).unwrap();
            let mut wanted = Vec::new();
            while let Some(found) = lines.next().unwrap() {
                wanted.push(found.place);
            }
            let mut seen = Vec::new();
            each(folder.path(), month, offset, |taken| {
                assert!(taken.line.is_none());
                seen.push(taken.place);
                Ok(())
            })
            .unwrap();
            assert!(
                seen == wanted,
                "{} lines and not {}",
                seen.len(),
                wanted.len()
            );
        }
    }

    #[test]
    fn an_error_of_who_takes_them_ends_the_reading() {
        let folder = tempfile::tempdir().unwrap();
        let month = Month(202_611);
        let lines = "x\n".repeat(usize::try_from(20 * PIECE / 2).unwrap());
        fs::write(month_path(folder.path(), month), lines).unwrap();
        let mut taken = 0;
        let end = each(folder.path(), month, 0, |_| {
            taken += 1;
            Err(StoreError::Stopped)
        });
        assert!(matches!(end, Err(StoreError::Stopped)));
        assert_eq!(taken, 1);
    }
}
