//! Addresses of From, To, Contact, Route and their kin: display name, URI and header parameters (RFC 3261 20.10, 25.1).

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use bytes::Bytes;

use crate::sip::scan;
use crate::sip::scan::{Cursor, Params, Span};
use crate::sip::uri::Uri;

/// `"Alice" <sip:alice@example.com>;tag=1`, checked, as it came.
#[derive(Clone)]
pub struct NameAddr {
    /// Shares the text that all the spans count in.
    uri: Uri,
    whole: Span,
    display: Span,
    params: Span,
    tag: Span,
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name-addr or addr-spec by RFC 3261 section 25.1; write it like \"Name\" <sip:user@host>"
)]
pub struct BadNameAddr;

impl NameAddr {
    /// Reads an address, copying it.
    ///
    /// # Errors
    ///
    /// When the text follows no grammar of addresses.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, BadNameAddr> {
        Self::take(Bytes::copy_from_slice(scan::trim(text.as_ref())))
    }

    /// Reads the address that `text` is, without copying.
    ///
    /// # Errors
    ///
    /// When the text follows no grammar of addresses.
    pub fn take(text: Bytes) -> Result<Self, BadNameAddr> {
        let end = text.len();
        Self::at(&text, 0..end)
    }

    /// Reads the address that stands at `place` in `text`, without copying.
    pub(crate) fn at(text: &Bytes, place: Range<usize>) -> Result<Self, BadNameAddr> {
        let all = text.get(..place.end).ok_or(BadNameAddr)?;
        let mut cursor = Cursor::from(all, place.start);
        cursor.skip_space();
        let display = take_display(&mut cursor)?;
        let uri_at = take_addr(&mut cursor, display)?;
        let params_at = cursor.at();
        let mut tag = Span::EMPTY;
        while let Some(param) = cursor.param() {
            let param = param.map_err(|_bad| BadNameAddr)?;
            if tag.is_empty() && param.name.of(all).eq_ignore_ascii_case(b"tag") {
                tag = param.value.unwrap_or_default();
                if tag.of(all).first() == Some(&b'"') {
                    return Err(BadNameAddr);
                }
            }
        }
        if cursor.peek().is_some() {
            return Err(BadNameAddr);
        }
        Ok(Self {
            uri: Uri::at(text, uri_at).map_err(|_bad| BadNameAddr)?,
            whole: Span::new(place.start, place.end),
            display,
            params: Span::new(params_at, place.end),
            tag,
        })
    }

    /// Writes an address; the display name is quoted, and what may not stand in it (line breaks, controls) left out.
    pub fn new(display: Option<&str>, uri: &Uri, tag: Option<&str>) -> Self {
        let mut text = String::new();
        if let Some(display) = display.filter(|d| !d.is_empty()) {
            text.push('"');
            for c in display.chars().filter(|c| !c.is_control()) {
                if c == '"' || c == '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push_str("\" ");
        }
        text.push('<');
        text.push_str(uri.as_str());
        text.push('>');
        if let Some(tag) = tag.filter(|tag| scan::is_all(tag.as_bytes(), scan::TOKEN)) {
            text.push_str(";tag=");
            text.push_str(tag);
        }
        // Only more than 64 KB of name could fail to read back; the URI alone never does.
        Self::take(Bytes::from(text)).unwrap_or_else(|_bad| Self {
            whole: uri.whole(),
            uri: uri.clone(),
            display: Span::EMPTY,
            params: Span::EMPTY,
            tag: Span::EMPTY,
        })
    }

    /// Returns the display name with quotes and escapes undone; any bytes, `None` where there is none.
    pub fn display(&self) -> Option<Cow<'_, [u8]>> {
        let raw = self.display.of(self.uri.shared());
        match raw {
            [] => None,
            [b'"', inside @ .., b'"'] => Some(unquote(inside)),
            token => Some(Cow::Borrowed(token)),
        }
    }

    /// Returns the display name as text; bytes that are no UTF-8 become U+FFFD.
    pub fn display_text(&self) -> Option<String> {
        self.display()
            .map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    /// Returns the URI.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the tag; `None` where there is none or it is empty.
    pub fn tag(&self) -> Option<&str> {
        (!self.tag.is_empty()).then(|| self.tag.ascii(self.uri.shared()))
    }

    /// Returns the header parameters in order.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.of(self.uri.shared()))
    }

    /// Returns the value of the header parameter called `name` (any case); empty where it stands without one.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        self.params()
            .get(name)
            .map(|value| value.unwrap_or_default())
    }

    /// Returns the text as it came.
    pub fn as_bytes(&self) -> &[u8] {
        self.whole.of(self.uri.shared())
    }

    /// Returns the same address with `tag` instead of the one it has, or with none, in memory of its own.
    #[must_use]
    pub fn with_tag(&self, tag: Option<&str>) -> Self {
        let before = Span::new(self.whole.range().start, self.params.range().start);
        let before = before.of(self.uri.shared());
        let more = "<>;tag=".len() + tag.map_or(0, str::len);
        let mut text = Vec::with_capacity(self.as_bytes().len() + more);
        if before.ends_with(b">") {
            text.extend_from_slice(before);
        } else {
            // Without brackets nothing tells the URI's parameters from the header's; keep the URI apart.
            for part in [b"<", self.uri.as_str().as_bytes(), b">"] {
                text.extend_from_slice(part);
            }
        }
        for (name, value) in self.params() {
            if !name.eq_ignore_ascii_case(b"tag") {
                text.push(b';');
                text.extend_from_slice(name);
                if let Some(value) = value {
                    text.push(b'=');
                    text.extend_from_slice(value);
                }
            }
        }
        if let Some(tag) = tag {
            text.extend_from_slice(b";tag=");
            text.extend_from_slice(tag.as_bytes());
        }
        // A tag that is no token is left out rather than written.
        Self::take(Bytes::from(text)).unwrap_or_else(|_bad| Self::new(None, &self.uri, None))
    }

    /// Copies the text out of the message it came in, so that keeping the address keeps no whole datagram.
    #[must_use]
    pub fn detached(&self) -> Self {
        let moved = |span: Span| span.counted_from(self.whole.range().start);
        Self {
            uri: self.uri.cut_out(self.whole),
            whole: moved(self.whole),
            display: moved(self.display),
            params: moved(self.params),
            tag: moved(self.tag),
        }
    }
}

