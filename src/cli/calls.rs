//! `ringtag calls`: the list of calls for people, CSV or JSON for programs, and one call whole.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use jiff::tz::TimeZone;

use crate::base::country::Country;
use crate::base::id::CallId;
use crate::base::number::Number;
use crate::base::time::WallTime;
use crate::call::story::Leg;
use crate::cli::store::Access;
use crate::cli::time::parse_time;
use crate::cli::{DONE, FAILED, WRONG_INPUT, complain, count};
use crate::store::csv;
use crate::store::error::StoreError;
use crate::store::query::{Query, Status};
use crate::store::record::CallRecord;

/// What `ringtag calls` takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// Show this call whole.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Only calls that began at this time or later: 2026-11-21, 2026-11-21T09:30, RFC 3339, today, 2h, 7d.
    #[arg(long, value_name = "T", value_parser = parse_time)]
    since: Option<WallTime>,
    /// Only calls that began before this time.
    #[arg(long, value_name = "T", value_parser = parse_time)]
    until: Option<WallTime>,
    /// Only calls to the numbers of this source.
    #[arg(long, value_name = "TAG")]
    source: Option<String>,
    /// Only calls that nobody answered and no rule rejected.
    #[arg(long)]
    missed: bool,
    /// Only calls of this caller, written as people here do; a prefix of the full number with * works too.
    #[arg(long, value_name = "N")]
    caller: Option<String>,
    /// At most so many calls, newest first.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    limit: usize,
    /// Print CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Prints calls.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn calls(
    config: &Path,
    options: &Options,
    json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let access = match Access::open(config) {
        Ok(access) => access,
        Err(refused) => return Ok(refused.say()),
    };
    let zone = TimeZone::system();
    if let Some(text) = &options.id {
        let Ok(id) = text.parse::<CallId>() else {
            complain(&format!(
                "`{text}` is no id of a call; ids look like 019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b"
            ));
            return Ok(WRONG_INPUT);
        };
        return match access.call(id) {
            Ok(Some(call)) if json => print_json(&call, out),
            Ok(Some(call)) => print_whole(&call, &zone, out).map(|()| DONE),
            Ok(None) => {
                complain(&format!("there is no call {id} in this call log"));
                Ok(FAILED)
            }
            Err(error) => fail(&error),
        };
    }
    let calls = match access.list(&query(options, access.country()), options.limit) {
        Ok(calls) => calls,
        Err(error) => return fail(&error),
    };
    if json {
        print_json(&calls, out)
    } else if options.csv {
        csv::write(&calls, out).map(|()| DONE)
    } else {
        print_table(&calls, &zone, out).map(|()| DONE)
    }
}

fn fail(error: &StoreError) -> io::Result<u8> {
    complain(&error.to_string());
    Ok(FAILED)
}

fn query(options: &Options, country: &Country) -> Query {
    let wanted = |text: &String| match Number::read(text, country) {
        Some(number) => number.to_string(),
        None => text.clone(),
    };
    Query {
        since: options.since,
        until: options.until,
        source: options.source.clone(),
        caller: options.caller.as_ref().map(wanted),
        status: options.missed.then_some(Status::Missed),
        ..Query::default()
    }
}

fn print_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<u8> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(DONE)
}

/// One line a call, the newest first.
fn print_table(calls: &[CallRecord], zone: &TimeZone, out: &mut dyn Write) -> io::Result<()> {
    if calls.is_empty() {
        return writeln!(out, "no calls");
    }
    writeln!(
        out,
        "{:<19}  {:<18}  {:<18}  {:<16}  {:<14}  {:>6}  {:>6}  id",
        "began", "caller", "source", "outcome", "answered by", "wait", "talk"
    )?;
    for call in calls {
        writeln!(
            out,
            "{:<19}  {:<18}  {:<18}  {:<16}  {:<14}  {:>6}  {:>6}  {}",
            local(call.started_at, zone),
            fit(&caller(call), 18),
            fit(&call.source, 18),
            outcome(call),
            fit(answered_by(call), 14),
            seconds(call.wait_ms),
            seconds(call.talk_ms),
            call.id
        )?;
    }
    writeln!(out, "{}", count(calls.len(), "call"))
}

