//! kill -9 in mid-call, and the order of write, fdatasync and answer as the kernel saw it.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::baresip::Pair;
use crate::harness::{Ringtag, command, wait_for};
use crate::sipp::{Sipp, TO_DESK};
use crate::sound::channels;

#[test]
fn a_killed_ringtag_hangs_up_repairs_the_recording_and_ends_the_record_at_its_next_start() {
    let mut pair = Pair::start();
    let ringtag = pair.talk(3);
    let id = ringtag.wait_for("the call in progress", || {
        ringtag.calls().first().map(|call| call["id"].clone())
    });
    let (net, folder) = ringtag.kill();

    let ringtag = Ringtag::start_in(net, folder, &pair.config).expect("ringtag starts again");
    pair.caller.wait_for_event("CALL_CLOSED");
    pair.callee.wait_for_event("CALL_CLOSED");
    let calls = ringtag.wait_for("the repaired recording and its hash", || {
        let calls = ringtag.calls();
        let hashed = !calls.first()?["recording"]["sha256"].is_null();
        hashed.then_some(calls)
    });
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["id"], id, "what was shown is there afterwards");
    assert_eq!(calls[0]["finish_reason"], "crashed");
    assert_eq!(calls[0]["recording"]["state"], "repaired");
    let sides = channels(&ringtag.recording_of(&calls[0]));
    // More than 3 s were seen on the disk before the kill; at most one may be lost.
    assert!(sides[0].len() >= 2 * 8_000, "{} samples", sides[0].len());
    let config = ringtag.config();
    let (status, _folder) = ringtag.stop();
    assert!(status.success());
    let (code, out, complaint) = command(&config, &["verify"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
}

#[test]
fn no_answer_tells_of_an_event_before_its_sync() {
    let ringtag = Ringtag::start(TO_DESK);
    let trace = ringtag.folder.path().join("trace");
    let strace = Strace::attach(&ringtag, &trace);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    let calls = ringtag.ended_calls(1);
    carrier.succeed();
    pbx.succeed();
    strace.detach();

    let text = fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let id = calls[0]["id"].as_str().unwrap();
    for event in ["began", "answered", "ended"] {
        check_order(&lines, id, event, &calls[0]);
    }
}

#[test]
fn a_disk_that_syncs_slowly_holds_up_no_call_and_nothing_is_shown_before_its_sync() {
    let ringtag = Ringtag::start(TO_DESK);
    let trace = ringtag.folder.path().join("trace");
    let slow = [
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:delay_enter=10000000",
    ];
    let strace = Strace::run(&ringtag, &trace, &slow);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "200"]);
    carrier.succeed();
    pbx.succeed();
    // The whole call is over while the first sync still waits: ten seconds are long for a call that takes half of one.
    assert_eq!(ringtag.calls(), Vec::<Value>::new());
    assert_eq!(ringtag.metric("ringtag_calls_answered_total"), 1.0);
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert!(call["wait_ms"].as_u64().unwrap() < 9_000, "{call}");
    strace.detach();
}

/// The event is written, then synced, and only then does an answer hold what it says.
fn check_order(lines: &[&str], id: &str, event: &str, call: &Value) {
    let name = format!("\\\"event\\\":\\\"{event}\\\"");
    let written = position(lines, 0, |line| {
        line.contains("write(") && line.contains(id) && line.contains(&name)
    })
    .unwrap_or_else(|| panic!("no write of {event}"));
    let synced =
        position(lines, written, is_synced).unwrap_or_else(|| panic!("no fdatasync after {event}"));
    // What an answer shows once the event happened.
    let shows = match event {
        "began" => format!("\\\"id\\\":\\\"{id}\\\""),
        "answered" => format!(
            "\\\"answered_at\\\":\\\"{}\\\"",
            call["answered_at"].as_str().unwrap()
        ),
        _ => format!(
            "\\\"ended_at\\\":\\\"{}\\\"",
            call["ended_at"].as_str().unwrap()
        ),
    };
    let shown = position(lines, 0, |line| {
        line.contains("HTTP/1.1 200") && line.contains(&shows)
    })
    .unwrap_or_else(|| panic!("no answer shows {event}: {shows}"));
    assert!(
        written < synced && synced < shown,
        "{event}: {written} {synced} {shown}"
    );
}

/// The line on which a sync is over: `fdatasync(7) = 0` or `<... fdatasync resumed>) = 0`.
fn is_synced(line: &str) -> bool {
    line.contains("fdatasync") && line.ends_with("= 0")
}

fn position(lines: &[&str], from: usize, is: impl Fn(&str) -> bool) -> Option<usize> {
    lines
        .iter()
        .skip(from)
        .position(|line| is(line))
        .map(|n| n + from)
}

/// strace on a running ringtag.
pub(crate) struct Strace(Child);

impl Strace {
    fn attach(ringtag: &Ringtag, trace: &std::path::Path) -> Self {
        let watched = "trace=write,writev,sendto,sendmsg,fdatasync";
        Self::run(ringtag, trace, &["-s", "65536", "-e", watched])
    }

    fn run(ringtag: &Ringtag, trace: &std::path::Path, how: &[&str]) -> Self {
        let all = [&["-f"], how].concat();
        Self::watch(ringtag.pid(), trace, &all)
    }

    /// Watches one thread alone: the others run as fast as ever.
    pub(crate) fn thread(
        ringtag: &Ringtag,
        name: &str,
        trace: &std::path::Path,
        how: &[&str],
    ) -> Self {
        // A thread gives itself its name, a moment after it was made.
        let task = wait_for(|| {
            let tasks = fs::read_dir(format!("/proc/{}/task", ringtag.pid())).unwrap();
            tasks.map(|task| task.unwrap().path()).find(|task| {
                fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
            })
        })
        .unwrap_or_else(|| panic!("no thread is called {name}"));
        let id = task.file_name().unwrap().to_str().unwrap();
        Self::watch(id.parse().unwrap(), trace, how)
    }

    fn watch(process: u32, trace: &std::path::Path, how: &[&str]) -> Self {
        let child = Command::new("strace")
            .args(how)
            .arg("-o")
            .arg(trace)
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(fs::File::create(trace.with_extension("said")).unwrap())
            .spawn()
            .expect("strace is installed (Debian: strace)");
        let said = trace.with_extension("said");
        wait_for(|| {
            fs::read_to_string(&said)
                .unwrap()
                .contains("attached")
                .then_some(())
        })
        .unwrap_or_else(|| panic!("strace attaches: {}", fs::read_to_string(&said).unwrap()));
        Self(child)
    }

    /// SIGINT lets go of the process and writes what is buffered.
    pub(crate) fn detach(mut self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        wait_for(|| self.0.try_wait().unwrap()).expect("strace ends");
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _gone = self.0.kill();
            let _status = self.0.wait();
        }
    }
}
