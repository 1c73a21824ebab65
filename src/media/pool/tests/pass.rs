//! What passes from one leg to the other, and as what.

use super::*;

on_each_driver! {
    packets_pass_both_ways_byte_for_byte
    rtcp_passes_between_the_rtcp_ports_wherever_it_came_in
    rtcp_takes_on_each_leg_the_way_that_was_agreed_there
    payload_types_become_those_of_the_receiver_and_the_recorder_hears_the_senders
    calls_share_the_workers_and_one_remote_address
    ipv4_and_ipv6_meet_in_one_call
    what_a_peer_reports_is_counted_and_its_name_goes_no_further
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
