//! The workers on real loopback sockets. Each wait is for a fact, with a deadline.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::ports::PortPool;
use crate::media::rtp::{self, Head};
use crate::media::settings::Engine;
use crate::media::srtp;
use crate::media::srtp::{Receiver as SrtpReceiver, Sender as SrtpSender};
use crate::media::tap::Tapped;
use crate::sdp::keys::MASTER_BYTES_MAX;
use crate::sdp::{Codec, Key, Numbers, Protection, Secrets, Suite};

/// Every trial on every driver.
macro_rules! on_each_driver {
    ($($trial:ident)*) => {
        mod on_epoll {
            $(#[test] fn $trial() { super::$trial(super::Chosen::Epoll); })*
        }
        mod on_io_uring {
            $(#[test] fn $trial() { super::$trial(super::Chosen::IoUring); })*
        }
    };
}

on_each_driver! {
    a_storm_of_sources_reaches_neither_the_other_side_nor_the_recording
    strangers_are_refused_before_and_while_and_after_an_address_is_learned
    a_flood_from_the_peer_itself_passes_no_faster_than_a_telephone_speaks
    a_flooded_socket_is_read_again_when_the_flood_is_over
    packets_pass_both_ways_byte_for_byte
    rtcp_passes_between_the_rtcp_ports_wherever_it_came_in
    rtcp_takes_on_each_leg_the_way_that_was_agreed_there
    payload_types_become_those_of_the_receiver_and_the_recorder_hears_the_senders
    noise_goes_no_further
    an_sdp_leg_hears_exactly_its_peer
    an_ip_leg_hears_any_port_of_its_host_only
    a_nat_leg_learns_once_and_sends_there
    a_new_aim_moves_sound_and_none_holds_it
    a_leg_that_nobody_aimed_sends_nothing_and_hears_nothing
    a_peer_whose_port_is_shut_is_counted_and_heard_again_when_it_opens
    the_tap_has_every_packet_in_order_on_its_side
    a_full_ring_stalls_no_call_and_is_counted
    silence_of_both_sides_is_told_once
    a_flood_on_one_leg_does_not_starve_another
    a_closed_leg_tells_what_it_counted
    every_close_is_answered_also_for_legs_that_are_gone_or_never_were
    a_leg_keeps_its_former_partner_no_longer
    calls_share_the_workers_and_one_remote_address
    a_worker_that_fails_ends_its_calls_and_draws_no_new_ones
    ipv4_and_ipv6_meet_in_one_call
    opening_and_closing_many_legs_leaves_no_descriptor
    a_stop_closes_what_is_open_and_tells_it
    a_worker_that_is_behind_gets_no_new_legs_and_holds_nobody_up
    legs_that_open_and_close_wake_nobody_until_there_is_a_reason_or_their_time_has_come
    reports_without_sound_are_silence
    what_a_peer_reports_is_counted_and_its_name_goes_no_further
    each_leg_has_keys_of_its_own_and_the_tap_hears_clear_sound
    one_leg_may_be_encrypted_and_the_other_plain
    whoever_has_another_key_is_silent_and_learned_from_by_nobody
    who_was_learned_of_plain_sound_keeps_nobody_off_who_has_the_keys
    while_the_sound_is_disabled_nothing_plain_is_heard_and_no_key_begins_anew
    a_description_with_the_same_keys_forgets_nothing_and_one_with_others_begins_anew
}

/// When a fact that must come has not: the test fails.
const DEADLINE: Duration = Duration::from_secs(5);

/// Calls on workers, and the phones around them.
struct Rig {
    pool: Pool,
    readers: Vec<TapReader>,
    ports: PortPool,
    clock: Clock,
    woken: Receiver<()>,
    local: IpAddr,
    kept: VecDeque<Report>,
    barriers: u64,
}

/// A peer with an RTP and an RTCP socket.
struct Phone {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// Ours, toward it.
    ours: u16,
    leg: LegId,
    local: IpAddr,
}

impl Rig {
    fn new(engine: Chosen) -> Self {
        Self::with(1, engine)
    }

    fn with(workers: usize, engine: Chosen) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let test = NEXT.fetch_add(1, Ordering::Relaxed);
        let settings = Settings {
            bind: None,
            advertise: None,
            port_min: 20_000,
            port_max: 20_999,
            silence: Duration::from_secs(1),
            workers,
            engine: Engine::Auto,
            taps: true,
        };
        let clock = Clock::start();
        let (ring, woken) = bounded(1);
        let wake = Arc::new(move || {
            let _already = ring.try_send(());
        });
        let (pool, readers) = Pool::start(&settings, engine, clock, workers, wake).unwrap();
        Self {
            pool,
            readers,
            ports: PortPool::new(&settings),
            clock,
            woken,
            local: IpAddr::V4(Ipv4Addr::new(127, 64 | (high & 63), low, test)),
            kept: VecDeque::new(),
            barriers: 1 << 40,
        }
    }

    /// Opens a leg whose signalling host is where all phones are.
    fn open(&mut self, call: u64, leg: u64, from: SoundFrom) -> Phone {
        let pair = self.ports.take(self.local, self.clock.now()).unwrap();
        let ours = pair.port;
        assert!(
            self.pool
                .open(call, LegId(leg), pair, from, self.local, self.clock.now())
        );
        Phone {
            rtp: socket(self.local),
            rtcp: socket(self.local),
            ours,
            leg: LegId(leg),
            local: self.local,
        }
    }

    fn aim(&mut self, phone: &Phone) {
        self.aim_at(phone, Some(phone.rtp.local_addr().unwrap()));
    }

    fn aim_at(&mut self, phone: &Phone, rtp: Option<SocketAddr>) {
        let rtcp = rtp.map(|_| phone.rtcp.local_addr().unwrap());
        let aim = Aim {
            rtp,
            rtcp,
            codecs: codecs(),
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }

    /// The peer agreed to have RTCP on the port of RTP (RFC 5761).
    fn aim_shared(&mut self, phone: &Phone) {
        let rtp = Some(phone.rtp.local_addr().unwrap());
        let aim = Aim {
            rtp,
            rtcp: rtp,
            mux: true,
            codecs: codecs(),
            numbers: None,
            srtp: Protection::Plain,
        };
        self.pool.aim(phone.leg, aim);
    }

    /// A bridged call of two phones.
    fn call(&mut self, call: u64, from: SoundFrom) -> (Phone, Phone) {
        let caller = self.open(call, 2 * call, from);
        let callee = self.open(call, 2 * call + 1, from);
        self.aim(&caller);
        self.aim(&callee);
        self.pool.bridge(caller.leg, callee.leg);
        self.settle(call);
        (caller, callee)
    }

    /// Waits until the call's worker has carried out every order so far.
    fn settle(&mut self, call: u64) {
        self.barriers += 1;
        let pair = self.ports.take(self.local, self.clock.now()).unwrap();
        let leg = LegId(self.barriers);
        let now = self.clock.now();
        assert!(
            self.pool
                .open(call, leg, pair, SoundFrom::Sdp, self.local, now)
        );
        self.close(leg);
    }

    /// Sends what waits, as it is sent when it has waited for its time.
    fn flush(&mut self) {
        self.pool.flush(self.clock.now() + LEISURE);
    }

    fn report(&mut self) -> Report {
        self.flush();
        loop {
            if let Some(report) = self.pool.next_report() {
                return report;
            }
            self.woken.recv_timeout(DEADLINE).expect("a report");
        }
    }

    fn close(&mut self, leg: LegId) -> (u16, Sound) {
        self.pool.close(leg, self.clock.now());
        loop {
            let report = self.report();
            match report {
                Report::Closed {
                    leg: of,
                    port,
                    sound,
                } if of == leg => return (port, sound),
                Report::Closed { .. } | Report::Silent { .. } => self.kept.push_back(report),
            }
        }
    }

    fn tapped(&mut self) -> (Tapped, Vec<u8>) {
        let mut payload = Vec::new();
        let until = self.clock.now() + DEADLINE;
        loop {
            for reader in &mut self.readers {
                if let Some(tapped) = reader.next(&mut payload) {
                    return (tapped, payload);
                }
            }
            assert!(self.clock.now() < until, "nothing was tapped");
            std::thread::yield_now();
        }
    }
}

impl Phone {
    fn say(&self, packet: &[u8]) {
        self.rtp.send_to(packet, (self.local, self.ours)).unwrap();
    }

    fn hears(&self, packet: &[u8]) {
        assert_eq!(heard(&self.rtp), packet);
    }

    /// Says something that must arrive, and checks that the other heard nothing before it.
    fn only_hears_from(&self, other: &Self, sequence: u16) {
        let packet = sound(sequence);
        other.say(&packet);
        self.hears(&packet);
    }
}

fn socket(local: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((local, 0)).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

fn heard(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return buffer;
            }
            // A ring that ends in another thread of the process interrupts whoever waits.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("a packet: {error}"),
        }
    }
}

