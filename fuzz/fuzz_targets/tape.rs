//! What happens to one recording. `cargo +nightly fuzz run tape`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::recording::probe::tape(bytes));
