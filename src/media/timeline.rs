//! Packets to sample time: where each RTP packet of one side lies on a recording's timeline.
//!
//! A packet's place is its RTP timestamp (RFC 3550 5.1) plus the *anchor*, which is the smallest
//! arrival delay seen, so that jitter neither cuts nor inserts a sample. Pure arithmetic: samples
//! are laid, moved and written by others. A place is never before the horizon and never more than
//! [`JUMP_MS`] after the arrival, whatever the sender's headers say. How the anchor is found and
//! corrected is `timeline/anchor.rs`; what one source's numbers mean is `timeline/stream.rs`.
//!
//! [`JUMP_MS`]: anchor::JUMP_MS

mod anchor;
mod scale;
mod stream;

pub use crate::media::timeline::scale::Scale;

use crate::base::time::Moment;
use crate::media::timeline::stream::Order;
use crate::media::timeline::stream::Stream;

/// How long the recorder waits for a packet that was overtaken. Networks that reorder by more
/// are heard as loss by the phones as well.
pub const REORDER_MS: i64 = 200;

/// What the timeline needs to know of a packet of sound.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// The clock of its timestamps.
    pub clock_hz: u32,
    /// When it was received.
    pub arrival: Moment,
    /// How many samples it holds, of the timeline's rate.
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
    /// The source before, for its stragglers and for two that alternate. Most calls have none.
    former: Option<Box<Stream>>,
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
        let here = Here::new(self.scale, packet.arrival, horizon);
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
                Some(former) => {
                    // Whoever spoke in between may have been overtaken.
                    former.doubt(&here);
                    if let Some(current) = &mut self.current {
                        std::mem::swap(current, former.as_mut());
                    }
                }
                None => self.former = self.current.take().map(Box::new),
            }
        }
        match self.current.as_mut() {
            Some(stream) => stream.take(packet, &here, quiet, &mut self.counts),
            None => {
                let stream = self.current.insert(Stream::new(packet, &here));
                if self.former.is_some() {
                    stream.doubt(&here);
                }
                self.counts.anchors += 1;
                Verdict::Lay {
                    start: stream.lay(0, packet),
                    moved: None,
                }
            }
        }
    }

    /// Notes a packet of no sound that shares the sequence numbers of the sound, such as comfort noise or a digit: it is not missing.
    pub fn pass(&mut self, ssrc: u32, sequence: u16, arrival: Moment) {
        let stream = self.current.as_mut().filter(|stream| stream.ssrc == ssrc);
        if let Some(stream) = stream {
            let here = Here::new(self.scale, arrival, i64::MIN);
            stream.pass(sequence, &here, &mut self.counts);
        }
    }

    /// Returns the place before which nothing comes any more of a sender whose packets all came, in order, for [`REORDER_MS`]
    /// up to `now`, or since it began and its anchor stands: the next one is behind what is laid already. `None`: something may
    /// have been overtaken, or nobody speaks.
    ///
    /// A sender that replaces this one is anchored at its arrival, so what is told never lies beyond `now`.
    pub fn sure_until(&self, now: i64) -> Option<i64> {
        let stream = self.current.as_ref()?;
        stream.sure_until(now).map(|end| end.min(now))
    }
}

/// The time as one packet sees it, in samples.
struct Here {
    scale: Scale,
    arrival: i64,
    horizon: i64,
}

impl Here {
    fn new(scale: Scale, arrival: Moment, horizon: i64) -> Self {
        Self {
            scale,
            arrival: scale.position(arrival),
            horizon,
        }
    }

    /// Until when a packet is waited for that was overtaken by now.
    fn doubts_until(&self) -> i64 {
        self.arrival + self.scale.samples(REORDER_MS)
    }
}

#[cfg(test)]
mod tests;
