//! One call's recording without its file: packets in, stereo blocks, gaps and counts out. Pure.

use std::sync::Arc;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Law;
use crate::media::tap::{TapId, Tapped};
use crate::media::timeline::Counts;
use crate::media::timeline::Packet;
use crate::media::timeline::REORDER_MS;
use crate::media::timeline::Scale;
use crate::media::timeline::Timeline;
use crate::media::timeline::Verdict;
use crate::recording::command::Gap;
use crate::recording::gaps::Gaps;
use crate::recording::gaps::Why;
use crate::recording::mix::Mix;
use crate::recording::notes::Notes;
use crate::recording::presence::Presence;
use crate::recording::presence::Sign;
use crate::recording::presence::Stretch;
use crate::sdp::Codec;

/// The rate of every file: both laws of G.711 have it, and nothing else is decoded.
pub const RATE_HZ: u32 = 8_000;
/// Sound of one packet that is used: 200 ms, all that receivers should accept (RFC 3551 4.2).
const PACKET_BYTES_MAX: usize = 1_600;
/// The stretch that one packet without sound stands for in a gap: the usual 20 ms (RFC 3551 4.2).
const PACKET_MS: u64 = 20;
/// Samples up to this are quiet: -48 dBFS, below speech and above a telephone line's noise.
const QUIET_MAX: u16 = 128;

/// A recording under way.
#[derive(Debug)]
pub struct Tape {
    scale: Scale,
    /// Caller, callee.
    sides: [Half; 2],
    /// The callee's party before, and the name under which the packets of the one that is come.
    former: Option<(Half, TapId)>,
    mix: Mix,
    /// The latest time seen, of a packet or told.
    latest: i64,
    gaps: Gaps,
}

/// Whose sound: a side, and the name under which it is tapped, which tells the party that is from the one before.
pub type Who = (TapId, Side);

/// One side.
#[derive(Debug)]
struct Half {
    timeline: Timeline,
    presence: Presence,
    codecs: Arc<[Codec]>,
    /// What to do with each payload type.
    kinds: Box<[Kind; 128]>,
    undecoded: u64,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sound(Law),
    /// Digits (RFC 4733), which are silence of the right length by themselves, and parity (RFC 5109),
    /// which is no sound.
    Silent,
    /// Comfort noise (RFC 3389): silence of the right length, and the sign of a sender that pauses.
    Comfort,
    Undecoded,
    Encrypted,
    Unexplained,
}

impl Kind {
    /// Whether a sender of this may pause and say so by nothing but its sequence numbers. Of codecs that are
    /// not decoded most can (G.729 B, Opus, AMR), and what is encrypted or unexplained may be any of them.
    const fn may_pause(self) -> bool {
        match self {
            Self::Comfort | Self::Undecoded | Self::Encrypted | Self::Unexplained => true,
            Self::Sound(_) | Self::Silent => false,
        }
    }
}

/// What a finished recording knows of itself.
#[derive(Debug)]
pub struct Finished {
    /// Frames from zero to the end.
    pub frames: u64,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// What each side sent, caller first: a side that sent nothing has no packets.
    pub counts: [Counts; 2],
    /// Packets of each side that were not decoded.
    pub undecoded: [u64; 2],
}

impl Tape {
    /// Begins: zero is `at`. `codecs` says what each side's payload types mean, caller first.
    pub fn new(at: Moment, codecs: [Arc<[Codec]>; 2]) -> Self {
        let scale = Scale::new(at, RATE_HZ);
        Self {
            scale,
            sides: codecs.map(|codecs| Half::new(scale, 0, codecs)),
            former: None,
            mix: Mix::new(),
            latest: 0,
            gaps: Gaps::default(),
        }
    }

    /// Takes what one side's payload types mean from now on.
    pub fn set_codecs(&mut self, who: Who, codecs: Arc<[Codec]>) {
        let half = self.half(who);
        half.presence.set_comfort(knows_comfort(&codecs));
        half.kinds = kinds(&codecs);
        half.codecs = codecs;
    }

