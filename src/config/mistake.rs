//! A mistake in the configuration: where it is, what is wrong, and what to write instead.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One mistake, with its place and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Whether the file can be used in spite of it.
    pub grade: Grade,
    /// The file as it was named.
    pub file: PathBuf,
    /// Counted from 1; 0 when the file could not be read at all.
    pub line: usize,
    /// In characters, counted from 1; 0 when the file could not be read at all.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// The file cannot be used.
    Error,
    /// It can be used, but hardly says what is meant.
    Warning,
}

/// `config/ringtag.toml:12:5: …; …`
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        match self.grade {
            Grade::Error => {}
            Grade::Warning => f.write_str(" warning:")?,
        }
        write!(f, " {}; {}", self.message, self.remedy)
    }
}
