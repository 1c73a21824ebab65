//! SIP over TLS: whole calls with sound between phones that check certificates, and who is not let in.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::harness::{NUMBER, Ringtag, find};
use crate::pjsip::{Pjsip, Settings};
use crate::secure::{Authority, config, file, start};
use crate::sound::{assert_heard, assert_tone, channels};

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
    assert_heard("the caller's ear", &caller.quit(), 1_000, 440);
    assert_heard("the callee's ear", &callee.quit(), 440, 1_000);
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

#[test]
fn a_call_by_sips_stays_on_tls_and_is_written_so() {
    let ringtag = ringtag(&both_over_tls(""));
    let folder = TempDir::new().unwrap();
    let (mut caller, callee) = phones(&ringtag, &folder, "pbx");
    dial(&mut caller, &ringtag, |to| format!("sips:{NUMBER}@{to}"));
    let call = talk(&ringtag, caller, callee);
    let dialled = call["legs"][1]["remote_uri"].as_str().unwrap();
    assert!(dialled.starts_with("sips:101@"), "{dialled}");
}

#[test]
fn a_trunk_whose_certificate_has_expired_is_not_called() {
    let ringtag = ringtag(&both_over_tls(""));
    let folder = TempDir::new().unwrap();
    let (mut caller, callee) = phones(&ringtag, &folder, "old");
    dial(&mut caller, &ringtag, |to| {
        format!("sip:{NUMBER}@{to};transport=tls")
    });
    caller.wait_for_state("DISCONNECTED");
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["targets_tried"][0]["result"], "unreachable");
    ringtag.wait_for("why", || {
        let log = ringtag.log();
        let why = "invalid peer certificate: certificate expired";
        log.contains(why).then_some(())
    });
    caller.quit();
    callee.quit();
}

/// The certificate that OpenSSL is shown, or nothing where it does not trust us.
fn shown(ringtag: &Ringtag, ca: &str) -> Option<String> {
    let output = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &format!("{}:5061", ringtag.net.ringtag()),
        ])
        .args([
            "-CAfile",
            &file(ringtag.folder.path(), ca),
            "-verify_return_error",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, certificate) = said.split_once("-----BEGIN CERTIFICATE-----")?;
    let (certificate, _) = certificate.split_once("-----END")?;
    output.status.success().then(|| certificate.to_owned())
}

#[test]
fn sighup_shows_a_new_certificate_and_a_bad_one_changes_nothing() {
    let config = both_over_tls("");
    let ringtag = ringtag(&config);
    let folder = ringtag.folder.path().to_owned();
    let first = shown(&ringtag, "ca.pem").expect("OpenSSL trusts us");
    assert_eq!(shown(&ringtag, "other.pem"), None);
    let other = Authority::new(&folder, "next");
    other.sign("us", ringtag.net.ringtag(), 2090);
    ringtag.reload(&config);
    let second = ringtag.wait_for("the new certificate", || shown(&ringtag, "next.pem"));
    assert_ne!(first, second);
    // The key of another certificate.
    std::fs::copy(folder.join("pbx.key"), folder.join("us.key")).unwrap();
    ringtag.reload(&config);
    ringtag.wait_for("the mistake", || {
        ringtag
            .log()
            .contains("us.key does not fit the certificate")
            .then_some(())
    });
    assert_eq!(shown(&ringtag, "next.pem"), Some(second));
}

/// A connection from a host of the tests' network.
fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<std::net::TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

#[test]
fn a_thousand_idle_connections_and_half_handshakes_do_not_hurt_a_call() {
    let ringtag = ringtag(&both_over_tls(""));
    let net = ringtag.net;
    let mut held = Vec::new();
    for (port, what) in [
        (5061, &b""[..]),
        // The beginning of a ClientHello, and never its end.
        (5061, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (5060, b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP"),
        (8088, b"GET / HTTP/1.1\r\nHost: a\r\n"),
    ] {
        for host in 100..105 {
            for _ in 0..50 {
                let to = SocketAddr::from((net.ringtag(), port));
                let mut stream = connect(net.host(host), to).unwrap();
                // Whoever was turned away already is told by a reset.
                let _reset = stream.write_all(what);
                held.push(stream);
            }
        }
    }
    assert_eq!(held.len(), 1_000);
    let folder = TempDir::new().unwrap();
    let (mut caller, callee) = phones(&ringtag, &folder, "pbx");
    dial(&mut caller, &ringtag, |to| {
        format!("sip:{NUMBER}@{to};transport=tls")
    });
    talk(&ringtag, caller, callee);
    // Each host had its share, and none of them more.
    assert!(ringtag.metric("ringtag_connections_turned_away_total") >= 500.0);
    assert!(ringtag.metric("ringtag_connections") <= 400.0);
    ringtag.wait_for("the end of half handshakes", || {
        (ringtag.metric("ringtag_connections_unshaken_total") >= 100.0).then_some(())
    });
}
