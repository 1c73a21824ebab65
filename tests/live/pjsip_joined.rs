//! A manager on a PJSIP phone takes two calls through ringtag and puts their callers together (RFC 5589 7): sound, both recordings
//! and both records tell who talked with whom.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{CONFIG, Ringtag};
use crate::pjsip::{CALLEE_HZ, CALLER_HZ, Office, Pjsip, Settings};
use crate::sound::{assert_heard, assert_tone, channels, loud};

/// What the second caller plays.
const SECOND_HZ: u32 = 1_500;

/// One and a half seconds of samples.
const SOME: usize = 12_000;

/// A tenth of a second of samples.
const BLOCK: usize = 800;

/// An office whose PBX may transfer, and a second caller, on a trunk of its own.
struct Two {
    office: Office,
    second: Pjsip,
    /// Kept for as long as the phone writes into it.
    _folder: TempDir,
}

impl Two {
    fn start() -> Self {
        let config = CONFIG.replace("id = \"pbx\"\n", "id = \"pbx\"\ntransfers = true\n");
        let folder = tempfile::tempdir().unwrap();
        let office = Office::start(&config, json!({}), json!({}), &[180, 200]);
        let second = Pjsip::start(
            folder.path(),
            Settings {
                user: "+79167654321",
                host: office.ringtag.net.spare(),
                hz: SECOND_HZ,
                answers: &[],
                more: json!({}),
            },
        );
        Self {
            office,
            second,
            _folder: folder,
        }
    }

    /// The manager talks with the first caller, holds it, and talks with the second.
    fn talk_to_both(&mut self) {
        let office = &mut self.office;
        office.talk();
        office.record(2);
        office.callee.tell(&json!({ "do": "hold", "call": 0 }));
        // 3: the other side holds.
        let held = json!({ "event": "media", "status": 3 });
        office.caller.wait_for(&held);
        let number = office.number();
        self.second.tell(&json!({ "do": "dial", "to": number }));
        let up = json!({ "event": "state", "call": 1, "state": "CONFIRMED" });
        office.callee.wait_for(&up);
        self.second.wait_for_state("CONFIRMED");
        // Two seconds of packets.
        self.second.hear(100);
    }
}

/// The record that ended so.
fn ended_as(calls: &[Value], reason: &str) -> Value {
    let found = calls.iter().find(|call| call["finish_reason"] == reason);
    found.unwrap_or_else(|| panic!("{calls:#?}")).clone()
}

/// Both channels of a recording, each cut where another party came.
fn sides(ringtag: &Ringtag, call: &Value, turn: usize) -> [[Vec<i16>; 2]; 2] {
    let sides = channels(&ringtag.recording_of(call));
    let cut = |side: Vec<i16>| {
        let (before, after) = side.split_at(turn);
        // A packet's sound began before it came.
        let before = &before[..before.len().saturating_sub(BLOCK)];
        [before.to_vec(), after.to_vec()]
    };
    let cut: Vec<_> = sides.into_iter().map(cut).collect();
    cut.try_into().expect("two channels")
}

#[test]
fn two_callers_that_pjsip_puts_together_talk_and_each_call_has_its_own_truth() {
    let mut two = Two::start();
    two.talk_to_both();
    let manager = &mut two.office.callee;
    manager.tell(&json!({ "do": "refer-replaces", "call": 0, "other": 1 }));
    // ringtag ends the call whose place was taken, and says that all went well; the manager ends the other one.
    manager.wait_for(&json!({ "event": "state", "call": 1, "state": "DISCONNECTED" }));
    manager.wait_for(&json!({ "event": "transfer", "status": 200, "final": true }));
    manager.tell(&json!({ "do": "hangup", "call": 0 }));
    manager.wait_for(&json!({ "event": "state", "call": 0, "state": "DISCONNECTED" }));
    two.office.caller.hear(150);
    two.second.hear(150);
    two.office.caller.tell(&json!({ "do": "hangup" }));
    two.office.caller.wait_for_state("DISCONNECTED");
    two.second.wait_for_state("DISCONNECTED");

    let Office {
        caller, ringtag, ..
    } = two.office;
    let calls = ringtag.ended_calls(2);
    let first = ended_as(&calls, "completed");
    let second = ended_as(&calls, "transferred");
    assert_eq!(first["caller"], "+79161234567");
    assert_eq!(first["hung_up_by"], "caller");
    assert_eq!(second["caller"], "+79167654321");
    assert_eq!(second["hung_up_by"], "callee");
    for call in [&first, &second] {
        assert_eq!(call["manager"], "desk");
        assert_eq!(call["recording"]["state"], "complete", "{call}");
        assert_eq!(call["transfers"][0]["result"], "answered");
        assert_eq!(call["transfers"][0]["by"], "manager:desk");
    }
    assert_eq!(first["transfers"][0]["joined"], second["id"]);
    assert_eq!(second["transfers"][0]["joined"], first["id"]);
    let roles: Vec<_> = (0..3).map(|leg| &first["legs"][leg]["role"]).collect();
    assert_eq!(roles, ["caller", "callee", "transfer"]);
    assert_eq!(first["legs"][2]["trunk"], "spare");
    assert_eq!(
        first["legs"][2]["sip_call_id"],
        second["legs"][0]["sip_call_id"]
    );

    let joined = first["legs"][2]["joined_ms"].as_u64().unwrap();
    let turn = usize::try_from(joined * 8).unwrap();
    let [left, right] = sides(&ringtag, &first, turn);
    assert_tone("the first caller before", &left[0], CALLER_HZ, SECOND_HZ);
    assert_tone("the first caller after", &left[1], CALLER_HZ, SECOND_HZ);
    assert_tone("the manager", &right[0], CALLEE_HZ, SECOND_HZ);
    assert_tone("the second caller", &right[1], SECOND_HZ, CALLEE_HZ);
    let [left, right] = sides(&ringtag, &second, 0);
    assert_tone("the second call's caller", &left[1], SECOND_HZ, CALLER_HZ);
    assert_tone("the second call's manager", &right[1], CALLEE_HZ, CALLER_HZ);

    let last = |sound: &[i16]| sound[sound.len() - SOME..].to_vec();
    let heard = caller.quit();
    let heard = loud(&heard);
    let before = &heard[..SOME];
    assert_heard(
        "the first caller's ear before",
        before,
        CALLEE_HZ,
        SECOND_HZ,
    );
    assert_heard(
        "the first caller's ear after",
        &last(heard),
        SECOND_HZ,
        CALLEE_HZ,
    );
    let heard = two.second.quit();
    let heard = loud(&heard);
    let before = &heard[..SOME];
    assert_heard(
        "the second caller's ear before",
        before,
        CALLEE_HZ,
        CALLER_HZ,
    );
    assert_heard(
        "the second caller's ear after",
        &last(heard),
        CALLER_HZ,
        CALLEE_HZ,
    );
}
