//! Trials of the recorder: its thread, its files, and the outcomes that it reports.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::base::chance::Chance;
use crate::media::tap::TapWriter;
use crate::media::tap::Tapped;
use crate::media::tap::ring;
use crate::recording::command::Outcome;
use crate::recording::command::State;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Desk {
    folder: tempfile::TempDir,
    clock: Clock,
    writer: TapWriter,
    commands: crossbeam_channel::Sender<Command>,
    reports: mpsc::Receiver<Report>,
    thread: JoinHandle<()>,
    chance: Chance,
}

impl Desk {
    fn open(ring_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (writer, reader) = ring(ring_bytes);
        let (commands, receiver) = crossbeam_channel::bounded(1_000);
        let (report, reports) = mpsc::channel();
        let clock = Clock::start();
        let settings = Settings::new(folder.path().join("recordings"));
        let thread = spawn(settings, clock, vec![reader], receiver, move |told| {
            report.send(told).unwrap();
        })
        .unwrap();
        Self {
            folder,
            clock,
            writer,
            commands,
            reports,
            thread,
            chance: Chance::from_number(9),
        }
    }

    fn start(&mut self, tap: u32, at: Moment) -> CallId {
        let wall = WallTime::from_millis(1_795_253_400_125);
        let call = CallId::new(wall, &mut self.chance);
        self.commands
            .send(Command::Start {
                call,
                tap: TapId(tap),
                wall,
                at,
                codecs: [[].into(), [].into()],
                // Nobody has to speak here: what is unheard is the tape's to say.
                sends: [false; 2],
            })
            .unwrap();
        call
    }

    fn stop(&self, tap: u32, at: Moment) {
        let tap = TapId(tap);
        self.commands.send(Command::Stop { tap, at }).unwrap();
    }

    /// Waits until `count` recordings are finished and hashed.
    fn finished(&self, count: usize) -> (Vec<Outcome>, BTreeMap<CallId, String>) {
        let (mut outcomes, mut hashes) = (Vec::new(), BTreeMap::new());
        while outcomes.len() < count || hashes.len() < count {
            match self.reports.recv_timeout(PATIENCE).unwrap() {
                Report::Finished(outcome) => outcomes.push(*outcome),
                Report::Disk { refuses } => assert!(refuses, "nothing was refused before"),
                Report::Hashed { call, kept } => {
                    hashes.insert(call, kept.sha256);
                }
            }
        }
        (outcomes, hashes)
    }

    fn path(&self, outcome: &Outcome) -> PathBuf {
        self.folder.path().join("recordings").join(&outcome.file)
    }

    fn close(self) {
        self.commands.send(Command::Shutdown).unwrap();
        self.thread.join().unwrap();
    }
}

fn packet(tap: u32, side: Side, sequence: u16, zero: Moment) -> Tapped {
    Tapped {
        tap: TapId(tap),
        side,
        payload_type: 8,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: tap,
        arrival: zero + Duration::from_millis(u64::from(sequence) * 20),
        length: 160,
    }
}

fn samples(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).unwrap();
    reader.into_samples().map(Result::unwrap).collect()
}

