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
use crate::recording::tape::kinds::{Kind, Kinds};
use crate::sdp::Codec;

mod kinds;

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
    kinds: Kinds,
    undecoded: u64,
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
        half.kinds = Kinds::new(codecs);
        half.presence.set_comfort(half.kinds.knows_comfort());
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
        let kind = self.half(who).kinds.of(tapped.payload_type);
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
            Kind::Undecoded => half.kinds.undecoded(tapped.payload_type),
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

    /// The frame of a moment; zero for what lies before the beginning.
    pub fn frame_at(&self, at: Moment) -> u64 {
        u64::try_from(self.scale.position(at)).unwrap_or_default()
    }

    /// Says what the recording would lack if it ended now.
    pub fn notes(&self, now: Moment) -> Notes {
        let now = self.scale.position(now);
        Notes {
            at_ms: self.scale.millis(now),
            gaps: self.missing(now),
            pauses: Vec::new(),
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
        let kinds = Kinds::new(codecs);
        Self {
            timeline: Timeline::new(scale),
            presence: Presence::since(at_ms, kinds.knows_comfort()),
            kinds,
            undecoded: 0,
        }
    }
}

#[cfg(test)]
mod tests;
