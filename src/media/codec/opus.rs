//! Opus (RFC 6716, RTP of RFC 7587) to 16-bit PCM on one channel. All of opus-rs.
//!
//! What packets hold is anybody's. Only those that are made as the RFC says reach the library, and a decoder that panics over
//! one is thrown away with its state: the next packet finds a new one, as often as whoever asks allows.

use std::fmt;

use opus_rs::OpusDecoder;

use crate::media::codec::Fault;
use crate::media::codec::opus::framing::is_whole;
use crate::media::codec::quiet::caught;

mod framing;

/// The RTP clock, whatever rate the sound has (RFC 7587 4.1).
const CLOCK_HZ: u32 = 48_000;
/// The longest packet, 120 ms (RFC 6716 3.2.5).
const TICKS_MAX: u32 = 5_760;
/// The longest payload: what an Ethernet frame holds. 20 ms at the highest rate there is (510 kbit/s) have 1,275 bytes, 120 ms at
/// what voice is sent at a tenth of that; whatever is longer no telephone sends.
pub(in crate::media::codec) const BYTES_MAX: usize = 1_500;
/// The least rate that is decoded to: below it the library's way down from wider sound is not the reference's.
const RATE_HZ_MIN: u32 = 16_000;
/// The rates that the library decodes to from there on.
const RATES_HZ: [u32; 3] = [RATE_HZ_MIN, 24_000, 48_000];

/// A decoder of one stream.
pub(in crate::media::codec) struct Decoder {
    rate_hz: u32,
    /// `None` until a packet comes, and after one that it could not bear. It takes some 180 KB.
    state: Option<Box<OpusDecoder>>,
    /// The sound of one packet.
    sound: Vec<f32>,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("rate_hz", &self.rate_hz)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Begins a stream whose sound goes to something of `rate_hz`.
    pub(in crate::media::codec) fn new(rate_hz: u32) -> Self {
        let rate_hz = RATES_HZ.into_iter().find(|rate| *rate >= rate_hz);
        Self {
            rate_hz: rate_hz.unwrap_or(CLOCK_HZ),
            state: None,
            sound: Vec::new(),
        }
    }

    /// The rate of what comes out.
    pub(in crate::media::codec) const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Decodes the next packet and appends its sound.
    pub(in crate::media::codec) fn decode(
        &mut self,
        payload: &[u8],
        out: &mut Vec<i16>,
    ) -> Result<(), Fault> {
        let ticks = ticks(payload);
        if ticks == 0 || !is_whole(payload) {
            return Err(Fault::Broken);
        }
        let length = usize::try_from(ticks * (self.rate_hz / 100) / (CLOCK_HZ / 100)).unwrap_or(0);
        self.sound.clear();
        self.sound.resize(length, 0.0);
        let (rate_hz, sound) = (self.rate_hz, &mut self.sound);
        let state = self.state.take();
        let decoded = caught(|| {
            #[cfg(test)]
            assert_ne!(payload, crate::media::codec::samples::BREAKING);
            let mut state = match state {
                Some(state) => state,
                None => Box::new(OpusDecoder::new(i32::try_from(rate_hz).ok()?, 1).ok()?),
            };
            let made = state.decode(payload, length, sound);
            Some((state, made))
        });
        let Some((state, made)) = decoded.ok_or(Fault::Failed)? else {
            return Err(Fault::Broken);
        };
        self.state = Some(state);
        if made != Ok(length) {
            return Err(Fault::Broken);
        }
        out.extend(self.sound.iter().map(|sample| whole(*sample)));
        Ok(())
    }
}

/// How many ticks of the RTP clock a packet lasts, by its first two bytes (RFC 6716 3.1, 3.2); 0: it is none.
pub(in crate::media::codec) fn ticks(payload: &[u8]) -> u32 {
    if payload.len() > BYTES_MAX {
        return 0;
    }
    let Some(first) = payload.first() else {
        return 0;
    };
    let size = first >> 3 & 3;
    let frame = match first >> 5 {
        // SILK alone: 10, 20, 40, 60 ms.
        0..=2 if size == 3 => 2_880,
        0..=2 => 480 << size,
        // Hybrid: 10 or 20 ms.
        3 => 480 << (size & 1),
        // CELT alone: 2.5, 5, 10, 20 ms.
        _ => 120 << size,
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => payload.get(1).map_or(0, |second| second & 0x3f),
    };
    Some(frame * u32::from(frames))
        .filter(|ticks| *ticks <= TICKS_MAX)
        .unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is what a sample out of range should do"
)]
fn whole(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}
