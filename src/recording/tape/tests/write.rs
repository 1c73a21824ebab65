//! When what lies on the tape is written.

use std::time::Duration;

use crate::base::id::Side;
use crate::media::codec::Law;
use crate::recording::settings::Manner;
use crate::recording::tape::Tape;
use crate::recording::tape::tests::{Phone, ZERO, at, codecs, decoded};

#[test]
fn a_recorder_that_sleeps_too_long_loses_nothing() {
    let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])], Manner::default());
    let mut phone = Phone::new(Side::Callee, Law::Mu, 3);
    let (mut sound, mut file) = (Vec::new(), Vec::new());
    for k in 0..500_i64 {
        let (mut tapped, payload) = phone.next(160);
        sound.extend(decoded(Law::Mu, &payload));
        tapped.arrival = at(k * 20_000);
        tape.packet(&tapped, &payload, &mut |block: &[u8]| {
            file.extend_from_slice(block)
        });
    }
    tape.finish(at(10_000_000), &mut |block: &[u8]| {
        file.extend_from_slice(block)
    });
    let right: Vec<_> = file
        .chunks_exact(4)
        .map(|frame| i16::from_le_bytes([frame[2], frame[3]]))
        .collect();
    assert_eq!(right, sound);
}

#[test]
fn at_most_half_a_second_waits_to_be_written() {
    let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])], Manner::default());
    let mut bytes = 0;
    for wake in 0..200_u64 {
        let now = ZERO + Duration::from_millis(wake * 50);
        tape.advance(now, &mut |block: &[u8]| bytes += block.len() as u64);
        let written_ms = bytes / 32;
        assert!(
            wake * 50 - written_ms <= 500,
            "{written_ms} ms at {} ms",
            wake * 50
        );
    }
}

#[test]
fn what_comes_in_order_is_written_within_a_block_and_takes_little_memory() {
    let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])], Manner::default());
    let mut phones = Side::BOTH.map(|side| Phone::new(side, Law::A, 5));
    let mut bytes = 0;
    for k in 0..500_i64 {
        let now = at(k * 20_000);
        for phone in &mut phones {
            let (mut tapped, payload) = phone.next(160);
            tapped.arrival = now;
            tape.packet(&tapped, &payload, &mut |block: &[u8]| {
                bytes += block.len() as u64
            });
        }
        tape.advance(now, &mut |block: &[u8]| bytes += block.len() as u64);
        let held = u64::try_from(k * 20).unwrap() - bytes / 32;
        // For the first moments an anchor may still move.
        let most = if k < 10 { 240 } else { 130 };
        assert!(held <= most, "{held} ms are held at {} ms", k * 20);
    }
}
