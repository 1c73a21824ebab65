//! Session timers on the wire (RFC 4028): each side's terms, and refreshes from either side.

use crate::harness::Ringtag;
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

const ASKS_TOO_LITTLE: &str = "Supported: timer\nSession-Expires: 60\n";
const ASKS: &str = "Supported: timer\nSession-Expires: 90;refresher=uac\nMin-SE: 90\n";
/// Shorter than the RFC has it, so that the test sees a refresh of ours within five seconds.
const AGREES: &str =
    "Require: timer\nSession-Expires: 10;refresher=uac\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\n";

#[test]
fn both_sides_agree_on_session_timers_and_refresh_them() {
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", crate::harness::CONFIG));
    let callee = Script::callee("refreshed")
        .expect_call()
        .describe(200, "sendrecv")
        .with(AGREES)
        .expect("ACK")
        .expect_with("UPDATE", "Session-Expires", ";refresher=uac")
        .reply(200)
        .with(AGREES)
        .request("BYE", "")
        .response(200);
    let pbx = Sipp::play(&ringtag, &callee, ringtag.net.pbx());
    let caller = Script::caller("refreshing")
        .invite(true)
        .with(ASKS_TOO_LITTLE)
        .provisionals(&[100])
        .response_with(422, "Min-SE: 90")
        .ack_refused()
        .invite(true)
        .with(ASKS)
        .provisionals(&[100, 180])
        .response_with(200, "Session-Expires: 90;refresher=uac")
        .ack(false)
        .request("UPDATE", "")
        .with(ASKS)
        .response_with(200, "Session-Expires: 90;refresher=uac")
        .expect("BYE")
        .reply(200);
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    carrier.succeed();
    let messages = pbx.messages();
    pbx.succeed();
    for line in ["Session-Expires: 1800", "Min-SE: 90", "Max-Breadth: 60"] {
        assert!(
            messages.lines().any(|said| said == line),
            "no {line} in\n{messages}"
        );
    }
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "callee");
}
