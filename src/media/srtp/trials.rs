//! Senders and receivers together: whole packets, and everything that a network and an attacker do to them.

use proptest::prelude::*;

use crate::media::rtp;
use crate::media::rtp::Head;
use crate::media::srtp::{ROOM, Receiver, Refused, STREAMS_MAX, Sender};
use crate::sdp::keys::MASTER_BYTES_MAX;
use crate::sdp::{Crypto, Key, Suite};

const PAYLOAD: [u8; 20] = [7; 20];

fn key(suite: Suite, seed: u8) -> Key {
    Key::new(suite, &[seed; MASTER_BYTES_MAX])
}

fn pair(suite: Suite) -> (Sender, Receiver) {
    let key = key(suite, 1);
    (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap())
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let head = Head {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: 160 * u32::from(sequence),
        ssrc,
    };
    rtp::write(&head, &PAYLOAD).unwrap()
}

fn protect(sender: &mut Sender, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut buffer = [packet, &[0; ROOM]].concat();
    let length = sender.protect(&mut buffer, packet.len())?;
    buffer.truncate(length);
    Ok(buffer)
}

fn unprotect(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut packet = packet.to_vec();
    let length = receiver.unprotect(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

/// A report of a receiver (RFC 3550 6.4.2) with a description.
fn report() -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
    report.extend([0x81, 202, 0, 2, 0, 0, 0, 9, 1, 2, b'a', b'b', 0, 0, 0, 0]);
    report
}

/// The packets with which libsrtp proves itself, under the master key of RFC 3711 B.3.
#[test]
fn packets_are_those_of_other_implementations() {
    let inline = "4fl6DT4Bi+DWT6MsBt5BOQ7Gda1Jiv7rtpYLOqvm";
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{inline}");
    let key = Crypto::read(line.as_bytes()).unwrap().key;
    let clear = hex::decode("800f1234decafbadcafebabeabababababababababababababababab").unwrap();
    let sealed = protect(&mut Sender::new(&key).unwrap(), &clear).unwrap();
    assert_eq!(
        hex::encode(&sealed),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    );
    let mut receiver = Receiver::new(&key).unwrap();
    assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
    // libsrtp counts reports from 1.
    let sealed = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798";
    let mut report = hex::decode(sealed).unwrap();
    let length = receiver.unprotect_rtcp(&mut report).unwrap();
    assert_eq!(
        hex::encode(&report[..length]),
        "81c8000bcafebabeabababababababababababababababab"
    );
}

/// The same under the master key of 256 bits of RFC 6188 7.2.
#[test]
fn packets_under_the_long_key_are_those_of_other_implementations() {
    let master = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6";
    let bytes = hex::decode(format!("{master}3b04803de51ee7c96423ab5b78d2")).unwrap();
    let key = Key::new(Suite::Aes256Sha1Tag80, bytes.as_slice().try_into().unwrap());
    let clear = hex::decode("800f1234decafbadcafebabeabababababababababababababababab").unwrap();
    let sealed = protect(&mut Sender::new(&key).unwrap(), &clear).unwrap();
    assert_eq!(
        hex::encode(&sealed),
        "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b"
    );
    let mut receiver = Receiver::new(&key).unwrap();
    assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
}

#[test]
fn every_suite_carries_sound_and_reports() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for sequence in 0..300 {
            let clear = packet(1, sequence);
            let sealed = protect(&mut sender, &clear).unwrap();
            assert_eq!(sealed.len(), clear.len() + suite.tag_bytes());
            assert_eq!(sealed[..12], clear[..12], "the header stays clear");
            assert_ne!(sealed[12..clear.len()], clear[12..]);
            assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
        }
        for _ in 0..3 {
            let mut sealed = [&report()[..], &[0; ROOM]].concat();
            let length = sender.protect_rtcp(&mut sealed, report().len()).unwrap();
            assert_eq!(length, report().len() + 14);
            assert_ne!(sealed[8..24], report()[8..24]);
            let mut again = sealed.clone();
            let clear = receiver.unprotect_rtcp(&mut sealed[..length]).unwrap();
            assert_eq!(sealed[..clear], report());
            let replayed = receiver.unprotect_rtcp(&mut again[..length]);
            assert_eq!(replayed, Err(Refused::Replayed));
        }
    }
}

