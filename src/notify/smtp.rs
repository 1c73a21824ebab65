//! Letters handed to an SMTP server (RFC 5321): a shell that blocks, for a thread of its own. All of lettre's transport.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, SMTP_PORT};
use tokio_rustls::rustls;

use crate::notify::settings::{Security, Settings};

/// How long a server may take to be reached, and for each of its answers. RFC 5321 4.5.3.2 allows minutes; a letter that takes
/// longer is tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest sentence of a server that is kept: it stands in the log and on the page.
const REASON_MAX: usize = 300;

/// Where plain SMTP is spoken.
pub const PLAIN_PORT: u16 = SMTP_PORT;

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may be taken later: nobody answers, the server is busy, our password is wrong.
    Later(String),
    /// The server will not take this letter for this recipient.
    Never(String),
}

/// Who carries letters away; tests have one of their own.
pub trait Carrier: Send {
    /// Hands one letter over. Blocks.
    ///
    /// # Errors
    /// It was not taken.
    fn carry(&mut self, letter: &Message) -> Result<(), Failure>;

    /// No letter is due for a while.
    fn rest(&mut self);
}

/// The server of `[mail]`. The connection is kept for the letters of one go.
pub struct Server {
    settings: Arc<Settings>,
    tls: Option<TlsParameters>,
    connection: Option<SmtpConnection>,
}

impl Server {
    /// Gets ready without connecting.
    pub const fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            tls: None,
            connection: None,
        }
    }

    fn connect(&mut self) -> Result<SmtpConnection, String> {
        let settings = Arc::clone(&self.settings);
        let failed = |error: &Error| reason(&settings, error);
        let tls = self.parameters()?;
        let name = ClientId::default();
        let place = (settings.host.as_str(), settings.port);
        let wrapped = tls.as_ref().filter(|_| settings.security == Security::Tls);
        let connected = SmtpConnection::connect(place, Some(PATIENCE), &name, wrapped, None);
        let mut connection = connected.map_err(|error| failed(&error))?;
        if let (Security::StartTls, Some(tls)) = (settings.security, &tls) {
            if !connection.can_starttls() {
                connection.abort();
                return Err(format!(
                    "{settings} offers no STARTTLS, without which letters could be read on the way; write smtps:// in [mail] smtp, or correct its port"
                ));
            }
            let secured = connection.starttls(tls, &name);
            secured.map_err(|error| failed(&error))?;
        }
        if let Some(login) = &settings.login {
            let ours = Credentials::new(login.username.clone(), login.password.to_string());
            if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &ours) {
                connection.abort();
                let why = failed(&error);
                return Err(if error.is_permanent() {
                    format!("the login was refused: {why}; correct username and password in [mail]")
                } else {
                    why
                });
            }
        }
        Ok(connection)
    }

    /// What a TLS handshake needs; made once, because it reads every authority that the machine trusts.
    fn parameters(&mut self) -> Result<Option<TlsParameters>, String> {
        if self.settings.security == Security::None {
            return Ok(None);
        }
        if let Some(tls) = &self.tls {
            return Ok(Some(tls.clone()));
        }
        let wrong = |error: Error| format!("the certificates of [mail] cannot be used: {error}");
        let mut tls = TlsParameters::builder(self.settings.host.clone());
        if let Some(pem) = &self.settings.authorities {
            tls = tls.certificate_store(CertificateStore::None);
            tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(wrong)?);
        }
        let tls = tls.build().map_err(wrong)?;
        self.tls = Some(tls.clone());
        Ok(Some(tls))
    }
}

impl Carrier for Server {
    fn carry(&mut self, letter: &Message) -> Result<(), Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            // Refusals before the letter are about us, not about whom it goes to: they can be corrected.
            None => self.connect().map_err(Failure::Later)?,
        };
        match connection.send(letter.envelope(), &letter.formatted()) {
            Ok(_) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) => {
                let why = reason(&self.settings, &error);
                Err(if error.is_permanent() {
                    Failure::Never(why)
                } else {
                    Failure::Later(why)
                })
            }
        }
    }

    fn rest(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // Whether the server says goodbye changes nothing.
            drop(connection.quit());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.rest();
    }
}

/// What went wrong, for people: who is at fault, and what can be done.
fn reason(settings: &Settings, error: &Error) -> String {
    let mut text = match (error.status(), trust(error)) {
        (Some(code), _) => {
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{settings} answered {code} {said}")
        }
        (None, Some(why)) => format!(
            "the certificate of {settings} is not to be trusted ({why}); correct the host in [mail] smtp, or write tls_ca_file"
        ),
        (None, None) => {
            let mut text = format!("{settings}: {error}");
            let mut source = error.source().and_then(std::error::Error::source);
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            text
        }
    };
    text.retain(|c| !c.is_control());
    text.chars().take(REASON_MAX).collect()
}

/// Why the server's certificate was refused, where that is what happened.
fn trust(error: &Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let found = inner.or_else(|| cause.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = found {
            return Some(format!("{why:?}"));
        }
        source = cause.source();
    }
    None
}
