//! One synchronisation source: its sequence numbers (RFC 3550 A.1), its clock, and the place of each of its packets.

use crate::media::timeline::Counts;
use crate::media::timeline::Here;
use crate::media::timeline::Packet;
use crate::media::timeline::Verdict;
use crate::media::timeline::anchor::{Anchor, JUMP_MS, SETTLE_MS};

/// Packets that are remembered to know repeats. At 5 ms a packet it covers
/// [`REORDER_MS`](crate::media::timeline::REORDER_MS) and more.
const REMEMBERED: u16 = 64;

/// One synchronisation source.
#[derive(Debug)]
pub(in crate::media::timeline) struct Stream {
    pub(in crate::media::timeline) ssrc: u32,
    /// The highest sequence number.
    highest: u16,
    /// Bit n: `highest - n` was here.
    seen: u64,
    /// The clock of its timestamps; the latest one, extended over wraps; and the one that the anchor leads to its place.
    clock_hz: u32,
    extended: i64,
    base: i64,
    anchor: Anchor,
    /// Where the sound laid so far ends.
    end: i64,
    /// The sequence number that would confirm a stray.
    confirms: Option<u16>,
    /// Until when something may still lie before [`Self::end`]: a packet was overtaken or lost, or the anchor is new.
    doubts_until: i64,
}

/// How a sequence number stands to the highest.
pub(in crate::media::timeline) enum Order {
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
    pub(in crate::media::timeline) fn new(packet: &Packet, here: &Here) -> Self {
        let extended = i64::from(packet.timestamp);
        Self {
            ssrc: packet.ssrc,
            highest: packet.sequence,
            seen: 1,
            clock_hz: packet.clock_hz,
            extended,
            base: extended,
            anchor: Anchor::new(here, here.arrival),
            end: here.arrival,
            confirms: None,
            // Nothing came before it that could have overtaken anything: only the anchor is new.
            doubts_until: here.arrival + here.scale.samples(SETTLE_MS),
        }
    }

    /// Returns where what comes next in order lies, or beyond; `None`: what was overtaken may still lie before it.
    pub(in crate::media::timeline) fn sure_until(&self, now: i64) -> Option<i64> {
        (self.doubts_until <= now).then_some(self.end)
    }

    /// Waits for what may have been overtaken.
    pub(in crate::media::timeline) fn doubt(&mut self, here: &Here) {
        self.doubts_until = here.doubts_until();
    }

    pub(in crate::media::timeline) fn take(
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
                let offset = self.offset(extended, here);
                // One that another clock stamped before this one began is nowhere to be found.
                if packet.clock_hz != self.clock_hz || !self.is_plausible(offset, here) {
                    counts.late += 1;
                    return Verdict::Late;
                }
                Verdict::Lay {
                    start: self.lay(offset, packet),
                    moved: None,
                }
            }
            Order::Newer(by) => {
                self.pass_by(by, here, counts);
                self.follow(packet, extended, here, quiet, counts)
            }
            // The sequence numbers began anew, but the clock says that it is the same sound.
            Order::Far
                if packet.clock_hz == self.clock_hz
                    && self.is_plausible(self.offset(extended, here), here) =>
            {
                self.seen = 1;
                self.doubt(here);
                self.follow(packet, extended, here, quiet, counts)
            }
            // Two in order are no accident (RFC 3550 A.1).
            Order::Far if self.confirms == Some(packet.sequence) => {
                self.seen = 1;
                self.doubt(here);
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
        if packet.clock_hz != self.clock_hz {
            return self.change_clock(packet, here, counts);
        }
        let offset = self.offset(extended, here);
        let plausible = self.is_plausible(offset, here);
        self.extended = extended;
        let delay = here.arrival - offset;
        let moved = if plausible {
            self.anchor
                .observe(delay, &mut self.end, here, quiet, counts)
        } else {
            counts.anchors += 1;
            self.doubt(here);
            self.anchor.jump(here, delay);
            self.end = self.anchor.place(offset);
            None
        };
        Verdict::Lay {
            start: self.lay(offset, packet),
            moved,
        }
    }

    /// The same source goes on with timestamps of another clock, because it codes otherwise now. What they say has
    /// nothing to do with those before (RFC 7160 3): its arrival alone tells where it belongs.
    fn change_clock(&mut self, packet: &Packet, here: &Here, counts: &mut Counts) -> Verdict {
        self.clock_hz = packet.clock_hz;
        self.extended = i64::from(packet.timestamp);
        self.base = self.extended;
        self.anchor = Anchor::new(here, here.arrival);
        self.end = here.arrival;
        self.doubt(here);
        counts.anchors += 1;
        Verdict::Lay {
            start: self.lay(0, packet),
            moved: None,
        }
    }

    /// Notes a packet of no sound.
    pub(in crate::media::timeline) fn pass(
        &mut self,
        sequence: u16,
        here: &Here,
        counts: &mut Counts,
    ) {
        match self.order(sequence) {
            Order::Newer(by) => {
                self.pass_by(by, here, counts);
                self.highest = sequence;
            }
            Order::Older => {
                self.seen |= 1 << self.highest.wrapping_sub(sequence);
                counts.missing = counts.missing.saturating_sub(1);
            }
            // What it is the sound tells.
            Order::Repeated | Order::Far => {}
        }
    }

    /// Goes on to a packet that lies so many after the highest.
    fn pass_by(&mut self, by: u16, here: &Here, counts: &mut Counts) {
        counts.missing += u64::from(by - 1);
        self.seen = self.seen.checked_shl(by.into()).unwrap_or_default() | 1;
        if by > 1 {
            self.doubt(here);
        }
    }

    /// Returns how many samples of the timeline lie between the stream's base and a timestamp.
    fn offset(&self, extended: i64, here: &Here) -> i64 {
        extended
            .saturating_sub(self.base)
            .saturating_mul(here.scale.rate_hz().into())
            .div_euclid(i64::from(self.clock_hz.max(1)))
    }

    /// Returns the packet's place and remembers how far the sound reaches.
    pub(in crate::media::timeline) fn lay(&mut self, offset: i64, packet: &Packet) -> i64 {
        let start = self.anchor.place(offset);
        self.end = self.end.max(start + i64::from(packet.samples));
        self.anchor.laid(start);
        start
    }

    /// Says whether the anchor puts a timestamp where its sound can lie: not yet written, and not
    /// ahead of its arrival by more than an anchor can be off.
    fn is_plausible(&self, offset: i64, here: &Here) -> bool {
        let start = self.anchor.place(offset);
        start >= here.horizon && start - here.arrival <= here.scale.samples(JUMP_MS)
    }

    /// Extends a timestamp: the nearest to the latest of all that end in these 32 bits.
    fn extend(&self, timestamp: u32) -> i64 {
        let ahead = timestamp
            .wrapping_sub(low_bits(self.extended))
            .cast_signed();
        self.extended.saturating_add(ahead.into())
    }

    pub(in crate::media::timeline) fn order(&self, sequence: u16) -> Order {
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
