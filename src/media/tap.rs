//! The tap: packets copied from a worker to the recorder through one byte ring a worker.
//!
//! Writing takes no lock, allocates nothing and makes no system call, so the recorder looks into the ring by itself, a few
//! times a second. A ring that is full because a disk takes its time is followed by a *reserve*, a larger one that takes no
//! memory before it is needed and none after it: what comes goes there until the recorder has read all of it. A full
//! reserve is a counted gap, never a stalled call. What the payload means is the recorder's to know.

use std::collections::VecDeque;

use bytes::{Buf as _, BufMut as _};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::base::id::Side;
use crate::base::time::Moment;

/// One recording under way, as workers and recorder call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId(pub u32);

/// One RTP packet's head as tapped; its payload follows in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// The recording.
    pub tap: TapId,
    /// Whose sound.
    pub side: Side,
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP marker bit.
    pub marker: bool,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// When it was received.
    pub arrival: Moment,
    /// Payload length in bytes, padding removed.
    pub length: u16,
}

/// Bytes of a [`Tapped`] in the ring.
pub const HEAD_BYTES: usize = 26;

/// Refusals that wait for the recorder. Two seconds of 25 calls that all find the ring full; the
/// worker counts each of them in any case.
const REFUSALS_MAX: usize = 5_000;

/// A packet for which the ring had no room: the recorder names it as a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The recording.
    pub tap: TapId,
    /// Whose sound.
    pub side: Side,
    /// When it was received.
    pub arrival: Moment,
}

/// The worker's end of a ring.
#[derive(Debug)]
pub struct TapWriter {
    ring: Producer<u8>,
    /// What takes over when the ring is full, and fresh ones from the recorder.
    reserve: Option<Producer<u8>>,
    reserves: Consumer<Producer<u8>>,
    /// Packets go into the reserve, until it is empty.
    overflows: bool,
    refusals: Producer<Refusal>,
}

/// The recorder's end of a ring.
#[derive(Debug)]
pub struct TapReader {
    ring: Consumer<u8>,
    /// In the order in which the writer takes them, and the way to it.
    reserves: VecDeque<Consumer<u8>>,
    supply: Producer<Producer<u8>>,
    reserve_bytes: usize,
    refusals: Consumer<Refusal>,
    /// A head whose payload the writer was still copying when it was read.
    head: Option<(Tapped, From)>,
}

/// Where the reader takes a packet from.
#[derive(Clone, Copy, Debug)]
enum From {
    Ring,
    Reserve,
}

/// Makes a ring that holds `bytes`: a packet takes [`HEAD_BYTES`] and its payload. It has no reserve.
///
/// Its memory is touched once here, so that no page fault falls into a call.
pub fn ring(bytes: usize) -> (TapWriter, TapReader) {
    ring_with_reserve(bytes, 0)
}

/// Makes a [`ring`] with a reserve of `reserve_bytes`.
pub fn ring_with_reserve(bytes: usize, reserve_bytes: usize) -> (TapWriter, TapReader) {
    let (mut producer, mut consumer) = RingBuffer::new(bytes);
    let page = [0; 4096];
    while producer.push_entire_slice(&page).is_ok() {}
    let (_, _) = producer.push_partial_slice(&page);
    if let Ok(all) = consumer.read_chunk(consumer.slots()) {
        all.commit_all();
    }
    let (refuse, refused) = RingBuffer::new(REFUSALS_MAX);
    let (supply, reserves) = RingBuffer::new(1);
    let writer = TapWriter {
        ring: producer,
        reserve: None,
        reserves,
        overflows: false,
        refusals: refuse,
    };
    let mut reader = TapReader {
        ring: consumer,
        reserves: VecDeque::new(),
        supply,
        reserve_bytes,
        refusals: refused,
        head: None,
    };
    if reserve_bytes > 0 {
        reader.supply();
    }
    (writer, reader)
}

