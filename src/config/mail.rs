//! `[mail]`: how letters leave the house.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::book::Word;
use crate::config::host::Host;
use crate::config::secret::{self, OUR_PASSWORD, Secret};
use crate::config::tls::{self, Disk};
use crate::config::walk::Section;
use crate::notify::address::Sender;
use crate::notify::settings::{Login, Security, Settings};
use crate::sip::host::unbracketed;

const SAMPLE: &str = "\"smtps://mail.example.com\"";

/// TLS from the first byte (RFC 8314 3.3).
const TLS_PORT: u16 = 465;
/// Letters of those who log in (RFC 6409 3.1).
const SUBMISSION_PORT: u16 = 587;
/// Between servers.
const PLAIN_PORT: u16 = 25;

const SECURITIES: [(&str, Security); 3] = [
    ("tls", Security::Tls),
    ("starttls", Security::StartTls),
    ("none", Security::None),
];

/// Reads `[mail]`; `None`: no letters are sent, or what is written has a mistake.
pub(in crate::config) fn mail(mut section: Section<'_, '_>, disk: Disk<'_>) -> Option<Settings> {
    let is_written = KEYS.iter().any(|key| section.has(key));
    let server = if is_written {
        section.needed("smtp", SAMPLE)
    } else {
        section.word("smtp", SAMPLE)
    };
    let server = server.and_then(|word| server_of(&section, word));
    let chosen = section.choice("security", &SECURITIES);
    let from = if is_written {
        section.needed("from", "\"ringtag@example.com\"")
    } else {
        section.word("from", "\"ringtag@example.com\"")
    };
    let from = from.and_then(|word| sender(&section, word));
    let username = section.word("username", "\"ringtag@example.com\"");
    let password = secret::read(&mut section, OUR_PASSWORD, disk.base, disk.outside);
    let ca = section.word("tls_ca_file", "\"ca.pem\"");
    let authorities = ca.map(|word| tls::pem_of_authorities(&section, word, disk));
    let login = login(&section, username, password);
    let security = server.and_then(|server| security(&section, server, chosen));
    if let (Some(Security::None), Some(server)) = (security, server) {
        check_plain(&section, server, username.is_some());
    }
    section.finish();
    let (server, security) = (server?, security?);
    Some(Settings {
        host: unbracketed(server.host.name).to_owned(),
        port: server.host.port.unwrap_or(match security {
            Security::Tls => TLS_PORT,
            Security::StartTls => SUBMISSION_PORT,
            Security::None => PLAIN_PORT,
        }),
        security,
        login: login?,
        from: from?,
        authorities: match authorities {
            None => None,
            Some(read) => Some(Arc::from(read?)),
        },
    })
}

/// Every key: one of them without the others is a mistake.
const KEYS: [&str; 8] = [
    "smtp",
    "security",
    "from",
    "username",
    OUR_PASSWORD.file,
    OUR_PASSWORD.variable,
    OUR_PASSWORD.literal,
    "tls_ca_file",
];

#[derive(Clone, Copy)]
struct Server<'t> {
    host: Host<'t>,
    is_tls: bool,
}

fn server_of<'t>(section: &Section<'_, 't>, word: Word<'t>) -> Option<Server<'t>> {
    let (is_tls, rest) = match word.text.split_once("://") {
        Some(("smtps", rest)) => (true, rest),
        Some(("smtp", rest)) => (false, rest),
        Some(_) | None => {
            let message = format!(
                "`smtp` is \"{}\", which is no address of a mail server",
                word.text
            );
            let remedy = "write \"smtps://mail.example.com\" (TLS, port 465) or \"smtp://mail.example.com\" (STARTTLS, port 587)";
            section.book.error(word.at, message, remedy);
            return None;
        }
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains('@') {
        section.book.error(
            word.at,
            "`smtp` has a name and a password in it",
            "write username and password_file beside it, and the host alone here",
        );
        return None;
    }
    let host = Host::read(
        section.book,
        "smtp",
        Word {
            text: rest,
            at: word.at,
        },
    )?;
    Some(Server { host, is_tls })
}