    /// Takes whether one side may send from `at` on.
    pub fn set_sends(&mut self, who: Who, sends: bool, at: Moment) {
        let at_ms = self.scale.millis(self.scale.position(at));
        let missing = self.half(who).presence.set_sends(sends, at_ms);
        self.unheard(who, missing);
    }

    /// One side's sound begins anew.
    pub fn anew(&mut self, who: Who) {
        self.half(who).timeline.anew();
    }

    /// Another party takes the callee's place at `at`: its packets come under the name `next`. What still comes under the
    /// names before is the old one's, and is laid by the old one's timeline.
    pub fn turn(&mut self, next: TapId, codecs: Arc<[Codec]>, sends: bool, at: Moment) {
        let at_ms = self.scale.millis(self.scale.position(at));
        let [_, callee] = &mut self.sides;
        let mut coming = Half::new(self.scale, at_ms, codecs);
        coming.undecoded = callee.undecoded;
        let leaving = std::mem::replace(callee, coming);
        if let Some(Stretch { from_ms, until_ms }) = leaving.presence.end(at_ms) {
            self.gaps
                .note(Side::Callee, from_ms, until_ms, &Why::Nothing);
        }
        self.former = Some((leaving, next));
        self.set_sends((next, Side::Callee), sends, at);
    }

    /// Notes a packet that the ring had no room for.
    pub fn refused(&mut self, who: Who, arrival: Moment) {
        self.heard(who, arrival, None);
        self.miss(who, arrival, &Why::Behind);
    }

