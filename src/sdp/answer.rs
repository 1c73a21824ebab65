//! Whether an answer fits its offer (RFC 3264 6).

use crate::sdp::codec::Codec;
use crate::sdp::session::{Media, Session};

/// Why an answer does not fit. The answerer is at fault; the call cannot have sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// RFC 3264 6: the answer has as many `m=` lines as the offer.
    #[error("the answer has {answered} m= lines, the offer {offered}")]
    Count {
        /// In the offer.
        offered: usize,
        /// In the answer.
        answered: usize,
    },
    /// A section answers another kind of media.
    #[error("section {index} of the answer is of another kind than offered")]
    Kind {
        /// Which, from 0.
        index: usize,
    },
    /// A section is answered in another transport: encrypted where plain was offered, or the other way.
    #[error("section {index} of the answer has another profile than offered")]
    Profile {
        /// Which, from 0.
        index: usize,
    },
    /// A section that was refused in the offer is used in the answer.
    #[error("section {index} of the answer uses what the offer disabled")]
    Revived {
        /// Which, from 0.
        index: usize,
    },
    /// No codec of the answer was offered.
    #[error("section {index} of the answer shares no codec with the offer")]
    NoCommonCodec {
        /// Which, from 0.
        index: usize,
    },
}

/// Holds an answer against its offer: as many sections, of the same kinds, each refused (port 0) or with a common codec.
///
/// # Errors
/// The first thing that does not fit.
pub fn answer_meets(offer: &Session, answer: &Session) -> Result<(), Mismatch> {
    let (offered, answered) = (offer.media.len(), answer.media.len());
    if offered != answered {
        return Err(Mismatch::Count { offered, answered });
    }
    for (index, (offered, answered)) in offer.media.iter().zip(&answer.media).enumerate() {
        if offered.kind != answered.kind {
            return Err(Mismatch::Kind { index });
        }
        if answered.port == 0 {
            continue;
        }
        if offered.port == 0 {
            return Err(Mismatch::Revived { index });
        }
        // Feedback (AVPF against AVP) is often answered wrongly and harms nobody; encryption is not a matter of taste.
        if offered.profile.is_rtp() != answered.profile.is_rtp()
            || offered.profile.is_secure() != answered.profile.is_secure()
        {
            return Err(Mismatch::Profile { index });
        }
        if offered.profile.is_rtp() && !share_codec(offered, answered) {
            return Err(Mismatch::NoCommonCodec { index });
        }
    }
    Ok(())
}

/// A codec both name, under whatever payload type (RFC 3264 6.1 lets the answer number them anew), or a payload type that
/// neither explains. Digits and comfort noise alone are no conversation, unless nothing else was offered.
fn share_codec(offered: &Media, answered: &Media) -> bool {
    let named = |codecs: &[Codec], payload_type: &u8| {
        codecs
            .iter()
            .any(|codec| codec.payload_type == *payload_type)
    };
    let speech_offered = offered.codecs.iter().any(|codec| !codec.is_companion())
        || offered
            .formats
            .iter()
            .any(|format| !named(&offered.codecs, format));
    let same = answered.codecs.iter().any(|codec| {
        (!speech_offered || !codec.is_companion())
            && offered
                .codecs
                .iter()
                .any(|other| codec.is_same_encoding(other))
    });
    let unnamed = answered.formats.iter().any(|format| {
        offered.formats.contains(format)
            && !(named(&answered.codecs, format) && named(&offered.codecs, format))
    });
    same || unnamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse::parse;

    fn with(media: &str) -> Session {
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
        parse(format!("{head}{media}\r\n").as_bytes()).unwrap()
    }

    fn meets(offer: &str, answer: &str) -> Result<(), Mismatch> {
        answer_meets(&with(offer), &with(answer))
    }

    #[test]
    fn an_answer_with_a_common_codec_meets() {
        let offer = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000";
        assert_eq!(meets(offer, "m=audio 5000 RTP/AVP 8"), Ok(()));
        assert_eq!(meets(offer, "m=audio 0 RTP/AVP 0"), Ok(()));
        assert_eq!(meets(offer, "m=audio 5000 RTP/AVPF 0"), Ok(()));
    }

    #[test]
    fn a_codec_under_another_payload_type_meets() {
        let offer = "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2";
        assert_eq!(
            meets(
                offer,
                "m=audio 5000 RTP/AVP 111\r\na=rtpmap:111 OPUS/48000/2"
            ),
            Ok(())
        );
        let other = Err(Mismatch::NoCommonCodec { index: 0 });
        assert_eq!(
            meets(offer, "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 speex/8000"),
            other
        );
    }

    #[test]
    fn a_payload_type_that_nobody_explains_meets_itself() {
        assert_eq!(
            meets("m=audio 4000 RTP/AVP 99", "m=audio 5000 RTP/AVP 99"),
            Ok(())
        );
        let other = Err(Mismatch::NoCommonCodec { index: 0 });
        assert_eq!(
            meets("m=audio 4000 RTP/AVP 99", "m=audio 5000 RTP/AVP 98"),
            other
        );
    }

    #[test]
    fn digits_alone_are_no_conversation() {
        let offer = "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000";
        let answer = "m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000";
        assert_eq!(
            meets(offer, answer),
            Err(Mismatch::NoCommonCodec { index: 0 })
        );
        assert_eq!(meets(answer, answer), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let two = "m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31";
        assert_eq!(
            meets(two, "m=audio 5000 RTP/AVP 8"),
            Err(Mismatch::Count {
                offered: 2,
                answered: 1
            })
        );
        assert_eq!(
            meets(two, "m=video 5000 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 8"),
            Err(Mismatch::Kind { index: 0 })
        );
        assert_eq!(
            meets(two, "m=audio 5000 RTP/AVP 8\r\nm=video 5000 RTP/AVP 31"),
            Err(Mismatch::Revived { index: 1 })
        );
        assert_eq!(
            meets(two, "m=audio 5000 RTP/SAVP 8\r\nm=video 0 RTP/AVP 31"),
            Err(Mismatch::Profile { index: 0 })
        );
        assert_eq!(
            meets(two, "m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31"),
            Err(Mismatch::NoCommonCodec { index: 0 })
        );
    }
}
