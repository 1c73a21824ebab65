//! The recorder: one thread that drains the taps of all media workers, lays every packet on its call's
//! tape and writes the blocks. What a packet means is `tape.rs`'s, ending a file `finish.rs`'s.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::RecvTimeoutError;

use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::base::time::WallTime;
use crate::media::tap::TapId;
use crate::media::tap::TapReader;
use crate::recording::command::Command;
use crate::recording::command::Report;
use crate::recording::disk::Disk;
use crate::recording::disk::Folder;
use crate::recording::finish::Ended;
use crate::recording::finish::Finisher;
use crate::recording::keys::Codes;
use crate::recording::keys::Keys;
use crate::recording::plan;
use crate::recording::settings::Manner;
use crate::recording::settings::Settings;
use crate::recording::shelf;
use crate::recording::take::Take;
use crate::recording::tape::RATE_HZ;
use crate::recording::tape::Tape;
use crate::recording::writing::Form;
use crate::recording::writing::Writing;

/// How long the recorder sleeps when nothing calls it: two or three packets of each side, well
/// within what a tape holds.
const PAUSE: Duration = Duration::from_millis(50);
/// How long it sleeps after it found [`BUSY_PACKETS`].
const SHORT_PAUSE: Duration = Duration::from_millis(10);
/// Packets of one wake-up that call for the next one sooner: 400 calls' worth of [`PAUSE`].
const BUSY_PACKETS: usize = 2_000;
/// Packets taken from one ring before the other rings and the commands have their turn.
const DRAIN_MAX: usize = 20_000;
/// Packets laid, and tapes looked at, before whoever waits for the processor has a turn: some 20 us of work. Where a media worker
/// shares it, its packets would otherwise wait for the whole of a wake-up, or for the scheduler's slice.
const PACKETS_AT_ONCE: usize = 64;
const TAPES_AT_ONCE: usize = 8;
/// Bytes that wait in a ring from which on nobody else has a turn: a quarter of a ring.
const URGENT_BYTES: usize = 1 << 20;
/// Least time between two looks at every tape: a flood of commands must not make it a busy loop.
const ADVANCE_EVERY: Duration = Duration::from_millis(20);

/// Starts the recorder's threads. It ends with [`Command::Shutdown`], or when nobody can send a command
/// any more, after every file is finished, reported and hashed.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn(
    settings: Settings,
    clock: Clock,
    readers: Vec<TapReader>,
    commands: Receiver<Command>,
    reports: impl Fn(Report) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let finisher = Finisher::start(settings.folder.clone(), settings.format, reports)?;
    let recorder = Recorder {
        folder: settings.folder.into(),
        part_bytes: settings.part_bytes,
        codes: settings.codes,
        manner: settings.manner,
        clock,
        readers,
        commands,
        finisher,
        takes: BTreeMap::new(),
        heirs: BTreeMap::new(),
        pending: VecDeque::new(),
        payload: Vec::new(),
        advanced: Moment::START,
        disk_news: None,
        disk_refuses: false,
        ending: false,
    };
    thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || recorder.run())
}

struct Recorder {
    folder: Arc<Path>,
    part_bytes: u64,
    codes: Codes,
    manner: Manner,
    clock: Clock,
    readers: Vec<TapReader>,
    commands: Receiver<Command>,
    finisher: Finisher,
    /// Boxed, because a map keeps room for as many again.
    takes: BTreeMap<TapId, Box<Take<Folder>>>,
    /// Later names of recordings whose callee was followed by another party, and their first.
    heirs: BTreeMap<TapId, TapId>,
    /// Commands that wait until every packet that came before them is laid.
    pending: VecDeque<Command>,
    payload: Vec<u8>,
    advanced: Moment,
    /// What the disk did with recordings since it was told last; a refusal counts before anything else.
    disk_news: Option<Disk>,
    disk_refuses: bool,
    ending: bool,
}

impl Recorder {
    fn run(mut self) {
        let mut pause = PAUSE;
        while !self.ending {
            match self.commands.recv_timeout(pause) {
                Ok(command) => self.receive(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.receive(Command::Shutdown),
            }
            let taken = self.pass();
            pause = match (self.pending.is_empty(), taken < BUSY_PACKETS) {
                (false, _) => Duration::ZERO,
                (true, false) => SHORT_PAUSE,
                (true, true) => PAUSE,
            };
        }
        self.finisher.stop();
    }

    /// Takes what there is to take, once; returns how many packets that were.
    fn pass(&mut self) -> usize {
        self.collect();
        // Only what was asked before the rings are drained: then every earlier packet is in.
        let asked = self.pending.len();
        let now = self.clock.now();
        let (taken, drained) = self.drain();
        if drained && now - self.advanced >= ADVANCE_EVERY {
            self.advanced = now;
            for (count, take) in self.takes.values_mut().enumerate() {
                if count % TAPES_AT_ONCE == 0 && !self.readers.iter().any(is_urgent) {
                    thread::yield_now();
                }
                take.advance(now);
                self.disk_news = Disk::worse(take.take_disk_news(), self.disk_news);
                if let Some((file, notes)) = take.notes(now)
                    && let Err(error) = shelf::note(&self.folder, file, notes)
                {
                    tracing::debug!(file = %file.display(), %error, "what a recording lacks is not noted");
                }
            }
        }
        for command in self.pending.drain(..asked).collect::<Vec<_>>() {
            self.perform(command);
        }
        self.tell_disk();
        taken
    }

    fn collect(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            self.receive(command);
        }
    }

