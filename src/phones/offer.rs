//! A phone's SDP: G.711 in both laws and digits, nothing else (RFC 3264).

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::phones::g711::Law;
use crate::phones::phone::Fault;
use crate::sdp::parse::parse;
use crate::sdp::session::Direction;

/// What a phone offers for RFC 4733 digits.
pub(in crate::phones) const DIGITS: u8 = 101;

/// What the peer's SDP means to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::phones) struct Terms {
    /// Where its sound goes; `None`: it wants none.
    pub(in crate::phones) to: Option<SocketAddr>,
    /// The laws it takes, best first.
    pub(in crate::phones) laws: Vec<Law>,
    /// Its payload type for digits.
    pub(in crate::phones) digits: Option<u8>,
    /// Its direction.
    pub(in crate::phones) direction: Direction,
}

impl Terms {
    /// Reads an offer or answer.
    pub(in crate::phones) fn read(body: &[u8]) -> Result<Self, Fault> {
        let session = parse(body).map_err(Fault::Sdp)?;
        let index = session.audio().ok_or(Fault::NoCommonCodec)?;
        let sound = session.sound(index).ok_or(Fault::NoCommonCodec)?;
        let laws: Vec<Law> = sound
            .codecs
            .iter()
            .filter_map(|codec| Law::of(codec.payload_type))
            .collect();
        if laws.is_empty() {
            return Err(Fault::NoCommonCodec);
        }
        let digits = sound
            .codecs
            .iter()
            .find(|codec| &*codec.name == "TELEPHONE-EVENT");
        Ok(Self {
            to: sound.rtp.filter(|_| sound.listens),
            laws,
            digits: digits.map(|codec| codec.payload_type),
            direction: session.direction(index),
        })
    }

    /// The law to answer with: our own where it is offered.
    pub(in crate::phones) fn choose(&self, ours: Law) -> Law {
        if self.laws.contains(&ours) {
            ours
        } else {
            ours.other()
        }
    }
}

/// Writes an offer or answer.
pub(in crate::phones) fn describe(
    here: SocketAddr,
    version: u32,
    laws: &[Law],
    digits: Option<u8>,
    direction: Direction,
) -> Vec<u8> {
    let ip = here.ip();
    let mut formats = String::new();
    let mut maps = String::new();
    for law in laws {
        let name = match law {
            Law::A => "PCMA",
            Law::Mu => "PCMU",
        };
        append(&mut formats, format_args!(" {}", law.payload_type()));
        append(
            &mut maps,
            format_args!("a=rtpmap:{} {name}/8000\r\n", law.payload_type()),
        );
    }
    if let Some(digits) = digits {
        append(&mut formats, format_args!(" {digits}"));
        append(
            &mut maps,
            format_args!("a=rtpmap:{digits} telephone-event/8000\r\na=fmtp:{digits} 0-15\r\n"),
        );
    }
    let direction = match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    };
    let port = here.port();
    format!(
        "v=0\r\no=- {port} {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
        m=audio {port} RTP/AVP{formats}\r\n{maps}a=ptime:20\r\na={direction}\r\n"
    )
    .into_bytes()
}

/// What to answer a direction with when we want all we can have (RFC 3264 6.1).
pub(in crate::phones) const fn reverse(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv => Direction::SendRecv,
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        Direction::Inactive => Direction::Inactive,
    }
}

fn append(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(more).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_offers_a_phone_understands() {
        let here = "127.0.0.1:4000".parse().unwrap();
        let offer = describe(
            here,
            1,
            &[Law::Mu, Law::A],
            Some(DIGITS),
            Direction::SendOnly,
        );
        let terms = Terms::read(&offer).unwrap();
        assert_eq!(terms.laws, [Law::Mu, Law::A]);
        assert_eq!(
            (terms.digits, terms.direction),
            (Some(101), Direction::SendOnly)
        );
        assert_eq!(terms.to, None);
        assert_eq!(terms.choose(Law::A), Law::A);
        let answer = describe(here, 1, &[Law::A], None, reverse(terms.direction));
        assert_eq!(Terms::read(&answer).unwrap().to, Some(here));
    }
}
