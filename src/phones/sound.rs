//! A call's sound at a phone: plays its tone in packets of 20 ms and keeps what it hears (RFC 3550, RFC 4733).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::interval;

use crate::phones::g711::Law;
use crate::phones::heard::Heard;
use crate::phones::offer::DIGITS;
use crate::phones::tone::{RATE_HZ, Tone};

/// Samples a packet: 20 ms.
const SAMPLES: usize = 160;
/// The same, as RTP's timestamp counts it.
const STEP: u32 = 160;
/// How often a pair of free ports is looked for.
const TRIES: usize = 50;
/// Packets an RFC 4733 digit lasts (100 ms), and how often its end is said.
const DIGIT_PACKETS: u16 = 5;
const DIGIT_ENDS: u16 = 3;

/// Where the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::phones) struct Aim {
    pub(in crate::phones) to: SocketAddr,
    pub(in crate::phones) law: Law,
    pub(in crate::phones) digits: Option<u8>,
}

/// Both directions of one call; ends when dropped.
#[derive(Debug)]
pub(in crate::phones) struct Sound {
    /// Our RTP address.
    pub(in crate::phones) address: SocketAddr,
    aim: watch::Sender<Option<Aim>>,
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
    /// Bound so that the peer's RTCP meets a socket; the phones say and read none.
    _rtcp: UdpSocket,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    to_press: Mutex<VecDeque<u8>>,
}

impl Sound {
    /// Binds a pair of ports; silent until aimed.
    pub(in crate::phones) async fn open(ip: IpAddr, tone_hz: u32, ssrc: u32) -> io::Result<Self> {
        let (rtp, rtcp) = bind_pair(ip).await?;
        let address = rtp.local_addr()?;
        let rtp = Arc::new(rtp);
        let shared = Arc::new(Shared::default());
        let (aim, watched) = watch::channel(None);
        let speaker = Speaker::new(tone_hz, ssrc);
        let speak = tokio::spawn(speak(
            Arc::clone(&rtp),
            watched,
            speaker,
            Arc::clone(&shared),
        ));
        let listen = tokio::spawn(listen(rtp, Arc::clone(&shared)));
        Ok(Self {
            address,
            aim,
            shared,
            tasks: [speak.abort_handle(), listen.abort_handle()],
            _rtcp: rtcp,
        })
    }

    /// Plays toward `aim`, or falls silent.
    pub(in crate::phones) fn aim(&self, aim: Option<Aim>) {
        self.aim.send_replace(aim);
    }

    /// Queues digits.
    pub(in crate::phones) fn press(&self, digits: &str) {
        let events = digits.bytes().filter_map(event_of);
        lock(&self.shared.to_press).extend(events);
    }

    /// What was heard so far.
    pub(in crate::phones) fn heard(&self) -> Heard {
        lock(&self.shared.heard).clone()
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn listen(rtp: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut buffer = vec![0; 2_048];
    loop {
        // A failed receive tells that the peer's port is closed already: that is how calls end.
        if let Ok((length, _)) = rtp.recv_from(&mut buffer).await
            && let Some(datagram) = buffer.get(..length)
        {
            lock(&shared.heard).take(datagram, DIGITS);
        }
    }
}

async fn speak(
    rtp: Arc<UdpSocket>,
    aim: watch::Receiver<Option<Aim>>,
    mut speaker: Speaker,
    shared: Arc<Shared>,
) {
    let mut tick = interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        let aim = *aim.borrow();
        let packet = speaker.next_packet(aim, &shared);
        if let (Some(aim), Some(packet)) = (aim, packet)
            && let Err(error) = rtp.send_to(&packet, aim.to).await
        {
            tracing::trace!(%error, "a phone's sound was not sent");
        }
    }
}

/// The stream that a phone sends.
struct Speaker {
    /// One second of each law; whole frequencies repeat then.
    waves: [(Law, Vec<u8>); 2],
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    position: usize,
    /// The next packet begins a talkspurt: its marker is set (RFC 3551 4.1).
    fresh: bool,
    event: Option<Event>,
}

/// A digit being sent.
struct Event {
    code: u8,
    began: u32,
    sent: u16,
}

impl Speaker {
    fn new(tone_hz: u32, ssrc: u32) -> Self {
        let mut tone = Tone::new(tone_hz);
        let second: Vec<i16> = (0..RATE_HZ).map(|_| tone.next_sample()).collect();
        let wave = |law: Law| {
            (
                law,
                second.iter().map(|sample| law.encode(*sample)).collect(),
            )
        };
        Self {
            waves: [wave(Law::A), wave(Law::Mu)],
            ssrc,
            sequence: 0,
            timestamp: 0,
            position: 0,
            fresh: true,
            event: None,
        }
    }

    /// Advances the clock by a packet; makes it where there is somebody to hear it.
    fn next_packet(&mut self, aim: Option<Aim>, shared: &Shared) -> Option<Vec<u8>> {
        let now = self.timestamp;
        self.timestamp = now.wrapping_add(STEP);
        let Some(aim) = aim else {
            self.fresh = true;
            return None;
        };
        if self.event.is_none() && aim.digits.is_some() {
            let code = lock(&shared.to_press).pop_front();
            self.event = code.map(|code| Event {
                code,
                began: now,
                sent: 0,
            });
        }
        if let (Some(event), Some(payload_type)) = (&mut self.event, aim.digits) {
            event.sent += 1;
            let first = event.sent == 1;
            let end = event.sent > DIGIT_PACKETS;
            let duration = event.sent.min(DIGIT_PACKETS) * 160;
            let [high, low] = duration.to_be_bytes();
            let payload = [event.code, if end { 0x8a } else { 0x0a }, high, low];
            let began = event.began;
            if event.sent >= DIGIT_PACKETS + DIGIT_ENDS {
                self.event = None;
            }
            return Some(self.packet(payload_type, first, began, &payload));
        }
        let from = self.position;
        self.position = (from + SAMPLES) % self.waves[0].1.len();
        let marker = std::mem::take(&mut self.fresh);
        let payload = self
            .waves
            .iter()
            .find(|(law, _)| *law == aim.law)
            .and_then(|(_, wave)| wave.get(from..from + SAMPLES))
            .unwrap_or_default()
            .to_vec();
        Some(self.packet(aim.law.payload_type(), marker, now, &payload))
    }

    fn packet(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = Vec::with_capacity(12 + payload.len());
        packet.extend([0x80, payload_type | u8::from(marker) << 7]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

/// RTP on an even port, RTCP on the next (RFC 3550 11): asks the system for ports until two are so.
async fn bind_pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..TRIES {
        let rtp = UdpSocket::bind((ip, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind((ip, port + 1)).await
        {
            return Ok((rtp, rtcp));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "no free pair of ports for a phone's sound",
    ))
}

fn event_of(digit: u8) -> Option<u8> {
    let place = b"0123456789*#ABCD"
        .iter()
        .position(|known| *known == digit)?;
    u8::try_from(place).ok()
}

/// Both halves only append and take; a panic elsewhere leaves nothing half done.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
