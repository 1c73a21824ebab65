//! A session description as read: the lines as they came, and what ringtag understands of them.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::sdp::address::{Connection, Rtcp};
use crate::sdp::codec::Codec;
use crate::sdp::shield::Keys;

/// One description. Cloning shares the text.
#[derive(Clone, Debug)]
pub struct Session {
    pub(in crate::sdp) text: Bytes,
    pub(in crate::sdp) lines: Vec<Line>,
    pub(in crate::sdp) connection: Option<Connection>,
    pub(in crate::sdp) direction: Option<Direction>,
    pub(in crate::sdp) media: Vec<Media>,
}

/// One `kind=value` line.
#[derive(Clone, Debug)]
pub(in crate::sdp) struct Line {
    pub(in crate::sdp) kind: u8,
    /// Of the value in the text, without the line's end. A description is shorter than a datagram, and one of each leg's
    /// is kept as long as its call.
    value: Range<u16>,
}

impl Line {
    /// A line whose value lies there; `None`: no description is so long.
    pub(in crate::sdp) fn new(kind: u8, value: Range<usize>) -> Option<Self> {
        let place = |at| u16::try_from(at).ok();
        Some(Self {
            kind,
            value: place(value.start)?..place(value.end)?,
        })
    }

    /// Where the value lies in the text.
    pub(in crate::sdp) fn value(&self) -> Range<usize> {
        self.value.start.into()..self.value.end.into()
    }
}

/// One `m=` section.
#[derive(Clone, Debug)]
pub struct Media {
    /// What it carries.
    pub kind: Kind,
    /// Its port; 0: rejected or disabled (RFC 3264 8.2).
    pub port: u16,
    /// Its transport.
    pub profile: Profile,
    /// `c=` of the section itself.
    pub connection: Option<Connection>,
    /// The section's own direction; see [`Session::direction`].
    pub direction: Option<Direction>,
    /// `a=rtcp` (RFC 3605).
    pub rtcp: Option<Rtcp>,
    /// `a=rtcp-mux`: RTCP may share the port of RTP (RFC 5761 5.1.1).
    pub mux: bool,
    /// Milliseconds of sound a packet that the peer would like (RFC 8866 6.4).
    pub ptime_ms: Option<u16>,
    /// The payload types of the `m=` line in its order, those that have a meaning; see [`Self::formats`].
    pub codecs: Arc<[Codec]>,
    /// Every payload type of the `m=` line, those without a meaning too; empty unless the profile is RTP.
    pub formats: Vec<u8>,
    /// `a=fmtp` in its order: payload type, and the place of the parameters in the text.
    pub(in crate::sdp) fmtp: Vec<(u8, Range<usize>)>,
    /// Its lines, the `m=` line first.
    pub(in crate::sdp) lines: Range<usize>,
    /// The keys that were taken out of it.
    pub(in crate::sdp) keys: Option<Keys>,
    /// Its trunk's SRTP cannot be had by it, or is had by another: it is not relayed.
    pub(in crate::sdp) barred: bool,
}

/// What an `m=` section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `image`: T.38 (ITU-T T.38 annex D).
    Image,
    /// Anything else.
    Other,
}

/// The transport of an `m=` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551)
    Avp,
    /// `RTP/AVPF` (RFC 4585)
    Avpf,
    /// `RTP/SAVP` (RFC 3711)
    Savp,
    /// `RTP/SAVPF` (RFC 5124)
    Savpf,
    /// Anything that is not relayed: DTLS, T.38, TCP, …
    Other,
}

/// Which way sound flows, seen from the description's author (RFC 8866 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// The author only sends: it has put the other on hold (RFC 3264 8.4).
    SendOnly,
    /// The author only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// What a description says of its sound: where to, whether from, and in which codecs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Where the author wants RTP, and where it sends from unless it is behind a NAT. `None`: port 0, `inactive`, or the
    /// older hold with `0.0.0.0`. An author that only sends keeps its address here: its music on hold is known by it.
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP: with RTP where `mux`.
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the port of RTP (RFC 5761): the author offers it, and we always agree, or agrees to our offer.
    pub mux: bool,
    /// Whether the author may send.
    pub sends: bool,
    /// Whether the author listens.
    pub listens: bool,
    /// What the payload types that it names mean.
    pub codecs: Arc<[Codec]>,
}

impl Profile {
    /// Whether this is RTP over UDP with keys, if any, in the SDP: what a relay of packets can carry.
    pub const fn is_rtp(self) -> bool {
        match self {
            Self::Avp | Self::Avpf | Self::Savp | Self::Savpf => true,
            Self::Other => false,
        }
    }

    /// Whether its packets are encrypted.
    pub const fn is_secure(self) -> bool {
        match self {
            Self::Savp | Self::Savpf => true,
            Self::Avp | Self::Avpf | Self::Other => false,
        }
    }
}

