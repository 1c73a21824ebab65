//! Digest answers to a trunk's challenges: the client's side of RFC 7616 and 8760 in SIP (RFC 3261 section 22).
//!
//! MD5, SHA-256 and SHA-512-256, plain and `-sess`, with `qop=auth` and without; `auth-int` is not offered an answer.

use std::fmt;
use std::fmt::Write;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::method::Method;
use crate::sip::scan;
use crate::sip::scan::Cursor;

/// The most challenges read from one response: a forking proxy gathers those of all its branches (22.3), and each costs hashes.
const CHALLENGES_MAX: usize = 8;

/// One Digest challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The algorithm as the server wrote it, sent back only if it wrote one.
    algorithm_text: Option<String>,
    qop_auth: bool,
    stale: bool,
}

/// Who answers. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name at the trunk.
    pub username: String,
    /// The secret.
    pub password: String,
}

/// A digest algorithm; later ones are stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, the default where a challenge names none.
    Md5,
    /// MD5 over a key made new for each session.
    Md5Sess,
    /// SHA-256 (RFC 8760).
    Sha256,
    /// SHA-256 over a key made new for each session.
    Sha256Sess,
    /// SHA-512-256 (RFC 8760).
    Sha512,
    /// SHA-512-256 over a key made new for each session.
    Sha512Sess,
}

/// The number of an answer to one nonce and what makes it unlike all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round<'a> {
    /// How many requests were answered with this nonce, this one included.
    pub count: u32,
    /// A random token of ours.
    pub cnonce: &'a str,
}

impl Challenge {
    /// Reads the strongest challenge of one header line that can be answered.
    pub fn parse(line: &[u8]) -> Option<Self> {
        read(line).into_iter().max_by_key(|c| c.algorithm)
    }

    /// Reads what a 401 or 407 asks for: for each realm its strongest challenge, with the header that answers it (22.2, 22.3;
    /// RFC 8760 2.4 leaves the choice among several algorithms to the client).
    pub fn all(headers: &Headers) -> Vec<(Name, Self)> {
        let mut found: Vec<(Name, Self)> = Vec::new();
        for (asks, answers) in [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ] {
            for challenge in headers.lines(asks).flat_map(read).take(CHALLENGES_MAX) {
                let same = |(name, other): &&mut (Name, Self)| {
                    *name == answers && other.realm == challenge.realm
                };
                match found.iter_mut().find(same) {
                    Some((_, known)) if known.algorithm < challenge.algorithm => *known = challenge,
                    Some(_as_strong) => {}
                    None => found.push((answers, challenge)),
                }
            }
        }
        found
    }

    /// Returns the realm, its escapes undone.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Returns the nonce. One that was answered before and is not [`Self::is_stale`] means that the secret is wrong.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Returns the algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the server says that the secret was right and only the nonce too old.
    pub const fn is_stale(&self) -> bool {
        self.stale
    }

    /// Writes the value of the Authorization or Proxy-Authorization that answers it.
    pub fn answer(
        &self,
        who: &Credentials,
        method: &Method,
        uri: &str,
        round: Round<'_>,
    ) -> String {
        let nc = format!("{:08x}", round.count);
        let response = self.response(who, method.as_str(), uri, &nc, round.cnonce);
        let mut out = String::from("Digest ");
        quoted(&mut out, "username", &who.username);
        quoted(&mut out, ", realm", &self.realm);
        quoted(&mut out, ", nonce", &self.nonce);
        quoted(&mut out, ", uri", uri);
        quoted(&mut out, ", response", &response);
        if let Some(algorithm) = &self.algorithm_text {
            out.push_str(", algorithm=");
            out.push_str(algorithm);
        }
        if self.qop_auth || self.algorithm.is_session() {
            quoted(&mut out, ", cnonce", round.cnonce);
        }
        if let Some(opaque) = &self.opaque {
            quoted(&mut out, ", opaque", opaque);
        }
        if self.qop_auth {
            out.push_str(", qop=auth, nc=");
            out.push_str(&nc);
        }
        out
    }

    /// RFC 7616 3.4.1 to 3.4.3; without qop the form of RFC 2069.
    fn response(
        &self,
        who: &Credentials,
        method: &str,
        uri: &str,
        nc: &str,
        cnonce: &str,
    ) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let mut key = hash(&[&who.username, &self.realm, &who.password]);
        if self.algorithm.is_session() {
            key = hash(&[&key, &self.nonce, cnonce]);
        }
        let what = hash(&[method, uri]);
        match self.qop_auth {
            true => hash(&[&key, &self.nonce, nc, cnonce, "auth", &what]),
            false => hash(&[&key, &self.nonce, &what]),
        }
    }
}

/// One answer to a challenge of ours: an Authorization with `qop=auth`.
pub(in crate::sip) struct Proof {
    pub(in crate::sip) username: String,
    pub(in crate::sip) realm: String,
    pub(in crate::sip) nonce: String,
    pub(in crate::sip) uri: String,
    pub(in crate::sip) response: String,
    pub(in crate::sip) algorithm: Algorithm,
    pub(in crate::sip) cnonce: String,
    pub(in crate::sip) count: u32,
    /// The same as it is written, which is what was hashed.
    pub(in crate::sip) count_text: String,
}

