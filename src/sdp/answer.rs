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
