//! One datagram. `cargo +nightly fuzz run message fuzz/corpus/message tests/data/torture tests/data/ipv6`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::sip::probe::message(bytes));
