//! Where each sample lies: as it was sent, whatever the network did to it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::base::chance::Chance;
use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::tap::{TapId, Tapped};
use crate::recording::tape::tests::{Network, Phone, ZERO, decoded, find, low, record};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every sample that was sent is there, in one piece, where it was sent, on both sides.
    #[test]
    fn on_a_clean_network_every_sample_equals_what_was_sent(
        seed: u64,
        frame_ms in prop_oneof![Just(10), Just(20), Just(30), Just(60)],
        jitter_micros in 0..5_000_u64,
        begins_micros in 0..2_000_000_i64,
        a_law: bool,
    ) {
        let mut chance = Chance::from_number(seed);
        let law = if a_law { Law::A } else { Law::Mu };
        let mut network = Network::default();
        let mut sent = [vec![], vec![]];
        for (side, sent) in Side::BOTH.into_iter().zip(&mut sent) {
            let mut phone = Phone::new(side, law, chance.next_u64());
            for k in 0..100 {
                let (tapped, payload) = phone.next(u32::try_from(frame_ms).unwrap() * 8);
                sent.extend(decoded(law, &payload));
                let jitter = i64::try_from(chance.below(jitter_micros + 1)).unwrap();
                network.0.push((begins_micros + k * frame_ms * 1_000 + jitter, tapped, payload));
            }
        }
        let end = begins_micros + 100 * frame_ms * 1_000 + 300_000;
        let (channels, finished) = record(network, end);
        prop_assert!(finished.gaps.is_empty());
        let truth = begins_micros * 8 / 1_000;
        let places = [0, 1].map(|k| find(&channels[k], &sent[k]).map(|n| i64::try_from(n).unwrap()));
        for (k, place) in places.into_iter().enumerate() {
            prop_assert!(place.is_some(), "channel {} is not whole", k);
            let off = place.unwrap() - truth;
            prop_assert!((0..=40).contains(&off), "channel {} lies {} samples off", k, off);
            let quiet = channels[k].iter().filter(|sample| **sample == 0).count();
            prop_assert!(quiet >= channels[k].len() - sent[k].len());
        }
        prop_assert_eq!(finished.counts.map(|c| (c.anchors, c.corrections, c.missing)), [(1, 0, 0); 2]);
    }

    /// What was lost is silence of its length; what came twice or late is in its place once.
    #[test]
    fn loss_repeats_and_reordering_leave_every_other_packet_in_its_place(
        seed: u64, loss_percent in 0..40_u64, late_percent in 0..40_u64,
    ) {
        let mut chance = Chance::from_number(seed);
        let mut network = Network::default();
        let mut expected: [BTreeMap<usize, Vec<i16>>; 2] = Default::default();
        for (side, expected) in Side::BOTH.into_iter().zip(&mut expected) {
            let mut phone = Phone::new(side, Law::Mu, chance.next_u64());
            for k in 0..300_i64 {
                let (tapped, payload) = phone.next(160);
                let settled = k >= 6;
                if settled && chance.below(100) < loss_percent {
                    continue;
                }
                let late = if settled && chance.below(100) < late_percent {
                    chance.below(150_000)
                } else {
                    0
                };
                let arrival = k * 20_000 + i64::try_from(late).unwrap();
                expected.insert(usize::try_from(k * 160).unwrap(), decoded(Law::Mu, &payload));
                if chance.below(10) == 0 {
                    let again = i64::try_from(chance.below(400_000)).unwrap();
                    network.0.push((arrival + again, tapped, payload.clone()));
                }
                network.0.push((arrival, tapped, payload));
            }
        }
        let (channels, finished) = record(network, 6_500_000);
        for (channel, expected) in channels.iter().zip(&expected) {
            let mut truth = vec![0; channel.len()];
            for (place, sound) in expected {
                truth[*place..place + 160].copy_from_slice(sound);
            }
            let wrong = channel.iter().zip(&truth).position(|(a, b)| a != b);
            prop_assert_eq!(wrong, None);
        }
        prop_assert!(finished.counts.iter().all(|c| c.anchors == 1 && c.corrections == 0));
    }

    /// Pauses, new sources, clocks that jump and stand still: each stretch of speech lies where it
    /// was spoken, whole.
    #[test]
    fn stretches_of_speech_lie_where_they_were_spoken(seed: u64) {
        let mut chance = Chance::from_number(seed);
        let mut network = Network::default();
        let mut spoken = [vec![], vec![]];
        for (side, spoken) in Side::BOTH.into_iter().zip(&mut spoken) {
            let mut phone = Phone::new(side, Law::A, chance.next_u64());
            let mut clock = 0_i64;
            while clock < 20_000_000 {
                let packets = 10 + chance.below(60);
                let mut sound = Vec::new();
                for k in 0..packets {
                    let (tapped, payload) = phone.next(160);
                    sound.extend(decoded(Law::A, &payload));
                    let jitter = i64::try_from(chance.below(3_000)).unwrap();
                    network.0.push((clock + i64::try_from(k).unwrap() * 20_000 + jitter, tapped, payload));
                }
                spoken.push((clock, sound));
                // A clock that stands still for less is not told from a network that stalls.
                let pause = 400 + chance.below(2_000);
                clock += i64::try_from(packets * 20 + pause).unwrap() * 1_000;
                match chance.below(4) {
                    // Silence suppression: the clock runs on.
                    0 => phone.timestamp = phone.timestamp.wrapping_add(low(pause) * 8),
                    // Another source.
                    1 => phone = Phone::new(side, Law::A, chance.next_u64()),
                    // The clock jumps.
                    2 => phone.timestamp = low(chance.next_u64()),
                    // It stands still.
                    _ => {}
                }
            }
        }
        let (channels, _) = record(network, 24_000_000);
        for (channel, spoken) in channels.iter().zip(&spoken) {
            for (clock, sound) in spoken {
                let truth = usize::try_from(clock * 8 / 1_000).unwrap();
                let from = truth.saturating_sub(160);
                let place = find(&channel[from..truth + 160 + sound.len()], sound);
                prop_assert!(place.is_some(), "what was spoken at {} is not whole", clock);
            }
        }
    }

    /// Whatever comes, the file is exactly as long as the call.
    #[test]
    fn no_sender_makes_the_file_longer_or_shorter_than_the_call(
        packets in proptest::collection::vec(
            (any::<u16>(), any::<u32>(), 0..2_u32, 0..3_u8, 0..120_000_i64, 0..2_000_usize, any::<bool>()),
            0..100,
        ),
        after in 0..1_000_000_i64,
    ) {
        let mut network = Network::default();
        let mut clock = -300_000;
        for (sequence, timestamp, ssrc, payload_type, later, length, caller) in packets {
            clock += later;
            let tapped = Tapped {
                tap: TapId(1),
                side: if caller { Side::Caller } else { Side::Callee },
                payload_type: payload_type * 8,
                marker: false, sequence, timestamp, ssrc,
                arrival: ZERO,
                length: 0,
            };
            network.0.push((clock, tapped, vec![0x55; length]));
        }
        let end = clock.max(0) + after;
        let (channels, finished) = record(network, end);
        prop_assert_eq!(i64::try_from(finished.frames).unwrap(), end * 8 / 1_000);
        prop_assert_eq!(channels[0].len() as u64, finished.frames);
    }
}

#[test]
fn sound_before_the_answer_is_cut_at_zero() {
    let mut network = Network::default();
    let mut phone = Phone::new(Side::Caller, Law::Mu, 1);
    let mut sound = Vec::new();
    for k in -10..10_i64 {
        let (tapped, payload) = phone.next(160);
        sound.extend(decoded(Law::Mu, &payload));
        network.0.push((k * 20_000 - 10_000, tapped, payload));
    }
    let ([left, _], finished) = record(network, 200_000);
    assert_eq!(left[..1_520], sound[sound.len() - 1_520..]);
    assert!(left[1_520..].iter().all(|sample| *sample == 0));
    assert_eq!(finished.counts.map(|c| c.packets), [20, 0]);
    assert!(
        finished.gaps.is_empty(),
        "a call of 200 ms is too short to miss a side"
    );
}