fn codecs() -> Arc<[Codec]> {
    let codec = |payload_type, name: &str| Codec {
        payload_type,
        name: name.into(),
        clock_hz: 8000,
        channels: 1,
    };
    Arc::new([codec(8, "PCMA"), codec(101, "TELEPHONE-EVENT")])
}

fn head(sequence: u16) -> Head {
    Head {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: 160 * u32::from(sequence),
        ssrc: 1,
    }
}

fn sound(sequence: u16) -> Vec<u8> {
    let [_, low] = sequence.to_be_bytes();
    rtp::write(&head(sequence), &[low; 160]).unwrap()
}

fn packets_pass_both_ways_byte_for_byte(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let mut bad_padding = sound(3);
    bad_padding[0] |= 0x20;
    let mut with_extension = sound(4);
    with_extension[0] |= 0x10;
    let huge = rtp::write(&head(5), &[7; 8000]).unwrap();
    for packet in [sound(1), sound(2), bad_padding, with_extension, huge] {
        caller.say(&packet);
        callee.hears(&packet);
        callee.say(&packet);
        caller.hears(&packet);
    }
}

fn rtcp_passes_between_the_rtcp_ports_wherever_it_came_in(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1, 0xff];
    caller
        .rtcp
        .send_to(&report, (rig.local, caller.ours + 1))
        .unwrap();
    assert_eq!(heard(&callee.rtcp), report);
    callee.say(&report);
    assert_eq!(heard(&caller.rtcp), report);
    assert_eq!(rig.close(callee.leg).1, Sound::default());
}

