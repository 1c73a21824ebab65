//! One configuration file. `cargo +nightly fuzz run config fuzz/corpus/config tests/data`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::config::probe::file(bytes));
