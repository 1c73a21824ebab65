//! SDP: read, written, and its addresses replaced (RFC 8866, RFC 3264).

use std::sync::Arc;

/// One payload type of an audio stream (RFC 8866 6.6, RFC 3551 6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Codec {
    /// RTP payload type, 0-127.
    pub payload_type: u8,
    /// Encoding name in upper case: `PCMA`, `TELEPHONE-EVENT`.
    pub name: Arc<str>,
    /// RTP clock rate.
    pub clock_hz: u32,
    /// Channels; 1 unless the rtpmap says more.
    pub channels: u8,
}
