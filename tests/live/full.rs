//! A full disk: calls go on, and when there is room again the log has them or says how many it lost.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{CONFIG, Net, Ringtag, is_whole};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

/// A file system of a few megabytes. It needs root: without, the test fails and says so, for what was not tried does not work.
pub(crate) struct Small {
    pub(crate) place: PathBuf,
}

impl Small {
    pub(crate) fn mount(place: PathBuf) -> Self {
        fs::create_dir_all(&place).unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(&place)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "this test mounts a tmpfs of its own and needs root for it: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self { place }
    }

    /// Lets nobody write, or everybody again.
    pub(crate) fn remount(&self, how: &str) {
        let mut remount = Command::new("mount");
        remount.args(["-o", &format!("remount,{how}")]);
        assert!(
            remount.arg(&self.place).status().unwrap().success(),
            "{how}"
        );
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }

    /// Takes every byte that is left.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        let block = [1; 4_096];
        while file.write(&block).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the process that used it may not be quite gone.
        let _done = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

pub(crate) fn place_one(ringtag: &Ringtag) {
    let pbx = Sipp::run(ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "300"]);
    carrier.succeed();
    pbx.succeed();
}

/// The events of the log, as its lines name them.
fn events(log: &Path) -> Vec<String> {
    let mut events = Vec::new();
    for file in fs::read_dir(log).unwrap() {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            events.push(line["event"].as_str().unwrap().to_owned());
        }
    }
    events
}

#[test]
fn a_full_disk_stops_no_call_and_leaves_no_silent_hole() {
    let folder = tempfile::tempdir().unwrap();
    // Declared before ringtag, so that it is taken away after it.
    let small = Small::mount(folder.path().join("small"));
    let inside = small.place.display().to_string();
    let config = CONFIG
        .replace("{folder}/recordings", &format!("{inside}/recordings"))
        .replace("{folder}/data", &format!("{inside}/data"));
    let net = Net::take();
    let ringtag = Ringtag::start_in(
        net,
        tempfile::tempdir().unwrap(),
        &format!("{config}\n{TO_DESK}"),
    )
    .unwrap();
    place_one(&ringtag);
    let before = ringtag.ended_calls(1);
    assert!(is_whole(&before[0]), "{before:#?}");

    small.fill();
    for _ in 0..3 {
        place_one(&ringtag);
    }
    ringtag.wait_for("the disk's error in the metrics", || {
        (ringtag.metric("ringtag_store_disk_error") == 1.0).then_some(())
    });
    assert!(ringtag.metric("ringtag_store_backlog") > 0.0);
    assert_eq!(ringtag.get("/healthz").0, 200);
    let shown = ringtag.calls();
    assert_eq!(shown[shown.len() - 1]["id"], before[0]["id"]);

    small.free();
    ringtag.wait_for("the log", || {
        (ringtag.metric("ringtag_store_disk_error") == 0.0
            && ringtag.metric("ringtag_store_backlog") == 0.0)
            .then_some(())
    });
    place_one(&ringtag);
    // The backlog held all of it, so nothing is lost: five calls, and what the disk had no room for is said of their recordings.
    let calls = ringtag.wait_for("five ended calls", || {
        let calls = ringtag.calls();
        let ended = calls.iter().filter(|call| !call["ended_at"].is_null());
        (ended.count() == 5).then_some(calls)
    });
    assert!(
        calls
            .iter()
            .all(|call| call["finish_reason"] == "completed"),
        "{calls:#?}"
    );
    let newest = ringtag.wait_for("the newest recording", || {
        let newest = ringtag.calls().swap_remove(0);
        (is_whole(&newest) && !newest["recording"]["sha256"].is_null()).then_some(newest)
    });
    assert!(ringtag_file(&small, &newest).is_file());
    for call in &calls[1..4] {
        let state = &call["recording"]["state"];
        assert!(
            call["recording"].is_null() || state == "partial" || state == "truncated",
            "a recording without room is complete: {call:#}"
        );
    }
    let (code, out, complaint) = ringtag.command(&["verify"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
    let told = events(&small.place.join("data/log"));
    let count = |event: &str| told.iter().filter(|told| *told == event).count();
    assert_eq!(count("ended"), 5, "{told:?}");
    let (status, _folder) = ringtag.stop();
    assert!(status.success());
}

fn ringtag_file(small: &Small, call: &serde_json::Value) -> PathBuf {
    let file = call["recording"]["file"].as_str().unwrap();
    small.place.join("recordings").join(file)
}

#[test]
fn a_recording_whose_disk_fills_up_in_mid_call_says_that_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let small = Small::mount(folder.path().join("small"));
    let inside = small.place.display().to_string();
    // Only the recordings are on the small disk: the log has room.
    let config = CONFIG.replace("{folder}/recordings", &format!("{inside}/recordings"));
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let talks = Script::talker("talks")
        .wait()
        .request("BYE", "")
        .response(200);
    let carrier = Sipp::play(&ringtag, &talks, ringtag.net.carrier());
    ringtag.wait_for("a second of recording", || {
        let file = crate::harness::find(&small.place, ".wav.part")?;
        (fs::metadata(file).ok()?.len() > 32_000).then_some(())
    });
    small.fill();
    // While the call goes on, and long before it ends.
    ringtag.wait_for("the refusal in the metrics", || {
        (ringtag.metric("ringtag_recordings_disk_error") == 1.0).then_some(())
    });
    assert_eq!(ringtag.metric("ringtag_calls_talking"), 1.0);
    carrier.go_on();
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.wait_for("the end", || {
        let call = ringtag.calls().pop()?;
        (!call["recording"].is_null() && !call["ended_at"].is_null()).then_some(call)
    });
    assert_eq!(call["finish_reason"], "completed");
    assert_ne!(call["recording"]["state"], "complete", "{call:#}");
    small.free();
    let mut probe = OpenOptions::new()
        .create(true)
        .append(true)
        .open(small.filler())
        .unwrap();
    probe.write_all(b"room").unwrap();
    place_one(&ringtag);
    let newest = ringtag.wait_for("the next recording", || {
        let newest = ringtag.calls().swap_remove(0);
        is_whole(&newest).then_some(newest)
    });
    assert!(ringtag_file(&small, &newest).is_file());
    assert_eq!(ringtag.metric("ringtag_recordings_disk_error"), 0.0);
}
