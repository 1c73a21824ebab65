//! Addresses of e-mail, read once and right from then on. Pure.

use std::fmt;
use std::str::FromStr;

use lettre::message::Mailbox;

/// Longest address, in bytes: a path of SMTP has 256 with its brackets (RFC 5321 4.5.3.1.3).
pub const ADDRESS_MAX: usize = 254;

/// Longest name before an address, in characters: what a list of letters shows of it.
const NAME_MAX: usize = 64;

/// Whom a letter goes to: `anna@example.com`.
///
/// Plain ASCII: what lies beyond needs SMTPUTF8 (RFC 6531) of every server on the way. A domain with other letters can be
/// written as `xn--…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(lettre::Address);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// It has letters beyond ASCII.
    #[error("it has letters other than a-z; write a domain with such letters as xn--…")]
    NotAscii,
    /// It is too long.
    #[error("it is longer than {ADDRESS_MAX} characters")]
    Long,
    /// It has no right form.
    #[error("it is no address such as anna@example.com")]
    Form,
}

impl Address {
    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(in crate::notify) const fn inner(&self) -> &lettre::Address {
        &self.0
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        if !text.is_ascii() {
            return Err(NoAddress::NotAscii);
        }
        if text.len() > ADDRESS_MAX {
            return Err(NoAddress::Long);
        }
        // Quoted local parts may hold what no header and no command should; nobody has such an address.
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>(),;:\\".contains(c);
        let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
        if local.contains(is_odd) || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(NoAddress::Form);
        }
        text.parse().map(Self).map_err(|_| NoAddress::Form)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who a letter is from: an address with a name before it, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// What people see; any language.
    pub name: Option<String>,
    /// Where answers and refusals go.
    pub address: Address,
}

impl FromStr for Sender {
    type Err = NoAddress;

    /// Reads `ringtag@example.com` and `Shop reports <ringtag@example.com>`.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let text = text.trim();
        let Some((name, address)) = text
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        else {
            return Ok(Self {
                name: None,
                address: text.parse()?,
            });
        };
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) {
            return Err(NoAddress::Form);
        }
        if name.chars().count() > NAME_MAX {
            return Err(NoAddress::Long);
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: address.trim().parse()?,
        })
    }
}

impl Sender {
    pub(in crate::notify) fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.name.clone(), self.address.inner().clone())
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, NoAddress> {
        text.parse::<Address>().map(|address| address.to_string())
    }

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for good in [
            "anna@example.com",
            "anna.petrova+weekly@mail.example.co.uk",
            "a_b-c@xn--e1afmkfd.xn--p1ai",
            "root@[127.0.0.1]",
            "root@localhost",
        ] {
            assert_eq!(read(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_could_become_a_header_or_a_command_is_no_address() {
        for bad in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "anna@example.com\r\nBcc: all@example.com",
            "anna@exam\nple.com",
            "an na@example.com",
            "\"anna\\\r\nx\"@example.com",
            "<anna@example.com>",
            "anna@example.com, boris@example.com",
            "anna>@example.com",
        ] {
            assert_eq!(read(bad), Err(NoAddress::Form), "{bad:?}");
        }
        assert_eq!(read("анна@example.com"), Err(NoAddress::NotAscii));
        let long = format!("anna@{}.com", "a".repeat(250));
        assert_eq!(read(&long), Err(NoAddress::Long));
    }

    #[test]
    fn a_sender_may_have_a_name_in_any_language() {
        let read = |text: &str| text.parse::<Sender>();
        let named = read("Отчёты магазина <ringtag@example.com>").unwrap();
        assert_eq!(named.name.as_deref(), Some("Отчёты магазина"));
        assert_eq!(named.to_string(), "Отчёты магазина <ringtag@example.com>");
        assert_eq!(
            read("\"Shop\" <a@b.example>").unwrap().name.as_deref(),
            Some("Shop")
        );
        assert_eq!(read("<a@b.example>").unwrap(), read("a@b.example").unwrap());
        assert_eq!(
            read("Shop\r\nBcc: x@y.example <a@b.example>"),
            Err(NoAddress::Form)
        );
        assert!(read("Shop <a@b.example> x").is_err());
    }
}
