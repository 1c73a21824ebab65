//! `[web]`: where the pages are, what they show of themselves, whom they believe.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::api::settings::{Network, PublicUrl, Settings};
use crate::config::book::Word;
use crate::config::sockets;
use crate::config::tls::{self, Disk};
use crate::config::walk::Section;
use crate::engine;
use crate::people::Users;
use crate::people::session::Lifetime;

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_080);

/// A year: a board on a wall logs in once.
const SESSION_H_MAX: u32 = 8_760;
/// Shorter than a talk with a customer, a session would end while somebody writes a note.
const IDLE_MIN_MIN: u32 = 5;

/// Reads `[web]`; `sip` is asked whether its sockets leave the port free, `users` whether anybody can be told apart.
pub(in crate::config) fn web(
    mut section: Section<'_, '_>,
    sip: &engine::settings::Settings,
    users: &Users,
    disk: Disk<'_>,
) -> Settings {
    let written = section.word("listen", "\"127.0.0.1:8080\"");
    let listen = match written {
        None => Some(LISTEN),
        Some(word) if word.text == "none" => None,
        Some(word) => address(&section, word),
    };
    sockets::check_web(section.book, listen, section.place("listen"), &sip.listen);
    let is_secure = section.has("certificate_file") || section.has("private_key_file");
    let tls = tls::shown(&mut section, disk);
    let proxies = section.words("trusted_proxies", "[\"127.0.0.1\"]");
    let trusted_proxies = proxies
        .iter()
        .filter_map(|word| proxy(&section, *word))
        .collect();
    let urls = section.words("public_url", "\"https://calls.example.com\"");
    let public_urls = urls
        .iter()
        .filter_map(|word| public_url(&section, *word))
        .collect();
    let settings = Settings {
        listen,
        tls,
        trusted_proxies,
        public_urls,
        session: lifetime(&mut section),
    };
    check_reach(&section, &settings, users, is_secure);
    section.finish();
    settings
}

fn address(section: &Section<'_, '_>, word: Word<'_>) -> Option<SocketAddr> {
    let address = word.text.parse::<SocketAddr>().ok();
    if address.is_none() {
        section.book.error(
            word.at,
            format!(
                "`listen` is \"{}\", which is no address with a port",
                word.text
            ),
            "write an address and a port, such as \"127.0.0.1:8080\", or \"none\"",
        );
    }
    address
}

/// Notes pages that are open to more than is meant, or to fewer.
fn check_reach(section: &Section<'_, '_>, settings: &Settings, users: &Users, is_secure: bool) {
    let Some(address) = settings
        .listen
        .filter(|address| !address.ip().is_loopback())
    else {
        return;
    };
    let (message, remedy) = if users.is_empty() {
        (
            format!("{address} can be reached from other machines, but there is no [[user]] yet"),
            format!(
                "add one (`ringtag passwd` makes the password); until then ringtag answers on 127.0.0.1:{} only",
                address.port()
            ),
        )
    } else if !is_secure && settings.trusted_proxies.is_empty() {
        (
            format!("{address} speaks plain HTTP: passwords and recordings can be read on the way"),
            "add certificate_file and private_key_file, or put a proxy with TLS before it and name it in trusted_proxies".to_owned(),
        )
    } else {
        return;
    };
    section.book.warn(section.place("listen"), message, remedy);
}

fn proxy(section: &Section<'_, '_>, word: Word<'_>) -> Option<Network> {
    let network = Network::read(word.text);
    let why = match network {
        Some(network) if network.is_everybody() => "would believe everybody",
        Some(_) => return network,
        None => "is no address and no network",
    };
    section.book.error(
        word.at,
        format!("`trusted_proxies` has \"{}\", which {why}", word.text),
        "write the addresses that the proxy connects from: \"127.0.0.1\", \"10.0.0.0/24\"",
    );
    None
}

fn public_url(section: &Section<'_, '_>, word: Word<'_>) -> Option<PublicUrl> {
    let url = PublicUrl::read(word.text);
    if url.is_none() {
        section.book.error(
            word.at,
            format!(
                "`public_url` has \"{}\", which is no address of a site",
                word.text
            ),
            "write scheme and host, without a path: \"https://calls.example.com\"",
        );
    }
    url
}

