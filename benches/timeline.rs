//! What the recorder costs a packet: the timeline alone, with decoding and mixing, and with files.
//!
//! `cargo bench --bench timeline`; read the throughput as packets a second.
#![expect(clippy::unwrap_used, reason = "a benchmark is read, not linked")]

use std::hint::black_box;
use std::time::Duration;

use criterion::BatchSize;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

use ringtag::base::chance::Chance;
use ringtag::base::id::CallId;
use ringtag::base::id::Side;
use ringtag::base::time::Moment;
use ringtag::base::time::WallTime;
use ringtag::media::codec::Decoder;
use ringtag::media::codec::Law;
use ringtag::media::codec::Voice;
use ringtag::media::resample::Resampler;
use ringtag::media::tap::TapId;
use ringtag::media::tap::Tapped;
use ringtag::media::tap::ring;
use ringtag::media::timeline::Packet;
use ringtag::media::timeline::Scale;
use ringtag::media::timeline::Timeline;
use ringtag::recording::disk::Folder;
use ringtag::recording::plan;
use ringtag::recording::settings::Manner;
use ringtag::recording::settings::PART_BYTES_MAX;
use ringtag::recording::take::Take;
use ringtag::recording::tape::RATE_HZ;
use ringtag::recording::tape::Tape;
use ringtag::recording::writing::{Form, Writing};

const CALLS: u32 = 100;
const PACKETS: u16 = 250;
const FRAME: [u8; 160] = [0x5a; 160];

fn tapped(tap: u32, side: Side, sequence: u16) -> Tapped {
    Tapped {
        tap: TapId(tap),
        side,
        payload_type: 8,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: tap,
        arrival: Moment::from_micros(u64::from(sequence) * 20_000 + u64::from(sequence % 7) * 150),
        length: 160,
    }
}

fn place(c: &mut Criterion) {
    let mut group = c.benchmark_group("timeline");
    group.throughput(Throughput::Elements(PACKETS.into()));
    group.bench_function("place", |b| {
        b.iter_batched_ref(
            || Timeline::new(Scale::new(Moment::START, RATE_HZ)),
            |timeline| {
                for sequence in 0..PACKETS {
                    let head = tapped(1, Side::Caller, sequence);
                    let packet = Packet {
                        sequence,
                        timestamp: head.timestamp,
                        ssrc: head.ssrc,
                        clock_hz: RATE_HZ,
                        arrival: head.arrival,
                        samples: 160,
                    };
                    let horizon = i64::from(sequence) * 160 - 1_600;
                    black_box(timeline.place(&packet, horizon, || false));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn mix(c: &mut Criterion) {
    let mut group = c.benchmark_group("tape");
    group.throughput(Throughput::Elements(u64::from(PACKETS) * 2));
    group.bench_function("place, decode and mix", |b| {
        b.iter_batched_ref(
            || Tape::new(Moment::START, [[].into(), [].into()], Manner::default()),
            |tape| {
                let mut disk = |block: &[u8]| {
                    black_box(block);
                };
                for sequence in 0..PACKETS {
                    for side in Side::BOTH {
                        tape.packet(&tapped(1, side, sequence), &FRAME, &mut disk);
                    }
                    if sequence % 3 == 0 {
                        tape.advance(tapped(1, Side::Caller, sequence).arrival, &mut disk);
                    }
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A hundred calls as the recorder has them: out of a ring, a wake-up every 50 ms, into files.
fn record(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance::from_number(1);
    let (mut writer, mut reader) = ring(32 << 20);
    let mut payload = Vec::new();
    let mut group = c.benchmark_group("recorder");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(8));
    group.throughput(Throughput::Elements(
        u64::from(CALLS) * u64::from(PACKETS) * 2,
    ));
    group.bench_function("100 calls of 5 s from the ring to files", |b| {
        b.iter_batched(
            || {
                let takes: Vec<_> = (0..CALLS)
                    .map(|_| {
                        let wall = WallTime::from_millis(1_795_253_400_125);
                        let call = CallId::new(wall, &mut chance);
                        let file = plan::path_of(call, wall);
                        let form = Form {
                            rate_hz: RATE_HZ,
                            part_bytes: PART_BYTES_MAX,
                        };
                        let shelf = Folder(folder.path().into());
                        let writing = Writing::begin(call, file, shelf, form);
                        let tape =
                            Tape::new(Moment::START, [[].into(), [].into()], Manner::default());
                        Take::begin(tape, writing, None)
                    })
                    .collect();
                for sequence in 0..PACKETS {
                    for tap in 0..CALLS {
                        for side in Side::BOTH {
                            assert!(writer.push(&tapped(tap, side, sequence), &FRAME));
                        }
                    }
                }
                takes
            },
            |mut takes| {
                let mut wake = Duration::ZERO;
                while let Some(head) = reader.next(&mut payload) {
                    if head.arrival > Moment::START + wake {
                        wake += Duration::from_millis(50);
                        for take in &mut takes {
                            take.advance(head.arrival);
                        }
                    }
                    let index = usize::try_from(head.tap.0).unwrap();
                    takes.get_mut(index).unwrap().packet(&head, &payload);
                }
                for take in takes {
                    black_box(take.end(Moment::from_millis(5_000)));
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// What a packet of 20 ms costs to decode, and to bring to another rate.
fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    let g711 = [&FRAME[..]];
    let g722 = packets(include_bytes!("../tests/data/codecs/g722.packets"));
    let silk = packets(include_bytes!("../tests/data/codecs/opus-silk.packets"));
    let hybrid = packets(include_bytes!("../tests/data/codecs/opus-hybrid.packets"));
    let cases: [(&str, Voice, u32, &[&[u8]]); 6] = [
        ("G.711", Voice::G711(Law::A), 8_000, &g711),
        ("G.722", Voice::G722, 16_000, &g722),
        ("Opus, SILK, to 16 kHz", Voice::Opus, 16_000, &silk),
        ("Opus, SILK, to 48 kHz", Voice::Opus, 48_000, &silk),
        ("Opus, hybrid, to 16 kHz", Voice::Opus, 16_000, &hybrid),
        ("Opus, hybrid, to 48 kHz", Voice::Opus, 48_000, &hybrid),
    ];
    for (name, voice, rate_hz, packets) in cases {
        let mut decoder = Decoder::new(voice, rate_hz);
        let mut sound = Vec::new();
        let mut packets = packets.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| {
                sound.clear();
                let packet = packets.next().copied().unwrap_or_default();
                decoder.decode(black_box(packet), &mut sound).unwrap();
                black_box(sound.len())
            });
        });
    }
    for (from_hz, to_hz) in [(8_000, 16_000), (8_000, 48_000), (16_000, 8_000)] {
        let mut resampler = Resampler::new(from_hz, to_hz);
        let frame = vec![1_000; usize::try_from(from_hz / 50).unwrap()];
        let mut sound = Vec::new();
        group.bench_function(format!("resample {from_hz} to {to_hz}"), |b| {
            b.iter(|| {
                sound.clear();
                resampler.feed(black_box(&frame), &mut sound);
                black_box(sound.len())
            });
        });
    }
    group.finish();
}

/// Splits a file of packets, each after its length.
fn packets(mut bytes: &'static [u8]) -> Vec<&'static [u8]> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (packet, rest) = rest.split_at(u16::from_le_bytes(*length).into());
        packets.push(packet);
        bytes = rest;
    }
    packets
}

criterion_group!(benches, place, decode, mix, record);
criterion_main!(benches);
