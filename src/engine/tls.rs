//! TLS for SIP: what we show, whom we trust, whose name a certificate bears (RFC 3261 26.3, RFC 5922). Reads no file.
//!
//! TLS 1.2 and 1.3 by rustls. A peer's name is looked for in the subjectAltName alone, as DNS name or address (RFC 9525);
//! names written as SIP URIs (RFC 5922 4.1) are not read.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, ClientConfig, InconsistentKeys, RootCertStore, ServerConfig};
use webpki::{EndEntityCert, KeyUsage};

use crate::base::time::WallTime;
use crate::sip::host::unbracketed;

#[cfg(test)]
pub(crate) mod trial;

/// Links of a chain that are read: an end certificate and four above it; what is longer is a bundle of authorities.
const CHAIN_MAX: usize = 5;

/// A certificate that ends sooner than this is told: enough for whoever renews by hand.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// Everything about TLS that the admin says; a reload replaces it for connections to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// What our own listeners show; `None`: nothing listens for TLS.
    pub served: Option<Served>,
    /// How each trunk with `transport = "tls"` is spoken to, by its id. WebSocket trunks too: whose certificate they show.
    pub toward: BTreeMap<Arc<str>, Toward>,
}

/// A certificate with its chain and its key.
#[derive(Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    print: Print,
}

/// Whom we trust to say who somebody is.
#[derive(Clone, Debug)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
    print: Print,
}

/// The side of those who connect to us.
#[derive(Clone)]
pub struct Served {
    pub(in crate::engine) config: Arc<ServerConfig>,
    print: Print,
}

/// The side of one trunk.
#[derive(Clone)]
pub struct Toward {
    /// The name that its certificate must bear.
    pub(in crate::engine) name: ServerName<'static>,
    /// `None`: it is never connected to.
    config: Option<Arc<ClientConfig>>,
    print: Print,
}

/// What something was made from: two that were made from the same are the same.
type Print = [u8; 32];

/// What is wrong with certificates or keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No certificate in it.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// More links than a chain has.
    #[error("holds more than {CHAIN_MAX} certificates")]
    LongChain,
    /// A certificate that cannot be read.
    #[error("holds a certificate that cannot be read: {0}")]
    BadCertificate(String),
    /// No key in it.
    #[error("holds no private key in PEM")]
    NoKey,
    /// A key that cannot be used.
    #[error("holds a private key that cannot be used: {0}")]
    BadKey(String),
    /// The key is of another certificate.
    #[error("does not fit the certificate")]
    OtherKey,
}

/// Whether a certificate holds today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It does, and will for a while.
    Good,
    /// It ends within two weeks.
    EndsSoon,
    /// It has ended.
    Ended,
    /// It holds later only.
    NotYet,
}

impl Identity {
    /// Reads a chain, the end certificate first, and its key, both PEM.
    ///
    /// # Errors
    /// What is wrong, as [`Wrong`] says: the first three are the certificates', the others the key's.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, Wrong> {
        let print = print([chain, key]);
        let chain = certificates(chain)?;
        if chain.len() > CHAIN_MAX {
            return Err(Wrong::LongChain);
        }
        // rustls says of a certificate that it is malformed only when it meets the peer.
        for certificate in &chain {
            EndEntityCert::try_from(certificate)
                .map_err(|error| Wrong::BadCertificate(error.to_string()))?;
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_none_or_damaged| Wrong::NoKey)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
            let other = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
            match error == other {
                true => Wrong::OtherKey,
                false => Wrong::BadKey(error.to_string()),
            }
        })?;
        Ok(Self {
            key: Arc::new(key),
            print,
        })
    }

    /// Whether the end certificate holds at `now`.
    pub fn validity(&self, now: WallTime) -> Validity {
        let Some(end) = self.key.cert.first() else {
            return Validity::Good;
        };
        match (validity(end, now), validity(end, now + SOON)) {
            (Validity::Good, Validity::Ended) => Validity::EndsSoon,
            (today, _) => today,
        }
    }
}

impl Authorities {
    /// Reads certificates of authorities, PEM.
    ///
    /// # Errors
    /// There is none, or one cannot be read.
    pub fn read(pem: &[u8]) -> Result<Self, Wrong> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| Wrong::BadCertificate(error.to_string()))?;
        }
        Ok(Self {
            roots: Arc::new(roots),
            print: print([pem]),
        })
    }

    /// Takes the authorities that the machine trusts; those that cannot be read are passed over, as everywhere else.
    /// `None`: there are none.
    pub fn of_machine(list: Vec<Vec<u8>>) -> Option<Self> {
        let print = print(list.iter().map(Vec::as_slice));
        let mut roots = RootCertStore::empty();
        let list = list.into_iter().map(CertificateDer::from);
        roots.add_parsable_certificates(list);
        (!roots.is_empty()).then(|| Self {
            roots: Arc::new(roots),
            print,
        })
    }
}

