//! Legs that close, and calls that fall silent.

use super::*;

on_each_driver! {
    a_closed_leg_tells_what_it_counted
    every_close_is_answered_also_for_legs_that_are_gone_or_never_were
    a_leg_keeps_its_former_partner_no_longer
    opening_and_closing_many_legs_leaves_no_descriptor
    a_stop_closes_what_is_open_and_tells_it
    silence_of_both_sides_is_told_once
    reports_without_sound_are_silence
    legs_that_open_and_close_wake_nobody_until_there_is_a_reason_or_their_time_has_come
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

fn legs_that_open_and_close_wake_nobody_until_there_is_a_reason_or_their_time_has_come(
    engine: Chosen,
) {
    let mut rig = Rig::new(engine);
    let caller = rig.open(1, 1, SoundFrom::Sdp);
    let began = rig.clock.now();
    rig.pool.flush(began);
    let is_asleep = |rig: &Rig| !rig.pool.workers[0].commands.is_empty();
    let due = rig.pool.poll_timeout().expect("it opens in its time");
    assert!(due <= began + LEISURE + GRACE && is_asleep(&rig));
    // An order about sound takes along what waits.
    rig.aim(&caller);
    rig.pool.flush(began);
    while is_asleep(&rig) {
        std::thread::yield_now();
    }
    assert_eq!(rig.pool.poll_timeout(), None);
    let closed = rig.clock.now();
    rig.pool.close(caller.leg, closed);
    rig.aim(&caller);
    rig.pool.flush(closed + LEISURE / 2);
    assert_eq!(rig.pool.poll_timeout(), Some(closed + LEISURE + GRACE));
    assert!(rig.pool.next_report().is_none());
    rig.pool.flush(closed + LEISURE);
    assert_eq!(rig.pool.poll_timeout(), None);
    assert!(matches!(rig.report(), Report::Closed { leg, .. } if leg == caller.leg));
}
