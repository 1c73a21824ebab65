//! `ringtag verify`, `reindex` and `erase`: the call log checked, its index made again, a person removed.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;

use crate::base::country::Country;
use crate::base::number::{Caller, Number};
use crate::cli::store::{self, Access};
use crate::cli::{DONE, FAILED, WRONG_INPUT, complain, count};
use crate::store::error::StoreError;
use crate::store::handle::Verdict;

/// What `ringtag erase` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct EraseOptions {
    /// Whose calls: the caller as the record shows it, or a number as it is dialled in the country of the configuration.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    number: String,
}

/// Checks the chain of the call log and the recordings' hashes.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn verify(config: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let verdict = match Access::open(config) {
        Ok(access) => access.verify(),
        Err(refused) => return Ok(refused.say()),
    };
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(error) => return fail(&error),
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &verdict)?;
        writeln!(out)?;
    }
    match verdict {
        Verdict::Whole {
            lines,
            months,
            recordings,
            head,
        } => {
            if !json {
                writeln!(
                    out,
                    "whole: {} in {}, {} as hashed\nhead: {head}",
                    counted(lines, "line"),
                    counted(months, "month"),
                    counted(recordings, "recording"),
                )?;
            }
            Ok(DONE)
        }
        Verdict::Broken { file, line, why } => {
            if !json {
                writeln!(out, "broken: {}, line {line}: {why}", file.display())?;
            }
            Ok(FAILED)
        }
    }
}

/// Makes the index again from the log.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn reindex(config: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    match store::reindex(config) {
        Ok(calls) if json => writeln!(out, "{{\"calls\": {calls}}}").map(|()| DONE),
        Ok(calls) => {
            writeln!(out, "the index was made again: {}", counted(calls, "call")).map(|()| DONE)
        }
        Err(refused) => Ok(refused.say()),
    }
}

/// Removes a person.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn erase(
    config: &Path,
    options: &EraseOptions,
    json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let access = match Access::open(config) {
        Ok(access) => access,
        Err(refused) => return Ok(refused.say()),
    };
    let Some(caller) = whose(&options.number, access.country()) else {
        complain(&format!(
            "`{}` is nobody's; write a number with its country code (+74950000001), or the caller as the record shows it",
            options.number
        ));
        return Ok(WRONG_INPUT);
    };
    let erased = match access.erase(caller) {
        Ok(erased) => erased,
        Err(error) => return fail(&error),
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &erased)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "erased: {}, {}; {} of the log written anew",
            counted(erased.calls, "call"),
            counted(erased.recordings, "recording"),
            counted(erased.months, "month"),
        )?;
    }
    if erased.damaged > 0 {
        complain(&format!(
            "{} damaged lines of these calls may still hold the number: `ringtag verify` names the first",
            erased.damaged
        ));
        return Ok(FAILED);
    }
    if erased.in_progress > 0 {
        complain(&format!(
            "{} of this caller not ended, or being finished: run this again in a minute",
            counted(erased.in_progress, "call")
        ));
        return Ok(FAILED);
    }
    Ok(DONE)
}

fn counted(number: u64, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

/// The caller whom a person wrote; `None`: nobody in particular.
fn whose(text: &str, country: &Country) -> Option<Caller> {
    let text = text.trim();
    match Number::read(text, country).map_or_else(|| Caller::from_record(text), Caller::Number) {
        Caller::Other(other) if other.is_empty() => None,
        Caller::Anonymous => None,
        caller @ (Caller::Number(_) | Caller::Other(_)) => Some(caller),
    }
}

fn fail(error: &StoreError) -> io::Result<u8> {
    complain(&error.to_string());
    Ok(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_a_number_or_what_the_record_shows_and_never_nobody() {
        let country = Country::from_code("RU").unwrap();
        let number = Number::e164("+74950000001").unwrap();
        assert_eq!(
            whose("+7 495 000-00-01", &country),
            Some(Caller::Number(number))
        );
        assert_eq!(whose("101", &country), Some(Caller::Other("101".into())));
        for nobody in ["anonymous", "", " "] {
            assert_eq!(whose(nobody, &country), None);
        }
    }
}
