//! `[[trunk]]`: how it is spoken with, and what may be done over it. Who it is stands in `trunk.rs`.

use std::path::Path;
use std::sync::Arc;

use crate::base::country::Country;
use crate::call::trunk::{Login, Reach, Reliable};
use crate::config::host::Host;
use crate::config::outside::Outside;
use crate::config::secret::{self, Secret};
use crate::config::walk::Section;

const RELIABLE_WORDS: [(&str, Reliable); 3] = [
    ("off", Reliable::Off),
    ("supported", Reliable::Supported),
    ("required", Reliable::Required),
];

/// Between two OPTIONS: less than five seconds is a burden to the other side, more than an hour tells nothing.
const HEALTH_S: std::ops::RangeInclusive<u32> = 5..=3_600;

/// What the keys of this file say.
pub(in crate::config) struct Conduct<'t> {
    pub(in crate::config) outbound_proxy: Option<Host<'t>>,
    pub(in crate::config) health_s: Option<u32>,
    pub(in crate::config) calls_per_s: Option<u32>,
    pub(in crate::config) reliable: Reliable,
    pub(in crate::config) transfers: bool,
    pub(in crate::config) reach: Reach,
    pub(in crate::config) inbound: Option<Login>,
}

/// Reads them; `base` is the folder of the configuration.
pub(in crate::config) fn read<'t>(
    section: &mut Section<'_, 't>,
    trusted: bool,
    base: &Path,
    outside: &dyn Outside,
) -> Conduct<'t> {
    let book = section.book;
    let proxy = section.word("outbound_proxy", "\"proxy.example.com\"");
    let proxy = proxy.and_then(|word| Host::read(book, "outbound_proxy", word));
    Conduct {
        outbound_proxy: proxy,
        health_s: section.number("health_s", HEALTH_S, "30"),
        calls_per_s: section.number("calls_per_s", 1..=u32::MAX, "20"),
        reliable: section
            .choice("reliable", &RELIABLE_WORDS)
            .unwrap_or_default(),
        transfers: section.flag("transfers").unwrap_or(trusted),
        reach: Reach {
            countries: countries(section),
            prefixes: prefixes(section),
        },
        inbound: inbound(section, base, outside),
    }
}

fn countries(section: &mut Section<'_, '_>) -> Vec<Country> {
    let words = section.words("countries", "[\"RU\", \"KZ\"]");
    let book = section.book;
    words
        .into_iter()
        .filter_map(|word| {
            let country = Country::from_code(word.text);
            if country.is_none() {
                book.error(
                    word.at,
                    format!("`countries` has \"{}\", which is no country", word.text),
                    "write two capital letters as in ISO 3166-1: \"RU\", \"DE\", \"US\"",
                );
            }
            country
        })
        .collect()
}

fn prefixes(section: &mut Section<'_, '_>) -> Vec<Arc<str>> {
    let words = section.words("prefixes", "[\"+7495\"]");
    let book = section.book;
    words
        .into_iter()
        .filter_map(|word| {
            let digits = word.text.strip_prefix('+').unwrap_or_default();
            // E.164 knows no longer number, and no country code begins with 0.
            let good = (1..=15).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
                && !digits.starts_with('0');
            if !good {
                book.error(
                    word.at,
                    format!(
                        "`prefixes` has \"{}\", with which no number begins",
                        word.text
                    ),
                    "write a plus, the country code and what follows it: \"+7\", \"+7495\"",
                );
            }
            good.then(|| word.text.into())
        })
        .collect()
}

