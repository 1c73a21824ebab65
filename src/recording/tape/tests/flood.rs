//! A peer that wants more of the recorder than a telephone does.

use std::time::Duration;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::samples;
use crate::media::tap::{TapId, Tapped};
use crate::recording::settings::Manner;
use crate::recording::tape::tests::{ZERO, at};
use crate::recording::tape::{Finished, Tape};
use crate::sdp::Codec;

const OPUS: u8 = 111;

fn tape() -> Tape {
    let opus = Codec::from_rtpmap(b"111 opus/48000/2").unwrap();
    let pcmu = Codec::from_static(0).unwrap();
    let manner = Manner {
        opus_rate_hz: 16_000,
        ..Manner::default()
    };
    Tape::new(ZERO, [[opus.clone(), pcmu].into(), [opus].into()], manner)
}

fn packet(number: u32, timestamp: u32, arrival: Moment) -> Tapped {
    Tapped {
        tap: TapId(1),
        side: Side::Caller,
        payload_type: OPUS,
        marker: false,
        sequence: u16::try_from(number & 0xffff).unwrap(),
        timestamp,
        ssrc: 1,
        arrival,
        length: 0,
    }
}

fn why(finished: &Finished) -> Vec<&str> {
    let caller = finished.gaps.iter().filter(|gap| gap.side == Side::Caller);
    caller.map(|gap| gap.why.as_str()).collect()
}

/// Six frames of 20 ms in one packet (RFC 6716 3.2.5): 120 ms.
fn long() -> Vec<u8> {
    let [_, _, _, celt, _] = samples::opus();
    let (first, frame) = celt.packets[5].split_first().unwrap();
    // 10 ms a frame, twelve of them.
    [&[first | 3, 12][..], &frame.repeat(12)].concat()
}

#[test]
fn a_minute_of_sound_a_second_is_decoded_as_fast_as_time_passes_and_the_rest_is_a_gap() {
    let payload = long();
    assert!(payload.len() <= 1_500);
    let mut tape = tape();
    let mut disk = |_: &[u8]| {};
    // As many as the relay lets through, for 10 s.
    for number in 0..5_000_u32 {
        let arrival = ZERO + Duration::from_millis(2) * number;
        // Its clock is right, so that each of them has a place.
        tape.packet(&packet(number, number * 96, arrival), &payload, &mut disk);
        if number % 25 == 0 {
            tape.advance(arrival, &mut disk);
        }
    }
    let finished = tape.finish(at(10_000_000), &mut disk);
    // 10 s and a quarter more, and 2 s at once: 121 packets of 120 ms at most.
    let undecoded = finished.undecoded[0];
    assert!((4_870..=4_900).contains(&undecoded), "{undecoded}");
    assert!(why(&finished).contains(&"more OPUS came than time passed"));
}

#[test]
fn the_shortest_packets_of_opus_are_all_heard() {
    let [_, _, _, celt, _] = samples::opus();
    let (first, frame) = celt.packets[5].split_first().unwrap();
    // The same band width in frames of 2.5 ms.
    let payload = [&[first & !0x18][..], frame].concat();
    let mut tape = tape();
    let mut disk = |_: &[u8]| {};
    for number in 0..4_000_u32 {
        let arrival = ZERO + Duration::from_micros(2_500) * number;
        tape.packet(&packet(number, number * 120, arrival), &payload, &mut disk);
        if number % 20 == 0 {
            tape.advance(arrival, &mut disk);
        }
    }
    let finished = tape.finish(at(10_000_000), &mut disk);
    assert_eq!((finished.undecoded[0], why(&finished).len()), (0, 0));
}

#[test]
fn after_three_decoders_that_broke_the_side_is_no_longer_decoded_and_the_other_is() {
    let celt = &samples::opus()[3];
    let mut tape = tape();
    let mut disk = |_: &[u8]| {};
    for number in 0..200_u32 {
        let arrival = ZERO + Duration::from_millis(20) * number;
        let sound = celt.packets[usize::try_from(number).unwrap() % celt.packets.len()];
        let broken = number > 20 && number % 10 == 0;
        let payload = if broken { samples::BREAKING } else { sound };
        let head = packet(number, number * 960, arrival);
        tape.packet(&head, payload, &mut disk);
        let callee = Tapped {
            side: Side::Callee,
            ..head
        };
        tape.packet(&callee, sound, &mut disk);
        tape.advance(arrival, &mut disk);
    }
    let finished = tape.finish(at(4_000_000), &mut disk);
    let given_up = "codec OPUS is no longer decoded: its decoder failed over and over";
    assert_eq!(
        why(&finished),
        ["a packet of OPUS could not be decoded", given_up]
    );
    let gap = finished
        .gaps
        .iter()
        .find(|gap| gap.why == given_up)
        .unwrap();
    // The third one broke at 1,000 ms.
    assert_eq!((gap.from_ms, gap.length_ms), (1_020, 2_980));
    assert_eq!(finished.undecoded, [3 + 149, 0]);
}

#[test]
fn what_is_longer_than_any_telephones_packet_is_not_kept() {
    let mut tape = tape();
    let mut disk = |_: &[u8]| {};
    let payload = [&long()[..1], &[0; 1_500]].concat();
    for number in 0..50_u32 {
        let arrival = ZERO + Duration::from_millis(20) * number;
        tape.packet(&packet(number, number * 960, arrival), &payload, &mut disk);
    }
    let finished = tape.finish(at(1_000_000), &mut disk);
    assert_eq!(why(&finished), ["a packet of OPUS could not be decoded"]);
    assert_eq!(finished.undecoded[0], 50);
}
