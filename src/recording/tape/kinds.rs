//! What to do with the packets of one side, by their payload type: decode them, take them for silence, or name what is missing.

use std::sync::Arc;

use crate::media::codec::Law;
use crate::media::codec::Voice;
use crate::recording::gaps::Why;
use crate::recording::tape::track::What;
use crate::sdp::Codec;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sound(Voice),
    /// Digits (RFC 4733), which are silence of the right length by themselves.
    Digit,
    /// Parity (RFC 5109), which is no sound.
    Silent,
    /// Comfort noise (RFC 3389): silence of the right length, and the sign of a sender that pauses.
    Comfort,
    Undecoded,
    Encrypted,
    Unexplained,
}

/// What each payload type of one side means.
#[derive(Debug)]
pub(super) struct Kinds {
    codecs: Arc<[Codec]>,
    /// The few that mean anything; a later one of the same number counts.
    table: Box<[(u8, Kind)]>,
    /// What all others are.
    other: Kind,
}

impl Kind {
    /// Whether a sender of this may pause and say so by nothing but its sequence numbers. Of codecs that are
    /// not decoded most can (G.729 B, AMR), Opus can, and what is encrypted or unexplained may be any of them.
    pub(super) const fn may_pause(self) -> bool {
        match self {
            Self::Comfort
            | Self::Undecoded
            | Self::Encrypted
            | Self::Unexplained
            | Self::Sound(Voice::Opus) => true,
            Self::Sound(Voice::G711(_) | Voice::G722) | Self::Digit | Self::Silent => false,
        }
    }

    fn of(codec: &Codec) -> Self {
        let is = |name: &str| codec.name.eq_ignore_ascii_case(name);
        if codec.is_encrypted() {
            Self::Encrypted
        } else if let Some(voice) = Voice::of(codec) {
            Self::Sound(voice)
        } else if is("CN") {
            Self::Comfort
        } else if is("TELEPHONE-EVENT") || is("TONE") {
            Self::Digit
        } else if is("ULPFEC") {
            Self::Silent
        } else {
            Self::Undecoded
        }
    }
}

impl Kinds {
    /// Sorts the payload types: what the SDP says, and the static ones of RFC 3551 6 where it is silent,
    /// because peers send them without having said so.
    pub(super) fn new(codecs: Arc<[Codec]>) -> Self {
        let fixed = [
            (0, Kind::Sound(Voice::G711(Law::Mu))),
            (8, Kind::Sound(Voice::G711(Law::A))),
            (9, Kind::Sound(Voice::G722)),
            (13, Kind::Comfort),
        ];
        let said = codecs
            .iter()
            .map(|codec| (codec.payload_type, Kind::of(codec)));
        // One stream is encrypted whole, whatever number a packet bears.
        let (table, other) = match codecs.iter().any(Codec::is_encrypted) {
            true => (Box::default(), Kind::Encrypted),
            false => (fixed.into_iter().chain(said).collect(), Kind::Unexplained),
        };
        Self {
            codecs,
            table,
            other,
        }
    }

    /// Says what to do with a packet of a payload type.
    pub(super) fn of(&self, payload_type: u8) -> Kind {
        let mut meanings = self.table.iter().rev();
        let kind = meanings.find(|(number, _)| *number == payload_type);
        kind.map_or(self.other, |(_, kind)| *kind)
    }

    /// The voices that the side may send by what was said, the likeliest first.
    pub(super) fn voices(&self) -> impl Iterator<Item = Voice> {
        self.codecs
            .iter()
            .filter_map(|codec| match Kind::of(codec) {
                Kind::Sound(voice) => Some(voice),
                Kind::Digit
                | Kind::Silent
                | Kind::Comfort
                | Kind::Undecoded
                | Kind::Encrypted
                | Kind::Unexplained => None,
            })
    }

    /// Says why a packet of a voice has no sound.
    pub(super) fn unfit(&self, payload_type: u8, what: What) -> Why {
        let named = self
            .codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type);
        let name = named.map_or_else(
            || Arc::from("a static type"),
            |codec| Arc::clone(&codec.name),
        );
        match what {
            What::Broken => Why::Broken(name),
            What::TooMuch => Why::TooMuch(name),
            What::GivenUp => Why::GivenUp(name),
        }
    }

    /// Whether the side said that it sends comfort noise where it pauses.
    pub(super) fn knows_comfort(&self) -> bool {
        self.codecs
            .iter()
            .any(|codec| Kind::of(codec) == Kind::Comfort)
    }

    /// Says why a packet of a payload type whose codec is not decoded is missing.
    pub(super) fn undecoded(&self, payload_type: u8) -> Why {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type)
            .map_or(Why::Unexplained(payload_type), |codec| {
                Why::Codec(Arc::clone(&codec.name))
            })
    }
}
