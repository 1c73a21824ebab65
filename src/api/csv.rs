//! Calls as comma-separated values (RFC 4180) that no spreadsheet takes for a formula. Pure.

use std::borrow::Cow;

use crate::base::number::Number;
use crate::store::record::CallRecord;

/// The columns, in order. New ones are added at the end.
const COLUMNS: [&str; 32] = [
    "id",
    "project",
    "source",
    "channel",
    "campaign",
    "category",
    "caller",
    "virtual_number",
    "direction",
    "rule",
    "manager",
    "destination",
    "started_at",
    "ringing_at",
    "answered_at",
    "ended_at",
    "wait_ms",
    "talk_ms",
    "total_ms",
    "answered",
    "missed",
    "finish_reason",
    "hung_up_by",
    "sip_status",
    "first_call",
    "prior_calls",
    "tags",
    "goal",
    "stage",
    "outcome",
    "value",
    "recording",
];

/// The first line.
pub fn header() -> String {
    let mut line = COLUMNS.join(",");
    line.push_str("\r\n");
    line
}

/// One call's line. Tags are joined with `; `; what did not happen is empty.
pub fn line(call: &CallRecord) -> String {
    let text = |value: &dyn ToString| value.to_string();
    fn opt<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    // The record's own words, so that a column reads as the JSON member of its name.
    let json = |value: serde_json::Result<serde_json::Value>| match value {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    };
    let cells: [String; COLUMNS.len()] = [
        text(&call.id),
        text(&call.project),
        text(&call.source),
        opt(call.channel.as_ref()),
        opt(call.campaign.as_ref()),
        opt(call.category.as_ref()),
        opt(call.caller.as_ref()),
        text(&call.virtual_number),
        json(serde_json::to_value(call.direction)),
        opt(call.rule.as_ref()),
        opt(call.manager.as_ref()),
        opt(call.destination.as_ref()),
        text(&call.started_at),
        opt(call.ringing_at),
        opt(call.answered_at),
        opt(call.ended_at),
        opt(call.wait_ms),
        opt(call.talk_ms),
        opt(call.total_ms),
        text(&call.answered),
        text(&call.missed),
        opt(call.finish_reason.map(|reason| reason.word())),
        json(serde_json::to_value(call.hung_up_by)),
        opt(call.sip_status),
        text(&call.first_call),
        text(&call.prior_calls),
        call.tags.join("; "),
        opt(call.goal.as_ref()),
        opt(call.stage.as_ref()),
        opt(call.outcome.as_ref()),
        opt(call.value),
        opt(call.recording.as_ref().map(|recording| &recording.file)),
    ];
    let mut line = String::with_capacity(400);
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        line.push_str(&quoted(&harmless(cell)));
    }
    line.push_str("\r\n");
    line
}

/// A cell that begins like a formula gets an apostrophe before it. A caller chooses what its From header says, and a
/// spreadsheet runs `=…`, `+…`, `-…` and `@…`. Plain numbers, telephone numbers among them, stay: they compute nothing.
fn harmless(cell: &str) -> Cow<'_, str> {
    let formula = cell.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '|', '%', '＝', '＋', '－', '＠',
    ]);
    let number = cell.parse::<f64>().is_ok_and(f64::is_finite)
        || Number::e164(cell).is_some_and(|number| number.to_string() == cell);
    if formula && !number {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// RFC 4180 2: quotes around what needs them, and twice inside.
fn quoted(cell: &str) -> Cow<'_, str> {
    // Semicolons and tabs too: spreadsheets in many countries split at them.
    if cell.contains([',', ';', '\t', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_made_text() {
        for cell in [
            "=HYPERLINK(\"http://evil.example\")",
            "+7495+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "＝1+1",
        ] {
            assert!(harmless(cell).starts_with('\''), "{cell}");
        }
        for cell in ["+74950000001", "-12.5", "101", "anonymous", "", "a=b"] {
            assert_eq!(harmless(cell), cell);
        }
    }

    #[test]
    fn what_would_break_the_line_is_quoted() {
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\"\r\n"), "\"say \"\"hi\"\"\r\n\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