/// Everything an operator asks about one call.
pub(in crate::cli) fn print_whole(
    call: &CallRecord,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<12} {value}");
    line("call", &call.id.to_string())?;
    line(
        "caller",
        &format!("{} (from {})", caller(call), clean(&call.caller_from)),
    )?;
    line("number", &call.virtual_number.to_string())?;
    let campaign = call.campaign.as_deref().unwrap_or("-");
    let channel = call.channel.as_deref().unwrap_or("-");
    line(
        "source",
        &format!("{} (channel {channel}, campaign {campaign})", call.source),
    )?;
    line("category", call.category.as_deref().unwrap_or("-"))?;
    line("began", &local(call.started_at, zone))?;
    line("outcome", outcome(call))?;
    line("rule", call.rule.as_deref().unwrap_or("-"))?;
    for tried in &call.targets_tried {
        let status = tried
            .sip_status
            .map_or(String::new(), |status| format!(", {status}"));
        line(
            "  tried",
            &format!(
                "{}: {}{status}, rang {}",
                tried.target,
                word(&tried.result),
                seconds(Some(tried.ring_ms))
            ),
        )?;
    }
    let dialled = call.destination.as_deref().unwrap_or("-");
    line(
        "answered by",
        &format!("{} (dialled {})", answered_by(call), clean(dialled)),
    )?;
    let at = |time: Option<WallTime>| time.map_or_else(|| "-".to_owned(), |at| local(at, zone));
    line("answered", &at(call.answered_at))?;
    line("ended", &at(call.ended_at))?;
    line("waited", &seconds(call.wait_ms))?;
    line("talked", &seconds(call.talk_ms))?;
    let status = call
        .sip_status
        .map_or_else(|| "-".to_owned(), |status| status.to_string());
    let cause = call
        .q850_cause
        .map_or_else(|| "-".to_owned(), |cause| cause.to_string());
    line(
        "hung up by",
        &format!(
            "{} (SIP status {status}, Q.850 cause {cause})",
            call.hung_up_by.map_or("-", |by| by.word())
        ),
    )?;
    let earlier = if call.first_call {
        "none: a first call".to_owned()
    } else {
        call.prior_calls.to_string()
    };
    line("earlier", &earlier)?;
    for leg in &call.legs {
        line(
            "  leg",
            &format!(
                "{}{}{} {}{}, in {} out {} lost {}, jitter {:.1} ms{}, keys {}",
                leg.role
                    .map_or_else(String::new, |role| format!("{} on ", role.word())),
                leg.trunk,
                span(leg.joined_ms, leg.left_ms),
                leg.codec.as_deref().unwrap_or("no codec"),
                encryption(leg.srtp.as_deref(), leg.srtp_failed),
                leg.packets_in,
                leg.packets_out,
                leg.lost,
                leg.jitter_ms,
                quality(leg),
                if leg.digits.is_empty() {
                    "-".to_owned()
                } else {
                    clean(&leg.digits)
                }
            ),
        )?;
    }
    for transfer in &call.transfers {
        let status = transfer
            .sip_status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        line(
            "  transfer",
            &format!(
                "{} by {} to {}: {} (SIP status {status})",
                transfer.at,
                clean(&transfer.by),
                clean(&transfer.to),
                transfer.result.word(),
            ),
        )?;
    }
    match &call.recording {
        None => line("recording", "none")?,
        Some(recording) => {
            line(
                "recording",
                &format!(
                    "{} ({}, {})",
                    recording.file,
                    word(&recording.state),
                    seconds(Some(recording.duration_ms))
                ),
            )?;
            for gap in &recording.gaps {
                line(
                    "  gap",
                    &format!(
                        "{} at {} for {}: {}",
                        word(&gap.side),
                        seconds(Some(gap.from_ms)),
                        seconds(Some(gap.length_ms)),
                        clean(&gap.why)
                    ),
                )?;
            }
        }
    }
    Ok(())
}

