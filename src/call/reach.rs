//! What may be dialled on a trunk: the countries and prefixes of its configuration, and never a number that is our own.
//!
//! Every leg that goes out asks here before its first packet: targets of rules, and those that a 3xx or a REFER names.

use std::sync::Arc;

use crate::base::country::Country;
use crate::base::number::Number;
use crate::call::hands::Hands;
use crate::call::story::TriedResult;
use crate::call::trunk::{Reach, Trunk};
use crate::route::decision::Dial;

/// The longest extension that is dialled on a trunk with a reach although it is no number: longer ones are telephone numbers
/// in a form that nobody here can read, such as an international prefix of another country.
const EXTENSION_DIGITS_MAX: usize = 6;

impl Reach {
    /// Whether any number may be dialled.
    pub const fn is_unlimited(&self) -> bool {
        self.countries.is_empty() && self.prefixes.is_empty()
    }

    /// Whether this number may be dialled.
    pub fn has(&self, number: Number) -> bool {
        let begins = |prefix: &Arc<str>| number.to_string().starts_with(&**prefix);
        self.is_unlimited()
            || self.prefixes.iter().any(begins)
            || self.countries.iter().any(|country| country.has(number))
    }

    /// Whether this may be dialled: an extension that reads as a telephone number inside `country` is one.
    pub fn permits(&self, dial: &Dial, country: &Country) -> bool {
        match dial {
            Dial::Number(number) => self.has(*number),
            Dial::Extension(_) if self.is_unlimited() => true,
            Dial::Extension(text) => match Number::read(text, country) {
                Some(number) => self.has(number),
                None => text.bytes().filter(u8::is_ascii_digit).count() <= EXTENSION_DIGITS_MAX,
            },
        }
    }
}

impl Hands {
    /// Whether `dial` may go out on `trunk`; what the record says of it where it may not.
    ///
    /// A virtual number of ours would come back as a new call. An extension with the same digits is dialled: a PBX may know
    /// its lines by them.
    pub(in crate::call) fn may_dial(&self, trunk: &Trunk, dial: &Dial) -> Result<(), TriedResult> {
        if let Dial::Number(number) = dial
            && self.own_numbers.binary_search(number).is_ok()
        {
            return Err(TriedResult::Loop);
        }
        match trunk.reach.permits(dial, &self.country) {
            true => Ok(()),
            false => Err(TriedResult::NotAllowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig::*;
    use crate::route::decision::{Plan, Step, Target};

    fn reach(countries: &[&str], prefixes: &[&str]) -> Reach {
        let country = |code: &&str| Country::from_code(code).unwrap();
        Reach {
            countries: countries.iter().map(country).collect(),
            prefixes: prefixes.iter().map(|prefix| (*prefix).into()).collect(),
        }
    }

    #[test]
    fn a_number_lies_in_a_country_or_behind_a_prefix_that_is_listed() {
        let number = |text| Number::e164(text).unwrap();
        let home = reach(&["RU"], &["+375"]);
        assert!(home.has(number("+79160000000")));
        assert!(home.has(number("+375291234567")));
        assert!(!home.has(number("+77011234567")));
        assert!(!home.has(number("+447911123456")));
        assert!(reach(&[], &[]).has(number("+447911123456")));
        assert!(!reach(&[], &["+7495"]).has(number("+79160000000")));
    }

    #[test]
    fn an_extension_is_no_way_around() {
        let country = Country::from_code("RU").unwrap();
        let home = reach(&["RU"], &[]);
        let may = |text: &str| home.permits(&Dial::Extension(text.into()), &country);
        assert!(may("101") && may("sales") && may("112") && may("89160000000"));
        for abroad in [
            "810447911123456",
            "+447911123456",
            "00447911123456",
            "*21*00447911123456",
        ] {
            assert!(!may(abroad), "{abroad}");
        }
        let open = reach(&[], &[]);
        assert!(open.permits(&Dial::Extension("00447911123456".into()), &country));
    }

    fn number(text: &str) -> Target {
        Target {
            name: format!("number:{text}@pbx").into(),
            manager: None,
            dial: Dial::Number(Number::e164(text).unwrap()),
            trunk: "pbx".into(),
            spare: Arc::default(),
        }
    }

    fn tried(target: Target, own: &[&str]) -> (Vec<TriedResult>, Rig) {
        let mut lines = trunks();
        lines[1].0.reach = reach(&["RU"], &[]);
        let steps = vec![Step {
            targets: vec![target],
            ring_s: 20,
        }];
        let mut rig = Rig::with(Plan::Hunt(steps), lines);
        let own = own.iter().map(|text| Number::e164(text).unwrap());
        rig.board.set_own_numbers(own);
        rig.dial();
        let results = rig.ended().targets_tried.iter().map(|tried| tried.result);
        (results.collect(), rig)
    }

    #[test]
    fn nothing_is_sent_for_a_number_that_may_not_be_dialled() {
        let (results, mut rig) = tried(number("+447911123456"), &[]);
        assert_eq!(results, [TriedResult::NotAllowed]);
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        rig.to(CARRIER, "SIP/2.0 503");
        rig.assert_clean();
    }

    #[test]
    fn a_virtual_number_of_ours_is_not_dialled() {
        let (results, mut rig) = tried(number("+74950000002"), &["+74950000003", "+74950000002"]);
        assert_eq!(results, [TriedResult::Loop]);
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        rig.assert_clean();
    }
}
