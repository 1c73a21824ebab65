//! What a trunk asks for: credentials at a call and at a registration, and IPv6.

use std::net::{SocketAddr, UdpSocket};

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::harness::{CONFIG, Net, Ringtag, wait_for};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

const PROXY: &str =
    "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"5ca1ab1e\", qop=\"auth\", algorithm=MD5\n";
const SERVER: &str = "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"0ddba11\", algorithm=MD5\n";
const BOTH: &str =
    "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"deadbeef\", qop=\"auth\", algorithm=MD5\n";

/// [`CONFIG`] with a name and a password for this trunk.
fn known_at(trunk: &str, more: &str) -> String {
    let id = format!("id = \"{trunk}\"\n");
    let account = format!("{id}username = \"office\"\npassword = \"s3cret\"\n{more}");
    CONFIG.replacen(&id, &account, 1)
}

/// Asks once for credentials in this way, checks them, then is a phone like any other.
fn asking(name: &'static str, status: u16, challenge: &str) -> Script {
    Script::callee(name)
        .expect("INVITE")
        .reply_with(status, challenge)
        .expect("ACK")
        .expect_proven("INVITE", "office", "s3cret")
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200)
}

fn place_with(callee: &Script) {
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", known_at("pbx", "")));
    let pbx = Sipp::play(&ringtag, callee, ringtag.net.pbx());
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert!(
        !ringtag.log().contains("s3cret"),
        "the log tells the password"
    );
}

/// sipp verifies no Proxy-Authorization, so the test does the sum of RFC 7616 3.4 itself.
fn prove_to_proxy<D: Digest>(algorithm: &str) {
    let challenge = PROXY.replace("MD5", algorithm);
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", known_at("pbx", "")));
    let callee = Script::callee("proxy")
        .expect("INVITE")
        .reply_with(407, &challenge)
        .expect("ACK")
        .expect("INVITE")
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let pbx = Sipp::play(&ringtag, &callee, ringtag.net.pbx());
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    let messages = pbx.messages();
    pbx.succeed();
    let line = messages
        .lines()
        .find_map(|line| line.strip_prefix("Proxy-Authorization: Digest "))
        .unwrap_or_else(|| panic!("no Proxy-Authorization in\n{messages}"));
    let value = |name: &str| {
        let mut pairs = line.split(',').map(|pair| pair.trim());
        let found = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found
            .unwrap_or_else(|| panic!("no {name} in {line}"))
            .trim_matches('"')
    };
    let hash = |text: String| hex::encode(D::digest(text.as_bytes()));
    let who = hash("office:pbx:s3cret".to_owned());
    let what = hash(format!("INVITE:{}", value("uri")));
    let (count, cnonce) = (value("nc"), value("cnonce"));
    let expected = hash(format!("{who}:5ca1ab1e:{count}:{cnonce}:auth:{what}"));
    assert_eq!(value("response"), expected, "{line}");
    assert_eq!(value("algorithm"), algorithm);
    assert_eq!(count, "00000001");
}

#[test]
fn a_pbx_that_asks_with_407_gets_an_answer_that_it_can_verify() {
    prove_to_proxy::<Md5>("MD5");
}

#[test]
fn a_pbx_that_asks_with_sha_256_gets_an_answer_that_it_can_verify() {
    prove_to_proxy::<Sha256>("SHA-256");
}

#[test]
fn a_pbx_that_asks_with_401_and_no_qop_gets_an_answer_that_it_can_verify() {
    place_with(&asking("server", 401, SERVER));
}

#[test]
fn a_wrong_password_is_tried_once_and_the_target_has_failed() {
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", known_at("pbx", "")));
    let strict = Script::callee("strict")
        .expect("INVITE")
        .reply_with(407, PROXY)
        .expect("ACK")
        .expect("INVITE")
        .reply_with(407, PROXY)
        .expect("ACK")
        .pause(1_000);
    let pbx = Sipp::play(&ringtag, &strict, ringtag.net.pbx());
    let caller = Script::caller("turned_away")
        .invite(true)
        .response(100)
        .response(480)
        .ack_refused();
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["targets_tried"][0]["result"], "rejected");
    assert_eq!(call["targets_tried"][0]["sip_status"], 407);
}

#[test]
fn a_caller_who_lets_our_bye_come_elsewhere_learns_no_credentials_by_challenging_it() {
    let ringtag = Ringtag::start_with(&format!("{}\n{TO_DESK}", known_at("carrier", "")));
    let elsewhere = ringtag.net.host(9);
    let caller = Script::caller("curious")
        .invite(true)
        .provisionals(&[100, 180])
        .response(200)
        .ack(false)
        .pause(1_000)
        .contact(&elsewhere.to_string());
    // A second BYE would be unexpected here.
    let thief = Script::callee("thief")
        .expect("BYE")
        .reply_with(401, BOTH)
        .pause(1_500);
    let callee = Script::callee("leaving")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .pause(300)
        .request("BYE", "")
        .response(200);
    let thief = Sipp::play(&ringtag, &thief, elsewhere);
    let pbx = Sipp::play(&ringtag, &callee, ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &caller, ringtag.net.carrier());
    carrier.succeed();
    pbx.succeed();
    thief.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["hung_up_by"], "callee");
}