impl TapWriter {
    /// Copies a packet into the ring, or returns `false` when there is no room for the whole of it.
    ///
    /// `payload` is what counts: `tapped.length` is set from it. One that does not fit 16 bits is
    /// no UDP packet's and is refused as well.
    pub fn push(&mut self, tapped: &Tapped, payload: &[u8]) -> bool {
        let Ok(length) = u16::try_from(payload.len()) else {
            return false;
        };
        let need = HEAD_BYTES + payload.len();
        let Some(ring) = self.room(need) else {
            // Where even this has no room the gap is named by the refusals before it.
            let _ = self.refusals.push(Refusal {
                tap: tapped.tap,
                side: tapped.side,
                arrival: tapped.arrival,
            });
            return false;
        };
        // There is room for both, and only this end takes it.
        ring.push_entire_slice(&write_head(tapped, length))
            .and_then(|()| ring.push_entire_slice(payload))
            .is_ok()
    }

    /// What takes so many bytes next. Once a packet went into the reserve those after it do, so that they stay in order.
    fn room(&mut self, need: usize) -> Option<&mut Producer<u8>> {
        if self.overflows {
            let is_read = |reserve: &Producer<u8>| reserve.slots() == reserve.buffer().capacity();
            if self.reserve.as_ref().is_some_and(is_read) {
                // The recorder is the last to have it, and gives its memory back.
                self.reserve = None;
                self.overflows = false;
            }
        }
        if !self.overflows {
            if has_room(&self.ring, need) {
                return Some(&mut self.ring);
            }
            if self.reserve.is_none() {
                self.reserve = self.reserves.pop().ok();
            }
        }
        let reserve = self.reserve.as_mut();
        let reserve = reserve.filter(|reserve| has_room(reserve, need))?;
        self.overflows = true;
        Some(reserve)
    }
}

fn has_room(ring: &Producer<u8>, need: usize) -> bool {
    ring.cached_slots() >= need || ring.slots() >= need
}

impl TapReader {
    /// Takes the next packet, oldest first: its payload replaces what `payload` held.
    pub fn next(&mut self, payload: &mut Vec<u8>) -> Option<Tapped> {
        let (head, from) = match self.head.take() {
            Some(head) => head,
            None => {
                let from = self.oldest()?;
                let mut bytes = [0; HEAD_BYTES];
                self.of(from)?.pop_entire_slice(&mut bytes).ok()?;
                (read_head(&bytes), from)
            }
        };
        let length = usize::from(head.length);
        let chunk = self.of(from).and_then(|ring| ring.read_chunk(length).ok());
        let Some(chunk) = chunk else {
            self.head = Some((head, from));
            return None;
        };
        let (first, second) = chunk.as_slices();
        payload.clear();
        payload.extend_from_slice(first);
        payload.extend_from_slice(second);
        chunk.commit_all();
        Some(head)
    }

    /// Takes the next packet that the ring had no room for, oldest first.
    pub fn refused(&mut self) -> Option<Refusal> {
        self.refusals.pop().ok()
    }

    /// Returns how many bytes wait to be read.
    pub fn waiting(&self) -> usize {
        let reserves = self.reserves.iter().map(Consumer::slots);
        self.ring.slots() + reserves.sum::<usize>()
    }

    /// Returns whether the worker is gone: what [`Self::next`] still gives is the last.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Where the oldest packet lies.
    fn oldest(&mut self) -> Option<From> {
        loop {
            if self.ring.slots() > 0 {
                return Some(From::Ring);
            }
            let reserve = self.reserves.front()?;
            if reserve.slots() > 0 {
                // The writer begins with it when the ring is full: what the ring got between these two looks came before.
                return Some(match self.ring.slots() {
                    0 => From::Reserve,
                    _ => From::Ring,
                });
            }
            // A writer that is gone itself leaves its reserve as well, and takes no other.
            if !reserve.is_abandoned() || self.ring.is_abandoned() {
                return None;
            }
            // What it held last came before it was left.
            if reserve.slots() == 0 {
                self.reserves.pop_front();
                self.supply();
            }
        }
    }

    /// Gives the writer a fresh reserve. Memory that nobody writes to is none.
    fn supply(&mut self) {
        let (producer, consumer) = RingBuffer::new(self.reserve_bytes);
        if self.supply.push(producer).is_ok() {
            self.reserves.push_back(consumer);
        }
    }