fn inbound(section: &mut Section<'_, '_>, base: &Path, outside: &dyn Outside) -> Option<Login> {
    let username = section.word("inbound_username", "\"office\"");
    let secret = secret::read(section, secret::ITS_PASSWORD, base, outside);
    let book = section.book;
    match (username, secret) {
        (Some(username), Secret::Is(password)) => Some(Login {
            username: username.text.into(),
            password,
        }),
        (Some(username), Secret::Absent) => {
            book.absent(
                username.at,
                "there is an `inbound_username` without a password",
                "add inbound_password_file = \"carrier.secret\" or inbound_password_env = \"CARRIER_PASSWORD\"",
            );
            None
        }
        (None, Secret::Is(_)) if !section.has("inbound_username") => {
            book.absent(
                section.at,
                "there is an inbound password without an `inbound_username`",
                "add inbound_username = \"office\"",
            );
            None
        }
        (_, Secret::Is(_) | Secret::Absent | Secret::Unreadable) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::call::trunk::{Reliable, Trunk};
    use crate::config::trial::{good, mistakes};

    fn text(more: &str) -> String {
        format!("[[trunk]]\nid = \"a\"\nhost = \"b\"\n{more}\n")
    }

    fn trunk(more: &str) -> Trunk {
        good(&text(more)).trunks[0].clone()
    }

    #[test]
    fn what_is_left_out_asks_limits_and_proves_nothing() {
        assert_eq!(trunk(""), Trunk::plain("a", "b"));
    }

    #[test]
    fn transfers_are_what_trusted_says_unless_written() {
        assert!(trunk("trusted = true").transfers);
        assert!(!trunk("trusted = true\ntransfers = false").transfers);
        assert!(trunk("transfers = true").transfers);
    }

    #[test]
    fn a_proxy_a_watch_and_limits_are_read() {
        let trunk = trunk(
            "outbound_proxy = \"[2001:db8::1]:5070\"\nhealth_s = 30\ncalls_per_s = 20\nreliable = \"required\"",
        );
        let proxy = trunk.outbound_proxy.unwrap();
        assert_eq!((&*proxy.host, proxy.port), ("[2001:db8::1]", Some(5070)));
        assert_eq!((trunk.health_s, trunk.calls_per_s), (Some(30), Some(20)));
        assert_eq!(trunk.reliable, Reliable::Required);
        assert_eq!(
            mistakes(&text("outbound_proxy = \"sip:proxy\"")),
            [
                "4:18: `outbound_proxy` is \"sip:proxy\", whose port is no port; write a port from 1 to 65535, or none"
            ]
        );
        assert_eq!(mistakes(&text("health_s = 1")).len(), 1);
    }

    #[test]
    fn reach_is_countries_and_beginnings_of_numbers() {
        let reach = trunk("countries = [\"RU\", \"KZ\"]\nprefixes = \"+375\"").reach;
        let codes: Vec<_> = reach.countries.iter().map(|one| one.code()).collect();
        assert_eq!(codes, ["RU", "KZ"]);
        assert_eq!(reach.prefixes, ["+375".into()]);
        assert_eq!(
            mistakes(&text("countries = \"Russia\"\nprefixes = [\"7\", \"+0\"]")),
            [
                "4:13: `countries` has \"Russia\", which is no country; write two capital letters as in ISO 3166-1: \"RU\", \"DE\", \"US\"",
                "5:13: `prefixes` has \"7\", with which no number begins; write a plus, the country code and what follows it: \"+7\", \"+7495\"",
                "5:18: `prefixes` has \"+0\", with which no number begins; write a plus, the country code and what follows it: \"+7\", \"+7495\"",
            ]
        );
    }

    #[test]
    fn what_a_trunk_must_prove_is_a_user_and_a_password() {
        let login =
            trunk("inbound_username = \"office\"\ninbound_password_env = \"CARRIER_PASSWORD\"")
                .inbound;
        let login = login.unwrap();
        assert_eq!(
            (&*login.username, &*login.password),
            ("office", "from the environment")
        );
        assert!(!format!("{login:?}").contains("environment"));
        assert_eq!(
            mistakes(&text("inbound_username = \"office\"")),
            [
                "4:20: there is an `inbound_username` without a password; add inbound_password_file = \"carrier.secret\" or inbound_password_env = \"CARRIER_PASSWORD\""
            ]
        );
        assert_eq!(
            mistakes(&text("inbound_password_env = \"CARRIER_PASSWORD\"")),
            [
                "1:1: there is an inbound password without an `inbound_username`; add inbound_username = \"office\""
            ]
        );
    }
}
