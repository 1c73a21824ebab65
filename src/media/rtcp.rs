//! RTCP (RFC 3550 section 6) as far as a relay needs it: recognised, never rewritten.
//!
//! The reports pass from end to end as the sound does, so each end sees the other's loss.

/// Bytes of the common header and one SSRC; a BYE without sources (RFC 3550 6.6) has four fewer.
const HEADER_BYTES: usize = 4;

/// Tells RTCP from RTP where both may come to one port (RFC 5761 section 4): version 2, and a packet
/// type of 192 to 223, which as RTP would be a marker and a payload type that nobody may use.
pub fn is_rtcp(packet: &[u8]) -> bool {
    match packet {
        [first, second, ..] => {
            first >> 6 == 2 && (192..=223).contains(second) && packet.len() >= HEADER_BYTES
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_rtcp_and_sound_is_not() {
        for packet_type in 200..=207 {
            assert!(is_rtcp(&[0x80, packet_type, 0, 1, 0, 0, 0, 1]));
        }
        for second in [0, 8, 101, 0x80 | 8, 0x80 | 101, 191, 224] {
            assert!(!is_rtcp(&[0x80, second, 0, 1, 0, 0, 0, 1]), "{second}");
        }
    }

    #[test]
    fn a_bye_without_sources_is_rtcp_and_noise_is_not() {
        assert!(is_rtcp(&[0x80, 203, 0, 0]));
        assert!(!is_rtcp(&[0x80, 203, 0]));
        assert!(!is_rtcp(&[0x00, 203, 0, 0]));
        assert!(!is_rtcp(&[]));
    }
}