fn lifetime(section: &mut Section<'_, '_>) -> Lifetime {
    let usual = Lifetime::default();
    let seconds = |number: u32, unit: u64| Duration::from_secs(u64::from(number) * unit);
    let whole = section.number("session_h", 1..=SESSION_H_MAX, "12");
    let idle = section.number("session_idle_min", IDLE_MIN_MIN..=SESSION_H_MAX * 60, "120");
    Lifetime {
        whole: whole.map_or(usual.whole, |hours| seconds(hours, 3_600)),
        idle: idle.map_or(usual.idle, |minutes| seconds(minutes, 60)),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes, notes};

    const ADMIN: &str = "[[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0000000000000000000000000000000000000000000\"\n";

    #[test]
    fn the_pages_are_on_loopback_for_twelve_hours_unless_it_is_said() {
        let web = good("").web;
        assert_eq!(web.listen, Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(web.session.whole.as_secs(), 12 * 3_600);
        assert_eq!(web.session.idle.as_secs(), 2 * 3_600);
        assert!(web.tls.is_none() && web.trusted_proxies.is_empty() && web.public_urls.is_empty());
        assert_eq!(good("[web]\nlisten = \"none\"\n").web.listen, None);
        let web = good("[web]\nsession_h = 720\nsession_idle_min = 30\ntrusted_proxies = [\"127.0.0.1\", \"10.1.0.0/16\", \"fd00::/8\"]\npublic_url = \"https://Calls.example.com\"\n").web;
        assert_eq!(web.session.whole.as_secs(), 30 * 86_400);
        assert_eq!(web.session.idle.as_secs(), 1_800);
        let trusts = |ip: &str| web.trusts(ip.parse().unwrap());
        assert!(
            trusts("127.0.0.1")
                && trusts("::ffff:127.0.0.1")
                && trusts("10.1.2.3")
                && trusts("fd12::1")
        );
        assert!(!trusts("10.2.0.1") && !trusts("127.0.0.2") && !trusts("2001:db8::1"));
        assert_eq!(web.public_urls[0].to_string(), "https://calls.example.com");
    }

    #[test]
    fn pages_that_others_can_reach_need_users_and_secrecy() {
        let open = "[web]\nlisten = \"0.0.0.0:8080\"\n";
        let shown = |text: &str| notes(text).join("\n");
        assert!(shown(open).contains("2:10: warning: 0.0.0.0:8080 can be reached from other machines, but there is no [[user]] yet; add one (`ringtag passwd` makes the password); until then ringtag answers on 127.0.0.1:8080 only"), "{}", shown(open));
        let plain = shown(&format!("{open}{ADMIN}"));
        assert!(
            plain.contains("2:10: warning: 0.0.0.0:8080 speaks plain HTTP"),
            "{plain}"
        );
        for more in [
            "trusted_proxies = \"10.0.0.1\"\n",
            "certificate_file = \"sip.pem\"\nprivate_key_file = \"sip.key\"\n",
        ] {
            let quiet = shown(&format!("{open}{more}{ADMIN}"));
            assert!(!quiet.contains("warning: 0.0.0.0"), "{quiet}");
        }
        assert!(
            good("[web]\ncertificate_file = \"sip.pem\"\nprivate_key_file = \"sip.key\"\n")
                .web
                .tls
                .is_some()
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        assert_eq!(
            mistakes(
                "[web]\nlisten = \"8080\"\ntrusted_proxies = [\"proxy.local\", \"0.0.0.0/0\", \"10.0.0.1/24\"]\npublic_url = [\"calls.example.com\", \"https://a.example/x\", \"ftp://a.example\"]\nsession_h = 0\nsession_idle_min = 1\ncertificate_file = \"sip.pem\"\n"
            ),
            [
                "2:10: `listen` is \"8080\", which is no address with a port; write an address and a port, such as \"127.0.0.1:8080\", or \"none\"",
                "3:20: `trusted_proxies` has \"proxy.local\", which is no address and no network; write the addresses that the proxy connects from: \"127.0.0.1\", \"10.0.0.0/24\"",
                "3:35: `trusted_proxies` has \"0.0.0.0/0\", which would believe everybody; write the addresses that the proxy connects from: \"127.0.0.1\", \"10.0.0.0/24\"",
                "3:48: `trusted_proxies` has \"10.0.0.1/24\", which is no address and no network; write the addresses that the proxy connects from: \"127.0.0.1\", \"10.0.0.0/24\"",
                "4:15: `public_url` has \"calls.example.com\", which is no address of a site; write scheme and host, without a path: \"https://calls.example.com\"",
                "4:36: `public_url` has \"https://a.example/x\", which is no address of a site; write scheme and host, without a path: \"https://calls.example.com\"",
                "4:59: `public_url` has \"ftp://a.example\", which is no address of a site; write scheme and host, without a path: \"https://calls.example.com\"",
                "5:13: `session_h` is 0, outside 1 to 8760; write a number from 1 to 8760, such as 12",
                "6:20: `session_idle_min` is 1, outside 5 to 525600; write a number from 5 to 525600, such as 120",
                "7:20: there is a `certificate_file` without a `private_key_file`; add private_key_file = \"sip.example.com.key\"",
            ]
        );
    }
}
