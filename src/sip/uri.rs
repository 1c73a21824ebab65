//! URIs: sip, sips, tel, and every other scheme kept as it came (RFC 3261 section 19.1, RFC 3966).
//!
//! A [`Uri`] shares the message it came in and marks its parts there. Escapes stay: nothing is unescaped twice.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::Ipv6Addr;
use std::ops::Range;

use bytes::Bytes;

use crate::sip::host::{take_host, take_port};
use crate::sip::scan;
use crate::sip::scan::{Cursor, Span};

pub use crate::sip::host::Host;

/// A URI's scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other, which a request is answered 416 for.
    Other,
}

/// A URI, checked, as it came. Two are equal when their text is; [`Uri::matches`] compares as RFC 3261 19.1.4 says.
#[derive(Clone)]
pub struct Uri {
    /// What the URI stands in: a whole message as a rule, so that reading one costs one more share of it. Every span counts
    /// from its beginning.
    text: Bytes,
    whole: Span,
    scheme: Scheme,
    marks: Marks,
}

/// Where the parts of a URI stand.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    user: Span,
    host: Span,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

/// A text that is no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URI by RFC 3261 section 25.1; write it like sip:user@host:5060")]
pub struct BadUri;

impl Uri {
    /// Reads a URI, copying it.
    ///
    /// # Errors
    ///
    /// When the text follows no URI grammar.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, BadUri> {
        Self::take(Bytes::copy_from_slice(text.as_ref()))
    }

    /// Reads the URI that `text` is, without copying.
    ///
    /// # Errors
    ///
    /// When the text follows no URI grammar.
    pub fn take(text: Bytes) -> Result<Self, BadUri> {
        let end = text.len();
        Self::at(&text, 0..end)
    }

    /// Reads the URI that stands at `place` in `text`, without copying.
    pub(crate) fn at(text: &Bytes, place: Range<usize>) -> Result<Self, BadUri> {
        if place.end > usize::from(u16::MAX) {
            return Err(BadUri);
        }
        let all = text.get(..place.end).ok_or(BadUri)?;
        let own = all.get(place.start..).ok_or(BadUri)?;
        let colon = memchr::memchr(b':', own).ok_or(BadUri)?;
        let scheme = own.get(..colon).unwrap_or_default();
        let kind = match scheme.len() {
            3 if scheme.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            4 if scheme.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            3 if scheme.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _len if is_scheme(scheme) => Scheme::Other,
            _len => return Err(BadUri),
        };
        let start = place.start + colon + 1;
        let marks = match kind {
            Scheme::Sip | Scheme::Sips => mark_sip(all, start)?,
            Scheme::Tel => mark_tel(all, start)?,
            Scheme::Other => mark_opaque(all, start)?,
        };
        Ok(Self {
            text: text.clone(),
            whole: Span::new(place.start, place.end),
            scheme: kind,
            marks,
        })
    }

    /// Writes `sip:user@host:port`; `user` is escaped where it has to be, `host` is a name or an address.
    ///
    /// # Errors
    ///
    /// When `host` is neither.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Result<Self, BadUri> {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            text.push_str(&escape_user(user));
            text.push('@');
        }
        match host.parse::<Ipv6Addr>() {
            Ok(ip) => text.push_str(&format!("[{ip}]")),
            Err(_not_ipv6) => text.push_str(host),
        }
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        Self::take(Bytes::from(text))
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the user part with its escapes (and password, where one stands), or the number of a tel URI.
    pub fn user(&self) -> Option<&str> {
        (!self.marks.user.is_empty()).then(|| self.marks.user.ascii(&self.text))
    }

    /// Returns the user part with its escapes undone once, for comparing; it may hold any byte, `%00` too.
    pub fn user_unescaped(&self) -> Option<Cow<'_, [u8]>> {
        self.user().map(|user| unescape(user.as_bytes()))
    }

    /// Returns the host; `None` where the scheme has none.
    pub fn host(&self) -> Option<Host<'_>> {
        (!self.marks.host.is_empty()).then(|| Host::of(self.marks.host.ascii(&self.text)))
    }

    /// Returns the host as written, an IPv6 address in its brackets; empty where the scheme has none.
    pub fn host_text(&self) -> &str {
        self.marks.host.ascii(&self.text)
    }

    /// Returns the port, where one is written.
    pub const fn port(&self) -> Option<u16> {
        self.marks.port
    }

    /// Returns the URI parameters in order.
    pub fn params(&self) -> UriParams<'_> {
        UriParams(self.marks.params.ascii(&self.text))
    }

    /// Returns the value of the parameter called `name` (any case); empty where it stands without a value.
    pub fn param(&self, name: &str) -> Option<&str> {
        if self.marks.params.is_empty() {
            return None;
        }
        self.params()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// Whether it is a loose router's (`lr`, 19.1.1).
    pub fn is_loose_route(&self) -> bool {
        self.param("lr").is_some()
    }

    /// Returns what stands behind the `?`, escaped; these never become headers of a message unasked.
    pub fn headers(&self) -> Option<&str> {
        (!self.marks.headers.is_empty()).then(|| self.marks.headers.ascii(&self.text))
    }

    /// Returns the URI as written.
    pub fn as_str(&self) -> &str {
        self.whole.ascii(&self.text)
    }

    /// Returns where in [`Self::shared`] the URI stands.
    pub(crate) const fn whole(&self) -> Span {
        self.whole
    }

    /// Returns what the URI stands in.
    pub(crate) const fn shared(&self) -> &Bytes {
        &self.text
    }

    /// Returns the URI without the headers behind its `?`, as a request line may hold it (19.1.5).
    #[must_use]
    pub fn without_headers(&self) -> Self {
        let mut bare = self.clone();
        if !self.marks.headers.is_empty() {
            let question = self.marks.headers.range().start.saturating_sub(1);
            bare.whole = Span::new(self.whole.range().start, question);
            bare.marks.headers = Span::EMPTY;
        }
        bare
    }

    /// Copies the text out of the message it came in, so that keeping the URI keeps no whole datagram.
    #[must_use]
    pub fn detached(&self) -> Self {
        self.cut_out(self.whole)
    }

    /// Copies `piece` out of what the URI stands in, and the URI is a part of that; what was read is not read again.
    pub(crate) fn cut_out(&self, piece: Span) -> Self {
        let moved = |span: Span| span.counted_from(piece.range().start);
        let Marks {
            user,
            host,
            port,
            params,
            headers,
        } = self.marks;
        Self {
            text: Bytes::copy_from_slice(piece.of(&self.text)),
            whole: moved(self.whole),
            scheme: self.scheme,
            marks: Marks {
                user: moved(user),
                host: moved(host),
                port,
                params: moved(params),
                headers: moved(headers),
            },
        }
    }

    /// Compares as RFC 3261 19.1.4 says: host, scheme and parameters in any case, the user exactly, escapes undone, and
    /// `user`, `ttl`, `method`, `maddr` and `transport` must be in both or in neither.
    pub fn matches(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if self.scheme == Scheme::Other {
            return self == other;
        }
        let user = |uri: &Self| uri.user_unescaped().map(Cow::into_owned);
        if user(self) != user(other)
            || !self.host_text().eq_ignore_ascii_case(other.host_text())
            || self.marks.port != other.marks.port
            || self.headers() != other.headers()
        {
            return false;
        }
        self.agrees_with(other) && other.agrees_with(self)
    }

    /// Whether every parameter of ours is in `other` alike, or absent where that is allowed. Of one that is written twice,
    /// which 19.1.1 forbids, the first counts.
    fn agrees_with(&self, other: &Self) -> bool {
        const IN_BOTH: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        self.params().all(|(name, _)| {
            let ours = self.param(name).unwrap_or_default();
            match other.param(name) {
                Some(theirs) => theirs.eq_ignore_ascii_case(ours),
                None => !IN_BOTH.iter().any(|n| n.eq_ignore_ascii_case(name)),
            }
        })
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::str::FromStr for Uri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        Self::parse(text)
    }
}

