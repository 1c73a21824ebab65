//! Figures as people read them, and what became of them since the period before.

use crate::report::share::Share;
use crate::report::table::{Figure, Unit};
use crate::web::chart::Scale;
use crate::web::figures;
use crate::web::report::{Change, Mood};
use crate::web::words::Words;

/// A mean of fewer calls says of how many.
const FEW: u64 = 30;

/// Figures whose rise is welcome.
const WELCOME: &[&str] = &[
    "calls",
    "answered",
    "target",
    "customers",
    "conversion",
    "target_share",
    "revenue",
    "leads",
    "profit",
    "roas",
    "roi",
    "called_back",
    "called_back_share",
    "taken",
];

/// Figures whose rise is not.
const UNWELCOME: &[&str] = &[
    "missed",
    "missed_share",
    "wait",
    "wait_p90",
    "open",
    "cost_of_call",
    "cost_of_target",
    "cpl",
    "cac",
    "answer_p90",
];

/// Writes figures in a language.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) words: &'static Words,
    pub(super) currency: &'a str,
}

impl Writer<'_> {
    /// A figure. A share of few calls is the interval in which it lies, and no bare number.
    pub(super) fn shown(&self, figure: &Figure) -> String {
        let language = self.words.language();
        match figure {
            Figure::Nothing => "–".to_owned(),
            Figure::Count(count) => figures::grouped(*count, language),
            Figure::Share(share) => match (share.value(), self.few_of(figure)) {
                (_, Some((of, range))) => self.words.with_both("share-few", &of, &range),
                (Some(value), None) => figures::percent(value, language),
                (None, None) => "–".to_owned(),
            },
            Figure::Millis { millis, .. } => self.span(*millis),
            Figure::Money(hundredths) => self.money(*hundredths),
            Figure::Number(value) => figures::number(*value, language),
            Figure::Verdict(verdict) => self.words.say(&format!("verdict-{}", verdict.word())),
        }
    }

    /// Of a share of few calls: how many of how many, and the interval in which it lies.
    pub(super) fn few_of(&self, figure: &Figure) -> Option<(String, String)> {
        let share = share(figure).filter(|share| share.is_of_few())?;
        let (low, high) = share.interval()?;
        let grouped = |n| figures::grouped(n, self.words.language());
        let (part, whole) = (grouped(share.part), grouped(share.whole));
        let of = self.words.with_both("share-of", &part, &whole);
        Some((of, interval(low, high)))
    }

    /// The same without the interval of a share, for figures beside it.
    pub(super) fn brief(&self, figure: &Figure) -> String {
        match share(figure).and_then(Share::value) {
            Some(value) => figures::percent(value, self.words.language()),
            None => self.shown(figure),
        }
    }

    /// The same where there is room for a few digits.
    pub(super) fn tight(&self, figure: &Figure) -> String {
        match share(figure).and_then(Share::value) {
            Some(value) => format!("{:.0}%", value * 100.0),
            None => self.shown(figure),
        }
    }

    /// Of how few calls a mean is.
    pub(super) fn few(&self, figure: &Figure) -> Option<String> {
        match figure {
            Figure::Millis { of, .. } if *of < FEW => Some(self.words.count("figure-few", *of)),
            Figure::Millis { .. }
            | Figure::Nothing
            | Figure::Count(_)
            | Figure::Share(_)
            | Figure::Money(_)
            | Figure::Number(_)
            | Figure::Verdict(_) => None,
        }
    }

    /// Seconds up to a minute, minutes and seconds up to an hour, then as people say it.
    fn span(&self, millis: u64) -> String {
        // Rounded as people round: 59.6 seconds are a minute.
        let rounded = millis.saturating_add(500) / 1_000 * 1_000;
        if (60_000..3_600_000).contains(&rounded) {
            let clock = figures::clock(rounded);
            self.words.with("figure-minutes", &clock)
        } else {
            figures::spoken(rounded, self.words)
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody earns 2^53 hundredths")]
    fn money(&self, hundredths: i64) -> String {
        let value = hundredths as f64 / 100.0;
        figures::money(value, self.currency, self.words.language())
    }

    /// What became of the figure under `key`; `None`: there is nothing to hold it against.
    pub(super) fn change(&self, key: &str, now: &Figure, before: &Figure) -> Option<Change> {
        let (to, from) = (value(now)?, value(before)?);
        if self.brief(now) == self.brief(before) {
            return Some(Change {
                text: self.words.say("change-same"),
                was: String::new(),
                mood: Mood::Neutral,
            });
        }
        let was = self.words.with("change-was", &self.brief(before));
        let mood = if is_guess(now, before) {
            Mood::Neutral
        } else if (to > from && WELCOME.contains(&key)) || (to < from && UNWELCOME.contains(&key)) {
            Mood::Good
        } else if WELCOME.contains(&key) || UNWELCOME.contains(&key) {
            Mood::Bad
        } else {
            Mood::Neutral
        };
        let arrow = if to > from { "↑" } else { "↓" };
        let text = format!("{arrow}\u{a0}{}", self.difference(now, (to - from).abs()));
        Some(Change { text, was, mood })
    }

    /// How far apart two figures are.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a difference of two figures, without its sign"
    )]
    fn difference(&self, like: &Figure, apart: f64) -> String {
        match like {
            Figure::Share(_) => {
                let points = figures::number(apart * 100.0, self.words.language());
                self.words.with("change-points", &points)
            }
            Figure::Millis { .. } => self.span(apart as u64),
            Figure::Money(_) => self.money(apart as i64),
            Figure::Count(_) => figures::grouped(apart as u64, self.words.language()),
            Figure::Number(_) | Figure::Nothing | Figure::Verdict(_) => {
                figures::number(apart, self.words.language())
            }
        }
    }

    /// What the scale of a chart is.
    pub(super) fn scale(&self, unit: Unit) -> Scale {
        match unit {
            Unit::Count => Scale::Count,
            Unit::Share => Scale::Share,
            Unit::Millis => Scale::Millis,
            Unit::Money => Scale::Money(self.currency.to_owned()),
            Unit::Number | Unit::Verdict => Scale::Number,
        }
    }
}

