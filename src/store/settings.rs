//! What the admin says of the call log: `[store]`.

use std::path::PathBuf;

/// `[store]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the call log and its index, absolute.
    pub folder: PathBuf,
    /// Days for which the messages of a call are kept; 0: they are not.
    pub ladder_days: u32,
}
