//! One leg's two sockets ●, who may send to them, and what is counted of its sound.
//!
//! A socket whose one peer is settled, by SDP alone or learned and locked, is connected: the kernel
//! keeps strangers off, a flood of theirs costs nothing here, and sending is cheaper. The latch judges each packet all the same, because what was queued before the
//! connection came from anyone.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::base::id::LegId;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::bridge::Slot;
use crate::media::command::{Aim, Pair, Sound};
use crate::media::dtmf::Digits;
use crate::media::flood::{self, Meter, Sources};
use crate::media::latch::Latch;
use crate::media::relay::{Place, Way};
use crate::media::reports::Reports;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::rtp::Head;
use crate::media::srtp::{Cover, Refused};
use crate::media::stats::Reception;
use crate::sdp::{Codec, Numbers};

/// Errors in a row after which a socket is no longer read: each failed read of it would wake the
/// worker again at once.
const FAULTS_MAX: u8 = 100;

/// What SDP calls RFC 4733 events.
const TELEPHONE_EVENT: &str = "TELEPHONE-EVENT";

/// The clock of the static payload types that are telephony's, and of those that nobody explained (RFC 3551 6).
pub const CLOCK_HZ: u32 = 8000;

/// A leg.
#[derive(Debug)]
pub struct Leg {
    /// Its name.
    pub id: LegId,
    /// Its RTP port.
    pub port: u16,
    /// RTP.
    pub rtp: Line,
    /// RTCP.
    pub rtcp: Line,
    /// What is counted as it happens; [`Leg::close`] adds the rest.
    pub counted: Counted,
    codecs: Arc<[Codec]>,
    /// RTCP shares the port of RTP.
    mux: bool,
    /// What payload types become on their way to the peer.
    numbers: Option<Numbers>,
    meaning: Option<(u8, Meaning)>,
    /// Whether its packets are SRTP under keys of ours.
    cover: Cover,
    /// Its packets are SRTP under keys that pass through: its reports cannot be read.
    sealed: bool,
    /// There once a report passes.
    reports: Option<Box<Reports>>,
    reception: Reception,
    /// There once a key is pressed.
    digits: Option<Box<Digits>>,
    sources: Sources,
    sound_meter: Meter,
    reports_meter: Meter,
}

/// What is counted of a leg's packets one by one, as [`Sound`] tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// RTP packets received and believed.
    pub packets_in: u64,
    /// RTP packets sent to it.
    pub packets_out: u64,
    /// Packets from addresses that may not send, and those beyond what a telephone sends.
    pub refused: u64,
    /// Packets that are neither RTP nor, on the RTCP port, RTCP.
    pub malformed: u64,
    /// Packets the ring had no room for.
    pub untapped: u64,
    /// Sends the kernel refused.
    pub send_errors: u64,
    /// Packets that were not under the key agreed on.
    pub forged: u64,
}

/// One socket and who may use it.
#[derive(Debug)]
pub struct Line {
    socket: UdpSocket,
    latch: Latch,
    connected: Option<SocketAddr>,
    faults: u8,
}

/// What one read of a socket gave.
#[derive(Debug)]
pub enum Received {
    /// So many bytes, and from whom.
    Packet(usize, SocketAddr),
    /// Nothing was there.
    Nothing,
    /// Reading failed, or there was news of an earlier send: nobody listens there.
    Fault,
    /// The same for so long that the socket must not be read again.
    Broken(io::Error),
}

/// What became of a packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Yes,
    /// It is on its way, and an earlier one met a port where nobody listens.
    Again,
    /// The kernel refused.
    Refused,
}

/// Which of a leg's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That of sound.
    Rtp,
    /// That of reports.
    Rtcp,
}

/// What a payload type means in the peer's SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Sound { clock_hz: u32 },
    Event,
}

impl Leg {
    /// Takes over a leg's sockets.
    pub fn new(id: LegId, pair: Pair, from: SoundFrom, signalling: IpAddr) -> Self {
        Self {
            id,
            port: pair.port,
            rtp: Line::new(pair.rtp, from, signalling),
            rtcp: Line::new(pair.rtcp, from, signalling),
            counted: Counted::default(),
            codecs: Arc::default(),
            mux: false,
            numbers: None,
            meaning: None,
            cover: Cover::default(),
            sealed: false,
            reports: None,
            reception: Reception::default(),
            digits: None,
            sources: Sources::default(),
            sound_meter: Meter::default(),
            reports_meter: Meter::default(),
        }
    }

    /// Says whether one more packet of sound is what a telephone sends.
    pub fn admits(&mut self, head: &Head, now: Moment) -> bool {
        self.sources.admits(head.ssrc, now) && self.sound_meter.admits(flood::SOUND, now)
    }

