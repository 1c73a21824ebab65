//! Packets to sample time: where each RTP packet of one side lies on a recording's timeline.
//!
//! A packet's place is its RTP timestamp (RFC 3550 5.1) plus the *anchor*, which is the smallest
//! arrival delay seen, so that jitter neither cuts nor inserts a sample. Pure arithmetic: samples
//! are laid, moved and written by others. A place is never before the horizon and never more than
//! [`JUMP_MS`] after the arrival, whatever the sender's headers say. How the anchor is found and
//! corrected is `timeline/anchor.rs`.

mod anchor;

use crate::base::time::Moment;
use crate::media::timeline::anchor::{Anchor, JUMP_MS};

/// How long the recorder waits for a packet that was overtaken. Networks that reorder by more
/// are heard as loss by the phones as well.
pub const REORDER_MS: i64 = 200;
/// Packets that are remembered to know repeats. At 5 ms a packet it covers [`REORDER_MS`] and more.
const REMEMBERED: u16 = 64;

/// Turns moments into samples since zero.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    zero: Moment,
    rate_hz: u32,
}

impl Scale {
    /// Makes the scale whose sample 0 is at `zero`.
    pub const fn new(zero: Moment, rate_hz: u32) -> Self {
        Self { zero, rate_hz }
    }

    /// Returns the sample at `at`; negative before zero.
    pub fn position(self, at: Moment) -> i64 {
        let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        let zero = i64::try_from(self.zero.as_micros()).unwrap_or(i64::MAX);
        // A day at 48 kHz is 4e15 here: far from overflow, and saturating for hand-made moments.
        (micros - zero)
            .saturating_mul(i64::from(self.rate_hz))
            .div_euclid(1_000_000)
    }

    /// Returns how many samples `millis` are.
    pub fn samples(self, millis: i64) -> i64 {
        millis.saturating_mul(i64::from(self.rate_hz)) / 1_000
    }

    /// Returns the whole milliseconds of `samples`, 0 for what lies before zero.
    pub fn millis(self, samples: i64) -> u64 {
        let samples = u64::try_from(samples).unwrap_or_default();
        samples.saturating_mul(1_000) / u64::from(self.rate_hz.max(1))
    }
}

/// What the timeline needs to know of a packet of sound.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// When it was received.
    pub arrival: Moment,
    /// How many samples it holds.
    pub samples: u16,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its first sample lies at `start`.
    Lay {
        /// Negative before zero.
        start: i64,
        /// What has to move first: the anchor turned out better.
        moved: Option<Moved>,
    },
    /// It was here before.
    Repeated,
    /// Its place is already written.
    Late,
    /// Its sequence number has nothing to do with the stream's; a second one in order would begin anew.
    Stray,
}

/// Samples that were laid and now lie elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The first.
    pub from: i64,
    /// One after the last.
    pub until: i64,
    /// How far: negative is earlier.
    pub by: i64,
}

/// What happened on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of sound that came.
    pub packets: u64,
    /// Packets that never came, or not in time to be seen: holes in the sequence numbers.
    pub missing: u64,
    /// Packets that came again.
    pub repeated: u64,
    /// Packets that came after their place was written.
    pub late: u64,
    /// Packets whose sequence number made no sense.
    pub strays: u64,
    /// Anchors set from an arrival: the first, a new SSRC, the end of a hold, a jump of the clock.
    pub anchors: u64,
    /// Corrections of an anchor that had drifted off.
    pub corrections: u64,
}

/// One side's timeline.
#[derive(Debug)]
pub struct Timeline {
    scale: Scale,
    current: Option<Stream>,
    /// The source before, for its stragglers and for two that alternate.
    former: Option<Stream>,
    counts: Counts,
}