/// The `;name=value` pairs of a URI, still escaped.
#[derive(Clone, Debug)]
pub struct UriParams<'a>(&'a str);

impl<'a> Iterator for UriParams<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            let (param, rest) = self.0.split_once(';').unwrap_or((self.0, ""));
            self.0 = rest;
            if !param.is_empty() {
                return Some(match param.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (param, None),
                });
            }
        }
    }
}

/// Marks the parts of a sip or sips URI; `text` ends where the URI does, and `start` is behind the scheme's colon.
fn mark_sip(text: &[u8], start: usize) -> Result<Marks, BadUri> {
    let mut marks = Marks::default();
    let mut cursor = Cursor::from(text, start);
    // An unescaped `@` stands only after the user, which may hold `;` and `?` (25.1).
    if let Some(at) = memchr::memchr(b'@', cursor.rest()) {
        escaped(&mut cursor, scan::USER);
        if cursor.at() != start + at || at == 0 {
            return Err(BadUri);
        }
        marks.user = Span::new(start, start + at);
        cursor.eat(b'@');
    }
    marks.host = take_host(&mut cursor).ok_or(BadUri)?;
    if cursor.eat(b':') {
        marks.port = Some(take_port(&mut cursor).ok_or(BadUri)?);
    }
    if cursor.peek() == Some(b';') {
        let start = cursor.at();
        let rest = cursor.rest();
        let end = memchr::memchr(b'?', rest).map_or(text.len(), |at| start + at);
        // Delimiters inside a parameter are escaped; `?` alone ends the parameters.
        escaped(&mut cursor, scan::URI);
        if cursor.at() < end {
            return Err(BadUri);
        }
        marks.params = Span::new(start, end);
        cursor = Cursor::from(text, end);
    }
    if cursor.eat(b'?') {
        let start = cursor.at();
        escaped(&mut cursor, scan::URI);
        marks.headers = Span::new(start, cursor.at());
        if marks.headers.is_empty() {
            return Err(BadUri);
        }
    }
    match cursor.peek() {
        None => Ok(marks),
        Some(_left_over) => Err(BadUri),
    }
}

