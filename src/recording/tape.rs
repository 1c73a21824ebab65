//! One call's recording without its file: packets in, stereo blocks, gaps and counts out. Pure.
//!
//! The file has the rate of the better of its two sides, and keeps it. Where the SDP leaves several, what is sent in the first
//! [`CHOICE_MS`] tells: what either side *may* send says little, and a file of six times the size is not made for it.

use std::sync::Arc;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Voice;
use crate::media::tap::{TapId, Tapped};
use crate::media::timeline::Counts;
use crate::media::timeline::Scale;
use crate::recording::command::Gap;
use crate::recording::gaps::Gaps;
use crate::recording::gaps::Why;
use crate::recording::notes::Notes;
use crate::recording::presence::Presence;
use crate::recording::presence::Sign;
use crate::recording::presence::Stretch;
use crate::recording::settings::Manner;
use crate::recording::tape::kinds::{Kind, Kinds};
use crate::recording::tape::reel::Reel;
use crate::sdp::Codec;

mod kinds;
mod mask;
mod reel;
mod track;

/// The least rate of a file, that of telephony. Where a crash left no rate, it is this.
pub const RATE_HZ: u32 = 8_000;
/// How long the rate of a file is open at most: several packets of each side, and little enough to hold back from the disk.
pub const CHOICE_MS: u64 = 250;
/// Packets that are kept until the rate is known: those of both sides at the shortest of 5 ms, and a few more.
const KEPT_MAX: usize = 128;
/// The stretch that one packet without sound stands for in a gap: the usual 20 ms (RFC 3551 4.2).
const PACKET_MS: u64 = 20;

/// Where finished blocks go.
pub trait Sink {
    /// The rate of what follows, where [`Tape::rate_hz`] did not know it at first. Told once, before the first block.
    fn begins(&mut self, rate_hz: u32);
    /// Whole frames.
    fn block(&mut self, frames: &[u8]);
}

/// For whoever knows the rate.
impl<F: FnMut(&[u8])> Sink for F {
    fn begins(&mut self, _: u32) {}

    fn block(&mut self, frames: &[u8]) {
        self(frames);
    }
}

/// A recording under way.
#[derive(Debug)]
pub struct Tape {
    zero: Moment,
    /// Milliseconds since zero.
    clock: Scale,
    manner: Manner,
    /// Caller, callee.
    sides: [Half; 2],
    /// The callee's party before, and the name under which the packets of the one that is come.
    former: Option<Box<(Half, TapId)>>,
    /// What came before the rate was known, in order.
    kept: Vec<Kept>,
    /// The sound, once it has a rate.
    reel: Option<Box<Reel>>,
    gaps: Gaps,
}

/// Whose sound: a side, and the name under which it is tapped, which tells the party that is from the one before.
pub type Who = (TapId, Side);

/// What waits for the rate.
#[derive(Debug)]
enum Kept {
    Packet(Tapped, Box<[u8]>, Kind),
    Anew(Who),
    Turn(TapId),
}

/// One side.
#[derive(Debug)]
struct Half {
    presence: Presence,
    kinds: Kinds,
    undecoded: u64,
}

/// What a finished recording knows of itself.
#[derive(Debug)]
pub struct Finished {
    /// Frames from zero to the end.
    pub frames: u64,
    /// Frames a second.
    pub rate_hz: u32,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// What each side sent, caller first: a side that sent nothing has no packets.
    pub counts: [Counts; 2],
    /// Packets of each side that were not decoded.
    pub undecoded: [u64; 2],
}

impl Tape {
    /// Begins: zero is `at`. `codecs` says what each side's payload types mean, caller first.
    pub fn new(at: Moment, codecs: [Arc<[Codec]>; 2], manner: Manner) -> Self {
        let sides = codecs.map(|codecs| Half::new(0, codecs));
        let mut tape = Self {
            zero: at,
            clock: Scale::new(at, 1_000),
            manner,
            sides,
            former: None,
            kept: Vec::new(),
            reel: None,
            gaps: Gaps::default(),
        };
        let mut rates = tape
            .sides
            .iter()
            .flat_map(|half| half.kinds.voices())
            .map(|voice| rate_of(voice, manner));
        let first = rates.next().unwrap_or(RATE_HZ);
        let is_clear = rates.all(|rate_hz| rate_hz == first);
        drop(rates);
        if is_clear {
            tape.reel = Some(Box::new(Reel::new(at, first, manner)));
        }
        tape
    }

    /// The rate of the file; `None`: it is not known yet.
    pub fn rate_hz(&self) -> Option<u32> {
        self.reel.as_ref().map(|reel| reel.rate_hz())
    }

    /// Has the rate known from now on.
    pub fn settle_rate(&mut self, sink: &mut impl Sink) {
        self.begin(sink);
    }

    /// Takes what one side's payload types mean from now on.
    pub fn set_codecs(&mut self, who: Who, codecs: Arc<[Codec]>) {
        let half = self.half(who);
        half.kinds = Kinds::new(codecs);
        half.presence.set_comfort(half.kinds.knows_comfort());
    }

