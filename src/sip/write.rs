//! Writing messages: the one place where a value becomes part of a header, and where CR, LF and NUL are refused.
//!
//! Nothing crosses from one leg to the other unbuilt, so nothing can carry a line break across.

use std::fmt;
use std::fmt::Write;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::message::Method;
use crate::sip::scan;

pub use crate::sip::outgoing::Outgoing;
pub use crate::sip::reply::Reply;
pub use crate::sip::status::reason_phrase;

/// Stands where a Request-URI cannot be written as it is; RFC 2606 keeps it from reaching anyone.
const NOWHERE: &str = "sip:invalid.invalid";

/// Builds a request, header by header in the order given. Content-Type and Content-Length are its own.
#[derive(Clone, Debug)]
pub struct RequestWriter {
    method: Method,
    uri: String,
    block: Block,
    body: Vec<u8>,
}

/// Room for the header lines of most messages: they are written without moving. An allocator hands so much out and back
/// without a search.
const LINES_ROOM: usize = 768;

/// Header lines being written.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    text: Vec<u8>,
    refused: usize,
}

impl RequestWriter {
    /// Starts a request. A URI that could not stand on a request line is replaced by one that reaches nobody.
    pub fn new(method: &Method, uri: impl fmt::Display) -> Self {
        let uri = uri.to_string();
        let fits = scan::is_all(uri.as_bytes(), scan::WORD);
        Self {
            method: method.clone(),
            uri: if fits { uri } else { NOWHERE.to_owned() },
            block: Block::with_room(LINES_ROOM),
            body: Vec::new(),
        }
    }

    /// Adds a header. One whose value holds CR, LF or NUL is left out: see [`Self::refused`].
    #[must_use]
    pub fn header(mut self, name: Name, value: impl fmt::Display) -> Self {
        self.block.put(name.as_str().as_bytes(), value);
        self
    }

    /// Adds a header from bytes, of any name; left out under the same rule.
    #[must_use]
    pub fn raw(mut self, name: &[u8], value: &[u8]) -> Self {
        self.block.put_bytes(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.block
            .put(Name::ContentType.as_str().as_bytes(), content_type);
        self.body = body.to_vec();
        self
    }

    /// Returns how many headers were left out.
    pub const fn refused(&self) -> usize {
        self.block.refused
    }

    /// Ends the message as it goes on the wire.
    pub fn finish(self) -> Bytes {
        let start = format!("{} {} SIP/2.0", self.method, self.uri);
        self.block.message(start.as_bytes(), &self.body)
    }

    /// Ends the request without a Via, for the endpoint to put its own on top.
    pub fn outgoing(self) -> Outgoing {
        Outgoing::new(self.method, self.uri, self.block, self.body)
    }
}

/// A status line but for its phrase.
const STATUS_ROOM: usize = "SIP/2.0 200 ".len();

/// Writes the status line without its line break.
pub(crate) fn status_line(status: u16, reason: &str) -> String {
    // What is no status would be no response; 500 tells the peer that the fault is ours.
    let status = if (100..700).contains(&status) {
        status
    } else {
        500
    };
    let fits = reason.bytes().all(|b| !breaks(b));
    let reason = if fits { reason } else { reason_phrase(status) };
    let mut line = String::with_capacity(STATUS_ROOM + reason.len());
    // Writing to a String does not fail.
    let _written = write!(line, "SIP/2.0 {status} {reason}");
    line
}

/// Whether a byte would end a header line, or the string of a peer written in C.
const fn breaks(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

impl Block {
    /// Begins with room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            refused: 0,
        }
    }

    /// Adds a header line, or counts it as refused.
    pub(crate) fn put(&mut self, name: &[u8], value: impl fmt::Display) {
        let before = self.text.len();
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(b": ");
        let from = self.text.len();
        let written = write!(Utf8(&mut self.text), "{value}");
        self.end_line(before, from, name, written.is_ok());
    }

    /// Adds a header line from bytes, or counts it as refused.
    pub(crate) fn put_bytes(&mut self, name: &[u8], value: &[u8]) {
        let before = self.text.len();
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(b": ");
        let from = self.text.len();
        self.text.extend_from_slice(value);
        self.end_line(before, from, name, true);
    }

    /// Copies a header line that may hold what [`Self::put_bytes`] refuses: the NUL of a quoted pair must go back to whoever
    /// sent it as it came. What could be read holds no line break; in what could not, a lone CR or LF goes back as a space, lest
    /// somebody on the way takes it for the end of the line.
    pub(crate) fn copy(&mut self, name: Name, value: &[u8]) {
        self.text.extend_from_slice(name.as_str().as_bytes());
        self.text.extend_from_slice(b": ");
        if memchr::memchr2(b'\r', b'\n', value).is_none() {
            self.text.extend_from_slice(value);
        } else {
            let spaced = value.iter().map(|byte| match byte {
                b'\r' | b'\n' => b' ',
                other => *other,
            });
            self.text.extend(spaced);
        }
        self.text.extend_from_slice(b"\r\n");
    }

