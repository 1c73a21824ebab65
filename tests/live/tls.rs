//! SIP over TLS: whole calls with sound between phones that check certificates, and who is not let in.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{NUMBER, Ringtag, find};
use crate::pjsip::{Pjsip, Settings};
use crate::secure::{Authority, config, file, start};
use crate::sound::{assert_tone, channels};

const RULE: &str = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";

/// Both trunks over TLS.
fn both_over_tls(more: &str) -> String {
    let config = config(more);
    let config = ["carrier", "pbx"].iter().fold(config, |config, id| {
        config.replace(
            &format!("host = \"{{{id}}}:5060\""),
            &format!("host = \"{{{id}}}:5061\"\ntransport = \"tls\"\ntls_ca_file = \"ca.pem\""),
        )
    });
    format!("{config}\n{RULE}")
}

/// A ringtag whose peers have certificates of the same authority, in its own folder.
fn ringtag(config: &str) -> Ringtag {
    start(config, |net, folder| {
        let ca = Authority::new(folder, "ca");
        ca.sign("us", net.ringtag(), 2090);
        ca.sign("carrier", net.carrier(), 2090);
        ca.sign("pbx", net.pbx(), 2090);
        ca.sign("old", net.pbx(), 2021);
        let other = Authority::new(folder, "other");
        other.sign("stranger", net.carrier(), 2090);
    })
}

/// A phone that shows `certificate` and checks ours.
fn phone(
    ringtag: &Ringtag,
    folder: &TempDir,
    (user, host, hz): (&'static str, Ipv4Addr, u32),
    certificate: &str,
    answers: &'static [u16],
) -> Pjsip {
    let certificates = ringtag.folder.path();
    let more = json!({
        "transport": "tls", "port": 5061, "ca": file(certificates, "ca.pem"),
        "certificate": file(certificates, &format!("{certificate}.pem")),
        "key": file(certificates, &format!("{certificate}.key")),
    });
    let settings = Settings {
        user,
        host,
        hz,
        answers,
        more,
    };
    Pjsip::start(&folder.path().join(user), settings)
}

fn phones(ringtag: &Ringtag, folder: &TempDir, callee: &str) -> (Pjsip, Pjsip) {
    let net = ringtag.net;
    let carrier = ("+79161234567", net.carrier(), 440);
    let desk = ("101", net.pbx(), 1_000);
    (
        phone(ringtag, folder, carrier, "carrier", &[]),
        phone(ringtag, folder, desk, callee, &[180, 200]),
    )
}

fn dial(caller: &mut Pjsip, ringtag: &Ringtag, uri: impl FnOnce(SocketAddr) -> String) {
    let to = uri(SocketAddr::from((ringtag.net.ringtag(), 5061)));
    caller.tell(&json!({ "do": "dial", "to": to }));
}

/// Talks for two seconds, hangs up, and checks what everybody heard.
fn talk(ringtag: &Ringtag, mut caller: Pjsip, mut callee: Pjsip) -> Value {
    callee.wait_for_state("CONFIRMED");
    caller.wait_for_state("CONFIRMED");
    ringtag.wait_for("two seconds of the recording", || {
        let file = find(&ringtag.recordings(), ".wav.part")?;
        let size = std::fs::metadata(file).ok()?.len();
        (size >= 2 * 8_000 * 4).then_some(())
    });
    callee.tell(&json!({ "do": "hangup" }));
    caller.wait_for_state("DISCONNECTED");
    callee.wait_for_state("DISCONNECTED");
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    let sides = channels(&ringtag.recording_of(&call));
    assert_tone("left channel", &sides[0], 440, 1_000);
    assert_tone("right channel", &sides[1], 1_000, 440);
    assert_tone("the caller's ear", &caller.quit(), 1_000, 440);
    assert_tone("the callee's ear", &callee.quit(), 440, 1_000);
    call
}

#[test]
fn a_call_with_sound_runs_over_tls_on_both_sides_with_certificates_checked_all_round() {
    let ringtag = ringtag(&both_over_tls("client_ca_file = \"ca.pem\"\n"));
    let folder = TempDir::new().unwrap();
    let (mut caller, callee) = phones(&ringtag, &folder, "pbx");
    dial(&mut caller, &ringtag, |to| {
        format!("sip:{NUMBER}@{to};transport=tls")
    });
    let call = talk(&ringtag, caller, callee);
    assert_eq!(call["legs"][0]["trunk"], "carrier");
    assert_eq!(call["legs"][1]["trunk"], "pbx");
}
