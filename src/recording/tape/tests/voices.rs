//! Voices of several codecs and rates in one file: each sample where it was sent, whatever it was coded with.

use proptest::prelude::*;

use crate::base::chance::Chance;
use crate::base::id::Side;
use crate::media::codec::Decoder;
use crate::media::codec::Law;
use crate::media::codec::Voice;
use crate::media::codec::samples;
use crate::media::resample::Resampler;
use crate::media::tap::{TapId, Tapped};
use crate::recording::settings::Manner;
use crate::recording::tape::tests::{Network, ZERO, at, low, low16};
use crate::recording::tape::{Finished, Sink, Tape};
use crate::sdp::Codec;

const OPUS: u8 = 111;
const FRAME_MICROS: i64 = 20_000;

/// A file, as it is written.
#[derive(Default)]
struct File {
    rate_hz: Option<u32>,
    bytes: Vec<u8>,
}

impl Sink for File {
    fn begins(&mut self, rate_hz: u32) {
        assert!(self.rate_hz.is_none() && self.bytes.is_empty());
        self.rate_hz = Some(rate_hz);
    }

    fn block(&mut self, frames: &[u8]) {
        self.bytes.extend_from_slice(frames);
    }
}

/// What was recorded.
struct Recorded {
    channels: [Vec<i16>; 2],
    finished: Finished,
}

fn said(lines: &[&str]) -> std::sync::Arc<[Codec]> {
    let read = |line: &&str| Codec::from_rtpmap(line.as_bytes()).unwrap();
    lines.iter().map(read).collect()
}

fn play(mut network: Network, codecs: [&[&str]; 2], manner: Manner, end_micros: i64) -> Recorded {
    let mut tape = Tape::new(ZERO, codecs.map(said), manner);
    let known = tape.rate_hz();
    let mut file = File::default();
    network.0.sort_by_key(|(arrival, ..)| *arrival);
    let mut wake = -1_000_000;
    for (arrival, mut tapped, payload) in network.0 {
        while wake < arrival {
            tape.advance(at(wake), &mut file);
            wake += 50_000;
        }
        tapped.arrival = at(arrival);
        tape.packet(&tapped, &payload, &mut file);
    }
    while wake < end_micros {
        tape.advance(at(wake), &mut file);
        wake += 50_000;
    }
    let finished = tape.finish(at(end_micros), &mut file);
    assert_eq!(file.bytes.len() as u64, finished.frames * 4);
    assert_eq!(known.or(file.rate_hz), Some(finished.rate_hz));
    let channel = |offset: usize| {
        let frames = file.bytes.chunks_exact(4);
        frames
            .map(|frame| i16::from_le_bytes([frame[offset], frame[offset + 1]]))
            .collect()
    };
    Recorded {
        channels: [channel(0), channel(2)],
        finished,
    }
}

/// A phone that sends frames of 20 ms of any codec.
struct Talker {
    side: Side,
    tapped: Tapped,
    chance: Chance,
    opus: std::iter::Cycle<std::vec::IntoIter<&'static [u8]>>,
}

impl Talker {
    fn new(side: Side, seed: u64) -> Self {
        let mut chance = Chance::from_number(seed);
        let [silk, _, hybrid, ..] = samples::opus();
        let opus: Vec<_> = silk.packets.into_iter().chain(hybrid.packets).collect();
        Self {
            side,
            tapped: Tapped {
                tap: TapId(1),
                side,
                payload_type: 0,
                marker: false,
                sequence: low16(chance.next_u64()),
                timestamp: low(chance.next_u64()),
                ssrc: low(chance.next_u64()),
                arrival: ZERO,
                length: 0,
            },
            chance,
            opus: opus.into_iter().cycle(),
        }
    }

    fn next(&mut self, voice: Voice) -> (Tapped, Vec<u8>) {
        let payload = match voice {
            Voice::G711(_) | Voice::G722 => {
                let mut payload = vec![0; 160];
                self.chance.fill(&mut payload);
                payload
            }
            Voice::Opus => self.opus.next().unwrap().to_vec(),
        };
        let tapped = Tapped {
            payload_type: number(voice),
            side: self.side,
            ..self.tapped
        };
        self.skip(voice.ticks(&payload));
        (tapped, payload)
    }

    fn skip(&mut self, ticks: u32) {
        self.tapped.sequence = self.tapped.sequence.wrapping_add(1);
        self.tapped.timestamp = self.tapped.timestamp.wrapping_add(ticks);
    }
}

const fn number(voice: Voice) -> u8 {
    match voice {
        Voice::G711(Law::Mu) => 0,
        Voice::G711(Law::A) => 8,
        Voice::G722 => 9,
        Voice::Opus => OPUS,
    }
}

