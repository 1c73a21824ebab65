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

/// Makes a cell that no spreadsheet executes: what would begin a formula gets an apostrophe before it, at the start of the
/// cell and behind whatever some locale takes for the end of one (`;`, a tab, the end of a line). Telephone numbers and
/// amounts stay what they are: a sign and digits compute nothing.
pub(crate) fn harmless(cell: &str) -> Cow<'_, str> {
    if is_plain_number(cell) {
        return Cow::Borrowed(cell);
    }
    let mut safe: Option<String> = None;
    let mut may_begin = true;
    for (at, c) in cell.char_indices() {
        let is_first = at == 0 && ends_cell(c);
        if is_first || may_begin && begins_formula(c) {
            safe.get_or_insert_with(|| cell.get(..at).unwrap_or_default().to_owned())
                .push('\'');
        }
        may_begin = ends_cell(c) || may_begin && c == ' ';
        if let Some(safe) = &mut safe {
            safe.push(c);
        }
    }
    safe.map_or(Cow::Borrowed(cell), Cow::Owned)
}

/// The wide forms are what an East Asian spreadsheet reads as the narrow ones.
const fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

/// At the start of a cell these are passed over by spreadsheets before they look for a formula.
const fn ends_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\r' | '\n')
}

/// `+74950000001`, `-12.5`: one sign, digits, at most one point between them.
fn is_plain_number(cell: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    cell.strip_prefix(['+', '-']).is_some_and(|rest| {
        let (whole, part) = rest.split_once('.').unwrap_or((rest, "0"));
        digits(whole) && digits(part)
    })
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
        assert_eq!(harmless("-12.5"), "-12.5");
        assert_eq!(harmless("-1.2.3"), "'-1.2.3");
        assert_eq!(harmless("-"), "'-");
        assert_eq!(harmless("billboard"), "billboard");
        assert_eq!(harmless("a=b, c-d"), "a=b, c-d");
    }

    #[test]
    fn no_locale_finds_a_formula_within_a_cell() {
        assert_eq!(harmless("ok;=1+1"), "ok;'=1+1");
        assert_eq!(harmless("ok; \t@x"), "ok; \t'@x");
        assert_eq!(harmless("  =1"), "  '=1");
        assert_eq!(harmless("a\r\n+1"), "a\r\n'+1");
        assert_eq!(harmless("a\n\nb"), "a\n\nb");
        assert_eq!(harmless("＝1"), "'＝1");
        assert_eq!(harmless("\t=1"), "'\t'=1");
    }
}
