//! Reading a session description (RFC 8866 5 and 9), within limits.
//!
//! Tolerant where a phone in the field is sloppy and nothing depends on it (order of lines, missing `s=` or `t=`, bare line
//! feeds); strict where two readers could understand different things.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::sdp::address::{Connection, Rtcp};
use crate::sdp::codec::{Codec, PAYLOAD_TYPE_MAX};
use crate::sdp::session::{Direction, Kind, Line, Media, Profile, Session};

/// The longest description taken: four times the longest browser offer seen, and it must fit a datagram.
pub const BYTES_MAX: usize = 32_768;

/// Most lines: a browser's offer with sound and video has about 150.
pub const LINES_MAX: usize = 1_024;

/// Most `m=` sections: a call uses one; conference clients offer up to a dozen.
pub const MEDIA_MAX: usize = 32;

/// Most formats of one `m=` line: there are no more payload types (RFC 3550 5.1).
pub const FORMATS_MAX: usize = 128;

/// Why a body is no session description that can be used. The peer is at fault; the answer is 400 or 488.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1; 0: the whole.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "the peer's SDP {}", self.what),
            line => write!(f, "line {line} of the peer's SDP {}", self.what),
        }
    }
}

impl std::error::Error for Malformed {}

/// Reads a description.
///
/// # Errors
/// What is wrong, and in which line.
pub fn parse(body: &[u8]) -> Result<Session, Malformed> {
    if body.len() > BYTES_MAX {
        return Err(whole("is longer than 32 KB"));
    }
    let lines = split(body)?;
    let mut reader = Reader::new(Bytes::copy_from_slice(body));
    for (index, line) in lines.iter().enumerate() {
        reader.take(index, line)?;
    }
    reader.finish(lines)
}

