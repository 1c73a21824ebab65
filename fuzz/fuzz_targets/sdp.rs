//! Descriptions between two legs, parted by lines of dashes. `cargo +nightly fuzz run sdp -- -dict=fuzz/sdp.dict`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringtag::sdp::probe::descriptions(bytes));
