//! Certificates and keys: what we show, whom we trust, what a trunk must be called.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::path::Path;

use crate::call::trunk::Trunk;
use crate::config::book::Word;
use crate::config::outside::{Outside, PemFile};
use crate::config::settings::resolve;
use crate::config::walk::Section;
use crate::engine::settings::Listen;
use crate::engine::tls::{self, Authorities, Identity, Served, Toward, Validity, Wrong};
use crate::sip::host::unbracketed;
use crate::sip::transport::Transport;

/// The keys of a certificate and of its key.
#[derive(Clone, Copy)]
struct Keys {
    certificate: &'static str,
    key: &'static str,
}

const OURS: Keys = Keys {
    certificate: "certificate_file",
    key: "private_key_file",
};
const OURS_TOWARD_A_TRUNK: Keys = Keys {
    certificate: "tls_certificate_file",
    key: "tls_key_file",
};

const SAMPLE_CERTIFICATE: &str = "\"sip.example.com.pem\"";
const SAMPLE_KEY: &str = "\"sip.example.com.key\"";
const SAMPLE_CA: &str = "\"ca.pem\"";
const REMEDY_PATH: &str =
    "write the name of a PEM file; the path counts from the folder of this configuration";

/// Where files are, and the machine that has them.
#[derive(Clone, Copy)]
pub(in crate::config) struct Disk<'a> {
    /// The folder of the configuration.
    pub(in crate::config) base: &'a Path,
    /// The machine.
    pub(in crate::config) outside: &'a dyn Outside,
    /// Whom the machine trusts, once that was asked.
    pub(in crate::config) trusted: &'a OnceCell<Option<Authorities>>,
}

impl Disk<'_> {
    fn trusted(&self) -> Option<Authorities> {
        let found = self
            .trusted
            .get_or_init(|| Authorities::of_machine(self.outside.authorities()));
        found.clone()
    }
}

/// Reads what `[sip]` says of certificates; `listen` is who needs them.
pub(in crate::config) fn served(
    section: &mut Section<'_, '_>,
    listen: &[Listen],
    disk: Disk<'_>,
) -> Option<Served> {
    let identity = identity(section, OURS, disk);
    let clients = section.word("client_ca_file", SAMPLE_CA);
    let trusted = clients.and_then(|word| authorities(section, word, disk));
    let book = section.book;
    let secure = listen.iter().find(|socket| socket.transport.is_secure());
    let is_written = section.has(OURS.certificate) || section.has(OURS.key);
    match secure {
        Some(socket) if !is_written => book.absent(
            section.place("listen"),
            format!("`listen` has {}:, but no certificate to show there", socket.transport),
            "add certificate_file = \"sip.example.com.pem\" and private_key_file = \"sip.example.com.key\"",
        ),
        None if is_written => book.warn(
            section.place(OURS.certificate),
            "the certificate is shown to nobody: `listen` has neither tls: nor wss:",
            "add \"tls:0.0.0.0:5061\" to `listen`",
        ),
        None if clients.is_some() => book.warn(
            section.place("client_ca_file"),
            "nobody is asked for a certificate: `listen` has neither tls: nor wss:",
            "add \"tls:0.0.0.0:5061\" to `listen`",
        ),
        Some(_) | None => {}
    }
    // An authority that cannot be read is noted; nobody is served without it.
    let served = match clients {
        None => Served::new(&identity?, None),
        Some(_) => Served::new(&identity?, Some(&trusted?)),
    };
    served
        .map_err(|why| {
            let at = section.place("client_ca_file");
            book.error(
                at,
                format!("`client_ca_file` is of no use: {why}"),
                REMEDY_PATH,
            );
        })
        .ok()
}

/// Reads what `[web]` says of certificates; `None`: nothing, or nothing that can be shown.
pub(in crate::config) fn shown(section: &mut Section<'_, '_>, disk: Disk<'_>) -> Option<Served> {
    let identity = identity(section, OURS, disk)?;
    let at = section.place(OURS.certificate);
    Served::new(&identity, None)
        .map_err(|why| {
            let message = format!("the certificate is of no use: {why}");
            section.book.error(at, message, REMEDY_PATH);
        })
        .ok()
}

