//! Strangers, floods and storms.

use super::*;

on_each_driver! {
    a_storm_of_sources_reaches_neither_the_other_side_nor_the_recording
    strangers_are_refused_before_and_while_and_after_an_address_is_learned
    a_flood_from_the_peer_itself_passes_no_faster_than_a_telephone_speaks
    a_flooded_socket_is_read_again_when_the_flood_is_over
    a_flood_on_one_leg_does_not_starve_another
    noise_goes_no_further
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
    rig.settle(1);
    let counted = rig.close(caller.leg).1;
    let lasted = rig.clock.now() - began;
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
    let mut slow = 0;
    for sequence in 0..300 {
        let began = rig.clock.now();
        callee.only_hears_from(&caller, sequence);
        caller.only_hears_from(&callee, sequence);
        slow += u32::from(rig.clock.now() - began > Duration::from_millis(500));
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    // Unfairly drained, a full socket buffer alone would take longer, over and over.
    assert!(slow < 10, "{slow} of 300 rounds are slow");
    assert_eq!(rig.close(caller.leg).1.packets_in, 300);
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
