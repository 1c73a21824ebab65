//! G.711, written a second time on purpose: what a phone hears must not be decoded by the code that is being tested.
//!
//! Both laws as in ITU-T G.711 (A-law with even bits inverted, mu-law with all bits inverted), on 16-bit samples.

/// One of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Law {
    /// A-law, payload type 8.
    #[default]
    A,
    /// mu-law, payload type 0.
    Mu,
}

impl Law {
    /// The RTP payload type (RFC 3551 6).
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::A => 8,
            Self::Mu => 0,
        }
    }

    /// The law of a payload type.
    pub const fn of(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Self::A),
            0 => Some(Self::Mu),
            _ => None,
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::Mu,
            Self::Mu => Self::A,
        }
    }

    /// Encodes one sample: the code whose sound is nearest, the louder of two that are as near.
    pub fn encode(self, sample: i16) -> u8 {
        let loudness = i32::from(sample).abs();
        let (mut low, mut high) = (0, LOUDEST);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.loudness(middle) <= loudness {
                low = middle;
            } else {
                high = middle;
            }
        }
        let nearer_to_high = self.loudness(high) - loudness <= loudness - self.loudness(low);
        let step = if nearer_to_high { high } else { low };
        let positive = if sample < 0 { 0 } else { POSITIVE };
        match self {
            Self::A => (step ^ 0x55) | positive,
            Self::Mu => (!step & LOUDEST) | positive,
        }
    }

    /// Decodes one byte.
    pub fn decode(self, code: u8) -> i16 {
        let step = match self {
            Self::A => (code ^ 0x55) & LOUDEST,
            Self::Mu => !code & LOUDEST,
        };
        let loudness = self.loudness(step);
        let sample = if code & POSITIVE == 0 {
            -loudness
        } else {
            loudness
        };
        i16::try_from(sample).unwrap_or(i16::MAX)
    }

    /// The loudness of a step, 0 to 127: three bits of segment, four within it.
    fn loudness(self, step: u8) -> i32 {
        let (segment, within) = (step >> 4, i32::from(step & 15));
        match (self, segment) {
            (Self::A, 0) => within * 16 + 8,
            (Self::A, segment) => (within * 16 + 264) << (segment - 1),
            (Self::Mu, segment) => ((within * 8 + 132) << segment) - 132,
        }
    }
}

/// The sign's bit on the wire, set for positive samples in both laws.
const POSITIVE: u8 = 0x80;

/// The last of the 128 steps of loudness.
const LOUDEST: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_decodes_and_encodes_to_itself_or_to_the_other_zero() {
        for law in [Law::A, Law::Mu] {
            for code in 0..=u8::MAX {
                let sample = law.decode(code);
                assert_eq!(law.decode(law.encode(sample)), sample, "{law:?} {code}");
            }
        }
    }

    #[test]
    fn a_sample_becomes_the_nearest_code() {
        for law in [Law::A, Law::Mu] {
            for sample in (i16::MIN..=i16::MAX).step_by(37) {
                let off = |code: u8| (i32::from(law.decode(code)) - i32::from(sample)).abs();
                let nearest = (0..=u8::MAX).map(off).min().unwrap();
                assert_eq!(off(law.encode(sample)), nearest, "{law:?} {sample}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_scale_are_those_of_the_tables() {
        assert_eq!(
            [0xd5, 0x55, 0xaa, 0x2a].map(|c| Law::A.decode(c)),
            [8, -8, 32_256, -32_256]
        );
        assert_eq!(
            [0xff, 0x7f, 0x80, 0x00].map(|c| Law::Mu.decode(c)),
            [0, 0, 32_124, -32_124]
        );
    }
}
