//! Trials of the tape: two phones that send random sound, a network between them and it, and what lies on it.

use std::sync::Arc;

use crate::base::chance::Chance;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Law;
use crate::media::tap::{TapId, Tapped};
use crate::recording::settings::Manner;
use crate::recording::tape::{Finished, Tape};
use crate::sdp::Codec;

mod flood;
mod lack;
mod place;
mod turn;
mod voices;
mod write;

const ZERO: Moment = Moment::from_millis(60_000);

/// Packets of both sides with their arrival in microseconds after `ZERO`, which may be negative.
#[derive(Default)]
struct Network(Vec<(i64, Tapped, Vec<u8>)>);

/// A phone that sends random sound.
struct Phone {
    side: Side,
    law: Law,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    chance: Chance,
}

impl Phone {
    fn new(side: Side, law: Law, seed: u64) -> Self {
        let mut chance = Chance::from_number(seed);
        Self {
            side,
            law,
            ssrc: low(chance.next_u64()),
            sequence: low16(chance.next_u64()),
            timestamp: low(chance.next_u64()),
            chance,
        }
    }

    fn next(&mut self, samples: u32) -> (Tapped, Vec<u8>) {
        let mut payload = vec![0; usize::try_from(samples).unwrap()];
        self.chance.fill(&mut payload);
        let tapped = Tapped {
            tap: TapId(1),
            side: self.side,
            payload_type: match self.law {
                Law::Mu => 0,
                Law::A => 8,
            },
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            arrival: ZERO,
            length: u16::try_from(samples).unwrap(),
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        (tapped, payload)
    }
}

fn low(bits: u64) -> u32 {
    u32::try_from(bits & 0xffff_ffff).unwrap()
}

fn low16(bits: u64) -> u16 {
    u16::try_from(bits & 0xffff).unwrap()
}

fn at(micros: i64) -> Moment {
    Moment::from_micros(ZERO.as_micros().checked_add_signed(micros).unwrap())
}

fn codecs(names: &[(u8, &str)]) -> Arc<[Codec]> {
    names
        .iter()
        .map(|(payload_type, name)| Codec {
            payload_type: *payload_type,
            name: (*name).into(),
            clock_hz: 8_000,
            channels: 1,
        })
        .collect()
}

/// Plays what arrived to a tape that is woken every 50 ms, and returns both channels.
fn record(mut network: Network, end_micros: i64) -> ([Vec<i16>; 2], Finished) {
    let none = codecs(&[]);
    let mut tape = Tape::new(ZERO, [Arc::clone(&none), none], Manner::default());
    let mut file = Vec::new();
    let mut disk = |block: &[u8]| file.extend_from_slice(block);
    network.0.sort_by_key(|(arrival, ..)| *arrival);
    let mut wake = -1_000_000;
    for (arrival, mut tapped, payload) in network.0 {
        while wake < arrival {
            tape.advance(at(wake), &mut disk);
            wake += 50_000;
        }
        tapped.arrival = at(arrival);
        tape.packet(&tapped, &payload, &mut disk);
    }
    while wake < end_micros {
        tape.advance(at(wake), &mut disk);
        wake += 50_000;
    }
    let finished = tape.finish(at(end_micros), &mut disk);
    assert_eq!(file.len() as u64, finished.frames * 4);
    let channel = |offset: usize| {
        file.chunks_exact(4)
            .map(|frame| i16::from_le_bytes([frame[offset], frame[offset + 1]]))
            .collect::<Vec<_>>()
    };
    ([channel(0), channel(2)], finished)
}

fn decoded(law: Law, payload: &[u8]) -> Vec<i16> {
    payload.iter().map(|code| law.decode(*code)).collect()
}

/// Finds where `sound` lies whole in `channel`.
fn find(channel: &[i16], sound: &[i16]) -> Option<usize> {
    channel
        .windows(sound.len())
        .position(|window| window == sound)
}
