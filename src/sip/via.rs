//! Via: the way an answer takes back (RFC 3261 20.42, RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use bytes::Bytes;

use crate::sip::host::{Host, take_host, take_port};
use crate::sip::scan;
use crate::sip::scan::{Cursor, Params, Span};

/// What every branch of RFC 3261 begins with (8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via value, checked, as it came.
#[derive(Clone)]
pub struct Via {
    /// What the Via stands in, a whole message as a rule; every span counts from its beginning.
    text: Bytes,
    whole: Span,
    transport: Span,
    host: Span,
    port: Option<u16>,
    params: Span,
    branch: Span,
    received: Span,
    rport: Rport,
}

/// What a Via says of the source port (RFC 3581).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// Nothing: answers go to the port of sent-by.
    Absent,
    /// `;rport`: the answer shall go to the port the request came from.
    Asked,
    /// `;rport=5060`: the port the request came from.
    Is(u16),
}

/// A text that is no Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Via by RFC 3261 section 25.1; write it like SIP/2.0/UDP host:5060;branch=z9hG4bK1")]
pub struct BadVia;

impl Via {
    /// Reads one Via value, copying it.
    ///
    /// # Errors
    ///
    /// When the text follows no Via grammar.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, BadVia> {
        let text = Bytes::copy_from_slice(text.as_ref());
        let via = Self::first_at(&text, 0..text.len())?;
        if via.as_bytes().len() != text.len() {
            return Err(BadVia);
        }
        Ok(via)
    }

    /// Reads the first of the Via values of the line that stands at `place` in `text`, without copying.
    pub(crate) fn first_at(text: &Bytes, place: Range<usize>) -> Result<Self, BadVia> {
        if place.end > usize::from(u16::MAX) {
            return Err(BadVia);
        }
        let line = text.get(..place.end).ok_or(BadVia)?;
        let mut cursor = Cursor::from(line, place.start);
        if !sent_protocol(&mut cursor) {
            return Err(BadVia);
        }
        let transport = cursor.take(scan::TOKEN);
        let after = cursor.at();
        cursor.skip_space();
        if transport.is_empty() || cursor.at() == after {
            return Err(BadVia);
        }
        let host = take_host(&mut cursor).ok_or(BadVia)?;
        cursor.skip_space();
        let mut port = None;
        if cursor.eat(b':') {
            cursor.skip_space();
            port = Some(take_port(&mut cursor).ok_or(BadVia)?);
        }
        let mut via = Self {
            text: text.clone(),
            whole: Span::EMPTY,
            transport,
            host,
            port,
            params: Span::EMPTY,
            branch: Span::EMPTY,
            received: Span::EMPTY,
            rport: Rport::Absent,
        };
        let params_at = cursor.at();
        while let Some(param) = cursor.param() {
            let param = param.map_err(|_bad| BadVia)?;
            let value = param.value.unwrap_or_default();
            match param.name.of(line) {
                n if n.eq_ignore_ascii_case(b"branch") => via.branch = value,
                n if n.eq_ignore_ascii_case(b"received") => via.received = value,
                n if n.eq_ignore_ascii_case(b"rport") => {
                    via.rport = match (scan::number(value.of(line)), value.is_empty()) {
                        (_, true) => Rport::Asked,
                        (Some(port), false) => Rport::Is(u16::try_from(port).map_err(|_| BadVia)?),
                        (None, false) => return Err(BadVia),
                    }
                }
                _other => {}
            }
        }
        match cursor.peek() {
            None | Some(b',') => {
                via.params = Span::new(params_at, cursor.at());
                via.whole = Span::new(place.start, cursor.at());
                Ok(via)
            }
            Some(_left_over) => Err(BadVia),
        }
    }

    /// Writes a Via of our own: our address and `branch`, the source port asked for (RFC 3581).
    pub fn ours(transport: &str, sent_by: impl fmt::Display, branch: impl fmt::Display) -> String {
        format!("SIP/2.0/{transport} {sent_by};branch={branch};rport")
    }

    /// Returns the transport as written: `UDP`, `TCP`, `TLS`, or anything.
    pub fn transport(&self) -> &str {
        self.transport.ascii(&self.text)
    }

    /// Returns the host of sent-by.
    pub fn host(&self) -> Host<'_> {
        Host::of(self.host.ascii(&self.text))
    }

    /// Returns the port of sent-by, where one is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns sent-by as written, without space: what a transaction is matched by beside the branch (17.2.3).
    pub fn sent_by(&self) -> SentBy<'_> {
        SentBy {
            host: self.host.ascii(&self.text),
            port: self.port,
        }
    }

    /// Returns the branch; `None` where it is absent or empty.
    pub fn branch(&self) -> Option<&str> {
        (!self.branch.is_empty()).then(|| self.branch.ascii(&self.text))
    }

    /// Returns the branch if it promises to be unique: it begins with the cookie and goes on (17.2.3). The cookie is
    /// matched in any case, as it is a token.
    pub fn unique_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| {
            let (cookie, rest) = branch
                .split_at_checked(MAGIC_COOKIE.len())
                .unwrap_or_default();
            cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty()
        })
    }

    /// Returns the address the request came from, as a server wrote it; with or without brackets (RFC 5118 4.5).
    pub fn received(&self) -> Option<IpAddr> {
        Host::of(self.received.ascii(&self.text)).ip()
    }

    /// Returns what is said of the source port.
    pub const fn rport(&self) -> Rport {
        self.rport
    }

    /// Returns the multicast or other address that answers should go to.
    pub fn maddr(&self) -> Option<&str> {
        self.text_param("maddr")
    }

    /// Returns the time to live for a multicast answer.
    pub fn ttl(&self) -> Option<u8> {
        self.text_param("ttl")?.parse().ok()
    }

    /// Whether its writer wants requests to it on the connection that this one comes by: `alias` (RFC 5923 section 5).
    pub fn wants_reuse(&self) -> bool {
        self.params().get("alias").is_some()
    }

    /// Returns all parameters in order.
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.of(&self.text))
    }

    fn text_param(&self, name: &str) -> Option<&str> {
        let value = self.params().get(name)??;
        std::str::from_utf8(value).ok()
    }

    /// Returns the text as it came.
    pub fn as_bytes(&self) -> &[u8] {
        self.whole.of(&self.text)
    }

    /// Returns the value as a server keeps it for its answers: with `received`, and `rport` where asked, telling where the
    /// request came from (RFC 3261 18.2.1, RFC 3581 section 4).
    pub fn stamped(&self, source: SocketAddr) -> Vec<u8> {
        let ip = source.ip().to_canonical();
        let asked = self.rport != Rport::Absent;
        let told = self.host().ip() == Some(ip);
        if told && !asked {
            return scan::trim(self.as_bytes()).to_vec();
        }
        let head = Span::new(self.whole.range().start, self.params.range().start);
        let mut text = scan::trim(head.of(&self.text)).to_vec();
        for (name, value) in self.params() {
            // What a client wrote there itself would send our answers elsewhere.
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            text.push(b';');
            text.extend_from_slice(name);
            if let Some(value) = value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
        // RFC 5118 4.5: written without brackets, as the grammar of RFC 3261 has it.
        text.extend_from_slice(format!(";received={ip}").as_bytes());
        if asked {
            text.extend_from_slice(format!(";rport={}", source.port()).as_bytes());
        }
        text
    }
}

