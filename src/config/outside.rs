//! What a configuration may ask of the machine: environment variables, files with secrets and certificates, the time of day. A
//! shell; tests hand in their own.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::base::clock::Clock;
use crate::base::time::WallTime;

/// A password is one line; what is longer is the wrong file.
const SECRET_MAX: u64 = 4_096;

/// Every authority that a machine trusts takes a quarter of this.
const PEM_MAX: u64 = 1024 * 1024;

/// Where secrets come from.
pub(in crate::config) trait Outside {
    /// Whether files with certificates and keys are read at all; where not, nothing is said of what is in them.
    fn is_asked(&self) -> bool {
        true
    }

    /// Returns an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a file with a secret.
    ///
    /// # Errors
    /// The file cannot be read, is no text, or is too long for a secret.
    fn secret(&self, path: &Path) -> io::Result<SecretFile>;

    /// Reads a file with certificates or a key.
    ///
    /// # Errors
    /// The file cannot be read, or is too long.
    fn pem(&self, path: &Path) -> io::Result<PemFile>;

    /// Returns the certificates of the authorities that the machine trusts.
    fn authorities(&self) -> Vec<Vec<u8>>;

    /// Returns the time of day: certificates end.
    fn now(&self) -> WallTime;
}

/// A file with certificates or a key.
pub(in crate::config) struct PemFile {
    /// What stands in it.
    pub(in crate::config) bytes: Vec<u8>,
    /// Whether users other than its owner can read it.
    pub(in crate::config) readable_by_others: bool,
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

    fn pem(&self, path: &Path) -> io::Result<PemFile> {
        let file = File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut bytes = Vec::new();
        file.take(PEM_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() > usize::try_from(PEM_MAX).unwrap_or(usize::MAX) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it is too long for certificates",
            ));
        }
        Ok(PemFile {
            bytes,
            readable_by_others: mode & 0o077 != 0,
        })
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        let found = rustls_native_certs::load_native_certs();
        let list = found.certs.into_iter();
        list.map(|certificate| certificate.to_vec()).collect()
    }

    fn now(&self) -> WallTime {
        Clock::start().wall()
    }
}
