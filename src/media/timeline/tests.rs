//! One phone, one timeline: where its packets lie.

use proptest::prelude::*;

use super::*;
use crate::media::timeline::anchor::{JUMP_MS, TOLERANCE_MS};

const RATE_HZ: u32 = 8_000;
const FRAME: u16 = 160;
const ZERO_MS: u64 = 10_000;

/// A phone that sends 20 ms frames, and the timeline that takes them.
struct Phone {
    timeline: Timeline,
    packet: Packet,
    latest: i64,
    quiet: bool,
}

impl Phone {
    fn new(sequence: u16, timestamp: u32) -> Self {
        Self {
            timeline: Timeline::new(Scale::new(Moment::from_millis(ZERO_MS), RATE_HZ)),
            packet: Packet {
                sequence,
                timestamp,
                ssrc: 1,
                clock_hz: RATE_HZ,
                arrival: Moment::START,
                samples: FRAME,
            },
            latest: i64::MIN / 2,
            quiet: false,
        }
    }

    /// The next packet arrives `at` milliseconds after zero.
    fn send(&mut self, at: f64) -> Verdict {
        let verdict = self.arrive(at);
        self.skip(1, FRAME.into());
        verdict
    }

    fn skip(&mut self, packets: u16, samples: u32) {
        self.packet.sequence = self.packet.sequence.wrapping_add(packets);
        self.packet.timestamp = self.packet.timestamp.wrapping_add(samples);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small figures of a test"
    )]
    fn arrive(&mut self, at: f64) -> Verdict {
        let micros = ((at + 10_000.0) * 1_000.0).round() as u64;
        self.packet.arrival = Moment::from_micros(micros);
        self.latest = self
            .latest
            .max(self.timeline.scale.position(self.packet.arrival));
        let horizon = self.latest - self.timeline.scale.samples(REORDER_MS);
        self.timeline.place(&self.packet, horizon, || self.quiet)
    }
}

fn start(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Lay { start, .. } => start,
        Verdict::Repeated | Verdict::Late | Verdict::Stray => panic!("{verdict:?}"),
    }
}

#[test]
fn jitter_moves_nothing_once_the_anchor_stands() {
    let mut phone = Phone::new(65_530, u32::MAX - 1_000);
    let delays = [5.0, 3.0, 4.0, 1.0, 2.0];
    for k in 0..5_u8 {
        phone.send(f64::from(k) * 20.0 + delays[usize::from(k)]);
    }
    for k in 5..500_u16 {
        let jitter = f64::from(k % 7) * 2.0;
        let place = start(phone.send(f64::from(k) * 20.0 + jitter));
        assert_eq!(place, i64::from(k) * 160 + 8, "packet {k}");
    }
    assert_eq!(phone.timeline.counts().anchors, 1);
    assert_eq!(phone.timeline.counts().corrections, 0);
    assert_eq!(phone.timeline.counts().missing, 0);
}

#[test]
fn a_first_packet_that_came_late_moves_to_its_place() {
    let mut phone = Phone::new(1, 0);
    assert_eq!(start(phone.send(50.0)), 400);
    assert_eq!(
        phone.send(50.0),
        Verdict::Lay {
            start: 400,
            moved: Some(Moved {
                from: 400,
                until: 560,
                by: -160
            })
        }
    );
    assert_eq!(
        phone.send(51.0),
        Verdict::Lay {
            start: 408,
            moved: Some(Moved {
                from: 240,
                until: 560,
                by: -152
            })
        }
    );
    assert_eq!(start(phone.send(71.0)), 568);
}

#[test]
fn repeats_and_stragglers_are_known_across_the_wrap() {
    let mut phone = Phone::new(65_534, 0);
    phone.send(0.0);
    let overtaken = phone.packet;
    phone.skip(1, 160);
    assert_eq!(start(phone.send(40.0)), 320);
    assert_eq!(phone.timeline.counts().missing, 1);
    let next = std::mem::replace(&mut phone.packet, overtaken);
    assert_eq!(start(phone.arrive(50.0)), 160);
    assert_eq!(phone.arrive(51.0), Verdict::Repeated);
    phone.packet = next;
    assert_eq!(start(phone.send(60.0)), 480);
    phone.packet = overtaken;
    assert_eq!(phone.arrive(300.0), Verdict::Repeated);
    assert_eq!(phone.timeline.counts().missing, 0);
    assert_eq!(phone.timeline.counts().repeated, 2);
}

#[test]
fn a_straggler_whose_place_is_written_is_late() {
    let mut phone = Phone::new(1, 0);
    phone.send(0.0);
    let straggler = phone.packet;
    phone.skip(1, 160);
    for k in 2..20_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.packet = straggler;
    assert_eq!(phone.arrive(381.0), Verdict::Late);
}

