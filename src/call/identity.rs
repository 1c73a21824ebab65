//! Who calls whom: read from a trunk's INVITE, and written toward the trunk that is dialled.
//!
//! The caller is From, or what a trunk that is trusted says of it (RFC 3325 section 5). The manager sees the caller's number,
//! or the virtual number with the caller in Diversion where the trunk shows only numbers it owns (RFC 5806).

use crate::base::country::Country;
use crate::base::number::{Caller, Number};
use crate::call::dialled::dialled;
use crate::call::headers::breaks_lines;
use crate::call::privacy;
use crate::call::trunk::{CallerId, NumberFormat, Trunk};
use crate::route::decision::Dial;
use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::{BadUri, Host, Scheme, Uri, escape_user};

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::call) struct Identity {
    /// The dialled number where it is one.
    pub(in crate::call) dialled: Option<Number>,
    /// Who calls.
    pub(in crate::call) caller: Caller,
    /// The header that named the caller.
    pub(in crate::call) caller_from: &'static str,
    /// The name shown with the number, where there is one and the caller does not hide.
    pub(in crate::call) display: Option<Box<str>>,
}

/// The longest caller that is kept where it is no number: extensions and words are short, and it is a stranger's text.
const OTHER_MAX: usize = 64;
/// The longest display name passed on: a telephone shows no more.
const DISPLAY_MAX: usize = 80;
/// Values that are read of a header which names who calls: one sip: and one tel:, and as many again by mistake.
const IDENTITIES_MAX: usize = 4;

/// Reads an INVITE of `trunk`. `is_contact`: its Request-URI is our own Contact there, which names no number. `own`: our
/// numbers, in order.
pub(in crate::call) fn read(
    request: &Request,
    trunk: &Trunk,
    is_contact: bool,
    (country, own): (&Country, &[Number]),
) -> Identity {
    let headers = request.headers();
    let told = trunk.trusted.then(|| told(headers, country)).flatten();
    let (named, caller_from, is_hidden) = match &told {
        Some(told) => (&told.who, told.header, told.is_hidden),
        None => (headers.from(), "From", false),
    };
    let caller = if is_hidden || privacy::hides(headers) {
        Caller::Anonymous
    } else {
        caller_of(named.uri(), country)
    };
    let display = match caller {
        Caller::Anonymous => None,
        Caller::Number(_) | Caller::Other(_) => named
            .display_text()
            .or_else(|| headers.from().display_text())
            .map(|name| name.chars().take(DISPLAY_MAX).collect()),
    };
    Identity {
        dialled: dialled(request, trunk, is_contact, (country, own)),
        caller,
        caller_from,
        display,
    }
}

/// Who calls, as a trusted trunk says it beside From.
struct Told {
    who: NameAddr,
    header: &'static str,
    is_hidden: bool,
}

/// P-Asserted-Identity (RFC 3325 9.1), else Remote-Party-ID, which older switches write in its place, else the identity
/// that the trunk's own phone prefers (9.2).
fn told(headers: &Headers, country: &Country) -> Option<Told> {
    let told = |who, header| Told {
        who,
        header,
        is_hidden: false,
    };
    if let Some(who) = identity(headers, Name::PAssertedIdentity, country) {
        return Some(told(who, "P-Asserted-Identity"));
    }
    let mut parties = headers
        .all(Name::RemotePartyId)
        .take(IDENTITIES_MAX)
        .filter_map(|value| NameAddr::parse(value).ok());
    let is = |party: &NameAddr, name, value: &[u8]| {
        party
            .param(name)
            .is_some_and(|said| said.eq_ignore_ascii_case(value))
    };
    let calling =
        parties.find(|party| party.param("party").is_none() || is(party, "party", b"calling"));
    if let Some(who) = calling {
        let is_hidden = is(&who, "privacy", b"full") || is(&who, "privacy", b"uri");
        let header = "Remote-Party-ID";
        return Some(Told {
            who,
            header,
            is_hidden,
        });
    }
    let preferred = identity(headers, Name::PPreferredIdentity, country)?;
    Some(told(preferred, "P-Preferred-Identity"))
}

