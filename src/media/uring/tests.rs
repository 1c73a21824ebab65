//! The driver by itself: what the kernel has no room for, and what it tells late.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::id::LegId;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::bridge::Slot;
use crate::media::command::{Aim, Pair};
use crate::media::driver::Driver;
use crate::media::leg::Leg;
use crate::media::relay::Relay;
use crate::media::rtp::{self, Head};
use crate::media::tap;
use crate::media::uring::lines::{Line, both};
use crate::media::uring::ring::{Event, Ring};
use crate::media::uring::{PACE, Pace, Uring, trial};

/// When a fact that must come has not: the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A worker's driver and legs, turned by hand.
struct Rig {
    driver: Uring,
    relay: Relay,
    bell: Arc<Bell>,
    clock: Clock,
    legs: u64,
}

impl Rig {
    fn new() -> Self {
        let bell = Arc::new(Bell::new().unwrap());
        let (tap, _) = tap::ring(1_000);
        Self {
            driver: Uring::begin(Ring::new().unwrap(), Arc::clone(&bell)).unwrap(),
            relay: Relay::new(tap),
            bell,
            clock: Clock::start(),
            legs: 0,
        }
    }

    /// Opens a leg that hears and sends to `peer`; returns its place and its address.
    fn open(&mut self, peer: &UdpSocket) -> (Slot, SocketAddr) {
        let socket = || {
            let socket = UdpSocket::bind((HOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let pair = Pair {
            rtp: socket(),
            rtcp: socket(),
            port: 1,
        };
        let ours = pair.rtp.local_addr().unwrap();
        self.legs += 1;
        let mut leg = Leg::new(LegId(self.legs), pair, SoundFrom::Sdp, HOST);
        leg.aim(Aim {
            rtp: Some(peer.local_addr().unwrap()),
            ..Aim::default()
        });
        let Ok(slot) = self.relay.legs.insert(leg) else {
            panic!("the name is taken");
        };
        let Self { driver, relay, .. } = self;
        let leg = relay.leg(slot).unwrap();
        for place in both(slot) {
            let socket = leg.line(place.kind).socket();
            driver.open(place, socket).unwrap();
        }
        (slot, ours)
    }

    fn turn(&mut self) -> bool {
        let at_most = Some(Duration::from_millis(20));
        let turn = self.driver.turn(&mut self.relay, self.clock, at_most);
        turn.unwrap().bell
    }

    fn close(&mut self, slot: Slot) {
        let id = self.relay.legs.get_mut(slot).unwrap().id;
        self.relay.legs.retire(id);
        self.relay.bridges.forget(slot);
        self.driver.close(slot);
    }

    /// Turns until the kernel has let go of the leg, and closes its sockets.
    fn let_go(&mut self, slot: Slot) {
        let until = self.clock.now() + DEADLINE;
        loop {
            if self.driver.gone() == Some(slot) {
                self.relay.legs.remove(slot).unwrap();
                return;
            }
            assert!(self.clock.now() < until, "the kernel does not let go");
            self.turn();
        }
    }

    fn heard(&mut self, slot: Slot) -> u64 {
        self.relay.leg(slot).unwrap().counted.packets_in
    }

    fn hears(&mut self, slot: Slot, packets: u64) {
        let until = self.clock.now() + DEADLINE;
        while self.heard(slot) < packets {
            assert!(self.clock.now() < until, "a packet does not come");
            self.turn();
        }
    }
}

fn peer() -> UdpSocket {
    UdpSocket::bind((HOST, 0)).unwrap()
}

fn sound(sequence: u16) -> Vec<u8> {
    let head = Head {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: 0,
        ssrc: 1,
    };
    rtp::write(&head, &[5; 160]).unwrap()
}

#[test]
fn this_machine_lets_us_use_io_uring() {
    trial().expect("io_uring; where a sandbox refuses it its tests cannot run");
}

#[test]
fn packets_are_gathered_only_while_there_are_many() {
    let mut pace = Pace::default();
    let mut now = Moment::START;
    let mut fast = |packets| {
        pace.packets += packets;
        now = now + PACE;
        pace.turn(now);
        pace.fast
    };
    assert!(!fast(100));
    assert!(!fast(249));
    assert!(fast(250));
    assert!(fast(800));
    assert!(!fast(3));
}

#[test]
fn a_cancel_that_finds_no_room_is_made_later_and_the_leg_keeps_its_place_until_then() {
    let mut rig = Rig::new();
    let caller = peer();
    let (slot, ours) = rig.open(&caller);
    caller.send_to(&sound(1), ours).unwrap();
    rig.hears(slot, 1);
    // Both cancels, and the next turn's again.
    rig.driver.ring.refuses = 3;
    rig.close(slot);
    assert_eq!(rig.driver.gone(), None, "nothing was cancelled");
    assert_eq!(
        both(slot).map(|place| rig.driver.lines.get(place)),
        [Line::Closing; 2]
    );
    // The kernel still reads it; what comes is nobody's.
    caller.send_to(&sound(2), ours).unwrap();
    rig.turn();
    assert_eq!(rig.driver.gone(), None);
    rig.let_go(slot);
    assert_eq!(rig.driver.ring.refuses, 0);
    assert!(rig.driver.uncancelled.is_empty());
    // The port is free at once: nothing holds the socket any more.
    UdpSocket::bind(ours).unwrap();
}

#[test]
fn a_socket_whose_reading_finds_no_room_is_read_as_soon_as_there_is() {
    let mut rig = Rig::new();
    let caller = peer();
    rig.driver.ring.refuses = 4;
    let (slot, ours) = rig.open(&caller);
    assert_eq!(rig.driver.lines.get(both(slot)[0]), Line::Idle);
    caller.send_to(&sound(1), ours).unwrap();
    rig.hears(slot, 1);
    assert_eq!(rig.driver.ring.refuses, 0);
    // One that is closed before there was room is closed at once.
    rig.driver.ring.refuses = 2;
    let (other, _) = rig.open(&caller);
    rig.close(other);
    assert_eq!(rig.driver.gone(), Some(other));
}

#[test]
fn a_bell_that_is_no_longer_watched_is_watched_again() {
    let mut rig = Rig::new();
    rig.driver.ring.refuses = 2;
    rig.driver.unwatched = true;
    let until = rig.clock.now() + DEADLINE;
    while rig.driver.unwatched {
        assert!(rig.clock.now() < until);
        rig.turn();
    }
    rig.bell.ring();
    assert!(rig.turn());
}

#[test]
fn what_the_kernel_tells_late_of_a_leg_that_is_gone_reaches_none_in_its_place() {
    let mut rig = Rig::new();
    let (before, after) = (peer(), peer());
    let (slot, _) = rig.open(&before);
    let name = rig.driver.lines.name(both(slot)[0]);
    rig.close(slot);
    rig.let_go(slot);
    let (again, ours) = rig.open(&after);
    assert_eq!(again, slot, "the place is taken again");
    let now = Moment::START;
    // Its reading ended, by any error: that of the new one goes on.
    for error in [libc::ECANCELED, libc::ENOBUFS, libc::ECONNREFUSED] {
        let event = Event::Ended {
            token: name,
            error: io::Error::from_raw_os_error(error),
        };
        assert!(!rig.driver.take(&mut rig.relay, event, now));
    }
    assert_eq!(rig.driver.lines.get(both(slot)[0]), Line::Read);
    assert!(rig.driver.idle.is_empty());
    after.send_to(&sound(1), ours).unwrap();
    rig.hears(slot, 1);
    let counted = rig.relay.leg(slot).unwrap().counted;
    assert_eq!((counted.send_errors, counted.packets_out), (0, 0));
    // While it closes, too.
    rig.close(slot);
    let event = Event::Ended {
        token: name,
        error: io::Error::from_raw_os_error(libc::ECANCELED),
    };
    rig.driver.take(&mut rig.relay, event, now);
    assert_eq!(rig.driver.gone(), None);
    rig.let_go(slot);
}
