//! The scale of a chart: round steps from nought to the largest figure, written as the figures are. Pure.

use crate::web::figures;
use crate::web::words::Words;

/// What the numbers of a chart are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many: steps are whole.
    Count,
    /// Parts of a whole, 0 to 1.
    Share,
    /// Milliseconds.
    Millis,
    /// Hundredths of this currency.
    Money(String),
    /// Numbers with a fraction.
    Number,
}

/// Most steps that a chart has room for.
const STEPS_MAX: f64 = 5.0;

/// Seconds that people think in.
const SPANS: [f64; 16] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    21_600.0, 86_400.0,
];

impl Scale {
    /// The step between two lines of a chart whose largest figure is `most`.
    fn step(&self, most: f64) -> f64 {
        let rough = most / STEPS_MAX;
        match self {
            Self::Count => round(rough).max(1.0),
            Self::Number => round(rough),
            Self::Share => [0.01, 0.02, 0.05, 0.1]
                .into_iter()
                .find(|step| *step >= rough)
                .unwrap_or(0.25),
            Self::Millis => {
                let seconds = rough / 1_000.0;
                let span = SPANS.into_iter().find(|span| *span >= seconds);
                span.unwrap_or_else(|| round(seconds / 86_400.0) * 86_400.0) * 1_000.0
            }
            Self::Money(_) => round(rough / 100.0).max(0.01) * 100.0,
        }
    }

    /// The lines of a chart whose largest figure is `most`, from nought to the first that is not below it.
    pub(super) fn lines(&self, most: f64) -> Vec<f64> {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let step = self.step(most);
        let mut lines = vec![0.0];
        let mut n = 0.0;
        // The step is a fifth of the largest or more: a few lines, whatever it is.
        while n * step < most * (1.0 - 1e-9) && lines.len() <= 12 {
            n += 1.0;
            lines.push(n * step);
        }
        lines
    }

    /// A number of this scale as people read it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lines are no less than nought, and nobody counts to 2^53"
    )]
    pub(super) fn written(&self, value: f64, words: &Words) -> String {
        let whole = value.max(0.0).round() as u64;
        match self {
            Self::Count => figures::grouped(whole, words.language()),
            Self::Share => figures::percent(value, words.language()),
            Self::Millis => figures::spoken(whole, words),
            Self::Money(currency) => figures::money(value / 100.0, currency, words.language()),
            Self::Number => figures::number(value, words.language()),
        }
    }
}

/// The next of 1, 2, 5, 10, 20, 50, ….
fn round(rough: f64) -> f64 {
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let ten = 10f64.powf(rough.log10().floor());
    let first = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|n| n * ten >= rough * (1.0 - 1e-9));
    first.unwrap_or(10.0) * ten
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::words::Language;

    #[test]
    fn steps_are_round_and_reach_the_largest() {
        assert_eq!(Scale::Count.lines(3.0), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(Scale::Count.lines(0.0), [0.0, 1.0]);
        assert_eq!(
            Scale::Count.lines(47.0),
            [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
        );
        assert_eq!(Scale::Share.lines(1.0).len(), 5);
        assert_eq!(
            Scale::Millis.lines(44_000.0),
            [0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0]
        );
        for most in [
            0.4,
            1.0,
            7.0,
            99.0,
            1e3,
            12_345.0,
            8e9,
            f64::NAN,
            f64::INFINITY,
        ] {
            for scale in [
                Scale::Count,
                Scale::Number,
                Scale::Millis,
                Scale::Money("RUB".to_owned()),
            ] {
                let lines = scale.lines(most);
                assert!(
                    (2..=7).contains(&lines.len()),
                    "{scale:?} {most}: {lines:?}"
                );
                let last = lines.last().copied().unwrap();
                assert!(
                    !most.is_finite() || last >= most * 0.999,
                    "{most}: {lines:?}"
                );
            }
        }
    }

    #[test]
    fn lines_are_written_as_each_language_writes_them() {
        let words = |language| Words::of(language);
        let money = Scale::Money("RUB".to_owned());
        assert_eq!(
            money.written(1_250_000.0, words(Language::Russian)),
            "12\u{a0}500\u{a0}₽"
        );
        assert_eq!(
            Scale::Share.written(0.25, words(Language::Russian)),
            "25\u{a0}%"
        );
        assert_eq!(
            Scale::Millis.written(30_000.0, words(Language::English)),
            "30\u{a0}s"
        );
    }
}
