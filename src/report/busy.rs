//! How many lines are busy at once, day by day, and how many the busiest hour needs. Pure.

mod day;
mod order;
mod sweep;

use std::time::Duration;

use crate::base::time::WallTime;
use crate::report::ask::Ask;
use crate::report::busy::day::Day;
use crate::report::busy::sweep::Sweep;
use crate::report::lines::frame;
use crate::report::period::{Buckets, Grain};
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::calls;
use crate::store::pass::Pass;
use crate::store::query::Query;
use crate::store::row::Row;

/// A call that began so long before the period may still be on a line in it; none that lasts longer is known.
const LONGEST: Duration = Duration::from_hours(24);

/// Counts the lines that are busy at once. A call holds a line from its beginning to its end.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let (now, before) = (
        ask.span.buckets(Grain::Day),
        ask.span.buckets_before(Grain::Day),
    );
    let end = ask.now.min(ask.span.until()).as_millis();
    let mut sweep = Sweep::new(edges(&before, &now), end);
    let begin = ask.span.before_since().as_millis();
    let lookback = begin.saturating_sub(i64::try_from(LONGEST.as_millis()).unwrap_or_default());
    let query = Query {
        since: Some(WallTime::from_millis(lookback)),
        ..ask.inside()
    };
    rows.pass(&query, |row, _| {
        let (begins, ends) = (row.started_at.as_millis(), ends(row, end));
        if begins >= begin || ends > begin {
            sweep.call(begins, ends);
        }
    });
    let days = sweep.finish();
    let (was, is) = days.split_at(before.len().min(days.len()));
    let mut report = frame(ask, columns(), Chart::Columns);
    let sum = |days: &[Day]| {
        let mut sum = Day::default();
        days.iter().for_each(|day| sum.join(day));
        sum.figures()
    };
    report.drawn = 1;
    report.total = Some(line(String::new(), Vec::new(), sum(is), sum(was)));
    report.lines = is
        .iter()
        .enumerate()
        .map(|(place, day)| {
            let was = was.get(place).map(Day::figures).unwrap_or_default();
            line(now.key(place), now.times(place), day.figures(), was)
        })
        .collect();
    report
}

/// Until when a call holds its line.
#[inline]
fn ends(row: &Row, now: i64) -> i64 {
    if row.is_in_progress() {
        return now;
    }
    let talk = row.talk().unwrap_or_default();
    row.waited_until()
        .as_millis()
        .saturating_add(i64::from(talk))
}

/// Where the days of both periods begin, and where the last ends.
fn edges(before: &Buckets, now: &Buckets) -> Vec<i64> {
    let begins = |days: &Buckets| -> Vec<i64> {
        let begins = (0..days.len()).map(|place| days.ends(place).0.as_millis());
        begins.collect()
    };
    let mut edges = begins(before);
    edges.extend(begins(now));
    let last = now.len().saturating_sub(1);
    edges.push(now.ends(last).1.as_millis());
    edges
}

fn line(key: String, calls: Calls, cells: Vec<Figure>, before: Vec<Figure>) -> Line {
    Line {
        key,
        label: None,
        calls,
        cells,
        before,
    }
}

fn columns() -> Vec<Column> {
    // Behind how many lines were busy are the calls of that day.
    let column = |key, unit, formula| Column {
        key,
        unit,
        formula,
        calls: Some(Vec::new()),
    };
    vec![
        calls(),
        column(
            "most",
            Unit::Count,
            "most calls at one moment; a call holds a line from its beginning, ringing included, to its end",
        ),
        column(
            "p95",
            Unit::Count,
            "in 95 of 100 milliseconds of the day, nights included, no more lines than that were busy",
        ),
        column(
            "load",
            Unit::Number,
            "erlangs of the busiest hour: time that lines were busy in it / one hour; hours are counted from midnight",
        ),
        column(
            "needed",
            Unit::Count,
            "the fewest lines of which, at that load, no more than 1 % of the calls find all busy (Erlang B)",
        ),
    ]
}
