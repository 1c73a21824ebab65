//! What a configuration may ask of the machine: environment variables and files with secrets. A shell; tests hand in their own.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A password is one line; what is longer is the wrong file.
const SECRET_MAX: u64 = 4_096;

/// Where secrets come from.
pub(in crate::config) trait Outside {
    /// Returns an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a file with a secret.
    ///
    /// # Errors
    /// The file cannot be read, is no text, or is too long for a secret.
    fn secret(&self, path: &Path) -> io::Result<SecretFile>;
}

/// A file with a secret.
pub(in crate::config) struct SecretFile {
    /// What it says.
    pub(in crate::config) text: String,
    /// Whether users other than its owner can read it.
    pub(in crate::config) readable_by_others: bool,
}

/// The machine itself.
pub(in crate::config) struct Machine;

impl Outside for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn secret(&self, path: &Path) -> io::Result<SecretFile> {
        let file = File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut text = String::new();
        file.take(SECRET_MAX + 1).read_to_string(&mut text)?;
        if text.len() > usize::try_from(SECRET_MAX).unwrap_or(usize::MAX) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it is too long for a password",
            ));
        }
        Ok(SecretFile {
            text,
            readable_by_others: mode & 0o077 != 0,
        })
    }
}