fn rtcp_takes_on_each_leg_the_way_that_was_agreed_there(engine: Chosen) {
    for from in [SoundFrom::Sdp, SoundFrom::Ip, SoundFrom::Nat] {
        let mut rig = Rig::new(engine);
        let (caller, callee) = rig.call(1, from);
        rig.aim_shared(&caller);
        rig.settle(1);
        let report = |number| [0x81, 201, 0, 1, 0, 0, 0, number];
        // The caller's leg shares the port, the callee's does not.
        caller.say(&report(1));
        assert_eq!(heard(&callee.rtcp), report(1));
        let to = (rig.local, callee.ours + 1);
        callee.rtcp.send_to(&report(2), to).unwrap();
        assert_eq!(heard(&caller.rtp), report(2));
        caller.say(&sound(3));
        callee.hears(&sound(3));
        // Both share.
        rig.aim_shared(&callee);
        rig.settle(1);
        callee.say(&report(4));
        assert_eq!(heard(&caller.rtp), report(4));
        caller.say(&report(5));
        assert_eq!(heard(&callee.rtp), report(5));
        // The caller asks for ports of their own again.
        rig.aim(&caller);
        rig.settle(1);
        callee.say(&report(6));
        assert_eq!(heard(&caller.rtcp), report(6));
    }
}

fn payload_types_become_those_of_the_receiver_and_the_recorder_hears_the_senders(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let named = |maps: &[&str]| -> Vec<Codec> {
        let read = |map: &&str| Codec::from_rtpmap(map.as_bytes()).unwrap();
        maps.iter().map(read).collect()
    };
    let sent = named(&["8 PCMA/8000", "101 telephone-event/8000", "96 opus/48000/2"]);
    let wanted = named(&["8 PCMA/8000", "96 telephone-event/8000"]);
    let aim = Aim {
        rtp: Some(callee.rtp.local_addr().unwrap()),
        numbers: Numbers::between(&sent, &wanted),
        ..Aim::default()
    };
    rig.pool.aim(callee.leg, aim);
    let tap = Some(TapId(7));
    rig.pool.tap(caller.leg, callee.leg, tap);
    rig.settle(1);
    let numbered = |payload_type: u8, marker: u8| {
        let mut packet = sound(payload_type.into());
        packet[1] = marker | payload_type;
        packet
    };
    for (said, heard) in [
        (numbered(8, 0), Some(8)),
        (numbered(101, 0x80), Some(0x80 | 96)),
        (numbered(96, 0), None),
        (numbered(13, 0), Some(13)),
    ] {
        caller.say(&said);
        if let Some(second) = heard {
            let mut expected = said;
            expected[1] = second;
            callee.hears(&expected);
        }
    }
    rig.settle(1);
    let mut payload = Vec::new();
    let reader = rig.readers.first_mut().unwrap();
    let tapped: Vec<_> = std::iter::from_fn(|| reader.next(&mut payload))
        .map(|tapped| tapped.payload_type)
        .collect();
    assert_eq!(tapped, [8, 101, 96, 13]);
}

fn noise_goes_no_further(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    for noise in [&b""[..], b"\0", &[0; 20], &[0x80; 11]] {
        caller.say(noise);
    }
    caller
        .rtcp
        .send_to(&sound(9), (rig.local, caller.ours + 1))
        .unwrap();
    callee.only_hears_from(&caller, 1);
    rig.settle(1);
    let sound = rig.close(caller.leg).1;
    assert_eq!((sound.malformed, sound.packets_in), (5, 1));
}

fn an_sdp_leg_hears_exactly_its_peer(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    let callee = rig.open(1, 2, SoundFrom::Sdp);
    rig.pool.bridge(caller.leg, callee.leg);
    rig.aim(&callee);
    // Not aimed yet: what comes is queued or refused, and does not enter with the connection.
    let stranger = socket(rig.local);
    stranger
        .send_to(&sound(90), (rig.local, caller.ours))
        .unwrap();
    rig.aim(&caller);
    rig.settle(1);
    stranger
        .send_to(&sound(91), (rig.local, caller.ours))
        .unwrap();
    callee.only_hears_from(&caller, 1);
    assert_eq!(rig.close(caller.leg).1.packets_in, 1);
}

fn an_ip_leg_hears_any_port_of_its_host_only(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Ip);
    let neighbour = UdpSocket::bind("127.0.0.1:0").unwrap();
    neighbour
        .send_to(&sound(90), (rig.local, caller.ours))
        .unwrap();
    let other_port = socket(rig.local);
    other_port
        .send_to(&sound(1), (rig.local, caller.ours))
        .unwrap();
    callee.hears(&sound(1));
    callee.only_hears_from(&caller, 2);
    caller.only_hears_from(&callee, 3);
    let sound = rig.close(caller.leg).1;
    assert_eq!((sound.refused, sound.packets_in), (1, 2));
}

fn a_nat_leg_learns_once_and_sends_there(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    let behind_nat = socket(rig.local);
    let neighbour = UdpSocket::bind("127.0.0.1:0").unwrap();
    neighbour
        .send_to(&sound(90), (rig.local, caller.ours))
        .unwrap();
    behind_nat
        .send_to(&sound(1), (rig.local, caller.ours))
        .unwrap();
    callee.hears(&sound(1));
    callee.say(&sound(2));
    assert_eq!(heard(&behind_nat), sound(2));
    caller.say(&sound(91)); // too late: another was learned
    behind_nat
        .send_to(&sound(3), (rig.local, caller.ours))
        .unwrap();
    callee.hears(&sound(3));
    // New SDP opens the lock.
    rig.aim(&caller);
    rig.settle(1);
    callee.only_hears_from(&caller, 4);
    caller.only_hears_from(&callee, 5);
    // The second stranger met a socket that is connected: the kernel refused it.
    assert_eq!(rig.close(caller.leg).1.refused, 1);
}

