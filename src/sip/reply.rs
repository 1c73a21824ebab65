//! Responses to requests: what a server must copy, then what it adds (RFC 3261 8.2.6, 12.1.1).

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::malformed::Malformed;
use crate::sip::message::{Method, Request};
use crate::sip::scan;
use crate::sip::scan::Values;
use crate::sip::via::Via;
use crate::sip::write::{Block, status_line, whole};

/// Room for two Via, From and To of common length; more of them grow.
const TOP_ROOM: usize = 512;
/// Room for what follows them.
const LINES_ROOM: usize = 512;
/// Room for our tag on To.
const TAG_ROOM: usize = ";tag=0123456789abcdef".len();

/// A response being built. Via, From, To, Call-ID and CSeq are copied to the byte; the first Via is stamped with where the
/// request came from (18.2.1).
#[derive(Clone, Debug)]
pub struct Reply {
    start: String,
    /// The lines before To: Via and From.
    top: Block,
    to: Vec<u8>,
    tagged: bool,
    /// The lines after To: those copied, then what is added.
    block: Block,
    body: Vec<u8>,
}

impl Reply {
    /// Starts the response to `request`. Record-Route is copied into what can make a dialog (101 to 299 to an INVITE or
    /// SUBSCRIBE), Timestamp into a 100.
    pub fn to(request: &Request, status: u16, reason: &str) -> Self {
        let headers = request.headers();
        let vias = vias(
            headers.lines(Name::Via),
            Some(headers.top_via()),
            request.source(),
        );
        let mut reply = Self::bare(status, reason, vias, headers.to().as_bytes());
        reply.tagged = headers.to().tag().is_some();
        reply.top.copy(Name::From, headers.from().as_bytes());
        let copied = &mut reply.block;
        copied.copy(Name::CallId, headers.call_id().as_bytes());
        if let Some(cseq) = headers.get(Name::CSeq) {
            copied.copy(Name::CSeq, cseq);
        }
        let dialog = matches!(request.method(), Method::Invite | Method::Subscribe);
        if dialog && (101..300).contains(&status) {
            for line in headers.lines(Name::RecordRoute) {
                copied.copy(Name::RecordRoute, line);
            }
        }
        if let (100, Some(timestamp)) = (status, headers.get(Name::Timestamp)) {
            copied.copy(Name::Timestamp, timestamp);
        }
        reply
    }

    /// Starts the answer to a message that could not be read, which came from `source`, copying what there is of it; `None`
    /// where nothing may be answered.
    pub fn to_malformed(message: &Malformed, source: SocketAddr) -> Option<Self> {
        let (status, reason) = message.answer()?;
        // What stands more than once went wrong on the sender's side; its first is as good as any.
        let first = |wanted: Name| {
            message
                .headers()
                .find(|(name, _, _)| *name == wanted)
                .map(|(_, _, value)| value)
        };
        let lines = message
            .headers()
            .filter(|(name, _, _)| *name == Name::Via)
            .map(|(_, _, value)| value);
        let vias = vias(lines, message.top_via(), Some(source));
        let to = first(Name::To);
        let mut reply = Self::bare(status, reason, vias, to.unwrap_or_default());
        // A To that could not be read goes back untouched: a tag might land inside its open quote.
        reply.tagged = true;
        if let Some(from) = first(Name::From) {
            reply.top.copy(Name::From, from);
        }
        for name in [Name::CallId, Name::CSeq] {
            if let Some(value) = first(name) {
                reply.block.copy(name, value);
            }
        }
        Some(reply)
    }

    fn bare(status: u16, reason: &str, vias: Block, to: &[u8]) -> Self {
        let mut with_room = Vec::with_capacity(to.len() + TAG_ROOM);
        with_room.extend_from_slice(to);
        Self {
            start: status_line(status, reason),
            top: vias,
            to: with_room,
            tagged: false,
            block: Block::with_room(LINES_ROOM),
            body: Vec::new(),
        }
    }

    /// Sets our tag on To, unless the request has one there already or `tag` is no token.
    #[must_use]
    pub fn tag(mut self, tag: impl fmt::Display) -> Self {
        let tag = tag.to_string();
        if !self.tagged && scan::is_all(tag.as_bytes(), scan::TOKEN) {
            self.to.extend_from_slice(b";tag=");
            self.to.extend_from_slice(tag.as_bytes());
            self.tagged = true;
        }
        self
    }

