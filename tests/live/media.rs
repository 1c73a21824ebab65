//! What relays sound: each engine by name, what happens where the kernel refuses one, and a flood at the ports of a call.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use ringtag::base::clock::Clock;

use crate::baresip::{CALLEE_HZ, CALLER_HZ, Pair};
use crate::harness::{Net, Ringtag, find};
use crate::sipp::TO_DESK;
use crate::sound::{assert_tone, channels};

/// The last byte of a host that no trunk names.
const STRANGER: u8 = 66;

fn by(engine: &str, config: &str) -> String {
    config.replace("[media]", &format!("[media]\nengine = \"{engine}\""))
}

/// Two phones talk while a stranger sends loud packets to every port that the call may have.
fn flooded(engine: &str) {
    let mut pair = Pair::start();
    pair.config = by(engine, &pair.config);
    let ringtag = pair.talk(1);
    let shown = format!("ringtag_media_engine{{engine=\"{engine}\"}}");
    assert_eq!(ringtag.metric(&shown), 1.0);
    flood(ringtag.net, Duration::from_secs(2));
    ringtag.wait_for("sound after the flood", || {
        let file = find(&ringtag.recordings(), ".wav.part")?;
        (fs::metadata(&file).ok()?.len() > 4 * 8_000 * 4).then_some(())
    });
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["recording"]["state"], "complete");
    let sides = channels(&ringtag.recording_of(&calls[0]));
    assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
    assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
}

/// Some 20,000 packets a second to the first ports of the range, which the first call has.
fn flood(net: Net, lasts: Duration) {
    let stranger = UdpSocket::bind((net.host(STRANGER), 0)).unwrap();
    let pace = UdpSocket::bind((net.host(STRANGER), 0)).unwrap();
    pace.set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let clock = Clock::start();
    let until = clock.now() + lasts;
    let mut sequence = 0_u16;
    while clock.now() < until {
        for _ in 0..20 {
            sequence = sequence.wrapping_add(1);
            let mut packet = vec![0x80, 8];
            packet.extend(sequence.to_be_bytes());
            packet.extend((u32::from(sequence) * 160).to_be_bytes());
            packet.extend([6, 6, 6, 6]);
            packet.extend([0x2a; 160]);
            let port = 20_000 + sequence % 8;
            // The kernel refuses those to sockets that are connected to somebody else.
            let _refused = stranger.send_to(&packet, (net.ringtag(), port));
        }
        let _nobody_speaks_to_it = pace.recv(&mut [0; 1]);
    }
}

#[test]
fn a_flood_at_a_call_is_in_neither_channel_with_io_uring() {
    flooded("io_uring");
}

#[test]
fn a_flood_at_a_call_is_in_neither_channel_with_epoll() {
    flooded("epoll");
}

#[test]
fn where_the_kernel_refuses_io_uring_sound_is_relayed_with_epoll_and_the_log_says_why() {
    let config = format!("{}\n{TO_DESK}", crate::harness::CONFIG);
    let ringtag = Ringtag::start_without("io_uring_setup", &config).expect("ringtag starts");
    assert_eq!(
        ringtag.metric("ringtag_media_engine{engine=\"epoll\"}"),
        1.0
    );
    // Lines of the log gather for a moment.
    let said = ringtag.wait_for("a line about it", || {
        let log = ringtag.log();
        let mut lines = log.lines();
        let line = lines.find(|line| line.contains("io_uring is not to be had"));
        line.map(str::to_owned)
    });
    assert!(said.contains("Operation not permitted"), "{said}");
}

#[test]
fn io_uring_that_is_asked_for_by_name_and_refused_is_no_start() {
    let config = by(
        "io_uring",
        &format!("{}\n{TO_DESK}", crate::harness::CONFIG),
    );
    let Err(said) = Ringtag::start_without("io_uring_setup", &config) else {
        panic!("it started");
    };
    assert!(
        said.contains("refuses it: Operation not permitted"),
        "{said}"
    );
    assert!(
        said.contains("write \\\"auto\\\"") || said.contains("write \"auto\""),
        "{said}"
    );
}
