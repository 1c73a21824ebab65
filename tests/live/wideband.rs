//! baresip calls baresip with wideband codecs: the recording has their rate, and each side's tone in its own channel.

use std::path::Path;

use crate::baresip::{CALLEE_HZ, CALLER_HZ, Pair};
use crate::sound::{RATE, assert_tone};

/// Reads both channels of a recording of this rate, thinned out to the rate of the tones: they lie far below half of it.
fn thinned(path: &Path, rate_hz: u32) -> [Vec<i16>; 2] {
    let mut wav = hound::WavReader::open(path).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, rate_hz));
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let step = usize::try_from(rate_hz / RATE).unwrap();
    [0, 1].map(|channel| {
        samples
            .chunks_exact(2)
            .step_by(step)
            .map(|frame| frame[channel])
            .collect()
    })
}

fn is_recorded(codec: &str, named: &str, rate_hz: u32) {
    let mut pair = Pair::start_with(codec);
    // It counts by the size of a file at 8 kHz.
    let ringtag = pair.talk(4 * u64::from(rate_hz / RATE));
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    let calls = ringtag.ended_calls(1);
    let call = &calls[0];
    assert_eq!(call["legs"][0]["codec"], named);
    assert_eq!(call["recording"]["state"], "complete", "{call}");
    assert_eq!(call["recording"]["sample_rate_hz"], rate_hz);
    let talk_ms = call["talk_ms"].as_u64().unwrap();
    let recorded_ms = call["recording"]["duration_ms"].as_u64().unwrap();
    assert!(
        talk_ms.abs_diff(recorded_ms) <= 20,
        "{talk_ms} {recorded_ms}"
    );
    let [left, right] = thinned(&ringtag.recording_of(call), rate_hz);
    assert_tone("left channel", &left, CALLER_HZ, CALLEE_HZ);
    assert_tone("right channel", &right, CALLEE_HZ, CALLER_HZ);
}

#[test]
fn g722_is_recorded_at_16_khz() {
    is_recorded("G722/16000/1", "G722/8000", 16_000);
}

#[test]
fn opus_is_recorded_at_48_khz() {
    is_recorded("opus/48000/2", "OPUS/48000", 48_000);
}
