//! Real phones that encrypt (SRTP, keys by SDES): on either side or on both, each side's tone is recorded in clear in its own
//! channel and heard at the other end.

use serde_json::json;

use crate::baresip::{CALLEE_HZ, CALLER_HZ, Pair};
use crate::harness::{CONFIG, Ringtag};
use crate::pjsip::Office;
use crate::sound::{assert_tone, channels};

/// The trunks with this `srtp` each.
fn config(text: &str, carrier: &str, pbx: &str) -> String {
    let put = |text: &str, id: &str, srtp: &str| {
        let line = format!("id = \"{id}\"\n");
        text.replacen(&line, &format!("{line}srtp = \"{srtp}\"\n"), 1)
    };
    put(&put(text, "carrier", carrier), "pbx", pbx)
}

/// Nothing of the keys is anywhere but in SIP messages.
fn assert_no_keys(ringtag: &Ringtag, id: &str) {
    let (_, record) = ringtag.get(&format!("/api/v1/calls/{id}"));
    let (status, ladder) = ringtag.get(&format!("/api/v1/calls/{id}/ladder"));
    let [record, ladder] = [record, ladder].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status, 200);
    assert!(ladder.contains("a=crypto:"), "{ladder}");
    for text in [&ladder, &record, &ringtag.log()] {
        assert!(!text.contains("inline:"), "{text}");
    }
}

#[test]
fn an_encrypted_pjsip_talks_to_a_plain_one() {
    let config = config(CONFIG, "required", "off");
    let mut office = Office::start(&config, json!({ "srtp": true }), json!({}), &[180, 200]);
    office.talk();
    office.record(2);
    office.end_call();
    let id = office.ringtag.ended_calls(1)[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_no_keys(&office.ringtag, &id);
    assert!(office.ringtag.metric("ringtag_srtp_failed_total") < 1.0);
    let call = office.finish_with_sound();
    assert!(
        call["legs"][0]["srtp"]
            .as_str()
            .unwrap()
            .contains("HMAC_SHA1"),
        "{call}"
    );
    assert!(call["legs"][1]["srtp"].is_null(), "{call}");
    for leg in [0, 1] {
        let mos = call["legs"][leg]["mos_estimate"].as_f64().unwrap();
        assert!((3.5..=4.5).contains(&mos), "{call}");
    }
}

#[test]
fn a_plain_pjsip_talks_to_an_encrypted_one() {
    let config = config(CONFIG, "off", "required");
    let mut office = Office::start(&config, json!({}), json!({ "srtp": true }), &[183, 200]);
    office.talk();
    office.record(2);
    office.end_call();
    let call = office.finish_with_sound();
    assert_eq!(call["legs"][1]["srtp"], "AES_CM_128_HMAC_SHA1_80", "{call}");
}

#[test]
fn two_encrypted_pjsips_hold_and_resume() {
    let config = config(CONFIG, "required", "required");
    let srtp = || json!({ "srtp": true });
    let mut office = Office::start(&config, srtp(), srtp(), &[180, 200]);
    office.talk();
    office.record(2);
    office.callee.tell(&json!({ "do": "hold" }));
    // 3: the other side holds.
    office
        .caller
        .wait_for(&json!({ "event": "media", "status": 3 }));
    office.callee.tell(&json!({ "do": "resume" }));
    office
        .caller
        .wait_for(&json!({ "event": "media", "status": 1 }));
    office.caller.hear(50);
    office.callee.hear(50);
    office
        .caller
        .tell(&json!({ "do": "digits", "digits": "7" }));
    office
        .callee
        .wait_for(&json!({ "event": "digit", "digit": "7" }));
    office.record(2);
    office.end_call();
    let call = office.finish_with_sound();
    assert_eq!(call["legs"][0]["digits"], "7");
    assert_eq!(call["legs"][0]["srtp_failed"], 0, "{call}");
}

#[test]
fn a_plain_pjsip_is_refused_where_srtp_is_required() {
    let config = config(CONFIG, "required", "off");
    let mut office = Office::start(&config, json!({}), json!({}), &[180, 200]);
    office.dial();
    let gone = office.caller.wait_for_state("DISCONNECTED");
    assert_eq!(gone["status"], 488, "{gone}");
    let call = office.ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "srtp-mismatch");
}

#[test]
fn baresips_encrypt_where_it_is_preferred() {
    // Under RTP/AVP with keys, as it does that encrypts where it can; and as it does that must.
    for (caller, callee, carrier, pbx) in [
        ("srtp", "srtp", "preferred", "preferred"),
        ("srtp-mand", "srtp-mand", "required", "required"),
    ] {
        let mut pair = Pair::start_under([caller, callee]);
        pair.config = config(&pair.config, carrier, pbx);
        let ringtag = pair.talk(2);
        pair.caller.command("hangup", "");
        pair.caller.wait_for_event("CALL_CLOSED");
        pair.callee.wait_for_event("CALL_CLOSED");
        let call = ringtag.ended_calls(1).remove(0);
        for leg in [0, 1] {
            assert_eq!(
                call["legs"][leg]["srtp"], "AES_CM_128_HMAC_SHA1_80",
                "{call}"
            );
        }
        let sides = channels(&ringtag.recording_of(&call));
        assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
        assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
        assert_tone(
            "the caller's ear",
            &pair.caller.quit(),
            CALLEE_HZ,
            CALLER_HZ,
        );
        assert_tone(
            "the callee's ear",
            &pair.callee.quit(),
            CALLER_HZ,
            CALLEE_HZ,
        );
    }
}
