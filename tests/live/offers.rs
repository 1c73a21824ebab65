//! Offers and answers whose two legs differ, with real sound on them: other families of addresses, other ways of RTCP, other numbers.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ringtag::media::rtp::{self, Head};

use crate::harness::{CONFIG, Ringtag, wait_for};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};

/// A receiver report without a report (RFC 3550 6.4.2).
const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

/// The sound of one phone: RTP, and RTCP on the next port.
struct Sound {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Sound {
    fn on(host: IpAddr) -> Self {
        let both = wait_for(|| {
            let rtp = UdpSocket::bind((host, 0)).ok()?;
            let next = rtp.local_addr().ok()?.port().checked_add(1)?;
            let rtcp = UdpSocket::bind((host, next)).ok()?;
            Some((rtp, rtcp))
        });
        let (rtp, rtcp) = both.expect("two ports in a row");
        for socket in [&rtp, &rtcp] {
            let soon = Some(Duration::from_millis(100));
            socket.set_read_timeout(soon).unwrap();
        }
        Self { rtp, rtcp }
    }

    fn port(&self) -> u16 {
        self.rtp.local_addr().unwrap().port()
    }

    /// A description with these lines in its section.
    fn sdp(&self, formats: &str, lines: &str) -> String {
        let at = self.rtp.local_addr().unwrap();
        let family = if at.is_ipv4() { "IP4" } else { "IP6" };
        let (ip, port) = (at.ip(), at.port());
        format!(
            "v=0\no=- 1 1 IN {family} {ip}\ns=-\nc=IN {family} {ip}\nt=0 0\nm=audio {port} RTP/AVP {formats}\n{lines}"
        )
    }
}

/// Sends until it is heard: the legs are aimed a moment after the 200 is out.
fn heard(packet: &[u8], from: &UdpSocket, to: SocketAddr, at: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2_000];
    wait_for(|| {
        from.send_to(packet, to).unwrap();
        match at.recv(&mut buffer) {
            Ok(length) => Some(buffer[..length].to_vec()),
            Err(error) => {
                let nothing = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                assert!(nothing.contains(&error.kind()), "{error}");
                None
            }
        }
    })
    .unwrap_or_else(|| panic!("{} hears nothing from {to}", at.local_addr().unwrap()))
}

/// Takes what is still on its way to a socket.
fn drain(socket: &UdpSocket) {
    let mut buffer = [0; 2_000];
    while socket.recv(&mut buffer).is_ok() {}
}

fn sound(payload_type: u8) -> Vec<u8> {
    let head = Head {
        marker: false,
        payload_type,
        sequence: 1,
        timestamp: 160,
        ssrc: 7,
    };
    rtp::write(&head, &[0xd5; 160]).unwrap()
}

/// The digit 5, at its end (RFC 4733 2.3).
fn digit(payload_type: u8) -> Vec<u8> {
    let mut packet = sound(payload_type);
    packet.truncate(rtp::HEAD_BYTES);
    packet.extend([5, 0x8a, 0x03, 0x20]);
    packet
}

/// A call under way between two phones with sound of the test's own.
struct Call {
    carrier: Sipp,
    pbx: Sipp,
    /// ringtag's RTP ports: toward the caller, toward the target.
    ours: [u16; 2],
}

impl Call {
    fn up(ringtag: &Ringtag, ways: [[SocketAddr; 2]; 2], said: [&str; 2]) -> Self {
        let folder = ringtag.folder.path();
        let [offer, answer] = said;
        let answering = Script::callee("answering")
            .expect("INVITE")
            .reply(180)
            .describe_as(200, answer)
            .expect("ACK")
            .expect("BYE")
            .reply(200);
        let calling = Script::caller("calling")
            .request("INVITE", offer)
            .provisionals(&[100, 180])
            .response(200)
            .ack(false)
            .wait()
            .request("BYE", "")
            .response(200);
        let [[caller, to_caller], [target, to_target]] = ways;
        let pbx = Sipp::play_at(folder, &answering, target, to_target);
        let carrier = Sipp::play_at(folder, &calling, caller, to_caller);
        carrier.wait_for_messages("ACK", 1);
        let ours = [(&carrier, offer), (&pbx, answer)].map(|(phone, own)| {
            let text = phone.messages();
            let ports = text.lines().filter_map(|line| {
                let rest = line.strip_prefix("m=audio ")?;
                let port = rest.split(' ').next()?;
                (!own.contains(&format!("m=audio {port} "))).then(|| port.parse().unwrap())
            });
            ports.into_iter().next().expect("ringtag's port")
        });
        Self { carrier, pbx, ours }
    }

