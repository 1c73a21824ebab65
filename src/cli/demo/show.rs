//! What the demo says: short, for people, pure.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::cli::demo::stage::{CALLER, VIRTUAL_NUMBER};
use crate::cli::demo::talk::{Step, Tones};
use crate::store::record::CallRecord;

/// Bold and grey where the reader is a terminal.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Ink {
    /// Whether there are colours.
    pub(in crate::cli) on: bool,
}

impl Ink {
    fn wrap(self, code: u8, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.wrap(1, text)
    }

    fn quiet(self, text: &str) -> String {
        self.wrap(2, text)
    }
}

/// The first line.
pub(in crate::cli) fn title(ink: Ink) -> String {
    format!(
        "{}\n",
        ink.bold("A call, from the advertisement to the record")
    )
}

/// A step of the call as it happens.
pub(in crate::cli) fn step(ink: Ink, at: Duration, step: &Step) -> String {
    let text = match step {
        Step::Dialled => {
            format!("{CALLER} calls {VIRTUAL_NUMBER}, the number shown in one campaign")
        }
        Step::Rings { extension, shows } => {
            format!("the rules choose extension {extension}; it rings and shows {shows}")
        }
        Step::Answered => "the desk answers, and the two talk".to_owned(),
        Step::HungUp => "the caller hangs up".to_owned(),
    };
    format!(
        "  {}  {text}",
        ink.quiet(&format!("{:4.1} s", at.as_secs_f64()))
    )
}

/// Everything that there is to see afterwards.
#[derive(Debug)]
pub(in crate::cli) struct Outcome<'a> {
    /// The record.
    pub(in crate::cli) call: &'a CallRecord,
    /// What the phones heard.
    pub(in crate::cli) tones: Tones,
    /// The recording and the tones found in its left and right channel.
    pub(in crate::cli) recording: Option<(&'a Path, [Option<u32>; 2])>,
    /// How this program is called from where it was called now.
    pub(in crate::cli) program: &'a Path,
    /// The configuration.
    pub(in crate::cli) config: &'a Path,
    /// Where the pages are.
    pub(in crate::cli) web: Option<SocketAddr>,
    /// Where its pages are, with the token that lets in once.
    pub(in crate::cli) pages: Option<&'a str>,
    /// Where SIP is.
    pub(in crate::cli) sip: SocketAddr,
    /// Whether the server goes on.
    pub(in crate::cli) stays: bool,
}

/// Writes it.
pub(in crate::cli) fn outcome(ink: Ink, seen: &Outcome<'_>) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "          the caller heard {}, the desk heard {}\n",
        tone(seen.tones.caller_heard),
        tone(seen.tones.desk_heard)
    )?;
    writeln!(out, "{}", ink.bold("The record"))?;
    record(&mut out, ink, seen.call)?;
    if let Some((file, channels)) = seen.recording {
        writeln!(out, "\n{}", ink.bold("The recording"))?;
        writeln!(out, "  {}", file.display())?;
        let [left, right] = channels.map(tone);
        writeln!(out, "  left, the caller: {left}; right, the desk: {right}")?;
    }
    writeln!(out, "\n{}", ink.bold("Try next"))?;
    try_next(&mut out, ink, seen)?;
    Ok(out)
}

fn record(out: &mut String, ink: Ink, call: &CallRecord) -> fmt::Result {
    let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let seconds = |ms: Option<u64>| {
        let ms = u32::try_from(ms.unwrap_or(0)).unwrap_or(u32::MAX);
        format!("{:.1} s", f64::from(ms) / 1_000.0)
    };
    let mut line =
        |name: &str, text: String| writeln!(out, "  {} {text}", ink.quiet(&format!("{name:<12}")));
    line("id", call.id.to_string())?;
    let caller = call
        .caller
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    let before = match call.prior_calls {
        0 => "the first call".to_owned(),
        n => format!("called {n} times before"),
    };
    line("caller", format!("{caller}, {before}"))?;
    line(
        "source",
        format!(
            "{}, campaign {}, category {}",
            call.source,
            or_none(call.campaign.as_deref()),
            or_none(call.category.as_deref())
        ),
    )?;
    line("rule", or_none(call.rule.as_deref()))?;
    let who = or_none(call.manager.as_deref());
    let whom = or_none(call.destination.as_deref());
    line(
        "answered by",
        format!("{who} ({whom}) after {}", seconds(call.wait_ms)),
    )?;
    let reason = call
        .finish_reason
        .map_or("under way", |reason| reason.word());
    let by = call.hung_up_by.map_or("nobody", |by| by.word());
    line(
        "talked",
        format!("{}, {reason}, hung up by the {by}", seconds(call.talk_ms)),
    )?;
    for (name, leg) in ["caller's leg", "desk's leg"].iter().zip(&call.legs) {
        let codec = leg.codec.as_deref().unwrap_or("no codec");
        line(
            name,
            format!("{codec}, {} packets in, {} lost", leg.packets_in, leg.lost),
        )?;
    }
    if let Some(recording) = &call.recording {
        let hash = recording.sha256.as_deref().and_then(|hash| hash.get(..16));
        let hash = hash.map_or_else(String::new, |hash| format!(", SHA-256 {hash}…"));
        line(
            "recorded",
            format!(
                "{} in {} bytes{hash}",
                seconds(Some(recording.duration_ms)),
                recording.bytes
            ),
        )?;
    }
    Ok(())
}

fn try_next(out: &mut String, ink: Ink, seen: &Outcome<'_>) -> fmt::Result {
    let config = seen.config.display();
    let program = seen.program.display();
    let id = seen.call.id;
    let mut offer = |what: &str, how: String| writeln!(out, "  {}\n    {how}", ink.quiet(what));
    if let Some(pages) = seen.pages.filter(|_| seen.stays) {
        offer(
            "open the pages in a browser (the link lets in once)",
            pages.to_owned(),
        )?;
    }
    if let Some(web) = seen.web.filter(|_| seen.stays) {
        offer(
            "read the call and hear it, in a browser",
            format!("http://{web}/api/v1/calls/{id}/recording.wav"),
        )?;
        offer(
            "or with a program",
            format!("curl http://{web}/api/v1/calls"),
        )?;
    }
    offer(
        "the calls as a table",
        format!("{program} --config {config} calls"),
    )?;
    offer(
        "why another caller would be refused",
        format!("{program} --config {config} route --to {VIRTUAL_NUMBER} --from +78001234567"),
    )?;
    offer(
        "whether anybody touched the call log",
        format!("{program} --config {config} verify"),
    )?;
    if seen.stays {
        offer(
            "call it yourself, with any SIP phone on this machine",
            format!("sip:{VIRTUAL_NUMBER}@{}", seen.sip),
        )?;
    }
    offer(
        "your own office",
        "copy config/ringtag.toml, change it, `ringtag check`, `ringtag serve`".to_owned(),
    )
}

fn tone(hz: Option<u32>) -> String {
    hz.map_or_else(
        || "no clear tone".to_owned(),
        |hz| format!("a tone of {hz} Hz"),
    )
}