/// Cuts the text into lines; only their shape is looked at.
fn split(body: &[u8]) -> Result<Vec<Line>, Malformed> {
    let mut lines = Vec::with_capacity(24);
    let mut start = 0;
    while let Some(rest) = body.get(start..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or(rest);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let number = lines.len() + 1;
        match line {
            // Some senders end the description with an empty line; nothing may follow it.
            [] if rest.iter().all(|b| matches!(b, b'\r' | b'\n')) => break,
            [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => {
                if value.iter().any(|b| matches!(b, b'\r' | 0)) {
                    return Err(Malformed {
                        line: number,
                        what: "has a control character",
                    });
                }
                let from = start + 2;
                lines.push(Line {
                    kind: *kind,
                    value: from..from + value.len(),
                });
            }
            _ => {
                return Err(Malformed {
                    line: number,
                    what: "is not of the form x=…",
                });
            }
        }
        if lines.len() > LINES_MAX {
            return Err(whole("has more than 1024 lines"));
        }
        start += length + 1;
    }
    Ok(lines)
}

/// What has been understood so far.
struct Reader {
    text: Bytes,
    version: bool,
    origin: bool,
    connection: Option<Connection>,
    direction: Option<Direction>,
    media: Vec<Media>,
    /// The rtpmaps of the section being read.
    maps: Vec<Codec>,
}

impl Reader {
    fn new(text: Bytes) -> Self {
        Self {
            text,
            version: false,
            origin: false,
            connection: None,
            direction: None,
            media: Vec::new(),
            maps: Vec::new(),
        }
    }

    fn take(&mut self, index: usize, line: &Line) -> Result<(), Malformed> {
        let text = self.text.clone();
        let value = text.get(line.value.clone()).unwrap_or_default();
        let wrong = |what| Malformed {
            line: index + 1,
            what,
        };
        if (line.kind == b'v') != (index == 0) {
            return Err(wrong("is out of place: v= comes first, and once"));
        }
        match line.kind {
            b'v' if value.trim_ascii() == b"0" => self.version = true,
            b'v' => return Err(wrong("is a version other than 0")),
            b'o' if self.origin || !self.media.is_empty() => {
                return Err(wrong("is a second origin"));
            }
            b'o' => self.origin = true,
            b'c' => {
                let connection = Connection::read(value).ok_or_else(|| wrong("is no address"))?;
                match self.media.last_mut() {
                    // Several `c=` in a section are layers of a multicast session (5.7): nothing to relay to.
                    Some(media) if media.connection.is_some() => {
                        media.connection = Some(Connection::Elsewhere);
                    }
                    Some(media) => media.connection = Some(connection),
                    None if self.connection.is_some() => {
                        return Err(wrong("is a second address of the session"));
                    }
                    None => self.connection = Some(connection),
                }
            }
            b'm' => {
                self.end_section();
                if self.media.len() >= MEDIA_MAX {
                    return Err(wrong("is more than the 32nd m= line"));
                }
                self.media.push(read_media(value, index).map_err(wrong)?);
            }
            b'a' => self.attribute(value, line.value.start),
            _ => {}
        }
        if let Some(media) = self.media.last_mut() {
            media.lines.end = index + 1;
        }
        Ok(())
    }

    fn attribute(&mut self, value: &[u8], start: usize) {
        let (name, rest) = cut(value);
        let direction = match name {
            b"sendrecv" => Some(Direction::SendRecv),
            b"sendonly" => Some(Direction::SendOnly),
            b"recvonly" => Some(Direction::RecvOnly),
            b"inactive" => Some(Direction::Inactive),
            _ => None,
        };
        let Some(media) = self.media.last_mut() else {
            self.direction = direction.or(self.direction);
            return;
        };
        media.direction = direction.or(media.direction);
        match name {
            // What cannot be read is passed on and has no meaning here: the payload type then stays unnamed.
            b"rtpmap" => self.maps.extend(Codec::from_rtpmap(rest)),
            b"fmtp" => {
                let at = start + name.len() + 1;
                media.fmtp.extend(read_fmtp(rest, at));
            }
            b"ptime" => media.ptime_ms = number(rest).or(media.ptime_ms),
            b"rtcp-mux" => media.mux = true,
            b"rtcp" => media.rtcp = Rtcp::read(rest).or(media.rtcp),
            _ => {}
        }
    }

    /// Gives the payload types of the section that ends their meaning.
    fn end_section(&mut self) {
        let maps = std::mem::take(&mut self.maps);
        if let Some(media) = self.media.last_mut() {
            let meaning = |payload_type: &u8| {
                maps.iter()
                    .find(|codec| codec.payload_type == *payload_type)
                    .cloned()
                    .or_else(|| Codec::from_static(*payload_type))
            };
            media.codecs = media.formats.iter().filter_map(meaning).collect();
        }
    }

    fn finish(mut self, lines: Vec<Line>) -> Result<Session, Malformed> {
        self.end_section();
        if !self.version {
            return Err(whole("is empty"));
        }
        if !self.origin {
            return Err(whole("has no o= line"));
        }
        Ok(Session {
            text: self.text,
            lines,
            connection: self.connection,
            direction: self.direction,
            media: self.media,
        })
    }
}

/// Reads the value of `m=`: `audio 49170/2 RTP/AVP 0 8 101`.
pub(in crate::sdp) fn read_media(value: &[u8], line: usize) -> Result<Media, &'static str> {
    let mut parts = value
        .split(u8::is_ascii_whitespace)
        .filter(|part| !part.is_empty());
    let mut part = || {
        parts
            .next()
            .ok_or("is not of the form m=kind port profile formats")
    };
    let (kind, port, profile) = (part()?, part()?, part()?);
    let port = port.split(|b| *b == b'/').next().unwrap_or_default();
    let port = number(port).ok_or("has a port that is no port")?;
    let profile = read_profile(profile);
    let mut formats = Vec::new();
    if profile.is_rtp() {
        for format in parts {
            let format: u8 = number(format)
                .filter(|n| *n <= PAYLOAD_TYPE_MAX)
                .ok_or("has a payload type that is none")?;
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        // A section that is refused may name none (RFC 3264 6 asks for one that is then ignored).
        if formats.is_empty() && port != 0 {
            return Err("names no payload type");
        }
    }
    Ok(Media {
        kind: read_kind(kind),
        port,
        profile,
        connection: None,
        direction: None,
        rtcp: None,
        mux: false,
        ptime_ms: None,
        codecs: [].into(),
        formats,
        fmtp: Vec::new(),
        lines: line..line + 1,
    })
}

fn read_kind(text: &[u8]) -> Kind {
    match text.to_ascii_lowercase().as_slice() {
        b"audio" => Kind::Audio,
        b"video" => Kind::Video,
        b"image" => Kind::Image,
        _ => Kind::Other,
    }
}

fn read_profile(text: &[u8]) -> Profile {
    match text.to_ascii_uppercase().as_slice() {
        b"RTP/AVP" => Profile::Avp,
        b"RTP/AVPF" => Profile::Avpf,
        b"RTP/SAVP" => Profile::Savp,
        b"RTP/SAVPF" => Profile::Savpf,
        _ => Profile::Other,
    }
}

/// Reads `101 0-16` into the payload type and the place of its parameters, `at` being where the text begins.
fn read_fmtp(text: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let space = memchr::memchr(b' ', text)?;
    let payload_type = number(text.get(..space)?)?;
    Some((payload_type, at + space + 1..at + text.len()))
}

/// Splits an attribute at its colon.
pub(in crate::sdp) fn cut(value: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', value) {
        Some(colon) => (
            value.get(..colon).unwrap_or_default(),
            value.get(colon + 1..).unwrap_or_default(),
        ),
        None => (value.trim_ascii_end(), &[]),
    }
}

