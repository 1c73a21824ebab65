//! Who may send to a leg, and where it sends.

use super::*;

on_each_driver! {
    an_sdp_leg_hears_exactly_its_peer
    an_ip_leg_hears_any_port_of_its_host_only
    a_nat_leg_learns_once_and_sends_there
    a_new_aim_moves_sound_and_none_holds_it
    a_leg_that_nobody_aimed_sends_nothing_and_hears_nothing
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
