//! The headers of one parsed message: found once, read as slices (RFC 3261 section 20).

use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::sip::header::Name;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::scan;
use crate::sip::scan::{Span, Values};
use crate::sip::via::Via;

/// The headers of a message. The five that every message has were checked at parse and are plain values here.
#[derive(Clone)]
pub struct Headers {
    pub(crate) text: Bytes,
    pub(crate) lines: Lines,
    pub(crate) via: Via,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) call_id: Span,
    pub(crate) cseq: CSeq,
    pub(crate) contact: Option<NameAddr>,
    pub(crate) max_forwards: Option<u8>,
}

/// One header line as offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) name: Name,
    pub(crate) label: Span,
    pub(crate) value: Span,
}

/// Room for the headers of most messages without an allocation of their own.
pub(crate) type Lines = SmallVec<[Line; 20]>;

/// A CSeq: the number and the method it counts (20.16).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number.
    pub number: u32,
    /// The method; in a response that of the request.
    pub method: Method,
}

impl CSeq {
    /// Reads `4711 INVITE`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = scan::trim(text);
        let split = memchr::memchr2(b' ', b'\t', text)?;
        let (number, method) = text.split_at_checked(split)?;
        Some(Self {
            number: scan::number(number)?,
            method: Method::parse(scan::trim(method))?,
        })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

impl Headers {
    /// Returns the value of the first header called `name`, without surrounding space.
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.lines(name).next()
    }

    /// Returns the value of the first header of that name as text; `None` also where it is no UTF-8.
    pub fn text(&self, name: Name) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Whether there is a header called `name`.
    pub fn has(&self, name: Name) -> bool {
        self.get(name).is_some()
    }

    /// Returns the first header with a name that [`Name`] does not know, in any case.
    pub fn get_other(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find(|(_, label, _)| label.eq_ignore_ascii_case(name))
            .map(|(_, _, value)| value)
    }

    /// Returns the value of each header line called `name`, in order, unsplit.
    pub fn lines(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.lines
            .iter()
            .filter(move |line| line.name == name)
            .map(|line| line.value.of(&self.text))
    }

