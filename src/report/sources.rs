//! By what caused the calls: source, campaign, channel, category, number; or by the rule that decided them. Pure.

use crate::report::ask::{Ask, By};
use crate::report::gains::Gains;
use crate::report::groups::{Groups, calls};
use crate::report::lines::{Pair, frame, most_first, of_names};
use crate::report::table::{Chart, Report};
use crate::report::tally::columns;
use crate::store::pass::Pass;

/// Counts calls by what caused them.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let by = ask.by().unwrap_or(By::Source);
    let since = ask.span.since();
    let mut groups = Groups::new(by);
    let mut names = Vec::new();
    let mut gains = Gains::new(ask.tracking);
    let mut lines: Vec<Pair> = Vec::new();
    rows.pass(&ask.both(), |row, all| {
        let place = groups.place(row, all);
        if place >= lines.len() {
            lines.resize(place + 1, Pair::default());
            names = groups.names(all);
        }
        if let Some(line) = lines.get_mut(place) {
            let tally = line.of(row.started_at >= since);
            tally.add(row, gains.of(row, all));
        }
    });
    let mut report = frame(ask, columns(), Chart::Bars);
    report.total = Some(Pair::sum(&lines).line("", Vec::new()));
    let shown = of_names(lines.iter().zip(names), |name| calls(by, name));
    report.lines = most_first(shown);
    report
}
