//! What the admin says of recordings: `[recordings]`.

use std::path::PathBuf;

/// `[recordings]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the WAV files, absolute.
    pub folder: PathBuf,
    /// Which calls are recorded.
    pub when: When,
    /// After how many days a recording is removed; `None`: never.
    pub keep_days: Option<u32>,
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