/// How the way is kept from others, which the scheme has half said.
fn security(
    section: &Section<'_, '_>,
    server: Server<'_>,
    chosen: Option<Security>,
) -> Option<Security> {
    let at = section.place("security");
    let wrong = |message: &str, remedy: &str| {
        section.book.error(at, message, remedy);
        None
    };
    match (server.is_tls, chosen) {
        (_, None) if section.has("security") => None,
        (true, None | Some(Security::Tls)) => Some(Security::Tls),
        (false, None | Some(Security::StartTls)) => Some(Security::StartTls),
        (false, Some(Security::None)) => Some(Security::None),
        (true, Some(Security::StartTls | Security::None)) => wrong(
            "smtps:// is TLS from the first byte, and `security` says otherwise",
            "write smtp:// with it, or leave `security` out",
        ),
        (false, Some(Security::Tls)) => wrong(
            "smtp:// begins without TLS, and `security` says otherwise",
            "write smtps:// with it, or leave `security` out",
        ),
    }
}

/// Notes letters, and passwords, that could be read on the way.
fn check_plain(section: &Section<'_, '_>, server: Server<'_>, has_login: bool) {
    let name = server.host.name;
    let ip = unbracketed(name).parse::<IpAddr>();
    if name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback()) {
        return;
    }
    let at = section.place("security");
    if has_login {
        section.book.error(
            at,
            format!("the password would go to {name} readable for everybody on the way"),
            "write security = \"starttls\", or leave `username` out",
        );
    } else {
        section.book.warn(
            at,
            format!("letters go to {name} readable for everybody on the way"),
            "write security = \"starttls\"",
        );
    }
}

/// What is proved to the server; the outer `None`: that cannot be read.
#[expect(
    clippy::option_option,
    reason = "whether there is a login, and whether it could be read, are two things"
)]
fn login(
    section: &Section<'_, '_>,
    username: Option<Word<'_>>,
    password: Secret,
) -> Option<Option<Login>> {
    match (username, password) {
        (Some(username), Secret::Is(password)) => Some(Some(Login {
            username: username.text.to_owned(),
            password,
        })),
        (Some(username), Secret::Absent) => {
            section.book.absent(
                username.at,
                "there is a `username` without a password",
                "add password_file = \"mail.secret\"",
            );
            None
        }
        (None, Secret::Is(_)) if !section.has("username") => {
            let written = [
                OUR_PASSWORD.file,
                OUR_PASSWORD.variable,
                OUR_PASSWORD.literal,
            ];
            let key = written.into_iter().find(|key| section.has(key));
            section.book.absent(
                section.place(key.unwrap_or("smtp")),
                "there is a password without a `username`",
                "add username = \"ringtag@example.com\"",
            );
            None
        }
        (None, Secret::Absent) if !section.has("username") => Some(None),
        (None, Secret::Is(_) | Secret::Absent) | (_, Secret::Unreadable) => None,
    }
}

