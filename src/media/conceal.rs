//! What a lost packet might have held: the last period of the voice before it, again and again, softer and softer. In the
//! manner of G.711 Appendix I, but simpler, and for any codec, because it looks at samples only.

/// How long something is made up; after it there is silence, as there is after 60 ms in G.711 Appendix I.
pub const CONCEALED_MS: usize = 60;
/// For so long it is as loud as what was before.
const FULL_MS: usize = 10;
/// Periods of human voice: 400 to 66 Hz.
const PERIOD_TENTHS_MS: std::ops::RangeInclusive<usize> = 25..=150;
/// How much of the past is compared with what was one period before it.
const COMPARED_MS: usize = 10;
/// What is remembered: the longest period and what is compared.
const PAST_MS: usize = 25;

/// The sound of one side, and what could go on from it.
#[derive(Clone, Debug)]
pub struct Concealer {
    /// Samples in a millisecond.
    per_ms: usize,
    past: Vec<i16>,
    /// Samples made up since the last that was heard, and the period that they repeat.
    made: usize,
    period: usize,
}

impl Concealer {
    /// Begins with silence.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            per_ms: usize::try_from(rate_hz / 1_000).unwrap_or(8).max(1),
            past: Vec::new(),
            made: 0,
            period: 0,
        }
    }

    /// Remembers what was heard.
    pub fn heard(&mut self, sound: &[i16]) {
        let kept = PAST_MS * self.per_ms;
        self.past.extend_from_slice(sound);
        let spare = self.past.len().saturating_sub(kept);
        self.past.drain(..spare);
        self.made = 0;
    }

    /// Appends so many samples in place of lost ones.
    pub fn make(&mut self, samples: usize, out: &mut Vec<i16>) {
        if self.made == 0 {
            self.period = self.find_period();
        }
        let full = FULL_MS * self.per_ms;
        let end = CONCEALED_MS * self.per_ms;
        for _ in 0..samples {
            let left = end.saturating_sub(self.made.max(full));
            let back = self.period - self.made % self.period.max(1);
            let at = self.past.len().checked_sub(back);
            let sample = at.and_then(|at| self.past.get(at)).copied().unwrap_or(0);
            out.push(faded(sample, left, end - full));
            self.made = self.made.saturating_add(1);
        }
    }

    /// The distance at which the past is most like itself; 0: there is too little of it.
    fn find_period(&self) -> usize {
        let compared = COMPARED_MS * self.per_ms;
        let Some(begin) = self.past.len().checked_sub(compared) else {
            return 0;
        };
        let tail = self.past.get(begin..).unwrap_or_default();
        let tenths = |tenths: &usize| tenths * self.per_ms / 10;
        let (least, most) = (
            tenths(PERIOD_TENTHS_MS.start()),
            tenths(PERIOD_TENTHS_MS.end()),
        );
        (least..=most.min(begin))
            .filter_map(|period| {
                let earlier = self.past.get(begin - period..begin - period + compared)?;
                Some((likeness(tail, earlier), period))
            })
            // Of several periods the shortest.
            .fold(None, |best: Option<(f64, usize)>, one| match best {
                Some(best) if best.0 >= one.0 => Some(best),
                Some(_) | None => Some(one),
            })
            .map_or(0, |(_, period)| period)
    }
}

/// How alike two stretches are, whatever their loudness; -1 to 1.
fn likeness(a: &[i16], b: &[i16]) -> f64 {
    let (mut both, mut energy) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        both += a * b;
        energy += b * b;
    }
    both / (energy + 1.0).sqrt()
}

fn faded(sample: i16, left: usize, whole: usize) -> i16 {
    let part = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let faded = i32::from(sample) * part(left) / part(whole).max(1);
    i16::try_from(faded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate_hz: f64, from: usize, samples: usize) -> Vec<i16> {
        (from..from + samples)
            .map(|n| {
                let turns = 2.0 * std::f64::consts::PI * hz * n as f64 / rate_hz;
                #[expect(clippy::cast_possible_truncation, reason = "a tone within 16 bits")]
                let sample = (turns.sin() * 8_000.0) as i16;
                sample
            })
            .collect()
    }

    #[test]
    fn a_tone_goes_on_in_phase_and_fades_within_60_ms() {
        for (rate_hz, hz) in [(8_000, 200.0), (16_000, 200.0), (48_000, 100.0)] {
            let mut concealer = Concealer::new(rate_hz);
            let rate = f64::from(rate_hz);
            let per_ms = usize::try_from(rate_hz).unwrap() / 1_000;
            concealer.heard(&tone(hz, rate, 0, 100 * per_ms));
            let mut made = Vec::new();
            for _ in 0..4 {
                concealer.make(20 * per_ms, &mut made);
            }
            let truth = tone(hz, rate, 100 * per_ms, 80 * per_ms);
            let off = made.iter().zip(&truth).take(10 * per_ms);
            let off = off.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(off < 800, "{rate_hz}: {off}");
            let loudest = |ms: std::ops::Range<usize>| {
                let part = &made[ms.start * per_ms..ms.end * per_ms];
                part.iter().map(|s| s.unsigned_abs()).max().unwrap()
            };
            assert!(loudest(30..40) < 6_000 && loudest(40..60) < 3_500);
            assert_eq!(loudest(60..80), 0);
        }
    }

    #[test]
    fn where_nothing_was_heard_nothing_is_made_up() {
        let mut made = Vec::new();
        Concealer::new(8_000).make(160, &mut made);
        assert_eq!(made, [0; 160]);
    }
}
