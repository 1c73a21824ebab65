//! What the admin says of the call log: `[store]`.

use std::path::PathBuf;

/// `[store]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the call log and its index, absolute.
    pub folder: PathBuf,
}
