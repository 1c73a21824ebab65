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
                lines.extend(Line::new(*kind, from..from + value.len()));
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
        let value = text.get(line.value()).unwrap_or_default();
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
            b'a' => self.attribute(value, line.value().start),
            _ => {}
        }
        if let Some(media) = self.media.last_mut() {
            media.lines.end = index + 1;
        }
        Ok(())
    }

    fn attribute(&mut self, value: &[u8], start: usize) {
        let (name, rest) = cut(value);
        // A flag has no value (RFC 8866 5.13): with one it is an attribute that nobody knows, and passes or not like any other.
        let is_flag = rest.trim_ascii().is_empty();
        let direction = match name {
            b"sendrecv" => Some(Direction::SendRecv),
            b"sendonly" => Some(Direction::SendOnly),
            b"recvonly" => Some(Direction::RecvOnly),
            b"inactive" => Some(Direction::Inactive),
            _ => None,
        };
        let direction = direction.filter(|_| is_flag);
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
            b"rtcp-mux" => media.mux |= is_flag,
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
        keys: None,
        barred: false,
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
mod tests;
