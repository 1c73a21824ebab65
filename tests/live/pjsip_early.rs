//! PJSIP phones that insist on reliable provisional responses (RFC 3262), and change the session before the answer (RFC 3311).

use serde_json::{Value, json};

use crate::harness::CONFIG;
use crate::pjsip::Office;

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
