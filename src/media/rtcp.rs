//! RTCP (RFC 3550 section 6) as far as a relay needs it: recognised, read, and freed of what tells of its author.
//!
//! The reports pass from end to end as the sound does, so each end sees the other's loss. What `reports.rs` makes of them is
//! for the record.

use std::time::Duration;

/// Bytes of the common header and one SSRC; a BYE without sources (RFC 3550 6.6) has four fewer.
const HEADER_BYTES: usize = 4;

/// Where the blocks of a sender's report begin (6.4.1): after its source and 20 bytes of its own.
const SENDERS_BLOCKS: usize = 28;

/// Where those of a receiver's report begin (6.4.2).
const RECEIVERS_BLOCKS: usize = 8;

/// Packet types (RFC 3550 12.1).
const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;

/// The one description that must be there (6.5.1).
const CNAME: u8 = 1;

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

/// One packet of a compound one.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    kind: u8,
    count: u8,
    bytes: &'a [u8],
}

/// What a peer says of one source that it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Packets that never came; 0 where repeated ones are more than the lost.
    pub lost: u64,
    /// Interarrival jitter in ticks of the sound's clock.
    pub jitter: u32,
    /// The middle of the time in the sender's report that it heard last; 0: none.
    pub named: u32,
    /// How long ago that was.
    pub held: Duration,
}

/// The packets of a compound one, as far as their lengths are right.
pub fn parts(packet: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let [first, kind, high, low, ..] = rest else {
            return None;
        };
        let length = length_of([*high, *low]);
        let (bytes, after) = rest.split_at_checked(length)?;
        let part = Part {
            kind: *kind,
            count: first & 0x1f,
            bytes,
        };
        rest = after;
        (first >> 6 == 2).then_some(part)
    })
}

impl Part<'_> {
    /// The middle 32 bits of a sender's report's time, by which it is named.
    pub fn sent_at(&self) -> Option<u32> {
        (self.kind == SR).then(|| self.word(10))?
    }

    /// The first block of a report.
    pub fn block(&self) -> Option<Block> {
        let start = match self.kind {
            SR => SENDERS_BLOCKS,
            RR => RECEIVERS_BLOCKS,
            _ => return None,
        };
        if self.count == 0 {
            return None;
        }
        // 24 bits with a sign.
        let lost = (self.word(start + 4)? << 8).cast_signed() >> 8;
        let held = self.word(start + 20)?;
        Some(Block {
            ssrc: self.word(start)?,
            lost: u64::try_from(lost).unwrap_or(0),
            jitter: self.word(start + 12)?,
            named: self.word(start + 16)?,
            // In units of 1/65536 s.
            held: Duration::from_micros((u64::from(held) * 1_000_000) >> 16),
        })
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// Overwrites what a sender tells of itself: names, addresses, its program. A CNAME (6.5.1), which is often
/// `user@address`, becomes as many digits of its source, which stay the same for as long as the source does.
pub fn conceal(packet: &mut [u8]) {
    let mut rest = packet;
    while let [first, kind, high, low, ..] = rest {
        let (version, kind) = (*first >> 6, *kind);
        let length = length_of([*high, *low]);
        let Some((part, after)) = rest.split_at_mut_checked(length) else {
            return;
        };
        if version != 2 {
            return;
        }
        if kind == SDES
            && let Some(chunks) = part.get_mut(HEADER_BYTES..)
        {
            conceal_chunks(chunks);
        }
        rest = after;
    }
}

/// Sources with what they say of themselves (6.5).
fn conceal_chunks(chunks: &mut [u8]) {
    let mut at = 0;
    while let Some(source) = chunks.get(at..at + 4) {
        let digits = hex::encode(source).into_bytes();
        at += 4;
        loop {
            let Some([item, length]) = chunks.get(at..at + 2) else {
                // The end of the items may be the last byte.
                return;
            };
            let (item, length) = (*item, usize::from(*length));
            if item == 0 {
                // Zeros up to the next word.
                at = (at + 1).next_multiple_of(4);
                break;
            }
            at += 2;
            let Some(text) = chunks.get_mut(at..at + length) else {
                return;
            };
            match item {
                CNAME => {
                    for (place, digit) in text.iter_mut().zip(digits.iter().cycle()) {
                        *place = *digit;
                    }
                }
                _ => text.fill(b'-'),
            }
            at += length;
        }
    }
}

/// A length is in words, without the first (6.4.1).
fn length_of(field: [u8; 2]) -> usize {
    4 * (usize::from(u16::from_be_bytes(field)) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// A sender's report with one block, and a description of its author.
    fn compound() -> Vec<u8> {
        let mut packet = vec![0x81, 200, 0, 12, 0, 0, 0, 1];
        for word in [0x1111_2222_u32, 0x3333_4444, 160, 1, 160] {
            packet.extend(word.to_be_bytes());
        }
        for word in [7_u32, 0x1900_0002, 9, 80, 0xaaaa_bbbb, 0x1_8000] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend([0x81, 202, 0, 8, 0xde, 0xad, 0xbe, 0xef]);
        packet.extend(b"\x01\x0danna@10.1.1.5\x06\x07baresip\0\0\0\0");
        packet
    }

    #[test]
    fn the_parts_of_a_compound_packet_are_read() {
        let packet = compound();
        let all: Vec<_> = parts(&packet).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].sent_at(), Some(0x2222_3333));
        let block = Block {
            ssrc: 7,
            lost: 2,
            jitter: 80,
            named: 0xaaaa_bbbb,
            held: Duration::from_millis(1_500),
        };
        assert_eq!(all[0].block(), Some(block));
        assert_eq!((all[1].sent_at(), all[1].block()), (None, None));
        assert_eq!(parts(&packet[..packet.len() - 1]).count(), 1);
    }

    #[test]
    fn what_tells_of_the_author_is_overwritten_and_nothing_else() {
        let before = compound();
        let mut packet = before.clone();
        conceal(&mut packet);
        assert_eq!(packet.len(), before.len());
        assert_eq!(packet[..60], before[..60]);
        assert_eq!(
            &packet[60..],
            b"\x01\x0ddeadbeefdeadb\x06\x07-------\0\0\0\0"
        );
        let once = packet.clone();
        conceal(&mut packet);
        assert_eq!(packet, once, "the name stays the same");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 198u8..206) {
            if let [first, second, high, ..] = bytes.as_mut_slice() {
                (*first, *second, *high) = (*first & 0x3f | 0x80, kind, 0);
            }
            let length = bytes.len();
            for part in parts(&bytes) {
                let _either = (part.block(), part.sent_at());
            }
            conceal(&mut bytes);
            prop_assert_eq!(bytes.len(), length);
        }
    }
}
