//! `[[trunk]]`: who sends calls and who takes them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::base::sound::SoundFrom;
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
mod tests {
    use super::*;
    use crate::config::trial::{good, mistakes, notes};

    fn trunk(text: &str) -> Trunk {
        let config = good(&format!("[[trunk]]\nid = \"a\"\n{text}"));
        config.trunks[0].clone()
    }

    #[test]
    fn a_trunk_needs_an_id_and_a_host_and_has_defaults_for_the_rest() {
        assert_eq!(
            mistakes("[[trunk]]\ntrusted = true\n"),
            [
                "1:1: [[trunk]] has no `id`; add id = \"carrier\"",
                "1:1: [[trunk]] has no `host`; add host = \"sip.example.com\"",
            ]
        );
        let trunk = trunk("host = \"sip.example.com\"\n");
        assert_eq!((&*trunk.host, trunk.port), ("sip.example.com", None));
        assert_eq!(trunk.transport, Transport::Udp);
        assert_eq!(trunk.did_from, DidFrom::RequestUri);
        assert_eq!(trunk.caller_id, CallerId::Caller);
        assert_eq!(trunk.number_format, NumberFormat::E164);
        assert_eq!(trunk.media, SoundFrom::Sdp);
        assert_eq!(
            (trunk.trusted, trunk.register, trunk.max_calls),
            (false, false, None)
        );
    }

    #[test]
    fn a_registered_trunk_reads_the_number_from_to_unless_it_says_otherwise() {
        let account = "host = \"a.example\"\nregister = true\nusername = \"u\"\npassword = \"p\"\n";
        assert_eq!(trunk(account).did_from, DidFrom::To);
        let written = format!("{account}did_from = \"request-uri\"\n");
        assert_eq!(trunk(&written).did_from, DidFrom::RequestUri);
        let unregistered = "host = \"a.example\"\nregister = false\n";
        assert_eq!(trunk(unregistered).did_from, DidFrom::RequestUri);
    }

    #[test]
    fn hosts_come_with_and_without_a_port_and_in_ipv6() {
        let host = |host: &str| {
            let trunk = trunk(&format!("host = \"{host}\"\n"));
            (trunk.host.to_string(), trunk.port)
        };
        assert_eq!(host("192.0.2.1:5066"), ("192.0.2.1".to_owned(), Some(5066)));
        assert_eq!(
            host("[2001:db8::1]:5070"),
            ("[2001:db8::1]".to_owned(), Some(5070))
        );
        assert_eq!(host("[2001:db8::1]"), ("[2001:db8::1]".to_owned(), None));
        for wrong in ["sip:a", "a:99999", "a:0", "2001:db8::1", "a b"] {
            let found = mistakes(&format!("[[trunk]]\nid = \"a\"\nhost = \"{wrong}\"\n"));
            assert_eq!(found.len(), 1, "{wrong}: {found:?}");
            assert!(found[0].starts_with("3:8: `host` is "), "{found:?}");
        }
    }

    #[test]
    fn allow_takes_addresses_ports_and_networks() {
        let trunk = trunk(
            "host = \"192.0.2.1\"\nallow = [\"192.0.2.9\", \"192.0.2.9:5066\", \"198.51.100.0/24\", \"2001:db8::/32\", \"[::1]:5060\"]\n",
        );
        let shown: Vec<_> = trunk
            .allow
            .iter()
            .map(|a| (a.address.to_string(), a.prefix, a.port))
            .collect();
        let expected = [
            ("192.0.2.9", 32, None),
            ("192.0.2.9", 32, Some(5066)),
            ("198.51.100.0", 24, None),
            ("2001:db8::", 32, None),
            ("::1", 128, Some(5060)),
        ];
        assert_eq!(
            shown,
            expected.map(|(address, prefix, port)| (address.to_owned(), prefix, port))
        );
    }

