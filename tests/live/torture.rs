//! The torture messages of RFC 4475 against the running program, over UDP and TCP, and a call afterwards.

use std::io::{Read as _, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;

use socket2::{Domain, Socket, Type};

use crate::harness::{CONFIG, Net, PATIENCE, Ringtag};
use crate::sipp::{Sipp, TO_DESK};
use crate::table::{READ, answer};

/// Whose lengths cannot be trusted on a stream: answered where the head says what to answer, and the connection closed.
const CLOSED: [&str; 3] = ["ncl", "mcl01", "inv2543"];
/// Of these more is awaited on a stream than ever comes: a body, and the end of the head. They are not answered.
const ENDLESS: [&str; 2] = ["clerr", "baddn"];

#[test]
fn every_torture_message_gets_its_answer_over_udp_and_calls_go_on() {
    torture(|name, host, us, bytes, wanted| {
        assert_eq!(over_udp(host, us, bytes, wanted), wanted, "{name}");
    });
}

#[test]
fn every_torture_message_gets_its_answer_over_tcp_and_calls_go_on() {
    torture(|name, host, us, bytes, wanted| {
        let is_answered = wanted.is_some() && !ENDLESS.contains(&name);
        let (got, closed) = over_tcp(host, us, bytes, is_answered);
        if CLOSED.contains(&name) {
            assert!(closed, "{name}: the connection stays open");
        }
        let wanted = match name {
            // Without a length no stream can be cut (18.3); over UDP it is answered by its meaning.
            "inv2543" => Some(400),
            _others => wanted.filter(|_| is_answered),
        };
        assert_eq!(got, wanted, "{name}");
    });
}

/// Sends the messages to two ringtags in turn, because some neighbours have one branch and would be one transaction, and each from
/// a host of its own, so that no answer is taken for another's; then places calls.
fn torture(send: impl Fn(&str, Ipv4Addr, SocketAddr, &[u8], Option<u16>)) {
    let ringtags = [start(), start()];
    for (at, (name, read)) in READ.iter().enumerate() {
        let ringtag = &ringtags[at % 2];
        let host = ringtag.net.host(u8::try_from(100 + at).unwrap());
        let us = SocketAddr::from((ringtag.net.ringtag(), 5060));
        send(name, host, us, &message(name), answer(name, read));
    }
    for ringtag in ringtags {
        let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
        let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
        carrier.succeed();
        pbx.succeed();
        let calls = ringtag.ended_calls(1);
        assert_eq!(calls[0]["finish_reason"], "completed");
        assert_eq!(ringtag.metric("ringtag_calls_live"), 0.0);
    }
}

/// All hosts of its network are the carrier's but the PBX: the longest match wins.
fn start() -> Ringtag {
    let net = Net::take();
    let everybody = format!("allow = [\"{}/24\"]", net.host(0));
    let config = CONFIG.replacen("allow = [\"{carrier}\"]", &everybody, 1);
    let folder = tempfile::tempdir().unwrap();
    Ringtag::start_in(net, folder, &format!("{config}\n{TO_DESK}")).unwrap()
}

fn message(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/torture");
    std::fs::read(folder.join(format!("{name}.dat"))).unwrap()
}

/// The status of the first answer that is final, or `None` once another request sent behind it was answered.
fn over_udp(host: Ipv4Addr, us: SocketAddr, bytes: &[u8], wanted: Option<u16>) -> Option<u16> {
    // The answer goes to the port of the Via, as long as that has no rport (RFC 3261 18.2.2).
    let via = String::from_utf8_lossy(bytes).to_lowercase();
    let port = if via.contains("sip/2.0/udp 192.0.2.59:5050;") {
        5050
    } else {
        5060
    };
    let socket = UdpSocket::bind((host, port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(bytes, us).unwrap();
    if wanted.is_none() {
        socket.send_to(options(host, us).as_bytes(), us).unwrap();
    }
    let mut datagram = [0; 65_536];
    loop {
        let (length, _) = socket
            .recv_from(&mut datagram)
            .unwrap_or_else(|error| panic!("no answer at {host}: {error}"));
        let text = String::from_utf8_lossy(&datagram[..length]);
        if text.contains("Call-ID: behind") {
            return None;
        }
        let status = status(&text);
        if status >= 200 {
            return Some(status);
        }
    }
}

/// The same over a connection, and whether ringtag closed it.
fn over_tcp(host: Ipv4Addr, us: SocketAddr, bytes: &[u8], answered: bool) -> (Option<u16>, bool) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((host, 0)).into()).unwrap();
    socket.connect(&us.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    if !answered {
        // What cannot be read ends the connection; what can be is followed by this.
        let _closed = stream.write_all(options(host, us).as_bytes());
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut got = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return (finals(&got).next(), true),
            Ok(length) => got.extend_from_slice(&piece[..length]),
        }
        let found = finals(&got).next();
        if found.is_some() && answered {
            // Whether it is closed now is seen by whether it reads on.
            stream.shutdown(Shutdown::Write).unwrap();
            let end = stream.read_to_end(&mut got);
            return (found, end.is_ok());
        }
    }
}

/// The final statuses in a stream of answers, but for those to the OPTIONS behind. What the end of the connection cut says
/// neither whose answer it is nor that there is one.
fn finals(stream: &[u8]) -> impl Iterator<Item = u16> {
    let text = String::from_utf8_lossy(stream).into_owned();
    let answers: Vec<_> = text
        .split("SIP/2.0 ")
        .filter(|answer| answer.contains("\r\n\r\n") && !answer.contains("Call-ID: behind"))
        .filter_map(|answer| answer.get(..3)?.parse().ok())
        .filter(|status: &u16| (200..=699).contains(status))
        .collect();
    answers.into_iter()
}

fn status(text: &str) -> u16 {
    text.get(8..12).unwrap_or_default().trim().parse().unwrap()
}

fn options(host: Ipv4Addr, us: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{us} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKbehind\r\nMax-Forwards: 70\r\n\
         From: <sip:{host}>;tag=1\r\nTo: <sip:{us}>\r\nCall-ID: behind\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