    /// Takes whether one side may send from `at` on.
    pub fn set_sends(&mut self, who: Who, sends: bool, at: Moment) {
        let at_ms = self.millis(at);
        let missing = self.half(who).presence.set_sends(sends, at_ms);
        self.unheard(who, missing);
    }

    /// One side's sound begins anew.
    pub fn anew(&mut self, who: Who) {
        match &mut self.reel {
            Some(reel) => reel.anew(who),
            None => self.kept.push(Kept::Anew(who)),
        }
    }

    /// Another party takes the callee's place at `at`: its packets come under the name `next`. What still comes under the
    /// names before is the old one's, and is laid by the old one's timeline.
    pub fn turn(&mut self, next: TapId, codecs: Arc<[Codec]>, sends: bool, at: Moment) {
        let at_ms = self.millis(at);
        let [_, callee] = &mut self.sides;
        let mut coming = Half::new(at_ms, codecs);
        coming.undecoded = callee.undecoded;
        let leaving = std::mem::replace(callee, coming);
        if let Some(Stretch { from_ms, until_ms }) = leaving.presence.end(at_ms) {
            self.gaps
                .note(Side::Callee, from_ms, until_ms, &Why::Nothing);
        }
        self.former = Some(Box::new((leaving, next)));
        match &mut self.reel {
            Some(reel) => reel.turn(next),
            None => self.kept.push(Kept::Turn(next)),
        }
        self.set_sends((next, Side::Callee), sends, at);
    }

    /// Notes a packet that the ring had no room for.
    pub fn refused(&mut self, who: Who, arrival: Moment) {
        self.heard(who, arrival, None);
        self.miss(who, arrival, &Why::Behind);
    }

