//! `ringtag demo`: one whole call between two built-in phones on loopback, and what came of it.

mod show;
mod stage;
mod talk;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::base::clock::Clock;
use crate::cli::demo::show::{Ink, Outcome};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::talk::{Cast, Step, Tones};
use crate::config::{self, Config};
use crate::phones::tone;
use crate::recording::wav::HEADER_BYTES;
use crate::store::Store;
use crate::store::query::Query;
use crate::store::record::{CallRecord, Recording};

/// How long the record may take to be on the disk with its recording's hash.
const RECORD_MAX: Duration = Duration::from_secs(10);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What `ringtag demo` takes.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct Options {
    /// Leave as soon as the call is shown, in place of serving until Ctrl-C.
    #[arg(long)]
    pub exit: bool,
}

/// A running server, as the demo needs it.
pub(in crate::cli) struct Host {
    /// Where SIP listens.
    pub sip: SocketAddr,
    /// Where HTTP listens.
    pub web: Option<SocketAddr>,
    /// Where its pages are, with the token that lets in once.
    pub pages: Option<String>,
    /// Its call log.
    pub store: Store,
    /// Stops it.
    pub stop: Box<dyn FnOnce()>,
}

/// Why there was nothing to show.
#[derive(Debug)]
enum Failed {
    /// A sentence for people.
    Because(String),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Runs the demo on the server that `start` brings up. `Ok(Err(…))`: it did not work out, in a sentence.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn demo(
    options: Options,
    json: bool,
    out: &mut dyn Write,
    start: impl FnOnce(Config) -> Result<Host, String>,
) -> io::Result<Result<(), String>> {
    match perform(options, json, out, start) {
        Ok(()) => Ok(Ok(())),
        Err(Failed::Because(why)) => Ok(Err(why)),
        Err(Failed::Output(error)) => Err(error),
    }
}

fn perform(
    options: Options,
    json: bool,
    out: &mut dyn Write,
    start: impl FnOnce(Config) -> Result<Host, String>,
) -> Result<(), Failed> {
    let because =
        |what: &str, why: &dyn std::fmt::Display| Failed::Because(format!("{what}: {why}"));
    // The phones' runtime runs only while it is waited for: the server, which has threads of its own, starts and stops
    // outside of it.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let cast = runtime
        .block_on(Cast::assemble())
        .map_err(|fault| because("the built-in phones did not start", &fault))?;
    let stage = Stage::build(cast.caller.address(), cast.desk.address())
        .map_err(|error| because("no folder for the demo", &error))?;
    let loaded = config::load(&stage.config()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        because("the bundled configuration is wrong", &mistakes.join("; "))
    })?;
    let host = start(loaded.config).map_err(Failed::Because)?;
    let ink = Ink { on: colours() };
    let shown = runtime
        .block_on(Box::pin(call(&cast, &host, ink, json, out)))
        .and_then(|seen| show(&stage, &host, ink, json, out, &seen, !options.exit));
    if shown.is_ok() && !options.exit {
        runtime.block_on(async {
            tokio::select! {
                () = cast.stay_open() => Ok(()),
                stopped = until_stopped() => stopped,
            }
        })?;
        if !json {
            writeln!(
                out,
                "\nEverything of this demo is in {}",
                stage.folder.display()
            )?;
        }
    }
    (host.stop)();
    shown
}

