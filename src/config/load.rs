//! Reads the configuration from the disk. A shell.

use std::path::{Path, PathBuf};

use crate::config::Loaded;
use crate::config::mistake::{Grade, Mistake};
use crate::config::outside::Machine;
use crate::config::read::read;

/// Far above any configuration; whoever names a recording by mistake is told so.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// Reads the configuration in `file`.
///
/// # Errors
/// Every mistake with its place, and the warnings among them; or the one that the file cannot be read.
pub fn load(file: &Path) -> Result<Loaded, Vec<Mistake>> {
    let text = text(file, "name the configuration with --config FILE")?;
    read(file, &text, &folder(file), &Machine)
}

/// Reads the text of `file`; `remedy` is what to do where there is none.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn text(file: &Path, remedy: &str) -> Result<String, Vec<Mistake>> {
    let bytes = contents(file).map_err(|why| vec![whole_file(file, why, remedy.to_owned())])?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        vec![not_text(file, error.as_bytes(), good)]
    })
}

fn contents(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > FILE_MAX {
        return Err(format!(
            "it is {size} bytes long, which is no configuration"
        ));
    }
    std::fs::read(file).map_err(unreadable)
}

/// The folder of the file, absolute, so that relative paths in it mean the same from everywhere.
fn folder(file: &Path) -> PathBuf {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.parent().map(Path::to_owned).unwrap_or_default()
}

fn whole_file(file: &Path, message: String, remedy: String) -> Mistake {
    Mistake {
        grade: Grade::Error,
        file: file.to_owned(),
        line: 0,
        column: 0,
        message,
        remedy,
    }
}

fn not_text(file: &Path, bytes: &[u8], good: usize) -> Mistake {
    let before = bytes.get(..good).unwrap_or_default();
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let in_line = before.get(line_start..).unwrap_or_default();
    Mistake {
        grade: Grade::Error,
        file: file.to_owned(),
        line: before.iter().filter(|b| **b == b'\n').count() + 1,
        column: String::from_utf8_lossy(in_line).chars().count() + 1,
        message: "this byte is not UTF-8, which TOML is written in".to_owned(),
        remedy: "save the file as UTF-8".to_owned(),
    }
}
