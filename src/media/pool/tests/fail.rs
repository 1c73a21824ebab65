//! Peers and workers that fail.

use super::*;

on_each_driver! {
    a_peer_whose_port_is_shut_is_counted_and_heard_again_when_it_opens
    a_worker_that_fails_ends_its_calls_and_draws_no_new_ones
    a_worker_that_is_behind_gets_no_new_legs_and_holds_nobody_up
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
    while rig.pool.workers[0].state == State::Works {
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
