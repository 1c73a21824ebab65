//! What the recorder is given.

use super::*;
use crate::media::codec::PAYLOAD_BYTES_MAX;
use crate::media::tap::HEAD_BYTES;

on_each_driver! {
    the_tap_has_every_packet_in_order_on_its_side
    a_full_ring_stalls_no_call_and_is_counted
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
    // What is beyond the longest payload that anybody looks at takes no room.
    let each = HEAD_BYTES + PAYLOAD_BYTES_MAX;
    let packets = u16::try_from((TAP_BYTES + RESERVE_BYTES) / each + 20).unwrap();
    // As many as one leg may bring at once.
    let in_each_call = 900;
    let mut untapped = 0;
    for call in 1..=u16::div_ceil(packets, in_each_call) {
        let (caller, callee) = rig.call(call.into(), SoundFrom::Sdp);
        rig.pool
            .tap(caller.leg, callee.leg, Some(TapId(call.into())));
        rig.settle(call.into());
        let said = in_each_call.min(packets - (call - 1) * in_each_call);
        for sequence in 0..said {
            let packet = rtp::write(&head(sequence), &[1; 8_000]).unwrap();
            caller.say(&packet);
            callee.hears(&packet);
        }
        let counted = rig.close(caller.leg).1;
        assert_eq!(counted.packets_in, u64::from(said));
        untapped += counted.untapped;
    }
    assert!((10..=40).contains(&untapped), "{untapped}");
}
