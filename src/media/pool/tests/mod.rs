//! The workers on real loopback sockets. Each wait is for a fact, with a deadline.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::ports::PortPool;
use crate::media::rtp::{self, Head};
use crate::media::settings::Engine;
use crate::media::srtp;
use crate::media::srtp::{Receiver as SrtpReceiver, Sender as SrtpSender};
use crate::media::tap::Tapped;
use crate::sdp::keys::MASTER_BYTES_MAX;
use crate::sdp::{Codec, Key, Numbers, Protection, Secrets, Suite};

/// Every trial on every driver.
macro_rules! on_each_driver {
    ($($trial:ident)*) => {
        mod on_epoll {
            $(#[test] fn $trial() { super::$trial(super::Chosen::Epoll); })*
        }
        mod on_io_uring {
            $(#[test] fn $trial() { super::$trial(super::Chosen::IoUring); })*
        }
    };
}

mod attack;
mod encrypted;
mod ends;
mod fail;
mod latch;
mod pass;
mod places;
mod tapped;

/// When a fact that must come has not: the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// Calls on workers, and the phones around them.
struct Rig {
    pool: Pool,
    readers: Vec<TapReader>,
    ports: PortPool,
    clock: Clock,
    woken: Receiver<()>,
    local: IpAddr,
    kept: VecDeque<Report>,
    barriers: u64,
}

/// A peer with an RTP and an RTCP socket.
struct Phone {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// Ours, toward it.
    ours: u16,
    leg: LegId,
    local: IpAddr,
}

impl Rig {
    fn new(engine: Chosen) -> Self {
        Self::with(1, engine)
    }

    fn with(workers: usize, engine: Chosen) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let test = NEXT.fetch_add(1, Ordering::Relaxed);
        let settings = Settings {
            bind: None,
            advertise: None,
            port_min: 20_000,
            port_max: 20_999,
            silence: Duration::from_secs(1),
            workers,
            engine: Engine::Auto,
            taps: true,
        };
        let clock = Clock::start();
        let (ring, woken) = bounded(1);
        let wake = Arc::new(move || {
            let _already = ring.try_send(());
        });
        let (pool, readers) = Pool::start(&settings, engine, clock, workers, wake).unwrap();
        Self {
            pool,
            readers,
            ports: PortPool::new(&settings),
            clock,
            woken,
            local: IpAddr::V4(Ipv4Addr::new(127, 64 | (high & 63), low, test)),
            kept: VecDeque::new(),
            barriers: 1 << 40,
        }
    }

    /// Opens a leg whose signalling host is where all phones are.
    fn open(&mut self, call: u64, leg: u64, from: SoundFrom) -> Phone {
        let pair = self.ports.take(self.local, self.clock.now()).unwrap();
        let ours = pair.port;
        assert!(
            self.pool
                .open(call, LegId(leg), pair, from, self.local, self.clock.now())
        );
        Phone {
            rtp: socket(self.local),
            rtcp: socket(self.local),
            ours,
            leg: LegId(leg),
            local: self.local,
        }
    }

    fn aim(&mut self, phone: &Phone) {
        self.aim_at(phone, Some(phone.rtp.local_addr().unwrap()));
    }

    fn aim_at(&mut self, phone: &Phone, rtp: Option<SocketAddr>) {
        let rtcp = rtp.map(|_| phone.rtcp.local_addr().unwrap());
        let aim = Aim {
            rtp,
            rtcp,
            codecs: codecs(),
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }

    /// The peer agreed to have RTCP on the port of RTP (RFC 5761).
    fn aim_shared(&mut self, phone: &Phone) {
        let rtp = Some(phone.rtp.local_addr().unwrap());
        let aim = Aim {
            rtp,
            rtcp: rtp,
            mux: true,
            codecs: codecs(),
            numbers: None,
            srtp: Protection::Plain,
        };
        self.pool.aim(phone.leg, aim);
    }

    /// A bridged call of two phones.
    fn call(&mut self, call: u64, from: SoundFrom) -> (Phone, Phone) {
        let caller = self.open(call, 2 * call, from);
        let callee = self.open(call, 2 * call + 1, from);
        self.aim(&caller);
        self.aim(&callee);
        self.pool.bridge(caller.leg, callee.leg);
        self.settle(call);
        (caller, callee)
    }

    /// Waits until the call's worker has carried out every order so far.
    fn settle(&mut self, call: u64) {
        self.barriers += 1;
        let pair = self.ports.take(self.local, self.clock.now()).unwrap();
        let leg = LegId(self.barriers);
        let now = self.clock.now();
        assert!(
            self.pool
                .open(call, leg, pair, SoundFrom::Sdp, self.local, now)
        );
        self.close(leg);
    }

    /// Sends what waits, as it is sent when it has waited for its time.
    fn flush(&mut self) {
        self.pool.flush(self.clock.now() + LEISURE);
    }

    fn report(&mut self) -> Report {
        self.flush();
        loop {
            if let Some(report) = self.pool.next_report() {
                return report;
            }
            self.woken.recv_timeout(DEADLINE).expect("a report");
        }
    }

    fn close(&mut self, leg: LegId) -> (u16, Sound) {
        self.pool.close(leg, self.clock.now());
        loop {
            let report = self.report();
            match report {
                Report::Closed {
                    leg: of,
                    port,
                    sound,
                } if of == leg => return (port, sound),
                Report::Closed { .. } | Report::Silent { .. } => self.kept.push_back(report),
            }
        }
    }

    fn tapped(&mut self) -> (Tapped, Vec<u8>) {
        let mut payload = Vec::new();
        let until = self.clock.now() + DEADLINE;
        loop {
            for reader in &mut self.readers {
                if let Some(tapped) = reader.next(&mut payload) {
                    return (tapped, payload);
                }
            }
            assert!(self.clock.now() < until, "nothing was tapped");
            std::thread::yield_now();
        }
    }
}

impl Phone {
    fn say(&self, packet: &[u8]) {
        self.rtp.send_to(packet, (self.local, self.ours)).unwrap();
    }

    fn hears(&self, packet: &[u8]) {
        assert_eq!(heard(&self.rtp), packet);
    }

    /// Says something that must arrive, and checks that the other heard nothing before it.
    fn only_hears_from(&self, other: &Self, sequence: u16) {
        let packet = sound(sequence);
        other.say(&packet);
        self.hears(&packet);
    }
}

fn socket(local: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((local, 0)).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

fn heard(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return buffer;
            }
            // A ring that ends in another thread of the process interrupts whoever waits.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("a packet: {error}"),
        }
    }
}

fn codecs() -> Arc<[Codec]> {
    let codec = |payload_type, name: &str| Codec {
        payload_type,
        name: name.into(),
        clock_hz: 8000,
        channels: 1,
    };
    Arc::new([codec(8, "PCMA"), codec(101, "TELEPHONE-EVENT")])
}

fn head(sequence: u16) -> Head {
    Head {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: 160 * u32::from(sequence),
        ssrc: 1,
    }
}

fn sound(sequence: u16) -> Vec<u8> {
    let [_, low] = sequence.to_be_bytes();
    rtp::write(&head(sequence), &[low; 160]).unwrap()
}