    /// Lays a packet.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8], disk: &mut impl FnMut(&[u8])) {
        let (who, arrival) = ((tapped.tap, tapped.side), tapped.arrival);
        self.latest = self.latest.max(self.scale.position(arrival));
        let kind = self.half(who).kinds.get(usize::from(tapped.payload_type));
        let kind = kind.copied().unwrap_or(Kind::Unexplained);
        let sign = Sign {
            ssrc: tapped.ssrc,
            sequence: tapped.sequence,
            timestamp: tapped.timestamp,
            may_pause: kind.may_pause(),
        };
        self.heard(who, arrival, Some(sign));
        let half = self.half(who);
        let why = match kind {
            Kind::Sound(law) => return self.sound(law, tapped, payload, disk),
            Kind::Silent | Kind::Comfort => return,
            Kind::Encrypted => Why::Encrypted,
            Kind::Unexplained => Why::Unexplained(tapped.payload_type),
            Kind::Undecoded => half
                .codecs
                .iter()
                .find(|codec| codec.payload_type == tapped.payload_type)
                .map_or(Why::Unexplained(tapped.payload_type), |codec| {
                    Why::Codec(Arc::clone(&codec.name))
                }),
        };
        half.undecoded += 1;
        self.miss(who, arrival, &why);
    }

    /// Lets time pass: what no straggler can change any more goes to `disk`. Every packet that came
    /// before `now` was given first.
    pub fn advance(&mut self, now: Moment, disk: &mut impl FnMut(&[u8])) {
        self.latest = self.latest.max(self.scale.position(now));
        self.mix.advance(self.horizon(), disk);
    }

    /// Says what the recording would lack if it ended now.
    pub fn notes(&self, now: Moment) -> Notes {
        let now = self.scale.position(now);
        Notes {
            at_ms: self.scale.millis(now),
            gaps: self.missing(now),
        }
    }

    /// Ends at `end`: both sides are padded to it, and everything goes to `disk`.
    ///
    /// Where more than that was written already, the file is longer than `frames` says.
    pub fn finish(mut self, end: Moment, disk: &mut impl FnMut(&[u8])) -> Finished {
        let end = self.scale.position(end);
        let gaps = self.missing(end);
        self.mix.advance(end, disk);
        self.mix.flush(disk);
        let [caller, callee] = &self.sides;
        Finished {
            frames: u64::try_from(end).unwrap_or_default(),
            counts: [caller.timeline.counts(), callee.timeline.counts()],
            undecoded: [caller.undecoded, callee.undecoded],
            gaps,
        }
    }

    fn sound(&mut self, law: Law, tapped: &Tapped, payload: &[u8], disk: &mut impl FnMut(&[u8])) {
        let payload = payload.get(..PACKET_BYTES_MAX).unwrap_or(payload);
        let packet = Packet {
            sequence: tapped.sequence,
            timestamp: tapped.timestamp,
            ssrc: tapped.ssrc,
            arrival: tapped.arrival,
            samples: u16::try_from(payload.len()).unwrap_or(u16::MAX),
        };
        let horizon = self.horizon();
        let quiet = || {
            payload
                .iter()
                .all(|code| law.decode(*code).unsigned_abs() <= QUIET_MAX)
        };
        match self
            .half((tapped.tap, tapped.side))
            .timeline
            .place(&packet, horizon, quiet)
        {
            Verdict::Lay { start, moved } => {
                if let Some(moved) = moved {
                    self.mix.shift(tapped.side, moved);
                }
                let end = start.saturating_add(packet.samples.into());
                if !self.mix.has_room(end) {
                    self.mix.advance(horizon, disk);
                    if !self.mix.has_room(end) {
                        self.mix.flush(disk);
                    }
                }
                self.mix.lay(tapped.side, start, law, payload);
            }
            // Counted by the timeline.
            Verdict::Repeated | Verdict::Late | Verdict::Stray => {}
        }
    }

    /// What a recording that ended at sample `end` would lack.
    fn missing(&self, end: i64) -> Vec<Gap> {
        let end_ms = self.scale.millis(end);
        let mut gaps = self.gaps.clone();
        for (side, half) in Side::BOTH.into_iter().zip(&self.sides) {
            if let Some(stretch) = half.presence.end(end_ms) {
                gaps.note(side, stretch.from_ms, stretch.until_ms, &Why::Nothing);
            }
        }
        gaps.finish(end_ms)
    }

    fn heard(&mut self, who: Who, arrival: Moment, sign: Option<Sign>) {
        let arrival = self.scale.position(arrival);
        // What came before zero does not show that the recording hears the side.
        if arrival >= 0 {
            let at_ms = self.scale.millis(arrival);
            let missing = self.half(who).presence.packet(at_ms, sign);
            self.unheard(who, missing);
        }
    }

    fn unheard(&mut self, (_, side): Who, missing: Option<Stretch>) {
        if let Some(Stretch { from_ms, until_ms }) = missing {
            self.gaps.note(side, from_ms, until_ms, &Why::Nothing);
        }
    }

    fn miss(&mut self, (_, side): Who, arrival: Moment, why: &Why) {
        let arrival = self.scale.position(arrival);
        // What came before zero is not missing from the recording.
        if arrival >= 0 {
            let from_ms = self.scale.millis(arrival);
            self.gaps.note(side, from_ms, from_ms + PACKET_MS, why);
        }
    }

    /// The first sample that a packet may still change.
    fn horizon(&self) -> i64 {
        self.latest - self.scale.samples(REORDER_MS)
    }

    fn half(&mut self, (tap, side): Who) -> &mut Half {
        let [caller, callee] = &mut self.sides;
        match (side, &mut self.former) {
            (Side::Caller, _) => caller,
            (Side::Callee, Some((former, now))) if *now != tap => former,
            (Side::Callee, _) => callee,
        }
    }
}

impl Half {
    /// Begins with a party that comes `at_ms` after zero.
    fn new(scale: Scale, at_ms: u64, codecs: Arc<[Codec]>) -> Self {
        Self {
            timeline: Timeline::new(scale),
            presence: Presence::since(at_ms, knows_comfort(&codecs)),
            kinds: kinds(&codecs),
            codecs,
            undecoded: 0,
        }
    }
}

/// Sorts the payload types: what the SDP says, and the static ones of RFC 3551 6 where it is silent,
/// because peers send them without having said so.
fn kinds(codecs: &[Codec]) -> Box<[Kind; 128]> {
    let mut kinds = Box::new([Kind::Unexplained; 128]);
    let fixed = [
        (0, Kind::Sound(Law::Mu)),
        (8, Kind::Sound(Law::A)),
        (13, Kind::Comfort),
    ];
    let said = codecs
        .iter()
        .map(|codec| (usize::from(codec.payload_type), kind(codec)));
    for (number, kind) in fixed.into_iter().chain(said) {
        if let Some(entry) = kinds.get_mut(number) {
            *entry = kind;
        }
    }
    if codecs.iter().any(|codec| kind(codec) == Kind::Encrypted) {
        // One stream is encrypted whole, whatever number a packet bears.
        kinds.fill(Kind::Encrypted);
    }
    kinds
}

