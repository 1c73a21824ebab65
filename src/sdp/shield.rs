//! SRTP with keys of our own on one leg (RFC 4568): the keys are taken out of what its peer says, so that the house reads and
//! passes on plain descriptions, and put into what we say to it.
//!
//! RFC 4568 knows no "where possible". The field does it with `a=crypto` under RTP/AVP, which whoever does not know it takes
//! for a plain offer; what is required is offered under RTP/SAVP.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::sound::Srtp;
use crate::sdp::keys::{Crypto, Key, MASTER_BYTES_MAX, Suite};
use crate::sdp::parse::{cut, parse};
use crate::sdp::session::{Kind, Media, Session};

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

/// The keys of a section as its author named them.
#[derive(Clone, Debug)]
pub(in crate::sdp) struct Keys {
    /// They stood under SAVP or SAVPF.
    secure: bool,
    /// Those that we can speak, in their order; one at least.
    list: Vec<Crypto>,
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

/// What makes a plain description of ours one with keys.
#[derive(Debug)]
pub(in crate::sdp) struct Seal {
    secure: bool,
    lines: Vec<String>,
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
        let lines = (1..).zip(Suite::ALL).map(|(tag, suite)| {
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

impl Seal {
    /// Puts the keys into a plain description of ours, where it has sound.
    pub(in crate::sdp) fn put(&self, plain: &Bytes) -> Bytes {
        let mut out = Vec::with_capacity(plain.len() + 128 * self.lines.len());
        let mut inside = Inside::Before;
        for line in plain.split_inclusive(|b| *b == b'\n') {
            match line.strip_prefix(b"m=") {
                Some(value) => {
                    self.end(&mut out, inside);
                    inside = match inside {
                        Inside::Before if is_sound(value) => Inside::Sound,
                        Inside::Before => Inside::Before,
                        Inside::Sound | Inside::After => Inside::After,
                    };
                    if inside == Inside::Sound && self.secure {
                        put_line(&mut out, b'm', &with_security(value.trim_ascii_end(), true));
                        continue;
                    }
                }
                // The other side's own, passed through an unencrypted leg, would name keys that are not used here.
                None if inside == Inside::Sound && line.strip_prefix(b"a=").is_some_and(is_key) => {
                    continue;
                }
                None => {}
            }
            out.extend_from_slice(line);
        }
        self.end(&mut out, inside);
        out.into()
    }

    fn end(&self, out: &mut Vec<u8>, inside: Inside) {
        if inside == Inside::Sound {
            for line in &self.lines {
                put_line(out, b'a', format!("crypto:{line}").as_bytes());
            }
        }
    }
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Before,
    Sound,
    After,
}

impl Session {
    /// This description of a leg's peer as the house reads it: the section that is relayed is plain, and its keys stand beside
    /// it. Where the trunk's SRTP cannot be had by it, no section is relayed.
    pub fn opened(self, srtp: Srtp) -> Self {
        if srtp == Srtp::Off || self.audio().is_none() {
            return self;
        }
        let all: Vec<Vec<Crypto>> = self.media.iter().map(|media| self.cryptos(media)).collect();
        let sounds = |at: usize, media: &Media| self.is_relayed(media) && all.get(at).is_some();
        let mut places = self.media.iter().enumerate();
        let keyed = places.find(|(at, media)| {
            sounds(*at, media) && all.get(*at).is_some_and(|list| !list.is_empty())
        });
        let plain = || {
            let mut places = self.media.iter().enumerate();
            places.find(|(at, media)| sounds(*at, media) && !media.profile.is_secure())
        };
        let chosen = match (keyed, srtp) {
            (Some((at, _)), _) => Some(at),
            (None, Srtp::Preferred) => plain().map(|(at, _)| at),
            (None, Srtp::Required | Srtp::Off) => None,
        };
        let keys = chosen.and_then(|at| {
            let secure = self.media.get(at)?.profile.is_secure();
            let list = all.get(at).filter(|list| !list.is_empty())?.clone();
            Some(Keys { secure, list })
        });
        let mut opened = match chosen {
            Some(at) => self.without_keys(at).unwrap_or(self),
            None => self,
        };
        for (at, media) in opened.media.iter_mut().enumerate() {
            media.barred = chosen != Some(at);
        }
        if let Some(media) = chosen.and_then(|at| opened.media.get_mut(at)) {
            media.keys = keys;
        }
        opened
    }

    /// Whether its sound is encrypted with keys that pass through us: ours is none of them.
    pub fn is_sealed(&self) -> bool {
        self.audio()
            .and_then(|at| self.media.get(at))
            .is_some_and(|media| media.profile.is_secure())
    }

    /// Whether keys stand in the section that is relayed, under whatever profile.
    pub fn names_keys(&self) -> bool {
        let media = self.audio().and_then(|at| self.media.get(at));
        media.is_some_and(|media| !self.cryptos(media).is_empty())
    }

    fn cryptos(&self, media: &Media) -> Vec<Crypto> {
        let lines = self.lines.get(media.lines.clone()).unwrap_or_default();
        let attributes = lines.iter().filter(|line| line.kind == b'a');
        attributes
            .filter_map(|line| {
                let (name, rest) = cut(self.value(line));
                name.eq_ignore_ascii_case(b"crypto")
                    .then(|| Crypto::read(rest))?
            })
            .collect()
    }

    /// The same without keys in that section, and without those of the whole session.
    fn without_keys(&self, at: usize) -> Option<Self> {
        let section = &self.media.get(at)?.lines;
        let head = self.media.first()?.lines.start;
        let mut out = Vec::with_capacity(self.text.len());
        for (number, line) in self.lines.iter().enumerate() {
            let ours = number < head || section.contains(&number);
            let value = self.value(line);
            match line.kind {
                b'm' if ours => put_line(&mut out, b'm', &with_security(value, false)),
                b'k' if ours => {}
                b'a' if ours && is_key(value) => {}
                kind => put_line(&mut out, kind, value),
            }
        }
        parse(&out).ok()
    }
}

fn keys_of(session: &Session) -> Option<&Keys> {
    session.media.get(session.audio()?)?.keys.as_ref()
}

/// Whether an attribute holds keys: `a=crypto`, or `a=key-mgmt` (RFC 4567), which we do not speak.
fn is_key(attribute: &[u8]) -> bool {
    let name = cut(attribute).0.trim_ascii();
    name.eq_ignore_ascii_case(b"crypto") || name.eq_ignore_ascii_case(b"key-mgmt")
}

/// Whether the value of an `m=` line of ours is of audio that is in use.
fn is_sound(value: &[u8]) -> bool {
    crate::sdp::parse::read_media(value.trim_ascii_end(), 0)
        .is_ok_and(|media| media.kind == Kind::Audio && media.port != 0)
}

/// The value of `m=` with AVP for SAVP and AVPF for SAVPF, or the other way.
fn with_security(value: &[u8], secure: bool) -> Vec<u8> {
    let words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let put = |(place, word): (usize, &[u8])| {
        let profile = word.to_ascii_uppercase();
        let other: Option<&[u8]> = match (profile.as_slice(), secure) {
            (b"RTP/AVP", true) => Some(b"RTP/SAVP"),
            (b"RTP/AVPF", true) => Some(b"RTP/SAVPF"),
            (b"RTP/SAVP", false) => Some(b"RTP/AVP"),
            (b"RTP/SAVPF", false) => Some(b"RTP/AVPF"),
            _ => None,
        };
        other
            .filter(|_| place == PROFILE_PLACE)
            .unwrap_or(word)
            .to_vec()
    };
    words.enumerate().map(put).collect::<Vec<_>>().join(&b' ')
}

/// Kind, port, profile (RFC 8866 5.14).
const PROFILE_PLACE: usize = 2;

fn put_line(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend_from_slice(&[kind, b'=']);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::sdp::{Profile, Voice, answer_meets};

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n";
    const KEY: &str =
        "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
    const OTHER: &str =
        "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:AAAAdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

    fn session(media: &str) -> Session {
        parse(format!("{HEAD}{media}").as_bytes()).unwrap()
    }

    fn shield(srtp: Srtp) -> Option<Shield> {
        Shield::new(srtp, || [5; SEED_BYTES])
    }

    fn voice(srtp: Srtp) -> Voice {
        Voice::under(1, shield(srtp))
    }

    fn ours() -> SocketAddr {
        "192.0.2.9:20000".parse().unwrap()
    }

    fn text(bytes: &Bytes) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn keys_are_taken_out_of_what_a_peer_says() {
        let said =
            format!("m=audio 4000 RTP/SAVPF 8\r\n{KEY}a=key-mgmt:mikey AAA\r\na=ptime:20\r\n");
        for srtp in [Srtp::Preferred, Srtp::Required] {
            let opened = session(&said).opened(srtp);
            let media = &opened.media()[opened.audio().unwrap()];
            assert_eq!(media.profile, Profile::Avpf);
            let text = text(&opened.text);
            assert!(
                text.ends_with("m=audio 4000 RTP/AVPF 8\r\na=ptime:20\r\n"),
                "{text}"
            );
            assert!(!opened.is_sealed() && !opened.names_keys());
            let secrets = shield(srtp).unwrap().secrets(&opened).unwrap();
            assert_eq!(secrets.theirs.suite(), Suite::Aes128Sha1Tag32);
            assert_eq!(secrets.ours.suite(), Suite::Aes128Sha1Tag32);
            assert_ne!(secrets.ours, secrets.theirs);
        }
        let through = session(&said).opened(Srtp::Off);
        assert!(through.is_sealed() && through.names_keys());
        assert!(text(&through.text).contains(KEY));
    }

    #[test]
    fn what_a_trunk_requires_and_a_peer_does_not_offer_is_not_relayed() {
        let plain = "m=audio 4000 RTP/AVP 8\r\n";
        let unknown = "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AEAD_AES_128_GCM inline:AAAA\r\n";
        let optional = format!("{plain}{KEY}");
        for (said, srtp, relayed) in [
            (plain, Srtp::Off, true),
            (plain, Srtp::Preferred, true),
            (plain, Srtp::Required, false),
            (&optional, Srtp::Preferred, true),
            (&optional, Srtp::Required, true),
            (unknown, Srtp::Preferred, false),
            (unknown, Srtp::Required, false),
        ] {
            let opened = session(said).opened(srtp);
            assert_eq!(opened.audio().is_some(), relayed, "{said} {srtp:?}");
        }
    }

    #[test]
    fn of_several_sections_the_one_with_keys_is_taken() {
        let both = format!("m=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/SAVP 8\r\n{KEY}");
        for srtp in [Srtp::Preferred, Srtp::Required] {
            assert_eq!(session(&both).opened(srtp).audio(), Some(1));
        }
        assert_eq!(session(&both).opened(Srtp::Off).audio(), Some(0));
    }

    #[test]
    fn what_is_required_is_offered_as_savp_and_what_is_preferred_as_avp_with_keys() {
        let plain = session("m=audio 4000 RTP/AVP 8\r\na=ptime:20\r\nm=video 0 RTP/AVP 31\r\n");
        for (srtp, line) in [
            (Srtp::Preferred, "m=audio 20000 RTP/AVP 8\r\n"),
            (Srtp::Required, "m=audio 20000 RTP/SAVP 8\r\n"),
        ] {
            let said = text(&voice(srtp).say(&plain, ours()));
            assert!(said.contains(line), "{said}");
            assert_eq!(said.matches("a=crypto:").count(), Suite::ALL.len());
            assert!(
                said.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"),
                "{said}"
            );
            assert!(said.ends_with("m=video 0 RTP/AVP 31\r\n"), "{said}");
        }
        let said = text(&voice(Srtp::Off).say(&plain, ours()));
        assert!(!said.contains("crypto"), "{said}");
    }

    #[test]
    fn the_same_is_said_again_with_the_same_keys() {
        let plain = session("m=audio 4000 RTP/AVP 8\r\n");
        let mut voice = voice(Srtp::Required);
        let first = voice.say(&plain, ours());
        assert_eq!(voice.say(&plain, ours()), first);
    }

    #[test]
    fn an_offer_is_answered_by_its_tag_with_a_key_of_ours() {
        let plain = session("m=audio 5000 RTP/AVP 8\r\n");
        for (profile, srtp) in [
            ("RTP/SAVP", Srtp::Required),
            ("RTP/SAVP", Srtp::Preferred),
            ("RTP/AVP", Srtp::Preferred),
        ] {
            let offer = session(&format!("m=audio 4000 {profile} 8\r\n{KEY}")).opened(srtp);
            assert_eq!(answer_meets(&offer, &plain), Ok(()));
            let mut voice = voice(srtp);
            let said = text(&voice.answer(&plain, &offer, ours()));
            assert!(
                said.contains(&format!("m=audio 20000 {profile} 8\r\n")),
                "{said}"
            );
            assert_eq!(said.matches("a=crypto:").count(), 1);
            let theirs = parse(said.as_bytes()).unwrap();
            assert!(theirs.names_keys());
            let ours = voice.secrets(&offer).unwrap().ours;
            let line = Crypto { tag: 7, key: ours }.write();
            assert!(said.contains(&format!("a=crypto:{line}\r\n")), "{said}");
        }
        let offer = session("m=audio 4000 RTP/AVP 8\r\n").opened(Srtp::Preferred);
        let mut voice = voice(Srtp::Preferred);
        let said = text(&voice.answer(&plain, &offer, ours()));
        assert!(!said.contains("crypto"), "{said}");
        assert_eq!(voice.secrets(&offer), None);
    }

    #[test]
    fn another_key_of_the_peers_is_answered_with_another_of_ours() {
        let plain = session("m=audio 5000 RTP/AVP 8\r\n");
        let offer = |key: &str| {
            session(&format!("m=audio 4000 RTP/SAVP 8\r\n{key}")).opened(Srtp::Required)
        };
        let mut voice = voice(Srtp::Required);
        let first = voice.answer(&plain, &offer(KEY), ours());
        assert_eq!(voice.answer(&plain, &offer(KEY), ours()), first);
        let before = voice.secrets(&offer(KEY)).unwrap();
        let second = voice.answer(&plain, &offer(OTHER), ours());
        assert_ne!(second, first);
        let after = voice.secrets(&offer(OTHER)).unwrap();
        assert_ne!(after.ours, before.ours);
        assert!(text(&second).contains("o=- 1 2 "), "{second:?}");
    }

    #[test]
    fn keys_of_another_leg_do_not_pass_into_ours() {
        let through = session(&format!("m=audio 4000 RTP/AVP 8\r\n{KEY}"));
        let said = text(&voice(Srtp::Preferred).say(&through, ours()));
        assert!(!said.contains("a=crypto:7 "), "{said}");
    }

    #[test]
    fn a_key_that_was_refused_is_not_in_force() {
        let plain = session("m=audio 4000 RTP/AVP 8\r\n");
        let answer = session(&format!("m=audio 4000 RTP/SAVP 8\r\n{KEY}")).opened(Srtp::Required);
        let mut voice = voice(Srtp::Required);
        let first = voice.say(&plain, ours());
        voice.settle();
        let before = voice.secrets(&answer);
        voice.renew();
        assert_ne!(voice.say(&plain, ours()), first);
        assert_ne!(voice.secrets(&answer), before);
        voice.again();
        assert_eq!(voice.secrets(&answer), before);
    }

    #[test]
    fn no_seed_is_shown() {
        let shown = format!("{:?}", voice(Srtp::Required));
        assert!(
            shown.contains("Shield") && !shown.contains("5, 5"),
            "{shown}"
        );
    }
}
