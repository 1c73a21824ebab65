//! Calls that two phones have with each other: rung together, heard before the answer, modified from either side.

use std::net::SocketAddr;
use std::time::Duration;

use ringtag::phones::{Law, Phone, Settings};

use crate::harness::{NUMBER, PATIENCE, Ringtag};
use crate::script::Script;
use crate::sipp::{DESK_THEN_SECOND, Sipp, TO_DESK};
use crate::sound::channels;

const TOGETHER: &str = r#"
[[group]]
id = "both"
members = ["desk", "second"]
strategy = "all"
[[rule]]
id = "all"
to = "group:both"
"#;

/// Rings for a moment and answers.
fn answering(name: &'static str) -> Script {
    Script::callee(name)
        .expect_call()
        .reply(180)
        .pause(300)
        .describe(200, "sendrecv")
        .expect("ACK")
}

/// Calls and is answered.
fn calling(name: &'static str) -> Script {
    Script::caller(name)
        .invite(true)
        .provisionals(&[100, 180])
        .response(200)
        .ack(false)
}

/// Plays both scripts to their end on a ringtag of their own and returns the record.
fn talk(caller: &Script, callee: &Script) -> serde_json::Value {
    let ringtag = Ringtag::start(TO_DESK);
    let pbx = Sipp::play(&ringtag, callee, ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, caller, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    ringtag.ended_calls(1).remove(0)
}

#[test]
fn the_first_of_a_group_to_answer_wins_and_the_other_hears_that_it_was_answered_elsewhere() {
    let ringtag = Ringtag::start(TOGETHER);
    let loser = Script::callee("loser")
        .expect_call()
        .reply(180)
        .expect_with(
            "CANCEL",
            "Reason",
            "SIP ?; ?cause=200 ?; ?text=\"answered elsewhere\"",
        )
        .reply(200)
        .reply_with_cseq(487, "1 INVITE")
        .expect("ACK");
    let desk = Sipp::play(&ringtag, &loser, ringtag.net.pbx());
    let winner = answering("winner").expect("BYE").reply(200);
    let second = Sipp::play(&ringtag, &winner, ringtag.net.spare());
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    desk.succeed();
    second.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["manager"], "second");
    let results: Vec<_> = call["targets_tried"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(results, ["answered-elsewhere", "answered"]);
    assert_eq!(call["finish_reason"], "completed");
}

#[tokio::test]
async fn what_a_target_plays_before_it_answers_is_heard_and_not_recorded() {
    let ringtag = Ringtag::start(TO_DESK);
    let phone = |host, name: &str, tone_hz| {
        let settings = Settings {
            name: name.to_owned(),
            tone_hz,
            law: Law::A,
        };
        Phone::bind(SocketAddr::from((host, 5060)), settings)
    };
    let caller = phone(ringtag.net.carrier(), "+79161234567", 440)
        .await
        .unwrap();
    let desk = phone(ringtag.net.pbx(), "101", 1_000).await.unwrap();
    let at = SocketAddr::from((ringtag.net.ringtag(), 5060));
    let mut dialing = caller
        .dial(&format!("sip:{NUMBER}@{at}"), at)
        .await
        .unwrap();
    let incoming = desk.next().await.unwrap();
    incoming.ring_aloud().await;
    assert_eq!(dialing.progress().await.unwrap(), 183);
    let early = tokio::time::timeout(PATIENCE, async {
        while dialing.heard().received < 50 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        dialing.heard().tone_hz()
    });
    assert_eq!(early.await.expect("sound before the answer"), Some(1_000));

    let (theirs, ours) = tokio::join!(incoming.answer(), dialing.answered());
    let ours = ours.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    ours.hang_up().await.unwrap();
    theirs.ended().await;
    let call = ringtag.ended_calls(1).remove(0);
    let talk_ms = call["talk_ms"].as_u64().unwrap();
    let recorded_ms = call["recording"]["duration_ms"].as_u64().unwrap();
    assert!(call["wait_ms"].as_u64().unwrap() >= 900, "{call}");
    assert!(
        talk_ms.abs_diff(recorded_ms) <= 20,
        "{talk_ms} ms of talk, {recorded_ms} ms recorded"
    );
    let samples = channels(&ringtag.recording_of(&call));
    let millis = samples[1].len() as u64 / 8;
    assert!(millis.abs_diff(talk_ms) <= 20, "{millis} ms in the file");
}

#[test]
fn a_target_that_plays_and_then_refuses_is_followed_by_the_next_one() {
    let ringtag = Ringtag::start(DESK_THEN_SECOND);
    let aloud = Script::callee("aloud").expect_call();
    let aloud = aloud.describe(183, "sendrecv").pause(300).reply(486);
    let desk = Sipp::play(&ringtag, &aloud.expect("ACK"), ringtag.net.pbx());
    let second = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    let caller = Script::caller("forked")
        .invite(true)
        .response(100)
        .response_with(183, "m=audio")
        .response(180)
        .response_with(200, "m=audio")
        .ack(false)
        .pause(200)
        .request("BYE", "")
        .response(200);
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    carrier.succeed();
    desk.succeed();
    second.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["targets_tried"][0]["result"], "busy");
    assert_eq!(call["manager"], "second");
}

