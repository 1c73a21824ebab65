//! The parts of a packet under a key (RFC 3711 3.1 and 3.4).

use crate::media::rtp;
use crate::media::srtp::refused::Refused;

/// The flag of encryption and the index behind an RTCP packet.
pub(in crate::media::srtp) const INDEX_BYTES: usize = 4;

/// RTCP's tag, whatever that of RTP is (RFC 4568 6.2).
pub(in crate::media::srtp) const RTCP_TAG_BYTES: usize = 10;

/// What of RTCP stays clear: the header and the sender's source.
pub(in crate::media::srtp) const RTCP_CLEAR_BYTES: usize = 8;

/// The flag: this RTCP packet is encrypted.
pub(in crate::media::srtp) const ENCRYPTED: u32 = 1 << 31;

/// The highest index of RTCP (31 bits).
pub(in crate::media::srtp) const RTCP_INDEX_MAX: u32 = ENCRYPTED - 1;

/// Reads source and sequence number of RTP, and where its payload begins: its header stays clear.
pub(in crate::media::srtp) fn rtp(packet: &[u8]) -> Result<(u32, u16, usize), Refused> {
    let head = rtp::peek(packet).ok_or(Refused::Short)?;
    let start = rtp::payload_start(packet)
        .filter(|start| *start <= packet.len())
        .ok_or(Refused::Short)?;
    Ok((head.ssrc, head.sequence, start))
}

/// Reads the source of RTCP.
pub(in crate::media::srtp) fn rtcp(packet: &[u8]) -> Result<u32, Refused> {
    match packet {
        [_, _, _, _, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(Refused::Short),
    }
}

/// Cuts what is authenticated from the tag, leaving out `between` bytes before it.
pub(in crate::media::srtp) fn cut(
    packet: &[u8],
    between: usize,
    tag: usize,
) -> Result<(&[u8], &[u8]), Refused> {
    let whole = packet.len();
    let at = whole.checked_sub(between + tag).ok_or(Refused::Short)?;
    let signed = packet.get(..at).ok_or(Refused::Short)?;
    let tag = packet.get(whole - tag..).ok_or(Refused::Short)?;
    Ok((signed, tag))
}
