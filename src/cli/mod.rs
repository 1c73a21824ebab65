//! The command line: reads the arguments and hands each command to its file.

mod calls;
mod check;
mod demo;
mod keep;
mod log;
mod passwd;
mod replay;
mod route;
mod serve;
mod store;
mod time;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::log::LogFormat;

/// Done.
const DONE: u8 = 0;
/// Tried, and it did not work out.
const FAILED: u8 = 1;
/// The user's input or configuration is wrong.
const WRONG_INPUT: u8 = 2;

/// A SIP back-to-back user agent with call recording and call tracking.
#[derive(Debug, Parser)]
#[command(name = "ringtag", version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "config/ringtag.toml"
    )]
    config: PathBuf,
    /// Print JSON where a program would want it.
    #[arg(long, global = true)]
    json: bool,
    /// How the log on standard error looks; RINGTAG_LOG chooses what is in it (info, ringtag::engine=debug, ...).
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run: take calls, forward, record and log them. The same as no command at all.
    Serve,
    /// Read the configuration and print every mistake with its place and remedy.
    Check,
    /// Say which rule would decide a call, why each earlier one did not, and the targets in order.
    Route(route::Options),
    /// List calls, or show one.
    Calls(calls::Options),
    /// Check the chain of the call log and the recordings' hashes.
    Verify,
    /// Make the index again from the call log. Refused while a server runs on it.
    Reindex,
    /// Remove a person: numbers, notes and recordings of their calls.
    Erase(keep::EraseOptions),
    /// Take a password and print the lines of the configuration that stand for it.
    Passwd(passwd::Options),
    /// Place a call between two built-in phones on loopback and show what came of it.
    Demo(demo::Options),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // clap exits by itself for --help, --version (0) and mistakes in the arguments (2).
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let code = match run(&arguments, &mut out) {
        Ok(code) => code,
        // The reader of our output is gone (`ringtag calls | head`): nothing is wrong with us.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => DONE,
        Err(error) => {
            complain(&format!("cannot write the output: {error}"));
            FAILED
        }
    };
    ExitCode::from(code)
}

fn run(arguments: &Arguments, out: &mut dyn Write) -> std::io::Result<u8> {
    let config = arguments.config.as_path();
    let json = arguments.json;
    match arguments.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => serve::serve(config, arguments.log_format, out),
        Command::Check => check::check(config, json, out),
        Command::Route(options) => route::route(config, options, json, out),
        Command::Calls(options) => calls::calls(config, options, json, out),
        Command::Verify => keep::verify(config, json, out),
        Command::Reindex => keep::reindex(config, json, out),
        Command::Erase(options) => keep::erase(config, options, json, out),
        Command::Passwd(options) => passwd::passwd(options, json, out),
        Command::Demo(options) => serve::demo(*options, arguments.log_format, json, out),
    }
}

/// Says what went wrong where a program's output is not.
fn complain(message: &str) {
    // Without a standard error there is nobody to tell.
    let _unheard = writeln!(std::io::stderr(), "ringtag: {message}").is_err();
}

/// `1 call`, `2 calls`.
fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
