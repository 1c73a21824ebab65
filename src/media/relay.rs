//! The way of a packet through a worker: judged, counted, tapped, and said where it leaves.
//!
//! All of it that does not depend on how a worker reads and sends: both drivers hand in what came and
//! send what is given back. No lock, no allocation, no system call but those of a latch that closes.

use std::net::SocketAddr;

use crate::base::time::Moment;
use crate::media::bridge::{Bridges, Slot};
use crate::media::codec::PAYLOAD_BYTES_MAX;
use crate::media::leg::{CLOCK_HZ, Kind, Leg, Sent};
use crate::media::legs::Legs;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::tap::{TapWriter, Tapped};

/// What a packet passes through: one worker's legs, who is joined with whom, and the way to the recorder.
pub struct Relay {
    /// The legs.
    pub legs: Legs,
    /// Who relays to whom.
    pub bridges: Bridges,
    tap: TapWriter,
}

/// One of a worker's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub slot: Slot,
    /// Which of the leg's two.
    pub kind: Kind,
}

/// Where a packet leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// By which socket.
    pub by: Place,
    /// Whereto.
    pub to: SocketAddr,
    /// Whether the socket is connected there.
    pub connected: bool,
    /// How long it is now.
    pub length: usize,
    /// Whether it is sound, which is what is counted.
    pub sound: bool,
}

impl Place {
    /// Returns a small number that stands for this socket with the kernel.
    pub const fn token(self) -> u64 {
        let bit = match self.kind {
            Kind::Rtp => 0,
            Kind::Rtcp => 1,
        };
        (self.slot as u64) << 1 | bit
    }

    /// Takes back what [`Self::token`] gave.
    pub fn of(token: u64) -> Self {
        Self {
            slot: Slot::try_from(token >> 1).unwrap_or(Slot::MAX),
            kind: if token & 1 == 0 {
                Kind::Rtp
            } else {
                Kind::Rtcp
            },
        }
    }
}

impl Relay {
    /// Makes the way of a worker that has no legs yet.
    pub fn new(tap: TapWriter) -> Self {
        Self {
            legs: Legs::default(),
            bridges: Bridges::default(),
            tap,
        }
    }

    /// Takes a packet that came to `at` from `source`: the first `length` bytes of `room`. Says where it
    /// goes on, if anywhere; it stays in `room`, changed as its receiver wants it.
    ///
    /// Nothing is learned or counted of a packet before it is known to be sound or a report from whom
    /// may send it.
    pub fn packet(
        &mut self,
        at: Place,
        source: SocketAddr,
        room: &mut [u8],
        length: usize,
        now: Moment,
    ) -> Option<Way> {
        let Self { legs, bridges, tap } = self;
        let leg = legs.get_mut(at.slot)?;
        if !leg.line(at.kind).may_send(source) {
            leg.counted.refused += 1;
            return None;
        }
        let packet = room.get_mut(..length)?;
        if rtcp::is_rtcp(packet) {
            let length = leg.open(packet, true)?;
            if !leg.admits_report(now) {
                leg.counted.refused += 1;
                return None;
            }
            leg.line(at.kind).learn(source);
            let to = bridges.route(at.slot).to;
            let other = to.and_then(|slot| legs.get_mut(slot));
            let clock_hz = other.map_or(CLOCK_HZ, |other| other.clock_hz());
            let report = room.get_mut(..length)?;
            legs.get_mut(at.slot)?.hear_report(report, clock_hz, now);
            // Each leg has its own way: it may have come to the RTP port and leave by the port of its
            // own, or the other way (RFC 5761 5.1.1). It does not count as heard: a peer that lost
            // its sound, or whose BYE was lost, may send reports for hours, and operators know media
            // timeouts that go by RTP alone (rtpengine's, and Cisco's by default).
            let slot = to?;
            return legs.get_mut(slot)?.report(slot, room, length, now);
        }
        let (Kind::Rtp, Some(head)) = (at.kind, rtp::peek(packet)) else {
            leg.counted.malformed += 1;
            return None;
        };
        let length = leg.open(packet, false)?;
        let packet = room.get_mut(..length)?;
        if !leg.admits(&head, now) {
            leg.counted.refused += 1;
            return None;
        }
        leg.line(at.kind).learn(source);
        leg.heard(&head, packet, now);
        let route = bridges.pass(at.slot, now);
        if let Some((id, side)) = route.tap {
            let tapped = Tapped {
                tap: id,
                side,
                payload_type: head.payload_type,
                marker: head.marker,
                sequence: head.sequence,
                timestamp: head.timestamp,
                ssrc: head.ssrc,
                arrival: now,
                length: 0,
            };
            let whole = rtp::payload(packet).is_some_and(|payload| {
                // The ring is every call's: what nobody looks at takes no room in it.
                let used = payload.get(..PAYLOAD_BYTES_MAX).unwrap_or(payload);
                tap.push(&tapped, used)
            });
            if !whole {
                leg.counted.untapped += 1;
            }
        }
        let slot = route.to?;
        legs.get_mut(slot)?.prepare(slot, room, length)
    }

    /// Counts what became of a packet that was to be sent.
    pub fn sent(&mut self, by: Place, sound: bool, sent: Sent) {
        // Many peers have no RTCP port; only sound that is refused counts.
        if sound && let Some(leg) = self.legs.get_mut(by.slot) {
            leg.sent(sent);
        }
    }

    /// Counts that a socket had an error to tell and no packet.
    pub fn failed(&mut self, at: Place) {
        if at.kind == Kind::Rtp
            && let Some(leg) = self.legs.get_mut(at.slot)
        {
            leg.counted.send_errors += 1;
        }
    }

    /// Returns a leg of this worker.
    pub fn leg(&mut self, slot: Slot) -> Option<&mut Leg> {
        self.legs.get_mut(slot)
    }
}
