//! Whom nobody invited: every number gets the same answer, nothing is recorded, and a scanner's burst does no harm.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::harness::{CONFIG, NUMBER, PATIENCE, Ringtag, wait_for};
use crate::sipp::{Sipp, TO_DESK};

/// Somebody with a UDP socket.
struct Stranger {
    socket: UdpSocket,
    asked: u32,
}

impl Stranger {
    fn of(ringtag: &Ringtag, host: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((host, 5060)).unwrap();
        socket
            .connect(SocketAddr::from((ringtag.net.ringtag(), 5060)))
            .unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        Self {
            socket,
            // Five digits that occur in no number.
            asked: 60_000,
        }
    }

    fn send(&mut self, method: &str, user: &str) -> u32 {
        self.asked += 1;
        let n = self.asked;
        let host = self.socket.local_addr().unwrap();
        let at = self.socket.peer_addr().unwrap();
        let text = format!(
            "{method} sip:{user}@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bK{n:05}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@{at}>;tag=s\r\nTo: <sip:{user}@{at}>\r\nCall-ID: scan{n:05}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:100@{host}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket.send(text.as_bytes()).unwrap();
        n
    }

    fn receive(&self) -> Option<String> {
        let mut datagram = [0; 4_096];
        let length = self.socket.recv(&mut datagram).ok()?;
        Some(String::from_utf8_lossy(&datagram[..length]).into_owned())
    }

    /// Asks once; every answer up to the final one, without what differs by the question itself.
    fn ask(&mut self, method: &str, user: &str) -> String {
        let n = self.send(method, user);
        let id = format!("scan{n:05}");
        let mut all = String::new();
        wait_for(|| {
            let answer = self.receive()?;
            if !answer.contains(&id) {
                return None;
            }
            let is_final = !answer.starts_with("SIP/2.0 1");
            all.push_str(&neutral(&answer, n, user));
            is_final.then_some(())
        })
        .unwrap_or_else(|| panic!("{method} {user} is never answered: {all}"));
        all
    }
}

/// Number, branch, Call-ID and our tag differ from answer to answer.
fn neutral(answer: &str, n: u32, user: &str) -> String {
    let lines = answer.lines().map(|line| {
        let bare = line.split(";tag=").next().unwrap_or(line);
        match line.starts_with("To:") {
            // With its surroundings: an extension such as 100 may stand in an address too.
            true => format!("{}\n", bare.replace(&format!("sip:{user}@"), "sip:USER@")),
            false => format!("{line}\n"),
        }
    });
    lines.collect::<String>().replace(&format!("{n:05}"), "N")
}

fn assert_nothing_happened(ringtag: &Ringtag) {
    assert_eq!(ringtag.calls().len(), 0);
    assert_eq!(ringtag.metric("ringtag_calls_began_total"), 0.0);
    assert_eq!(ringtag.get("/readyz").0, 200);
    let log = ringtag.folder.path().join("data/log");
    let told: String = std::fs::read_dir(log)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(!told.contains("scan"), "{told}");
}

#[test]
fn a_stranger_hears_the_same_of_every_number() {
    let ringtag = Ringtag::start(TO_DESK);
    let mut stranger = Stranger::of(&ringtag, ringtag.net.host(9));
    let ours = stranger.ask("INVITE", NUMBER);
    assert!(ours.contains("SIP/2.0 403 "), "{ours}");
    for user in ["+74950000999", "100", "admin", "+7495000000"] {
        assert_eq!(stranger.ask("INVITE", user), ours, "{user}");
    }
    assert!(ringtag.metric("ringtag_sip_refused_total") >= 5.0);
    assert_nothing_happened(&ringtag);
}

#[test]
fn a_trunk_hears_the_same_of_every_number_that_is_not_ours() {
    let ringtag = Ringtag::start(TO_DESK);
    let mut carrier = Stranger::of(&ringtag, ringtag.net.carrier());
    let first = carrier.ask("INVITE", "+74950000999");
    assert!(first.contains("SIP/2.0 404"), "{first}");
    for user in ["101", "102", "desk", "+79160000000"] {
        assert_eq!(carrier.ask("INVITE", user), first, "{user}");
    }
    assert_nothing_happened(&ringtag);
}

#[test]
fn what_ringtag_does_not_do_is_said_and_options_is_answered() {
    let ringtag = Ringtag::start(TO_DESK);
    let mut stranger = Stranger::of(&ringtag, ringtag.net.host(9));
    for (method, status) in [
        ("REGISTER", 405),
        ("SUBSCRIBE", 405),
        ("PUBLISH", 405),
        ("DANCE", 501),
        ("OPTIONS", 200),
        ("BYE", 481),
    ] {
        let answer = stranger.ask(method, NUMBER);
        assert!(answer.contains(&format!("SIP/2.0 {status} ")), "{answer}");
        if matches!(status, 405 | 501 | 200) {
            assert!(answer.contains("Allow: INVITE, ACK"), "{answer}");
        }
    }
    assert_nothing_happened(&ringtag);
}

#[test]
fn a_scanner_is_banned_after_its_twentieth_refusal_and_a_call_gets_through_meanwhile() {
    let ringtag = Ringtag::start(TO_DESK);
    let mut scanner = Stranger::of(&ringtag, ringtag.net.host(9));
    for n in 0..20 {
        scanner.ask("INVITE", &format!("9{n:04}"));
    }
    for n in 0..1_000 {
        scanner.send("REGISTER", &format!("9{n:04}"));
    }
    ringtag.wait_for("what was not heard", || {
        (ringtag.metric("ringtag_sip_dropped_banned_total") == 1_000.0).then_some(())
    });
    assert_eq!(scanner.receive(), None);
    assert_eq!(ringtag.metric("ringtag_banned"), 1.0);
    assert_eq!(ringtag.metric("ringtag_bans_total"), 1.0);
    assert_eq!(ringtag.metric("ringtag_sip_refused_total"), 20.0);
    // Nor is it let in by another protocol.
    let mut stream = connect(&ringtag, ringtag.net.host(9));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is closed");
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    assert_eq!(ringtag.ended_calls(1).len(), 1);
}

#[test]
fn a_ban_ends() {
    let ringtag = Ringtag::start_with(&format!(
        "{CONFIG}\n[guard]\nrefusals_before_ban = 2\nban_s = 1\n{TO_DESK}"
    ));
    let mut scanner = Stranger::of(&ringtag, ringtag.net.host(9));
    scanner.ask("INVITE", "1");
    scanner.ask("INVITE", "2");
    ringtag.wait_for("the ban", || {
        (ringtag.metric("ringtag_bans_total") == 1.0).then_some(())
    });
    ringtag.wait_for("its end", || {
        (ringtag.metric("ringtag_banned") == 0.0).then_some(())
    });
    scanner.ask("INVITE", "3");
    for line in ["banned", "a ban is over"] {
        ringtag.wait_for(line, || {
            let said = format!("\"message\":\"{line}\"");
            ringtag.log().contains(&said).then_some(())
        });
    }
}

/// A stream from one of the hosts.
fn connect(ringtag: &Ringtag, host: Ipv4Addr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((host, 0)).into()).unwrap();
    let at = SocketAddr::from((ringtag.net.ringtag(), 5060));
    socket.connect(&at.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_scanner_that_calls_five_hundred_numbers_leaves_nothing_and_a_call_gets_through_meanwhile() {
    let wide = "[guard]\nrequests_per_s = 10000\nrefusals_before_ban = 10000\n";
    let ringtag = Ringtag::start_with(&format!("{CONFIG}\n{wide}{TO_DESK}"));
    let free = ringtag.metric("ringtag_port_pairs_free");
    let mut scanner = Stranger::of(&ringtag, ringtag.net.host(9));
    for n in 0..500 {
        scanner.send("INVITE", &format!("9{n:04}"));
    }
    assert_eq!(ringtag.metric("ringtag_port_pairs_free"), free);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    let refused = ringtag.wait_for("500 refusals", || {
        let refused = ringtag.metric("ringtag_sip_refused_total");
        (refused >= 500.0).then_some(refused)
    });
    assert_eq!(refused, 500.0, "a repetition is no second question");
    carrier.succeed();
    pbx.succeed();
    assert_eq!(ringtag.ended_calls(1).len(), 1);
    assert_eq!(ringtag.metric("ringtag_calls_began_total"), 1.0);
}
