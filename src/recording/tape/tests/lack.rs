//! What a recording says it lacks, and why.

use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::tap::TapId;
use crate::recording::command::Gap;
use crate::recording::settings::Manner;
use crate::recording::tape::Tape;
use crate::recording::tape::tests::{Phone, ZERO, at, codecs};

#[test]
fn sound_that_is_not_decoded_is_a_gap_that_says_why() {
    let table = [
        (8, "PCMA"),
        (18, "G729"),
        (101, "TELEPHONE-EVENT"),
        (13, "CN"),
    ];
    let mut tape = Tape::new(
        ZERO,
        [codecs(&table), codecs(&[(0, "SRTP/PCMU")])],
        Manner::default(),
    );
    let mut phone = Phone::new(Side::Caller, Law::A, 2);
    let mut file = Vec::new();
    for k in 0..200_i64 {
        let (mut tapped, payload) = phone.next(160);
        tapped.arrival = at(k * 20_000);
        tapped.payload_type = match k {
            50..100 => 18,
            120..130 => 101,
            130..140 => 13,
            150..155 => 97,
            _ => 8,
        };
        tape.packet(&tapped, &payload, &mut |block: &[u8]| {
            file.extend_from_slice(block)
        });
        if k < 10 {
            tapped.side = Side::Callee;
            tapped.payload_type = 0;
            tape.packet(&tapped, &payload, &mut |block: &[u8]| {
                file.extend_from_slice(block)
            });
        }
    }
    tape.refused((TapId(0), Side::Caller), at(3_900_000));
    let finished = tape.finish(at(4_000_000), &mut |block: &[u8]| {
        file.extend_from_slice(block)
    });
    let gaps: Vec<_> = finished
        .gaps
        .iter()
        .map(|gap| (gap.side, gap.from_ms, gap.length_ms, gap.why.as_str()))
        .collect();
    assert_eq!(
        gaps,
        [
            (Side::Callee, 0, 200, "encrypted sound is not decoded"),
            (Side::Caller, 1_000, 1_000, "codec G729 is not decoded"),
            (
                Side::Caller,
                3_000,
                100,
                "payload type 97 is not in the SDP"
            ),
            (Side::Caller, 3_900, 20, "recorder behind"),
        ]
    );
    assert_eq!(finished.undecoded, [55, 10]);
    // The clock ran through all of it: what follows is in its place.
    let sample = |frame: usize| &file[frame * 4..frame * 4 + 2];
    assert!((8_000..16_000).all(|frame| sample(frame) == [0, 0]));
    assert!((16_000..16_160).any(|frame| sample(frame) != [0, 0]));
    assert!((19_200..22_400).all(|frame| sample(frame) == [0, 0]));
    assert!(file.chunks_exact(4).all(|frame| frame[2..] == [0, 0]));
}

#[test]
fn a_one_way_call_says_so_and_a_side_on_hold_does_not() {
    let gaps_of = |callee_sends: bool| {
        let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])], Manner::default());
        tape.set_sends((TapId(0), Side::Callee), callee_sends, ZERO);
        let mut phone = Phone::new(Side::Caller, Law::Mu, 3);
        for k in 0..100_i64 {
            let (mut tapped, payload) = phone.next(160);
            tapped.arrival = at(k * 20_000);
            tape.packet(&tapped, &payload, &mut |_: &[u8]| {});
        }
        tape.finish(at(2_000_000), &mut |_: &[u8]| {}).gaps
    };
    let gap = Gap {
        side: Side::Callee,
        from_ms: 0,
        length_ms: 2_000,
        why: "no packet came from this side".to_owned(),
    };
    assert_eq!(gaps_of(true), [gap]);
    assert_eq!(gaps_of(false), []);
}