/// Host and port of a Via. Compared with the host in any case.
#[derive(Clone, Copy, Debug)]
pub struct SentBy<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> SentBy<'a> {
    /// Returns the host as written.
    pub const fn host(self) -> &'a str {
        self.host
    }

    /// Returns the port, where one is written.
    pub const fn port(self) -> Option<u16> {
        self.port
    }
}

impl PartialEq for SentBy<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port == other.port
    }
}

impl Eq for SentBy<'_> {}

/// Writes it in lower case, so that it can be part of a key.
impl fmt::Display for SentBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.host.chars() {
            fmt::Write::write_char(f, c.to_ascii_lowercase())?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Takes `SIP / 2.0 /`, spaces allowed around the slashes.
fn sent_protocol(cursor: &mut Cursor<'_>) -> bool {
    if cursor.rest().starts_with(b"SIP/2.0/") {
        cursor.advance(8);
    } else {
        cursor.skip_space();
        let word = |cursor: &mut Cursor<'_>, word: &[u8]| {
            let rest = cursor.rest().get(..word.len()).unwrap_or_default();
            let found = rest.eq_ignore_ascii_case(word);
            cursor.advance(word.len());
            cursor.skip_space();
            found && {
                let slash = cursor.eat(b'/');
                cursor.skip_space();
                slash
            }
        };
        if !(word(cursor, b"SIP") && word(cursor, b"2.0")) {
            return false;
        }
    }
    cursor.skip_space();
    true
}