#[test]
fn header_extensions_and_sources_stay_clear() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    let mut clear = packet(1, 5);
    clear[0] |= 0x10 | 1;
    clear.splice(12..12, [9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    let sealed = protect(&mut sender, &clear).unwrap();
    assert_eq!(sealed[..24], clear[..24]);
    assert_ne!(sealed[24..clear.len()], clear[24..]);
    assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
    // A header that promises more than there is.
    clear[14] = 0x7f;
    clear[15] = 0xff;
    clear[18] = 0xff;
    assert_eq!(protect(&mut sender, &clear), Err(Refused::Short));
}

#[test]
fn the_name_of_a_key_stands_before_the_tag() {
    let inline = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let read = |more: &str| {
        let line = format!("1 AES_CM_128_HMAC_SHA1_32 inline:{inline}{more}");
        Crypto::read(line.as_bytes()).unwrap().key
    };
    let clear = packet(3, 3);
    let mut sealed = protect(&mut Sender::new(&read("")).unwrap(), &clear).unwrap();
    sealed.splice(clear.len()..clear.len(), [0, 0, 0, 1]);
    let mut receiver = Receiver::new(&read("|2^20|1:4")).unwrap();
    assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
}

#[test]
fn numbers_wrap_again_and_again() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag32);
    let mut sequence = 65_000_u16;
    for _ in 0..5_000 {
        let clear = packet(1, sequence);
        let sealed = protect(&mut sender, &clear).unwrap();
        assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
        sequence = sequence.wrapping_add(97);
    }
}

#[test]
fn whose_numbers_wrap_before_its_first_packet_comes_is_heard() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    let mut kept = Vec::new();
    for sequence in [65_534, 65_535, 0] {
        kept.push(protect(&mut sender, &packet(1, sequence)).unwrap());
    }
    for sequence in 1..200 {
        let clear = packet(1, sequence);
        let sealed = protect(&mut sender, &clear).unwrap();
        assert_eq!(unprotect(&mut receiver, &sealed).unwrap(), clear);
        assert_eq!(
            unprotect(&mut receiver, &sealed),
            Err(Refused::Replayed),
            "{sequence}"
        );
    }
    // Those from before the wrap come too late, and are no new ones.
    for sealed in kept {
        assert_eq!(unprotect(&mut receiver, &sealed), Err(Refused::Replayed));
    }
    // Only the first wrap is looked for, and only of a source that is not known.
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    unprotect(
        &mut receiver,
        &protect(&mut sender, &packet(1, 40_000)).unwrap(),
    )
    .unwrap();
    let mut other = pair(Suite::Aes128Sha1Tag80).0;
    for sequence in [65_535, 2, 30_000, 60_000, 2] {
        let _passed = protect(&mut other, &packet(2, sequence));
    }
    let late = protect(&mut other, &packet(2, 3)).unwrap();
    assert_eq!(unprotect(&mut receiver, &late), Err(Refused::Forged));
}

#[test]
fn what_was_recorded_on_the_wire_is_not_believed_again_after_a_wrap() {
    let (mut sender, mut receiver) = pair(Suite::Aes256Sha1Tag80);
    let mut kept = Vec::new();
    for sequence in (0..50).chain((50..70_000_u32).step_by(500)) {
        let number = u16::try_from(sequence & 0xffff).unwrap();
        let sealed = protect(&mut sender, &packet(1, number)).unwrap();
        if sequence < 50 {
            kept.push(sealed.clone());
        }
        unprotect(&mut receiver, &sealed).unwrap();
    }
    for sealed in kept {
        assert!(unprotect(&mut receiver, &sealed).is_err());
    }
}

#[test]
fn a_source_that_begins_anew_is_heard_and_no_number_is_used_twice() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    for sequence in 1_000..1_300 {
        let sealed = protect(&mut sender, &packet(1, sequence)).unwrap();
        unprotect(&mut receiver, &sealed).unwrap();
    }
    // The same packet once more, then the same source from another number on.
    assert_eq!(
        protect(&mut sender, &packet(1, 1_299)),
        Err(Refused::Replayed)
    );
    assert_eq!(protect(&mut sender, &packet(1, 40)), Err(Refused::Replayed));
    for sequence in 41..400 {
        let sealed = protect(&mut sender, &packet(1, sequence)).unwrap();
        let clear = unprotect(&mut receiver, &sealed).unwrap();
        assert_eq!(rtp::peek(&clear).unwrap().sequence, sequence - 41 + 1_300);
        assert_eq!(clear[12..], PAYLOAD);
    }
}

#[test]
fn a_storm_of_sources_ends_where_calls_end() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    let most = u32::try_from(STREAMS_MAX).unwrap();
    for ssrc in 0..most {
        let sealed = protect(&mut sender, &packet(ssrc, 1)).unwrap();
        unprotect(&mut receiver, &sealed).unwrap();
    }
    assert_eq!(
        protect(&mut sender, &packet(most, 1)),
        Err(Refused::Streams)
    );
    let other = protect(&mut pair(Suite::Aes128Sha1Tag80).0, &packet(most, 1)).unwrap();
    assert_eq!(unprotect(&mut receiver, &other), Err(Refused::Streams));
    // Those that are known go on.
    let sealed = protect(&mut sender, &packet(0, 2)).unwrap();
    unprotect(&mut receiver, &sealed).unwrap();
}

