//! The codecs of voice that are decoded: which they are, how long a payload of each lasts, and its sound.

mod budget;
mod g711;
mod g722;
mod opus;
mod quiet;

pub use crate::media::codec::budget::Budget;
pub use crate::media::codec::g711::Law;

use crate::sdp::Codec;

/// A codec of voice that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// G.711 by either law.
    G711(Law),
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716), mono or stereo; stereo is mixed to one channel.
    Opus,
}

/// The longest payload that is looked at: the 200 ms of one packet that receivers should accept (RFC 3551 4.2), in the widest
/// codec that is decoded by the byte.
pub const PAYLOAD_BYTES_MAX: usize = 1_600;

/// Why a packet has no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no sound of its codec.
    Broken,
    /// The decoder broke over it and was thrown away, with what it remembered of the packets before.
    Failed,
}

impl Voice {
    /// Says which codec an SDP names; `None`: it is not decoded.
    pub fn of(codec: &Codec) -> Option<Self> {
        let is = |name: &str, clock_hz: u32| {
            codec.name.eq_ignore_ascii_case(name) && codec.clock_hz == clock_hz
        };
        let mono = codec.channels <= 1;
        [
            (is("PCMU", 8_000) && mono, Self::G711(Law::Mu)),
            (is("PCMA", 8_000) && mono, Self::G711(Law::A)),
            // Its clock runs at half of its samples, by an old mistake that stands (RFC 3551 4.5.2).
            (is("G722", 8_000) && mono, Self::G722),
            // Always written with two channels (RFC 7587 7).
            (is("OPUS", 48_000), Self::Opus),
        ]
        .into_iter()
        .find_map(|(is_it, voice)| is_it.then_some(voice))
    }

    /// The RTP clock.
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::G711(_) | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// The rate of its sound.
    pub const fn rate_hz(self) -> u32 {
        match self {
            Self::G711(_) => 8_000,
            Self::G722 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// How many ticks of the RTP clock a payload lasts; 0: it is no sound.
    pub fn ticks(self, payload: &[u8]) -> u32 {
        match self {
            Self::G711(_) | Self::G722 => u32::try_from(payload.len()).unwrap_or(u32::MAX),
            Self::Opus => opus::ticks(payload),
        }
    }

    /// The part of a payload that is looked at. One of Opus that is too long is none at all.
    pub fn used(self, payload: &[u8]) -> &[u8] {
        let most = match self {
            Self::G711(_) | Self::G722 => PAYLOAD_BYTES_MAX,
            Self::Opus if payload.len() > opus::BYTES_MAX => 0,
            Self::Opus => opus::BYTES_MAX,
        };
        payload.get(..most).unwrap_or(payload)
    }
}

/// A decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    voice: Voice,
    state: State,
}

/// What decoders remember of the packets before.
#[derive(Debug)]
enum State {
    /// Each sample stands for itself.
    G711(Law),
    G722(Box<g722::Decoder>),
    Opus(opus::Decoder),
}

impl Decoder {
    /// Begins a stream whose sound goes to something of `rate_hz`: a codec that can decode to that rate does.
    pub fn new(voice: Voice, rate_hz: u32) -> Self {
        let state = match voice {
            Voice::G711(law) => State::G711(law),
            Voice::G722 => State::G722(Box::default()),
            Voice::Opus => State::Opus(opus::Decoder::new(rate_hz)),
        };
        Self { voice, state }
    }

    /// Which codec this decodes.
    pub const fn voice(&self) -> Voice {
        self.voice
    }

    /// The rate of what comes out.
    pub const fn rate_hz(&self) -> u32 {
        match &self.state {
            State::G711(_) | State::G722(_) => self.voice.rate_hz(),
            State::Opus(decoder) => decoder.rate_hz(),
        }
    }

    /// Decodes the next packet and appends its sound.
    ///
    /// # Errors
    /// The payload is no sound of this codec, or its decoder broke over it; nothing is appended.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), Fault> {
        match &mut self.state {
            State::G711(law) => out.extend(payload.iter().map(|code| law.decode(*code))),
            State::G722(decoder) => decoder.decode(payload, out),
            State::Opus(decoder) => decoder.decode(payload, out)?,
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
