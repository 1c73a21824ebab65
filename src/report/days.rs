//! Day by day, week by week, month by month, each beside the one at the same place of the period before. Pure.

use crate::report::ask::{Ask, By};
use crate::report::gains::Gains;
use crate::report::lines::{Pair, frame};
use crate::report::period::Grain;
use crate::report::table::{Chart, Report};
use crate::report::tally::columns;
use crate::store::pass::Pass;

/// Counts calls by when they began. A day without calls has its line too.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let grain = ask.by().and_then(By::grain).unwrap_or(Grain::Day);
    let since = ask.span.since();
    let mut buckets = [ask.span.buckets(grain), ask.span.buckets_before(grain)];
    let mut gains = Gains::new(ask.tracking);
    let [now, before] = &mut buckets;
    let mut lines = vec![Pair::default(); now.len()];
    let mut rest = Pair::default();
    rows.pass(&ask.both(), |row, all| {
        let is_now = row.started_at >= since;
        let place = if is_now { &mut *now } else { &mut *before }.place(row.started_at);
        // A month before may have more days: they are in its sum, and in no line.
        let line = place.and_then(|place| lines.get_mut(place));
        let tally = line.unwrap_or(&mut rest).of(is_now);
        tally.add(row, gains.of(row, all));
    });
    let [now, _] = &buckets;
    let mut report = frame(ask, columns(), Chart::Columns);
    report.total = Some(Pair::sum(lines.iter().chain([&rest])).line("", Vec::new()));
    let shown = lines.iter().enumerate();
    report.lines = shown
        .map(|(place, pair)| pair.line(&now.key(place), now.times(place)))
        .collect();
    report
}
