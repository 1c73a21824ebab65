//! Offers and answers between two legs (RFC 3264): read from bodies, turned into orders about sound.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::sound::Srtp;
use crate::call::desk::Aim;
use crate::call::headers::SDP;
use crate::call::leg::Heard;
use crate::call::story::TriedResult;
use crate::call::unfit::Unfit;
use crate::sdp::{Codec, Numbers, Protection, Session, Voice, answer_meets, parse};
use crate::sip::header::Name;
use crate::sip::headers::Headers;

/// A body that ought to be SDP.
#[derive(Debug)]
pub(in crate::call) enum Body {
    /// There is none.
    Empty,
    /// One that can be relayed or, with its audio refused, passed on.
    Sdp(Session),
    /// Not SDP by its type.
    OtherType,
    /// SDP by its type, and unreadable.
    Malformed,
}

/// Reads the body of a message from a leg whose trunk has this `srtp`.
pub(in crate::call) fn read(srtp: Srtp, headers: &Headers, body: &Bytes) -> Body {
    if body.is_empty() {
        return Body::Empty;
    }
    let plain = headers
        .get(Name::ContentEncoding)
        .is_none_or(|encoding| encoding.eq_ignore_ascii_case(b"identity"));
    if !plain || !headers.is_content(SDP) {
        return Body::OtherType;
    }
    match parse(body) {
        Ok(session) => Body::Sdp(session.opened(srtp)),
        Err(_malformed) => Body::Malformed,
    }
}

/// Reads the SDP of a response or an ACK, where there is any that can be used.
pub(in crate::call) fn session(srtp: Srtp, headers: &Headers, body: &Bytes) -> Option<Session> {
    match read(srtp, headers, body) {
        Body::Sdp(session) => Some(session),
        Body::Empty | Body::OtherType | Body::Malformed => None,
    }
}

/// Whether sound can flow by this answer to this offer.
pub(in crate::call) fn meets(offer: &Session, answer: &Session) -> bool {
    answer.audio().is_some() && answer_meets(offer, answer).is_ok()
}

/// Which host a leg's ports have to face: that of its sound where this is of another family than its signalling, as behind a
/// proxy that speaks both.
pub(in crate::call) fn faces(signalling: IpAddr, offer: Option<&Session>) -> IpAddr {
    offer
        .and_then(|offer| offer.rtp(offer.audio()?))
        .map(|rtp| rtp.ip().to_canonical())
        .filter(|ip| ip.is_ipv4() != signalling.is_ipv4())
        .unwrap_or(signalling)
}

/// Whether the author of `said` can be sent sound from `ours`: both are of one family.
pub(in crate::call) fn reaches(ours: Option<SocketAddr>, said: &Session) -> bool {
    let rtp = said.audio().and_then(|index| said.rtp(index));
    ours.zip(rtp)
        .is_none_or(|(ours, rtp)| ours.is_ipv4() == rtp.ip().to_canonical().is_ipv4())
}

/// What comes of a target whose description cannot be used: its keys are wanting, or its codecs.
pub(in crate::call) fn misfit(srtp: Srtp, headers: &Headers, body: &Bytes) -> TriedResult {
    let said = session(srtp, headers, body);
    if said.as_ref().is_some_and(|said| !said.echoes(None)) {
        return TriedResult::SrtpMismatch;
    }
    match said.as_ref().and_then(Unfit::of) {
        Some(Unfit::Keys) => TriedResult::SrtpMismatch,
        Some(Unfit::Address | Unfit::Transport | Unfit::Media | Unfit::Format) | None => {
            TriedResult::CodecMismatch
        }
    }
}

/// What an answer within a call may be: one that meets its offer, or that disables the sound.
pub(in crate::call) fn fits(offer: &Session, answer: Option<&Session>) -> Result<(), Unfit> {
    match answer {
        Some(answer) => answer_meets(offer, answer).map_err(Unfit::from),
        None => Err(Unfit::Format),
    }
}

/// One side of a bridge, by its descriptions.
#[derive(Clone, Copy, Debug)]
pub(in crate::call) struct Party<'a> {
    /// What it said itself.
    pub(in crate::call) own: &'a Session,
    /// What it was told of the other side; `None`: nothing yet.
    pub(in crate::call) told: Option<&'a Session>,
}

