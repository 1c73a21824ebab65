//! What SRTP costs a packet of a call: opened as it comes, closed as it goes, for each suite.
//!
//! `cargo bench --bench srtp`; read the throughput as packets a second.
#![expect(clippy::unwrap_used, reason = "a benchmark is read, not linked")]

use std::hint::black_box;

use criterion::BatchSize;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

use ringtag::media::rtp::Head;
use ringtag::media::rtp::write;
use ringtag::media::srtp::Guard;
use ringtag::media::srtp::ROOM;
use ringtag::media::srtp::Sender;
use ringtag::sdp::Key;
use ringtag::sdp::Secrets;
use ringtag::sdp::Suite;
use ringtag::sdp::keys::MASTER_BYTES_MAX;

/// Packets of one measurement: ten seconds of a call.
const PACKETS: u16 = 500;
/// Bytes of sound in each: 20 ms of G.711.
const PAYLOAD: usize = 160;

fn key(suite: Suite, seed: u8) -> Key {
    Key::new(suite, &[seed; MASTER_BYTES_MAX])
}

fn guard(suite: Suite) -> Guard {
    Guard::new(&Secrets {
        ours: key(suite, 1),
        theirs: key(suite, 2),
    })
}

/// A packet with room behind it for what protecting it adds.
fn packet(sequence: u16) -> Vec<u8> {
    let head = Head {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: 7,
    };
    let packet = write(&head, &[0x5a; PAYLOAD]).unwrap();
    [&packet[..], &[0; ROOM]].concat()
}

fn close(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp/close");
    group.throughput(Throughput::Elements(PACKETS.into()));
    for suite in Suite::ALL {
        group.bench_function(suite.name(), |b| {
            b.iter_batched_ref(
                || (guard(suite), (0..PACKETS).map(packet).collect::<Vec<_>>()),
                |(guard, packets)| {
                    for packet in packets {
                        let length = packet.len() - ROOM;
                        black_box(guard.close(packet, length, false).unwrap());
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp/open");
    group.throughput(Throughput::Elements(PACKETS.into()));
    for suite in Suite::ALL {
        let mut peer = Sender::new(&key(suite, 2)).unwrap();
        let sealed: Vec<_> = (0..PACKETS)
            .map(|sequence| {
                let mut packet = packet(sequence);
                let clear = packet.len() - ROOM;
                let length = peer.protect(&mut packet, clear).unwrap();
                packet.truncate(length);
                packet
            })
            .collect();
        group.bench_function(suite.name(), |b| {
            b.iter_batched_ref(
                || (guard(suite), sealed.clone()),
                |(guard, packets)| {
                    for packet in packets {
                        black_box(guard.open(packet, false).unwrap());
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, open, close);
criterion_main!(benches);
