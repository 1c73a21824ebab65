//! The decoders against other people's, and against packets that nobody's encoder made.

use proptest::prelude::*;

use super::*;
use crate::base::chance::Chance;
use crate::media::codec::samples::Sample;

const ALL: [Voice; 4] = [
    Voice::G711(Law::A),
    Voice::G711(Law::Mu),
    Voice::G722,
    Voice::Opus,
];

fn decoded(voice: Voice, rate_hz: u32, sample: &Sample) -> Vec<i16> {
    let mut decoder = Decoder::new(voice, rate_hz);
    let mut out = Vec::new();
    for packet in &sample.packets {
        decoder.decode(packet, &mut out).unwrap();
    }
    out
}

#[test]
fn a_codec_is_known_by_name_clock_and_channels() {
    let of = |text: &str| Voice::of(&Codec::from_rtpmap(text.as_bytes()).unwrap());
    assert_eq!(of("8 pcma/8000"), Some(Voice::G711(Law::A)));
    assert_eq!(of("9 G722/8000/1"), Some(Voice::G722));
    assert_eq!(of("111 opus/48000/2"), Some(Voice::Opus));
    for text in [
        "8 PCMA/16000",
        "8 PCMA/8000/2",
        "9 G722/16000",
        "18 G729/8000",
        "13 CN/8000",
    ] {
        assert_eq!(of(text), None, "{text}");
    }
    let encrypted = Codec::from_static(8).unwrap().encrypted();
    assert_eq!(Voice::of(&encrypted), None);
}

#[test]
fn g722_of_another_encoder_is_decoded_as_another_decoder_does_to_the_bit() {
    let sample = samples::g722();
    assert_eq!(decoded(Voice::G722, 16_000, &sample), sample.sound);
}

#[test]
fn opus_of_every_kind_is_decoded_as_the_reference_does() {
    for (k, sample) in samples::opus().iter().enumerate() {
        let heard = decoded(Voice::Opus, 16_000, sample);
        assert_eq!(heard.len(), sample.sound.len(), "{k}");
        let off = heard.iter().zip(&sample.sound).map(|(a, b)| a.abs_diff(*b));
        // The reference rounds otherwise where it computes in other steps.
        assert!(off.max() <= Some(2), "{k}");
        assert!(heard.iter().any(|sample| sample.unsigned_abs() > 3_000));
    }
}

#[test]
fn opus_comes_at_the_rate_of_the_file_or_the_next_above() {
    for (asked, given) in [
        (8_000, 16_000),
        (12_000, 16_000),
        (16_000, 16_000),
        (24_000, 24_000),
        (48_000, 48_000),
    ] {
        for sample in &samples::opus() {
            let decoder = Decoder::new(Voice::Opus, asked);
            assert_eq!(decoder.rate_hz(), given);
            let ticks: u32 = sample.packets.iter().map(|p| Voice::Opus.ticks(p)).sum();
            let length = usize::try_from(ticks / (48_000 / given)).unwrap();
            assert_eq!(decoded(Voice::Opus, asked, sample).len(), length);
        }
    }
}

#[test]
fn who_has_nothing_to_say_is_hardly_heard() {
    let heard = decoded(Voice::Opus, 16_000, &samples::quiet());
    assert!(heard.iter().all(|sample| sample.unsigned_abs() < 200));
}

#[test]
fn damaged_packets_of_opus_harm_nobody() {
    let mut chance = Chance::from_number(5);
    let samples = samples::opus();
    let packets: Vec<_> = samples.iter().flat_map(|s| &s.packets).collect();
    for rate_hz in [16_000, 24_000, 48_000] {
        let mut decoder = Decoder::new(Voice::Opus, rate_hz);
        let mut out = Vec::new();
        for _ in 0..3_000 {
            let at = usize::try_from(chance.below(packets.len() as u64)).unwrap();
            let mut packet = packets[at].to_vec();
            for _ in 0..=chance.below(4) {
                let at = usize::try_from(chance.below(packet.len() as u64)).unwrap();
                packet[at] ^= 1 << chance.below(8);
            }
            packet.truncate(usize::try_from(chance.below(packet.len() as u64 + 1)).unwrap());
            out.clear();
            let _known_or_broken = decoder.decode(&packet, &mut out);
        }
        // What comes whole after it is heard.
        for packet in &samples[0].packets {
            decoder.decode(packet, &mut out).unwrap();
        }
        assert!(out.iter().any(|sample| sample.unsigned_abs() > 3_000));
    }
}

proptest! {
    /// Whatever a packet holds, its sound is as long as its ticks say, or it is broken and leaves nothing.
    #[test]
    fn what_comes_out_is_as_long_as_the_clock_says(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20),
        which in 0..ALL.len(),
        rate_hz in prop_oneof![Just(8_000), Just(12_000), Just(16_000), Just(24_000), Just(48_000)],
    ) {
        let voice = ALL[which];
        let mut decoder = Decoder::new(voice, rate_hz);
        for payload in packets {
            let mut out = Vec::new();
            let due = u64::from(voice.ticks(&payload)) * u64::from(decoder.rate_hz())
                / u64::from(voice.clock_hz());
            match decoder.decode(&payload, &mut out) {
                Ok(()) => prop_assert_eq!(out.len() as u64, due),
                Err(Fault::Broken | Fault::Failed) => prop_assert!(out.is_empty()),
            }
        }
    }
}
