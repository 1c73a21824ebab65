//! The latch: who may send to a port, and where what is sent from it goes.
//!
//! Sound from a wrong address would let a stranger speak into a call, or receive it (RTP bleed), so
//! an address is learned only where the trunk says so, only from the host that signals, and only
//! once until new SDP comes. RFC 4961 (symmetric RTP) is what makes learning right at all.

use std::net::{IpAddr, SocketAddr};

use crate::base::sound::SoundFrom;

/// One port's latch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latch {
    from: SoundFrom,
    signalling: IpAddr,
    /// Whether the peer wants to be sent anything.
    wants: bool,
    /// What its last SDP with an address said. Kept while it wants nothing: a held peer's music comes from there.
    said: Option<SocketAddr>,
    learned: Learned,
}

/// What `Nat` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learned {
    /// No packet yet.
    Nothing,
    /// New SDP came; sound still goes to the address learned before until another one is heard.
    Open(SocketAddr),
    /// Only this address may send.
    Locked(SocketAddr),
}

impl Latch {
    /// Makes a latch that is aimed nowhere. `signalling` is the host from which `Nat` learns.
    pub const fn new(from: SoundFrom, signalling: IpAddr) -> Self {
        Self {
            from,
            signalling,
            wants: false,
            said: None,
            learned: Learned::Nothing,
        }
    }

    /// Takes new SDP's address; `None`: the peer wants nothing sent. Opens what was locked.
    pub fn aim(&mut self, at: Option<SocketAddr>) {
        self.wants = at.is_some();
        let moved = at.is_some() && at != self.said;
        self.said = at.or(self.said);
        self.learned = match self.learned {
            // What was learned stood for the address that the peer has left.
            _ if moved => Learned::Nothing,
            Learned::Nothing => Learned::Nothing,
            Learned::Open(address) | Learned::Locked(address) => Learned::Open(address),
        };
    }

    /// Says whether `source` may send.
    pub fn may_send(&self, source: SocketAddr) -> bool {
        match self.from {
            SoundFrom::Sdp => self.said.is_some_and(|said| same(said, source)),
            SoundFrom::Ip => self.said.is_some_and(|said| said.ip() == source.ip()),
            SoundFrom::Nat => match self.learned {
                Learned::Locked(address) => same(address, source),
                Learned::Nothing | Learned::Open(_) => source.ip() == self.signalling,
            },
        }
    }

    /// Learns the address of who [may send](Self::may_send) and has sent what belongs here. One that is
    /// locked stays. `true`: this one is new.
    pub const fn learn(&mut self, source: SocketAddr) -> bool {
        match (self.from, self.learned) {
            (SoundFrom::Nat, Learned::Nothing | Learned::Open(_)) => {
                self.learned = Learned::Locked(source);
                true
            }
            (SoundFrom::Nat, Learned::Locked(_)) | (SoundFrom::Sdp | SoundFrom::Ip, _) => false,
        }
    }

    /// Forgets what was learned: it was learned of packets that proved nothing.
    pub const fn forget(&mut self) {
        self.learned = Learned::Nothing;
    }

    /// Returns where to send: the address learned, or what SDP said; `None` while the peer wants nothing.
    pub const fn target(&self) -> Option<SocketAddr> {
        if !self.wants {
            return None;
        }
        match self.learned {
            Learned::Nothing => self.said,
            Learned::Open(address) | Learned::Locked(address) => Some(address),
        }
    }

    /// Returns the one address that sends and is sent to, where SDP alone settles it or it was learned
    /// and is locked: the kernel can then keep strangers off.
    pub const fn settled(&self) -> Option<SocketAddr> {
        match (self.from, self.learned) {
            (SoundFrom::Sdp, _) => self.said,
            (SoundFrom::Nat, Learned::Locked(address)) => Some(address),
            (SoundFrom::Nat, Learned::Nothing | Learned::Open(_)) | (SoundFrom::Ip, _) => None,
        }
    }
}