/// Of a sip: and a tel: identity (9.1 allows one of each) the one that is a number.
fn identity(headers: &Headers, name: Name, country: &Country) -> Option<NameAddr> {
    let values = headers.all(name).take(IDENTITIES_MAX);
    let mut known: Vec<NameAddr> = values
        .filter_map(|value| NameAddr::parse(value).ok())
        .collect();
    let number = known
        .iter()
        .position(|one| number_of(one.uri(), country).is_some());
    (!known.is_empty()).then(|| known.swap_remove(number.unwrap_or(0)))
}

/// The From of a leg toward `trunk`, without its tag, and the Diversion that goes with it.
pub(in crate::call) struct Shown {
    pub(in crate::call) from: String,
    pub(in crate::call) diversion: Option<String>,
    /// The caller hides: the leg says so too (RFC 3323).
    pub(in crate::call) hidden: bool,
    /// Whether the From is the caller's own: what somebody signed of it is still true (RFC 8224).
    pub(in crate::call) is_callers: bool,
    /// What we assert to a trunk that believes us, where the caller's own trunk said it in another header.
    pub(in crate::call) asserted: Option<String>,
}

/// Writes who calls for the trunk that is dialled. `host` is ours.
pub(in crate::call) fn shown(
    identity: &Identity,
    virtual_number: Number,
    trunk: &Trunk,
    country: &Country,
    host: &str,
) -> Shown {
    match (trunk.caller_id, &identity.caller) {
        (CallerId::VirtualNumber, caller) => {
            let user = write_number(virtual_number, trunk.number_format, country);
            let diversion = match caller {
                Caller::Number(number) => Some(write_number(*number, trunk.number_format, country)),
                Caller::Other(text) => Some(text.to_string()),
                Caller::Anonymous => None,
            };
            Shown {
                from: address(None, &user, host),
                diversion: diversion
                    .map(|user| address(None, &user, host) + ";reason=unconditional"),
                hidden: false,
                is_callers: false,
                asserted: None,
            }
        }
        (CallerId::Caller, Caller::Anonymous) => Shown {
            // RFC 3323 4.1.1.3
            from: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
            diversion: None,
            hidden: true,
            is_callers: false,
            asserted: None,
        },
        (CallerId::Caller, Caller::Number(number)) => {
            let user = write_number(*number, trunk.number_format, country);
            let elsewhere = ["Remote-Party-ID", "P-Preferred-Identity"];
            let asserts = elsewhere.contains(&identity.caller_from);
            Shown {
                from: address(identity.display.as_deref(), &user, host),
                diversion: None,
                hidden: false,
                is_callers: true,
                asserted: asserts.then(|| address(None, &user, host)),
            }
        }
        (CallerId::Caller, Caller::Other(text)) => Shown {
            from: address(identity.display.as_deref(), text, host),
            diversion: None,
            hidden: false,
            is_callers: true,
            asserted: None,
        },
    }
}

/// The user part that is dialled on `trunk`.
pub(in crate::call) fn dialled_user(dial: &Dial, trunk: &Trunk, country: &Country) -> String {
    match dial {
        Dial::Extension(text) => escape_user(text),
        Dial::Number(number) => write_number(*number, trunk.number_format, country),
    }
}

/// What was dialled, as the record shows it.
pub(in crate::call) fn destination(dial: &Dial) -> String {
    match dial {
        Dial::Extension(text) => text.to_string(),
        Dial::Number(number) => number.to_string(),
    }
}

/// Writes an address at `host`, which is ours.
fn address(display: Option<&str>, user: &str, host: &str) -> String {
    let display = display.map(|name| name.replace(breaks_lines, ""));
    match Uri::sip(Some(user), host, None) {
        Ok(uri) => NameAddr::new(display.as_deref(), &uri, None).to_string(),
        // No host of ours: the configuration and the sockets give names and addresses alone.
        Err(BadUri) => format!("<sip:{}@invalid>", escape_user(user)),
    }
}

