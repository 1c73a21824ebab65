//! What phones agree on before the answer: reliable provisional responses with PRACK (RFC 3262), and UPDATE (RFC 3311).

use crate::harness::Ringtag;
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

const KNOWS: &str = "Supported: 100rel\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\n";

/// Plays both scripts to their end on a ringtag of their own and returns the record.
fn talk(caller: &Script, callee: &Script) -> serde_json::Value {
    let ringtag = Ringtag::start(TO_DESK);
    let pbx = Sipp::play(&ringtag, callee, ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, caller, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    call
}

#[test]
fn a_reliable_183_is_acknowledged_end_to_end_and_the_200_has_no_sdp() {
    let callee = Script::callee("reliable")
        .expect_early_call()
        .describe_reliably(183, 4_711)
        .expect_with("PRACK", "RAck", "4711 1 INVITE")
        .say_ok()
        .accept_call()
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::caller("knows")
        .invite(true)
        .also(KNOWS)
        .provisionals(&[100])
        .acknowledged(183)
        .response_with(200, "Content-Length: *0")
        .ack(false)
        .request("BYE", "")
        .response(200);
    talk(&caller, &callee);
}

#[test]
fn a_target_alone_that_is_reliable_is_acknowledged_by_ringtag() {
    let callee = Script::callee("reliable-alone")
        .expect_early_call()
        .describe_reliably(183, 1)
        .expect_with("PRACK", "RAck", "1 1 INVITE")
        .say_ok()
        .accept_call()
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::caller("plain")
        .invite(true)
        .provisionals(&[100])
        .response(183)
        .response_with(200, "m=audio")
        .ack(false)
        .request("BYE", "")
        .response(200);
    talk(&caller, &callee);
}

#[test]
fn a_caller_that_requires_it_is_served_whatever_the_target_knows() {
    let callee = Script::callee("plain-ringing")
        .expect_call()
        .reply_with(180, "Contact: <sip:phone@[local_ip]:[local_port]>\n")
        .pause(300)
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::caller("requires")
        .invite(true)
        .also("Require: 100rel\n")
        .provisionals(&[100])
        .acknowledged(180)
        .response_with(200, "m=audio")
        .ack(false)
        .request("BYE", "")
        .response(200);
    talk(&caller, &callee);
}

#[test]
fn an_update_before_the_answer_moves_the_targets_sound_and_stays_behind_ringtag() {
    let callee = Script::callee("moves-early")
        .expect_early_call()
        .describe_reliably(183, 7)
        .expect("PRACK")
        .say_ok()
        .update("127.0.0.99")
        .response_with(200, "m=audio")
        .accept_call()
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::caller("updated-early")
        .invite(true)
        .also(KNOWS)
        .provisionals(&[100])
        .acknowledged(183)
        .expect_body("UPDATE", "c=IN IP4 [0-9.]*[.]1[^0-9].*m=audio")
        .updated()
        .response_with(200, "Content-Length: *0")
        .ack(false)
        .request("BYE", "")
        .response(200);
    talk(&caller, &callee);
}

#[test]
fn an_update_within_the_call_reaches_a_target_without_update_as_reinvite() {
    let callee = Script::callee("no-update")
        .expect_call()
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect_body("INVITE", "m=audio")
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = Script::caller("updates")
        .invite(true)
        .provisionals(&[100])
        .response(200)
        .ack(false)
        .update("127.0.0.98")
        .response_with(200, "m=audio")
        .request("BYE", "")
        .response(200);
    talk(&caller, &callee);
}
