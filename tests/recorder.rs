//! The recorder in a process of its own: killed in mid-call, and on a disk that refuses.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed check ends the test, and the child tells the parent through its output"
)]

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use crossbeam_channel::bounded;

use ringtag::base::id::Side;
use ringtag::base::time::Moment;
use ringtag::media::codec::Law;
use ringtag::media::tap::TapId;
use ringtag::recording::command;
use ringtag::recording::command::Outcome;
use ringtag::recording::command::Report;
use ringtag::recording::command::State;
use ringtag::recording::plan;
use ringtag::recording::recover;
use ringtag::recording::settings::Settings;

use crate::desk::{Desk, FOLDER, WALL, call};

mod desk;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn kill_9_in_mid_call_loses_at_most_a_second() {
    if let Ok(folder) = env::var(FOLDER) {
        record_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "kill_9_in_mid_call_loses_at_most_a_second",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let spoken_ms: u64 = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("spoken ")?.parse().ok())
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    // A player opens what is there before anything is repaired.
    let part = folder
        .path()
        .join(plan::growing(plan::path_of(call(1), WALL)));
    let before_ms = u64::from(hound::WavReader::open(&part).unwrap().duration()) / 8;
    assert!(
        before_ms + 1_000 >= spoken_ms,
        "{before_ms} of {spoken_ms} ms"
    );

    let outcomes = recover::repair(&settings(folder.path()));
    assert_eq!(outcomes.len(), 1);
    let outcome = &outcomes[0];
    assert_eq!((outcome.call, outcome.state), (call(1), State::Repaired));
    assert!(outcome.duration_ms >= before_ms);
    let sound = samples(&folder.path().join(&outcome.file));
    // The first packet came with the answer or a little after it; where the speaker had to wait for its turn there is silence.
    let frames = || sound.chunks_exact(2).skip(400);
    let spoken = [heard(Side::Caller), heard(Side::Callee)];
    assert!(frames().all(|frame| {
        let mut sides = frame.iter().zip(spoken);
        sides.all(|(sample, voice)| *sample == voice || *sample == 0)
    }));
    let whole = frames().filter(|frame| *frame == spoken).count();
    assert!(2 * whole > frames().count(), "{whole} frames");
}

#[test]
fn a_disk_that_refuses_ends_the_recording_and_the_next_call_tries_again() {
    if let Ok(folder) = env::var(FOLDER) {
        return record_two_calls(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // Files of 100 or 200 KB, as the shell counts; ten seconds of a call are 320 KB.
    let limited = "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(env::current_exe().unwrap())
        .args([
            "--exact",
            "a_disk_that_refuses_ends_the_recording_and_the_next_call_tries_again",
        ])
        .arg("--nocapture")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let outcomes: Vec<Outcome> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("outcome ")?).ok())
        .collect();
    let [long, short] = outcomes.as_slice() else {
        panic!("{text}")
    };
    assert_eq!(long.state, State::Truncated);
    assert!((3_000..7_000).contains(&long.duration_ms), "{long:?}");
    let missing: Vec<_> = long
        .gaps
        .iter()
        .map(|gap| {
            (
                gap.side,
                gap.from_ms,
                gap.from_ms + gap.length_ms,
                gap.why.as_str(),
            )
        })
        .collect();
    let why = "file as large as it can be";
    assert_eq!(
        missing,
        Side::BOTH.map(|side| (side, long.duration_ms, 10_000, why))
    );
    assert_eq!((short.state, short.duration_ms), (State::Complete, 1_000));
    for outcome in &outcomes {
        let sound = samples(&folder.path().join(&outcome.file));
        assert_eq!(sound.len() as u64, outcome.duration_ms * 16);
        assert!(
            sound
                .chunks_exact(2)
                .all(|frame| frame == [heard(Side::Caller), heard(Side::Callee)])
        );
    }
}

/// Speaks for three seconds, says how long it has spoken, and goes on until it is killed.
fn record_until_killed(folder: &Path) -> ! {
    let mut desk = Desk::open(settings(folder));
    let zero = desk.clock.now();
    desk.start(1, 1, zero);
    let (_keep, never) = bounded::<()>(0);
    let mut said = false;
    for sequence in 0.. {
        let due = zero + Duration::from_millis(20) * u32::from(sequence);
        while desk.clock.now() < due {
            let _ = never.recv_timeout(due - desk.clock.now());
        }
        for side in Side::BOTH {
            desk.speak(1, side, sequence, desk.clock.now());
        }
        let spoken = desk.clock.now() - zero;
        if !said && spoken > Duration::from_secs(3) {
            said = true;
            println!("\nspoken {}", spoken.as_millis());
        }
    }
    panic!("nobody killed it")
}

/// Records ten seconds of one call, then one second of another, and prints the outcomes.
fn record_two_calls(folder: &Path) {
    let mut desk = Desk::open(settings(folder));
    let zero = desk.clock.now();
    for (tap, packets) in [(1, 500), (2, 50)] {
        desk.start(tap, tap, zero);
        for sequence in 0..packets {
            for side in Side::BOTH {
                let arrival = zero + Duration::from_millis(20) * u32::from(sequence);
                desk.speak(tap, side, sequence, arrival);
            }
        }
        let at = zero + Duration::from_millis(20) * u32::from(packets);
        let tap = TapId(tap);
        desk.order(command::Command::Stop { tap, at });
        let outcome = loop {
            match desk.reports.recv_timeout(PATIENCE).unwrap() {
                Report::Finished(outcome) => break outcome,
                Report::Hashed { .. } | Report::Disk { .. } => {}
            }
        };
        println!("\noutcome {}", serde_json::to_string(&outcome).unwrap());
    }
}

impl Desk {
    fn speak(&mut self, tap: u32, side: Side, sequence: u16, arrival: Moment) {
        self.say((tap, side), sequence, arrival, code(side));
    }
}

fn code(side: Side) -> u8 {
    match side {
        Side::Caller => 0x11,
        Side::Callee => 0xe4,
    }
}

fn heard(side: Side) -> i16 {
    Law::A.decode(code(side))
}

fn settings(folder: &Path) -> Settings {
    Settings::new(PathBuf::from(folder))
}

fn samples(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).unwrap();
    reader.into_samples().map(Result::unwrap).collect()
}
