//! One connection; the first byte is the size of the pieces. `cargo +nightly fuzz run stream`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::sip::probe::stream(bytes));