/// The manager, or what was dialled where nobody of the configuration answered.
fn answered_by(call: &CallRecord) -> &str {
    let manager = call.manager.as_deref();
    manager.or(call.destination.as_deref()).unwrap_or("-")
}

fn caller(call: &CallRecord) -> String {
    call.caller
        .as_ref()
        .map_or_else(|| "erased".to_owned(), |caller| clean(&caller.to_string()))
}

fn outcome(call: &CallRecord) -> &'static str {
    call.finish_reason
        .map_or("in progress", |reason| reason.word())
}

fn local(at: WallTime, zone: &TimeZone) -> String {
    at.timestamp()
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn seconds(ms: Option<u64>) -> String {
    ms.map_or_else(
        || "-".to_owned(),
        |ms| format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
    )
}

/// The word that the record's JSON has for an enum's value.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "-".to_owned(),
    }
}

/// A stranger's text without what moves a terminal's cursor.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

fn fit(text: &str, width: usize) -> String {
    let clean = clean(text);
    if clean.chars().count() <= width {
        return clean;
    }
    let mut short: String = clean.chars().take(width - 1).collect();
    short.push('…');
    short
}

/// ` from 0.0 s to 12.3 s`, counted from the answer; empty for a leg that nobody talked on.
fn span(joined_ms: Option<u64>, left_ms: Option<u64>) -> String {
    let seconds = |ms: u64| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    match (joined_ms, left_ms) {
        (None, _) => String::new(),
        (Some(joined), None) => format!(" from {}", seconds(joined)),
        (Some(joined), Some(left)) => format!(" from {} to {}", seconds(joined), seconds(left)),
    }
}

/// `, way 40 ms, there lost 3 jitter 1.5 ms, MOS about 4.4`, as far as it is known.
fn quality(leg: &Leg) -> String {
    let mut text = String::new();
    if let Some(rtt_ms) = leg.rtt_ms {
        text += &format!(", way {rtt_ms:.0} ms");
    }
    if let (Some(lost), Some(jitter_ms)) = (leg.lost_there, leg.jitter_there_ms) {
        text += &format!(", there lost {lost} jitter {jitter_ms:.1} ms");
    }
    if let Some(mos) = leg.mos_estimate {
        text += &format!(", MOS about {mos:.1}");
    }
    text
}

/// ` under AES_CM_128_HMAC_SHA1_80`, and how many packets were not; empty for plain sound.
fn encryption(suite: Option<&str>, failed: u64) -> String {
    match (suite, failed) {
        (None, _) => String::new(),
        (Some(suite), 0) => format!(" under {suite}"),
        (Some(suite), failed) => format!(" under {suite} ({failed} not)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_found_as_people_write_the_number() {
        let russia = Country::from_code("RU").unwrap();
        for (text, wanted) in [
            ("8 999 000-00-01", "+79990000001"),
            ("+79990000001", "+79990000001"),
            ("+7999*", "+7999*"),
            ("101", "101"),
            ("anonymous", "anonymous"),
        ] {
            let options = Options {
                id: None,
                since: None,
                until: None,
                source: None,
                missed: false,
                caller: Some(text.to_owned()),
                limit: 1,
                csv: false,
            };
            assert_eq!(query(&options, &russia).caller.as_deref(), Some(wanted));
        }
    }

    #[test]
    fn a_stranger_cannot_move_the_cursor_or_break_the_table() {
        assert_eq!(fit("\u{1b}[2Jbob", 18), "\u{FFFD}[2Jbob");
        assert_eq!(fit("a very long caller name", 8), "a very …");
    }

    #[test]
    fn durations_are_shown_in_seconds() {
        assert_eq!(seconds(Some(65_250)), "65.2s");
        assert_eq!(seconds(None), "-");
    }
}
