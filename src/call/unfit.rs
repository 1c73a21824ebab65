//! Why a description cannot be served, as the 488 says it (RFC 3261 13.3.1.3, 20.43).

use crate::call::hands::Answer;
use crate::sdp::{Kind, Mismatch, Session};
use crate::sip::header::Name;

/// What two sides do not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Unfit {
    /// The address of the sound is a name, a group, or of another network.
    Address,
    /// The sound is not RTP as it can be relayed.
    Transport,
    /// There is no sound: a fax or a picture alone.
    Media,
    /// No codec is common.
    Format,
    /// It is plain where SRTP is required, or encrypted with no key that we can use.
    Keys,
}

impl Unfit {
    /// What makes an offer one that cannot be relayed. `None`: it can, or it disables everything, which is a kind of hold.
    ///
    /// A fax that wants to go on as T.38 alone (its re-INVITE replaces the sound) is such an offer: refused, it goes on in G.711,
    /// while a 200 that disables the line would leave the call without any sound.
    pub(in crate::call) fn of(offer: &Session) -> Option<Self> {
        if offer.audio().is_some() {
            return None;
        }
        let used = || offer.media().iter().filter(|media| media.port != 0);
        match used().find(|media| media.kind == Kind::Audio) {
            Some(media) if media.is_barred() => Some(Self::Keys),
            Some(media) if media.profile.is_rtp() => Some(Self::Address),
            Some(_) => Some(Self::Transport),
            None => used().next().map(|_| Self::Media),
        }
    }

    /// The value of Warning, by the table of 20.43.
    const fn warning(self) -> &'static str {
        match self {
            Self::Address => "301 ringtag \"Incompatible network address formats\"",
            Self::Transport => "302 ringtag \"Incompatible transport protocol\"",
            Self::Media => "304 ringtag \"Media type not available\"",
            Self::Keys => {
                "302 ringtag \"Incompatible transport protocol: SRTP with a key in the SDP is needed\""
            }
            Self::Format => "305 ringtag \"Incompatible media format\"",
        }
    }
}

impl From<Mismatch> for Unfit {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Unasked { .. } => Self::Media,
            Mismatch::Profile => Self::Transport,
            Mismatch::Keys => Self::Keys,
            Mismatch::NoCommonCodec => Self::Format,
        }
    }
}

impl Answer {
    /// 488 with the reason.
    pub(in crate::call) fn unfit(why: Unfit) -> Self {
        Self::status(488).warning(why)
    }

    /// Adds what does not fit.
    #[must_use]
    pub(in crate::call) fn warning(self, why: Unfit) -> Self {
        self.header(Name::Warning, why.warning())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse;

    #[test]
    fn what_cannot_be_relayed_has_its_reason() {
        for (media, why) in [
            ("m=audio 4000 RTP/AVP 8\r\n", None),
            ("m=audio 0 RTP/AVP 8\r\n", None),
            ("m=image 0 udptl t38\r\nm=audio 0 RTP/AVP 8\r\n", None),
            ("m=image 4000 udptl t38\r\n", Some(Unfit::Media)),
            (
                "m=audio 0 RTP/AVP 8\r\nm=image 4000 udptl t38\r\n",
                Some(Unfit::Media),
            ),
            (
                "m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n",
                Some(Unfit::Transport),
            ),
            (
                "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example.com\r\n",
                Some(Unfit::Address),
            ),
            ("", None),
        ] {
            let text = format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\n{media}");
            assert_eq!(Unfit::of(&parse(text.as_bytes()).unwrap()), why, "{media}");
        }
    }
}