impl Served {
    /// Shows `identity` to whoever connects; with `clients`, only those pass whose own certificate comes from one of them.
    ///
    /// # Errors
    /// What the library says: the authorities are of no use to it.
    pub fn new(identity: &Identity, clients: Option<&Authorities>) -> Result<Self, String> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let roots = Arc::clone(&clients.roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = verifier.build().map_err(|error| error.to_string())?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let shown = SingleCertAndKey::from(Arc::clone(&identity.key));
        let trusted = clients.map(|clients| clients.print).unwrap_or_default();
        Ok(Self {
            config: Arc::new(builder.with_cert_resolver(Arc::new(shown))),
            print: print([identity.print.as_slice(), &trusted]),
        })
    }
}

impl Served {
    /// What takes connections to other listeners than those of SIP: the pages.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl Toward {
    /// Speaks to a peer whose certificate bears `name` and comes from one of `authorities`; it is shown `own` when it asks.
    ///
    /// # Errors
    /// `name` is no name that a certificate could bear, or what the library says.
    pub fn new(
        name: &str,
        authorities: &Authorities,
        own: Option<&Identity>,
    ) -> Result<Self, String> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(Arc::clone(&authorities.roots));
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let shown = SingleCertAndKey::from(Arc::clone(&own.key));
                let shown: Arc<dyn ResolvesClientCert> = Arc::new(shown);
                builder.with_client_cert_resolver(shown)
            }
        };
        let own = own.map(|own| own.print).unwrap_or_default();
        Ok(Self {
            name: server_name(name).ok_or_else(|| "a certificate cannot bear it".to_owned())?,
            config: Some(Arc::new(config)),
            print: print([name.as_bytes(), &authorities.print, &own]),
        })
    }

    /// Knows the name of a peer that connects to us alone; `None`: a certificate cannot bear it.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self {
            name: server_name(name)?,
            config: None,
            print: print([name.as_bytes()]),
        })
    }

    /// What a connection is made with.
    pub(in crate::engine) fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let why = "it connects to us alone";
        self.config.clone().ok_or_else(|| io::Error::other(why))
    }

    /// Whether a certificate bears the trunk's name.
    pub(in crate::engine) fn is_named_in(&self, certificate: &CertificateDer<'_>) -> bool {
        EndEntityCert::try_from(certificate)
            .is_ok_and(|one| one.verify_is_valid_for_subject_name(&self.name).is_ok())
    }
}

/// Whether a certificate could bear `name`: a host name, or an address with or without brackets.
pub fn is_name(name: &str) -> bool {
    server_name(name).is_some()
}

fn server_name(name: &str) -> Option<ServerName<'static>> {
    let bare = unbracketed(name);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).ok()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let list = read.map_err(|error| Wrong::BadCertificate(error.to_string()))?;
    match list.is_empty() {
        true => Err(Wrong::NoCertificate),
        false => Ok(list),
    }
}

