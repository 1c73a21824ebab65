//! SRTP with keys of our own on one leg (RFC 4568): the keys are taken out of what its peer says (`shield/opened.rs`), so that
//! the house reads and passes on plain descriptions, and put into what we say to it (`shield/seal.rs`).
//!
//! RFC 4568 knows no "where possible". The field does it with `a=crypto` under RTP/AVP, which whoever does not know it takes
//! for a plain offer; what is required is offered under RTP/SAVP.

mod opened;
mod seal;
#[cfg(test)]
mod tests;

pub(in crate::sdp) use crate::sdp::shield::opened::Keys;
pub(in crate::sdp) use crate::sdp::shield::seal::Seal;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::sound::Srtp;
use crate::sdp::keys::{Crypto, Key, MASTER_BYTES_MAX, Suite};
use crate::sdp::session::Session;
use crate::sdp::shield::opened::keys_of;

/// Bytes of chance that a leg's keys come from.
pub const SEED_BYTES: usize = 32;

/// What a leg's packets are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// What we encrypt with.
    pub ours: Key,
    /// What the peer encrypts with.
    pub theirs: Key,
}

/// How a leg's packets are protected, by what its peer said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Not by us: they pass as they are.
    #[default]
    Plain,
    /// With these keys; nothing plain is believed.
    Keys(Box<Secrets>),
    /// Its sound is disabled: what was agreed on before stays in force, and where nothing was, nothing plain is believed.
    Kept,
}

/// Our side of the keys on one leg, over the life of its dialog.
#[derive(Clone)]
pub struct Shield {
    /// Our offers say SAVP: it is required, or the peer speaks so.
    secure: bool,
    seed: [u8; SEED_BYTES],
    /// Which of our keys is in use: another one follows a peer that takes another.
    generation: u32,
    /// The one that was in use when both agreed last.
    settled: u32,
    /// The peer's key when we answered it last.
    theirs: Option<Key>,
}

impl Shield {
    /// Begins a dialog's keys; `None`: there are none.
    pub fn new(srtp: Srtp, seed: impl FnOnce() -> [u8; SEED_BYTES]) -> Option<Self> {
        let secure = match srtp {
            Srtp::Off => return None,
            Srtp::Preferred => false,
            Srtp::Required => true,
        };
        Some(Self {
            secure,
            seed: seed(),
            generation: 0,
            settled: 0,
            theirs: None,
        })
    }

    /// The keys under the description `said` of the peer: offered to us and answered, or its answer. `None`: plain.
    pub(in crate::sdp) fn secrets(&self, said: &Session) -> Option<Secrets> {
        let chosen = keys_of(said)?.list.first()?;
        Some(Secrets {
            ours: self.key(chosen.key.suite()),
            theirs: chosen.key.clone(),
        })
    }

    /// How its packets are protected under that description.
    pub(in crate::sdp) fn protection(&self, said: &Session) -> Protection {
        match self.secrets(said) {
            Some(secrets) => Protection::Keys(Box::new(secrets)),
            None if said.audio().is_some() => Protection::Plain,
            None => Protection::Kept,
        }
    }

    /// Every suite, since any of them may be answered.
    pub(in crate::sdp) fn offer(&self) -> Seal {
        let lines = offered().map(|(tag, suite)| {
            let key = self.key(suite);
            Crypto { tag, key }.write()
        });
        Seal {
            secure: self.secure,
            lines: lines.collect(),
        }
    }

    /// The first line of an offer that we can speak, as its author prefers them. `None`: it has no keys.
    pub(in crate::sdp) fn answer(&mut self, offer: &Session) -> Option<Seal> {
        let keys = keys_of(offer)?;
        let chosen = keys.list.first()?;
        self.secure |= keys.secure;
        // A peer that begins anew with a key of its own forgets how far ours had come (RFC 3711 3.2.3): so it gets another.
        if self
            .theirs
            .as_ref()
            .is_some_and(|known| *known != chosen.key)
        {
            self.renew();
        }
        self.theirs = Some(chosen.key.clone());
        let answer = Crypto {
            tag: chosen.tag,
            key: self.key(chosen.key.suite()),
        };
        Some(Seal {
            secure: keys.secure,
            lines: vec![answer.write()],
        })
    }

    /// Takes another key: what was counted under the former one is lost.
    pub(in crate::sdp) const fn renew(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// What was said last is in force.
    pub(in crate::sdp) const fn settle(&mut self) {
        self.settled = self.generation;
    }

    /// What was in force is said again.
    pub(in crate::sdp) const fn revert(&mut self) {
        self.generation = self.settled;
    }

    fn key(&self, suite: Suite) -> Key {
        let mut chance = [0; MASTER_BYTES_MAX];
        for (block, place) in (0_u8..).zip(chance.chunks_mut(SEED_BYTES)) {
            let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(&self.seed) else {
                continue;
            };
            hash.update(&self.generation.to_be_bytes());
            hash.update(&[block]);
            hash.update(suite.name().as_bytes());
            let bytes = hash.finalize().into_bytes();
            for (place, byte) in place.iter_mut().zip(bytes) {
                *place = byte;
            }
        }
        Key::new(suite, &chance)
    }
}

impl std::fmt::Debug for Shield {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shield")
            .field("secure", &self.secure)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// The tags of our offers, and the suites that they stand for.
fn offered() -> impl Iterator<Item = (u32, Suite)> {
    (1..).zip(Suite::ALL)
}
