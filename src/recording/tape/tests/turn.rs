//! Another party takes the callee's place.

use std::sync::Arc;

use proptest::prelude::*;

use crate::base::chance::Chance;
use crate::base::id::Side;
use crate::media::codec::Law;
use crate::media::tap::{TapId, Tapped};
use crate::recording::settings::Manner;
use crate::recording::tape::Tape;
use crate::recording::tape::tests::{Phone, ZERO, at, codecs, decoded, find};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Another party takes the callee's place: the caller goes on without a step, each of the two others is heard whole and
    /// where it spoke, also what of the first was still on its way when the order came.
    #[test]
    fn who_takes_the_callees_place_is_heard_from_the_sample_on_where_it_spoke(
        seed: u64,
        told_early_micros in 0..400_000_i64,
        pause_micros in 20_000..3_000_000_i64,
        same_numbers: bool,
    ) {
        let mut chance = Chance::from_number(seed);
        let turned = 2_000_000_i64;
        let mut sent = [vec![], vec![], vec![]];
        let mut network: Vec<(i64, Tapped, Vec<u8>)> = Vec::new();
        let mut phones = [
            Phone::new(Side::Caller, Law::A, chance.next_u64()),
            Phone::new(Side::Callee, Law::A, chance.next_u64()),
            Phone::new(Side::Callee, Law::Mu, chance.next_u64()),
        ];
        if same_numbers {
            // A telephone exchange may have one source for all of its telephones.
            phones[2].ssrc = phones[1].ssrc;
            phones[2].sequence = phones[1].sequence;
        }
        let came = turned + pause_micros;
        for (who, (begins, ends)) in [(0, 6_000_000), (0, turned), (came, 6_000_000)].into_iter().enumerate() {
            let mut clock: i64 = begins;
            while clock + 20_000 <= ends {
                let (mut tapped, payload) = phones[who].next(160);
                sent[who].extend(decoded(phones[who].law, &payload));
                let arrival = clock + i64::try_from(chance.below(4_000)).unwrap();
                tapped.tap = TapId(if arrival < turned || who == 1 { 1 } else { 2 });
                // The new party's number 8 means what the old one's 0 meant.
                if who == 2 {
                    tapped.payload_type = 8;
                }
                network.push((arrival, tapped, payload));
                clock += 20_000;
            }
        }
        network.sort_by_key(|(arrival, ..)| *arrival);
        let none = codecs(&[]);
        let mut tape = Tape::new(ZERO, [Arc::clone(&none), none], Manner::default());
        let mut file = Vec::new();
        let mut disk = |block: &[u8]| file.extend_from_slice(block);
        let mut told = false;
        for (arrival, mut tapped, payload) in network {
            if !told && arrival >= turned - told_early_micros {
                told = true;
                tape.turn(TapId(2), codecs(&[(8, "PCMU")]), true, at(turned));
            }
            tapped.arrival = at(arrival);
            tape.packet(&tapped, &payload, &mut disk);
            tape.advance(at(arrival), &mut disk);
        }
        let finished = tape.finish(at(6_300_000), &mut disk);
        prop_assert!(finished.gaps.is_empty(), "{:?}", finished.gaps);
        for (who, (offset, begins)) in [(0, 0), (2, 0), (2, came)].into_iter().enumerate() {
            let channel: Vec<i16> = file
                .chunks_exact(4)
                .map(|frame| i16::from_le_bytes([frame[offset], frame[offset + 1]]))
                .collect();
            let truth = usize::try_from(begins * 8 / 1_000).unwrap();
            let place = find(&channel[truth.saturating_sub(8)..], &sent[who]);
            prop_assert!(place.is_some_and(|place| place <= 40 + 8), "{who}: {place:?}");
        }
    }
}

#[test]
fn each_party_on_the_callees_side_is_missed_for_its_own_time() {
    for (first_speaks, gap) in [(true, (15_000, 15_000)), (false, (0, 15_000))] {
        let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])], Manner::default());
        let mut nowhere = |_: &[u8]| {};
        let mut caller = Phone::new(Side::Caller, Law::A, 3);
        let mut callee = Phone::new(Side::Callee, Law::A, 4);
        for k in 0..1_500_i64 {
            let first = k < 500;
            if k == 500 {
                // It hangs up; somebody else comes five seconds later.
                tape.set_sends((TapId(1), Side::Callee), false, at(k * 20_000));
            }
            if k == 750 {
                tape.turn(TapId(2), codecs(&[]), true, at(k * 20_000));
            }
            let speaks = if first {
                first_speaks
            } else {
                k >= 750 && !first_speaks
            };
            let said = [Some(caller.next(160)), speaks.then(|| callee.next(160))];
            for (mut tapped, payload) in said.into_iter().flatten() {
                tapped.arrival = at(k * 20_000);
                tapped.tap = TapId(if k < 750 { 1 } else { 2 });
                tape.packet(&tapped, &payload, &mut nowhere);
            }
        }
        let finished = tape.finish(at(30_000_000), &mut nowhere);
        let gaps = finished.gaps.iter();
        let gaps: Vec<_> = gaps
            .map(|gap| (gap.side, (gap.from_ms, gap.length_ms)))
            .collect();
        assert_eq!(gaps, [(Side::Callee, gap)]);
    }
}
