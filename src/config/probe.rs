//! What must hold for any file at all: the entry point of fuzzing and of the replayed corpus.

use std::io;
use std::path::Path;

use crate::base::time::WallTime;
use crate::config::outside::{Outside, PemFile, SecretFile};
use crate::config::read::read;

/// A machine on which every secret is the same.
struct Bare;

const SECRET: &str = "s3cret-of-the-probe";

impl Outside for Bare {
    fn variable(&self, _name: &str) -> Option<String> {
        Some(SECRET.to_owned())
    }

    fn secret(&self, _path: &Path) -> io::Result<SecretFile> {
        Ok(SecretFile {
            text: SECRET.to_owned(),
            readable_by_others: false,
        })
    }

    fn pem(&self, _path: &Path) -> io::Result<PemFile> {
        Ok(PemFile {
            bytes: SECRET.into(),
            readable_by_others: false,
        })
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn now(&self) -> WallTime {
        WallTime::from_millis(0)
    }
}

/// Reads a configuration and everything it means.
///
/// # Panics
///
/// When something does not hold that must.
pub fn file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let lines = text.split('\n').count();
    match read(Path::new("probe.toml"), text, Path::new("/probe"), &Bare) {
        Ok(loaded) => {
            let shown = format!("{:?}", loaded.config);
            assert!(!shown.contains(SECRET), "a secret is shown");
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "it is refused without a word");
            for mistake in mistakes {
                assert!(
                    (1..=lines).contains(&mistake.line) && mistake.column > 0,
                    "a mistake lies outside the file: {mistake}"
                );
                assert!(!mistake.to_string().contains(SECRET), "a secret is shown");
            }
        }
    }
}
