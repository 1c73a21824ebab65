//! What must hold whatever packets of sound come: the entry points of fuzzing and of the replayed corpus.
//!
//! The bytes are packets, each behind its length in two bytes, the lower one first. What a whole recording makes of packets is
//! `recording/probe.rs`'s.

mod cover;

pub use crate::media::probe::cover::srtp;

use std::time::Duration;

use crate::base::time::Moment;
use crate::media::codec::Decoder;
use crate::media::codec::Fault;
use crate::media::codec::Law;
use crate::media::codec::Voice;
use crate::media::dtmf::DIGITS_MAX;
use crate::media::dtmf::Digits;
use crate::media::reports::Reports;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::srtp::ROOM;
use crate::media::stats::Reception;

/// Sound that one input may have decoded, in seconds: what goes wrong goes wrong in fewer.
const SECONDS_MAX: u64 = 12;

/// Packets of one input.
const PACKETS_MAX: usize = 256;

/// The rates of files.
const RATES_HZ: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// The packets in an input.
pub(crate) fn packets(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let packets = std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (packet, after) = after.split_at_checked(length)?;
        rest = after;
        Some(packet)
    });
    packets.take(PACKETS_MAX)
}

/// Packets of one codec to one decoder: the first byte says of which, and to which rate. Returns how many decoders broke.
///
/// # Panics
///
/// When something does not hold that must.
pub fn voices(bytes: &[u8]) -> usize {
    let Some((which, bytes)) = bytes.split_first() else {
        return 0;
    };
    let voice = match which & 3 {
        0 => Voice::Opus,
        1 => Voice::G722,
        2 => Voice::G711(Law::A),
        _ => Voice::G711(Law::Mu),
    };
    let rate = RATES_HZ.get(usize::from(which >> 2) % RATES_HZ.len());
    let mut decoder = Decoder::new(voice, rate.copied().unwrap_or(48_000));
    let (mut out, mut broke, mut sound) = (Vec::new(), 0, 0);
    for packet in packets(bytes) {
        let ticks = u64::from(voice.ticks(packet));
        sound += ticks;
        if sound > SECONDS_MAX * u64::from(voice.clock_hz()) {
            break;
        }
        let due = ticks * u64::from(decoder.rate_hz()) / u64::from(voice.clock_hz());
        out.clear();
        match decoder.decode(packet, &mut out) {
            Ok(()) => assert_eq!(out.len() as u64, due, "sound of another length"),
            Err(fault) => {
                assert!(out.is_empty(), "sound of a packet that has none");
                broke += usize::from(fault == Fault::Failed);
            }
        }
    }
    broke
}

/// Packets as they come to a leg in clear: reports, sound and keys.
///
/// # Panics
///
/// When something does not hold that must.
pub fn wire(bytes: &[u8]) {
    let (mut reports, mut digits) = (Reports::default(), Digits::default());
    let mut reception = Reception::default();
    let mut now = Moment::START;
    for packet in packets(bytes) {
        now = now + Duration::from_millis(7);
        if rtcp::is_rtcp(packet) {
            report(packet, &mut reports, now);
            continue;
        }
        let Some(head) = rtp::peek(packet) else {
            continue;
        };
        let clock_hz = (head.payload_type != 101).then_some(8_000);
        reception.packet(&head, clock_hz, now);
        if let Some(payload) = rtp::payload(packet) {
            assert!(payload.len() <= packet.len(), "a payload out of nowhere");
            digits.packet(&head, payload, now);
        }
        assert!(digits.pressed().len() <= DIGITS_MAX, "keys without end");
        assert_eq!(digits.pressed().len(), digits.times().len());
        let jitter = reception.jitter_ms();
        assert!(jitter.is_finite() && jitter >= 0.0, "a jitter of {jitter}");
    }
}

fn report(packet: &[u8], reports: &mut Reports, now: Moment) {
    reports.pass(packet, now);
    reports.hear(packet, 8_000, now + Duration::from_millis(20));
    for figure in [reports.jitter_ms(), reports.rtt_ms()]
        .into_iter()
        .flatten()
    {
        assert!(figure.is_finite() && figure >= 0.0, "a figure of {figure}");
    }
    let mut concealed = packet.to_vec();
    rtcp::conceal(&mut concealed);
    assert_eq!(concealed.len(), packet.len());
    let told = |packet: &[u8]| {
        let parts = rtcp::parts(packet);
        parts
            .map(|part| (part.sent_at(), part.block()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&concealed), told(packet), "a report was changed");
    let once = concealed.clone();
    rtcp::conceal(&mut concealed);
    assert_eq!(concealed, once, "what was concealed is concealed again");
}

/// A packet with the room behind it that protecting it takes.
fn with_room(packet: &[u8]) -> Vec<u8> {
    [packet, &[0; ROOM]].concat()
}
