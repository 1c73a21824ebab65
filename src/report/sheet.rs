//! A report as CSV (RFC 4180) that no spreadsheet executes: a line for each of its lines, the sum last. Pure.
//!
//! A share is a fraction with the ends of its interval and what it is of; durations are milliseconds, amounts have two
//! decimals. What the period before had stands beside each figure.

use std::io;

use crate::report::table::{Column, Figure, Line, Report, Unit};
use crate::store::csv::harmless;

/// What stands in the place of the key in the line of the sum.
const TOTAL: &str = "(total)";

/// Writes it.
///
/// # Errors
/// There is no memory for it.
pub fn write(report: &Report) -> io::Result<Vec<u8>> {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let mut head = vec!["key".to_owned(), "label".to_owned()];
    for column in &report.columns {
        head.extend(names(column));
    }
    csv.write_record(head)?;
    for line in &report.lines {
        csv.write_record(cells(report, line, &line.key))?;
    }
    if let Some(total) = &report.total {
        csv.write_record(cells(report, total, TOTAL))?;
    }
    csv.into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

/// The names of a column's cells.
fn names(column: &Column) -> Vec<String> {
    let key = column.key;
    let endings: &[&str] = match column.unit {
        Unit::Share => &["", "_low", "_high", "_part", "_whole", "_before"],
        Unit::Millis => &["_ms", "_of", "_ms_before"],
        Unit::Count | Unit::Money | Unit::Number | Unit::Verdict => &["", "_before"],
    };
    endings
        .iter()
        .map(|ending| format!("{key}{ending}"))
        .collect()
}

fn cells(report: &Report, line: &Line, key: &str) -> Vec<String> {
    let label = line.label.as_deref().unwrap_or_default();
    let mut cells = vec![harmless(key).into_owned(), harmless(label).into_owned()];
    for (place, column) in report.columns.iter().enumerate() {
        let of = |figures: &[Figure]| figures.get(place).copied().unwrap_or(Figure::Nothing);
        let (now, before) = (of(&line.cells), of(&line.before));
        cells.push(text(now));
        match column.unit {
            Unit::Share => cells.extend(interval(now)),
            Unit::Millis => cells.push(counted(now)),
            Unit::Count | Unit::Money | Unit::Number | Unit::Verdict => {}
        }
        cells.push(text(before));
    }
    cells
}

fn text(figure: Figure) -> String {
    match figure {
        Figure::Nothing => String::new(),
        Figure::Count(count) => count.to_string(),
        Figure::Share(share) => share.value().map(fraction).unwrap_or_default(),
        Figure::Millis { millis, .. } => millis.to_string(),
        Figure::Money(hundredths) => money(hundredths),
        Figure::Number(number) => format!("{number:.3}"),
        Figure::Verdict(verdict) => verdict.word().to_owned(),
    }
}

fn interval(figure: Figure) -> [String; 4] {
    let Figure::Share(share) = figure else {
        return Default::default();
    };
    let (low, high) = match share.interval() {
        Some((low, high)) => (fraction(low), fraction(high)),
        None => Default::default(),
    };
    [low, high, share.part.to_string(), share.whole.to_string()]
}

fn counted(figure: Figure) -> String {
    match figure {
        Figure::Millis { of, .. } => of.to_string(),
        Figure::Nothing
        | Figure::Count(_)
        | Figure::Share(_)
        | Figure::Money(_)
        | Figure::Number(_)
        | Figure::Verdict(_) => String::new(),
    }
}

fn fraction(value: f64) -> String {
    format!("{value:.6}")
}

/// `-1234.50`
fn money(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let amount = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::share::Share;
    use crate::report::table::{Chart, Period};

    #[test]
    fn a_table_has_every_figure_and_no_formula() {
        let at = "2026-11-01T00:00:00Z".parse().unwrap();
        let period = Period {
            since: at,
            until: at,
            time_zone: "UTC".into(),
        };
        let column = |key, unit| Column {
            key,
            unit,
            formula: "",
            calls: None,
        };
        let cells = vec![
            Figure::Count(120),
            Figure::Share(Share {
                part: 20,
                whole: 120,
            }),
            Figure::Millis {
                millis: 4_200,
                of: 100,
            },
            Figure::Money(-123_450),
        ];
        let line = |key: &str, label: Option<&str>, before| Line {
            key: key.into(),
            label: label.map(Into::into),
            calls: Vec::new(),
            cells: cells.clone(),
            before,
        };
        let report = Report {
            name: "sources",
            period: period.clone(),
            before: period,
            calls: Vec::new(),
            columns: vec![
                column("calls", Unit::Count),
                column("conversion", Unit::Share),
                column("wait", Unit::Millis),
                column("revenue", Unit::Money),
            ],
            lines: vec![
                line("=1+1", Some("весна, 2026"), cells.clone()),
                line("", None, Vec::new()),
            ],
            total: Some(line("", None, Vec::new())),
            drawn: 0,
            chart: Chart::Bars,
        };
        let text = String::from_utf8(write(&report).unwrap()).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(
            lines,
            [
                "key,label,calls,calls_before,conversion,conversion_low,conversion_high,conversion_part,conversion_whole,conversion_before,wait_ms,wait_of,wait_ms_before,revenue,revenue_before",
                "'=1+1,\"весна, 2026\",120,120,0.166667,0.110560,0.243453,20,120,0.166667,4200,100,4200,-1234.50,-1234.50",
                ",,120,,0.166667,0.110560,0.243453,20,120,,4200,100,,-1234.50,",
                "(total),,120,,0.166667,0.110560,0.243453,20,120,,4200,100,,-1234.50,",
            ]
        );
    }
}
