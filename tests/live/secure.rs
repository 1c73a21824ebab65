//! Certificates of the tests' own, and a ringtag that shows and asks for them.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use crate::harness::{CONFIG, Net, Ringtag};

/// An authority whose certificate lies in a folder, as do those that it signs.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one; its certificate is `NAME.pem`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
        Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Signs a certificate for a host until the first day of a year, and lays it down as `FILE.pem` and `FILE.key`.
    pub(crate) fn sign(&self, file: &str, host: impl ToString, until: i32) {
        let mut params = CertificateParams::new(vec![host.to_string()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        for (ending, text) in [("pem", pem), ("key", key.serialize_pem())] {
            let path = self.folder.join(format!("{file}.{ending}"));
            fs::write(&path, text).unwrap();
            private(&path);
        }
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A file of the folder that PJSIP and OpenSSL are told of.
pub(crate) fn file(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// The usual configuration, listening by TLS and WebSocket as well; `more` goes into `[sip]`.
pub(crate) fn config(more: &str) -> String {
    CONFIG.replace(
        "listen = [\"udp:{ringtag}:5060\", \"tcp:{ringtag}:5060\"]",
        &format!(
            "listen = [\"udp:{{ringtag}}:5060\", \"tcp:{{ringtag}}:5060\", \"tls:{{ringtag}}:5061\", \
             \"ws:{{ringtag}}:8088\", \"wss:{{ringtag}}:8443\"]\n\
             certificate_file = \"us.pem\"\nprivate_key_file = \"us.key\"\n{more}"
        ),
    )
}

/// Starts a ringtag in a folder where `prepare` has put its certificates.
pub(crate) fn start(config: &str, prepare: impl FnOnce(Net, &Path)) -> Ringtag {
    let (net, folder) = (Net::take(), TempDir::new().unwrap());
    prepare(net, folder.path());
    Ringtag::start_in(net, folder, config).expect("ringtag starts")
}