/// Reads what a `[[trunk]]` says of certificates; `trunk` is what else it says, where that could be read.
pub(in crate::config) fn toward(
    section: &mut Section<'_, '_>,
    trunk: Option<&Trunk>,
    listen: &[Listen],
    disk: Disk<'_>,
) -> Option<Toward> {
    let book = section.book;
    let name = section.word("tls_name", "\"sip.example.com\"");
    let ca = section.word("tls_ca_file", SAMPLE_CA);
    let own = identity(section, OURS_TOWARD_A_TRUNK, disk);
    let trunk = trunk?;
    check_use(section, trunk, listen);
    let asked = name.filter(|name| {
        let good = tls::is_name(name.text);
        if !good {
            let message = format!(
                "`tls_name` is \"{}\", which no certificate can bear",
                name.text
            );
            book.error(
                name.at,
                message,
                "write a host name or an address, without a port",
            );
        }
        good
    });
    let host = match &trunk.outbound_proxy {
        Some(proxy) => &proxy.host,
        None => &trunk.host,
    };
    let called = asked.map_or(&**host, |name| name.text);
    match trunk.transport {
        // The records of its name may choose TLS (RFC 3263 4.1).
        Transport::Udp if trunk.any_transport && !is_address(&trunk.host) => {
            Toward::new(called, &disk.trusted()?, None).ok()
        }
        Transport::Udp | Transport::Tcp | Transport::Ws => None,
        Transport::Wss => Toward::named(called),
        Transport::Tls => {
            let trusted = match ca {
                Some(word) => authorities(section, word, disk)?,
                None => of_machine(section, disk)?,
            };
            Toward::new(called, &trusted, own.as_ref())
                .map_err(|why| {
                    let message = format!("the trunk's name is \"{called}\": {why}");
                    book.error(section.at, message, "write tls_name = \"sip.example.com\"");
                })
                .ok()
        }
    }
}

/// Notes keys that say nothing over the trunk's transport, and WebSockets that nobody could open.
fn check_use(section: &Section<'_, '_>, trunk: &Trunk, listen: &[Listen]) {
    let book = section.book;
    let transport = trunk.transport;
    let idle: &[&str] = match transport {
        Transport::Tls => &[],
        Transport::Wss => &[
            "tls_ca_file",
            OURS_TOWARD_A_TRUNK.certificate,
            OURS_TOWARD_A_TRUNK.key,
        ],
        Transport::Udp | Transport::Tcp | Transport::Ws => &[
            "tls_name",
            "tls_ca_file",
            OURS_TOWARD_A_TRUNK.certificate,
            OURS_TOWARD_A_TRUNK.key,
        ],
    };
    for key in idle.iter().filter(|key| section.has(key)) {
        book.warn(
            section.place(key),
            format!("`{key}` says nothing over {transport}, which never asks for it"),
            "write transport = \"tls\", or leave it out",
        );
    }
    if !transport.is_framed() {
        return;
    }
    let at = section.place("transport");
    if !listen.iter().any(|socket| socket.transport == transport) {
        book.error(
            at,
            format!("the trunk comes over {transport}, which its side opens, but `listen` has no {transport}:"),
            format!("add \"{transport}:0.0.0.0:{}\" to `listen`", transport.default_port()),
        );
    }
    if trunk.register {
        book.error(
            section.place("register"),
            format!("there is no registering over {transport}: its side opens the connection"),
            "leave `register` out, or choose another transport",
        );
    }
}

fn identity(section: &mut Section<'_, '_>, keys: Keys, disk: Disk<'_>) -> Option<Identity> {
    let book = section.book;
    let certificate = section.word(keys.certificate, SAMPLE_CERTIFICATE);
    let key = section.word(keys.key, SAMPLE_KEY);
    for (written, missing, sample) in [
        (keys.certificate, keys.key, SAMPLE_KEY),
        (keys.key, keys.certificate, SAMPLE_CERTIFICATE),
    ] {
        if section.has(written) && !section.has(missing) {
            book.absent(
                section.place(written),
                format!("there is a `{written}` without a `{missing}`"),
                format!("add {missing} = {sample}"),
            );
        }
    }
    let chain_file = certificate.and_then(|word| pem(section, word, disk));
    let key_file = key.and_then(|word| pem(section, word, disk));
    let (certificate, key) = (certificate?, key?);
    let (chain_file, key_file) = (chain_file?, key_file?);
    let key_shown = resolve(disk.base, key.text).display().to_string();
    if key_file.readable_by_others {
        book.warn(
            key.at,
            format!("{key_shown} can be read by other users of this machine"),
            format!("run chmod 600 {key_shown}"),
        );
    }
    let shown = resolve(disk.base, certificate.text).display().to_string();
    let identity = Identity::read(&chain_file.bytes, &key_file.bytes).map_err(|wrong| {
        let (at, who, remedy) = match wrong {
            Wrong::NoCertificate | Wrong::BadCertificate(_) | Wrong::LongChain => (
                certificate.at,
                &shown,
                "write the certificate as PEM, then those that sign it, up to the root",
            ),
            Wrong::NoKey | Wrong::BadKey(_) => (
                key.at,
                &key_shown,
                "write the certificate's private key as PEM without a password",
            ),
            Wrong::OtherKey => (key.at, &key_shown, "write the key that it was made for"),
        };
        book.error(at, format!("{who} {wrong}"), remedy);
    });
    let identity = identity.ok()?;
    let trouble = match identity.validity(disk.outside.now()) {
        Validity::Good => None,
        Validity::EndsSoon => Some("ends within two weeks"),
        Validity::Ended => Some("has expired: peers that check it refuse to talk"),
        Validity::NotYet => Some("is not valid yet: peers that check it refuse to talk"),
    };
    if let Some(trouble) = trouble {
        let message = format!("the certificate in {shown} {trouble}");
        book.warn(certificate.at, message, "have it renewed, then send SIGHUP");
    }
    Some(identity)
}

