//! Tones: made for the clients, found again in recordings.

use std::f64::consts::TAU;
use std::path::Path;

/// Samples a second of everything here.
pub(crate) const RATE: u32 = 8_000;

/// Writes `seconds` of a sine as a 16-bit mono WAV.
pub(crate) fn write_tone(path: &Path, hz: u32, seconds: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..RATE * seconds {
        let phase = TAU * f64::from(hz) * f64::from(n) / f64::from(RATE);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of full scale fits 16 bits"
        )]
        wav.write_sample((phase.sin() * 16_000.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
}

/// Reads a WAV: its channels, each on its own.
pub(crate) fn channels(path: &Path) -> Vec<Vec<i16>> {
    let mut wav = hound::WavReader::open(path).unwrap();
    let count = usize::from(wav.spec().channels);
    assert_eq!(wav.spec().sample_rate, RATE);
    let mut channels = vec![Vec::new(); count];
    for (n, sample) in wav.samples::<i16>().enumerate() {
        channels[n % count].push(sample.unwrap());
    }
    channels
}

/// How much of the energy of `samples` is at `hz`: 1 for a clean tone, near 0 for anything else.
pub(crate) fn share_of(samples: &[i16], hz: u32) -> f64 {
    let w = TAU * f64::from(hz) / f64::from(RATE);
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let x = f64::from(*sample);
        let phase = w * n as f64;
        re += x * phase.cos();
        im += x * phase.sin();
        energy += x * x;
    }
    if energy == 0.0 {
        return 0.0;
    }
    2.0 * (re * re + im * im) / (energy * samples.len() as f64)
}

/// The loud part of `samples`: between the first and the last 100 ms that hold sound.
pub(crate) fn loud(samples: &[i16]) -> &[i16] {
    let block = RATE as usize / 10;
    let loud: Vec<usize> = samples
        .chunks(block)
        .enumerate()
        .filter(|(_, chunk)| chunk.iter().any(|s| s.unsigned_abs() > 4_000))
        .map(|(n, _)| n)
        .collect();
    match (loud.first(), loud.last()) {
        // The outermost blocks are partly silent.
        (Some(first), Some(last)) if last - first >= 3 => {
            &samples[(first + 1) * block..last * block]
        }
        _ => &[],
    }
}

/// Nine in ten blocks of the loud part are a clean tone at `is`, and nothing of `is_not` is in any.
pub(crate) fn assert_tone(what: &str, samples: &[i16], is: u32, is_not: u32) {
    assert_share(what, samples, (is, 90), is_not);
}

/// The same for what a phone heard, whose own clock and buffer break a tone now and then: three in four blocks.
pub(crate) fn assert_heard(what: &str, samples: &[i16], is: u32, is_not: u32) {
    assert_share(what, samples, (is, 75), is_not);
}

fn assert_share(what: &str, samples: &[i16], (is, percent): (u32, usize), is_not: u32) {
    let sound = loud(samples);
    assert!(
        sound.len() > 8_000,
        "{what}: {} loud samples of {}",
        sound.len(),
        samples.len()
    );
    // A dropped or late packet breaks the phase for a moment, so blocks are looked at one by one.
    let blocks: Vec<f64> = sound
        .chunks_exact(800)
        .map(|block| share_of(block, is))
        .collect();
    let clean = blocks.iter().filter(|share| **share > 0.95).count();
    assert!(
        clean * 100 >= blocks.len() * percent,
        "{what}: {is} Hz in {clean} of {} blocks",
        blocks.len()
    );
    let other = sound
        .chunks_exact(800)
        .map(|block| share_of(block, is_not))
        .fold(0.0, f64::max);
    assert!(other < 0.3, "{what}: {is_not} Hz leaks in ({other})");
}
