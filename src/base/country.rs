//! A country's dialling habits: national forms are read into [`Number`] and written back.
//!
//! The tables of numbering plans are the crate phonenumber's, and all of it is here. Its parser is not used: it takes
//! the trunk prefix off twice and reads the Russian `8 800 555-35-35` as +7 005 553535.

use std::fmt;

use phonenumber::Metadata;
use phonenumber::country::Id;
use phonenumber::metadata::DATABASE;

use crate::base::number::Number;

/// The longest text that is tried as a number: 15 digits with separators and an international prefix.
const TEXT_MAX: usize = 40;

/// Country codes have one to three digits (E.164 6.2.1).
const CODE_DIGITS_MAX: usize = 3;

/// A country whose national forms are understood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(Id);

impl Country {
    /// Finds the country of an ISO 3166-1 code in capitals: `RU`.
    pub fn from_code(code: &str) -> Option<Self> {
        let country = code.parse().ok().map(Self)?;
        country.plan().map(|_| country)
    }

    /// Returns the ISO 3166-1 code.
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }

    /// Writes `number` as it is dialled inside the country, digits only: `84950000001`.
    ///
    /// A number of another country gets the international prefix: `81049301234567`.
    pub fn national(&self, number: Number) -> String {
        let digits = number.digits().to_string();
        let Some(plan) = self.plan() else {
            return digits;
        };
        match digits.strip_prefix(&plan.country_code().to_string()) {
            Some(national) => format!("{}{national}", trunk_prefix(plan, national)),
            None => format!("{}{digits}", international_prefix(plan)),
        }
    }

    /// Whether `number` is one of this country's.
    ///
    /// Countries that share a code are told apart by the beginnings and kinds of their numbers: +7 495 is Russia, +7 701
    /// Kazakhstan. A number in a range that nobody was given is in none of them.
    pub fn has(&self, number: Number) -> bool {
        let Some(own) = self.plan() else {
            return false;
        };
        let digits = number.digits().to_string();
        let Some(national) = digits.strip_prefix(&own.country_code().to_string()) else {
            return false;
        };
        let sharing = plans(own.country_code());
        if sharing.len() == 1 {
            return true;
        }
        let is_home = |plan: &&&Metadata| match plan.leading_digits() {
            Some(leading) => leading
                .find(national)
                .is_some_and(|found| found.start() == 0),
            None => is_assigned(plan, national),
        };
        let home = sharing.iter().find(is_home);
        home.is_some_and(|plan| plan.id() == own.id())
    }

    /// Reads a form without a plus: national, with the international prefix, or with the bare country code.
    pub(in crate::base) fn read(&self, text: &str) -> Option<Number> {
        let separator = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')');
        if text.len() > TEXT_MAX || !text.chars().all(|c| c.is_ascii_digit() || separator(c)) {
            return None;
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let plan = self.plan()?;
        // The international prefix first: the Russian 810 looks like the beginning of a national number too.
        let abroad = plan
            .international_prefix()
            .and_then(|prefix| prefix.find(&digits))
            .filter(|found| found.start() == 0)
            .and_then(|found| digits.get(found.end()..))
            .and_then(with_country_code);
        abroad
            .or_else(|| join(plan.country_code(), &digits, &[plan]))
            .or_else(|| {
                let national = digits.strip_prefix(plan.national_prefix()?)?;
                join(plan.country_code(), national, &[plan])
            })
            .or_else(|| {
                let national = digits.strip_prefix(&plan.country_code().to_string())?;
                join(plan.country_code(), national, &plans(plan.country_code()))
            })
    }

    fn plan(&self) -> Option<&'static Metadata> {
        DATABASE.by_id(self.0.as_ref())
    }
}

/// Writes `number` for people, in the groups that its own country uses: `+7 916 123-45-67`, `+49 30 1234567`.
pub fn written(number: Number) -> String {
    let digits = number.digits().to_string();
    let grouped = (1..=CODE_DIGITS_MAX).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let code_number = code.parse().ok()?;
        // Of the countries that share a code the first is the main one, and the groups are its (+1 is written as in the USA).
        let plan = *plans(code_number).first()?;
        let abroad = plan.international_formats();
        let formats = if abroad.is_empty() {
            plan.formats()
        } else {
            abroad
        };
        let meant = formats.iter().find(|format| is_for(format, national));
        Some(meant.map_or_else(
            || format!("+{code} {national}"),
            |format| {
                let national = format.pattern().replace(national, format.format());
                format!("+{code} {national}")
            },
        ))
    });
    grouped.unwrap_or_else(|| format!("+{digits}"))
}

/// Whether a format of a numbering plan is for such a number.
fn is_for(format: &phonenumber::metadata::Format, national: &str) -> bool {
    let begins = format.leading_digits().last().is_none_or(|leading| {
        leading
            .find(national)
            .is_some_and(|found| found.start() == 0)
    });
    let whole = format
        .pattern()
        .find(national)
        .is_some_and(|found| found.start() == 0 && found.end() == national.len());
    begins && whole
}

/// Reads digits that begin with a country code.
fn with_country_code(digits: &str) -> Option<Number> {
    (1..=CODE_DIGITS_MAX).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let code = code.parse().ok()?;
        join(code, national, &plans(code))
    })
}

