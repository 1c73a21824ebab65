//! The files of recordings as they are kept: in several parts, packed, paused, and after a hundred kills.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failed check ends the test, and the child tells the parent through its output"
)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use ringtag::base::chance::Chance;
use ringtag::base::id::Side;
use ringtag::base::time::Moment;
use ringtag::media::codec::Law;
use ringtag::media::tap::TapId;
use ringtag::recording::command;
use ringtag::recording::command::Outcome;
use ringtag::recording::command::Report;
use ringtag::recording::command::State;
use ringtag::recording::pack;
use ringtag::recording::pause::Pauser;
use ringtag::recording::recover;
use ringtag::recording::settings::Format;
use ringtag::recording::settings::Settings;

use crate::desk::{Desk, FOLDER, call};

mod desk;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a recorder is killed.
const KILLS: u64 = 100;
/// Calls that a recorder has at a time when it is killed.
const CALLS: u32 = 12;
/// Three seconds of 8 kHz in each file.
const PART_BYTES: u64 = 44 + 3 * 32_000;

fn settings(folder: &Path) -> Settings {
    Settings {
        format: Format::Flac,
        part_bytes: PART_BYTES,
        ..Settings::new(folder.to_owned())
    }
}

/// What a side says: a level that tells it from the other, and each packet from the one before.
fn said(side: Side, sequence: u16) -> u8 {
    let loud = Law::A.encode(i16::try_from(sequence % 50).unwrap() * 300 + 500);
    match side {
        Side::Caller => loud,
        Side::Callee => loud ^ 0x80,
    }
}

impl Desk {
    fn speak(&mut self, tap: u32, sequence: u16, zero: Moment) {
        let arrival = zero + Duration::from_millis(20) * u32::from(sequence);
        for side in Side::BOTH {
            self.say((tap, side), sequence, arrival, said(side, sequence));
        }
    }

    /// Waits for a recording and the hashes of all its files, by their names.
    fn finished(&self, number: u32) -> (Outcome, BTreeMap<PathBuf, String>) {
        let (mut outcome, mut kept) = (None::<Outcome>, BTreeMap::new());
        loop {
            if let Some(outcome) = outcome.as_ref().filter(|o| kept.len() > o.parts.len()) {
                return (outcome.clone(), kept);
            }
            match self.reports.recv_timeout(PATIENCE).unwrap() {
                Report::Finished(told) if told.call == call(number) => outcome = Some(*told),
                Report::Hashed {
                    call: of,
                    kept: told,
                } if of == call(number) => {
                    kept.insert(told.file, told.sha256);
                }
                Report::Finished(_) | Report::Hashed { .. } | Report::Disk { .. } => {}
            }
        }
    }

    /// Waits until everything is laid and done that was said and ordered before: a recording that begins and ends behind it.
    fn settle(&self, number: u32) {
        let now = self.clock.now();
        self.start(number, number, now);
        let tap = TapId(number);
        self.order(command::Command::Stop { tap, at: now });
        loop {
            let told = self.reports.recv_timeout(PATIENCE).unwrap();
            if matches!(told, Report::Finished(outcome) if outcome.call == call(number)) {
                return;
            }
        }
    }
}

/// Decodes a FLAC file with another decoder than our own.
fn decoded(path: &Path) -> Vec<i16> {
    let flac = |how: &[&str]| {
        let output = Command::new("flac").args(how).arg(path).output();
        let output = output.expect("flac is installed (Debian: flac; tests/run installs it)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", path.display());
        output.stdout
    };
    flac(&["--test", "--silent"]);
    let how = ["--decode", "--stdout", "--silent", "--force-raw-format"];
    let raw = flac(&[&how[..], &["--endian=little", "--sign=signed"]].concat());
    let (samples, rest) = raw.as_chunks::<2>();
    assert!(rest.is_empty());
    samples
        .iter()
        .map(|bytes| i16::from_le_bytes(*bytes))
        .collect()
}

