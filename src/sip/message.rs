//! SIP messages: bytes in, slices of the same bytes out (RFC 3261 section 7).
//!
//! One pass finds the lines, a second reads the headers that every message must have; the rest is read when asked for. What
//! RFC 4475 calls invalid is refused with the answer it deserves; see [`Malformed`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::headers::Line;
use crate::sip::lines::{Found, once, read_length, unfolded};
use crate::sip::malformed::Kind;
use crate::sip::name_addr::NameAddr;
use crate::sip::scan;
use crate::sip::scan::{Span, Values};
use crate::sip::uri::Uri;
use crate::sip::via::Via;

pub use crate::sip::headers::{CSeq, Headers};
pub(crate) use crate::sip::lines::content_length;
pub use crate::sip::lines::{HEADERS_MAX, LINE_MAX};
pub use crate::sip::malformed::{Malformed, Wrong};
pub use crate::sip::method::Method;

/// The longest message: what one UDP datagram can carry, and what 16-bit offsets can mark.
pub const MESSAGE_MAX: usize = 65_535;

/// A request or a response. Cloning shares it.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request, checked. Cloning shares it.
#[derive(Clone)]
pub struct Request(Arc<RequestParts>);

#[derive(Clone)]
struct RequestParts {
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Bytes,
    source: Option<SocketAddr>,
}

/// A response, checked. Cloning shares it.
#[derive(Clone)]
pub struct Response(Arc<ResponseParts>);

struct ResponseParts {
    status: u16,
    reason: Span,
    headers: Headers,
    body: Bytes,
}

impl Message {
    /// Reads the message that `bytes` begins with. Line breaks before it are passed over (7.5), and what follows the length
    /// that Content-Length gives is noise (18.3).
    ///
    /// # Errors
    ///
    /// When the message breaks the grammar or a limit; the error knows what to answer.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let begin = bytes.iter().position(|b| *b != b'\r' && *b != b'\n');
        let Some(begin) = begin else {
            return Err(Malformed::hopeless(Wrong::Blank));
        };
        if bytes.len() - begin > MESSAGE_MAX {
            return Err(Malformed::hopeless(Wrong::TooLong));
        }
        let mut text = if begin == 0 {
            bytes
        } else {
            bytes.slice(begin..)
        };
        let mut found = Found::scan(&text);
        if found.folded {
            text = unfolded(&text);
            found = Found::scan(&text);
        }
        let read = match start_line(found.start.of(&text), &text) {
            Ok(Start::Request { method, uri }) => request(&text, &mut found, &method, uri)
                .map_err(|wrong| (wrong, Kind::Request(Some(method)))),
            Ok(Start::Response { status, reason }) => {
                response(&text, &mut found, status, reason).map_err(|wrong| (wrong, Kind::Response))
            }
            Err(wrong_and_kind) => Err(wrong_and_kind),
        };
        read.map_err(|(wrong, kind)| found.malformed(text, wrong, kind))
    }

    /// Returns the headers.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }

    /// Returns the message as it came, but for what folded its lines. What stood behind the length that it gives is in it too.
    pub fn text(&self) -> &Bytes {
        &self.headers().text
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => request.body(),
            Self::Response(response) => response.body(),
        }
    }
}

impl Request {
    /// Reads a request; `None` where the bytes are a response or malformed.
    pub fn parse(bytes: Bytes) -> Option<Self> {
        match Message::parse(bytes).ok()? {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        }
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns the Request-URI; schemes that nobody knows too.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Returns the headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// Notes where the request came from, so that answers carry `received` and `rport` in their first Via (18.2.1, RFC 3581).
    #[must_use]
    pub fn arrived_from(mut self, source: SocketAddr) -> Self {
        Arc::make_mut(&mut self.0).source = Some(source);
        self
    }

    /// Returns where the request came from, if it was noted.
    pub fn source(&self) -> Option<SocketAddr> {
        self.0.source
    }
}

impl Response {
    /// Reads a response; `None` where the bytes are a request or malformed.
    pub fn parse(bytes: Bytes) -> Option<Self> {
        match Message::parse(bytes).ok()? {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        }
    }

    /// Returns the status code, 100 to 699.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns the reason phrase: any bytes, or none.
    pub fn reason(&self) -> &[u8] {
        self.0.reason.of(&self.0.headers.text)
    }

