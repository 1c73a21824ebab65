//! A PJSIP phone picks up the call that rings at the phone beside it (RFC 3891): it stops ringing there, and sound, recording and
//! record are those of who took it.

use serde_json::json;

use crate::harness::CONFIG;
use crate::pjsip::{CALLEE_HZ, CALLER_HZ, Office, Pjsip, Settings};
use crate::sound::{assert_heard, assert_tone, channels, loud};

/// What the phone beside plays.
const BESIDE_HZ: u32 = 1_500;

/// The value of a header in the first of `log`'s messages from `start` on.
fn value<'a>(log: &'a str, start: &str, header: &str) -> &'a str {
    let message = log.split_once(start).expect(start).1;
    let line = message.lines().find_map(|line| line.strip_prefix(header));
    line.expect(header).trim()
}

fn tag(value: &str) -> &str {
    value.split_once(";tag=").expect("a tag").1
}

#[test]
fn a_call_that_rings_is_picked_up_by_the_pjsip_phone_beside_it() {
    let config = CONFIG.replace("id = \"pbx\"\n", "id = \"pbx\"\ntransfers = true\n");
    let mut office = Office::start(&config, json!({}), json!({}), &[180]);
    let net = office.ringtag.net;
    let folder = tempfile::tempdir().unwrap();
    let mut beside = Pjsip::start(
        folder.path(),
        Settings {
            user: "103",
            host: net.pbx(),
            hz: BESIDE_HZ,
            answers: &[],
            more: json!({ "port": 5062, "rtp": 31_000 }),
        },
    );
    office.dial();
    let rings = office.callee.wait_for(&json!({ "event": "incoming" }));
    // ringtag has heard that it rings.
    office.caller.wait_for_state("EARLY");
    let invite = rings["whole"].as_str().unwrap();
    let log = office.callee.log();
    // As a phone knows it that watches the other one's dialogs (RFC 4235).
    let replaces = format!(
        "{};to-tag={};from-tag={};early-only",
        value(invite, "INVITE ", "Call-ID:"),
        tag(value(invite, "INVITE ", "From:")),
        tag(value(&log, "SIP/2.0 180 Ringing", "To:")),
    );
    beside.tell(&json!({
        "do": "dial",
        "to": format!("sip:101@{}:5060", net.ringtag()),
        "headers": { "Replaces": replaces, "Require": "replaces" },
    }));
    beside.wait_for_state("CONFIRMED");
    office.caller.wait_for_state("CONFIRMED");
    let elsewhere = office.callee.wait_for_state("DISCONNECTED");
    assert_eq!(elsewhere["status"], 487, "{elsewhere}");
    let log = office.callee.log();
    let why = value(&log, "CANCEL sip:101@", "Reason:");
    assert_eq!(why, "SIP;cause=200;text=\"answered elsewhere\"");
    office.caller.hear(150);
    beside.hear(150);
    office.caller.tell(&json!({ "do": "hangup" }));
    office.caller.wait_for_state("DISCONNECTED");
    beside.wait_for_state("DISCONNECTED");

    let call = office.ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "caller");
    assert_eq!(call["destination"], "103");
    assert_eq!(call["targets_tried"][0]["result"], "answered-elsewhere");
    let transfer = &call["transfers"][0];
    assert_eq!(transfer["by"], "manager:desk");
    assert_eq!(transfer["to"], "ext:103@pbx");
    assert_eq!(call["recording"]["state"], "complete", "{call}");

    let sides = channels(&office.ringtag.recording_of(&call));
    assert_tone("left channel", &sides[0], CALLER_HZ, BESIDE_HZ);
    assert_tone("right channel", &sides[1], BESIDE_HZ, CALLER_HZ);
    let heard = office.caller.quit();
    assert_heard("the caller's ear", loud(&heard), BESIDE_HZ, CALLEE_HZ);
    let heard = beside.quit();
    assert_heard("the other ear", loud(&heard), CALLER_HZ, CALLEE_HZ);
}