fn a_new_aim_moves_sound_and_none_holds_it(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    caller.only_hears_from(&callee, 1);
    let moved = socket(rig.local);
    rig.aim_at(&caller, Some(moved.local_addr().unwrap()));
    rig.settle(1);
    callee.say(&sound(2));
    assert_eq!(heard(&moved), sound(2));
    moved.send_to(&sound(3), (rig.local, caller.ours)).unwrap();
    callee.hears(&sound(3));
    caller.say(&sound(92));
    rig.aim_at(&caller, None);
    rig.settle(1);
    callee.say(&sound(4));
    // A held peer's music goes through.
    moved.send_to(&sound(5), (rig.local, caller.ours)).unwrap();
    callee.hears(&sound(5));
    rig.aim_at(&caller, Some(moved.local_addr().unwrap()));
    rig.settle(1);
    callee.say(&sound(6));
    assert_eq!(heard(&moved), sound(6));
    let counted = rig.close(caller.leg).1;
    assert_eq!((counted.packets_in, counted.packets_out), (2, 3));
}

fn a_leg_that_nobody_aimed_sends_nothing_and_hears_nothing(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    let callee = rig.open(1, 2, SoundFrom::Sdp);
    rig.aim(&callee);
    rig.pool.bridge(caller.leg, callee.leg);
    rig.settle(1);
    callee.say(&sound(1));
    caller.say(&sound(2));
    rig.settle(1);
    rig.settle(1);
    assert_eq!(rig.close(callee.leg).1.packets_in, 1);
    let sound = rig.close(caller.leg).1;
    assert_eq!((sound.refused, sound.packets_out), (1, 0));
}

fn a_peer_whose_port_is_shut_is_counted_and_heard_again_when_it_opens(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let at = callee.rtp.local_addr().unwrap();
    let Phone { rtp, .. } = callee;
    drop(rtp);
    for sequence in 1..=5 {
        caller.say(&sound(sequence));
        rig.settle(1);
    }
    let again = UdpSocket::bind(at).unwrap();
    again.set_read_timeout(Some(DEADLINE)).unwrap();
    caller.say(&sound(6));
    assert_eq!(heard(&again), sound(6));
    let counted = rig.close(LegId(3)).1;
    assert!((1..=5).contains(&counted.send_errors), "{counted:?}");
}

fn the_tap_has_every_packet_in_order_on_its_side(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    callee.only_hears_from(&caller, 1);
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(42)));
    rig.settle(1);
    let before = rig.clock.now();
    for sequence in 2..100 {
        callee.only_hears_from(&caller, sequence);
        caller.only_hears_from(&callee, sequence);
        for side in Side::BOTH {
            let (tapped, payload) = rig.tapped();
            let expected = Tapped {
                tap: TapId(42),
                side,
                payload_type: 8,
                marker: false,
                sequence,
                timestamp: 160 * u32::from(sequence),
                ssrc: 1,
                arrival: tapped.arrival,
                length: 160,
            };
            assert_eq!(tapped, expected);
            assert_eq!(payload, sound(sequence)[rtp::HEAD_BYTES..]);
            assert!(tapped.arrival >= before && tapped.arrival <= rig.clock.now());
        }
    }
    rig.pool.tap(caller.leg, callee.leg, None);
    rig.settle(1);
    callee.only_hears_from(&caller, 100);
    assert_eq!(rig.close(caller.leg).1.untapped, 0);
    assert_eq!(rig.readers[0].waiting(), 0);
}

fn a_full_ring_stalls_no_call_and_is_counted(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(1)));
    rig.settle(1);
    let packets = u16::try_from(TAP_BYTES / 8000 + 20).unwrap();
    for sequence in 0..packets {
        let packet = rtp::write(&head(sequence), &[1; 8000]).unwrap();
        caller.say(&packet);
        callee.hears(&packet);
    }
    let counted = rig.close(caller.leg).1;
    assert_eq!(counted.packets_in, u64::from(packets));
    assert!((10..=40).contains(&counted.untapped), "{counted:?}");
}

fn silence_of_both_sides_is_told_once(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let (other, _other_callee) = rig.call(2, SoundFrom::Sdp);
    rig.pool.watch(caller.leg, Some(Duration::from_millis(100)));
    rig.pool.watch(other.leg, Some(Duration::from_secs(60)));
    let began = rig.clock.now();
    callee.only_hears_from(&caller, 1);
    let report = rig.report();
    assert!(
        matches!(report, Report::Silent { leg } if leg == caller.leg),
        "{report:?}"
    );
    assert!(rig.clock.now() - began >= Duration::from_millis(100));
    rig.close(caller.leg);
    rig.close(callee.leg);
    assert!(rig.kept.is_empty());
}