impl Timeline {
    /// Begins a side on which nothing has been heard.
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            current: None,
            former: None,
            counts: Counts {
                packets: 0,
                missing: 0,
                repeated: 0,
                late: 0,
                strays: 0,
                anchors: 0,
                corrections: 0,
            },
        }
    }

    /// Returns what was counted.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets the streams: the next packet sets a new anchor from its arrival.
    pub fn anew(&mut self) {
        self.current = None;
        self.former = None;
    }

    /// Says where a packet lies.
    ///
    /// Nothing before `horizon` can be laid any more. `quiet` is asked, and only while an anchor
    /// waits to be corrected, whether this packet's sound may be cut or parted unheard.
    pub fn place(
        &mut self,
        packet: &Packet,
        horizon: i64,
        quiet: impl FnOnce() -> bool,
    ) -> Verdict {
        self.counts.packets += 1;
        let here = Here {
            scale: self.scale,
            arrival: self.scale.position(packet.arrival),
            horizon,
        };
        if self.current.as_ref().map(|stream| stream.ssrc) != Some(packet.ssrc) {
            match self
                .former
                .as_mut()
                .filter(|former| former.ssrc == packet.ssrc)
            {
                // Overtaken by the first packets of the source that replaced it.
                Some(former)
                    if matches!(
                        former.order(packet.sequence),
                        Order::Older | Order::Repeated
                    ) =>
                {
                    return former.take(packet, &here, quiet, &mut self.counts);
                }
                Some(_) => std::mem::swap(&mut self.current, &mut self.former),
                None => self.former = self.current.take(),
            }
        }
        match self.current.as_mut() {
            Some(stream) => stream.take(packet, &here, quiet, &mut self.counts),
            None => {
                let stream = self.current.insert(Stream::new(packet, &here));
                self.counts.anchors += 1;
                Verdict::Lay {
                    start: stream.lay(stream.extended, packet),
                    moved: None,
                }
            }
        }
    }
}

/// The time as one packet sees it, in samples.
struct Here {
    scale: Scale,
    arrival: i64,
    horizon: i64,
}

/// One synchronisation source.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The highest sequence number.
    highest: u16,
    /// Bit n: `highest - n` was here.
    seen: u64,
    /// The timestamp of `highest`, extended over wraps.
    extended: i64,
    anchor: Anchor,
    /// Where the sound laid so far ends.
    end: i64,
    /// The sequence number that would confirm a stray.
    confirms: Option<u16>,
}

/// How a sequence number stands to the highest.
enum Order {
    /// After it, by so many.
    Newer(u16),
    /// Before it, not yet seen.
    Older,
    /// Seen.
    Repeated,
    /// Too far back to be a straggler.
    Far,
}

impl Stream {
    fn new(packet: &Packet, here: &Here) -> Self {
        let extended = i64::from(packet.timestamp);
        Self {
            ssrc: packet.ssrc,
            highest: packet.sequence,
            seen: 1,
            extended,
            anchor: Anchor::new(here, here.arrival - extended),
            end: here.arrival,
            confirms: None,
        }
    }

    fn take(
        &mut self,
        packet: &Packet,
        here: &Here,
        quiet: impl FnOnce() -> bool,
        counts: &mut Counts,
    ) -> Verdict {
        let extended = self.extend(packet.timestamp);
        match self.order(packet.sequence) {
            Order::Repeated => {
                counts.repeated += 1;
                Verdict::Repeated
            }
            Order::Older => {
                self.seen |= 1 << self.highest.wrapping_sub(packet.sequence);
                counts.missing = counts.missing.saturating_sub(1);
                if !self.is_plausible(extended, here) {
                    counts.late += 1;
                    return Verdict::Late;
                }
                Verdict::Lay {
                    start: self.lay(extended, packet),
                    moved: None,
                }
            }
            Order::Newer(by) => {
                counts.missing += u64::from(by - 1);
                self.seen = self.seen.checked_shl(by.into()).unwrap_or_default() | 1;
                self.follow(packet, extended, here, quiet, counts)
            }
            // The sequence numbers began anew, but the clock says that it is the same sound.
            Order::Far if self.is_plausible(extended, here) => {
                self.seen = 1;
                self.follow(packet, extended, here, quiet, counts)
            }
            // Two in order are no accident (RFC 3550 A.1).
            Order::Far if self.confirms == Some(packet.sequence) => {
                self.seen = 1;
                self.follow(packet, extended, here, quiet, counts)
            }
            Order::Far => {
                self.confirms = Some(packet.sequence.wrapping_add(1));
                counts.strays += 1;
                Verdict::Stray
            }
        }
    }

