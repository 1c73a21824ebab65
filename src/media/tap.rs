//! The tap: packets copied from a worker to the recorder through one byte ring a worker.
//!
//! A full ring is a counted gap, never a stalled call.

use crate::base::id::Side;
use crate::base::time::Moment;

/// One recording under way, as workers and recorder call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId(pub u32);

/// One RTP packet's head as tapped; its payload follows in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// The recording.
    pub tap: TapId,
    /// Whose sound.
    pub side: Side,
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP marker bit.
    pub marker: bool,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// When it was received.
    pub arrival: Moment,
    /// Payload length in bytes, padding removed.
    pub length: u16,
}
