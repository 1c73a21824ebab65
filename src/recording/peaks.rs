//! What a waveform is drawn from: how loud each side is in each twentieth of a second, two bytes a side. An hour is 288 KB.
//! Knows no file.
//!
//! The bytes, numbers little end first: `RTPK`; version (1); channels (2); buckets a second, 16 bits; number of the first
//! bucket; how many follow; length of the sound in milliseconds; flags (bit 0: the file grows; bit 1: another file of
//! the recording follows it), 32 bits each. Then four
//! bytes a bucket: the caller's peak and mean loudness (RMS), the callee's peak and mean. Loudness is coded as its square
//! root, 255 being full scale, so that a whisper of one percent of full scale still stands at a tenth of the height.

/// Buckets a second: 50 ms is shorter than a syllable, and finer than a pixel of any call that is longer than a minute.
pub const PER_SECOND: u32 = 20;
/// What the bytes begin with.
pub const MAGIC: [u8; 4] = *b"RTPK";
/// Bytes before the first bucket.
pub const HEADER_BYTES: usize = 24;
/// Bytes of a bucket.
pub const BUCKET_BYTES: usize = 4;

/// Bytes of a frame: 16 bits left, 16 bits right.
const FRAME: usize = 4;
const VERSION: u8 = 1;
const GROWS: u8 = 1;
const FOLLOWED: u8 = 2;
/// Where the flags' first byte is.
const FLAGS_AT: usize = 20;
/// The loudest sample there is: the most negative one.
const FULL_SCALE: u64 = 1 << 15;
/// Code of full scale.
const LOUDEST: u64 = 255;

/// One side within the bucket that is being counted.
#[derive(Clone, Copy, Debug, Default)]
struct Loudness {
    peak: u64,
    /// Sum of the samples' squares: 63 bits hold 2^33 of the loudest.
    energy: u64,
}

impl Loudness {
    fn add(&mut self, sample: i16) {
        let size = u64::from(sample.unsigned_abs());
        self.peak = self.peak.max(size);
        self.energy += size * size;
    }

    fn codes(self, frames: u64) -> [u8; 2] {
        let mean = self.energy.checked_div(frames).unwrap_or(0).isqrt();
        [code(self.peak), code(mean)]
    }
}

