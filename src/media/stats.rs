//! What is counted of a received stream: loss (RFC 3550 A.1, A.3) and jitter (A.8).
//!
//! Sequence numbers are kept extended to 64 bits; a new SSRC opens a new account, and what the
//! former one lost stays lost.

use crate::base::time::Moment;
use crate::media::rtp::Head;

/// A jump forward of so many packets is believed as loss: a minute at 20 ms (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3000;

/// A packet so late is believed as reordered (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

/// The account of one direction of one leg.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    stream: Option<Stream>,
    /// Lost by streams that have ended.
    lost_before: u64,
    jitter_ms: f64,
}

/// One stream without a break in its numbering.
#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    first: u64,
    highest: u64,
    received: u64,
    /// The number that would confirm a restart: the one after a wild jump.
    restart: Option<u16>,
    clock: Option<Stamp>,
}

/// A packet that later ones are timed against.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    clock_hz: u32,
    timestamp: u32,
    arrival: Moment,
}

impl Reception {
    /// Counts a packet. `clock_hz` is the clock of its timestamp; `None` for packets whose timestamp
    /// is not their time: those of a DTMF event all bear the time of its start (RFC 4733 2.2).
    pub fn packet(&mut self, head: &Head, clock_hz: Option<u32>, arrival: Moment) {
        let stream = match &mut self.stream {
            Some(stream) if stream.ssrc == head.ssrc => {
                if stream.continues(head.sequence) {
                    stream
                } else if stream.restarts(head.sequence) {
                    self.lost_before += stream.lost();
                    self.stream.insert(Stream::new(head))
                } else {
                    return;
                }
            }
            Some(stream) => {
                self.lost_before += stream.lost();
                self.stream.insert(Stream::new(head))
            }
            None => self.stream.insert(Stream::new(head)),
        };
        if let Some(clock_hz) = clock_hz {
            let stamp = Stamp {
                clock_hz,
                timestamp: head.timestamp,
                arrival,
            };
            if let Some(apart_ms) = stream.clock.and_then(|before| stamp.apart_ms(before)) {
                self.jitter_ms += (apart_ms.abs() - self.jitter_ms) / 16.0;
            }
            stream.clock = Some(stamp);
        }
    }

    /// Returns how many packets never came. Repeated ones stand in for lost ones, as in A.3.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, Stream::lost)
    }

    /// Returns the interarrival jitter.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a figure for people: seven digits are more than it has"
    )]
    pub const fn jitter_ms(&self) -> f32 {
        self.jitter_ms as f32
    }
}

impl Stream {
    fn new(head: &Head) -> Self {
        let first = u64::from(head.sequence);
        Self {
            ssrc: head.ssrc,
            first,
            highest: first,
            received: 1,
            restart: None,
            clock: None,
        }
    }

    /// Counts a packet in its place, or returns `false`: its number is out of all order.
    fn continues(&mut self, sequence: u16) -> bool {
        let [.., high, low] = self.highest.to_be_bytes();
        let ahead = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        if ahead < DROPOUT_MAX {
            self.highest += u64::from(ahead);
        } else if ahead <= u16::MAX - MISORDER_MAX {
            return false;
        }
        self.received += 1;
        self.restart = None;
        true
    }

    /// Two packets in a row after a wild jump: the sender began anew (A.1).
    fn restarts(&mut self, sequence: u16) -> bool {
        self.restart.replace(sequence.wrapping_add(1)) == Some(sequence)
    }

    const fn lost(&self) -> u64 {
        (self.highest - self.first + 1).saturating_sub(self.received)
    }
}