fn authorities(section: &Section<'_, '_>, word: Word<'_>, disk: Disk<'_>) -> Option<Authorities> {
    let file = pem(section, word, disk)?;
    Authorities::read(&file.bytes)
        .map_err(|wrong| {
            let shown = resolve(disk.base, word.text).display().to_string();
            let remedy = "write the certificates of those who are trusted, as PEM";
            section
                .book
                .error(word.at, format!("{shown} {wrong}"), remedy);
        })
        .ok()
}

/// Reads the authorities that `word` names, for a client that wants them as PEM.
pub(in crate::config) fn pem_of_authorities(
    section: &Section<'_, '_>,
    word: Word<'_>,
    disk: Disk<'_>,
) -> Option<Vec<u8>> {
    authorities(section, word, disk)?;
    pem(section, word, disk).map(|file| file.bytes)
}

fn is_address(host: &str) -> bool {
    unbracketed(host).parse::<IpAddr>().is_ok()
}

fn of_machine(section: &Section<'_, '_>, disk: Disk<'_>) -> Option<Authorities> {
    let found = disk.trusted();
    if found.is_none() && disk.outside.is_asked() {
        section.book.error(
            section.at,
            "this machine trusts no authority, so the trunk's certificate cannot be checked",
            "install ca-certificates, or add tls_ca_file = \"ca.pem\"",
        );
    }
    found
}

