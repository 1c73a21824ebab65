//! Calls as CSV (RFC 4180) that no spreadsheet executes.

use std::borrow::Cow;
use std::io;

use crate::store::record::CallRecord;

/// The columns, in order. People script against these: new ones go to the end.
pub const COLUMNS: [&str; 29] = [
    "id",
    "started_at",
    "ended_at",
    "project",
    "source",
    "channel",
    "campaign",
    "category",
    "caller",
    "virtual_number",
    "rule",
    "manager",
    "destination",
    "answered",
    "missed",
    "finish_reason",
    "hung_up_by",
    "wait_ms",
    "talk_ms",
    "total_ms",
    "prior_calls",
    "tags",
    "goal",
    "stage",
    "outcome",
    "value",
    "note",
    "recording",
    "caller_from",
];

/// Writes a line of column names and a line for each call.
///
/// # Errors
/// `out` does not take it.
pub fn write(calls: &[CallRecord], out: impl io::Write) -> io::Result<()> {
    let mut csv = writer(out);
    csv.write_record(COLUMNS)?;
    write_calls(&mut csv, calls)
}

/// Writes a line for each call without the column names: the pages that follow the first.
///
/// # Errors
/// `out` does not take it.
pub fn append(calls: &[CallRecord], out: impl io::Write) -> io::Result<()> {
    write_calls(&mut writer(out), calls)
}

fn writer<W: io::Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out)
}

fn write_calls(csv: &mut csv::Writer<impl io::Write>, calls: &[CallRecord]) -> io::Result<()> {
    for call in calls {
        csv.write_record(cells(call).iter().map(|cell| harmless(cell).into_owned()))?;
    }
    csv.flush()
}

fn cells(call: &CallRecord) -> [String; COLUMNS.len()] {
    let text = |value: &Option<std::sync::Arc<str>>| value.as_deref().unwrap_or("").to_owned();
    let said = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        call.id.to_string(),
        call.started_at.to_string(),
        or_empty(call.ended_at),
        call.project.to_string(),
        call.source.to_string(),
        text(&call.channel),
        text(&call.campaign),
        text(&call.category),
        or_empty(call.caller.as_ref()),
        call.virtual_number.to_string(),
        text(&call.rule),
        text(&call.manager),
        said(&call.destination),
        call.answered.to_string(),
        call.missed.to_string(),
        call.finish_reason
            .map_or("", |reason| reason.word())
            .to_owned(),
        call.hung_up_by.map_or("", |by| by.word()).to_owned(),
        or_empty(call.wait_ms),
        or_empty(call.talk_ms),
        or_empty(call.total_ms),
        call.prior_calls.to_string(),
        call.tags.join(" "),
        said(&call.goal),
        said(&call.stage),
        said(&call.outcome),
        or_empty(call.value),
        said(&call.note),
        call.recording
            .as_ref()
            .map(|recording| recording.file.clone())
            .unwrap_or_default(),
        call.caller_from.clone(),
    ]
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A cell that begins like a formula gets an apostrophe before it; a telephone number stays what it is.
fn harmless(cell: &str) -> Cow<'_, str> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let number = cell
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    if formula && !number {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_numbers_stay_numbers() {
        assert_eq!(harmless("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(harmless("+1+cmd"), "'+1+cmd");
        assert_eq!(harmless("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(harmless("+74950000001"), "+74950000001");
        assert_eq!(harmless("billboard"), "billboard");
    }
}