#[test]
fn the_callee_holds_and_resumes() {
    let callee = answering("holding")
        .pause(200)
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response_with(200, "a=recvonly")
        .request("ACK", "")
        .pause(200)
        .reinvite(Some("sendrecv"))
        .provisionals(&[100])
        .response_with(200, "a=sendrecv")
        .request("ACK", "")
        .expect("BYE")
        .reply(200);
    let caller = calling("held")
        .expect_body("INVITE", "a=sendonly")
        .describe(200, "recvonly")
        .expect("ACK")
        .expect_body("INVITE", "a=sendrecv")
        .describe(200, "sendrecv")
        .expect("ACK")
        .pause(200)
        .request("BYE", "")
        .response(200);
    let call = talk(&caller, &callee);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "caller");
}

#[test]
fn a_reinvite_without_sdp_asks_the_other_side_for_its_offer() {
    let caller = calling("asking")
        .pause(200)
        .reinvite(None)
        .provisionals(&[100])
        .response_with(200, "m=audio")
        .ack(true)
        .pause(200)
        .request("BYE", "")
        .response(200);
    let callee = answering("offering")
        .expect_with("INVITE", "Content-Length", "^ *0")
        .describe(200, "sendrecv")
        .expect_body("ACK", "m=audio")
        .expect("BYE")
        .reply(200);
    assert_eq!(talk(&caller, &callee)["finish_reason"], "completed");
}

#[test]
fn an_invite_without_sdp_gets_the_targets_offer_and_its_ack_carries_the_answer() {
    let caller = Script::caller("late")
        .invite(false)
        .provisionals(&[100, 180])
        .response_with(200, "m=audio")
        .ack(true)
        .pause(500)
        .request("BYE", "")
        .response(200);
    let callee = Script::callee("offers")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect_body("ACK", "m=audio")
        .expect("BYE")
        .reply(200);
    let call = talk(&caller, &callee);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["legs"][0]["codec"], "PCMA/8000");
}

#[test]
fn offers_that_cross_are_told_491_on_both_sides_and_the_call_goes_on() {
    // The callee offers while the caller's offer is on its way to it.
    let callee = answering("crossing")
        .keep("INVITE")
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response(491)
        .ack_refused()
        .late_reply(491)
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let caller = calling("crossed")
        .pause(200)
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response(491)
        .ack_refused()
        .pause(500)
        .request("BYE", "")
        .response(200);
    let call = talk(&caller, &callee);
    assert_eq!(call["finish_reason"], "completed");
}

#[test]
fn a_refused_reinvite_leaves_the_call_as_it_was() {
    let caller = calling("refused")
        .pause(200)
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response(488)
        .ack_refused()
        .pause(500)
        .request("BYE", "")
        .response(200);
    let callee = answering("refusing")
        .expect("INVITE")
        .reply(488)
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let call = talk(&caller, &callee);
    assert_eq!(call["finish_reason"], "completed");
    assert!(call["talk_ms"].as_u64().unwrap() >= 500, "{call}");
}
