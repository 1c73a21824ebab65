//! `[[trunk]]`: who sends calls and who takes them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::base::sound::{SoundFrom, Srtp};
use crate::call::trunk::{Allow, CallerId, DidFrom, HostPort, NumberFormat, Trunk};
use crate::config::book::{Book, Word};
use crate::config::conduct;
use crate::config::host::Host;
use crate::config::known::{self, Known};
use crate::config::outside::Outside;
use crate::config::secret::{self, Secret};
use crate::config::settings::TRANSPORTS;
use crate::config::tls::{self, Disk};
use crate::config::walk::Section;
use crate::engine::settings::Listen;
use crate::engine::tls::Toward;
use crate::sip::transport::Transport;

const SAMPLE_HOST: &str = "\"sip.example.com\"";

const MEDIA_WORDS: [(&str, SoundFrom); 3] = [
    ("sdp", SoundFrom::Sdp),
    ("ip", SoundFrom::Ip),
    ("nat", SoundFrom::Nat),
];

const SRTP_WORDS: [(&str, Srtp); 3] = [
    ("off", Srtp::Off),
    ("preferred", Srtp::Preferred),
    ("required", Srtp::Required),
];

const DID_WORDS: [(&str, DidFrom); 4] = [
    ("request-uri", DidFrom::RequestUri),
    ("to", DidFrom::To),
    ("diversion", DidFrom::Diversion),
    ("history-info", DidFrom::HistoryInfo),
];

const CALLER_ID_WORDS: [(&str, CallerId); 2] = [
    ("caller", CallerId::Caller),
    ("virtual-number", CallerId::VirtualNumber),
];

const FORMAT_WORDS: [(&str, NumberFormat); 3] = [
    ("e164", NumberFormat::E164),
    ("digits", NumberFormat::Digits),
    ("national", NumberFormat::National),
];

/// Reads every `[[trunk]]`.
pub(in crate::config) fn trunks(
    sections: Vec<Section<'_, '_>>,
    listen: &[Listen],
    disk: Disk<'_>,
) -> (Known<Trunk>, BTreeMap<Arc<str>, Toward>) {
    let Disk { base, outside, .. } = disk;
    let mut trunks = Known::new("[[trunk]]");
    let mut toward = BTreeMap::new();
    let mut claims = Vec::new();
    for mut section in sections {
        let book = section.book;
        let id = known::id(&mut section, "id", "\"carrier\"").filter(|id| {
            // `ext:101@pbx` ends in a trunk's name.
            let good = !id.text.contains('@');
            if !good {
                book.error(
                    id.at,
                    "a trunk's `id` has an @ in it",
                    "choose a name without it",
                );
            }
            good
        });
        let trunk = trunk(&mut section, id, base, outside, &mut claims);
        if let Some(known) = tls::toward(&mut section, trunk.as_ref(), listen, disk)
            && let Some(id) = id
        {
            toward.insert(id.text.into(), known);
        }
        if let Some(id) = id {
            trunks.add(book, id, trunk);
        }
        section.finish();
    }
    (trunks, toward)
}