fn knows_comfort(codecs: &[Codec]) -> bool {
    codecs.iter().any(|codec| kind(codec) == Kind::Comfort)
}

fn kind(codec: &Codec) -> Kind {
    let is = |name: &str| codec.name.eq_ignore_ascii_case(name);
    let g711 = codec.clock_hz == RATE_HZ && codec.channels <= 1;
    if codec.is_encrypted() {
        Kind::Encrypted
    } else if is("PCMU") && g711 {
        Kind::Sound(Law::Mu)
    } else if is("PCMA") && g711 {
        Kind::Sound(Law::A)
    } else if is("CN") {
        Kind::Comfort
    } else if is("TELEPHONE-EVENT") || is("TONE") || is("ULPFEC") {
        Kind::Silent
    } else {
        Kind::Undecoded
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::base::chance::Chance;
    use crate::media::tap::TapId;

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
        let mut tape = Tape::new(ZERO, [Arc::clone(&none), none]);
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
            let mut tape = Tape::new(ZERO, [Arc::clone(&none), none]);
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
            let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])]);
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

    #[test]
    fn sound_that_is_not_decoded_is_a_gap_that_says_why() {
        let table = [
            (8, "PCMA"),
            (18, "G729"),
            (101, "TELEPHONE-EVENT"),
            (13, "CN"),
        ];
        let mut tape = Tape::new(ZERO, [codecs(&table), codecs(&[(0, "SRTP/PCMU")])]);
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
            tape.packet(&tapped, &payload, &mut |block| {
                file.extend_from_slice(block)
            });
            if k < 10 {
                tapped.side = Side::Callee;
                tapped.payload_type = 0;
                tape.packet(&tapped, &payload, &mut |block| {
                    file.extend_from_slice(block)
                });
            }
        }
        tape.refused((TapId(0), Side::Caller), at(3_900_000));
        let finished = tape.finish(at(4_000_000), &mut |block| file.extend_from_slice(block));
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
    fn a_recorder_that_sleeps_too_long_loses_nothing() {
        let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])]);
        let mut phone = Phone::new(Side::Callee, Law::Mu, 3);
        let (mut sound, mut file) = (Vec::new(), Vec::new());
        for k in 0..500_i64 {
            let (mut tapped, payload) = phone.next(160);
            sound.extend(decoded(Law::Mu, &payload));
            tapped.arrival = at(k * 20_000);
            tape.packet(&tapped, &payload, &mut |block| {
                file.extend_from_slice(block)
            });
        }
        tape.finish(at(10_000_000), &mut |block| file.extend_from_slice(block));
        let right: Vec<_> = file
            .chunks_exact(4)
            .map(|frame| i16::from_le_bytes([frame[2], frame[3]]))
            .collect();
        assert_eq!(right, sound);
    }

    #[test]
    fn at_most_half_a_second_waits_to_be_written() {
        let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])]);
        let mut bytes = 0;
        for wake in 0..200_u64 {
            let now = ZERO + Duration::from_millis(wake * 50);
            tape.advance(now, &mut |block| bytes += block.len() as u64);
            let written_ms = bytes / 32;
            assert!(
                wake * 50 - written_ms <= 500,
                "{written_ms} ms at {} ms",
                wake * 50
            );
        }
    }

    #[test]
    fn a_one_way_call_says_so_and_a_side_on_hold_does_not() {
        let gaps_of = |callee_sends: bool| {
            let mut tape = Tape::new(ZERO, [codecs(&[]), codecs(&[])]);
            tape.set_sends((TapId(0), Side::Callee), callee_sends, ZERO);
            let mut phone = Phone::new(Side::Caller, Law::Mu, 3);
            for k in 0..100_i64 {
                let (mut tapped, payload) = phone.next(160);
                tapped.arrival = at(k * 20_000);
                tape.packet(&tapped, &payload, &mut |_| {});
            }
            tape.finish(at(2_000_000), &mut |_| {}).gaps
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
}