    /// Returns the headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }
}

enum Start {
    Request { method: Method, uri: Uri },
    Response { status: u16, reason: Span },
}

fn start_line(line: &[u8], text: &Bytes) -> Result<Start, (Wrong, Kind)> {
    // No method holds a slash, so this is no request.
    if line
        .get(..4)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"SIP/"))
    {
        return status_line(line).map_err(|wrong| (wrong, Kind::Response));
    }
    let unknown = || (Wrong::StartLine, Kind::Unknown);
    let first = memchr::memchr(b' ', line).ok_or_else(unknown)?;
    let method = Method::parse(line.get(..first).unwrap_or_default()).ok_or_else(unknown)?;
    let last = memchr::memrchr(b' ', line).ok_or_else(unknown)?;
    let version = line.get(last + 1..).unwrap_or_default();
    let wrong = |wrong| (wrong, Kind::Request(Some(method.clone())));
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(wrong(match version.get(..4) {
            Some(word) if word.eq_ignore_ascii_case(b"SIP/") => Wrong::Version,
            Some(_) | None => Wrong::StartLine,
        }));
    }
    if first >= last {
        return Err(wrong(Wrong::StartLine));
    }
    let uri = Uri::at(text, first + 1..last).map_err(|_bad| wrong(Wrong::RequestUri))?;
    if uri.headers().is_some() {
        return Err(wrong(Wrong::RequestUriHeaders));
    }
    Ok(Start::Request { method, uri })
}

fn status_line(line: &[u8]) -> Result<Start, Wrong> {
    let (version, rest) = line.split_at_checked(8).ok_or(Wrong::StartLine)?;
    if !version.eq_ignore_ascii_case(b"SIP/2.0 ") {
        return Err(Wrong::Version);
    }
    let digits = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let code = rest.get(..digits).and_then(scan::number);
    let status = code.and_then(|code| u16::try_from(code).ok());
    match status {
        Some(status @ 100..=699) if digits == 3 => Ok(Start::Response {
            status,
            reason: Span::new((8 + digits + 1).min(line.len()), line.len()),
        }),
        Some(_) | None => Err(Wrong::Status),
    }
}

fn request(text: &Bytes, found: &mut Found, method: &Method, uri: Uri) -> Result<Message, Wrong> {
    let (headers, body) = headers(text, found, Some(method))?;
    Ok(Message::Request(Request(Arc::new(RequestParts {
        method: method.clone(),
        uri,
        headers,
        body,
        source: None,
    }))))
}

fn response(text: &Bytes, found: &mut Found, status: u16, reason: Span) -> Result<Message, Wrong> {
    let (headers, body) = headers(text, found, None)?;
    Ok(Message::Response(Response(Arc::new(ResponseParts {
        status,
        reason,
        headers,
        body,
    }))))
}

/// Reads the headers that must be right for anything to be right, and finds the body. `method` is the request's.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other header is read when it is asked for"
)]
fn headers(
    text: &Bytes,
    found: &mut Found,
    method: Option<&Method>,
) -> Result<(Headers, Bytes), Wrong> {
    if let Some(wrong) = found.wrong {
        return Err(wrong);
    }
    let mut via = None;
    let mut from = None;
    let mut to = None;
    let mut call_id = None;
    let mut cseq = None;
    let mut contact = None;
    let mut max_forwards = None;
    let mut length = None;
    let mut content_type = None;
    for line in &found.lines {
        let name = line.name;
        let value = line.value.of(text);
        let place = || line.value.range();
        match name {
            Name::Via if via.is_none() => {
                via = Some(Via::first_at(text, place()).map_err(|_| Wrong::Bad(name))?);
            }
            Name::From => once(&mut from, name, NameAddr::at(text, place()).ok())?,
            Name::To => once(&mut to, name, NameAddr::at(text, place()).ok())?,
            Name::CallId => {
                let word = scan::is_all(value, scan::WORD).then_some(line.value);
                once(&mut call_id, name, word)?;
            }
            Name::CSeq => once(&mut cseq, name, CSeq::parse(value))?,
            Name::MaxForwards => {
                let hops = scan::number(value).and_then(|hops| u8::try_from(hops).ok());
                once(&mut max_forwards, name, hops)?;
            }
            Name::ContentLength => once(&mut length, name, read_length(value))?,
            Name::ContentType => once(&mut content_type, name, Some(()))?,
            Name::Contact if value != b"*" => read_contacts(text, line, &mut contact)?,
            _reads_later => {}
        }
    }
    let via = via.ok_or(Wrong::Missing(Name::Via))?;
    let from = from.ok_or(Wrong::Missing(Name::From))?;
    let to = to.ok_or(Wrong::Missing(Name::To))?;
    let call_id = call_id.ok_or(Wrong::Missing(Name::CallId))?;
    let cseq: CSeq = cseq.ok_or(Wrong::Missing(Name::CSeq))?;
    if method.is_some_and(|method| cseq.method != *method) {
        return Err(Wrong::MethodMismatch);
    }
    let body = found.body(text, length)?;
    let headers = Headers {
        text: text.clone(),
        // Taken last: what fails before is answered with the lines.
        lines: std::mem::take(&mut found.lines),
        via,
        from,
        to,
        call_id,
        cseq,
        contact,
        max_forwards,
    };
    Ok((headers, body))
}

