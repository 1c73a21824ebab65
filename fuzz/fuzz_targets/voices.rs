//! Packets of one codec. `cargo +nightly fuzz run voices`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    ringtag::media::probe::voices(bytes);
});