/// SDP knows no scope and no flow label, so two IPv6 addresses are the same without them.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip() == b.ip()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    impl Latch {
        fn admits(&mut self, source: SocketAddr) -> bool {
            let may = self.may_send(source);
            if may {
                let _new = self.learn(source);
            }
            may
        }
    }

    fn latch(from: SoundFrom) -> Latch {
        Latch::new(from, at("192.0.2.1:5060").ip())
    }

    #[test]
    fn nobody_may_send_before_there_is_sdp_unless_learned() {
        for from in [SoundFrom::Sdp, SoundFrom::Ip] {
            assert!(!latch(from).admits(at("192.0.2.1:4000")));
        }
        assert!(latch(SoundFrom::Nat).admits(at("192.0.2.1:4000")));
        assert_eq!(latch(SoundFrom::Nat).target(), None);
    }

    #[test]
    fn sdp_means_exactly_there() {
        let mut latch = latch(SoundFrom::Sdp);
        latch.aim(Some(at("192.0.2.9:4000")));
        assert!(latch.admits(at("192.0.2.9:4000")));
        assert!(!latch.admits(at("192.0.2.9:4002")));
        assert!(!latch.admits(at("192.0.2.1:4000")));
        assert_eq!(latch.target(), Some(at("192.0.2.9:4000")));
        assert_eq!(latch.settled(), latch.target());
    }

    #[test]
    fn ip_means_any_port_of_that_host_and_sends_where_sdp_says() {
        let mut latch = latch(SoundFrom::Ip);
        latch.aim(Some(at("192.0.2.9:4000")));
        assert!(latch.admits(at("192.0.2.9:65000")));
        assert!(!latch.admits(at("192.0.2.10:4000")));
        assert_eq!(latch.target(), Some(at("192.0.2.9:4000")));
        assert_eq!(latch.settled(), None);
    }

    #[test]
    fn nat_learns_once_from_the_signalling_host() {
        let mut latch = latch(SoundFrom::Nat);
        latch.aim(Some(at("10.0.0.5:4000")));
        assert_eq!(latch.target(), Some(at("10.0.0.5:4000")));
        assert!(!latch.admits(at("203.0.113.66:4000")));
        assert!(latch.admits(at("192.0.2.1:31000")));
        assert!(!latch.admits(at("192.0.2.1:31002")));
        assert_eq!(latch.target(), Some(at("192.0.2.1:31000")));
    }

    #[test]
    fn new_sdp_opens_the_lock_and_sound_goes_on_until_another_is_learned() {
        let mut latch = latch(SoundFrom::Nat);
        latch.aim(Some(at("10.0.0.5:4000")));
        assert!(latch.admits(at("192.0.2.1:31000")));
        latch.aim(Some(at("10.0.0.5:4000")));
        assert_eq!(latch.target(), Some(at("192.0.2.1:31000")));
        assert!(!latch.admits(at("203.0.113.66:4000")));
        assert!(latch.admits(at("192.0.2.1:32000")));
        assert!(!latch.admits(at("192.0.2.1:31000")));
        assert_eq!(latch.target(), Some(at("192.0.2.1:32000")));
    }

    #[test]
    fn an_address_left_behind_is_not_sent_to() {
        let mut latch = latch(SoundFrom::Nat);
        latch.aim(Some(at("10.0.0.5:4000")));
        assert!(latch.admits(at("192.0.2.1:31000")));
        latch.aim(Some(at("10.0.0.7:6000")));
        assert_eq!(latch.target(), Some(at("10.0.0.7:6000")));
    }

    #[test]
    fn a_peer_that_wants_nothing_may_still_send_its_music() {
        for from in [SoundFrom::Sdp, SoundFrom::Ip, SoundFrom::Nat] {
            let mut latch = latch(from);
            latch.aim(Some(at("192.0.2.1:4000")));
            assert!(latch.admits(at("192.0.2.1:4000")));
            latch.aim(None);
            assert_eq!(latch.target(), None);
            assert!(latch.admits(at("192.0.2.1:4000")));
            latch.aim(Some(at("192.0.2.1:4000")));
            assert_eq!(latch.target(), Some(at("192.0.2.1:4000")));
        }
    }

    #[test]
    fn scope_and_flow_label_do_not_make_another_address() {
        let mut latch = Latch::new(SoundFrom::Sdp, at("[fe80::1]:5060").ip());
        latch.aim(Some(at("[fe80::1]:4000")));
        assert!(latch.admits(at("[fe80::1%3]:4000")));
    }

    proptest! {
        #[test]
        fn one_address_at_most_gets_in_between_two_sdps(
            nat: bool, sources in proptest::collection::vec((0u8..4, 0u16..4), 1..60),
        ) {
            let from = if nat { SoundFrom::Nat } else { SoundFrom::Sdp };
            let mut latch = Latch::new(from, at("192.0.2.1:5060").ip());
            latch.aim(Some(at("192.0.2.1:4002")));
            let mut heard = None;
            for (host, port) in sources {
                let source = SocketAddr::new([192, 0, 2, host].into(), 4000 + port);
                if latch.admits(source) {
                    prop_assert_eq!(source.ip(), latch.signalling);
                    prop_assert_eq!(*heard.get_or_insert(source), source);
                    prop_assert_eq!(latch.target(), Some(source));
                }
            }
        }
    }
}
