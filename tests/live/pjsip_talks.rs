//! PJSIP phones within a call: UPDATE (RFC 3311), holds from either side, session timers (RFC 4028).

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::CONFIG;
use crate::pjsip::{Office, Pjsip};

/// A request was answered; `role` is who the phone was in it.
fn done(role: &str, method: &str, status: u16) -> Value {
    json!({ "event": "done", "role": role, "method": method, "status": status })
}

/// One holds by this request and resumes by it, and the other sees both.
fn hold(holds: &mut Pjsip, held: &mut Pjsip, method: &str) {
    for (direction, status) in [("sendonly", 3), ("sendrecv", 1)] {
        holds.offer(method, direction);
        held.wait_for(&json!({ "event": "media", "status": status }));
        held.wait_for(&done("UAS", method, 200));
    }
}

#[test]
fn pjsip_holds_from_either_side_by_reinvite_and_by_update() {
    let mut office = Office::start(CONFIG, json!({}), json!({}), &[180, 200]);
    office.talk();
    office.record(1);
    for method in ["INVITE", "UPDATE"] {
        hold(&mut office.caller, &mut office.callee, method);
        hold(&mut office.callee, &mut office.caller, method);
    }
    // Every change breaks a tone for a moment.
    office.record(4);
    office.end_call();
    office.finish_with_sound();
}

#[test]
fn both_phones_keep_session_timers_and_every_leg_is_refreshed() {
    let config = CONFIG.replacen("drain_s = 2", "drain_s = 2\nsession_expires_s = 90", 1);
    let timers = json!({ "timer": "always", "expires_s": 90 });
    let mut office = Office::start(&config, timers.clone(), timers, &[200]);
    office.talk();
    // Half of ninety seconds, and some.
    for phone in [&mut office.caller, &mut office.callee] {
        let refresh = json!({ "event": "done", "method": "UPDATE", "status": 200 });
        phone.wait_for_at_most(Duration::from_secs(60), &refresh);
    }
    for phone in [&office.caller, &office.callee] {
        let log = phone.log();
        let answers: Vec<_> = log
            .split("SIP/2.0 200 ")
            .skip(1)
            .filter_map(|rest| rest.split("\r\n\r\n").next())
            .filter(|head| head.contains(" INVITE") || head.contains(" UPDATE"))
            .collect();
        assert!(answers.len() >= 2, "{log}");
        for answer in answers {
            assert!(
                answer.contains("Session-Expires: 90;refresher="),
                "{answer}"
            );
        }
    }
    office.end_call();
    office.finish_with_sound();
}
