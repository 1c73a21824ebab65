//! Why calls ended. Pure.

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::gains::Gain;
use crate::report::lines::{Pair, frame, most_first};
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{Tally, columns, count, mean, share};
use crate::store::pass::Pass;
use crate::store::query::Status;

/// Columns of other reports that say something here too.
const KEPT: [&str; 5] = ["calls", "answered", "missed", "wait", "talk"];

/// Counts calls by why they ended; those in progress have a line of their own.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    // A reason's number is its place among all; 0 is none yet.
    let reasons = Status::words().filter_map(|word| match word.parse() {
        Ok(Status::Ended(reason)) => Some(reason.word()),
        Ok(Status::Answered | Status::Missed | Status::InProgress) | Err(_) => None,
    });
    let words: Vec<_> = std::iter::once("in-progress").chain(reasons).collect();
    let mut lines = vec![Pair::default(); words.len()];
    rows.pass(&ask.both(), |row, _| {
        if let Some(line) = lines.get_mut(usize::from(row.reason)) {
            line.of(row.started_at >= since).add(row, Gain::default());
        }
    });
    let sum = Pair::sum(&lines);
    let mut columns = columns();
    columns.retain(|column| KEPT.contains(&column.key));
    columns.insert(1, part());
    let mut report = frame(ask, columns, Chart::Bars);
    report.total = Some(line("", Vec::new(), &sum, &sum));
    let shown = lines.iter().zip(words).filter(|(pair, _)| !pair.is_empty());
    report.lines = shown
        .map(|(pair, word)| line(word, calls(word), pair, &sum))
        .collect();
    report.lines = most_first(report.lines);
    report
}

fn part() -> Column {
    Column {
        key: "share",
        unit: Unit::Share,
        formula: "calls of the line / all calls",
        calls: Some(Vec::new()),
    }
}

fn calls(word: &str) -> Calls {
    match word {
        "in-progress" => vec![is("ended", "false")],
        reason => vec![is("reason", reason)],
    }
}

fn line(key: &str, calls: Calls, pair: &Pair, sum: &Pair) -> Line {
    Line {
        key: key.to_owned(),
        label: None,
        calls,
        cells: figures(&pair.now, &sum.now),
        before: figures(&pair.before, &sum.before),
    }
}

fn figures(tally: &Tally, sum: &Tally) -> Vec<Figure> {
    vec![
        count(tally.calls),
        share(tally.calls, sum.calls),
        count(tally.answered),
        count(tally.missed),
        mean(tally.waited_ms, tally.answered),
        mean(tally.talked_ms, tally.talks),
    ]
}