    #[test]
    fn allow_refuses_names_and_bits_behind_the_prefix() {
        let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\nallow = [\"sip.example.com\", \"198.51.100.7/24\", \"10.0.0.0/33\"]\n";
        let remedy = "write an address, an address with a port, or a network: \"192.0.2.1\", \"192.0.2.1:5060\", \"198.51.100.0/24\"";
        assert_eq!(
            mistakes(text),
            [
                format!(
                    "4:10: `allow` has \"sip.example.com\", which is no address; names are not looked up here; {remedy}"
                ),
                format!(
                    "4:29: `allow` has \"198.51.100.7/24\", which has bits behind its prefix length, so one of the two is wrong; {remedy}"
                ),
                format!(
                    "4:48: `allow` has \"10.0.0.0/33\", which has no such prefix length; {remedy}"
                ),
            ]
        );
    }

    #[test]
    fn two_trunks_that_match_alike_are_a_mistake() {
        let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\n[[trunk]]\nid = \"b\"\nhost = \"192.0.2.1:5060\"\n[[trunk]]\nid = \"c\"\nhost = \"192.0.2.3\"\nallow = [\"10.0.0.0/8\"]\n[[trunk]]\nid = \"d\"\nhost = \"192.0.2.4\"\nallow = \"10.0.0.0/8\"\n";
        let remedy = "give each trunk addresses or ports of its own";
        assert_eq!(
            mistakes(text),
            [
                format!(
                    "6:8: calls from 192.0.2.1:5060 match trunk \"a\" alike, in line 2; {remedy}"
                ),
                format!("14:9: calls from 10.0.0.0/8 match trunk \"c\" alike, in line 8; {remedy}"),
            ]
        );
    }

    #[test]
    fn two_accounts_at_one_carrier_are_told_apart_by_their_registrations() {
        let account = |id: &str| {
            format!(
                "[[trunk]]\nid = \"{id}\"\nhost = \"sip.example.com\"\nregister = true\nusername = \"{id}\"\npassword_env = \"CARRIER_PASSWORD\"\n"
            )
        };
        assert_eq!(mistakes(&(account("a") + &account("b"))), [""; 0]);
    }

    #[test]
    fn an_id_is_given_once() {
        let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\n[[trunk]]\nid = \"a\"\nhost = \"192.0.2.2\"\n";
        assert_eq!(
            mistakes(text),
            ["5:6: [[trunk]] \"a\" is there already, in line 2; give one of them another name"]
        );
    }

    #[test]
    fn a_registration_needs_a_user_and_a_password() {
        let found = |text: &str| mistakes(&format!("[[trunk]]\nid = \"a\"\nhost = \"b\"\n{text}"));
        assert_eq!(
            found("register = true\n"),
            [
                "4:12: a registration needs a `username` and a password; add username, and password_file or password_env"
            ]
        );
        assert_eq!(
            found("username = \"u\"\n"),
            [
                "4:12: there is a `username` without a password; add password_file = \"carrier.secret\" or password_env = \"CARRIER_PASSWORD\""
            ]
        );
        assert_eq!(
            found("password_env = \"CARRIER_PASSWORD\"\n"),
            ["1:1: there is a password without a `username`; add username = \"7495000\""]
        );
    }

    #[test]
    fn diversion_of_a_trunk_that_is_not_believed_is_a_warning() {
        let found = notes("[[trunk]]\nid = \"a\"\nhost = \"b\"\ndid_from = \"diversion\"\n");
        assert!(
            found
                .iter()
                .any(|note| note
                    .starts_with("4:12: warning: the dialled number is read from Diversion")),
            "{found:#?}"
        );
    }

    #[test]
    fn two_trunks_behind_one_outbound_proxy_match_alike() {
        let trunk = |id: &str, more: &str| {
            format!(
                "[[trunk]]\nid = \"{id}\"\nhost = \"{id}.example\"\noutbound_proxy = \"proxy.example\"\n{more}"
            )
        };
        assert_eq!(
            mistakes(&format!("{}{}", trunk("a", ""), trunk("b", ""))),
            [
                "8:18: calls from proxy.example:5060 match trunk \"a\" alike, in line 2; give each trunk addresses or ports of its own"
            ]
        );
        let account = "register = true\nusername = \"u\"\npassword_env = \"CARRIER_PASSWORD\"\n";
        assert!(mistakes(&format!("{}{}", trunk("a", account), trunk("b", account))).is_empty());
    }

    #[test]
    fn a_transport_that_nobody_wrote_is_left_to_the_names_records() {
        assert!(trunk("host = \"a.example\"\n").any_transport);
        assert!(!trunk("host = \"a.example\"\ntransport = \"udp\"\n").any_transport);
    }
}
