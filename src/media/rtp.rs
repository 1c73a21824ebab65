//! RTP packets (RFC 3550 section 5.1): the head that every packet is judged by, and what it carries.
//!
//! The one file that speaks to rtp-rs. Nothing that is relayed is rebuilt: the bytes go on as they
//! came. RTCP looks like RTP to a reader, so `rtcp.rs` is asked first.

use rtp_rs::{RtpPacketBuilder, RtpReader, RtpReaderError, Seq};

/// Bytes of the fixed header.
pub const HEAD_BYTES: usize = 12;

/// The fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Begins a talk spurt (RFC 3551 4.1), or a DTMF event (RFC 4733 2.2.1).
    pub marker: bool,
    /// What the payload is, by the sender's SDP; 0-127.
    pub payload_type: u8,
    /// One more with each packet, wrapping.
    pub sequence: u16,
    /// Sampling time of the first sample, in the codec's clock, wrapping.
    pub timestamp: u32,
    /// Synchronisation source: one stream of one sender.
    pub ssrc: u32,
}

/// Looks at the fixed header only; `None`: it is too short or not version 2 (STUN, DTLS, noise).
pub const fn peek(packet: &[u8]) -> Option<Head> {
    let Some((head, _)) = packet.split_first_chunk::<HEAD_BYTES>() else {
        return None;
    };
    let [first, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] = *head;
    if first >> 6 != 2 {
        return None;
    }
    Some(Head {
        marker: second & 0x80 != 0,
        payload_type: second & 0x7f,
        sequence: u16::from_be_bytes([q0, q1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
    })
}

/// The bits of the second byte that are the payload type; the other is the marker.
pub const PAYLOAD_TYPE: u8 = 0x7f;

/// Returns the byte that holds marker and payload type.
pub const fn payload_type_mut(packet: &mut [u8]) -> Option<&mut u8> {
    match packet {
        [_, second, ..] => Some(second),
        _ => None,
    }
}

/// Returns the payload without CSRCs, extension and padding; `None`: the header promises more than came.
///
/// Some senders set the padding bit by mistake. Where the count at the end cannot be one, all of it is sound.
pub fn payload(packet: &[u8]) -> Option<&[u8]> {
    match RtpReader::new(packet) {
        Ok(reader) => Some(reader.payload()),
        Err(RtpReaderError::PaddingLengthInvalid(_)) => packet.get(payload_start(packet)?..),
        Err(
            RtpReaderError::BufferTooShort(_)
            | RtpReaderError::UnsupportedVersion(_)
            | RtpReaderError::HeadersTruncated { .. },
        ) => None,
    }
}

/// Writes a packet without CSRCs and extension; `None`: the payload type is above 127.
pub fn write(head: &Head, payload: &[u8]) -> Option<Vec<u8>> {
    RtpPacketBuilder::new()
        .marked(head.marker)
        .payload_type(head.payload_type)
        .sequence(Seq::from(head.sequence))
        .timestamp(head.timestamp)
        .ssrc(head.ssrc)
        .payload(payload)
        .build()
        .ok()
}

/// Where the payload begins (RFC 3550 5.1, 5.3.1), even past what came; `None`: not even the length of the extension came.
/// rtp-rs says so only where the padding is right too.
pub fn payload_start(packet: &[u8]) -> Option<usize> {
    let first = packet.first()?;
    let after_csrcs = HEAD_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return Some(after_csrcs);
    }
    let extension = packet.get(after_csrcs + 2..after_csrcs + 4)?;
    let words = u16::from_be_bytes(extension.try_into().ok()?);
    Some(after_csrcs + 4 + 4 * usize::from(words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: Head = Head {
        marker: true,
        payload_type: 8,
        sequence: 0xfffe,
        timestamp: 0x8000_0001,
        ssrc: 0x1234_5678,
    };

    #[test]
    fn what_is_written_is_read_back() {
        let packet = write(&HEAD, &[1, 2, 3]).unwrap();
        assert_eq!(packet.len(), HEAD_BYTES + 3);
        assert_eq!(peek(&packet), Some(HEAD));
        assert_eq!(payload(&packet), Some(&[1, 2, 3][..]));
        let above = Head {
            payload_type: 128,
            ..HEAD
        };
        assert_eq!(write(&above, &[]), None);
    }

    #[test]
    fn stun_and_short_packets_are_not_rtp() {
        assert_eq!(peek(&[0; 20]), None);
        assert_eq!(peek(&[0x80; 11]), None);
        assert_eq!(peek(&[]), None);
    }

    #[test]
    fn csrcs_extension_and_padding_are_not_sound() {
        let mut packet = write(&HEAD, &[]).unwrap();
        packet[0] |= 0x20 | 0x10 | 1;
        packet.extend([9; 4]); // one CSRC
        packet.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // an extension of one word
        packet.extend([1, 2, 3, 0, 0, 3]); // three bytes, three of padding
        assert_eq!(payload(&packet), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn impossible_padding_leaves_all_of_the_sound() {
        for last in [0, 200] {
            let mut packet = write(&HEAD, &[]).unwrap();
            packet[0] |= 0x20 | 0x10;
            packet.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]);
            packet.extend([5, 6, last]);
            assert_eq!(payload(&packet), Some(&[5, 6, last][..]));
        }
    }

    #[test]
    fn a_header_that_promises_more_than_came_has_no_payload() {
        let mut packet = write(&HEAD, &[1, 2, 3]).unwrap();
        packet[0] |= 0x0f;
        assert_eq!(payload(&packet), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), valid: bool) {
            if valid && let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let whole = bytes.len();
            prop_assert!(payload(&bytes).is_none_or(|payload| payload.len() + HEAD_BYTES <= whole));
            prop_assert!(payload(&bytes).is_none() || peek(&bytes).is_some());
        }
    }
}