fn mark_tel(text: &[u8], start: usize) -> Result<Marks, BadUri> {
    let rest = text.get(start..).unwrap_or_default();
    let end = memchr::memchr(b';', rest).map_or(text.len(), |at| start + at);
    let number = text.get(start..end).unwrap_or_default();
    let digit = |b: &u8| b.is_ascii_hexdigit() || b"+-.()*#".contains(b);
    if number.is_empty() || !number.iter().all(digit) {
        return Err(BadUri);
    }
    let mut cursor = Cursor::from(text, end);
    escaped(&mut cursor, scan::URI);
    if cursor.peek().is_some() {
        return Err(BadUri);
    }
    Ok(Marks {
        user: Span::new(start, end),
        params: Span::new(end, text.len()),
        ..Marks::default()
    })
}

fn mark_opaque(text: &[u8], start: usize) -> Result<Marks, BadUri> {
    // What an unknown scheme allows is unknown; what would break out of the header is not let in.
    let rest = text.get(start..).unwrap_or_default();
    let fine = |b: &u8| b.is_ascii_graphic() && !b"<>\"".contains(b);
    if rest.is_empty() || !rest.iter().all(fine) {
        return Err(BadUri);
    }
    Ok(Marks::default())
}

/// Passes over `class` and whole `%HH` escapes.
fn escaped(cursor: &mut Cursor<'_>, class: u8) {
    loop {
        cursor.take(class);
        match cursor.rest() {
            [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => cursor.advance(3),
            _stops => return,
        }
    }
}

fn is_scheme(text: &[u8]) -> bool {
    let tail = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(tail)
}

/// Undoes `%HH` once.
pub(crate) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [a, b, tail @ ..]) => match (digit(*a), digit(*b)) {
                (Some(a), Some(b)) => {
                    out.push(a << 4 | b);
                    rest = tail;
                }
                (None, _) | (_, None) => out.push(b'%'),
            },
            (other, _) => out.push(*other),
        }
    }
    Cow::Owned(out)
}

/// Escapes what a user part may not hold as it is (25.1).
pub fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        // A colon would start a password.
        if scan::is(byte, scan::USER) && byte != b':' && byte != b'#' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
