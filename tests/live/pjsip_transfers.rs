//! A PJSIP phone sends its caller on to a third one (RFC 5589), blind or after it has asked: sound, recording and record follow.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::CONFIG;
use crate::pjsip::{CALLEE_HZ, CALLER_HZ, Office, Pjsip, Settings};
use crate::sound::{assert_heard, assert_tone, channels, loud};

/// What the third phone plays.
const THIRD_HZ: u32 = 1_500;

/// One and a half seconds of samples.
const SOME: usize = 12_000;

/// An office whose PBX may transfer, and a third phone.
struct Three {
    office: Office,
    third: Pjsip,
    /// The third phone's URI.
    goal: String,
    /// Kept for as long as the phone writes into it.
    _folder: TempDir,
}

impl Three {
    fn start() -> Self {
        Self::under("off", &json!({}))
    }

    /// Every trunk has this `srtp`, and every phone these settings.
    fn under(srtp: &str, phones: &Value) -> Self {
        let mut config = CONFIG.replace("id = \"pbx\"\n", "id = \"pbx\"\ntransfers = true\n");
        for trunk in ["carrier", "pbx", "spare"] {
            let line = format!("id = \"{trunk}\"\n");
            assert!(config.contains(&line), "{config}");
            config = config.replacen(&line, &format!("{line}srtp = \"{srtp}\"\n"), 1);
        }
        let folder = tempfile::tempdir().unwrap();
        let office = Office::start(&config, phones.clone(), phones.clone(), &[180, 200]);
        let host = office.ringtag.net.spare();
        let third = Pjsip::start(
            folder.path(),
            Settings {
                user: "102",
                host,
                hz: THIRD_HZ,
                answers: &[180, 200],
                more: phones.clone(),
            },
        );
        Self {
            office,
            third,
            goal: format!("sip:102@{host}:5060"),
            _folder: folder,
        }
    }

    /// The callee is told that its REFER went well, leaves, and the others talk on; then the caller hangs up.
    fn go_on(&mut self) {
        let told = json!({ "event": "transfer", "status": 200, "final": true });
        let office = &mut self.office;
        office.callee.wait_for(&told);
        office.callee.tell(&json!({ "do": "hangup", "call": 0 }));
        let gone = json!({ "event": "state", "call": 0, "state": "DISCONNECTED" });
        office.callee.wait_for(&gone);
        office.record(3);
        office.caller.tell(&json!({ "do": "hangup" }));
        office.caller.wait_for_state("DISCONNECTED");
        self.third.wait_for_state("DISCONNECTED");
    }

    /// Sound, recording and record followed the call to the third phone. Returns the record.
    fn check(self) -> Value {
        let Office {
            caller, ringtag, ..
        } = self.office;
        let call = ringtag.ended_calls(1).remove(0);
        assert_eq!(call["finish_reason"], "completed");
        assert_eq!(call["hung_up_by"], "caller");
        assert_eq!(call["recording"]["state"], "complete", "{call}");
        let transfer = &call["transfers"][0];
        assert_eq!(transfer["by"], "manager:desk");
        assert_eq!(transfer["to"], "ext:102@spare");
        assert_eq!(transfer["result"], "answered");
        let roles: Vec<_> = (0..3).map(|leg| &call["legs"][leg]["role"]).collect();
        assert_eq!(roles, ["caller", "callee", "transfer"]);

        let sides = channels(&ringtag.recording_of(&call));
        assert_tone("left channel", &sides[0], CALLER_HZ, THIRD_HZ);
        let joined = call["legs"][2]["joined_ms"].as_u64().unwrap();
        let turn = usize::try_from(joined * 8).unwrap();
        let (before, after) = sides[1].split_at(turn);
        assert_tone("right channel before", before, CALLEE_HZ, THIRD_HZ);
        assert_tone("right channel after", after, THIRD_HZ, CALLEE_HZ);

        let heard = caller.quit();
        let heard = loud(&heard);
        let first = &heard[..SOME];
        let last = |sound: &[i16]| sound[sound.len() - SOME..].to_vec();
        assert_heard("the caller's ear before", first, CALLEE_HZ, THIRD_HZ);
        assert_heard("the caller's ear after", &last(heard), THIRD_HZ, CALLEE_HZ);
        let third = last(loud(&self.third.quit()));
        assert_heard("the third phone's ear", &third, CALLER_HZ, CALLEE_HZ);
        call
    }
}

#[test]
fn a_caller_that_pjsip_sends_on_talks_with_the_third_phone() {
    let mut three = Three::start();
    three.office.talk();
    three.office.record(2);
    let refer = json!({ "do": "refer", "to": three.goal });
    three.office.callee.tell(&refer);
    three.third.wait_for_state("CONFIRMED");
    three.go_on();
    three.check();
}

#[test]
fn a_caller_that_pjsip_sends_on_after_asking_takes_the_place_in_the_third_phones_call() {
    let mut three = Three::start();
    three.office.talk();
    three.office.record(2);
    let callee = &mut three.office.callee;
    // Beside ringtag.
    callee.tell(&json!({ "do": "dial", "to": three.goal }));
    three.third.wait_for_state("CONFIRMED");
    callee.wait_for(&json!({ "event": "state", "call": 1, "state": "CONFIRMED" }));
    callee.tell(&json!({ "do": "refer-replaces", "call": 0, "other": 1 }));
    three.third.wait_for(&json!({ "event": "replaced" }));
    // The old call of the two has ended.
    three.third.wait_for_state("DISCONNECTED");
    three.go_on();
    three.check();
}

#[test]
fn a_transfer_by_pjsip_stays_encrypted_on_every_leg_and_is_recorded_in_clear() {
    for asks in [false, true] {
        let mut three = Three::under("required", &json!({ "srtp": true }));
        three.office.talk();
        three.office.record(2);
        if asks {
            let callee = &mut three.office.callee;
            callee.tell(&json!({ "do": "dial", "to": three.goal }));
            three.third.wait_for_state("CONFIRMED");
            callee.wait_for(&json!({ "event": "state", "call": 1, "state": "CONFIRMED" }));
            callee.tell(&json!({ "do": "refer-replaces", "call": 0, "other": 1 }));
            three.third.wait_for(&json!({ "event": "replaced" }));
            three.third.wait_for_state("DISCONNECTED");
        } else {
            let refer = json!({ "do": "refer", "to": three.goal });
            three.office.callee.tell(&refer);
            three.third.wait_for_state("CONFIRMED");
        }
        three.go_on();
        let call = three.check();
        // What the caller's PJSIP offers first, and what is first in our own offers.
        let (long, short) = ("AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80");
        for (leg, suite) in [long, short, short].into_iter().enumerate() {
            let leg = &call["legs"][leg];
            assert_eq!(leg["srtp"], suite, "{call}");
            assert_eq!(leg["srtp_failed"], 0, "{call}");
        }
    }
}
