//! A leg, its peer and a stranger. `cargo +nightly fuzz run srtp`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::media::probe::srtp(bytes));
