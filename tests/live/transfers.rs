//! A callee sends the caller on: the recording and the record follow the call to its new party.

use std::fs;

use crate::baresip::{Baresip, CALLEE_HZ, CALLER_HZ, Pair};
use crate::harness::{CONFIG, Ringtag, find};
use crate::script::Script;
use crate::sipp::Sipp;
use crate::sound::{assert_tone, channels, share_of};

/// What the party plays that the caller is sent to.
const THIRD_HZ: u32 = 1_500;

const TO_DESK: &str = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";

/// The configuration with a telephone exchange that may transfer.
fn with_transfers(config: &str) -> String {
    config.replace("id = \"pbx\"\n", "id = \"pbx\"\ntransfers = true\n")
}

fn frames(ringtag: &Ringtag) -> u64 {
    let file = find(&ringtag.recordings(), ".wav.part");
    file.and_then(|file| fs::metadata(file).ok())
        .map_or(0, |file| file.len() / 4)
}

fn a_while(ringtag: &Ringtag, seconds: u64) {
    let until = frames(ringtag) + seconds * 8_000;
    ringtag.wait_for("more of the recording", || {
        (frames(ringtag) > until).then_some(())
    });
}

#[test]
fn a_caller_that_baresip_sends_on_is_recorded_with_its_new_party() {
    let folder = tempfile::tempdir().unwrap();
    let mut third = Baresip::start(&folder.path().join("third"), THIRD_HZ, true);
    let mut pair = Pair::start();
    let spare = format!("host = \"127.0.0.1:{}\"", third.sip);
    pair.config = with_transfers(&pair.config)
        .replace("host = \"{spare}:5060\"\nallow = [\"{spare}\"]", &spare);
    let ringtag = pair.talk(2);
    let goal = format!("sip:101@127.0.0.1:{}", third.sip);
    pair.callee.command("transfer", &goal);
    third.wait_for_event("CALL_ESTABLISHED");
    pair.callee.wait_for_event("CALL_CLOSED");
    a_while(&ringtag, 3);
    pair.caller.command("hangup", "");
    third.wait_for_event("CALL_CLOSED");

    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["manager"], "desk", "who answered first");
    assert_eq!(call["recording"]["state"], "complete", "{call}");
    let transfer = &call["transfers"][0];
    assert_eq!(transfer["by"], "manager:desk");
    assert_eq!(transfer["to"], "ext:101@spare");
    assert_eq!(transfer["result"], "answered");
    let roles: Vec<_> = (0..3).map(|leg| &call["legs"][leg]["role"]).collect();
    assert_eq!(roles, ["caller", "callee", "transfer"]);
    let turned = call["legs"][2]["joined_ms"].as_u64().unwrap();
    assert_eq!(call["legs"][1]["left_ms"].as_u64(), Some(turned));
    let talk_ms = call["talk_ms"].as_u64().unwrap();
    let recorded_ms = call["recording"]["duration_ms"].as_u64().unwrap();
    assert!(
        talk_ms.abs_diff(recorded_ms) <= 20,
        "{talk_ms} ms of talk, {recorded_ms} ms recorded"
    );

    let sides = channels(&ringtag.recording_of(&call));
    assert_tone("left channel", &sides[0], CALLER_HZ, THIRD_HZ);
    let turn = usize::try_from(turned * 8).unwrap();
    let (before, after) = sides[1].split_at(turn);
    assert_tone("right channel before", before, CALLEE_HZ, THIRD_HZ);
    assert_tone("right channel after", after, THIRD_HZ, CALLEE_HZ);
    assert_tone("the new party's ear", &third.quit(), CALLER_HZ, CALLEE_HZ);
    let heard = pair.caller.quit();
    let (early, late) = (&heard[4_000..12_000], &heard[heard.len() - 12_000..]);
    assert!(share_of(early, CALLEE_HZ) > 0.8, "the caller's ear before");
    assert!(share_of(&late[..8_000], THIRD_HZ) > 0.8, "and after");
}

#[test]
fn a_telephone_that_transfers_and_hangs_up_at_once_is_followed_by_the_next() {
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", with_transfers(CONFIG)));
    let refer = format!(
        "Refer-To: <sip:102@{}:5060>\nContact: <sip:phone@[local_ip]:[local_port]>\n",
        ringtag.net.spare()
    );
    let desk = Script::callee("transferor")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .request("REFER", "")
        .with(&refer)
        .response(202)
        .expect_body("NOTIFY", "SIP/2.0 100 ")
        .reply(200)
        .request("BYE", "")
        .response(200);
    let third = Script::callee("third")
        .keep("INVITE")
        .reply(100)
        .wait()
        .late_answer()
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::talker("sent-on")
        .wait()
        .request("BYE", "")
        .response(200);
    let pbx = Sipp::play(&ringtag, &desk, ringtag.net.pbx());
    let spare = Sipp::play(&ringtag, &third, ringtag.net.spare());
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    // Who sent the caller on has left before anybody else is there.
    pbx.succeed();
    spare.go_on();
    spare.wait_for_messages("ACK", 1);
    carrier.go_on();
    carrier.succeed();
    spare.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "caller");
    assert_eq!(call["transfers"][0]["result"], "answered");
    assert_eq!(call["transfers"][0]["to"], "ext:102@spare");
    let joined = call["legs"][2]["joined_ms"].as_u64().unwrap();
    let left = call["legs"][1]["left_ms"].as_u64().unwrap();
    assert!(left < joined, "the caller waited: {call}");
}