    /// Lays a packet.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8], sink: &mut impl Sink) {
        let (who, arrival) = ((tapped.tap, tapped.side), tapped.arrival);
        let kind = self.half(who).kinds.of(tapped.payload_type);
        let sign = Sign {
            ssrc: tapped.ssrc,
            sequence: tapped.sequence,
            timestamp: tapped.timestamp,
            may_pause: kind.may_pause(),
        };
        self.heard(who, arrival, Some(sign));
        match &mut self.reel {
            Some(reel) => take(reel, kind, tapped, payload, sink),
            None => {
                let used = match kind {
                    Kind::Sound(voice) => voice.used(payload),
                    Kind::Digit
                    | Kind::Silent
                    | Kind::Comfort
                    | Kind::Undecoded
                    | Kind::Encrypted
                    | Kind::Unexplained => &[],
                };
                self.kept.push(Kept::Packet(*tapped, used.into(), kind));
                self.choose(arrival, sink);
            }
        }
        let half = self.half(who);
        let why = match kind {
            Kind::Sound(_) | Kind::Digit | Kind::Silent | Kind::Comfort => return,
            Kind::Encrypted => Why::Encrypted,
            Kind::Unexplained => Why::Unexplained(tapped.payload_type),
            Kind::Undecoded => half.kinds.undecoded(tapped.payload_type),
        };
        half.undecoded += 1;
        self.miss(who, arrival, &why);
    }

    /// Lets time pass: what no straggler can change any more goes to `sink`. Every packet that came
    /// before `now` was given first.
    pub fn advance(&mut self, now: Moment, sink: &mut impl Sink) {
        self.choose(now, sink);
        if let Some(reel) = &mut self.reel {
            reel.advance(now, &mut |block| sink.block(block));
            self.note_lost();
        }
    }

    /// The frame of a moment; zero for what lies before the beginning.
    pub fn frame_at(&self, at: Moment) -> u64 {
        let scale = Scale::new(self.zero, self.rate_hz().unwrap_or(RATE_HZ));
        u64::try_from(scale.position(at)).unwrap_or_default()
    }

    /// Says what the recording would lack if it ended now.
    pub fn notes(&self, now: Moment) -> Notes {
        let at_ms = self.millis(now);
        Notes {
            at_ms,
            gaps: self.missing(at_ms),
            pauses: Vec::new(),
        }
    }

    /// Ends at `end`: both sides are padded to it, and everything goes to `sink`.
    ///
    /// Where more than that was written already, the file is longer than `frames` says.
    pub fn finish(mut self, end: Moment, sink: &mut impl Sink) -> Finished {
        let reel = self.begin(sink);
        let frames = reel.finish(end, &mut |block| sink.block(block));
        let (rate_hz, counts) = (reel.rate_hz(), reel.counts());
        self.note_lost();
        let [caller, callee] = &self.sides;
        Finished {
            frames,
            rate_hz,
            counts,
            undecoded: [caller.undecoded, callee.undecoded],
            gaps: self.missing(self.millis(end)),
        }
    }

    /// Settles the rate where both sides were heard, or nothing more is waited for.
    fn choose(&mut self, now: Moment, sink: &mut impl Sink) {
        let heard = |side| {
            let mut kept = self.kept.iter();
            kept.any(|kept| kept.voice().is_some_and(|(of, _)| of == side))
        };
        let is_time = || {
            self.millis(now) >= CHOICE_MS
                || self.kept.len() >= KEPT_MAX
                || Side::BOTH.into_iter().all(heard)
        };
        if self.reel.is_none() && is_time() {
            self.begin(sink);
        }
    }

    /// Settles the rate, where it is open, and returns the sound.
    fn begin(&mut self, sink: &mut impl Sink) -> &mut Reel {
        let kept = std::mem::take(&mut self.kept);
        let rate_hz = self.rate_hz().unwrap_or_else(|| {
            let rate_hz = self.rate_by(&kept);
            sink.begins(rate_hz);
            rate_hz
        });
        let (zero, manner) = (self.zero, self.manner);
        let reel = self
            .reel
            .get_or_insert_with(|| Box::new(Reel::new(zero, rate_hz, manner)));
        for kept in &kept {
            match kept {
                Kept::Packet(tapped, payload, kind) => take(reel, *kind, tapped, payload, sink),
                Kept::Anew(who) => reel.anew(*who),
                Kept::Turn(next) => reel.turn(*next),
            }
        }
        reel
    }

    /// The rate of the better side. A side that was not heard yet counts with what it is likeliest to send.
    fn rate_by(&self, kept: &[Kept]) -> u32 {
        let rate_of = |voice| rate_of(voice, self.manner);
        Side::BOTH
            .into_iter()
            .zip(&self.sides)
            .filter_map(|(side, half)| {
                let voices = kept.iter().filter_map(Kept::voice);
                let heard = voices.filter_map(|(of, voice)| (of == side).then_some(voice));
                let heard = heard.map(rate_of).max();
                heard.or_else(|| half.kinds.voices().next().map(rate_of))
            })
            .max()
            .unwrap_or(RATE_HZ)
    }

    /// Names the packets that nothing could be made of.
    fn note_lost(&mut self) {
        let Some(reel) = &mut self.reel else {
            return;
        };
        let [caller, callee] = &mut self.sides;
        for lost in reel.lost() {
            let half = match lost.side {
                Side::Caller => &mut *caller,
                Side::Callee => &mut *callee,
            };
            half.undecoded += 1;
            let why = half.kinds.unfit(lost.payload_type, lost.what);
            let until_ms = lost.from_ms + PACKET_MS;
            self.gaps.note(lost.side, lost.from_ms, until_ms, &why);
        }
    }

    /// What a recording that ended after `end_ms` would lack.
    fn missing(&self, end_ms: u64) -> Vec<Gap> {
        let mut gaps = self.gaps.clone();
        for (side, half) in Side::BOTH.into_iter().zip(&self.sides) {
            if let Some(stretch) = half.presence.end(end_ms) {
                gaps.note(side, stretch.from_ms, stretch.until_ms, &Why::Nothing);
            }
        }
        gaps.finish(end_ms)
    }

    fn heard(&mut self, who: Who, arrival: Moment, sign: Option<Sign>) {
        // What came before zero does not show that the recording hears the side.
        if arrival >= self.zero {
            let at_ms = self.millis(arrival);
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
        // What came before zero is not missing from the recording.
        if arrival >= self.zero {
            let from_ms = self.millis(arrival);
            self.gaps.note(side, from_ms, from_ms + PACKET_MS, why);
        }
    }

    /// Milliseconds since zero; 0 before.
    fn millis(&self, at: Moment) -> u64 {
        self.clock.millis(self.clock.position(at))
    }

    fn half(&mut self, (tap, side): Who) -> &mut Half {
        let [caller, callee] = &mut self.sides;
        match (side, &mut self.former) {
            (Side::Caller, _) => caller,
            (Side::Callee, Some(former)) if former.1 != tap => &mut former.0,
            (Side::Callee, _) => callee,
        }
    }
}

impl Half {
    /// Begins with a party that comes `at_ms` after zero.
    fn new(at_ms: u64, codecs: Arc<[Codec]>) -> Self {
        let kinds = Kinds::new(codecs);
        Self {
            presence: Presence::since(at_ms, kinds.knows_comfort()),
            kinds,
            undecoded: 0,
        }
    }
}

impl Kept {
    /// The voice that is heard, and whose.
    const fn voice(&self) -> Option<(Side, Voice)> {
        match self {
            Self::Packet(tapped, _, Kind::Sound(voice)) => Some((tapped.side, *voice)),
            Self::Packet(..) | Self::Anew(_) | Self::Turn(_) => None,
        }
    }
}

/// The rate of a file in which a voice is heard.
const fn rate_of(voice: Voice, manner: Manner) -> u32 {
    match voice {
        Voice::G711(_) | Voice::G722 => voice.rate_hz(),
        Voice::Opus => manner.opus_rate_hz,
    }
}

fn take(reel: &mut Reel, kind: Kind, tapped: &Tapped, payload: &[u8], sink: &mut impl Sink) {
    match kind {
        Kind::Sound(voice) => reel.voice(voice, tapped, payload, &mut |block| sink.block(block)),
        Kind::Digit => reel.digit(tapped),
        Kind::Silent | Kind::Comfort | Kind::Undecoded | Kind::Encrypted | Kind::Unexplained => {
            reel.silent(tapped);
        }
    }
}

#[cfg(test)]
mod tests;