    /// Says whether one more report is.
    pub fn admits_report(&mut self, now: Moment) -> bool {
        self.reports_meter.admits(flood::REPORTS, now)
    }

    /// Takes the peer's new SDP.
    pub fn aim(&mut self, aim: Aim) {
        let anew = self.cover.aim(aim.srtp);
        self.rtp.aim(aim.rtp, anew);
        self.rtcp.aim(aim.rtcp, anew);
        self.sealed = aim.codecs.iter().any(Codec::is_encrypted);
        self.codecs = aim.codecs;
        self.mux = aim.mux;
        self.numbers = aim.numbers;
        self.meaning = None;
    }

    /// Opens a packet that came, where it is SRTP, and returns its length. `None`: it proves nothing.
    pub fn open(&mut self, packet: &mut [u8], is_rtcp: bool) -> Option<usize> {
        match self.cover.open(packet, is_rtcp) {
            Ok(length) => return Some(length),
            // A network may repeat packets.
            Err(Refused::Replayed) => {}
            Err(Refused::Short | Refused::Forged | Refused::Streams | Refused::Spent) => {
                self.counted.forged += 1;
            }
        }
        None
    }

    /// Counts an RTP packet that came.
    pub fn heard(&mut self, head: &Head, packet: &[u8], now: Moment) {
        self.counted.packets_in += 1;
        match self.meaning(head.payload_type) {
            Meaning::Sound { clock_hz } => self.reception.packet(head, Some(clock_hz), now),
            Meaning::Event => {
                self.reception.packet(head, None, now);
                if let Some(event) = rtp::payload(packet) {
                    self.digits.get_or_insert_default().packet(head, event, now);
                }
            }
        }
    }

    /// Makes an RTP packet ready for the peer and says where it leaves. Where the peer numbers codecs
    /// differently its payload type is changed. `None`: the peer wants nothing, or not this.
    pub fn prepare(&mut self, slot: Slot, room: &mut [u8], length: usize) -> Option<Way> {
        if let Some(numbers) = &self.numbers {
            let number = rtp::payload_type_mut(room.get_mut(..length)?)?;
            // The peer would play it as another codec.
            let put = numbers.of(*number & rtp::PAYLOAD_TYPE)?;
            *number = *number & !rtp::PAYLOAD_TYPE | put;
        }
        let by = Place {
            slot,
            kind: Kind::Rtp,
        };
        let way = self.rtp.way(by, length, true)?;
        self.close_packet(way, room)
    }

    /// Reads a report of the peer, and takes out what tells of its author. `clock_hz` is that of the sound it is sent.
    pub fn hear_report(&mut self, report: &mut [u8], clock_hz: u32, now: Moment) {
        if !self.sealed {
            self.reports
                .get_or_insert_default()
                .hear(report, clock_hz, now);
            rtcp::conceal(report);
        }
    }

    /// Returns the clock of the sound that came last.
    pub const fn clock_hz(&self) -> u32 {
        match self.meaning {
            Some((_, Meaning::Sound { clock_hz })) => clock_hz,
            Some((_, Meaning::Event)) | None => CLOCK_HZ,
        }
    }

    /// Says where an RTCP packet for the peer leaves, by the way that was agreed for it.
    pub fn report(
        &mut self,
        slot: Slot,
        room: &mut [u8],
        length: usize,
        now: Moment,
    ) -> Option<Way> {
        let (kind, line) = if self.mux {
            (Kind::Rtp, &self.rtp)
        } else {
            (Kind::Rtcp, &self.rtcp)
        };
        let way = line.way(Place { slot, kind }, length, false)?;
        if !self.sealed {
            let report = room.get(..length)?;
            self.reports.get_or_insert_default().pass(report, now);
        }
        self.close_packet(way, room)
    }

    /// Makes SRTP of what goes out, where its receiver wants that.
    fn close_packet(&mut self, way: Way, room: &mut [u8]) -> Option<Way> {
        let length = self.cover.close(room, way.length, !way.sound).ok()?;
        Some(Way { length, ..way })
    }

    /// Counts what became of an RTP packet.
    pub const fn sent(&mut self, sent: Sent) {
        match sent {
            Sent::Yes => self.counted.packets_out += 1,
            Sent::Again => {
                self.counted.packets_out += 1;
                self.counted.send_errors += 1;
            }
            Sent::Refused => self.counted.send_errors += 1,
        }
    }

    /// Returns one of the two sockets.
    pub const fn line(&mut self, kind: Kind) -> &mut Line {
        match kind {
            Kind::Rtp => &mut self.rtp,
            Kind::Rtcp => &mut self.rtcp,
        }
    }

