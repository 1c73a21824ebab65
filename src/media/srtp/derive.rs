//! Session keys from a master key (RFC 3711 4.3, RFC 6188 section 2), and what makes tags with them (RFC 3711 4.2.1).
//!
//! Keys are derived once: a description that asks for more is not accepted (a key derivation rate of zero).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::media::srtp::cipher::{Cipher, iv};
use crate::sdp::Key;

/// RFC 3711 8.2
pub(in crate::media::srtp) const SALT_BYTES: usize = crate::sdp::keys::SALT_BYTES;

/// Bytes of the key that makes tags (RFC 3711 8.2: 160 bits).
const AUTH_BYTES: usize = 20;

/// The longest key of a cipher.
const KEY_BYTES_MAX: usize = 32;

/// What RTP, or RTCP, is protected with.
pub(in crate::media::srtp) struct Keys {
    cipher: Cipher,
    auth: Hmac<Sha1>,
    salt: [u8; SALT_BYTES],
}

/// What the keys are for: the labels of 4.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::srtp) enum Purpose {
    Rtp,
    Rtcp,
}

impl Purpose {
    const fn labels(self) -> [u8; 3] {
        match self {
            Self::Rtp => [0, 1, 2],
            Self::Rtcp => [3, 4, 5],
        }
    }
}

impl Keys {
    pub(in crate::media::srtp) fn derive(master: &Key, purpose: Purpose) -> Option<Self> {
        let prf = Cipher::new(master.master())?;
        let [to_encrypt, to_authenticate, to_salt] = purpose.labels();
        let stream = |label: u8, out: &mut [u8]| {
            // The label stands above the 48 bits of an index that is zero.
            let start = iv(&master.salt(), 0, u64::from(label) << 48);
            prf.apply(&start, out);
        };
        let mut key = [0; KEY_BYTES_MAX];
        let key = key.get_mut(..master.master().len())?;
        stream(to_encrypt, key);
        let mut auth = [0; AUTH_BYTES];
        stream(to_authenticate, &mut auth);
        let mut salt = [0; SALT_BYTES];
        stream(to_salt, &mut salt);
        Some(Self {
            cipher: Cipher::new(key)?,
            auth: Hmac::new_from_slice(&auth).ok()?,
            salt,
        })
    }

    /// Encrypts or decrypts.
    pub(in crate::media::srtp) fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        self.cipher.apply(&iv(&self.salt, ssrc, index), data);
    }

    /// Returns the tag of a packet and, for RTP, of how often its numbers have wrapped.
    pub(in crate::media::srtp) fn tag(
        &self,
        packet: &[u8],
        rollover: Option<u32>,
    ) -> [u8; AUTH_BYTES] {
        let mut auth = self.auth.clone();
        auth.update(packet);
        if let Some(rollover) = rollover {
            auth.update(&rollover.to_be_bytes());
        }
        auth.finalize().into_bytes().into()
    }

    /// Whether a tag that came, which may be cut short, is right.
    pub(in crate::media::srtp) fn proves(
        &self,
        packet: &[u8],
        rollover: Option<u32>,
        tag: &[u8],
    ) -> bool {
        let right = self.tag(packet, rollover);
        let right = right.get(..tag.len()).unwrap_or_default();
        !tag.is_empty() && bool::from(right.ct_eq(tag))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Suite;
    use crate::sdp::keys::MASTER_BYTES_MAX;

    fn master(suite: Suite, key: &str, salt: &str) -> Key {
        let bytes = hex::decode(format!("{key}{salt}")).unwrap();
        let mut chance = [0; MASTER_BYTES_MAX];
        chance[..bytes.len()].copy_from_slice(&bytes);
        Key::new(suite, &chance)
    }

    /// RFC 3711 B.3 and RFC 6188 7.2: cipher key, salt, authentication key.
    #[test]
    fn the_keys_of_the_rfcs_come_out() {
        let short = master(
            Suite::Aes128Sha1Tag80,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
        );
        let long = master(
            Suite::Aes256Sha1Tag80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
        );
        for (master, key, salt, auth) in [
            (
                short,
                "c61e7a93744f39ee10734afe3ff7a087",
                "30cbbc08863d8c85d49db34a9ae1",
                "cebe321f6ff7716b6fd4ab49af256a156d38baa4",
            ),
            (
                long,
                "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
                "fa31791685ca444a9e07c6c64e93",
                "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
            ),
        ] {
            let keys = Keys::derive(&master, Purpose::Rtp).unwrap();
            assert_eq!(hex::encode(keys.salt), salt);
            // The keys themselves cannot be read back: what they do is compared.
            let (mut one, mut other) = ([0; 64], [0; 64]);
            keys.cipher.apply(&[9; 16], &mut one);
            Cipher::new(&hex::decode(key).unwrap())
                .unwrap()
                .apply(&[9; 16], &mut other);
            assert_eq!(one, other);
            let mut hmac = Hmac::<Sha1>::new_from_slice(&hex::decode(auth).unwrap()).unwrap();
            hmac.update(b"packet");
            hmac.update(&7_u32.to_be_bytes());
            let expected: [u8; AUTH_BYTES] = hmac.finalize().into_bytes().into();
            assert_eq!(keys.tag(b"packet", Some(7)), expected);
        }
    }

    #[test]
    fn a_tag_proves_only_what_it_was_made_of() {
        let master = master(Suite::Aes128Sha1Tag32, &"11".repeat(16), &"22".repeat(14));
        let keys = Keys::derive(&master, Purpose::Rtp).unwrap();
        let tag = keys.tag(b"abc", Some(1));
        assert!(keys.proves(b"abc", Some(1), &tag) && keys.proves(b"abc", Some(1), &tag[..4]));
        assert!(!keys.proves(b"abc", Some(2), &tag));
        assert!(!keys.proves(b"abd", Some(1), &tag[..4]));
        assert!(!keys.proves(b"abc", None, &tag));
        assert!(!keys.proves(b"abc", Some(1), &[]));
        let rtcp = Keys::derive(&master, Purpose::Rtcp).unwrap();
        assert!(!rtcp.proves(b"abc", Some(1), &tag));
    }

    #[test]
    fn no_key_is_shown() {
        let master = master(Suite::Aes128Sha1Tag80, &"11".repeat(16), &"22".repeat(14));
        let shown = format!("{:?}", Keys::derive(&master, Purpose::Rtp).unwrap());
        assert_eq!(shown, "Keys { .. }");
    }
}
