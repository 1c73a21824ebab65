//! SIP messages: bytes in, slices of the same bytes out (RFC 3261 section 7).
//!
//! One pass finds the lines, a second reads the headers that every message must have; the rest is read when asked for. What
//! RFC 4475 calls invalid is refused with the answer it deserves; see [`Malformed`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::headers::{Line, Lines};
use crate::sip::malformed::{Kind, Parts};
use crate::sip::name_addr::NameAddr;
use crate::sip::scan;
use crate::sip::scan::{Span, Values};
use crate::sip::uri::Uri;
use crate::sip::via::Via;

pub use crate::sip::headers::{CSeq, Headers};
pub use crate::sip::malformed::{Malformed, Wrong};
pub use crate::sip::method::Method;

/// The longest message: what one UDP datagram can carry, and what 16-bit offsets can mark.
pub const MESSAGE_MAX: usize = 65_535;
/// The longest header line, folded lines counted as one: twice the longest in RFC 4475's torture messages.
pub const LINE_MAX: usize = 8_192;
/// The most header lines: more than twice those of the longest real INVITEs, so that a message of empty headers stays cheap.
pub const HEADERS_MAX: usize = 128;

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

/// The lines of a message, before any of them is understood.
struct Found {
    start: Span,
    lines: Lines,
    body_at: usize,
    folded: bool,
    wrong: Option<Wrong>,
}

impl Found {
    fn scan(text: &[u8]) -> Self {
        let mut found = Self {
            start: Span::EMPTY,
            lines: Lines::new(),
            body_at: text.len(),
            folded: false,
            wrong: Some(Wrong::NoEnd),
        };
        let mut begin = 0;
        let mut returns = 0;
        let mut trouble = None;
        for feed in memchr::memchr_iter(b'\n', text) {
            let whole = text.get(begin..feed).unwrap_or_default();
            // A line feed alone is taken for a line end, as every stack in the field does.
            let line = whole.strip_suffix(b"\r").unwrap_or(whole);
            returns += whole.len() - line.len();
            let at = begin;
            begin = feed + 1;
            if line.is_empty() {
                found.body_at = begin;
                found.wrong = trouble;
                break;
            }
            if at == 0 {
                found.start = Span::new(0, line.len());
            } else if let [b' ' | b'\t', ..] = line {
                found.folded = true;
                return found;
            } else if found.lines.len() == HEADERS_MAX {
                trouble = Some(Wrong::TooManyHeaders);
            } else if line.len() > LINE_MAX {
                trouble = Some(Wrong::LineTooLong);
            } else {
                match header_line(line, at) {
                    Some(header) => found.lines.push(header),
                    None => trouble = Some(Wrong::HeaderLine),
                }
            }
        }
        let head = text.get(..begin).unwrap_or_default();
        if memchr::memchr_iter(b'\r', head).count() != returns {
            found.wrong = Some(Wrong::Control);
        }
        found
    }

    /// Finds the body by Content-Length, or as all the rest of the datagram (18.3).
    fn body(&self, text: &Bytes, length: Option<usize>) -> Result<Bytes, Wrong> {
        let there = text.len() - self.body_at;
        let length = length.unwrap_or(there);
        if length > there {
            return Err(Wrong::BodyShort);
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        Ok(text.slice(self.body_at..self.body_at + length))
    }

    fn content_length(&self, text: &[u8]) -> Result<Option<usize>, Wrong> {
        // A line without a colon spoils its message, not the next one; the other faults could hide a Content-Length.
        match self.wrong {
            None | Some(Wrong::HeaderLine) => {}
            Some(wrong) => return Err(wrong),
        }
        let mut length = None;
        for line in &self.lines {
            if line.name == Name::ContentLength {
                once(&mut length, line.name, read_length(line.value.of(text)))?;
            }
        }
        Ok(length)
    }

    fn malformed(self, text: Bytes, wrong: Wrong, kind: Kind) -> Malformed {
        let first = self.lines.iter().find(|line| line.name == Name::Via);
        let via = first.and_then(|line| Via::first_at(&text, line.value.range()).ok());
        Malformed::new(Parts {
            wrong,
            text,
            lines: self.lines,
            kind,
            via,
        })
    }
}

/// Reads Content-Length from a head alone, for the framing of streams.
pub(crate) fn content_length(head: &Bytes) -> Result<Option<usize>, Wrong> {
    let mut found = Found::scan(head);
    if found.folded {
        let text = unfolded(head);
        found = Found::scan(&text);
        return found.content_length(&text);
    }
    found.content_length(head)
}

fn header_line(line: &[u8], at: usize) -> Option<Line> {
    let colon = memchr::memchr(b':', line)?;
    let label = scan::trim_end(line.get(..colon)?);
    let name = Name::of(label);
    // A name that is known is a token.
    if name == Name::Other && !scan::is_all(label, scan::TOKEN) {
        return None;
    }
    let value = scan::trim_end(line.get(colon + 1..)?);
    let lead = value.iter().position(|b| *b != b' ' && *b != b'\t');
    let start = at + colon + 1 + lead.unwrap_or_default();
    Some(Line {
        name,
        label: Span::new(at, at + label.len()),
        value: Span::new(start, at + colon + 1 + value.len()),
    })
}

/// Writes spaces over the line breaks of folded headers, which 7.3.1 says mean the same; every offset stays.
fn unfolded(text: &[u8]) -> Bytes {
    let mut out = text.to_vec();
    let mut begin = 0;
    for feed in memchr::memchr_iter(b'\n', text) {
        let line = text.get(begin..feed).unwrap_or_default();
        if line.is_empty() || line == b"\r" {
            break;
        }
        begin = feed + 1;
        if let Some(b' ' | b'\t') = text.get(begin) {
            let from = feed - usize::from(line.ends_with(b"\r"));
            if let Some(fold) = out.get_mut(from..begin) {
                fold.fill(b' ');
            }
        }
    }
    Bytes::from(out)
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

/// Keeps the one value of a header that may stand once.
fn once<T>(place: &mut Option<T>, name: Name, value: Option<T>) -> Result<(), Wrong> {
    if place.is_some() {
        return Err(Wrong::Repeated(name));
    }
    *place = Some(value.ok_or(Wrong::Bad(name))?);
    Ok(())
}

fn read_length(value: &[u8]) -> Option<usize> {
    usize::try_from(scan::number(value)?).ok()
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