#[test]
fn calls_are_drained_written_finished_and_hashed() {
    let mut desk = Desk::open(4_000_000);
    let zero = desk.clock.now();
    let calls: Vec<_> = (0..20).map(|tap| desk.start(tap, zero)).collect();
    for sequence in 0..250 {
        for tap in 0..20 {
            for side in Side::BOTH {
                let law = crate::media::codec::Law::A;
                let code = law.encode(i16::try_from(tap + 1).unwrap() * 100);
                let payload = [code; 160];
                assert!(
                    desk.writer
                        .push(&packet(tap, side, sequence, zero), &payload)
                );
            }
        }
    }
    for tap in 0..20 {
        desk.stop(tap, zero + Duration::from_secs(5));
    }
    let (outcomes, hashes) = desk.finished(20);
    for outcome in &outcomes {
        assert_eq!(outcome.state, State::Complete, "{outcome:?}");
        assert_eq!(outcome.duration_ms, 5_000);
        let tap = calls.iter().position(|call| *call == outcome.call).unwrap();
        let path = desk.path(outcome);
        let sound = samples(&path);
        assert_eq!(sound.len(), 80_000);
        let law = crate::media::codec::Law::A;
        let sample = law.decode(law.encode(i16::try_from(tap + 1).unwrap() * 100));
        assert!(sound.iter().all(|heard| *heard == sample), "call {tap}");
        assert_eq!(fs::metadata(&path).unwrap().len(), outcome.bytes);
        let sum = crate::recording::hash::of(&path).unwrap();
        assert_eq!(hashes.get(&outcome.call), Some(&sum));
        assert!(!plan::growing(path).exists());
    }
    desk.close();
}

#[test]
fn a_growing_file_is_playable_and_half_a_second_behind_at_most() {
    let mut desk = Desk::open(1_000_000);
    // A call that began three seconds ago: the recorder catches up at its next wake-up.
    let zero = desk.clock.now();
    let call = desk.start(1, zero);
    let now = zero + Duration::from_secs(3);
    for sequence in 0..150 {
        let tapped = packet(1, Side::Caller, sequence, zero);
        assert!(desk.writer.push(&tapped, &[0x55; 160]));
    }
    let wall = WallTime::from_millis(1_795_253_400_125);
    let part = desk.folder.path().join("recordings");
    let part = part.join(plan::growing(plan::path_of(call, wall)));
    let since = desk.clock.now();
    let frames = loop {
        let found = hound::WavReader::open(&part).map(|wav| wav.duration());
        if let Ok(frames @ 20_000..) = found {
            break frames;
        }
        assert!(desk.clock.now() - since < PATIENCE, "{found:?}");
        thread::yield_now();
    };
    assert!(u64::from(frames) >= (3_000 - 500) * 8);
    desk.stop(1, now);
    assert_eq!(desk.finished(1).0[0].duration_ms, 3_000);
    desk.close();
}

#[test]
fn a_full_ring_is_a_gap_that_is_named_and_the_rest_is_in_step() {
    let mut desk = Desk::open(20_000);
    let zero = desk.clock.now();
    desk.start(1, zero);
    // The ring is far smaller than what is pushed while the recorder sleeps once.
    let (mut refused, mut sequence) = (0, 0);
    while refused < 20 {
        let tapped = packet(1, Side::Callee, sequence, zero);
        if !desk.writer.push(&tapped, &[0x10; 160]) {
            refused += 1;
        }
        sequence += 1;
    }
    desk.stop(1, zero + Duration::from_millis(u64::from(sequence) * 20));
    let (outcomes, _) = desk.finished(1);
    let outcome = &outcomes[0];
    assert_eq!(outcome.state, State::Partial);
    assert!(
        outcome
            .gaps
            .iter()
            .all(|gap| gap.why == "recorder behind" && gap.side == Side::Callee)
    );
    let sound = samples(&desk.path(outcome));
    let silent = sound.chunks_exact(2).filter(|frame| frame[1] == 0).count();
    assert_eq!(silent, refused * 160);
    desk.close();
}