#[test]
fn a_long_recording_is_kept_in_parts_packed_and_paused_and_another_decoder_hears_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(settings(folder.path()));
    let zero = desk.clock.now();
    let by = Pauser::Person("anna".into());
    desk.start(1, 1, zero);
    for sequence in 0..500 {
        // From the fourth second to the fifth.
        let at = zero + Duration::from_millis(20) * u32::from(sequence);
        let (tap, by) = (TapId(1), by.clone());
        match sequence {
            200 => desk.order(command::Command::Pause { tap, by, at }),
            250 => desk.order(command::Command::Resume { tap, by, at }),
            _ => {}
        }
        if matches!(sequence, 200 | 250) {
            desk.settle(u32::from(sequence));
        }
        desk.speak(1, sequence, zero);
    }
    let at = zero + Duration::from_secs(10);
    desk.order(command::Command::Stop { tap: TapId(1), at });
    let (outcome, kept) = desk.finished(1);
    assert_eq!(
        (outcome.state, outcome.duration_ms),
        (State::Complete, 10_000)
    );
    let pause = &outcome.pauses[0];
    assert_eq!(
        (pause.from_ms, pause.length_ms, &*pause.by),
        (4_000, 1_000, "anna")
    );
    let lengths: Vec<_> = outcome.parts.iter().map(|part| part.duration_ms).collect();
    assert_eq!(lengths, [3_000, 3_000, 1_000]);
    let mut sound = Vec::new();
    let first = outcome.file.with_extension(pack::ENDING);
    let parts = outcome
        .parts
        .iter()
        .map(|part| part.file.with_extension(pack::ENDING));
    for file in std::iter::once(first).chain(parts) {
        let path = folder.path().join(&file);
        assert_eq!(kept[&file], ringtag::recording::hash::of(&path).unwrap());
        assert!(!path.with_extension("wav").exists(), "{}", path.display());
        sound.extend(decoded(&path));
    }
    assert_eq!(sound.len(), 10 * 16_000);
    for (frame, heard) in sound.chunks_exact(2).enumerate() {
        let sequence = u16::try_from(frame / 160).unwrap();
        let expected = match sequence {
            200..250 => [0, 0],
            _ => Side::BOTH.map(|side| Law::A.decode(said(side, sequence))),
        };
        assert_eq!(heard, expected, "frame {frame}");
    }
}

#[test]
fn thousands_of_files_that_close_at_once_are_all_finished_and_none_lacks_a_sample() {
    const MANY: u32 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(Settings::new(folder.path().to_owned()));
    let zero = desk.clock.now();
    for tap in 0..MANY {
        desk.start(tap, tap, zero);
    }
    for sequence in 0..5 {
        for tap in 0..MANY {
            desk.speak(tap, sequence, zero);
        }
    }
    let at = zero + Duration::from_millis(100);
    for tap in 0..MANY {
        desk.order(command::Command::Stop {
            tap: TapId(tap),
            at,
        });
    }
    let mut finished = 0;
    while finished < MANY {
        match desk.reports.recv_timeout(PATIENCE).unwrap() {
            Report::Finished(outcome) => {
                assert_eq!((outcome.state, outcome.duration_ms), (State::Complete, 100));
                assert_eq!(outcome.bytes, 44 + 100 * 32);
                finished += 1;
            }
            Report::Hashed { .. } => {}
            Report::Disk { refuses } => assert!(!refuses),
        }
    }
}

