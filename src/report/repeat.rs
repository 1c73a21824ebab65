//! First calls beside those of callers who had called before. Pure.

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::gains::Gains;
use crate::report::lines::{Pair, frame};
use crate::report::table::{Chart, Report};
use crate::report::tally::columns;
use crate::store::pass::Pass;

/// The lines with the value of `repeat` that opens each.
const LINES: [(&str, &str); 3] = [
    ("first", "false"),
    ("repeat", "true"),
    ("unknown", "unknown"),
];

/// Counts calls by whether the caller had called the project before; of who hides nobody knows.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    let mut gains = Gains::new(ask.tracking);
    let mut lines = [Pair::default(); LINES.len()];
    rows.pass(&ask.both(), |row, all| {
        let [first, repeat, unknown] = &mut lines;
        let line = match row.is_repeated() {
            Some(false) => first,
            Some(true) => repeat,
            None => unknown,
        };
        let tally = line.of(row.started_at >= since);
        tally.add(row, gains.of(row, all));
    });
    let mut report = frame(ask, columns(), Chart::Bars);
    report.total = Some(Pair::sum(&lines).line("", Vec::new()));
    let shown = lines.iter().zip(LINES);
    report.lines = shown
        .map(|(pair, (key, repeat))| pair.line(key, vec![is("repeat", repeat)]))
        .collect();
    report
}