/// What a file of `rate_hz` should hold of packets that lie at these frames of 20 ms: each run of them decoded in order.
fn truth(voice: Voice, rate_hz: u32, heard: &[(i64, Vec<u8>)], frames: usize) -> Vec<i16> {
    let mut channel = vec![0; frames];
    let per_frame = i64::from(rate_hz / 50);
    let mut decoder = Decoder::new(voice, rate_hz);
    for run in heard.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        let (mut sound, mut out) = (Vec::new(), Vec::new());
        for (_, payload) in run {
            decoder.decode(payload, &mut sound).unwrap();
        }
        if decoder.rate_hz() == rate_hz {
            out = sound;
        } else {
            let mut resampler = Resampler::new(decoder.rate_hz(), rate_hz);
            resampler.feed(&sound, &mut out);
            resampler.finish(&mut out);
        }
        let begin = usize::try_from(run[0].0 * per_frame).unwrap();
        channel[begin..begin + out.len()].copy_from_slice(&out);
    }
    channel
}

const VOICES: [Voice; 4] = [
    Voice::G711(Law::A),
    Voice::G711(Law::Mu),
    Voice::G722,
    Voice::Opus,
];
const LINES: [&str; 4] = [
    "8 PCMA/8000",
    "0 PCMU/8000",
    "9 G722/8000",
    "111 opus/48000/2",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Two sides of any two codecs, over a network that loses, delays, repeats and reorders.
    #[test]
    fn every_sample_of_any_two_codecs_is_where_it_was_sent(
        seed: u64,
        which in (0..4_usize, 0..4_usize),
        opus_rate_hz in prop_oneof![Just(8_000_u32), Just(12_000), Just(16_000), Just(24_000), Just(48_000)],
        loss_percent in 0..30_u64,
        late_percent in 0..30_u64,
    ) {
        let mut chance = Chance::from_number(seed);
        let voices = [VOICES[which.0], VOICES[which.1]];
        let manner = Manner { opus_rate_hz, ..Manner::default() };
        let mut network = Network::default();
        let mut heard = [vec![], vec![]];
        for ((side, voice), heard) in Side::BOTH.into_iter().zip(voices).zip(&mut heard) {
            let mut talker = Talker::new(side, chance.next_u64());
            for k in 0..100_i64 {
                let (tapped, payload) = talker.next(voice);
                let settled = k >= 6;
                if settled && chance.below(100) < loss_percent {
                    continue;
                }
                let late = if settled && chance.below(100) < late_percent {
                    chance.below(150_000)
                } else {
                    0
                };
                let arrival = k * FRAME_MICROS + i64::try_from(late).unwrap();
                heard.push((k, payload.clone()));
                if chance.below(10) == 0 {
                    let again = i64::try_from(chance.below(300_000)).unwrap();
                    network.0.push((arrival + again, tapped, payload.clone()));
                }
                network.0.push((arrival, tapped, payload));
            }
        }
        let lines = [[LINES[which.0]], [LINES[which.1]]];
        let recorded = play(network, [&lines[0], &lines[1]], manner, 2_300_000);
        let rate_of = |voice: Voice| if voice == Voice::Opus { opus_rate_hz } else { voice.rate_hz() };
        let rate_hz = rate_of(voices[0]).max(rate_of(voices[1]));
        prop_assert_eq!(recorded.finished.rate_hz, rate_hz);
        prop_assert_eq!(recorded.finished.frames, u64::from(rate_hz) * 23 / 10);
        prop_assert!(recorded.finished.gaps.is_empty(), "{:?}", recorded.finished.gaps);
        for ((channel, voice), heard) in recorded.channels.iter().zip(voices).zip(&heard) {
            let truth = truth(voice, rate_hz, heard, channel.len());
            let wrong = channel.iter().zip(&truth).position(|(a, b)| a != b);
            prop_assert_eq!(wrong, None, "{:?} at {} Hz", voice, rate_hz);
        }
    }

    /// A side that changes its codec whenever it likes is in one file, each stretch of it where it was said.
    #[test]
    fn a_codec_that_changes_keeps_one_file_and_everything_in_its_place(
        seed: u64,
        changes in proptest::collection::vec((0..4_usize, 10..40_i64), 1..8),
    ) {
        assert_in_place(seed, &changes);
    }
}

/// What comes back to a codec for as long as packets wait is decoded when its sender has left it again.
#[test]
fn stretches_as_long_as_packets_wait_are_each_decoded_from_their_own_start() {
    assert_in_place(0, &[(0, 13), (2, 10), (0, 10), (2, 10), (0, 10)]);
}

