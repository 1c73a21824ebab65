//! What a trunk must prove and may do: digest before its calls, several trunks for one manager, numbers that are dialled.

use serde_json::json;

use crate::harness::{CONFIG, Ringtag};
use crate::pjsip::Office;
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

/// An office whose carrier must prove itself, and has this password.
fn office(password: &str) -> Office {
    let login =
        "id = \"carrier\"\ninbound_username = \"+79161234567\"\ninbound_password = \"s3cret\"\n";
    let config = CONFIG.replacen("id = \"carrier\"\n", login, 1);
    let caller = json!({ "password": password });
    Office::start(&config, caller, json!({}), &[180, 200])
}

#[test]
fn a_trunk_that_proves_itself_by_digest_is_put_through() {
    let mut office = office("s3cret");
    office.talk();
    office.record(1);
    let messages = office.caller.log();
    let log = office.ringtag.log();
    let (call, _, _) = office.hang_up();
    let offered: Vec<_> = messages
        .lines()
        .filter(|line| line.starts_with("WWW-Authenticate: "))
        .collect();
    assert!(offered[0].contains("algorithm=SHA-256"), "{offered:?}");
    assert!(offered[1].contains("algorithm=MD5"), "{offered:?}");
    assert!(messages.contains("\nAuthorization: Digest "), "{messages}");
    // The challenged INVITE is no call: there is one record.
    assert_eq!(call["finish_reason"], "completed");
    assert!(!log.contains("s3cret"), "the log tells the password");
}

#[test]
fn a_wrong_password_is_refused_counted_and_leaves_no_record() {
    let mut office = office("guess");
    office.dial();
    office.caller.wait_for_state("DISCONNECTED");
    office.ringtag.wait_for("the refusal in the log", || {
        let log = office.ringtag.log();
        log.contains("wrong credentials").then_some(())
    });
    let metric = |name: &str| office.ringtag.metric(name);
    assert_eq!(metric("ringtag_sip_refused_total"), 1.0);
    assert_eq!(metric("ringtag_calls_began_total"), 0.0);
}

#[test]
fn a_manager_is_reached_on_its_second_trunk_when_the_first_has_no_room() {
    let one = "extension = \"101\"\ntrunk = \"pbx\"";
    let two = "extension = \"101\"\ntrunk = [\"pbx\", \"spare\"]";
    let config = CONFIG.replacen(one, two, 1);
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let full = Script::callee("full")
        .expect("INVITE")
        .reply(503)
        .expect("ACK");
    let pbx = Sipp::play(&ringtag, &full, ringtag.net.pbx());
    let spare = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    spare.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["manager"], "desk");
    let tried = call["targets_tried"].as_array().unwrap();
    let shown: Vec<_> = tried
        .iter()
        .map(|one| (&one["target"], &one["trunk"], &one["result"]))
        .map(|(target, trunk, result)| format!("{target} {trunk} {result}"))
        .collect();
    assert_eq!(
        shown,
        [
            "\"manager:desk\" \"pbx\" \"rejected\"",
            "\"manager:desk\" \"spare\" \"answered\""
        ]
    );
}

#[test]
fn a_number_outside_its_trunks_countries_is_told_by_check_and_never_dialled() {
    let config = CONFIG
        .replacen("id = \"pbx\"\n", "id = \"pbx\"\ncountries = \"RU\"\n", 1)
        .replacen("extension = \"101\"", "number = \"+447400123456\"", 1);
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let (code, out, errors) = ringtag.command(&["check"]);
    assert_eq!(code, Some(0), "{out}{errors}");
    let said = format!("{out}{errors}");
    assert!(said.contains("pbx may not dial +447400123456"), "{said}");
    let caller = Script::caller("abroad")
        .invite(true)
        .provisionals(&[100])
        .response(503)
        .ack_refused();
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    carrier.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["targets_tried"][0]["result"], "not-allowed");
    assert_eq!(
        call["legs"].as_array().unwrap().len(),
        1,
        "nobody was called"
    );
}