    /// Closes the sockets and says what was counted.
    pub fn close(self) -> Sound {
        let reports = self.reports.unwrap_or_default();
        let digits = self.digits.unwrap_or_default();
        let Counted {
            packets_in,
            packets_out,
            refused,
            malformed,
            untapped,
            send_errors,
            forged,
        } = self.counted;
        Sound {
            packets_in,
            packets_out,
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            digits: digits.pressed().to_owned(),
            digit_times: digits.times().to_owned(),
            refused,
            malformed,
            untapped,
            send_errors,
            forged,
            lost_there: reports.lost(),
            jitter_there_ms: reports.jitter_ms(),
            rtt_ms: reports.rtt_ms(),
        }
    }

    /// A stream keeps to one payload type for long, so the last answer is kept.
    fn meaning(&mut self, payload_type: u8) -> Meaning {
        if let Some((known, meaning)) = self.meaning
            && known == payload_type
        {
            return meaning;
        }
        let codec = self.codecs.iter().find(|c| c.payload_type == payload_type);
        let meaning = match codec {
            Some(codec) if codec.name.eq_ignore_ascii_case(TELEPHONE_EVENT) => Meaning::Event,
            Some(codec) => Meaning::Sound {
                clock_hz: codec.clock_hz,
            },
            None => Meaning::Sound { clock_hz: CLOCK_HZ },
        };
        self.meaning = Some((payload_type, meaning));
        meaning
    }
}

impl Line {
    const fn new(socket: UdpSocket, from: SoundFrom, signalling: IpAddr) -> Self {
        Self {
            socket,
            latch: Latch::new(from, signalling),
            connected: None,
            faults: 0,
        }
    }

    /// Returns the socket, to wait on.
    pub const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Says whether a packet from `source` is heard at all.
    pub fn may_send(&self, source: SocketAddr) -> bool {
        self.latch.may_send(source)
    }

    /// Takes note that what came from `source`, which may send, is what it should be. Once that settles
    /// who sends, the kernel keeps others off.
    pub fn learn(&mut self, source: SocketAddr) {
        if self.latch.learn(source) {
            self.settle();
        }
    }

    /// Reads one packet.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Received {
        match self.socket.recv_from(buffer) {
            Ok((length, source)) => {
                self.faults = 0;
                Received::Packet(length, source)
            }
            Err(error) => self.failed(error),
        }
    }

    /// Sends one packet on its way.
    pub fn send(&self, packet: &[u8], way: &Way) -> Sent {
        let send = || {
            if way.connected {
                self.socket.send(packet)
            } else {
                self.socket.send_to(packet, way.to)
            }
        };
        match send() {
            Ok(_) => Sent::Yes,
            // The news is of an earlier packet; this one was not tried (udp(7)).
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match send() {
                Ok(_) => Sent::Again,
                Err(_) => Sent::Refused,
            },
            Err(_) => Sent::Refused,
        }
    }

    /// Says what an error of reading means.
    pub fn failed(&mut self, error: io::Error) -> Received {
        let kind = error.kind();
        if kind == io::ErrorKind::WouldBlock || kind == io::ErrorKind::Interrupted {
            self.faults = 0;
            return Received::Nothing;
        }
        if kind == io::ErrorKind::ConnectionRefused {
            return Received::Fault;
        }
        self.faults = self.faults.saturating_add(1);
        if self.faults < FAULTS_MAX {
            Received::Fault
        } else {
            Received::Broken(error)
        }
    }

    /// Says where a packet for the peer leaves by this socket; `None`: the peer wants nothing.
    fn way(&self, by: Place, length: usize, sound: bool) -> Option<Way> {
        Some(Way {
            by,
            to: self.latch.target()?,
            connected: self.connected.is_some(),
            length,
            sound,
        })
    }

    /// Takes the peer's new address. `anew`: what was learned before was learned of packets that proved nothing.
    fn aim(&mut self, at: Option<SocketAddr>, anew: bool) {
        if anew {
            self.latch.forget();
        }
        self.latch.aim(at);
        self.settle();
    }

    /// Connects the socket to who alone may send to it, or to nobody.
    fn settle(&mut self) {
        let settled = self.latch.settled();
        if settled == self.connected {
            return;
        }
        if self.connected.take().is_some() {
            // A connection also fixes the local address of the route it was made for.
            let _dissolved = rustix::net::connect_unspec(&self.socket);
        }
        if let Some(peer) = settled {
            match self.socket.connect(peer) {
                Ok(()) => self.connected = Some(peer),
                // No route now, perhaps later: without a connection each send tries again.
                Err(_) => {
                    let _dissolved = rustix::net::connect_unspec(&self.socket);
                }
            }
        }
    }
}