/// Takes the URI, in its brackets or bare, and tells where it stands.
fn take_addr(cursor: &mut Cursor<'_>, display: Span) -> Result<Range<usize>, BadNameAddr> {
    if cursor.eat(b'<') {
        let start = cursor.at();
        let end = memchr::memchr(b'>', cursor.rest()).ok_or(BadNameAddr)?;
        cursor.advance(end + 1);
        return Ok(start..start + end);
    }
    if !display.is_empty() {
        return Err(BadNameAddr);
    }
    // Without brackets the parameters are the header's, and a comma, a question mark or a semicolon would need the brackets
    // (20.10).
    let start = cursor.at();
    let rest = cursor.rest();
    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let bare = rest.get(..end).unwrap_or_default();
    if memchr::memchr2(b',', b'?', bare).is_some() {
        return Err(BadNameAddr);
    }
    cursor.advance(end);
    Ok(start..start + scan::trim(bare).len())
}

/// Takes a display name up to the `<` that must follow it; empty where there is none.
fn take_display(cursor: &mut Cursor<'_>) -> Result<Span, BadNameAddr> {
    if cursor.peek() == Some(b'"') {
        let quoted = cursor.quoted().ok_or(BadNameAddr)?;
        cursor.skip_space();
        return match cursor.peek() {
            Some(b'<') => Ok(quoted),
            Some(_) | None => Err(BadNameAddr),
        };
    }
    let Some(bracket) = memchr::memchr(b'<', cursor.rest()) else {
        return Ok(Span::EMPTY);
    };
    let start = cursor.at();
    let before = cursor.rest().get(..bracket).unwrap_or_default();
    // `sip:a@b;x=<…>` has its bracket in a parameter, where it is not allowed either.
    if !before.iter().all(|byte| scan::is(*byte, scan::DISPLAY)) {
        return Err(BadNameAddr);
    }
    cursor.advance(bracket);
    Ok(Span::new(start, start + scan::trim(before).len()))
}

fn unquote(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        out.extend(if *byte == b'\\' {
            bytes.next()
        } else {
            Some(byte)
        });
    }
    Cow::Owned(out)
}

/// Writes the text as it came; bytes that are no UTF-8 become U+FFFD. [`NameAddr::as_bytes`] loses nothing.
impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

impl PartialEq for NameAddr {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for NameAddr {}

impl Hash for NameAddr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> NameAddr {
        NameAddr::parse(text).unwrap()
    }

