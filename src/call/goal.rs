//! Whom a Refer-To means (RFC 3515): a number or an extension on one of our trunks, and nobody else.

use std::sync::Arc;

use crate::base::country::Country;
use crate::base::number::Number;
use crate::call::trunks::{Line, Trunks};
use crate::route::decision::{Dial, Target};
use crate::sip::dialog::Dialog;
use crate::sip::uri::{Host, Scheme, Uri};

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
    let line = match is_at(uri, asking) {
        true => asking,
        false => trunks
            .iter()
            .find(|line| is_at(uri, line))
            .or_else(|| is_own.then_some(asking))?,
    };
    let trunk = Arc::clone(&line.trunk.id);
    Some(Target {
        name: name(&dial, &trunk),
        manager: None,
        dial,
        trunk,
        spare: [].into(),
    })
}

/// Names who calls by itself on a trunk; what no telephone could dial is not repeated.
pub(in crate::call) fn who(uri: &Uri, trunk: &Arc<str>, country: &Country) -> Target {
    let dial = dial(uri, country).unwrap_or_else(|| Dial::Extension("unknown".into()));
    Target {
        name: name(&dial, trunk),
        manager: None,
        dial,
        trunk: Arc::clone(trunk),
        spare: [].into(),
    }
}

fn name(dial: &Dial, trunk: &str) -> Arc<str> {
    match dial {
        Dial::Extension(text) => format!("ext:{text}@{trunk}").into(),
        Dial::Number(number) => format!("number:{number}@{trunk}").into(),
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

/// Whether the URI is on a trunk's host, by its name or by where that leads.
fn is_at(uri: &Uri, line: &Line) -> bool {
    let port = uri.port();
    let its_port = line
        .trunk
        .port
        .unwrap_or_else(|| line.trunk.transport.default_port());
    let named = is_named(uri, &line.trunk.host) && port.is_none_or(|port| port == its_port);
    let addressed = match uri.host() {
        Some(Host::Ip(ip)) => line
            .claims()
            .any(|own| own.ip() == ip.to_canonical() && port.is_none_or(|port| port == own.port())),
        Some(Host::Name(_)) | None => false,
    };
    named || addressed
}

fn is_named(uri: &Uri, host: &str) -> bool {
    uri.scheme() != Scheme::Tel && !host.is_empty() && uri.host_text().eq_ignore_ascii_case(host)
}
