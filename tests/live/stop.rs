//! Signals: SIGTERM drains, then ends what is left; SIGHUP changes the rules for the next call, or nothing at all.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::{CONFIG, Net, Ringtag, command, is_whole, wait_for};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

fn with_drain(seconds: u32) -> String {
    let drain = format!("drain_s = {seconds}");
    format!("{}\n{TO_DESK}", CONFIG.replace("drain_s = 2", &drain))
}

/// Answered, and ended by whoever ends it: the other side or ringtag.
fn until_bye(script: Script) -> Script {
    script.expect("BYE").reply(200)
}

fn calling() -> Script {
    Script::talker("calling")
}

fn answering() -> Script {
    Script::callee("answering")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
}

fn talking(ringtag: &Ringtag) {
    ringtag.wait_for("the call", || {
        (ringtag.metric("ringtag_calls_talking") == 1.0).then_some(())
    });
}

/// The calls of a store that no server has open.
fn calls_in(config: &std::path::Path) -> Vec<Value> {
    let (code, out, complaint) = command(config, &["calls", "--json"]);
    assert_eq!(code, Some(0), "{complaint}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_stop_refuses_new_calls_and_lets_the_one_under_way_end_by_itself() {
    let ringtag = Ringtag::start_with(&with_drain(30));
    let pbx = Sipp::play(&ringtag, &until_bye(answering()), ringtag.net.pbx());
    let long = calling().wait().request("BYE", "").response(200);
    let carrier = Sipp::play(&ringtag, &long, ringtag.net.carrier());
    talking(&ringtag);
    assert_eq!(ringtag.get("/readyz").0, 200);

    ringtag.signal("TERM");
    ringtag.wait_for("draining", || {
        (ringtag.get("/readyz").0 == 503).then_some(())
    });
    assert_eq!(ringtag.get("/healthz").0, 200, "alive all the same");
    let refused = Script::caller("refused")
        .invite(true)
        .provisionals(&[100])
        .response_with(503, "Retry-After:")
        .ack_refused();
    let other_port = SocketAddr::from((ringtag.net.carrier(), 5061));
    let at = SocketAddr::from((ringtag.net.ringtag(), 5060));
    Sipp::play_at(ringtag.folder.path(), &refused, other_port, at).succeed();
    assert_eq!(ringtag.metric("ringtag_calls_talking"), 1.0);
    carrier.go_on();
    carrier.succeed();
    pbx.succeed();
    let config = ringtag.config();
    let (status, _folder) = ringtag.end();
    assert_eq!(status.code(), Some(0));
    let calls = calls_in(&config);
    assert_eq!(calls.len(), 2, "{calls:#?}");
    assert_eq!(
        calls[0]["finish_reason"], "shutdown",
        "a lead that was lost"
    );
    assert_eq!(calls[0]["sip_status"], 503);
    assert_eq!(calls[1]["finish_reason"], "completed");
    assert!(is_whole(&calls[1]), "{calls:#?}");
    let (code, out, _) = command(&config, &["verify"]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn when_the_drain_is_over_the_last_calls_hear_a_bye_and_are_recorded_as_shutdown() {
    let ringtag = Ringtag::start_with(&with_drain(1));
    let pbx = Sipp::play(&ringtag, &until_bye(answering()), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &until_bye(calling()), ringtag.net.carrier());
    talking(&ringtag);
    let config = ringtag.config();
    let (status, _folder) = ringtag.stop();
    assert_eq!(status.code(), Some(0));
    carrier.succeed();
    pbx.succeed();
    let calls = calls_in(&config);
    assert_eq!(calls[0]["finish_reason"], "shutdown");
    assert_eq!(calls[0]["hung_up_by"], "system");
    assert!(is_whole(&calls[0]), "{calls:#?}");
    assert!(!calls[0]["recording"]["sha256"].is_null(), "{}", calls[0]);
}

#[test]
fn a_reload_changes_the_rules_for_the_next_call_and_a_broken_file_changes_nothing() {
    let ringtag = Ringtag::start(TO_DESK);
    let broken =
        format!("{CONFIG}\n[[rule]]\nid = \"all\"\nto = \"manager:nobody\"\nring_s = \"soon\"\n");
    let line = broken.lines().count();
    ringtag.reload(&broken);
    let log = ringtag.wait_for("the failed reload", || {
        let log = ringtag.log();
        log.contains("the reload changed nothing").then_some(log)
    });
    assert_eq!(ringtag.metric("ringtag_reloads_failed_total"), 1.0);
    for (line, what) in [(line - 1, "nobody"), (line, "ring_s")] {
        let place = format!("ringtag.toml:{line}:");
        assert!(
            log.lines()
                .any(|text| text.contains(&place) && text.contains(what)),
            "{place} {what} in\n{log}"
        );
    }
    assert_eq!(ringtag.get("/readyz").0, 200);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]).succeed();
    pbx.succeed();

    let second = TO_DESK.replace("desk", "second").replace("all", "other");
    ringtag.reload(&format!("{CONFIG}\n{second}"));
    ringtag.wait_for("the reload", || {
        (ringtag.metric("ringtag_reloads_total") == 1.0).then_some(())
    });
    let spare = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]).succeed();
    spare.succeed();
    let calls = ringtag.ended_calls(2);
    assert_eq!(calls[0]["rule"], "other");
    assert_eq!(calls[0]["manager"], "second");
    assert_eq!(calls[1]["manager"], "desk");
    assert_eq!(ringtag.get("/readyz").0, 200);
}