impl PartialEq for Via {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Via {}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via {
        Via::parse(text).unwrap()
    }

    #[test]
    fn the_parts_of_a_via_are_read() {
        let via = via(
            "SIP/2.0/UDP Host.example.com:5061;branch=z9hG4bK87;received=192.0.2.1;rport=9;ttl=3;maddr=m",
        );
        assert_eq!(via.transport(), "UDP");
        assert_eq!(via.host(), Host::Name("Host.example.com"));
        assert_eq!(via.port(), Some(5061));
        assert_eq!(via.sent_by().to_string(), "host.example.com:5061");
        assert_eq!(via.unique_branch(), Some("z9hG4bK87"));
        assert_eq!(via.received(), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(via.rport(), Rport::Is(9));
        assert_eq!((via.ttl(), via.maddr()), (Some(3), Some("m")));
    }

    #[test]
    fn spaces_stand_where_the_grammar_lets_them() {
        let odd = via("SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  ");
        assert_eq!(
            (odd.transport(), odd.branch()),
            ("TCP", Some("z9hG4bK9ikj8"))
        );
        assert_eq!(via("SIP/2.0/UDP h : 5060").port(), Some(5060));
    }

    #[test]
    fn a_line_gives_its_first_value() {
        let line =
            Bytes::from_static(b"SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2");
        assert_eq!(
            Via::first_at(&line, 0..line.len()).unwrap().branch(),
            Some("z9hG4bK1")
        );
    }

    #[test]
    fn old_and_empty_branches_promise_nothing() {
        for text in [
            "SIP/2.0/UDP h",
            "SIP/2.0/UDP h;branch=",
            "SIP/2.0/UDP h;branch=z9hG4bK",
            "SIP/2.0/UDP h;branch=1",
        ] {
            assert_eq!(via(text).unique_branch(), None, "{text}");
        }
    }

    /// RFC 5118 4.5.
    #[test]
    fn received_is_read_with_and_without_brackets() {
        let address = Some("2001:db8::9:255".parse().unwrap());
        for text in ["[2001:db8::9:255]", "2001:db8::9:255"] {
            let via = via(&format!(
                "SIP/2.0/UDP [2001:db8::9:1];received={text};branch=z9hG4bKas3"
            ));
            assert_eq!(via.received(), address);
        }
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw",
            "SIP/2.0/UDPhost",
            "SIP/2.0 UDP host",
            "SIP/2.0/UDP h:0",
            "SIP/2.0/UDP h;rport=x",
            "SIP/2.0/UDP h;rport=70000",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a, SIP/2.0/UDP b",
        ] {
            assert_eq!(Via::parse(text), Err(BadVia), "{text}");
        }
    }

    /// RFC 3261 18.2.1 and RFC 3581 section 4.
    #[test]
    fn a_via_is_stamped_with_its_source() {
        let source = "192.0.2.7:4000".parse().unwrap();
        let stamped = |text: &str| String::from_utf8(via(text).stamped(source)).unwrap();
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.7;branch=1"),
            "SIP/2.0/UDP 192.0.2.7;branch=1"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP 10.0.0.1:5060;branch=1;rport;received=6.6.6.6"),
            "SIP/2.0/UDP 10.0.0.1:5060;branch=1;received=192.0.2.7;rport=4000"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP host ;branch=1"),
            "SIP/2.0/UDP host;branch=1;received=192.0.2.7"
        );
    }
}
