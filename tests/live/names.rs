//! How trunks are reached: by the records of their names, at the next place when one is dead, and not at all while nothing
//! answers.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::dns::Dns;
use crate::harness::{CONFIG, Net, Ringtag, wait_for_at_most};
use crate::script::Script;
use crate::sipp::{DESK_THEN_SECOND, Sipp, TO_DESK};

/// The PBX is a name without a port, looked up at `dns`.
fn named(dns: &Dns) -> String {
    let config = CONFIG.replacen(
        "drain_s = 2",
        &format!("drain_s = 2\nresolver = \"{}\"", dns.address),
        1,
    );
    let config = config.replacen("host = \"{pbx}:5060\"", "host = \"pbx.example.net\"", 1);
    format!("{config}\n{TO_DESK}")
}

/// A call goes through; returns its record.
fn call(ringtag: &Ringtag, pbx: Ipv4Addr, calls: usize) -> serde_json::Value {
    let callee = Sipp::run(ringtag, "uas", pbx, 1, &[]);
    let caller = Sipp::run(ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    caller.succeed();
    callee.succeed();
    ringtag.ended_calls(calls).remove(0)
}

#[test]
fn a_name_leads_over_naptr_and_srv_to_the_place_that_answers() {
    let dns = Dns::start();
    let net = Net::take();
    // The records name the service; nobody lives at the server of the first priority.
    dns.naptr("pbx.example.net", "SIP+D2U", "_sip._udp.lines.example.net")
        .srv(
            "_sip._udp.lines.example.net",
            [1, 0, 5060],
            "dead.example.net",
        )
        .srv(
            "_sip._udp.lines.example.net",
            [2, 0, 5060],
            "alive.example.net",
        )
        .a("dead.example.net", net.host(9))
        .a("alive.example.net", net.pbx());
    let folder = tempfile::tempdir().unwrap();
    let ringtag = Ringtag::start_in(net, folder, &named(&dns)).unwrap();
    let first = call(&ringtag, net.pbx(), 1);
    assert_eq!(first["finish_reason"], "completed");
    let tried = first["targets_tried"].as_array().unwrap();
    assert_eq!(tried.len(), 1, "{tried:?}");
    assert_eq!(tried[0]["result"], "answered");
    let waited = first["wait_ms"].as_u64().unwrap();
    assert!((2_000..8_000).contains(&waited), "{waited}");
    // The next call tries the living server first.
    let second = call(&ringtag, net.pbx(), 2);
    assert!(second["wait_ms"].as_u64().unwrap() < 1_500, "{second}");
}

#[test]
fn a_reload_asks_the_names_again_and_keeps_what_is_known_while_nobody_answers() {
    let dns = Dns::start();
    let net = Net::take();
    dns.srv(
        "_sip._udp.pbx.example.net",
        [1, 0, 5060],
        "alive.example.net",
    )
    .a("alive.example.net", net.pbx());
    let folder = tempfile::tempdir().unwrap();
    let config = named(&dns);
    let ringtag = Ringtag::start_in(net, folder, &config).unwrap();
    call(&ringtag, net.pbx(), 1);
    dns.set_silent(true);
    ringtag.reload(&config);
    // Three questions in a row, each asked twice for two seconds.
    let warned = wait_for_at_most(Duration::from_secs(60), || {
        let log = ringtag.log();
        log.contains("the addresses known before stay in use")
            .then_some(())
    });
    assert!(warned.is_some(), "no warning");
    call(&ringtag, net.pbx(), 2);
    // It answers again, and the PBX has moved.
    dns.clear();
    dns.set_silent(false);
    dns.srv(
        "_sip._udp.pbx.example.net",
        [1, 0, 5060],
        "moved.example.net",
    )
    .a("moved.example.net", net.spare());
    ringtag.reload(&config);
    ringtag.wait_for("the new address", || {
        (dns.asked("moved.example.net") >= 2).then_some(())
    });
    let moved = call(&ringtag, net.spare(), 3);
    assert_eq!(moved["finish_reason"], "completed");
    assert_eq!(moved["targets_tried"].as_array().unwrap().len(), 1);
}

#[test]
fn a_trunk_that_says_nothing_is_left_out_until_it_answers() {
    let config = CONFIG.replacen("id = \"pbx\"", "id = \"pbx\"\nhealth_s = 5", 1);
    let ringtag = Ringtag::start_with(&format!("{config}\n{DESK_THEN_SECOND}"));
    let up = |wanted: f64| {
        let shown = || ringtag.metric("ringtag_trunk_up{trunk=\"pbx\"}");
        let seen = wait_for_at_most(Duration::from_secs(60), || {
            (shown() == wanted).then_some(())
        });
        assert!(seen.is_some(), "never {wanted}");
    };
    up(1.0);
    // Three questions, each of which has four seconds.
    up(0.0);
    let second = call(&ringtag, ringtag.net.spare(), 1);
    assert_eq!(second["targets_tried"][0]["result"], "unreachable");
    assert_eq!(second["targets_tried"][1]["result"], "answered");
    assert!(second["wait_ms"].as_u64().unwrap() < 1_500, "{second}");
    let alive = Script::callee("alive").expect("OPTIONS").reply(200);
    let pbx = Sipp::play(&ringtag, &alive, ringtag.net.pbx());
    up(1.0);
    pbx.succeed();
    ringtag.wait_for("the line of the trunk", || {
        let told = ringtag.log().contains("the trunk answers again");
        told.then_some(())
    });
}
