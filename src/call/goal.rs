//! Whom a Refer-To (RFC 3515) or the Contact of a redirection (RFC 3261 8.1.3.4) means: a number or an extension on one of
//! our trunks, and nobody else.

use std::sync::Arc;

use crate::base::country::Country;
use crate::base::id::CallId;
use crate::base::number::Number;
use crate::call::trunks::{Line, Trunks};
use crate::route::decision::{Dial, Target};
use crate::sip::dialog::Dialog;
use crate::sip::host::{Host, unbracketed};
use crate::sip::uri::{Scheme, Uri};

/// The longest extension that is dialled: as long as the longest number of E.164, with room for `*21*…#`.
const EXTENSION_MAX: usize = 32;

/// Finds the target of a transfer that the peer of `dialog` on the trunk `by` asks for; `None`: it leads nowhere that we go.
///
/// The host is the trunk's own, however the peer calls it, or ours, which means "over you"; or another trunk's.
pub(in crate::call) fn target(
    uri: &Uri,
    by: &str,
    (dialog, ours): (&Dialog, &str),
    trunks: &Trunks,
    country: &Country,
) -> Option<Target> {
    let dial = dial(uri, country)?;
    let asking = trunks.by_id(by)?;
    let own_names = [
        ours,
        dialog.remote().uri().host_text(),
        dialog.target().host_text(),
    ];
    let is_own = uri.scheme() == Scheme::Tel || own_names.iter().any(|host| is_named(uri, host));
    let line = line_at(uri, by, trunks).or_else(|| is_own.then_some(asking))?;
    Some(new(dial, &line.trunk.id))
}

/// Finds the target that a redirection of a target on the trunk `by` names: on the trunk at its host and port, or nowhere.
pub(in crate::call) fn redirected(
    uri: &Uri,
    by: &str,
    trunks: &Trunks,
    country: &Country,
) -> Option<Target> {
    let line = line_at(uri, by, trunks)?;
    Some(new(dial(uri, country)?, &line.trunk.id))
}

/// Names who calls by itself on a trunk; what no telephone could dial is not repeated.
pub(in crate::call) fn who(uri: &Uri, trunk: &Arc<str>, country: &Country) -> Target {
    let dial = dial(uri, country).unwrap_or_else(|| Dial::Extension("unknown".into()));
    new(dial, trunk)
}

/// Names the caller of one of our calls where it takes somebody's place: by its call, since a record that outlives an erasure
/// would keep the number.
pub(in crate::call) fn caller_of(call: CallId, trunk: &Arc<str>) -> Target {
    let name = name_of_call(call);
    Target {
        dial: Dial::Extension(name.as_str().into()),
        name: name.into(),
        manager: None,
        trunk: Arc::clone(trunk),
        spare: [].into(),
    }
}

/// A call among the names of targets: `call:0199…`.
pub(in crate::call) fn name_of_call(call: CallId) -> String {
    format!("call:{call}")
}

fn new(dial: Dial, trunk: &Arc<str>) -> Target {
    let name = match &dial {
        Dial::Extension(text) => format!("ext:{text}@{trunk}"),
        Dial::Number(number) => format!("number:{number}@{trunk}"),
    };
    Target {
        name: name.into(),
        // Whoever answers there, it is not known to be a manager of ours.
        manager: None,
        dial,
        trunk: Arc::clone(trunk),
        spare: [].into(),
    }
}

/// A number where it is one; else a short word that a telephone could dial.
fn dial(uri: &Uri, country: &Country) -> Option<Dial> {
    let user = uri.user_unescaped()?;
    let text = std::str::from_utf8(&user).ok()?;
    // Parameters of the number and a password are nothing that is dialled.
    let text = text.split([';', ':']).next().unwrap_or_default();
    if let Some(number) = Number::read(text, country) {
        return Some(Dial::Number(number));
    }
    let dialled = |c: char| c.is_ascii_alphanumeric() || "-_.+*#".contains(c);
    let fits = (1..=EXTENSION_MAX).contains(&text.len()) && text.chars().all(dialled);
    fits.then(|| Dial::Extension(text.into()))
}

/// The trunk that the URI is on; among several that of who names it.
fn line_at<'a>(uri: &Uri, by: &str, trunks: &'a Trunks) -> Option<&'a Line> {
    let own = trunks.by_id(by).filter(|line| is_at(uri, line));
    own.or_else(|| trunks.iter().find(|line| is_at(uri, line)))
}

/// Whether the URI is on a trunk's host, by its name or by where that leads. A port that is not written is that of the trunk's
/// transport (RFC 3263 4.2).
fn is_at(uri: &Uri, line: &Line) -> bool {
    let default = line.trunk.transport.default_port();
    let port = uri.port().unwrap_or(default);
    let named = is_named(uri, &line.trunk.host) && line.trunk.port.unwrap_or(default) == port;
    let addressed = match uri.host() {
        Some(Host::Ip(ip)) => line
            .claims()
            .any(|own| own.ip() == ip.to_canonical() && own.port() == port),
        Some(Host::Name(_)) | None => false,
    };
    named || addressed
}

fn is_named(uri: &Uri, host: &str) -> bool {
    let named = unbracketed(uri.host_text());
    let is_sip = matches!(uri.scheme(), Scheme::Sip | Scheme::Sips);
    is_sip && !host.is_empty() && named.eq_ignore_ascii_case(unbracketed(host))
}

#[cfg(test)]
mod tests {
    use crate::call::rig::{over, trunk};
    use crate::sip::transport::Transport;

    use super::*;

    #[test]
    fn a_port_that_is_not_written_is_that_of_the_trunks_transport_and_brackets_are_no_part_of_a_host()
     {
        let six = |id: &str, transport: Transport, port: Option<u16>| {
            let place = format!(
                "[fd00::1]:{}",
                port.unwrap_or_else(|| transport.default_port())
            );
            let mut trunk = trunk(id, 0);
            (trunk.host, trunk.transport, trunk.port) = ("[fd00::1]".into(), transport, port);
            (trunk, over(transport, &[&place]))
        };
        let trunks = Trunks::new([
            six("plain", Transport::Tcp, Some(5070)),
            six("secure", Transport::Tls, None),
        ]);
        let country = Country::from_code("RU").unwrap();
        for (uri, wanted) in [
            ("sip:205@[fd00::1]", Some("ext:205@secure")),
            ("sip:205@[fd00::1]:5061", Some("ext:205@secure")),
            ("sip:205@[fd00::1]:5070", Some("ext:205@plain")),
            (
                "sip:84950000009@[fd00::1]:5070",
                Some("number:+74950000009@plain"),
            ),
            ("sip:205@[fd00::1]:5060", None),
            ("sip:205@[fd00::2]:5070", None),
            ("tel:205", None),
        ] {
            let uri = Uri::parse(uri).unwrap();
            let found = redirected(&uri, "plain", &trunks, &country);
            assert_eq!(found.as_ref().map(|target| &*target.name), wanted, "{uri}");
        }
    }
}