/// The square root of a loudness, rounded down.
fn code(size: u64) -> u8 {
    let code = (size * LOUDEST * LOUDEST / FULL_SCALE).isqrt();
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Peaks in the making: fed with the sound of a recording from front to back, in pieces of any length.
#[derive(Debug)]
pub struct Peaks {
    rate_hz: u64,
    /// Number of the first bucket.
    first: u32,
    buckets: Vec<u8>,
    sides: [Loudness; 2],
    /// Frames in the bucket that is being counted.
    counted: u64,
    /// Frames before the end of that bucket.
    due: u64,
    /// Frames fed, and those before the first bucket.
    frames: u64,
    /// Bytes of a frame that came in two pieces.
    rest: Vec<u8>,
}

impl Peaks {
    /// Begins with bucket `first` of a recording of `rate_hz` frames a second.
    pub fn begin(rate_hz: u32, first: u32) -> Self {
        let rate_hz = u64::from(rate_hz.max(PER_SECOND));
        let mut peaks = Self {
            rate_hz,
            first,
            buckets: Vec::new(),
            sides: [Loudness::default(); 2],
            counted: 0,
            due: 0,
            frames: first_frame(rate_hz, u64::from(first)),
            rest: Vec::new(),
        };
        peaks.due = peaks.next_due();
        peaks
    }

    /// The frame at which bucket `first` begins, for who reads the recording.
    pub const fn starts_at(&self) -> u64 {
        first_frame(self.rate_hz, self.first as u64)
    }

    /// Takes interleaved 16-bit stereo, little end first.
    pub fn feed(&mut self, mut sound: &[u8]) {
        if !self.rest.is_empty() {
            let lacking = FRAME - self.rest.len();
            let (head, tail) = sound.split_at_checked(lacking).unwrap_or((sound, &[]));
            self.rest.extend_from_slice(head);
            sound = tail;
            if let Some(frame) = self.rest.first_chunk().copied() {
                self.rest.clear();
                self.frame(frame);
            }
        }
        let (frames, rest) = sound.as_chunks::<FRAME>();
        for frame in frames {
            self.frame(*frame);
        }
        self.rest.extend_from_slice(rest);
    }

    fn frame(&mut self, [a, b, c, d]: [u8; 4]) {
        let [left, right] = &mut self.sides;
        left.add(i16::from_le_bytes([a, b]));
        right.add(i16::from_le_bytes([c, d]));
        self.counted += 1;
        self.frames += 1;
        if self.counted == self.due {
            self.end_bucket();
        }
    }

    /// Frames of the bucket that begins now: one more or less where the rate is no multiple of [`PER_SECOND`].
    fn next_due(&self) -> u64 {
        let done = self.buckets.len() / BUCKET_BYTES;
        let number = u64::from(self.first) + done as u64;
        first_frame(self.rate_hz, number + 1) - first_frame(self.rate_hz, number)
    }

    fn end_bucket(&mut self) {
        for side in self.sides {
            self.buckets.extend(side.codes(self.counted));
        }
        self.sides = [Loudness::default(); 2];
        self.counted = 0;
        self.due = self.next_due();
    }

    /// Ends the last bucket where it is and returns the bytes.
    pub fn finish(mut self, grows: bool) -> Vec<u8> {
        if self.counted > 0 {
            self.end_bucket();
        }
        let length_ms = self.frames * 1_000 / self.rate_hz;
        let count = self.buckets.len() / BUCKET_BYTES;
        head(self.first, number(count as u64), number(length_ms), grows)
            .into_iter()
            .chain(self.buckets)
            .collect()
    }
}

/// Says that another file of the recording follows this one, which does not grow any more then.
pub fn set_followed(peaks: &mut [u8]) {
    if let Some(flags) = peaks.get_mut(FLAGS_AT) {
        *flags = (*flags | FOLLOWED) & !GROWS;
    }
}

/// The first frame of a bucket.
const fn first_frame(rate_hz: u64, bucket: u64) -> u64 {
    (bucket * rate_hz).div_ceil(PER_SECOND as u64)
}

/// The longest file has 2.7 million buckets and 134 million milliseconds.
fn number(of: u64) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn head(first: u32, count: u32, length_ms: u32, grows: bool) -> [u8; HEADER_BYTES] {
    let [p0, p1, ..] = PER_SECOND.to_le_bytes();
    let mut head = [0; HEADER_BYTES];
    let flags = u32::from(if grows { GROWS } else { 0 });
    let fields = [first, count, length_ms, flags].map(u32::to_le_bytes);
    let text = MAGIC
        .into_iter()
        .chain([VERSION, 2, p0, p1])
        .chain(fields.into_iter().flatten());
    for (to, from) in head.iter_mut().zip(text) {
        *to = from;
    }
    head
}

/// Whether these are whole peaks of this version from bucket 0 on.
pub fn is_whole(bytes: &[u8]) -> bool {
    let Some((found, buckets)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let count = number((buckets.len() / BUCKET_BYTES) as u64);
    let length_ms = found.last_chunk::<12>().and_then(|rest| rest.get(4..8));
    let length_ms = length_ms.and_then(|four| four.try_into().ok());
    let length_ms = length_ms.map_or(0, u32::from_le_bytes);
    buckets.len() % BUCKET_BYTES == 0 && *found == head(0, count, length_ms, false)
}

/// Cuts what lies before bucket `first` from whole peaks.
pub fn since(mut bytes: Vec<u8>, first: u32) -> Vec<u8> {
    let all = bytes.len().saturating_sub(HEADER_BYTES) / BUCKET_BYTES;
    let first = first.min(number(all as u64));
    let cut = usize::try_from(first).unwrap_or(0) * BUCKET_BYTES;
    let kept = number((all as u64).saturating_sub(u64::from(first)));
    let fields = [first, kept].map(u32::to_le_bytes);
    if let Some(counts) = bytes.get_mut(8..16) {
        for (to, from) in counts.iter_mut().zip(fields.into_iter().flatten()) {
            *to = from;
        }
        bytes.drain(HEADER_BYTES..HEADER_BYTES + cut);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stereo sound of a constant size on each side.
    fn sound(frames: usize, left: i16, right: i16) -> Vec<u8> {
        let [[a, b], [c, d]] = [left, right].map(i16::to_le_bytes);
        [a, b, c, d].repeat(frames)
    }

    fn buckets(bytes: &[u8]) -> &[[u8; 4]] {
        assert!(is_whole(bytes));
        bytes[HEADER_BYTES..].as_chunks().0
    }

    #[test]
    fn each_side_has_its_own_loudness_and_a_whisper_is_still_seen() {
        let mut peaks = Peaks::begin(8_000, 0);
        peaks.feed(&sound(400, i16::MIN, 328));
        peaks.feed(&sound(400, 0, 0));
        // Half silent: the peak stays, the mean falls.
        peaks.feed(&sound(200, -8_192, 0));
        peaks.feed(&sound(200, 0, 0));
        let bytes = peaks.finish(false);
        assert_eq!(
            buckets(&bytes),
            [[255, 255, 25, 25], [0, 0, 0, 0], [127, 107, 0, 0]]
        );
        assert_eq!(bytes[..8], *b"RTPK\x01\x02\x14\x00");
        assert_eq!(bytes[8..16], [0, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(bytes[16..24], [150, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_the_sound_comes() {
        let all: Vec<u8> = (0..40_000_u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes())
            .collect();
        let whole = |piece: usize| {
            let mut peaks = Peaks::begin(8_000, 0);
            all.chunks(piece).for_each(|piece| peaks.feed(piece));
            peaks.finish(false)
        };
        let once = whole(all.len());
        assert_eq!(buckets(&once).len(), 100);
        for piece in [1, 2, 3, 5, 1_601, 4_096] {
            assert!(whole(piece) == once, "{piece}");
        }
    }

    #[test]
    fn a_second_has_twenty_buckets_at_any_rate() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 48_000] {
            let mut peaks = Peaks::begin(rate_hz, 0);
            peaks.feed(&sound(rate_hz as usize * 10, 1_000, -1_000));
            assert_eq!(buckets(&peaks.finish(false)).len(), 200, "{rate_hz}");
        }
        let mut short = Peaks::begin(8_000, 0);
        short.feed(&sound(401, 5, 5));
        assert_eq!(buckets(&short.finish(false)).len(), 2);
    }

    #[test]
    fn what_begins_later_and_what_is_cut_later_are_the_same() {
        let mut all = sound(8_000, 100, 3_000);
        all.extend(sound(4_100, 20_000, 0));
        for rate_hz in [8_000, 11_025] {
            let mut peaks = Peaks::begin(rate_hz, 0);
            peaks.feed(&all);
            let whole = peaks.finish(false);
            for first in [0, 1, 7, 21] {
                let mut later = Peaks::begin(rate_hz, first);
                let skipped = usize::try_from(later.starts_at()).unwrap() * 4;
                later.feed(&all[skipped..]);
                assert_eq!(later.finish(false), since(whole.clone(), first), "{first}");
            }
            let nothing = since(whole, 999);
            assert_eq!(nothing.len(), HEADER_BYTES);
            assert!(!is_whole(&nothing));
        }
    }

    #[test]
    fn half_a_file_and_another_version_are_not_whole() {
        let mut peaks = Peaks::begin(8_000, 0);
        peaks.feed(&sound(4_000, 1, 1));
        let whole = peaks.finish(false);
        assert!(is_whole(&whole));
        for length in [
            0,
            3,
            HEADER_BYTES - 1,
            HEADER_BYTES,
            whole.len() - 1,
            whole.len() - 4,
        ] {
            assert!(!is_whole(&whole[..length]), "{length}");
        }
        let mut other = whole.clone();
        other[4] = 2;
        assert!(!is_whole(&other) && !is_whole(&vec![0; whole.len()]));
        assert!(is_whole(&Peaks::begin(8_000, 0).finish(false)));
    }
}