/// Some three minutes: `cargo test --test files -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; docs/soak.md says what it found last"]
fn a_hundred_kills_at_random_leave_every_file_playable() {
    if let Ok(folder) = env::var(FOLDER) {
        record_until_killed(Path::new(&folder));
    }
    let mut chance = Chance::from_number(KILLS);
    let (mut grew, mut whole, mut packed, mut repaired) = (0, 0, 0, 0);
    for kill in 0..KILLS {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "a_hundred_kills_at_random_leave_every_file_playable",
            ])
            .args(["--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line == "recording")));
        #[expect(
            clippy::disallowed_methods,
            reason = "the moment of the kill is by chance"
        )]
        thread::sleep(Duration::from_millis(chance.next_u64() % 1_500));
        child.kill().unwrap();
        child.wait().unwrap();
        // Before anything is repaired, as a player finds them.
        for path in files(folder.path()) {
            match played(&path) {
                Ok(Kind::Growing) => grew += 1,
                Ok(Kind::Whole) => whole += 1,
                Ok(Kind::Packed) => packed += 1,
                Ok(Kind::Other) => {}
                Err(why) => panic!("kill {kill}: {}: {why}", path.display()),
            }
        }
        let outcomes = recover::repair(&settings(folder.path()));
        repaired += outcomes.len();
        for outcome in &outcomes {
            assert_eq!(outcome.state, State::Repaired);
            assert!(folder.path().join(&outcome.file).exists(), "kill {kill}");
        }
        for path in files(folder.path()) {
            let kind = played(&path).unwrap_or_else(|why| panic!("kill {kill}: {why}"));
            assert!(
                matches!(kind, Kind::Whole | Kind::Packed),
                "kill {kill}: {}",
                path.display()
            );
        }
    }
    println!(
        "{KILLS} kills: {grew} growing files, {whole} finished and {packed} packed ones, every one playable; \
         {repaired} recordings repaired"
    );
}

enum Kind {
    Growing,
    Whole,
    Packed,
    /// Half a FLAC or waveform beside what it is made of.
    Other,
}

/// Reads a file to its end as a player does.
fn played(path: &Path) -> Result<Kind, String> {
    let name = path.to_string_lossy();
    if name.ends_with(".wav") || name.ends_with(".wav.part") {
        let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if name.ends_with(".part") && length < 44 {
            // Made, and killed before its header: the first write of all.
            return Ok(Kind::Other);
        }
        let wav = hound::WavReader::open(path).map_err(|error| error.to_string())?;
        let frames = u64::from(wav.duration());
        let read = wav.into_samples::<i16>().filter(Result::is_ok).count() as u64;
        // The header counts no more than there is, and at most a quarter of a second and a block less.
        let there = (length - 44) / 4;
        return match read == frames * 2 && frames <= there && there - frames <= 4_096 {
            true if name.ends_with(".part") => Ok(Kind::Growing),
            true => Ok(Kind::Whole),
            false => Err(format!(
                "{frames} frames said, {read} samples read, {there} frames there"
            )),
        };
    }
    if name.ends_with(".flac") {
        let mut sound = Vec::new();
        let mut flac = pack::open(path).map_err(|error| error.to_string())?;
        flac.read_to_end(&mut sound)
            .map_err(|error| error.to_string())?;
        return Ok(Kind::Packed);
    }
    Ok(Kind::Other)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let day = folder.join("2026/11/21");
    let entries = fs::read_dir(day).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Records calls of ever other lengths, a second of sound every few milliseconds, until somebody kills it.
fn record_until_killed(folder: &Path) -> ! {
    let mut desk = Desk::open(settings(folder));
    let mut zeros = Vec::new();
    for tap in 0..CALLS {
        let zero = desk.clock.now();
        desk.start(tap, tap, zero);
        zeros.push((tap, zero, 0_u16));
    }
    println!("\nrecording");
    let mut number = CALLS;
    loop {
        for (place, (tap, zero, sequence)) in zeros.iter_mut().enumerate() {
            for _ in 0..25 {
                desk.speak(*tap, *sequence, *zero);
                *sequence += 1;
            }
            let end = 100 + u16::try_from(place).unwrap() * 37;
            if *sequence >= end {
                let at = *zero + Duration::from_millis(20) * u32::from(*sequence);
                desk.order(command::Command::Stop {
                    tap: TapId(*tap),
                    at,
                });
                (*tap, *zero, *sequence) = (number, desk.clock.now(), 0);
                desk.start(number, number, *zero);
                number += 1;
            }
        }
        #[expect(clippy::disallowed_methods, reason = "sound has a pace")]
        thread::sleep(Duration::from_millis(5));
    }
}