impl Party<'_> {
    /// What the payload types that it sends mean: numbered by whoever receives them (RFC 3264 5.1), though some number as they
    /// offered.
    fn sends(&self) -> Arc<[Codec]> {
        let own = codecs(self.own);
        match self.told.filter(|told| told.audio().is_some()) {
            Some(told) => merged(&codecs(told), &own),
            None => own,
        }
    }
}

/// What the author of `session` is told about in sound; `other` is the description it got from the other side, `voice` what
/// we say to it.
pub(in crate::call) fn aim(session: &Session, other: Option<&Session>, voice: &Voice) -> Aim {
    let told = Some(session);
    let party = Party {
        own: session,
        told: other,
    };
    Aim {
        srtp: voice.protection(session),
        ..aim_at(party, other.map(|own| Party { own, told }))
    }
}

/// How the sound of a side is aimed; `across` is whoever is bridged with it, not necessarily by descriptions that passed between
/// the two.
pub(in crate::call) fn aim_at(party: Party<'_>, across: Option<Party<'_>>) -> Aim {
    let session = party.own;
    let Some(sound) = session.audio().and_then(|index| session.sound(index)) else {
        return Aim {
            rtp: None,
            rtcp: None,
            mux: false,
            sends: false,
            codecs: Arc::from([]),
            numbers: None,
            srtp: Protection::Plain,
        };
    };
    let media = session.audio().and_then(|index| session.media().get(index));
    // Both name keys under RTP/AVP: so do phones that encrypt where they can.
    let both_have_keys = || session.names_keys() && party.told.is_some_and(Session::names_keys);
    let secure = media.is_some_and(|media| media.profile.is_secure()) || both_have_keys();
    let sends = party.sends();
    // A number inside SRTP is authenticated (RFC 3711 3.1): nobody but the phones may change it.
    let across = across.filter(|_| !secure);
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Aim {
        rtp: sound.rtp.map(canonical),
        rtcp: sound.rtcp.map(canonical),
        mux: sound.mux,
        sends: sound.sends,
        numbers: across.and_then(|across| Numbers::between(&across.sends(), &sound.codecs)),
        codecs: if secure {
            sends.iter().map(Codec::encrypted).collect()
        } else {
            sends
        },
        srtp: Protection::Plain,
    }
}

/// The codecs of the audio that is relayed.
fn codecs(session: &Session) -> Arc<[Codec]> {
    session
        .audio()
        .map_or_else(|| Arc::from([]), |index| session.codecs(index))
}

/// What is kept of `session` once it is in force; `answer` names the codec.
pub(in crate::call) fn heard(session: &Session, answer: &Session) -> Heard {
    let sound = session.audio().and_then(|index| session.sound(index));
    let codecs = answer.audio().map(|index| answer.codecs(index));
    Heard {
        rtp: sound.as_ref().and_then(|sound| sound.rtp),
        listens: sound.is_some_and(|sound| sound.listens),
        codec: codecs.and_then(|codecs| codecs.iter().find(|codec| !codec.is_companion()).cloned()),
        session: session.clone(),
    }
}

/// `first`, and those of `then` whose payload types are free.
fn merged(first: &Arc<[Codec]>, then: &Arc<[Codec]>) -> Arc<[Codec]> {
    let free = |codec: &&Codec| {
        !first
            .iter()
            .any(|taken| taken.payload_type == codec.payload_type)
    };
    if then.iter().any(|codec| free(&codec)) {
        first
            .iter()
            .chain(then.iter().filter(free))
            .cloned()
            .collect()
    } else {
        Arc::clone(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_under_keys_that_are_not_ours_is_named_as_such() {
        let sdp = |profile: &str| {
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                 m=audio 4000 {profile} 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        let names = |profile: &str| {
            let codecs = aim(&sdp(profile), Some(&sdp(profile)), &Voice::new(1)).codecs;
            let names: Vec<_> = codecs.iter().map(|codec| codec.name.to_string()).collect();
            names.join(" ")
        };
        assert_eq!(names("RTP/AVP"), "PCMA TELEPHONE-EVENT");
        assert_eq!(names("RTP/SAVP"), "SRTP/PCMA SRTP/TELEPHONE-EVENT");
    }
}
