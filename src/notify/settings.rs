//! `[mail]`, as meant. Pure.

use std::fmt;
use std::sync::Arc;

use crate::notify::address::Sender;

/// How letters leave the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server, by name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is kept from others.
    pub security: Security,
    /// What we prove there; `None`: it takes letters from us as we are.
    pub login: Option<Login>,
    /// Who the letters are from.
    pub from: Sender,
    /// PEM of those who must have signed the server's certificate; `None`: whoever this machine trusts.
    pub authorities: Option<Arc<[u8]>>,
}

/// How the way to the server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 3.3).
    Tls,
    /// Plain until STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
    /// Not at all.
    None,
}

/// A name with its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Arc<str>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// `mail.example.com:587`.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