fn trunk<'t>(
    section: &mut Section<'_, 't>,
    id: Option<Word<'t>>,
    base: &Path,
    outside: &dyn Outside,
    claims: &mut Vec<Claim<'t>>,
) -> Option<Trunk> {
    let book = section.book;
    let host_word = section.needed("host", SAMPLE_HOST);
    let host = host_word.and_then(|word| Host::read(book, "host", word));
    let transport = section.choice("transport", &TRANSPORTS);
    let (transport, any_transport) = (transport.unwrap_or(Transport::Udp), transport.is_none());
    let (allow, allow_is_good) = allow(section);
    let did_from = section.choice("did_from", &DID_WORDS);
    let caller_id = section.choice("caller_id", &CALLER_ID_WORDS);
    let number_format = section.choice("number_format", &FORMAT_WORDS);
    let media = section.choice("media", &MEDIA_WORDS).unwrap_or_default();
    let srtp = srtp(section, transport);
    let trusted = section.flag("trusted").unwrap_or(false);
    let max_calls = section.number("max_calls", 1..=u32::MAX, "200");
    let register = section.flag("register").unwrap_or(false);
    let did_from = did_from.unwrap_or(match register {
        // The Request-URI of a registered trunk's calls is our Contact, which holds no number.
        true => DidFrom::To,
        false => DidFrom::RequestUri,
    });
    let username = section.word("username", "\"7495000\"");
    let secret = secret::read(section, secret::OUR_PASSWORD, base, outside);
    let conduct = conduct::read(section, trusted, base, outside);
    if let Some(header) = believed_header(did_from)
        && !trusted
    {
        book.warn(
            section.place("did_from"),
            format!(
                "the dialled number is read from {header}, which is believed of trusted trunks only"
            ),
            "add trusted = true, or no call of this trunk finds a number",
        );
    }
    check_login(section, register, username, &secret);
    let (id, host) = (id?, host?);
    if allow_is_good {
        let who = Claimant { id, register };
        // With an outbound proxy its calls come from there.
        let reached = conduct.outbound_proxy.unwrap_or(host);
        let port = reached.port.unwrap_or_else(|| transport.default_port());
        claim(book, claims, who, (&reached, port), &allow);
    }
    Some(Trunk {
        id: id.text.into(),
        host: host.name.into(),
        port: host.port,
        transport,
        any_transport,
        allow: allow.into_iter().map(|(allow, _)| allow).collect(),
        did_from,
        caller_id: caller_id.unwrap_or_default(),
        number_format: number_format.unwrap_or_default(),
        media,
        srtp,
        trusted,
        max_calls,
        register,
        username: username.map(|word| word.text.into()),
        password: match secret {
            Secret::Is(password) => Some(Arc::clone(&password)),
            Secret::Absent | Secret::Unreadable => None,
        },
        outbound_proxy: conduct.outbound_proxy.map(|proxy| HostPort {
            host: proxy.name.into(),
            port: proxy.port,
        }),
        health_s: conduct.health_s,
        calls_per_s: conduct.calls_per_s,
        reliable: conduct.reliable,
        transfers: conduct.transfers,
        reach: conduct.reach,
        inbound: conduct.inbound,
    })
}

/// Reads `srtp`: its keys stand in the SDP (RFC 4568), for everybody to read whom the signalling passes.
fn srtp(section: &mut Section<'_, '_>, transport: Transport) -> Srtp {
    let srtp = section.choice("srtp", &SRTP_WORDS).unwrap_or_default();
    if srtp != Srtp::Off && !transport.is_secure() {
        section.book.warn(
            section.place("srtp"),
            "the keys of SRTP stand in SIP messages, and this trunk's are not encrypted: whoever reads them hears the calls",
            "add transport = \"tls\"",
        );
    }
    srtp
}

/// The header in which the dialled number stands, where only a trusted trunk may say it.
const fn believed_header(did_from: DidFrom) -> Option<&'static str> {
    match did_from {
        DidFrom::RequestUri | DidFrom::To => None,
        DidFrom::Diversion => Some("Diversion"),
        DidFrom::HistoryInfo => Some("History-Info"),
    }
}

fn check_login(
    section: &Section<'_, '_>,
    register: bool,
    username: Option<Word<'_>>,
    secret: &Secret,
) {
    let book = section.book;
    let has_secret = match secret {
        Secret::Is(_) | Secret::Unreadable => true,
        Secret::Absent => false,
    };
    match username {
        Some(name) if !has_secret => book.absent(
            name.at,
            "there is a `username` without a password",
            "add password_file = \"carrier.secret\" or password_env = \"CARRIER_PASSWORD\"",
        ),
        None if has_secret && !section.has("username") => book.absent(
            section.at,
            "there is a password without a `username`",
            "add username = \"7495000\"",
        ),
        None if register && !section.has("username") => book.absent(
            section.place("register"),
            "a registration needs a `username` and a password",
            "add username, and password_file or password_env",
        ),
        Some(_) | None => {}
    }
}