fn a_flood_on_one_leg_does_not_starve_another(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (flooded, _sink) = rig.call(1, SoundFrom::Sdp);
    let (caller, callee) = rig.call(2, SoundFrom::Sdp);
    let stop = Arc::new(AtomicBool::new(false));
    let flood = std::thread::spawn({
        let stop = Arc::clone(&stop);
        let packet = sound(1);
        move || {
            while !stop.load(Ordering::Relaxed) {
                let _full = flooded.rtp.send_to(&packet, (flooded.local, flooded.ours));
            }
        }
    });
    let mut worst = Duration::ZERO;
    for sequence in 0..300 {
        let began = rig.clock.now();
        callee.only_hears_from(&caller, sequence);
        caller.only_hears_from(&callee, sequence);
        worst = worst.max(rig.clock.now() - began);
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    // Unfairly drained, a full socket buffer alone would take longer, over and over.
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert_eq!(rig.close(caller.leg).1.packets_in, 300);
}

fn a_closed_leg_tells_what_it_counted(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    for sequence in [65_534, 65_535, 1, 2, 5] {
        callee.only_hears_from(&caller, sequence);
    }
    let key = |sequence, ended: u8| {
        let head = Head {
            payload_type: 101,
            timestamp: 5000,
            ..head(sequence)
        };
        rtp::write(&head, &[7, ended, 0, 160]).unwrap()
    };
    for packet in [key(6, 0x0a), key(7, 0x8a), key(8, 0x8a)] {
        caller.say(&packet);
        callee.hears(&packet);
    }
    let (port, heard) = rig.close(caller.leg);
    assert_eq!(port, caller.ours);
    assert_eq!((heard.packets_in, heard.packets_out, heard.lost), (8, 0, 3));
    assert_eq!(heard.digits, "7");
    let (port, sent) = rig.close(callee.leg);
    assert_eq!(port, callee.ours);
    assert_eq!((sent.packets_in, sent.packets_out), (0, 8));
    // The port is free as soon as that is told.
    UdpSocket::bind((rig.local, port)).unwrap();
}

fn every_close_is_answered_also_for_legs_that_are_gone_or_never_were(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    rig.pool.close(caller.leg, rig.clock.now());
    assert_eq!(rig.close(caller.leg).0, caller.ours);
    let second = rig.report();
    assert!(
        matches!(second, Report::Closed { port: 0, .. }),
        "{second:?}"
    );
    assert_eq!(rig.close(caller.leg), (0, Sound::default()));
    while rig.woken.try_recv().is_ok() {}
    rig.pool.close(LegId(999), rig.clock.now());
    rig.woken.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(
        rig.report(),
        Report::Closed {
            leg: LegId(999),
            port: 0,
            ..
        }
    ));
    assert_eq!(rig.pool.legs(), 0);
}

fn a_leg_keeps_its_former_partner_no_longer(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, first) = rig.call(1, SoundFrom::Sdp);
    let second = rig.open(1, 99, SoundFrom::Sdp);
    rig.aim(&second);
    rig.pool.bridge(caller.leg, second.leg);
    rig.settle(1);
    first.say(&sound(66));
    caller.only_hears_from(&second, 1);
    second.only_hears_from(&caller, 2);
    rig.close(second.leg);
    caller.say(&sound(3));
    rig.settle(1);
    assert_eq!(rig.close(first.leg).1.packets_out, 0);
}

fn calls_share_the_workers_and_one_remote_address(engine: Chosen) {
    let mut rig = Rig::with(2, engine);
    // A carrier's gateway: one address and port for every call.
    let gateway = socket(rig.local);
    let at = gateway.local_addr().unwrap();
    let mut calls = Vec::new();
    for call in 1..=4 {
        let (caller, callee) = rig.call(call, SoundFrom::Sdp);
        rig.aim_at(&caller, Some(at));
        rig.settle(call);
        calls.push((caller, callee));
    }
    let spread: Vec<_> = rig.pool.workers.iter().map(|worker| worker.legs).collect();
    assert_eq!(spread, [4, 4]);
    for (sequence, (caller, callee)) in (0..).zip(&calls) {
        gateway
            .send_to(&sound(sequence), (rig.local, caller.ours))
            .unwrap();
        callee.hears(&sound(sequence));
        callee.say(&sound(sequence));
        assert_eq!(heard(&gateway), sound(sequence));
    }
}

fn a_worker_that_fails_ends_its_calls_and_draws_no_new_ones(engine: Chosen) {
    let mut rig = Rig::with(2, engine);
    let (first, _) = rig.call(1, SoundFrom::Sdp);
    let (second, other) = rig.call(2, SoundFrom::Sdp);
    // Its thread ends, for whatever reason.
    rig.pool.workers[0].commands.send(Command::Stop).unwrap();
    rig.pool.workers[0].bell.ring();
    let mut silent = Vec::new();
    while silent.len() < 2 {
        match rig.report() {
            Report::Silent { leg } => silent.push(leg),
            // What it could still tell.
            Report::Closed { .. } => {}
        }
    }
    assert!(silent.contains(&first.leg) && !silent.contains(&second.leg));
    while !rig.pool.workers[0].is_gone {
        rig.woken.recv_timeout(DEADLINE).expect("the thread ends");
        rig.flush();
    }
    // The other's call has its sound, and new calls are all its own.
    second.say(&sound(1));
    other.hears(&sound(1));
    for call in 3..=4 {
        let (caller, callee) = rig.call(call, SoundFrom::Sdp);
        caller.say(&sound(2));
        callee.hears(&sound(2));
    }
    assert_eq!(rig.pool.workers[1].legs, 6);
}

fn ipv4_and_ipv6_meet_in_one_call(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    rig.local = Ipv6Addr::LOCALHOST.into();
    if UdpSocket::bind((rig.local, 0)).is_err() {
        return; // This machine has no IPv6.
    }
    let callee = rig.open(1, 2, SoundFrom::Nat);
    rig.aim(&caller);
    rig.aim(&callee);
    rig.pool.bridge(caller.leg, callee.leg);
    rig.settle(1);
    callee.only_hears_from(&caller, 1);
    caller.only_hears_from(&callee, 2);
}

fn opening_and_closing_many_legs_leaves_no_descriptor(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for round in 0..4 {
        for leg in 0..64 {
            rig.open(leg / 2, 1000 * round + leg, SoundFrom::Sdp);
        }
        for leg in 0..64 {
            let (port, _) = rig.close(LegId(1000 * round + leg));
            rig.ports.release(port, Moment::START);
        }
    }
    assert_eq!(descriptors(), before);
    assert_eq!(rig.pool.legs(), 0);
}