#[test]
fn a_call_under_way_keeps_the_rules_that_it_began_with() {
    let ringtag = Ringtag::start(crate::sipp::DESK_THEN_SECOND);
    let ringing = Script::callee("ringing").expect_call().reply(180);
    let ringing = ringing
        .expect("CANCEL")
        .reply(200)
        .reply_with_cseq(487, "1 INVITE")
        .expect("ACK");
    let desk = Sipp::play(&ringtag, &ringing, ringtag.net.pbx());
    let spare = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    ringtag.wait_for("the call", || {
        (ringtag.metric("ringtag_calls_live") == 1.0).then_some(())
    });
    ringtag.reload(&format!(
        "{CONFIG}\n[[rule]]\nid = \"none\"\nreject = 603\n"
    ));
    ringtag.wait_for("the reload", || {
        (ringtag.metric("ringtag_reloads_total") == 1.0).then_some(())
    });
    carrier.succeed();
    desk.succeed();
    spare.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["manager"], "second");
    assert!(wait_for(|| (ringtag.metric("ringtag_calls_live") == 0.0).then_some(())).is_some());
}

#[test]
fn a_call_that_still_rings_when_the_drain_is_over_is_refused_and_its_target_cancelled() {
    let ringtag = Ringtag::start_with(&with_drain(1));
    let ringing = Script::callee("ringing")
        .expect_call()
        .reply(180)
        .expect("CANCEL")
        .reply(200)
        .reply_with_cseq(487, "1 INVITE")
        .expect("ACK");
    let waiting = Script::caller("waiting")
        .invite(true)
        .response(100)
        .response(180)
        .response(503)
        .ack_refused();
    let pbx = Sipp::play(&ringtag, &ringing, ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &waiting, ringtag.net.carrier());
    carrier.wait_for_messages("SIP/2.0 180", 1);
    let config = ringtag.config();
    let (status, _folder) = ringtag.stop();
    assert_eq!(status.code(), Some(0));
    carrier.succeed();
    pbx.succeed();
    let calls = calls_in(&config);
    assert_eq!(calls[0]["finish_reason"], "shutdown");
    assert_eq!(calls[0]["answered"], false);
}

#[test]
fn a_reload_that_takes_a_trunk_away_leaves_its_calls_alone() {
    let ringtag = Ringtag::start(TO_DESK);
    let held = answering()
        .wait()
        .reinvite(Some("sendonly"))
        .provisionals(&[100])
        .response(200)
        .request("ACK", "");
    let pbx = Sipp::play(&ringtag, &until_bye(held), ringtag.net.pbx());
    let long = calling()
        .expect("INVITE")
        .describe(200, "recvonly")
        .expect("ACK")
        .pause(300)
        .request("BYE", "")
        .response(200);
    let carrier = Sipp::play(&ringtag, &long, ringtag.net.carrier());
    talking(&ringtag);
    let trunk = "[[trunk]]\nid = \"pbx\"\nhost = \"{pbx}:5060\"\nallow = [\"{pbx}\"]\n";
    let manager = "[[manager]]\nid = \"desk\"\nextension = \"101\"\ntrunk = \"pbx\"\n";
    let without = CONFIG.replace(trunk, "").replace(manager, "");
    assert!(!without.contains("pbx"), "{without}");
    let second = TO_DESK.replace("desk", "second");
    ringtag.reload(&format!("{without}\n{second}"));
    ringtag.wait_for("the reload", || {
        (ringtag.metric("ringtag_reloads_total") == 1.0).then_some(())
    });
    pbx.go_on();
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["manager"], "desk");
}

#[test]
fn a_second_server_on_the_same_call_log_is_refused_and_harms_nothing() {
    let ringtag = Ringtag::start(TO_DESK);
    let other = ringtag.folder.path().join("other.toml");
    let config = fs::read_to_string(ringtag.config()).unwrap();
    let elsewhere = Net::take().ringtag().to_string();
    let config = config.replace(&ringtag.net.ringtag().to_string(), &elsewhere);
    fs::write(&other, config).unwrap();
    let (code, out, complaint) = command(&other, &["serve"]);
    assert_eq!(code, Some(1), "{out}{complaint}");
    assert!(!out.contains("ready"), "{out}");
    let data = ringtag.folder.path().join("data");
    assert!(
        complaint.contains(&data.display().to_string()),
        "{complaint}"
    );
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]).succeed();
    pbx.succeed();
    assert_eq!(ringtag.ended_calls(1).len(), 1);
}
