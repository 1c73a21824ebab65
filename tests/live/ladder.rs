//! An operator reads the messages of a call that is up, hangs it up over HTTP, and reads the whole of it afterwards.

use serde_json::Value;

use crate::harness::{Ringtag, http_post};
use crate::sipp::{Sipp, TO_DESK};

/// What was said on each leg, in order: `0 in INVITE`.
fn said(ringtag: &Ringtag, path: &str) -> Vec<String> {
    let (status, body) = ringtag.get(path);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let ladder: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(ladder["left_out"], 0);
    let rungs = ladder["rungs"].as_array().unwrap();
    let rung = |rung: &Value| {
        let text = rung["text"]
            .as_str()
            .unwrap()
            .trim_start_matches("SIP/2.0 ");
        let word = text.split(' ').next().unwrap();
        format!(
            "{} {} {word}",
            rung["leg"],
            rung["direction"].as_str().unwrap()
        )
    };
    rungs.iter().map(rung).collect()
}

#[test]
fn a_call_is_hung_up_by_hand_and_its_messages_are_shown_while_it_talks_and_after_it() {
    let ringtag = Ringtag::start(TO_DESK);
    let _pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let _carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "60000"]);
    let id = ringtag.wait_for("an answered call", || {
        let calls = ringtag.calls();
        let call = calls
            .first()
            .filter(|call| !call["answered_at"].is_null())?;
        Some(call["id"].as_str().unwrap().to_owned())
    });
    let ladder = format!("/api/v1/calls/{id}/ladder");
    let up = ringtag.wait_for("the ACKs in the ladder", || {
        let up = said(&ringtag, &ladder);
        let acks = up.iter().filter(|line| line.ends_with("ACK")).count();
        (acks == 2).then_some(up)
    });
    for line in ["0 in INVITE", "1 out INVITE", "1 in 200", "0 out 200"] {
        assert!(up.iter().any(|said| said == line), "{line} in {up:?}");
    }
    let hangup = format!("/api/v1/calls/{id}/hangup");
    let server = (ringtag.net.ringtag(), 8080).into();
    assert_eq!(http_post(server, &hangup, "").0, 202);
    let ended = ringtag.ended_calls(1);
    let why = (&ended[0]["finish_reason"], &ended[0]["hung_up_by"]);
    assert_eq!(
        (why.0.as_str(), why.1.as_str()),
        (Some("hung-up-by-operator"), Some("system"))
    );
    let (status, body) = http_post(server, &hangup, "");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &Value::from("call-over"))
    );
    // It is listened to for a moment after its end, and then read from the disk.
    let file = ringtag.wait_for("the ladder on the disk", || {
        let folder = ringtag.folder.path().join("data/ladders");
        crate::harness::find(&folder, ".jsonl").filter(|file| file.metadata().unwrap().len() > 0)
    });
    assert!(std::fs::read_to_string(file).unwrap().contains(&id));
    let down = said(&ringtag, &ladder);
    assert_eq!(down[..up.len()], up);
    for line in ["0 out BYE", "1 out BYE", "1 in 200"] {
        assert!(
            down[up.len()..].iter().any(|said| said == line),
            "{line} in {down:?}"
        );
    }
}
