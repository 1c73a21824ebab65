//! PJSIP phones that insist on reliable provisional responses (RFC 3262), and change the session before the answer (RFC 3311).

use serde_json::{Value, json};

use crate::harness::{CONFIG, Ringtag};
use crate::pjsip::{CALLEE_HZ, Office, Pjsip, Settings};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

/// A PRACK was answered; `role` is who it was in it.
fn prack(role: &str) -> Value {
    json!({ "event": "done", "role": role, "method": "PRACK", "status": 200 })
}

/// Dials, hears the callee before it answers, and talks.
fn hear_early_and_talk(office: &mut Office) {
    office.dial();
    office.callee.wait_for_state("EARLY");
    office
        .caller
        .wait_for(&json!({ "event": "media", "status": 1 }));
    // Half a second of it.
    office.caller.hear(25);
    office
        .callee
        .tell(&json!({ "do": "answer", "status": 200 }));
    office.callee.wait_for_state("CONFIRMED");
    office.caller.wait_for_state("CONFIRMED");
    office.record(2);
    office.end_call();
}

#[test]
fn a_caller_that_requires_prack_talks_to_a_callee_that_is_not_asked_for_it() {
    let config = CONFIG.replace("id = \"pbx\"\n", "id = \"pbx\"\nreliable = \"off\"\n");
    let caller = json!({ "reliable": "required" });
    let mut office = Office::start(&config, caller, json!({}), &[183]);
    hear_early_and_talk(&mut office);
    assert!(office.caller.saw(&prack("UAC")), "{}", office.caller.log());
    assert!(!office.callee.saw(&prack("UAS")), "{}", office.callee.log());
    office.finish_with_sound();
}

#[test]
fn a_callee_that_requires_prack_talks_to_a_caller_that_requires_none() {
    let callee = json!({ "reliable": "required" });
    let mut office = Office::start(CONFIG, json!({}), callee, &[183]);
    hear_early_and_talk(&mut office);
    assert!(office.callee.saw(&prack("UAS")), "{}", office.callee.log());
    office.finish_with_sound();
}

#[test]
fn a_caller_that_requires_prack_talks_to_a_callee_that_does_none() {
    let caller = json!({ "reliable": "required" });
    let mut office = Office::start(CONFIG, caller, json!({}), &[183]);
    hear_early_and_talk(&mut office);
    assert!(office.caller.saw(&prack("UAC")), "{}", office.caller.log());
    assert!(!office.callee.saw(&prack("UAS")), "{}", office.callee.log());
    office.finish_with_sound();
}

#[test]
fn a_callee_that_requires_prack_is_acknowledged_for_a_caller_that_knows_none() {
    let folder = tempfile::tempdir().unwrap();
    let ringtag = Ringtag::start(TO_DESK);
    // It offers 100rel whatever it is told: a caller without is sipp.
    let mut callee = Pjsip::start(
        folder.path(),
        Settings {
            user: "101",
            host: ringtag.net.pbx(),
            hz: CALLEE_HZ,
            answers: &[183],
            more: json!({ "reliable": "required" }),
        },
    );
    let caller = Script::caller("plain-early")
        .invite(true)
        .provisionals(&[100])
        .response_with(183, "m=audio")
        .response_with(200, "m=audio")
        .ack(false)
        .expect("BYE")
        .reply(200);
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    let invite = callee.wait_for(&json!({ "event": "incoming" }));
    let invite = invite["whole"].as_str().unwrap();
    assert!(invite.contains("100rel"), "{invite}");
    // Its 183 was acknowledged by ringtag.
    callee.wait_for(&prack("UAS"));
    callee.tell(&json!({ "do": "answer", "status": 200 }));
    callee.wait_for_state("CONFIRMED");
    callee.tell(&json!({ "do": "hangup" }));
    callee.wait_for_state("DISCONNECTED");
    carrier.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "callee");
}

#[test]
fn where_both_require_prack_either_side_may_change_the_session_before_the_answer() {
    let reliable = json!({ "reliable": "required" });
    let mut office = Office::start(CONFIG, reliable.clone(), reliable, &[183]);
    office.dial();
    office.callee.wait_for(&prack("UAS"));
    office.caller.wait_for(&prack("UAC"));
    let update =
        |role: &str| json!({ "event": "done", "role": role, "method": "UPDATE", "status": 200 });
    office.caller.tell(&json!({ "do": "UPDATE" }));
    office.callee.wait_for(&update("UAS"));
    office.caller.wait_for(&update("UAC"));
    office.callee.tell(&json!({ "do": "UPDATE" }));
    office.caller.wait_for(&update("UAS"));
    office.callee.wait_for(&update("UAC"));
    office.caller.hear(25);
    office
        .callee
        .tell(&json!({ "do": "answer", "status": 200 }));
    office.callee.wait_for_state("CONFIRMED");
    office.caller.wait_for_state("CONFIRMED");
    office.record(2);
    office.end_call();
    office.finish_with_sound();
}
