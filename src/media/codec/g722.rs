//! G.722 at 64 kbit/s (ITU-T G.722; RTP of RFC 3551 4.5.2): codes to 16-bit PCM at 16 kHz. A byte is two samples: six bits of
//! the band below 4 kHz, two of the band above. Each band is an adaptive quantiser with a predictor of two poles and six
//! zeros; a pair of quadrature mirror filters puts the bands together. The names of steps are those of the recommendation.

/// Samples of one code.
pub(in crate::media::codec) const SAMPLES_A_CODE: usize = 2;

/// A decoder: what it makes of a code depends on all codes before.
#[derive(Clone, Debug)]
pub(in crate::media::codec) struct Decoder {
    lower: Band,
    higher: Band,
    /// The last sums and differences of the two bands, newest last.
    sums: [i32; QMF.len()],
    differences: [i32; QMF.len()],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Begins as an encoder does that has coded nothing.
    pub(in crate::media::codec) const fn new() -> Self {
        Self {
            lower: Band::new(LOWER_STEP_FIRST),
            higher: Band::new(HIGHER_STEP_FIRST),
            sums: [0; QMF.len()],
            differences: [0; QMF.len()],
        }
    }

    /// Decodes codes and appends two samples for each.
    pub(in crate::media::codec) fn decode(&mut self, codes: &[u8], out: &mut Vec<i16>) {
        out.reserve(codes.len() * SAMPLES_A_CODE);
        for code in codes {
            out.extend(self.code(*code));
        }
    }

    fn code(&mut self, code: u8) -> [i16; SAMPLES_A_CODE] {
        let low = self.low(code & 0x3f);
        let high = self.high(code >> 6);
        push(&mut self.sums, low + high);
        push(&mut self.differences, low - high);
        let first = QMF.iter().rev().zip(&self.differences);
        let second = QMF.iter().zip(&self.sums);
        let joined = |sum: i32| saturated(sum >> QMF_SHIFT);
        [
            joined(first.map(|(factor, x)| factor * x).sum()),
            joined(second.map(|(factor, x)| factor * x).sum()),
        ]
    }

    /// The band below 4 kHz: six bits are heard, the upper four of them adapt.
    fn low(&mut self, code: u8) -> i32 {
        let fine = (self.lower.step * of(&INVERSE_6, code)) >> 15;
        let heard = (self.lower.predicted + fine).clamp(BAND_MIN, BAND_MAX);
        let coarse = code >> 2;
        let difference = (self.lower.step * of(&INVERSE_4, coarse)) >> 15;
        let weight = of(&LOWER_WEIGHTS, coarse);
        self.lower.rescale(weight, LOWER_LOG_MAX, LOWER_LOG_SHIFT);
        self.lower.adapt(difference);
        heard
    }

    /// The band above 4 kHz.
    fn high(&mut self, code: u8) -> i32 {
        let difference = (self.higher.step * of(&INVERSE_2, code)) >> 15;
        let heard = (self.higher.predicted + difference).clamp(BAND_MIN, BAND_MAX);
        let weight = of(&HIGHER_WEIGHTS, code);
        self.higher
            .rescale(weight, HIGHER_LOG_MAX, HIGHER_LOG_SHIFT);
        self.higher.adapt(difference);
        heard
    }
}

/// One band's quantiser and predictor. All numbers keep within 16 bits, as the recommendation's do.
#[derive(Clone, Debug)]
struct Band {
    /// What the next sample is expected to be (PREDIC).
    predicted: i32,
    /// The part of it that the zeros give (FILTEZ).
    predicted_by_zeros: i32,
    /// The quantiser's scale (DETL, DETH), and its logarithm (NBL, NBH).
    step: i32,
    log: i32,
    /// The last reconstructed samples (RECONS), newest first.
    reconstructed: [i32; 2],
    /// The last partly reconstructed samples (PARREC), newest first.
    partial: [i32; 2],
    poles: [i32; 2],
    zeros: [i32; 6],
    /// The last quantised differences, newest first.
    differences: [i32; 6],
}

impl Band {
    const fn new(step: i32) -> Self {
        Self {
            predicted: 0,
            predicted_by_zeros: 0,
            step,
            log: 0,
            reconstructed: [0; 2],
            partial: [0; 2],
            poles: [0; 2],
            zeros: [0; 6],
            differences: [0; 6],
        }
    }

