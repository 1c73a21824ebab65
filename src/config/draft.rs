//! Reads an edited configuration that is only tried: all of its mistakes are told, and nothing that it names is opened. No
//! secret, no certificate and no environment variable is read, so whoever hands a text in learns nothing of the machine by it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::api::state::{Edited, Fault, Reading, Rules};
use crate::base::time::WallTime;
use crate::config::outside::{Outside, PemFile, SecretFile};
use crate::config::read::read;
use crate::config::{Config, Grade, Loaded, Mistake};

/// Reads `text` as the contents of `file`, which need not exist. What it says of routing is as meant; sockets, passwords and
/// certificates are not to be used.
///
/// # Errors
/// Every mistake with its place, and the warnings among them.
pub fn draft(file: &Path, text: &str) -> Result<Loaded, Vec<Mistake>> {
    read(file, text, Path::new(""), &Unread)
}

impl Config {
    /// What pages and API show of the rules, and how they read others.
    pub fn shown(&self) -> Rules {
        Rules {
            country: self.country,
            tracking: Arc::new(self.tracking.clone()),
            routing: Arc::new(self.routing.clone()),
            record: self.recordings.when,
            trunks: self
                .trunks
                .iter()
                .map(|trunk| Arc::clone(&trunk.id))
                .collect(),
            reading: Reading::new(edited),
        }
    }
}

fn edited(name: &str, text: &str) -> Result<Edited, Vec<Fault>> {
    let faults = |mistakes: Vec<Mistake>| mistakes.into_iter().map(fault).collect();
    match draft(Path::new(name), text) {
        Ok(loaded) => Ok(Edited {
            rules: loaded.config.shown(),
            warnings: faults(loaded.warnings),
        }),
        Err(mistakes) => Err(faults(mistakes)),
    }
}

fn fault(mistake: Mistake) -> Fault {
    Fault {
        warning: mistake.grade == Grade::Warning,
        line: mistake.line,
        column: mistake.column,
        message: mistake.message,
        remedy: mistake.remedy,
    }
}

/// A machine of which nothing is asked: every secret is there, and nobody looks at it.
struct Unread;

impl Outside for Unread {
    fn is_asked(&self) -> bool {
        false
    }

    fn variable(&self, _name: &str) -> Option<String> {
        Some("unread".to_owned())
    }

    fn secret(&self, _path: &Path) -> io::Result<SecretFile> {
        Ok(SecretFile {
            text: "unread".to_owned(),
            readable_by_others: false,
        })
    }

    fn pem(&self, _path: &Path) -> io::Result<PemFile> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn now(&self) -> WallTime {
        WallTime::from_millis(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house that names files that are not there, and secrets.
    const HOUSE: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060", "tls:127.0.0.1:5061"]
certificate_file = "/nowhere/sip.pem"
private_key_file = "/nowhere/sip.key"
[web]
listen = "127.0.0.1:8443"
certificate_file = "/nowhere/web.pem"
private_key_file = "/nowhere/web.key"
[[trunk]]
id = "carrier"
host = "sip.example.com"
transport = "tls"
register = true
username = "u"
password_file = "/nowhere/carrier.secret"
inbound_username = "v"
inbound_password_env = "NOWHERE_SET"
tls_ca_file = "/nowhere/ca.pem"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
[[source]]
tag = "billboard"
numbers = "+74950000001"
[[manager]]
id = "desk"
extension = "101"
trunk = "carrier"
[[rule]]
id = "all"
to = "manager:desk"
"#;

    fn tried(text: &str) -> Result<Loaded, Vec<String>> {
        let mistakes = |all: Vec<Mistake>| all.iter().map(ToString::to_string).collect();
        draft(Path::new("edited.toml"), text).map_err(mistakes)
    }

    #[test]
    fn nothing_that_a_tried_file_names_is_opened() {
        let loaded = tried(HOUSE).unwrap();
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.routing.rules().len(), 1);
        assert_eq!(loaded.config.shown().trunks.len(), 1);
    }

    #[test]
    fn all_mistakes_of_a_tried_file_are_told_with_their_places_and_no_secret() {
        let text = HOUSE
            .replace(
                "password_file = \"/nowhere/carrier.secret\"",
                "password = \"hunter2\"",
            )
            .replace("manager:desk", "manager:dask")
            .replace("[[rule]]", "[[rule]]\nrings = 3");
        let told = tried(&text).unwrap_err();
        assert!(
            told.iter()
                .any(|note| note.contains("edited.toml:31:1: [[rule]] has no key `rings`")),
            "{told:#?}"
        );
        assert!(told.iter().any(|note| note.contains("there is no [[manager]] \"dask\"; did you mean `desk`?")), "{told:#?}");
        assert!(!told.concat().contains("hunter2"), "{told:#?}");
    }
}