    fn end_line(&mut self, before: usize, from: usize, name: &[u8], written: bool) {
        let value = self.text.get(from..).unwrap_or_default();
        let clean = memchr::memchr3(b'\r', b'\n', 0, value).is_none();
        if written && clean && scan::is_all(name, scan::TOKEN) {
            self.text.extend_from_slice(b"\r\n");
        } else {
            self.text.truncate(before);
            self.refused += 1;
        }
    }

    /// Returns the lines written so far.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.text
    }

    /// Puts first line, headers, Content-Length and body together.
    fn message(&self, start: &[u8], body: &[u8]) -> Bytes {
        whole(&[start, b"\r\n", &self.text], body)
    }
}

/// Content-Length of a body of less than ten bytes, and the empty line.
const END: usize = "Content-Length: 0\r\n\r\n".len();

/// Puts a message together from the parts of its head, to which Content-Length is added, and its body. It takes exactly the
/// memory that it needs: what rings and what may have to be repeated is kept.
pub(crate) fn whole(head: &[&[u8]], body: &[u8]) -> Bytes {
    let head_length = head.iter().map(|part| part.len()).sum::<usize>();
    let more_digits = body.len().checked_ilog10().unwrap_or(0) as usize;
    let mut out = Vec::with_capacity(head_length + END + more_digits + body.len());
    for part in head {
        out.extend_from_slice(part);
    }
    // Writing to memory does not fail.
    let _written = write!(Utf8(&mut out), "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
    Bytes::from(out)
}

/// Lets `write!` add to bytes.
struct Utf8<'a>(&'a mut Vec<u8>);

impl Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Request, Response};

    fn options(writer: RequestWriter) -> RequestWriter {
        writer
            .header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1")
            .header(Name::From, "<sip:a@b>;tag=1")
            .header(Name::To, "<sip:c@d>")
            .header(Name::CallId, "x")
            .header(Name::CSeq, "1 OPTIONS")
    }

    #[test]
    fn what_is_written_reads_back() {
        let writer = RequestWriter::new(&Method::Options, "sip:c@d");
        let bytes = options(writer)
            .raw(b"X-Tag", "звонок".as_bytes())
            .body("text/plain", b"a\0\xff\r\n")
            .finish();
        let read = Request::parse(bytes).unwrap();
        assert_eq!(read.uri().as_str(), "sip:c@d");
        assert_eq!(
            read.headers().get_other(b"x-tag"),
            Some("звонок".as_bytes())
        );
        assert_eq!(read.headers().content_type(), Some(&b"text/plain"[..]));
        assert_eq!(read.body().as_ref(), b"a\0\xff\r\n");
    }

    #[test]
    fn no_value_carries_a_line_break_or_a_nul() {
        for bad in ["x\r\nRoute: <sip:evil>", "x\ny", "x\ry", "x\0y"] {
            let writer = options(RequestWriter::new(&Method::Options, "sip:c@d"))
                .header(Name::Subject, bad)
                .raw(b"X-A", bad.as_bytes())
                .raw(bad.as_bytes(), b"v");
            assert_eq!(writer.refused(), 3, "{bad:?}");
            let read = Request::parse(writer.finish()).unwrap();
            assert_eq!(read.headers().iter().count(), 6);
        }
    }

    #[test]
    fn a_uri_with_a_space_reaches_nobody() {
        for bad in ["sip:a@b SIP/2.0\r\nVia: x", "sip:a b", ""] {
            let bytes = options(RequestWriter::new(&Method::Options, bad)).finish();
            assert_eq!(Request::parse(bytes).unwrap().uri().as_str(), NOWHERE);
        }
    }

    #[test]
    fn a_response_keeps_its_first_line_whole() {
        let asked = options(RequestWriter::new(&Method::Options, "sip:c@d")).finish();
        let asked = Request::parse(asked).unwrap();
        let read = |status, reason| {
            let reply = Reply::to(&asked, status, reason).finish();
            Response::parse(reply).unwrap()
        };
        let busy = read(486, "Занято");
        assert_eq!((busy.status(), busy.reason()), (486, "Занято".as_bytes()));
        let ours = read(9, "x\r\ny");
        assert_eq!(
            (ours.status(), ours.reason()),
            (500, &b"Server Internal Error"[..])
        );
    }
}