#[test]
fn a_folder_that_was_removed_is_made_again_and_one_that_cannot_be_is_an_outcome() {
    let mut desk = Desk::open(20_000);
    let zero = desk.clock.now();
    desk.start(1, zero);
    desk.stop(1, zero + Duration::from_secs(1));
    assert_eq!(desk.finished(1).0[0].state, State::Complete);
    let recordings = desk.folder.path().join("recordings");
    fs::remove_dir_all(&recordings).unwrap();
    desk.start(2, zero);
    desk.stop(2, zero + Duration::from_secs(1));
    assert_eq!(desk.finished(1).0[0].state, State::Complete);
    fs::remove_dir_all(&recordings).unwrap();
    fs::write(&recordings, "not a folder").unwrap();
    desk.start(3, zero);
    desk.stop(3, zero + Duration::from_secs(1));
    let (mut outcome, mut refuses) = (None, false);
    while outcome.is_none() || !refuses {
        match desk.reports.recv_timeout(PATIENCE).unwrap() {
            Report::Finished(told) => outcome = Some(told),
            Report::Disk { refuses: told } => refuses = told,
            Report::Hashed { .. } => panic!("nothing can be hashed"),
        }
    }
    let outcome = outcome.unwrap();
    assert_eq!(outcome.state, State::Truncated);
    assert_eq!((outcome.bytes, outcome.gaps[0].length_ms), (0, 1_000));
    // The next call tries again, and with its first block the disk is known to take recordings.
    fs::remove_file(&recordings).unwrap();
    desk.start(4, zero);
    desk.stop(4, zero + Duration::from_secs(1));
    let mut told = Vec::new();
    while told.len() < 3 {
        match desk.reports.recv_timeout(PATIENCE).unwrap() {
            Report::Finished(outcome) => told.push(format!("{:?}", outcome.state)),
            Report::Disk { refuses } => told.push(format!("refuses: {refuses}")),
            Report::Hashed { .. } => told.push("hashed".to_owned()),
        }
    }
    told.sort_unstable();
    assert_eq!(told, ["Complete", "hashed", "refuses: false"]);
    desk.close();
}

#[test]
fn shutdown_finishes_every_file() {
    let mut desk = Desk::open(20_000);
    let zero = desk.clock.now();
    for tap in 0..50 {
        desk.start(tap, zero);
    }
    desk.commands.send(Command::Shutdown).unwrap();
    let (outcomes, _) = desk.finished(50);
    assert!(outcomes.iter().all(|o| o.state == State::Complete));
    assert!(outcomes.iter().all(|o| desk.path(o).exists()));
    desk.thread.join().unwrap();
}

#[test]
fn a_repaired_file_is_hashed_on_request() {
    let desk = Desk::open(20_000);
    let recordings = desk.folder.path().join("recordings");
    fs::create_dir_all(&recordings).unwrap();
    fs::write(recordings.join("a.wav"), "abc").unwrap();
    let call = CallId::new(WallTime::from_millis(0), &mut Chance::from_number(2));
    let file = "a.wav".into();
    desk.commands.send(Command::Hash { call, file }).unwrap();
    let Report::Hashed { kept, .. } = desk.reports.recv_timeout(PATIENCE).unwrap() else {
        panic!("a hash was asked for")
    };
    assert!(kept.sha256.starts_with("ba7816bf"));
    desk.close();
}

#[test]
fn what_a_growing_recording_lacks_is_noted_beside_it_until_it_is_finished() {
    let mut desk = Desk::open(1_000_000);
    let zero = desk.clock.now();
    let call = desk.start(1, zero);
    let unexplained = Tapped {
        payload_type: 97,
        ..packet(1, Side::Caller, 0, zero)
    };
    assert!(desk.writer.push(&unexplained, &[0; 20]));
    let file = plan::path_of(call, WallTime::from_millis(1_795_253_400_125));
    let folder = desk.folder.path().join("recordings");
    let since = desk.clock.now();
    while shelf::noted(&folder, &file).gaps.is_empty() {
        assert!(desk.clock.now() - since < PATIENCE);
        thread::yield_now();
    }
    let why = &shelf::noted(&folder, &file).gaps[0].why;
    assert_eq!(why, "payload type 97 is not in the SDP");
    desk.stop(1, desk.clock.now());
    assert_eq!(desk.finished(1).0[0].state, State::Partial);
    assert!(shelf::noted(&folder, &file).gaps.is_empty());
    desk.close();
}
