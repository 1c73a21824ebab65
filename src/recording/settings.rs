//! What the admin says of recordings: `[recordings]`.

use std::path::PathBuf;

use crate::recording::keys::Codes;

/// `[recordings]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the WAV files, absolute.
    pub folder: PathBuf,
    /// Which calls are recorded.
    pub when: When,
    /// After how many days a recording is removed; `None`: never.
    pub keep_days: Option<u32>,
    /// What finished files are.
    pub format: Format,
    /// The longest that a file grows before another follows it.
    pub part_bytes: u64,
    /// What the one who answered presses to pause, and to go on.
    pub codes: Codes,
    /// A hold that stops the sound both ways pauses.
    pub pause_on_hold: bool,
    /// How what is heard becomes a file's sound.
    pub manner: Manner,
}

impl Settings {
    /// Everything as it is where the configuration says nothing but the folder.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            when: When::default(),
            keep_days: None,
            format: Format::default(),
            part_bytes: PART_BYTES_MAX,
            codes: Codes::default(),
            pause_on_hold: false,
            manner: Manner::default(),
        }
    }
}

/// The longest file: 4 GiB less a MiB for its header, because the sizes in it are 32 bits. 37 hours at 8 kHz.
pub const PART_BYTES_MAX: u64 = 4_095 << 20;

/// What finished files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// As they grew.
    #[default]
    Wav,
    /// Packed without loss: about half as long.
    Flac,
}

/// How what is heard becomes a file's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// `[recordings] opus_rate`: the rate of a file in which Opus is heard.
    pub opus_rate_hz: u32,
    /// `[media] conceal`: what a lost packet might have held is made up, else it is silence.
    pub conceal: bool,
    /// `[recordings] mask_digits`: pressed keys are not heard.
    pub mask_digits: bool,
}

/// The rates that Opus can be decoded to (RFC 6716 2.1.3).
pub const OPUS_RATES_HZ: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

impl Default for Manner {
    fn default() -> Self {
        Self {
            opus_rate_hz: 48_000,
            conceal: false,
            mask_digits: false,
        }
    }
}

/// Which calls are recorded, before a rule has its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum When {
    /// Every tracked call unless its rule says `record = false`.
    #[default]
    All,
    /// None; no rule changes that.
    None,
    /// Only where the rule says `record = true`.
    ByRule,
}
