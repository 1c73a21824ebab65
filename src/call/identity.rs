//! Who calls whom: read from a trunk's INVITE, and written toward the trunk that is dialled.
//!
//! The caller is From, or P-Asserted-Identity from a trunk that is trusted (RFC 3325 section 5). The manager sees the caller's
//! number, or the virtual number with the caller in Diversion where the trunk shows only numbers it owns (RFC 5806).

use std::fmt::Write as _;

use crate::base::country::Country;
use crate::base::number::{Caller, Number};
use crate::call::trunk::{CallerId, DidFrom, NumberFormat, Trunk};
use crate::route::decision::Dial;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::{Host, Scheme, Uri, escape_user};

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

/// Reads an INVITE of `trunk`. `is_contact`: its Request-URI is our own Contact there, which names no number.
pub(in crate::call) fn read(
    request: &Request,
    trunk: &Trunk,
    is_contact: bool,
    country: &Country,
) -> Identity {
    let headers = request.headers();
    let asserted = trunk
        .trusted
        .then(|| first(request, Name::PAssertedIdentity))
        .flatten();
    let (named, caller_from) = match &asserted {
        Some(asserted) => (asserted, "P-Asserted-Identity"),
        None => (headers.from(), "From"),
    };
    let caller = if wants_privacy(request) {
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
        dialled: dialled(request, trunk, is_contact, country),
        caller,
        caller_from,
        display,
    }
}

/// The From of a leg toward `trunk`, without its tag, and the Diversion that goes with it.
pub(in crate::call) struct Shown {
    pub(in crate::call) from: String,
    pub(in crate::call) diversion: Option<String>,
    /// The caller hides: the leg says so too (RFC 3323).
    pub(in crate::call) hidden: bool,
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
                Caller::Other(text) => Some(escape_user(text)),
                Caller::Anonymous => None,
            };
            Shown {
                from: format!("<sip:{user}@{host}>"),
                diversion: diversion
                    .map(|user| format!("<sip:{user}@{host}>;reason=unconditional")),
                hidden: false,
            }
        }
        (CallerId::Caller, Caller::Anonymous) => Shown {
            // RFC 3323 4.1.1.3
            from: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
            diversion: None,
            hidden: true,
        },
        (CallerId::Caller, Caller::Number(number)) => {
            let user = write_number(*number, trunk.number_format, country);
            Shown {
                from: named(identity.display.as_deref(), &user, host),
                diversion: None,
                hidden: false,
            }
        }
        (CallerId::Caller, Caller::Other(text)) => Shown {
            from: named(identity.display.as_deref(), &escape_user(text), host),
            diversion: None,
            hidden: false,
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

fn named(display: Option<&str>, user: &str, host: &str) -> String {
    let mut from = String::with_capacity(user.len() + host.len() + 16);
    if let Some(display) = display.filter(|name| !name.is_empty()) {
        from.push('"');
        for c in display.chars().filter(|c| !c.is_control()) {
            if matches!(c, '"' | '\\') {
                from.push('\\');
            }
            from.push(c);
        }
        from.push_str("\" ");
    }
    // Writing to a String does not fail.
    let _ = write!(from, "<sip:{user}@{host}>");
    from
}

fn write_number(number: Number, format: NumberFormat, country: &Country) -> String {
    match format {
        NumberFormat::E164 => number.to_string(),
        NumberFormat::Digits => number.digits().to_string(),
        NumberFormat::National => country.national(number),
    }
}

fn dialled(
    request: &Request,
    trunk: &Trunk,
    is_contact: bool,
    country: &Country,
) -> Option<Number> {
    let to = || number_of(request.headers().to().uri(), country);
    let named = || match is_contact {
        true => to(),
        false => number_of(request.uri(), country),
    };
    let told_in = |name| trunk.trusted.then(|| first(request, name)).flatten();
    // A call that nobody diverted was dialled directly.
    let or_named = |entry: Option<NameAddr>| match entry {
        Some(from) => number_of(from.uri(), country),
        None => named(),
    };
    match trunk.did_from {
        DidFrom::RequestUri => named(),
        DidFrom::To => to(),
        DidFrom::Diversion => or_named(told_in(Name::Diversion)),
        DidFrom::HistoryInfo => or_named(told_in(Name::HistoryInfo)),
    }
}

fn first(request: &Request, name: Name) -> Option<NameAddr> {
    let value = request.headers().all(name).next()?;
    NameAddr::parse(value).ok()
}

/// RFC 3323 4.2: any value but "none" asks that the identity is not shown.
fn wants_privacy(request: &Request) -> bool {
    request.headers().all(Name::Privacy).any(|value| {
        <[u8]>::split(value, |b| matches!(b, b';' | b','))
            .map(<[u8]>::trim_ascii)
            .any(|word| {
                [&b"id"[..], b"user", b"header"]
                    .iter()
                    .any(|hides| word.eq_ignore_ascii_case(hides))
            })
    })
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

fn number_of(uri: &Uri, country: &Country) -> Option<Number> {
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
        .filter(|c| !c.is_control())
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
        let identity = read(&request(from, more), &trunk, false, &ru());
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
    fn the_dialled_number_is_read_where_the_trunk_says() {
        let mut trunk = rig::trunk("t", 5060);
        let more = "Diversion: <sip:+74950000003@h>;reason=unconditional, <sip:+74950000004@h>\r\n";
        let request = request("<sip:a@h>", more);
        let dialled = |trunk: &Trunk| {
            read(&request, trunk, false, &ru())
                .dialled
                .map(|n| n.to_string())
        };
        assert_eq!(dialled(&trunk).as_deref(), Some("+74950000001"));
        trunk.did_from = DidFrom::Diversion;
        assert_eq!(
            dialled(&trunk).as_deref(),
            Some("+74950000001"),
            "not believed"
        );
        trunk.trusted = true;
        assert_eq!(dialled(&trunk).as_deref(), Some("+74950000003"));
        trunk.did_from = DidFrom::To;
        assert_eq!(dialled(&trunk).as_deref(), Some("+74950000001"));
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
