//! Reports, sound and keys as they come to a leg. `cargo +nightly fuzz run wire`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::media::probe::wire(bytes));
