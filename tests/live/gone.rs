//! Peers that vanish: no ACK, no sound, no answer. The call ends on both sides, and the record says why.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::harness::{CONFIG, NUMBER, PATIENCE, Ringtag, wait_for_at_most};
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
    let long = std::time::Duration::from_secs(90);
    let ended = wait_for_at_most(long, || {
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
        (ringtag.metric("ringtag_port_pairs_free") == free).then_some(())
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

#[test]
fn a_caller_whose_connection_broke_hears_the_bye_on_a_new_one() {
    let ringtag = Ringtag::start(TO_DESK);
    let callee = Script::callee("leaving")
        .expect_call()
        .reply(180)
        .describe(200, "sendrecv")
        .expect("ACK")
        .wait()
        .request("BYE", "")
        .response(200);
    let pbx = Sipp::play(&ringtag, &callee, ringtag.net.pbx());
    let carrier = ringtag.net.carrier();
    let home = TcpListener::bind((carrier, 5060)).unwrap();
    let at = SocketAddr::from((ringtag.net.ringtag(), 5060));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((carrier, 0)).into()).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {carrier}\r\ns=-\r\nc=IN IP4 {carrier}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"
    );
    let request = |method: &str, to: &str, body: &str| {
        format!(
            "{method} sip:{NUMBER}@{at};transport=tcp SIP/2.0\r\n\
             Via: SIP/2.0/TCP {carrier}:5060;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:+79990000001@{carrier}>;tag=f\r\nTo: <sip:{NUMBER}@{at}>{to}\r\nCall-ID: broken\r\n\
             CSeq: 1 {method}\r\nContact: <sip:phone@{carrier}:5060;transport=tcp>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    stream
        .write_all(request("INVITE", "", &sdp).as_bytes())
        .unwrap();
    let mut heard = String::new();
    let tag = loop {
        let mut piece = [0; 4_096];
        let length = stream.read(&mut piece).unwrap();
        assert_ne!(length, 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&piece[..length]));
        if let Some(at) = heard.find("SIP/2.0 200") {
            let to = heard[at..].lines().find(|line| line.starts_with("To:"));
            break to.unwrap().split(";tag=").nth(1).unwrap().to_owned();
        }
    };
    let ack = request("ACK", &format!(";tag={tag}"), "");
    stream.write_all(ack.as_bytes()).unwrap();
    ringtag.wait_for("the call", || {
        (ringtag.metric("ringtag_calls_talking") == 1.0).then_some(())
    });
    drop(stream);
    pbx.go_on();

    home.set_nonblocking(true).unwrap();
    let (mut again, _) = ringtag.wait_for("a new connection", || home.accept().ok());
    again.set_nonblocking(false).unwrap();
    again.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut piece = [0; 4_096];
    let length = again.read(&mut piece).unwrap();
    let bye = String::from_utf8_lossy(&piece[..length]).into_owned();
    assert!(bye.starts_with("BYE sip:phone@"), "{bye}");
    pbx.succeed();
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["hung_up_by"], "callee");
}