impl Media {
    /// Whether it is not relayed for the sake of its trunk's SRTP; see [`Session::opened`].
    pub const fn is_barred(&self) -> bool {
        self.barred
    }
}

impl Direction {
    /// Whether the author sends.
    pub const fn sends(self) -> bool {
        match self {
            Self::SendRecv | Self::SendOnly => true,
            Self::RecvOnly | Self::Inactive => false,
        }
    }

    /// Whether the author listens.
    pub const fn listens(self) -> bool {
        match self {
            Self::SendRecv | Self::RecvOnly => true,
            Self::SendOnly | Self::Inactive => false,
        }
    }
}

impl Session {
    /// The `m=` sections in order.
    pub fn media(&self) -> &[Media] {
        &self.media
    }

    /// The index of the section that ringtag relays: the first audio over RTP that is not disabled and whose `c=` is an
    /// address. All others are refused on the other leg.
    pub fn audio(&self) -> Option<usize> {
        self.media
            .iter()
            .position(|media| !media.barred && self.is_relayed(media))
    }

    /// Whether a section is audio that could be relayed.
    pub(in crate::sdp) fn is_relayed(&self, media: &Media) -> bool {
        media.kind == Kind::Audio
            && media.port != 0
            && media.profile.is_rtp()
            && self.host_of(media).is_some()
    }

    /// What the payload types of a section mean; empty where there is no such section.
    pub fn codecs(&self, index: usize) -> Arc<[Codec]> {
        self.media
            .get(index)
            .map_or_else(|| Arc::from([]), |media| Arc::clone(&media.codecs))
    }

    /// A section's direction: its own, else the session's, else both ways (RFC 8866 6.7).
    pub fn direction(&self, index: usize) -> Direction {
        self.media
            .get(index)
            .and_then(|media| media.direction)
            .or(self.direction)
            .unwrap_or_default()
    }

    /// Whether the author does not listen on its audio: `sendonly`, `inactive`, `0.0.0.0`, or no audio at all.
    pub fn is_hold(&self) -> bool {
        self.audio()
            .and_then(|index| self.sound(index))
            .is_none_or(|sound| !sound.listens)
    }

    /// Where a section's author wants RTP; see [`Sound::rtp`].
    pub fn rtp(&self, index: usize) -> Option<SocketAddr> {
        self.sound(index)?.rtp
    }

    /// Where a section's author wants RTCP: `a=rtcp`, else the next port (RFC 3550 11).
    pub fn rtcp(&self, index: usize) -> Option<SocketAddr> {
        self.sound(index)?.rtcp
    }

    /// What a section says of its sound; `None`: no such section.
    pub fn sound(&self, index: usize) -> Option<Sound> {
        let media = self.media.get(index)?;
        let direction = self.direction(index);
        let held = |ip: IpAddr| ip.is_unspecified() || direction == Direction::Inactive;
        let host = self
            .host_of(media)
            .filter(|ip| media.port != 0 && !held(*ip));
        let rtcp = match media.rtcp {
            _ if media.mux => host.map(|ip| SocketAddr::new(ip, media.port)),
            Some(rtcp) => host.map(|ip| SocketAddr::new(rtcp.address.unwrap_or(ip), rtcp.port)),
            None => host
                .zip(media.port.checked_add(1))
                .map(|(ip, port)| SocketAddr::new(ip, port)),
        };
        Some(Sound {
            rtp: host.map(|ip| SocketAddr::new(ip, media.port)),
            rtcp,
            mux: media.mux,
            sends: media.port != 0 && direction.sends(),
            listens: host.is_some() && direction.listens(),
            codecs: Arc::clone(&media.codecs),
        })
    }

    /// Whether the author shares the port of RTP with RTCP on the audio that is relayed, or offers to.
    pub fn offers_mux(&self) -> bool {
        self.audio()
            .and_then(|index| self.media.get(index))
            .is_some_and(|media| media.mux)
    }

    /// The parameters of a payload type: what follows it in `a=fmtp`.
    pub fn fmtp(&self, index: usize, payload_type: u8) -> Option<&[u8]> {
        let media = self.media.get(index)?;
        let (_, place) = media.fmtp.iter().find(|(of, _)| *of == payload_type)?;
        self.text.get(place.clone())
    }

    /// The value of `o=` as it came: who made this description, and which version of it this is.
    pub fn origin(&self) -> &[u8] {
        self.lines
            .iter()
            .find(|line| line.kind == b'o')
            .map_or(&[], |line| self.value(line))
    }

    /// The host of a section's `c=`, else of the session's.
    fn host_of(&self, media: &Media) -> Option<IpAddr> {
        media.connection.or(self.connection)?.host()
    }

    pub(in crate::sdp) fn value(&self, line: &Line) -> &[u8] {
        self.text.get(line.value()).unwrap_or_default()
    }
}
