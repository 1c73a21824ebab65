//! Whether an answer fits its offer (RFC 3264 6).

use crate::sdp::codec::Codec;
use crate::sdp::session::{Media, Session};

/// Why an answer does not fit. The answerer is at fault; the call cannot have sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The answer uses a section beside the one audio that was offered.
    #[error("section {index} of the answer is in use and was not offered")]
    Unasked {
        /// Which, from 0.
        index: usize,
    },
    /// The sound is answered in another transport: encrypted where plain was offered, or the other way.
    #[error("the answer has another profile than the offer")]
    Profile,
    /// The answer's key is to no line that was offered: by another tag, or of another suite (RFC 4568 5.1.3).
    #[error("the answer takes none of the keys that were offered")]
    Keys,
    /// No codec of the answer was offered.
    #[error("the answer shares no codec with the offer")]
    NoCommonCodec,
}

/// Holds an answer against its offer as it was relayed, where at most one audio section is in use: the answer refuses it, or
/// takes it in the same transport with a common codec, and uses nothing else.
///
/// How many disabled lines an answer repeats is not asked: some leave them out, and the answer that passes on has the lines of
/// its own offer in any case ([`Voice::answer`](crate::sdp::Voice::answer)).
///
/// # Errors
/// The first thing that does not fit.
pub fn answer_meets(offer: &Session, answer: &Session) -> Result<(), Mismatch> {
    let (offered, answered) = (offer.audio(), answer.audio());
    for (index, media) in answer.media.iter().enumerate() {
        let asked = offered.is_some() && answered == Some(index);
        if media.port != 0 && !asked {
            return Err(Mismatch::Unasked { index });
        }
    }
    let offered = offered.and_then(|index| offer.media.get(index));
    let answered = answered.and_then(|index| answer.media.get(index));
    let (Some(offered), Some(answered)) = (offered, answered) else {
        return Ok(());
    };
    // Feedback (AVPF against AVP) is often answered wrongly and harms nobody; encryption is not a matter of taste.
    if offered.profile.is_secure() != answered.profile.is_secure() {
        return Err(Mismatch::Profile);
    }
    if !answer.echoes(Some(offer)) {
        return Err(Mismatch::Keys);
    }
    if share_codec(offered, answered) {
        Ok(())
    } else {
        Err(Mismatch::NoCommonCodec)
    }
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
        let other = Err(Mismatch::NoCommonCodec);
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
        let other = Err(Mismatch::NoCommonCodec);
        assert_eq!(
            meets("m=audio 4000 RTP/AVP 99", "m=audio 5000 RTP/AVP 98"),
            other
        );
    }

    #[test]
    fn digits_alone_are_no_conversation() {
        let offer = "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000";
        let answer = "m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000";
        assert_eq!(meets(offer, answer), Err(Mismatch::NoCommonCodec));
        assert_eq!(meets(answer, answer), Ok(()));
    }

    #[test]
    fn disabled_lines_may_be_missing_or_more() {
        let two = "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 31";
        for answer in [
            "m=audio 5000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31",
            "m=audio 5000 RTP/AVP 8",
            "m=audio 0 RTP/AVP 8\r\nm=video 0 RTP/AVP 31",
            "m=audio 5000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31\r\nm=image 0 udptl t38",
        ] {
            assert_eq!(meets(two, answer), Ok(()), "{answer}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let two = "m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31";
        let unasked = |index| Err(Mismatch::Unasked { index });
        for (answer, expected) in [
            (
                "m=video 5000 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 8",
                unasked(0),
            ),
            (
                "m=audio 5000 RTP/AVP 8\r\nm=video 5000 RTP/AVP 31",
                unasked(1),
            ),
            (
                "m=audio 5000 RTP/AVP 8\r\nm=audio 5002 RTP/AVP 8",
                unasked(1),
            ),
            ("m=image 5000 udptl t38", unasked(0)),
            (
                "m=audio 5000 RTP/SAVP 8\r\nm=video 0 RTP/AVP 31",
                Err(Mismatch::Profile),
            ),
            (
                "m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31",
                Err(Mismatch::NoCommonCodec),
            ),
        ] {
            assert_eq!(meets(two, answer), expected, "{answer}");
        }
        let off = "m=audio 0 RTP/AVP 8";
        assert_eq!(meets(off, "m=audio 5000 RTP/AVP 8"), unasked(0));
    }
}
