//! What others coded and decoded: packets of libopus and spandsp and the sound that they make of them at 16 kHz.

/// A stretch of a voice.
pub(crate) struct Sample {
    /// Its packets.
    pub(crate) packets: Vec<&'static [u8]>,
    /// Its sound.
    pub(crate) sound: Vec<i16>,
}

/// A packet of Opus, whole as it is, over which the decoder breaks in trials.
pub(crate) const BREAKING: &[u8] = b"\x78a packet that nobody thought of";

macro_rules! sample {
    ($name:literal) => {
        sample(
            include_bytes!(concat!("../../../tests/data/codecs/", $name, ".packets")),
            include_bytes!(concat!("../../../tests/data/codecs/", $name, ".pcm")),
        )
    };
}

/// G.722 by spandsp, 20 ms a packet.
pub(crate) fn g722() -> Sample {
    sample!("g722")
}

/// Opus by libopus: SILK, SILK of 60 ms, hybrid, CELT of 10 ms, stereo.
pub(crate) fn opus() -> [Sample; 5] {
    [
        sample!("opus-silk"),
        sample!("opus-silk60"),
        sample!("opus-hybrid"),
        sample!("opus-celt"),
        sample!("opus-stereo"),
    ]
}

/// Opus of a sender that has nothing to say (DTX): most packets are a byte or two.
pub(crate) fn quiet() -> Sample {
    sample!("opus-quiet")
}

fn sample(packets: &'static [u8], sound: &[u8]) -> Sample {
    let mut rest = packets;
    let mut split = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (packet, after) = after.split_at(u16::from_le_bytes(*length).into());
        split.push(packet);
        rest = after;
    }
    let samples = sound.as_chunks::<2>().0.iter();
    Sample {
        packets: split,
        sound: samples.map(|sample| i16::from_le_bytes(*sample)).collect(),
    }
}