/// A figure as a share, where it is one.
fn share(figure: &Figure) -> Option<Share> {
    match figure {
        Figure::Share(share) => Some(*share),
        Figure::Nothing
        | Figure::Count(_)
        | Figure::Millis { .. }
        | Figure::Money(_)
        | Figure::Number(_)
        | Figure::Verdict(_) => None,
    }
}

/// A figure as a length.
#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53")]
pub(super) fn value(figure: &Figure) -> Option<f64> {
    match figure {
        Figure::Nothing | Figure::Verdict(_) => None,
        Figure::Count(count) => Some(*count as f64),
        Figure::Share(share) => share.value(),
        Figure::Millis { millis, .. } => Some(*millis as f64),
        Figure::Money(hundredths) => Some(*hundredths as f64),
        Figure::Number(value) => Some(*value),
    }
}

/// Where the true share lies, of few calls.
pub(super) fn range(figure: &Figure) -> Option<(f64, f64)> {
    let few = share(figure).filter(|share| share.is_of_few());
    few.and_then(Share::interval)
}

/// Whether figures may as well be alike: shares whose intervals overlap.
fn is_guess(now: &Figure, before: &Figure) -> bool {
    let (Figure::Share(now), Figure::Share(before)) = (now, before) else {
        return false;
    };
    match (now.interval(), before.interval()) {
        (Some((low, high)), Some((low_before, high_before))) => {
            (now.is_of_few() || before.is_of_few()) && low <= high_before && low_before <= high
        }
        (_, _) => true,
    }
}

/// `8–64 %`, which is on one line: a line may end after a dash, but for the word joiner there.
fn interval(low: f64, high: f64) -> String {
    format!("{:.0}–\u{2060}{:.0}\u{a0}%", low * 100.0, high * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::words::Language;

    fn writer(language: Language) -> Writer<'static> {
        Writer {
            words: Words::of(language),
            currency: "RUB",
        }
    }

    fn of(part: u64, whole: u64) -> Figure {
        Figure::Share(Share { part, whole })
    }

    #[test]
    fn a_share_of_few_calls_is_an_interval_and_of_many_a_number() {
        let english = writer(Language::English);
        assert_eq!(english.shown(&of(2, 7)), "2 of 7: 8–\u{2060}64\u{a0}%");
        assert_eq!(english.shown(&of(20, 120)), "16.7\u{a0}%");
        assert_eq!(english.shown(&of(0, 0)), "–");
        let russian = writer(Language::Russian);
        assert_eq!(russian.shown(&of(2, 7)), "2 из 7: 8–\u{2060}64\u{a0}%");
        assert_eq!(russian.shown(&of(20, 120)), "16,7\u{a0}%");
    }

    #[test]
    fn a_change_has_an_arrow_a_difference_and_what_it_was() {
        let english = writer(Language::English);
        let change = english
            .change("missed", &Figure::Count(12), &Figure::Count(9))
            .unwrap();
        assert_eq!(
            (change.text.as_str(), change.was.as_str()),
            ("↑\u{a0}3", "was 9")
        );
        assert_eq!(change.mood, Mood::Bad);
        let money = english
            .change("revenue", &Figure::Money(250_000), &Figure::Money(300_050))
            .unwrap();
        assert_eq!(money.text, "↓\u{a0}500.50\u{a0}₽");
        assert_eq!(money.mood, Mood::Bad);
        let same = english
            .change("calls", &Figure::Count(7), &Figure::Count(7))
            .unwrap();
        assert_eq!(
            (same.text.as_str(), same.mood),
            ("as before", Mood::Neutral)
        );
        let points = english
            .change("conversion", &of(300, 1_000), &of(200, 1_000))
            .unwrap();
        assert_eq!(
            (points.text.as_str(), points.mood),
            ("↑\u{a0}10 points", Mood::Good)
        );
        assert_eq!(
            english.change("wait", &Figure::Nothing, &Figure::Count(1)),
            None
        );
    }

    #[test]
    fn what_chance_may_have_done_is_neither_good_nor_bad() {
        let english = writer(Language::English);
        let change = english.change("conversion", &of(2, 7), &of(1, 9)).unwrap();
        assert_eq!(change.mood, Mood::Neutral);
    }

    #[test]
    fn a_mean_of_few_calls_says_of_how_many() {
        let mean = |millis, of| Figure::Millis { millis, of };
        let (english, russian) = (writer(Language::English), writer(Language::Russian));
        assert_eq!(english.shown(&mean(24_400, 2)), "24\u{a0}s");
        assert_eq!(english.shown(&mean(192_000, 2)), "3:12\u{a0}min");
        assert_eq!(russian.shown(&mean(7_980_000, 2)), "2\u{a0}ч 13\u{a0}мин");
        assert_eq!(russian.few(&mean(1, 2)).as_deref(), Some("из 2 звонков"));
        assert_eq!(english.few(&mean(1, 30)), None);
    }
}
