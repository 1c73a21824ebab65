//! Numbers, money and durations as each language writes them.

use crate::web::words::{Language, Words};

/// Writes a whole number in groups of three: `1,021` or `1 021`, where the Russian space does not break.
pub fn grouped(n: u64, language: Language) -> String {
    let digits = n.to_string();
    let gap = match language {
        Language::English => ',',
        Language::Russian => '\u{a0}',
    };
    // Russian leaves four digits together in running text, but not in columns beside longer ones.
    let mut written = String::with_capacity(digits.len() + digits.len() / 3 * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(gap);
        }
        written.push(digit);
    }
    written
}

/// Writes an amount: `12,500 ₽`, `99.50 €`. A fraction shows only where there is one.
pub fn money(value: f64, currency: &str, language: Language) -> String {
    // Amounts beyond 2^53 hundredths are nobody's sale.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    let hundredths = (value.abs() * 100.0).round().clamp(0.0, 9e15) as u64;
    let sign = if value < 0.0 && hundredths > 0 {
        "−"
    } else {
        ""
    };
    let whole = grouped(hundredths / 100, language);
    let part = match hundredths % 100 {
        0 => String::new(),
        part => {
            let point = match language {
                Language::English => '.',
                Language::Russian => ',',
            };
            format!("{point}{part:02}")
        }
    };
    let sign_of = match currency {
        "RUB" => "₽",
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "KZT" => "₸",
        "UAH" => "₴",
        other => other,
    };
    format!("{sign}{whole}{part}\u{a0}{sign_of}")
}

/// Writes a share: `16.7 %`. A tenth shows where there is one.
pub fn percent(share: f64, language: Language) -> String {
    let tenths = (share * 1_000.0).round();
    if !tenths.is_finite() {
        return "–".to_owned();
    }
    format!("{}\u{a0}%", with_tenth(tenths, language))
}

/// Writes a number with at most one place behind the point: `2.4`, `12`.
pub fn number(value: f64, language: Language) -> String {
    let tenths = (value * 10.0).round();
    if tenths.is_finite() {
        with_tenth(tenths, language)
    } else {
        "–".to_owned()
    }
}

/// So many tenths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped"
)]
fn with_tenth(tenths: f64, language: Language) -> String {
    let sign = if tenths < 0.0 { "−" } else { "" };
    let tenths = tenths.abs().min(9e15) as u64;
    let whole = grouped(tenths / 10, language);
    match (tenths % 10, language) {
        (0, _) => format!("{sign}{whole}"),
        (tenth, Language::English) => format!("{sign}{whole}.{tenth}"),
        (tenth, Language::Russian) => format!("{sign}{whole},{tenth}"),
    }
}

/// Writes a duration as clocks do: `0:07`, `12:30`, `1:02:11`. Begun seconds do not count.
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Writes a duration as people say it, in its two largest units: `24 s`, `3 min`, `2 h 13 min`, `4 days`.
pub fn spoken(millis: u64, words: &Words) -> String {
    let minutes = millis / 60_000;
    let unit = |name, n: u64| words.count(name, n);
    match (minutes / 1_440, minutes / 60, minutes) {
        (0, 0, 0) => unit("span-seconds", millis / 1_000),
        (0, 0, minutes) => unit("span-minutes", minutes),
        (0, hours, minutes) if minutes % 60 == 0 => unit("span-hours", hours),
        (0, hours, minutes) => {
            let (hours, minutes) = (
                unit("span-hours", hours),
                unit("span-minutes", minutes % 60),
            );
            format!("{hours} {minutes}")
        }
        (days, hours, _) if days < 3 && hours % 24 > 0 => {
            let (days, hours) = (unit("span-days", days), unit("span-hours", hours % 24));
            format!("{days} {hours}")
        }
        (days, _, _) => unit("span-days", days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_groups_of_three() {
        let english = |n| grouped(n, Language::English);
        assert_eq!(english(0), "0");
        assert_eq!(english(999), "999");
        assert_eq!(english(1_000), "1,000");
        assert_eq!(english(1_234_567), "1,234,567");
        assert_eq!(grouped(12_345, Language::Russian), "12\u{a0}345");
    }

    #[test]
    fn money_has_a_fraction_only_where_there_is_one() {
        assert_eq!(
            money(12_500.0, "RUB", Language::Russian),
            "12\u{a0}500\u{a0}₽"
        );
        assert_eq!(money(99.5, "EUR", Language::English), "99.50\u{a0}€");
        assert_eq!(money(99.5, "CHF", Language::Russian), "99,50\u{a0}CHF");
        assert_eq!(money(-3.0, "USD", Language::English), "−3\u{a0}$");
        assert_eq!(money(f64::NAN, "USD", Language::English), "0\u{a0}$");
        assert!(money(f64::INFINITY, "USD", Language::English).len() < 40);
    }

    #[test]
    fn shares_and_numbers_have_a_tenth_where_there_is_one() {
        assert_eq!(percent(20.0 / 120.0, Language::English), "16.7\u{a0}%");
        assert_eq!(percent(20.0 / 120.0, Language::Russian), "16,7\u{a0}%");
        assert_eq!(percent(0.5, Language::English), "50\u{a0}%");
        assert_eq!(percent(-0.021, Language::English), "−2.1\u{a0}%");
        assert_eq!(percent(f64::NAN, Language::English), "–");
        assert_eq!(number(1_234.56, Language::Russian), "1\u{a0}234,6");
    }

    #[test]
    fn durations_are_written_as_clocks_and_as_people_say_them() {
        assert_eq!(clock(999), "0:00");
        assert_eq!(clock(750_000), "12:30");
        assert_eq!(clock(3_731_000), "1:02:11");
        let english = |millis| spoken(millis, Words::of(Language::English));
        assert_eq!(english(24_000), "24\u{a0}s");
        assert_eq!(english(180_000), "3\u{a0}min");
        assert_eq!(english(7_980_000), "2\u{a0}h 13\u{a0}min");
        assert_eq!(english(7_200_000), "2\u{a0}h");
        assert_eq!(english(86_400_000), "1\u{a0}day");
        assert_eq!(english(93_600_000), "1\u{a0}day 2\u{a0}h");
        assert_eq!(english(5 * 86_400_000), "5\u{a0}days");
        let russian = |millis| spoken(millis, Words::of(Language::Russian));
        assert_eq!(russian(7_980_000), "2\u{a0}ч 13\u{a0}мин");
        assert_eq!(russian(3 * 86_400_000), "3\u{a0}дня");
    }
}
