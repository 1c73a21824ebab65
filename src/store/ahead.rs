//! A month's lines, read and understood on other threads, and handed over in their order.
//!
//! Making rows and index again is reading JSON for the most part, and each line can be read by itself.

use std::fs;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::store::error::StoreError;
use crate::store::event::Event;
use crate::store::line::{Head, Line};
use crate::store::log::month_path;
use crate::store::place::{Month, Place};
use crate::store::scan::Lines;

/// Bytes of the log that one thread reads before another has its turn.
const PIECE: u64 = 2 << 20;

/// Threads that read ahead. With the one that takes the lines in they keep two cores busy.
const READERS: usize = 2;

/// Pieces that wait at each of them to be taken in: some 2 MB each.
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
    pub(crate) head: Head,
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
    mut take: impl FnMut(Taken) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = month_path(log, month);
    let length = fs::metadata(&path)
        .map_err(StoreError::disk("reading", &path))?
        .len();
    let pieces = length.saturating_sub(offset).div_ceil(PIECE);
    if pieces <= 1 {
        for taken in read(log, month, offset, 0, length)? {
            take(taken)?;
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let mut readers: Vec<Receiver<Piece>> = Vec::with_capacity(READERS);
        for first in (0..pieces).take(READERS) {
            let (done, ready) = crossbeam_channel::bounded(WAITING);
            readers.push(ready);
            let spawned = thread::Builder::new()
                .name("store-read".into())
                .spawn_scoped(scope, move || {
                    let mine = (first..pieces).step_by(READERS);
                    read_pieces(log, month, offset, mine, length, &done);
                });
            drop(spawned.map_err(StoreError::disk("starting a thread to read", &path))?);
        }
        for ready in (0..pieces)
            .zip(readers.iter().cycle())
            .map(|(_, ready)| ready)
        {
            // A reader ends early only after it has said why.
            let piece = ready.recv().map_err(|_| StoreError::Stopped)?;
            for taken in piece? {
                take(taken)?;
            }
        }
        Ok(())
    })
}

fn read_pieces(
    log: &Path,
    month: Month,
    offset: u64,
    mine: impl Iterator<Item = u64>,
    length: u64,
    done: &Sender<Piece>,
) {
    for number in mine {
        let piece = read(log, month, offset, number, length);
        let is_failed = piece.is_err();
        // Nobody takes more after an error of their own.
        if done.send(piece).is_err() || is_failed {
            return;
        }
    }
}

/// Reads the lines that begin in a piece.
fn read(log: &Path, month: Month, offset: u64, number: u64, length: u64) -> Piece {
    let start = offset + number * PIECE;
    let end = length.min(start + PIECE);
    let mut lines = if number == 0 {
        Lines::open(log, month, start)?
    } else {
        // The line that the piece before ends in is read there, also where it ends with that piece.
        let mut lines = Lines::open(log, month, start - 1)?;
        lines.next()?;
        lines
    };
    let mut piece = Vec::new();
    while lines.offset() < end {
        let Some(found) = lines.next()? else {
            break;
        };
        let line = match Line::read(found.bytes) {
            Ok(line) if found.is_whole => Some(Gist {
                head: line.head(),
                at: line.at,
                mono: line.mono,
                call: line.call,
                event: line.gist(),
            }),
            Ok(_) | Err(_) => None,
        };
        piece.push(Taken {
            place: found.place,
            line,
        });
    }
    Ok(piece)
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
