//! What a phone heard: packets as they came, and the sound that they make.

use crate::phones::g711::Law;
use crate::phones::tone;

/// Most packets kept: half an hour.
const PACKETS_MAX: usize = 90_000;

/// The longest silence put between two packets; a greater jump of the timestamp is a new stream.
const GAP_MAX: u32 = 10 * tone::RATE_HZ;

/// What came in over a call.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    packets: Vec<Packet>,
    /// Packets received, those beyond the half hour too.
    pub received: u64,
    /// RFC 4733 digits in order.
    pub digits: String,
    /// The end of the last event, so that its repeats count once (RFC 4733 2.5.1.4).
    last_event: Option<u32>,
}

/// One RTP packet of sound.
#[derive(Clone, Debug)]
struct Packet {
    ssrc: u32,
    timestamp: u32,
    law: Law,
    payload: Vec<u8>,
}

impl Heard {
    /// Takes one datagram; anything but G.711 and digits over RTP is passed over.
    pub(in crate::phones) fn take(&mut self, datagram: &[u8], digits: u8) {
        let Some((head, payload)) = datagram.split_at_checked(12) else {
            return;
        };
        let &[first, second, _, _, t0, t1, t2, t3, s0, s1, s2, s3] = head else {
            return;
        };
        // Version 2 without padding, extension or contributors: all that the relay's other end, a phone like this, sends.
        if first != 0x80 {
            return;
        }
        self.received += 1;
        let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let payload_type = second & 0x7f;
        if payload_type == digits {
            return self.take_event(timestamp, payload);
        }
        let Some(law) = Law::of(payload_type) else {
            return;
        };
        if self.packets.len() < PACKETS_MAX {
            let payload = payload.to_vec();
            self.packets.push(Packet {
                ssrc,
                timestamp,
                law,
                payload,
            });
        }
    }

    /// The sound: each stream's packets in the order of their timestamps, repeats dropped, holes as silence.
    pub fn samples(&self) -> Vec<i16> {
        let mut samples = Vec::new();
        for stream in self.packets.chunk_by(|one, next| one.ssrc == next.ssrc) {
            let Some(first) = stream.first() else {
                continue;
            };
            // Half the circle on either side of the first packet (RFC 3550 5.1): later ones may have overtaken it.
            let place =
                |packet: &Packet| packet.timestamp.wrapping_sub(first.timestamp).cast_signed();
            let mut stream: Vec<&Packet> = stream.iter().collect();
            stream.sort_by_key(|packet| place(packet));
            let mut next = stream.first().map(|packet| packet.timestamp);
            for packet in stream {
                let hole = next.map_or(0, |next| packet.timestamp.wrapping_sub(next));
                if hole.cast_signed() < 0 {
                    continue;
                }
                if hole <= GAP_MAX {
                    samples.resize(samples.len() + usize::try_from(hole).unwrap_or(0), 0);
                }
                samples.extend(packet.payload.iter().map(|code| packet.law.decode(*code)));
                let length = u32::try_from(packet.payload.len()).unwrap_or(0);
                next = Some(packet.timestamp.wrapping_add(length));
            }
        }
        samples
    }

    /// The tone that was heard, where it is one.
    pub fn tone_hz(&self) -> Option<u32> {
        tone::recognise(&self.samples())
    }

    /// RFC 4733 2.3: event, end bit, volume, duration. All packets of an event carry its timestamp.
    fn take_event(&mut self, timestamp: u32, payload: &[u8]) {
        let &[event, ..] = payload else { return };
        if self.last_event == Some(timestamp) {
            return;
        }
        self.last_event = Some(timestamp);
        let digit = b"0123456789*#ABCD".get(usize::from(event));
        self.digits.extend(digit.map(|digit| char::from(*digit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload_type: u8, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type, 0, 0];
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn packets_are_put_in_order_and_holes_are_silence() {
        let mut heard = Heard::default();
        let sound = |timestamp| packet(8, timestamp, 7, &[0xaa, 0x2a]);
        for timestamp in [u32::MAX - 1, 2, 0, 0, 6] {
            heard.take(&sound(timestamp), 101);
        }
        let pair = [32_256, -32_256];
        assert_eq!(heard.samples(), [pair, pair, pair, [0, 0], pair].concat());
        assert_eq!(heard.received, 5);
    }

    #[test]
    fn a_new_source_follows_the_old_one() {
        let mut heard = Heard::default();
        heard.take(&packet(8, 100, 7, &[0xaa]), 101);
        heard.take(&packet(0, 9_999_999, 8, &[0x80]), 101);
        assert_eq!(heard.samples(), [32_256, 32_124]);
    }

    #[test]
    fn digits_count_once_however_often_they_are_sent() {
        let mut heard = Heard::default();
        for (timestamp, event) in [(160, 1), (160, 1), (160, 1), (960, 1), (1_920, 11)] {
            heard.take(&packet(101, timestamp, 7, &[event, 10, 0, 160]), 101);
        }
        assert_eq!(heard.digits, "11#");
        assert!(heard.samples().is_empty());
    }

    #[test]
    fn what_is_no_rtp_is_passed_over() {
        let mut heard = Heard::default();
        for bytes in [&b""[..], &[0x80; 11], &[0x40; 40]] {
            heard.take(bytes, 101);
        }
        assert_eq!(heard.received, 0);
    }
}