#[test]
fn a_registration_is_made_proven_refreshed_and_taken_back() {
    let registrar = Script::callee("registrar")
        .expect("REGISTER")
        .reply_with(401, BOTH)
        .expect_proven("REGISTER", "office", "s3cret")
        .grant(4)
        // The refresh comes before the four seconds are over.
        .expect_proven("REGISTER", "office", "s3cret")
        .grant(60)
        .expect_with("REGISTER", "Expires", "^ *0")
        .grant(0);
    let net = Net::take();
    let folder = tempfile::tempdir().unwrap();
    let carrier = Sipp::play_at(
        folder.path(),
        &registrar,
        SocketAddr::from((net.carrier(), 5060)),
        SocketAddr::from((net.ringtag(), 5060)),
    );
    let config = format!("{}\n{TO_DESK}", known_at("carrier", "register = true\n"));
    let ringtag = Ringtag::start_in(net, tempfile::tempdir().unwrap(), &config).unwrap();
    ringtag.wait_for("the registration", || {
        (ringtag.metric("ringtag_registrations") == 1.0).then_some(())
    });
    assert_eq!(
        ringtag.metric("ringtag_sip_unsent_total"),
        0.0,
        "the first REGISTER left at once"
    );
    carrier.wait_for_messages("REGISTER", 3);
    assert_eq!(ringtag.metric("ringtag_registrations"), 1.0);
    let (status, _folder) = ringtag.stop();
    assert!(status.success());
    carrier.succeed();
}

#[test]
fn a_call_over_ipv6_is_bridged_and_recorded() {
    let [sip, caller, callee] = [free_port(), free_port(), free_port()];
    let at = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
    let config = CONFIG
        .replace(
            "[\"udp:{ringtag}:5060\", \"tcp:{ringtag}:5060\"]",
            &format!("[\"udp:{}\"]", at(sip)),
        )
        .replace(
            "bind = \"{ringtag}\"\nports = [20000, 24999]",
            "ports = [26000, 26399]",
        )
        .replace(
            "host = \"{carrier}:5060\"\nallow = [\"{carrier}\"]",
            &format!("host = \"{}\"", at(caller)),
        )
        .replace(
            "host = \"{pbx}:5060\"\nallow = [\"{pbx}\"]",
            &format!("host = \"{}\"", at(callee)),
        );
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let folder = ringtag.folder.path();
    let answering = Script::callee("answering6")
        .expect_body("INVITE", "c=IN IP6 ::1")
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let calling = Script::caller("calling6")
        .invite(true)
        .provisionals(&[100, 180])
        .response_with(200, "c=IN IP6 ::1")
        .ack(false)
        .pause(500)
        .request("BYE", "")
        .response(200);
    let pbx = Sipp::play_at(folder, &answering, at(callee), at(sip));
    let carrier = Sipp::play_at(folder, &calling, at(caller), at(sip));
    carrier.succeed();
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert!(ringtag.recording_of(&call).is_file());
}

#[test]
fn a_ringtag_that_listens_everywhere_is_called_by_the_address_that_faces_each_peer() {
    let [sip, caller, callee] = [free_port(), free_port(), free_port()];
    let facing_caller = SocketAddr::from(([127, 0, 0, 1], sip));
    let facing_callee = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], sip));
    let net = Net::take();
    let carrier_at = SocketAddr::from((net.carrier(), caller));
    let pbx_at = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], callee));
    let config = CONFIG
        .replace(
            "[\"udp:{ringtag}:5060\", \"tcp:{ringtag}:5060\"]",
            &format!("[\"udp:0.0.0.0:{sip}\", \"udp:[::]:{sip}\"]"),
        )
        .replace(
            "bind = \"{ringtag}\"\nports = [20000, 24999]",
            "ports = [27000, 27399]",
        )
        .replace("{carrier}:5060", &carrier_at.to_string())
        .replace(
            "host = \"{pbx}:5060\"\nallow = [\"{pbx}\"]",
            &format!("host = \"{pbx_at}\""),
        );
    let config = format!("{config}\n{TO_DESK}");
    let ringtag = Ringtag::start_in(net, tempfile::tempdir().unwrap(), &config).unwrap();
    let folder = ringtag.folder.path();
    let answering = Script::callee("facing6")
        .expect_body("INVITE", "c=IN IP6 ::1")
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .expect("BYE")
        .reply(200);
    let calling = Script::caller("facing4")
        .invite(true)
        .provisionals(&[100, 180])
        .response_with(200, "c=IN IP4 127.0.0.1")
        .ack(false)
        .pause(300)
        .request("BYE", "")
        .response(200);
    let pbx = Sipp::play_at(folder, &answering, pbx_at, facing_callee);
    let carrier = Sipp::play_at(folder, &calling, carrier_at, facing_caller);
    let (heard, answered) = {
        carrier.wait_for_messages("BYE", 1);
        (pbx.messages(), carrier.messages())
    };
    carrier.succeed();
    pbx.succeed();
    for (text, what) in [
        (&heard, format!("Via: SIP/2.0/UDP {facing_callee};")),
        (&heard, format!("Contact: <sip:{facing_callee}>")),
        (&answered, format!("Contact: <sip:{facing_caller}>")),
    ] {
        assert!(text.contains(&what), "no {what} in\n{text}");
    }
    for text in [heard, answered] {
        assert!(
            !text.contains("0.0.0.0") && !text.contains("[::]"),
            "{text}"
        );
    }
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
}

/// A port that nobody has, of either family.
pub(crate) fn free_port() -> u16 {
    wait_for(|| {
        let six = UdpSocket::bind("[::1]:0").ok()?;
        let port = six.local_addr().ok()?.port();
        UdpSocket::bind(("0.0.0.0", port)).ok().map(|_| port)
    })
    .expect("a free port")
}
