//! Hour by weekday: when people call. Pure.

use crate::base::zone::{Offsets, WEEK_HOURS};
use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::gains::Gains;
use crate::report::lines::{Pair, frame};
use crate::report::table::{Chart, Report};
use crate::report::tally::columns;
use crate::store::pass::Pass;

/// Counts calls by the hour of the week in which they began, each with a line: `1-09` is Monday from nine to ten.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    let clocks = Offsets::new(ask.span.zone(), ask.span.before_since(), ask.span.until());
    let mut gains = Gains::new(ask.tracking);
    let mut lines = [Pair::default(); WEEK_HOURS];
    rows.pass(&ask.both(), |row, all| {
        if let Some(line) = lines.get_mut(clocks.hour_of_week(row.started_at)) {
            let tally = line.of(row.started_at >= since);
            tally.add(row, gains.of(row, all));
        }
    });
    let mut report = frame(ask, columns(), Chart::Heat);
    report.total = Some(Pair::sum(&lines).line("", Vec::new()));
    let shown = lines.iter().enumerate();
    report.lines = shown
        .map(|(place, pair)| {
            let (weekday, hour) = (place / 24 + 1, place % 24);
            let calls = vec![
                is("weekday", weekday.to_string()),
                is("hour", hour.to_string()),
                is("zone", ask.span.period().time_zone),
            ];
            pair.line(&format!("{weekday}-{hour:02}"), calls)
        })
        .collect();
    report
}