fn sender(section: &Section<'_, '_>, word: Word<'_>) -> Option<Sender> {
    word.text
        .parse()
        .map_err(|why| {
            section.book.error(
                word.at,
                format!("`from` is \"{}\": {why}", word.text),
                "write \"ringtag@example.com\" or \"Shop reports <ringtag@example.com>\"",
            );
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{good, mistakes, notes};

    fn mail(text: &str) -> Settings {
        good(&format!("[mail]\nfrom = \"r@shop.example\"\n{text}\n"))
            .mail
            .unwrap()
    }

    fn wrong(text: &str) -> Vec<String> {
        let mut notes = notes(&format!("[mail]\nfrom = \"r@shop.example\"\n{text}\n"));
        notes.retain(|note| !note.contains("there is no virtual number"));
        notes
    }

    #[test]
    fn without_it_no_letters_are_sent() {
        assert_eq!(good("").mail, None);
        assert_eq!(good("[mail]\n").mail, None);
    }

    #[test]
    fn a_server_is_reached_over_tls_unless_it_is_said() {
        let tls = mail("smtp = \"smtps://mail.example.com\"");
        assert_eq!(
            (tls.to_string().as_str(), tls.security),
            ("mail.example.com:465", Security::Tls)
        );
        let starttls = mail("smtp = \"smtp://mail.example.com\"");
        assert_eq!(
            (starttls.to_string().as_str(), starttls.security),
            ("mail.example.com:587", Security::StartTls)
        );
        let own = mail("smtp = \"smtp://localhost/\"\nsecurity = \"none\"");
        assert_eq!(
            (own.to_string().as_str(), own.security),
            ("localhost:25", Security::None)
        );
        let v6 = mail("smtp = \"smtp://[::1]:2525\"\nsecurity = \"starttls\"");
        assert_eq!(
            (v6.host.as_str(), v6.to_string().as_str()),
            ("::1", "[::1]:2525")
        );
        assert_eq!(tls.login, None);
        assert_eq!(tls.authorities, None);
    }

    #[test]
    fn a_login_is_a_name_with_a_password_from_a_file() {
        let settings = mail(
            "smtp = \"smtps://a.example\"\nusername = \"u\"\npassword_file = \"carrier.secret\"\ntls_ca_file = \"ca.pem\"",
        );
        let login = settings.login.as_ref().unwrap();
        assert_eq!(
            (login.username.as_str(), &*login.password),
            ("u", "from the file")
        );
        assert!(settings.authorities.is_some());
        assert!(!format!("{settings:?}").contains("from the file"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_remedy() {
        assert_eq!(
            mistakes("[mail]\nusername = \"u\"\n"),
            [
                "1:1: [mail] has no `smtp`; add smtp = \"smtps://mail.example.com\"",
                "1:1: [mail] has no `from`; add from = \"ringtag@example.com\"",
                "2:12: there is a `username` without a password; add password_file = \"mail.secret\"",
            ]
        );
        assert_eq!(
            wrong("smtp = \"mail.example.com\""),
            [
                "3:8: `smtp` is \"mail.example.com\", which is no address of a mail server; write \"smtps://mail.example.com\" (TLS, port 465) or \"smtp://mail.example.com\" (STARTTLS, port 587)"
            ]
        );
        assert_eq!(
            wrong("smtp = \"smtps://u:p@mail.example.com\""),
            [
                "3:8: `smtp` has a name and a password in it; write username and password_file beside it, and the host alone here"
            ]
        );
        assert_eq!(
            wrong("smtp = \"smtps://a.example\"\nsecurity = \"starttls\""),
            [
                "4:12: smtps:// is TLS from the first byte, and `security` says otherwise; write smtp:// with it, or leave `security` out"
            ]
        );
        assert_eq!(
            wrong("smtp = \"smtps://a.example\"\npassword_env = \"CARRIER_PASSWORD\""),
            [
                "4:16: there is a password without a `username`; add username = \"ringtag@example.com\""
            ]
        );
        let open = "smtp = \"smtp://a.example\"\nsecurity = \"none\"";
        assert_eq!(
            wrong(open),
            [
                "4:12: warning: letters go to a.example readable for everybody on the way; write security = \"starttls\""
            ]
        );
        assert_eq!(
            wrong(&format!(
                "{open}\nusername = \"u\"\npassword_file = \"carrier.secret\""
            )),
            [
                "4:12: the password would go to a.example readable for everybody on the way; write security = \"starttls\", or leave `username` out"
            ]
        );
        let found =
            mistakes("[mail]\nsmtp = \"smtps://a.example\"\nfrom = \"a\\r\\nBcc: x@y.example\"\n");
        assert!(found[0].ends_with("it is no address such as anna@example.com; write \"ringtag@example.com\" or \"Shop reports <ringtag@example.com>\""), "{found:?}");
        assert_eq!(
            wrong("smtp = \"smtps://a.example\"\ntls_ca_file = \"sip.key\""),
            [
                "4:15: /etc/ringtag/sip.key holds no certificate in PEM; write the certificates of those who are trusted, as PEM"
            ]
        );
    }
}