impl Proof {
    /// Reads the value of an Authorization; `None`: it is none that answers `qop=auth`.
    pub(in crate::sip) fn parse(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line);
        cursor.skip_space();
        let scheme = cursor.take(scan::TOKEN).of(line);
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return None;
        }
        let fields = fields(&mut cursor, line)?;
        let field = |wanted: &[u8]| {
            let mut all = fields.iter();
            let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone())
        };
        let count_text = field(b"nc")?;
        Some(Self {
            username: field(b"username")?,
            realm: field(b"realm")?,
            nonce: field(b"nonce")?,
            uri: field(b"uri")?,
            response: field(b"response")?,
            algorithm: match field(b"algorithm") {
                Some(text) => Algorithm::parse(&text)?,
                None => Algorithm::Md5,
            },
            cnonce: field(b"cnonce")?,
            count: u32::from_str_radix(&count_text, 16).ok()?,
            count_text: field(b"qop")
                .filter(|qop| qop.eq_ignore_ascii_case("auth"))
                .map(|_| count_text)?,
        })
    }
}

impl Algorithm {
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512 => "SHA-512-256",
            Self::Sha512Sess => "SHA-512-256-sess",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        const KNOWN: [Algorithm; 6] = [
            Algorithm::Md5,
            Algorithm::Md5Sess,
            Algorithm::Sha256,
            Algorithm::Sha256Sess,
            Algorithm::Sha512,
            Algorithm::Sha512Sess,
        ];
        let mut known = KNOWN.into_iter();
        known.find(|algorithm| algorithm.word().eq_ignore_ascii_case(text))
    }

    const fn is_session(self) -> bool {
        match self {
            Self::Md5 | Self::Sha256 | Self::Sha512 => false,
            Self::Md5Sess | Self::Sha256Sess | Self::Sha512Sess => true,
        }
    }

    /// Hashes the parts joined by colons, as lower-case hexadecimal digits.
    pub(in crate::sip) fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 | Self::Md5Sess => hex::encode(Md5::digest(text)),
            Self::Sha256 | Self::Sha256Sess => hex::encode(Sha256::digest(text)),
            Self::Sha512 | Self::Sha512Sess => hex::encode(Sha512_256::digest(text)),
        }
    }
}

/// Reads every Digest challenge of one line that we can answer; others are passed over (22.2).
fn read(line: &[u8]) -> Vec<Challenge> {
    let mut cursor = Cursor::new(line);
    let mut found = Vec::new();
    while found.len() < CHALLENGES_MAX {
        cursor.skip_space();
        let scheme = cursor.take(scan::TOKEN).of(line);
        if scheme.is_empty() {
            break;
        }
        let fields = fields(&mut cursor, line);
        if scheme.eq_ignore_ascii_case(b"Digest") {
            found.extend(fields.as_deref().and_then(challenge));
        }
        if fields.is_none() {
            // Where this challenge ends is unknown, and with it where the next begins.
            break;
        }
    }
    found
}

type Field<'a> = (&'a [u8], String);

/// Takes `name=value, name="value"` up to the end or the next challenge's scheme, whichever comes first.
fn fields<'a>(cursor: &mut Cursor<'a>, line: &'a [u8]) -> Option<Vec<Field<'a>>> {
    let mut fields = Vec::new();
    loop {
        let before = *cursor;
        cursor.skip_space();
        if cursor.eat(b',') {
            continue;
        }
        if cursor.peek().is_none() {
            return Some(fields);
        }
        let name = cursor.take(scan::TOKEN).of(line);
        cursor.skip_space();
        if name.is_empty() {
            return None;
        }
        if !cursor.eat(b'=') {
            // A word without a value is the scheme of the next challenge.
            *cursor = before;
            return (!fields.is_empty()).then_some(fields);
        }
        cursor.skip_space();
        let value = match cursor.peek() {
            Some(b'"') => {
                let text = cursor.quoted()?.of(line);
                let inside = text.get(1..text.len() - 1).unwrap_or_default();
                unquote(inside)?
            }
            Some(_) | None => String::from_utf8(cursor.take(scan::VALUE).of(line).to_vec()).ok()?,
        };
        fields.push((name, value));
    }
}

fn challenge(fields: &[Field<'_>]) -> Option<Challenge> {
    let field = |wanted: &[u8]| {
        let mut all = fields.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    let algorithm_text = field(b"algorithm");
    let algorithm = match &algorithm_text {
        Some(text) => Algorithm::parse(text)?,
        None => Algorithm::Md5,
    };
    let qop_auth = match field(b"qop") {
        None => false,
        // A server that wants only auth-int is one we cannot answer.
        Some(list) if offers_auth(&list) => true,
        Some(_only_others) => return None,
    };
    Some(Challenge {
        realm: field(b"realm")?,
        nonce: field(b"nonce")?,
        opaque: field(b"opaque"),
        algorithm,
        algorithm_text,
        qop_auth,
        stale: field(b"stale").is_some_and(|text| text.eq_ignore_ascii_case("true")),
    })
}

fn offers_auth(list: &str) -> bool {
    list.split(',')
        .any(|qop| qop.trim().eq_ignore_ascii_case("auth"))
}

fn unquote(inside: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        out.extend(if *byte == b'\\' {
            bytes.next()
        } else {
            Some(byte)
        });
    }
    String::from_utf8(out).ok()
}

/// Writes `name="value"`, escaping what would end the string; line breaks the writer of headers refuses.
fn quoted(out: &mut String, name: &str, value: &str) {
    let _written_to_memory = write!(out, "{name}=\"");
    for c in value.chars() {
        if c == '"' || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
