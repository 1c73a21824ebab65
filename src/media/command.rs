//! What the engine tells a media worker and what a worker reports: plain data with ids.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use crate::base::id::LegId;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::tap::TapId;
use crate::sdp::{Codec, Numbers, Protection};

/// A bound pair: RTP on an even port, RTCP on the next (RFC 3550 section 11).
#[derive(Debug)]
pub struct Pair {
    /// RTP.
    pub rtp: UdpSocket,
    /// RTCP.
    pub rtcp: UdpSocket,
    /// The RTP port.
    pub port: u16,
}

/// An order to a worker. All legs of one call live on one worker.
#[derive(Debug)]
pub enum Command {
    /// Take over a leg's sockets.
    Open {
        /// The leg.
        leg: LegId,
        /// Its sockets.
        pair: Pair,
        /// Where its sound may come from.
        from: SoundFrom,
        /// The host of its signalling, from which `Nat` learns.
        signalling: IpAddr,
    },
    /// New SDP from the leg's peer; opens a locked address again.
    Aim {
        /// The leg.
        leg: LegId,
        /// What it says.
        aim: Box<Aim>,
    },
    /// Relay between two legs; each leaves its former bridge.
    Bridge {
        /// The caller's.
        caller: LegId,
        /// The callee's.
        callee: LegId,
    },
    /// Watch the bridge for silence on both sides, or stop.
    Watch {
        /// One of the bridge's legs.
        leg: LegId,
        /// `None` stops.
        silence: Option<Duration>,
    },
    /// Copy the bridge's packets into the ring under this id, from now on; `None` stops.
    Tap {
        /// The caller's leg (left).
        caller: LegId,
        /// The callee's leg (right).
        callee: LegId,
        /// The recording.
        tap: Option<TapId>,
    },
    /// Close the sockets and report.
    Close {
        /// The leg.
        leg: LegId,
    },
    /// Close everything and end the thread.
    Stop,
}

/// What a leg's peer says in SDP about its sound.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    /// Where it wants RTP; `None`: nothing is sent, but what was settled may still send.
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP.
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the port of RTP on its leg (RFC 5761).
    pub mux: bool,
    /// What the payload types that it sends mean.
    pub codecs: Arc<[Codec]>,
    /// What the payload types that are sent to it become; `None`: they stay as they are.
    pub numbers: Option<Numbers>,
    /// How its packets are protected.
    pub srtp: Protection,
}

/// A worker's report.
#[derive(Debug)]
pub enum Report {
    /// A leg's sockets are closed; its port may rest and come again.
    Closed {
        /// The leg.
        leg: LegId,
        /// Its RTP port.
        port: u16,
        /// What was counted.
        sound: Sound,
    },
    /// No RTP from either side of the leg's bridge for the time watched. Told once.
    Silent {
        /// The leg that was watched.
        leg: LegId,
    },
}

/// What a worker counts for a leg.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// RTP packets received and believed.
    pub packets_in: u64,
    /// RTP packets sent to it.
    pub packets_out: u64,
    /// Missing sequence numbers (RFC 3550 A.3).
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter_ms: f32,
    /// RFC 4733 digits.
    pub digits: String,
    /// When each of them was pressed.
    pub digit_times: Vec<Moment>,
    /// Packets from addresses that may not send, and those beyond what a telephone sends.
    pub refused: u64,
    /// Packets that are neither RTP nor, on the RTCP port, RTCP. They go no further.
    pub malformed: u64,
    /// Packets the ring had no room for.
    pub untapped: u64,
    /// Sends the kernel refused.
    pub send_errors: u64,
    /// Packets that were not under the key agreed on. They go no further.
    pub forged: u64,
    /// Packets that never reached it, as it says; `None`: it says nothing.
    pub lost_there: Option<u64>,
    /// The jitter that it sees.
    pub jitter_there_ms: Option<f32>,
    /// How long a packet takes to it and back; `None`: never measured.
    pub rtt_ms: Option<f32>,
}
