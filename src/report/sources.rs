//! By what caused the calls: source, campaign, channel, category, number; or by the rule that decided them. Pure.

use crate::report::ask::{Ask, By};
use crate::report::groups::{Groups, calls};
use crate::report::lines::{Pair, frame, most_first, of_names};
use crate::report::table::{Chart, Report};
use crate::report::tally::columns;
use crate::store::pass::Pass;
use crate::store::sieve::Customers;
use crate::store::worth::Worths;

/// Counts calls by what caused them.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let by = ask.by().unwrap_or(By::Source);
    let since = ask.span.since();
    let sales = ask.tracking.sales();
    let mut groups = Groups::new(by);
    let mut names = Vec::new();
    let mut customers = None;
    let mut worths = Worths::default();
    let mut lines: Vec<Pair> = Vec::new();
    rows.pass(&ask.both(), |row, all| {
        let place = groups.place(row, all);
        if place >= lines.len() {
            lines.resize(place + 1, Pair::default());
            names = groups.names(all);
        }
        let customers = customers.get_or_insert_with(|| Customers::new(&sales, all));
        if let Some(line) = lines.get_mut(place) {
            let tally = line.of(row.started_at >= since);
            tally.add(row, customers.has(row), worths.of(row, all));
        }
    });
    let mut report = frame(ask, columns(), Chart::Bars);
    report.total = Some(Pair::sum(&lines).line("", Vec::new()));
    let shown = of_names(lines.iter().zip(names), |name| calls(by, name));
    report.lines = most_first(shown);
    report
}