    fn of(&mut self, from: From) -> Option<&mut Consumer<u8>> {
        match from {
            From::Ring => Some(&mut self.ring),
            From::Reserve => self.reserves.front_mut(),
        }
    }
}

/// Puts a head into the ring's form. Both ends are this process, so the byte order is the machine's.
fn write_head(head: &Tapped, length: u16) -> [u8; HEAD_BYTES] {
    let side: u8 = match head.side {
        Side::Caller => 0,
        Side::Callee => 1,
    };
    let mut bytes = [0; HEAD_BYTES];
    let mut room = &mut bytes[..];
    room.put_u32_ne(head.tap.0);
    room.put_u32_ne(head.timestamp);
    room.put_u32_ne(head.ssrc);
    room.put_u64_ne(head.arrival.as_micros());
    room.put_u16_ne(head.sequence);
    room.put_u16_ne(length);
    room.put_u8(side << 1 | u8::from(head.marker));
    room.put_u8(head.payload_type);
    bytes
}

/// Takes back what [`write_head`] made.
fn read_head(bytes: &[u8; HEAD_BYTES]) -> Tapped {
    let mut rest = &bytes[..];
    let (tap, timestamp, ssrc) = (rest.get_u32_ne(), rest.get_u32_ne(), rest.get_u32_ne());
    let arrival = Moment::from_micros(rest.get_u64_ne());
    let (sequence, length) = (rest.get_u16_ne(), rest.get_u16_ne());
    let bits = rest.get_u8();
    Tapped {
        tap: TapId(tap),
        side: if bits & 2 == 0 {
            Side::Caller
        } else {
            Side::Callee
        },
        payload_type: rest.get_u8(),
        marker: bits & 1 != 0,
        sequence,
        timestamp,
        ssrc,
        arrival,
        length,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(sequence: u16, length: u16) -> Tapped {
        Tapped {
            tap: TapId(u32::MAX - 1),
            side: Side::Callee,
            payload_type: 101,
            marker: true,
            sequence,
            timestamp: 0xdead_beef,
            ssrc: 0x0102_0304,
            arrival: Moment::from_micros(u64::MAX / 3),
            length,
        }
    }

    #[test]
    fn a_full_ring_refuses_whole_packets_and_takes_them_again_when_read() {
        let (mut writer, mut reader) = ring(2 * (HEAD_BYTES + 160) + 100);
        assert!(writer.push(&head(1, 160), &[1; 160]));
        assert!(writer.push(&head(2, 160), &[2; 160]));
        assert!(!writer.push(&head(3, 160), &[3; 160]));
        assert_eq!(
            reader.refused().map(|r| r.arrival),
            Some(head(3, 160).arrival)
        );
        assert_eq!(reader.refused(), None);
        let mut payload = Vec::new();
        assert_eq!(reader.next(&mut payload), Some(head(1, 160)));
        assert_eq!(payload, [1; 160]);
        assert!(writer.push(&head(4, 160), &[4; 160]));
        assert_eq!(reader.next(&mut payload).unwrap().sequence, 2);
        assert_eq!(reader.next(&mut payload).unwrap().sequence, 4);
        assert_eq!(payload, [4; 160]);
        assert_eq!(reader.next(&mut payload), None);
        assert_eq!(reader.waiting(), 0);
    }

    #[test]
    fn a_full_ring_overflows_into_its_reserve_and_gives_the_memory_back_when_it_was_read() {
        let (mut writer, mut reader) = ring_with_reserve(1_000, 10_000);
        let mut payload = Vec::new();
        for round in 0..5 {
            let first = round * 100;
            for sequence in first..first + 40 {
                assert!(writer.push(&head(sequence, 160), &[1; 160]));
            }
            assert!(reader.waiting() > 1_000);
            let mut read = first;
            while let Some(tapped) = reader.next(&mut payload) {
                assert_eq!(tapped.sequence, read);
                read += 1;
                if read == first + 20 {
                    // There is room in the ring again, but others wait before this one.
                    assert!(writer.push(&head(first + 40, 160), &[2; 160]));
                    assert_eq!(writer.ring.slots(), 1_000);
                }
            }
            assert_eq!(read, first + 41);
            assert!(writer.push(&head(9_999, 0), &[]));
            assert!(
                writer.reserve.is_none(),
                "it goes when the ring is used again"
            );
            assert_eq!(reader.next(&mut payload).unwrap().sequence, 9_999);
            assert_eq!(reader.next(&mut payload), None);
            assert_eq!(reader.reserves.len(), 1, "another lies ready");
        }
        // What neither has room for is refused, and told.
        let taken = (0..100).take_while(|n| writer.push(&head(*n, 160), &[1; 160]));
        assert_eq!(taken.count(), 5 + 53);
        assert!(reader.refused().is_some());
    }

    #[test]
    fn a_head_without_its_payload_waits() {
        let (mut producer, consumer) = RingBuffer::new(1000);
        let (_writer, mut reader) = ring(0);
        reader.ring = consumer;
        let mut payload = Vec::new();
        producer
            .push_entire_slice(&write_head(&head(9, 0), 3))
            .unwrap();
        assert_eq!(reader.next(&mut payload), None);
        producer.push_entire_slice(&[7, 8, 9]).unwrap();
        assert_eq!(reader.next(&mut payload), Some(head(9, 3)));
        assert_eq!(payload, [7, 8, 9]);
    }

    #[test]
    fn the_reader_learns_that_the_writer_is_gone() {
        let (mut writer, mut reader) = ring(1000);
        assert!(writer.push(&head(1, 0), &[]));
        drop(writer);
        assert!(reader.is_abandoned());
        assert!(reader.next(&mut Vec::new()).is_some());
    }

    #[test]
    fn packets_cross_threads_whole_and_in_order() {
        cross(ring(4_000));
    }

    #[test]
    fn packets_cross_threads_whole_and_in_order_through_reserves() {
        cross(ring_with_reserve(1_000, 2_000));
    }

    fn cross((mut writer, mut reader): (TapWriter, TapReader)) {
        const PACKETS: u16 = 20_000;
        let reading = std::thread::spawn(move || {
            let mut payload = Vec::new();
            let mut expected = 0;
            while expected < PACKETS {
                let Some(tapped) = reader.next(&mut payload) else {
                    assert!(!reader.is_abandoned() || reader.waiting() > 0);
                    std::thread::yield_now();
                    continue;
                };
                assert_eq!(tapped.sequence, expected);
                let byte = u8::try_from(expected % 251).unwrap();
                assert!(
                    payload.iter().all(|b| *b == byte),
                    "packet {expected} is torn"
                );
                expected += 1;
            }
        });
        let mut sequence = 0;
        while sequence < PACKETS && !reading.is_finished() {
            let payload = vec![u8::try_from(sequence % 251).unwrap(); usize::from(sequence % 300)];
            if writer.push(&head(sequence, 0), &payload) {
                sequence += 1;
            } else {
                std::thread::yield_now();
            }
        }
        reading.join().unwrap();
    }

    proptest! {
        #[test]
        fn whatever_is_pushed_is_read_back(
            tap: u32, callee: bool, payload_type in 0u8..128, marker: bool, sequence: u16,
            timestamp: u32, ssrc: u32, arrival: u64,
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 1..40),
        ) {
            let (mut writer, mut reader) = ring(1024);
            let mut back = Vec::new();
            for payload in payloads {
                let tapped = Tapped {
                    tap: TapId(tap),
                    side: if callee { Side::Callee } else { Side::Caller },
                    payload_type, marker, sequence, timestamp, ssrc,
                    arrival: Moment::from_micros(arrival),
                    length: u16::try_from(payload.len()).unwrap(),
                };
                prop_assert!(writer.push(&tapped, &payload));
                prop_assert_eq!(reader.next(&mut back), Some(tapped));
                prop_assert_eq!(&back, &payload);
            }
        }
    }
}