fn a_stop_closes_what_is_open_and_tells_it(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    rig.pool.stop();
    let mut told = [rig.report(), rig.report()].map(|report| match report {
        Report::Closed { leg, .. } | Report::Silent { leg } => leg,
    });
    told.sort();
    assert_eq!(told, [caller.leg, callee.leg]);
    assert!(rig.readers[0].is_abandoned());
    // Orders after that are harmless, and a close is answered still.
    rig.pool.bridge(caller.leg, callee.leg);
    assert_eq!(rig.close(caller.leg).0, 0);
    caller
        .rtp
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let nothing = caller.rtp.recv(&mut [0; 100]).unwrap_err();
    assert!(matches!(
        nothing.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    ));
}

fn a_worker_that_is_behind_gets_no_new_legs_and_holds_nobody_up(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    rig.settle(1);
    // A worker that takes nothing stands in for the real one, with room for one order.
    let (commands, orders) = bounded(1);
    let working = std::mem::replace(&mut rig.pool.workers[0].commands, commands);
    rig.aim(&caller);
    rig.pool.watch(caller.leg, None);
    rig.pool.close(caller.leg, rig.clock.now());
    assert_eq!(rig.pool.late(), 1);
    let pair = rig.ports.take(rig.local, rig.clock.now()).unwrap();
    let refused = rig.pool.open(
        2,
        LegId(5),
        pair,
        SoundFrom::Sdp,
        rig.local,
        rig.clock.now(),
    );
    assert!(!refused);
    assert_eq!((rig.pool.legs(), rig.pool.workers[0].legs), (1, 1));
    // It catches up: the orders come in their order.
    assert!(matches!(orders.try_recv(), Ok(Command::Aim { .. })));
    rig.flush();
    assert!(matches!(orders.try_recv(), Ok(Command::Watch { .. })));
    rig.pool.workers[0].commands = working;
    rig.flush();
    assert_eq!(rig.pool.late(), 0);
    assert!(matches!(rig.report(), Report::Closed { leg, .. } if leg == caller.leg));
}

fn legs_that_open_and_close_wake_nobody_until_there_is_a_reason_or_their_time_has_come(
    engine: Chosen,
) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    let began = rig.clock.now();
    rig.pool.flush(began);
    let is_asleep = |rig: &Rig| !rig.pool.workers[0].commands.is_empty();
    let due = rig.pool.poll_timeout().expect("it opens in its time");
    assert!(due <= began + LEISURE);
    // An order about sound takes along what waits.
    rig.aim(&caller);
    rig.pool.flush(began);
    while is_asleep(&rig) {
        std::thread::yield_now();
    }
    rig.pool.flush(due);
    assert_eq!(rig.pool.poll_timeout(), None);
    let closed = rig.clock.now();
    rig.pool.close(caller.leg, closed);
    assert_eq!(rig.pool.poll_timeout(), Some(closed + LEISURE));
    rig.pool.flush(closed + LEISURE / 2);
    assert!(!is_asleep(&rig) && rig.pool.next_report().is_none());
    rig.pool.flush(closed + LEISURE);
    assert_eq!(rig.pool.poll_timeout(), None);
    assert!(matches!(rig.report(), Report::Closed { leg, .. } if leg == caller.leg));
}

fn reports_without_sound_are_silence(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    rig.pool
        .watch(caller.leg, Some(Duration::from_millis(1_500)));
    rig.flush();
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1, 0xff];
    let told = loop {
        // Reports pass often, well within the time that is watched.
        caller.say(&report);
        assert_eq!(heard(&callee.rtcp), report);
        if let Some(told) = rig.pool.next_report() {
            break told;
        }
        let _nothing_yet = rig.woken.recv_timeout(Duration::from_millis(20));
    };
    assert!(matches!(told, Report::Silent { leg } if leg == caller.leg));
}

/// Keys of a leg made of these two bytes: ours and its peer's.
fn secrets(ours: u8, theirs: u8) -> Secrets {
    let key = |seed| Key::new(Suite::Aes128Sha1Tag80, &[seed; MASTER_BYTES_MAX]);
    Secrets {
        ours: key(ours),
        theirs: key(theirs),
    }
}

/// What a phone does with its half of the keys.
fn phone_keys(secrets: &Secrets) -> (SrtpSender, SrtpReceiver) {
    let sender = SrtpSender::new(&secrets.theirs).unwrap();
    (sender, SrtpReceiver::new(&secrets.ours).unwrap())
}