fn write_number(number: Number, format: NumberFormat, country: &Country) -> String {
    match format {
        NumberFormat::E164 => number.to_string(),
        NumberFormat::Digits => number.digits().to_string(),
        NumberFormat::National => country.national(number),
    }
}

fn caller_of(uri: &Uri, country: &Country) -> Caller {
    // RFC 3323 4.1.1.3: the host says it where the user does not.
    let hidden_host = matches!(uri.host(), Some(Host::Name(name)) if name.eq_ignore_ascii_case("anonymous.invalid"));
    if hidden_host {
        return Caller::Anonymous;
    }
    let Some(user) = user_text(uri) else {
        return Caller::Anonymous;
    };
    if ["anonymous", "unavailable", "restricted", "unknown"]
        .iter()
        .any(|word| user.eq_ignore_ascii_case(word))
    {
        return Caller::Anonymous;
    }
    match Number::read(&user, country) {
        Some(number) => Caller::Number(number),
        None => Caller::Other(user.chars().take(OTHER_MAX).collect()),
    }
}

/// The number that a URI names, where it is one.
pub(in crate::call) fn number_of(uri: &Uri, country: &Country) -> Option<Number> {
    Number::read(&user_text(uri)?, country)
}

/// The user without its parameters (`+7495;phone-context=…`, RFC 3966) and without a password.
fn user_text(uri: &Uri) -> Option<String> {
    match uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
        Scheme::Other => return None,
    }
    let user = uri.user_unescaped()?;
    let end = user
        .iter()
        .position(|b| matches!(b, b';' | b':'))
        .unwrap_or(user.len());
    let text = String::from_utf8_lossy(user.get(..end)?)
        .chars()
        .filter(|c| !breaks_lines(*c))
        .collect::<String>();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig;
    use bytes::Bytes;

    fn ru() -> Country {
        Country::from_code("RU").unwrap()
    }

    fn request(from: &str, more: &str) -> Request {
        let text = rig::invite(rig::NUMBER, "")
            .replace("\"Anna\" <sip:+79160000001@carrier.example>", from)
            .replace("Max-Forwards", &format!("{more}Max-Forwards"));
        Request::parse(Bytes::from(text)).unwrap()
    }

    fn seen(from: &str, more: &str, trusted: bool) -> (String, &'static str) {
        let mut trunk = rig::trunk("t", 5060);
        trunk.trusted = trusted;
        let identity = read(&request(from, more), &trunk, false, (&ru(), &[]));
        (identity.caller.to_string(), identity.caller_from)
    }

    #[test]
    fn the_caller_is_from_or_what_a_trusted_trunk_asserts() {
        let number = "<sip:+79160000001@h>";
        let asserted = "P-Asserted-Identity: <tel:+79160000002>\r\n";
        assert_eq!(seen(number, "", false), ("+79160000001".into(), "From"));
        assert_eq!(
            seen(number, asserted, false),
            ("+79160000001".into(), "From")
        );
        let trusted = ("+79160000002".to_owned(), "P-Asserted-Identity");
        assert_eq!(seen(number, asserted, true), trusted);
        assert_eq!(seen("<sip:89160000001@h>", "", false).0, "+79160000001");
        assert_eq!(
            seen("<sip:+7%20916%20000-00-01;x=y@h;user=phone>", "", false).0,
            "+79160000001"
        );
        assert_eq!(seen("<sip:101@h>", "", false).0, "101");
    }

    #[test]
    fn a_caller_that_hides_is_anonymous() {
        for from in [
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
            "<sip:Anonymous@h>",
            "<sip:x@anonymous.invalid>",
            "<sip:h>",
        ] {
            assert_eq!(seen(from, "", false).0, "anonymous", "{from}");
        }
        let asserted = "P-Asserted-Identity: <sip:+79160000002@h>\r\nPrivacy: id;critical\r\n";
        assert_eq!(seen("<sip:+79160000001@h>", asserted, true).0, "anonymous");
        assert_eq!(
            seen("<sip:+79160000001@h>", "Privacy: none\r\n", true).0,
            "+79160000001"
        );
    }

    #[test]
    fn of_two_asserted_identities_the_number_is_taken() {
        let two = "P-Asserted-Identity: \"Anna\" <sip:anna@h>, <tel:+7-916-000-00-02>\r\n";
        let expected = ("+79160000002".to_owned(), "P-Asserted-Identity");
        assert_eq!(seen("<sip:x@h>", two, true), expected);
        let lines = two.replace(", ", "\r\nP-Asserted-Identity: ");
        assert_eq!(seen("<sip:x@h>", &lines, true), expected);
        let word = "P-Asserted-Identity: <sip:anna@h>\r\n";
        assert_eq!(seen("<sip:x@h>", word, true).0, "anna");
        let broken = "P-Asserted-Identity: <<sip>\r\n";
        assert_eq!(seen("<sip:x@h>", broken, true), ("x".into(), "From"));
    }

    #[test]
    fn a_trusted_trunk_may_name_the_caller_in_older_headers_and_the_stronger_one_counts() {
        let number = "<sip:+79160000001@h>";
        let rpid = "Remote-Party-ID: <sip:+79160000009@h>;party=called, \
            \"A\" <sip:+79160000003@h>;party=calling;screen=yes\r\n";
        let preferred = "P-Preferred-Identity: <sip:+79160000004@h>\r\n";
        let asserted = "P-Asserted-Identity: <sip:+79160000002@h>\r\n";
        let all = format!("{preferred}{rpid}{asserted}");
        let two = format!("{preferred}{rpid}");
        for (more, caller, from) in [
            (&*all, "+79160000002", "P-Asserted-Identity"),
            (&*two, "+79160000003", "Remote-Party-ID"),
            (preferred, "+79160000004", "P-Preferred-Identity"),
        ] {
            assert_eq!(seen(number, more, true), (caller.to_owned(), from));
            let believed = seen(number, more, false);
            assert_eq!(
                believed,
                ("+79160000001".to_owned(), "From"),
                "not believed"
            );
        }
        let hides = rpid.replace("screen=yes", "privacy=full");
        assert_eq!(seen(number, &hides, true).0, "anonymous");
    }

    #[test]
    fn the_trunk_that_is_dialled_sees_the_caller_or_the_virtual_number() {
        let mut trunk = rig::trunk("t", 5060);
        let identity = |caller| Identity {
            dialled: None,
            caller,
            caller_from: "From",
            display: Some("A \"quoted\"\r\nname".into()),
        };
        let virtual_number = Number::e164(rig::NUMBER).unwrap();
        let show = |trunk: &Trunk, caller: &str| {
            let identity = identity(Caller::from_record(caller));
            let shown = shown(&identity, virtual_number, trunk, &ru(), "us");
            (shown.from, shown.diversion, shown.hidden)
        };
        let quoted = "\"A \\\"quoted\\\"name\" <sip:+79160000001@us>";
        assert_eq!(show(&trunk, "+79160000001"), (quoted.into(), None, false));
        assert!(show(&trunk, "a b").0.ends_with("<sip:a%20b@us>"));
        let (from, _, hidden) = show(&trunk, "anonymous");
        assert_eq!(
            (from.as_str(), hidden),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>", true)
        );
        trunk.number_format = NumberFormat::National;
        assert!(
            show(&trunk, "+79160000001")
                .0
                .ends_with("<sip:89160000001@us>")
        );
        trunk.caller_id = CallerId::VirtualNumber;
        trunk.number_format = NumberFormat::Digits;
        let (from, diversion, _) = show(&trunk, "+79160000001");
        assert_eq!(from, "<sip:74950000001@us>");
        assert_eq!(
            diversion.as_deref(),
            Some("<sip:79160000001@us>;reason=unconditional")
        );
        assert_eq!(show(&trunk, "anonymous").1, None);
    }
}
