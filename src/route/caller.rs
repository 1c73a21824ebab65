//! Which callers a rule means: one exactly, all that begin alike, or those that hide.

use std::fmt;

use crate::base::country::Country;
use crate::base::number::{Caller, Number};

/// One entry of a rule's `caller`.
#[derive(Clone, PartialEq, Eq)]
pub enum CallerPattern {
    /// This number.
    Number(Number),
    /// This text, which is no telephone number: `101`.
    Other(Box<str>),
    /// Whatever begins so, numbers compared with their plus: `+7800*`. Never a caller that hides.
    Prefix(Box<str>),
    /// Those that hide.
    Anonymous,
}

impl CallerPattern {
    /// Reads what is written in a rule; `None` when a `*` stands elsewhere than at the end, or there is nothing.
    pub fn read(text: &str, country: &Country) -> Option<Self> {
        match text.strip_suffix('*') {
            Some(prefix) if prefix.contains('*') => None,
            Some(prefix) => Some(Self::Prefix(prefix.into())),
            None if text.is_empty() || text.contains('*') => None,
            None if text == "anonymous" => Some(Self::Anonymous),
            None => Some(match Number::read(text, country) {
                Some(number) => Self::Number(number),
                None => Self::Other(text.into()),
            }),
        }
    }

    /// Whether `caller` is meant.
    pub fn matches(&self, caller: &Caller) -> bool {
        match (self, caller) {
            (Self::Anonymous, Caller::Anonymous) => true,
            (Self::Number(wanted), Caller::Number(number)) => wanted == number,
            (Self::Other(wanted), Caller::Other(text)) => wanted == text,
            (Self::Prefix(prefix), Caller::Number(number)) => begins(*number, prefix),
            (Self::Prefix(prefix), Caller::Other(text)) => text.starts_with(&**prefix),
            (Self::Anonymous, Caller::Number(_) | Caller::Other(_))
            | (Self::Number(_), Caller::Other(_) | Caller::Anonymous)
            | (Self::Other(_), Caller::Number(_) | Caller::Anonymous)
            | (Self::Prefix(_), Caller::Anonymous) => false,
        }
    }

    /// Whether every caller that `other` means is meant by this one too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(mine), Self::Prefix(theirs)) => theirs.starts_with(&**mine),
            (_, Self::Number(number)) => self.matches(&Caller::Number(*number)),
            (_, Self::Other(text)) => self.matches(&Caller::Other(text.clone())),
            (_, Self::Anonymous) => self.matches(&Caller::Anonymous),
            (Self::Number(_) | Self::Other(_) | Self::Anonymous, Self::Prefix(_)) => false,
        }
    }
}

/// Whether `number`, written with its plus, begins with `prefix`. Written into a buffer on the stack: a decision
/// compares a caller with every rule.
fn begins(number: Number, prefix: &str) -> bool {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.digits();
    while rest > 0 {
        at -= 1;
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        if let Some(place) = digits.get_mut(at) {
            *place = b'0' + digit;
        }
        rest /= 10;
    }
    match prefix.strip_prefix('+') {
        Some(wanted) => digits
            .get(at..)
            .is_some_and(|digits| digits.starts_with(wanted.as_bytes())),
        None => prefix.is_empty(),
    }
}

/// As it is configured. Not for logs: it may hold a number.
impl fmt::Display for CallerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Other(text) => f.write_str(text),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl fmt::Debug for CallerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Other(_) => f.write_str("Other(..)"),
            Self::Prefix(prefix) => write!(f, "Prefix({prefix}*)"),
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> CallerPattern {
        CallerPattern::read(text, &Country::from_code("RU").unwrap()).unwrap()
    }

    fn caller(text: &str) -> Caller {
        Caller::from_record(text)
    }

    #[test]
    fn a_prefix_means_every_number_that_begins_so() {
        let prefix = pattern("+7800*");
        assert!(prefix.matches(&caller("+78005553535")));
        assert!(!prefix.matches(&caller("+74950000001")));
        assert!(!prefix.matches(&caller("101")));
        assert!(!prefix.matches(&Caller::Anonymous));
        assert!(pattern("10*").matches(&caller("101")));
        assert!(!pattern("7800*").matches(&caller("+78005553535")));
    }

    #[test]
    fn an_exact_caller_is_read_in_the_national_form_too() {
        assert!(pattern("8 916 123-45-67").matches(&caller("+79161234567")));
        assert!(pattern("101").matches(&caller("101")));
        assert!(!pattern("101").matches(&caller("1010")));
    }

    #[test]
    fn a_star_alone_means_everybody_who_shows_a_number_or_a_name() {
        assert!(pattern("*").matches(&caller("+74950000001")));
        assert!(pattern("*").matches(&caller("101")));
        assert!(!pattern("*").matches(&Caller::Anonymous));
        assert!(pattern("anonymous").matches(&Caller::Anonymous));
    }

    #[test]
    fn a_star_elsewhere_than_at_the_end_is_refused() {
        let country = Country::from_code("RU").unwrap();
        for text in ["", "+7*800", "**", "*1*"] {
            assert_eq!(CallerPattern::read(text, &country), None, "{text}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_means_and_more() {
        assert!(pattern("+7*").covers(&pattern("+7800*")));
        assert!(pattern("+7*").covers(&pattern("+74950000001")));
        assert!(!pattern("+7800*").covers(&pattern("+7*")));
        assert!(!pattern("*").covers(&pattern("anonymous")));
    }
}
