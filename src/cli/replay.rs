//! `ringtag route --replay FILE`: past calls against an edited configuration, before it is loaded. The exit code is that of
//! `diff`: 0 nothing would be otherwise, 1 something would, 2 that could not be found out.

use std::io::{self, Write};
use std::path::Path;

use crate::api::replay::{Asked, usual};
use crate::base::clock::Clock;
use crate::cli::store::Access;
use crate::cli::time::parse_time;
use crate::cli::{DONE, WRONG_INPUT, complain};
use crate::config::{self, Grade, Mistake};
use crate::report::replayed::Replayed;

/// Something would be otherwise.
const DIFFERS: u8 = 1;

/// Holds past calls against the configuration in `edited`; `file` is the one in force, where no server says so.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn replay(
    file: &Path,
    edited: &Path,
    times: [Option<&str>; 2],
    json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let replayed = match replayed(file, edited, times) {
        Ok(replayed) => replayed,
        Err(messages) => {
            messages.iter().for_each(|message| complain(message));
            return Ok(WRONG_INPUT);
        }
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &replayed)?;
        writeln!(out)?;
    } else {
        write!(out, "{replayed}")?;
    }
    Ok(if replayed.is_same() { DONE } else { DIFFERS })
}

fn replayed(
    file: &Path,
    edited: &Path,
    [since, until]: [Option<&str>; 2],
) -> Result<Replayed, Vec<String>> {
    let read = |text: Option<&str>| text.map(parse_time).transpose().map_err(|why| vec![why]);
    let (since, until) = (read(since)?, read(until)?);
    let until = until.unwrap_or_else(|| Clock::start().wall());
    let since = since.unwrap_or_else(|| usual(until).0);
    if since >= until {
        return Err(vec!["--since is not before --until".to_owned()]);
    }
    let sentences = |mistakes: Vec<Mistake>| -> Vec<String> {
        mistakes.iter().map(ToString::to_string).collect()
    };
    let toml = config::load::text(edited, "name the edited configuration").map_err(sentences)?;
    let tried = config::draft(edited, &toml).map_err(sentences)?;
    let warnings = tried.warnings.iter();
    let warnings = warnings.filter(|warning| warning.grade == Grade::Warning);
    warnings.for_each(|warning| complain(&warning.to_string()));
    let access = Access::open(file).map_err(|refused| refused.messages())?;
    let asked = Asked { toml, since, until };
    let replayed = access.replay(asked, &tried.config);
    replayed.map_err(|error| vec![error.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let office = std::fs::read_to_string("tests/data/office.toml").unwrap();
        (folder, office)
    }

    fn code(folder: &Path, edited: &str) -> u8 {
        let (file, other) = (folder.join("ringtag.toml"), folder.join("edited.toml"));
        std::fs::write(&other, edited).unwrap();
        replay(&file, &other, [None, None], false, &mut Vec::new()).unwrap()
    }

    #[test]
    fn what_cannot_be_found_out_is_2_as_with_diff() {
        let (folder, office) = place();
        let folder = folder.path();
        assert_eq!(
            code(folder, &office),
            WRONG_INPUT,
            "no configuration in force"
        );
        std::fs::write(folder.join("ringtag.toml"), &office).unwrap();
        assert_eq!(
            code(folder, "[[rule]]\nrings = 3\n"),
            WRONG_INPUT,
            "mistakes"
        );
        let missing = folder.join("missing.toml");
        let asked = |times| {
            replay(
                &folder.join("ringtag.toml"),
                &missing,
                times,
                true,
                &mut Vec::new(),
            )
        };
        assert_eq!(asked([None, None]).unwrap(), WRONG_INPUT);
        assert_eq!(
            asked([Some("today"), Some("yesterday")]).unwrap(),
            WRONG_INPUT
        );
    }
}