/// Of stretches of so many packets of these voices every sample is where it was said.
#[track_caller]
fn assert_in_place(seed: u64, changes: &[(usize, i64)]) {
    let mut talker = Talker::new(Side::Callee, seed);
    let mut network = Network::default();
    let (mut clock, mut spans) = (0, Vec::new());
    for &(which, packets) in changes {
        let voice = VOICES[which];
        let mut heard = Vec::new();
        for k in 0..packets {
            let (tapped, payload) = talker.next(voice);
            network
                .0
                .push(((clock + k) * FRAME_MICROS, tapped, payload.clone()));
            heard.push((clock + k, payload));
        }
        spans.push((voice, heard));
        clock += packets;
    }
    let recorded = play(
        network,
        [&LINES, &LINES],
        Manner::default(),
        clock * FRAME_MICROS,
    );
    let rate_hz = recorded.finished.rate_hz;
    let first = spans[0].0;
    assert!(rate_hz >= first.rate_hz());
    let [caller, callee] = &recorded.channels;
    assert!(caller.iter().all(|sample| *sample == 0));
    let mut truth_of = vec![0_i16; callee.len()];
    for span in spans.chunk_by(|a, b| a.0 == b.0) {
        let heard: Vec<_> = span.iter().flat_map(|(_, heard)| heard.clone()).collect();
        for (here, sample) in
            truth_of
                .iter_mut()
                .zip(truth(span[0].0, rate_hz, &heard, callee.len()))
        {
            if sample != 0 {
                *here = sample;
            }
        }
    }
    let wrong = callee.iter().zip(&truth_of).position(|(a, b)| a != b);
    assert_eq!(wrong, None, "at {rate_hz} Hz, {changes:?}");
}

#[test]
fn what_is_sent_settles_the_rate_and_not_what_might_be() {
    for (voices, rate_hz) in [
        ([0, 0], 8_000),
        ([0, 2], 16_000),
        ([2, 0], 16_000),
        ([3, 0], 48_000),
    ] {
        let mut network = Network::default();
        for (side, which) in Side::BOTH.into_iter().zip(voices) {
            let mut talker = Talker::new(side, 7);
            for k in 0..50 {
                let (tapped, payload) = talker.next(VOICES[which]);
                network.0.push((k * FRAME_MICROS, tapped, payload));
            }
        }
        // Both may send anything, Opus first.
        let lines = ["111 opus/48000/2", "9 G722/8000", "8 PCMA/8000"];
        let recorded = play(network, [&lines, &lines], Manner::default(), 1_000_000);
        assert_eq!(recorded.finished.rate_hz, rate_hz, "{voices:?}");
    }
    // Who says nothing in time may still say what comes first.
    let silent = play(
        Network::default(),
        [&["9 G722/8000", "8 PCMA/8000"], &["8 PCMA/8000"]],
        Manner::default(),
        3_000_000,
    );
    assert_eq!(silent.finished.rate_hz, 16_000);
    assert_eq!(silent.finished.frames, 48_000);
}

#[test]
fn comfort_noise_digits_and_dtx_are_silence_of_the_right_length_and_nothing_is_missing() {
    let mut network = Network::default();
    let mut talker = Talker::new(Side::Caller, 3);
    let mut heard = Vec::new();
    for k in 0..100_i64 {
        match k {
            // Comfort noise once, and then nothing: the clock goes on, the numbers do not.
            30 => {
                let (mut tapped, _) = talker.next(Voice::G722);
                tapped.payload_type = 13;
                network.0.push((k * FRAME_MICROS, tapped, vec![60]));
            }
            31..50 => {
                talker.tapped.timestamp = talker.tapped.timestamp.wrapping_add(160);
            }
            // A key: all of its packets bear the time of its beginning.
            70..75 => {
                let (mut tapped, _) = talker.next(Voice::G722);
                tapped.payload_type = 101;
                network
                    .0
                    .push((k * FRAME_MICROS, tapped, vec![5, 10, 3, 32]));
            }
            _ => {
                let (tapped, payload) = talker.next(Voice::G722);
                network.0.push((k * FRAME_MICROS, tapped, payload.clone()));
                heard.push((k, payload));
            }
        }
    }
    let lines = ["9 G722/8000", "13 CN/8000", "101 telephone-event/8000"];
    let recorded = play(network, [&lines, &lines], Manner::default(), 2_000_000);
    let [counts, _] = recorded.finished.counts;
    assert_eq!((counts.missing, counts.late, counts.anchors), (0, 0, 1));
    let [caller, _] = &recorded.channels;
    assert_eq!(*caller, truth(Voice::G722, 16_000, &heard, caller.len()));
}