impl Rig {
    fn aim_under(&mut self, phone: &Phone, secrets: Secrets) {
        let aim = Aim {
            rtp: Some(phone.rtp.local_addr().unwrap()),
            rtcp: Some(phone.rtcp.local_addr().unwrap()),
            codecs: codecs(),
            srtp: Protection::Keys(Box::new(secrets)),
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }

    /// The peer disables its sound (`m=audio 0`) where SRTP is wanted.
    fn aim_disabled(&mut self, phone: &Phone) {
        let srtp = Protection::Kept;
        let aim = Aim {
            srtp,
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }
}

fn sealed(sender: &mut SrtpSender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [packet, &[0; srtp::ROOM]].concat();
    let length = sender.protect(&mut buffer, packet.len()).unwrap();
    buffer.truncate(length);
    buffer
}

fn each_leg_has_keys_of_its_own_and_the_tap_hears_clear_sound(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let (left, right) = (secrets(1, 2), secrets(3, 4));
    rig.aim_under(&caller, left.clone());
    rig.aim_under(&callee, right.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut caller_says, mut caller_hears) = phone_keys(&left);
    let (mut callee_says, mut callee_hears) = phone_keys(&right);
    for sequence in 1..20 {
        let clear = sound(sequence);
        for (from, says, to, hears) in [
            (&caller, &mut caller_says, &callee, &mut callee_hears),
            (&callee, &mut callee_says, &caller, &mut caller_hears),
        ] {
            let packet = sealed(says, &clear);
            from.say(&packet);
            let mut came = heard(&to.rtp);
            assert_ne!(came, packet);
            let length = hears.unprotect(&mut came).unwrap();
            assert_eq!(came[..length], clear);
            assert_eq!(rig.tapped().1, clear[12..]);
        }
    }
    // Reports are opened and closed as well.
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
    let mut packet = [&report[..], &[0; srtp::ROOM]].concat();
    let length = caller_says.protect_rtcp(&mut packet, report.len()).unwrap();
    let ours = (rig.local, caller.ours + 1);
    caller.rtcp.send_to(&packet[..length], ours).unwrap();
    let mut came = heard(&callee.rtcp);
    let length = callee_hears.unprotect_rtcp(&mut came).unwrap();
    assert_eq!(came[..length], report);
}

fn one_leg_may_be_encrypted_and_the_other_plain(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    caller.say(&sealed(&mut says, &sound(1)));
    callee.hears(&sound(1));
    callee.say(&sound(2));
    let mut came = heard(&caller.rtp);
    let length = hears.unprotect(&mut came).unwrap();
    assert_eq!(came[..length], sound(2));
}

fn whoever_has_another_key_is_silent_and_learned_from_by_nobody(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut wrong, _) = phone_keys(&secrets(8, 9));
    let stranger = socket(rig.local);
    for sequence in 1..10 {
        let packets = [sealed(&mut wrong, &sound(sequence)), sound(sequence)];
        for packet in packets {
            stranger.send_to(&packet, (rig.local, caller.ours)).unwrap();
        }
    }
    // The latch is still open for who has the key.
    let (mut says, _) = phone_keys(&keys);
    let right = sealed(&mut says, &sound(50));
    caller.say(&right);
    callee.hears(&sound(50));
    assert_eq!(rig.tapped().0.sequence, 50);
    // The same packet again is nobody's new one.
    caller.say(&right);
    caller.say(&sealed(&mut says, &sound(51)));
    callee.hears(&sound(51));
    let counted = rig.close(caller.leg).1;
    assert_eq!((counted.packets_in, counted.forged), (2, 18));
}

fn who_was_learned_of_plain_sound_keeps_nobody_off_who_has_the_keys(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    // The address of the signalling, and another port: the socket is connected there.
    let stranger = socket(rig.local);
    stranger
        .send_to(&sound(1), (rig.local, caller.ours))
        .unwrap();
    callee.hears(&sound(1));
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    caller.say(&sealed(&mut says, &sound(2)));
    callee.hears(&sound(2));
    callee.say(&sound(3));
    assert!(hears.unprotect(&mut heard(&caller.rtp)).is_ok());
}

fn while_the_sound_is_disabled_nothing_plain_is_heard_and_no_key_begins_anew(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    let first = sealed(&mut says, &sound(1));
    caller.say(&first);
    callee.hears(&sound(1));
    assert_eq!(rig.tapped().0.sequence, 1);
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1];
    callee.say(&report);
    let index = |packet: &[u8]| packet[report.len()..][..4].to_vec();
    let before = heard(&caller.rtcp);
    rig.aim_disabled(&caller);
    rig.settle(1);
    caller.say(&sound(2));
    caller.say(&first);
    rig.aim_under(&caller, keys);
    rig.settle(1);
    caller.say(&first);
    caller.say(&sealed(&mut says, &sound(3)));
    callee.hears(&sound(3));
    assert_eq!(rig.tapped().0.sequence, 3);
    callee.say(&report);
    let mut after = heard(&caller.rtcp);
    assert_ne!(index(&before), index(&after));
    assert!(hears.unprotect_rtcp(&mut after).is_ok());
    let counted = rig.close(caller.leg).1;
    assert_eq!((counted.packets_in, counted.forged), (2, 1));
}

fn a_description_with_the_same_keys_forgets_nothing_and_one_with_others_begins_anew(
    engine: Chosen,
) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    let first = sealed(&mut says, &sound(1));
    caller.say(&first);
    callee.hears(&sound(1));
    rig.aim_under(&caller, keys);
    rig.settle(1);
    caller.say(&first);
    caller.say(&sealed(&mut says, &sound(2)));
    callee.hears(&sound(2));
    callee.say(&sound(3));
    assert!(hears.unprotect(&mut heard(&caller.rtp)).is_ok());
    let renewed = secrets(5, 6);
    rig.aim_under(&caller, renewed.clone());
    rig.settle(1);
    let (mut says_anew, mut hears_anew) = phone_keys(&renewed);
    caller.say(&sealed(&mut says, &sound(4)));
    caller.say(&sealed(&mut says_anew, &sound(1)));
    callee.hears(&sound(1));
    callee.say(&sound(4));
    assert!(hears_anew.unprotect(&mut heard(&caller.rtp)).is_ok());
    // Back to plain, as where it is only preferred.
    rig.aim(&caller);
    rig.settle(1);
    caller.only_hears_from(&callee, 9);
}