#[test]
fn silence_suppression_keeps_the_anchor() {
    let mut phone = Phone::new(1, 77);
    for k in 0..10_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.skip(0, 160 * 490);
    assert_eq!(start(phone.send(10_003.0)), 80_000);
    assert_eq!(phone.timeline.counts().anchors, 1);
}

#[test]
fn a_stalled_network_returns_to_the_old_anchor() {
    let mut phone = Phone::new(1, 0);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    // Two seconds of packets come at once, the last of them hardly late.
    for k in 50..150_u16 {
        phone.send(3_003.0 + f64::from(k) * 0.01);
    }
    for k in 150..200_u16 {
        let place = start(phone.send(f64::from(k) * 20.0 + 5.0));
        assert_eq!(place, i64::from(k) * 160);
    }
}

#[test]
fn a_sender_whose_clock_stood_still_is_anchored_at_its_arrival() {
    let mut phone = Phone::new(1, 0);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    for k in 0..50_u8 {
        let at = 11_000.0 + f64::from(k) * 20.0;
        assert_eq!(start(phone.send(at)), 88_000 + i64::from(k) * 160);
    }
    assert_eq!(phone.timeline.counts().anchors, 2);
}

#[test]
fn a_clock_that_jumps_by_hours_writes_no_hours() {
    for jump in [4_000_u32, 80_000_000, 0_u32.wrapping_sub(80_000_000)] {
        let mut phone = Phone::new(1, 500);
        for k in 0..50_u8 {
            phone.send(f64::from(k) * 20.0);
        }
        phone.skip(0, jump);
        for k in 50..100_u8 {
            let place = start(phone.send(f64::from(k) * 20.0));
            assert_eq!(place, i64::from(k) * 160, "jump {jump}");
        }
    }
}

#[test]
fn one_packet_with_a_mad_timestamp_leaves_the_rest_in_place() {
    let mut phone = Phone::new(1, 500);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    let packet = phone.packet;
    phone.packet.timestamp ^= 0x4000_0000;
    phone.send(1_000.0);
    phone.packet = packet;
    phone.skip(1, 160);
    // 9 ms of jitter on the first one must not become its place.
    for (k, late) in [(51_u8, 9.0), (52, 0.0), (53, 3.0), (54, 0.0)] {
        let place = start(phone.send(f64::from(k) * 20.0 + late));
        assert_eq!(place, i64::from(k) * 160);
    }
}

#[test]
fn sequence_numbers_that_begin_anew_with_the_same_clock_change_nothing() {
    let mut phone = Phone::new(40_000, 500);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.packet.sequence = 20_000;
    for k in 50..60_u8 {
        assert_eq!(start(phone.send(f64::from(k) * 20.0)), i64::from(k) * 160);
    }
    assert_eq!(phone.timeline.counts().anchors, 1);
}

#[test]
fn sequence_numbers_and_clock_that_begin_anew_cost_one_packet() {
    let mut phone = Phone::new(40_000, 500);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.packet.sequence = 20_000;
    phone.packet.timestamp = 0x8123_4567;
    assert_eq!(phone.send(1_000.0), Verdict::Stray);
    for k in 51..60_u8 {
        assert_eq!(start(phone.send(f64::from(k) * 20.0)), i64::from(k) * 160);
    }
}

#[test]
fn a_new_source_is_anchored_at_its_arrival_and_the_old_ones_stragglers_still_fit() {
    let mut phone = Phone::new(7, 500);
    for k in 0..10_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    let straggler = phone.packet;
    phone.skip(1, 160);
    phone.send(220.0);
    let mut old = phone.packet;
    phone.packet.ssrc = 2;
    phone.packet.sequence = 7;
    phone.packet.timestamp = 0xf000_0000;
    assert_eq!(start(phone.send(233.0)), 1_864);
    let new = std::mem::replace(&mut phone.packet, straggler);
    assert_eq!(start(phone.arrive(234.0)), 1_600);
    phone.packet = new;
    assert_eq!(start(phone.send(253.0)), 2_024);
    // It speaks again: still in step.
    old.timestamp += 160;
    old.sequence += 1;
    phone.packet = old;
    assert_eq!(start(phone.arrive(261.0)), 2_080);
    assert_eq!(phone.timeline.counts().anchors, 2);
}

#[test]
fn the_end_of_a_hold_sets_a_new_anchor() {
    let mut phone = Phone::new(1, 0);
    for k in 0..10_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.timeline.anew();
    phone.skip(0, 160 * 40);
    assert_eq!(start(phone.send(1_015.0)), 8_120);
}

