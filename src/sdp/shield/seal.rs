//! Keys put into a plain description of ours.

use bytes::Bytes;

use crate::sdp::parse::read_media;
use crate::sdp::session::Kind;
use crate::sdp::shield::opened::is_key;

/// What makes a plain description of ours one with keys.
#[derive(Debug)]
pub(in crate::sdp) struct Seal {
    /// Under SAVP.
    pub(in crate::sdp::shield) secure: bool,
    /// The values of `a=crypto`.
    pub(in crate::sdp::shield) lines: Vec<String>,
}

impl Seal {
    /// Puts the keys into a plain description of ours, where it has sound.
    pub(in crate::sdp) fn put(&self, plain: &Bytes) -> Bytes {
        let mut out = Vec::with_capacity(plain.len() + 128 * self.lines.len());
        let mut inside = Inside::Before;
        for line in plain.split_inclusive(|b| *b == b'\n') {
            match line.strip_prefix(b"m=") {
                Some(value) => {
                    self.end(&mut out, inside);
                    inside = match inside {
                        Inside::Before if is_sound(value) => Inside::Sound,
                        Inside::Before => Inside::Before,
                        Inside::Sound | Inside::After => Inside::After,
                    };
                    if inside == Inside::Sound && self.secure {
                        put_line(&mut out, b'm', &with_security(value.trim_ascii_end(), true));
                        continue;
                    }
                }
                // The other side's own, passed through an unencrypted leg, would name keys that are not used here.
                None if inside == Inside::Sound && line.strip_prefix(b"a=").is_some_and(is_key) => {
                    continue;
                }
                None => {}
            }
            out.extend_from_slice(line);
        }
        self.end(&mut out, inside);
        out.into()
    }

    fn end(&self, out: &mut Vec<u8>, inside: Inside) {
        if inside == Inside::Sound {
            for line in &self.lines {
                put_line(out, b'a', format!("crypto:{line}").as_bytes());
            }
        }
    }
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Before,
    Sound,
    After,
}

/// Whether the value of an `m=` line of ours is of audio that is in use.
fn is_sound(value: &[u8]) -> bool {
    read_media(value.trim_ascii_end(), 0)
        .is_ok_and(|media| media.kind == Kind::Audio && media.port != 0)
}

/// The value of `m=` with AVP for SAVP and AVPF for SAVPF, or the other way.
pub(in crate::sdp::shield) fn with_security(value: &[u8], secure: bool) -> Vec<u8> {
    let words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let put = |(place, word): (usize, &[u8])| {
        let profile = word.to_ascii_uppercase();
        let other: Option<&[u8]> = match (profile.as_slice(), secure) {
            (b"RTP/AVP", true) => Some(b"RTP/SAVP"),
            (b"RTP/AVPF", true) => Some(b"RTP/SAVPF"),
            (b"RTP/SAVP", false) => Some(b"RTP/AVP"),
            (b"RTP/SAVPF", false) => Some(b"RTP/AVPF"),
            _ => None,
        };
        other
            .filter(|_| place == PROFILE_PLACE)
            .unwrap_or(word)
            .to_vec()
    };
    words.enumerate().map(put).collect::<Vec<_>>().join(&b' ')
}

/// Kind, port, profile (RFC 8866 5.14).
const PROFILE_PLACE: usize = 2;

pub(in crate::sdp::shield) fn put_line(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend_from_slice(&[kind, b'=']);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
