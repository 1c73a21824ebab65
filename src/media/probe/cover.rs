//! One leg's protection against a peer that knows the keys, a network that changes packets, and a stranger.

use std::collections::BTreeSet;

use crate::media::probe::{packets, with_room};
use crate::media::rtcp;
use crate::media::srtp::{Cover, Receiver, Sender};
use crate::sdp::keys::MASTER_BYTES_MAX;
use crate::sdp::{Key, Protection, Secrets, Suite};

/// What is kept of what went over the wire, to play it again.
const KEPT_MAX: usize = 64;

/// Keys that are agreed on in turn.
const KEYS: u8 = 4;

/// The leg and its peer.
struct Leg {
    cover: Cover,
    suite: Suite,
    /// Which keys are in force; `None`: plain.
    now: Option<u8>,
    /// The peer's ends, by key. It forgets nothing.
    senders: [Option<Sender>; KEYS as usize],
    takers: [Option<Receiver>; KEYS as usize],
    /// What was believed, which must not be believed again under its key.
    believed: BTreeSet<(u8, Vec<u8>)>,
}

/// Packets between a leg and its peer. The first byte names the suite, the first of each packet what happens to it.
///
/// # Panics
///
/// When something does not hold that must.
pub fn srtp(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else {
        return;
    };
    let suite = Suite::ALL.get(usize::from(*which) % Suite::ALL.len());
    let mut leg = Leg {
        cover: Cover::default(),
        suite: suite.copied().unwrap_or(Suite::Aes128Sha1Tag80),
        now: None,
        senders: Default::default(),
        takers: Default::default(),
        believed: BTreeSet::new(),
    };
    for packet in packets(bytes) {
        if let Some((step, packet)) = packet.split_first() {
            leg.step(*step, packet);
        }
    }
}

impl Leg {
    fn step(&mut self, step: u8, packet: &[u8]) {
        let more = step >> 3;
        match step & 7 {
            0 => self.agree(more % (KEYS + 2)),
            1 => self.stranger(packet),
            2 | 3 => self.peer(packet, None),
            4 => self.peer(packet, Some(more)),
            5 => self.again(usize::from(more)),
            _ => self.out(packet),
        }
    }

    fn agree(&mut self, which: u8) {
        let protection = if which < KEYS {
            self.now = Some(which);
            Protection::Keys(Box::new(Secrets {
                ours: self.key(which),
                theirs: self.key(KEYS + which),
            }))
        } else if which == KEYS {
            self.now = None;
            Protection::Plain
        } else {
            Protection::Kept
        };
        self.cover.aim(protection);
    }

    /// What nobody signed is believed only where nothing is signed.
    fn stranger(&mut self, packet: &[u8]) {
        let mut room = packet.to_vec();
        let opened = self.cover.open(&mut room, rtcp::is_rtcp(packet));
        if self.now.is_some() {
            // Only what the peer signed before can be right by chance, and that is `again`'s.
            let known = self.believed.iter().any(|(_, known)| known == packet);
            assert!(opened.is_err() || known, "a stranger was believed");
            assert_eq!(room, packet, "what is refused stays as it came");
        }
    }

    /// A packet of the peer, as it was sent or with one bit turned.
    fn peer(&mut self, clear: &[u8], turned: Option<u8>) {
        let Some(which) = self.now else { return };
        let key = self.key(KEYS + which);
        let Some(place) = self.senders.get_mut(usize::from(which)) else {
            return;
        };
        if place.is_none() {
            *place = Sender::new(&key);
        }
        let Some(sender) = place else { return };
        let is_rtcp = rtcp::is_rtcp(clear);
        let mut room = with_room(clear);
        let sealed = if is_rtcp {
            sender.protect_rtcp(&mut room, clear.len())
        } else {
            sender.protect(&mut room, clear.len())
        };
        let Ok(length) = sealed else { return };
        room.truncate(length);
        if let Some(turned) = turned {
            let at = usize::from(turned) % room.len().max(1);
            if let Some(byte) = room.get_mut(at) {
                *byte ^= 0x10;
            }
        }
        let sealed = room.clone();
        // A turned bit may make RTP of RTCP.
        let opened = self.cover.open(&mut room, rtcp::is_rtcp(&sealed));
        if turned.is_some() {
            assert!(opened.is_err(), "a packet that was changed was believed");
        } else if let Ok(length) = opened {
            let payload = if is_rtcp { 8 } else { 12 };
            let (opened, clear) = (room.get(payload..length), clear.get(payload..));
            assert_eq!(opened, clear, "another packet than was sent");
            let first = self.believed.insert((which, sealed));
            assert!(first, "believed twice");
        }
    }

    /// What was believed comes again.
    fn again(&mut self, which: usize) {
        let Some(now) = self.now else { return };
        let known = self.believed.iter().take(KEPT_MAX);
        let known = known.filter(|(key, _)| *key == now).nth(which);
        let Some((_, packet)) = known else { return };
        let opened = self.cover.open(&mut packet.clone(), rtcp::is_rtcp(packet));
        assert!(opened.is_err(), "a packet was believed twice");
    }

    /// What goes out is new to a peer that forgets nothing.
    fn out(&mut self, clear: &[u8]) {
        let is_rtcp = rtcp::is_rtcp(clear);
        let mut room = with_room(clear);
        let Ok(length) = self.cover.close(&mut room, clear.len(), is_rtcp) else {
            return;
        };
        room.truncate(length);
        let Some(which) = self.now else {
            return;
        };
        assert_ne!(room, clear, "a packet left in clear");
        let key = self.key(which);
        let Some(place) = self.takers.get_mut(usize::from(which)) else {
            return;
        };
        if place.is_none() {
            *place = Receiver::new(&key);
        }
        let Some(taker) = place else { return };
        let taken = if is_rtcp {
            taker.unprotect_rtcp(&mut room)
        } else {
            taker.unprotect(&mut room)
        };
        assert!(taken.is_ok(), "the peer refuses: {taken:?}");
    }

    fn key(&self, seed: u8) -> Key {
        Key::new(self.suite, &[seed.wrapping_add(1); MASTER_BYTES_MAX])
    }
}