#[test]
fn a_delay_that_grew_for_good_is_corrected_after_the_window_and_counted() {
    let mut phone = Phone::new(1, 0);
    let mut corrected = None;
    for k in 0..6_000_u16 {
        let more = if k < 1_000 { 0.0 } else { 40.0 };
        // Every hundredth packet follows a pause: there the correction belongs.
        if k % 100 == 0 {
            phone.packet.timestamp += 1_600;
        }
        let pauses = f64::from(k / 100 + 1) * 200.0;
        let at = f64::from(k) * 20.0 + pauses + more;
        let lag = start(phone.send(at)) - phone.timeline.scale.position(phone.packet.arrival);
        if k >= 1_000 && corrected.is_none() && lag == 0 {
            corrected = Some(k);
        }
    }
    let corrected = corrected.unwrap();
    assert_eq!(corrected % 100, 0, "not in the pause: {corrected}");
    assert!((2_000..5_000).contains(&corrected), "{corrected}");
    assert_eq!(phone.timeline.counts().corrections, 1);
}

/// The worst that an hour of frames lies off its arrival, in samples, where no packet is ever quiet. `quiet`: every hundredth
/// second one is.
fn drift(ppm: f64, jitter_ms: f64, quiet: bool) -> (i64, Counts) {
    let mut phone = Phone::new(1, 0);
    let mut worst = 0;
    for k in 0..180_000_u32 {
        phone.quiet = quiet && k % 50 < 2;
        let truth = f64::from(k) * 20.0 * (1.0 + ppm / 1e6);
        let late = f64::from(k * 7 % 11) / 10.0 * jitter_ms;
        let place = start(phone.send(truth + late));
        #[expect(clippy::cast_possible_truncation, reason = "an hour of samples")]
        let truth = (truth * 8.0).round() as i64;
        worst = worst.max((place - truth).abs());
    }
    (worst, phone.timeline.counts())
}

#[test]
fn a_clock_that_drifts_by_100_ppm_stays_within_a_frame_for_an_hour() {
    for ppm in [-100.0, -40.0, 40.0, 100.0] {
        for jitter_ms in [0.0, 15.0] {
            for quiet in [false, true] {
                let (worst, counts) = drift(ppm, jitter_ms, quiet);
                assert!(worst <= 160, "{ppm} ppm, {jitter_ms} ms: {worst} samples");
                // 360 ms in steps of 8 ms at least.
                assert!(counts.corrections <= 45, "{ppm} ppm: {counts:?}");
                assert_eq!((counts.anchors, counts.late, counts.strays), (1, 0, 0));
            }
        }
    }
}

#[test]
fn a_bad_clock_stays_within_two_frames() {
    for ppm in [-300.0, 300.0] {
        let (worst, counts) = drift(ppm, 5.0, false);
        assert!(worst <= 320, "{ppm} ppm: {worst} samples");
        assert_eq!((counts.late, counts.strays), (0, 0));
    }
}

#[test]
fn timestamps_of_another_clock_go_on_from_their_arrival() {
    let mut phone = Phone::new(1, 0);
    for k in 0..50_u8 {
        phone.send(f64::from(k) * 20.0);
    }
    phone.packet.clock_hz = 48_000;
    phone.packet.timestamp = 0x1234_5678;
    for k in 50..100_u8 {
        let place = start(phone.arrive(f64::from(k) * 20.0));
        assert_eq!(place, i64::from(k) * 160);
        phone.skip(1, 960);
    }
    assert_eq!(phone.timeline.counts().anchors, 2);
    assert_eq!(phone.timeline.counts().missing, 0);
}

#[test]
fn what_is_no_sound_is_not_missing() {
    let mut phone = Phone::new(65_530, 0);
    for k in 0..20_u8 {
        if k % 3 == 0 {
            let arrival = phone.packet.arrival;
            phone.timeline.pass(1, phone.packet.sequence, arrival);
            phone.skip(1, 160);
        } else {
            phone.send(f64::from(k) * 20.0);
        }
    }
    assert_eq!(phone.timeline.counts().missing, 0);
    phone.skip(1, 160);
    let arrival = phone.packet.arrival;
    phone.timeline.pass(1, phone.packet.sequence, arrival);
    phone.timeline.pass(2, 7, arrival);
    assert_eq!(phone.timeline.counts().missing, 1);
}

