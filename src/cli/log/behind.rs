//! Log lines written behind the backs of those who say them: a line is a copy into memory, and a thread writes what has
//! gathered with one system call.
//!
//! A line after a silence is written at once, those after it within [`GATHER`]. Four lines a call were a sixth of a call's
//! cost where each of them woke a thread.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long lines gather. Nobody who reads along sees so little.
const GATHER: Duration = Duration::from_millis(20);

/// Bytes that may wait for a slow terminal or journal, some ten seconds of a busy server. Past that lines are dropped and
/// counted: a call never waits for its log.
const WAITING_MAX: usize = 8 << 20;

/// Bytes of memory kept for the lines to come; what one bad moment took is given back.
const KEPT_MAX: usize = 64 << 10;

/// Where lines are said. Clones write to one log.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Behind(Arc<Shared>);

/// Writes what waits when it is dropped, and ends the thread.
#[derive(Debug)]
pub(in crate::cli) struct Guard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Lines that found no room since the last that did.
    dropped: u64,
    /// The thread sleeps until somebody says something.
    is_idle: bool,
    is_over: bool,
}

impl Behind {
    /// Starts the thread that writes to `out`. Where there is no thread to be had nothing is written: the calls go on.
    pub(in crate::cli) fn start(out: impl Write + Send + 'static) -> (Self, Guard) {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write(out));
        let guard = Guard {
            shared: Arc::clone(&shared),
            thread: thread.ok(),
        };
        (Self(shared), guard)
    }
}

/// One line comes in one piece: the subscriber gathers it first.
impl Write for &Behind {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.say(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Behind {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.lines.len() + line.len() > WAITING_MAX {
            waiting.dropped += 1;
            return;
        }
        waiting.lines.extend_from_slice(line);
        if std::mem::take(&mut waiting.is_idle) {
            self.news.notify_one();
        }
    }

    /// The thread: until the guard is dropped and everything is written.
    fn write(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        let mut waiting = self.waiting();
        loop {
            while waiting.lines.is_empty() {
                if waiting.is_over {
                    return;
                }
                waiting.is_idle = true;
                let woken = self.news.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut waiting.lines, &mut lines);
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            // Who reads the log may be gone, and there is nobody else to tell.
            let _written = out.write_all(&lines).is_ok();
            if dropped > 0 {
                let _said = writeln!(
                    out,
                    "{dropped} log lines were dropped: they were read too slowly"
                );
            }
            lines.clear();
            lines.shrink_to(KEPT_MAX);
            waiting = self.waiting();
            if !waiting.is_over {
                let slept = self
                    .news
                    .wait_timeout_while(waiting, GATHER, |waiting| !waiting.is_over);
                waiting = slept.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.waiting().is_over = true;
        self.shared.news.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that failed has nothing left to write.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Hands on each piece that is written, and takes none until it may.
    struct Reader {
        pieces: mpsc::Sender<Vec<u8>>,
        may: Arc<Mutex<()>>,
    }

    impl Write for Reader {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            drop(self.may.lock());
            let sent = self.pieces.send(piece.to_vec());
            sent.map(|()| piece.len()).map_err(io::Error::other)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (Behind, Guard, mpsc::Receiver<Vec<u8>>, Arc<Mutex<()>>) {
        let (pieces, written) = mpsc::channel();
        let may = Arc::new(Mutex::new(()));
        let reader = Reader {
            pieces,
            may: Arc::clone(&may),
        };
        let (log, guard) = Behind::start(reader);
        (log, guard, written, may)
    }

    #[test]
    fn lines_are_written_whole_and_in_order_and_the_first_at_once() {
        let (log, guard, written, _may) = log();
        (&log).write_all(b"first\n").unwrap();
        let deadline = Duration::from_secs(10);
        assert_eq!(written.recv_timeout(deadline).unwrap(), b"first\n");
        for _ in 0..3 {
            (&log).write_all(b"and more\n").unwrap();
        }
        drop(guard);
        let rest: Vec<u8> = written.into_iter().flatten().collect();
        assert_eq!(rest, b"and more\n".repeat(3));
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_nobody_and_learns_what_it_missed() {
        let (log, guard, written, may) = log();
        let stopped = may.lock().unwrap();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..64 {
            (&log).write_all(&line).unwrap();
        }
        // Nothing was read yet, and here we are.
        drop(stopped);
        drop(guard);
        let all: Vec<u8> = written.into_iter().flatten().collect();
        let read = all.iter().filter(|byte| **byte == b'x').count() >> 20;
        // One piece may have been taken before the reader stopped, and as many lines as fit waited.
        assert!((8..=16).contains(&read), "{read} lines of 64");
        let said = String::from_utf8_lossy(&all);
        let dropped = said.rsplit('x').next().unwrap_or_default();
        assert_eq!(
            dropped,
            format!(
                "{} log lines were dropped: they were read too slowly\n",
                64 - read
            )
        );
    }
}