/// Reads a number of digits only: no sign, unlike `str::parse`.
fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let text = text.trim_ascii();
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

const fn whole(what: &'static str) -> Malformed {
    Malformed { line: 0, what }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A desk phone's offer, RFC 3264 10.1 in shape.
    const PHONE: &[u8] = b"v=0\r\no=alice 2890844526 2890844526 IN IP4 host.example.com\r\ns=\r\n\
        c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 97 101\r\na=rtpmap:97 iLBC/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

    fn addr(text: &str) -> Option<std::net::SocketAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_phones_offer_is_understood() {
        let session = parse(PHONE).unwrap();
        let audio = session.audio().unwrap();
        let sound = session.sound(audio).unwrap();
        assert_eq!(sound.rtp, addr("192.0.2.10:49170"));
        assert_eq!(sound.rtcp, addr("192.0.2.10:49171"));
        assert!(sound.sends && sound.listens && !session.is_hold());
        let names: Vec<&str> = sound.codecs.iter().map(|codec| &*codec.name).collect();
        assert_eq!(names, ["PCMU", "PCMA", "ILBC", "TELEPHONE-EVENT"]);
        assert_eq!(session.fmtp(audio, 101), Some(&b"0-16"[..]));
        assert_eq!(session.media()[audio].ptime_ms, Some(20));
        assert_eq!(
            session.origin(),
            b"alice 2890844526 2890844526 IN IP4 host.example.com"
        );
    }

    #[test]
    fn a_section_has_its_own_address_rtcp_and_direction() {
        let session = parse(
            b"v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\na=inactive\n\
            m=video 4000 RTP/AVP 31\nm=audio 5000/2 RTP/SAVP 8\nc=IN IP6 2001:db8::2\n\
            a=rtcp:6001 IN IP6 2001:db8::3\na=sendonly\n",
        )
        .unwrap();
        assert_eq!(session.audio(), Some(1));
        assert_eq!(session.rtp(1), addr("[2001:db8::2]:5000"));
        assert_eq!(session.rtcp(1), addr("[2001:db8::3]:6001"));
        assert_eq!(session.direction(0), Direction::Inactive);
        assert_eq!(session.direction(1), Direction::SendOnly);
        assert!(session.media()[1].profile.is_secure());
    }

    #[test]
    fn every_form_of_hold_is_a_hold() {
        let with = |connection: &str, attribute: &str| {
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN {connection}\r\nt=0 0\r\n\
                m=audio 4000 RTP/AVP 8\r\na={attribute}\r\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        assert!(!with("IP4 192.0.2.1", "sendrecv").is_hold());
        assert!(!with("IP4 192.0.2.1", "recvonly").is_hold());
        for (connection, attribute, rtp) in [
            ("IP4 192.0.2.1", "sendonly", addr("192.0.2.1:4000")),
            ("IP4 192.0.2.1", "inactive", None),
            ("IP4 0.0.0.0", "sendrecv", None),
            ("IP6 ::", "sendrecv", None),
        ] {
            let session = with(connection, attribute);
            assert!(session.is_hold(), "{connection} {attribute}");
            assert_eq!(session.audio(), Some(0));
            assert_eq!(session.rtp(0), rtp, "{connection} {attribute}");
        }
    }

    #[test]
    fn audio_that_cannot_be_relayed_is_not_chosen() {
        for media in [
            "m=audio 0 RTP/AVP 8",
            "m=audio 4000 UDP/TLS/RTP/SAVPF 8",
            "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 224.2.1.1/127",
            "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example.com",
            "m=image 4000 udptl t38",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        ] {
            let text =
                format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n{media}\r\n");
            let session = parse(text.as_bytes()).unwrap();
            assert_eq!(session.audio(), None, "{media}");
            assert!(session.is_hold());
        }
    }

    #[test]
    fn the_torture_offers_of_rfc_4475_are_read() {
        let session = parse(
            b"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n\
            t=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n",
        )
        .unwrap();
        assert_eq!(session.rtp(0), addr("192.0.2.4:49217"));
        assert_eq!(session.codecs(0).len(), 2);
        // RFC 5118 4.8 and 4.9: IPv6 in c=, and IPv4 mapped into it.
        let six = parse(
            b"v=0\r\no=bob 280744730 28977631 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n\
            m=audio 22334 RTP/AVP 0\r\nc=IN IP6 ::ffff:192.0.2.1\r\n",
        )
        .unwrap();
        assert_eq!(six.rtp(0), addr("[::ffff:192.0.2.1]:22334"));
    }

    #[test]
    fn what_is_sloppy_and_harmless_is_taken() {
        for text in [
            &b"v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8"[..],
            b"v=0\r\ns=-\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n\r\n",
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio  4000  rtp/avp  8 \r\nc=IN  IP4  192.0.2.1 \r\na=rtpmap:8\r\n",
        ] {
            assert_eq!(parse(text).unwrap().rtp(0), addr("192.0.2.1:4000"));
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused_with_its_line() {
        const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n";
        for (line, text) in [
            (0, String::new()),
            (1, "v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n".into()),
            (1, "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n".into()),
            (0, "v=0\r\ns=-\r\n".into()),
            (4, format!("{HEAD}o=- 2 2 IN IP4 192.0.2.1\r\n")),
            (4, format!("{HEAD}c=IN IP4 192.0.2.2\r\n")),
            (4, format!("{HEAD}c=\r\n")),
            (4, format!("{HEAD}\r\nm=audio 4000 RTP/AVP 8\r\n")),
            (4, format!("{HEAD} a=sendrecv\r\n")),
            (4, format!("{HEAD}s=a\rc=IN IP4 10.0.0.1\r\n")),
            (4, format!("{HEAD}m=audio\r\n")),
            (4, format!("{HEAD}m=audio 65536 RTP/AVP 8\r\n")),
            (4, format!("{HEAD}m=audio +4000 RTP/AVP 8\r\n")),
            (4, format!("{HEAD}m=audio 4000 RTP/AVP\r\n")),
            (4, format!("{HEAD}m=audio 4000 RTP/AVP 128\r\n")),
            (4, format!("{HEAD}m=audio 4000 RTP/AVP x\r\n")),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn limits_hold() {
        const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";
        let refused = |text: String| parse(text.as_bytes()).unwrap_err().what;
        assert_eq!(
            refused(format!("{HEAD}s={}\r\n", "x".repeat(BYTES_MAX))),
            "is longer than 32 KB"
        );
        assert_eq!(
            refused(format!("{HEAD}{}", "a=x\r\n".repeat(LINES_MAX))),
            "has more than 1024 lines"
        );
        let many = "m=audio 0 RTP/AVP 0\r\n".repeat(MEDIA_MAX + 1);
        assert_eq!(
            refused(format!("{HEAD}{many}")),
            "is more than the 32nd m= line"
        );
    }

    #[test]
    fn the_first_rtpmap_of_a_type_and_the_first_of_repeated_formats_count() {
        let session = parse(
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 96 8 96 0\r\n\
            a=rtpmap:96 opus/48000/2\r\na=rtpmap:96 speex/8000\r\na=rtpmap:77 GSM/8000\r\n",
        )
        .unwrap();
        let names: Vec<String> = session
            .codecs(0)
            .iter()
            .map(|c| c.name.to_string())
            .collect();
        assert_eq!(names, ["OPUS", "PCMA", "PCMU"]);
        assert_eq!(session.media()[0].formats, [96, 8, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let malformed = parse(&body).is_err();
            prop_assert!(malformed || body.starts_with(b"v=0"));
        }

        #[test]
        fn no_broken_offer_makes_the_reader_panic(
            at in 0..PHONE.len(),
            put in proptest::collection::vec(any::<u8>(), 0..8),
            cut in 0..16usize,
        ) {
            let mut body = PHONE.to_vec();
            let end = (at + cut).min(body.len());
            body.splice(at..end, put);
            if let Ok(session) = parse(&body) {
                prop_assert!(session.lines.iter().all(|line| line.value.end <= body.len()));
            }
        }
    }
}