    /// LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn rescale(&mut self, weight: i32, max: i32, shift: i32) {
        self.log = (((self.log * 127) >> 7) + weight).clamp(0, max);
        let mantissa = of(
            &MANTISSAS,
            u8::try_from(self.log >> 6 & 31).unwrap_or_default(),
        );
        let down = shift - (self.log >> 11);
        let scale = if down < 0 {
            mantissa << -down
        } else {
            mantissa >> down
        };
        self.step = scale << 2;
    }

    /// Learns from a quantised difference and predicts the next sample (blocks 4L and 4H).
    fn adapt(&mut self, difference: i32) {
        let reconstructed = limited(self.predicted + difference);
        let partial = limited(self.predicted_by_zeros + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        push_front(&mut self.reconstructed, reconstructed);
        push_front(&mut self.partial, partial);
        push_front(&mut self.differences, difference);
        let filtered = |factors: &[i32], samples: &[i32]| -> i32 {
            let terms = factors.iter().zip(samples);
            terms
                .map(|(factor, x)| (factor * limited(x + x)) >> 15)
                .sum()
        };
        let by_poles = limited(filtered(&self.poles, &self.reconstructed));
        self.predicted_by_zeros = limited(filtered(&self.zeros, &self.differences));
        self.predicted = limited(by_poles + self.predicted_by_zeros);
    }

    /// UPPOL2, UPPOL1.
    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let [before, before_that] = self.partial.map(|x| is_of_one_sign(x, partial));
        let pull = limited(first << 2);
        let pull = if before { limited(-pull) } else { pull };
        let push = if before_that { 128 } else { -128 };
        let second = (pull >> 7) + push + ((second * 32_512) >> 15);
        let second = second.clamp(-POLE_2_MAX, POLE_2_MAX);
        let push = if before { 192 } else { -192 };
        let first = limited(push + ((first * 32_640) >> 15));
        let bound = limited(POLES_MAX - second);
        self.poles = [first.clamp(-bound, bound), second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let gain = if difference == 0 { 0 } else { 128 };
        for (zero, earlier) in self.zeros.iter_mut().zip(self.differences) {
            let push = if is_of_one_sign(earlier, difference) {
                gain
            } else {
                -gain
            };
            *zero = limited(push + ((*zero * 32_640) >> 15));
        }
    }
}

/// Zero counts as positive, as its sign bit does.
const fn is_of_one_sign(a: i32, b: i32) -> bool {
    (a < 0) == (b < 0)
}

fn limited(x: i32) -> i32 {
    x.clamp(i16::MIN.into(), i16::MAX.into())
}

fn saturated(x: i32) -> i16 {
    i16::try_from(limited(x)).unwrap_or_default()
}

fn of<const N: usize>(table: &[i16; N], index: u8) -> i32 {
    table
        .get(usize::from(index))
        .copied()
        .unwrap_or_default()
        .into()
}

fn push<const N: usize>(line: &mut [i32; N], x: i32) {
    line.rotate_left(1);
    if let Some(last) = line.last_mut() {
        *last = x;
    }
}

fn push_front<const N: usize>(line: &mut [i32; N], x: i32) {
    line.rotate_right(1);
    if let Some(first) = line.first_mut() {
        *first = x;
    }
}

/// The bands' samples keep to 15 bits (LIMIT).
const BAND_MAX: i32 = 16_383;
const BAND_MIN: i32 = -16_384;
const LOWER_STEP_FIRST: i32 = 32;
const HIGHER_STEP_FIRST: i32 = 8;
const LOWER_LOG_MAX: i32 = 18_432;
const HIGHER_LOG_MAX: i32 = 22_528;
const LOWER_LOG_SHIFT: i32 = 8;
const HIGHER_LOG_SHIFT: i32 = 10;
const POLE_2_MAX: i32 = 12_288;
const POLES_MAX: i32 = 15_360;

/// Every second coefficient of the symmetric mirror filter of 24 taps (G.722 table 11).
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];
const QMF_SHIFT: i32 = 11;

/// 32 steps of an octave, from 2^11 on (ILB).
const MANTISSAS: [i16; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656,
    2_714, 2_774, 2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520,
    3_597, 3_676, 3_756, 3_838, 3_922, 4_008,
];

/// How each code of the lower band's four bits changes its scale (WL by RL42).
const LOWER_WEIGHTS: [i16; 16] = [
    -60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60,
];
/// The same of the higher band (WH by RH2).
const HIGHER_WEIGHTS: [i16; 4] = [798, -214, 798, -214];

/// What codes of two, four and six bits mean, in the quantiser's scale (QM2, QM4, QM6).
const INVERSE_2: [i16; 4] = [-7_408, -1_616, 7_408, 1_616];
const INVERSE_4: [i16; 16] = [
    0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288,
    4_240, 2_584, 1_200, 0,
];
const INVERSE_6: [i16; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192,
    -10_232, -9_360, -8_576, -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008,
    -3_576, -3_168, -2_776, -2_400, -2_032, -1_688, -1_360, -1_040, -728, 24_808, 21_904, 19_008,
    16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360, 8_576, 7_856, 7_192, 6_576, 6_000,
    5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728, 432,
    136, -432, -136,
];
