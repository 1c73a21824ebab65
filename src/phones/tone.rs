//! A tone, made and recognised.

use std::f64::consts::TAU;

/// G.711's samples a second.
pub const RATE_HZ: u32 = 8_000;

/// Half of full scale: loud, and far from clipping.
const AMPLITUDE: f64 = 16_000.0;

/// The samples of one look: 0.1 s tell tones 10 Hz apart.
const LOOK: usize = 800;

/// Most looks, spread over what was heard; more would tell nothing new.
const LOOKS_MAX: usize = 8;

/// Of the energy heard, what a tone must hold to be one. G.711's noise is a thousandth; two tones have half each.
const SHARE_MIN: f64 = 0.7;

/// An endless sine, continuous over packets.
#[derive(Clone, Debug)]
pub struct Tone {
    hz: u32,
    position: u64,
}

impl Tone {
    /// A tone of `hz`; 0 is silence.
    pub const fn new(hz: u32) -> Self {
        Self { hz, position: 0 }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> i16 {
        // Frequencies are whole numbers, so the wave repeats every second and the position need not grow.
        let turn = (self.position * u64::from(self.hz)) % u64::from(RATE_HZ);
        self.position = (self.position + 1) % u64::from(RATE_HZ);
        let turn = f64::from(u32::try_from(turn).unwrap_or(0)) / f64::from(RATE_HZ);
        rounded(AMPLITUDE * (TAU * turn).sin())
    }
}

/// The frequency of the one tone in `samples` (8 kHz), to 1 Hz; `None`: silence, noise, or several.
pub fn recognise(samples: &[i16]) -> Option<u32> {
    let looks: Vec<&[i16]> = spread(samples);
    let coarse = strongest(&looks, (100..3_900).step_by(10))?;
    let fine = strongest(&looks, coarse.saturating_sub(9)..=coarse + 9)?;
    let energy: f64 = looks
        .iter()
        .flat_map(|look| look.iter())
        .map(|sample| f64::from(*sample).powi(2))
        .sum();
    // A pure tone's power at its frequency is energy * N / 2.
    let length = f64::from(u32::try_from(LOOK).unwrap_or(u32::MAX));
    let share = power(&looks, fine) / (energy * length / 2.0);
    (energy > 0.0 && share > SHARE_MIN).then_some(fine)
}

/// Whole looks from one end to the other.
fn spread(samples: &[i16]) -> Vec<&[i16]> {
    let whole = samples.chunks_exact(LOOK);
    let step = whole.len().div_ceil(LOOKS_MAX).max(1);
    whole.step_by(step).collect()
}

fn strongest(looks: &[&[i16]], among: impl Iterator<Item = u32>) -> Option<u32> {
    among
        .map(|hz| (hz, power(looks, hz)))
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(hz, _)| hz)
}

fn power(looks: &[&[i16]], hz: u32) -> f64 {
    looks.iter().map(|look| goertzel(look, hz)).sum()
}

/// The power at one frequency (Goertzel's recurrence).
fn goertzel(samples: &[i16], hz: u32) -> f64 {
    let twice_cos = 2.0 * (TAU * f64::from(hz) / f64::from(RATE_HZ)).cos();
    let (one, two) = samples.iter().fold((0.0, 0.0), |(one, two), sample| {
        (f64::from(*sample) + twice_cos * one - two, one)
    });
    one * one + two * two - twice_cos * one * two
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the amplitude is below the limits of i16"
)]
fn rounded(value: f64) -> i16 {
    value.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::g711::Law;

    fn played(hz: u32, law: Law) -> Vec<i16> {
        let mut tone = Tone::new(hz);
        (0..16_000)
            .map(|_| law.decode(law.encode(tone.next_sample())))
            .collect()
    }

    #[test]
    fn a_tone_is_recognised_through_both_laws() {
        for (hz, law) in [
            (440, Law::A),
            (1_004, Law::Mu),
            (697, Law::A),
            (3_000, Law::Mu),
        ] {
            assert_eq!(recognise(&played(hz, law)), Some(hz));
        }
    }

    #[test]
    fn silence_noise_and_two_tones_are_no_tone() {
        assert_eq!(recognise(&[]), None);
        assert_eq!(recognise(&[0; 8_000]), None);
        let (a, b) = (played(440, Law::A), played(900, Law::A));
        let both: Vec<i16> = a.iter().zip(&b).map(|(a, b)| a / 2 + b / 2).collect();
        assert_eq!(recognise(&both), None);
        let mut chance = crate::base::chance::Chance::from_number(1);
        let noise: Vec<i16> = (0..8_000)
            .map(|_| i16::try_from(chance.below(20_000)).unwrap() - 10_000)
            .collect();
        assert_eq!(recognise(&noise), None);
    }
}
