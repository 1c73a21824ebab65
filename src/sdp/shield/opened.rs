//! Keys as a leg's peer names them: taken out of what it says, and held against what it was offered.

use crate::base::sound::Srtp;
use crate::sdp::keys::Crypto;
use crate::sdp::parse::{cut, parse};
use crate::sdp::session::{Media, Session};
use crate::sdp::shield::offered;
use crate::sdp::shield::seal::{put_line, with_security};

/// The keys of a section as its author named them.
#[derive(Clone, Debug)]
pub(in crate::sdp) struct Keys {
    /// They stood under SAVP or SAVPF.
    pub(in crate::sdp::shield) secure: bool,
    /// Those that we can speak, in their order; one at least.
    pub(in crate::sdp::shield) list: Vec<Crypto>,
    whose: Whose,
}

/// In what keys stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// In what the peer said.
    Peers,
    /// In what we said to it.
    Ours,
    /// In what was agreed on before: nothing that is offered now is answered by them.
    Agreed,
}

impl Keys {
    /// These keys in a description that is made of the one in which they were agreed on.
    pub(in crate::sdp) fn agreed(&self) -> Self {
        Self {
            whose: Whose::Agreed,
            ..self.clone()
        }
    }
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
            let whose = Whose::Peers;
            Some(Keys {
                secure,
                list,
                whose,
            })
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

    /// The same for a description that was said by us.
    #[must_use]
    pub fn opened_as_ours(self, srtp: Srtp) -> Self {
        let mut opened = self.opened(srtp);
        for keys in opened.media.iter_mut().filter_map(|one| one.keys.as_mut()) {
            keys.whose = Whose::Ours;
        }
        opened
    }

    /// Whether the keys of this answer are to a line that we offered: by its tag and its suite (RFC 4568 5.1.3). So are none.
    /// Of several lines, of which there should be one, the first counts. `offer` is what was offered, where more is known of it
    /// than that it was a new offer of ours: it may be [ours](Self::opened_as_ours).
    pub fn echoes(&self, offer: Option<&Self>) -> bool {
        let Some(keys) = keys_of(self).filter(|keys| keys.whose != Whose::Agreed) else {
            return true;
        };
        let Some(chosen) = keys.list.first() else {
            return true;
        };
        let is_chosen = |(tag, suite)| tag == chosen.tag && suite == chosen.key.suite();
        match offer
            .and_then(keys_of)
            .filter(|keys| keys.whose == Whose::Ours)
        {
            Some(ours) => ours
                .list
                .iter()
                .any(|one| is_chosen((one.tag, one.key.suite()))),
            None => offered().any(is_chosen),
        }
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

/// The keys of the section that is relayed.
pub(in crate::sdp::shield) fn keys_of(session: &Session) -> Option<&Keys> {
    session.media.get(session.audio()?)?.keys.as_ref()
}

/// Whether an attribute holds keys: `a=crypto`, or `a=key-mgmt` (RFC 4567), which we do not speak.
pub(in crate::sdp::shield) fn is_key(attribute: &[u8]) -> bool {
    let name = cut(attribute).0.trim_ascii();
    name.eq_ignore_ascii_case(b"crypto") || name.eq_ignore_ascii_case(b"key-mgmt")
}