impl Stamp {
    /// How much further apart two packets came than they were sent (the D of A.8).
    fn apart_ms(self, before: Self) -> Option<f64> {
        if self.clock_hz != before.clock_hz || self.clock_hz == 0 {
            return None;
        }
        let sent = f64::from(self.timestamp.wrapping_sub(before.timestamp).cast_signed());
        let sent_ms = sent * 1000.0 / f64::from(self.clock_hz);
        let came_ms = (self.arrival - before.arrival).as_secs_f64() * 1000.0;
        Some(came_ms - sent_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn head(ssrc: u32, sequence: u16, timestamp: u32) -> Head {
        Head {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp,
            ssrc,
        }
    }

    /// Feeds sequence numbers of one stream on a perfect 20 ms clock.
    fn lost(numbers: impl IntoIterator<Item = u16>) -> u64 {
        let mut reception = Reception::default();
        for number in numbers {
            reception.packet(&head(1, number, 0), None, Moment::START);
        }
        reception.lost()
    }

    #[test]
    fn missing_numbers_are_lost_across_the_wrap() {
        assert_eq!(lost([65533, 65534, 65535, 0, 1, 2]), 0);
        assert_eq!(lost([65533, 65535, 2]), 3);
        assert_eq!(lost([]), 0);
    }

    #[test]
    fn late_packets_are_not_lost() {
        assert_eq!(lost([1, 2, 4, 5, 3, 6]), 0);
        assert_eq!(lost([0, 65535, 1]), 0);
    }

    #[test]
    fn a_sender_that_begins_anew_loses_nothing_by_it() {
        assert_eq!(lost([1, 2, 4, 30_000, 30_001, 30_002]), 1);
        // One wild number by itself is not believed.
        assert_eq!(lost([1, 2, 30_000, 3, 4]), 0);
    }

    #[test]
    fn a_new_source_has_an_account_of_its_own() {
        let mut reception = Reception::default();
        for (ssrc, number) in [(1, 10), (1, 12), (2, 500), (2, 501), (2, 503)] {
            reception.packet(&head(ssrc, number, 0), None, Moment::START);
        }
        assert_eq!(reception.lost(), 2);
    }

    #[test]
    fn a_steady_stream_has_no_jitter_even_where_its_clock_wraps() {
        let mut reception = Reception::default();
        for i in 0..50u32 {
            let timestamp = (u32::MAX - 1000).wrapping_add(160 * i);
            let arrival = Moment::from_millis(20 * u64::from(i));
            let number = u16::try_from(i).unwrap();
            reception.packet(&head(1, number, timestamp), Some(8000), arrival);
        }
        assert!(reception.jitter_ms() < 0.001);
    }

    #[test]
    fn jitter_nears_the_deviation() {
        let mut reception = Reception::default();
        for i in 0..400u32 {
            let late = if i % 2 == 0 {
                Duration::ZERO
            } else {
                Duration::from_millis(8)
            };
            let arrival = Moment::from_millis(20 * u64::from(i)) + late;
            let number = u16::try_from(i).unwrap();
            reception.packet(&head(1, number, 160 * i), Some(8000), arrival);
        }
        assert!(
            (reception.jitter_ms() - 8.0).abs() < 0.01,
            "{}",
            reception.jitter_ms()
        );
    }

    #[test]
    fn another_clock_is_not_compared() {
        let mut reception = Reception::default();
        reception.packet(&head(1, 1, 0), Some(8000), Moment::START);
        reception.packet(
            &head(1, 2, 9_999_999),
            Some(48_000),
            Moment::from_millis(20),
        );
        reception.packet(&head(1, 3, 1), Some(0), Moment::from_millis(40));
        assert!(reception.jitter_ms() < 0.001);
    }

    proptest! {
        #[test]
        fn loss_is_what_was_dropped_whatever_the_first_number(
            start: u16, kept in proptest::collection::vec(any::<bool>(), 1..400),
        ) {
            let mut numbers: Vec<u16> = Vec::new();
            for (place, kept) in kept.iter().enumerate() {
                if *kept {
                    numbers.push(start.wrapping_add(u16::try_from(place).unwrap()));
                }
            }
            let span = match (numbers.first(), numbers.last()) {
                (Some(first), Some(last)) => u64::from(last.wrapping_sub(*first)) + 1,
                _ => 0,
            };
            let dropped = span - numbers.len() as u64;
            prop_assert_eq!(lost(numbers), dropped);
        }

        #[test]
        fn any_numbers_are_counted_without_harm(
            packets in proptest::collection::vec((0u32..3, any::<u16>(), any::<u32>(), any::<u64>()), 0..200),
        ) {
            let mut reception = Reception::default();
            for (ssrc, number, timestamp, arrival) in packets {
                reception.packet(&head(ssrc, number, timestamp), Some(8000), Moment::from_micros(arrival));
            }
            prop_assert!(reception.jitter_ms().is_finite());
            prop_assert!(reception.lost() < 200 * u64::from(DROPOUT_MAX));
        }
    }
}
