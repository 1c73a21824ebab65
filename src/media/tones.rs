//! The two-tone signals of pressed keys (ITU-T Q.23, Q.24) within sound, found well enough to hide them, not to read them.

use std::f32::consts::TAU;

/// The lower and the higher tones.
const TONES_HZ: [[f32; 4]; 2] = [
    [697.0, 770.0, 852.0, 941.0],
    [1_209.0, 1_336.0, 1_477.0, 1_633.0],
];
/// Blocks a second: a key is down for 40 ms at least (Q.24), three blocks and more.
pub const BLOCKS_PER_S: u32 = 80;
/// Parts of a block's energy: of the two tones together, and of each. A voice has more than two.
const BOTH_MIN: f32 = 0.75;
const EACH_MIN: f32 = 0.08;
/// Mean square below which nothing is looked for: -45 dBFS.
const ENERGY_MIN: f32 = 34_000.0;

/// Looks for keys in blocks of one rate.
#[derive(Clone, Debug)]
pub struct Ear {
    /// Twice the cosine of each tone's step.
    steps: [[f32; 4]; 2],
    block: usize,
}

impl Ear {
    /// Listens to sound of this rate.
    pub fn new(rate_hz: u32) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate of sound")]
        let rate = rate_hz as f32;
        Self {
            steps: TONES_HZ.map(|tones| tones.map(|hz| 2.0 * (TAU * hz / rate).cos())),
            block: usize::try_from(rate_hz / BLOCKS_PER_S).unwrap_or(1).max(1),
        }
    }

    /// Samples of a block.
    pub const fn block(&self) -> usize {
        self.block
    }

    /// Whether a block sounds like a key.
    pub fn hears_key(&self, block: &[i16]) -> bool {
        let energy: f32 = block.iter().map(|s| f32::from(*s).powi(2)).sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a block has a few hundred samples"
        )]
        let length = block.len() as f32;
        if energy < ENERGY_MIN * length {
            return false;
        }
        let parts = self.steps.map(|steps| {
            steps
                .into_iter()
                .map(|step| 2.0 * power(block, step) / (length * energy))
                .fold(0.0, f32::max)
        });
        let [low, high] = parts;
        low > EACH_MIN && high > EACH_MIN && low + high > BOTH_MIN
    }
}

/// The power at one frequency (Goertzel).
fn power(block: &[i16], step: f32) -> f32 {
    let (mut last, mut before) = (0.0_f32, 0.0_f32);
    for sample in block {
        (last, before) = (f32::from(*sample) + step * last - before, last);
    }
    last * last + before * before - step * last * before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::chance::Chance;

    fn mixed(rate_hz: u32, tones: &[(f32, f32)], from: usize, samples: usize) -> Vec<i16> {
        (from..from + samples)
            .map(|n| {
                #[expect(clippy::cast_precision_loss, reason = "a few seconds of sound")]
                let at = n as f32 / rate_hz as f32;
                let sum: f32 = tones
                    .iter()
                    .map(|(hz, loud)| (TAU * hz * at).sin() * loud)
                    .sum();
                #[expect(clippy::cast_possible_truncation, reason = "sound within 16 bits")]
                let sample = sum as i16;
                sample
            })
            .collect()
    }

    #[test]
    fn every_key_is_heard_at_every_rate_also_a_quiet_and_a_twisted_one() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let ear = Ear::new(rate_hz);
            for low in TONES_HZ[0] {
                for high in TONES_HZ[1] {
                    for (a, b) in [(6_000.0, 6_000.0), (400.0, 400.0), (3_000.0, 6_000.0)] {
                        for from in [0, 37, 1_001] {
                            let tones = [(low * 1.01, a), (high * 0.99, b)];
                            let block = mixed(rate_hz, &tones, from, ear.block());
                            assert!(ear.hears_key(&block), "{low} {high} {a} {b} {rate_hz}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_tone_noise_and_a_voice_are_no_key() {
        let ear = Ear::new(8_000);
        let mut chance = Chance::from_number(3);
        for k in 0..2_000_u16 {
            let from = usize::from(k) * 100;
            let pitch = 90.0 + f32::from(k) / 8.0;
            let voice: Vec<_> = (1_u8..12)
                .map(|n| (pitch * f32::from(n), 6_000.0 / f32::from(n)))
                .collect();
            assert!(!ear.hears_key(&mixed(8_000, &voice, from, 100)), "{pitch}");
            let tone = [(300.0 + f32::from(k), 8_000.0)];
            assert!(!ear.hears_key(&mixed(8_000, &tone, from, 100)), "{tone:?}");
            let noise: Vec<_> = (0..100)
                .map(|_| i16::try_from(chance.below(20_000)).unwrap() - 10_000)
                .collect();
            assert!(!ear.hears_key(&noise));
        }
        assert!(!ear.hears_key(&[0; 100]) && !ear.hears_key(&[]));
    }
}
