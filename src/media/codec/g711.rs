//! G.711 (ITU-T G.711; payload types of RFC 3551 4.5.14): A-law and mu-law to 16-bit PCM and back.

/// The two compressions of G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// PCMU, payload type 0.
    Mu,
    /// PCMA, payload type 8.
    A,
}

impl Law {
    /// Returns the sample of every code.
    pub const fn table(self) -> &'static [i16; 256] {
        match self {
            Self::Mu => &MU,
            Self::A => &A,
        }
    }

    /// Returns the sample of a code.
    pub fn decode(self, code: u8) -> i16 {
        self.table()
            .get(usize::from(code))
            .copied()
            .unwrap_or_default()
    }

    /// Returns the code whose sample is nearest, as the segments of the law allow.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Mu => encode_mu(sample),
            Self::A => encode_a(sample),
        }
    }
}

/// Codes of `Mu`, decoded.
static MU: [i16; 256] = tabulate(Law::Mu);
/// Codes of `A`, decoded.
static A: [i16; 256] = tabulate(Law::A);

/// Shifts the first mu-law segment to a power of two (G.711 table 2a: 33 in 14 bits, 132 in 16).
const MU_BIAS: i16 = 132;
/// The largest magnitude that mu-law holds together with its bias.
const MU_CLIP: i16 = i16::MAX - MU_BIAS;
/// A-law inverts the even bits of every code (G.711 table 1a, note 2).
const A_INVERTED: u8 = 0x55;
/// The sign bit of a code.
const SIGN: u8 = 0x80;

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where an index out of range is an error"
)]
const fn tabulate(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code: u8 = 0;
    loop {
        table[code as usize] = match law {
            Law::Mu => decode_mu(code),
            Law::A => decode_a(code),
        };
        if code == u8::MAX {
            return table;
        }
        code += 1;
    }
}

const fn decode_mu(code: u8) -> i16 {
    let code = !code;
    let step = (code & 0x0f) as i16;
    let segment = (code >> 4) & 7;
    let magnitude = (((step << 3) + MU_BIAS) << segment) - MU_BIAS;
    if code & SIGN == 0 {
        magnitude
    } else {
        -magnitude
    }
}

const fn decode_a(code: u8) -> i16 {
    let code = code ^ A_INVERTED;
    let step = ((code & 0x0f) as i16) << 4;
    // Half a step is added, so that the sample lies in the middle of what it stands for.
    let magnitude = match (code >> 4) & 7 {
        0 => step + 8,
        segment => (step + 0x108) << (segment - 1),
    };
    if code & SIGN == 0 {
        -magnitude
    } else {
        magnitude
    }
}

fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { SIGN } else { 0 };
    let magnitude = sample.saturating_abs().min(MU_CLIP) + MU_BIAS;
    let segment = segment_of(magnitude, 7);
    let step = low_nibble(magnitude >> (segment + 3));
    !(sign | segment << 4 | step)
}

fn encode_a(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 {
        (0, !sample)
    } else {
        (SIGN, sample)
    };
    let segment = segment_of(magnitude, 7);
    let step = low_nibble(magnitude >> (segment.max(1) + 3));
    (sign | segment << 4 | step) ^ A_INVERTED
}

/// Returns how far the highest set bit lies above bit `lowest`; 0 when it lies below.
fn segment_of(magnitude: i16, lowest: u32) -> u8 {
    let highest = 15_u32.saturating_sub(magnitude.leading_zeros());
    u8::try_from(highest.saturating_sub(lowest)).unwrap_or_default()
}

fn low_nibble(value: i16) -> u8 {
    u8::try_from(value & 0x0f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that both laws' tables in G.711 give, scaled to 16 bits.
    #[test]
    fn codes_mean_what_the_recommendation_says() {
        for (code, sample) in [
            (0xff, 0),
            (0x7f, 0),
            (0x80, 32_124),
            (0x00, -32_124),
            (0xfe, 8),
        ] {
            assert_eq!(Law::Mu.decode(code), sample, "mu {code:#x}");
        }
        for (code, sample) in [
            (0xd5, 8),
            (0x55, -8),
            (0xaa, 32_256),
            (0x2a, -32_256),
            (0xd4, 24),
        ] {
            assert_eq!(Law::A.decode(code), sample, "A {code:#x}");
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=u8::MAX {
                // Mu-law has two zeros; the positive one is written.
                let expected = if (law, code) == (Law::Mu, 0x7f) {
                    0xff
                } else {
                    code
                };
                assert_eq!(law.encode(law.decode(code)), expected, "{law:?} {code:#x}");
            }
        }
    }

    #[test]
    fn encoding_is_off_by_half_a_step_at_most() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let back = i32::from(law.decode(law.encode(sample)));
                let sample = i32::from(sample);
                // Half of the largest step in the sample's segment: its magnitude over 32, and the
                // coarse first segment; the top of the range is clipped.
                let allowed = 8 + sample.abs() / 32 + if sample.abs() > 31_900 { 645 } else { 0 };
                assert!((sample - back).abs() <= allowed, "{law:?} {sample} {back}");
            }
        }
    }
}
