//! Peers that vanish: no ACK, no sound, no answer. The call ends on both sides, and the record says why.

use crate::harness::{CONFIG, Ringtag, wait_for_at_most};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

fn answering() -> Script {
    Script::callee("answering")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200)
}

#[test]
fn a_caller_who_never_acknowledges_is_hung_up_on_and_so_is_the_target() {
    let ringtag = Ringtag::start(TO_DESK);
    let silent = Script::caller("silent")
        .invite(true)
        .provisionals(&[100, 180])
        .response(200)
        .expect("BYE")
        .reply(200);
    let pbx = Sipp::play(&ringtag, &answering(), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &silent, ringtag.net.carrier());
    // 64 * T1 (RFC 3261 13.3.1.4).
    let forty = std::time::Duration::from_secs(40);
    let ended = wait_for_at_most(forty, || {
        ringtag
            .calls()
            .pop()
            .filter(|call| !call["ended_at"].is_null())
    });
    let call = ended.unwrap_or_else(|| panic!("the call never ends"));
    assert_eq!(call["finish_reason"], "signalling-lost");
    assert_eq!(call["hung_up_by"], "system");
    assert!(
        call["talk_ms"].as_u64().unwrap().abs_diff(32_000) < 1_000,
        "{call}"
    );
    carrier.succeed();
    pbx.succeed();
}

#[test]
fn when_no_sound_comes_from_either_side_both_are_hung_up_on() {
    let config = CONFIG.replace("[media]\n", "[media]\nsilence_s = 10\n");
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let quiet = Script::caller("quiet")
        .invite(true)
        .provisionals(&[100, 180])
        .response(200)
        .ack(false)
        .expect("BYE")
        .reply(200);
    let pbx = Sipp::play(&ringtag, &answering(), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &quiet, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "media-lost");
    assert_eq!(call["hung_up_by"], "system");
    assert!(call["talk_ms"].as_u64().unwrap() >= 10_000, "{call}");
}

#[test]
fn a_caller_whose_phone_is_gone_frees_the_target_and_every_port() {
    let config = CONFIG.replace("[media]\n", "[media]\nsilence_s = 10\n");
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let free = ringtag.metric("ringtag_port_pairs_free");
    let pbx = Sipp::play(&ringtag, &answering(), ringtag.net.pbx());
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "60000"]);
    ringtag.wait_for("the call", || {
        (ringtag.metric("ringtag_calls_talking") == 1.0).then_some(())
    });
    drop(carrier);
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "media-lost");
    ringtag.wait_for("every port pair", || {
        (ringtag.metric("ringtag_port_pairs_free") >= free).then_some(())
    });
}

#[test]
fn a_call_on_hold_may_be_silent() {
    let config = CONFIG.replace("[media]\n", "[media]\nsilence_s = 10\n");
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let holding = Script::caller("holding")
        .invite(true)
        .provisionals(&[100, 180])
        .response(200)
        .ack(false)
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response(200)
        .ack(false)
        .pause(11_500)
        .request("BYE", "")
        .response(200);
    let held = Script::callee("held")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("INVITE")
        .describe(200, "recvonly")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let pbx = Sipp::play(&ringtag, &held, ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &holding, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
}