/// Puts the country code before a national number, where one of the plans has room for such a number.
fn join(code: u16, national: &str, plans: &[&Metadata]) -> Option<Number> {
    let fits = |plan: &&Metadata| {
        let pattern = plan.descriptors().general().national_number();
        let found = pattern.find(national);
        found.is_some_and(|found| found.start() == 0 && found.end() == national.len())
    };
    let fits = plans.iter().any(fits);
    fits.then(|| Number::e164(&format!("+{code}{national}")))?
}

/// Several countries may share a code: Russia and Kazakhstan 7.
fn plans(code: u16) -> Vec<&'static Metadata> {
    DATABASE.by_code(&code).unwrap_or_default()
}

/// Whether the plan has a kind of line for such a number.
fn is_assigned(plan: &Metadata, national: &str) -> bool {
    let kinds = plan.descriptors();
    [
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ]
    .into_iter()
    .flatten()
    .filter_map(|kind| kind.national_number().find(national))
    .any(|found| found.start() == 0 && found.end() == national.len())
}

/// What is dialled before a number inside the country: 8 in Russia, 0 in Germany, nothing in Italy or the USA.
fn trunk_prefix<'p>(plan: &'p Metadata, national: &str) -> &'p str {
    let formats = plan.formats();
    let meant = formats.iter().find(|format| is_for(format, national));
    let format = meant.or_else(|| formats.last());
    let says_prefix = format
        .and_then(phonenumber::metadata::Format::national_prefix)
        .is_some_and(|rule| rule.contains("$NP"));
    if says_prefix {
        plan.national_prefix().unwrap_or_default()
    } else {
        ""
    }
}

/// The digits that begin a call abroad. Where the plan allows several, the preferred one.
fn international_prefix(plan: &Metadata) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
    if let Some(preferred) = plan.preferred_international_prefix() {
        return digits(preferred);
    }
    plan.international_prefix()
        .map(|pattern| pattern.as_str())
        .filter(|pattern| pattern.chars().all(|c| c.is_ascii_digit()))
        .map_or_else(|| "00".to_owned(), str::to_owned)
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::from_code(code).unwrap()
    }

    fn read(code: &str, text: &str) -> Option<String> {
        Number::read(text, &country(code)).map(|number| number.to_string())
    }

    #[test]
    fn national_forms_are_read_by_the_country() {
        for text in [
            "8 495 000-00-01",
            "84950000001",
            "74950000001",
            "4950000001",
            "+7 (495) 000-00-01",
        ] {
            assert_eq!(read("RU", text).as_deref(), Some("+74950000001"), "{text}");
        }
        assert_eq!(
            read("RU", "8 800 555-35-35").as_deref(),
            Some("+78005553535")
        );
        assert_eq!(
            read("RU", "810 49 30 1234567").as_deref(),
            Some("+49301234567")
        );
        assert_eq!(read("DE", "030 1234567").as_deref(), Some("+49301234567"));
        assert_eq!(
            read("US", "(212) 555-0123").as_deref(),
            Some("+12125550123")
        );
        assert_eq!(read("IT", "06 1234 5678").as_deref(), Some("+390612345678"));
    }

    #[test]
    fn extensions_and_words_are_no_numbers() {
        for text in [
            "",
            "101",
            "1001",
            "anonymous",
            "8x4950000001",
            "112",
            "тест",
            &"1".repeat(60),
        ] {
            assert_eq!(read("RU", text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_in_the_groups_of_their_country() {
        for (number, shown) in [
            ("+79161234567", "+7 916 123-45-67"),
            ("+74950000001", "+7 495 000-00-01"),
            ("+78005553535", "+7 800 555-35-35"),
            ("+49301234567", "+49 30 1234567"),
            ("+12125550123", "+1 212-555-0123"),
            ("+390612345678", "+39 06 1234 5678"),
            ("+7999", "+7 999"),
            ("+2100000", "+2100000"),
        ] {
            assert_eq!(written(Number::e164(number).unwrap()), shown);
        }
    }

    #[test]
    fn numbers_are_written_as_dialled_inside_the_country() {
        let moscow = Number::e164("+74950000001").unwrap();
        assert_eq!(country("RU").national(moscow), "84950000001");
        assert_eq!(country("DE").national(moscow), "0074950000001");
        let berlin = Number::e164("+49301234567").unwrap();
        assert_eq!(country("DE").national(berlin), "0301234567");
        assert_eq!(country("RU").national(berlin), "81049301234567");
        assert_eq!(country("US").national(berlin), "01149301234567");
    }

    #[test]
    fn a_number_is_in_one_country_even_where_several_share_a_code() {
        let has = |code: &str, number: &str| country(code).has(Number::e164(number).unwrap());
        for (number, home, other) in [
            ("+74950000001", "RU", "KZ"),
            ("+79160000000", "RU", "KZ"),
            ("+78005553535", "RU", "KZ"),
            ("+77011234567", "KZ", "RU"),
            ("+12125550123", "US", "CA"),
            ("+18765230123", "JM", "US"),
            ("+447400123456", "GB", "JE"),
            ("+375291234567", "BY", "RU"),
            ("+4930123456", "DE", "AT"),
        ] {
            assert!(has(home, number), "{number} in {home}");
            assert!(!has(other, number), "{number} in {other}");
        }
    }

    #[test]
    fn an_unknown_country_is_refused() {
        assert_eq!(Country::from_code("XX"), None);
        assert_eq!(Country::from_code("ru"), None);
    }
}
