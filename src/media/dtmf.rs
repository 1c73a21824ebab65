//! RFC 4733 telephone events -> digits, each pressed key once.
//!
//! A key is many packets: updates while it is down, its end three times. All bear the timestamp of
//! its start (2.2.1), which is what makes them one. The packets themselves are relayed untouched.

use crate::base::time::Moment;
use crate::media::rtp::Head;

/// Digits kept for a leg: several times the longest card number and menu path that a call takes.
pub const DIGITS_MAX: usize = 128;

/// Events 0-15 are the sixteen keys (RFC 4733 3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The keys pressed on one leg.
#[derive(Clone, Debug, Default)]
pub struct Digits {
    pressed: String,
    /// When each was first heard of.
    times: Vec<Moment>,
    last: Option<Event>,
}

/// One event, or one segment of a long one.
#[derive(Clone, Copy, Debug)]
struct Event {
    ssrc: u32,
    code: u8,
    timestamp: u32,
    duration: u16,
    ended: bool,
}

impl Digits {
    /// Takes the payload of a telephone-event packet that came `now`; returns the key where it is the first of one.
    pub fn packet(&mut self, head: &Head, payload: &[u8], now: Moment) -> Option<char> {
        let [code, flags, d0, d1, ..] = *payload else {
            return None;
        };
        let event = Event {
            ssrc: head.ssrc,
            code,
            timestamp: head.timestamp,
            duration: u16::from_be_bytes([d0, d1]),
            ended: flags & 0x80 != 0,
        };
        match &mut self.last {
            Some(last) if last.ssrc == event.ssrc && !event.is_after(last) => {
                if event.timestamp == last.timestamp {
                    last.duration = last.duration.max(event.duration);
                    last.ended |= event.ended;
                }
                return None;
            }
            Some(last) if event.prolongs(last) => {
                self.last = Some(event);
                return None;
            }
            Some(_) | None => {}
        }
        self.last = Some(event);
        self.press(code, now)
    }

    /// Returns the keys in the order in which they were pressed.
    pub fn pressed(&self) -> &str {
        &self.pressed
    }

    /// Returns when each of them was, as far as packets told: the first one of each.
    pub fn times(&self) -> &[Moment] {
        &self.times
    }

    fn press(&mut self, code: u8, now: Moment) -> Option<char> {
        let key = char::from(*KEYS.get(usize::from(code))?);
        if self.pressed.len() < DIGITS_MAX {
            self.pressed.push(key);
            self.times.push(now);
        }
        Some(key)
    }
}

impl Event {
    const fn is_after(&self, last: &Self) -> bool {
        self.timestamp.wrapping_sub(last.timestamp).cast_signed() > 0
    }

    /// A key held longer than a duration can say goes on as a new event that begins where the full
    /// one stopped (2.5.1.3).
    fn prolongs(&self, last: &Self) -> bool {
        self.ssrc == last.ssrc
            && self.code == last.code
            && !last.ended
            && self.timestamp == last.timestamp.wrapping_add(u32::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(
        digits: &mut Digits,
        ssrc: u32,
        timestamp: u32,
        code: u8,
        ended: bool,
        duration: u16,
    ) {
        let head = Head {
            marker: false,
            payload_type: 101,
            sequence: 0,
            timestamp,
            ssrc,
        };
        let [d0, d1] = duration.to_be_bytes();
        digits.packet(
            &head,
            &[code, if ended { 0x8a } else { 0x0a }, d0, d1],
            Moment::START,
        );
    }

    fn press(digits: &mut Digits, timestamp: u32, code: u8) {
        for duration in [160, 320, 480] {
            packet(digits, 1, timestamp, code, false, duration);
        }
        for _ in 0..3 {
            packet(digits, 1, timestamp, code, true, 640);
        }
    }

    #[test]
    fn each_key_counts_once_and_the_same_key_twice_is_two() {
        let mut digits = Digits::default();
        let mut timestamp = u32::MAX - 1000;
        for code in [4, 4, 2, 10, 11, 15] {
            press(&mut digits, timestamp, code);
            timestamp = timestamp.wrapping_add(800);
        }
        assert_eq!(digits.pressed(), "442*#D");
    }

    #[test]
    fn the_end_alone_is_enough() {
        let mut digits = Digits::default();
        packet(&mut digits, 1, 5000, 7, true, 800);
        assert_eq!(digits.pressed(), "7");
    }

    #[test]
    fn a_late_packet_of_an_earlier_key_is_not_another() {
        let mut digits = Digits::default();
        press(&mut digits, 1000, 1);
        packet(&mut digits, 1, 3000, 2, false, 160);
        packet(&mut digits, 1, 1000, 1, true, 640);
        packet(&mut digits, 1, 3000, 2, true, 640);
        assert_eq!(digits.pressed(), "12");
    }

    #[test]
    fn a_key_held_for_long_is_one() {
        let mut digits = Digits::default();
        packet(&mut digits, 1, 1000, 5, false, u16::MAX);
        packet(&mut digits, 1, 1000 + u32::from(u16::MAX), 5, false, 160);
        packet(&mut digits, 1, 1000 + u32::from(u16::MAX), 5, true, 800);
        assert_eq!(digits.pressed(), "5");
    }

    #[test]
    fn another_source_begins_anew_and_other_events_are_no_keys() {
        let mut digits = Digits::default();
        packet(&mut digits, 1, 9000, 3, true, 800);
        packet(&mut digits, 2, 100, 3, true, 800);
        packet(&mut digits, 2, 3000, 16, true, 800); // hook flash
        packet(&mut digits, 2, 5000, 66, true, 800); // dial tone
        assert_eq!(digits.pressed(), "33");
        let head = Head {
            marker: false,
            payload_type: 101,
            sequence: 0,
            timestamp: 1,
            ssrc: 1,
        };
        digits.packet(&head, &[1, 2, 3], Moment::START);
        assert_eq!(digits.pressed(), "33");
    }

    proptest! {
        #[test]
        fn any_events_are_taken_within_the_limit(
            events in proptest::collection::vec((0u32..2, any::<u32>(), any::<u8>(), any::<bool>(), any::<u16>()), 0..500),
        ) {
            let mut digits = Digits::default();
            for (ssrc, timestamp, code, ended, duration) in events {
                packet(&mut digits, ssrc, timestamp, code, ended, duration);
            }
            prop_assert!(digits.pressed().len() <= DIGITS_MAX);
            prop_assert_eq!(digits.pressed().len(), digits.times().len());
        }
    }
}
