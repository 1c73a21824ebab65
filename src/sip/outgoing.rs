//! A request on its way out, without the Via that the endpoint puts on top (RFC 3261 18.1.1).

use std::fmt;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::headers::CSeq;
use crate::sip::message::Method;
use crate::sip::message::Response;
use crate::sip::scan;
use crate::sip::write::{Block, RequestWriter, whole};

/// How far the ACK and the CANCEL that we make ourselves may go (8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// Room for our Via: an address and a branch. One with a longer name in it grows.
const VIA_ROOM: usize = 128;

/// A request without Via: first line, header block and body. Cloning shares the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    method: Method,
    uri: Box<str>,
    block: Bytes,
    body: Bytes,
}

impl Outgoing {
    pub(crate) fn new(method: Method, uri: String, block: Block, body: Vec<u8>) -> Self {
        Self {
            method,
            uri: uri.into_boxed_str(),
            block: Bytes::copy_from_slice(block.lines()),
            body: Bytes::from(body),
        }
    }

    /// Returns the method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the Request-URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the body.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the value of the first header called `name`.
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Returns the value of every header called `name`, in order.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        // The writer ended each line with CRLF and let none stand inside one.
        self.block.split(|b| *b == b'\n').filter_map(move |line| {
            let colon = memchr::memchr(b':', line)?;
            let (label, value) = line.split_at_checked(colon)?;
            let value = value.strip_prefix(b":")?;
            let value = value.strip_suffix(b"\r").unwrap_or(value);
            (Name::of(label) == name).then(|| scan::trim(value))
        })
    }

    /// Returns the CSeq.
    pub fn cseq(&self) -> Option<CSeq> {
        CSeq::parse(self.get(Name::CSeq)?)
    }

    /// Writes the message with `via` on top.
    pub fn encode(&self, via: &impl fmt::Display) -> Bytes {
        let mut top = Block::with_room(VIA_ROOM);
        top.put(Name::Via.as_str().as_bytes(), via);
        let head = [
            self.method.as_str().as_bytes(),
            b" ",
            self.uri.as_bytes(),
            b" SIP/2.0\r\n",
            top.lines(),
            &self.block,
        ];
        whole(&head, &self.body)
    }

    /// Makes the CANCEL for this INVITE, to go out under the same Via; `reason` is a Reason header's value (9.1, RFC 3326).
    #[must_use]
    pub fn cancel(&self, reason: Option<&str>) -> Self {
        let mut writer = self.kin(Method::Cancel, None);
        if let Some(reason) = reason {
            writer = writer.header(Name::Reason, reason);
        }
        writer.outgoing()
    }

    /// Makes the ACK for a final response other than 2xx to this INVITE, to go out under the same Via (17.1.1.3).
    #[must_use]
    pub fn ack(&self, response: &Response) -> Self {
        let to = response.headers().to().as_bytes();
        self.kin(Method::Ack, Some(to)).outgoing()
    }

    /// Copies what CANCEL and ACK share with their INVITE.
    fn kin(&self, method: Method, to: Option<&[u8]>) -> RequestWriter {
        let number = self.cseq().map_or(0, |cseq| cseq.number);
        let mut writer = RequestWriter::new(&method, &self.uri);
        for route in self.all(Name::Route) {
            writer = writer.raw(b"Route", route);
        }
        writer = writer.header(Name::MaxForwards, MAX_FORWARDS);
        for name in [Name::From, Name::To, Name::CallId] {
            let ours = self.get(name);
            let value = if name == Name::To { to.or(ours) } else { ours };
            if let Some(value) = value {
                writer = writer.raw(name.as_str().as_bytes(), value);
            }
        }
        writer.header(Name::CSeq, CSeq { number, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Request;
    use crate::sip::write::Reply;

    const VIA: &str = "SIP/2.0/UDP h;branch=z9hG4bK1";

    fn invite() -> Outgoing {
        RequestWriter::new(&Method::Invite, "sip:c@d")
            .header(Name::Route, "<sip:p1;lr>")
            .header(Name::Route, "<sip:p2;lr>")
            .header(Name::From, "<sip:a@b>;tag=1")
            .header(Name::To, "<sip:c@d>")
            .header(Name::CallId, "x")
            .header(Name::CSeq, "7 INVITE")
            .header(Name::Contact, "<sip:us>")
            .body("application/sdp", b"v=0\r\n")
            .outgoing()
    }

    #[test]
    fn the_endpoints_via_comes_on_top() {
        let bytes = invite().encode(&VIA);
        let second = bytes.split(|b| *b == b'\n').nth(1).unwrap();
        assert_eq!(second, format!("Via: {VIA}\r").as_bytes());
        let read = Request::parse(bytes).unwrap();
        assert_eq!(read.headers().top_via().branch(), Some("z9hG4bK1"));
        assert_eq!(read.body().as_ref(), b"v=0\r\n");
    }

    #[test]
    fn cancel_repeats_what_the_invite_said() {
        let cancel = invite().cancel(Some("SIP;cause=200;text=\"Call completed elsewhere\""));
        let read = Request::parse(cancel.encode(&VIA)).unwrap();
        assert_eq!(read.uri().as_str(), "sip:c@d");
        assert_eq!(read.headers().cseq().to_string(), "7 CANCEL");
        assert_eq!(read.headers().routes(), [b"<sip:p1;lr>", b"<sip:p2;lr>"]);
        assert_eq!(read.headers().reason("SIP"), Some(200));
        assert_eq!(read.headers().to().tag(), None);
        assert!(read.body().is_empty());
        assert!(read.headers().contact().is_none());
    }

    #[test]
    fn ack_takes_the_to_of_the_response() {
        let asked = Request::parse(invite().encode(&VIA)).unwrap();
        let busy = Reply::to(&asked, 486, "Busy Here").tag("9").finish();
        let ack = invite().ack(&Response::parse(busy).unwrap());
        let read = Request::parse(ack.encode(&VIA)).unwrap();
        assert_eq!(read.method(), &Method::Ack);
        assert_eq!(read.headers().to().tag(), Some("9"));
        assert_eq!(read.headers().cseq().to_string(), "7 ACK");
    }
}