    /// Adds a header. One whose value holds CR, LF or NUL is left out.
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

    /// Ends the message as it goes on the wire.
    pub fn finish(self) -> Bytes {
        let mut top = self.top;
        if !self.to.is_empty() {
            top.copy(Name::To, &self.to);
        }
        let head = [
            self.start.as_bytes(),
            b"\r\n",
            top.lines(),
            self.block.lines(),
        ];
        whole(&head, &self.body)
    }
}

/// Copies every Via, the first one stamped with `source` where both are known.
fn vias<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    top: Option<&Via>,
    source: Option<SocketAddr>,
) -> Block {
    let mut block = Block::with_room(TOP_ROOM);
    for (place, line) in lines.enumerate() {
        match (place, top, source) {
            (0, Some(top), Some(source)) => {
                block.copy(Name::Via, &top.stamped(source));
                let rest = line.get(top.as_bytes().len()..).unwrap_or_default();
                for value in Values::new(rest) {
                    block.copy(Name::Via, value);
                }
            }
            (_, _, _) => block.copy(Name::Via, line),
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Message, Response};

    const INVITE: &str = "INVITE sip:c@d SIP/2.0\r\n\
        v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport , SIP/2.0/TCP p;branch=z9hG4bK2\r\n\
        Via: SIP/2.0/TCP q;branch=z9hG4bK3\r\n\
        From: \"a\\\0\" <sip:a@b>;tag=1\r\nTo: sip:c@d\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n\
        Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nTimestamp: 54\r\n\r\n";

    fn source() -> SocketAddr {
        "192.0.2.1:7000".parse().unwrap()
    }

    fn request() -> Request {
        let bytes = Bytes::from_static(INVITE.as_bytes());
        Request::parse(bytes).unwrap().arrived_from(source())
    }

    fn response(reply: Reply) -> Response {
        Response::parse(reply.finish()).unwrap()
    }

    #[test]
    fn a_reply_copies_what_finds_the_way_back() {
        let got = response(
            Reply::to(&request(), 180, "Ringing")
                .tag("t")
                .header(Name::Contact, "<sip:us>"),
        );
        let vias: Vec<_> = got.headers().all(Name::Via).collect();
        assert_eq!(
            vias,
            [
                &b"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.1;rport=7000"[..],
                b"SIP/2.0/TCP p;branch=z9hG4bK2",
                b"SIP/2.0/TCP q;branch=z9hG4bK3",
            ]
        );
        assert_eq!(got.headers().from(), request().headers().from());
        assert_eq!(got.headers().to().tag(), Some("t"));
        assert_eq!(got.headers().cseq(), request().headers().cseq());
        assert_eq!(got.headers().record_routes().len(), 2);
    }

    #[test]
    fn only_what_makes_a_dialog_carries_the_route() {
        assert!(
            !response(Reply::to(&request(), 486, "Busy Here"))
                .headers()
                .has(Name::RecordRoute)
        );
        let trying = response(Reply::to(&request(), 100, "Trying"));
        assert!(!trying.headers().has(Name::RecordRoute));
        assert_eq!(trying.headers().get(Name::Timestamp), Some(&b"54"[..]));
    }

    #[test]
    fn a_tag_that_is_there_stays() {
        let text = INVITE.replace("To: sip:c@d", "To: sip:c@d;tag=old");
        let request = Request::parse(Bytes::from(text)).unwrap();
        assert_eq!(
            response(Reply::to(&request, 200, "OK").tag("new"))
                .headers()
                .to()
                .tag(),
            Some("old")
        );
    }

    #[test]
    fn the_unreadable_is_answered_with_what_there_is_of_it() {
        let text = INVITE
            .replace("To: sip:c@d", "To: \"open <sip:c@d>")
            .replace("CSeq: 7 INVITE\r\n", "");
        let bad = Message::parse(Bytes::from(text)).unwrap_err();
        let bytes = Reply::to_malformed(&bad, source()).unwrap().finish();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.1;rport=7000\r\n"), "{text}");
        assert!(text.contains("\r\nTo: \"open <sip:c@d>\r\n"), "{text}");
        assert!(text.contains("\r\nCall-ID: x\r\n"), "{text}");
        assert!(!text.contains("CSeq"), "{text}");
    }
}
