//! One call's recording without its file: packets in, stereo blocks, gaps and counts out. Pure.

use std::sync::Arc;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Law;
use crate::media::tap::Tapped;
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
use crate::sdp::Codec;

/// The rate of every file: both laws of G.711 have it, and nothing else is decoded.
pub const RATE_HZ: u32 = 8_000;
/// Sound of one packet that is used: 200 ms, all that receivers should accept (RFC 3551 4.2).
const PACKET_BYTES_MAX: usize = 1_600;
/// The stretch that one packet without sound stands for in a gap: the usual 20 ms (RFC 3551 4.2).
const PACKET_MS: u64 = 20;
/// Samples up to this are quiet: -48 dBFS, below speech and above a telephone line's noise.
const QUIET_MAX: u16 = 128;
/// The prefix of a codec's name whose packets are SRTP.
pub const ENCRYPTED: &str = "SRTP";

/// A recording under way.
#[derive(Debug)]
pub struct Tape {
    scale: Scale,
    /// Caller, callee.
    sides: [Half; 2],
    mix: Mix,
    /// The latest time seen, of a packet or told.
    latest: i64,
    gaps: Gaps,
}

/// One side.
#[derive(Debug)]
struct Half {
    timeline: Timeline,
    codecs: Arc<[Codec]>,
    /// What to do with each payload type.
    kinds: Box<[Kind; 128]>,
    undecoded: u64,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sound(Law),
    /// Digits (RFC 4733) and comfort noise (RFC 3389): silence of the right length by itself.
    Silent,
    Undecoded,
    Encrypted,
    Unexplained,
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
            sides: codecs.map(|codecs| Half {
                timeline: Timeline::new(scale),
                kinds: kinds(&codecs),
                codecs,
                undecoded: 0,
            }),
            mix: Mix::new(),
            latest: 0,
            gaps: Gaps::default(),
        }
    }

    /// Takes what one side's payload types mean from now on.
    pub fn set_codecs(&mut self, side: Side, codecs: Arc<[Codec]>) {
        let half = self.half(side);
        half.kinds = kinds(&codecs);
        half.codecs = codecs;
    }

    /// One side's sound begins anew.
    pub fn anew(&mut self, side: Side) {
        self.half(side).timeline.anew();
    }

    /// Notes a packet that the ring had no room for.
    pub fn refused(&mut self, side: Side, arrival: Moment) {
        self.miss(side, arrival, &Why::Behind);
    }

    /// Lays a packet.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8], disk: &mut impl FnMut(&[u8])) {
        let (side, arrival) = (tapped.side, tapped.arrival);
        self.latest = self.latest.max(self.scale.position(arrival));
        let half = self.half(side);
        let kind = half.kinds.get(usize::from(tapped.payload_type));
        let why = match kind.copied().unwrap_or(Kind::Unexplained) {
            Kind::Sound(law) => return self.sound(law, tapped, payload, disk),
            Kind::Silent => return,
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
        self.miss(side, arrival, &why);
    }

    /// Lets time pass: what no straggler can change any more goes to `disk`. Every packet that came
    /// before `now` was given first.
    pub fn advance(&mut self, now: Moment, disk: &mut impl FnMut(&[u8])) {
        self.latest = self.latest.max(self.scale.position(now));
        self.mix.advance(self.horizon(), disk);
    }

    /// Ends at `end`: both sides are padded to it, and everything goes to `disk`.
    ///
    /// Where more than that was written already, the file is longer than `frames` says.
    pub fn finish(mut self, end: Moment, disk: &mut impl FnMut(&[u8])) -> Finished {
        let end = self.scale.position(end);
        self.mix.advance(end, disk);
        self.mix.flush(disk);
        let [caller, callee] = &self.sides;
        Finished {
            frames: u64::try_from(end).unwrap_or_default(),
            counts: [caller.timeline.counts(), callee.timeline.counts()],
            undecoded: [caller.undecoded, callee.undecoded],
            gaps: self.gaps.finish(self.scale.millis(end)),
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
            .half(tapped.side)
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

    fn miss(&mut self, side: Side, arrival: Moment, why: &Why) {
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

    const fn half(&mut self, side: Side) -> &mut Half {
        let [caller, callee] = &mut self.sides;
        match side {
            Side::Caller => caller,
            Side::Callee => callee,
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
        (13, Kind::Silent),
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

fn kind(codec: &Codec) -> Kind {
    let is = |name: &str| codec.name.eq_ignore_ascii_case(name);
    let g711 = codec.clock_hz == RATE_HZ && codec.channels <= 1;
    let prefix = codec.name.get(..ENCRYPTED.len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(ENCRYPTED)) {
        Kind::Encrypted
    } else if is("PCMU") && g711 {
        Kind::Sound(Law::Mu)
    } else if is("PCMA") && g711 {
        Kind::Sound(Law::A)
    } else if is("TELEPHONE-EVENT") || is("CN") {
        Kind::Silent
    } else {
        Kind::Undecoded
    }
}
