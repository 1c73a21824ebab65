//! Keys of SRTP in a description: `a=crypto` (RFC 4568 9.1, suites of 6.2 and of RFC 6188).
//!
//! A key is a secret: it is written into a description and shown nowhere else, [`Debug`](fmt::Debug) included.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use smallvec::SmallVec;

/// Bytes of every suite's master salt (RFC 3711 8.2: 112 bits).
pub const SALT_BYTES: usize = 14;

/// The longest master key with its salt: that of AES-256 (RFC 6188 section 2).
pub const MASTER_BYTES_MAX: usize = 32 + SALT_BYTES;

/// The longest name of a key among several in one packet (RFC 4568 6.1: the length is 1 to 128).
pub const MKI_BYTES_MAX: usize = 128;

/// The longest tag (RFC 4568 9.2: up to nine digits).
const TAG_DIGITS_MAX: usize = 9;

/// How packets are encrypted and authenticated (RFC 4568 6.2, RFC 6188 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    Aes128Sha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`
    Aes128Sha1Tag32,
    /// `AES_256_CM_HMAC_SHA1_80`
    Aes256Sha1Tag80,
    /// `AES_256_CM_HMAC_SHA1_32`
    Aes256Sha1Tag32,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Aes128Sha1Tag80,
        Self::Aes256Sha1Tag80,
        Self::Aes128Sha1Tag32,
        Self::Aes256Sha1Tag32,
    ];

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256Sha1Tag80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256Sha1Tag32 => "AES_256_CM_HMAC_SHA1_32",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Sha1Tag80 | Self::Aes128Sha1Tag32 => 16,
            Self::Aes256Sha1Tag80 | Self::Aes256Sha1Tag32 => 32,
        }
    }

    /// Bytes of the authentication tag of an RTP packet. That of RTCP is always the long one (RFC 4568 6.2).
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128Sha1Tag80 | Self::Aes256Sha1Tag80 => 10,
            Self::Aes128Sha1Tag32 | Self::Aes256Sha1Tag32 => 4,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A master key with its salt, for packets of one sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    suite: Suite,
    /// Key and salt as `inline:` has them; zeros behind them.
    bytes: [u8; MASTER_BYTES_MAX],
    /// What names the key in each packet, where something does.
    mki: SmallVec<[u8; 4]>,
}

impl Key {
    /// Takes the first bytes of `chance` for key and salt.
    pub fn new(suite: Suite, chance: &[u8; MASTER_BYTES_MAX]) -> Self {
        let length = suite.key_bytes() + SALT_BYTES;
        let mut bytes = *chance;
        if let Some(rest) = bytes.get_mut(length..) {
            rest.fill(0);
        }
        Self {
            suite,
            bytes,
            mki: SmallVec::new(),
        }
    }

    /// Its suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The master key.
    pub fn master(&self) -> &[u8] {
        self.inline()
            .get(..self.suite.key_bytes())
            .unwrap_or_default()
    }

    /// The master salt.
    pub fn salt(&self) -> [u8; SALT_BYTES] {
        let salt = self.inline().last_chunk::<SALT_BYTES>();
        salt.copied().unwrap_or_default()
    }

    /// What names it in each packet; empty: nothing does.
    pub fn mki(&self) -> &[u8] {
        &self.mki
    }

    /// Key and salt together.
    fn inline(&self) -> &[u8] {
        let length = self.suite.key_bytes() + SALT_BYTES;
        self.bytes.get(..length).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

/// One `a=crypto` that we can speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// What an answer names it by.
    pub tag: u32,
    /// What its author encrypts with.
    pub key: Key,
}

impl Crypto {
    /// Reads the value of `a=crypto:`. `None`: it is none, or it asks for what we do not do: another suite, several keys,
    /// plain packets among them, a rate of deriving keys. Whoever offers that is answered by another line or not at all
    /// (RFC 4568 6.3.7).
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut words = value
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let tag = read_number::<u32>(words.next()?, TAG_DIGITS_MAX)?;
        let suite = Suite::from_name(words.next()?)?;
        let key = read_key(suite, words.next()?)?;
        // A hint of how far packets may be out of order (6.3.6) asks for nothing.
        let known = |word: &[u8]| strip(word, b"WSH=").is_some() || word.starts_with(b"-");
        words.all(known).then_some(Self { tag, key })
    }

    /// Writes the value of `a=crypto:`.
    pub fn write(&self) -> String {
        let Self { tag, key } = self;
        format!("{tag} {} inline:{}", key.suite, BASE64.encode(key.inline()))
    }
}

/// Reads `inline:KEY`, `inline:KEY|2^20`, `inline:KEY|2^20|1:4` or `inline:KEY|1:4`.
fn read_key(suite: Suite, text: &[u8]) -> Option<Key> {
    let text = strip(text, b"inline:")?;
    // A second key would need its packets to be told apart.
    let text = text.strip_suffix(b";").unwrap_or(text);
    let mut parts = text.split(|b| *b == b'|');
    let inline = decode(parts.next()?)?;
    if inline.len() != suite.key_bytes() + SALT_BYTES {
        return None;
    }
    let mut bytes = [0; MASTER_BYTES_MAX];
    bytes.get_mut(..inline.len())?.copy_from_slice(&inline);
    let mut mki = SmallVec::new();
    for part in parts {
        match part.iter().position(|b| *b == b':') {
            Some(colon) => mki = read_mki(part.get(..colon)?, part.get(colon + 1..)?)?,
            // How many packets it is for: more than any call has, or a matter for whoever offered it to renew.
            None => read_lifetime(part)?,
        }
    }
    Some(Key { suite, bytes, mki })
}