    /// Returns every value of `name` in order, from all lines; those of list headers split at their commas.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        let whole = !name.is_list();
        self.lines(name).flat_map(move |line| {
            let (one, many) = match whole {
                true => (Some(line), None),
                false => (None, Some(Values::new(line))),
            };
            one.into_iter().chain(many.into_iter().flatten())
        })
    }

    /// Returns every header in order: what its name means, the name as written, the value.
    pub fn iter(&self) -> impl Iterator<Item = (Name, &[u8], &[u8])> {
        self.lines.iter().map(|line| {
            let (label, value) = (line.label.of(&self.text), line.value.of(&self.text));
            (line.name, label, value)
        })
    }

    /// Returns the Call-ID.
    pub fn call_id(&self) -> &str {
        self.call_id.ascii(&self.text)
    }

    /// Returns the CSeq.
    pub const fn cseq(&self) -> &CSeq {
        &self.cseq
    }

    /// Returns From.
    pub const fn from(&self) -> &NameAddr {
        &self.from
    }

    /// Returns To.
    pub const fn to(&self) -> &NameAddr {
        &self.to
    }

    /// Returns the first Via: the last hop's in a request, ours in a response.
    pub const fn top_via(&self) -> &Via {
        &self.via
    }

    /// Returns the first Contact; `None` also for `*`.
    pub const fn contact(&self) -> Option<&NameAddr> {
        self.contact.as_ref()
    }

    /// Returns every Contact in order.
    pub fn contacts(&self) -> impl Iterator<Item = NameAddr> {
        self.all(Name::Contact)
            .filter_map(|value| NameAddr::parse(value).ok())
    }

    /// Returns Max-Forwards.
    pub const fn max_forwards(&self) -> Option<u8> {
        self.max_forwards
    }

    /// Returns Max-Breadth (RFC 5393 5.3.3); a number that does not fit is the largest that does.
    pub fn max_breadth(&self) -> Option<u32> {
        self.count(Name::MaxBreadth)
    }

    /// Returns the Route values, the next hop's first.
    pub fn routes(&self) -> Vec<&[u8]> {
        self.all(Name::Route).collect()
    }

    /// Returns the Record-Route values, the topmost first.
    pub fn record_routes(&self) -> Vec<&[u8]> {
        self.all(Name::RecordRoute).collect()
    }

    /// Returns the option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &[u8]> {
        self.all(Name::Require)
    }

    /// Returns the option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = &[u8]> {
        self.all(Name::Supported)
    }

    /// Returns the methods of Allow.
    pub fn allow(&self) -> impl Iterator<Item = &[u8]> {
        self.all(Name::Allow)
    }

    /// Whether the list header `name` holds the token `token`, in any case.
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.all(name)
            .any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Returns the media type of the body without its parameters: `application/sdp`.
    pub fn content_type(&self) -> Option<&[u8]> {
        let value = self.get(Name::ContentType)?;
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        value.get(..end).map(scan::trim)
    }

    /// Whether the body is of the media type `wanted`, in any case.
    pub fn is_content(&self, wanted: &str) -> bool {
        self.content_type()
            .is_some_and(|value| value.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    /// Returns Expires in seconds; a number that does not fit is the largest that does (20.19).
    pub fn expires(&self) -> Option<u32> {
        self.count(Name::Expires)
    }

    /// Returns a value that is digits and nothing else; a number that does not fit is the largest that does.
    fn count(&self, name: Name) -> Option<u32> {
        let value = self.get(name)?;
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        digits.then(|| scan::number(value).unwrap_or(u32::MAX))
    }

    /// Returns the seconds of Retry-After; a comment and parameters may follow them (20.33).
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.get(Name::RetryAfter)?;
        let end = value.iter().position(|b| !b.is_ascii_digit());
        let digits = value.get(..end.unwrap_or(value.len()))?;
        (!digits.is_empty()).then(|| scan::number(digits).unwrap_or(u32::MAX))
    }

    /// Returns the Q.850 cause of a Reason header (RFC 3326).
    pub fn reason_q850(&self) -> Option<u16> {
        self.reason("Q.850")
    }

    /// Returns the cause that a Reason header gives for `protocol`: `SIP` or `Q.850` (RFC 3326).
    pub fn reason(&self, protocol: &str) -> Option<u16> {
        self.all(Name::Reason).find_map(|value| {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (name, params) = value.split_at_checked(end)?;
            if !scan::trim(name).eq_ignore_ascii_case(protocol.as_bytes()) {
                return None;
            }
            let cause = scan::Params::new(params).get("cause")??;
            u16::try_from(scan::number(cause)?).ok()
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.iter().map(|(_, name, value)| {
            (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            )
        });
        f.debug_map().entries(lines).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Request;

    fn request(lines: &str) -> Request {
        let text = format!(
            "INVITE sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n\
             t: <sip:c@d>\r\ni: x\r\nCSeq: 7 INVITE\r\n{lines}\r\n"
        );
        Request::parse(Bytes::from(text)).unwrap()
    }

    #[test]
    fn values_come_from_every_line_and_every_comma() {
        let request = request(
            "Route: <sip:a;x=1,2>, \"b, c\" <sip:b>\r\nSupported: timer\r\nroute: <sip:c>\r\nk: 100REL ,\r\nDate: Fri, 1 Jan\r\n",
        );
        let headers = request.headers();
        assert_eq!(
            headers.routes(),
            [&b"<sip:a;x=1,2>"[..], b"\"b, c\" <sip:b>", b"<sip:c>"]
        );
        assert_eq!(headers.supported().count(), 2);
        assert!(headers.lists(Name::Supported, "100rel"));
        // A comma is part of a date.
        assert_eq!(headers.all(Name::Date).count(), 1);
    }

    #[test]
    fn contacts_are_read_and_a_star_is_none() {
        let some = request("m: \"A, B\" <sip:one>, sip:two;q=1\r\nContact: <sip:three>\r\n");
        let uris: Vec<_> = some
            .headers()
            .contacts()
            .map(|c| c.uri().to_string())
            .collect();
        assert_eq!(uris, ["sip:one", "sip:two", "sip:three"]);
        assert_eq!(some.headers().contact().unwrap().uri().as_str(), "sip:one");
        assert!(request("Contact: *\r\n").headers().contact().is_none());
    }

    #[test]
    fn causes_types_and_times_are_read() {
        let request = request(
            "Reason: SIP ;cause=200;text=\"a,b\", q.850; cause=16\r\nc: Application/SDP ; charset=utf-8\r\nExpires: 99999999999\r\n",
        );
        let headers = request.headers();
        assert_eq!(headers.reason("SIP"), Some(200));
        assert_eq!(headers.reason_q850(), Some(16));
        assert!(headers.is_content("application/sdp"));
        assert_eq!(headers.expires(), Some(u32::MAX));
    }

    #[test]
    fn a_cseq_is_a_number_and_a_method() {
        assert_eq!(
            CSeq::parse(b"0009  INVITE").unwrap().to_string(),
            "9 INVITE"
        );
        for text in [
            "9",
            "INVITE 9",
            "-1 INVITE",
            "4294967296 INVITE",
            "1 IN VITE",
            "",
        ] {
            assert_eq!(CSeq::parse(text.as_bytes()), None, "{text}");
        }
    }
}