/// Reads `allow`, and says whether every entry could be read.
fn allow(section: &mut Section<'_, '_>) -> (Vec<(Allow, usize)>, bool) {
    let words = section.words("allow", "[\"192.0.2.1\", \"198.51.100.0/24\"]");
    let count = words.len();
    let mut list: Vec<(Allow, usize)> = Vec::with_capacity(count);
    for word in words {
        match read_allow(word.text) {
            Ok(allow) if list.iter().any(|(earlier, _)| *earlier == allow) => {
                let message = format!("\"{}\" is there twice", word.text);
                section.book.warn(word.at, message, "leave one of them out");
            }
            Ok(allow) => list.push((allow, word.at)),
            Err(why) => section.book.error(
                word.at,
                format!("`allow` has \"{}\", which {why}", word.text),
                "write an address, an address with a port, or a network: \"192.0.2.1\", \"192.0.2.1:5060\", \"198.51.100.0/24\"",
            ),
        }
    }
    let is_good = list.len() == count;
    (list, is_good)
}

fn read_allow(text: &str) -> Result<Allow, &'static str> {
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Ok(Allow {
            address: socket.ip(),
            prefix: width(socket.ip()),
            port: Some(socket.port()),
        });
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let inner = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Ok(address) = inner.unwrap_or(address).parse::<IpAddr>() else {
        return Err("is no address; names are not looked up here");
    };
    let prefix = match prefix.map(str::parse::<u8>) {
        None => width(address),
        Some(Ok(prefix)) if prefix <= width(address) => prefix,
        Some(_) => return Err("has no such prefix length"),
    };
    if !ends_in_zeros(address, prefix) {
        return Err("has bits behind its prefix length, so one of the two is wrong");
    }
    Ok(Allow {
        address,
        prefix,
        port: None,
    })
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn ends_in_zeros(address: IpAddr, prefix: u8) -> bool {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) == 0,
        IpAddr::V6(v6) => v6.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) == 0,
    }
}

/// What an earlier trunk is recognised by.
struct Claim<'t> {
    what: Sign<'t>,
    who: Claimant<'t>,
}

#[derive(Clone, Copy)]
struct Claimant<'t> {
    id: Word<'t>,
    register: bool,
}

/// A source address, or the host whose addresses are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign<'t> {
    Source(Allow),
    Name(&'t str, u16),
}

/// Notes what two trunks are recognised by alike. Two accounts at one carrier are told apart by their registrations.
fn claim<'t>(
    book: &Book<'_>,
    claims: &mut Vec<Claim<'t>>,
    who: Claimant<'t>,
    (host, port): (&Host<'t>, u16),
    allow: &[(Allow, usize)],
) {
    let own = match host.address() {
        Some(address) => Sign::Source(Allow {
            address,
            prefix: width(address),
            port: Some(port),
        }),
        None => Sign::Name(host.name, port),
    };
    let mut signs = vec![(own, host.at)];
    for (allow, at) in allow {
        let sign = Sign::Source(*allow);
        if sign != own {
            signs.push((sign, *at));
        }
    }
    let registered = who.register;
    for (what, at) in signs {
        let alike = claims.iter().find(|claim| claim.what == what);
        match alike {
            Some(first) if !(registered && first.who.register) => book.error(
                at,
                format!(
                    "calls from {} match trunk \"{}\" alike, in line {}",
                    what.in_words(),
                    first.who.id.text,
                    book.line(first.who.id.at)
                ),
                "give each trunk addresses or ports of its own",
            ),
            Some(_) | None => claims.push(Claim { what, who }),
        }
    }
}

impl Sign<'_> {
    fn in_words(self) -> String {
        match self {
            Self::Name(name, port) => format!("{name}:{port}"),
            Self::Source(Allow {
                address,
                port: Some(port),
                ..
            }) => std::net::SocketAddr::new(address, port).to_string(),
            Self::Source(Allow {
                address, prefix, ..
            }) if prefix == width(address) => address.to_string(),
            Self::Source(Allow {
                address, prefix, ..
            }) => format!("{address}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests;
