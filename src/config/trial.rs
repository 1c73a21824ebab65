//! For the tests of this room: reads a text as a whole configuration, with a machine that has three secrets.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use crate::base::time::WallTime;
use crate::config::outside::{Outside, PemFile, SecretFile};
use crate::config::read::read;
use crate::config::{Config, Mistake};
use crate::engine::tls::trial::{Authority, Signed, at_year};

/// An environment and a disk.
struct Paper;

impl Outside for Paper {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "CARRIER_PASSWORD").then(|| "from the environment".to_owned())
    }

    fn secret(&self, path: &Path) -> io::Result<SecretFile> {
        let text = match path.to_str() {
            Some("/etc/ringtag/carrier.secret" | "/etc/ringtag/open.secret") => "from the file\n",
            Some("/etc/ringtag/empty.secret") => "\n",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(SecretFile {
            text: text.to_owned(),
            readable_by_others: path.ends_with("open.secret"),
        })
    }

    fn pem(&self, path: &Path) -> io::Result<PemFile> {
        let shelf = Shelf::get();
        let text = match path.file_name().and_then(OsStr::to_str) {
            Some("sip.pem") => &shelf.ours.chain,
            Some("sip.key" | "open.key") => &shelf.ours.key,
            Some("other.key") => &shelf.other.key,
            Some("old.pem") => &shelf.old.chain,
            Some("old.key") => &shelf.old.key,
            Some("ca.pem") => &shelf.ca.pem,
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(PemFile {
            bytes: text.clone().into_bytes(),
            readable_by_others: path.ends_with("open.key"),
        })
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn now(&self) -> WallTime {
        at_year(2026)
    }
}

/// Certificates, made once.
struct Shelf {
    ca: Authority,
    ours: Signed,
    other: Signed,
    /// Expired.
    old: Signed,
}

impl Shelf {
    fn get() -> &'static Self {
        static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
            let ca = Authority::new();
            Shelf {
                ours: ca.sign("sip.example.com"),
                other: ca.sign("sip.example.com"),
                old: ca.sign_between("sip.example.com", 2020, 2025),
                ca,
            }
        });
        &SHELF
    }
}

fn outcome(text: &str) -> Result<(Config, Vec<Mistake>), Vec<Mistake>> {
    let base = Path::new("/etc/ringtag");
    read(Path::new("ringtag.toml"), text, base, &Paper)
        .map(|loaded| (loaded.config, loaded.warnings))
}

/// A configuration without a mistake; warnings are let pass.
pub(in crate::config) fn good(text: &str) -> Config {
    outcome(text)
        .unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
        .0
}

/// All mistakes and warnings, as they are printed but for the file's name: `2:11: …; …`.
pub(in crate::config) fn notes(text: &str) -> Vec<String> {
    let notes = outcome(text).map_or_else(|mistakes| mistakes, |(_, warnings)| warnings);
    let shown = notes.iter().map(ToString::to_string);
    shown
        .map(|note| note.replacen("ringtag.toml:", "", 1))
        .collect()
}

/// All mistakes, without the warnings.
pub(in crate::config) fn mistakes(text: &str) -> Vec<String> {
    let mut notes = notes(text);
    notes.retain(|note| !note.contains(" warning: "));
    notes
}

/// An office that the snippets of tests add to: two trunks, a project, two sources, two managers, a group.
pub(in crate::config) const OFFICE: &str = r#"
[[trunk]]
id = "carrier"
host = "192.0.2.1"
[[trunk]]
id = "pbx"
host = "192.0.2.2"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
[[source]]
tag = "direct"
category = "mowers"
numbers = ["+74950000001", "+74950000002"]
[[source]]
tag = "billboard"
category = "general"
numbers = "+74950000003"
[[manager]]
id = "desk"
extension = "101"
trunk = "pbx"
[[manager]]
id = "mobile"
number = "+79160000000"
trunk = "carrier"
[[group]]
id = "sales"
members = ["desk", "mobile"]
"#;

/// Notes on `text` behind [`OFFICE`], with lines counted from the first of `text`.
pub(in crate::config) fn office_notes(text: &str) -> Vec<String> {
    let offset = OFFICE.lines().count();
    let moved = |note: String| {
        let (line, rest) = note.split_once(':').unwrap();
        let line: usize = line.parse().unwrap();
        match line.checked_sub(offset) {
            Some(line) if line > 0 => format!("{line}:{rest}"),
            _ => format!("office {note}"),
        }
    };
    notes(&format!("{OFFICE}{text}"))
        .into_iter()
        .map(moved)
        .collect()
}
