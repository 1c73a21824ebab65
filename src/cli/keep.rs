//! `ringtag verify`, `reindex` and `erase`: the call log checked, its index made again, a person removed.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;

use crate::base::number::Number;
use crate::cli::store::{self, Access};
use crate::cli::{DONE, FAILED, WRONG_INPUT, complain, count};
use crate::store::error::StoreError;
use crate::store::handle::Verdict;

/// What `ringtag erase` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct EraseOptions {
    /// Whose calls: the number as the record shows it or as it is dialled in the country of the configuration.
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
    let Some(number) = Number::read(&options.number, access.country()) else {
        complain(&format!(
            "`{}` is no telephone number; write it with its country code: +74950000001",
            options.number
        ));
        return Ok(WRONG_INPUT);
    };
    let erased = match access.erase(number) {
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
            "{} of this number not ended, or being finished: run this again in a minute",
            counted(erased.in_progress, "call")
        ));
        return Ok(FAILED);
    }
    Ok(DONE)
}

fn counted(number: u64, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

fn fail(error: &StoreError) -> io::Result<u8> {
    complain(&error.to_string());
    Ok(FAILED)
}