    /// Begins at once what begins; everything else waits its turn.
    fn receive(&mut self, command: Command) {
        match command {
            Command::Start {
                call,
                tap,
                wall,
                at,
                codecs,
                sends,
            } => {
                let [_, answered] = &codecs;
                let keys = Keys::new(&self.codes, answered);
                let mut tape = Tape::new(at, codecs, self.manner);
                for (side, sends) in Side::BOTH.into_iter().zip(sends) {
                    tape.set_sends((tap, side), sends, at);
                }
                self.begin(tap, (call, wall, at), tape, keys);
            }
            Command::Turn {
                tap,
                next,
                ours,
                codecs,
                sends,
                at,
            } => {
                if let Some(take) = self.takes.get_mut(&tap) {
                    take.turn((next, ours), codecs, sends, at);
                    self.heirs.insert(next, tap);
                }
            }
            Command::Codecs { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Sends { .. }
            | Command::Anew { .. }
            | Command::Stop { .. }
            | Command::Hash { .. }
            | Command::Shutdown => self.pending.push_back(command),
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            // Done when they were received.
            Command::Start { .. } | Command::Turn { .. } => {}
            Command::Codecs { tap, side, codecs } => {
                if let Some(take) = self.take(tap) {
                    take.set_codecs((tap, side), codecs);
                }
            }
            Command::Sends {
                tap,
                side,
                sends,
                at,
            } => {
                if let Some(take) = self.take(tap) {
                    take.set_sends((tap, side), sends, at);
                }
            }
            Command::Pause { tap, by, at } => {
                if let Some(take) = self.take(tap) {
                    take.pause(by, at);
                }
            }
            Command::Resume { tap, by, at } => {
                if let Some(take) = self.take(tap) {
                    take.resume(&by, at);
                }
            }
            Command::Anew { tap, side } => {
                if let Some(take) = self.take(tap) {
                    take.anew((tap, side));
                }
            }
            Command::Stop { tap, at } => {
                if let Some(take) = self.takes.remove(&tap) {
                    self.heirs.retain(|_, first| *first != tap);
                    self.finish(*take, at);
                }
            }
            Command::Hash { call, file } => self.finisher.hash(call, file),
            Command::Shutdown => {
                let now = self.clock.now();
                for take in std::mem::take(&mut self.takes).into_values() {
                    self.finish(*take, now);
                }
                self.ending = true;
            }
        }
    }

    fn begin(
        &mut self,
        tap: TapId,
        (call, wall, at): (CallId, WallTime, Moment),
        tape: Tape,
        keys: Option<Keys>,
    ) {
        let form = Form {
            rate_hz: tape.rate_hz().unwrap_or(RATE_HZ),
            part_bytes: self.part_bytes,
        };
        let file = plan::path_of(call, wall);
        let writing = Writing::begin(call, file, Folder(Arc::clone(&self.folder)), form);
        let take = Take::begin(tape, writing, keys);
        if let Some(former) = self.takes.insert(tap, Box::new(take)) {
            tracing::warn!("a recording was never stopped and ends where the next begins");
            self.finish(*former, at);
        }
    }

    fn finish(&mut self, take: Take<Folder>, at: Moment) {
        let (outcome, last, news) = take.end(at);
        self.disk_news = Disk::worse(news, self.disk_news);
        self.finisher.finish(Ended { outcome, last });
    }

    /// Tells when the disk begins to refuse, and when it takes recordings again.
    fn tell_disk(&mut self) {
        let refuses = match self.disk_news.take() {
            Some(Disk::Refuses) => true,
            Some(Disk::Takes) => false,
            None => return,
        };
        if self.disk_refuses != refuses {
            self.disk_refuses = refuses;
            self.finisher.tell(Report::Disk { refuses });
        }
    }

    /// The recording that has this name, or had it first.
    fn take(&mut self, tap: TapId) -> Option<&mut Take<Folder>> {
        let first = self.first(tap);
        self.takes.get_mut(&first).map(|take| &mut **take)
    }

    fn first(&self, tap: TapId) -> TapId {
        self.heirs.get(&tap).copied().unwrap_or(tap)
    }

    /// Lays the packets that wait in the rings; returns how many, and whether that were all.
    fn drain(&mut self) -> (usize, bool) {
        let mut readers = std::mem::take(&mut self.readers);
        let (mut total, mut drained) = (0, true);
        for reader in &mut readers {
            let mut taken = 0;
            while taken < DRAIN_MAX
                && let Some(tapped) = reader.next(&mut self.payload)
            {
                taken += 1;
                if taken % PACKETS_AT_ONCE == 0 && !is_urgent(reader) {
                    thread::yield_now();
                }
                if self.take(tapped.tap).is_none() {
                    // It may have begun or turned since we looked; after its end packets still come.
                    self.collect();
                }
                let first = self.first(tapped.tap);
                if let Some(take) = self.takes.get_mut(&first) {
                    take.packet(&tapped, &self.payload);
                }
            }
            while let Some(refusal) = reader.refused() {
                if let Some(take) = self.take(refusal.tap) {
                    take.refused(&refusal);
                }
            }
            total += taken;
            drained &= taken < DRAIN_MAX;
        }
        self.readers = readers;
        (total, drained)
    }
}

/// Whether so much waits that the recorder gives nobody else a turn.
fn is_urgent(reader: &TapReader) -> bool {
    reader.waiting() >= URGENT_BYTES
}

#[cfg(test)]
mod tests;
