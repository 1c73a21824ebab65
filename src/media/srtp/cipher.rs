//! AES in counter mode, as SRTP uses it (RFC 3711 4.1.1, RFC 6188 section 2). The one file that speaks to aes and ctr.

use std::fmt;

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128Enc, Aes256Enc};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;

use crate::media::srtp::derive::SALT_BYTES;

/// A key made ready.
pub(in crate::media::srtp) enum Cipher {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
}

impl Cipher {
    /// `None`: a key of that length belongs to no suite.
    pub(in crate::media::srtp) fn new(key: &[u8]) -> Option<Self> {
        if let Ok(cipher) = Aes128Enc::new_from_slice(key) {
            Some(Self::Aes128(cipher))
        } else {
            Aes256Enc::new_from_slice(key).ok().map(Self::Aes256)
        }
    }

    /// Combines the data with the key stream that begins at `iv`.
    pub(in crate::media::srtp) fn apply(&self, iv: &[u8; 16], data: &mut [u8]) {
        match self {
            Self::Aes128(aes) => apply(aes, iv, data),
            Self::Aes256(aes) => apply(aes, iv, data),
        }
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher").finish_non_exhaustive()
    }
}

fn apply<A: BlockCipherEncrypt<BlockSize = U16>>(aes: &A, iv: &[u8; 16], data: &mut [u8]) {
    // The counter is the last 16 bits and begins at zero: no packet is long enough to carry into what stands before them.
    CtrCore::<_, Ctr128BE>::inner_iv_init(aes, iv.into()).apply_keystream_partial(data.into());
}

/// Where the key stream of a packet begins: the salt with the source above the last 64 bits and the index above the last 16
/// (RFC 3711 4.1.1).
pub(in crate::media::srtp) fn iv(salt: &[u8; SALT_BYTES], ssrc: u32, index: u64) -> [u8; 16] {
    let mut padded = [0; 16];
    for (place, byte) in padded.iter_mut().zip(salt) {
        *place = *byte;
    }
    let mixed = u128::from_be_bytes(padded) ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
    mixed.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// RFC 3711 B.2: the stream of 0xff02 blocks, at its beginning and at its end.
    #[test]
    fn the_key_stream_of_rfc_3711_comes_out() {
        let cipher = Cipher::new(&hex::<16>("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
        let salt = hex::<14>("f0f1f2f3f4f5f6f7f8f9fafbfcfd");
        let iv = iv(&salt, 0, 0);
        assert_eq!(iv, hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"));
        let mut stream = vec![0; 0xff02 * 16];
        cipher.apply(&iv, &mut stream);
        for (block, expected) in [
            (0x0000, "e03ead0935c95e80e166b16dd92b4eb4"),
            (0x0001, "d23513162b02d0f72a43a2fe4a5f97ab"),
            (0x0002, "41e95b3bb0a2e8dd477901e4fca894c0"),
            (0xfeff, "ec8cdf7398607cb0f2d21675ea9ea1e4"),
            (0xff00, "362b7c3c6773516318a077d7fc5073ae"),
            (0xff01, "6a2cc3787889374fbeb4c81b17ba6c44"),
        ] {
            assert_eq!(
                hex::encode(&stream[block * 16..][..16]),
                expected,
                "{block:x}"
            );
        }
    }

    /// RFC 6188 7.1.
    #[test]
    fn the_key_stream_of_rfc_6188_comes_out() {
        let key = hex::<32>("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98");
        let cipher = Cipher::new(&key).unwrap();
        let mut stream = [0; 48];
        cipher.apply(&hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), &mut stream);
        let expected = "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31";
        assert_eq!(hex::encode(stream), expected);
    }

    #[test]
    fn source_and_index_stand_in_their_places() {
        let made = iv(&[0; 14], 0x0102_0304, 0x0a0b_0c0d_0e0f);
        assert_eq!(hex::encode(made), "00000000010203040a0b0c0d0e0f0000");
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        for length in [0, 15, 24, 33] {
            assert!(Cipher::new(&vec![0; length]).is_none(), "{length}");
        }
    }
}
