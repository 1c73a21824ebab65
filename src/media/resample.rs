//! Resampling between the rates of telephony: a windowed sinc in as many phases as there are places between two samples.
//! What comes out lies exactly where it lay; it comes [`Resampler::delay`] later, because a sample is made of those around it.

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side: of sound at 8 kHz all below 3.5 kHz passes, and images are 80 dB down from 4.5 kHz.
const CROSSINGS: usize = 24;
/// Products that are summed side by side.
const LANES: usize = 8;
/// Kaiser's parameter for 80 dB.
const BETA: f64 = 7.86;

/// A resampler of one stream.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Samples out for so many in, in lowest terms.
    up: usize,
    down: usize,
    /// Coefficients of each phase, for the oldest sample first.
    phases: Box<[f32]>,
    /// Samples that one coming out is made of.
    taps: usize,
    /// The last `taps` samples and those not yet used.
    line: Vec<f32>,
    /// Where in `line` the samples of the next one out begin, and its phase.
    next: usize,
    phase: usize,
    /// Samples of this run that came and went.
    taken: usize,
    given: usize,
}

impl Resampler {
    /// Makes a resampler; both rates are frequencies above 0.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        let common = gcd(from_hz, to_hz).max(1);
        let up = usize::try_from(to_hz / common).unwrap_or(1).max(1);
        let down = usize::try_from(from_hz / common).unwrap_or(1).max(1);
        // Downwards the filter is as much longer as the rate is lower.
        let reach = (CROSSINGS * down).div_ceil(up).max(CROSSINGS);
        let taps = (2 * reach).next_multiple_of(LANES);
        let cutoff = (up as f64 / down as f64).min(1.0);
        let phases = (0..up)
            .flat_map(|phase| coefficients(phase as f64 / up as f64, taps, cutoff))
            .collect();
        let mut made = Self {
            up,
            down,
            phases,
            taps,
            line: Vec::new(),
            next: 0,
            phase: 0,
            taken: 0,
            given: 0,
        };
        made.begin();
        made
    }

    /// How many samples, of the rate that comes out, lie between what was fed and what came out, at most.
    pub const fn delay(&self) -> usize {
        (self.taps / 2 * self.up).div_ceil(self.down) + 1
    }

    /// How many samples are to be fed for at most `due` more to come out, and how many these are: so many that a run goes on in
    /// the same phase.
    pub fn fitting(&self, due: i64) -> (usize, i64) {
        let due = usize::try_from(due).unwrap_or(0);
        let turns = due / self.up;
        let out = i64::try_from(turns * self.up).unwrap_or(0);
        (turns * self.down, out)
    }

    /// Takes the next samples of a run and appends what can be made of them.
    pub fn feed(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len();
        self.line.extend(samples.iter().map(|s| f32::from(*s)));
        self.give(usize::MAX, out);
    }

    /// Ends a run: appends what is left, so that what came out is as long as what was fed, and begins anew.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let due = (self.taken * self.up).div_ceil(self.down);
        let silence = self.line.len() + self.taps + self.down;
        self.line.resize(silence, 0.0);
        self.give(due, out);
        self.begin();
    }

    fn begin(&mut self) {
        self.line.clear();
        // The first sample out lies on the first sample in.
        self.line.resize(self.taps / 2 - 1, 0.0);
        self.next = 0;
        self.phase = 0;
        self.taken = 0;
        self.given = 0;
    }

    fn give(&mut self, due: usize, out: &mut Vec<i16>) {
        while self.given < due {
            let Some(samples) = self.line.get(self.next..self.next + self.taps) else {
                break;
            };
            let at = self.phase * self.taps;
            let Some(factors) = self.phases.get(at..at + self.taps) else {
                break;
            };
            out.push(rounded(product(samples, factors)));
            self.given += 1;
            self.phase += self.down;
            self.next += self.phase / self.up;
            self.phase %= self.up;
        }
        let used = self.next.min(self.line.len());
        self.line.drain(..used);
        self.next -= used;
    }
}

/// The sum of the products. Eight sums side by side are one instruction each where the processor has them.
fn product(samples: &[f32], factors: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (samples, _) = samples.as_chunks::<LANES>();
    let (factors, _) = factors.as_chunks::<LANES>();
    for (samples, factors) in samples.iter().zip(factors) {
        for ((sum, sample), factor) in sums.iter_mut().zip(samples).zip(factors) {
            *sum += sample * factor;
        }
    }
    sums.iter().sum()
}