fn pem(section: &Section<'_, '_>, word: Word<'_>, disk: Disk<'_>) -> Option<PemFile> {
    if !disk.outside.is_asked() {
        return None;
    }
    let path = resolve(disk.base, word.text);
    disk.outside
        .pem(&path)
        .map_err(|error| {
            let message = format!("{} cannot be read: {error}", path.display());
            section.book.error(word.at, message, REMEDY_PATH);
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes};

    /// Mistakes and warnings, but for the one that nobody can be called.
    fn notes(text: &str) -> Vec<String> {
        let mut notes = crate::config::trial::notes(text);
        notes.retain(|note| !note.contains("there is no virtual number"));
        notes
    }

    const SIP: &str = "[sip]\nlisten = \"tls:127.0.0.1:5061\"\n";
    const TRUNK: &str = "[[trunk]]\nid = \"a\"\nhost = \"sip.example.com\"\ntransport = \"tls\"\n";

    #[test]
    fn a_certificate_with_its_key_is_served_and_clients_may_be_asked_for_theirs() {
        let pair = "certificate_file = \"sip.pem\"\nprivate_key_file = \"sip.key\"\n";
        let open = good(&format!("{SIP}{pair}"));
        let closed = good(&format!("{SIP}{pair}client_ca_file = \"ca.pem\"\n"));
        assert!(open.tls.served.is_some() && closed.tls.served.is_some());
        assert_ne!(open.tls.served, closed.tls.served);
        assert_eq!(good("").tls.served, None);
    }

    #[test]
    fn what_is_wrong_with_our_certificate_is_told_with_its_place_and_remedy() {
        let told = |text: &str| notes(&format!("{SIP}{text}\n"));
        let pair = |certificate: &str, key: &str| {
            told(&format!(
                "certificate_file = \"{certificate}\"\nprivate_key_file = \"{key}\""
            ))
        };
        assert_eq!(pair("sip.pem", "sip.key"), [""; 0]);
        assert_eq!(
            told(""),
            [
                "2:10: `listen` has tls:, but no certificate to show there; add certificate_file = \"sip.example.com.pem\" and private_key_file = \"sip.example.com.key\""
            ]
        );
        assert_eq!(
            told("certificate_file = \"sip.pem\""),
            [
                "3:20: there is a `certificate_file` without a `private_key_file`; add private_key_file = \"sip.example.com.key\""
            ]
        );
        assert_eq!(
            pair("sip.pem", "other.key"),
            [
                "4:20: /etc/ringtag/other.key does not fit the certificate; write the key that it was made for"
            ]
        );
        assert_eq!(
            pair("sip.key", "sip.key"),
            [
                "3:20: /etc/ringtag/sip.key holds no certificate in PEM; write the certificate as PEM, then those that sign it, up to the root"
            ]
        );
        assert_eq!(
            pair("sip.pem", "sip.pem"),
            [
                "4:20: /etc/ringtag/sip.pem holds no private key in PEM; write the certificate's private key as PEM without a password"
            ]
        );
        let missing = pair("no.pem", "sip.key");
        assert!(
            missing[0].starts_with("3:20: /etc/ringtag/no.pem cannot be read: "),
            "{missing:?}"
        );
        assert_eq!(
            pair("old.pem", "old.key"),
            [
                "3:20: warning: the certificate in /etc/ringtag/old.pem has expired: peers that check it refuse to talk; have it renewed, then send SIGHUP"
            ]
        );
        assert_eq!(
            pair("sip.pem", "open.key"),
            [
                "4:20: warning: /etc/ringtag/open.key can be read by other users of this machine; run chmod 600 /etc/ringtag/open.key"
            ]
        );
    }

    #[test]
    fn a_certificate_that_nobody_is_shown_is_a_warning() {
        let found = notes(
            "[sip]\ncertificate_file = \"sip.pem\"\nprivate_key_file = \"sip.key\"\nclient_ca_file = \"ca.pem\"\n",
        );
        assert_eq!(
            found,
            [
                "2:20: warning: the certificate is shown to nobody: `listen` has neither tls: nor wss:; add \"tls:0.0.0.0:5061\" to `listen`"
            ]
        );
    }

    #[test]
    fn authorities_that_cannot_be_read_leave_nobody_served() {
        let pair = "certificate_file = \"sip.pem\"\nprivate_key_file = \"sip.key\"\n";
        let found = mistakes(&format!("{SIP}{pair}client_ca_file = \"sip.key\"\n"));
        assert_eq!(
            found,
            [
                "5:18: /etc/ringtag/sip.key holds no certificate in PEM; write the certificates of those who are trusted, as PEM"
            ]
        );
    }

    #[test]
    fn a_trunk_is_checked_by_its_name_and_the_authorities_given() {
        let config = good(&format!("{TRUNK}tls_ca_file = \"ca.pem\"\n"));
        assert!(config.tls.toward.contains_key("a"));
        let named = good(&format!(
            "{TRUNK}tls_ca_file = \"ca.pem\"\ntls_name = \"other.example.com\"\n"
        ));
        assert_ne!(config.tls.toward, named.tls.toward);
        let known = good(&format!(
            "{TRUNK}tls_ca_file = \"ca.pem\"\ntls_certificate_file = \"sip.pem\"\ntls_key_file = \"sip.key\"\n"
        ));
        assert_ne!(config.tls.toward, known.tls.toward);
    }

    #[test]
    fn a_trunk_that_nobody_vouches_for_is_a_mistake() {
        assert_eq!(
            mistakes(TRUNK),
            [
                "1:1: this machine trusts no authority, so the trunk's certificate cannot be checked; install ca-certificates, or add tls_ca_file = \"ca.pem\""
            ]
        );
        assert_eq!(
            mistakes(&format!(
                "{TRUNK}tls_ca_file = \"ca.pem\"\ntls_name = \"a:5061\"\n"
            )),
            [
                "6:12: `tls_name` is \"a:5061\", which no certificate can bear; write a host name or an address, without a port"
            ]
        );
    }

    #[test]
    fn keys_that_say_nothing_over_another_transport_are_warned_of() {
        let found = notes("[[trunk]]\nid = \"a\"\nhost = \"b\"\ntls_name = \"c\"\n");
        assert_eq!(
            found,
            [
                "4:12: warning: `tls_name` says nothing over udp, which never asks for it; write transport = \"tls\", or leave it out"
            ]
        );
    }

    #[test]
    fn a_trunk_over_websocket_needs_a_listener_and_cannot_be_registered_at() {
        let trunk = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\ntransport = \"ws\"\n";
        assert_eq!(
            mistakes(&format!(
                "{trunk}register = true\nusername = \"u\"\npassword = \"p\"\n"
            )),
            [
                "4:13: the trunk comes over ws, which its side opens, but `listen` has no ws:; add \"ws:0.0.0.0:80\" to `listen`",
                "5:12: there is no registering over ws: its side opens the connection; leave `register` out, or choose another transport",
            ]
        );
        good(&format!("[sip]\nlisten = \"ws:127.0.0.1:8088\"\n{trunk}"));
    }
}
