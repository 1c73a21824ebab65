//! A play between a carrier, the switchboard and a PBX. `cargo +nightly fuzz run calls`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::call::probe::calls(bytes));