/// A chain is looked for under no authority at all: what is said then is about the certificate's own dates, which are looked
/// at first, or that nobody vouches for it.
fn validity(certificate: &CertificateDer<'_>, at: WallTime) -> Validity {
    let since = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0));
    let Ok(certificate) = EndEntityCert::try_from(certificate) else {
        return Validity::Good;
    };
    let at = UnixTime::since_unix_epoch(since);
    let said = certificate.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None);
    match said {
        Err(webpki::Error::CertExpired { .. }) => Validity::Ended,
        Err(webpki::Error::CertNotValidYet { .. }) => Validity::NotYet,
        Ok(_) | Err(_) => Validity::Good,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn print<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Print {
    let mut hash = Sha256::new();
    for part in parts {
        // The lengths keep the parts apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl PartialEq for Served {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Eq for Served {}

impl PartialEq for Toward {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Eq for Toward {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl fmt::Debug for Toward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toward")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tls::trial::{Authority, at_year};

    #[test]
    fn a_chain_and_its_key_are_read_and_what_is_wrong_is_told_apart() {
        let ca = Authority::new();
        let ours = ca.sign("sip.example.com");
        let other = ca.sign("sip.example.com");
        Identity::read(ours.chain.as_bytes(), ours.key.as_bytes()).unwrap();
        let read = |chain: &str, key: &str| {
            Identity::read(chain.as_bytes(), key.as_bytes())
                .map(|_| ())
                .unwrap_err()
        };
        assert_eq!(read(&ours.chain, &other.key), Wrong::OtherKey);
        assert_eq!(read(&ours.key, &ours.key), Wrong::NoCertificate);
        assert_eq!(read(&ours.chain, &ours.chain), Wrong::NoKey);
        assert_eq!(read("", ""), Wrong::NoCertificate);
        assert_eq!(read(&ours.chain.repeat(6), &ours.key), Wrong::LongChain);
        let damaged = ours.chain.replacen("MII", "MIJ", 1);
        assert!(matches!(
            read(&damaged, &ours.key),
            Wrong::BadCertificate(_)
        ));
        let unended = ours.chain.replace("-----END", "-----AND");
        assert!(matches!(
            read(&unended, &ours.key),
            Wrong::BadCertificate(_)
        ));
    }

    #[test]
    fn a_certificate_holds_between_its_dates() {
        let ca = Authority::new();
        let ours = ca.sign_between("sip.example.com", 2020, 2030);
        let ours = Identity::read(ours.chain.as_bytes(), ours.key.as_bytes()).unwrap();
        let day = Duration::from_secs(86_400);
        assert_eq!(ours.validity(at_year(2019)), Validity::NotYet);
        assert_eq!(ours.validity(at_year(2025)), Validity::Good);
        assert_eq!(ours.validity(at_year(2029) + day * 360), Validity::EndsSoon);
        assert_eq!(ours.validity(at_year(2031)), Validity::Ended);
    }

    #[test]
    fn what_is_made_from_the_same_is_the_same() {
        let ca = Authority::new();
        let [one, two] = [ca.sign("a.example"), ca.sign("a.example")];
        let read = |one: &trial::Signed| Identity::read(one.chain.as_bytes(), one.key.as_bytes());
        let [one, same, two] = [read(&one), read(&one), read(&two)].map(Result::unwrap);
        let served = |one: &Identity| Served::new(one, None).unwrap();
        assert_eq!(served(&one), served(&same));
        assert_ne!(served(&one), served(&two));
        let ca = Authorities::read(ca.pem.as_bytes()).unwrap();
        assert_ne!(served(&one), Served::new(&one, Some(&ca)).unwrap());
        let toward = |name: &str| Toward::new(name, &ca, None).unwrap();
        assert_eq!(toward("a.example"), toward("a.example"));
        assert_ne!(toward("a.example"), toward("b.example"));
    }

    #[test]
    fn a_trunk_is_named_by_the_alternative_names_of_its_certificate_alone() {
        let ca = Authority::new();
        let roots = Authorities::read(ca.pem.as_bytes()).unwrap();
        let named = |name: &str, in_it: &str| {
            let signed = ca.sign(in_it);
            let der = CertificateDer::from_pem_slice(signed.chain.as_bytes()).unwrap();
            Toward::new(name, &roots, None).unwrap().is_named_in(&der)
        };
        assert!(named("carrier.example", "carrier.example"));
        assert!(named("carrier.example.", "carrier.example"));
        assert!(named("192.0.2.7", "192.0.2.7"));
        assert!(named("[2001:db8::7]", "2001:db8::7"));
        assert!(!named("carrier.example", "sip.carrier.example"));
        assert!(!named("192.0.2.7", "192.0.2.8"));
        assert!(!named("carrier.example", "192.0.2.7"));
    }

    #[test]
    fn the_machines_authorities_are_taken_without_those_that_cannot_be_read() {
        let ca = Authority::new();
        let der = CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap();
        let list = vec![b"nothing".to_vec(), der.to_vec()];
        assert_eq!(Authorities::of_machine(list).unwrap().roots.len(), 1);
        assert!(Authorities::of_machine(Vec::new()).is_none());
    }

    #[test]
    fn debug_output_shows_no_key() {
        let ca = Authority::new();
        let ours = ca.sign("a.example");
        let ours = Identity::read(ours.chain.as_bytes(), ours.key.as_bytes()).unwrap();
        let shown = format!("{ours:?} {:?}", Served::new(&ours, None).unwrap());
        assert_eq!(shown, "Identity { .. } Served { .. }");
    }
}