#[test]
fn what_comes_in_order_is_sure_at_once_and_a_hole_is_waited_for() {
    let mut phone = Phone::new(1, 0);
    let sure = |phone: &Phone, at_ms| phone.timeline.sure_until(at_ms * 8);
    assert_eq!(sure(&phone, 0), None);
    for k in 0..5_u8 {
        assert_eq!(sure(&phone, i64::from(k) * 20), None, "the anchor is new");
        phone.send(f64::from(k) * 20.0);
    }
    assert_eq!(sure(&phone, 99), None);
    assert_eq!(sure(&phone, 100), Some(100 * 8));
    phone.send(100.0);
    assert_eq!(sure(&phone, 110), Some(110 * 8), "no more than is past");
    assert_eq!(sure(&phone, 130), Some(120 * 8), "no more than is laid");
    // One is lost: it may only be late.
    phone.skip(1, 160);
    phone.send(140.0);
    assert_eq!(sure(&phone, 339), None);
    assert_eq!(sure(&phone, 340), Some(160 * 8));
    // Comfort noise in its place leaves no hole, and a key that follows a lost packet does.
    let (sequence, arrival) = (phone.packet.sequence, phone.packet.arrival);
    phone.timeline.pass(1, sequence, arrival);
    assert_eq!(sure(&phone, 360), Some(160 * 8));
    phone.skip(2, 320);
    let arrival = Moment::from_millis(ZERO_MS + 380);
    phone.timeline.pass(1, phone.packet.sequence, arrival);
    assert_eq!(sure(&phone, 579), None);
    // Another source, and the end of a hold.
    phone.packet.ssrc = 2;
    phone.send(800.0);
    assert_eq!(sure(&phone, 999), None);
    assert_eq!(sure(&phone, 1_000), Some(820 * 8));
    phone.timeline.anew();
    assert_eq!(sure(&phone, 1_000), None);
}

proptest! {
    /// What was sure stays so: however packets are late, lost, repeated or overtaken by less than is waited for, and however
    /// the sender pauses, none lies before what was told as sure.
    #[test]
    fn nothing_lies_before_what_was_sure(
        packets in proptest::collection::vec((0..100_u8, 0..195_000_i64, 0..100_u8, 0..3_000_u32), 20..400),
    ) {
        let mut network = Vec::new();
        let (mut clock, mut timestamp) = (0_i64, 0_u32);
        for (sequence, (late, by, fate, pause)) in (0_u16..).zip(packets) {
            let settled = sequence >= 6;
            let by = if settled && late < 20 { by } else { by % 5_000 };
            let at = |more: i64| ZERO_MS * 1_000 + u64::try_from(clock + more).unwrap();
            if !settled || fate >= 10 {
                network.push((at(by), sequence, timestamp));
            }
            if fate > 90 {
                network.push((at(by + 30_000), sequence, timestamp));
            }
            clock += 20_000;
            timestamp += 160;
            if fate == 50 {
                timestamp += pause * 8;
                clock += i64::from(pause) * 1_000;
            }
        }
        network.sort_unstable();
        let scale = Scale::new(Moment::from_millis(ZERO_MS), RATE_HZ);
        let mut timeline = Timeline::new(scale);
        let mut sure = i64::MIN;
        for (at, sequence, timestamp) in network {
            let arrival = Moment::from_micros(at);
            let here = scale.position(arrival);
            let told = timeline.sure_until(here);
            prop_assert!(told.is_none_or(|told| told <= here));
            sure = sure.max(told.unwrap_or(sure));
            let packet = Packet {
                sequence, timestamp, ssrc: 1, clock_hz: RATE_HZ, arrival, samples: FRAME,
            };
            let horizon = here - scale.samples(REORDER_MS);
            if let Verdict::Lay { start, moved } = timeline.place(&packet, horizon, || false) {
                prop_assert!(start >= sure, "{} lies before {}", start, sure);
                prop_assert!(moved.is_none_or(|moved| moved.from.min(moved.from + moved.by) >= sure));
            }
        }
    }

    /// Whatever the headers say, nothing lies before the horizon but what moves there, and nothing
    /// lies ahead of its arrival by more than an anchor can be off.
    #[test]
    fn a_place_is_bounded_by_arrival(
        packets in proptest::collection::vec(
            (any::<u16>(), any::<u32>(), 0..3_u32, 0..90_000_u64, any::<bool>(), any::<bool>()),
            1..200,
        ),
    ) {
        let scale = Scale::new(Moment::from_millis(ZERO_MS), RATE_HZ);
        let mut timeline = Timeline::new(scale);
        let mut arrival = Moment::from_millis(ZERO_MS - 100);
        let mut last = (0_u16, 0_u32);
        for (sequence, timestamp, ssrc, after, in_order, in_time) in packets {
            arrival = arrival + std::time::Duration::from_micros(after);
            let here = scale.position(arrival);
            last = (
                if in_order { last.0.wrapping_add(sequence % 4) } else { sequence },
                if in_time { last.1.wrapping_add(timestamp % 2_000) } else { timestamp },
            );
            let packet = Packet {
                sequence: last.0, timestamp: last.1, ssrc, clock_hz: RATE_HZ, arrival, samples: FRAME,
            };
            let horizon = here - scale.samples(REORDER_MS);
            if let Verdict::Lay { start, .. } = timeline.place(&packet, horizon, || timestamp % 3 == 0) {
                prop_assert!(start >= horizon - scale.samples(TOLERANCE_MS + JUMP_MS));
                prop_assert!(start <= here + scale.samples(JUMP_MS + TOLERANCE_MS));
            }
        }
    }
}