#[test]
fn a_lost_packet_is_made_up_where_that_is_wanted_and_a_pause_is_not() {
    let g722 = samples::g722();
    for conceal in [false, true] {
        let mut network = Network::default();
        let mut talker = Talker::new(Side::Caller, 3);
        for (k, packet) in (0_i64..).zip(g722.packets.iter().chain(&g722.packets)) {
            let (tapped, _) = talker.next(Voice::G722);
            let lost = k == 8;
            if !lost {
                network.0.push((k * FRAME_MICROS, tapped, packet.to_vec()));
            }
            if k == 27 {
                // It pauses.
                talker.tapped.timestamp = talker.tapped.timestamp.wrapping_add(4_000);
            }
        }
        for (arrival, ..) in &mut network.0 {
            if *arrival > 27 * FRAME_MICROS {
                *arrival += 500_000;
            }
        }
        let manner = Manner {
            conceal,
            ..Manner::default()
        };
        let lines = ["9 G722/8000"];
        let recorded = play(network, [&lines, &lines], manner, 1_500_000);
        let [caller, _] = &recorded.channels;
        let loudest = |from: usize, frames: usize| {
            let part = &caller[from * 320..(from + frames) * 320];
            part.iter()
                .map(|sample| sample.unsigned_abs())
                .max()
                .unwrap()
        };
        assert_eq!(loudest(8, 1) > 500, conceal);
        assert_eq!(loudest(28, 25), 0);
        assert!(loudest(7, 1) > 500 && loudest(9, 1) > 500);
        assert_eq!(recorded.finished.counts[0].missing, 1);
    }
}

#[test]
fn packets_that_no_decoder_understands_are_a_gap_that_says_so() {
    let mut network = Network::default();
    let mut talker = Talker::new(Side::Callee, 3);
    for k in 0..100_i64 {
        let (tapped, mut payload) = talker.next(Voice::Opus);
        if (50..60).contains(&k) {
            // Two frames of one length do not fit into an odd number of bytes.
            payload.truncate(20);
            payload[0] |= 1;
            payload[0] &= !2;
        }
        network.0.push((k * FRAME_MICROS, tapped, payload));
    }
    let lines = ["111 opus/48000/2"];
    let recorded = play(network, [&lines, &lines], Manner::default(), 2_000_000);
    let of_callee = |gap: &&crate::recording::command::Gap| gap.side == Side::Callee;
    let gap = recorded.finished.gaps.iter().find(of_callee).unwrap();
    assert_eq!((gap.from_ms, gap.length_ms), (1_000, 200));
    assert_eq!(gap.why, "a packet of OPUS could not be decoded");
    assert_eq!(recorded.finished.undecoded, [0, 10]);
}

#[test]
fn pressed_keys_are_not_heard_by_event_nor_by_ear_and_all_else_is() {
    let tone = |hz: [f64; 2], n: i64| {
        let turn = |hz: f64| (f64::from(i32::try_from(n).unwrap()) * hz / 8_000.0).fract();
        let sum: f64 = hz
            .map(|hz| (turn(hz) * std::f64::consts::TAU).sin())
            .iter()
            .sum();
        #[expect(clippy::cast_possible_truncation, reason = "a tone within 16 bits")]
        let sample = (sum * 5_000.0) as i16;
        sample
    };
    for mask_digits in [false, true] {
        let mut network = Network::default();
        let mut talker = Talker::new(Side::Caller, 3);
        for k in 0..100_i64 {
            let (mut tapped, _) = talker.next(Voice::G711(Law::A));
            let key = (40..45).contains(&k) || (60..63).contains(&k);
            let hz = if key {
                [770.0, 1_336.0]
            } else {
                [500.0, 510.0]
            };
            let payload = (0..160)
                .map(|n| Law::A.encode(tone(hz, k * 160 + n)))
                .collect();
            if (80..90).contains(&k) {
                // By events alone.
                tapped.payload_type = 101;
            }
            network.0.push((k * FRAME_MICROS, tapped, payload));
        }
        let manner = Manner {
            mask_digits,
            ..Manner::default()
        };
        let lines = ["8 PCMA/8000", "101 telephone-event/8000"];
        let recorded = play(network, [&lines, &lines], manner, 2_000_000);
        let [caller, callee] = &recorded.channels;
        let loudest = |frames: std::ops::Range<usize>| {
            let part = &caller[frames.start * 160..frames.end * 160];
            part.iter()
                .map(|sample| sample.unsigned_abs())
                .max()
                .unwrap()
        };
        assert_eq!(loudest(40..45) == 0, mask_digits, "{}", loudest(40..45));
        assert_eq!(loudest(60..63) == 0, mask_digits);
        // What a gateway lets through before it tells of a key.
        assert_eq!(loudest(75..80) == 0, mask_digits);
        assert!(loudest(0..38) > 5_000 && loudest(48..58) > 5_000 && loudest(96..100) > 5_000);
        assert!(callee.iter().all(|sample| *sample == 0));
    }
}
