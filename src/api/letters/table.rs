//! A report as CSV, for a spreadsheet (RFC 4180).

use crate::report::table::{Figure, Line, Report};

/// The whole report: a line of names, then a line for each of its own.
pub(super) fn csv(report: &Report) -> String {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let names = report.columns.iter().map(|column| column.key);
    let head: Vec<&str> = std::iter::once(report.name).chain(names).collect();
    let lines = report.lines.iter().chain(&report.total);
    let written = out
        .write_record(head)
        .and_then(|()| lines.map(row).try_for_each(|row| out.write_record(row)));
    if let Err(error) = written {
        tracing::error!(%error, "a report could not be written as CSV");
    }
    let bytes = out.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn row(line: &Line) -> Vec<String> {
    let cells = line.cells.iter().map(|figure| cell(*figure));
    std::iter::once(line.key.clone()).chain(cells).collect()
}

fn cell(figure: Figure) -> String {
    match figure {
        Figure::Nothing => String::new(),
        Figure::Count(count) => count.to_string(),
        Figure::Share(share) => share
            .value()
            .map_or_else(String::new, |value| format!("{value:.6}")),
        Figure::Millis { millis, .. } => millis.to_string(),
        Figure::Money(hundredths) => format!("{}.{:02}", hundredths / 100, hundredths.abs() % 100),
        Figure::Number(number) => number.to_string(),
        Figure::Verdict(verdict) => verdict.word().to_owned(),
    }
}