    #[test]
    fn the_forms_of_an_address_are_read() {
        let full =
            addr(r#""J \"R\" \\ <x>;tag=no" <sip:j@example.com;p=1>  ; tag = 98asjd8 ;x="a;b""#);
        assert_eq!(full.display_text().unwrap(), r#"J "R" \ <x>;tag=no"#);
        assert_eq!(full.uri().as_str(), "sip:j@example.com;p=1");
        assert_eq!(full.tag(), Some("98asjd8"));
        assert_eq!(full.param("X"), Some(&br#""a;b""#[..]));
        let bare = addr("sip:vivekg@example.com ;   tag    = 1918181833n");
        assert_eq!(bare.uri().as_str(), "sip:vivekg@example.com");
        assert_eq!(bare.tag(), Some("1918181833n"));
        assert_eq!(
            addr("caller<sip:caller@example.com>")
                .display_text()
                .unwrap(),
            "caller"
        );
        assert_eq!(addr("A. Bell <sip:b@h>").display_text().unwrap(), "A. Bell");
        assert_eq!(addr("<sip:b@h>").display(), None);
        assert_eq!(addr("<sip:b@h>;tag=").tag(), None);
    }

    #[test]
    fn display_names_may_be_any_bytes() {
        let broken = NameAddr::parse(b"\"\xff\xfe\" <sip:a@b>").unwrap();
        assert_eq!(broken.display().unwrap(), &b"\xff\xfe"[..]);
        assert_eq!(broken.as_bytes(), b"\"\xff\xfe\" <sip:a@b>");
        assert!(NameAddr::parse("Ирина <sip:a@b>".as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "\"Mr. J. User <sip:j.user@example.com>",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "\"Watson, Thomas\" < sip:t.watson@example.org >",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "\"Joe\" <sip:joe@example.org>;;;;",
            "<sip:joe@example.org",
            "<sip:joe@example.org> x",
            "Joe",
            "\"Joe\" sip:joe@example.org",
            "<sip:a@b>;tag=a b",
            "<sip:a@b>;x=\"open",
        ] {
            assert_eq!(NameAddr::parse(text), Err(BadNameAddr), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let uri = Uri::parse("sip:a@b;lr").unwrap();
        let made = NameAddr::new(Some("Зв\"о\\нок\r\nVia: x"), &uri, Some("t1"));
        assert_eq!(
            made.to_string(),
            "\"Зв\\\"о\\\\нокVia: x\" <sip:a@b;lr>;tag=t1"
        );
        let read = addr(&made.to_string());
        assert_eq!(read, made);
        assert_eq!(read.tag(), made.tag());
        assert_eq!(read.display(), made.display());
    }

    #[test]
    fn what_is_copied_out_of_a_message_has_all_its_parts() {
        let value = "\"A B\" <sip:u%20v@[2001:db8::1]:5070;lr;x=1?h=2>;tag=t;y=z";
        let message = Bytes::from(format!("From: {value}\r\nTo: <sip:a@b>\r\n"));
        let there = NameAddr::at(&message, 6..6 + value.len()).unwrap();
        let own = there.detached();
        assert_eq!(own.uri().shared().as_ref(), value.as_bytes());
        assert_eq!(own.as_bytes(), value.as_bytes());
        assert_eq!(own.display_text().unwrap(), "A B");
        assert_eq!((own.tag(), own.param("y")), (Some("t"), Some(&b"z"[..])));
        for uri in [own.uri().clone(), there.uri().detached()] {
            assert_eq!(uri.as_str(), "sip:u%20v@[2001:db8::1]:5070;lr;x=1?h=2");
            assert_eq!((uri.user(), uri.port()), (Some("u%20v"), Some(5070)));
            assert_eq!(uri.host_text(), "[2001:db8::1]");
            assert_eq!((uri.param("x"), uri.headers()), (Some("1"), Some("h=2")));
        }
        let bare = there.uri().without_headers().detached();
        assert_eq!(bare.as_str(), "sip:u%20v@[2001:db8::1]:5070;lr;x=1");
        assert_eq!((bare.headers(), bare.param("x")), (None, Some("1")));
        let plain = addr("<sip:b>").detached();
        assert_eq!((plain.display(), plain.tag()), (None, None));
        assert_eq!((plain.uri().user(), plain.uri().headers()), (None, None));
    }

    #[test]
    fn a_tag_is_set_and_taken_away() {
        let with = addr("\"A\" <sip:a@b>;x=1").with_tag(Some("t"));
        assert_eq!(with.to_string(), "\"A\" <sip:a@b>;x=1;tag=t");
        assert_eq!(with.with_tag(None).to_string(), "\"A\" <sip:a@b>;x=1");
        assert_eq!(
            addr("sip:a@b;tag=1").with_tag(Some("2")).to_string(),
            "<sip:a@b>;tag=2"
        );
    }
}