    /// Takes the packet that is now the stream's latest.
    fn follow(
        &mut self,
        packet: &Packet,
        extended: i64,
        here: &Here,
        quiet: impl FnOnce() -> bool,
        counts: &mut Counts,
    ) -> Verdict {
        self.confirms = None;
        self.highest = packet.sequence;
        let plausible = self.is_plausible(extended, here);
        self.extended = extended;
        let delay = here.arrival - extended;
        let moved = if plausible {
            self.anchor
                .observe(delay, &mut self.end, here, quiet, counts)
        } else {
            counts.anchors += 1;
            self.anchor.jump(here, delay);
            self.end = self.anchor.place(extended);
            None
        };
        Verdict::Lay {
            start: self.lay(extended, packet),
            moved,
        }
    }

    /// Returns the packet's place and remembers how far the sound reaches.
    fn lay(&mut self, extended: i64, packet: &Packet) -> i64 {
        let start = self.anchor.place(extended);
        self.end = self.end.max(start + i64::from(packet.samples));
        self.anchor.laid(start);
        start
    }

    /// Says whether the anchor puts a timestamp where its sound can lie: not yet written, and not
    /// ahead of its arrival by more than an anchor can be off.
    fn is_plausible(&self, extended: i64, here: &Here) -> bool {
        let start = self.anchor.place(extended);
        start >= here.horizon && start - here.arrival <= here.scale.samples(JUMP_MS)
    }

    /// Extends a timestamp: the nearest to the latest of all that end in these 32 bits.
    fn extend(&self, timestamp: u32) -> i64 {
        let ahead = timestamp
            .wrapping_sub(low_bits(self.extended))
            .cast_signed();
        self.extended.saturating_add(ahead.into())
    }

    fn order(&self, sequence: u16) -> Order {
        let ahead = sequence.wrapping_sub(self.highest);
        if (1..0x8000).contains(&ahead) {
            return Order::Newer(ahead);
        }
        let behind = ahead.wrapping_neg();
        if behind >= REMEMBERED {
            Order::Far
        } else if self.seen >> behind & 1 == 1 {
            Order::Repeated
        } else {
            Order::Older
        }
    }
}

/// Returns the 32 bits that an extended timestamp had on the wire.
#[expect(
    clippy::cast_possible_truncation,
    reason = "RTP timestamps are the low 32 bits (RFC 3550 5.1)"
)]
const fn low_bits(extended: i64) -> u32 {
    extended.cast_unsigned() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::timeline::anchor::TOLERANCE_MS;

    const RATE_HZ: u32 = 8_000;
    const FRAME: u16 = 160;
    const ZERO_MS: u64 = 10_000;

    /// A phone that sends 20 ms frames, and the timeline that takes them.
    struct Phone {
        timeline: Timeline,
        packet: Packet,
        latest: i64,
    }

    impl Phone {
        fn new(sequence: u16, timestamp: u32) -> Self {
            Self {
                timeline: Timeline::new(Scale::new(Moment::from_millis(ZERO_MS), RATE_HZ)),
                packet: Packet {
                    sequence,
                    timestamp,
                    ssrc: 1,
                    arrival: Moment::START,
                    samples: FRAME,
                },
                latest: i64::MIN / 2,
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
            self.timeline.place(&self.packet, horizon, || false)
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

    #[test]
    fn a_drifting_clock_stays_within_bounds_for_an_hour() {
        for ppm in [-300.0, -40.0, 40.0, 300.0] {
            let mut phone = Phone::new(1, 0);
            for k in 0..180_000_u32 {
                let at = f64::from(k) * 20.0 * (1.0 + ppm / 1e6) + f64::from(k % 5);
                let place = start(phone.send(at));
                let lag = phone.timeline.scale.position(phone.packet.arrival) - place;
                let bound = phone.timeline.scale.samples(JUMP_MS) + 8 * 25;
                assert!(lag.abs() <= bound, "{ppm} ppm: {lag} samples at {at} ms");
            }
            let counts = phone.timeline.counts();
            assert!(
                counts.corrections + counts.anchors < 70,
                "{ppm}: {counts:?}"
            );
            assert_eq!((counts.late, counts.strays), (0, 0));
        }
    }

    proptest! {
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
                    sequence: last.0, timestamp: last.1, ssrc, arrival, samples: FRAME,
                };
                let horizon = here - scale.samples(REORDER_MS);
                if let Verdict::Lay { start, .. } = timeline.place(&packet, horizon, || timestamp % 3 == 0) {
                    prop_assert!(start >= horizon - scale.samples(TOLERANCE_MS + JUMP_MS));
                    prop_assert!(start <= here + scale.samples(JUMP_MS + TOLERANCE_MS));
                }
            }
        }
    }
}
