//! Addresses of From, To, Contact, Route and their kin: display name, URI and header parameters (RFC 3261 20.10, 25.1).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::sip::scan;
use crate::sip::scan::{Cursor, Params, Span};
use crate::sip::uri::Uri;

/// `"Alice" <sip:alice@example.com>;tag=1`, checked, as it came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NameAddr {
    text: Bytes,
    display: Marked,
    uri: Uri,
    params: Marked,
    tag: Marked,
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name-addr or addr-spec by RFC 3261 section 25.1; write it like \"Name\" <sip:user@host>"
)]
pub struct BadNameAddr;

/// A span that takes no part in comparing: the text it marks is compared already.
#[derive(Clone, Copy)]
struct Marked(Span);

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
        if text.len() > usize::from(u16::MAX) {
            return Err(BadNameAddr);
        }
        let mut cursor = Cursor::new(&text);
        cursor.skip_space();
        let display = take_display(&mut cursor)?;
        let uri_at;
        if cursor.eat(b'<') {
            let start = cursor.at();
            let end = memchr::memchr(b'>', cursor.rest()).ok_or(BadNameAddr)?;
            cursor.advance(end + 1);
            uri_at = start..start + end;
        } else if display.is_empty() {
            // Without brackets the parameters are the header's, and a comma, a question mark or a semicolon would need
            // the brackets (20.10).
            let start = cursor.at();
            let rest = cursor.rest();
            let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
            let bare = rest.get(..end).unwrap_or_default();
            if memchr::memchr2(b',', b'?', bare).is_some() {
                return Err(BadNameAddr);
            }
            let bare = scan::trim(bare).len();
            cursor.advance(end);
            uri_at = start..start + bare;
        } else {
            return Err(BadNameAddr);
        }
        let start = cursor.at();
        let mut tag = Span::EMPTY;
        while let Some(param) = cursor.param() {
            let param = param.map_err(|_bad| BadNameAddr)?;
            if param.name.of(&text).eq_ignore_ascii_case(b"tag") && tag.is_empty() {
                tag = param.value.unwrap_or_default();
                if !tag.is_empty() && !tag.of(&text).iter().all(|b| scan::is(*b, scan::VALUE)) {
                    return Err(BadNameAddr);
                }
            }
        }
        if cursor.peek().is_some() {
            return Err(BadNameAddr);
        }
        let params = Span::new(start, text.len());
        let uri = Uri::take(text.slice(uri_at)).map_err(|_bad| BadNameAddr)?;
        Ok(Self {
            text,
            display: Marked(display),
            uri,
            params: Marked(params),
            tag: Marked(tag),
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
        let display = Span::new(0, text.len().saturating_sub(1));
        text.push('<');
        text.push_str(uri.as_str());
        text.push('>');
        let start = text.len();
        let mut tag_span = Span::EMPTY;
        if let Some(tag) = tag.filter(|tag| scan::is_all(tag.as_bytes(), scan::TOKEN)) {
            text.push_str(";tag=");
            tag_span = Span::new(text.len(), text.len() + tag.len());
            text.push_str(tag);
        }
        Self {
            params: Marked(Span::new(start, text.len())),
            text: Bytes::from(text),
            display: Marked(display),
            uri: uri.detached(),
            tag: Marked(tag_span),
        }
    }

    /// Returns the display name with quotes and escapes undone; any bytes, `None` where there is none.
    pub fn display(&self) -> Option<Cow<'_, [u8]>> {
        let raw = self.display.0.of(&self.text);
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
        (!self.tag.0.is_empty()).then(|| self.tag.0.ascii(&self.text))
    }

    /// Returns the header parameters in order.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.0.of(&self.text))
    }

    /// Returns the value of the header parameter called `name` (any case); empty where it stands without one.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        self.params()
            .get(name)
            .map(|value| value.unwrap_or_default())
    }

    /// Returns the text as it came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Returns the same address with `tag` instead of the one it has, or with none.
    #[must_use]
    pub fn with_tag(&self, tag: Option<&str>) -> Self {
        let mut text = self
            .text
            .get(..self.params.0.range().start)
            .unwrap_or_default()
            .to_vec();
        if !self.text.contains(&b'>') {
            // Without brackets nothing tells the URI's parameters from the header's; keep the URI apart.
            text = [b"<", self.uri.as_str().as_bytes(), b">"].concat();
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
        Self {
            text: Bytes::copy_from_slice(&self.text),
            uri: self.uri.detached(),
            ..self.clone()
        }
    }
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
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.text), f)
    }
}

impl PartialEq for Marked {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Marked {}

impl std::hash::Hash for Marked {
    fn hash<H: std::hash::Hasher>(&self, _state: &mut H) {}
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