/// The filter for a sample that lies `fraction` after the last one of the first half.
fn coefficients(fraction: f64, taps: usize, cutoff: f64) -> Vec<f32> {
    let half = taps as f64 / 2.0;
    let raw: Vec<_> = (0..taps)
        .map(|k| {
            let x = k as f64 - (half - 1.0) - fraction;
            cutoff * sinc(cutoff * x) * kaiser(x / half)
        })
        .collect();
    // Each phase leaves a constant what it is.
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|factor| single(factor / sum)).collect()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// Kaiser's window over -1 to 1.
fn kaiser(x: f64) -> f64 {
    let rest = 1.0 - x * x;
    if rest <= 0.0 {
        return 0.0;
    }
    bessel(BETA * rest.sqrt()) / bessel(BETA)
}

/// The modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a coefficient needs no more than single precision"
)]
const fn single(x: f64) -> f32 {
    x as f32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is what a sample out of range should do"
)]
fn rounded(x: f32) -> i16 {
    x.round() as i16
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates that meet in recordings.
    const PAIRS: [(u32, u32); 8] = [
        (8_000, 12_000),
        (8_000, 16_000),
        (8_000, 24_000),
        (8_000, 48_000),
        (16_000, 8_000),
        (16_000, 12_000),
        (16_000, 24_000),
        (16_000, 48_000),
    ];

    fn tone(hz: f64, rate_hz: u32, samples: usize) -> Vec<f64> {
        (0..samples)
            .map(|n| (2.0 * PI * hz * n as f64 / f64::from(rate_hz)).sin() * 10_000.0)
            .collect()
    }

    /// Resamples a tone of one second, fed in packets, and returns what came out.
    fn resampled(hz: f64, from_hz: u32, to_hz: u32) -> Vec<i16> {
        let samples = usize::try_from(from_hz).unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "a tone within 16 bits")]
        let sound: Vec<_> = tone(hz, from_hz, samples)
            .iter()
            .map(|s| s.round() as i16)
            .collect();
        let mut resampler = Resampler::new(from_hz, to_hz);
        let (mut out, mut fed) = (Vec::new(), 0);
        for packet in sound.chunks(160) {
            resampler.feed(packet, &mut out);
            fed += packet.len();
            let due = fed * usize::try_from(to_hz).unwrap() / samples;
            assert!(due - out.len() <= resampler.delay(), "{from_hz} {to_hz}");
        }
        resampler.finish(&mut out);
        assert_eq!(out.len(), usize::try_from(to_hz).unwrap());
        out
    }

    /// How far what came out is from what should have, in decibels below the tone; without both ends.
    fn noise_db(out: &[i16], truth: &[f64]) -> f64 {
        let (mut off, mut all) = (0.0, 0.0);
        let both = out.iter().zip(truth).skip(500);
        for (a, b) in both.take(out.len() - 1_000) {
            off += (f64::from(*a) - b).powi(2);
            all += 10_000.0 * 10_000.0 / 2.0;
        }
        10.0 * (off / all).log10()
    }

    #[test]
    fn a_voice_comes_out_where_it_was_and_as_it_was() {
        for (from_hz, to_hz) in PAIRS {
            for hz in [300.0, 1_000.0, 3_400.0] {
                let out = resampled(hz, from_hz, to_hz);
                let noise = noise_db(&out, &tone(hz, to_hz, out.len()));
                assert!(noise < -75.0, "{hz} Hz {from_hz} to {to_hz}: {noise} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_not_heard_as_something_else() {
        for (hz, to_hz) in [(5_000.0, 8_000), (7_000.0, 8_000), (7_000.0, 12_000)] {
            let out = resampled(hz, 16_000, to_hz);
            let loudest = out[500..out.len() - 500]
                .iter()
                .map(|s| s.unsigned_abs())
                .max();
            assert!(loudest < Some(4), "{hz} Hz to {to_hz}: {loudest:?}");
        }
    }

    #[test]
    fn a_constant_stays_what_it_is_and_a_run_after_it_begins_anew() {
        for (from_hz, to_hz) in PAIRS {
            let mut resampler = Resampler::new(from_hz, to_hz);
            let mut first = Vec::new();
            resampler.feed(&[5_000; 640], &mut first);
            assert!(
                first[200..].iter().all(|s| *s == 5_000),
                "{from_hz} {to_hz}"
            );
            resampler.finish(&mut first);
            let mut second = Vec::new();
            resampler.feed(&[5_000; 640], &mut second);
            resampler.finish(&mut second);
            assert_eq!(first, second);
            let (fed, due) = resampler.fitting(1_001);
            assert!(due <= 1_001 && due > 990);
            let ratio = u64::from(to_hz) * fed as u64;
            assert_eq!(u64::from(from_hz) * due.unsigned_abs(), ratio);
        }
    }
}