#[test]
fn a_forged_source_leaves_no_trace() {
    let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
    for ssrc in 0..1_000 {
        let mut forged = packet(ssrc, 1);
        forged.extend([0; 10]);
        assert_eq!(unprotect(&mut receiver, &forged), Err(Refused::Forged));
    }
    let sealed = protect(&mut sender, &packet(7, 9)).unwrap();
    unprotect(&mut receiver, &sealed).unwrap();
}

proptest! {
    #[test]
    fn packets_out_of_order_arrive_once_each(
        first: u16, suite in 0usize..4,
        order in proptest::collection::vec((0u16..60, 0u8..4), 1..200),
    ) {
        let (mut sender, mut receiver) = pair(Suite::ALL[suite]);
        // Sent in order; delivered late by up to 60, some twice, some never.
        let mut queue: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
        let mut came = 0;
        let mut wanted = 0;
        let mut begun = false;
        for (place, (late, what)) in order.iter().enumerate() {
            let clear = packet(1, first.wrapping_add(u16::try_from(place).unwrap()));
            let sealed = protect(&mut sender, &clear).unwrap();
            // The first one settles where a receiver begins: a later one that overtakes it may hide a wrap.
            let due = if begun { place + usize::from(*late) } else { place };
            begun = true;
            if *what > 0 || place == 0 {
                wanted += 1;
                queue.push((due, sealed.clone(), clear.clone()));
            }
            if *what == 3 {
                queue.push((due + 3, sealed, clear));
            }
        }
        queue.sort_by_key(|(due, ..)| *due);
        for (_, sealed, clear) in queue {
            match unprotect(&mut receiver, &sealed) {
                Ok(opened) => {
                    came += 1;
                    prop_assert_eq!(opened, clear);
                }
                Err(refused) => prop_assert_eq!(refused, Refused::Replayed),
            }
        }
        prop_assert_eq!(came, wanted);
    }

    #[test]
    fn nothing_that_was_touched_is_believed(
        suite in 0usize..4, byte in 0usize..42, bit in 0u8..8, cut in 0usize..43, cuts: bool,
    ) {
        let (mut sender, mut receiver) = pair(Suite::ALL[suite]);
        let first = protect(&mut sender, &packet(1, 9)).unwrap();
        unprotect(&mut receiver, &first).unwrap();
        let mut sealed = protect(&mut sender, &packet(1, 10)).unwrap();
        let whole = sealed.clone();
        if cuts {
            sealed.truncate(cut % whole.len());
        } else {
            let at = byte % sealed.len();
            sealed[at] ^= 1 << bit;
        }
        let before = sealed.clone();
        let mut buffer = sealed;
        prop_assert!(receiver.unprotect(&mut buffer).is_err());
        prop_assert_eq!(buffer, before, "what is refused stays as it came");
        // It has done no harm: the true one is still believed.
        prop_assert!(unprotect(&mut receiver, &whole).is_ok());
    }

    #[test]
    fn no_touched_report_is_believed(suite in 0usize..4, byte in 0usize..38, bit in 0u8..8) {
        let (mut sender, mut receiver) = pair(Suite::ALL[suite]);
        let mut sealed = [&report()[..], &[0; ROOM]].concat();
        let length = sender.protect_rtcp(&mut sealed, report().len()).unwrap();
        sealed.truncate(length);
        let mut touched = sealed.clone();
        touched[byte % length] ^= 1 << bit;
        prop_assert!(receiver.unprotect_rtcp(&mut touched).is_err());
        prop_assert_eq!(receiver.unprotect_rtcp(&mut sealed), Ok(report().len()));
    }

    #[test]
    fn another_key_opens_nothing(one in 0u8..9, other in 10u8..20, suite in 0usize..4) {
        let suite = Suite::ALL[suite];
        let sealed = protect(&mut Sender::new(&key(suite, one)).unwrap(), &packet(1, 1)).unwrap();
        let mut receiver = Receiver::new(&key(suite, other)).unwrap();
        prop_assert_eq!(unprotect(&mut receiver, &sealed), Err(Refused::Forged));
    }

    #[test]
    fn whatever_numbers_a_source_takes_no_index_goes_out_twice(
        numbers in proptest::collection::vec((0u32..3, prop_oneof![any::<u16>(), 0u16..40]), 0..300),
    ) {
        let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag80);
        for (ssrc, number) in numbers {
            // What we send is always what a receiver that follows the RFC takes.
            if let Ok(sealed) = protect(&mut sender, &packet(ssrc, number)) {
                prop_assert!(unprotect(&mut receiver, &sealed).is_ok());
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), valid: bool) {
        if valid && let Some(first) = bytes.first_mut() {
            *first = *first & 0x3f | 0x80;
        }
        let (mut sender, mut receiver) = pair(Suite::Aes128Sha1Tag32);
        prop_assert!(receiver.unprotect(&mut bytes.clone()).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut bytes.clone()).is_err());
        let length = bytes.len();
        bytes.resize(length + ROOM, 0);
        let _either = sender.protect(&mut bytes.clone(), length);
        let _either = sender.protect_rtcp(&mut bytes, length);
    }
}