/// Checks every Contact of a line and keeps the first of all.
fn read_contacts(text: &Bytes, line: &Line, contact: &mut Option<NameAddr>) -> Result<(), Wrong> {
    let mut values = Values::new(line.value.of(text));
    while let Some(place) = values.next_place() {
        let start = line.value.range().start;
        let place = start + place.start..start + place.end;
        let read = NameAddr::at(text, place).map_err(|_bad| Wrong::Bad(Name::Contact))?;
        contact.get_or_insert(read);
    }
    Ok(())
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.0.method)
            .field("uri", &self.0.uri)
            .field("headers", &self.0.headers)
            .field("body_bytes", &self.0.body.len())
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.0.status)
            .field("headers", &self.0.headers)
            .field("body_bytes", &self.0.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:c@d SIP/2.0\r\n\
        Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 7 OPTIONS\r\n";

    fn parse(text: String) -> Result<Message, Wrong> {
        Message::parse(Bytes::from(text)).map_err(|malformed| malformed.wrong())
    }

    fn with(lines: &str) -> Result<Message, Wrong> {
        parse(format!("{OPTIONS}{lines}\r\n"))
    }

    #[test]
    fn line_breaks_before_a_message_and_bytes_after_it_are_noise() {
        let text = format!("\r\n\r\n{OPTIONS}l: 2\r\n\r\nabcdef");
        assert_eq!(parse(text).unwrap().body().as_ref(), b"ab");
        assert_eq!(parse("\r\n\r\n".to_owned()).unwrap_err(), Wrong::Blank);
        assert_eq!(parse(String::new()).unwrap_err(), Wrong::Blank);
    }

    #[test]
    fn a_line_feed_ends_a_line_and_a_return_alone_does_not() {
        assert!(parse(format!("{OPTIONS}\r\n").replace("\r\n", "\n")).is_ok());
        assert_eq!(with("Subject: a\rVia: b\r\n").unwrap_err(), Wrong::Control);
    }

    #[test]
    fn limits_are_kept_and_what_is_within_them_is_read() {
        let own = OPTIONS.lines().count() - 1;
        assert!(with(&"X: y\r\n".repeat(HEADERS_MAX - own)).is_ok());
        let more = "X: y\r\n".repeat(HEADERS_MAX - own + 1);
        assert_eq!(with(&more).unwrap_err(), Wrong::TooManyHeaders);
        let long = |length: usize| format!("X: {}\r\n", "y".repeat(length - 3));
        assert!(with(&long(LINE_MAX)).is_ok());
        assert_eq!(with(&long(LINE_MAX + 1)).unwrap_err(), Wrong::LineTooLong);
        let folded = format!("X: y\r\n{}", " z\r\n".repeat(LINE_MAX / 4));
        assert_eq!(with(&folded).unwrap_err(), Wrong::LineTooLong);
        let body = |length: usize| format!("{OPTIONS}\r\n{}", "b".repeat(length));
        let room = MESSAGE_MAX - OPTIONS.len() - 2;
        assert_eq!(parse(body(room)).unwrap().body().len(), room);
        assert_eq!(parse(body(room + 1)).unwrap_err(), Wrong::TooLong);
    }

    #[test]
    fn what_may_stand_once_stands_once() {
        for (line, name) in [
            ("f: <sip:a@b>", Name::From),
            ("t: <sip:a@b>", Name::To),
            ("i: x", Name::CallId),
            ("CSeq: 7 OPTIONS", Name::CSeq),
            ("Max-Forwards: 1\r\nMax-Forwards: 1", Name::MaxForwards),
            ("l: 0\r\nl: 0", Name::ContentLength),
            ("c: a/b\r\nc: a/b", Name::ContentType),
        ] {
            let wrong = with(&format!("{line}\r\n")).unwrap_err();
            assert_eq!(wrong, Wrong::Repeated(name), "{line}");
        }
        assert_eq!(
            with("Max-Forwards: 256\r\n").unwrap_err(),
            Wrong::Bad(Name::MaxForwards)
        );
    }

    #[test]
    fn responses_and_acks_are_never_answered() {
        let ack = OPTIONS.replace("OPTIONS", "ACK");
        for text in [
            format!("{ack}l: 9\r\n\r\n"),
            OPTIONS.replace("OPTIONS sip:c@d SIP/2.0", "SIP/2.0 999 x"),
            "garbage\r\n\r\n".to_owned(),
            "OPTIONS sip:c@d SIP/2.0\r\n\r\n".to_owned(),
        ] {
            let malformed = Message::parse(Bytes::from(text.clone())).unwrap_err();
            assert_eq!(malformed.answer(), None, "{text}");
        }
    }

    #[test]
    fn a_message_says_what_is_wrong_with_it() {
        let malformed =
            Message::parse(Bytes::from(OPTIONS.replace("To: <", "To: \"<"))).unwrap_err();
        let expected = "the peer sent a malformed SIP message: no empty line ends the headers";
        assert_eq!(malformed.to_string(), expected);
        let text = format!("{}\r\n", OPTIONS.replace("To: <", "To: \"<"));
        let malformed = Message::parse(Bytes::from(text)).unwrap_err();
        let expected = "the peer sent a malformed SIP message: To is malformed";
        assert_eq!(malformed.to_string(), expected);
        assert_eq!(malformed.method(), Some(&Method::Options));
    }
}
