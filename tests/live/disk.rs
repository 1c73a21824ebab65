//! A disk that lets nobody write, and one that is slow by seconds: calls go on, other recordings too, and what is lost is said.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use crate::baresip::{CALLEE_HZ, CALLER_HZ, Pair};
use crate::crash::Strace;
use crate::full::{Small, place_one};
use crate::harness::{CONFIG, Ringtag, find, http_post, is_whole};
use crate::sipp::{Sipp, TO_DESK};
use crate::sound::{assert_tone, channels};

#[test]
fn a_disk_that_nobody_may_write_costs_the_recordings_alone_until_it_can_be_written_again() {
    let folder = tempfile::tempdir().unwrap();
    // Declared before ringtag, so that it is taken away after it.
    let small = Small::mount(folder.path().join("small"));
    let inside = small.place.display().to_string();
    let config = CONFIG.replace("{folder}/recordings", &format!("{inside}/recordings"));
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    place_one(&ringtag);
    assert!(is_whole(&ringtag.ended_calls(1)[0]));

    small.remount("ro");
    place_one(&ringtag);
    let call = ringtag.wait_for("the call without a recording", || {
        let call = ringtag.calls().swap_remove(0);
        (!call["ended_at"].is_null() && !call["recording"].is_null()).then_some(call)
    });
    assert_eq!(call["finish_reason"], "completed");
    let recording = &call["recording"];
    assert_eq!(recording["state"], "truncated");
    assert_eq!(recording["gaps"][0]["why"], "disk read-only", "{call:#}");
    ringtag.wait_for("the refusal in the metrics", || {
        (ringtag.metric("ringtag_recordings_disk_error") == 1.0).then_some(())
    });

    small.remount("rw");
    place_one(&ringtag);
    ringtag.wait_for("the next recording", || {
        is_whole(&ringtag.calls()[0]).then_some(())
    });
    assert_eq!(ringtag.metric("ringtag_recordings_disk_error"), 0.0);
}

#[test]
fn a_write_that_takes_seconds_is_heard_by_nobody_and_loses_nothing() {
    let mut pair = Pair::start();
    let ringtag = pair.talk(1);
    let trace = ringtag.folder.path().join("trace");
    let slow = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:delay_enter=3000000:when=3",
    ];
    let strace = Strace::thread(&ringtag, "recorder", &trace, &slow);
    ringtag.wait_for("sound behind the slow write", || {
        let file = find(&ringtag.recordings(), ".wav.part")?;
        (fs::metadata(&file).ok()?.len() > 7 * 8_000 * 4).then_some(())
    });
    strace.detach();
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["recording"]["state"], "complete", "{call:#}");
    assert!(call["recording"]["off_by_ms"].is_null(), "{call:#}");
    let said = fs::read_to_string(&trace).unwrap();
    assert!(said.contains("DELAYED"), "{said}");
    let sides = channels(&ringtag.recording_of(&call));
    assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
    assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
}

#[test]
fn a_sync_that_takes_seconds_holds_up_no_recording_but_those_that_wait_for_it() {
    let ringtag = Ringtag::start(TO_DESK);
    let trace = ringtag.folder.path().join("trace");
    let slow = [
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:delay_enter=20000000:when=1",
    ];
    let strace = Strace::thread(&ringtag, "rec-finish", &trace, &slow);
    place_one(&ringtag);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "1500"]);
    ringtag.wait_for("a second of the second recording", || {
        let calls = ringtag.calls();
        let first = calls.last()?;
        assert!(
            first["recording"].is_null(),
            "the first is finished: {first:#}"
        );
        let second = calls.first()?["id"].as_str()?.to_owned();
        let file = find(&ringtag.recordings(), &format!("{second}.wav.part"))?;
        (fs::metadata(file).ok()?.len() > 32_000).then_some(())
    });
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(2);
    strace.detach();
    // Nobody speaks in these calls, and nothing else is missing.
    let gaps = calls
        .iter()
        .flat_map(|call| call["recording"]["gaps"].as_array().unwrap());
    for gap in gaps {
        assert_eq!(gap["why"], "no packet came from this side", "{calls:#?}");
    }
    assert!(
        calls
            .iter()
            .all(|call| call["recording"]["off_by_ms"].is_null()),
        "{calls:#?}"
    );
}

#[test]
fn a_recording_that_is_paused_by_hand_is_silent_for_so_long_and_packed_afterwards() {
    let mut pair = Pair::start();
    pair.config = pair
        .config
        .replace("[recordings]", "[recordings]\nformat = \"flac\"");
    let ringtag = pair.talk(2);
    let id = ringtag.calls()[0]["id"].as_str().unwrap().to_owned();
    let web = SocketAddr::from((ringtag.net.ringtag(), 8080));
    let post = |path: &str| http_post(web, path, "").0;
    let grown = |seconds: u64| {
        ringtag.wait_for("more sound", || {
            let file = find(&ringtag.recordings(), ".wav.part")?;
            (fs::metadata(&file).ok()?.len() > seconds * 8_000 * 4).then_some(())
        });
    };
    let path = |what: &str| format!("/api/v1/calls/{id}/recording/{what}");
    assert_eq!(post(&path("pause")), 202);
    grown(4);
    assert_eq!(post(&path("resume")), 202);
    grown(6);
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(post(&path("pause")), 409, "the call is over");
    let recording = &call["recording"];
    assert_eq!(recording["state"], "complete");
    let file = ringtag.recording_of(&call);
    assert_eq!(file.extension().unwrap(), "flac");
    let pauses = recording["pauses"].as_array().unwrap();
    assert_eq!(pauses.len(), 1, "{call:#}");
    let ms = |of: &Value| usize::try_from(of.as_u64().unwrap()).unwrap();
    let (from, length) = (ms(&pauses[0]["from_ms"]), ms(&pauses[0]["length_ms"]));
    assert!(length > 1_000, "{call:#}");
    let mut sound = Vec::new();
    let mut flac = ringtag::recording::pack::open(&file).unwrap();
    std::io::Read::read_to_end(&mut flac, &mut sound).unwrap();
    let left: Vec<i16> = sound
        .chunks_exact(4)
        .map(|frame| i16::from_le_bytes([frame[0], frame[1]]))
        .collect();
    // A millisecond at either end for the rounding of the record.
    let paused = &left[(from + 1) * 8..(from + length - 1) * 8];
    assert!(paused.iter().all(|sample| *sample == 0));
    assert_tone(
        "before the pause",
        &left[4_000..from * 8],
        CALLER_HZ,
        CALLEE_HZ,
    );
    assert_tone(
        "after it",
        &left[(from + length) * 8..],
        CALLER_HZ,
        CALLEE_HZ,
    );
    let (status, body) = ringtag.get(&format!("/api/v1/calls/{id}/recording.wav"));
    assert_eq!((status, &body[..4]), (200, b"fLaC".as_slice()));
    assert_eq!(body, fs::read(&file).unwrap());
}