fn a_storm_of_sources_reaches_neither_the_other_side_nor_the_recording(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(1)));
    rig.settle(1);
    callee.only_hears_from(&caller, 0);
    let (mut strangers, mut source) = (0, 1_000);
    for sequence in 1..100 {
        for _ in 0..20 {
            source += 1;
            let head = Head {
                ssrc: source,
                ..head(sequence)
            };
            caller.say(&rtp::write(&head, &[9; 160]).unwrap());
        }
        caller.say(&sound(sequence));
        while heard(&callee.rtp) != sound(sequence) {
            strangers += 1;
        }
    }
    // Those that may come at once, and one a second.
    assert!(strangers <= 8 + 5, "{strangers} passed");
    rig.settle(1);
    let mut payload = Vec::new();
    let reader = rig.readers.first_mut().unwrap();
    let tapped = std::iter::from_fn(|| reader.next(&mut payload)).count();
    assert_eq!(tapped, strangers + 100);
    let counted = rig.close(caller.leg).1;
    assert_eq!(counted.packets_in, 100 + strangers as u64);
    assert_eq!(counted.refused, 99 * 20 - strangers as u64);
}

fn strangers_are_refused_before_and_while_and_after_an_address_is_learned(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(1)));
    rig.settle(1);
    let ours = (rig.local, caller.ours);
    // Another host, and what is no sound from the right one: neither is learned.
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.send_to(&sound(90), ours).unwrap();
    let prober = socket(rig.local);
    for noise in [&b""[..], b"\r\n", &[0; 20]] {
        prober.send_to(noise, ours).unwrap();
    }
    callee.only_hears_from(&caller, 1);
    // Learned: another port of the right host, and the first stranger, speak to a closed door.
    for sequence in 91..95 {
        let _refused = prober.send_to(&sound(sequence), ours);
        let _refused = stranger.send_to(&sound(sequence), ours);
    }
    callee.only_hears_from(&caller, 2);
    caller.only_hears_from(&callee, 3);
    // New SDP opens the lock, to the right host alone, and only until one is heard.
    rig.aim(&caller);
    rig.settle(1);
    let _refused = stranger.send_to(&sound(96), ours);
    callee.only_hears_from(&caller, 4);
    let _refused = prober.send_to(&sound(97), ours);
    callee.only_hears_from(&caller, 5);
    rig.settle(1);
    let mut payload = Vec::new();
    let reader = rig.readers.first_mut().unwrap();
    let mut tapped: Vec<_> = std::iter::from_fn(|| reader.next(&mut payload))
        .map(|tapped| tapped.sequence)
        .collect();
    tapped.sort_unstable();
    assert_eq!(tapped, [1, 2, 3, 4, 5]);
}

fn a_flood_from_the_peer_itself_passes_no_faster_than_a_telephone_speaks(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Ip);
    let began = rig.clock.now();
    for sequence in 0..20_000u16 {
        caller.say(&sound(sequence));
    }
    let lasted = rig.clock.now() - began;
    rig.settle(1);
    let counted = rig.close(caller.leg).1;
    let most = 1_000 + lasted.as_millis() / 2 + 50;
    assert!(
        u128::from(counted.packets_in) <= most,
        "{counted:?} {lasted:?}"
    );
    // What is left alone for a moment is read again.
    let heard = rig.close(callee.leg).1;
    assert!(heard.packets_out >= 60, "{heard:?}");
}

fn a_flooded_socket_is_read_again_when_the_flood_is_over(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Ip);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let until = rig.clock.now() + Duration::from_millis(200);
    while rig.clock.now() < until {
        let _full = stranger.send_to(&sound(90), (rig.local, caller.ours));
    }
    let quiet = rig.clock.now() + DEADLINE;
    let mut sequence = 0;
    callee
        .rtp
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    // Its buffer is full of the flood: what is said is heard again once that has been read.
    loop {
        sequence += 1;
        caller.say(&sound(sequence));
        let mut buffer = [0; 200];
        match callee.rtp.recv(&mut buffer) {
            Ok(length) => {
                assert!((1..=sequence).any(|said| buffer[..length] == sound(said)));
                break;
            }
            Err(_) => assert!(rig.clock.now() < quiet, "the leg hears nothing any more"),
        }
    }
}

fn what_a_peer_reports_is_counted_and_its_name_goes_no_further(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let mut senders = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
    for word in [0x1234_5678_u32, 0x9abc_def0, 0, 0, 0] {
        senders.extend(word.to_be_bytes());
    }
    let described = b"\x81\xca\x00\x05\x00\x00\x00\x01\x01\x0danna@10.1.1.5\x00".to_vec();
    let ours = |phone: &Phone| (phone.local, phone.ours + 1);
    let whole = [&senders[..], &described].concat();
    callee.rtcp.send_to(&whole, ours(&callee)).unwrap();
    let came = heard(&caller.rtcp);
    assert_eq!(came[..28], senders);
    assert!(!came.windows(8).any(|at| at == b"10.1.1.5"), "{came:?}");
    let mut receivers = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    for word in [1_u32, 3, 0, 80, 0x5678_9abc, 0] {
        receivers.extend(word.to_be_bytes());
    }
    caller.rtcp.send_to(&receivers, ours(&caller)).unwrap();
    assert_eq!(heard(&callee.rtcp), receivers);
    let counted = rig.close(caller.leg).1;
    assert_eq!(
        (counted.lost_there, counted.jitter_there_ms),
        (Some(3), Some(10.0))
    );
    assert!(counted.rtt_ms.is_some_and(|ms| ms < 5_000.0), "{counted:?}");
    assert_eq!(rig.close(callee.leg).1.rtt_ms, None);
}
