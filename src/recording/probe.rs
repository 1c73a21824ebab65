//! What must hold of a recording whatever packets come: the entry point of fuzzing and of the replayed corpus.
//!
//! The bytes are what happens to one recorded call, each step behind its length in two bytes: packets of every kind with any
//! numbers and at any time, new descriptions, holds and other parties.

use std::sync::Arc;
use std::time::Duration;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::probe::packets;
use crate::media::tap::{TapId, Tapped};
use crate::recording::settings::Manner;
use crate::recording::settings::OPUS_RATES_HZ;
use crate::recording::tape::{RATE_HZ, Sink, Tape};
use crate::sdp::Codec;

/// When the recording begins: packets may have come before.
const ZERO: Moment = Moment::from_millis(60_000);

/// The longest that one input records.
const LENGTH_MAX: Duration = Duration::from_secs(20);

/// What may be said of payload types.
const LINES: [&str; 7] = [
    "0 PCMU/8000",
    "8 PCMA/8000",
    "9 G722/8000",
    "111 opus/48000/2",
    "18 G729/8000",
    "101 telephone-event/8000",
    "13 CN/8000",
];

/// The payload types that come: those, and one that nobody explains.
const TYPES: [u8; 8] = [0, 8, 9, 111, 18, 101, 13, 99];

/// A file that is only measured.
#[derive(Default)]
struct Measured {
    rate_hz: Option<u32>,
    bytes: u64,
}

impl Sink for Measured {
    fn begins(&mut self, rate_hz: u32) {
        assert!(self.rate_hz.is_none() && self.bytes == 0, "begun twice");
        self.rate_hz = Some(rate_hz);
    }

    fn block(&mut self, frames: &[u8]) {
        assert_eq!(frames.len() % 4, 0, "half a frame");
        self.bytes += frames.len() as u64;
    }
}

/// Records what happens to one call.
///
/// # Panics
///
/// When something does not hold that must.
pub fn tape(bytes: &[u8]) {
    let Some(([how, caller, callee], bytes)) = bytes.split_first_chunk::<3>() else {
        return;
    };
    let opus = OPUS_RATES_HZ.get(usize::from(how >> 2) % OPUS_RATES_HZ.len());
    let manner = Manner {
        opus_rate_hz: opus.copied().unwrap_or(RATE_HZ),
        conceal: how & 1 != 0,
        mask_digits: how & 2 != 0,
    };
    let mut tape = Tape::new(ZERO, [said(*caller), said(*callee)], manner);
    let mut file = Measured {
        rate_hz: tape.rate_hz(),
        bytes: 0,
    };
    let mut call = Call {
        now: ZERO,
        tap: TapId(1),
        advanced: ZERO,
    };
    for step in packets(bytes) {
        if call.now - ZERO > LENGTH_MAX {
            break;
        }
        call.step(step, &mut tape, &mut file);
    }
    let finished = tape.finish(call.now, &mut file);
    let rate_hz = finished.rate_hz;
    assert_eq!(file.rate_hz, Some(rate_hz), "another rate than was told");
    let passed = (call.now - ZERO).as_micros() * u128::from(rate_hz) / 1_000_000;
    assert_eq!(u128::from(finished.frames), passed, "another length");
    assert!(
        file.bytes >= finished.frames * 4,
        "a file that is too short"
    );
    let length_ms = finished.frames * 1_000 / u64::from(rate_hz);
    for gap in &finished.gaps {
        let until_ms = gap.from_ms + gap.length_ms;
        assert!(gap.length_ms > 0 && until_ms <= length_ms + 1, "{gap:?}");
    }
}

/// One call.
struct Call {
    now: Moment,
    tap: TapId,
    advanced: Moment,
}

impl Call {
    fn step(&mut self, step: &[u8], tape: &mut Tape, file: &mut Measured) {
        let [what, later, by, ahead, rest @ ..] = step else {
            return;
        };
        // From one turn of a millisecond to the next; more where it says so.
        let wait = u64::from(*later & 0x3f) * if later & 0x80 == 0 { 1 } else { 20 };
        self.now = self.now + Duration::from_millis(wait);
        if self.now - self.advanced >= Duration::from_millis(50) {
            // The recorder looks at every tape so often.
            self.advanced = self.now;
            tape.advance(self.now, file);
        }
        let side = if what & 1 == 0 {
            Side::Caller
        } else {
            Side::Callee
        };
        let who = (self.tap, side);
        match what >> 1 & 0x0f {
            0..=10 => {
                let number = |byte: u8| i64::from(byte.cast_signed());
                let millis = u64::try_from((self.now - Moment::START).as_millis());
                let millis = i64::try_from(millis.unwrap_or(0)).unwrap_or(0);
                // Near to what a telephone would write now, or not at all near.
                let sequence = millis / 20 + number(*by);
                let timestamp = millis * 8 + number(*ahead) * 40;
                let payload_type = TYPES.get(usize::from(what >> 5));
                let tapped = Tapped {
                    tap: self.tap,
                    side,
                    payload_type: payload_type.copied().unwrap_or(0),
                    marker: false,
                    sequence: low(sequence),
                    timestamp: u32::from(low(timestamp)) | u32::from(low(timestamp >> 16)) << 16,
                    ssrc: u32::from(*by == 0x77),
                    arrival: self.now,
                    length: u16::try_from(rest.len()).unwrap_or(u16::MAX),
                };
                tape.packet(&tapped, rest, file);
            }
            11 => tape.set_codecs(who, said(*by)),
            12 => tape.set_sends(who, by & 1 == 0, self.now),
            13 => tape.anew(who),
            14 => {
                self.tap = TapId(self.tap.0 + 1);
                tape.turn(self.tap, said(*by), ahead & 1 == 0, self.now);
            }
            _ => tape.refused(who, self.now),
        }
    }
}

fn low(number: i64) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or(0)
}

/// What a byte says: a line for each bit.
fn said(bits: u8) -> Arc<[Codec]> {
    let lines = (0..).zip(LINES).filter(|(bit, _)| bits >> bit & 1 != 0);
    lines
        .filter_map(|(_, line)| Codec::from_rtpmap(line.as_bytes()))
        .collect()
}