/// Padding is asked for (RFC 4568 6.1) and sometimes left out.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|b| *b != b'=').map_or(0, |at| at + 1);
    BASE64_NOPAD.decode(text.get(..end)?).ok()
}

/// A number of so many bytes, as it stands in each packet.
fn read_mki(value: &[u8], bytes: &[u8]) -> Option<SmallVec<[u8; 4]>> {
    let bytes = read_number::<usize>(bytes, 3)?;
    let value = read_number::<u128>(value, 38)?.to_be_bytes();
    if !(1..=MKI_BYTES_MAX).contains(&bytes) {
        return None;
    }
    let lead = bytes.saturating_sub(value.len());
    let (more, kept) = value.split_at_checked(value.len() + lead - bytes)?;
    let mut mki = SmallVec::from_elem(0, lead);
    mki.extend_from_slice(kept);
    more.iter().all(|byte| *byte == 0).then_some(mki)
}

/// `2^31` or a number.
fn read_lifetime(text: &[u8]) -> Option<()> {
    let digits = text.strip_prefix(b"2^").unwrap_or(text);
    read_number::<u64>(digits, 15).map(|_| ())
}

/// Reads a number of digits only.
fn read_number<T: std::str::FromStr>(text: &[u8], digits_max: usize) -> Option<T> {
    let fits = (1..=digits_max).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
    text.parse().ok()
}

fn strip<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INLINE: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn read(text: &str) -> Option<Crypto> {
        Crypto::read(text.as_bytes())
    }

    #[test]
    fn the_line_of_the_rfc_is_read_and_written() {
        let crypto = read(&format!(
            "1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|2^20|1:4"
        ))
        .unwrap();
        assert_eq!(
            (crypto.tag, crypto.key.suite()),
            (1, Suite::Aes128Sha1Tag80)
        );
        assert_eq!(crypto.key.master(), b"wDfvg&T+)xG7@fb5");
        assert_eq!(&crypto.key.salt(), b"jU,RaA}\\|p0%*#");
        assert_eq!(crypto.key.mki(), [0, 0, 0, 1]);
        assert_eq!(
            crypto.write(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}")
        );
    }

    #[test]
    fn what_phones_write_in_their_own_ways_is_read() {
        for text in [
            format!("2 aes_cm_128_hmac_sha1_32 INLINE:{INLINE}"),
            format!("999999999 AES_CM_128_HMAC_SHA1_80  inline:{INLINE}|2^48;"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1048576|3:1 WSH=128 -vendor=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|255:1"),
        ] {
            assert!(read(&text).is_some(), "{text}");
        }
        let key = BASE64.encode(&[7; 46]);
        let bare = key.trim_end_matches('=');
        assert_ne!(bare, key);
        for key in [&key, bare] {
            let crypto = read(&format!("1 AES_256_CM_HMAC_SHA1_80 inline:{key}")).unwrap();
            assert_eq!(
                (crypto.key.master(), crypto.key.salt()),
                (&[7; 32][..], [7; 14])
            );
        }
    }

    #[test]
    fn a_line_that_asks_for_more_than_we_do_is_none() {
        for text in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            &format!("x AES_CM_128_HMAC_SHA1_80 inline:{INLINE}"),
            &format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}"),
            &format!("1 F8_128_HMAC_SHA1_80 inline:{INLINE}"),
            &format!("1 AEAD_AES_128_GCM inline:{INLINE}"),
            &format!("1 AES_256_CM_HMAC_SHA1_80 inline:{INLINE}"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 uri:{INLINE}"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1:4;inline:{INLINE}|2:4"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|256:1"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1:129"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|1:0"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}|soon"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} UNENCRYPTED_SRTP"),
            &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE} KDR=10"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo",
            "1 AES_CM_128_HMAC_SHA1_80 inline:!0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let crypto = read(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}")).unwrap();
        let shown = format!("{crypto:?} {:#?}", crypto.key);
        assert!(shown.contains("Aes128Sha1Tag80"), "{shown}");
        assert!(!shown.contains("119") && !shown.contains(INLINE), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(
            tag in 0u32..=999_999_999, suite in 0usize..4, chance: [[u8; 23]; 2],
        ) {
            let mut bytes = [0; MASTER_BYTES_MAX];
            bytes.copy_from_slice(&chance.concat());
            let crypto = Crypto { tag, key: Key::new(Suite::ALL[suite], &bytes) };
            prop_assert_eq!(Crypto::read(crypto.write().as_bytes()), Some(crypto));
        }

        #[test]
        fn any_line_is_read_without_harm(text in "[ -~]{0,80}", tail in "[0-9:|;=^A-Za-z ]{0,60}") {
            let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}{tail}");
            for text in [text, line] {
                if let Some(crypto) = Crypto::read(text.as_bytes()) {
                    prop_assert!(crypto.key.mki().len() <= MKI_BYTES_MAX);
                }
            }
        }
    }
}
