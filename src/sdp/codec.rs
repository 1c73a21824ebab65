//! What RTP payload types mean: the static types of RFC 3551, and `a=rtpmap` (RFC 8866 6.6).

use std::sync::Arc;

/// One payload type of an audio stream (RFC 8866 6.6, RFC 3551 6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Codec {
    /// RTP payload type, 0-127.
    pub payload_type: u8,
    /// Encoding name in upper case: `PCMA`, `TELEPHONE-EVENT`.
    pub name: Arc<str>,
    /// RTP clock rate.
    pub clock_hz: u32,
    /// Channels; 1 unless the rtpmap says more.
    pub channels: u8,
}

/// The highest RTP payload type (RFC 3550 5.1: seven bits).
pub const PAYLOAD_TYPE_MAX: u8 = 127;

/// The longest encoding name taken. The longest registered one, `vnd.` forms included, has half as many letters.
pub const NAME_MAX: usize = 64;

/// What stands before the name of a codec whose packets are SRTP.
const SRTP: &str = "SRTP/";

impl Codec {
    /// Reads the value of `a=rtpmap:`, such as `111 opus/48000/2`. `None`: it is none.
    pub fn from_rtpmap(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (payload_type, encoding) = text.trim().split_once([' ', '\t'])?;
        let payload_type = payload_type.parse().ok()?;
        let mut parts = encoding.trim().split('/');
        let name = parts.next().filter(|name| is_name(name))?;
        let clock_hz = parts.next()?.parse().ok().filter(|hz| *hz > 0)?;
        // A third part that is no number is a parameter of somebody's own; the stream is then mono as without it.
        let channels = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
        (payload_type <= PAYLOAD_TYPE_MAX).then(|| Self {
            payload_type,
            name: name.to_ascii_uppercase().into(),
            clock_hz,
            channels: channels.max(1),
        })
    }

    /// Returns what a payload type means without an rtpmap (RFC 3551 6, tables 4 and 5).
    pub fn from_static(payload_type: u8) -> Option<Self> {
        let (name, clock_hz, channels) = match payload_type {
            0 => ("PCMU", 8_000, 1),
            3 => ("GSM", 8_000, 1),
            4 => ("G723", 8_000, 1),
            5 => ("DVI4", 8_000, 1),
            6 => ("DVI4", 16_000, 1),
            7 => ("LPC", 8_000, 1),
            8 => ("PCMA", 8_000, 1),
            // G.722 samples at 16 kHz and says 8000 in RTP, by an old mistake that stands (4.5.2).
            9 => ("G722", 8_000, 1),
            10 => ("L16", 44_100, 2),
            11 => ("L16", 44_100, 1),
            12 => ("QCELP", 8_000, 1),
            13 => ("CN", 8_000, 1),
            14 => ("MPA", 90_000, 1),
            15 => ("G728", 8_000, 1),
            16 => ("DVI4", 11_025, 1),
            17 => ("DVI4", 22_050, 1),
            18 => ("G729", 8_000, 1),
            25 => ("CELB", 90_000, 1),
            26 => ("JPEG", 90_000, 1),
            28 => ("NV", 90_000, 1),
            31 => ("H261", 90_000, 1),
            32 => ("MPV", 90_000, 1),
            33 => ("MP2T", 90_000, 1),
            34 => ("H263", 90_000, 1),
            _ => return None,
        };
        Some(Self {
            payload_type,
            name: name.into(),
            clock_hz,
            channels,
        })
    }

    /// Whether this is a companion of a voice codec and cannot carry a conversation itself: digits (RFC 4733),
    /// comfort noise (RFC 3389), redundancy (RFC 2198) or its parity (RFC 5109).
    pub fn is_companion(&self) -> bool {
        matches!(
            &*self.name,
            "TELEPHONE-EVENT" | "TONE" | "CN" | "RED" | "ULPFEC"
        )
    }

    /// The codec as it is named where its packets are SRTP (RFC 3711) that passes through: `SRTP/PCMA`.
    /// Only the phones have the key, so it is not what the recorder or the counting of digits can read.
    pub fn encrypted(&self) -> Self {
        Self {
            name: format!("{SRTP}{}", self.name).into(),
            ..self.clone()
        }
    }

    /// Whether this was made by [`Self::encrypted`]: no encoding name has a slash (RFC 8866 6.6).
    pub fn is_encrypted(&self) -> bool {
        self.name.starts_with(SRTP)
    }

    /// Whether both name the same encoding, under whatever payload type.
    pub fn is_same_encoding(&self, other: &Self) -> bool {
        self.name == other.name
            && self.clock_hz == other.clock_hz
            && self.channels == other.channels
    }
}

/// RFC 8866 9, `encoding-name = token`.
fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rtpmap_is_read_with_and_without_channels() {
        let opus = Codec::from_rtpmap(b"111 opus/48000/2").unwrap();
        assert_eq!((opus.payload_type, &*opus.name), (111, "OPUS"));
        assert_eq!((opus.clock_hz, opus.channels), (48_000, 2));
        let digits = Codec::from_rtpmap(b"101  telephone-event/8000").unwrap();
        assert_eq!((digits.clock_hz, digits.channels), (8_000, 1));
        assert!(digits.is_companion());
        assert!(!opus.is_encrypted() && opus.encrypted().is_encrypted());
        assert_eq!(&*opus.encrypted().name, "SRTP/OPUS");
    }

    #[test]
    fn an_rtpmap_without_a_rate_or_with_a_wrong_type_is_none() {
        for value in [
            &b"31 LPC"[..],
            b"",
            b"101",
            b"128 PCMA/8000",
            b"-1 PCMA/8000",
            b"8 PCMA/0",
            b"8 PCMA/8000000000000",
            b"8 /8000",
            b"8 PC\xffMA/8000",
        ] {
            assert_eq!(Codec::from_rtpmap(value), None, "{value:?}");
        }
    }

    #[test]
    fn static_types_are_those_of_rfc_3551() {
        let name = |n| Codec::from_static(n).map(|c| c.name.to_string());
        assert_eq!(name(0).as_deref(), Some("PCMU"));
        assert_eq!(name(8).as_deref(), Some("PCMA"));
        assert_eq!(name(18).as_deref(), Some("G729"));
        assert_eq!(name(1), None);
        assert_eq!(name(96), None);
    }
}
