//! The log on standard error: structured, filtered, and never in the way of a call.

mod behind;
mod line;

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::cli::log::behind::{Behind, Guard};
use crate::cli::log::line::Line;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts the log. The guard writes what waits when it is dropped.
///
/// `RINGTAG_LOG` chooses what is logged, in the syntax of tracing's filters: `info`, `ringtag::engine=debug`.
pub(in crate::cli) fn start(format: LogFormat) -> Guard {
    start_at(format, tracing::Level::INFO)
}

/// As [`start`], with errors only unless `RINGTAG_LOG` chooses.
pub(in crate::cli) fn start_quiet(format: LogFormat) -> Guard {
    start_at(format, tracing::Level::ERROR)
}

fn start_at(format: LogFormat, level: tracing::Level) -> Guard {
    let (writer, guard) = Behind::start(std::io::stderr());
    let filter = EnvFilter::builder()
        .with_env_var("RINGTAG_LOG")
        .with_default_directive(level.into())
        .from_env_lossy();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let started = match format {
        LogFormat::Text => builder
            .with_ansi(std::io::stderr().is_terminal())
            .event_format(Line::new())
            .try_init(),
        LogFormat::Json => builder
            .with_target(false)
            .json()
            .flatten_event(true)
            .try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    let _already = started.is_err();
    guard
}