/// Places the call and waits for its record.
async fn call(
    cast: &Cast,
    host: &Host,
    ink: Ink,
    json: bool,
    out: &mut dyn Write,
) -> Result<(Tones, CallRecord), Failed> {
    let clock = Clock::start();
    let began = clock.now();
    let mut written = Ok(());
    if !json {
        writeln!(out, "{}", show::title(ink))?;
    }
    let mut tell = |step: Step| {
        if !json {
            let line = show::step(ink, clock.now() - began, &step);
            written = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    };
    let tones = cast.play(host.sip, &mut tell).await.map_err(|fault| {
        Failed::Because(format!(
            "the demo's call failed: {fault}; RINGTAG_LOG=debug says more"
        ))
    })?;
    written?;
    let mut waited = Duration::ZERO;
    let mut last = None;
    while waited < RECORD_MAX {
        last = newest(&host.store)?.or(last);
        if last.as_ref().is_some_and(is_complete) {
            break;
        }
        sleep(LOOK).await;
        waited += LOOK;
    }
    match last {
        Some(record) if record.ended_at.is_some() => Ok((tones, record)),
        Some(_) | None => Err(Failed::Because(
            "the call took place, but its record is not in the call log".to_owned(),
        )),
    }
}

/// Whether a record has all that is shown: a short recording may be hashed before the last telephone has answered its BYE.
fn is_complete(call: &CallRecord) -> bool {
    let is_hashed = |recording: &Recording| recording.sha256.is_some();
    call.ended_at.is_some() && call.recording.as_ref().is_some_and(is_hashed)
}

/// How this program is called again: by its path, since `cargo run` leaves it off the PATH.
fn program() -> PathBuf {
    let Ok(program) = std::env::current_exe() else {
        return PathBuf::from("ringtag");
    };
    let here = std::env::current_dir().unwrap_or_default();
    match program.strip_prefix(here) {
        Ok(below) => Path::new(".").join(below),
        Err(_) => program,
    }
}

fn newest(store: &Store) -> Result<Option<CallRecord>, Failed> {
    let query = Query {
        limit: Some(1),
        ..Query::default()
    };
    match store.list(&query) {
        Ok(page) => Ok(page.calls.into_iter().next()),
        Err(error) => Err(Failed::Because(format!(
            "the call log cannot be read: {error}"
        ))),
    }
}

fn show(
    stage: &Stage,
    host: &Host,
    ink: Ink,
    json: bool,
    out: &mut dyn Write,
    (tones, record): &(Tones, CallRecord),
    stays: bool,
) -> Result<(), Failed> {
    let file = record
        .recording
        .as_ref()
        .map(|recording| stage.recording(&recording.file));
    let channels = file.as_deref().map(channels_of);
    let config = stage.config();
    if json {
        let all = serde_json::json!({
            "record": record,
            "recording": file,
            "config": config,
            "web": host.web.map(|web| format!("http://{web}/")),
            "pages": host.pages,
            "sip": host.sip.to_string(),
            "caller_heard_hz": tones.caller_heard,
            "desk_heard_hz": tones.desk_heard,
            "recording_left_hz": channels.and_then(|[left, _]| left),
            "recording_right_hz": channels.and_then(|[_, right]| right),
        });
        serde_json::to_writer_pretty(&mut *out, &all).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let seen = Outcome {
            call: record,
            tones: *tones,
            recording: file.as_deref().zip(channels),
            program: &program(),
            config: &config,
            web: host.web,
            pages: host.pages.as_deref(),
            sip: host.sip,
            stays,
        };
        let text =
            show::outcome(ink, &seen).map_err(|error| Failed::Output(io::Error::other(error)))?;
        write!(out, "{text}")?;
        if stays {
            writeln!(out, "\nRunning until Ctrl-C.")?;
        } else {
            writeln!(
                out,
                "\nEverything of this demo is in {}",
                stage.folder.display()
            )?;
        }
    }
    out.flush()?;
    let in_file = channels.map(|[left, right]| Tones {
        caller_heard: right,
        desk_heard: left,
    });
    if tones.are_right() && in_file.is_some_and(Tones::are_right) {
        Ok(())
    } else {
        Err(Failed::Because(
            "the sound is not what the two phones played; RINGTAG_LOG=debug may say why".to_owned(),
        ))
    }
}

/// The tones in the left and the right channel of a recording, found by ear.
fn channels_of(file: &Path) -> [Option<u32>; 2] {
    let bytes = std::fs::read(file).unwrap_or_default();
    let header = usize::try_from(HEADER_BYTES).unwrap_or(0);
    let frames = bytes.get(header..).unwrap_or_default();
    let channel = |at: usize| {
        let sample = |frame: &[u8]| match frame.get(at..at + 2) {
            Some(&[low, high]) => i16::from_le_bytes([low, high]),
            Some(_) | None => 0,
        };
        let samples: Vec<i16> = frames.chunks_exact(4).map(sample).collect();
        tone::recognise(&samples)
    };
    [channel(0), channel(2)]
}

/// Colours where a person reads and has not said no (no-color.org).
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

/// Waits for Ctrl-C or SIGTERM.
async fn until_stopped() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_complete_when_its_call_is_over_and_its_recording_is_hashed() {
        let record = include_str!("../store/trial_record.json")
            .replace("ID", "019aa5c4-98f0-7000-8000-000000000001")
            .replace("PLAYED", "2026-11-21T10:00:00.000Z");
        let complete: CallRecord = serde_json::from_str(&record).unwrap();
        assert!(is_complete(&complete));
        let goes_on = CallRecord {
            ended_at: None,
            ..complete.clone()
        };
        assert!(
            !is_complete(&goes_on),
            "hashed while a telephone still owes its answer"
        );
        let waits = CallRecord {
            recording: complete.recording.clone().map(|recording| Recording {
                sha256: None,
                ..recording
            }),
            ..complete
        };
        assert!(!is_complete(&waits));
    }
}