    fn end(self, ringtag: &Ringtag) -> serde_json::Value {
        self.carrier.go_on();
        self.carrier.succeed();
        self.pbx.succeed();
        let call = ringtag.ended_calls(1).remove(0);
        assert_eq!(call["finish_reason"], "completed");
        call
    }
}

#[test]
fn rtcp_shares_the_port_on_the_leg_that_agreed_to_it_and_on_no_other() {
    let ringtag = Ringtag::start(TO_DESK);
    let net = ringtag.net;
    let (caller, target) = (Sound::on(net.carrier().into()), Sound::on(net.pbx().into()));
    let us = SocketAddr::from((net.ringtag(), 5060));
    let ways = [net.carrier(), net.pbx()].map(|host| [SocketAddr::from((host, 5060)), us]);
    let shared = format!("a=rtcp:{}\na=rtcp-mux\n", caller.port());
    let (offer, answer) = (caller.sdp("8", &shared), target.sdp("8", ""));
    let call = Call::up(&ringtag, ways, [&offer, &answer]);
    let answered = call.carrier.messages();
    let to_caller = answered.rsplit("SIP/2.0 200").next().unwrap();
    assert!(to_caller.contains("a=rtcp-mux"), "{to_caller}");
    let [to_caller, to_target] = call
        .ours
        .map(|port| SocketAddr::from((net.ringtag(), port)));
    let next = |at: SocketAddr| SocketAddr::new(at.ip(), at.port() + 1);
    assert_eq!(
        heard(&REPORT, &target.rtcp, next(to_target), &caller.rtp),
        REPORT
    );
    assert_eq!(heard(&REPORT, &caller.rtp, to_caller, &target.rtcp), REPORT);
    drain(&caller.rtp);
    assert_eq!(
        heard(&sound(8), &target.rtp, to_target, &caller.rtp),
        sound(8)
    );
    assert_eq!(
        heard(&sound(8), &caller.rtp, to_caller, &target.rtp),
        sound(8)
    );
    call.end(&ringtag);
}

#[test]
fn a_caller_on_ipv4_and_a_target_on_ipv6_with_other_numbers_hear_each_other() {
    let [sip, caller_port, target_port] = [(); 3].map(|()| crate::trunks::free_port());
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let target_at = SocketAddr::new(six, target_port);
    let config = CONFIG
        .replace(
            "\"tcp:{ringtag}:5060\"",
            &format!("\"tcp:{{ringtag}}:5060\", \"udp:[::1]:{sip}\""),
        )
        // The address for sound is of one family, and serves the legs of that family.
        .replace("ports = [20000, 24999]", "ports = [28000, 28399]")
        .replace(
            "host = \"{pbx}:5060\"\nallow = [\"{pbx}\"]",
            &format!("host = \"{target_at}\""),
        )
        .replace("{carrier}:5060", &format!("{{carrier}}:{caller_port}"));
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    let net = ringtag.net;
    let (caller, target) = (Sound::on(net.carrier().into()), Sound::on(six));
    let offer = caller.sdp("8 101", "a=rtpmap:101 telephone-event/8000\n");
    let answer = target.sdp("8 96", "a=rtpmap:96 telephone-event/8000\n");
    let ways = [
        [
            SocketAddr::from((net.carrier(), caller_port)),
            SocketAddr::from((net.ringtag(), 5060)),
        ],
        [target_at, SocketAddr::new(six, sip)],
    ];
    let call = Call::up(&ringtag, ways, [&offer, &answer]);
    let (toward, back) = (call.pbx.messages(), call.carrier.messages());
    assert!(toward.contains("c=IN IP6 ::1"), "{toward}");
    assert!(!toward.contains(&net.carrier().to_string()), "{toward}");
    assert!(!back.contains("IP6"), "{back}");
    let [to_caller, to_target] = call.ours;
    let to_caller = SocketAddr::from((net.ringtag(), to_caller));
    let to_target = SocketAddr::new(six, to_target);
    assert_eq!(
        heard(&sound(8), &target.rtp, to_target, &caller.rtp),
        sound(8)
    );
    assert_eq!(
        heard(&sound(8), &caller.rtp, to_caller, &target.rtp),
        sound(8)
    );
    drain(&target.rtp);
    // By the target's number, and by the caller's own.
    assert_eq!(
        heard(&digit(96), &caller.rtp, to_caller, &target.rtp),
        digit(96)
    );
    drain(&target.rtp);
    assert_eq!(
        heard(&digit(101), &caller.rtp, to_caller, &target.rtp),
        digit(96)
    );
    let call = call.end(&ringtag);
    assert_eq!(call["legs"][0]["digits"], "5");
    assert!(ringtag.recording_of(&call).is_file());
}
